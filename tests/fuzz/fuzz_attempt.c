/* SPDX-License-Identifier: Apache-2.0 */
/* Attempt records: as a file of frames, and as the JSON of one. */
#include <assert.h>

#include "model/attempt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct fr_attempt *a)
{
    FR_AUTO_CLEAR(buf) frame = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt again;
    struct fr_slice in;
    struct fr_err err;
    size_t damaged = 0;

    assert(fr_attempt_frame(a, &frame, &err) == FR_OK);
    in = fr_buf_view(&frame);
    assert(fr_attempt_next(&in, &again, &damaged) == FR_OK);
    assert(in.len == 0 && damaged == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_slice in = fr_slice_of(data, size);
    struct fr_attempt a;
    struct fr_err err;
    size_t damaged = 0, left = size + 1;

    if (fr_attempt_from_json(in, &a, &err) == FR_OK)
        check_round_trip(&a);
    while (fr_attempt_next(&in, &a, &damaged) == FR_OK) {
        assert(in.len < left); /* it moves on */
        left = in.len;
        check_round_trip(&a);
    }
    assert(damaged <= size);
    return 0;
}
