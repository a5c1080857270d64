/* SPDX-License-Identifier: Apache-2.0 */
/* Attempt records: as a file of frames, and as the JSON of one. */
#include "fuzz.h"
#include "model/attempt.h"

static void check_round_trip(const struct fr_attempt *a)
{
    FR_AUTO_CLEAR(buf) frame = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt again;
    struct fr_slice in;
    size_t damaged = 0;

    if (!FUZZ_MUST(fr_attempt_frame(a, &frame, NULL)))
        return;
    fuzz_saw(fr_buf_view(&frame));
    in = fr_buf_view(&frame);
    if (FUZZ_MUST(fr_attempt_next(&in, &again, &damaged)))
        FUZZ_ASSERT(in.len == 0 && damaged == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_slice in = fr_slice_of(data, size);
    struct fr_attempt a;
    size_t damaged = 0, left = size + 1;

    if (fuzz_code(fr_attempt_from_json(in, &a, NULL)) == FR_OK)
        check_round_trip(&a);
    while (fuzz_code(fr_attempt_next(&in, &a, &damaged)) == FR_OK) {
        FUZZ_ASSERT(in.len < left); /* it moves on */
        left = in.len;
        check_round_trip(&a);
    }
    FUZZ_ASSERT(damaged <= size);
    return 0;
}
