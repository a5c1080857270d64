/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "crypto/confirm.h"
#include "proto/mmef_session.h"
#include "proto/registration.h"

#define TYPE_JSON "application/json"

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

struct fr_exchange {
    struct fr_exchange_config config;
    enum fr_exchange_phase phase, next;
    struct fr_mmef_session session;
    bool flipped; /* the credential is current: nothing can fail any more */
    bool misused; /* the last event did not fit its phase */
    const struct fr_link *link; /* of FR_EV_CONNECTED, while it is handled */
    char *credential_ref;
    int64_t mef_not_before; /* of its certificate */
    struct fr_secret *ke;   /* until the credential has it */
    struct fr_confirm_fields confirm;
    char *client_registration; /* until the credential has it */
    struct fr_credential *credential;
    char last_cmd[sizeof(((struct fr_mmef_cmd *)0)->id)];
    unsigned n_commands;
    struct fr_err warning;
};

static const char *mef_of(const struct fr_exchange *x)
{
    return x->session.host;
}

/* A device without a clock goes by the MEF's, for what it asks of this MEF only. */
static int64_t now_of(const struct fr_exchange *x)
{
    const struct fr_env *env = x->config.ctx->env;
    const char *date = fr_http_header(x->session.response, "Date");
    int64_t t;

    if (fr_wall_is_synchronised(env))
        return fr_wall_s(env);
    return date && fr_http_date_parse(date, &t) ? t : 0;
}

static struct fr_registration asked(const struct fr_exchange *x)
{
    return (struct fr_registration){.in = x->config.in,
                                    .mef_base = x->config.ctx->mef_base,
                                    .own_id = x->session.own_id,
                                    .now = now_of(x),
                                    .earliest = x->mef_not_before};
}

static enum fr_code ask_mef(struct fr_exchange *x, const struct fr_mmef_ask *ask,
                            struct fr_acts *acts, struct fr_err *err)
{
    struct fr_act act = {.kind = FR_ACT_SEND};

    FR_TRY(fr_mmef_session_ask(&x->session, ask, &act.bytes, err));
    fr_acts_add(acts, act);
    return FR_OK;
}

static struct fr_slice answer(const struct fr_exchange *x)
{
    return fr_http_body(x->session.response);
}

static void reach(struct fr_acts *acts, enum fr_phase phase)
{
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_PHASE, .phase = phase});
}

static void end(struct fr_exchange *x, struct fr_acts *acts)
{
    x->next = x->phase = FR_X_DONE;
    if (!x->session.closed)
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CLOSE});
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DONE});
}

/* ---- enrol: registrations ---- */

static enum fr_code connect_to(struct fr_exchange *x, struct fr_acts *acts,
                               struct fr_err *err)
{
    struct fr_connect connect = {.role = FR_ROLE_MEF,
                                 .host = mef_of(x),
                                 .port = x->session.port,
                                 .instruction = x->config.in,
                                 .export_keys = x->config.pending == NULL};

    (void)err;
    reach(acts, FR_PHASE_CONNECT);
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CONNECT, .connect = connect});
    return FR_OK;
}

static enum fr_code note_link(struct fr_exchange *x, struct fr_err *err)
{
    const struct fr_link *link = x->link;

    if (!link || !link->own_id || !link->credential_ref)
        return FR_FAIL(err, FR_EINTERNAL, "a connection without an identity of ours");
    x->mef_not_before = link->peer_not_before;
    FR_TRY(fr_str_dup(link->own_id, &x->session.own_id, err));
    return fr_str_dup(link->credential_ref, &x->credential_ref, err);
}

/* Creates a child of MEFBase. */
static enum fr_code create(struct fr_exchange *x, enum fr_mmef_ty ty,
                           struct fr_slice body, struct fr_acts *acts,
                           struct fr_err *err)
{
    char type[64];
    struct fr_mmef_ask req = {
        .method = "POST", .path = x->config.ctx->mef_base, .type = type, .body = body};

    snprintf(type, sizeof type, FR_MMEF_TYPE "; ty=%d", (int)ty);
    return ask_mef(x, &req, acts, err);
}

static enum fr_code create_client_reg(struct fr_exchange *x, struct fr_acts *acts,
                                      struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    struct fr_registration ask = asked(x);

    FR_TRY(fr_registration_client_body(&ask, &body, err));
    return create(x, FR_TY_MEF_CLIENT_REG, fr_buf_view(&body), acts, err);
}

