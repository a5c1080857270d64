/* SPDX-License-Identifier: Apache-2.0 */
/* The attempt records that devices report. */
#include "store/sql.h"

static enum fr_code attempt(struct fr_sql_store *s, const char *identity,
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

    fr_sql_done(call, attempt(fr_sql_of(store), identity, a, keep, &err), &err);
}

static enum fr_code last_attempts(struct fr_sql_store *s, const char *identity,
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

    fr_sql_done(call, last_attempts(fr_sql_of(store), identity, limit, rows, &err),
                &err);
}

void fr_sql_attempt_ops(struct fr_store_methods *m)
{
    m->attempt_add = attempt_add;
    m->attempt_last = attempt_last;
}
