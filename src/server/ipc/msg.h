/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between fieldrootd's processes: an enumerated set, one socketpair a
 * worker, a mask of what each worker type may send. A message is
 *
 *     u32 length of all that follows | u16 type | u32 request id | fields
 *     field: u8 tag | u32 length | octets
 *
 * big-endian. A reply has the request's id; 0 is for messages that want no reply. Each
 * type has a list of the fields it must and may carry; anything else is malformed, and
 * a malformed or forbidden message ends the worker that sent it (DESIGN 7).
 */
#ifndef FR_SERVER_IPC_MSG_H
#define FR_SERVER_IPC_MSG_H

#include "crypto/peer.h"

#define FR_MSG_MAX 524288 /* octets of one message: 512 KiB */

/* X(id, name) */
#define FR_WORKERS(X)                                                                  \
    X(FR_WORKER_ENROL, "enrol")                                                        \
    X(FR_WORKER_FETCH, "fetch")                                                        \
    X(FR_WORKER_DISCOVERY, "discovery")                                                \
    X(FR_WORKER_ADMIN, "admin")                                                        \
    X(FR_WORKER_GBA, "gba-bsf") /* Ub */                                               \
    X(FR_WORKER_HSS, "hss")     /* Zh: no listener, a connection to the HSS */
enum fr_worker {
#define X(id, name) id,
    FR_WORKERS(X)
#undef X
        FR_N_WORKERS
};
const char *fr_worker_name(enum fr_worker w);

/* X(id, name): the tags. */
#define FR_FIELDS(X)                                                                   \
    X(FR_F_PEER, "peer")       /* fr_peer_pack() */                                    \
    X(FR_F_ADDRESS, "address") /* text, of the peer */                                 \
    X(FR_F_ADMIN_FQDN, "adminFQDN")                                                    \
    X(FR_F_SUID, "suid")     /* u8 */                                                  \
    X(FR_F_TARGET, "target") /* absolute id or FQDN */                                 \
    X(FR_F_TARGET_FQDN, "targetFQDN")                                                  \
    X(FR_F_DERIVATION, "derivation") /* name */                                        \
    X(FR_F_ENROLEE, "enrolee")       /* the operator's name for it */                  \
    X(FR_F_KEY_ID, "keyId")                                                            \
    X(FR_F_KE, "ke")   /* 32 octets, secret */                                         \
    X(FR_F_KEY, "key") /* 32 octets, secret: a target's key */                         \
    X(FR_F_MAC, "mac") /* 32 octets */                                                 \
    X(FR_F_REQUEST_SHA, "requestSha")                                                  \
    X(FR_F_RESPONSE_SHA, "responseSha")                                                \
    X(FR_F_RESPONSE, "response")            /* the key registration's response body */ \
    X(FR_F_CLIENT_REG, "clientReg")         /* MEFClientRegID */                       \
    X(FR_F_METHOD, "method")                /* bootstrap method */                     \
    X(FR_F_CREDENTIAL_REF, "credentialRef") /* "cert:<hex>" */                         \
    X(FR_F_EXPIRES, "expires")              /* u64, seconds since 1970 */              \
    X(FR_F_JSON, "json")             /* records, documents, admin calls and answers */ \
    X(FR_F_SINCE, "since")           /* u64, feed cursor */                            \
    X(FR_F_CODE, "code")             /* u8, enum fr_code: how a request ended */       \
    X(FR_F_REASON, "reason")         /* token */                                       \
    X(FR_F_TEXT, "text")             /* for people */                                  \
    X(FR_F_FETCHED, "fetched")       /* u64, seconds since 1970; absent: not yet */    \
    X(FR_F_SUBSCRIBER, "subscriber") /* IMPI; to and from the HSS: IMSI */             \
    X(FR_F_DIGEST, "digest")         /* fr_digest_auth, packed */                      \
    X(FR_F_TICKET, "ticket")         /* u64: which challenge a vector is for */        \
    X(FR_F_RAND, "rand")             /* 16 octets */                                   \
    X(FR_F_AUTN, "autn")             /* 16 octets */                                   \
    X(FR_F_AUTS, "auts")             /* 14 octets */                                   \
    X(FR_F_VECTOR, "vector") /* secret: RAND, AUTN, CK, IK of 16 octets, then RES */   \
    X(FR_F_REQUEST_LINE, "requestLine") /* "POST /path" that a proof is about */       \
    X(FR_F_RSPAUTH, "rspauth")          /* 16 octets */                                \
    X(FR_F_UA, "ua")                    /* name of a Ua security protocol */           \
    X(FR_F_UICC_KEY, "uiccKey")         /* 32 octets, secret: Ks_int_NAF */
