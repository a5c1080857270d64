/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enrolment side: authorise, commit, ack, lookup, report (DESIGN 6, commit
 * protocol).
 */
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "base/timetext.h"
#include "model/attempt.h"
#include "model/json_text.h"
#include "proto/mmef.h"
#include "server/vault/internal.h"
#include "server/vault/rate.h"

enum fr_code fr_vault_authorise(struct fr_request *q, struct fr_err *err)
{
    struct fr_grant g;

    FR_TRY(fr_who_listed(q->v, &q->who, err));
    FR_TRY(fr_grant_decide(q, &g, err));
    fr_reply_str(q->reply, FR_F_TARGET, g.target.id);
    fr_reply_str(q->reply, FR_F_TARGET_FQDN, g.target.fqdn);
    fr_reply_str(q->reply, FR_F_DERIVATION, fr_derivation_name(g.target.derivation));
    fr_reply_str(q->reply, FR_F_ENROLEE, q->who.listing.name);
    fr_reply_u64(q->reply, FR_F_EXPIRES, (uint64_t)g.expires);
    return FR_OK;
}

/* ---- commit ---- */

struct commit {
    struct fr_store_credential c;
    struct fr_secret *ke;
    struct fr_slice response;
    struct fr_confirm_fields fields; /* borrows from c */
};

static void commit_clear(struct commit *k)
{
    fr_secret_free(k->ke);
}
#define COMMIT_AUTO __attribute__((cleanup(commit_clear))) struct commit

static enum fr_code take_key_id(const struct fr_request *q, char to[FR_KEYID_MAX + 1],
                                struct fr_err *err)
{
    const char *at;

    if (!fr_keyid_parse(q->m->field[FR_F_KEY_ID], to))
        return FR_FAIL_AS(err, FR_EPARSE, "key-id-form", "that is no KeID");
    at = strchr(to, '@');
    if (!at || !fr_str_equal(at + 1, q->v->config.mef_fqdn))
        return FR_FAIL_AS(err, FR_EPARSE, "key-id-form",
                          "KeID %s is not of this MEF (%s)", to, q->v->config.mef_fqdn);
    return FR_OK;
}

/* What the worker says of the handshake and of the bodies has to agree with itself. */
static enum fr_code check_claims(const struct fr_request *q, const struct commit *k,
                                 struct fr_err *err)
{
    char ref[FR_CREDENTIAL_REF_MAX + 1];
    uint8_t sha[FR_SHA256_LEN];

    fr_confirm_cert_ref(q->who.peer.leaf_sha256, ref);
    if (!fr_str_equal(ref, k->c.credential_ref))
        return FR_FAIL_AS(err, FR_EPARSE, "credential-ref",
                          "the credential reference is not of the peer's certificate");
    FR_TRY(fr_sha256(k->response, sha, err));
    if (memcmp(sha, k->c.response_sha, sizeof sha) != 0)
        return FR_FAIL_AS(err, FR_EPARSE, "response-hash",
                          "the response's hash is not that of the response");
    return FR_OK;
}

static enum fr_code take_fields(const struct fr_request *q, struct commit *k,
                                struct fr_err *err)
{
    const struct fr_msg *m = q->m;
    struct fr_store_credential *c = &k->c;

    if (m->field[FR_F_METHOD].len >= sizeof c->method)
        return FR_FAIL(err, FR_EPARSE, "a method's name has at most 32 octets");
    FR_TRY(take_key_id(q, c->key_id, err));
    fr_msg_text(m, FR_F_METHOD, c->method, sizeof c->method);
    fr_msg_text(m, FR_F_CREDENTIAL_REF, c->credential_ref, sizeof c->credential_ref);
    fr_msg_text(m, FR_F_CLIENT_REG, c->client_reg, sizeof c->client_reg);
    memcpy(c->request_sha, m->field[FR_F_REQUEST_SHA].data, FR_SHA256_LEN);
    memcpy(c->response_sha, m->field[FR_F_RESPONSE_SHA].data, FR_SHA256_LEN);
    k->response = m->field[FR_F_RESPONSE];
    return fr_secret_from(m->field[FR_F_KE].data, FR_KE_LEN, &k->ke, err);
}

void fr_grant_fill(const struct fr_request *q, const struct fr_grant *g,
                   struct fr_store_credential *c)
{
    memcpy(c->place.identity, q->who.identity, sizeof c->place.identity);
    memcpy(c->place.admin_fqdn, g->admin_fqdn, sizeof c->place.admin_fqdn);
    memcpy(c->place.target, g->target.id, sizeof c->place.target);
    memcpy(c->target_fqdn, g->target.fqdn, sizeof c->target_fqdn);
    memcpy(c->enrolee, q->who.listing.name, sizeof c->enrolee);
    memcpy(c->san, q->who.san, sizeof c->san);
    c->place.suid = g->suid;
    c->derivation = g->target.derivation;
    c->created = q->now;
    c->expires = g->expires;
}

