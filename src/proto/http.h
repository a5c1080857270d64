/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 as a client speaks it (RFC 9112): writes requests, reads responses from
 * octets as they come. Accepts Content-Length, chunked, and close-delimited bodies;
 * refuses folded headers, lone CR or LF, a second length of either kind, other transfer
 * codings, 101, and anything beyond the limits. Trailers are read and dropped.
 */
#ifndef FR_PROTO_HTTP_H
#define FR_PROTO_HTTP_H

#include "base/buf.h"

#define FR_HTTP_HEAD_MAX    16384 /* octets of status line and headers */
#define FR_HTTP_HEADERS_MAX 64

struct fr_http_header {
    const char *name, *value;
};

struct fr_http_request {
    const char *method; /* "POST" */
    const char *host;
    uint16_t port;                        /* left out of Host when 443 */
    const char *path;                     /* origin-form, already percent-encoded */
    const struct fr_http_header *headers; /* Host and Content-Length are added */
    size_t n_headers;
    struct fr_slice body; /* data NULL: no body and no Content-Length */
};

/* Appends to `to`. FR_EINTERNAL if a value would break the framing (CR, LF, NUL). */
FR_MUST_USE enum fr_code fr_http_write(const struct fr_http_request *req,
                                       struct fr_buf *to, struct fr_err *err);

struct fr_http_response; /* reader and, once complete, the response */

/* body_max: octets. There is no answer to HEAD: it would look like a cut body. */
FR_MUST_USE enum fr_code fr_http_response_new(size_t body_max,
                                              struct fr_http_response **ret,
                                              struct fr_err *err);
void fr_http_response_free(struct fr_http_response *r);
FR_DEFINE_AUTO(http_response)
void fr_http_response_reset(struct fr_http_response *r); /* for the next one */

/* Feeds octets; *used tells how many belonged to this response: what is left is not
 * touched. How the octets are portioned makes no difference. 1xx responses are skipped.
 * After a failure every later feed fails. FR_EINVALID reasons: "http-malformed",
 * "http-too-large". */
FR_MUST_USE enum fr_code fr_http_feed(struct fr_http_response *r, struct fr_slice in,
                                      size_t *used, struct fr_err *err);
/* The stream ended: completes a close-delimited body; FR_EUNREACHABLE reason
 * "connection-cut" if the response is incomplete. */
FR_MUST_USE enum fr_code fr_http_feed_end(struct fr_http_response *r,
                                          struct fr_err *err);
bool fr_http_is_complete(const struct fr_http_response *r);
bool fr_http_has_begun(const struct fr_http_response *r);

int fr_http_status(const struct fr_http_response *r);
/* First header of that name, any case; NULL if absent. */
const char *fr_http_header(const struct fr_http_response *r, const char *name);
struct fr_slice fr_http_body(const struct fr_http_response *r); /* borrows */
bool fr_http_keeps_alive(const struct fr_http_response *r);
/* IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT". */
bool fr_http_date_parse(const char *s, int64_t *ret);
/* Retry-After in milliseconds (seconds, or an IMF-fixdate against now_s); -1 if none.
 */
int64_t fr_http_retry_after_ms(const struct fr_http_response *r, int64_t now_s);

/* What a status alone says: 2xx FR_OK; 401, 403, 407 FR_EREFUSED; 408, 429 and 5xx
 * FR_EUNREACHABLE; others, 3xx among them (redirects are not followed), FR_EINVALID.
 * Reason "http-<status>". text: the peer's own words, printable, may be "". */
FR_MUST_USE enum fr_code fr_http_status_check(int status, const char *text,
                                              const char *doing, struct fr_err *err);

/* "https://host[:port]/path?query" -> parts; port 443 by default; path "/" at least.
 * False for anything else (userinfo, fragment, IPv6 literal, other scheme). */
struct fr_https_uri {
    char host[FR_HTTP_HEADERS_MAX * 4];
    uint16_t port;
    char path[2048];
};
bool fr_https_uri_parse(const char *uri, struct fr_https_uri *ret);

#endif
