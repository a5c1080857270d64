/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a response whole and octet by octet: the two must agree in everything. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http.h"

#define BODY_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    if (fr_http_status(r) < 200 || fr_http_body(r).len > BODY_MAX)
        abort();
    (void)fr_http_header(r, "Content-Type");
    (void)fr_http_keeps_alive(r);
    (void)fr_http_retry_after_ms(r, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO(http_response) *whole = NULL;
    FR_AUTO(http_response) *slow = NULL;
    struct fr_slice in = fr_slice_of(data, size);
    size_t used_whole, used_slow;
    enum fr_code rc;

    if (fr_http_response_new(BODY_MAX, &whole, NULL) != FR_OK ||
        fr_http_response_new(BODY_MAX, &slow, NULL) != FR_OK)
        return 0;
    rc = feed(whole, in, size, &used_whole);
    if (feed(slow, in, 1, &used_slow) != rc)
        abort();
    if (rc != FR_OK)
        return 0;
    if (used_whole != used_slow || fr_http_status(whole) != fr_http_status(slow) ||
        !fr_slice_equal(fr_http_body(whole), fr_http_body(slow)))
        abort();
    look_at(whole);
    return 0;
}