static enum fr_code check_mac(const struct fr_request *q, struct commit *k,
                              struct fr_err *err)
{
    k->fields = (struct fr_confirm_fields){.key_id = k->c.key_id,
                                           .mef_fqdn = q->v->config.mef_fqdn,
                                           .credential = k->c.credential_ref};
    memcpy(k->fields.request_sha256, k->c.request_sha, FR_SHA256_LEN);
    memcpy(k->fields.response_sha256, k->c.response_sha, FR_SHA256_LEN);
    k->c.confirmed = fr_msg_has(q->m, FR_F_MAC);
    if (k->c.confirmed)
        return fr_confirm_check(k->ke, FR_CONFIRM_ENROLEE, &k->fields,
                                q->m->field[FR_F_MAC], err);
    if (q->v->config.confirmation_required)
        return FR_FAIL_AS(err, FR_EREFUSED, "confirmation-missing",
                          "this MEF requires a key confirmation, and none was sent");
    return FR_OK;
}

static bool is_same_registration(const struct fr_store_credential *a,
                                 const struct fr_store_credential *b)
{
    return fr_str_equal(a->place.identity, b->place.identity) &&
           fr_str_equal(a->place.admin_fqdn, b->place.admin_fqdn) &&
           fr_str_equal(a->place.target, b->place.target) &&
           a->place.suid == b->place.suid &&
           memcmp(a->request_sha, b->request_sha, FR_SHA256_LEN) == 0 &&
           memcmp(a->response_sha, b->response_sha, FR_SHA256_LEN) == 0;
}

/* FR_ENOTFOUND: a new KeID. FR_OK: the same request once more, whose first answer may
 * have been lost. */
static enum fr_code check_repeat(const struct fr_request *q, const struct commit *k,
                                 struct fr_err *err)
{
    FR_AUTO(secret) *had = NULL;
    struct fr_store_credential known = {0};

    FR_TRY(FR_ASK(q->v, err, credential_find, k->c.key_id, &known));
    FR_TRY(fr_vault_unwrap(q->v, &known, &had, err));
    if (!is_same_registration(&known, &k->c) || !fr_secret_equal(had, k->ke))
        return FR_FAIL_AS(err, FR_ECONFLICT, "key-id-exists",
                          "KeID %s was registered already, with another request",
                          k->c.key_id);
    return FR_OK;
}

/* A key that was replaced before its device took it over: a cut exchange, or two
 * devices with one identity. */
static enum fr_code note_clone(const struct fr_request *q,
                               const struct fr_store_credential *c,
                               const struct fr_store_displaced *d, struct fr_err *err)
{
    const struct fr_said said = {.actor = q->who.san,
                                 .action = "commit",
                                 .subject = c->key_id,
                                 .decision = "noted",
                                 .reason = "possible-clone"};

    if (!d->previous[0] || d->was_acked)
        return FR_OK;
    return fr_vault_audit(q->v, &said, err,
                          "%s from %s replaced %s, which no device had acknowledged: a "
                          "cut enrolment, or a second device with that identity",
                          q->who.san, q->who.address, d->previous);
}

static enum fr_code note_commit(const struct fr_request *q,
                                const struct fr_store_credential *c,
                                const struct fr_store_displaced *d, struct fr_err *err)
{
    const struct fr_said said = {.actor = q->who.san,
                                 .action = "commit",
                                 .subject = c->key_id,
                                 .decision = "allowed",
                                 .reason = c->confirmed ? "confirmed" : "unconfirmed"};
    char until[FR_TIME_TEXT];

    return fr_vault_audit(
        q->v, &said, err, "%s (\"%s\") from %s enrolled for %s, SUID %d, until %s%s%s",
        q->who.san, q->who.listing.name, q->who.address, c->place.target, c->place.suid,
        fr_rfc3339_format(c->expires, until), d->previous[0] ? "; previous now: " : "",
        d->previous);
}

enum fr_code fr_vault_commit_new(const struct fr_request *q,
                                 struct fr_store_credential *c,
                                 const struct fr_secret *ke, struct fr_slice response,
                                 struct fr_err *err)
{
    struct fr_store_displaced displaced = {0};

    FR_TRY(fr_vault_rate_identity(q->v->identities, q->who.identity,
                                  fr_mono_ms(q->v->env), err));
    FR_TRY(fr_vault_wrap(q->v, c, ke, err));
    FR_TRY(FR_ASK(q->v, err, credential_commit, c, response, &displaced));
    FR_TRY(fr_vault_grow(q->v, c->target_fqdn, err));
    FR_TRY(note_clone(q, c, &displaced, err));
    return note_commit(q, c, &displaced, err);
}

enum fr_code fr_vault_commit_key(struct fr_request *q, struct fr_err *err)
{
    uint8_t mac[FR_SHA256_LEN];
    COMMIT_AUTO k = {0};
    struct fr_grant g;
    enum fr_code rc;

