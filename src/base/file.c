/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

enum { CHUNK = 16384 };

#define SCRAP ".tmp-" /* and the writer's pid */

enum fr_code fr_fd_read_all(int fd, const char *name, struct fr_buf *to,
                            struct fr_err *err)
{
    for (;;) {
        size_t room = to->max - to->len < CHUNK ? to->max - to->len : CHUNK;
        uint8_t extra = 0, *at = room ? fr_buf_reserve(to, room) : &extra;
        ssize_t n;

        if (!at)
            return fr_err_wrap(err, fr_buf_check(to, err), "reading %s", name);
        n = read(fd, at, room ? room : 1);
        if (n == 0)
            return FR_OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FR_FAIL(err, FR_ESTORE, "reading %s: %s", name, strerror(errno));
        if (room == 0)
            return FR_FAIL_AS(err, FR_EPARSE, "too-large",
                              "%s is larger than the %zu octets allowed", name,
                              to->max);
        to->len += (size_t)n;
        to->data[to->len] = 0;
    }
}

enum fr_code fr_file_read(const char *path, struct fr_buf *to, struct fr_err *err)
{
    FR_AUTO_FD(fd) = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return FR_FAIL(err, FR_ENOTFOUND, "%s: no such file", path);
    if (fd < 0)
        return FR_FAIL(err, FR_ESTORE, "opening %s: %s", path, strerror(errno));
    return fr_fd_read_all(fd, path, to, err);
}

enum fr_code fr_file_read_regular(const char *path, struct fr_buf *to,
                                  struct fr_err *err)
{
    FR_AUTO_FD(fd) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return FR_FAIL(err, FR_ENOTFOUND, "%s: no such file", path);
    if (fd < 0 || fstat(fd, &st) != 0)
        return FR_FAIL(err, FR_ESTORE, "opening %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return FR_FAIL_AS(err, FR_EPARSE, "not-a-file", "%s is no regular file", path);
    return fr_fd_read_all(fd, path, to, err);
}

enum fr_code fr_fd_write_all(int fd, const char *name, struct fr_slice data,
                             struct fr_err *err)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.data, data.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FR_FAIL(err, FR_ESTORE, "writing %s: %s", name, strerror(errno));
        data.data += n;
        data.len -= (size_t)n;
    }
    return FR_OK;
}

enum fr_code fr_dir_sync_of(const char *path, struct fr_err *err)
{
    char copy[4096];
    const char *dir;

    snprintf(copy, sizeof copy, "%s", path);
    dir = dirname(copy);
    FR_AUTO_FD(fd) = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return FR_FAIL(err, FR_ESTORE, "syncing folder %s: %s", dir, strerror(errno));
    return FR_OK;
}

/* What lies there under the temporary name was left by a cut, or laid out by somebody
 * who wants to read along: neither is written into. */
static enum fr_code write_synced(const char *path, struct fr_slice data, mode_t mode,
                                 const struct stat *owner, struct fr_err *err)
{
    (void)unlink(path);
    FR_AUTO_FD(fd) =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return FR_FAIL(err, FR_ESTORE, "creating %s: %s", path, strerror(errno));
    if (fchmod(fd, mode) != 0)
        return FR_FAIL(err, FR_ESTORE, "mode of %s: %s", path, strerror(errno));
    if (owner && (owner->st_uid != geteuid() || owner->st_gid != getegid()) &&
        fchown(fd, owner->st_uid, owner->st_gid) != 0)
        return FR_FAIL(err, FR_ESTORE, "owner of %s: %s", path, strerror(errno));
    FR_TRY(fr_fd_write_all(fd, path, data, err));
    if (fsync(fd) != 0)
        return FR_FAIL(err, FR_ESTORE, "syncing %s: %s", path, strerror(errno));
    return FR_OK;
}

enum fr_code fr_file_rename(const char *from, const char *to, struct fr_err *err)
{
    if (rename(from, to) != 0)
        return FR_FAIL(err, FR_ESTORE, "renaming %s to %s: %s", from, to,
                       strerror(errno));
    return fr_dir_sync_of(to, err);
}

