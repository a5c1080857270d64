/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to PostgreSQL, always in pipeline mode: statements are put, then fly
 * together, and their results are there when they have landed. Nothing outside
 * src/store/postgres*.c includes this.
 */
#ifndef FR_STORE_POSTGRES_H
#define FR_STORE_POSTGRES_H

#include <libpq-fe.h>

#include "store/sql.h"

/* Statements of the driver's own, behind those that all have. */
enum fr_pq_statement {
    FR_PQ_BEGIN = FR_N_STATEMENTS,
    FR_PQ_SNAPSHOT,
    FR_PQ_COMMIT,
    FR_PQ_ROLLBACK,
    FR_PQ_MARK,
    FR_PQ_KEEP,
    FR_PQ_UNDO,
    FR_N_PQ
};

struct fr_pq_item {
    int statement;
    bool is_prepare;
    PGresult *result; /* NULL: it never came */
};

struct fr_pq {
    char *conninfo;
    PGconn *conn; /* NULL: not connected */
    int64_t lost_ms;
    bool is_prepared[FR_N_PQ];
    struct fr_pq_item *item; /* of this flight */
    size_t n, cap;
    bool has_warned; /* the server has, since this was cleared */
    bool is_guest;   /* the schema is looked at only */
    int goal;        /* not 0: the schema that it is brought to, up or down */
};

/* Connects, unless it is; checks the server, and that the schema is ours. */
FR_MUST_USE enum fr_code fr_pq_connect(struct fr_pq *pq, struct fr_err *err);
void fr_pq_disconnect(struct fr_pq *pq);
void fr_pq_clear(struct fr_pq *pq);

/* Values are copied. *ret_index: for fr_pq_take(). */
FR_MUST_USE enum fr_code fr_pq_put(struct fr_pq *pq, int statement,
                                   const struct fr_sql_value *values, size_t *ret_index,
                                   struct fr_err *err);
/* Sends what was put and awaits all results; FR_ESTORE "database-unreachable" if the
 * connection is lost, which is closed then. What the statements came to is in their
 * results. */
FR_MUST_USE enum fr_code fr_pq_fly(struct fr_pq *pq, struct fr_err *err);
/* The result becomes the caller's (PQclear); NULL if there is none. */
PGresult *fr_pq_take(struct fr_pq *pq, size_t index);
/* Ends the flight: results that nobody took are gone. */
void fr_pq_land(struct fr_pq *pq);

/*
 * A batch that runs together with others: what it asks is kept by statement and values,
 * so that a request that is done again finds it; what it writes is held until its
 * commit, or until somebody has to see it.
 */
struct fr_pq_read {
    int statement;
    uint64_t hash;
    struct fr_sql_value *values;
    size_t at;        /* in the flight */
    PGresult *result; /* NULL: not yet */
};
struct fr_pq_write {
    int statement;
    bool is_expected; /* to change a row */
    struct fr_sql_value *values;
    size_t at;
};
struct fr_pq_batch {
    struct fr_pq_read *read;
    size_t n_reads, cap_reads, n_asked; /* n_asked have been put */
    struct fr_pq_write *write;
    size_t n_writes, cap_writes, n_sent;
    size_t marked; /* n_writes at the mark */
};
/* NULL: it was not asked. */
struct fr_pq_read *fr_pq_find_read(struct fr_pq_batch *b, int statement,
                                   const struct fr_sql_value *values);
FR_MUST_USE enum fr_code fr_pq_want(struct fr_pq_batch *b, int statement,
                                    const struct fr_sql_value *values,
                                    struct fr_err *err);
FR_MUST_USE enum fr_code fr_pq_hold(struct fr_pq_batch *b, int statement,
                                    const struct fr_sql_value *values, bool is_expected,
                                    struct fr_err *err);
void fr_pq_forget_writes(struct fr_pq_batch *b, size_t from);
void fr_pq_batch_reset(struct fr_pq_batch *b);
void fr_pq_batch_clear(struct fr_pq_batch *b);

/* What a result says, as one of our codes. */
FR_MUST_USE enum fr_code fr_pq_check(const PGresult *result, struct fr_err *err);

/* Brings the schema up to date; a guest checks it. Before pipeline mode. */
FR_MUST_USE enum fr_code fr_pq_migrate(struct fr_pq *pq, struct fr_err *err);
/* A simple query, before pipeline mode; its last result, PQclear by the caller. */
FR_MUST_USE enum fr_code fr_pq_simple(struct fr_pq *pq, const char *sql, PGresult **ret,
                                      struct fr_err *err);

#endif
