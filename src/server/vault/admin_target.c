/* SPDX-License-Identifier: Apache-2.0 */
/* target.*: with whom enrolees may share a key. */
#include <string.h>

#include "base/str.h"
#include "model/instruction.h"
#include "server/vault/admin.h"

/* A target id in its one spelling; "id" is valid or FR_EUSAGE. */
static enum fr_code take_id(const struct fr_call *c, char to[FR_ID_MAX + 1],
                            struct fr_err *err)
{
    const char *id;

    FR_TRY(fr_call_text(c, "id", &id, err));
    if (!fr_target_is_valid(fr_slice_str(id)) || strlen(id) > FR_ID_MAX)
        return FR_FAIL(err, FR_EUSAGE,
                       "\"%.64s\" is neither an FQDN nor an absolute id (//sp/cse)",
                       id);
    snprintf(to, FR_ID_MAX + 1, "%s", id);
    if (fr_fqdn_is_valid(fr_slice_str(to)))
        fr_ascii_fold(to);
    return FR_OK;
}

static enum fr_code take_fqdn(const struct fr_call *c, const char *id,
                              char to[FR_ID_MAX + 1], struct fr_err *err)
{
    const char *fqdn;

    FR_TRY(fr_call_text_opt(c, "fqdn", &fqdn, err));
    if (!fqdn)
        fqdn = id;
    if (!fr_fqdn_is_valid(fr_slice_str(fqdn)))
        return FR_FAIL(err, FR_EUSAGE,
                       "\"fqdn\" must be the name in %s's certificate, not \"%.64s\"",
                       id, fqdn);
    snprintf(to, FR_ID_MAX + 1, "%s", fqdn);
    fr_ascii_fold(to);
    return FR_OK;
}

static enum fr_code take_derivation(const struct fr_call *c, enum fr_derivation *ret,
                                    struct fr_err *err)
{
    const char *name;

    FR_TRY(fr_call_text_opt(c, "derivation", &name, err));
    *ret = FR_DERIVE_USAGE;
    if (name && (!fr_derivation_by_name(name, ret) || fr_derivation_is_gba(*ret)))
        return FR_FAIL(err, FR_EUSAGE, "\"derivation\" is usage, km or kpsa");
    return FR_OK;
}

enum fr_code fr_admin_target_add(const struct fr_call *c, json_t **ret,
                                 struct fr_err *err)
{
    struct fr_store_target t = {.created = c->now};

    FR_TRY(take_id(c, t.id, err));
    FR_TRY(take_fqdn(c, t.id, t.fqdn, err));
    FR_TRY(take_derivation(c, &t.derivation, err));
    if (fr_ascii_equal_fold(t.fqdn, c->v->config.mef_fqdn))
        return FR_FAIL_AS(err, FR_ECONFLICT, "target-exists",
                          "%s is the MEF itself: a target without being registered",
                          t.fqdn);
    FR_TRY(FR_ASK(c->v, err, target_add, &t));
    return fr_call_result(fr_json_target(&t), ret, err);
}

static enum fr_code row(void *ctx, const struct fr_store_target *t, struct fr_err *err)
{
    return fr_json_append(ctx, fr_json_target(t), err);
}

enum fr_code fr_admin_target_list(const struct fr_call *c, json_t **ret,
                                  struct fr_err *err)
{
    json_auto_t *list = json_array();
    struct fr_store_page page;

    FR_TRY(fr_call_page(c, &page, err));
    FR_TRY(FR_ASK(c->v, err, target_list, &page,
                  ((struct fr_store_target_rows){.row = row, .ctx = list})));
    return fr_call_result(json_incref(list), ret, err);
}

enum fr_code fr_admin_target_show(const struct fr_call *c, json_t **ret,
                                  struct fr_err *err)
{
    char id[FR_ID_MAX + 1];
    struct fr_store_target t;

    FR_TRY(take_id(c, id, err));
    FR_TRY(FR_ASK(c->v, err, target_find, id, &t));
    return fr_call_result(fr_json_target(&t), ret, err);
}

enum fr_code fr_admin_target_remove(const struct fr_call *c, json_t **ret,
                                    struct fr_err *err)
{
    char id[FR_ID_MAX + 1];

    FR_TRY(take_id(c, id, err));
    FR_TRY(FR_ASK(c->v, err, target_remove, id));
    return fr_call_result(json_pack("{s:s}", "id", id), ret, err);
}
