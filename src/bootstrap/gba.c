/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `gba`: a SIM and its home network make the key (TS 33.220, TS 24.109 clause 4;
 * TS-0003 8.3.2.3): the MEF plays the GBA-BSF, Ke is Ks, KeID the B-TID. Here are the
 * table, the life of a run, and what a failure means; the steps are in gba_ub.c,
 * gba_reuse.c, gba_info.c and gba_after.c.
 */
#include <stdlib.h>

#include "base/str.h"
#include "bootstrap/gba_steps.h"

/* What can happen: events, with octets gathered to whole responses. */
enum input {
    IN_START,
    IN_CONNECTED,
    IN_RESPONSE,
    IN_USIM,
    IN_STORED,
    IN_FLIPPED,
    IN_DROPPED,
    N_INPUTS
};

/* ---- the table ---- */

/* next is where a handler leads that does not choose itself. */
static const struct move {
    fr_g_handler *handle;
    enum fr_gba_phase next;
} table[FR_G_FAILED + 1][N_INPUTS] = {
    [FR_G_IDLE][IN_START] = {fr_g_identify, FR_G_IDENTIFYING},
    [FR_G_IDENTIFYING][IN_USIM] = {fr_g_connect_as, FR_G_CONNECTING},
    [FR_G_CONNECTING][IN_CONNECTED] = {fr_g_begin, FR_G_ASKING},
    [FR_G_TARGETING][IN_RESPONSE] = {fr_g_take_target, FR_G_RESTORING},
    [FR_G_ASKING][IN_RESPONSE] = {fr_g_take_challenge, FR_G_AUTHENTICATING},
    [FR_G_AUTHENTICATING][IN_USIM] = {fr_g_take_answer, FR_G_STORING},
    [FR_G_MEF_KEY][IN_USIM] = {fr_g_take_mef_key, FR_G_STORING},
    [FR_G_STORING][IN_STORED] = {fr_g_respond, FR_G_RESPONDING},
    [FR_G_RESPONDING][IN_RESPONSE] = {fr_g_take_success, FR_G_RESTORING},
    [FR_G_NAF_KEYS][IN_USIM] = {fr_g_take_naf_key, FR_G_RESTORING},
    [FR_G_RESTORING][IN_STORED] = {fr_g_flip_stored, FR_G_FLIPPING},
    [FR_G_FLIPPING][IN_FLIPPED] = {fr_g_after_flip, FR_G_ACKING},
    [FR_G_ACKING][IN_RESPONSE] = {fr_g_take_ack, FR_G_REPORTING},
    [FR_G_REPORTING][IN_RESPONSE] = {fr_g_finish_report, FR_G_DONE},
    [FR_G_WAITING][IN_RESPONSE] = {fr_g_take_fetched, FR_G_WAITING},

    [FR_G_RESOLVE_IDLE][IN_START] = {fr_g_connect, FR_G_RESOLVE_CONNECTING},
    [FR_G_RESOLVE_CONNECTING][IN_CONNECTED] = {fr_g_look_up, FR_G_LOOKUP},
    [FR_G_LOOKUP][IN_RESPONSE] = {fr_g_judge_pending, FR_G_RESTORING},
    [FR_G_DROPPING][IN_DROPPED] = {fr_g_forget_pending, FR_G_DONE},
};

static const char *const phase_names[] = {
#define X(id, name) [id] = name,
    FR_GBA_PHASES(X)
#undef X
};

/* The disk is at work: what the connection does meanwhile changes nothing. */
static bool is_settled(enum fr_gba_phase phase)
{
    return phase == FR_G_FLIPPING || phase == FR_G_DROPPING;
}

static bool has_connection(enum fr_gba_phase phase)
{
    return phase != FR_G_IDLE && phase != FR_G_IDENTIFYING &&
           phase != FR_G_RESOLVE_IDLE && phase != FR_G_DONE && phase != FR_G_FAILED;
}

static enum fr_code unexpected(struct fr_gba *run, const char *what, struct fr_err *err)
{
    run->misused = true;
    return FR_FAIL(err, FR_EINTERNAL, "gba got %s while %s", what,
                   phase_names[run->phase]);
}

static enum fr_code move(struct fr_gba *run, enum input input, struct fr_acts *acts,
                         struct fr_err *err)
{
    const struct move *m = &table[run->phase][input];

    if (!m->handle)
        return unexpected(run, "an event of another phase", err);
    run->next = m->next;
    run->flipped |= input == IN_FLIPPED;
    FR_TRY(m->handle(run, acts, err));
    run->phase = run->next;
    return FR_OK;
}

static enum fr_code on_bytes(struct fr_gba *run, struct fr_acts *acts,
                             struct fr_err *err)
{
    bool is_whole;

    FR_TRY(fr_mmef_session_feed(&run->session, run->ev->bytes, &is_whole, err));
    return is_whole ? move(run, IN_RESPONSE, acts, err) : FR_OK;
}

static enum fr_code on_closed(struct fr_gba *run, struct fr_acts *acts,
                              struct fr_err *err)
{
    FR_TRY(fr_mmef_session_feed_end(&run->session, err));
    return move(run, IN_RESPONSE, acts, err);
}

/* A card that can keep Ks takes a network that does not know this for a foreign one:
 * the same challenge, as any SIM takes it, says which it is. */
static bool is_worth_a_second_try(const struct fr_gba *run, const struct fr_err *why)
{
    return run->phase == FR_G_AUTHENTICATING && run->gba_u && !run->needs_gba_u &&
           fr_str_equal(why->reason, "aka-mac");
}

