/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in PostgreSQL, or in what speaks its protocol.
 *
 * A batch is first tried together with those of other nodes: what its requests ask goes
 * in few flights, what they write is held and goes in one, before the commit, with what
 * each write expects of the rows that it changes. If that does not come true, or a
 * statement fails, or something that was sent has to be undone, the batch fails by
 * FR_EBUSY, and the next one is done alone: behind a lock that all batches that tell
 * the feed have to take, statement by statement, with savepoints.
 */
#include "store/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct fr_postgres {
    struct fr_sql_store sql; /* first */
    struct fr_pq pq;
    enum { NO_BATCH, TOGETHER, ALONE } mode;
    bool gathers;
    bool was_busy; /* the batch before this: this one is done alone */
    struct fr_pq_batch batch;
};

static struct fr_postgres *of(struct fr_sql_store *s)
{
    return (struct fr_postgres *)s;
}

static enum fr_code busy(struct fr_postgres *s, enum fr_code rc)
{
    s->was_busy |= rc == FR_EBUSY;
    return rc;
}

/* ---- flights ---- */

/* The first that failed says why. */
static enum fr_code check_flight(struct fr_postgres *s, struct fr_err *err)
{
    for (size_t i = 0; i < s->pq.n; i++) {
        enum fr_code rc = fr_pq_check(s->pq.item[i].result, err);

        if (rc != FR_OK)
            return rc;
    }
    return FR_OK;
}

static enum fr_code fly(struct fr_postgres *s, struct fr_err *err)
{
    FR_TRY(fr_pq_fly(&s->pq, err));
    return check_flight(s, err);
}

static enum fr_code check_connection(struct fr_postgres *s, struct fr_err *err)
{
    if (s->mode == NO_BATCH)
        return fr_pq_connect(&s->pq, err);
    if (!s->pq.conn)
        return FR_FAIL_AS(err, FR_ESTORE, "batch-lost",
                          "the connection to the database was lost: nothing was kept");
    return FR_OK;
}

/* One statement, and its answer. */
static enum fr_code ask(struct fr_postgres *s, int statement,
                        const struct fr_sql_value *values, PGresult **ret,
                        struct fr_err *err)
{
    enum fr_code rc;
    size_t at = 0;

    FR_TRY(check_connection(s, err));
    FR_TRY(fr_pq_put(&s->pq, statement, values, &at, err));
    rc = fly(s, err);
    if (rc == FR_OK)
        *ret = fr_pq_take(&s->pq, at);
    fr_pq_land(&s->pq);
    return busy(s, rc);
}

static enum fr_code put_reads(struct fr_postgres *s, struct fr_err *err)
{
    struct fr_pq_batch *b = &s->batch;

    for (size_t i = b->n_asked; i < b->n_reads; i++)
        FR_TRY(fr_pq_put(&s->pq, b->read[i].statement, b->read[i].values,
                         &b->read[i].at, err));
    return FR_OK;
}

static enum fr_code put_writes(struct fr_postgres *s, struct fr_err *err)
{
    struct fr_pq_batch *b = &s->batch;

    for (size_t i = b->n_sent; i < b->n_writes; i++)
        FR_TRY(fr_pq_put(&s->pq, b->write[i].statement, b->write[i].values,
                         &b->write[i].at, err));
    return FR_OK;
}

static enum fr_code check_expected(struct fr_postgres *s, struct fr_err *err)
{
    const struct fr_pq_batch *b = &s->batch;

    for (size_t i = b->n_sent; i < b->n_writes; i++)
        if (b->write[i].is_expected &&
            atoi(PQcmdTuples(s->pq.item[b->write[i].at].result)) == 0)
            return fr_sql_changed_meanwhile(err);
    return FR_OK;
}

static enum fr_code fly_together(struct fr_postgres *s, bool has_writes,
                                 struct fr_err *err)
{
    struct fr_pq_batch *b = &s->batch;
    enum fr_code rc;

    FR_TRY(put_reads(s, err));
    rc = fly(s, err);
    if (rc == FR_OK && has_writes)
        rc = check_expected(s, err);
    if (rc == FR_ECONFLICT) /* whose it is, the batch finds out alone */
        rc = fr_sql_changed_meanwhile(err);
    for (size_t i = b->n_asked; i < b->n_reads && rc == FR_OK; i++)
        b->read[i].result = fr_pq_take(&s->pq, b->read[i].at);
    b->n_asked = b->n_reads;
    if (has_writes)
        b->n_sent = b->n_writes;
    return rc;
}