    FR_TRY(fr_who_listed(q->v, &q->who, err));
    FR_TRY(fr_grant_decide(q, &g, err));
    FR_TRY(take_fields(q, &k, err));
    fr_grant_fill(q, &g, &k.c);
    FR_TRY(check_claims(q, &k, err));
    FR_TRY(check_mac(q, &k, err));
    rc = check_repeat(q, &k, err);
    if (rc == FR_ENOTFOUND)
        rc = fr_vault_commit_new(q, &k.c, k.ke, k.response, err);
    FR_TRY(rc);
    FR_TRY(fr_confirm_mac(k.ke, FR_CONFIRM_MEF, &k.fields, mac, err));
    fr_reply_put(q->reply, FR_F_MAC, fr_slice_of(mac, sizeof mac));
    return FR_OK;
}

/* ---- after the commit ---- */

/* Another's credential is not found, rather than refused: nobody learns of it. */
static enum fr_code own_credential(const struct fr_request *q,
                                   struct fr_store_credential *ret, struct fr_err *err)
{
    static const char whose[] = " of this enrolee";

    FR_TRY(fr_vault_find_key(q, whose, ret, err));
    if (!fr_who_owns(&q->who, ret) || ret->expires <= q->now)
        return fr_vault_unknown_key(ret->key_id, whose, err);
    return FR_OK;
}

enum fr_code fr_vault_ack_key(const struct fr_request *q,
                              const struct fr_store_credential *c, struct fr_err *err)
{
    const struct fr_said said = {.actor = c->san,
                                 .action = "ack",
                                 .subject = c->key_id,
                                 .decision = "allowed",
                                 .reason = "acknowledged"};
    bool is_first = false;

    FR_TRY(FR_ASK(q->v, err, credential_ack, c->key_id, q->now,
                  q->now + q->v->config.grace_s, &is_first));
    if (!is_first)
        return FR_OK;
    return fr_vault_audit(q->v, &said, err, "%s from %s has taken its key over", c->san,
                          q->who.address);
}

enum fr_code fr_vault_ack(struct fr_request *q, struct fr_err *err)
{
    struct fr_store_credential c;

    FR_TRY(own_credential(q, &c, err));
    return fr_vault_ack_key(q, &c, err);
}

enum fr_code fr_vault_lookup(struct fr_request *q, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) response = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    struct fr_store_credential c;

    enum fr_code rc = own_credential(q, &c, err);

    /* Each "no" is a line of the audit trail; see there. */
    if (rc == FR_ENOTFOUND && !fr_rate_admits(&q->v->rates.refusals, q->now))
        return FR_FAIL_AS(err, FR_ECONFLICT, "too-many-lookups",
                          "too many look-ups of unknown keys: try again");
    FR_TRY(rc);
    FR_TRY(FR_ASK(q->v, err, credential_response, c.key_id, &response));
    fr_reply_put(q->reply, FR_F_RESPONSE, fr_buf_view(&response));
    if (c.fetched)
        fr_reply_u64(q->reply, FR_F_FETCHED, (uint64_t)c.fetched);
    return FR_OK;
}

/* ---- attempt records ---- */

/* Only what our own codec can read goes in, in its own words. */
static enum fr_code keep_attempt(const struct fr_request *q, const json_t *record,
                                 struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    FR_AUTO_CLEAR(buf) said = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_store_attempt row;
    struct fr_attempt attempt;

    if (!json_is_object(record))
        return FR_FAIL(err, FR_EPARSE, "an attempt record is no JSON object");
    FR_TRY(fr_json_put(record, &said, err));
    FR_TRY(fr_attempt_from_json(fr_buf_view(&said), &attempt, err));
    FR_TRY(fr_attempt_to_json(&attempt, &text, err));
    row = (struct fr_store_attempt){.at = q->now, .json = fr_buf_view(&text)};
    return FR_ASK(q->v, err, attempt_add, q->who.identity, &row,
                  (size_t)FR_VAULT_ATTEMPTS_MAX);
}

enum fr_code fr_vault_keep_attempts(const struct fr_request *q, struct fr_err *err)
{
    json_auto_t *records = fr_json_parse(q->m->field[FR_F_JSON]);
    const json_t *record;
    size_t i;

    if (!json_is_array(records))
        return FR_FAIL_AS(err, FR_EPARSE, "attempts-malformed",
                          "attempt records are a JSON array");
    if (json_array_size(records) > FR_VAULT_ATTEMPTS_MAX)
        return FR_FAIL(err, FR_ELIMIT, "at most %d attempt records",
                       FR_VAULT_ATTEMPTS_MAX);
    json_array_foreach (records, i, record) {
        enum fr_code rc = keep_attempt(q, record, err);

        if (rc == FR_EPARSE || rc == FR_EINVALID || rc == FR_ELIMIT)
            return FR_FAIL_AS(err, FR_EPARSE, "attempts-malformed",
                              "attempt record %zu is malformed", i + 1);
        FR_TRY(rc);
    }
    return FR_OK;
}

enum fr_code fr_vault_report(struct fr_request *q, struct fr_err *err)
{
    FR_TRY(fr_who_listed(q->v, &q->who, err));
    return fr_vault_keep_attempts(q, err);
}
