/* SPDX-License-Identifier: Apache-2.0 */
/* enrolee.*: who may enrol, and for what. */
#include <string.h>

#include "base/str.h"
#include "server/vault/admin.h"

enum { REMOVE_PAGE = 64, LIFETIME_MIN = 60, LIFETIME_MAX = 365 * 86400 };

static enum fr_code take_name(const struct fr_call *c, char to[FR_STORE_NAME_MAX + 1],
                              struct fr_err *err)
{
    char clean[4 * FR_STORE_NAME_MAX + 8];
    const char *name;

    FR_TRY(fr_call_text(c, "name", &name, err));
    fr_printable(fr_slice_str(name), clean, sizeof clean);
    if (strlen(name) > FR_STORE_NAME_MAX || !fr_str_equal(name, clean) ||
        strcmp(name, "*") == 0)
        return FR_FAIL(err, FR_EUSAGE,
                       "a name is 1 to %d octets of printable text, and not \"*\"",
                       FR_STORE_NAME_MAX);
    snprintf(to, FR_STORE_NAME_MAX + 1, "%s", name);
    return FR_OK;
}

static enum fr_code take_anchor(const struct fr_call *c, char to[FR_ANCHOR_HEX + 1],
                                struct fr_err *err)
{
    uint8_t raw[FR_SHA256_LEN];
    const char *anchor;

    FR_TRY(fr_call_text(c, "anchor", &anchor, err));
    if (strlen(anchor) != FR_ANCHOR_HEX || !fr_hex_decode(fr_slice_str(anchor), raw))
        return FR_FAIL(err, FR_EUSAGE,
                       "\"anchor\" is the SHA-256 of the CA's public key (SPKI) in %d "
                       "hex digits",
                       FR_ANCHOR_HEX);
    fr_hex_encode(fr_slice_of(raw, sizeof raw), to, false);
    return FR_OK;
}

static enum fr_code take_san(const struct fr_call *c, char to[FR_SAN_TEXT_MAX + 1],
                             struct fr_err *err)
{
    const char *text;
    struct fr_san san;

    FR_TRY(fr_call_text_opt(c, "san", &text, err));
    if (!text)
        return FR_OK; /* every device of the anchor */
    if (fr_san_parse(text, &san, err) != FR_OK)
        return fr_err_wrap(err, FR_EUSAGE, "\"san\"");
    fr_san_format(&san, to);
    return FR_OK;
}

/* ---- its SIM ---- */

static enum fr_code take_lifetime(const struct fr_call *c, int64_t *ret,
                                  struct fr_err *err)
{
    const json_t *value = json_object_get(c->in, "lifetime");
    json_int_t s = json_integer_value(value);

    if (!value || json_is_null(value)) {
        *ret = 0;
        return FR_OK;
    }
    if (!json_is_integer(value) || (s != 0 && (s < LIFETIME_MIN || s > LIFETIME_MAX)))
        return FR_FAIL(err, FR_EUSAGE,
                       "\"lifetime\" is %d to %d seconds, or 0 for the default",
                       LIFETIME_MIN, LIFETIME_MAX);
    *ret = s;
    return FR_OK;
}

static enum fr_code take_sim(const struct fr_call *c, struct fr_store_enrolee *e,
                             struct fr_err *err)
{
    const char *imsi;

    FR_TRY(fr_call_text_opt(c, "imsi", &imsi, err));
    FR_TRY(take_lifetime(c, &e->lifetime, err));
    e->gba_u = json_is_true(json_object_get(c->in, "gbaU"));
    e->imsi[0] = 0;
    if (imsi && !fr_imsi_is_valid(imsi))
        return FR_FAIL(err, FR_EUSAGE, "\"imsi\" is 6 to %d digits", FR_IMSI_MAX);
    if (imsi)
        snprintf(e->imsi, sizeof e->imsi, "%s", imsi);
    else if (e->lifetime || e->gba_u)
        return FR_FAIL(err, FR_EUSAGE, "\"lifetime\" and \"gbaU\" are of an \"imsi\"");
    if (imsi && e->anchor[0] && !e->san[0])
        return FR_FAIL(err, FR_EUSAGE,
                       "a SIM is one device's, and this is every device of a CA");
    return FR_OK;
}

