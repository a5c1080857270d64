/* SPDX-License-Identifier: Apache-2.0 */
/* enrolee.*: who may enrol, and for what. */
#include <string.h>

#include "base/str.h"
#include "server/vault/admin.h"

enum { REMOVE_PAGE = 64 };

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

enum fr_code fr_admin_enrolee_add(const struct fr_call *c, json_t **ret,
                                  struct fr_err *err)
{
    struct fr_store_enrolee e = {.created = c->now};

    FR_TRY(take_name(c, e.name, err));
    FR_TRY(take_anchor(c, e.anchor, err));
    FR_TRY(take_san(c, e.san, err));
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

/* ---- remove ---- */

struct some {
    struct fr_store_credential list[REMOVE_PAGE];
    size_t n;
};

static enum fr_code collect(void *ctx, const struct fr_store_credential *c,
                            struct fr_err *err)
{
    struct some *some = ctx;

    if (some->n == REMOVE_PAGE)
        return FR_FAIL(err, FR_ESTORE, "more credentials than asked for");
    some->list[some->n++] = *c;
    return FR_OK;
}

/* Who is not listed has no keys: its credentials are revoked with it. */
static enum fr_code revoke_some(const struct fr_call *c, const char *name,
                                size_t *ret_n, struct fr_err *err)
{
    const struct fr_removal why = {.event = FR_EVENT_REVOKED,
                                   .actor = "operator",
                                   .action = "credential.revoke",
                                   .reason = "enrolee-removed"};
    const struct fr_store_page page = {.enrolee = name, .limit = REMOVE_PAGE};
    struct some some = {.n = 0};

    FR_TRY(FR_ASK(c->v, err, credential_list, &page,
                  ((struct fr_store_credential_rows){.row = collect, .ctx = &some})));
    for (size_t i = 0; i < some.n; i++)
        FR_TRY(fr_vault_remove(c->v, &some.list[i], &why, err));
    *ret_n = some.n;
    return FR_OK;
}

enum fr_code fr_admin_enrolee_remove(const struct fr_call *c, json_t **ret,
                                     struct fr_err *err)
{
    struct fr_store_enrolee e;
    size_t n, revoked = 0;
    const char *name;

    FR_TRY(fr_call_text(c, "name", &name, err));
    FR_TRY(FR_ASK(c->v, err, enrolee_find, name, &e));
    do {
        FR_TRY(revoke_some(c, name, &n, err));
        revoked += n;
    } while (n > 0);
    FR_TRY(FR_ASK(c->v, err, enrolee_remove, name));
    return fr_call_result(
        json_pack("{s:s, s:I}", "name", name, "revoked", (json_int_t)revoked), ret,
        err);
}
