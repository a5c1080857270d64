/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a store as one new file, followed from end to end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "server/store_tools/impl.h"

static enum fr_code check_absent(const char *file, struct fr_err *err)
{
    if (access(file, F_OK) != 0 && errno == ENOENT)
        return FR_OK;
    return FR_FAIL_AS(err, FR_ECONFLICT, "file-exists",
                      "%s is there already, and is not overwritten", file);
}

static enum fr_code read_back(const char *file, struct fr_store_summary *ret,
                              struct fr_err *err)
{
    FR_AUTO(store) *s = NULL;

    FR_TRY(fr_store_sqlite_read(file, &s, err));
    return fr_tool_summarise(s, ret, err);
}

/* Under its name only when it is whole. */
static enum fr_code publish(const char *part, const char *file, struct fr_err *err)
{
    if (renameat2(AT_FDCWD, part, AT_FDCWD, file, RENAME_NOREPLACE) != 0)
        return FR_FAIL(err, errno == EEXIST ? FR_ECONFLICT : FR_ESTORE, "%s: %s", file,
                       strerror(errno));
    return fr_dir_sync_of(file, err);
}

/* Row for row into a file of SQLite, whose log then goes into the one file. */
static enum fr_code copy_rows(const char *store, const char *file, struct fr_err *err)
{
    FR_AUTO(store) *from = NULL, *to = NULL;
    struct fr_copy_report report;

    FR_TRY(fr_tool_read(store, &from, err));
    FR_TRY(fr_store_sqlite_open(file, &to, err));
    return fr_store_copy(from, to, &report, err);
}

static enum fr_code clone_rows(const char *store, const char *part, struct fr_err *err)
{
    char rows[4200];
    enum fr_code rc;

    snprintf(rows, sizeof rows, "%s-rows", part);
    FR_TRY(check_absent(rows, err));
    rc = copy_rows(store, rows, err);
    if (rc == FR_OK)
        rc = fr_store_sqlite_clone(rows, part, err);
    fr_tool_remove(rows);
    return rc;
}

enum fr_code fr_store_backup(const char *store, const char *file,
                             struct fr_store_summary *ret, struct fr_err *err)
{
    char part[4096];
    enum fr_code rc;

    FR_TRY(check_absent(file, err));
    if (snprintf(part, sizeof part, "%s.part-%ld", file, (long)getpid()) >=
        (int)sizeof part)
        return FR_FAIL(err, FR_EUSAGE, "%s: the name is too long", file);
    if (fr_store_is_conninfo(store))
        FR_TRY(clone_rows(store, part, err));
    else
        FR_TRY(fr_store_sqlite_clone(store, part, err));
    rc = read_back(part, ret, err);
    if (rc == FR_OK)
        rc = publish(part, file, err);
    if (rc != FR_OK)
        (void)unlink(part);
    return rc;
}
