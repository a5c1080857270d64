/* SPDX-License-Identifier: Apache-2.0 */
/* What a client could send a listener, fed whole and octet by octet: both ways must
 * read the same, and a path that is found is decoded within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/request.h"
#include "server/http/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fr_route routes[] = {
    {"POST", "", NULL},
    {"GET", "/{}", NULL},
    {"GET", "/{}/{}", NULL},
    {.method = NULL},
};

static struct fr_request *open_request(void)
{
    struct fr_request *r = NULL;

    if (fr_request_new(1024, 256, &r, NULL) != FR_OK)
        abort();
    return r;
}

/* Returns how many octets were taken; *ret is the end. */
static size_t feed(struct fr_request *r, struct fr_slice in, size_t step,
                   enum fr_code *ret)
{
    size_t at = 0, used = 0;

    *ret = FR_OK;
    while (*ret == FR_OK && at < in.len && !fr_request_is_complete(r)) {
        size_t n = in.len - at < step ? in.len - at : step;

        *ret = fr_request_feed(r, fr_slice_of(in.data + at, n), &used, NULL);
        if (used > n)
            abort();
        at += used;
    }
    return at;
}

static void look_at(const struct fr_request *r)
{
    struct fr_route_match m;
    struct fr_slice value;

    if (fr_request_body(r).len > 256 || fr_request_path(r)[0] != '/')
        abort();
    if (fr_route_find(routes, "/base", fr_request_method(r), fr_request_path(r), &m,
                      NULL) == FR_OK &&
        strlen(m.param[1]) > FR_ID_MAX)
        abort();
    (void)fr_request_param(r, "since", &value);
    (void)fr_request_keeps_alive(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO(request) *whole = open_request();
    FR_AUTO(request) *pieces = open_request();
    struct fr_slice in = fr_slice_of(data, size);
    enum fr_code a, b;
    size_t used = feed(whole, in, size ? size : 1, &a);

    if (feed(pieces, in, 1, &b) != used || a != b ||
        fr_request_is_complete(whole) != fr_request_is_complete(pieces))
        abort();
    if (!fr_slice_equal(fr_request_body(whole), fr_request_body(pieces)))
        abort();
    if (fr_request_is_complete(whole))
        look_at(whole);
    return 0;
}
