/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { METHOD_MAX = 16, CHUNK_LINE_MAX = 256, TRAILER_MAX = 4096, BLANK_MAX = 8 };

enum state {
    IN_HEAD,
    IN_BODY,
    IN_CHUNK_SIZE,
    IN_CHUNK,
    IN_CHUNK_END,
    IN_TRAILER,
    COMPLETE,
    BROKEN
};

struct header {
    const char *name, *value;
};

struct fr_request {
    enum state state;
    struct fr_buf head, line, body; /* line: one line of the chunked framing */
    size_t left;                    /* octets of body, or of this chunk, to come */
    size_t trailer;                 /* octets of trailer so far */
    size_t blank;                   /* octets of empty lines before the head */
    int minor, refusal;
    bool expects_continue;
    char *method, *path, *query;
    struct header headers[FR_REQUEST_HEADERS_MAX];
    size_t n_headers;
};

static enum fr_code refuse(struct fr_request *r, int status, struct fr_err *err,
                           const char *what)
{
    r->state = BROKEN;
    r->refusal = status;
    if (status == 413 || status == 431)
        return FR_FAIL_AS(err, FR_ELIMIT, "http-too-large", "request: %s", what);
    if (status >= 500)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "http-unsupported", "request: %s",
                          what);
    return FR_FAIL_AS(err, FR_EPARSE, "http-malformed", "request: %s", what);
}

/* A buffer took no more: for its limit, or for want of memory. */
static enum fr_code refuse_full(struct fr_request *r, const struct fr_buf *full,
                                int status, struct fr_err *err, const char *what)
{
    if (full->failed != FR_ENOMEM)
        return refuse(r, status, err, what);
    r->state = BROKEN;
    r->refusal = 503;
    return FR_FAIL(err, FR_ENOMEM, "out of memory for a request");
}

enum fr_code fr_request_new(size_t head_max, size_t body_max, struct fr_request **ret,
                            struct fr_err *err)
{
    struct fr_request *r = calloc(1, sizeof *r);

    if (!r)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a request");
    r->head = (struct fr_buf)FR_BUF_INIT(head_max);
    r->line = (struct fr_buf)FR_BUF_INIT(CHUNK_LINE_MAX);
    r->body = (struct fr_buf)FR_BUF_INIT(body_max);
    fr_request_reset(r);
    *ret = r;
    return FR_OK;
}

void fr_request_free(struct fr_request *r)
{
    if (!r)
        return;
    fr_buf_clear(&r->head);
    fr_buf_clear(&r->line);
    fr_buf_clear(&r->body);
    free(r);
}

void fr_request_reset(struct fr_request *r)
{
    fr_buf_reset(&r->head);
    fr_buf_reset(&r->line);
    fr_buf_reset(&r->body);
    r->state = IN_HEAD;
    r->left = r->trailer = r->blank = r->n_headers = 0;
    r->minor = r->refusal = 0;
    r->expects_continue = false;
    r->method = r->path = r->query = NULL;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *s)
{
    if (!s[0])
        return false;
    for (; *s; s++) {
        if (!is_token_char(*s))
            return false;
    }
    return true;
}

static bool is_field_value(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < ' ' && *s != '\t')
            return false;
        if (*s == 0x7f)
            return false;
    }
    return true;
}

static bool is_visible(const char *s)
{
    for (; *s; s++) {
        if (*s <= ' ' || *s >= 0x7f)
            return false;
    }
    return true;
}

static char *trim(char *s)
{
    size_t n;

    while (*s == ' ' || *s == '\t')
        s++;
    n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = 0;
    return s;
}

static enum fr_code parse_version(struct fr_request *r, const char *version,
                                  struct fr_err *err)
{
    if (fr_str_equal(version, "HTTP/1.1"))
        r->minor = 1;
    else if (fr_str_equal(version, "HTTP/1.0"))
        r->minor = 0;
    else if (strncmp(version, "HTTP/", 5) == 0)
        return refuse(r, 505, err, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else
        return refuse(r, 400, err, "no HTTP version in the first line");
    return FR_OK;
}

static enum fr_code parse_request_line(struct fr_request *r, char *line,
                                       struct fr_err *err)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;

