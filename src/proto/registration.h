/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an enrolee asks of a MEF and what it accepts as the answer (RSPF 7.2): the
 * bodies of its two registrations, the checks of the responses, and the credential that
 * follows. The MEF may shorten what we propose; it may not register us as another, for
 * another stakeholder, SUID or target, or for no time.
 *
 * Failures of the checks: FR_EINVALID "processing-failed", "target-fqdn-unknown", or
 * those of mmef.h.
 */
#ifndef FR_PROTO_REGISTRATION_H
#define FR_PROTO_REGISTRATION_H

#include "model/credential.h"
#include "proto/mmef_http.h"

struct fr_registration { /* borrows */
    const struct fr_instruction *in;
    const char *mef_base; /* path of MEFBase */
    const char *own_id;   /* as the MEF must name us */
    int64_t now;          /* 0: no one knows; the longest time is asked for then */
    int64_t earliest;     /* it is later than this, in any case */
};

FR_MUST_USE enum fr_code fr_registration_client_body(const struct fr_registration *r,
                                                     struct fr_buf *to,
                                                     struct fr_err *err);
FR_MUST_USE enum fr_code fr_registration_key_body(const struct fr_registration *r,
                                                  struct fr_buf *to,
                                                  struct fr_err *err);

/* response: complete and a success. ret_path: of the mefClientReg, the caller's. */
FR_MUST_USE enum fr_code fr_registration_client_take(
    const struct fr_registration *r, const struct fr_http_response *response,
    char **ret_path, struct fr_err *err);

/* ret: the caller's; method, client_registration and ke are left to it. RelativeKeyID
 * is the response's, whatever the exporter gave [U-18]. */
FR_MUST_USE enum fr_code fr_registration_key_take(
    const struct fr_registration *r, const struct fr_http_response *response,
    struct fr_credential **ret, struct fr_err *err);

/* Is this the registration of key_id at mef? FR_EINVALID if it is another one's. */
FR_MUST_USE enum fr_code fr_registration_key_match(struct fr_slice body,
                                                   const char *mef, const char *key_id,
                                                   struct fr_err *err);

#endif
