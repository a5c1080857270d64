/* SPDX-License-Identifier: Apache-2.0 */
/* Ub: the form of what a subscriber says. What is right, the vault decides. */
#include "server/bsf/bsf.h"

#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"
#include "model/instruction.h"
#include "proto/aka_digest.h"
#include "proto/gba_info.h"
#include "server/http/wait.h"
#include "server/ipc/digest_pack.h"

enum { SUID_MAX = 99, DIGEST_MAX = 4096 };

/* ---- what it wishes ---- */

/* Lent to a message. */
struct wishes {
    uint8_t suid[8], expires[8];
};

static enum fr_code bad_wish(const char *name, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EPARSE, "wish-malformed", "%s is malformed", name);
}

static enum fr_code wish_text(const struct fr_exchange *x, const char *name,
                              enum fr_field f, struct fr_msg *m, struct fr_err *err)
{
    const char *value = fr_request_header(x->request, name);

    if (!value)
        return FR_OK;
    if (strlen(value) > FR_ID_MAX || !fr_utf8_is_valid(fr_slice_str(value)))
        return bad_wish(name, err);
    fr_msg_set_str(m, f, value);
    return FR_OK;
}

static enum fr_code wish_suid(const struct fr_exchange *x, struct wishes *w,
                              struct fr_msg *m, struct fr_err *err)
{
    const char *value = fr_request_header(x->request, "X-Fieldroot-SUID");
    uint64_t suid = FR_SUID_DEFAULT;

    if (value && !fr_uint_parse(fr_slice_str(value), SUID_MAX, &suid))
        return bad_wish("X-Fieldroot-SUID", err);
    fr_msg_set_u8(m, FR_F_SUID, (uint8_t)suid, w->suid);
    return FR_OK;
}

static enum fr_code wish_expiry(const struct fr_exchange *x, struct wishes *w,
                                struct fr_msg *m, struct fr_err *err)
{
    const char *value = fr_request_header(x->request, "X-Fieldroot-Expires");
    int64_t at = 0;

    if (!value)
        return FR_OK;
    if (!fr_m2m_time_parse(fr_slice_str(value), &at) || at <= 0)
        return bad_wish("X-Fieldroot-Expires", err);
    fr_msg_set_u64(m, FR_F_EXPIRES, (uint64_t)at, w->expires);
    return FR_OK;
}

static enum fr_code take_wishes(const struct fr_exchange *x, struct wishes *w,
                                struct fr_msg *m, struct fr_err *err)
{
    FR_TRY(wish_text(x, "X-Fieldroot-Target", FR_F_TARGET, m, err));
    FR_TRY(wish_text(x, "X-Fieldroot-Admin-FQDN", FR_F_ADMIN_FQDN, m, err));
    FR_TRY(wish_suid(x, w, m, err));
    return wish_expiry(x, w, m, err);
}

/* ---- answers ---- */

static enum fr_code write_challenge(const struct fr_exchange *x,
                                    const struct fr_msg *reply, bool is_stale,
                                    struct fr_buf *to, struct fr_err *err)
{
    const struct fr_server_config *config = x->worker->config;
    struct fr_digest_challenge c = {.version = config->gba.akav2 ? FR_AKAV2_MD5
                                                                 : FR_AKAV1_MD5};

    if (!fr_msg_has(reply, FR_F_RAND) || !fr_msg_has(reply, FR_F_AUTN))
        return FR_FAIL(err, FR_EINTERNAL, "the vault's answer is no challenge");
    snprintf(c.realm, sizeof c.realm, "%s", config->mef_fqdn);
    memcpy(c.rand, reply->field[FR_F_RAND].data, sizeof c.rand);
    memcpy(c.autn, reply->field[FR_F_AUTN].data, sizeof c.autn);
    FR_TRY(fr_digest_challenge_write(&c, to, err));
    if (is_stale)
        fr_buf_str(to, ", stale=true");
    return fr_buf_check(to, err);
}

