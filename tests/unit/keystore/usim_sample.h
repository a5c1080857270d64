/* SPDX-License-Identifier: Apache-2.0 */
/* Software USIMs for tests. */
#ifndef FR_TEST_USIM_SAMPLE_H
#define FR_TEST_USIM_SAMPLE_H

#include "test.h"

#include "base/file.h"
#include "fake/auc.h"

#define SAMPLE_HEAD "fieldroot-usim 1\nimsi=001010000000001\n"
#define SAMPLE_KEYS "k=" AUC_K "\nopc=" AUC_OPC "\n"
#define SAMPLE      SAMPLE_HEAD SAMPLE_KEYS "sqn=000000000000\n"
#define SAMPLE_GBA_U                                                                   \
    SAMPLE_HEAD "mnc-digits=2\n" SAMPLE_KEYS                                           \
                "amf-zero=0000\ngba-u=yes\nind-bits=5\nsqn=000000000000\n"

static inline void sample_write(const char *path, const char *text)
{
    struct fr_err err;

    assert_ok(fr_file_write_atomic(path, fr_slice_str(text), 0600, &err));
}

#endif
