/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the MEF keeps of one connection (DESIGN 6): a registration is provisional until
 * the vault commits it, and lives here only. A cut connection leaves nothing.
 */
#ifndef FR_SERVER_MEF_SESSION_H
#define FR_SERVER_MEF_SESSION_H

#include <jansson.h>

#include "proto/mmef.h"
#include "server/http/exchange.h"

/* Hex digits of a MEFClientRegID. It is a name on its own connection only. */
#define FR_CLIENT_REG_LEN 8

/* X(id): of the connection's one keyless key registration. */
enum fr_key_state {
    FR_KEY_NONE,
    FR_KEY_PROVISIONAL, /* authorised and answered; nothing is written */
    FR_KEY_COMMITTED,
    FR_KEY_ACKED,
    FR_KEY_REFUSED /* its confirmation failed: no second try on this connection */
};

struct fr_mef_session {
    char relative_key_id[2 * FR_RELKEYID_LEN + 1];
    char key_id[FR_KEYID_MAX + 1];
    struct fr_secret *ke; /* until committed or refused */

    struct fr_mmef_client_reg client; /* ri is "" before it is created */
    bool asked_for_command;
    unsigned command_id; /* last one issued; 0: none */

    enum fr_key_state state;
    struct fr_mmef_key_reg key;
    struct fr_buf response; /* body of the key registration's answer */
    uint8_t request_sha[FR_SHA256_LEN], response_sha[FR_SHA256_LEN];
    bool has_mac; /* the enrolee's and ours, of the commit */
    uint8_t enrolee_mac[FR_SHA256_LEN], mef_mac[FR_SHA256_LEN];

    char looked_up[FR_KEYID_MAX + 1]; /* by resolve: the next command acks it */
    struct fr_wait *wait;             /* NULL: nobody has waited yet */
};

/* The last segment of the path names this session's client registration; else 404. */
FR_MUST_USE enum fr_code fr_mef_own_client(const struct fr_exchange *x,
                                           struct fr_err *err);
/* now + expiry-max, or what is asked if that is earlier; FR_EPARSE if it is past. */
FR_MUST_USE enum fr_code fr_mef_grant_expiry(const struct fr_worker_context *w,
                                             int64_t asked, int64_t *ret,
                                             struct fr_err *err);
/* FR_EREFUSED "confirmation-mismatch" once the confirmation has failed: nothing on this
 * connection may look like a success. */
FR_MUST_USE enum fr_code fr_mef_check_alive(const struct fr_mef_session *s,
                                            struct fr_err *err);
/* How the client calls itself: X-M2M-Origin, which admit() has checked, or its first
 * name. Borrowed from x. */
const char *fr_mef_client_id(const struct fr_exchange *x);

/* KeID of the registration that the path names; false: it names none. */
bool fr_mef_key_id_of(const struct fr_exchange *x, char ret[FR_KEYID_MAX + 1]);

/* A body as JSON; NULL: none, a member twice, or nested deeper than we recurse. */
json_t *fr_mef_json(struct fr_slice body);

/* Handlers, by resource. */
void fr_mef_create(struct fr_exchange *x);   /* register.c: mefClientReg, symmKeyReg */
void fr_mef_retrieve(struct fr_exchange *x); /* register.c */
void fr_mef_delete(struct fr_exchange *x);   /* register.c */
void fr_mef_confirm(struct fr_exchange *x);  /* commit.c */
void fr_mef_command(struct fr_exchange *x);  /* command.c: Command Retrieve, the ack */
void fr_mef_command_update(struct fr_exchange *x); /* command.c */
void fr_mef_attempts(struct fr_exchange *x);       /* command.c */

void fr_mef_fetched(struct fr_exchange *x); /* fetched.c */

/* commit.c: step 3. mac NULL: without confirmation. The reply goes to next, which
 * calls fr_mef_committed() first. */
void fr_mef_commit(struct fr_exchange *x, const uint8_t *mac,
                   void (*next)(struct fr_exchange *x, const struct fr_msg *reply));
/* Takes the vault's verdict into the session. */
FR_MUST_USE enum fr_code fr_mef_committed(struct fr_mef_session *s,
                                          const struct fr_msg *reply,
                                          struct fr_err *err);

#endif
