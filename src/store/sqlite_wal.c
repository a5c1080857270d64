/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite writes its log by two small writes a page. This VFS is that of the system, but
 * for the log: what follows on is gathered, and written at once before anything else
 * is done with the file. A commit syncs the log before it counts, so a write that fails
 * there still fails the commit.
 */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite.h"

#define VFS_NAME "fieldroot"

enum { GATHERED_MAX = 127 * 1024 }; /* the VFS of Unix cannot write 128 KiB at once */

struct log_file {
    sqlite3_file super; /* first */
    sqlite3_file *real; /* behind this struct */
    uint8_t *gathered;
    sqlite3_int64 at; /* its place in the file */
    int len;
};

static struct log_file *of(sqlite3_file *f)
{
    return (struct log_file *)f;
}

/* What fails is told once, and gone: it fails the transaction that wrote it. */
static int flush(struct log_file *f)
{
    int len = f->len;

    f->len = 0;
    return len == 0 ? SQLITE_OK
                    : f->real->pMethods->xWrite(f->real, f->gathered, len, f->at);
}

static int log_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    struct log_file *f = of(file);
    int rc = SQLITE_OK;

    if (at != f->at + f->len || len > GATHERED_MAX - f->len)
        rc = flush(f);
    if (rc != SQLITE_OK || len > GATHERED_MAX)
        return rc != SQLITE_OK ? rc : f->real->pMethods->xWrite(f->real, data, len, at);
    if (f->len == 0)
        f->at = at;
    memcpy(f->gathered + f->len, data, (size_t)len);
    f->len += len;
    return SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    int rc = flush(of(file));

    return rc != SQLITE_OK
               ? rc
               : of(file)->real->pMethods->xRead(of(file)->real, to, len, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = flush(of(file));

    return rc != SQLITE_OK ? rc
                           : of(file)->real->pMethods->xTruncate(of(file)->real, size);
}

static int log_sync(sqlite3_file *file, int flags)
{
    int rc = flush(of(file));

    return rc != SQLITE_OK ? rc
                           : of(file)->real->pMethods->xSync(of(file)->real, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    int rc = flush(of(file));

    return rc != SQLITE_OK ? rc
                           : of(file)->real->pMethods->xFileSize(of(file)->real, ret);
}

static int log_close(sqlite3_file *file)
{
    struct log_file *f = of(file);
    int failed = flush(f), rc = f->real->pMethods->xClose(f->real);

    free(f->gathered);
    f->gathered = NULL;
    return failed != SQLITE_OK ? failed : rc;
}

static int log_lock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xLock(of(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return of(file)->real->pMethods->xUnlock(of(file)->real, level);
}

static int log_is_locked(sqlite3_file *file, int *ret)
{
    return of(file)->real->pMethods->xCheckReservedLock(of(file)->real, ret);
}

static int log_control(sqlite3_file *file, int op, void *arg)
{
    return of(file)->real->pMethods->xFileControl(of(file)->real, op, arg);
}

static int log_sector(sqlite3_file *file)
{
    return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

static int log_traits(sqlite3_file *file)
{
    return of(file)->real->pMethods->xDeviceCharacteristics(of(file)->real);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_is_locked,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_traits,
};

/* pMethods stays NULL where SQLite shall not close what was not opened. */
static int open_log(sqlite3_vfs *real, const char *name, struct log_file *f, int flags,
                    int *ret_flags)
{
    int rc;

    *f = (struct log_file){.real = (sqlite3_file *)(f + 1),
                           .gathered = malloc(GATHERED_MAX)};
    if (!f->gathered)
        return SQLITE_NOMEM;
    memset(f->real, 0, (size_t)real->szOsFile);
    rc = real->xOpen(real, name, f->real, flags, ret_flags);
    if (rc == SQLITE_OK) {
        f->super.pMethods = &log_methods;
        return SQLITE_OK;
    }
    if (f->real->pMethods)
        (void)f->real->pMethods->xClose(f->real);
    free(f->gathered);
    return rc;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL); /* ours is not the default */

    (void)vfs;
    if (flags & SQLITE_OPEN_WAL)
        return open_log(real, name, of(file), flags, ret_flags);
    return real->xOpen(real, name, file, flags, ret_flags);
}

const char *fr_sqlite_vfs(void)
{
    static sqlite3_vfs ours; /* SQLite keeps a list of them */
    const sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    if (ours.zName || !real)
        return ours.zName;
    ours = *real;
    ours.pNext = NULL;
    ours.zName = VFS_NAME;
    ours.szOsFile += (int)sizeof(struct log_file);
    ours.xOpen = vfs_open;
    if (sqlite3_vfs_register(&ours, 0) != SQLITE_OK)
        ours.zName = NULL;
    return ours.zName; /* NULL: that of the system, which is as good */
}
