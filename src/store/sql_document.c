/* SPDX-License-Identifier: Apache-2.0 */
/* Instruction documents and who gets them. */
#include "store/sql.h"

static void document_set(struct fr_store *store, const struct fr_store_document *d,
                         struct fr_store_call call)
{
    struct fr_sql_value body = {.type = FR_SQL_TEXT, .octets = d->body};
    struct fr_err err = {0};

    fr_sql_done(call,
                fr_sql_run(fr_sql_of(store), FR_SQL_DOCUMENT_SET,
                           FR_VALUES(FR_VTEXT(d->name), body, FR_VINT(d->updated)),
                           NULL, &err),
                &err);
}

static enum fr_code body(struct fr_sql_store *s, int sql, const char *key,
                         struct fr_buf *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_slice text;
    int i = 0;

    FR_TRY(fr_sql_query(s, sql, FR_VALUES(FR_VTEXT(key)), &rows, err));
    FR_TRY(fr_sql_name_missing(fr_sql_next(&rows, err), "instructions for", key, err));
    text = fr_col_slice(&rows, &i);
    fr_buf_put(ret, text.data, text.len);
    return fr_buf_check(ret, err);
}

static void document_find(struct fr_store *store, const char *name,
                          struct fr_buf *ret_body, struct fr_store_call call)
{
    struct fr_err err = {0};
    enum fr_code rc =
        body(fr_sql_of(store), FR_SQL_DOCUMENT_FIND, name, ret_body, &err);

    fr_sql_done(call, fr_sql_name_missing(rc, "instructions", name, &err), &err);
}

static void document_for(struct fr_store *store, const char *enrolee,
                         struct fr_buf *ret_body, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                body(fr_sql_of(store), FR_SQL_DOCUMENT_FOR, enrolee, ret_body, &err),
                &err);
}

static enum fr_code list(struct fr_sql_store *s, const struct fr_store_page *page,
                         struct fr_store_document_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_store_document d = {0};
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_DOCUMENT_LIST,
                        FR_VALUES(FR_VTEXT(page->after), FR_VINT(fr_page_limit(page))),
                        &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        int i = 0;

        FR_COL_TEXT(&rows, &i, d.name);
        d.updated = fr_col_int(&rows, &i);
        FR_TRY(out.row(out.ctx, &d, err));
    }
    return fr_sql_end(rc);
}

static void document_list(struct fr_store *store, const struct fr_store_page *page,
                          struct fr_store_document_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list(fr_sql_of(store), page, rows, &err), &err);
}

static void document_remove(struct fr_store *store, const char *name,
                            struct fr_store_call call)
{
    struct fr_err err = {0};
    enum fr_code rc = fr_sql_run_one(fr_sql_of(store), FR_SQL_DOCUMENT_REMOVE,
                                     FR_VALUES(FR_VTEXT(name)), "instructions", &err);

    fr_sql_done(call, fr_sql_name_missing(rc, "instructions", name, &err), &err);
}

static void document_assign(struct fr_store *store, const char *name,
                            const char *enrolee, struct fr_store_call call)
{
    struct fr_err err = {0};
    enum fr_code rc =
        fr_sql_run(fr_sql_of(store), FR_SQL_ASSIGN,
                   FR_VALUES(FR_VTEXT(enrolee), FR_VTEXT(name)), NULL, &err);

    if (rc == FR_ECONFLICT) /* of REFERENCES; the rest is taken by ON CONFLICT */
        rc = FR_FAIL(&err, FR_ENOTFOUND, "no instructions \"%s\"", name);
    fr_sql_done(call, rc, &err);
}

static enum fr_code assignments(struct fr_sql_store *s, const char *name,
                                struct fr_store_assignment_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_store_assignment a;
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_ASSIGNMENTS, FR_VALUES(FR_VTEXT(name)), &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        int i = 0;

        FR_COL_TEXT(&rows, &i, a.enrolee);
        FR_COL_TEXT(&rows, &i, a.document);
        FR_TRY(out.row(out.ctx, &a, err));
    }
    return fr_sql_end(rc);
}

static void document_assignments(struct fr_store *store, const char *name,
                                 struct fr_store_assignment_rows rows,
                                 struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, assignments(fr_sql_of(store), name, rows, &err), &err);
}

void fr_sql_document_ops(struct fr_store_methods *m)
{
    m->document_set = document_set;
    m->document_find = document_find;
    m->document_for = document_for;
    m->document_list = document_list;
    m->document_remove = document_remove;
    m->document_assign = document_assign;
    m->document_assignments = document_assignments;
}