    if (!version)
        return refuse(r, 400, err, "the first line is no request line");
    *target++ = 0;
    *version++ = 0;
    FR_TRY(parse_version(r, version, err));
    if (!is_token(line) || strlen(line) > METHOD_MAX)
        return refuse(r, 400, err, "the method is no token");
    if (target[0] != '/' || !is_visible(target) || strchr(target, '#') ||
        strlen(target) > FR_REQUEST_TARGET_MAX)
        return refuse(r, 400, err, "the target is no path");
    r->method = line;
    r->path = target;
    r->query = strchr(target, '?');
    if (r->query)
        *r->query++ = 0;
    return FR_OK;
}

static enum fr_code parse_header(struct fr_request *r, char *line, struct fr_err *err)
{
    char *colon = strchr(line, ':');

    if (!colon)
        return refuse(r, 400, err, "a header line without ':'");
    *colon = 0;
    if (!is_token(line)) /* also refuses folded lines and space before ':' */
        return refuse(r, 400, err, "a header name is no token");
    if (!is_field_value(colon + 1))
        return refuse(r, 400, err, "a control character in a header");
    if (r->n_headers == FR_REQUEST_HEADERS_MAX)
        return refuse(r, 431, err, "too many headers");
    r->headers[r->n_headers++] = (struct header){line, trim(colon + 1)};
    return FR_OK;
}

static size_t count_headers(const struct fr_request *r, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_headers; i++)
        n += strcasecmp(r->headers[i].name, name) == 0;
    return n;
}

static enum fr_code parse_length(struct fr_request *r, const char *text,
                                 struct fr_err *err)
{
    uint64_t length = 0;

    if (count_headers(r, "Content-Length") > 1)
        return refuse(r, 400, err, "more than one Content-Length");
    if (!fr_uint_parse(fr_slice_str(text), INT64_MAX, &length))
        return refuse(r, 400, err, "Content-Length is no number");
    if (length > r->body.max)
        return refuse(r, 413, err, "the body is larger than allowed");
    r->left = (size_t)length;
    r->state = length ? IN_BODY : COMPLETE;
    return FR_OK;
}

static enum fr_code parse_framing(struct fr_request *r, struct fr_err *err)
{
    const char *coding = fr_request_header(r, "Transfer-Encoding");
    const char *length = fr_request_header(r, "Content-Length");

    if (coding && length)
        return refuse(r, 400, err, "Content-Length beside Transfer-Encoding");
    if (length)
        return parse_length(r, length, err);
    if (!coding) {
        r->state = COMPLETE;
        return FR_OK;
    }
    if (r->minor == 0 || count_headers(r, "Transfer-Encoding") > 1)
        return refuse(r, 400, err, "Transfer-Encoding is not allowed like this");
    if (strcasecmp(coding, "chunked") != 0)
        return refuse(r, 501, err, "a transfer coding other than chunked");
    r->state = IN_CHUNK_SIZE;
    return FR_OK;
}

static enum fr_code parse_expectation(struct fr_request *r, struct fr_err *err)
{
    const char *expect = fr_request_header(r, "Expect");

    if (!expect || r->minor == 0)
        return FR_OK;
    if (strcasecmp(expect, "100-continue") != 0)
        return refuse(r, 417, err, "an expectation other than 100-continue");
    r->expects_continue = r->state != COMPLETE;
    return FR_OK;
}

/* Cuts the next line off *at; the head ends with an empty one. */
static char *next_line(char **at)
{
    char *line = *at, *end = strstr(line, "\r\n");

    if (!end)
        return NULL;
    *end = 0;
    *at = end + 2;
    return line;
}

static enum fr_code parse_head(struct fr_request *r, struct fr_err *err)
{
    char *at = (char *)r->head.data, *line;

