/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store in one SQLite file: statements are prepared once and kept; every question
 * is answered at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite.h"

struct fr_sqlite {
    struct fr_sql_store sql; /* first */
    sqlite3 *db;
    sqlite3_stmt *stmt[FR_N_STATEMENTS];
    sqlite3_stmt *begin, *end, *rollback, *mark, *keep, *undo;
    bool has_savepoints; /* in this batch; else: */
    bool has_written;    /* since the mark */
};

static struct fr_sqlite *of(struct fr_sql_store *s)
{
    return (struct fr_sqlite *)s;
}

static enum fr_code fail(struct fr_sqlite *s, int sqlite_rc, struct fr_err *err)
{
    int primary = sqlite_rc & 0xff;

    if (primary == SQLITE_CONSTRAINT)
        return FR_FAIL(err, FR_ECONFLICT, "%s", sqlite3_errmsg(s->db));
    if (primary == SQLITE_NOMEM)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return FR_FAIL(err, FR_ESTORE, "database: %s", sqlite3_errmsg(s->db));
}

/* ---- statements ---- */

static int bind(sqlite3_stmt *stmt, int at, const struct fr_sql_value *v)
{
    const void *octets = v->octets.data ? v->octets.data : (const uint8_t *)"";

    if (v->type == FR_SQL_INT)
        return sqlite3_bind_int64(stmt, at, v->number);
    if (v->type == FR_SQL_TEXT)
        return sqlite3_bind_text(stmt, at, octets, (int)v->octets.len, SQLITE_STATIC);
    return sqlite3_bind_blob(stmt, at, octets, (int)v->octets.len, SQLITE_STATIC);
}

static enum fr_code prepare(struct fr_sqlite *s, const char *text, sqlite3_stmt **stmt,
                            struct fr_err *err)
{
    int rc;

    if (*stmt)
        return FR_OK;
    rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    return rc == SQLITE_OK ? FR_OK : fail(s, rc, err);
}

static enum fr_code query(struct fr_sql_store *sql, int which,
                          const struct fr_sql_value *values, struct fr_sql_rows *ret,
                          struct fr_err *err)
{
    char text[FR_SQL_TEXT_MAX];
    struct fr_sqlite *s = of(sql);

    if (!s->stmt[which])
        FR_TRY(prepare(s, fr_sql_text_of(which, '?', text), &s->stmt[which], err));
    *ret = (struct fr_sql_rows){.s = sql, .result = s->stmt[which]};
    for (int at = 1; values->type != FR_SQL_END; at++, values++) {
        int rc = bind(ret->result, at, values);

        if (rc != SQLITE_OK)
            return fail(s, rc, err);
    }
    return FR_OK;
}

static void clear(struct fr_sql_rows *rows)
{
    (void)sqlite3_reset(rows->result); /* repeats the failure that step told */
    (void)sqlite3_clear_bindings(rows->result);
}

static enum fr_code next(struct fr_sql_rows *rows, struct fr_err *err)
{
    int rc = sqlite3_step(rows->result);

    if (rc == SQLITE_ROW)
        return FR_OK;
    if (rc == SQLITE_DONE)
        return FR_FAIL(err, FR_ENOTFOUND, "no such record");
    return fail(of(rows->s), rc, err);
}

static int64_t number(struct fr_sql_rows *rows, int column)
{
    return sqlite3_column_int64(rows->result, column);
}

static struct fr_slice octets(struct fr_sql_rows *rows, int column)
{
    const void *data = sqlite3_column_blob(rows->result, column);
    int len = sqlite3_column_bytes(rows->result, column);

    return fr_slice_of(data, data ? (size_t)len : 0);
}

static enum fr_code run(struct fr_sql_store *sql, int which,
                        const struct fr_sql_value *values, int *changed,
                        struct fr_err *err)
{
    FR_AUTO_CLEAR(sql_rows) rows = {0};
    struct fr_sqlite *s = of(sql);
    int n;

    FR_TRY(query(sql, which, values, &rows, err));
    FR_TRY(fr_sql_end(next(&rows, err))); /* what fails has changed nothing */
    n = sqlite3_changes(s->db);
    s->has_written |= n > 0;
    if (changed)
        *changed = n;
    return FR_OK;
}

static enum fr_code expect(struct fr_sql_store *sql, int which,
                           const struct fr_sql_value *values, struct fr_err *err)
{
    int changed;

    FR_TRY(run(sql, which, values, &changed, err));
    return changed > 0 ? FR_OK : fr_sql_changed_meanwhile(err);
}

static void gather(struct fr_sql_store *sql, bool is_on)
{
    (void)sql; /* it answers at once */
    (void)is_on;
}

static enum fr_code wait(struct fr_sql_store *sql, struct fr_err *err)
{
    (void)sql;
    return FR_FAIL(err, FR_EINTERNAL, "SQLite answers at once: nothing to wait for");
}