static void challenge(struct fr_exchange *x, const struct fr_msg *reply, bool is_stale)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    struct fr_err err;

    if (write_challenge(x, reply, is_stale, &value, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    fr_exchange_header(x, "WWW-Authenticate", fr_buf_cstr(&value));
    fr_exchange_answer(x, 401, 0, NULL);
}

static void challenged(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        challenge(x, reply, false);
}

/* The client's own numbers come back beside rspauth (RFC 7616 3.5). */
static enum fr_code write_info(const struct fr_exchange *x, const struct fr_msg *reply,
                               struct fr_buf *to, struct fr_err *err)
{
    struct fr_digest_info info = {.has_auth_int = true};
    struct fr_digest_auth a;

    if (!fr_msg_has(reply, FR_F_RSPAUTH) || !fr_msg_has(reply, FR_F_RESPONSE))
        return FR_FAIL(err, FR_EINTERNAL, "the vault's answer is no response");
    FR_TRY(
        fr_digest_auth_parse(fr_request_header(x->request, "Authorization"), &a, err));
    fr_hex_encode(reply->field[FR_F_RSPAUTH], info.rspauth, false);
    memcpy(info.cnonce, a.cnonce, sizeof info.cnonce);
    memcpy(info.nc, a.nc, sizeof info.nc);
    return fr_digest_info_write(&info, to, err);
}

static enum fr_code put_proofs(struct fr_exchange *x, const struct fr_msg *reply,
                               struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    char btid[FR_BTID_MAX + 1];

    FR_TRY(write_info(x, reply, &value, err));
    fr_exchange_header(x, "Authentication-Info", fr_buf_cstr(&value));
    return fr_bsf_put_proof(x, fr_msg_text(reply, FR_F_KEY_ID, btid, sizeof btid),
                            reply, err);
}

static void finished(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
    } else if (fr_msg_has(reply, FR_F_RAND)) {
        challenge(x, reply, true);
    } else if (put_proofs(x, reply, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
    } else {
        fr_buf_put(&x->body, reply->field[FR_F_RESPONSE].data,
                   reply->field[FR_F_RESPONSE].len);
        fr_exchange_answer(x, 200, 2000, FR_GBA_INFO_TYPE);
    }
}

/* ---- the request ---- */

static enum fr_code take_request(const struct fr_exchange *x, struct fr_digest_auth *a,
                                 struct fr_err *err)
{
    const char *value = fr_request_header(x->request, "Authorization");

    if (!value)
        return FR_FAIL_AS(err, FR_EPARSE, "authorization-missing",
                          "Ub begins with Authorization: Digest username=<IMPI>");
    if (fr_request_body(x->request).len > 0)
        return FR_FAIL_AS(err, FR_EPARSE, "body-unexpected",
                          "a request of Ub has no body");
    return fr_digest_auth_parse(value, a, err);
}

static void begin(struct fr_exchange *x, const struct fr_digest_auth *a)
{
    struct fr_msg m = {.type = FR_MSG_UB_BEGIN};
    struct wishes wishes;
    struct fr_err err;

    fr_msg_set_str(&m, FR_F_ADDRESS, x->client->address);
    fr_msg_set_str(&m, FR_F_SUBSCRIBER, a->username);
    if (take_wishes(x, &wishes, &m, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_ask(x, &m, challenged);
}

static void respond(struct fr_exchange *x, const struct fr_digest_auth *a)
{
    FR_AUTO_CLEAR(buf) packed = FR_BUF_INIT(DIGEST_MAX);
    struct fr_msg m = {.type = a->has_auts ? FR_MSG_UB_RESYNC : FR_MSG_UB_FINISH};
    struct wishes wishes;
    struct fr_err err;

    if (fr_digest_pack(a, &packed, &err) != FR_OK ||
        take_wishes(x, &wishes, &m, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    fr_msg_set_str(&m, FR_F_ADDRESS, x->client->address);
    fr_msg_set(&m, FR_F_DIGEST, fr_buf_view(&packed));
    fr_exchange_ask(x, &m, a->has_auts ? challenged : finished);
}

/* The first request asks nothing of the vault but a challenge, so its words for the
 * realm are compared here; a response's there. */
static enum fr_code check_first(const struct fr_exchange *x,
                                const struct fr_digest_auth *a, struct fr_err *err)
{
    const char *fqdn = x->worker->config->mef_fqdn;

    if (!a->username[0])
        return FR_FAIL_AS(err, FR_EPARSE, "authorization-malformed",
                          "the username is empty");
    if (!fr_ascii_equal_fold(a->realm, fqdn))
        return FR_FAIL_AS(err, FR_EREFUSED, "realm-mismatch",
                          "the realm is \"%.100s\", not %s", a->realm, fqdn);
    if (!fr_str_equal(a->uri, "/"))
        return FR_FAIL_AS(err, FR_EREFUSED, "uri-mismatch", "the uri is not \"/\"");
    return FR_OK;
}

static void ub(struct fr_exchange *x)
{
    struct fr_digest_auth a;
    struct fr_err err;

    fr_exchange_header(x, "Server", FR_BSF_PRODUCT);
    if (take_request(x, &a, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else if (check_first(x, &a, &err) != FR_OK)
        fr_exchange_refuse(x, &err);
    else if (a.nonce[0])
        respond(x, &a);
    else
        begin(x, &a);
}

/* ---- the service ---- */

/* OpenSSL reads its configuration at the first digest, which in a worker that speaks no
 * TLS would be behind the sandbox. */
static enum fr_code start(struct fr_worker_context *w, struct fr_err *err)
{
    uint8_t unused[FR_SHA256_LEN];

    (void)w;
    return fr_sha256((struct fr_slice){0}, unused, err);
}

static enum fr_code session_new(const struct fr_worker_context *w,
                                const struct fr_client *client, void **ret,
                                struct fr_err *err)
{
    struct fr_bsf_session *s = calloc(1, sizeof *s);

    (void)w;
    (void)client;
    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a session");
    *ret = s;
    return FR_OK;
}

static void session_free(void *session)
{
    struct fr_bsf_session *s = session;

    if (s)
        fr_wait_free(s->wait);
    free(s);
}

static const struct fr_route routes[] = {
    {"GET", "/", ub},
    {"GET", "/fieldroot/v1/gba/ack", fr_bsf_ack},
    {"POST", "/fieldroot/v1/gba/ack", fr_bsf_ack},
    {"POST", "/fieldroot/v1/gba/attempts", fr_bsf_attempts},
    {"POST", "/fieldroot/v1/gba/targets", fr_bsf_target},
    {"GET", "/fieldroot/v1/gba/fetched", fr_bsf_fetched},
    {.method = NULL},
};

const struct fr_service fr_service_bsf = {
    .name = "gba-bsf",
    .is_anonymous = true,
    .routes = routes,
    .start = start,
    .session_new = session_new,
    .session_free = session_free,
};
