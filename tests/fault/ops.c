/* SPDX-License-Identifier: Apache-2.0 */
#undef _FILE_OFFSET_BITS /* it would make open() and open64() one name */
#include "ops.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { FDS = 1024, LOG_FD = 900, PATH_MAX_OURS = 256, NS = 1000000000 };

static struct ops_control *control;
static char process_name[OPS_NAME_MAX];
static const char *root;
static size_t root_len;
static int log_fd = -1;
static int64_t haste = 1;
static struct timespec began;

/* Files below root that are open; "": none. */
static struct {
    char path[PATH_MAX_OURS];
} opened[FDS];

/* The next definition of the function that we stand in for. */
#define REAL(name)                                                                     \
    __extension__({                                                                    \
        static __typeof__(&name) real;                                                 \
        if (!real)                                                                     \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                 \
        real;                                                                          \
    })

/* ---- set-up ---- */

static void map_control(void)
{
    const char *path = getenv("OPS_CONTROL");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED)
        control = NULL;
    syscall(SYS_close, fd);
}

static void open_log(void)
{
    const char *path = getenv("OPS_LOG");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path,
                                 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)
                  : -1;

    if (fd < 0)
        return;
    log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
    syscall(SYS_close, fd);
}

static void __attribute__((constructor)) set_up(void)
{
    const char *name = getenv("OPS_PROCESS"), *times = getenv("OPS_HASTE");

    map_control();
    open_log();
    if (name)
        snprintf(process_name, sizeof process_name, "%s", name);
    root = getenv("OPS_ROOT");
    root_len = root ? strlen(root) : 0;
    syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &began);
    if (times && atoi(times) > 0)
        haste = atoi(times);
}

/* ---- counting, and the end ---- */

static void __attribute__((noreturn)) die(void)
{
    control->fired = 1;
    syscall(SYS_kill, control->group ? 0 : getpid(), SIGKILL);
    for (;;) /* a filter forbids it: an end without any tidying all the same */
        syscall(SYS_exit_group, 128 + SIGKILL);
}

/* Before an operation. Returns its number; 0: it does not count. */
static uint32_t enter(enum ops_kind kind)
{
    uint32_t n;

    if (!control || strncmp(control->process, process_name, OPS_NAME_MAX) != 0)
        return 0;
    n = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    if (n <= OPS_KINDS_MAX)
        control->kinds[n - 1] = (uint8_t)kind;
    if (n == control->n && !control->after && !control->fired)
        die();
    return n;
}

static void leave(uint32_t n)
{
    if (n && n == control->n && control->after && !control->fired)
        die();
}

/* ---- what belongs to us ---- */

static bool is_below_root(const char *path)
{
    return root_len && strncmp(path, root, root_len) == 0 && path[root_len] == '/';
}

static const char *path_of(int fd)
{
    return fd >= 0 && fd < FDS && opened[fd].path[0] ? opened[fd].path : NULL;
}

static void note_opened(int fd, const char *path)
{
    if (fd >= 0 && fd < FDS)
        snprintf(opened[fd].path, PATH_MAX_OURS, "%s", is_below_root(path) ? path : "");
}

