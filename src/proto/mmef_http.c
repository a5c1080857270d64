/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mmef_http.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/result.h"

enum fr_code fr_mmef_request_write(const struct fr_mmef_request *req, struct fr_buf *to,
                                   struct fr_err *err)
{
    /* Who sends a serialisation is answered in it; only who sends nothing has to say
     * what it takes. */
    const struct fr_http_header headers[] = {
        {"X-M2M-Origin", req->origin},
        {"X-M2M-RI", req->request_id},
        {"X-M2M-RVI", "3"},
        req->type
            ? (struct fr_http_header){"Content-Type", req->type}
            : (struct fr_http_header){"Accept", FR_MMEF_TYPE ", application/json"},
    };
    struct fr_http_request http = {.method = req->method,
                                   .host = req->host,
                                   .port = req->port,
                                   .path = req->path,
                                   .headers = headers,
                                   .n_headers = sizeof headers / sizeof headers[0]};

    if (req->type)
        http.body = req->body;
    return fr_http_write(&http, to, err);
}

int fr_mmef_rsc(const struct fr_http_response *r)
{
    const char *text = fr_http_header(r, "X-M2M-RSC");
    uint64_t rsc;

    if (!text)
        return 0;
    if (!fr_uint_parse(fr_slice_str(text), 9999, &rsc) || rsc < 1000)
        return -1;
    return (int)rsc;
}

static enum fr_code check_codes(const struct fr_http_response *r,
                                const struct fr_mmef_problem *problem,
                                const char *doing, struct fr_err *err)
{
    int rsc = fr_mmef_rsc(r), status = fr_http_status(r);

    if (rsc == 0)
        return fr_http_status_check(status, problem->text, doing, err);
    if (rsc < 0 || (rsc / 1000 == 2) != (status / 100 == 2))
        return FR_FAIL_AS(err, FR_EINVALID, "mmef-malformed",
                          "%s: the peer's X-M2M-RSC does not go with its HTTP %d",
                          doing, status);
    return fr_rsc_check(rsc, fr_slice_str(problem->text), doing, err);
}

enum fr_code fr_mmef_response_check(const struct fr_http_response *r,
                                    const char *request_id, const char *doing,
                                    struct fr_err *err)
{
    const char *id = fr_http_header(r, "X-M2M-RI");
    struct fr_mmef_problem problem = {0};
    enum fr_code rc;

    if (id && strcmp(id, request_id) != 0)
        return FR_FAIL_AS(err, FR_EINVALID, "mmef-malformed",
                          "%s: the response belongs to another request", doing);
    if (fr_http_status(r) >= 300)
        fr_mmef_problem_decode(fr_http_body(r), &problem);
    rc = check_codes(r, &problem, doing, err);
    if (rc != FR_OK && err && problem.reason[0])
        snprintf(err->reason, sizeof err->reason, "%s", problem.reason);
    return rc;
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           strchr("-._~", c);
}

bool fr_mmef_path_is_plain(const char *path)
{
    size_t segment = 0, dots = 0;

    if (path[0] != '/' || strlen(path) > FR_ID_MAX)
        return false;
    for (const char *p = path + 1;; p++) {
        if (*p == '/' || *p == 0) {
            if (segment == 0 || (dots == segment && dots <= 2))
                return false;
            if (*p == 0)
                return true;
            segment = dots = 0;
        } else if (!is_unreserved(*p)) {
            return false;
        } else {
            segment++;
            dots += *p == '.';
        }
    }
}
