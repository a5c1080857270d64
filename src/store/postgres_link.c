/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: made, checked, lost; statements out and results in. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/log.h"
#include "store/postgres.h"

enum {
    FLIGHT_MS = 20000, /* longer than any timeout of the session */
    AGAIN_MS = 1000,   /* between two attempts to connect */
    VALUES_MAX = 32
};

#define SESSION                                                                        \
    "SET statement_timeout = 15000; SET lock_timeout = 10000;"                         \
    " SET idle_in_transaction_session_timeout = 30000;"                                \
    " SELECT current_setting('synchronous_commit', true),"                             \
    " current_setting('fsync', true)"

static const char *const own_text[] = {
    "BEGIN", /* FR_PQ_BEGIN, the first */
    [FR_PQ_SNAPSHOT - FR_PQ_BEGIN] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    [FR_PQ_COMMIT - FR_PQ_BEGIN] = "COMMIT",
    [FR_PQ_ROLLBACK - FR_PQ_BEGIN] = "ROLLBACK",
    [FR_PQ_MARK - FR_PQ_BEGIN] = "SAVEPOINT request",
    [FR_PQ_KEEP - FR_PQ_BEGIN] = "RELEASE SAVEPOINT request",
    [FR_PQ_UNDO - FR_PQ_BEGIN] = "ROLLBACK TO SAVEPOINT request",
};

/* libpq's messages may have several lines. */
static const char *in_one_line(const char *text, char to[FR_ERR_MSG_MAX])
{
    size_t n = 0;

    for (; *text && n + 1 < FR_ERR_MSG_MAX; text++)
        to[n++] = (char)(*text == '\n' ? ' ' : *text);
    while (n > 0 && to[n - 1] == ' ')
        n--;
    to[n] = 0;
    return to;
}

enum fr_code fr_pq_check(const PGresult *result, struct fr_err *err)
{
    ExecStatusType status = PQresultStatus(result);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return FR_OK;
    if (status == PGRES_PIPELINE_ABORTED)
        return FR_FAIL(err, FR_ESTORE, "database: a statement before this has failed");
    if (!state || !text)
        return FR_FAIL(err, FR_ESTORE, "database: no answer");
    if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
        return FR_FAIL_AS(err, FR_EBUSY, "batch-retry", "database: %s", text);
    if (strncmp(state, "23", 2) == 0)
        return FR_FAIL(err, FR_ECONFLICT, "%s", text);
    return FR_FAIL(err, FR_ESTORE, "database: %s (SQLSTATE %s)", text, state);
}

/* ---- the connection ---- */

void fr_pq_disconnect(struct fr_pq *pq)
{
    fr_pq_land(pq);
    PQfinish(pq->conn);
    pq->conn = NULL;
    memset(pq->is_prepared, 0, sizeof pq->is_prepared);
    pq->lost_ms = fr_mono_ms(&fr_env_system);
}

void fr_pq_clear(struct fr_pq *pq)
{
    fr_pq_disconnect(pq);
    free(pq->item);
    free(pq->conninfo);
}

static enum fr_code lost(struct fr_pq *pq, const char *why, struct fr_err *err)
{
    char text[FR_ERR_MSG_MAX];

    in_one_line(why, text);
    fr_pq_disconnect(pq);
    return FR_FAIL_AS(err, FR_ESTORE, "database-unreachable", "database: %s", text);
}

static void hear_notice(void *ctx, const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    struct fr_pq *pq = ctx;

    if (!severity || strcmp(severity, "WARNING") != 0)
        return;
    pq->has_warned = true;
    fr_log(FR_LOG_WARN, "database: %s", text ? text : "a warning");
}

static enum fr_code await(struct fr_pq *pq, int64_t until, struct fr_err *err)
{
    struct pollfd fd = {.fd = PQsocket(pq->conn), .events = POLLIN};
    int64_t left = until - fr_mono_ms(&fr_env_system);
    int flushed = PQflush(pq->conn);

    if (flushed < 0)
        return lost(pq, PQerrorMessage(pq->conn), err);
    if (flushed > 0)
        fd.events |= POLLOUT;
    if (left <= 0)
        return lost(pq, "no answer in time", err);
    if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
        return lost(pq, strerror(errno), err);
    if ((fd.revents & (POLLIN | POLLHUP | POLLERR)) && !PQconsumeInput(pq->conn))
        return lost(pq, PQerrorMessage(pq->conn), err);
    return FR_OK;
}

