/* SPDX-License-Identifier: Apache-2.0 */
/* Batches, and facts about the store as a whole. */
#include "store/facts.h"
#include "store/sql.h"

static const struct fr_sql_ground no_ground = {.feed = -1, .policy = -1};

/* Where others write as well: how far they have come, before anything else is read. */
static enum fr_code read_progress(struct fr_sql_store *s, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;
    int i = 0;

    FR_TRY(fr_sql_query(s, FR_SQL_PROGRESS, FR_NO_VALUES, &rows, err));
    rc = fr_sql_next(&rows, err);
    if (rc != FR_OK)
        return fr_sql_end(rc); /* a copy in the making */
    s->ground.feed = fr_col_int(&rows, &i);
    s->ground.policy = fr_col_int(&rows, &i);
    return FR_OK;
}

static enum fr_code ask_ahead(struct fr_sql_store *s, int sql,
                              const struct fr_sql_value *values, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;

    s->driver->gather(s, true);
    rc = fr_sql_query(s, sql, values, &rows, err);
    s->driver->gather(s, false);
    return rc == FR_EBUSY ? FR_OK : rc; /* not yet */
}

/* What every batch asks goes in one flight. */
static enum fr_code begin_among_others(struct fr_sql_store *s, struct fr_err *err)
{
    FR_TRY(ask_ahead(s, FR_SQL_NODE_FIND, FR_VALUES(FR_VTEXT(s->node)), err));
    FR_TRY(ask_ahead(s, FR_SQL_META_GET, FR_VALUES(FR_VTEXT(FR_FACT_GENERATION)), err));
    if (!s->is_alone)
        FR_TRY(read_progress(s, err));
    if (!s->node[0])
        return FR_OK; /* a tool */
    return fr_sql_end(fr_sql_read_tail(s, &s->ground, err));
}

static enum fr_code begin_batch(struct fr_sql_store *s, struct fr_err *err)
{
    enum fr_code rc;

    s->ground = no_ground;
    rc = s->driver->begin(s, err);
    if (rc == FR_OK && s->driver->is_shared)
        rc = begin_among_others(s, err);
    if (rc != FR_OK)
        (void)s->driver->rollback(s, NULL);
    return rc;
}

static void begin(struct fr_store *store, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, begin_batch(fr_sql_of(store), &err), &err);
}

static void commit(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->ground = no_ground;
    fr_sql_done(call, s->driver->commit(s, &err), &err);
}

static void rollback(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->ground = no_ground;
    fr_sql_done(call, s->driver->rollback(s, &err), &err);
}

static void mark(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->marked = s->ground;
    fr_sql_done(call, s->driver->mark(s, &err), &err);
}

static void keep(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    fr_sql_done(call, s->driver->keep(s, &err), &err);
}

static void undo(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->ground = s->marked;
    fr_sql_done(call, s->driver->undo(s, &err), &err);
}

static void gather(struct fr_store *store, bool is_on)
{
    fr_sql_of(store)->driver->gather(fr_sql_of(store), is_on);
}

/* ---- facts ---- */

static enum fr_code get(struct fr_sql_store *s, const char *name, struct fr_buf *ret,
                        struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_slice value;
    int i = 0;

    FR_TRY(fr_sql_query(s, FR_SQL_META_GET, FR_VALUES(FR_VTEXT(name)), &rows, err));
    FR_TRY(fr_sql_next(&rows, err));
    value = fr_col_slice(&rows, &i);
    fr_buf_put(ret, value.data, value.len);
    return fr_buf_check(ret, err);
}

static void meta_get(struct fr_store *store, const char *name, struct fr_buf *ret,
                     struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, get(fr_sql_of(store), name, ret, &err), &err);
}

static void meta_set(struct fr_store *store, const char *name, const char *value,
                     struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                fr_sql_run(fr_sql_of(store), FR_SQL_META_SET,
                           FR_VALUES(FR_VTEXT(name), FR_VTEXT(value)), NULL, &err),
                &err);
}

static void meta_add(struct fr_store *store, const char *name, const char *value,
                     struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call,
                fr_sql_run(fr_sql_of(store), FR_SQL_META_ADD,
                           FR_VALUES(FR_VTEXT(name), FR_VTEXT(value)), NULL, &err),
                &err);
}

static enum fr_code count(struct fr_sql_store *s, struct fr_store_counts *ret,
                          struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    int i = 0;

    FR_TRY(fr_sql_query(s, FR_SQL_COUNTS, FR_NO_VALUES, &rows, err));
    FR_TRY(fr_sql_next(&rows, err));
    ret->enrolees = (uint64_t)fr_col_int(&rows, &i);
    ret->targets = (uint64_t)fr_col_int(&rows, &i);
    ret->credentials = (uint64_t)fr_col_int(&rows, &i);
    ret->documents = (uint64_t)fr_col_int(&rows, &i);
    ret->audit_lines = (uint64_t)fr_col_int(&rows, &i);
    ret->feed_seq = (uint64_t)fr_col_int(&rows, &i);
    return FR_OK;
}

static void counts(struct fr_store *store, struct fr_store_counts *ret,
                   struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, count(fr_sql_of(store), ret, &err), &err);
}

void fr_sql_batch_ops(struct fr_store_methods *m)
{
    m->begin = begin;
    m->commit = commit;
    m->rollback = rollback;
    m->mark = mark;
    m->keep = keep;
    m->undo = undo;
    m->gather = gather;
    m->meta_get = meta_get;
    m->meta_set = meta_set;
    m->meta_add = meta_add;
    m->counts = counts;
}