    if (memchr(r->head.data, 0, r->head.len))
        return refuse(r, 400, err, "a NUL in the head");
    line = next_line(&at);
    if (!line || strpbrk(line, "\r\n"))
        return refuse(r, 400, err, "the first line is no request line");
    FR_TRY(parse_request_line(r, line, err));
    while ((line = next_line(&at)) && line[0])
        FR_TRY(parse_header(r, line, err));
    if (count_headers(r, "Host") > 1 ||
        (r->minor == 1 && count_headers(r, "Host") == 0))
        return refuse(r, 400, err, "exactly one Host header is needed");
    FR_TRY(parse_framing(r, err));
    return parse_expectation(r, err);
}

static bool head_has_ended(const struct fr_buf *head)
{
    return head->len >= 4 && memcmp(head->data + head->len - 4, "\r\n\r\n", 4) == 0;
}

/* Octet by octet, so that nothing after the head is taken into it. */
static enum fr_code feed_head(struct fr_request *r, struct fr_slice in, size_t *used,
                              struct fr_err *err)
{
    while (*used < in.len) {
        uint8_t c = in.data[(*used)++];

        /* RFC 9112 2.2: an empty line before the request line is ignored. */
        if (r->head.len == 0 && (c == '\r' || c == '\n')) {
            if (++r->blank > BLANK_MAX)
                return refuse(r, 400, err, "empty lines and no request line");
            continue;
        }
        fr_buf_u8(&r->head, c);
        if (r->head.failed)
            return refuse_full(r, &r->head, 431, err,
                               "the head is larger than allowed");
        if (c == '\n' && (r->head.len < 2 || r->head.data[r->head.len - 2] != '\r'))
            return refuse(r, 400, err, "a bare LF in the head");
        if (c == '\n' && head_has_ended(&r->head))
            return parse_head(r, err);
    }
    return FR_OK;
}

static enum fr_code feed_octets(struct fr_request *r, struct fr_slice in, size_t *used,
                                enum state next, struct fr_err *err)
{
    size_t n = in.len - *used < r->left ? in.len - *used : r->left;

    fr_buf_put(&r->body, in.data + *used, n);
    if (r->body.failed)
        return refuse_full(r, &r->body, 413, err, "the body is larger than allowed");
    *used += n;
    r->left -= n;
    if (r->left == 0)
        r->state = next;
    return FR_OK;
}

/* Takes octets up to a CRLF into r->line (without it); *ret tells whether it ended. */
static enum fr_code feed_line(struct fr_request *r, struct fr_slice in, size_t *used,
                              bool *ret, struct fr_err *err)
{
    while (*used < in.len) {
        uint8_t c = in.data[(*used)++];

        fr_buf_u8(&r->line, c);
        if (r->line.failed)
            return refuse_full(r, &r->line, 400, err,
                               "a line of the chunked body is too long");
        if (c != '\n')
            continue;
        if (r->line.len < 2 || r->line.data[r->line.len - 2] != '\r')
            return refuse(r, 400, err, "a bare LF in the chunked body");
        r->line.len -= 2;
        r->line.data[r->line.len] = 0;
        *ret = true;
        return FR_OK;
    }
    *ret = false;
    return FR_OK;
}

static bool parse_chunk_size(const char *line, size_t *ret)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");

    if (digits == 0 || digits > 7)
        return false;
    if (line[digits] && !strchr("; \t", line[digits]))
        return false;
    *ret = strtoul(line, NULL, 16);
    return true;
}

static enum fr_code chunk_size_line(struct fr_request *r, struct fr_err *err)
{
    size_t size = 0;

    if (memchr(r->line.data, 0, r->line.len) ||
        !parse_chunk_size(fr_buf_cstr(&r->line), &size))
        return refuse(r, 400, err, "a chunk size is no number");
    if (size > r->body.max - r->body.len)
        return refuse(r, 413, err, "the body is larger than allowed");
    r->left = size;
    r->state = size ? IN_CHUNK : IN_TRAILER;
    return FR_OK;
}

