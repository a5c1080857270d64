/* SPDX-License-Identifier: Apache-2.0 */
/* The store in PostgreSQL, or in what speaks its protocol. */
#include "store/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct fr_postgres {
    struct fr_sql_store sql; /* first */
    struct fr_pq pq;
    bool is_open; /* a batch is, and its transaction */
};

static struct fr_postgres *of(struct fr_sql_store *s)
{
    return (struct fr_postgres *)s;
}

/* ---- statements ---- */

/* One statement, and its answer. */
static enum fr_code ask(struct fr_postgres *s, int statement,
                        const struct fr_sql_value *values, PGresult **ret,
                        struct fr_err *err)
{
    PGresult *result;
    enum fr_code rc;
    size_t at = 0;

    if (!s->is_open)
        FR_TRY(fr_pq_connect(&s->pq, err));
    if (!s->pq.conn)
        return FR_FAIL_AS(err, FR_ESTORE, "batch-lost",
                          "the connection to the database was lost: nothing was kept");
    FR_TRY(fr_pq_put(&s->pq, statement, values, &at, err));
    FR_TRY(fr_pq_fly(&s->pq, err));
    rc = at > 0 ? fr_pq_check(s->pq.item[at - 1].result, err) : FR_OK;
    result = fr_pq_take(&s->pq, at);
    fr_pq_land(&s->pq);
    if (rc == FR_OK)
        rc = fr_pq_check(result, err);
    if (rc == FR_OK)
        *ret = result;
    else
        PQclear(result);
    return rc;
}

static enum fr_code query(struct fr_sql_store *sql, int which,
                          const struct fr_sql_value *values, struct fr_sql_rows *ret,
                          struct fr_err *err)
{
    PGresult *result = NULL;

    FR_TRY(ask(of(sql), which, values, &result, err));
    *ret = (struct fr_sql_rows){.s = sql, .result = result, .at = -1};
    return FR_OK;
}

static enum fr_code next(struct fr_sql_rows *rows, struct fr_err *err)
{
    if (++rows->at >= PQntuples(rows->result))
        return FR_FAIL(err, FR_ENOTFOUND, "no such record");
    return FR_OK;
}

static void clear(struct fr_sql_rows *rows)
{
    PQclear(rows->result);
}

static struct fr_slice octets(struct fr_sql_rows *rows, int column)
{
    int len = PQgetlength(rows->result, rows->at, column);

    return fr_slice_of(PQgetvalue(rows->result, rows->at, column), (size_t)len);
}

/* Numbers come as big-endian octets, as long as their type. */
static int64_t number(struct fr_sql_rows *rows, int column)
{
    struct fr_slice s = octets(rows, column);
    uint64_t v = s.len > 0 && (s.data[0] & 0x80) ? UINT64_MAX : 0;

    for (size_t i = 0; i < s.len; i++)
        v = v << 8 | s.data[i];
    return (int64_t)v;
}

static enum fr_code run(struct fr_sql_store *sql, int which,
                        const struct fr_sql_value *values, int *changed,
                        struct fr_err *err)
{
    PGresult *result = NULL;

    FR_TRY(ask(of(sql), which, values, &result, err));
    if (changed)
        *changed = atoi(PQcmdTuples(result));
    PQclear(result);
    return FR_OK;
}

/* ---- transactions ---- */

static enum fr_code plain(struct fr_postgres *s, enum fr_pq_statement which,
                          struct fr_err *err)
{
    PGresult *result = NULL;

    FR_TRY(ask(s, which, FR_NO_VALUES, &result, err));
    PQclear(result);
    return FR_OK;
}

static enum fr_code begin(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    s->is_open = false;
    FR_TRY(plain(s, FR_PQ_BEGIN, err));
    s->is_open = true;
    return FR_OK;
}

/* Its moment is that of its first read. */
static enum fr_code snapshot(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    s->is_open = false;
    FR_TRY(plain(s, FR_PQ_SNAPSHOT, err));
    s->is_open = true;
    return run(sql, FR_SQL_POLICY, FR_NO_VALUES, NULL, err);
}