static enum fr_code receive(struct fr_pq *pq, int64_t until, PGresult **ret,
                            struct fr_err *err)
{
    if (PQflush(pq->conn) < 0)
        return lost(pq, PQerrorMessage(pq->conn), err);
    while (PQisBusy(pq->conn))
        FR_TRY(await(pq, until, err));
    *ret = PQgetResult(pq->conn);
    if (PQstatus(pq->conn) != CONNECTION_BAD)
        return FR_OK;
    PQclear(*ret);
    return lost(pq, PQerrorMessage(pq->conn), err);
}

enum fr_code fr_pq_simple(struct fr_pq *pq, const char *sql, PGresult **ret,
                          struct fr_err *err)
{
    int64_t until = fr_mono_ms(&fr_env_system) + FLIGHT_MS;
    PGresult *last = NULL, *result = NULL;
    enum fr_code rc;

    if (!PQsendQuery(pq->conn, sql))
        return lost(pq, PQerrorMessage(pq->conn), err);
    while ((rc = receive(pq, until, &result, err)) == FR_OK && result) {
        PQclear(last);
        last = result;
    }
    if (rc == FR_OK && last)
        *ret = last;
    else
        PQclear(last);
    if (rc == FR_OK && !last)
        return FR_FAIL(err, FR_ESTORE, "database: no answer");
    return rc;
}

static bool is_set(const PGresult *result, int column, const char *value)
{
    return strcmp(PQgetvalue(result, 0, column), value) == 0;
}

/* What is acknowledged must be on the disk. An engine that has no such settings has
 * none that could be wrong. */
static enum fr_code check_durable(const PGresult *result, struct fr_err *err)
{
    const char *level = PQgetvalue(result, 0, 0);

    if (is_set(result, 1, "off"))
        return FR_FAIL_AS(err, FR_ESTORE, "database-not-durable",
                          "the database server runs with fsync = off: a crash would "
                          "lose credentials; set it on");
    if (*level && !is_set(result, 0, "on") && !is_set(result, 0, "remote_apply"))
        return FR_FAIL_AS(
            err, FR_ESTORE, "database-not-durable",
            "the database has synchronous_commit = %s: a crash would lose "
            "credentials; set it on for this role or database",
            level);
    return FR_OK;
}

static enum fr_code settle_session(struct fr_pq *pq, struct fr_err *err)
{
    PGresult *result = NULL;
    enum fr_code rc;

    if (PQsetnonblocking(pq->conn, 1) != 0)
        return lost(pq, PQerrorMessage(pq->conn), err);
    (void)PQsetNoticeReceiver(pq->conn, hear_notice, pq);
    FR_TRY(fr_pq_simple(pq, SESSION, &result, err));
    rc = fr_pq_check(result, err);
    if (rc == FR_OK)
        rc = check_durable(result, err);
    PQclear(result);
    FR_TRY(rc);
    FR_TRY(fr_pq_migrate(pq, err));
    if (!PQenterPipelineMode(pq->conn))
        return lost(pq, PQerrorMessage(pq->conn), err);
    return FR_OK;
}

/* What the conninfo says itself comes first: libpq takes the last of each keyword, and
 * what stands before dbname are our defaults. */
static PGconn *dial(const char *conninfo)
{
    static const char *const keywords[] = {"target_session_attrs",
                                           "connect_timeout",
                                           "tcp_user_timeout",
                                           "keepalives_idle",
                                           "dbname",
                                           "client_encoding",
                                           "fallback_application_name",
                                           NULL};
    const char *const values[] = {"read-write", "3",    "10000",      "5",
                                  conninfo,     "UTF8", "fieldrootd", NULL};

    return PQconnectdbParams(keywords, values, 1);
}

enum fr_code fr_pq_connect(struct fr_pq *pq, struct fr_err *err)
{
    enum fr_code rc;

    if (pq->conn)
        return FR_OK;
    if (pq->lost_ms && fr_mono_ms(&fr_env_system) - pq->lost_ms < AGAIN_MS)
        return FR_FAIL_AS(err, FR_ESTORE, "database-unreachable",
                          "database: the connection is lost");
    pq->conn = dial(pq->conninfo);
    if (!pq->conn)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    if (PQstatus(pq->conn) != CONNECTION_OK)
        return lost(pq, PQerrorMessage(pq->conn), err);
    rc = settle_session(pq, err);
    if (rc != FR_OK)
        fr_pq_disconnect(pq);
    return rc;
}

/* ---- a flight ---- */