static enum fr_code begin_enrolment(struct fr_exchange *x, struct fr_acts *acts,
                                    struct fr_err *err)
{
    char relkeyid[2 * FR_RELKEYID_LEN + 1]; /* the MEF's answer says it again [U-18] */

    FR_TRY(note_link(x, err));
    if (!x->link->exported)
        return FR_FAIL(err, FR_EINTERNAL, "a connection without exported keys");
    FR_TRY(
        fr_kdf_split_export(fr_secret_view(x->link->exported), relkeyid, &x->ke, err));
    reach(acts, FR_PHASE_REGISTER);
    return create_client_reg(x, acts, err);
}

static enum fr_code take_client_reg(struct fr_exchange *x, char **ret_path,
                                    struct fr_err *err)
{
    struct fr_registration ask = asked(x);

    FR_TRY(fr_mmef_session_check(&x->session, "registering with the MEF", err));
    return fr_registration_client_take(&ask, x->session.response, ret_path, err);
}

static enum fr_code create_key_reg(struct fr_exchange *x, struct fr_acts *acts,
                                   struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    struct fr_registration ask = asked(x);

    FR_TRY(take_client_reg(x, &x->client_registration, err));
    FR_TRY(fr_registration_key_body(&ask, &body, err));
    FR_TRY(fr_sha256(fr_buf_view(&body), x->confirm.request_sha256, err));
    return create(x, FR_TY_SYMM_KEY_REG, fr_buf_view(&body), acts, err);
}

/* Both ends have the key now; ours must be durable before the MEF may commit. */
static enum fr_code store_pending(struct fr_exchange *x, struct fr_acts *acts,
                                  struct fr_err *err)
{
    struct fr_registration ask = asked(x);
    struct fr_credential *c;

    FR_TRY(fr_mmef_session_check(&x->session, "registering the key with the MEF", err));
    FR_TRY(fr_registration_key_take(&ask, x->session.response, &x->credential, err));
    FR_TRY(fr_sha256(answer(x), x->confirm.response_sha256, err));
    c = x->credential;
    FR_TRY(fr_str_dup(x->config.method, &c->method, err));
    c->client_registration = FR_TAKE(x->client_registration);
    c->ke = FR_TAKE(x->ke);
    if (c->created == 0)
        c->created = fr_wall_s(x->config.ctx->env);
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_STORE_PENDING, .credential = c});
    return FR_OK;
}

/* ---- enrol: confirmation and flip ---- */

static enum fr_code send_confirmation(struct fr_exchange *x, struct fr_acts *acts,
                                      struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    uint8_t mac[FR_SHA256_LEN];
    struct fr_mmef_ask req = {.method = "POST",
                              .path = x->credential->registration,
                              .below = FR_CONFIRM_PATH,
                              .type = TYPE_JSON};

    x->confirm.key_id = x->credential->key_id;
    x->confirm.mef_fqdn = x->credential->mef;
    x->confirm.credential = x->credential_ref;
    FR_TRY(
        fr_confirm_mac(x->credential->ke, FR_CONFIRM_ENROLEE, &x->confirm, mac, err));
    FR_TRY(fr_mmef_mac_encode(mac, &body, err));
    req.body = fr_buf_view(&body);
    reach(acts, FR_PHASE_CONFIRM);
    return ask_mef(x, &req, acts, err);
}

static void flip(struct fr_exchange *x, struct fr_acts *acts)
{
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_FLIP, .credential = x->credential});
}

static enum fr_code check_confirmation(struct fr_exchange *x, struct fr_acts *acts,
                                       struct fr_err *err)
{
    uint8_t mac[FR_SHA256_LEN];

    if (fr_mmef_session_is_not_found(&x->session)) {
        if (x->config.ctx->confirmation == FR_CONFIRMATION_REQUIRED)
            return FR_FAIL_AS(err, FR_EREFUSED, "unconfirmed",
                              "%s has no key confirmation, and this device requires "
                              "it (confirmation = required)",
                              mef_of(x));
        flip(x, acts);
        return FR_OK;
    }
    FR_TRY(fr_mmef_session_check(&x->session, "confirming the key with the MEF", err));
    FR_TRY(fr_mmef_mac_decode(answer(x), mac, err));
    FR_TRY(fr_confirm_check(x->credential->ke, FR_CONFIRM_MEF, &x->confirm,
                            fr_slice_of(mac, sizeof mac), err));
    x->credential->confirmed = true;
    flip(x, acts);
    return FR_OK;
}

