/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: "why did that device not come up?" in one answer. The subject is a listing's
 * name, a SAN, or a KeID; what is known under it, what was decided about it, what it
 * reported itself, and a sentence that sums it up.
 */
#include <string.h>

#include "base/str.h"
#include "base/timetext.h"
#include "server/vault/admin.h"

enum { AUDIT_LINES = 20, ATTEMPTS = 20, CREDENTIALS = 50 };

struct subject {
    const char *text;
    bool is_listed;
    struct fr_store_enrolee listing;
    bool has_credential; /* the one asked for, or the newest valid one */
    struct fr_store_credential credential;
    char san[FR_SAN_TEXT_MAX + 1]; /* "": a whole anchor, or unknown */
    char identity[FR_STORE_IDENTITY_MAX + 1];
};

/* ---- finding it ---- */

static enum fr_code first_listing(void *ctx, const struct fr_store_enrolee *e,
                                  struct fr_err *err)
{
    struct subject *s = ctx;

    (void)err;
    if (!s->is_listed)
        s->listing = *e;
    s->is_listed = true;
    return FR_OK;
}

static enum fr_code find_by_key(const struct fr_call *c, const char *key_id,
                                struct subject *s, struct fr_err *err)
{
    enum fr_code rc = FR_ASK(c->v, err, credential_find, key_id, &s->credential);

    if (rc == FR_ENOTFOUND)
        return FR_OK;
    FR_TRY(rc);
    s->has_credential = true;
    memcpy(s->san, s->credential.san, sizeof s->san);
    FR_TRY(FR_ASK(c->v, err, enrolee_find, s->credential.enrolee, &s->listing));
    s->is_listed = true;
    return FR_OK;
}

static enum fr_code newer(void *ctx, const struct fr_store_credential *row,
                          struct fr_err *err)
{
    struct subject *s = ctx;

    (void)err;
    if (row->slot != FR_SLOT_CURRENT)
        return FR_OK;
    if (!s->has_credential || row->created >= s->credential.created)
        s->credential = *row;
    s->has_credential = true;
    return FR_OK;
}

static enum fr_code newest_credential(const struct fr_call *c, struct subject *s,
                                      const struct fr_store_page *page,
                                      struct fr_err *err)
{
    return FR_ASK(c->v, err, credential_list, page,
                  ((struct fr_store_credential_rows){.row = newer, .ctx = s}));
}

/* A device that only its anchor lists is known by its credential, if it has one. */
static enum fr_code find_by_san(const struct fr_call *c, const struct fr_san *san,
                                struct subject *s, struct fr_err *err)
{
    struct fr_store_page page = {.san = fr_san_format(san, s->san),
                                 .limit = CREDENTIALS};

    FR_TRY(FR_ASK(c->v, err, enrolee_list, &page,
                  ((struct fr_store_enrolee_rows){.row = first_listing, .ctx = s})));
    FR_TRY(newest_credential(c, s, &page, err));
    if (s->is_listed || !s->has_credential)
        return FR_OK;
    FR_TRY(FR_ASK(c->v, err, enrolee_find, s->credential.enrolee, &s->listing));
    s->is_listed = true;
    return FR_OK;
}

static enum fr_code find_by_name(const struct fr_call *c, struct subject *s,
                                 struct fr_err *err)
{
    const struct fr_store_page page = {.enrolee = s->text, .limit = CREDENTIALS};
    enum fr_code rc = FR_ASK(c->v, err, enrolee_find, s->text, &s->listing);

    if (rc == FR_ENOTFOUND)
        return FR_OK;
    FR_TRY(rc);
    s->is_listed = true;
    memcpy(s->san, s->listing.san, sizeof s->san);
    return newest_credential(c, s, &page, err);
}

static enum fr_code find(const struct fr_call *c, struct subject *s, struct fr_err *err)
{
    char key_id[FR_KEYID_MAX + 1], dns[FR_SAN_TEXT_MAX + 1];
    struct fr_san san;

    if (fr_keyid_parse(fr_slice_str(s->text), key_id)) {
        FR_TRY(find_by_key(c, key_id, s, err));
    } else {
        FR_TRY(find_by_name(c, s, err));
        snprintf(dns, sizeof dns, "dns:%s", s->text);
        if (!s->is_listed && (fr_san_parse(s->text, &san, NULL) == FR_OK ||
                              fr_san_parse(dns, &san, NULL) == FR_OK))
            FR_TRY(find_by_san(c, &san, s, err));
    }
    if (s->has_credential)
        memcpy(s->identity, s->credential.place.identity, sizeof s->identity);
    else if (s->is_listed)
        fr_who_identity(s->listing.anchor, s->san, s->identity);
    return FR_OK;
}

/* ---- what is known of it ---- */

static enum fr_code credentials(const struct fr_call *c, const struct subject *s,
                                json_t **ret, struct fr_err *err)
{
    const struct fr_store_page page = {.enrolee = s->is_listed ? s->listing.name : NULL,
                                       .san = s->san,
                                       .limit = CREDENTIALS};

    if (!s->is_listed && !s->has_credential)
        return fr_call_result(json_array(), ret, err);
    return fr_json_credentials(c, &page, ret, err);
}