/* A certificate, a SIM, or both. */
static enum fr_code take_identity(const struct fr_call *c, struct fr_store_enrolee *e,
                                  struct fr_err *err)
{
    bool has_anchor = json_is_string(json_object_get(c->in, "anchor"));

    if (!has_anchor && json_is_string(json_object_get(c->in, "imsi"))) {
        if (json_is_string(json_object_get(c->in, "san")))
            return FR_FAIL(err, FR_EUSAGE, "\"san\" counts below an \"anchor\" only");
        return FR_OK;
    }
    FR_TRY(take_anchor(c, e->anchor, err));
    return take_san(c, e->san, err);
}

enum fr_code fr_admin_enrolee_add(const struct fr_call *c, json_t **ret,
                                  struct fr_err *err)
{
    struct fr_store_enrolee e = {.created = c->now};

    FR_TRY(take_name(c, e.name, err));
    FR_TRY(take_identity(c, &e, err));
    FR_TRY(take_sim(c, &e, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_add, &e));
    return fr_call_result(fr_json_enrolee(&e), ret, err);
}

static enum fr_code row(void *ctx, const struct fr_store_enrolee *e, struct fr_err *err)
{
    return fr_json_append(ctx, fr_json_enrolee(e), err);
}

static enum fr_code add_targets(const struct fr_call *c, json_t *enrolee,
                                struct fr_err *err)
{
    const char *name = json_string_value(json_object_get(enrolee, "name"));
    json_t *targets;

    FR_TRY(fr_json_allowed(c->v, name, &targets, err));
    if (json_object_set_new(enrolee, "targets", targets) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return FR_OK;
}

enum fr_code fr_admin_enrolee_list(const struct fr_call *c, json_t **ret,
                                   struct fr_err *err)
{
    json_auto_t *list = json_array();
    struct fr_store_page page;
    json_t *enrolee;
    size_t i;

    FR_TRY(fr_call_page(c, &page, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_list, &page,
                  ((struct fr_store_enrolee_rows){.row = row, .ctx = list})));
    json_array_foreach (list, i, enrolee)
        FR_TRY(add_targets(c, enrolee, err));
    return fr_call_result(json_incref(list), ret, err);
}

enum fr_code fr_admin_enrolee_show(const struct fr_call *c, json_t **ret,
                                   struct fr_err *err)
{
    json_auto_t *enrolee = NULL;
    struct fr_store_enrolee e;
    const char *name;

    FR_TRY(fr_call_text(c, "name", &name, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_find, name, &e));
    FR_TRY(fr_call_result(fr_json_enrolee(&e), &enrolee, err));
    FR_TRY(add_targets(c, enrolee, err));
    return fr_call_result(json_incref(enrolee), ret, err);
}

static enum fr_code take_pair(const struct fr_call *c, const char **ret_name,
                              char target[FR_ID_MAX + 1], struct fr_err *err)
{
    const char *id;

    FR_TRY(fr_call_text(c, "name", ret_name, err));
    FR_TRY(fr_call_text(c, "target", &id, err));
    if (strlen(id) > FR_ID_MAX)
        return FR_FAIL(err, FR_EUSAGE, "\"target\" has at most %d octets", FR_ID_MAX);
    snprintf(target, FR_ID_MAX + 1, "%s", id);
    if (fr_fqdn_is_valid(fr_slice_str(target)))
        fr_ascii_fold(target);
    return FR_OK;
}

static enum fr_code must_exist(const struct fr_call *c, const char *name,
                               const char *target, struct fr_err *err)
{
    struct fr_store_enrolee e;
    struct fr_store_target t;
    enum fr_code rc;

    FR_TRY(FR_ASK(c->v, err, enrolee_find, name, &e));
    rc = FR_ASK(c->v, err, target_find, target, &t);
    if (rc == FR_ENOTFOUND)
        return FR_FAIL_AS(err, rc, "target-not-registered",
                          "target \"%s\" is not registered: target add it first",
                          target);
    return rc;
}

enum fr_code fr_admin_enrolee_allow(const struct fr_call *c, json_t **ret,
                                    struct fr_err *err)
{
    bool is_default = json_is_true(json_object_get(c->in, "default"));
    char target[FR_ID_MAX + 1];
    const char *name;

