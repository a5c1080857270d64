/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL takes the suite: one server, a schema of its own for each test. */
#include <libpq-fe.h>
#include <stdlib.h>

#include "conform/cluster.h"
#include "conform/store.h"

static struct cluster cluster;

struct place {
    char conninfo[512];
};

static int start(void **state)
{
    (void)state;
    if (!cluster_start(&cluster, NULL))
        print_message("# skipped: %s\n", cluster.missing);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_stop(&cluster);
    return 0;
}

static void *make_schema(void)
{
    static int n;
    struct place *p = calloc(1, sizeof *p);
    char sql[64], more[64];
    PGresult *result;
    PGconn *conn;

    if (cluster.missing)
        skip();
    assert_non_null(p);
    conn = PQconnectdb(cluster_conninfo(&cluster, "", p->conninfo));
    snprintf(sql, sizeof sql, "CREATE SCHEMA t%d", ++n);
    result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    snprintf(more, sizeof more, "options=-csearch_path=t%d", n);
    cluster_conninfo(&cluster, more, p->conninfo);
    return p;
}

static struct fr_store *open_postgres(void *ctx)
{
    const struct place *p = ctx;
    struct fr_store *s = NULL;
    struct fr_err err = {0};

    if (fr_store_postgres_open(p->conninfo, &s, &err) != FR_OK)
        fail_msg("%s", err.msg);
    return s;
}

const struct fr_store_maker fr_store_maker = {.start = start,
                                              .stop = stop,
                                              .setup = make_schema,
                                              .teardown = free,
                                              .open = open_postgres};
