/* SPDX-License-Identifier: Apache-2.0 */
/* mefClientReg and symmKeyReg: create, retrieve, delete (RSPF 7.2). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/json_scan.h"
#include "server/mef/session.h"

static bool is_json_type(const char *type)
{
    size_t len = type ? strcspn(type, "; \t") : 0;

    return (len == strlen(FR_MMEF_TYPE) && !strncasecmp(type, FR_MMEF_TYPE, len)) ||
           (len == strlen(FR_JSON_TYPE) && !strncasecmp(type, FR_JSON_TYPE, len));
}

json_t *fr_mef_json(struct fr_slice body)
{
    if (fr_json_too_deep(body, FR_JSON_DEPTH) < body.len)
        return NULL;
    return json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
}

/* The name of the root member without its prefix [U-17], and whether it has a key
 * value. `ty` is not asked: its numbers are not known for sure [U-16]. */
static enum fr_code peek(struct fr_slice body, char root[16], bool *has_key,
                         struct fr_err *err)
{
    json_auto_t *json = fr_mef_json(body);
    const char *name = json ? json_object_iter_key(json_object_iter(json)) : NULL;
    const char *colon = name ? strchr(name, ':') : NULL;

    if (!name || json_object_size(json) != 1)
        return FR_FAIL(err, FR_EPARSE, "the body is no JSON object with one resource");
    snprintf(root, 16, "%s", colon ? colon + 1 : name);
    *has_key = json_object_get(json_object_get(json, name), "kv") != NULL;
    return FR_OK;
}

static enum fr_code check_admin(const struct fr_exchange *x, char *admin_fqdn,
                                size_t size, struct fr_err *err)
{
    const struct fr_server_config *c = x->worker->config;

    if (!admin_fqdn[0]) {
        snprintf(admin_fqdn, size, "%s", c->mef_fqdn);
        return FR_OK;
    }
    fr_ascii_fold(admin_fqdn);
    if (!fr_server_config_admits_admin(c, admin_fqdn))
        return FR_FAIL_AS(err, FR_EREFUSED, "admin-fqdn",
                          "this MEF does not serve that adminFQDN");
    return FR_OK;
}

static void answer_created(struct fr_exchange *x, const char *ri)
{
    FR_AUTO_CLEAR(buf) location = FR_BUF_INIT((size_t)2 * FR_ID_MAX);

    fr_buf_fmt(&location, "%s/%s", x->worker->config->mef_base, ri);
    fr_exchange_header(x, "Content-Location", fr_buf_cstr(&location));
    fr_exchange_answer(x, 201, 2001, FR_MMEF_TYPE);
}

static enum fr_code make_client(struct fr_exchange *x, struct fr_err *err)
{
    struct fr_mef_session *s = x->session;
    struct fr_mmef_client_reg reg;

    FR_TRY(fr_mmef_client_reg_decode(fr_request_body(x->request), &reg, err));
    FR_TRY(check_admin(x, reg.admin_fqdn, sizeof reg.admin_fqdn, err));
    FR_TRY(fr_mef_grant_expiry(x->worker, reg.expires, &reg.expires, err));
    snprintf(reg.creator, sizeof reg.creator, "%s", fr_mef_client_id(x));
    /* A repeat updates the one registration that a connection has. */
    if (s->client.ri[0])
        memcpy(reg.ri, s->client.ri, sizeof reg.ri);
    else
        fr_random_hex(x->worker->env, reg.ri, FR_CLIENT_REG_LEN / 2);
    FR_TRY(fr_mmef_client_reg_encode(&reg, &x->body, err));
    s->client = reg;
    return FR_OK;
}

static void create_client(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (make_client(x, &err) != FR_OK)
        fr_exchange_refuse(x, &err);
    else
        answer_created(x, s->client.ri);
}

static void answer_key(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;

    fr_buf_put(&x->body, s->response.data, s->response.len);
    answer_created(x, s->relative_key_id);
}

/* Takes the vault's choices over the client's and keeps the exact answer. */
static enum fr_code make_key(struct fr_exchange *x, const struct fr_msg *reply,
                             struct fr_err *err)
{
    struct fr_mef_session *s = x->session;
    struct fr_mmef_key_reg *key = &s->key;
    char name[FR_ID_MAX + 1];

    fr_msg_text(reply, FR_F_TARGET, key->target, sizeof key->target);
    fr_msg_text(reply, FR_F_TARGET_FQDN, key->target_fqdn, sizeof key->target_fqdn);
    fr_msg_text(reply, FR_F_DERIVATION, name, sizeof name);
    if (!key->target[0] || !fr_derivation_by_name(name, &key->derivation))
        return FR_FAIL(err, FR_EINTERNAL, "the vault's answer names no target");
    if (fr_msg_has(reply, FR_F_EXPIRES))
        key->expires = (int64_t)fr_msg_u64(reply, FR_F_EXPIRES);
    snprintf(key->ri, sizeof key->ri, "%s", s->relative_key_id);
    snprintf(key->creator, sizeof key->creator, "%s", fr_mef_client_id(x));
    fr_buf_reset(&s->response);
    FR_TRY(fr_mmef_key_reg_encode(key, &s->response, err));
    return fr_sha256(fr_buf_view(&s->response), s->response_sha, err);
}