/* ---- after the flip: commands and records ---- */

static enum fr_code retrieve_command(struct fr_exchange *x, struct fr_acts *acts,
                                     struct fr_err *err)
{
    struct fr_mmef_ask req = {.method = "GET",
                              .path = x->credential->client_registration,
                              .below = FR_CMD_PATH};

    return ask_mef(x, &req, acts, err);
}

/* The Command Retrieve is the ack of the commit. */
static enum fr_code acknowledge(struct fr_exchange *x, struct fr_acts *acts,
                                struct fr_err *err)
{
    reach(acts, FR_PHASE_COMMIT);
    return retrieve_command(x, acts, err);
}

static enum fr_code finish_commands(struct fr_exchange *x, struct fr_acts *acts,
                                    struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) records = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    const struct fr_run_context *ctx = x->config.ctx;
    struct fr_mmef_ask req = {.method = "POST",
                              .path = x->credential->client_registration,
                              .below = FR_ATTEMPTS_PATH,
                              .type = TYPE_JSON};

    reach(acts, FR_PHASE_DONE);
    if (ctx->records)
        FR_TRY(ctx->records(ctx->ctx, &records, err));
    FR_TRY(fr_buf_check(&records, err));
    if (records.len == 0) {
        end(x, acts);
        return FR_OK;
    }
    req.body = fr_buf_view(&records);
    x->next = FR_X_REPORTING;
    return ask_mef(x, &req, acts, err);
}

static enum fr_code report_command(struct fr_exchange *x, const struct fr_mmef_cmd *cmd,
                                   struct fr_acts *acts, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    struct fr_mmef_cmd update = *cmd;
    struct fr_mmef_ask req = {.method = "PUT",
                              .path = x->credential->client_registration,
                              .below = FR_CMD_PATH,
                              .type = FR_MMEF_TYPE};

    if (++x->n_commands > FR_EXCHANGE_COMMANDS_MAX)
        return FR_FAIL_AS(err, FR_EINVALID, "too-many-commands",
                          "%s sends more than %d commands in one session", mef_of(x),
                          FR_EXCHANGE_COMMANDS_MAX);
    update.status = strcmp(cmd->id, x->last_cmd) == 0 ? FR_CMD_REPEATED
                                                      : FR_CMD_CLASS_NOT_SUPPORTED;
    memcpy(x->last_cmd, cmd->id, sizeof x->last_cmd);
    FR_TRY(fr_mmef_cmd_encode(&update, &body, err));
    req.body = fr_buf_view(&body);
    return ask_mef(x, &req, acts, err);
}

static enum fr_code take_command(struct fr_exchange *x, struct fr_acts *acts,
                                 struct fr_err *err)
{
    struct fr_mmef_cmd cmd;

    FR_TRY(fr_mmef_session_check(&x->session, "retrieving the MEF's commands", err));
    FR_TRY(fr_mmef_cmd_decode(answer(x), &cmd, err));
    if (cmd.class_id == 0)
        return finish_commands(x, acts, err);
    return report_command(x, &cmd, acts, err);
}

/* The upload is an extension of ours: a MEF without it says 404, and that is fine. */
static enum fr_code finish_report(struct fr_exchange *x, struct fr_acts *acts,
                                  struct fr_err *err)
{
    if (!fr_mmef_session_is_not_found(&x->session))
        FR_TRY(fr_mmef_session_check(&x->session, "handing over the attempt records",
                                     err));
    end(x, acts);
    return FR_OK;
}

/* ---- resolve ---- */

static enum fr_code look_up(struct fr_exchange *x, struct fr_acts *acts,
                            struct fr_err *err)
{
    struct fr_mmef_ask req = {.method = "GET", .path = x->config.pending->registration};

    FR_TRY(note_link(x, err));
    FR_TRY(fr_credential_copy(x->config.pending, &x->credential, err));
    reach(acts, FR_PHASE_REGISTER);
    return ask_mef(x, &req, acts, err);
}

