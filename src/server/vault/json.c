/* SPDX-License-Identifier: Apache-2.0 */
/* Records as an operator sees them. Nothing secret: a key is its fingerprint. */
#include "base/str.h"
#include "base/timetext.h"
#include "model/json_scan.h"
#include "server/vault/admin.h"

json_t *fr_json_parse(struct fr_slice text)
{
    if (fr_json_too_deep(text, FR_JSON_DEPTH) < text.len)
        return NULL;
    return json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
}

json_t *fr_json_time(int64_t t)
{
    char text[FR_TIME_TEXT];

    return t ? json_string(fr_rfc3339_format(t, text)) : json_null();
}

json_t *fr_json_enrolee(const struct fr_store_enrolee *e)
{
    bool is_any = e->anchor[0] && !e->san[0];
    json_t *j = json_pack("{s:s, s:s*, s:s, s:o}", "name", e->name, "san",
                          is_any ? NULL : e->san, "anchor", e->anchor, "created",
                          fr_json_time(e->created));

    if (j && e->imsi[0] &&
        (json_object_set_new(j, "imsi", json_string(e->imsi)) != 0 ||
         json_object_set_new(j, "lifetime", json_integer(e->lifetime)) != 0 ||
         json_object_set_new(j, "gbaU", json_boolean(e->gba_u)) != 0)) {
        json_decref(j);
        j = NULL;
    }
    return j;
}

json_t *fr_json_target(const struct fr_store_target *t)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "id", t->id, "fqdn", t->fqdn, "derivation",
                     fr_derivation_name(t->derivation), "created",
                     fr_json_time(t->created));
}

static json_t *fingerprint(const struct fr_vault *v,
                           const struct fr_store_credential *c)
{
    char text[FR_FINGERPRINT_LEN + 1];
    FR_AUTO(secret) *ke = NULL;

    if (fr_vault_unwrap(v, c, &ke, NULL) != FR_OK ||
        fr_secret_fingerprint(ke, text, NULL) != FR_OK)
        return json_null();
    return json_string(text);
}

static const char *state(const struct fr_store_credential *c, int64_t now)
{
    if (c->expires <= now)
        return "expired";
    if (c->slot == FR_SLOT_PREVIOUS)
        return c->retires ? "retiring" : "previous";
    return c->acked ? "valid" : "unacknowledged";
}

json_t *fr_json_credential(const struct fr_vault *v, int64_t now,
                           const struct fr_store_credential *c)
{
    json_t *j = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:o, s:b}", "keyId",
        c->key_id, "enrolee", c->enrolee, "san", c->san, "target", c->place.target,
        "targetFQDN", c->target_fqdn, "adminFQDN", c->place.admin_fqdn, "suid",
        c->place.suid, "derivation", fr_derivation_name(c->derivation), "slot",
        c->slot == FR_SLOT_CURRENT ? "current" : "previous", "state", state(c, now),
        "fingerprint", fingerprint(v, c), "confirmed", c->confirmed);
    json_t *rest =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "method", c->method,
                  "credentialRef", c->credential_ref, "clientReg", c->client_reg,
                  "created", fr_json_time(c->created), "expires",
                  fr_json_time(c->expires), "acked", fr_json_time(c->acked), "retires",
                  fr_json_time(c->retires), "fetched", fr_json_time(c->fetched));

    if (j && (!rest || json_object_update(j, rest) != 0)) {
        json_decref(j);
        j = NULL;
    }
    json_decref(rest);
    return j;
}

json_t *fr_json_audit(const struct fr_store_audit *line)
{
    return json_pack("{s:s, s:I, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "node",
                     line->node, "seq", (json_int_t)line->seq, "time",
                     fr_json_time(line->at), "event", line->action, "actor",
                     line->actor, "subject", line->subject, "decision", line->decision,
                     "reason", line->reason, "text", line->text, "hash", line->hash);
}

enum fr_code fr_json_append(json_t *array, json_t *value, struct fr_err *err)
{
    if (json_array_append_new(array, value) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return FR_OK;
}

/* ---- lists ---- */

struct rows {
    json_t *array;
    const struct fr_vault *v;
    int64_t now;
};

static enum fr_code allowed_row(void *ctx, const struct fr_store_allowed *a,
                                struct fr_err *err)
{
    struct rows *r = ctx;

    return fr_json_append(
        r->array, json_pack("{s:s, s:b}", "id", a->target.id, "default", a->is_default),
        err);
}

enum fr_code fr_json_allowed(struct fr_vault *v, const char *enrolee, json_t **ret,
                             struct fr_err *err)
{
    json_auto_t *array = json_array();
    struct rows r = {.array = array};

    FR_TRY(FR_ASK(v, err, allowed, enrolee,
                  ((struct fr_store_allowed_rows){.row = allowed_row, .ctx = &r})));
    return fr_call_result(json_incref(array), ret, err);
}

static enum fr_code credential_row(void *ctx, const struct fr_store_credential *c,
                                   struct fr_err *err)
{
    struct rows *r = ctx;

    return fr_json_append(r->array, fr_json_credential(r->v, r->now, c), err);
}

enum fr_code fr_json_credentials(const struct fr_call *c,
                                 const struct fr_store_page *page, json_t **ret,
                                 struct fr_err *err)
{
    json_auto_t *array = json_array();
    struct rows r = {.array = array, .v = c->v, .now = c->now};

    FR_TRY(
        FR_ASK(c->v, err, credential_list, page,
               ((struct fr_store_credential_rows){.row = credential_row, .ctx = &r})));
    return fr_call_result(json_incref(array), ret, err);
}

static enum fr_code audit_row(void *ctx, const struct fr_store_audit *line,
                              struct fr_err *err)
{
    struct rows *r = ctx;

    return fr_json_append(r->array, fr_json_audit(line), err);
}

enum fr_code fr_json_audit_of(struct fr_vault *v,
                              const struct fr_store_audit_query *query, json_t **ret,
                              struct fr_err *err)
{
    json_auto_t *array = json_array();
    struct rows r = {.array = array};

    FR_TRY(FR_ASK(v, err, audit_last, query,
                  ((struct fr_store_audit_rows){.row = audit_row, .ctx = &r})));
    return fr_call_result(json_incref(array), ret, err);
}

static enum fr_code attempt_row(void *ctx, const struct fr_store_attempt *a,
                                struct fr_err *err)
{
    struct rows *r = ctx;
    json_t *record = json_loadb((const char *)a->json.data, a->json.len, 0, NULL);

    return record ? fr_json_append(r->array, record, err) : FR_OK;
}

enum fr_code fr_json_attempts(struct fr_vault *v, const char *identity, size_t limit,
                              json_t **ret, struct fr_err *err)
{
    json_auto_t *array = json_array();
    struct rows r = {.array = array};

    FR_TRY(FR_ASK(v, err, attempt_last, identity, limit,
                  ((struct fr_store_attempt_rows){.row = attempt_row, .ctx = &r})));
    return fr_call_result(json_incref(array), ret, err);
}