/* What is held goes ahead, so that the statement sees it. */
static enum fr_code ask_together(struct fr_postgres *s, int statement,
                                 const struct fr_sql_value *values, PGresult **ret,
                                 struct fr_err *err)
{
    enum fr_code rc;
    size_t at = 0;

    FR_TRY(check_connection(s, err));
    FR_TRY(put_writes(s, err));
    FR_TRY(fr_pq_put(&s->pq, statement, values, &at, err));
    rc = fly_together(s, true, err);
    if (rc == FR_OK)
        *ret = fr_pq_take(&s->pq, at);
    fr_pq_land(&s->pq);
    return busy(s, rc);
}

static enum fr_code send_held(struct fr_postgres *s, struct fr_err *err)
{
    enum fr_code rc;

    if (s->batch.n_sent == s->batch.n_writes)
        return FR_OK;
    FR_TRY(check_connection(s, err));
    FR_TRY(put_writes(s, err));
    rc = fly_together(s, true, err);
    fr_pq_land(&s->pq);
    return busy(s, rc);
}

static void gather(struct fr_sql_store *sql, bool is_on)
{
    of(sql)->gathers = is_on;
}

static enum fr_code wait(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);
    enum fr_code rc;

    if (s->batch.n_asked == s->batch.n_reads)
        return FR_FAIL(err, FR_EINTERNAL, "nothing was asked that is not answered");
    FR_TRY(check_connection(s, err));
    rc = fly_together(s, false, err);
    fr_pq_land(&s->pq);
    return busy(s, rc);
}

/* ---- statements ---- */

/* What this request has not written itself, it may know from before. */
static enum fr_code query_together(struct fr_postgres *s, int which,
                                   const struct fr_sql_value *values,
                                   struct fr_sql_rows *ret, struct fr_err *err)
{
    bool is_fresh = s->batch.n_writes == s->batch.marked;
    struct fr_pq_read *read =
        is_fresh ? fr_pq_find_read(&s->batch, which, values) : NULL;

    if (read && read->result) {
        ret->result = read->result;
        ret->is_borrowed = true;
        return FR_OK;
    }
    if (!s->gathers || !is_fresh) {
        PGresult *result = NULL;

        FR_TRY(ask_together(s, which, values, &result, err));
        ret->result = result;
        return FR_OK;
    }
    if (!read)
        FR_TRY(fr_pq_want(&s->batch, which, values, err));
    return FR_FAIL_AS(err, FR_EBUSY, "not-yet", "the answer is not at hand");
}

static enum fr_code query(struct fr_sql_store *sql, int which,
                          const struct fr_sql_value *values, struct fr_sql_rows *ret,
                          struct fr_err *err)
{
    struct fr_sql_rows rows = {.s = sql, .at = -1};
    PGresult *result = NULL;

    if (of(sql)->mode == TOGETHER) {
        FR_TRY(query_together(of(sql), which, values, &rows, err));
    } else {
        FR_TRY(ask(of(sql), which, values, &result, err));
        rows.result = result;
    }
    *ret = rows;
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
    if (!rows->is_borrowed)
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
    struct fr_postgres *s = of(sql);
    PGresult *result = NULL;

    if (s->mode == TOGETHER && !changed)
        return fr_pq_hold(&s->batch, which, values, false, err);
    if (s->mode == TOGETHER)
        FR_TRY(ask_together(s, which, values, &result, err));
    else
        FR_TRY(ask(s, which, values, &result, err));
    if (changed)
        *changed = atoi(PQcmdTuples(result));
    PQclear(result);
    return FR_OK;
}

static enum fr_code expect(struct fr_sql_store *sql, int which,
                           const struct fr_sql_value *values, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);
    int changed = 0;

    if (s->mode == TOGETHER)
        return fr_pq_hold(&s->batch, which, values, true, err);
    FR_TRY(run(sql, which, values, &changed, err));
    return changed > 0 ? FR_OK : busy(s, fr_sql_changed_meanwhile(err));
}

/* ---- transactions ---- */

static enum fr_code plain(struct fr_postgres *s, enum fr_pq_statement which,
                          struct fr_err *err)
{
    PGresult *result = NULL;