enum fr_field {
#define X(id, name) id,
    FR_FIELDS(X)
#undef X
        FR_N_FIELDS
};

#define FR_FM(f)        (UINT64_C(1) << (f)) /* field as a bit */
#define FR_WM(w)        (1u << (w))          /* worker type as a bit */
#define FR_FM_WHO       (FR_FM(FR_F_PEER) | FR_FM(FR_F_ADDRESS))
#define FR_FM_UB_WISHES /* for which target, and how long */                           \
    (FR_FM(FR_F_TARGET) | FR_FM(FR_F_SUID) | FR_FM(FR_F_ADMIN_FQDN) |                  \
     FR_FM(FR_F_EXPIRES))
#define FR_FM_UB_PROOF /* that the sender holds Ks: proto/gba_info.h */                \
    (FR_FM(FR_F_ADDRESS) | FR_FM(FR_F_KEY_ID) | FR_FM(FR_F_MAC) |                      \
     FR_FM(FR_F_REQUEST_LINE) | FR_FM(FR_F_REQUEST_SHA))

/*
 * Requests: X(id, name, workers that may send it, fields required, fields allowed too).
 *
 * AUTHORISE  may this enrolee register a key (adminFQDN, SUID, target or the operator's
 *            choice)? Reply: TARGET, TARGET_FQDN, DERIVATION, ENROLEE, EXPIRES. Audited
 *            when refused. Nothing is written for a yes.
 * COMMIT     step 3 of the commit protocol: checks MAC (absent: only where confirmation
 *            is optional), commits new = current, old = previous. Reply: MAC of the
 * MEF. Refused as in AUTHORISE, checked again. ACK        step 4: Command Retrieve.
 * previous gets its retirement date. LOOKUP     resolve: the committed registration
 * KEY_ID of this very enrolee. Reply: RESPONSE, FETCHED; FR_ENOTFOUND otherwise. REPORT
 * attempt records (JSON array) of an enrolee's run. NOTE       audit line for what
 * never became a request (TLS refusals). No reply. FETCH      a target asks for its
 * key. Reply: KEY, ENROLEE, EXPIRES. FEED       changes since SINCE for this target,
 * all if the change at SINCE is not of KEY_ID (digits only). Reply: JSON
 * (fr_mmef_changes). DISCOVER   the document assigned to this enrolee. Reply: JSON.
 * ADMIN      an operator's call, JSON {"op":..., ...}. Reply: JSON.
 * UB_BEGIN   a subscriber asks for a challenge. Reply, when the HSS has answered: RAND,
 *            AUTN. UB_RESYNC the same, with AUTS in DIGEST.
 * UB_FINISH  the response: commits. Reply: RESPONSE (fr_gba_info), RSPAUTH, KEY_ID.
 * UB_ACK     ACK, or a look-up if the request is a GET. Reply: MAC, RESPONSE to that.
 * UB_REPORT, UB_FETCHED: REPORT, and LOOKUP's FETCHED, for who proves that it holds Ks.
 * UB_TARGET  a key for another target, fr_gba_wish. Reply: RESPONSE, MAC.
 * VECTOR     the HSS's answer to TICKET, or CODE, REASON, TEXT for none. No reply.
 */
