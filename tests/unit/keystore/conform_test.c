/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/usim.h"

#include "../crypto/tmpdir.h"
#include "fake/auc.h"
#include "usim_sample.h"

static struct tmpdir dir;
static const struct fr_usim_setup setup = {.name = "sim", .path = "usim"};

static const struct fr_usim_setup *begin(bool gba_u)
{
    tmpdir_enter(&dir);
    sample_write("usim", gba_u ? SAMPLE_GBA_U : SAMPLE);
    return &setup;
}

static void end(void)
{
    tmpdir_leave(&dir);
}

int main(void)
{
    static const struct fr_conform_usim file = {&fr_usim_file, begin, end};

    return fr_conform_usim_run(&file);
}