/* ---- transactions ---- */

static enum fr_code plain(struct fr_sqlite *s, const char *text, sqlite3_stmt **stmt,
                          struct fr_err *err)
{
    int rc;

    FR_TRY(prepare(s, text, stmt, err));
    rc = sqlite3_step(*stmt);
    (void)sqlite3_reset(*stmt);
    return rc == SQLITE_DONE ? FR_OK : fail(s, rc, err);
}

static enum fr_code execute(struct fr_sqlite *s, const char *sql, struct fr_err *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? FR_OK : fail(s, rc, err);
}

static enum fr_code begin(struct fr_sql_store *sql, struct fr_err *err)
{
    return plain(of(sql), "BEGIN IMMEDIATE", &of(sql)->begin, err);
}

/* A read transaction begins at its first read. */
static enum fr_code snapshot(struct fr_sql_store *sql, struct fr_err *err)
{
    return execute(of(sql), "BEGIN; SELECT 1 FROM meta LIMIT 1", err);
}

static enum fr_code rollback(struct fr_sql_store *sql, struct fr_err *err)
{
    if (sqlite3_get_autocommit(of(sql)->db))
        return FR_OK; /* SQLite has rolled back by itself */
    return plain(of(sql), "ROLLBACK", &of(sql)->rollback, err);
}

static enum fr_code commit(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_sqlite *s = of(sql);
    enum fr_code rc = plain(s, "COMMIT", &s->end, err);

    if (rc != FR_OK) {
        rc = FR_FAIL_AS(err, FR_ESTORE, "commit-failed",
                        "commit failed, nothing was kept: %s", sqlite3_errmsg(s->db));
        (void)rollback(sql, NULL);
    }
    s->has_savepoints = false;
    return rc;
}

/*
 * A savepoint keeps a copy of each page that is changed after it, for hardly any
 * request that writes is undone. So at first there is none: to undo what was written is
 * to have the batch done again, with savepoints.
 *
 * Disk full, an I/O error: SQLite may roll back by itself. A savepoint would then begin
 * a transaction of its own, and keep what the rest of the batch is told has failed.
 */
static enum fr_code mark(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_sqlite *s = of(sql);

    if (sqlite3_get_autocommit(s->db))
        return FR_FAIL_AS(err, FR_ESTORE, "batch-lost",
                          "the database has rolled back: nothing was kept");
    s->has_written = false;
    return s->has_savepoints ? plain(s, "SAVEPOINT request", &s->mark, err) : FR_OK;
}

static enum fr_code keep(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_sqlite *s = of(sql);

    if (!s->has_savepoints)
        return FR_OK;
    return plain(s, "RELEASE SAVEPOINT request", &s->keep, err);
}

static enum fr_code undo(struct fr_sql_store *sql, struct fr_err *err)
{
    struct fr_sqlite *s = of(sql);

    if (s->has_savepoints) {
        FR_TRY(plain(s, "ROLLBACK TO SAVEPOINT request", &s->undo, err));
        return keep(sql, err);
    }
    if (!s->has_written)
        return FR_OK;
    s->has_savepoints = true;
    return FR_FAIL_AS(err, FR_EBUSY, "batch-retry",
                      "what is to be undone is written already");
}

/* SQLite asks with nothing but this pointer; non-zero turns COMMIT into ROLLBACK. */
static int ask_before_commit(void *ctx)
{
    struct fr_store *store = ctx;

    return store->on_commit && !store->on_commit(store->on_commit_ctx);
}

/* ---- opening ---- */

static void sqlite_close(struct fr_sql_store *sql)
{
    struct fr_sqlite *s = of(sql);
    sqlite3_stmt *const own[] = {s->begin, s->end,  s->rollback,
                                 s->mark,  s->keep, s->undo};

    for (size_t i = 0; i < FR_N_STATEMENTS; i++)
        (void)sqlite3_finalize(s->stmt[i]);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        (void)sqlite3_finalize(own[i]);
    (void)sqlite3_close(s->db);
    free(s);
}

static const struct fr_sql_driver driver = {
    .name = "sqlite",
    .close = sqlite_close,
    .begin = begin,
    .snapshot = snapshot,
    .commit = commit,
    .rollback = rollback,
    .mark = mark,
    .keep = keep,
    .undo = undo,
    .query = query,
    .next = next,
    .clear = clear,
    .number = number,
    .octets = octets,
    .run = run,
    .expect = expect,
    .gather = gather,
    .wait = wait,
};

