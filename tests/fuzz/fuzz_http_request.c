/* SPDX-License-Identifier: Apache-2.0 */
/* What a client could send a listener, fed whole and octet by octet: both ways must
 * read the same, and a path that is found is decoded within its limits. */
#include "fuzz.h"
#include "server/http/request.h"
#include "server/http/route.h"

enum { HEAD_MAX = 1024, BODY_MAX = 256 };

static const struct fr_route routes[] = {
    {"POST", "", NULL},
    {"GET", "/{}", NULL},
    {"GET", "/{}/{}", NULL},
    {.method = NULL},
};

/* Returns how many octets were taken; *ret is the end. */
static size_t feed(struct fr_request *r, struct fr_slice in, size_t step,
                   enum fr_code *ret)
{
    size_t at = 0, used = 0;

    *ret = FR_OK;
    while (*ret == FR_OK && at < in.len && !fr_request_is_complete(r)) {
        size_t n = in.len - at < step ? in.len - at : step;

        *ret = fr_request_feed(r, fr_slice_of(in.data + at, n), &used, NULL);
        FUZZ_ASSERT(used <= n);
        at += used;
    }
    fuzz_code(*ret);
    return at;
}

static void look_at(const struct fr_request *r)
{
    struct fr_route_match m;
    struct fr_slice value;

    FUZZ_ASSERT(fr_request_body(r).len <= BODY_MAX && fr_request_path(r)[0] == '/');
    fuzz_saw(fr_request_body(r));
    fuzz_saw_number(fr_request_keeps_alive(r));
    if (fr_request_param(r, "since", &value))
        fuzz_saw(value);
    if (fuzz_code(fr_route_find(routes, "/base", fr_request_method(r),
                                fr_request_path(r), &m, NULL)) != FR_OK)
        return;
    FUZZ_ASSERT(strlen(m.param[1]) <= FR_ID_MAX);
    fuzz_saw_text(m.param[0]);
    fuzz_saw_text(m.param[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO(request) *whole = NULL;
    FR_AUTO(request) *pieces = NULL;
    struct fr_slice in = fr_slice_of(data, size);
    enum fr_code a, b;

    if (!FUZZ_MUST(fr_request_new(HEAD_MAX, BODY_MAX, &whole, NULL)) ||
        !FUZZ_MUST(fr_request_new(HEAD_MAX, BODY_MAX, &pieces, NULL)))
        return 0;
    size_t used = feed(whole, in, size ? size : 1, &a);
    size_t used_pieces = feed(pieces, in, 1, &b);

    if (a == FR_ENOMEM || b == FR_ENOMEM)
        return 0;
    FUZZ_ASSERT(used == used_pieces && a == b);
    FUZZ_ASSERT(fr_request_is_complete(whole) == fr_request_is_complete(pieces));
    FUZZ_ASSERT(fr_slice_equal(fr_request_body(whole), fr_request_body(pieces)));
    if (a != FR_OK)
        FUZZ_ASSERT(fr_request_refusal(whole) >= 400);
    if (fr_request_is_complete(whole))
        look_at(whole);
    return 0;
}
