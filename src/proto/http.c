/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader. Everything but body octets comes in lines; each state that reads lines
 * has its handler in a table, so that octets may arrive in any portions.
 */
#include "proto/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHUNK_LINE_MAX 128 /* octets of a chunk's size and extensions */

enum state {
    STATUS_LINE,
    HEADER_LINE,
    BODY_COUNTED,  /* Content-Length */
    BODY_TO_CLOSE, /* close-delimited */
    CHUNK_LINE,
    CHUNK_DATA,
    CHUNK_END,
    TRAILER_LINE,
    COMPLETE,
    BROKEN
};

struct field {
    size_t name, value; /* offsets in .fields; that moves when it grows */
};

struct fr_http_response {
    enum state state;
    bool begun, is_http10;
    int status;
    size_t overhead; /* octets of status lines, headers and trailers, 1xx included */
    uint64_t left;   /* of the counted body, or of the chunk */
    struct fr_buf line;
    struct fr_buf fields;
    struct field field[FR_HTTP_HEADERS_MAX];
    size_t n_fields;
    size_t n_trailers;
    struct fr_buf body; /* may hold a key that was fetched: wiping */
};

static enum fr_code malformed(struct fr_err *err, const char *what)
{
    return FR_FAIL_AS(err, FR_EINVALID, "http-malformed", "the peer's HTTP: %s", what);
}

static enum fr_code too_large(struct fr_err *err, const char *what)
{
    return FR_FAIL_AS(err, FR_EINVALID, "http-too-large",
                      "the peer's HTTP: %s beyond the limit", what);
}

enum fr_code fr_http_response_new(size_t body_max, struct fr_http_response **ret,
                                  struct fr_err *err)
{
    struct fr_http_response *r = calloc(1, sizeof *r);

    if (!r)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    r->line = (struct fr_buf)FR_BUF_INIT(FR_HTTP_HEAD_MAX);
    r->fields = (struct fr_buf)FR_BUF_INIT((size_t)2 * FR_HTTP_HEAD_MAX);
    r->body = (struct fr_buf)FR_BUF_INIT_WIPE(body_max);
    *ret = r;
    return FR_OK;
}

void fr_http_response_free(struct fr_http_response *r)
{
    if (!r)
        return;
    fr_buf_clear(&r->line);
    fr_buf_clear(&r->fields);
    fr_buf_clear(&r->body);
    free(r);
}

static void forget_head(struct fr_http_response *r)
{
    r->state = STATUS_LINE;
    r->status = 0;
    r->is_http10 = false;
    r->n_fields = r->n_trailers = 0;
    fr_buf_reset(&r->line);
    fr_buf_reset(&r->fields);
}

void fr_http_response_reset(struct fr_http_response *r)
{
    forget_head(r);
    r->begun = false;
    r->overhead = 0;
    r->left = 0;
    fr_buf_reset(&r->body);
}

static bool is_token_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_text(const char *s)
{
    for (; *s; s++)
        if (((uint8_t)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return false;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* HTTP-version SP 3DIGIT [SP reason] */
static enum fr_code on_status_line(struct fr_http_response *r, char *line,
                                   struct fr_err *err)
{
    bool is_http11 = strncmp(line, "HTTP/1.1 ", 9) == 0;

    r->is_http10 = strncmp(line, "HTTP/1.0 ", 9) == 0;
    if (!is_http11 && !r->is_http10)
        return malformed(err, "not an HTTP/1 status line");
    line += 9;
    if (line[0] < '1' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]) ||
        (line[3] != 0 && line[3] != ' ') || !is_text(line))
        return malformed(err, "bad status line");
    r->status = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    r->state = HEADER_LINE;
    return FR_OK;
}

/* Splits "name: value" in place; *value ends without white space. */
static bool split_field(char *line, char **value)
{
    size_t n = 0, end;

    while (is_token_char((uint8_t)line[n]))
        n++;
    if (n == 0 || line[n] != ':' || !is_text(line + n))
        return false;
    line[n++] = 0;
    while (line[n] == ' ' || line[n] == '\t')
        n++;
    *value = line + n;
    end = strlen(*value);
    while (end && ((*value)[end - 1] == ' ' || (*value)[end - 1] == '\t'))
        (*value)[--end] = 0;
    return true;
}

static enum fr_code add_field(struct fr_http_response *r, char *line,
                              struct fr_err *err)
{
    struct field f = {.name = r->fields.len};
    char *value;

    if (!split_field(line, &value))
        return malformed(err, "bad header line");
    if (r->n_fields == FR_HTTP_HEADERS_MAX)
        return too_large(err, "the number of headers");
    fr_buf_put(&r->fields, line, strlen(line) + 1);
    f.value = r->fields.len;
    fr_buf_put(&r->fields, value, strlen(value) + 1);
    r->field[r->n_fields++] = f;
    return fr_buf_check(&r->fields, err);
}

static const char *text_at(const struct fr_http_response *r, size_t at)
{
    return (const char *)r->fields.data + at;
}

/* The one header of that name; NULL if there is none. False if there are more. */
static bool only_header(const struct fr_http_response *r, const char *name,
                        const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < r->n_fields; i++) {
        if (strcasecmp(text_at(r, r->field[i].name), name) != 0)
            continue;
        if (*value)
            return false;
        *value = text_at(r, r->field[i].value);
    }
    return true;
}

