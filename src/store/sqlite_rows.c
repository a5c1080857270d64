/* SPDX-License-Identifier: Apache-2.0 */
/* Whole rows, and whole files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/sqlite.h"

/* ---- statements that are made for the call ---- */

struct fr_text_stmt {
    struct fr_sqlite *s;
    sqlite3_stmt *stmt;
};
static void fr_text_stmt_clear(struct fr_text_stmt *t)
{
    (void)sqlite3_finalize(t->stmt);
}

static enum fr_code failed(struct fr_sqlite *s, struct fr_err *err)
{
    return FR_FAIL(err, FR_ESTORE, "database: %s", sqlite3_errmsg(s->db));
}

static enum fr_code prepare(struct fr_sqlite *s, const struct fr_buf *sql,
                            struct fr_text_stmt *ret, struct fr_err *err)
{
    FR_TRY(fr_buf_check(sql, err));
    ret->s = s;
    if (sqlite3_prepare_v2(s->db, fr_buf_cstr(sql), -1, &ret->stmt, NULL) != SQLITE_OK)
        return failed(s, err);
    return FR_OK;
}

static bool bind(sqlite3_stmt *stmt, int at, const struct fr_value *v)
{
    const void *octets = v->octets.data ? v->octets.data : (const uint8_t *)"";

    if (v->type == FR_VALUE_INT)
        return sqlite3_bind_int64(stmt, at, v->number) == SQLITE_OK;
    if (v->type == FR_VALUE_TEXT)
        return sqlite3_bind_text(stmt, at, octets, (int)v->octets.len, SQLITE_STATIC) ==
               SQLITE_OK;
    return sqlite3_bind_blob(stmt, at, octets, (int)v->octets.len, SQLITE_STATIC) ==
           SQLITE_OK;
}

static enum fr_code bind_all(const struct fr_text_stmt *t,
                             const struct fr_value *values, size_t n,
                             struct fr_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!bind(t->stmt, (int)i + 1, &values[i]))
            return failed(t->s, err);
    return FR_OK;
}

/* ---- rows ---- */

static void read_row(sqlite3_stmt *stmt, const struct fr_table *t, struct fr_value *to)
{
    for (int i = 0; i < (int)t->n; i++) {
        to[i] = (struct fr_value){.type = t->column[i].type};
        if (to[i].type == FR_VALUE_INT) {
            to[i].number = sqlite3_column_int64(stmt, i);
        } else {
            const void *octets = sqlite3_column_blob(stmt, i);
            int len = sqlite3_column_bytes(stmt, i);

            to[i].octets = fr_slice_of(octets, octets ? (size_t)len : 0);
        }
    }
}

static enum fr_code list(struct fr_sqlite *s, const struct fr_value *after,
                         size_t limit, struct fr_rows *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) sql = FR_BUF_INIT(4096);
    FR_AUTO_CLEAR(text_stmt) t = {0};
    size_t n_keys = after ? ret->table->n_keys : 0;
    struct fr_value row[FR_COLUMNS_MAX];
    int rc;

    fr_rows_select(ret->table, !after, '?', &sql);
    FR_TRY(prepare(s, &sql, &t, err));
    FR_TRY(bind_all(&t, after, n_keys, err));
    if (sqlite3_bind_int64(t.stmt, (int)n_keys + 1, (int64_t)limit) != SQLITE_OK)
        return failed(s, err);
    while ((rc = sqlite3_step(t.stmt)) == SQLITE_ROW) {
        read_row(t.stmt, ret->table, row);
        FR_TRY(fr_rows_put(ret, row, err));
    }
    return rc == SQLITE_DONE ? FR_OK : failed(s, err);
}

static void rows_list(struct fr_store *store, const struct fr_value *after,
                      size_t limit, struct fr_rows *ret, struct fr_store_call call)
{
    struct fr_err err = {0};

    fr_sqlite_done(call, list(fr_sqlite_of(store), after, limit, ret, &err), &err);
}

/* Each row through one statement of n parameters. */
static enum fr_code each(struct fr_sqlite *s, const struct fr_buf *sql, size_t n,
                         const struct fr_rows *rows, struct fr_err *err)
{
    FR_AUTO_CLEAR(text_stmt) t = {0};
    struct fr_value row[FR_COLUMNS_MAX];

    FR_TRY(prepare(s, sql, &t, err));
    for (size_t i = 0; i < rows->n; i++) {
        fr_rows_values(rows, i, row);
        FR_TRY(bind_all(&t, row, n, err));
        if (sqlite3_step(t.stmt) != SQLITE_DONE || sqlite3_reset(t.stmt) != SQLITE_OK)
            return failed(s, err);
    }
    return FR_OK;
}

static void rows_add(struct fr_store *store, const struct fr_rows *rows,
                     struct fr_store_call call)
{
    FR_AUTO_CLEAR(buf) sql = FR_BUF_INIT(4096);
    struct fr_err err = {0};

    fr_rows_insert(rows->table, '?', &sql);
    fr_sqlite_done(call, each(fr_sqlite_of(store), &sql, rows->table->n, rows, &err),
                   &err);
}

static void rows_drop(struct fr_store *store, const struct fr_rows *rows,
                      struct fr_store_call call)
{
    FR_AUTO_CLEAR(buf) sql = FR_BUF_INIT(4096);
    struct fr_err err = {0};

    fr_rows_delete(rows->table, '?', &sql);
    fr_sqlite_done(
        call, each(fr_sqlite_of(store), &sql, rows->table->n_keys, rows, &err), &err);
}