    FR_TRY(take_pair(c, &name, target, err));
    FR_TRY(must_exist(c, name, target, err));
    FR_TRY(FR_ASK(c->v, err, allow, name, target, is_default));
    return fr_admin_enrolee_show(c, ret, err);
}

enum fr_code fr_admin_enrolee_deny(const struct fr_call *c, json_t **ret,
                                   struct fr_err *err)
{
    char target[FR_ID_MAX + 1];
    const char *name;

    FR_TRY(take_pair(c, &name, target, err));
    FR_TRY(FR_ASK(c->v, err, deny, name, target));
    return fr_admin_enrolee_show(c, ret, err);
}

/* ---- what is taken away ---- */

struct some {
    const char *identity; /* of these only; NULL: all */
    struct fr_store_credential list[REMOVE_PAGE];
    size_t n;
    char last[FR_KEYID_MAX + 1]; /* of all that were seen; "": none */
};

static enum fr_code collect(void *ctx, const struct fr_store_credential *c,
                            struct fr_err *err)
{
    struct some *some = ctx;

    if (some->n == REMOVE_PAGE)
        return FR_FAIL(err, FR_ESTORE, "more credentials than asked for");
    memcpy(some->last, c->key_id, sizeof some->last);
    if (!some->identity || fr_str_equal(some->identity, c->place.identity))
        some->list[some->n++] = *c;
    return FR_OK;
}

static enum fr_code revoke_some(const struct fr_call *c, const char *name,
                                const char *after, struct some *some,
                                struct fr_err *err)
{
    const struct fr_removal why = {.event = FR_EVENT_REVOKED,
                                   .actor = "operator",
                                   .action = "credential.revoke",
                                   .reason = "enrolee-removed"};
    const struct fr_store_page page = {
        .enrolee = name, .after = after, .limit = REMOVE_PAGE};

    some->n = 0;
    some->last[0] = 0;
    FR_TRY(FR_ASK(c->v, err, credential_list, &page,
                  ((struct fr_store_credential_rows){.row = collect, .ctx = some})));
    for (size_t i = 0; i < some->n; i++)
        FR_TRY(fr_vault_remove(c->v, &some->list[i], &why, err));
    return FR_OK;
}

/* Who is not listed has no keys: its credentials are revoked with it. identity NULL:
 * all. */
static enum fr_code revoke(const struct fr_call *c, const char *name,
                           const char *identity, size_t *ret_n, struct fr_err *err)
{
    struct some some = {.identity = identity};
    char after[FR_KEYID_MAX + 1] = "";
    size_t n = 0;

    do {
        FR_TRY(revoke_some(c, name, after, &some, err));
        memcpy(after, some.last, sizeof after);
        n += some.n;
    } while (after[0]);
    *ret_n = n;
    return FR_OK;
}

enum fr_code fr_admin_enrolee_remove(const struct fr_call *c, json_t **ret,
                                     struct fr_err *err)
{
    struct fr_store_enrolee e;
    size_t revoked;
    const char *name;

    FR_TRY(fr_call_text(c, "name", &name, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_find, name, &e));
    FR_TRY(revoke(c, name, NULL, &revoked, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_remove, name));
    return fr_call_result(
        json_pack("{s:s, s:I}", "name", name, "revoked", (json_int_t)revoked), ret,
        err);
}

/* Keys of a SIM that is its no more go with it. */
enum fr_code fr_admin_enrolee_sim(const struct fr_call *c, json_t **ret,
                                  struct fr_err *err)
{
    char identity[FR_STORE_IDENTITY_MAX + 1];
    struct fr_store_enrolee e, was;
    size_t revoked = 0;
    json_t *enrolee;
    const char *name;

    FR_TRY(fr_call_text(c, "name", &name, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_find, name, &was));
    e = was;
    FR_TRY(take_sim(c, &e, err));
    if (!e.imsi[0] && !e.anchor[0])
        return FR_FAIL(err, FR_EUSAGE, "\"%.64s\" is its SIM alone: enrolee remove it",
                       name);
    snprintf(identity, sizeof identity, "imsi:%s", was.imsi);
    if (was.imsi[0] && !fr_str_equal(was.imsi, e.imsi))
        FR_TRY(revoke(c, name, identity, &revoked, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_sim, &e));
    FR_TRY(fr_call_result(fr_json_enrolee(&e), &enrolee, err));
    (void)json_object_set_new(enrolee, "revoked", json_integer((json_int_t)revoked));
    *ret = enrolee;
    return FR_OK;
}
