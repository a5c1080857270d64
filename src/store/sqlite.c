/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <string.h>

struct fr_sqlite *fr_sqlite_of(struct fr_store *s)
{
    return (struct fr_sqlite *)s;
}

void fr_sqlite_done(struct fr_store_call call, enum fr_code rc, struct fr_err *err)
{
    call.done(call.ctx, rc, err);
}

static enum fr_code fail(struct fr_sqlite *s, int sqlite_rc, struct fr_err *err)
{
    int primary = sqlite_rc & 0xff;

    if (primary == SQLITE_CONSTRAINT)
        return FR_FAIL(err, FR_ECONFLICT, "%s", sqlite3_errmsg(s->db));
    if (primary == SQLITE_NOMEM)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return FR_FAIL(err, FR_ESTORE, "database: %s", sqlite3_errmsg(s->db));
}

struct fr_sql_value fr_sql_text_value(const char *s)
{
    return (struct fr_sql_value){.type = FR_SQL_TEXT,
                                 .octets = fr_slice_str(s ? s : "")};
}

static int bind(sqlite3_stmt *stmt, int at, const struct fr_sql_value *v)
{
    const void *octets = v->octets.data ? v->octets.data : (const uint8_t *)"";

    if (v->type == FR_SQL_INT)
        return sqlite3_bind_int64(stmt, at, v->number);
    if (v->type == FR_SQL_TEXT)
        return sqlite3_bind_text(stmt, at, octets, (int)v->octets.len, SQLITE_STATIC);
    return sqlite3_bind_blob(stmt, at, octets, (int)v->octets.len, SQLITE_STATIC);
}

static enum fr_code prepared(struct fr_sqlite *s, enum fr_sql sql, struct fr_err *err)
{
    int rc;

    if (s->stmt[sql])
        return FR_OK;
    rc = sqlite3_prepare_v3(s->db, fr_sql_text[sql], -1, SQLITE_PREPARE_PERSISTENT,
                            &s->stmt[sql], NULL);
    return rc == SQLITE_OK ? FR_OK : fail(s, rc, err);
}

enum fr_code fr_sql_query(struct fr_sqlite *s, enum fr_sql sql,
                          const struct fr_sql_value *values, struct fr_sql_rows *ret,
                          struct fr_err *err)
{
    FR_TRY(prepared(s, sql, err));
    *ret = (struct fr_sql_rows){.s = s, .stmt = s->stmt[sql]};
    for (int at = 1; values->type != FR_SQL_END; at++, values++) {
        int rc = bind(ret->stmt, at, values);

        if (rc != SQLITE_OK)
            return fail(s, rc, err);
    }
    return FR_OK;
}

void fr_sql_rows_clear(struct fr_sql_rows *rows)
{
    if (!rows->stmt)
        return;
    (void)sqlite3_reset(rows->stmt); /* repeats the failure that step told */
    (void)sqlite3_clear_bindings(rows->stmt);
}

enum fr_code fr_sql_next(struct fr_sql_rows *rows, struct fr_err *err)
{
    int rc = sqlite3_step(rows->stmt);

    if (rc == SQLITE_ROW)
        return FR_OK;
    if (rc == SQLITE_DONE)
        return FR_FAIL(err, FR_ENOTFOUND, "no such record");
    return fail(rows->s, rc, err);
}

enum fr_code fr_sql_end(enum fr_code rc)
{
    return rc == FR_ENOTFOUND ? FR_OK : rc;
}

enum fr_code fr_sql_run(struct fr_sqlite *s, enum fr_sql sql,
                        const struct fr_sql_value *values, int *changed,
                        struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, sql, values, &rows, err));
    FR_TRY(fr_sql_end(fr_sql_next(&rows, err)));
    if (changed)
        *changed = sqlite3_changes(s->db);
    return FR_OK;
}

enum fr_code fr_sql_run_one(struct fr_sqlite *s, enum fr_sql sql,
                            const struct fr_sql_value *values, const char *what,
                            struct fr_err *err)
{
    int changed;

    FR_TRY(fr_sql_run(s, sql, values, &changed, err));
    if (changed == 0)
        return FR_FAIL(err, FR_ENOTFOUND, "no such %s", what);
    return FR_OK;
}

enum fr_code fr_sql_name_missing(enum fr_code rc, const char *what, const char *name,
                                 struct fr_err *err)
{
    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, rc, "no %s \"%s\"", what, name);
    return rc;
}

int64_t fr_page_limit(const struct fr_store_page *page)
{
    return page->limit > INT32_MAX ? INT32_MAX : (int64_t)page->limit;
}

int64_t fr_col_int(struct fr_sql_rows *rows, int *i)
{
    return sqlite3_column_int64(rows->stmt, (*i)++);
}

struct fr_slice fr_col_slice(struct fr_sql_rows *rows, int *i)
{
    const void *octets = sqlite3_column_blob(rows->stmt, *i);
    int len = sqlite3_column_bytes(rows->stmt, *i);

    (*i)++;
    return fr_slice_of(octets, octets ? (size_t)len : 0);
}

void fr_col_octets(struct fr_sql_rows *rows, int *i, uint8_t *to, size_t size,
                   size_t *ret_len)
{
    struct fr_slice s = fr_col_slice(rows, i);
    size_t len = s.len < size ? s.len : size;

    if (len)
        memcpy(to, s.data, len);
    if (ret_len)
        *ret_len = len;
}

void fr_col_text(struct fr_sql_rows *rows, int *i, char *to, size_t size)
{
    size_t len;

    fr_col_octets(rows, i, (uint8_t *)to, size - 1, &len);
    to[len] = 0;
}
