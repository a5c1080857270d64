/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolees' listings. */
#include "store/sql.h"

static void read_enrolee(struct fr_sql_rows *rows, struct fr_store_enrolee *e)
{
    int i = 0;

    FR_COL_TEXT(rows, &i, e->name);
    FR_COL_TEXT(rows, &i, e->anchor);
    FR_COL_TEXT(rows, &i, e->san);
    e->created = fr_col_int(rows, &i);
    FR_COL_TEXT(rows, &i, e->imsi);
    e->lifetime = fr_col_int(rows, &i);
    e->gba_u = fr_col_int(rows, &i) != 0;
}

static enum fr_code add(struct fr_sql_store *s, const struct fr_store_enrolee *e,
                        struct fr_err *err)
{
    const char *san = e->anchor[0] ? e->san : e->name; /* sql_schema.c, up_3 */
    enum fr_code rc =
        fr_sql_run(s, FR_SQL_ENROLEE_ADD,
                   FR_VALUES(FR_VTEXT(e->name), FR_VTEXT(e->anchor), FR_VTEXT(san),
                             FR_VINT(e->created), FR_VTEXT(e->imsi),
                             FR_VINT(e->lifetime), FR_VINT(e->gba_u)),
                   NULL, err);

    if (rc == FR_ECONFLICT)
        return FR_FAIL_AS(
            err, rc, "enrolee-exists",
            "the name \"%s\", that identity of that anchor, or that IMSI, "
            "is listed already",
            e->name);
    return rc;
}

static void enrolee_add(struct fr_store *store, const struct fr_store_enrolee *e,
                        struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, add(fr_sql_of(store), e, &err), &err);
}

static enum fr_code one(struct fr_sql_store *s, int sql,
                        const struct fr_sql_value *values, struct fr_store_enrolee *ret,
                        struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, sql, values, &rows, err));
    FR_TRY(fr_sql_next(&rows, err));
    read_enrolee(&rows, ret);
    return FR_OK;
}

static void enrolee_find(struct fr_store *store, const char *name,
                         struct fr_store_enrolee *ret, struct fr_store_call call)
{
    struct fr_err err = {0};
    enum fr_code rc = one(fr_sql_of(store), FR_SQL_ENROLEE_FIND,
                          FR_VALUES(FR_VTEXT(name)), ret, &err);

    fr_sql_done(call, fr_sql_name_missing(rc, "enrolee", name, &err), &err);
}

static void enrolee_match(struct fr_store *store, const char *anchor, const char *san,
                          struct fr_store_enrolee *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                one(fr_sql_of(store), FR_SQL_ENROLEE_MATCH,
                    FR_VALUES(FR_VTEXT(anchor), FR_VTEXT(san)), ret, &err),
                &err);
}

static void enrolee_match_imsi(struct fr_store *store, const char *imsi,
                               struct fr_store_enrolee *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                one(fr_sql_of(store), FR_SQL_ENROLEE_MATCH_IMSI,
                    FR_VALUES(FR_VTEXT(imsi)), ret, &err),
                &err);
}

/* What it had before is a right that is gone. */
static enum fr_code set_sim(struct fr_sql_store *s, const struct fr_store_enrolee *e,
                            struct fr_err *err)
{
    enum fr_code rc = fr_sql_run_one(s, FR_SQL_ENROLEE_SIM,
                                     FR_VALUES(FR_VTEXT(e->name), FR_VTEXT(e->imsi),
                                               FR_VINT(e->lifetime), FR_VINT(e->gba_u)),
                                     "enrolee", err);

    if (rc == FR_ECONFLICT)
        return FR_FAIL_AS(err, rc, "enrolee-exists", "IMSI %s is listed already",
                          e->imsi);
    FR_TRY(fr_sql_name_missing(rc, "enrolee", e->name, err));
    return fr_sql_policy_changed(s, err);
}

static void enrolee_sim(struct fr_store *store, const struct fr_store_enrolee *e,
                        struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, set_sim(fr_sql_of(store), e, &err), &err);
}

static enum fr_code list(struct fr_sql_store *s, const struct fr_store_page *page,
                         struct fr_store_enrolee_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    bool by_san = page->san && *page->san;
    struct fr_store_enrolee e;
    enum fr_code rc;

    FR_TRY(fr_sql_query(
        s, by_san ? FR_SQL_ENROLEE_LIST_SAN : FR_SQL_ENROLEE_LIST,
        by_san ? FR_VALUES(FR_VTEXT(page->after), FR_VINT(fr_page_limit(page)),
                           FR_VTEXT(page->san))
               : FR_VALUES(FR_VTEXT(page->after), FR_VINT(fr_page_limit(page))),
        &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        read_enrolee(&rows, &e);
        FR_TRY(out.row(out.ctx, &e, err));
    }
    return fr_sql_end(rc);
}

static void enrolee_list(struct fr_store *store, const struct fr_store_page *page,
                         struct fr_store_enrolee_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list(fr_sql_of(store), page, rows, &err), &err);
}

static enum fr_code remove_one(struct fr_sql_store *s, const char *name,
                               struct fr_err *err)
{
    enum fr_code rc;

    FR_TRY(fr_sql_run(s, FR_SQL_UNASSIGN, FR_VALUES(FR_VTEXT(name)), NULL, err));
    rc = fr_sql_run_one(s, FR_SQL_ENROLEE_REMOVE, FR_VALUES(FR_VTEXT(name)), "enrolee",
                        err);
    if (rc == FR_ECONFLICT)
        return FR_FAIL_AS(err, rc, "enrolee-in-use", "\"%s\" has credentials", name);
    FR_TRY(fr_sql_name_missing(rc, "enrolee", name, err));
    return fr_sql_policy_changed(s, err);
}

static void enrolee_remove(struct fr_store *store, const char *name,
                           struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, remove_one(fr_sql_of(store), name, &err), &err);
}

void fr_sql_enrolee_ops(struct fr_store_methods *m)
{
    m->enrolee_add = enrolee_add;
    m->enrolee_find = enrolee_find;
    m->enrolee_match = enrolee_match;
    m->enrolee_match_imsi = enrolee_match_imsi;
    m->enrolee_sim = enrolee_sim;
    m->enrolee_list = enrolee_list;
    m->enrolee_remove = enrolee_remove;
}
