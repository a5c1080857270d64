/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the method `gba` share: the state of its run, and the handlers of
 * its table, by the stage that they belong to. A handler says what to do next in acts;
 * it may set run->next where the table's own next is not it.
 *
 *   enrol    ask the SIM who it is, connect, GET / as nobody yet (by its TMPI; by its
 *            IMPI if the MEF does not know that), the 401's challenge to the SIM (an
 *            AUTS goes back for a fresh one), store pending, GET / with the response,
 *            the 200 and its rspauth, store what it tells, FLIP, ack, upload of the
 *            attempt records, done
 *   reuse    where a Ks of this SIM and MEF is here for another target: ask the SIM who
 *            it is, connect, ask for that target too, store, FLIP, and on as above; a
 *            MEF that has not that Ks any more: enrol, from GET / on
 *   resolve  connect, ask for the pending key; 200: store what it tells, FLIP, ack,
 *            upload, done; 404 and 4004: DROP_PENDING, done
 *
 * RES and Ks are in secrets, and go when they are not needed any more.
 */
#ifndef FR_BOOTSTRAP_GBA_STEPS_H
#define FR_BOOTSTRAP_GBA_STEPS_H

#include "bootstrap/bootstrap.h"
#include "proto/aka_digest.h"
#include "proto/gba_info.h"
#include "proto/mmef_session.h"

#define FR_GBA_RESYNCS_MAX   2                       /* in one run */
#define FR_GBA_ACK_PATH      "/fieldroot/v1/gba/ack" /* these are extensions of ours */
#define FR_GBA_ATTEMPTS_PATH "/fieldroot/v1/gba/attempts"
#define FR_GBA_FETCHED_PATH  "/fieldroot/v1/gba/fetched"

/* X(id, name): what the run waits for. */
#define FR_GBA_PHASES(X)                                                               \
    X(FR_G_IDLE, "idle")                                                               \
    X(FR_G_IDENTIFYING, "identifying")                                                 \
    X(FR_G_CONNECTING, "connecting")                                                   \
    X(FR_G_TARGETING, "targeting")                                                     \
    X(FR_G_ASKING, "asking")                                                           \
    X(FR_G_AUTHENTICATING, "authenticating")                                           \
    X(FR_G_MEF_KEY, "mef-key")                                                         \
    X(FR_G_STORING, "storing")                                                         \
    X(FR_G_RESPONDING, "responding")                                                   \
    X(FR_G_NAF_KEYS, "naf-keys")                                                       \
    X(FR_G_RESTORING, "restoring")                                                     \
    X(FR_G_FLIPPING, "flipping")                                                       \
    X(FR_G_ACKING, "acking")                                                           \
    X(FR_G_REPORTING, "reporting")                                                     \
    X(FR_G_WAITING, "waiting")                                                         \
    X(FR_G_RESOLVE_IDLE, "resolve-idle")                                               \
    X(FR_G_RESOLVE_CONNECTING, "resolve-connecting")                                   \
    X(FR_G_LOOKUP, "lookup")                                                           \
    X(FR_G_DROPPING, "dropping")                                                       \
    X(FR_G_DONE, "done")                                                               \
    X(FR_G_FAILED, "failed")
enum fr_gba_phase {
#define X(id, name) id,
    FR_GBA_PHASES(X)
#undef X
};

struct fr_gba {
    struct fr_bootstrap super;
    const struct fr_run_context *ctx; /* borrowed, as the next two are */
    const struct fr_instruction *in;
    const struct fr_credential *pending;
    enum fr_gba_phase phase, next;
    struct fr_mmef_session session;
    bool flipped; /* the credential is current: nothing can take it away any more */
    bool misused; /* the last event did not fit its phase */
    const struct fr_ev *ev; /* while it is handled */
    int64_t mef_not_before; /* of its certificate */

    char impi[FR_IMPI_MAX + 1];
    char tmpi[FR_ID_MAX + 1]; /* "": none that this MEF may know */
    bool gba_u, needs_gba_u, akav2;
    unsigned n_resyncs;
    struct fr_digest_challenge challenge;
    struct fr_digest_auth auth; /* of the last request on Ub */
    struct fr_secret *password; /* RES; until the 200 */
    struct fr_gba_info info;    /* of the last 200 */
    struct fr_gba_naf naf;      /* that the SIM is asked for */
    struct fr_credential *credential;
    int64_t wait_until; /* mono_ms */
    int64_t n_polls;
    struct fr_err warning;
};

/* ---- tools ---- */

enum fr_code fr_g_send(struct fr_gba *run, const struct fr_http_request *req,
                       struct fr_acts *acts, struct fr_err *err);
/* One of our extensions, with the proof that we hold the credential's key. */
enum fr_code fr_g_prove(struct fr_gba *run, const char *method, const char *path,
                        struct fr_slice body, struct fr_acts *acts, struct fr_err *err);
/* FR_EREFUSED "proof-missing", "proof-mismatch": the 200 in run->session is not of who
 * holds the credential's key. */
FR_MUST_USE enum fr_code fr_g_check_proof(const struct fr_gba *run, const char *path,
                                          struct fr_err *err);
void fr_g_reach(struct fr_acts *acts, enum fr_phase phase);
void fr_g_warn(struct fr_gba *run, struct fr_acts *acts); /* run->warning */
void fr_g_end(struct fr_gba *run, struct fr_acts *acts);
bool fr_g_waits(const struct fr_gba *run); /* for the target's first fetch */
bool fr_g_is_plain(const struct fr_gba *run);
void fr_g_ask_sim(struct fr_gba *run, enum fr_usim_question question,
                  struct fr_acts *acts);
void fr_g_flip(struct fr_gba *run, struct fr_acts *acts);

/* Of the 200 in run->session: checks it, and puts it into run->credential. ret_changed:
 * what is stored is not that any more. */
FR_MUST_USE enum fr_code fr_g_take_info(struct fr_gba *run, bool *ret_changed,
                                        struct fr_err *err);

/* Connected: how old the MEF's certificate is, and the phase. */
FR_MUST_USE enum fr_code fr_g_meet(struct fr_gba *run, struct fr_acts *acts,
                                   struct fr_err *err);
/* Run->credential is what this run shall leave, of a Ks that is here; or NULL. */
FR_MUST_USE enum fr_code fr_g_find_ks(struct fr_gba *run, struct fr_err *err);
/* Asks the MEF that run->credential's target may have its key. */
FR_MUST_USE enum fr_code fr_g_ask_target(struct fr_gba *run, struct fr_acts *acts,
                                         struct fr_err *err);
void fr_g_store_again(struct fr_gba *run, struct fr_acts *acts); /* run->credential */

/* ---- handlers ---- */

typedef enum fr_code fr_g_handler(struct fr_gba *run, struct fr_acts *acts,
                                  struct fr_err *err);

/* gba_reuse.c */
fr_g_handler fr_g_begin, fr_g_take_target;
/* gba_ub.c */
fr_g_handler fr_g_identify, fr_g_connect_as, fr_g_ask_first, fr_g_take_challenge,
    fr_g_take_answer, fr_g_take_mef_key, fr_g_respond, fr_g_take_success,
    fr_g_take_naf_key, fr_g_flip_stored;
/* gba_after.c */
fr_g_handler fr_g_after_flip, fr_g_take_ack, fr_g_finish_report, fr_g_take_fetched;
fr_g_handler fr_g_connect, fr_g_look_up, fr_g_judge_pending, fr_g_forget_pending;

#endif
