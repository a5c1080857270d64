/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail: a chain a node. Where this node's chain ends is read once a batch,
 * carried on in memory, and written once by audit_end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/sql.h"

static void read_line(struct fr_sql_rows *rows, struct fr_store_audit *line)
{
    int i = 0;

    FR_COL_TEXT(rows, &i, line->node);
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

enum fr_code fr_sql_read_tail(struct fr_sql_store *s, struct fr_sql_ground *ret,
                              struct fr_err *err)
{
    struct fr_store_node node = {0};
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    int i = 1;

    FR_TRY(fr_sql_query(s, FR_SQL_NODE_FIND, FR_VALUES(FR_VTEXT(s->node)), &rows, err));
    FR_TRY(fr_sql_name_missing(fr_sql_next(&rows, err), "node", s->node, err));
    FR_COL_TEXT(&rows, &i, node.instance);
    (void)fr_col_int(&rows, &i);
    ret->is_known = true;
    ret->began = ret->seq = (uint64_t)fr_col_int(&rows, &i);
    FR_COL_TEXT(&rows, &i, ret->hash);
    if (!fr_str_equal(node.instance, s->instance))
        return FR_FAIL_AS(err, FR_ESTORE, "node-taken",
                          "another fieldrootd writes as node \"%s\": give each its own "
                          "name (node)",
                          s->node);
    return FR_OK;
}

static enum fr_code add(struct fr_sql_store *s, struct fr_store_audit *line,
                        struct fr_err *err)
{
    struct fr_sql_ground tail = s->ground;

    if (!tail.is_known)
        FR_TRY(fr_sql_read_tail(s, &tail, err));
    tail.is_new = true;
    snprintf(line->node, sizeof line->node, "%s", s->node);
    line->seq = ++tail.seq;
    memcpy(line->prev, tail.hash, sizeof line->prev);
    FR_TRY(fr_store_audit_hash(line, line->prev, line->hash, err));
    memcpy(tail.hash, line->hash, sizeof tail.hash);
    FR_TRY(fr_sql_run(s, FR_SQL_AUDIT_ADD,
                      FR_VALUES(FR_VTEXT(line->node), FR_VINT(line->seq),
                                FR_VINT(line->at), FR_VTEXT(line->actor),
                                FR_VTEXT(line->action), FR_VTEXT(line->subject),
                                FR_VTEXT(line->decision), FR_VTEXT(line->reason),
                                FR_VTEXT(line->text), FR_VTEXT(line->prev),
                                FR_VTEXT(line->hash)),
                      NULL, err));
    s->ground = tail;
    return FR_OK;
}

static void audit_add(struct fr_store *store, struct fr_store_audit *line,
                      struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, add(fr_sql_of(store), line, &err), &err);
}

static void audit_tail(struct fr_store *store, struct fr_store_node *ret,
                       struct fr_store_call call)
{
    const struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};
    enum fr_code rc = FR_OK;

    if (s->ground.is_new) {
        *ret = (struct fr_store_node){.seq = s->ground.seq};
        memcpy(ret->name, s->node, sizeof ret->name);
        memcpy(ret->hash, s->ground.hash, sizeof ret->hash);
    } else {
        rc = FR_FAIL(&err, FR_ENOTFOUND, "no line was added");
    }
    fr_sql_done(call, rc, &err);
}

static void audit_end(struct fr_store *store, const struct fr_store_node *end,
                      struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};
    enum fr_code rc = fr_sql_expect(
        s, FR_SQL_NODE_END,
        FR_VALUES(FR_VTEXT(s->node), FR_VTEXT(s->instance), FR_VINT(s->ground.began),
                  FR_VINT(end->seq), FR_VTEXT(end->hash), FR_VTEXT(end->seal)),
        &err);

    fr_sql_done(call, rc, &err);
}

/* ---- reading ---- */

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

static enum fr_code last_about(struct fr_sql_store *s,
                               const struct fr_store_audit_query *query,
                               struct fr_store_audit_rows out, struct fr_err *err)
{
    struct fr_sql_value values[FR_STORE_WHO_MAX + 2] = {0};
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    for (size_t i = 0; i < FR_STORE_WHO_MAX; i++) /* the rest repeats the first */
        values[i] = FR_VTEXT(query->who[i < query->n_who ? i : 0]);
    values[FR_STORE_WHO_MAX] = FR_VINT(query->limit);
    FR_TRY(fr_sql_query(s, FR_SQL_AUDIT_LAST, values, &rows, err));
    return each(&rows, out, err);
}

