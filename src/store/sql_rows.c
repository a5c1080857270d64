/* SPDX-License-Identifier: Apache-2.0 */
/* Whole rows, whatever their table. */
#include "store/sql.h"

static int statement_of(const struct fr_table *t, enum fr_sql_of_rows which)
{
    return FR_N_SQL + (int)(t - fr_tables) * FR_N_SQL_OF_ROWS + (int)which;
}

static size_t take_values(const struct fr_value *from, size_t n,
                          struct fr_sql_value *to)
{
    for (size_t i = 0; i < n; i++) {
        if (from[i].type == FR_VALUE_INT)
            to[i] = FR_VINT(from[i].number);
        else
            to[i] = (struct fr_sql_value){
                .type = from[i].type == FR_VALUE_TEXT ? FR_SQL_TEXT : FR_SQL_BLOB,
                .octets = from[i].octets};
    }
    to[n].type = FR_SQL_END;
    return n;
}

static void read_row(struct fr_sql_rows *rows, const struct fr_table *t,
                     struct fr_value *to)
{
    int column = 0;

    for (size_t i = 0; i < t->n; i++) {
        to[i] = (struct fr_value){.type = t->column[i].type};
        if (to[i].type == FR_VALUE_INT)
            to[i].number = fr_col_int(rows, &column);
        else
            to[i].octets = fr_col_slice(rows, &column);
    }
}

static enum fr_code list(struct fr_sql_store *s, const struct fr_value *after,
                         size_t limit, struct fr_rows *ret, struct fr_err *err)
{
    struct fr_sql_value values[FR_COLUMNS_MAX + 2];
    size_t n = take_values(after, after ? ret->table->n_keys : 0, values);
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_value row[FR_COLUMNS_MAX];
    enum fr_code rc;

    values[n] = FR_VINT(limit);
    values[n + 1].type = FR_SQL_END;
    FR_TRY(fr_sql_query(
        s, statement_of(ret->table, after ? FR_SQL_ROWS_AFTER : FR_SQL_ROWS_FIRST),
        values, &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        read_row(&rows, ret->table, row);
        FR_TRY(fr_rows_put(ret, row, err));
    }
    return fr_sql_end(rc);
}

static void rows_list(struct fr_store *store, const struct fr_value *after,
                      size_t limit, struct fr_rows *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list(fr_sql_of(store), after, limit, ret, &err), &err);
}

/* Each row through one statement, which takes its first n values. */
static enum fr_code each(struct fr_sql_store *s, enum fr_sql_of_rows which, size_t n,
                         const struct fr_rows *rows, struct fr_err *err)
{
    struct fr_sql_value values[FR_COLUMNS_MAX + 1];
    struct fr_value row[FR_COLUMNS_MAX];
    enum fr_code rc = FR_OK;
    struct fr_err why;

    for (size_t i = 0; i < rows->n && rc == FR_OK; i++) {
        fr_rows_values(rows, i, row);
        (void)take_values(row, n, values);
        rc = fr_sql_run(s, statement_of(rows->table, which), values, NULL, err);
    }
    if (rc != FR_ECONFLICT)
        return rc;
    why = *err; /* no decision: it cannot be here */
    return FR_FAIL(err, FR_ESTORE, "table %s: %s", rows->table->name, why.msg);
}

static void rows_add(struct fr_store *store, const struct fr_rows *rows,
                     struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                each(fr_sql_of(store), FR_SQL_ROWS_ADD, rows->table->n, rows, &err),
                &err);
}

static void rows_drop(struct fr_store *store, const struct fr_rows *rows,
                      struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(
        call, each(fr_sql_of(store), FR_SQL_ROWS_DROP, rows->table->n_keys, rows, &err),
        &err);
}

static void snapshot(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    fr_sql_done(call, s->driver->snapshot(s, &err), &err);
}

void fr_sql_rows_ops(struct fr_store_methods *m)
{
    m->snapshot = snapshot;
    m->rows_list = rows_list;
    m->rows_add = rows_add;
    m->rows_drop = rows_drop;
}
