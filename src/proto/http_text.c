/* SPDX-License-Identifier: Apache-2.0 */
/* What is text only: writing a request, what a status says, Retry-After, URIs. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/timetext.h"
#include "proto/http.h"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_made_of(const char *s, const char *others)
{
    for (; *s; s++)
        if (!is_alnum(*s) && !strchr(others, *s))
            return false;
    return true;
}

static bool is_header_value(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* Origin-form; each '%' begins an escape. */
static bool is_path(const char *s)
{
    if (s[0] != '/' || !is_made_of(s, "-._~!$&'()*+,;=:@/?%"))
        return false;
    for (const char *p = strchr(s, '%'); p; p = strchr(p + 1, '%')) {
        uint8_t c;

        if (!p[1] || !p[2] || !fr_hex_decode(fr_slice_of(p + 1, 2), &c))
            return false;
    }
    return true;
}

static bool is_request(const struct fr_http_request *req)
{
    bool ok = req->method[0] && is_made_of(req->method, "") && req->host[0] &&
              is_made_of(req->host, "-.") && is_path(req->path);

    for (size_t i = 0; i < req->n_headers; i++)
        ok = ok && req->headers[i].name[0] && is_made_of(req->headers[i].name, "-") &&
             is_header_value(req->headers[i].value);
    return ok;
}

enum fr_code fr_http_write(const struct fr_http_request *req, struct fr_buf *to,
                           struct fr_err *err)
{
    if (!is_request(req))
        return FR_FAIL(err, FR_EINTERNAL,
                       "a part of the HTTP request for %s breaks its framing",
                       req->host);
    fr_buf_fmt(to, "%s %s HTTP/1.1\r\nHost: %s", req->method, req->path, req->host);
    if (req->port != 443)
        fr_buf_fmt(to, ":%u", (unsigned)req->port);
    fr_buf_str(to, "\r\n");
    for (size_t i = 0; i < req->n_headers; i++)
        fr_buf_fmt(to, "%s: %s\r\n", req->headers[i].name, req->headers[i].value);
    if (req->body.data)
        fr_buf_fmt(to, "Content-Length: %zu\r\n", req->body.len);
    fr_buf_str(to, "\r\n");
    if (req->body.data)
        fr_buf_put(to, req->body.data, req->body.len);
    return fr_buf_check(to, err);
}

/* The obsolete forms of RFC 9110 5.6.7 are not sent by anything that we would meet. */
bool fr_http_date_parse(const char *s, int64_t *ret)
{
    static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";
    char text[64];
    char month[5] = {0};
    const char *at;

    if (strlen(s) != 29 || memcmp(s + 3, ", ", 2) != 0 || strcmp(s + 25, " GMT") != 0 ||
        s[7] != ' ' || s[16] != ' ')
        return false;
    memcpy(month, s + 8, 4);
    at = strstr(months, month);
    if (month[3] != ' ' || !at || (at - months) % 4 != 0)
        return false;
    snprintf(text, sizeof text, "%.4s-%02d-%.2sT%.8sZ", s + 12,
             (int)(at - months) / 4 + 1, s + 5, s + 17);
    return fr_rfc3339_parse(fr_slice_str(text), ret);
}

int64_t fr_http_retry_after_ms(const struct fr_http_response *r, int64_t now_s)
{
    const char *value = fr_http_header(r, "Retry-After");
    uint64_t seconds;
    int64_t date;

    if (!value)
        return -1;
    if (fr_uint_parse(fr_slice_str(value), UINT32_MAX, &seconds))
        return (int64_t)seconds * 1000;
    if (fr_http_date_parse(value, &date))
        return date > now_s ? (date - now_s) * 1000 : 0;
    return -1;
}

static enum fr_code code_of_status(int status)
{
    if (status / 100 == 2)
        return FR_OK;
    if (status == 401 || status == 403 || status == 407)
        return FR_EREFUSED;
    if (status == 408 || status == 429 || status / 100 == 5)
        return FR_EUNREACHABLE;
    return FR_EINVALID;
}

enum fr_code fr_http_status_check(int status, const char *text, const char *doing,
                                  struct fr_err *err)
{
    enum fr_code code = code_of_status(status);
    char reason[FR_ERR_REASON_MAX];

    if (code == FR_OK)
        return FR_OK;
    snprintf(reason, sizeof reason, "http-%d", status);
    return FR_FAIL_AS(err, code, reason, "%s: the peer answered HTTP %d%s%s%s", doing,
                      status, text[0] ? ", \"" : "", text, text[0] ? "\"" : "");
}

static bool parse_authority(const char *s, size_t n, struct fr_https_uri *ret)
{
    char text[FR_ID_MAX + 8];
    char host[FR_ID_MAX + 1];

    if (n >= sizeof text)
        return false;
    memcpy(text, s, n);
    text[n] = 0;
    ret->port = 443;
    if (!fr_host_port_parse(text, host, &ret->port) ||
        !fr_fqdn_is_valid(fr_slice_str(host)))
        return false;
    snprintf(ret->host, sizeof ret->host, "%s", host);
    return true;
}

bool fr_https_uri_parse(const char *uri, struct fr_https_uri *ret)
{
    struct fr_https_uri u;
    const char *authority;
    size_t n, length;

    if (strncasecmp(uri, "https://", 8) != 0)
        return false;
    authority = uri + 8;
    n = strcspn(authority, "/?#");
    length = strlen(authority + n) + (authority[n] != '/');
    if (length >= sizeof u.path || !parse_authority(authority, n, &u))
        return false;
    snprintf(u.path, sizeof u.path, "%s%s", authority[n] == '/' ? "" : "/",
             authority + n);
    if (!is_path(u.path))
        return false;
    *ret = u;
    return true;
}
