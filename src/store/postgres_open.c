/* SPDX-License-Identifier: Apache-2.0 */
/* What is settled before the first statement: the conninfo and the schema. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/postgres.h"

enum { SCHEMA_MAX = 32 * 1024, ATTEMPTS = 10 };

/* ---- conninfo ---- */

static bool has_password(const PQconninfoOption *options)
{
    for (; options->keyword; options++)
        if ((strcmp(options->keyword, "password") == 0 ||
             strcmp(options->keyword, "sslpassword") == 0) &&
            options->val && *options->val)
            return true;
    return false;
}

/* libpq's own words would quote what it did not understand, which may be a secret. */
enum fr_code fr_store_postgres_check(const char *conninfo, struct fr_err *err)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    bool is_secret = options && has_password(options);

    PQconninfoFree(options);
    if (!options)
        return FR_FAIL(err, FR_ECONFIG,
                       "database is neither a URI (postgresql://HOST/NAME) nor "
                       "keywords (host=... dbname=...) that libpq understands");
    if (is_secret)
        return FR_FAIL_AS(err, FR_ECONFIG, "password-in-config",
                          "database has a password in it, which does not belong into a "
                          "config file: name a file (0600) by passfile=, or a service "
                          "by service=");
    return FR_OK;
}

/* ---- schema ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The types of the schema in PostgreSQL's words. Keys are compared octet by octet, as
 * SQLite does, whatever the database's locale. */
static void translate(struct fr_buf *to, const char *sql)
{
    static const char *const words[][2] = {{"INTEGER", "BIGINT"},
                                           {"TEXT", "TEXT COLLATE \"C\""},
                                           {"BLOB", "BYTEA"},
                                           {"AUTOINCREMENT", ""}};

    while (*sql) {
        const char *put = NULL;
        size_t len = 0;

        while (is_word(sql[len]))
            len++;
        for (size_t i = 0; i < sizeof words / sizeof words[0] && !put; i++)
            if (len == strlen(words[i][0]) && strncmp(sql, words[i][0], len) == 0)
                put = words[i][1];
        if (put)
            fr_buf_str(to, put);
        else
            fr_buf_put(to, sql, len ? len : 1);
        sql += len ? len : 1;
    }
}

static bool is_state(const PGresult *result, const char *state)
{
    const char *got = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return got && strcmp(got, state) == 0;
}

/* True if another node does the same at this moment. */
static bool is_race(const PGresult *result)
{
    static const char *const states[] = {"23505", "42P07", "40001", "40P01", "42710"};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (is_state(result, states[i]))
            return true;
    return false;
}

/* *ret_race: it has to be tried again. */
static enum fr_code execute(struct fr_pq *pq, const char *sql, bool *ret_race,
                            struct fr_err *err)
{
    PGresult *result = NULL;
    enum fr_code rc = fr_pq_simple(pq, sql, &result, err);

    FR_TRY(rc);
    rc = fr_pq_check(result, err);
    *ret_race = rc != FR_OK && is_race(result);
    PQclear(result);
    if (rc == FR_OK)
        return FR_OK;
    if (PQtransactionStatus(pq->conn) != PQTRANS_IDLE) {
        FR_TRY(fr_pq_simple(pq, "ROLLBACK", &result, NULL));
        PQclear(result);
    }
    return *ret_race ? FR_OK : rc;
}

/* 0: there is no schema. */
static enum fr_code read_version(struct fr_pq *pq, int *ret, struct fr_err *err)
{
    PGresult *result = NULL;
    enum fr_code rc = fr_pq_simple(
        pq, "SELECT COALESCE(MAX(version), 0) FROM schema_version", &result, err);

    FR_TRY(rc);
    if (is_state(result, "42P01"))
        *ret = -1;
    else if ((rc = fr_pq_check(result, err)) == FR_OK)
        *ret = atoi(PQgetvalue(result, 0, 0));
    PQclear(result);
    return rc;
}

static enum fr_code step(struct fr_pq *pq, int to, bool *ret_race, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) sql = FR_BUF_INIT(SCHEMA_MAX);

    /* The number first: it is unique, so that one node does the rest. */
    fr_buf_fmt(&sql, "BEGIN; INSERT INTO schema_version (version) VALUES (%d);", to);
    translate(&sql, fr_sql_schema[to - 1].up);
    fr_buf_str(&sql, "COMMIT");
    FR_TRY(fr_buf_check(&sql, err));
    return execute(pq, fr_buf_cstr(&sql), ret_race, err);
}

static enum fr_code unstep(struct fr_pq *pq, int from, bool *ret_race,
                           struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) sql = FR_BUF_INIT(SCHEMA_MAX);

    fr_buf_fmt(&sql, "BEGIN; DELETE FROM schema_version WHERE version = %d;", from);
    translate(&sql, fr_sql_schema[from - 1].down);
    fr_buf_str(&sql, "COMMIT");
    FR_TRY(fr_buf_check(&sql, err));
    return execute(pq, fr_buf_cstr(&sql), ret_race, err);
}

static enum fr_code migrate_to(struct fr_pq *pq, int to, struct fr_err *err)
{
    bool is_raced = false;
    int version = 0;

    FR_TRY(read_version(pq, &version, err));
    FR_TRY(fr_sql_check_goal(version, to, err));
    while (version > to && !is_raced)
        FR_TRY(unstep(pq, version--, &is_raced, err));
    while (version < to && !is_raced)
        FR_TRY(step(pq, ++version, &is_raced, err));
    if (is_raced)
        return FR_FAIL(err, FR_EBUSY,
                       "somebody else uses the database: stop all nodes");
    return FR_OK;
}

static enum fr_code check_schema(struct fr_pq *pq, struct fr_err *err)
{
    int version = 0;

    FR_TRY(read_version(pq, &version, err));
    FR_TRY(fr_sql_check_version(version, err));
    if (version <= 0)
        return FR_FAIL_AS(err, FR_EPARSE, "not-a-store",
                          "the database is no fieldrootd store: it has no tables");
    if (version < fr_sql_schema_version)
        return FR_FAIL_AS(err, FR_ESTORE, "schema-older",
                          "an older fieldrootd made the database (schema %d, this one "
                          "has %d): start this version on it once, which brings it up "
                          "to date",
                          version, fr_sql_schema_version);
    return FR_OK;
}

enum fr_code fr_pq_migrate(struct fr_pq *pq, struct fr_err *err)
{
    bool is_raced = false;
    int version = 0;

    if (pq->goal > 0)
        return migrate_to(pq, pq->goal, err);
    if (pq->is_guest)
        return check_schema(pq, err);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        FR_TRY(read_version(pq, &version, err));
        FR_TRY(fr_sql_check_version(version, err));
        if (version < 0)
            FR_TRY(execute(pq,
                           "CREATE TABLE schema_version"
                           " (version BIGINT PRIMARY KEY NOT NULL)",
                           &is_raced, err));
        while (version >= 0 && version < fr_sql_schema_version && !is_raced)
            FR_TRY(step(pq, ++version, &is_raced, err));
        if (version == fr_sql_schema_version && !is_raced)
            return FR_OK;
        is_raced = false;
    }
    return FR_FAIL(err, FR_ESTORE, "other nodes change the schema all the time");
}