static enum fr_code begin_counted(struct fr_http_response *r, const char *value,
                                  struct fr_err *err)
{
    if (value[0] == 0 || value[strspn(value, "0123456789")] != 0)
        return malformed(err, "Content-Length is not a number");
    while (value[0] == '0' && value[1] != 0)
        value++;
    if (strlen(value) > 19)
        return too_large(err, "the body");
    r->left = strtoull(value, NULL, 10);
    if (r->left > r->body.max)
        return too_large(err, "the body");
    r->state = r->left ? BODY_COUNTED : COMPLETE;
    return FR_OK;
}

/* RFC 9112 6.3. Two lengths are how one response is smuggled into another. */
static enum fr_code begin_body(struct fr_http_response *r, struct fr_err *err)
{
    const char *length, *coding;

    if (!only_header(r, "Content-Length", &length) ||
        !only_header(r, "Transfer-Encoding", &coding) || (length && coding))
        return malformed(err, "more than one length of the body");
    if (r->status == 204 || r->status == 304)
        r->state = COMPLETE;
    else if (length)
        return begin_counted(r, length, err);
    else if (!coding)
        r->state = BODY_TO_CLOSE;
    else if (r->is_http10 || strcasecmp(coding, "chunked") != 0)
        return malformed(err, "a transfer coding other than chunked");
    else
        r->state = CHUNK_LINE;
    return FR_OK;
}

static enum fr_code on_header_line(struct fr_http_response *r, char *line,
                                   struct fr_err *err)
{
    if (line[0] != 0)
        return add_field(r, line, err);
    if (r->status == 101)
        return malformed(err, "a change of protocol that nobody asked for");
    if (r->status < 200) {
        forget_head(r);
        return FR_OK;
    }
    return begin_body(r, err);
}

/* 1*HEXDIG [BWS ";" extensions], extensions ignored */
static enum fr_code on_chunk_line(struct fr_http_response *r, char *line,
                                  struct fr_err *err)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    const char *rest = line + digits + strspn(line + digits, " \t");

    if (digits == 0 || (*rest != 0 && *rest != ';') || !is_text(rest))
        return malformed(err, "bad chunk size");
    if (digits > 15)
        return too_large(err, "a chunk");
    r->left = strtoull(line, NULL, 16);
    if (r->left > r->body.max - r->body.len)
        return too_large(err, "the body");
    r->state = r->left ? CHUNK_DATA : TRAILER_LINE;
    return FR_OK;
}

static enum fr_code on_chunk_end(struct fr_http_response *r, char *line,
                                 struct fr_err *err)
{
    if (line[0] != 0)
        return malformed(err, "a chunk is longer than its size");
    r->state = CHUNK_LINE;
    return FR_OK;
}

/* Trailers are read and dropped: nothing of ours is told by them. */
static enum fr_code on_trailer_line(struct fr_http_response *r, char *line,
                                    struct fr_err *err)
{
    char *value;

    if (line[0] == 0) {
        r->state = COMPLETE;
        return FR_OK;
    }
    if (!split_field(line, &value))
        return malformed(err, "bad trailer line");
    if (++r->n_trailers > FR_HTTP_HEADERS_MAX)
        return too_large(err, "the number of trailers");
    return FR_OK;
}

static const struct line_state {
    enum fr_code (*on_line)(struct fr_http_response *r, char *line, struct fr_err *err);
    size_t line_max;
    bool is_head; /* counts towards FR_HTTP_HEAD_MAX */
} line_states[BROKEN + 1] = {
    [STATUS_LINE] = {on_status_line, FR_HTTP_HEAD_MAX, true},
    [HEADER_LINE] = {on_header_line, FR_HTTP_HEAD_MAX, true},
    [CHUNK_LINE] = {on_chunk_line, CHUNK_LINE_MAX, false},
    [CHUNK_END] = {on_chunk_end, CHUNK_LINE_MAX, false},
    [TRAILER_LINE] = {on_trailer_line, FR_HTTP_HEAD_MAX, true},
};

static void advance(struct fr_slice *in, size_t n)
{
    in->data += n;
    in->len -= n;
}

