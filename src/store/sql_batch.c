/* SPDX-License-Identifier: Apache-2.0 */
/* Batches, and facts about the store as a whole. */
#include "store/sql.h"

static void begin(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->tail = (struct fr_sql_tail){0};
    fr_sql_done(call, s->driver->begin(s, &err), &err);
}

static void commit(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->tail = (struct fr_sql_tail){0};
    fr_sql_done(call, s->driver->commit(s, &err), &err);
}

static void rollback(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->tail = (struct fr_sql_tail){0};
    fr_sql_done(call, s->driver->rollback(s, &err), &err);
}

static void mark(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};

    s->marked_tail = s->tail;
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

    s->tail = s->marked_tail;
    fr_sql_done(call, s->driver->undo(s, &err), &err);
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
    m->meta_get = meta_get;
    m->meta_set = meta_set;
    m->meta_add = meta_add;
    m->counts = counts;
}
