/* SPDX-License-Identifier: Apache-2.0 */
/* The response: proof that the SIM is there, and the commit. */
#include <string.h>

#include "base/str.h"
#include "proto/gba_info.h"
#include "server/ipc/digest_pack.h"
#include "server/vault/source.h"
#include "server/vault/ub.h"

enum { NONCE_LEN = FR_AKA_RAND_LEN + FR_AKA_AUTN_LEN };

/* ---- what a response must be ---- */

enum fr_code fr_ub_check_form(const struct fr_vault *v, const struct fr_digest_auth *a,
                              struct fr_err *err)
{
    enum fr_aka_version version = v->config.gba.akav2 ? FR_AKAV2_MD5 : FR_AKAV1_MD5;

    if (!fr_ascii_equal_fold(a->realm, v->config.mef_fqdn))
        return FR_FAIL_AS(err, FR_EREFUSED, "realm-mismatch",
                          "the realm is \"%.100s\", not %s", a->realm,
                          v->config.mef_fqdn);
    if (!fr_str_equal(a->uri, "/"))
        return FR_FAIL_AS(err, FR_EREFUSED, "uri-mismatch", "the uri is not \"/\"");
    if (a->version != version)
        return FR_FAIL_AS(err, FR_EREFUSED, "digest-algorithm",
                          "the algorithm is not the one of the challenge");
    if (!a->has_auth_int)
        return FR_FAIL_AS(err, FR_EREFUSED, "digest-qop",
                          "the response is without auth-int");
    if (!fr_str_equal(a->nc, "00000001") || !a->cnonce[0])
        return FR_FAIL_AS(err, FR_EREFUSED, "digest-count",
                          "nc is not 00000001, or there is no cnonce");
    return FR_OK;
}

/* RAND and AUTN; false: no nonce of ours. Its text is part of what is hashed. */
static bool take_nonce(const char *nonce, uint8_t to[NONCE_LEN])
{
    uint8_t storage[NONCE_LEN + 1];
    struct fr_buf octets = {.data = storage, .cap = sizeof storage, .max = NONCE_LEN};

    if (!fr_base64_decode(fr_slice_str(nonce), false, &octets) ||
        octets.len != NONCE_LEN)
        return false;
    memcpy(to, octets.data, NONCE_LEN);
    return true;
}

static bool is_of(const struct fr_ub_run *run, const char *username,
                  const uint8_t nonce[NONCE_LEN])
{
    return fr_str_equal(run->username, username) &&
           memcmp(run->rand, nonce, FR_AKA_RAND_LEN) == 0 &&
           memcmp(run->autn, nonce + FR_AKA_RAND_LEN, FR_AKA_AUTN_LEN) == 0;
}

struct fr_entry *fr_ub_find_challenge(const struct fr_request *q,
                                      const struct fr_digest_auth *a)
{
    uint8_t nonce[NONCE_LEN];
    struct fr_entry *e;

    if (!take_nonce(a->nonce, nonce))
        return NULL;
    e = fr_ub_challenge_of(q->v, nonce);
    if (!e || e->deadline_ms <= fr_mono_ms(q->v->env))
        return NULL;
    return is_of(e->data, a->username, nonce) ? e : NULL;
}

enum fr_code fr_ub_grant_answer(struct fr_request *q, const struct fr_digest_auth *a,
                                struct fr_entry **ret_challenge, struct fr_grant *ret,
                                struct fr_err *err)
{
    struct fr_entry *e = fr_ub_find_challenge(q, a);

    *ret_challenge = e;
    return fr_ub_grant(q, e ? ((const struct fr_ub_run *)e->data)->impi : a->username,
                       ret, err);
}

enum fr_code fr_ub_check_response(const struct fr_digest_auth *a,
                                  const struct fr_secret *password, struct fr_err *err)
{
    char expected[FR_DIGEST_HEX + 1];

    FR_TRY(fr_digest_compute(a, password, "GET", (struct fr_slice){0}, expected, err));
    if (!fr_digest_equal(expected, a->response))
        return FR_FAIL_AS(err, FR_EREFUSED, "digest-mismatch",
                          "the response is not that of the SIM in the HSS");
    return FR_OK;
}

static enum fr_code password_of(const struct fr_ub_run *run,
                                enum fr_aka_version version, struct fr_secret **ret,
                                struct fr_err *err)
{
    const struct fr_slice all = fr_secret_view(run->keys);
    const struct fr_aka_keys keys = {
        .ck = fr_slice_of(all.data, FR_AKA_KEY_LEN),
        .ik = fr_slice_of(all.data + FR_AKA_KEY_LEN, FR_AKA_KEY_LEN),
        .res = fr_slice_of(all.data + FR_KS_LEN, all.len - FR_KS_LEN)};

    return fr_digest_password(version, &keys, ret, err);
}

/* ---- the credential ---- */

