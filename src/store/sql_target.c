/* SPDX-License-Identifier: Apache-2.0 */
/* Targets, and which enrolee may enrol for which. */
#include "store/sql.h"

static void read_target(struct fr_sql_rows *rows, int *i, struct fr_store_target *t)
{
    FR_COL_TEXT(rows, i, t->id);
    FR_COL_TEXT(rows, i, t->fqdn);
    t->derivation = (enum fr_derivation)fr_col_int(rows, i);
    t->created = fr_col_int(rows, i);
}

static enum fr_code add(struct fr_sql_store *s, const struct fr_store_target *t,
                        struct fr_err *err)
{
    enum fr_code rc = fr_sql_run(s, FR_SQL_TARGET_ADD,
                                 FR_VALUES(FR_VTEXT(t->id), FR_VTEXT(t->fqdn),
                                           FR_VINT(t->derivation), FR_VINT(t->created)),
                                 NULL, err);

    if (rc == FR_ECONFLICT)
        return FR_FAIL_AS(
            err, rc, "target-exists",
            "target \"%s\", or one with the name %s, is registered already", t->id,
            t->fqdn);
    return rc;
}

static void target_add(struct fr_store *store, const struct fr_store_target *t,
                       struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, add(fr_sql_of(store), t, &err), &err);
}

static enum fr_code one(struct fr_sql_store *s, int sql, const char *key,
                        struct fr_store_target *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    int i = 0;

    FR_TRY(fr_sql_query(s, sql, FR_VALUES(FR_VTEXT(key)), &rows, err));
    FR_TRY(fr_sql_name_missing(fr_sql_next(&rows, err), "target", key, err));
    read_target(&rows, &i, ret);
    return FR_OK;
}

static void target_find(struct fr_store *store, const char *id,
                        struct fr_store_target *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, one(fr_sql_of(store), FR_SQL_TARGET_FIND, id, ret, &err), &err);
}

static void target_find_fqdn(struct fr_store *store, const char *fqdn,
                             struct fr_store_target *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, one(fr_sql_of(store), FR_SQL_TARGET_FIND_FQDN, fqdn, ret, &err),
                &err);
}

static enum fr_code list(struct fr_sql_store *s, const struct fr_store_page *page,
                         struct fr_store_target_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_store_target t;
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_TARGET_LIST,
                        FR_VALUES(FR_VTEXT(page->after), FR_VINT(fr_page_limit(page))),
                        &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        int i = 0;

        read_target(&rows, &i, &t);
        FR_TRY(out.row(out.ctx, &t, err));
    }
    return fr_sql_end(rc);
}

static void target_list(struct fr_store *store, const struct fr_store_page *page,
                        struct fr_store_target_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list(fr_sql_of(store), page, rows, &err), &err);
}

static enum fr_code refuse_in_use(struct fr_sql_store *s, const char *id,
                                  struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_TARGET_IN_USE, FR_VALUES(FR_VTEXT(id)), &rows, err));
    rc = fr_sql_next(&rows, err);
    if (rc == FR_OK)
        return FR_FAIL_AS(err, FR_ECONFLICT, "target-in-use",
                          "target \"%s\" has credentials: revoke them first", id);
    return fr_sql_end(rc);
}

static enum fr_code remove_one(struct fr_sql_store *s, const char *id,
                               struct fr_err *err)
{
    FR_TRY(refuse_in_use(s, id, err));
    FR_TRY(fr_sql_policy_changed(s, err));
    return fr_sql_name_missing(
        fr_sql_run_one(s, FR_SQL_TARGET_REMOVE, FR_VALUES(FR_VTEXT(id)), "target", err),
        "target", id, err);
}

static void target_remove(struct fr_store *store, const char *id,
                          struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, remove_one(fr_sql_of(store), id, &err), &err);
}

/* ---- who may what ---- */

static enum fr_code allow_one(struct fr_sql_store *s, const char *enrolee,
                              const char *target, bool is_default, struct fr_err *err)
{
    enum fr_code rc;

    if (is_default)
        FR_TRY(fr_sql_run(s, FR_SQL_ALLOW_NO_DEFAULT, FR_VALUES(FR_VTEXT(enrolee)),
                          NULL, err));
    rc = fr_sql_run(s, FR_SQL_ALLOW,
                    FR_VALUES(FR_VTEXT(enrolee), FR_VTEXT(target), FR_VINT(is_default)),
                    NULL, err);
    if (rc == FR_ECONFLICT) /* of REFERENCES; the rest is taken by ON CONFLICT */
        return FR_FAIL(err, FR_ENOTFOUND,
                       "no enrolee \"%s\", or no target \"%s\": add them first",
                       enrolee, target);
    return rc;
}

static void allow(struct fr_store *store, const char *enrolee, const char *target,
                  bool is_default, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, allow_one(fr_sql_of(store), enrolee, target, is_default, &err),
                &err);
}

static enum fr_code deny_one(struct fr_sql_store *s, const char *enrolee,
                             const char *target, struct fr_err *err)
{
    enum fr_code rc = fr_sql_run_one(
        s, FR_SQL_DENY, FR_VALUES(FR_VTEXT(enrolee), FR_VTEXT(target)), "target", err);

    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, rc, "\"%s\" is not allowed for \"%s\" as it is", enrolee,
                       target);
    FR_TRY(rc);
    return fr_sql_policy_changed(s, err);
}

static void deny(struct fr_store *store, const char *enrolee, const char *target,
                 struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, deny_one(fr_sql_of(store), enrolee, target, &err), &err);
}

static enum fr_code list_allowed(struct fr_sql_store *s, const char *enrolee,
                                 struct fr_store_allowed_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_store_allowed a;
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_ALLOWED, FR_VALUES(FR_VTEXT(enrolee)), &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        int i = 0;

        read_target(&rows, &i, &a.target);
        a.is_default = fr_col_int(&rows, &i) != 0;
        FR_TRY(out.row(out.ctx, &a, err));
    }
    return fr_sql_end(rc);
}

static void allowed(struct fr_store *store, const char *enrolee,
                    struct fr_store_allowed_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list_allowed(fr_sql_of(store), enrolee, rows, &err), &err);
}

void fr_sql_target_ops(struct fr_store_methods *m)
{
    m->target_add = target_add;
    m->target_find = target_find;
    m->target_find_fqdn = target_find_fqdn;
    m->target_list = target_list;
    m->target_remove = target_remove;
    m->allow = allow;
    m->deny = deny;
    m->allowed = allowed;
}
