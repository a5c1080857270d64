/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers share, and those up to the flip: of an enrolment, of a resolve. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "bootstrap/exchange_steps.h"

const char *fr_x_mef(const struct fr_exchange *x)
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

enum fr_code fr_x_ask(struct fr_exchange *x, const struct fr_mmef_ask *ask,
                      struct fr_acts *acts, struct fr_err *err)
{
    struct fr_act act = {.kind = FR_ACT_SEND};

    FR_TRY(fr_mmef_session_ask(&x->session, ask, &act.bytes, err));
    fr_acts_add(acts, act);
    return FR_OK;
}

struct fr_slice fr_x_answer(const struct fr_exchange *x)
{
    return fr_http_body(x->session.response);
}

void fr_x_reach(struct fr_acts *acts, enum fr_phase phase)
{
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_PHASE, .phase = phase});
}

void fr_x_end(struct fr_exchange *x, struct fr_acts *acts)
{
    x->next = x->phase = FR_X_DONE;
    if (!x->session.closed)
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CLOSE});
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DONE});
}

enum fr_code fr_x_retrieve_command(struct fr_exchange *x, struct fr_acts *acts,
                                   struct fr_err *err)
{
    struct fr_mmef_ask req = {.method = "GET",
                              .path = x->credential->client_registration,
                              .below = FR_CMD_PATH};

    return fr_x_ask(x, &req, acts, err);
}

/* ---- enrol: registrations ---- */

enum fr_code fr_x_connect(struct fr_exchange *x, struct fr_acts *acts,
                          struct fr_err *err)
{
    struct fr_connect connect = {.role = FR_ROLE_MEF,
                                 .host = fr_x_mef(x),
                                 .port = x->session.port,
                                 .instruction = x->config.in,
                                 .export_keys = x->config.pending == NULL};

    (void)err;
    fr_x_reach(acts, FR_PHASE_CONNECT);
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
    return fr_x_ask(x, &req, acts, err);
}

static enum fr_code create_client_reg(struct fr_exchange *x, struct fr_acts *acts,
                                      struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    struct fr_registration ask = asked(x);

    FR_TRY(fr_registration_client_body(&ask, &body, err));
    return create(x, FR_TY_MEF_CLIENT_REG, fr_buf_view(&body), acts, err);
}

enum fr_code fr_x_begin_enrolment(struct fr_exchange *x, struct fr_acts *acts,
                                  struct fr_err *err)
{
    char relkeyid[2 * FR_RELKEYID_LEN + 1]; /* the MEF's answer says it again [U-18] */

    FR_TRY(note_link(x, err));
    if (!x->link->exported)
        return FR_FAIL(err, FR_EINTERNAL, "a connection without exported keys");
    FR_TRY(
        fr_kdf_split_export(fr_secret_view(x->link->exported), relkeyid, &x->ke, err));
    fr_x_reach(acts, FR_PHASE_REGISTER);
    return create_client_reg(x, acts, err);
}

static enum fr_code take_client_reg(struct fr_exchange *x, char **ret_path,
                                    struct fr_err *err)
{
    struct fr_registration ask = asked(x);

    FR_TRY(fr_mmef_session_check(&x->session, "registering with the MEF", err));
    return fr_registration_client_take(&ask, x->session.response, ret_path, err);
}

enum fr_code fr_x_create_key_reg(struct fr_exchange *x, struct fr_acts *acts,
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
enum fr_code fr_x_store_pending(struct fr_exchange *x, struct fr_acts *acts,
                                struct fr_err *err)
{
    struct fr_registration ask = asked(x);
    struct fr_credential *c;

    FR_TRY(fr_mmef_session_check(&x->session, "registering the key with the MEF", err));
    FR_TRY(fr_registration_key_take(&ask, x->session.response, &x->credential, err));
    FR_TRY(fr_sha256(fr_x_answer(x), x->confirm.response_sha256, err));
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

enum fr_code fr_x_send_confirmation(struct fr_exchange *x, struct fr_acts *acts,
                                    struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    uint8_t mac[FR_SHA256_LEN];
    struct fr_mmef_ask req = {.method = "POST",
                              .path = x->credential->registration,
                              .below = FR_CONFIRM_PATH,
                              .type = FR_X_TYPE_JSON};

    x->confirm.key_id = x->credential->key_id;
    x->confirm.mef_fqdn = x->credential->mef;
    x->confirm.credential = x->credential_ref;
    FR_TRY(
        fr_confirm_mac(x->credential->ke, FR_CONFIRM_ENROLEE, &x->confirm, mac, err));
    FR_TRY(fr_mmef_mac_encode(mac, &body, err));
    req.body = fr_buf_view(&body);
    fr_x_reach(acts, FR_PHASE_CONFIRM);
    return fr_x_ask(x, &req, acts, err);
}

void fr_x_flip(struct fr_exchange *x, struct fr_acts *acts)
{
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_FLIP, .credential = x->credential});
}

