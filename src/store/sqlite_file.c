/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's files as they are: looked at, and cloned. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/sqlite.h"

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

enum fr_code fr_sqlite_open_to_read(const char *path, sqlite3 **ret, struct fr_err *err)
{
    FR_TRY(open_to_read(path, ret, err));
    return check_is_store(*ret, path, false, err);
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