static enum fr_code chunk_end_line(struct fr_request *r, struct fr_err *err)
{
    if (r->line.len > 0)
        return refuse(r, 400, err, "a chunk is longer than its size");
    r->state = IN_CHUNK_SIZE;
    return FR_OK;
}

/* Trailers are read and ignored: nothing here has a use for them. */
static enum fr_code trailer_line(struct fr_request *r, struct fr_err *err)
{
    r->trailer += r->line.len + 2;
    if (r->trailer > TRAILER_MAX)
        return refuse(r, 431, err, "the trailer is larger than allowed");
    if (r->line.len == 0)
        r->state = COMPLETE;
    return FR_OK;
}

static enum fr_code feed_chunk_line(struct fr_request *r, struct fr_slice in,
                                    size_t *used, struct fr_err *err)
{
    bool ended = false;
    enum fr_code rc;

    FR_TRY(feed_line(r, in, used, &ended, err));
    if (!ended)
        return FR_OK;
    if (r->state == IN_CHUNK_SIZE)
        rc = chunk_size_line(r, err);
    else if (r->state == IN_CHUNK_END)
        rc = chunk_end_line(r, err);
    else
        rc = trailer_line(r, err);
    fr_buf_reset(&r->line);
    return rc;
}

static enum fr_code feed_step(struct fr_request *r, struct fr_slice in, size_t *used,
                              struct fr_err *err)
{
    switch (r->state) {
    case IN_HEAD:
        return feed_head(r, in, used, err);
    case IN_BODY:
        return feed_octets(r, in, used, COMPLETE, err);
    case IN_CHUNK:
        return feed_octets(r, in, used, IN_CHUNK_END, err);
    case IN_CHUNK_SIZE:
    case IN_CHUNK_END:
    case IN_TRAILER:
        return feed_chunk_line(r, in, used, err);
    default:
        return refuse(r, 400, err, "octets after a broken request");
    }
}

enum fr_code fr_request_feed(struct fr_request *r, struct fr_slice in, size_t *used,
                             struct fr_err *err)
{
    *used = 0;
    while (*used < in.len && r->state != COMPLETE)
        FR_TRY(feed_step(r, in, used, err));
    return FR_OK;
}

bool fr_request_is_complete(const struct fr_request *r)
{
    return r->state == COMPLETE;
}

bool fr_request_has_begun(const struct fr_request *r)
{
    return r->head.len > 0;
}

bool fr_request_wants_continue(struct fr_request *r)
{
    bool wants = r->expects_continue && r->state != COMPLETE && r->body.len == 0;

    if (r->state != IN_HEAD)
        r->expects_continue = false;
    return wants;
}

int fr_request_refusal(const struct fr_request *r)
{
    return r->refusal ? r->refusal : 400;
}

const char *fr_request_method(const struct fr_request *r)
{
    return r->method ? r->method : "";
}

const char *fr_request_path(const struct fr_request *r)
{
    return r->path ? r->path : "";
}

const char *fr_request_query(const struct fr_request *r)
{
    return r->query ? r->query : "";
}

const char *fr_request_header(const struct fr_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    }
    return NULL;
}

struct fr_slice fr_request_body(const struct fr_request *r)
{
    return fr_buf_view(&r->body);
}

bool fr_request_keeps_alive(const struct fr_request *r)
{
    const char *connection = fr_request_header(r, "Connection");

    if (connection && strcasestr(connection, "close"))
        return false;
    return r->minor == 1;
}

bool fr_request_param(const struct fr_request *r, const char *name,
                      struct fr_slice *ret)
{
    size_t len = strlen(name);

    for (const char *at = fr_request_query(r); *at;) {
        size_t n = strcspn(at, "&");

        if (n > len && strncmp(at, name, len) == 0 && at[len] == '=') {
            *ret = fr_slice_of(at + len + 1, n - len - 1);
            return true;
        }
        at += n + (at[n] == '&');
    }
    return false;
}