enum fr_code fr_x_check_confirmation(struct fr_exchange *x, struct fr_acts *acts,
                                     struct fr_err *err)
{
    uint8_t mac[FR_SHA256_LEN];

    if (fr_mmef_session_is_not_found(&x->session)) {
        if (x->config.ctx->confirmation == FR_CONFIRMATION_REQUIRED)
            return FR_FAIL_AS(err, FR_EREFUSED, "unconfirmed",
                              "%s has no key confirmation, and this device requires "
                              "it (confirmation = required)",
                              fr_x_mef(x));
        x->next = FR_X_COMMITTING;
        return fr_x_retrieve_command(x, acts, err);
    }
    FR_TRY(fr_mmef_session_check(&x->session, "confirming the key with the MEF", err));
    FR_TRY(fr_mmef_mac_decode(fr_x_answer(x), mac, err));
    FR_TRY(fr_confirm_check(x->credential->ke, FR_CONFIRM_MEF, &x->confirm,
                            fr_slice_of(mac, sizeof mac), err));
    x->credential->confirmed = true;
    fr_x_flip(x, acts);
    return FR_OK;
}

/* A MEF without the confirmation commits when the first command is retrieved (DESIGN
 * 6): only its answer says that the key is one. */
enum fr_code fr_x_take_commit(struct fr_exchange *x, struct fr_acts *acts,
                              struct fr_err *err)
{
    FR_TRY(fr_mmef_session_check(&x->session, "retrieving the first command", err));
    FR_TRY(fr_mmef_cmd_decode(fr_x_answer(x), &x->first_cmd, err));
    fr_x_flip(x, acts);
    return FR_OK;
}

/* ---- resolve ---- */

enum fr_code fr_x_look_up(struct fr_exchange *x, struct fr_acts *acts,
                          struct fr_err *err)
{
    struct fr_mmef_ask req = {.method = "GET", .path = x->config.pending->registration};

    FR_TRY(note_link(x, err));
    FR_TRY(fr_credential_copy(x->config.pending, &x->credential, err));
    fr_x_reach(acts, FR_PHASE_REGISTER);
    return fr_x_ask(x, &req, acts, err);
}

/* Only the MEF's own "not found" (RSC 4004) drops a key: an HTTP 404 without it may be
 * from anything on the way. */
enum fr_code fr_x_judge_pending(struct fr_exchange *x, struct fr_acts *acts,
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
    FR_TRY(fr_registration_key_match(fr_x_answer(x), fr_x_mef(x), x->credential->key_id,
                                     err));
    fr_x_flip(x, acts);
    return FR_OK;
}

enum fr_code fr_x_register_again(struct fr_exchange *x, struct fr_acts *acts,
                                 struct fr_err *err)
{
    fr_x_reach(acts, FR_PHASE_COMMIT);
    return create_client_reg(x, acts, err);
}

enum fr_code fr_x_acknowledge_resolved(struct fr_exchange *x, struct fr_acts *acts,
                                       struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    FR_TRY(take_client_reg(x, &path, err));
    free(x->credential->client_registration);
    x->credential->client_registration = FR_TAKE(path);
    return fr_x_retrieve_command(x, acts, err);
}

enum fr_code fr_x_forget_pending(struct fr_exchange *x, struct fr_acts *acts,
                                 struct fr_err *err)
{
    (void)err;
    fr_credential_free(FR_TAKE(x->credential));
    fr_x_end(x, acts);
    return FR_OK;
}
