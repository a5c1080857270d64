/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/route.h"

#include <string.h>

static struct fr_slice segment_of(const char *at)
{
    return fr_slice_of(at, strcspn(at, "/"));
}

/* Without heap: "no such key" must not be the answer for want of memory, since a device
 * drops its pending credential for it. */
static bool decode_segment(struct fr_slice raw, char to[FR_ID_MAX + 1])
{
    uint8_t storage[FR_ID_MAX + 1];
    struct fr_buf text = {.data = storage, .cap = sizeof storage, .max = FR_ID_MAX};

    if (!fr_percent_decode(raw, &text) || text.len == 0)
        return false;
    memcpy(to, fr_buf_cstr(&text), text.len + 1);
    return fr_utf8_is_valid(fr_buf_view(&text));
}

static bool match_segment(struct fr_slice pattern, struct fr_slice got,
                          struct fr_route_match *m, size_t *n_params)
{
    if (!fr_slice_equal(pattern, fr_slice_str("{}")))
        return fr_slice_equal(pattern, got);
    if (*n_params == FR_ROUTE_PARAMS_MAX)
        return false;
    return decode_segment(got, m->param[(*n_params)++]);
}

/* Walks both by segments; pattern and path are "" or begin with '/'. */
static bool match_path(const char *pattern, const char *path, struct fr_route_match *m)
{
    size_t n_params = 0;

    while (*pattern == '/' && *path == '/') {
        struct fr_slice want = segment_of(++pattern), got = segment_of(++path);

        if (!match_segment(want, got, m, &n_params))
            return false;
        pattern += want.len;
        path += got.len;
    }
    return !*pattern && !*path;
}

static void add_allowed(struct fr_route_match *m, const char *method)
{
    size_t len = strlen(m->allow);

    if (len + strlen(method) + 3 > sizeof m->allow)
        return;
    if (len) {
        memcpy(m->allow + len, ", ", 3);
        len += 2;
    }
    memcpy(m->allow + len, method, strlen(method) + 1);
}

static bool has_bad_escape(const char *path)
{
    uint8_t storage[2];
    struct fr_buf octet = {.data = storage, .cap = sizeof storage, .max = 1};

    for (const char *p = path; (p = strchr(p, '%')); p++) {
        fr_buf_reset(&octet);
        if (!fr_percent_decode(fr_slice_of(p, strnlen(p, 3)), &octet))
            return true;
    }
    return false;
}

enum fr_code fr_route_find(const struct fr_route *routes, const char *base,
                           const char *method, const char *path,
                           struct fr_route_match *ret, struct fr_err *err)
{
    size_t skip = strlen(base);

    memset(ret, 0, sizeof *ret);
    if (has_bad_escape(path))
        return FR_FAIL(err, FR_EPARSE, "the path has a bad escape");
    if (strncmp(path, base, skip) != 0)
        return FR_FAIL_AS(err, FR_ENOTFOUND, "no-such-path", "no such path here");
    for (const struct fr_route *r = routes; r->method; r++) {
        if (!match_path(r->pattern, path + skip, ret))
            continue;
        if (fr_str_equal(r->method, method)) {
            ret->route = r;
            return FR_OK;
        }
        add_allowed(ret, r->method);
    }
    if (ret->allow[0])
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "method-not-allowed",
                          "the method is not allowed here: %s is", ret->allow);
    return FR_FAIL_AS(err, FR_ENOTFOUND, "no-such-path", "no such path here");
}
