/* SPDX-License-Identifier: Apache-2.0 */
/* credential.*: what was provisioned, never a key. */
#include "base/str.h"
#include "server/vault/admin.h"

enum fr_code fr_admin_credential_list(const struct fr_call *c, json_t **ret,
                                      struct fr_err *err)
{
    struct fr_store_page page;

    FR_TRY(fr_call_page(c, &page, err));
    FR_TRY(fr_call_text_opt(c, "enrolee", &page.enrolee, err));
    FR_TRY(fr_call_text_opt(c, "target", &page.target, err));
    return fr_json_credentials(c, &page, ret, err);
}

static enum fr_code find(const struct fr_call *c, struct fr_store_credential *ret,
                         struct fr_err *err)
{
    char key_id[FR_KEYID_MAX + 1];
    const char *text;
    enum fr_code rc;

    FR_TRY(fr_call_text(c, "keyId", &text, err));
    if (!fr_keyid_any_parse(fr_slice_str(text), key_id))
        return FR_FAIL(err, FR_EUSAGE,
                       "\"%.64s\" is no KeID (32 hex digits@FQDN) and no B-TID", text);
    rc = FR_ASK(c->v, err, credential_find, key_id, ret);
    if (rc == FR_ENOTFOUND)
        return FR_FAIL_AS(err, rc, "unknown-key", "no credential \"%s\"", key_id);
    return rc;
}

enum fr_code fr_admin_credential_show(const struct fr_call *c, json_t **ret,
                                      struct fr_err *err)
{
    struct fr_store_credential found;

    FR_TRY(find(c, &found, err));
    return fr_call_result(fr_json_credential(c->v, c->now, &found), ret, err);
}

enum { PREVIOUS_MAX = 2 }; /* of a place: store.h, credential_commit */

struct family {
    const struct fr_store_credential *of;
    struct fr_store_credential previous[PREVIOUS_MAX];
    size_t n;
};

static enum fr_code previous_of(void *ctx, const struct fr_store_credential *row,
                                struct fr_err *err)
{
    const struct fr_store_place *a = &row->place, *b;
    struct family *family = ctx;

    (void)err;
    b = &family->of->place;
    if (row->slot == FR_SLOT_PREVIOUS && family->n < PREVIOUS_MAX &&
        a->suid == b->suid && fr_str_equal(a->identity, b->identity) &&
        fr_str_equal(a->admin_fqdn, b->admin_fqdn) &&
        fr_str_equal(a->target, b->target))
        family->previous[family->n++] = *row;
    return FR_OK;
}

/* A revoked current must not leave its predecessors in use: they go along. */
static enum fr_code revoke(const struct fr_call *c,
                           const struct fr_store_credential *found, size_t *ret_n,
                           struct fr_err *err)
{
    const struct fr_store_page page = {.san = found->san,
                                       .enrolee = found->enrolee,
                                       .target = found->place.target,
                                       .limit = FR_VAULT_LIST_MAX};
    const struct fr_removal why = {.event = FR_EVENT_REVOKED,
                                   .actor = "operator",
                                   .action = "credential.revoke",
                                   .reason = "revoked"};
    struct family family = {.of = found};

    if (found->slot == FR_SLOT_CURRENT)
        FR_TRY(FR_ASK(
            c->v, err, credential_list, &page,
            ((struct fr_store_credential_rows){.row = previous_of, .ctx = &family})));
    FR_TRY(fr_vault_remove(c->v, found, &why, err));
    for (size_t i = 0; i < family.n; i++)
        FR_TRY(fr_vault_remove(c->v, &family.previous[i], &why, err));
    *ret_n = 1 + family.n;
    return FR_OK;
}

enum fr_code fr_admin_credential_revoke(const struct fr_call *c, json_t **ret,
                                        struct fr_err *err)
{
    struct fr_store_credential found;
    size_t n;

    FR_TRY(find(c, &found, err));
    FR_TRY(revoke(c, &found, &n, err));
    return fr_call_result(json_pack("{s:s, s:s, s:I}", "keyId", found.key_id, "enrolee",
                                    found.enrolee, "revoked", (json_int_t)n),
                          ret, err);
}