/* A line ends with CR LF; a lone CR or LF, and NUL, are refused. */
static enum fr_code end_line(struct fr_http_response *r, const struct line_state *s,
                             struct fr_err *err)
{
    char *line = (char *)r->line.data;
    size_t len = r->line.len - 1;
    enum fr_code rc;

    if (len == 0 || line[len - 1] != '\r')
        return malformed(err, "a line without carriage return");
    line[--len] = 0;
    if (strlen(line) != len || strchr(line, '\r'))
        return malformed(err, "a control character in a line");
    rc = s->on_line(r, line, err);
    fr_buf_reset(&r->line);
    return rc;
}

static enum fr_code take_line(struct fr_http_response *r, struct fr_slice *in,
                              struct fr_err *err)
{
    const struct line_state *s = &line_states[r->state];
    const uint8_t *lf = memchr(in->data, '\n', in->len);
    size_t n = lf ? (size_t)(lf - in->data) + 1 : in->len;
    size_t room =
        s->is_head ? FR_HTTP_HEAD_MAX - r->overhead : s->line_max - r->line.len;

    if (n > room)
        return too_large(err, s->is_head ? "the head" : "a chunk's head");
    if (s->is_head)
        r->overhead += n;
    fr_buf_put(&r->line, in->data, n);
    FR_TRY(fr_buf_check(&r->line, err));
    advance(in, n);
    return lf ? end_line(r, s, err) : FR_OK;
}

static enum fr_code take_body(struct fr_http_response *r, struct fr_slice *in,
                              struct fr_err *err)
{
    size_t n = in->len;

    if (r->state != BODY_TO_CLOSE && n > r->left)
        n = (size_t)r->left;
    if (n > r->body.max - r->body.len)
        return too_large(err, "the body");
    fr_buf_put(&r->body, in->data, n);
    FR_TRY(fr_buf_check(&r->body, err));
    advance(in, n);
    r->left -= r->state == BODY_TO_CLOSE ? 0 : n;
    if (r->left == 0 && r->state == BODY_COUNTED)
        r->state = COMPLETE;
    else if (r->left == 0 && r->state == CHUNK_DATA)
        r->state = CHUNK_END;
    return FR_OK;
}

enum fr_code fr_http_feed(struct fr_http_response *r, struct fr_slice in, size_t *used,
                          struct fr_err *err)
{
    struct fr_slice rest = in;
    enum fr_code rc = FR_OK;

    if (r->state == BROKEN)
        return malformed(err, "octets after a malformed response");
    r->begun |= in.len > 0;
    while (rc == FR_OK && rest.len > 0 && r->state != COMPLETE)
        rc = line_states[r->state].on_line ? take_line(r, &rest, err)
                                           : take_body(r, &rest, err);
    if (rc != FR_OK) {
        r->state = BROKEN;
        return rc;
    }
    *used = in.len - rest.len;
    return FR_OK;
}

enum fr_code fr_http_feed_end(struct fr_http_response *r, struct fr_err *err)
{
    if (r->state == BODY_TO_CLOSE)
        r->state = COMPLETE;
    if (r->state == COMPLETE)
        return FR_OK;
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut",
                      r->begun ? "the peer closed the connection inside its response"
                               : "the peer closed the connection without a response");
}

bool fr_http_is_complete(const struct fr_http_response *r)
{
    return r->state == COMPLETE;
}

bool fr_http_has_begun(const struct fr_http_response *r)
{
    return r->begun;
}

int fr_http_status(const struct fr_http_response *r)
{
    return r->status;
}

struct fr_slice fr_http_body(const struct fr_http_response *r)
{
    return fr_buf_view(&r->body);
}

const char *fr_http_header(const struct fr_http_response *r, const char *name)
{
    for (size_t i = 0; i < r->n_fields; i++)
        if (strcasecmp(text_at(r, r->field[i].name), name) == 0)
            return text_at(r, r->field[i].value);
    return NULL;
}

/* Is word one of the comma-separated tokens of list? */
static bool has_token(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (*list) {
        list += strspn(list, " \t,");
        if (strncasecmp(list, word, n) == 0 && strchr(" \t,", list[n]))
            return true;
        list += strcspn(list, ",");
    }
    return false;
}

bool fr_http_keeps_alive(const struct fr_http_response *r)
{
    bool keep = !r->is_http10;
    bool has_length = fr_http_header(r, "Content-Length") ||
                      fr_http_header(r, "Transfer-Encoding") || r->status == 204 ||
                      r->status == 304;

    for (size_t i = 0; i < r->n_fields; i++) {
        if (strcasecmp(text_at(r, r->field[i].name), "Connection") != 0)
            continue;
        if (has_token(text_at(r, r->field[i].value), "close"))
            return false;
        keep |= has_token(text_at(r, r->field[i].value), "keep-alive");
    }
    return keep && has_length;
}
