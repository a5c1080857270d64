/* SPDX-License-Identifier: Apache-2.0 */
/* After the commit: who holds Ks may acknowledge it, report, ask whether its target has
 * fetched the key, and have one for another target. */
#include <string.h>

#include "base/str.h"
#include "model/instruction.h"
#include "proto/gba_info.h"
#include "server/vault/ub.h"

const char *fr_ub_impi_of(const struct fr_store_credential *c)
{
    return c->san + strlen("impi:");
}

static bool is_of_ub(const struct fr_store_credential *c)
{
    return strncmp(c->san, "impi:", strlen("impi:")) == 0;
}

static enum fr_code find(struct fr_request *q, struct fr_store_credential *ret,
                         struct fr_err *err)
{
    char btid[FR_KEYID_MAX + 1];
    enum fr_code rc = FR_ENOTFOUND;

    fr_msg_text(q->m, FR_F_KEY_ID, btid, sizeof btid);
    if (fr_btid_is_valid(btid, q->v->config.mef_fqdn))
        rc = FR_ASK(q->v, err, credential_find, btid, ret);
    if (rc != FR_OK && rc != FR_ENOTFOUND)
        return rc;
    if (rc == FR_ENOTFOUND || !is_of_ub(ret) || ret->expires <= q->now)
        return fr_vault_unknown_key(btid, "", err);
    snprintf(q->who.name, sizeof q->who.name, "%.20s", ret->place.identity);
    memcpy(q->who.identity, ret->place.identity, sizeof q->who.identity);
    return FR_OK;
}

/* ---- the proof ---- */

enum fr_code fr_ub_mef_key(const struct fr_vault *v,
                           const struct fr_store_credential *c,
                           const struct fr_secret *ks, struct fr_secret **ret,
                           struct fr_err *err)
{
    uint8_t storage[FR_AKA_RAND_LEN + 1];
    struct fr_buf rand = {
        .data = storage, .cap = sizeof storage, .max = FR_AKA_RAND_LEN};
    struct fr_gba_naf naf = {.key = FR_GBA_ME,
                             .impi = fr_ub_impi_of(c),
                             .naf_fqdn = v->config.mef_fqdn,
                             .ua = FR_UA_HTTP_DIGEST};

    if (!fr_base64_decode(fr_slice_of(c->key_id, strcspn(c->key_id, "@")), false,
                          &rand) ||
        rand.len != FR_AKA_RAND_LEN)
        return FR_FAIL(err, FR_ESTORE, "B-TID %s has no RAND", c->key_id);
    naf.rand = fr_buf_view(&rand);
    return fr_gba_naf_key(ks, &naf, ret, err);
}

static enum fr_code take_line(const struct fr_request *q, char to[FR_UB_LINE_MAX + 1],
                              struct fr_gba_proof *proof, struct fr_err *err)
{
    char *space;

    if (q->m->field[FR_F_REQUEST_LINE].len > FR_UB_LINE_MAX)
        return FR_FAIL(err, FR_EPARSE, "the request line is too long");
    fr_msg_text(q->m, FR_F_REQUEST_LINE, to, FR_UB_LINE_MAX + 1);
    space = strchr(to, ' ');
    if (!space)
        return FR_FAIL(err, FR_EPARSE, "the request line is none");
    *space = 0;
    proof->method = to;
    proof->path = space + 1;
    return FR_OK;
}

static enum fr_code check_proof(const struct fr_request *q,
                                const struct fr_store_credential *c,
                                const struct fr_secret *key, struct fr_err *err)
{
    struct fr_gba_proof proof = {.btid = c->key_id, .mef_fqdn = q->v->config.mef_fqdn};
    char line[FR_UB_LINE_MAX + 1];
    uint8_t mac[FR_SHA256_LEN];

    FR_TRY(take_line(q, line, &proof, err));
    memcpy(proof.body_sha256, q->m->field[FR_F_REQUEST_SHA].data, FR_SHA256_LEN);
    FR_TRY(fr_gba_proof_mac(key, &proof, mac, err));
    if (!fr_mac_equal(fr_slice_of(mac, sizeof mac), q->m->field[FR_F_MAC]))
        return FR_FAIL_AS(err, FR_EREFUSED, "proof-mismatch",
                          "the proof is not made with the Ks of %s", c->key_id);
    return FR_OK;
}