static void authorised(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK ||
        make_key(x, reply, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    s->state = FR_KEY_PROVISIONAL;
    answer_key(x);
}

static enum fr_code read_key(struct fr_exchange *x, struct fr_err *err)
{
    struct fr_mef_session *s = x->session;
    struct fr_slice body = fr_request_body(x->request);
    struct fr_mmef_key_reg *key = &s->key;

    FR_TRY(fr_mmef_key_reg_decode(body, key, err));
    FR_TRY(check_admin(x, key->admin_fqdn, sizeof key->admin_fqdn, err));
    FR_TRY(fr_mef_grant_expiry(x->worker, key->expires, &key->expires, err));
    if (!fr_suid_is_defined(key->suid))
        return FR_FAIL_AS(err, FR_EPARSE, "suid", "suid %d is not defined", key->suid);
    if (key->target[0] && !fr_target_is_valid(fr_slice_str(key->target)))
        return FR_FAIL_AS(err, FR_EPARSE, "target",
                          "the target is neither an FQDN nor an absolute id");
    return fr_sha256(body, s->request_sha, err);
}

static void authorise(struct fr_exchange *x)
{
    const struct fr_mmef_key_reg *key = &((struct fr_mef_session *)x->session)->key;
    struct fr_msg m = fr_exchange_message(x, FR_MSG_AUTHORISE);
    uint8_t suid[8], expires[8];

    fr_msg_set_u8(&m, FR_F_SUID, (uint8_t)key->suid, suid);
    fr_msg_set_u64(&m, FR_F_EXPIRES, (uint64_t)key->expires, expires);
    fr_msg_set_str(&m, FR_F_ADMIN_FQDN, key->admin_fqdn);
    fr_msg_set_str(&m, FR_F_TARGET, key->target[0] ? key->target : NULL);
    fr_exchange_ask(x, &m, authorised);
}

static enum fr_code check_repeat(const struct fr_exchange *x, struct fr_err *err)
{
    const struct fr_mef_session *s = x->session;
    uint8_t sha[FR_SHA256_LEN];

    FR_TRY(fr_mef_check_alive(s, err));
    FR_TRY(fr_sha256(fr_request_body(x->request), sha, err));
    if (memcmp(sha, s->request_sha, sizeof sha) != 0)
        return FR_FAIL_AS(err, FR_ECONFLICT, "second-registration",
                          "this connection has a key registration: open another one");
    return FR_OK;
}

/* One keyless registration a connection: a repeat of it is answered alike. */
static void repeat_key(struct fr_exchange *x)
{
    struct fr_err err;

    if (check_repeat(x, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        answer_key(x);
}

static void create_key(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (s->state != FR_KEY_NONE)
        repeat_key(x);
    else if (read_key(x, &err) != FR_OK)
        fr_exchange_refuse(x, &err);
    else
        authorise(x);
}

static enum fr_code choose(struct fr_exchange *x, void (**ret)(struct fr_exchange *),
                           struct fr_err *err)
{
    char root[16];
    bool has_key = false;

    FR_TRY(peek(fr_request_body(x->request), root, &has_key, err));
    if (fr_str_equal(root, "mecr"))
        *ret = create_client;
    else if (!fr_str_equal(root, "mkr"))
        return FR_FAIL_AS(err, FR_EPARSE, "resource-type",
                          "only mefClientReg and symmKeyReg can be created here");
    else if (has_key)
        return FR_FAIL_AS(err, FR_EPARSE, "key-value",
                          "a registration with a key value is not offered: leave it "
                          "out, and the key is the exporter's");
    else
        *ret = create_key;
    return FR_OK;
}

void fr_mef_create(struct fr_exchange *x)
{
    void (*create)(struct fr_exchange *) = NULL;
    struct fr_err err;

    if (!is_json_type(fr_request_header(x->request, "Content-Type"))) {
        (void)FR_FAIL_AS(&err, FR_EPARSE, "content-type", "the body must be %s",
                         FR_MMEF_TYPE);
        fr_exchange_fail_as(x, 415, 4015, &err);
    } else if (choose(x, &create, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
    } else {
        create(x);
    }
}

/* Resolve (DESIGN 6): which of an enrolee's slots is the MEF's current one? */
static void looked_up(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK) {
        s->looked_up[0] = 0;
        fr_exchange_fail(x, &err);
        return;
    }
    fr_buf_put(&x->body, reply->field[FR_F_RESPONSE].data,
               fr_msg_has(reply, FR_F_RESPONSE) ? reply->field[FR_F_RESPONSE].len : 0);
    fr_exchange_answer(x, 200, 2000, FR_MMEF_TYPE);
}

static void look_up(struct fr_exchange *x)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (!fr_mef_key_id_of(x, s->looked_up)) {
        s->looked_up[0] = 0;
        (void)FR_FAIL_AS(&err, FR_ENOTFOUND, "no-such-registration",
                         "no such registration");
        fr_exchange_fail(x, &err);
        return;
    }
    struct fr_msg m = fr_exchange_message(x, FR_MSG_LOOKUP);
    fr_msg_set_str(&m, FR_F_KEY_ID, s->looked_up);
    fr_exchange_ask(x, &m, looked_up);
}

void fr_mef_retrieve(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_mef_own_client(x, &err) != FR_OK)
        look_up(x);
    else if (fr_mmef_client_reg_encode(&s->client, &x->body, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_answer(x, 200, 2000, FR_MMEF_TYPE);
}

void fr_mef_delete(struct fr_exchange *x)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_mef_own_client(x, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    memset(&s->client, 0, sizeof s->client);
    fr_exchange_answer(x, 200, 2002, NULL);
}
