/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail, and the attempt records that devices report. */
#include "store/sqlite.h"

#include <string.h>

static void read_line(struct fr_sql_rows *rows, struct fr_store_audit *line)
{
    int i = 0;

    line->seq = (uint64_t)fr_col_int(rows, &i);
    line->at = fr_col_int(rows, &i);
    FR_COL_TEXT(rows, &i, line->actor);
    FR_COL_TEXT(rows, &i, line->action);
    FR_COL_TEXT(rows, &i, line->subject);
    FR_COL_TEXT(rows, &i, line->decision);
    FR_COL_TEXT(rows, &i, line->reason);
    FR_COL_TEXT(rows, &i, line->text);
    FR_COL_TEXT(rows, &i, line->prev);
    FR_COL_TEXT(rows, &i, line->hash);
}

static enum fr_code tail(struct fr_sqlite *s, struct fr_store_audit *line,
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;
    int i = 0;

    line->seq = 1;
    memcpy(line->prev, FR_STORE_AUDIT_ROOT, sizeof line->prev);
    FR_TRY(fr_sql_query(s, FR_SQL_AUDIT_TAIL, FR_NO_VALUES, &rows, err));
    rc = fr_sql_next(&rows, err);
    if (rc == FR_OK) {
        line->seq = (uint64_t)fr_col_int(&rows, &i) + 1;
        FR_COL_TEXT(&rows, &i, line->prev);
    }
    return fr_sql_end(rc);
}

static enum fr_code add(struct fr_sqlite *s, struct fr_store_audit *line,
                        struct fr_err *err)
{
    FR_TRY(tail(s, line, err));
    FR_TRY(fr_store_audit_hash(line, line->prev, line->hash, err));
    return fr_sql_run(s, FR_SQL_AUDIT_ADD,
                      FR_VALUES(FR_VINT(line->seq), FR_VINT(line->at),
                                FR_VTEXT(line->actor), FR_VTEXT(line->action),
                                FR_VTEXT(line->subject), FR_VTEXT(line->decision),
                                FR_VTEXT(line->reason), FR_VTEXT(line->text),
                                FR_VTEXT(line->prev), FR_VTEXT(line->hash)),
                      NULL, err);
}

static void audit_add(struct fr_store *store, struct fr_store_audit *line,
                      struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, add(fr_sqlite_of(store), line, &err), &err);
}

static enum fr_code each(struct fr_sql_rows *rows, struct fr_store_audit_rows out,
                         struct fr_err *err)
{
    struct fr_store_audit line;
    enum fr_code rc;

    while ((rc = fr_sql_next(rows, err)) == FR_OK) {
        read_line(rows, &line);
        FR_TRY(out.row(out.ctx, &line, err));
    }
    return fr_sql_end(rc);
}

static enum fr_code last(struct fr_sqlite *s, const struct fr_store_audit_query *query,
                         struct fr_store_audit_rows out, struct fr_err *err)
{
    struct fr_sql_value values[FR_STORE_WHO_MAX + 2] = {FR_VINT(query->limit)};
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    if (query->n_who > FR_STORE_WHO_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "a search for %zu names", query->n_who);
    if (query->n_who > 0) {
        for (size_t i = 0; i < FR_STORE_WHO_MAX; i++) /* the rest repeats the first */
            values[i] = FR_VTEXT(query->who[i < query->n_who ? i : 0]);
        values[FR_STORE_WHO_MAX] = FR_VINT(query->limit);
    }
    FR_TRY(fr_sql_query(s, query->n_who > 0 ? FR_SQL_AUDIT_LAST : FR_SQL_AUDIT_ALL,
                        values, &rows, err));
    return each(&rows, out, err);
}

static void audit_last(struct fr_store *store, const struct fr_store_audit_query *query,
                       struct fr_store_audit_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, last(fr_sqlite_of(store), query, rows, &err), &err);
}

static enum fr_code walk(struct fr_sqlite *s, uint64_t after, size_t limit,
                         struct fr_store_audit_rows out, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, FR_SQL_AUDIT_WALK, FR_VALUES(FR_VINT(after), FR_VINT(limit)),
                        &rows, err));
    return each(&rows, out, err);
}

static void audit_walk(struct fr_store *store, uint64_t after, size_t limit,
                       struct fr_store_audit_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, walk(fr_sqlite_of(store), after, limit, rows, &err), &err);
}

/* ---- attempt records ---- */

static enum fr_code attempt(struct fr_sqlite *s, const char *identity,
                            const struct fr_store_attempt *a, size_t keep,
                            struct fr_err *err)
{
    struct fr_sql_value json = {.type = FR_SQL_TEXT, .octets = a->json};

    FR_TRY(fr_sql_run(s, FR_SQL_ATTEMPT_ADD,
                      FR_VALUES(FR_VTEXT(identity), FR_VINT(a->at), json), NULL, err));
    return fr_sql_run(s, FR_SQL_ATTEMPT_TRIM,
                      FR_VALUES(FR_VTEXT(identity), FR_VINT(keep)), NULL, err);
}

static void attempt_add(struct fr_store *store, const char *identity,
                        const struct fr_store_attempt *a, size_t keep,
                        struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, attempt(fr_sqlite_of(store), identity, a, keep, &err), &err);
}

static enum fr_code last_attempts(struct fr_sqlite *s, const char *identity,
                                  size_t limit, struct fr_store_attempt_rows out,
                                  struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_ATTEMPT_LAST,
                        FR_VALUES(FR_VTEXT(identity), FR_VINT(limit)), &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        struct fr_store_attempt a;
        int i = 0;

        a.at = fr_col_int(&rows, &i);
        a.json = fr_col_slice(&rows, &i);
        FR_TRY(out.row(out.ctx, &a, err));
    }
    return fr_sql_end(rc);
}

static void attempt_last(struct fr_store *store, const char *identity, size_t limit,
                         struct fr_store_attempt_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(
        call, last_attempts(fr_sqlite_of(store), identity, limit, rows, &err), &err);
}

void fr_sqlite_audit_ops(struct fr_store_methods *m)
{
    m->audit_add = audit_add;
    m->audit_last = audit_last;
    m->audit_walk = audit_walk;
    m->attempt_add = attempt_add;
    m->attempt_last = attempt_last;
}
