/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a whole: file, schema, transactions, facts. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite.h"

static void sqlite_close(struct fr_store *store)
{
    struct fr_sqlite *s = fr_sqlite_of(store);

    for (size_t i = 0; i < FR_N_SQL; i++)
        (void)sqlite3_finalize(s->stmt[i]);
    (void)sqlite3_close(s->db);
    free(s);
}

static enum fr_code sqlite_wait(struct fr_store *store, struct fr_err *err)
{
    (void)store;
    return FR_FAIL(err, FR_EINTERNAL, "SQLite answers at once: nothing to wait for");
}

/* ---- transactions ---- */

static void plain(struct fr_store *store, enum fr_sql sql, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, fr_sql_run(fr_sqlite_of(store), sql, FR_NO_VALUES, NULL, &err),
                   &err);
}

static void sqlite_begin(struct fr_store *store, struct fr_store_call call)
{
    plain(store, FR_SQL_BEGIN, call);
}

static enum fr_code rollback(struct fr_sqlite *s, struct fr_err *err)
{
    if (sqlite3_get_autocommit(s->db))
        return FR_OK; /* SQLite has rolled back by itself */
    return fr_sql_run(s, FR_SQL_ROLLBACK, FR_NO_VALUES, NULL, err);
}

/* A failed commit leaves no open transaction. */
static void sqlite_commit(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sqlite *s = fr_sqlite_of(store);
    struct fr_err err = {0};
    enum fr_code rc = fr_sql_run(s, FR_SQL_COMMIT, FR_NO_VALUES, NULL, &err);

    if (rc != FR_OK) {
        rc = FR_FAIL_AS(&err, FR_ESTORE, "commit-failed",
                        "commit failed, nothing was kept: %s", sqlite3_errmsg(s->db));
        (void)rollback(s, NULL);
    }
    fr_sqlite_done(call, rc, &err);
}

static void sqlite_rollback(struct fr_store *store, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, rollback(fr_sqlite_of(store), &err), &err);
}

/* Disk full, an I/O error: SQLite may roll back by itself. A savepoint would then begin
 * a transaction of its own, and keep what the rest of the batch is told has failed. */
static enum fr_code mark(struct fr_sqlite *s, struct fr_err *err)
{
    if (sqlite3_get_autocommit(s->db))
        return FR_FAIL_AS(err, FR_ESTORE, "batch-lost",
                          "the database has rolled back: nothing was kept");
    return fr_sql_run(s, FR_SQL_MARK, FR_NO_VALUES, NULL, err);
}

static void sqlite_mark(struct fr_store *store, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, mark(fr_sqlite_of(store), &err), &err);
}

static void sqlite_keep(struct fr_store *store, struct fr_store_call call)
{
    plain(store, FR_SQL_KEEP, call);
}

static enum fr_code undo(struct fr_sqlite *s, struct fr_err *err)
{
    FR_TRY(fr_sql_run(s, FR_SQL_UNDO, FR_NO_VALUES, NULL, err));
    return fr_sql_run(s, FR_SQL_KEEP, FR_NO_VALUES, NULL, err);
}

static void sqlite_undo(struct fr_store *store, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, undo(fr_sqlite_of(store), &err), &err);
}

/* SQLite asks with nothing but this pointer; non-zero turns COMMIT into ROLLBACK. */
static int ask_before_commit(void *ctx)
{
    struct fr_store *store = ctx;

    return store->on_commit && !store->on_commit(store->on_commit_ctx);
}

/* ---- facts ---- */

static enum fr_code meta_get(struct fr_sqlite *s, const char *name, struct fr_buf *ret,
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

static void sqlite_meta_get(struct fr_store *store, const char *name,
                            struct fr_buf *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, meta_get(fr_sqlite_of(store), name, ret, &err), &err);
}

static void sqlite_meta_set(struct fr_store *store, const char *name, const char *value,
                            struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call,
                   fr_sql_run(fr_sqlite_of(store), FR_SQL_META_SET,
                              FR_VALUES(FR_VTEXT(name), FR_VTEXT(value)), NULL, &err),
                   &err);
}

static enum fr_code counts(struct fr_sqlite *s, struct fr_store_counts *ret,
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

static void sqlite_counts(struct fr_store *store, struct fr_store_counts *ret,
                          struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, counts(fr_sqlite_of(store), ret, &err), &err);
}

/* ---- opening ---- */

static const struct fr_store_methods store_methods = {
    .name = "sqlite",
    .close = sqlite_close,
    .wait = sqlite_wait,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .mark = sqlite_mark,
    .keep = sqlite_keep,
    .undo = sqlite_undo,
    .meta_get = sqlite_meta_get,
    .meta_set = sqlite_meta_set,
    .counts = sqlite_counts,
};

static void take_methods(struct fr_sqlite *s)
{
    s->methods = store_methods;
#define X(subject) fr_sqlite_##subject##_ops(&s->methods);
    FR_SQLITE_OPS(X)
#undef X
    s->super.methods = &s->methods;
}

static enum fr_code execute(struct fr_sqlite *s, const char *sql, struct fr_err *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return FR_FAIL(err, FR_ESTORE, "database: %s", sqlite3_errmsg(s->db));
    return FR_OK;
}

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

static enum fr_code step_schema(struct fr_sqlite *s, int from, struct fr_err *err)
{
    char note[96];

    FR_TRY(execute(s, fr_sql_schema[from], err));
    snprintf(note, sizeof note, "INSERT INTO schema_version (version) VALUES (%d)",
             from + 1);
    return execute(s, note, err);
}

static enum fr_code bring_up_to_date(struct fr_sqlite *s, struct fr_err *err)
{
    int version;

    FR_TRY(execute(s, "BEGIN IMMEDIATE", err));
    FR_TRY(schema_version(s, &version, err));
    if (version > fr_sql_schema_version)
        return FR_FAIL_AS(err, FR_ESTORE, "schema-newer",
                          "a newer fieldrootd made this database (schema %d, this one "
                          "knows %d): run that version",
                          version, fr_sql_schema_version);
    while (version < fr_sql_schema_version)
        FR_TRY(step_schema(s, version++, err));
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

static enum fr_code open_database(struct fr_sqlite *s, const char *path,
                                  struct fr_err *err)
{
    int rc = sqlite3_open_v2(
        path, &s->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (rc != SQLITE_OK)
        return FR_FAIL(err, FR_ESTORE, "%s",
                       s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
    (void)sqlite3_busy_timeout(s->db, 5000);
    FR_TRY(execute(s,
                   "PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = FULL;"
                   "PRAGMA foreign_keys = ON;"
                   "PRAGMA secure_delete = ON;"
                   "PRAGMA trusted_schema = OFF;",
                   err));
    FR_TRY(bring_up_to_date(s, err));
    (void)sqlite3_commit_hook(s->db, ask_before_commit, &s->super);
    return FR_OK;
}

enum fr_code fr_store_sqlite_read(const char *path, struct fr_store **ret,
                                  struct fr_err *err)
{
    struct fr_sqlite *s = calloc(1, sizeof *s);
    FR_AUTO(store) *store = (struct fr_store *)s;

    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    take_methods(s);
    FR_TRY(fr_sqlite_open_to_read(s, path, err));
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
    take_methods(s);
    FR_TRY(fr_err_wrap(err, open_database(s, path, err), "opening %s", path));
    *ret = FR_TAKE(store);
    return FR_OK;
}
