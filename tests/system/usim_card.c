/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usim_card FD: what every SIM must do, of a card in a reader. Whoever is at the other
 * end of FD inserts a new card when told so by an octet ('g': with a GBA security
 * context, 'p': without), pulls it ('e'), and sends an octet when that is done.
 */
#include "conform/usim.h"

#include <stdlib.h>
#include <unistd.h>

#include "test.h"

static const struct fr_usim_setup setup = {.name = "sim"};
static int lab;

static void tell(char what)
{
    assert_int_equal(write(lab, &what, 1), 1);
    assert_int_equal(read(lab, &what, 1), 1);
}

static const struct fr_usim_setup *begin(bool gba_u)
{
    tell(gba_u ? 'g' : 'p');
    return &setup;
}

static void end(void)
{
    tell('e');
}

int main(int argc, char **argv)
{
    static const struct fr_conform_usim card = {&fr_usim_uicc, begin, end};

    lab = argc > 1 ? atoi(argv[1]) : STDIN_FILENO;
    return fr_conform_usim_run(&card);
}