#define FR_MSGS(X)                                                                     \
    X(FR_MSG_AUTHORISE, "authorise", FR_WM(FR_WORKER_ENROL),                           \
      FR_FM_WHO | FR_FM(FR_F_SUID) | FR_FM(FR_F_EXPIRES),                              \
      FR_FM(FR_F_ADMIN_FQDN) | FR_FM(FR_F_TARGET))                                     \
    X(FR_MSG_COMMIT, "commit", FR_WM(FR_WORKER_ENROL),                                 \
      FR_FM_WHO | FR_FM(FR_F_SUID) | FR_FM(FR_F_TARGET) | FR_FM(FR_F_ADMIN_FQDN) |     \
          FR_FM(FR_F_KEY_ID) | FR_FM(FR_F_KE) | FR_FM(FR_F_REQUEST_SHA) |              \
          FR_FM(FR_F_RESPONSE_SHA) | FR_FM(FR_F_RESPONSE) | FR_FM(FR_F_METHOD) |       \
          FR_FM(FR_F_CREDENTIAL_REF) | FR_FM(FR_F_EXPIRES),                            \
      FR_FM(FR_F_MAC) | FR_FM(FR_F_CLIENT_REG))                                        \
    X(FR_MSG_ACK, "ack", FR_WM(FR_WORKER_ENROL), FR_FM_WHO | FR_FM(FR_F_KEY_ID), 0)    \
    X(FR_MSG_LOOKUP, "lookup", FR_WM(FR_WORKER_ENROL), FR_FM_WHO | FR_FM(FR_F_KEY_ID), \
      0)                                                                               \
    X(FR_MSG_REPORT, "report", FR_WM(FR_WORKER_ENROL), FR_FM_WHO | FR_FM(FR_F_JSON),   \
      0)                                                                               \
    X(FR_MSG_NOTE, "note",                                                             \
      FR_WM(FR_WORKER_ENROL) | FR_WM(FR_WORKER_FETCH) | FR_WM(FR_WORKER_DISCOVERY) |   \
          FR_WM(FR_WORKER_GBA),                                                        \
      FR_FM_WHO | FR_FM(FR_F_REASON) | FR_FM(FR_F_TEXT), 0)                            \
    X(FR_MSG_FETCH, "fetch", FR_WM(FR_WORKER_FETCH),                                   \
      FR_FM_WHO | FR_FM(FR_F_KEY_ID) | FR_FM(FR_F_SUID), FR_FM(FR_F_UA))               \
    X(FR_MSG_FEED, "feed", FR_WM(FR_WORKER_FETCH), FR_FM_WHO | FR_FM(FR_F_SINCE),      \
      FR_FM(FR_F_KEY_ID))                                                              \
    X(FR_MSG_DISCOVER, "discover", FR_WM(FR_WORKER_DISCOVERY), FR_FM_WHO, 0)           \
    X(FR_MSG_ADMIN, "admin", FR_WM(FR_WORKER_ADMIN), FR_FM(FR_F_JSON), 0)              \
    X(FR_MSG_UB_BEGIN, "ub-begin", FR_WM(FR_WORKER_GBA),                               \
      FR_FM(FR_F_ADDRESS) | FR_FM(FR_F_SUBSCRIBER), FR_FM_UB_WISHES)                   \
    X(FR_MSG_UB_RESYNC, "ub-resync", FR_WM(FR_WORKER_GBA),                             \
      FR_FM(FR_F_ADDRESS) | FR_FM(FR_F_DIGEST), FR_FM_UB_WISHES)                       \
    X(FR_MSG_UB_FINISH, "ub-finish", FR_WM(FR_WORKER_GBA),                             \
      FR_FM(FR_F_ADDRESS) | FR_FM(FR_F_DIGEST), FR_FM_UB_WISHES)                       \
    X(FR_MSG_UB_ACK, "ub-ack", FR_WM(FR_WORKER_GBA), FR_FM_UB_PROOF, 0)                \
    X(FR_MSG_UB_REPORT, "ub-report", FR_WM(FR_WORKER_GBA),                             \
      FR_FM_UB_PROOF | FR_FM(FR_F_JSON), 0)                                            \
    X(FR_MSG_UB_FETCHED, "ub-fetched", FR_WM(FR_WORKER_GBA), FR_FM_UB_PROOF, 0)        \
    X(FR_MSG_VECTOR, "vector", FR_WM(FR_WORKER_HSS),                                   \
      FR_FM(FR_F_TICKET) | FR_FM(FR_F_CODE),                                           \
      FR_FM(FR_F_VECTOR) | FR_FM(FR_F_REASON) | FR_FM(FR_F_TEXT))                      \
    /* from the vault */                                                               \
    X(FR_MSG_REPLY, "reply", 0, FR_FM(FR_F_CODE), UINT64_MAX)                          \
    X(FR_MSG_WAKE, "wake", 0, FR_FM(FR_F_TARGET_FQDN),                                 \
      0) /* its feed, ""  any, grew */                                                 \
    X(FR_MSG_VECTOR_WANTED, "vector-wanted", 0,                                        \
      FR_FM(FR_F_TICKET) | FR_FM(FR_F_SUBSCRIBER),                                     \
      FR_FM(FR_F_RAND) | FR_FM(FR_F_AUTS)) /* to an hss worker */                      \
    /* from the parent, a worker's descriptor with it; CODE is the worker type */      \
    X(FR_MSG_WORKER, "worker", 0, FR_FM(FR_F_CODE), 0)                                 \
    /* to the vault; last, so that corpora of the others' numbers stay true */         \
    X(FR_MSG_UB_TARGET, "ub-target", FR_WM(FR_WORKER_GBA),                             \
      FR_FM_UB_PROOF | FR_FM(FR_F_JSON), 0)
