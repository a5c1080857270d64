/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: "why did that device not come up?" in one answer. The subject is a listing's
 * name, a SAN, an IMSI or IMPI, a KeID or B-TID; what is known under it, what was
 * decided about it, what it reported itself, and a sentence that sums it up.
 */
#include <string.h>

#include "base/str.h"
#include "base/timetext.h"
#include "server/vault/admin.h"

enum { AUDIT_LINES = 20, ATTEMPTS = 20, CREDENTIALS = 50 };

enum way { BY_CERTIFICATE, BY_SIM, N_WAYS };

struct subject {
    const char *text;
    bool is_listed;
    struct fr_store_enrolee listing;
    bool has_credential; /* the one asked for, or the newest valid one */
    struct fr_store_credential credential;
    struct {
        bool has;
        struct fr_store_credential newest;
    } way[N_WAYS];
    char san[FR_SAN_TEXT_MAX + 1]; /* "": a whole anchor, a SIM, or unknown */
    char identity[FR_STORE_IDENTITY_MAX + 1];
    char sim[FR_STORE_IDENTITY_MAX + 1]; /* "imsi:..."; "": none */
};

static enum way way_of(const struct fr_store_credential *c)
{
    return strncmp(c->place.identity, "imsi:", 5) == 0 ? BY_SIM : BY_CERTIFICATE;
}

/* Of one device; else of all that an anchor has. */
static bool is_of_one(const struct subject *s)
{
    return s->is_listed && (s->listing.san[0] || !s->listing.anchor[0]);
}

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

static enum fr_code newer(void *ctx, const struct fr_store_credential *row,
                          struct fr_err *err)
{
    struct subject *s = ctx;
    enum way way = way_of(row);

    (void)err;
    if (row->slot != FR_SLOT_CURRENT)
        return FR_OK;
    if (!s->way[way].has || row->created >= s->way[way].newest.created)
        s->way[way].newest = *row;
    s->way[way].has = true;
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

/* The one that was asked for stays what the sentence is about. */
static enum fr_code newest_of_both(const struct fr_call *c, struct subject *s,
                                   struct fr_err *err)
{
    const struct fr_store_credential asked_for = s->credential;
    const struct fr_store_page page = {.enrolee = s->listing.name,
                                       .limit = CREDENTIALS};

    FR_TRY(newest_credential(c, s, &page, err));
    s->credential = asked_for;
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
    return is_of_one(s) ? newest_of_both(c, s, err) : FR_OK;
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

/* "00101...", "imsi:00101...", an IMPI, "impi:" and one. */
static bool imsi_of(const char *text, char to[FR_IMSI_MAX + 1])
{
    if (strncmp(text, "imsi:", 5) == 0 || strncmp(text, "impi:", 5) == 0)
        text += 5;
    if (fr_imsi_of_impi(text, to))
        return true;
    if (!fr_imsi_is_valid(text))
        return false;
    snprintf(to, FR_IMSI_MAX + 1, "%s", text);
    return true;
}

static enum fr_code find_by_imsi(const struct fr_call *c, const char *imsi,
                                 struct subject *s, struct fr_err *err)
{
    struct fr_store_page page = {.enrolee = s->listing.name, .limit = CREDENTIALS};
    enum fr_code rc = FR_ASK(c->v, err, enrolee_match_imsi, imsi, &s->listing);

    if (rc == FR_ENOTFOUND)
        return FR_OK;
    FR_TRY(rc);
    s->is_listed = true;
    memcpy(s->san, s->listing.san, sizeof s->san);
    return newest_credential(c, s, &page, err);
}

static void settle_names(struct subject *s)
{
    if (s->is_listed && s->listing.imsi[0])
        snprintf(s->sim, sizeof s->sim, "imsi:%s", s->listing.imsi);
    if (s->way[BY_CERTIFICATE].has)
        memcpy(s->identity, s->way[BY_CERTIFICATE].newest.place.identity,
               sizeof s->identity);
    else if (s->has_credential && way_of(&s->credential) == BY_CERTIFICATE)
        memcpy(s->identity, s->credential.place.identity, sizeof s->identity);
    else if (s->is_listed && s->listing.anchor[0])
        fr_who_identity(s->listing.anchor, s->san, s->identity);
}

static enum fr_code find(const struct fr_call *c, struct subject *s, struct fr_err *err)
{
    char key_id[FR_KEYID_MAX + 1], dns[FR_SAN_TEXT_MAX + 1], imsi[FR_IMSI_MAX + 1];
    struct fr_san san;