/* ret_key: of fr_ub_mef_key(). */
static enum fr_code find_proven(struct fr_request *q, struct fr_store_credential *ret,
                                struct fr_secret **ret_key, struct fr_err *err)
{
    FR_AUTO(secret) *ks = NULL;
    FR_AUTO(secret) *key = NULL;

    FR_TRY(find(q, ret, err));
    FR_TRY(fr_vault_unwrap(q->v, ret, &ks, err));
    FR_TRY(fr_ub_mef_key(q->v, ret, ks, &key, err));
    FR_TRY(check_proof(q, ret, key, err));
    *ret_key = FR_TAKE(key);
    return FR_OK;
}

enum fr_code fr_ub_prove_answer(const struct fr_request *q,
                                const struct fr_store_credential *c,
                                const struct fr_secret *key, const char *path,
                                struct fr_slice body, struct fr_err *err)
{
    struct fr_gba_proof proof = {.btid = c->key_id,
                                 .mef_fqdn = q->v->config.mef_fqdn,
                                 .method = FR_GBA_PROOF_ANSWER,
                                 .path = path};
    uint8_t mac[FR_SHA256_LEN];

    FR_TRY(fr_sha256(body, proof.body_sha256, err));
    FR_TRY(fr_gba_proof_mac(key, &proof, mac, err));
    fr_reply_put(q->reply, FR_F_MAC, fr_slice_of(mac, sizeof mac));
    return FR_OK;
}

/* ---- the requests ---- */

/* Who asks is told what the response was told; who has it, and takes the key over, is
 * not told again. */
static enum fr_code answer(struct fr_request *q, const char *method,
                           const struct fr_store_credential *c, struct fr_buf *body,
                           struct fr_err *err)
{
    if (fr_str_equal(method, "POST"))
        return fr_vault_ack_key(q, c, err);
    FR_TRY(FR_ASK(q->v, err, credential_response, c->key_id, body));
    fr_reply_put(q->reply, FR_F_RESPONSE, fr_buf_view(body));
    return FR_OK;
}

enum fr_code fr_vault_ub_ack(struct fr_request *q, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_GBA_INFO_MAX);
    struct fr_store_credential c = {0};
    char line[FR_UB_LINE_MAX + 1];
    struct fr_gba_proof proof;
    FR_AUTO(secret) *key = NULL;
    enum fr_code rc = find_proven(q, &c, &key, err);

    /* Each "no" is a line of the audit trail; see there. */
    if (rc == FR_ENOTFOUND && !fr_rate_admits(&q->v->rates.refusals, q->now))
        return FR_FAIL_AS(err, FR_ECONFLICT, "too-many-lookups",
                          "too many look-ups of unknown keys: try again");
    FR_TRY(rc);
    FR_TRY(take_line(q, line, &proof, err));
    FR_TRY(answer(q, proof.method, &c, &body, err));
    return fr_ub_prove_answer(q, &c, key, proof.path, fr_buf_view(&body), err);
}

static enum fr_code check_json(const struct fr_request *q, struct fr_err *err)
{
    uint8_t sha[FR_SHA256_LEN];

    FR_TRY(fr_sha256(q->m->field[FR_F_JSON], sha, err));
    if (memcmp(sha, q->m->field[FR_F_REQUEST_SHA].data, sizeof sha) != 0)
        return FR_FAIL_AS(err, FR_EREFUSED, "proof-mismatch",
                          "the proof is not of this body");
    return FR_OK;
}

enum fr_code fr_vault_ub_report(struct fr_request *q, struct fr_err *err)
{
    struct fr_store_credential c = {0};
    FR_AUTO(secret) *key = NULL;

    FR_TRY(find_proven(q, &c, &key, err));
    FR_TRY(check_json(q, err));
    return fr_vault_keep_attempts(q, err);
}

