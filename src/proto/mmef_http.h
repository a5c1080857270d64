/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP binding of Mmef (TS-0009; RSPF 7.5) as a client uses it: which headers a
 * request has, and what a response means before its body is looked at.
 */
#ifndef FR_PROTO_MMEF_HTTP_H
#define FR_PROTO_MMEF_HTTP_H

#include "proto/http.h"
#include "proto/mmef.h"

#define FR_REQUEST_ID_LEN 8 /* hex digits of X-M2M-RI */

struct fr_mmef_request {
    const char *method; /* "POST", "GET", "PUT" */
    const char *host;
    uint16_t port;
    const char *path;
    const char *origin;     /* X-M2M-Origin: our own id */
    const char *request_id; /* X-M2M-RI */
    const char *type;       /* Content-Type; NULL: no body */
    struct fr_slice body;
};
FR_MUST_USE enum fr_code fr_mmef_request_write(const struct fr_mmef_request *req,
                                               struct fr_buf *to, struct fr_err *err);

/* X-M2M-RSC; 0 if there is none, -1 if it is no response status code. */
int fr_mmef_rsc(const struct fr_http_response *r);

/*
 * FR_OK for success. Else the class is that of the RSC (fr_rsc_check), or without one
 * that of the HTTP status (fr_http_status_check); the words are the peer's, and so is
 * the reason if it sent a plain token (fr_mmef_problem). FR_EINVALID, "mmef-malformed",
 * if RSC and status contradict each other or X-M2M-RI is that of another request.
 * doing begins the message: "registering the key at mef.example.com".
 */
FR_MUST_USE enum fr_code fr_mmef_response_check(const struct fr_http_response *r,
                                                const char *request_id,
                                                const char *doing, struct fr_err *err);

/* An absolute path of unreserved characters, no empty or dot segments, at most
 * FR_ID_MAX octets: what we follow when a peer names a resource by it. */
bool fr_mmef_path_is_plain(const char *path);

#endif