static bool is_socket(int fd)
{
    struct stat st;

    return !path_of(fd) && fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool has_input(int fd)
{
    uint8_t octet;

    return recvfrom(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) > 0;
}

/* ---- the log ---- */

struct entry {
    enum ops_kind kind;
    const char *path, *path2;
    bool is_directory;
    int64_t offset;
    const void *data;
    size_t len;
};

/* One write: records of several processes do not mix. */
static void record(const struct entry *e)
{
    struct ops_record r = {.kind = (uint8_t)e->kind,
                           .is_directory = e->is_directory,
                           .path_len = e->path ? (uint16_t)strlen(e->path) : 0,
                           .path2_len = e->path2 ? (uint16_t)strlen(e->path2) : 0,
                           .process_len = (uint16_t)strlen(process_name),
                           .data_len = (uint32_t)e->len,
                           .offset = e->offset};
    struct iovec parts[] = {{&r, sizeof r},
                            {process_name, r.process_len},
                            {(void *)e->path, r.path_len},
                            {(void *)e->path2, r.path2_len},
                            {(void *)e->data, e->len}};
    int was = errno;

    if (log_fd >= 0)
        syscall(SYS_writev, log_fd, parts, sizeof parts / sizeof parts[0]);
    errno = was;
}

/* Where a write() at the file's own position goes. */
static int64_t position(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    struct stat st;

    if (flags >= 0 && (flags & O_APPEND) && fstat(fd, &st) == 0)
        return st.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

/* ---- writing ---- */

static ssize_t write_file(int fd, const void *data, size_t len, int64_t offset,
                          bool at_offset)
{
    int64_t at = at_offset ? offset : position(fd);
    uint32_t n = enter(OPS_WRITE);
    ssize_t rc =
        at_offset ? REAL(pwrite64)(fd, data, len, offset) : REAL(write)(fd, data, len);

    if (rc > 0)
        record(&(struct entry){.kind = OPS_WRITE,
                               .path = path_of(fd),
                               .offset = at,
                               .data = data,
                               .len = (size_t)rc});
    leave(n);
    return rc;
}

static ssize_t send_by(int fd, const void *data, size_t len, int flags, bool is_write)
{
    uint32_t n = enter(OPS_SEND);
    ssize_t rc =
        is_write ? REAL(write)(fd, data, len) : REAL(send)(fd, data, len, flags);

    if (rc > 0)
        record(&(struct entry){.kind = OPS_SEND});
    leave(n);
    return rc;
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
    if (path_of(fd))
        return write_file(fd, data, len, 0, false);
    if (is_socket(fd))
        return send_by(fd, data, len, 0, true);
    return REAL(write)(fd, data, len);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
    if (path_of(fd))
        return write_file(fd, data, len, offset, true);
    return REAL(pwrite64)(fd, data, len, offset);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    return pwrite64(fd, data, len, offset);
}

/* On a file it would be one operation of several parts: nothing of ours does that. */
EXPORT ssize_t writev(int fd, const struct iovec *parts, int n_parts)
{
    uint32_t n;
    ssize_t rc;

    if (path_of(fd))
        abort();
    if (!is_socket(fd))
        return REAL(writev)(fd, parts, n_parts);
    n = enter(OPS_SEND);
    rc = REAL(writev)(fd, parts, n_parts);
    record(&(struct entry){.kind = OPS_SEND});
    leave(n);
    return rc;
}

EXPORT ssize_t send(int fd, const void *data, size_t len, int flags)
{
    return send_by(fd, data, len, flags, false);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    uint32_t n = enter(OPS_SEND);
    ssize_t rc = REAL(sendmsg)(fd, message, flags);

    record(&(struct entry){.kind = OPS_SEND});
    leave(n);
    return rc;
}

/* ---- receiving ---- */

EXPORT ssize_t read(int fd, void *to, size_t len)
{
    uint32_t n = is_socket(fd) && has_input(fd) ? enter(OPS_RECEIVE) : 0;
    ssize_t rc = REAL(read)(fd, to, len);

    leave(n);
    return rc;
}

EXPORT ssize_t readv(int fd, const struct iovec *parts, int n_parts)
{
    uint32_t n = is_socket(fd) && has_input(fd) ? enter(OPS_RECEIVE) : 0;
    ssize_t rc = REAL(readv)(fd, parts, n_parts);

    leave(n);
    return rc;
}

EXPORT ssize_t recv(int fd, void *to, size_t len, int flags)
{
    uint32_t n = has_input(fd) ? enter(OPS_RECEIVE) : 0;
    ssize_t rc = REAL(recv)(fd, to, len, flags);

    leave(n);
    return rc;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    uint32_t n = has_input(fd) ? enter(OPS_RECEIVE) : 0;
    ssize_t rc = REAL(recvmsg)(fd, message, flags);

    leave(n);
    return rc;
}

/* ---- files and folders ---- */

static int sync_file(int fd, bool data_only)
{
    const char *path = path_of(fd);
    struct stat st;
    uint32_t n;
    int rc;

    if (!path)
        return data_only ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
    n = enter(OPS_SYNC);
    rc = data_only ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
    if (rc == 0)
        record(&(struct entry){.kind = OPS_SYNC,
                               .path = path,
                               .is_directory =
                                   fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)});
    leave(n);
    return rc;
}

EXPORT int fsync(int fd)
{
    return sync_file(fd, false);
}

EXPORT int fdatasync(int fd)
{
    return sync_file(fd, true);
}

EXPORT int ftruncate64(int fd, off64_t len)
{
    uint32_t n = path_of(fd) ? enter(OPS_TRUNCATE) : 0;
    int rc = REAL(ftruncate64)(fd, len);

    if (rc == 0 && path_of(fd))
        record(
            &(struct entry){.kind = OPS_TRUNCATE, .path = path_of(fd), .offset = len});
    leave(n);
    return rc;
}

EXPORT int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}

