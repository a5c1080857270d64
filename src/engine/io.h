/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a method's run says to the outside and hears from it. A run never does I/O: it
 * answers an event with actions, and the driver (src/agent/task.c, or a test) does
 * them.
 */
#ifndef FR_ENGINE_IO_H
#define FR_ENGINE_IO_H

#include "base/env.h"
#include "crypto/gba.h"
#include "crypto/peer.h"
#include "model/attempt.h"
#include "model/credential.h"
#include "model/instruction.h"

enum fr_ev_kind {
    FR_EV_START,
    FR_EV_CONNECTED, /* handshake finished, peer verified: .link */
    FR_EV_BYTES,     /* .bytes from the peer */
    FR_EV_CLOSED,    /* the peer ended the stream in order */
    FR_EV_FAILED,    /* connect, handshake or stream failed: .err, already classified */
    FR_EV_FILE,      /* .bytes of the file asked for */
    FR_EV_STORED,    /* the pending slot is durable */
    FR_EV_FLIPPED,   /* the slots are flipped, durably */
    FR_EV_DROPPED,   /* the pending slot is gone, durably */
    FR_EV_USIM       /* the SIM answered: .usim. What it refuses is FR_EV_FAILED */
};

/* The connection, as of FR_EV_CONNECTED. */
struct fr_link {
    const struct fr_secret *exported; /* 48 octets, only if asked for by export_keys */
    const char *credential_ref; /* "cert:<hex>" or "psk:<KpmID>": what we showed */
    const char *own_id;         /* our SAN value or PSK identity: X-M2M-Origin */
    const char *tls_version;    /* "TLSv1.3" */
    int64_t peer_not_before;    /* of its certificate */
};

/* The SIM's answer, by what it was asked; borrowed during the step. */
struct fr_usim_ev {
    const char *impi; /* IDENTIFY */
    bool has_gba_u;   /* IDENTIFY: Ks can stay in the card */
    bool needs_gba_u; /* IDENTIFY: it must, the device's config says */
    bool has_akav2;   /* IDENTIFY: a challenge may be for AKAv2, it says */
    const char *tmpi; /* IDENTIFY: what this MEF may know it by; NULL: nothing */
    const struct fr_aka_answer *answer; /* AUTHENTICATE */
    const struct fr_secret *naf_key;    /* NAF_KEY */
};

struct fr_ev {
    enum fr_ev_kind kind;
    struct fr_slice bytes;
    const struct fr_link *link;
    const struct fr_err *err;
    const struct fr_usim_ev *usim;
};

enum fr_act_kind {
    FR_ACT_CONNECT,       /* .connect */
    FR_ACT_SEND,          /* .bytes, owned by the run, valid until its next step */
    FR_ACT_CLOSE,         /* the connection; no event follows */
    FR_ACT_READ_FILE,     /* .path; limit FR_DOCUMENT_MAX */
    FR_ACT_STORE_PENDING, /* .credential (borrowed): answer STORED or end the run */
    FR_ACT_FLIP, /* pending becomes current: answer FLIPPED; .credential (borrowed,
                    may be NULL) says whether the MEF confirmed it */
    FR_ACT_DROP_PENDING, /* answer DROPPED */
    FR_ACT_USIM,         /* .usim: ask the SIM of the instruction's credential */
    FR_ACT_WAIT,         /* the run may take .wait_ms more, for the target */
    FR_ACT_PHASE,        /* .phase reached: progress and the record */
    FR_ACT_WARN,         /* .text: success stands, but say this */
    FR_ACT_DONE          /* the run is over; finish() has its fruit */
};

enum fr_peer_role { FR_ROLE_MEF, FR_ROLE_DISCOVERY };

/* What kind of entry of the device's key store a method works with. */
enum fr_key_kind { FR_KEY_CERTIFICATE, FR_KEY_SIM };

enum fr_transport {
    FR_TLS_MUTUAL, /* both show certificates */
    FR_TLS_SERVER, /* the peer does */
    FR_PLAIN       /* no TLS at all; the device's config must allow it */
};

struct fr_connect {
    enum fr_peer_role role; /* which of the device's trust anchor sets */
    const char *host;       /* FQDN that is resolved, sent as SNI and verified */
    uint16_t port;
    const struct fr_instruction
        *instruction; /* credential name, trust anchors, binding */
    bool export_keys;
    enum fr_transport transport;
};

enum fr_usim_question { FR_USIM_IDENTIFY, FR_USIM_AUTHENTICATE, FR_USIM_NAF_KEY };

struct fr_usim_ask {
    enum fr_usim_question question;
    const struct fr_instruction *instruction; /* credential name */
    const uint8_t *rand, *autn;               /* AUTHENTICATE */
    bool gba_u;                               /* AUTHENTICATE: Ks stays in the card */
    const struct fr_gba_naf *naf;             /* NAF_KEY, after that */
};

struct fr_act {
    enum fr_act_kind kind;
    struct fr_connect connect;
    struct fr_slice bytes;
    const char *path;
    const struct fr_credential *credential;
    struct fr_usim_ask usim;
    enum fr_phase phase;
    int64_t wait_ms;
    const char *text;
};

#define FR_ACTS_MAX 8
struct fr_acts {
    struct fr_act list[FR_ACTS_MAX];
    size_t n;
};
void fr_acts_add(struct fr_acts *acts, struct fr_act act); /* asserts that it fits */

enum fr_confirmation { FR_CONFIRMATION_REQUIRED, FR_CONFIRMATION_OPTIONAL };

/* The valid credentials of the device; which of them fits, the method says. */
struct fr_kept {
    /* The newest that fits; FR_ENOTFOUND. NULL: none is to be used again. */
    enum fr_code (*find)(const void *device, fr_fits_fn *fits, const void *arg,
                         struct fr_credential **ret, struct fr_err *err);
    const void *device;
};

/* What the device brings to every run; borrowed for its life. */
struct fr_run_context {
    const struct fr_env *env;
    enum fr_confirmation confirmation; /* the device's default: required */
    const char *mef_base;              /* path of MEFBase, "/mefbase" [U-14] */
    int64_t wait_target_ms; /* success is also the target's first fetch; 0: it is not */
    const char *const *plain_mefs; /* Ub without TLS: with these alone */
    size_t n_plain_mefs;
    struct fr_kept kept;
    /* Attempt records of this trigger so far, as a JSON array, for the upload in the
     * session that succeeds; NULL: none. Called once, late. */
    enum fr_code (*records)(void *ctx, struct fr_buf *to, struct fr_err *err);
    void *ctx;
};

#endif
