/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes that write here, each under a name of its own. */
#include "store/sql.h"

static void read_node(struct fr_sql_rows *rows, struct fr_store_node *n)
{
    int i = 0;

    FR_COL_TEXT(rows, &i, n->name);
    FR_COL_TEXT(rows, &i, n->instance);
    n->seen = fr_col_int(rows, &i);
    n->seq = (uint64_t)fr_col_int(rows, &i);
    FR_COL_TEXT(rows, &i, n->hash);
    FR_COL_TEXT(rows, &i, n->seal);
}

static enum fr_code find(struct fr_sql_store *s, const char *name,
                         struct fr_store_node *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};

    FR_TRY(fr_sql_query(s, FR_SQL_NODE_FIND, FR_VALUES(FR_VTEXT(name)), &rows, err));
    FR_TRY(fr_sql_name_missing(fr_sql_next(&rows, err), "node", name, err));
    read_node(&rows, ret);
    return FR_OK;
}

static void node_find(struct fr_store *store, const char *name,
                      struct fr_store_node *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, find(fr_sql_of(store), name, ret, &err), &err);
}

static enum fr_code enter(struct fr_sql_store *s, const struct fr_store_node *n,
                          struct fr_err *err)
{
    char root[2 * FR_SHA256_LEN + 1];

    FR_TRY(fr_store_audit_root(n->name, root, err));
    FR_TRY(fr_sql_run(s, FR_SQL_NODE_PUT,
                      FR_VALUES(FR_VTEXT(n->name), FR_VTEXT(n->instance),
                                FR_VINT(n->seen), FR_VTEXT(root), FR_VTEXT("")),
                      NULL, err));
    snprintf(s->node, sizeof s->node, "%s", n->name);
    snprintf(s->instance, sizeof s->instance, "%s", n->instance);
    return FR_OK;
}

static void node_enter(struct fr_store *store, const struct fr_store_node *node,
                       struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, enter(fr_sql_of(store), node, &err), &err);
}

static void node_seen(struct fr_store *store, int64_t at, struct fr_store_call call)
{
    struct fr_sql_store *s = fr_sql_of(store);
    struct fr_err err = {0};
    enum fr_code rc = fr_sql_run_one(
        s, FR_SQL_NODE_SEEN,
        FR_VALUES(FR_VTEXT(s->node), FR_VTEXT(s->instance), FR_VINT(at)), "node", &err);

    fr_sql_done(call, rc, &err);
}

static enum fr_code list(struct fr_sql_store *s, struct fr_store_node_rows out,
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_store_node n;
    enum fr_code rc;

    FR_TRY(fr_sql_query(s, FR_SQL_NODE_LIST, FR_NO_VALUES, &rows, err));
    while ((rc = fr_sql_next(&rows, err)) == FR_OK) {
        read_node(&rows, &n);
        FR_TRY(out.row(out.ctx, &n, err));
    }
    return fr_sql_end(rc);
}

static void node_list(struct fr_store *store, struct fr_store_node_rows rows,
                      struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(call, list(fr_sql_of(store), rows, &err), &err);
}

static void nodes_hold(struct fr_store *store, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sql_done(
        call, fr_sql_run(fr_sql_of(store), FR_SQL_NODES_HOLD, FR_NO_VALUES, NULL, &err),
        &err);
}

void fr_sql_node_ops(struct fr_store_methods *m)
{
    m->node_find = node_find;
    m->node_enter = node_enter;
    m->node_seen = node_seen;
    m->node_list = node_list;
    m->nodes_hold = nodes_hold;
}