/* The ends of all chains, to be put in the order of time. */
struct ends {
    struct fr_store_audit *line;
    size_t n, cap;
};

static void ends_clear(struct ends *e)
{
    free(e->line);
}
#define ENDS_AUTO __attribute__((cleanup(ends_clear))) struct ends

static enum fr_code collect(void *ctx, const struct fr_store_audit *line,
                            struct fr_err *err)
{
    struct ends *e = ctx;

    if (e->n == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 64;
        void *grown = reallocarray(e->line, cap, sizeof *e->line);

        if (!grown)
            return FR_FAIL(err, FR_ENOMEM, "out of memory");
        e->line = grown;
        e->cap = cap;
    }
    e->line[e->n++] = *line;
    return FR_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct fr_store_audit *x = a, *y = b;
    int by_node = strcmp(x->node, y->node);

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (by_node != 0)
        return by_node;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

struct names {
    char (*name)[FR_STORE_NODE_MAX + 1];
    size_t n;
};

static void names_clear(struct names *n)
{
    free(n->name);
}
#define NAMES_AUTO __attribute__((cleanup(names_clear))) struct names

static enum fr_code read_names(struct fr_sql_store *s, struct names *ret,
                               struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_NODE_LIST, FR_NO_VALUES, &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        void *grown = reallocarray(ret->name, ret->n + 1, sizeof *ret->name);
        int i = 0;

        if (!grown)
            return FR_FAIL(err, FR_ENOMEM, "out of memory");
        ret->name = grown;
        FR_COL_TEXT(&rows, &i, ret->name[ret->n]);
        ret->n++;
    }
    return fr_sql_end(rc);
}

static enum fr_code read_end(struct fr_sql_store *s, const char *node, size_t limit,
                             struct ends *to, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, FR_SQL_AUDIT_OF_NODE,
                        FR_VALUES(FR_VTEXT(node), FR_VINT(limit)), &rows, err));
    return each(&rows, (struct fr_store_audit_rows){.row = collect, .ctx = to}, err);
}

static enum fr_code last_of_all(struct fr_sql_store *s, size_t limit,
                                struct fr_store_audit_rows out, struct fr_err *err)
{
    NAMES_AUTO names = {0};
    ENDS_AUTO ends = {0};

    FR_TRY(read_names(s, &names, err));
    for (size_t i = 0; i < names.n; i++)
        FR_TRY(read_end(s, names.name[i], limit, &ends, err));
    if (ends.n > 0)
        qsort(ends.line, ends.n, sizeof *ends.line, by_time);
    for (size_t i = ends.n > limit ? ends.n - limit : 0; i < ends.n; i++)
        FR_TRY(out.row(out.ctx, &ends.line[i], err));
    return FR_OK;
}

static void audit_last(struct fr_store *store, const struct fr_store_audit_query *query,
                       struct fr_store_audit_rows rows, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};
    enum fr_code rc;

    if (query->n_who > FR_STORE_WHO_MAX)
        rc = FR_FAIL(&err, FR_EINTERNAL, "a search for %zu names", query->n_who);
    else if (query->n_who > 0)
        rc = last_about(s, query, rows, &err);
    else
        rc = last_of_all(s, query->limit, rows, &err);
    fr_sql_done(call, rc, &err);
}

static enum fr_code walk(struct fr_sql_store *s, const char *node, uint64_t after,
                         size_t limit, struct fr_store_audit_rows out,
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, FR_SQL_AUDIT_WALK,
                        FR_VALUES(FR_VTEXT(node), FR_VINT(after), FR_VINT(limit)),
                        &rows, err));
    return each(&rows, out, err);
}

static void audit_walk(struct fr_store *store, const char *node, uint64_t after,
                       size_t limit, struct fr_store_audit_rows rows,
                       struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, walk(fr_sql_of(store), node, after, limit, rows, &err), &err);
}

void fr_sql_audit_ops(struct fr_store_methods *m)
{
    m->audit_add = audit_add;
    m->audit_tail = audit_tail;
    m->audit_end = audit_end;
    m->audit_last = audit_last;
    m->audit_walk = audit_walk;
}