static enum fr_code note_item(struct fr_pq *pq, int statement, bool is_prepare,
                              struct fr_err *err)
{
    if (pq->n == pq->cap) {
        size_t cap = pq->cap ? 2 * pq->cap : 64;
        void *grown = reallocarray(pq->item, cap, sizeof *pq->item);

        if (!grown)
            return FR_FAIL(err, FR_ENOMEM, "out of memory");
        pq->item = grown;
        pq->cap = cap;
    }
    pq->item[pq->n++] =
        (struct fr_pq_item){.statement = statement, .is_prepare = is_prepare};
    return FR_OK;
}

static const char *text_of(int statement, char to[FR_SQL_TEXT_MAX])
{
    if (statement >= FR_PQ_BEGIN)
        return own_text[statement - FR_PQ_BEGIN];
    return fr_sql_text_of(statement, '$', to);
}

struct parameters {
    Oid type[VALUES_MAX];
    const char *value[VALUES_MAX];
    int len[VALUES_MAX], format[VALUES_MAX];
    uint8_t number[VALUES_MAX][8];
    int n;
};

/* The types of PostgreSQL's own catalogue, which never change. */
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25 };

static void take_number(struct parameters *p, int64_t number)
{
    for (int i = 0; i < 8; i++)
        p->number[p->n][i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    p->type[p->n] = OID_INT8;
    p->value[p->n] = (const char *)p->number[p->n];
    p->len[p->n] = 8;
}

static void take_values(struct parameters *p, const struct fr_sql_value *v)
{
    p->n = 0;
    for (; v->type != FR_SQL_END && p->n < VALUES_MAX; v++, p->n++) {
        p->format[p->n] = 1;
        if (v->type == FR_SQL_INT) {
            take_number(p, v->number);
            continue;
        }
        p->type[p->n] = v->type == FR_SQL_TEXT ? OID_TEXT : OID_BYTEA;
        p->value[p->n] = v->octets.data ? (const char *)v->octets.data : "";
        p->len[p->n] = (int)v->octets.len;
    }
}

static enum fr_code put_prepare(struct fr_pq *pq, int statement, const char *name,
                                const struct parameters *p, struct fr_err *err)
{
    char text[FR_SQL_TEXT_MAX];

    FR_TRY(note_item(pq, statement, true, err));
    if (!PQsendPrepare(pq->conn, name, text_of(statement, text), p->n, p->type))
        return lost(pq, PQerrorMessage(pq->conn), err);
    pq->is_prepared[statement] = true; /* or fly() finds that it is not */
    return FR_OK;
}

enum fr_code fr_pq_put(struct fr_pq *pq, int statement,
                       const struct fr_sql_value *values, size_t *ret_index,
                       struct fr_err *err)
{
    struct parameters p;
    char name[8];

    take_values(&p, values);
    snprintf(name, sizeof name, "s%d", statement);
    if (!pq->is_prepared[statement])
        FR_TRY(put_prepare(pq, statement, name, &p, err));
    FR_TRY(note_item(pq, statement, false, err));
    if (!PQsendQueryPrepared(pq->conn, name, p.n, p.value, p.len, p.format, 1))
        return lost(pq, PQerrorMessage(pq->conn), err);
    *ret_index = pq->n - 1;
    return FR_OK;
}

static enum fr_code receive_item(struct fr_pq *pq, size_t i, int64_t until,
                                 struct fr_err *err)
{
    PGresult *end = NULL;

    FR_TRY(receive(pq, until, &pq->item[i].result, err));
    FR_TRY(receive(pq, until, &end, err));
    PQclear(end); /* there is none: it ends the item */
    if (pq->item[i].is_prepare &&
        PQresultStatus(pq->item[i].result) != PGRES_COMMAND_OK)
        pq->is_prepared[pq->item[i].statement] = false;
    return FR_OK;
}

enum fr_code fr_pq_fly(struct fr_pq *pq, struct fr_err *err)
{
    int64_t until = fr_mono_ms(&fr_env_system) + FLIGHT_MS;
    PGresult *end = NULL;

    if (pq->n == 0)
        return FR_OK;
    if (!PQpipelineSync(pq->conn))
        return lost(pq, PQerrorMessage(pq->conn), err);
    for (size_t i = 0; i < pq->n; i++)
        FR_TRY(receive_item(pq, i, until, err));
    FR_TRY(receive(pq, until, &end, err));
    PQclear(end);
    return FR_OK;
}

PGresult *fr_pq_take(struct fr_pq *pq, size_t index)
{
    PGresult *result = pq->item[index].result;

    pq->item[index].result = NULL;
    return result;
}

void fr_pq_land(struct fr_pq *pq)
{
    for (size_t i = 0; i < pq->n; i++)
        PQclear(pq->item[i].result);
    pq->n = 0;
}