static enum fr_code rollback(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    s->is_open = false;
    if (!s->pq.conn || PQtransactionStatus(s->pq.conn) == PQTRANS_IDLE)
        return FR_OK; /* the server has rolled back by itself */
    return plain(s, FR_PQ_ROLLBACK, err);
}

/* Whether it was kept is not known when the answer is lost, nor if the server warns
 * that a standby has not got it. */
static enum fr_code send_commit(struct fr_postgres *s, struct fr_err *err)
{
    PGresult *result = NULL;
    bool is_committed;

    s->pq.has_warned = false;
    FR_TRY(ask(s, FR_PQ_COMMIT, FR_NO_VALUES, &result, err));
    is_committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (!is_committed)
        return FR_FAIL(err, FR_ESTORE, "a statement of the batch had failed");
    if (s->pq.has_warned)
        return FR_FAIL(err, FR_ESTORE, "the server has warned");
    return FR_OK;
}

static enum fr_code commit(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);
    const struct fr_store *super = &sql->super;
    enum fr_code rc;

    if (!s->is_open)
        return FR_FAIL_AS(err, FR_ESTORE, "commit-failed", "no batch is open");
    if (super->on_commit && !super->on_commit(super->on_commit_ctx))
        rc = FR_FAIL(err, FR_ESTORE, "it was not to be");
    else
        rc = send_commit(s, err);
    if (rc != FR_OK)
        (void)rollback(sql, NULL);
    s->is_open = false;
    if (rc == FR_OK || rc == FR_EBUSY)
        return rc;
    return fr_err_wrap(err, FR_ESTORE, "commit failed");
}

static enum fr_code mark(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    if (!s->is_open)
        return FR_FAIL_AS(err, FR_ESTORE, "batch-lost",
                          "the database has rolled back: nothing was kept");
    return plain(s, FR_PQ_MARK, err);
}

static enum fr_code keep(struct fr_sql_store *sql, struct fr_err *err)
{
    return plain(of(sql), FR_PQ_KEEP, err);
}

static enum fr_code undo(struct fr_sql_store *sql, struct fr_err *err)
{
    FR_TRY(plain(of(sql), FR_PQ_UNDO, err));
    return keep(sql, err);
}

/* ---- opening ---- */

static void postgres_close(struct fr_sql_store *sql)
{
    fr_pq_clear(&of(sql)->pq);
    free(sql);
}

static const struct fr_sql_driver driver = {
    .name = "postgres",
    .close = postgres_close,
    .begin = begin,
    .snapshot = snapshot,
    .commit = commit,
    .rollback = rollback,
    .mark = mark,
    .keep = keep,
    .undo = undo,
    .query = query,
    .next = next,
    .clear = clear,
    .number = number,
    .octets = octets,
    .run = run,
};

static enum fr_code open_as(const char *conninfo, bool is_guest, struct fr_store **ret,
                            struct fr_err *err)
{
    FR_AUTO(store) *store = NULL;
    struct fr_postgres *s;

    FR_TRY(fr_store_postgres_check(conninfo, err));
    s = calloc(1, sizeof *s);
    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    store = (struct fr_store *)s;
    fr_sql_init(&s->sql, &driver);
    s->pq.is_guest = is_guest;
    FR_TRY(fr_str_dup(conninfo, &s->pq.conninfo, err));
    FR_TRY(fr_pq_connect(&s->pq, err));
    *ret = FR_TAKE(store);
    return FR_OK;
}

enum fr_code fr_store_postgres_open(const char *conninfo, struct fr_store **ret,
                                    struct fr_err *err)
{
    return open_as(conninfo, false, ret, err);
}

enum fr_code fr_store_postgres_read(const char *conninfo, struct fr_store **ret,
                                    struct fr_err *err)
{
    return open_as(conninfo, true, ret, err);
}
