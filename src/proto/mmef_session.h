/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection with a MEF, seen from its octets: one request at a time, its response,
 * and no second connection in its place: the key that is being made belongs to this
 * one.
 */
#ifndef FR_PROTO_MMEF_SESSION_H
#define FR_PROTO_MMEF_SESSION_H

#include "base/env.h"
#include "proto/mmef_http.h"

struct fr_mmef_session {
    const struct fr_env *env; /* borrowed, as host is */
    const char *host;
    uint16_t port;
    char *own_id; /* X-M2M-Origin; set when the connection is there */
    char request_id[FR_REQUEST_ID_LEN + 1];
    struct fr_buf out;
    struct fr_http_response *response;
    bool awaits; /* a request is out, its response is not complete */
    bool closed; /* the connection is gone */
    bool lost;   /* ... or will be: nothing more can be asked */
    int64_t retry_after_ms;
};

FR_MUST_USE enum fr_code fr_mmef_session_init(struct fr_mmef_session *s,
                                              const struct fr_env *env,
                                              const char *host, uint16_t port,
                                              struct fr_err *err);
void fr_mmef_session_clear(struct fr_mmef_session *s);

struct fr_mmef_ask {
    const char *method, *path;
    const char *below; /* one more path segment, or NULL */
    const char *type;  /* Content-Type; NULL: no body */
    struct fr_slice body;
};
/* ret: what to send, valid until the next call. FR_EUNREACHABLE "connection-cut" when
 * the connection cannot be used again. */
FR_MUST_USE enum fr_code fr_mmef_session_ask(struct fr_mmef_session *s,
                                             const struct fr_mmef_ask *ask,
                                             struct fr_slice *ret, struct fr_err *err);

/* The same for a request that is not of Mmef: nothing is added to it but host and port.
 */
FR_MUST_USE enum fr_code fr_mmef_session_send(struct fr_mmef_session *s,
                                              const struct fr_http_request *req,
                                              struct fr_slice *ret, struct fr_err *err);

/* Octets came. ret: the response is complete now. FR_EINVALID "http-malformed" for
 * octets that answer nothing, and the failures of fr_http_feed(). */
FR_MUST_USE enum fr_code fr_mmef_session_feed(struct fr_mmef_session *s,
                                              struct fr_slice octets, bool *ret,
                                              struct fr_err *err);
/* The stream ended in order. FR_OK: the response was delimited by that and is complete;
 * else FR_EUNREACHABLE "connection-cut". */
FR_MUST_USE enum fr_code fr_mmef_session_feed_end(struct fr_mmef_session *s,
                                                  struct fr_err *err);

/* fr_mmef_response_check() of the response; keeps its Retry-After if it is a failure.
 */
FR_MUST_USE enum fr_code fr_mmef_session_check(struct fr_mmef_session *s,
                                               const char *doing, struct fr_err *err);
/* The resource asked for is not there, or the peer has no such extension. */
bool fr_mmef_session_is_not_found(const struct fr_mmef_session *s);

#endif
