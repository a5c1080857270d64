/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GSUP in IPA frames, as osmo-hlr speaks it: who we are, asking for one authentication
 * vector, its answer. Octets in, octets out; whoever sends them is elsewhere.
 *
 *     frame: u16 length of the body | u8 stream | body
 *     CCM (stream FE): u8 type | ...      GSUP (stream EE): 05 | u8 type | IEs
 *     IE: u8 tag | u8 length | value
 *
 * Each request has a session id, which osmo-hlr (1.5.0) sends back in its answer: GSUP
 * knows no other number for a request. Reads only what it asks for: other messages and
 * unknown IEs are skipped, what is wrong in length or there twice is refused.
 */
#ifndef FR_SERVER_HSS_GSUP_H
#define FR_SERVER_HSS_GSUP_H

#include "crypto/gba.h"

#define FR_IPA_BODY_MAX  4096
#define FR_IPA_FRAME_MAX (3 + FR_IPA_BODY_MAX)

enum fr_ipa_stream { FR_IPA_GSUP = 0xee, FR_IPA_CCM = 0xfe }; /* EE: 05 follows */

struct fr_ipa_frame {
    uint8_t stream;
    struct fr_slice body; /* borrows */
};

/* Takes one whole frame from the front of in: FR_OK and *used; FR_ENOTFOUND when more
 * octets are needed; FR_EINVALID "gsup-malformed". */
FR_MUST_USE enum fr_code fr_ipa_take(struct fr_slice in, struct fr_ipa_frame *ret,
                                     size_t *used, struct fr_err *err);

/* Appends the answer to a CCM message, if it wants one: a pong, or our identity, with
 * which *ret_greeted becomes true. name: the peer's name that the HSS knows us by. */
FR_MUST_USE enum fr_code fr_ccm_answer(struct fr_slice body, const char *name,
                                       struct fr_buf *to, bool *ret_greeted,
                                       struct fr_err *err);

struct fr_gsup_request {
    const char *imsi; /* fr_imsi_is_valid() */
    uint32_t session;
    struct fr_slice rand, auts; /* resynchronisation; else both empty */
};

/* Appends the frame that asks for one vector. FR_EPARSE: no such IMSI, RAND or AUTS. */
FR_MUST_USE enum fr_code fr_gsup_request_encode(const struct fr_gsup_request *r,
                                                struct fr_buf *to, struct fr_err *err);

enum fr_gsup_kind {
    FR_GSUP_VECTOR,
    FR_GSUP_NO_AKA, /* a vector without the parts of 3G */
    FR_GSUP_ERROR,  /* cause */
    FR_GSUP_OTHER   /* not an answer to us: only the kind is set */
};
#define FR_GSUP_IMSI_UNKNOWN 2 /* a cause; also for a subscriber without keys */

struct fr_gsup_answer {
    enum fr_gsup_kind kind;
    char imsi[FR_IMSI_MAX + 1];
    bool has_session;
    uint32_t session;
    uint8_t cause;
    struct fr_slice rand, autn, ck, ik, res; /* borrow; res: 4 to 16 octets */
};

/* Reads the body of a GSUP frame. Of several vectors the first. FR_EINVALID
 * "gsup-malformed". */
FR_MUST_USE enum fr_code fr_gsup_answer_decode(struct fr_slice body,
                                               struct fr_gsup_answer *ret,
                                               struct fr_err *err);

#endif