enum fr_code fr_vault_ub_fetched(struct fr_request *q, struct fr_err *err)
{
    struct fr_store_credential c = {0};
    FR_AUTO(secret) *key = NULL;

    FR_TRY(find_proven(q, &c, &key, err));
    if (c.fetched)
        fr_reply_u64(q->reply, FR_F_FETCHED, (uint64_t)c.fetched);
    return FR_OK;
}

/* ---- a key for another target ---- */

static enum fr_code take_wish(const struct fr_request *q, struct fr_gba_wish *ret,
                              struct fr_err *err)
{
    FR_TRY(check_json(q, err));
    if (fr_gba_wish_parse(q->m->field[FR_F_JSON], ret, err) != FR_OK)
        return FR_FAIL_AS(err, FR_EPARSE, "target-malformed",
                          "the body does not name a target");
    if (!fr_suid_is_defined(ret->suid))
        return FR_FAIL_AS(err, FR_EPARSE, "suid-undefined", "SUID %d is not defined",
                          ret->suid);
    return FR_OK;
}

static enum fr_code grant(const struct fr_request *q,
                          const struct fr_store_credential *c,
                          const struct fr_gba_wish *wish, struct fr_grant *ret,
                          struct fr_err *err)
{
    *ret = (struct fr_grant){.suid = wish->suid, .expires = fr_vault_end_of(c)};
    memcpy(ret->admin_fqdn, c->place.admin_fqdn, sizeof ret->admin_fqdn);
    return fr_grant_target(q->v, c->enrolee, wish->target, &ret->target, err);
}

static bool is_told(const struct fr_store_told *told, const char *fqdn)
{
    for (size_t i = 0; i < told->n; i++)
        if (fr_str_equal(told->list[i].fqdn, fqdn))
            return true;
    return false;
}

static enum fr_code tell(const struct fr_request *q,
                         const struct fr_store_credential *c, const struct fr_grant *g,
                         struct fr_err *err)
{
    const struct fr_said said = {.actor = c->san,
                                 .action = fr_msg_name(FR_MSG_UB_TARGET),
                                 .subject = c->key_id,
                                 .decision = "allowed",
                                 .reason = "reused"};
    const char *fqdn = g->target.fqdn;
    struct fr_store_told told = {0};

    FR_TRY(FR_ASK(q->v, err, credential_told, c, &told));
    if (fr_str_equal(fqdn, c->target_fqdn) || is_told(&told, fqdn))
        return FR_OK;
    if (told.n == FR_STORE_TOLD_MAX)
        return FR_FAIL_AS(err, FR_EREFUSED, "too-many-targets",
                          "one Ks serves %d targets besides its own at most",
                          FR_STORE_TOLD_MAX);
    FR_TRY(FR_ASK(q->v, err, credential_tell, c, fqdn, g->suid, q->now));
    FR_TRY(fr_vault_grow(q->v, fqdn, err));
    return fr_vault_audit(q->v, &said, err, "%s (\"%s\") from %s has it for %s too",
                          c->san, c->enrolee, q->who.address, g->target.id);
}

enum fr_code fr_vault_ub_target(struct fr_request *q, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) xml = FR_BUF_INIT(FR_GBA_INFO_MAX);
    struct fr_store_credential c = {0};
    char line[FR_UB_LINE_MAX + 1];
    struct fr_gba_proof proof;
    struct fr_gba_wish wish;
    FR_AUTO(secret) *key = NULL;
    struct fr_grant g;

    FR_TRY(find_proven(q, &c, &key, err));
    FR_TRY(take_wish(q, &wish, err));
    FR_TRY(grant(q, &c, &wish, &g, err));
    FR_TRY(tell(q, &c, &g, err));
    FR_TRY(take_line(q, line, &proof, err));
    FR_TRY(fr_ub_write_info(q, &g, c.key_id, &xml, err));
    fr_reply_put(q->reply, FR_F_RESPONSE, fr_buf_view(&xml));
    return fr_ub_prove_answer(q, &c, key, proof.path, fr_buf_view(&xml), err);
}