enum fr_code fr_ub_write_info(const struct fr_request *q, const struct fr_grant *g,
                              const char *btid, struct fr_buf *to, struct fr_err *err)
{
    struct fr_gba_info info = {
        .lifetime = g->expires, .current_time = q->now, .suid = g->suid};

    snprintf(info.btid, sizeof info.btid, "%s", btid);
    snprintf(info.target, sizeof info.target, "%s", g->target.id);
    snprintf(info.target_fqdn, sizeof info.target_fqdn, "%s", g->target.fqdn);
    snprintf(info.admin_fqdn, sizeof info.admin_fqdn, "%s", g->admin_fqdn);
    return fr_gba_info_write(&info, to, err);
}

/* By which it may call itself the next time; a card that keeps Ks cannot make it. */
static enum fr_code put_tmpi(const struct fr_vault *v, const struct fr_ub_run *run,
                             const struct fr_secret *ks, struct fr_store_credential *c,
                             struct fr_err *err)
{
    char tmpi[FR_ID_MAX + 1];

    if (!v->config.gba.tmpi || run->is_gba_u)
        return FR_OK;
    FR_TRY(fr_gba_tmpi(ks, fr_slice_of(run->rand, sizeof run->rand), run->impi,
                       v->config.mef_fqdn, tmpi, err));
    fr_tmpi_user(tmpi, c->tmpi);
    return FR_OK;
}

static enum fr_code commit(struct fr_request *q, const struct fr_grant *g,
                           const struct fr_ub_run *run, struct fr_slice xml,
                           struct fr_store_credential *c, struct fr_err *err)
{
    FR_AUTO(secret) *ks = NULL;
    FR_AUTO(secret) *key = NULL;

    fr_grant_fill(q, g, c);
    c->confirmed = true;
    c->derivation = run->is_gba_u ? FR_DERIVE_GBA_U : FR_DERIVE_GBA;
    snprintf(c->method, sizeof c->method, "gba");
    snprintf(c->credential_ref, sizeof c->credential_ref, "imsi:%s", run->imsi);
    fr_source_put_gba(run->rand, run->impi, c->context);
    FR_TRY(fr_sha256((struct fr_slice){0}, c->request_sha, err));
    FR_TRY(fr_sha256(xml, c->response_sha, err));
    FR_TRY(fr_secret_from(fr_secret_view(run->keys).data, FR_KS_LEN, &ks, err));
    FR_TRY(put_tmpi(q->v, run, ks, c, err));
    FR_TRY(fr_vault_commit_new(q, c, ks, xml, err));
    FR_TRY(fr_ub_mef_key(q->v, c, ks, &key, err));
    return fr_ub_prove_answer(q, c, key, "/", xml, err);
}

/* rspauth vouches for the body, and so for B-TID, lifetime and target. */
static enum fr_code put_reply(struct fr_request *q, const struct fr_digest_auth *a,
                              const struct fr_secret *password, struct fr_slice xml,
                              const char *btid, struct fr_err *err)
{
    char rspauth[FR_DIGEST_HEX + 1];
    uint8_t octets[FR_DIGEST_LEN];

    FR_TRY(fr_digest_compute(a, password, "", xml, rspauth, err));
    if (!fr_hex_decode(fr_slice_str(rspauth), octets))
        return FR_FAIL(err, FR_EINTERNAL, "rspauth is no hex");
    fr_reply_put(q->reply, FR_F_RSPAUTH, fr_slice_of(octets, sizeof octets));
    fr_reply_put(q->reply, FR_F_RESPONSE, xml);
    fr_reply_str(q->reply, FR_F_KEY_ID, btid);
    return FR_OK;
}

static enum fr_code finish(struct fr_request *q, const struct fr_digest_auth *a,
                           const struct fr_grant *g, const struct fr_ub_run *run,
                           struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) xml = FR_BUF_INIT(FR_GBA_INFO_MAX);
    FR_AUTO(secret) *password = NULL;
    struct fr_store_credential c = {0};
    char btid[FR_BTID_MAX + 1];

    FR_TRY(password_of(run, a->version, &password, err));
    FR_TRY(fr_ub_check_response(a, password, err));
    fr_btid_format(run->rand, q->v->config.mef_fqdn, btid);
    snprintf(c.key_id, sizeof c.key_id, "%s", btid);
    FR_TRY(fr_ub_write_info(q, g, btid, &xml, err));
    FR_TRY(commit(q, g, run, fr_buf_view(&xml), &c, err));
    return put_reply(q, a, password, fr_buf_view(&xml), btid, err);
}

/* Whoever answers what is no challenge of ours, or one that was answered, gets a fresh
 * one. */
enum fr_code fr_vault_ub_finish(struct fr_request *q, struct fr_err *err)
{
    struct fr_digest_auth a;
    const struct fr_ub_wish anew = {.username = a.username};
    struct fr_grant g;
    struct fr_entry *e;

    FR_TRY(fr_digest_unpack(q->m->field[FR_F_DIGEST], &a, err));
    FR_TRY(fr_ub_grant_answer(q, &a, &e, &g, err));
    FR_TRY(fr_ub_check_form(q->v, &a, err));
    if (!e)
        return fr_ub_ask_hss(q, &anew, err);
    fr_journal_take(fr_ub_table(q->v->ub), e);
    return finish(q, &a, &g, e->data, err);
}
