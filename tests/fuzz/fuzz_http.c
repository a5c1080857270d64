/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a response whole and octet by octet: the two must agree in everything. */
#include "fuzz.h"
#include "proto/http.h"

#define BODY_MAX 1024

static enum fr_code feed(struct fr_http_response *r, struct fr_slice in, size_t step,
                         size_t *used)
{
    enum fr_code rc = FR_OK;

    for (*used = 0; rc == FR_OK && in.len > 0;) {
        size_t n = in.len < step ? in.len : step, taken = 0;

        rc = fr_http_feed(r, fr_slice_of(in.data, n), &taken, NULL);
        *used += taken;
        in.data += n;
        in.len -= n;
    }
    return rc == FR_OK ? fr_http_feed_end(r, NULL) : rc;
}

static void look_at(const struct fr_http_response *r)
{
    FUZZ_ASSERT(fr_http_status(r) >= 200 && fr_http_body(r).len <= BODY_MAX);
    fuzz_saw_text(fr_http_header(r, "Content-Type"));
    fuzz_saw_number(fr_http_keeps_alive(r));
    fuzz_saw_number((uint64_t)fr_http_retry_after_ms(r, 0));
    fuzz_saw(fr_http_body(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO(http_response) *whole = NULL;
    FR_AUTO(http_response) *slow = NULL;
    struct fr_slice in = fr_slice_of(data, size);
    size_t used_whole, used_slow;
    enum fr_code rc, rc_slow;

    if (!FUZZ_MUST(fr_http_response_new(BODY_MAX, &whole, NULL)) ||
        !FUZZ_MUST(fr_http_response_new(BODY_MAX, &slow, NULL)))
        return 0;
    rc = fuzz_code(feed(whole, in, size, &used_whole));
    if (rc == FR_ENOMEM)
        return 0;
    rc_slow = fuzz_code(feed(slow, in, 1, &used_slow));
    if (rc_slow == FR_ENOMEM)
        return 0;
    FUZZ_ASSERT(rc == rc_slow);
    if (rc != FR_OK)
        return 0;
    FUZZ_ASSERT(used_whole == used_slow &&
                fr_http_status(whole) == fr_http_status(slow) &&
                fr_slice_equal(fr_http_body(whole), fr_http_body(slow)));
    look_at(whole);
    return 0;
}
