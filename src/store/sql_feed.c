/* SPDX-License-Identifier: Apache-2.0 */
/* The feed that tells targets of their credentials. */
#include <string.h>

#include "store/sql.h"

/* The counter's row stays locked until the commit: so the order of numbers is that of
 * the commits, whichever node makes them. And what the batch has decided by must still
 * hold, as that of a change of policy must: also within one batch, whose requests may
 * all have read before any of them wrote. One that does both is done alone. */
enum fr_code fr_sql_feed_add(struct fr_sql_store *s,
                             const struct fr_store_credential *c,
                             enum fr_store_event event, int64_t at, struct fr_err *err)
{
    FR_TRY(
        fr_sql_expect(s, FR_SQL_FEED_COUNT, FR_VALUES(FR_VINT(s->ground.policy)), err));
    return fr_sql_run(s, FR_SQL_FEED_ADD,
                      FR_VALUES(FR_VINT(event), FR_VTEXT(c->target_fqdn),
                                FR_VTEXT(c->key_id), FR_VINT(c->place.suid),
                                FR_VTEXT(c->san), FR_VINT(c->expires), FR_VINT(at)),
                      NULL, err);
}

enum fr_code fr_sql_feed_told(struct fr_sql_store *s,
                              const struct fr_store_credential *c,
                              struct fr_store_told *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;

    ret->n = 0;
    if (!c->key_id[0] || !fr_derivation_is_gba(c->derivation))
        return FR_OK;
    FR_TRY(fr_sql_query(s, FR_SQL_FEED_TOLD,
                        FR_VALUES(FR_VTEXT(c->key_id), FR_VINT(FR_EVENT_ADDED),
                                  FR_VTEXT(c->target_fqdn)),
                        &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        int i = 0;
        if (ret->n == FR_STORE_TOLD_MAX)
            return FR_FAIL(err, FR_ESTORE, "%s serves too many targets", c->key_id);
        FR_COL_TEXT(&rows, &i, ret->list[ret->n].fqdn);
        ret->list[ret->n++].suid = (int)fr_col_int(&rows, &i);
    }
    return fr_sql_end(rc);
}

enum fr_code fr_sql_feed_tell(struct fr_sql_store *s,
                              const struct fr_store_credential *c,
                              const struct fr_store_told *told,
                              enum fr_store_event event, int64_t at, struct fr_err *err)
{
    struct fr_store_credential other = *c;

    for (size_t i = 0; i < told->n; i++) {
        memcpy(other.target_fqdn, told->list[i].fqdn, sizeof other.target_fqdn);
        other.place.suid = told->list[i].suid;
        FR_TRY(fr_sql_feed_add(s, &other, event, at, err));
    }
    return FR_OK;
}

static void read_change(struct fr_sql_rows *rows, struct fr_store_change *c)
{
    int i = 0;

    c->seq = (uint64_t)fr_col_int(rows, &i);
    c->event = (enum fr_store_event)fr_col_int(rows, &i);
    FR_COL_TEXT(rows, &i, c->target_fqdn);
    FR_COL_TEXT(rows, &i, c->key_id);
    c->suid = (int)fr_col_int(rows, &i);
    FR_COL_TEXT(rows, &i, c->san);
    c->expires = fr_col_int(rows, &i);
    c->at = fr_col_int(rows, &i);
}

static enum fr_code list_feed(struct fr_sql_store *s,
                              const struct fr_store_feed_query *query,
                              struct fr_store_change_rows out, struct fr_err *err)
{
    struct fr_sql_value values[FR_SANS_MAX + 3] = {0};
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_store_change c;
    enum fr_code rc;

    if (query->n_fqdns == 0 || query->n_fqdns > FR_SANS_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "a feed for %zu names", query->n_fqdns);
    for (size_t i = 0; i < FR_SANS_MAX; i++) /* the rest repeats the first */
        values[i] = FR_VTEXT(query->fqdns[i < query->n_fqdns ? i : 0]);
    values[FR_SANS_MAX] =
        FR_VINT(query->since > INT64_MAX ? INT64_MAX : (int64_t)query->since);
    values[FR_SANS_MAX + 1] = FR_VINT(query->limit);
    FR_TRY(fr_sql_query(s, FR_SQL_FEED, values, &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        read_change(&rows, &c);
        FR_TRY(out.row(out.ctx, &c, err));
    }
    return fr_sql_end(rc);
}

static void feed(struct fr_store *store, const struct fr_store_feed_query *query,
                 struct fr_store_change_rows rows, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list_feed(fr_sql_of(store), query, rows, &err), &err);
}

static enum fr_code one_number(struct fr_sql_store *s, int sql, int64_t *ret,
                               int64_t *ret_count, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    int i = 0;

    FR_TRY(fr_sql_query(s, sql, FR_NO_VALUES, &rows, err));
    FR_TRY(fr_sql_next(&rows, err));
    *ret = fr_col_int(&rows, &i);
    if (ret_count)
        *ret_count = fr_col_int(&rows, &i);
    return FR_OK;
}

static void feed_last(struct fr_store *store, uint64_t *ret, struct fr_store_call call)
{
    struct fr_err err = {0};
    int64_t seq;
    enum fr_code rc = one_number(fr_sql_of(store), FR_SQL_FEED_LAST, &seq, NULL, &err);

    if (rc == FR_OK)
        *ret = (uint64_t)seq;
    fr_sql_done(call, rc, &err);
}

void fr_sql_least(struct fr_store *store, int sql, int64_t *ret,
                  struct fr_store_call call)
{
    struct fr_err err = {0};
    int64_t at, n;
    enum fr_code rc = one_number(fr_sql_of(store), sql, &at, &n, &err);

    if (rc == FR_OK)
        *ret = n > 0 ? at : INT64_MAX;
    fr_sql_done(call, rc, &err);
}

static void feed_oldest(struct fr_store *store, int64_t *ret, struct fr_store_call call)
{
    fr_sql_least(store, FR_SQL_FEED_OLDEST, ret, call);
}

static void feed_prune(struct fr_store *store, int64_t before, size_t limit,
                       size_t *ret_n, struct fr_store_call call)
{
    struct fr_err err = {0};
    int n = 0;
    enum fr_code rc = fr_sql_run(fr_sql_of(store), FR_SQL_FEED_PRUNE,
                                 FR_VALUES(FR_VINT(before), FR_VINT(limit)), &n, &err);

    if (rc == FR_OK)
        *ret_n = (size_t)n;
    fr_sql_done(call, rc, &err);
}

enum fr_code fr_sql_policy_changed(struct fr_sql_store *s, struct fr_err *err)
{
    return fr_sql_expect(s, FR_SQL_POLICY_CHANGED, FR_VALUES(FR_VINT(s->ground.feed)),
                         err);
}

static void policy_changed(struct fr_store *store, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, fr_sql_policy_changed(fr_sql_of(store), &err), &err);
}

void fr_sql_feed_ops(struct fr_store_methods *m)
{
    m->policy_changed = policy_changed;
    m->feed = feed;
    m->feed_last = feed_last;
    m->feed_oldest = feed_oldest;
    m->feed_prune = feed_prune;
}