static enum fr_code audit(const struct fr_call *c, const struct subject *s,
                          json_t **ret, struct fr_err *err)
{
    struct fr_store_audit_query query = {.limit = AUDIT_LINES};

    query.who[query.n_who++] = s->text;
    if (s->is_listed)
        query.who[query.n_who++] = s->listing.name;
    if (s->san[0])
        query.who[query.n_who++] = s->san;
    if (s->has_credential)
        query.who[query.n_who++] = s->credential.key_id;
    return fr_json_audit_of(c->v, &query, ret, err);
}

static enum fr_code attempts(const struct fr_call *c, const struct subject *s,
                             json_t **ret, struct fr_err *err)
{
    if (!s->identity[0])
        return fr_call_result(json_array(), ret, err);
    return fr_json_attempts(c->v, s->identity, ATTEMPTS, ret, err);
}

/* ---- the sentence ---- */

/* A request without a target, as the device would send it now. */
static enum fr_code would_be(const struct fr_call *c, const struct subject *s,
                             struct fr_buf *to, struct fr_err *err)
{
    struct fr_store_target t;

    FR_TRY(fr_grant_target(c->v, s->listing.name, "", &t, err));
    fr_buf_fmt(to, "would be accepted now for target %s, but has no valid credential",
               t.id);
    return FR_OK;
}

static void has_valid(const struct fr_store_credential *k, struct fr_buf *to)
{
    char until[FR_TIME_TEXT];

    fr_buf_fmt(to, "has a valid credential for %s until %s", k->place.target,
               fr_rfc3339_format(k->expires, until));
    if (k->slot == FR_SLOT_PREVIOUS)
        fr_buf_str(to, ", which a newer one has replaced");
    else if (!k->acked)
        fr_buf_str(to, ", but has not acknowledged it");
    else if (!k->fetched)
        fr_buf_str(to, ", but the target has not fetched it yet");
}

static enum fr_code verdict(const struct fr_call *c, const struct subject *s,
                            struct fr_buf *to, struct fr_err *err)
{
    char key_id[FR_KEYID_MAX + 1];

    if (s->has_credential && s->credential.expires > c->now) {
        has_valid(&s->credential, to);
        return FR_OK;
    }
    if (s->is_listed)
        return would_be(c, s, to, err);
    if (fr_keyid_parse(fr_slice_str(s->text), key_id))
        fr_buf_str(to, "would be refused now: unknown-key, no such credential: never "
                       "committed here, retired or revoked");
    else
        fr_buf_str(to, "would be refused now: enrolee-not-listed, no listing has that "
                       "name or identity (unless all of its anchor are listed)");
    return FR_OK;
}

/* The latest refusal in the trail is mostly what the operator wants to know. */
static json_t *last_refusal(const json_t *lines)
{
    for (size_t i = json_array_size(lines); i > 0; i--) {
        const json_t *line = json_array_get(lines, i - 1);
        const char *decision = json_string_value(json_object_get(line, "decision"));

        if (decision && strcmp(decision, "refused") == 0)
            return json_sprintf("last refused at %s: %s (%s)",
                                json_string_value(json_object_get(line, "time")),
                                json_string_value(json_object_get(line, "reason")),
                                json_string_value(json_object_get(line, "text")));
    }
    return NULL;
}

static enum fr_code add_reasons(json_t *answer, const struct subject *s,
                                struct fr_err *err)
{
    json_t *why = json_array(), *refusal;

    if (json_object_set_new(answer, "why", why) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    if (s->is_listed)
        FR_TRY(fr_json_append(
            why,
            json_sprintf("listed as \"%s\"%s", s->listing.name,
                         s->listing.san[0] ? "" : ", with every device of its anchor"),
            err));
    refusal = last_refusal(json_object_get(answer, "audit"));
    return refusal ? fr_json_append(why, refusal, err) : FR_OK;
}

static enum fr_code add_parts(const struct fr_call *c, const struct subject *s,
                              json_t *answer, struct fr_err *err)
{
    json_t *part;

    FR_TRY(fr_call_result(s->is_listed ? fr_json_enrolee(&s->listing) : json_null(),
                          &part, err));
    (void)json_object_set_new(answer, "enrolee", part);
    FR_TRY(fr_json_allowed(c->v, s->is_listed ? s->listing.name : "", &part, err));
    (void)json_object_set_new(answer, "targets", part);
    FR_TRY(credentials(c, s, &part, err));
    (void)json_object_set_new(answer, "credentials", part);
    FR_TRY(audit(c, s, &part, err));
    (void)json_object_set_new(answer, "audit", part);
    FR_TRY(attempts(c, s, &part, err));
    (void)json_object_set_new(answer, "attempts", part);
    return FR_OK;
}

enum fr_code fr_admin_explain(const struct fr_call *c, json_t **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) sentence = FR_BUF_INIT(1024);
    json_auto_t *answer = NULL;
    struct subject s = {0};

    FR_TRY(fr_call_text(c, "subject", &s.text, err));
    FR_TRY(find(c, &s, err));
    FR_TRY(verdict(c, &s, &sentence, err));
    FR_TRY(fr_buf_check(&sentence, err));
    FR_TRY(fr_call_result(
        json_pack("{s:s, s:s}", "subject", s.text, "verdict", fr_buf_cstr(&sentence)),
        &answer, err));
    FR_TRY(add_parts(c, &s, answer, err));
    FR_TRY(add_reasons(answer, &s, err));
    return fr_call_result(json_incref(answer), ret, err);
}
