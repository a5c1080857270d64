/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/exchange.h"

#include <stdlib.h>

#include "base/str.h"
#include "bootstrap/exchange_steps.h"

/* What can happen: events, with octets gathered to whole responses. */
enum input {
    IN_START,
    IN_CONNECTED,
    IN_RESPONSE,
    IN_STORED,
    IN_FLIPPED,
    IN_DROPPED,
    N_INPUTS
};

/* ---- the table ---- */

/* next is where a handler leads that does not choose itself. */
static const struct move {
    fr_x_handler *handle;
    enum fr_exchange_phase next;
} table[FR_X_FAILED + 1][N_INPUTS] = {
    [FR_X_IDLE][IN_START] = {fr_x_connect, FR_X_CONNECTING},
    [FR_X_CONNECTING][IN_CONNECTED] = {fr_x_begin_enrolment, FR_X_CLIENT_REG},
    [FR_X_CLIENT_REG][IN_RESPONSE] = {fr_x_create_key_reg, FR_X_KEY_REG},
    [FR_X_KEY_REG][IN_RESPONSE] = {fr_x_store_pending, FR_X_STORING},
    [FR_X_STORING][IN_STORED] = {fr_x_send_confirmation, FR_X_CONFIRMING},
    [FR_X_CONFIRMING][IN_RESPONSE] = {fr_x_check_confirmation, FR_X_FLIPPING},
    [FR_X_COMMITTING][IN_RESPONSE] = {fr_x_take_commit, FR_X_FLIPPING},
    [FR_X_FLIPPING][IN_FLIPPED] = {fr_x_acknowledge, FR_X_COMMANDS},
    [FR_X_COMMANDS][IN_RESPONSE] = {fr_x_take_command, FR_X_COMMANDS},
    [FR_X_REPORTING][IN_RESPONSE] = {fr_x_finish_report, FR_X_DONE},
    [FR_X_WAITING][IN_RESPONSE] = {fr_x_take_fetched, FR_X_WAITING},

    [FR_X_RESOLVE_IDLE][IN_START] = {fr_x_connect, FR_X_RESOLVE_CONNECTING},
    [FR_X_RESOLVE_CONNECTING][IN_CONNECTED] = {fr_x_look_up, FR_X_LOOKUP},
    [FR_X_LOOKUP][IN_RESPONSE] = {fr_x_judge_pending, FR_X_RESOLVE_FLIPPING},
    [FR_X_RESOLVE_FLIPPING][IN_FLIPPED] = {fr_x_register_again,
                                           FR_X_RESOLVE_CLIENT_REG},
    [FR_X_RESOLVE_CLIENT_REG][IN_RESPONSE] = {fr_x_acknowledge_resolved, FR_X_COMMANDS},
    [FR_X_DROPPING][IN_DROPPED] = {fr_x_forget_pending, FR_X_DONE},
};

static const char *const phase_names[] = {
#define X(id, name) [id] = name,
    FR_EXCHANGE_PHASES(X)
#undef X
};

/* The disk is at work: what the connection does meanwhile changes nothing. */
static bool is_settled(enum fr_exchange_phase phase)
{
    return phase == FR_X_FLIPPING || phase == FR_X_RESOLVE_FLIPPING ||
           phase == FR_X_DROPPING;
}

static bool has_connection(enum fr_exchange_phase phase)
{
    return phase != FR_X_IDLE && phase != FR_X_RESOLVE_IDLE && phase != FR_X_DONE &&
           phase != FR_X_FAILED;
}

static enum fr_code unexpected(struct fr_exchange *x, const char *what,
                               struct fr_err *err)
{
    x->misused = true;
    return FR_FAIL(err, FR_EINTERNAL, "the exchange got %s while %s", what,
                   phase_names[x->phase]);
}

static enum fr_code move(struct fr_exchange *x, enum input input, struct fr_acts *acts,
                         struct fr_err *err)
{
    const struct move *m = &table[x->phase][input];

    if (!m->handle)
        return unexpected(x, "an event of another phase", err);
    x->next = m->next;
    x->flipped |= input == IN_FLIPPED;
    FR_TRY(m->handle(x, acts, err));
    x->phase = x->next;
    return FR_OK;
}

static enum fr_code on_bytes(struct fr_exchange *x, const struct fr_ev *ev,
                             struct fr_acts *acts, struct fr_err *err)
{
    bool is_whole;

    FR_TRY(fr_mmef_session_feed(&x->session, ev->bytes, &is_whole, err));
    return is_whole ? move(x, IN_RESPONSE, acts, err) : FR_OK;
}