enum fr_msg_type {
#define X(id, name, workers, required, allowed) id,
    FR_MSGS(X)
#undef X
        FR_N_MSGS
};
const char *fr_msg_name(enum fr_msg_type type);
/* The mask of message types that a worker may send. */
bool fr_msg_is_allowed(enum fr_msg_type type, enum fr_worker from);

/* A decoded message borrows from the octets it was decoded from. */
struct fr_msg {
    enum fr_msg_type type;
    uint32_t id;
    uint64_t has; /* FR_FM bits */
    struct fr_slice field[FR_N_FIELDS];
};

void fr_msg_set(struct fr_msg *m, enum fr_field f, struct fr_slice value); /* borrows */
void fr_msg_set_str(struct fr_msg *m, enum fr_field f,
                    const char *value); /* NULL: not */
/* For integers: storage is the caller's, 8 octets. */
void fr_msg_set_u64(struct fr_msg *m, enum fr_field f, uint64_t v, uint8_t storage[8]);
void fr_msg_set_u8(struct fr_msg *m, enum fr_field f, uint8_t v, uint8_t storage[8]);
bool fr_msg_has(const struct fr_msg *m, enum fr_field f);
uint64_t fr_msg_u64(const struct fr_msg *m, enum fr_field f); /* 0 if absent */
uint8_t fr_msg_u8(const struct fr_msg *m, enum fr_field f);
/* Copies text into to[size], cut never: decode has checked length and UTF-8. "" if
 * absent. */
const char *fr_msg_text(const struct fr_msg *m, enum fr_field f, char *to, size_t size);

/* Appends the framed message; `to` should be a wiping buffer. */
FR_MUST_USE enum fr_code fr_msg_encode(const struct fr_msg *m, struct fr_buf *to,
                                       struct fr_err *err);
/* Takes one whole message from the front of in: FR_OK and *used; FR_ENOTFOUND when more
 * octets are needed; FR_EINVALID when malformed. */
FR_MUST_USE enum fr_code fr_msg_decode(struct fr_slice in, struct fr_msg *ret,
                                       size_t *used, struct fr_err *err);

FR_MUST_USE enum fr_code fr_peer_pack(const struct fr_peer *peer, struct fr_buf *to,
                                      struct fr_err *err);
FR_MUST_USE enum fr_code fr_peer_unpack(struct fr_slice in, struct fr_peer *ret,
                                        struct fr_err *err);

#endif