    FR_TRY(ask(s, (int)which, FR_NO_VALUES, &result, err));
    PQclear(result);
    return FR_OK;
}

static enum fr_code begin(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);
    size_t at;

    s->mode = NO_BATCH;
    sql->is_alone = s->was_busy;
    s->was_busy = false;
    fr_pq_batch_reset(&s->batch);
    FR_TRY(fr_pq_connect(&s->pq, err));
    FR_TRY(fr_pq_put(&s->pq, FR_PQ_BEGIN, FR_NO_VALUES, &at, err));
    s->mode = TOGETHER;
    if (!sql->is_alone)
        return FR_OK; /* it goes with the first question */
    s->mode = ALONE;
    return run(sql, FR_SQL_PROGRESS_LOCK, FR_NO_VALUES, NULL, err);
}

/* Its moment is that of its first read. */
static enum fr_code snapshot(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    s->mode = NO_BATCH;
    FR_TRY(plain(s, FR_PQ_SNAPSHOT, err));
    s->mode = ALONE;
    return run(sql, FR_SQL_PROGRESS, FR_NO_VALUES, NULL, err);
}

static enum fr_code rollback(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    fr_pq_batch_reset(&s->batch);
    s->mode = NO_BATCH;
    if (!s->pq.conn)
        return FR_OK; /* the server rolls back by itself */
    if (s->pq.n > 0)  /* what was put, but never sent */
        FR_TRY(fr_pq_fly(&s->pq, err));
    fr_pq_land(&s->pq);
    if (PQtransactionStatus(s->pq.conn) == PQTRANS_IDLE)
        return FR_OK;
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

    if (s->mode == NO_BATCH)
        return FR_FAIL_AS(err, FR_ESTORE, "commit-failed", "no batch is open");
    rc = send_held(s, err);
    if (rc == FR_OK && super->on_commit && !super->on_commit(super->on_commit_ctx))
        rc = FR_FAIL(err, FR_ESTORE, "it was not to be");
    if (rc == FR_OK)
        rc = send_commit(s, err);
    if (rc != FR_OK)
        (void)rollback(sql, NULL);
    fr_pq_batch_reset(&s->batch);
    s->mode = NO_BATCH;
    if (rc == FR_OK || rc == FR_EBUSY)
        return rc;
    return fr_err_wrap(err, FR_ESTORE, "commit failed");
}

static enum fr_code mark(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    if (s->mode == NO_BATCH || !s->pq.conn)
        return FR_FAIL_AS(err, FR_ESTORE, "batch-lost",
                          "the database has rolled back: nothing was kept");
    s->batch.marked = s->batch.n_writes;
    return s->mode == TOGETHER ? FR_OK : plain(s, FR_PQ_MARK, err);
}

static enum fr_code keep(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    s->batch.marked = s->batch.n_writes;
    return s->mode == TOGETHER ? FR_OK : plain(s, FR_PQ_KEEP, err);
}

static enum fr_code undo(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_postgres *s = of(sql);

    if (s->mode != TOGETHER) {
        FR_TRY(plain(s, FR_PQ_UNDO, err));
        return keep(sql, err);
    }
    if (s->batch.n_sent > s->batch.marked)
        return busy(s, FR_FAIL_AS(err, FR_EBUSY, "batch-retry",
                                  "what is to be undone was sent already"));
    fr_pq_forget_writes(&s->batch, s->batch.marked);
    return FR_OK;
}

/* ---- opening ---- */

static void postgres_close(struct fr_sql_store *sql)
{
    fr_pq_clear(&of(sql)->pq);
    fr_pq_batch_clear(&of(sql)->batch);
    free(sql);
}

static const struct fr_sql_driver driver = {
    .name = "postgres",
    .is_shared = true,
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
    .expect = expect,
    .gather = gather,
    .wait = wait,
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

enum fr_code fr_store_postgres_migrate(const char *conninfo, int to, struct fr_err *err)
{
    struct fr_pq pq = {.goal = to};
    enum fr_code rc;

    FR_TRY(fr_store_postgres_check(conninfo, err));
    FR_TRY(fr_str_dup(conninfo, &pq.conninfo, err));
    rc = fr_pq_connect(&pq, err);
    fr_pq_clear(&pq);
    return rc;
}