/* A read transaction begins at its first read. */
static void snapshot(struct fr_store *store, struct fr_store_call call)
{
    struct fr_sqlite *s = fr_sqlite_of(store);
    struct fr_err err = {0};
    enum fr_code rc = FR_OK;

    if (sqlite3_exec(s->db, "BEGIN; SELECT 1 FROM meta LIMIT 1", NULL, NULL, NULL) !=
        SQLITE_OK)
        rc = failed(s, &err);
    fr_sqlite_done(call, rc, &err);
}

void fr_sqlite_rows_ops(struct fr_store_methods *m)
{
    m->snapshot = snapshot;
    m->rows_list = rows_list;
    m->rows_add = rows_add;
    m->rows_drop = rows_drop;
}

/* ---- whole files ---- */

/* Its failures leave the codes that a caller of clone is told of. */
static enum fr_code open_to_read(const char *path, sqlite3 **ret, struct fr_err *err)
{
    int rc;

    if (access(path, F_OK) != 0)
        return FR_FAIL(err, FR_ENOTFOUND, "%s: %s", path, strerror(errno));
    rc = sqlite3_open_v2(
        path, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
        NULL);
    if (rc != SQLITE_OK)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", path, sqlite3_errstr(rc));
    (void)sqlite3_busy_timeout(*ret, 5000);
    return FR_OK;
}

static int number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int n = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return n;
}

static enum fr_code check_is_store(sqlite3 *db, const char *path, bool is_older_fine,
                                   struct fr_err *err)
{
    int version = number_of(db, "SELECT COALESCE(MAX(version), 0) FROM schema_version");

    if (version <= 0 ||
        number_of(db, "SELECT COUNT(*) FROM meta WHERE name = 'kek'") < 0)
        return FR_FAIL_AS(err, FR_EPARSE, "not-a-store",
                          "%s is no fieldrootd store: %s", path,
                          version < 0 ? sqlite3_errmsg(db) : "its tables are missing");
    if (version > fr_sql_schema_version)
        return FR_FAIL_AS(err, FR_ESTORE, "schema-newer",
                          "a newer fieldrootd made %s (schema %d, this one knows %d): "
                          "use that version",
                          path, version, fr_sql_schema_version);
    if (version < fr_sql_schema_version && !is_older_fine)
        return FR_FAIL_AS(err, FR_ESTORE, "schema-older",
                          "an older fieldrootd made %s (schema %d, this one has %d): "
                          "start this version on it once, which brings it up to date",
                          path, version, fr_sql_schema_version);
    return FR_OK;
}

enum fr_code fr_sqlite_open_to_read(struct fr_sqlite *s, const char *path,
                                    struct fr_err *err)
{
    FR_TRY(open_to_read(path, &s->db, err));
    return check_is_store(s->db, path, false, err);
}

static enum fr_code make_new(const char *path, struct fr_err *err)
{
    FR_AUTO_FD(fd) =
        open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno == EEXIST)
        return FR_FAIL_AS(err, FR_ECONFLICT, "file-exists",
                          "%s is there already, and is not overwritten", path);
    if (fd < 0)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", path, strerror(errno));
    return FR_OK;
}

/* In one step: all pages of one moment, while others go on writing. */
static enum fr_code copy_pages(sqlite3 *from, sqlite3 *to, struct fr_err *err)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int rc = b ? sqlite3_backup_step(b, -1) : sqlite3_errcode(to);

    (void)sqlite3_backup_finish(b);
    if (rc != SQLITE_DONE)
        return FR_FAIL(err, FR_ESTORE, "copying the database: %s", sqlite3_errstr(rc));
    return FR_OK;
}

/* One file and nothing beside it; a store that is opened to serve is WAL again. */
static enum fr_code finish_file(sqlite3 *to, const char *path, struct fr_err *err)
{
    if (sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", path, sqlite3_errmsg(to));
    if (number_of(to, "SELECT integrity_check = 'ok' FROM pragma_integrity_check(1)") !=
            1 ||
        number_of(to, "SELECT COUNT(*) FROM pragma_foreign_key_check") != 0)
        return FR_FAIL_AS(err, FR_ESTORE, "database-damaged",
                          "the database is damaged: restore a backup that is whole");
    return FR_OK;
}

static enum fr_code clone_into(sqlite3 *from, const char *path, struct fr_err *err)
{
    sqlite3 *to = NULL;
    enum fr_code rc = FR_OK;

    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK)
        rc =
            FR_FAIL(err, FR_ESTORE, "%s: %s", path, to ? sqlite3_errmsg(to) : "memory");
    if (rc == FR_OK)
        rc = copy_pages(from, to, err);
    if (rc == FR_OK)
        rc = finish_file(to, path, err);
    (void)sqlite3_close(to);
    return rc == FR_OK ? fr_dir_sync_of(path, err) : rc;
}

static enum fr_code clone_new(sqlite3 *from, const char *to, struct fr_err *err)
{
    char journal[4096];
    enum fr_code rc;

    FR_TRY(make_new(to, err));
    rc = clone_into(from, to, err);
    if (rc == FR_OK)
        return FR_OK;
    snprintf(journal, sizeof journal, "%s-journal", to);
    (void)unlink(to);
    (void)unlink(journal);
    return rc;
}

enum fr_code fr_store_sqlite_clone(const char *from, const char *to, struct fr_err *err)
{
    sqlite3 *db = NULL;
    enum fr_code rc = open_to_read(from, &db, err);

    if (rc == FR_OK)
        rc = check_is_store(db, from, true, err);
    if (rc == FR_OK)
        rc = clone_new(db, to, err);
    (void)sqlite3_close(db);
    return rc;
}

void fr_store_sqlite_settle(const char *path)
{
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        (void)sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    (void)sqlite3_close(db);
}