static enum fr_code on_closed(struct fr_exchange *x, struct fr_acts *acts,
                              struct fr_err *err)
{
    FR_TRY(fr_mmef_session_feed_end(&x->session, err));
    return move(x, IN_RESPONSE, acts, err);
}

static enum fr_code on_failed(struct fr_exchange *x, const struct fr_ev *ev,
                              struct fr_err *err)
{
    x->session.closed = x->session.lost = true;
    if (!ev->err || ev->err->code == FR_OK)
        return FR_FAIL(err, FR_EINTERNAL, "a failure without an error");
    *err = *ev->err;
    return err->code;
}

static enum fr_code dispatch(struct fr_exchange *x, const struct fr_ev *ev,
                             struct fr_acts *acts, struct fr_err *err)
{
    bool is_stream =
        ev->kind == FR_EV_BYTES || ev->kind == FR_EV_CLOSED || ev->kind == FR_EV_FAILED;

    if (is_stream && !has_connection(x->phase))
        return unexpected(x, "news of a connection", err);
    switch (ev->kind) {
    case FR_EV_START:
        return move(x, IN_START, acts, err);
    case FR_EV_CONNECTED:
        x->link = ev->link;
        return move(x, IN_CONNECTED, acts, err);
    case FR_EV_STORED:
        return move(x, IN_STORED, acts, err);
    case FR_EV_FLIPPED:
        return move(x, IN_FLIPPED, acts, err);
    case FR_EV_DROPPED:
        return move(x, IN_DROPPED, acts, err);
    case FR_EV_BYTES:
        return on_bytes(x, ev, acts, err);
    case FR_EV_CLOSED:
        return on_closed(x, acts, err);
    case FR_EV_FAILED:
        return on_failed(x, ev, err);
    case FR_EV_FILE:
    case FR_EV_USIM:
        break;
    }
    return unexpected(x, "what it did not ask for", err);
}

/* After the flip a failure is a warning, unless the target is waited for; while the
 * disk is at work it is put off. */
static enum fr_code settle(struct fr_exchange *x, enum fr_code rc, struct fr_acts *acts,
                           const struct fr_err *err)
{
    if ((x->flipped && fr_x_waits(x)) || (!x->flipped && !is_settled(x->phase))) {
        x->phase = FR_X_FAILED;
        return rc;
    }
    x->warning = *err;
    if (!x->flipped) {
        x->session.lost = true;
        return FR_OK;
    }
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_WARN, .text = x->warning.msg});
    fr_x_end(x, acts);
    return FR_OK;
}

enum fr_code fr_exchange_step(struct fr_exchange *x, const struct fr_ev *ev,
                              struct fr_acts *acts, struct fr_err *err)
{
    struct fr_err own = {0};
    enum fr_code rc;

    err = err ? err : &own;
    acts->n = 0;
    x->misused = false;
    rc = dispatch(x, ev, acts, err);
    return rc == FR_OK || x->misused ? rc : settle(x, rc, acts, err);
}

/* ---- life ---- */

enum fr_code fr_exchange_new(const struct fr_exchange_config *config,
                             struct fr_exchange **ret, struct fr_err *err)
{
    FR_AUTO(exchange) *x = calloc(1, sizeof *x);
    const struct fr_credential *p = config->pending;

    if (!x)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    x->config = *config;
    x->phase = p ? FR_X_RESOLVE_IDLE : FR_X_IDLE;
    FR_TRY(fr_mmef_session_init(&x->session, config->ctx->env,
                                p ? p->mef : config->in->mef,
                                p ? p->port : config->in->port, err));
    *ret = FR_TAKE(x);
    return FR_OK;
}

void fr_exchange_free(struct fr_exchange *x)
{
    if (!x)
        return;
    fr_mmef_session_clear(&x->session);
    free(x->credential_ref);
    free(x->client_registration);
    fr_secret_free(x->ke);
    fr_credential_free(x->credential);
    free(x);
}

enum fr_code fr_exchange_finish(struct fr_exchange *x, struct fr_credential **ret,
                                struct fr_err *err)
{
    bool taken = x->flipped && !x->credential;

    if (x->phase != FR_X_DONE || taken)
        return FR_FAIL(err, FR_EINTERNAL, "no credential to hand over while %s",
                       phase_names[x->phase]);
    *ret = FR_TAKE(x->credential);
    return FR_OK;
}

int64_t fr_exchange_retry_after_ms(const struct fr_exchange *x)
{
    return x->session.retry_after_ms;
}

enum fr_exchange_phase fr_exchange_phase(const struct fr_exchange *x)
{
    return x->phase;
}

const char *fr_exchange_phase_name(enum fr_exchange_phase phase)
{
    return phase_names[phase];
}