/* Of the connection, or of the SIM. */
static enum fr_code on_failed(struct fr_gba *run, struct fr_acts *acts,
                              struct fr_err *err)
{
    const struct fr_err *why = run->ev->err;

    if (!why || why->code == FR_OK)
        return FR_FAIL(err, FR_EINTERNAL, "a failure without an error");
    if (is_worth_a_second_try(run, why)) {
        run->gba_u = false;
        fr_g_ask_sim(run, FR_USIM_AUTHENTICATE, acts);
        return FR_OK;
    }
    run->session.closed = run->session.lost = true;
    *err = *why;
    return err->code;
}

static enum fr_code dispatch(struct fr_gba *run, struct fr_acts *acts,
                             struct fr_err *err)
{
    enum fr_ev_kind kind = run->ev->kind;
    bool is_stream = kind == FR_EV_BYTES || kind == FR_EV_CLOSED;

    if (is_stream && !has_connection(run->phase))
        return unexpected(run, "news of a connection", err);
    switch (kind) {
    case FR_EV_START:
        return move(run, IN_START, acts, err);
    case FR_EV_CONNECTED:
        return move(run, IN_CONNECTED, acts, err);
    case FR_EV_USIM:
        return move(run, IN_USIM, acts, err);
    case FR_EV_STORED:
        return move(run, IN_STORED, acts, err);
    case FR_EV_FLIPPED:
        return move(run, IN_FLIPPED, acts, err);
    case FR_EV_DROPPED:
        return move(run, IN_DROPPED, acts, err);
    case FR_EV_BYTES:
        return on_bytes(run, acts, err);
    case FR_EV_CLOSED:
        return on_closed(run, acts, err);
    case FR_EV_FAILED:
        if (!has_connection(run->phase) && run->phase != FR_G_IDENTIFYING)
            return unexpected(run, "a failure", err);
        return on_failed(run, acts, err);
    case FR_EV_FILE:
        break;
    }
    return unexpected(run, "what it did not ask for", err);
}

/* After the flip a failure is a warning, unless the target is waited for; while the
 * disk is at work it is put off. */
static enum fr_code settle(struct fr_gba *run, enum fr_code rc, struct fr_acts *acts,
                           const struct fr_err *err)
{
    if ((run->flipped && fr_g_waits(run)) ||
        (!run->flipped && !is_settled(run->phase))) {
        run->phase = FR_G_FAILED;
        return rc;
    }
    run->warning = *err;
    if (!run->flipped) {
        run->session.lost = true;
        return FR_OK;
    }
    acts->n = 0; /* the steps that led nowhere */
    fr_g_warn(run, acts);
    fr_g_end(run, acts);
    return FR_OK;
}

static enum fr_code gba_step(struct fr_bootstrap *super, const struct fr_ev *ev,
                             struct fr_acts *acts, struct fr_err *err)
{
    struct fr_gba *run = (struct fr_gba *)super;
    struct fr_err own = {0};
    enum fr_code rc;

    err = err ? err : &own;
    acts->n = 0;
    run->misused = false;
    run->ev = ev;
    rc = dispatch(run, acts, err);
    run->ev = NULL;
    return rc == FR_OK || run->misused ? rc : settle(run, rc, acts, err);
}

/* ---- life ---- */

static void gba_close(struct fr_bootstrap *super)
{
    struct fr_gba *run = (struct fr_gba *)super;

    if (!run)
        return;
    fr_mmef_session_clear(&run->session);
    fr_secret_free(run->password);
    fr_credential_free(run->credential);
    free(run);
}

static enum fr_code gba_open(const struct fr_run_context *ctx,
                             const struct fr_instruction *in,
                             const struct fr_credential *pending,
                             struct fr_bootstrap **ret, struct fr_err *err)
{
    struct fr_gba *run;
    enum fr_code rc;

    if (in->binding != FR_BINDING_HTTP)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "binding-unsupported",
                          "Ub is spoken over http only");
    run = calloc(1, sizeof *run);
    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    run->super.method = &fr_bootstrap_gba;
    run->ctx = ctx;
    run->in = in;
    run->pending = pending;
    run->phase = pending ? FR_G_RESOLVE_IDLE : FR_G_IDLE;
    rc = fr_mmef_session_init(&run->session, ctx->env, in->mef, in->port, err);
    if (rc != FR_OK) {
        free(run);
        return rc;
    }
    *ret = (struct fr_bootstrap *)run;
    return FR_OK;
}

static enum fr_code gba_finish(struct fr_bootstrap *super, struct fr_credential **ret,
                               struct fr_err *err)
{
    struct fr_gba *run = (struct fr_gba *)super;
    bool taken = run->flipped && !run->credential;

    if (run->phase != FR_G_DONE || taken)
        return FR_FAIL(err, FR_EINTERNAL, "no credential to hand over while %s",
                       phase_names[run->phase]);
    *ret = FR_TAKE(run->credential);
    return FR_OK;
}

static int64_t gba_retry_after_ms(const struct fr_bootstrap *super)
{
    return ((const struct fr_gba *)super)->session.retry_after_ms;
}

const struct fr_bootstrap_method fr_bootstrap_gba = {
    .name = "gba",
    .help = "a SIM and its home network make the key (TS 33.220)",
    .needs = FR_KEY_SIM,
    .open = gba_open,
    .step = gba_step,
    .finish = gba_finish,
    .close = gba_close,
    .retry_after_ms = gba_retry_after_ms,
};