    if (fr_keyid_any_parse(fr_slice_str(s->text), key_id)) {
        FR_TRY(find_by_key(c, key_id, s, err));
    } else {
        FR_TRY(find_by_name(c, s, err));
        if (!s->is_listed && imsi_of(s->text, imsi))
            FR_TRY(find_by_imsi(c, imsi, s, err));
        snprintf(dns, sizeof dns, "dns:%s", s->text);
        if (!s->is_listed && (fr_san_parse(s->text, &san, NULL) == FR_OK ||
                              fr_san_parse(dns, &san, NULL) == FR_OK))
            FR_TRY(find_by_san(c, &san, s, err));
    }
    settle_names(s);
    return FR_OK;
}

/* ---- what is known of it ---- */

static enum fr_code credentials(const struct fr_call *c, const struct subject *s,
                                json_t **ret, struct fr_err *err)
{
    const struct fr_store_page page = {.enrolee = s->is_listed ? s->listing.name : NULL,
                                       .san = is_of_one(s) ? NULL : s->san,
                                       .limit = CREDENTIALS};

    if (!s->is_listed && !s->has_credential)
        return fr_call_result(json_array(), ret, err);
    return fr_json_credentials(c, &page, ret, err);
}

static void add_name(struct fr_store_audit_query *query, bool has, const char *name)
{
    if (has && *name && query->n_who < FR_STORE_WHO_MAX)
        query->who[query->n_who++] = name;
}

/* A subscriber that was refused is known by the IMPI that it gave: either form that
 * TS 23.003 makes of an IMSI. */
static enum fr_code audit(const struct fr_call *c, const struct subject *s,
                          json_t **ret, struct fr_err *err)
{
    struct fr_store_audit_query query = {.limit = AUDIT_LINES};
    char impi[2][sizeof "impi:" + FR_IMPI_MAX] = {"impi:", "impi:"};

    for (int i = 0; i < 2 && s->sim[0]; i++)
        FR_TRY(fr_impi_of_imsi(s->listing.imsi, 2 + i, impi[i] + 5, err));
    add_name(&query, true, s->text);
    add_name(&query, s->is_listed, s->listing.name);
    add_name(&query, true, s->san);
    add_name(&query, true, s->sim);
    add_name(&query, s->has_credential, s->credential.key_id);
    add_name(&query, s->way[BY_SIM].has, s->way[BY_SIM].newest.san);
    for (int i = 0; i < 2; i++)
        add_name(&query, s->sim[0] != 0, impi[i]);
    return fr_json_audit_of(c->v, &query, ret, err);
}

static enum fr_code attempts(const struct fr_call *c, const struct subject *s,
                             json_t **ret, struct fr_err *err)
{
    const char *const who[] = {s->identity, s->sim};
    json_auto_t *all = json_array();

    for (int i = 0; i < 2; i++) {
        json_auto_t *some = NULL;

        if (!*who[i])
            continue;
        FR_TRY(fr_json_attempts(c->v, who[i], ATTEMPTS, &some, err));
        if (json_array_extend(all, some) != 0)
            return FR_FAIL(err, FR_ENOMEM, "out of memory");
    }
    return fr_call_result(json_incref(all), ret, err);
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
    if (fr_keyid_any_parse(fr_slice_str(s->text), key_id))
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

static enum fr_code add_way(json_t *why, const struct fr_call *c,
                            const struct subject *s, enum way way, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) said = FR_BUF_INIT(1024);
    const struct fr_store_credential *k = &s->way[way].newest;

    if (way == BY_SIM)
        fr_buf_fmt(&said, "by its SIM (IMSI %s%s): ", s->listing.imsi,
                   s->listing.gba_u ? ", GBA_U" : "");
    else
        fr_buf_fmt(&said, "by its certificate (%s): ", s->listing.san);
    if (s->way[way].has && k->expires > c->now)
        has_valid(k, &said);
    else
        fr_buf_str(&said, s->way[way].has ? "its credential has expired"
                                          : "no credential yet");
    FR_TRY(fr_buf_check(&said, err));
    return fr_json_append(why, json_string(fr_buf_cstr(&said)), err);
}

/* A device that has both ways has two stories. */
static enum fr_code add_ways(json_t *why, const struct fr_call *c,
                             const struct subject *s, struct fr_err *err)
{
    if (!s->is_listed || !s->listing.imsi[0])
        return FR_OK;
    if (s->listing.anchor[0])
        FR_TRY(add_way(why, c, s, BY_CERTIFICATE, err));
    return add_way(why, c, s, BY_SIM, err);
}

static enum fr_code add_reasons(json_t *answer, const struct fr_call *c,
                                const struct subject *s, struct fr_err *err)
{
    json_t *why = json_array(), *refusal;

    if (json_object_set_new(answer, "why", why) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    if (s->is_listed)
        FR_TRY(fr_json_append(
            why,
            json_sprintf("listed as \"%s\"%s", s->listing.name,
                         is_of_one(s) ? "" : ", with every device of its anchor"),
            err));
    FR_TRY(add_ways(why, c, s, err));
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
    FR_TRY(add_reasons(answer, c, &s, err));
    return fr_call_result(json_incref(answer), ret, err);
}
