/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/response.h"

#include <time.h>

static void put_date(const struct fr_exchange *x, struct fr_buf *to)
{
    time_t now = (time_t)fr_wall_s(x->worker->env);
    char text[64];
    struct tm tm;

    if (gmtime_r(&now, &tm) &&
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
        fr_buf_fmt(to, "Date: %s\r\n", text);
}

static bool is_answer_to(const struct fr_exchange *x, const char *method)
{
    return fr_str_equal(fr_request_method(x->request), method);
}

bool fr_response_has_body(const struct fr_exchange *x)
{
    return x->status != 204 && !is_answer_to(x, "HEAD");
}

void fr_response_head(const struct fr_exchange *x, bool last, struct fr_buf *to)
{
    fr_buf_fmt(to, "HTTP/1.1 %d %s\r\n", x->status, fr_status_text(x->status));
    put_date(x, to);
    for (size_t i = 0; i < x->n_headers; i++)
        fr_buf_fmt(to, "%s: %s\r\n", x->header[i].name, x->header[i].value);
    fr_buf_put(to, x->more.data, x->more.len);
    if (x->status != 204)
        fr_buf_fmt(to, "Content-Length: %zu\r\n", x->body.len);
    if (is_answer_to(x, "GET") || is_answer_to(x, "HEAD"))
        fr_buf_str(to, "Cache-Control: no-store\r\n");
    if (last)
        fr_buf_str(to, "Connection: close\r\n");
    fr_buf_str(to, "\r\n");
}
