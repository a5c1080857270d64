/* SPDX-License-Identifier: Apache-2.0 */
/* The log that is written in large pieces, seen by SQLite itself. */
#include "test.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/sqlite.h"
#include "tree.h"

#define FILL                                                                           \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"   \
    " INSERT INTO t SELECT randomblob(900) FROM n"

struct database {
    char dir[64], path[96];
    sqlite3 *db;
};

static sqlite3 *open_by(const char *path, const char *vfs)
{
    sqlite3 *db;

    assert_int_equal(
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs),
        SQLITE_OK);
    return db;
}

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int n;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static int setup(void **state)
{
    struct database *d = calloc(1, sizeof *d);

    assert_non_null(d);
    snprintf(d->dir, sizeof d->dir, "/tmp/fr-wal-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->path, sizeof d->path, "%s/a.db", d->dir);
    assert_non_null(fr_sqlite_vfs());
    d->db = open_by(d->path, fr_sqlite_vfs());
    run(d->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
               " CREATE TABLE t (octets BLOB); " FILL);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct database *d = *state;

    assert_int_equal(sqlite3_close(d->db), SQLITE_OK);
    (void)tree_remove(d->dir);
    free(d);
    return 0;
}

static void assert_whole(sqlite3 *db, int rows)
{
    assert_int_equal(number(db, "SELECT count(*) FROM t"), rows);
    assert_int_equal(
        number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check(1)"), 1);
}

static void what_is_committed_is_there_for_others(void **state)
{
    const struct database *d = *state;
    sqlite3 *other = open_by(d->path, NULL);

    assert_whole(other, 1000);
    run(d->db, FILL);
    assert_whole(other, 2000);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

/* Pages that leave the cache are in the log before the commit, and are read there. */
static void a_transaction_larger_than_the_cache_is_whole(void **state)
{
    const struct database *d = *state;

    run(d->db, "PRAGMA cache_size = 10; BEGIN; " FILL "; UPDATE t SET octets ="
               " randomblob(800); " FILL);
    assert_whole(d->db, 3000);
    run(d->db, "ROLLBACK");
    assert_whole(d->db, 1000);
    run(d->db, FILL "; PRAGMA wal_checkpoint(TRUNCATE)");
    assert_whole(d->db, 2000);
}

static void limit_files(rlim_t octets)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = octets;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_commit_that_cannot_be_written_fails_and_keeps_nothing(void **state)
{
    const struct database *d = *state;

    signal(SIGXFSZ, SIG_IGN);
    run(d->db, "PRAGMA wal_checkpoint(TRUNCATE)");
    limit_files(64 * 1024);
    assert_int_not_equal(sqlite3_exec(d->db, FILL, NULL, NULL, NULL), SQLITE_OK);
    limit_files(RLIM_INFINITY);
    assert_whole(d->db, 1000);
    run(d->db, FILL);
    assert_whole(d->db, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_committed_is_there_for_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_transaction_larger_than_the_cache_is_whole,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_commit_that_cannot_be_written_fails_and_keeps_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
