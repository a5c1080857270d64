/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 requests as a server reads them (RFC 9112): octets in, one request out, no
 * I/O. Strict, because what two parsers read differently is a hole: CRLF only, no
 * folded headers, no bare CR, LF or NUL, one Host, one Content-Length, never a length
 * together with chunked, no transfer coding but chunked. Limits come from outside.
 */
#ifndef FR_SERVER_HTTP_REQUEST_H
#define FR_SERVER_HTTP_REQUEST_H

#include "base/buf.h"

#define FR_REQUEST_HEADERS_MAX 64
#define FR_REQUEST_TARGET_MAX  4096 /* octets of path and query */

struct fr_request;

FR_MUST_USE enum fr_code fr_request_new(size_t head_max, size_t body_max,
                                        struct fr_request **ret, struct fr_err *err);
void fr_request_free(struct fr_request *r);
FR_DEFINE_AUTO(request)
void fr_request_reset(struct fr_request *r); /* for the next one */

/* Feeds octets; *used tells how many belonged to this request. After a failure the
 * connection cannot be used on: fr_request_refusal() is the status to answer with.
 * FR_EPARSE "http-malformed"; FR_ELIMIT "http-too-large"; FR_EUNSUPPORTED; FR_ENOMEM.
 */
FR_MUST_USE enum fr_code fr_request_feed(struct fr_request *r, struct fr_slice in,
                                         size_t *used, struct fr_err *err);
bool fr_request_is_complete(const struct fr_request *r);
bool fr_request_has_begun(const struct fr_request *r);
/* True once, when the head asks for "100 Continue" and its body is still to come. */
bool fr_request_wants_continue(struct fr_request *r);
/* 400, 413, 417, 431, 501, 503 or 505. */
int fr_request_refusal(const struct fr_request *r);

/* Of a complete request; borrowed until reset. */
const char *fr_request_method(const struct fr_request *r);
const char *fr_request_path(const struct fr_request *r);  /* still percent-encoded */
const char *fr_request_query(const struct fr_request *r); /* after '?'; "" if none */
/* First header of that name, any case; NULL if absent. */
const char *fr_request_header(const struct fr_request *r, const char *name);
struct fr_slice fr_request_body(const struct fr_request *r);
bool fr_request_keeps_alive(const struct fr_request *r);

/* The value of a query parameter, undecoded; false if it is not there. */
bool fr_request_param(const struct fr_request *r, const char *name,
                      struct fr_slice *ret);

#endif