static enum fr_code schema_version(struct fr_sqlite *s, int *ret, struct fr_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc;

    FR_TRY(execute(s,
                   "CREATE TABLE IF NOT EXISTS schema_version"
                   " (version INTEGER NOT NULL)",
                   err));
    rc = sqlite3_prepare_v2(
        s->db, "SELECT COALESCE(MAX(version), 0) FROM schema_version", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    *ret = rc == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : -1;
    (void)sqlite3_finalize(stmt);
    if (rc != SQLITE_ROW)
        return FR_FAIL(err, FR_ESTORE, "database: %s", sqlite3_errmsg(s->db));
    return FR_OK;
}

static enum fr_code step_schema(struct fr_sqlite *s, int to, struct fr_err *err)
{
    char note[96];

    FR_TRY(execute(s, fr_sql_schema[to - 1].up, err));
    snprintf(note, sizeof note, "INSERT INTO schema_version (version) VALUES (%d)", to);
    return execute(s, note, err);
}

static enum fr_code unstep_schema(struct fr_sqlite *s, int from, struct fr_err *err)
{
    char note[96];

    FR_TRY(execute(s, fr_sql_schema[from - 1].down, err));
    snprintf(note, sizeof note, "DELETE FROM schema_version WHERE version = %d", from);
    return execute(s, note, err);
}

static enum fr_code bring_up_to_date(struct fr_sqlite *s, struct fr_err *err)
{
    int version;

    FR_TRY(execute(s, "BEGIN IMMEDIATE", err));
    FR_TRY(schema_version(s, &version, err));
    FR_TRY(fr_sql_check_version(version, err));
    while (version < fr_sql_schema_version)
        FR_TRY(step_schema(s, ++version, err));
    return execute(s, "COMMIT", err);
}

static enum fr_code migrate(struct fr_sqlite *s, int to, struct fr_err *err)
{
    int version;

    FR_TRY(execute(s, "BEGIN IMMEDIATE", err));
    FR_TRY(schema_version(s, &version, err));
    FR_TRY(fr_sql_check_goal(version, to, err));
    while (version > to)
        FR_TRY(unstep_schema(s, version--, err));
    while (version < to)
        FR_TRY(step_schema(s, ++version, err));
    return execute(s, "COMMIT", err);
}

/* SQLite makes -wal and -shm with the mode of the file itself. */
static enum fr_code make_private(const char *path, struct fr_err *err)
{
    FR_AUTO_FD(fd) = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || fchmod(fd, 0600) != 0)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", path, strerror(errno));
    return FR_OK;
}

/* No process of ours has threads, or looks at these statistics: each allocation of
 * SQLite's would take a lock for them. Without effect where SQLite is in use already.
 */
static void spare_locks(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum fr_code open_database(struct fr_sqlite *s, const char *path,
                                  struct fr_err *err)
{
    int rc;

    spare_locks();
    rc = sqlite3_open_v2(path, &s->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                             SQLITE_OPEN_EXRESCODE,
                         fr_sqlite_vfs());
    if (rc != SQLITE_OK)
        return FR_FAIL(err, FR_ESTORE, "%s",
                       s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
    (void)sqlite3_busy_timeout(s->db, 5000);
    FR_TRY(execute(s,
                   "PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = FULL;"
                   "PRAGMA foreign_keys = ON;"
                   "PRAGMA secure_delete = ON;"
                   "PRAGMA temp_store = MEMORY;" /* savepoints, without files */
                   "PRAGMA trusted_schema = OFF;",
                   err));
    FR_TRY(bring_up_to_date(s, err));
    (void)sqlite3_commit_hook(s->db, ask_before_commit, &s->sql.super);
    return FR_OK;
}

enum fr_code fr_store_sqlite_read(const char *path, struct fr_store **ret,
                                  struct fr_err *err)
{
    struct fr_sqlite *s = calloc(1, sizeof *s);
    FR_AUTO(store) *store = (struct fr_store *)s;

    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    fr_sql_init(&s->sql, &driver);
    FR_TRY(fr_sqlite_open_to_read(path, &s->db, err));
    *ret = FR_TAKE(store);
    return FR_OK;
}

enum fr_code fr_store_sqlite_open(const char *path, struct fr_store **ret,
                                  struct fr_err *err)
{
    FR_AUTO(store) *store = NULL;
    struct fr_sqlite *s;

    FR_TRY(make_private(path, err));
    s = calloc(1, sizeof *s);
    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    store = (struct fr_store *)s;
    fr_sql_init(&s->sql, &driver);
    FR_TRY(fr_err_wrap(err, open_database(s, path, err), "opening %s", path));
    *ret = FR_TAKE(store);
    return FR_OK;
}

enum fr_code fr_store_sqlite_migrate(const char *path, int to, struct fr_err *err)
{
    struct fr_sqlite s = {0};
    int rc = sqlite3_open_v2(path, &s.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE,
                             NULL);
    enum fr_code code;

    if (rc != SQLITE_OK)
        code = FR_FAIL(err, FR_ESTORE, "%s: %s", path, sqlite3_errstr(rc));
    else
        code = fr_err_wrap(err, migrate(&s, to, err), "%s", path);
    (void)sqlite3_close(s.db); /* rolls back what is not committed */
    return code;
}