static enum fr_code replace(const char *path, struct fr_slice data, mode_t mode,
                            const struct stat *owner, struct fr_err *err)
{
    char tmp[4096];
    enum fr_code rc;

    if ((size_t)snprintf(tmp, sizeof tmp, "%s" SCRAP "%ld", path, (long)getpid()) >=
        sizeof tmp)
        return FR_FAIL(err, FR_ESTORE, "path too long: %s", path);
    rc = write_synced(tmp, data, mode, owner, err);
    if (rc == FR_OK)
        rc = fr_file_rename(tmp, path, err);
    if (rc != FR_OK)
        (void)unlink(tmp);
    return rc;
}

enum fr_code fr_file_write_atomic(const char *path, struct fr_slice data, mode_t mode,
                                  struct fr_err *err)
{
    return replace(path, data, mode, NULL, err);
}

enum fr_code fr_file_replace(const char *path, struct fr_slice data, mode_t mode,
                             struct fr_err *err)
{
    struct stat was;

    return replace(path, data, mode, stat(path, &was) == 0 ? &was : NULL, err);
}

static bool is_scrap_of(const char *name, const char *scrap)
{
    size_t len = strlen(name);

    return strncmp(scrap, name, len) == 0 &&
           strncmp(scrap + len, SCRAP, sizeof SCRAP - 1) == 0;
}

static bool is_of_the_living(const char *scrap)
{
    uint64_t pid;

    return fr_uint_parse(fr_slice_str(strrchr(scrap, '-') + 1), INT32_MAX, &pid) &&
           pid > 0 && (pid_t)pid != getpid() &&
           (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

void fr_file_remove_scraps(const char *path, bool sole_writer)
{
    char folder[4096], last[4096];
    const char *name;
    const struct dirent *d;
    DIR *dir;

    snprintf(folder, sizeof folder, "%s", path);
    snprintf(last, sizeof last, "%s", path);
    name = basename(last);
    dir = opendir(dirname(folder));
    while (dir && (d = readdir(dir)) != NULL)
        if (is_scrap_of(name, d->d_name) &&
            (sole_writer || !is_of_the_living(d->d_name)))
            (void)unlinkat(dirfd(dir), d->d_name, 0);
    if (dir)
        (void)closedir(dir);
}

enum fr_code fr_file_remove(const char *path, struct fr_err *err)
{
    if (unlink(path) != 0) {
        if (errno == ENOENT)
            return FR_OK;
        return FR_FAIL(err, FR_ESTORE, "removing %s: %s", path, strerror(errno));
    }
    return fr_dir_sync_of(path, err);
}

static enum fr_code make_one_dir(const char *path, mode_t mode, struct fr_err *err)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return fr_dir_sync_of(path, err);
    if (errno != EEXIST)
        return FR_FAIL(err, FR_ESTORE, "creating folder %s: %s", path, strerror(errno));
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return FR_FAIL(err, FR_ESTORE, "creating folder %s: there is a file", path);
    return FR_OK;
}

enum fr_code fr_dir_make(const char *path, mode_t mode, struct fr_err *err)
{
    char part[4096];

    if (!*path || (size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return FR_FAIL(err, FR_ESTORE, "no path for a folder: \"%.64s\"", path);
    for (char *p = part + 1;; p++) {
        char was = *p;

        if (was != '/' && was != 0)
            continue;
        *p = 0;
        FR_TRY(make_one_dir(part, mode, err));
        *p = was;
        if (was == 0)
            return FR_OK;
    }
}

enum fr_code fr_file_check_private(const char *path, struct fr_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s", path, strerror(errno));
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return FR_FAIL_AS(
            err, FR_ECONFIG, "key-file-open",
            "%s holds a secret but others may read it (mode %03o): chmod 600 %s", path,
            (unsigned)st.st_mode & 0777u, path);
    return FR_OK;
}

enum fr_code fr_path_join(const char *dir, const char *name, char **ret,
                          struct fr_err *err)
{
    if (asprintf(ret, "%s/%s", dir, name) < 0) {
        *ret = NULL;
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    }
    return FR_OK;
}