/* Only the MEF's own "not found" (RSC 4004) drops a key: an HTTP 404 without it may be
 * from anything on the way. */
static enum fr_code judge_pending(struct fr_exchange *x, struct fr_acts *acts,
                                  struct fr_err *err)
{
    if (fr_mmef_rsc(x->session.response) == 4004 &&
        fr_http_status(x->session.response) == 404) {
        x->next = FR_X_DROPPING;
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DROP_PENDING});
        return FR_OK;
    }
    FR_TRY(fr_mmef_session_check(&x->session,
                                 "asking the MEF for the pending registration", err));
    FR_TRY(fr_registration_key_match(answer(x), mef_of(x), x->credential->key_id, err));
    flip(x, acts);
    return FR_OK;
}

static enum fr_code register_again(struct fr_exchange *x, struct fr_acts *acts,
                                   struct fr_err *err)
{
    reach(acts, FR_PHASE_COMMIT);
    return create_client_reg(x, acts, err);
}

static enum fr_code acknowledge_resolved(struct fr_exchange *x, struct fr_acts *acts,
                                         struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    FR_TRY(take_client_reg(x, &path, err));
    free(x->credential->client_registration);
    x->credential->client_registration = FR_TAKE(path);
    return retrieve_command(x, acts, err);
}

static enum fr_code forget_pending(struct fr_exchange *x, struct fr_acts *acts,
                                   struct fr_err *err)
{
    (void)err;
    fr_credential_free(FR_TAKE(x->credential));
    end(x, acts);
    return FR_OK;
}

/* ---- the table ---- */

typedef enum fr_code handler(struct fr_exchange *x, struct fr_acts *acts,
                             struct fr_err *err);

/* next is where a handler leads that does not choose itself. */
static const struct move {
    handler *handle;
    enum fr_exchange_phase next;
} table[FR_X_FAILED + 1][N_INPUTS] = {
    [FR_X_IDLE][IN_START] = {connect_to, FR_X_CONNECTING},
    [FR_X_CONNECTING][IN_CONNECTED] = {begin_enrolment, FR_X_CLIENT_REG},
    [FR_X_CLIENT_REG][IN_RESPONSE] = {create_key_reg, FR_X_KEY_REG},
    [FR_X_KEY_REG][IN_RESPONSE] = {store_pending, FR_X_STORING},
    [FR_X_STORING][IN_STORED] = {send_confirmation, FR_X_CONFIRMING},
    [FR_X_CONFIRMING][IN_RESPONSE] = {check_confirmation, FR_X_FLIPPING},
    [FR_X_FLIPPING][IN_FLIPPED] = {acknowledge, FR_X_COMMANDS},
    [FR_X_COMMANDS][IN_RESPONSE] = {take_command, FR_X_COMMANDS},
    [FR_X_REPORTING][IN_RESPONSE] = {finish_report, FR_X_DONE},

    [FR_X_RESOLVE_IDLE][IN_START] = {connect_to, FR_X_RESOLVE_CONNECTING},
    [FR_X_RESOLVE_CONNECTING][IN_CONNECTED] = {look_up, FR_X_LOOKUP},
    [FR_X_LOOKUP][IN_RESPONSE] = {judge_pending, FR_X_RESOLVE_FLIPPING},
    [FR_X_RESOLVE_FLIPPING][IN_FLIPPED] = {register_again, FR_X_RESOLVE_CLIENT_REG},
    [FR_X_RESOLVE_CLIENT_REG][IN_RESPONSE] = {acknowledge_resolved, FR_X_COMMANDS},
    [FR_X_DROPPING][IN_DROPPED] = {forget_pending, FR_X_DONE},
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
        break;
    }
    return unexpected(x, "a file", err);
}

/* After the flip a failure is a warning; while the disk is at work it waits. */
static enum fr_code settle(struct fr_exchange *x, enum fr_code rc, struct fr_acts *acts,
                           const struct fr_err *err)
{
    if (!x->flipped && !is_settled(x->phase)) {
        x->phase = FR_X_FAILED;
        return rc;
    }
    x->warning = *err;
    if (!x->flipped) {
        x->session.lost = true;
        return FR_OK;
    }
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_WARN, .text = x->warning.msg});
    end(x, acts);
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