EXPORT int rename(const char *from, const char *to)
{
    uint32_t n = is_below_root(to) ? enter(OPS_RENAME) : 0;
    int rc = REAL(rename)(from, to);

    if (rc == 0 && is_below_root(to))
        record(&(struct entry){.kind = OPS_RENAME, .path = from, .path2 = to});
    leave(n);
    return rc;
}

EXPORT int unlink(const char *path)
{
    uint32_t n = is_below_root(path) && access(path, F_OK) == 0 ? enter(OPS_REMOVE) : 0;
    int rc = REAL(unlink)(path);

    if (rc == 0 && is_below_root(path))
        record(&(struct entry){.kind = OPS_REMOVE, .path = path});
    leave(n);
    return rc;
}

/* remove_leftovers() of the device: relative to a folder that opendir() has opened. */
EXPORT int unlinkat(int dir, const char *name, int flags)
{
    char folder[PATH_MAX_OURS], path[2 * PATH_MAX_OURS], link[64];
    uint32_t n;
    ssize_t len;
    int rc;

    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    len = name[0] == '/' ? 0 : readlink(link, folder, sizeof folder - 1);
    folder[len > 0 ? len : 0] = 0;
    snprintf(path, sizeof path, "%s%s%s", folder, len > 0 ? "/" : "", name);
    n = is_below_root(path) ? enter(OPS_REMOVE) : 0;
    rc = REAL(unlinkat)(dir, name, flags);
    if (rc == 0 && is_below_root(path))
        record(&(struct entry){.kind = OPS_REMOVE, .path = path});
    leave(n);
    return rc;
}

EXPORT int rmdir(const char *path)
{
    uint32_t n = is_below_root(path) ? enter(OPS_REMOVE) : 0;
    int rc = REAL(rmdir)(path);

    if (rc == 0 && is_below_root(path))
        record(&(struct entry){.kind = OPS_REMOVE, .path = path});
    leave(n);
    return rc;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    uint32_t n = is_below_root(path) && access(path, F_OK) != 0 ? enter(OPS_MKDIR) : 0;
    int rc = REAL(mkdir)(path, mode);

    if (rc == 0 && is_below_root(path))
        record(&(struct entry){.kind = OPS_MKDIR, .path = path});
    leave(n);
    return rc;
}

EXPORT int open64(const char *path, int flags, ...)
{
    bool creates = (flags & O_CREAT) && is_below_root(path) && access(path, F_OK) != 0;
    uint32_t n = creates ? enter(OPS_CREATE) : 0;
    mode_t mode = 0;
    va_list more;
    int fd;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    fd = REAL(open64)(path, flags, mode);
    note_opened(fd, path);
    if (fd >= 0 && creates)
        record(&(struct entry){.kind = OPS_CREATE, .path = path});
    if (fd >= 0 && !creates && (flags & O_TRUNC) && is_below_root(path))
        record(&(struct entry){.kind = OPS_TRUNCATE, .path = path});
    leave(n);
    return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list more;

    if (flags & (O_CREAT | O_TMPFILE)) {
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    return open64(path, flags, mode);
}

EXPORT int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        opened[fd].path[0] = 0;
    return fd >= 0 && fd == log_fd ? 0 : REAL(close)(fd);
}

/* ---- names and time ---- */

EXPORT int prctl(int option, ...)
{
    unsigned long a[4];
    va_list more;

    va_start(more, option);
    for (size_t i = 0; i < 4; i++)
        a[i] = va_arg(more, unsigned long);
    va_end(more);
    if (option == PR_SET_NAME) {
        snprintf(process_name, sizeof process_name, "%s", (const char *)a[0]);
        haste = 1;
    }
    return (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = REAL(clock_gettime)(clock, ret);
    int64_t past;

    if (rc != 0 || haste == 1 || clock != CLOCK_BOOTTIME)
        return rc;
    past = (int64_t)(ret->tv_sec - began.tv_sec) * NS + ret->tv_nsec - began.tv_nsec;
    past *= haste;
    ret->tv_sec = began.tv_sec + past / NS;
    ret->tv_nsec = past % NS;
    return rc;
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
    if (timeout > 0)
        timeout = (int)((timeout + haste - 1) / haste);
    return REAL(poll)(fds, n, timeout);
}
