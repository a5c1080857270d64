/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock: which files, which TCP ports, which processes. The kernel's header may be
 * older than the kernel, so what this needs of it is written here (the interface is
 * fixed: Documentation/userspace-api/landlock.rst).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sandbox_calls.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

enum { ASK_VERSION = 1, RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2, NET_ABI = 4 };

enum fs_right {
    EXECUTE,
    WRITE_FILE,
    READ_FILE,
    READ_DIR,
    REMOVE_DIR,
    REMOVE_FILE,
    MAKE_CHAR,
    MAKE_DIR,
    MAKE_REG,
    MAKE_SOCK,
    MAKE_FIFO,
    MAKE_BLOCK,
    MAKE_SYM,
    REFER,    /* ABI 2 */
    TRUNCATE, /* ABI 3 */
    IOCTL_DEV /* ABI 5 */
};
#define BIT(n) (UINT64_C(1) << (n))

enum { BIND_TCP, CONNECT_TCP };             /* ABI 4 */
enum { SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL }; /* ABI 6 */

struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

struct port_rule {
    uint64_t allowed, port;
};

/* What each ABI knows, and how much of struct ruleset it takes. */
static const struct abi {
    int first;
    int fs_rights; /* the lowest so many */
    size_t size;
} abis[] = {
    {6, IOCTL_DEV + 1, 24}, {5, IOCTL_DEV + 1, 16}, {4, TRUNCATE + 1, 16},
    {3, TRUNCATE + 1, 8},   {2, REFER + 1, 8},      {1, MAKE_SYM + 1, 8},
};

int fr_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, ASK_VERSION);

    return abi > 0 ? (int)abi : 0;
}

static const struct abi *know(int version)
{
    const struct abi *a = abis;

    while (a->first > version)
        a++;
    return a;
}

/* All that is handled is forbidden, but for the rules. */
static struct ruleset forbid(const struct fr_sandbox *s, const struct abi *abi)
{
    struct ruleset r = {.fs = BIT(abi->fs_rights) - 1,
                        .net = BIT(BIND_TCP) | BIT(CONNECT_TCP),
                        .scoped = BIT(SCOPE_ABSTRACT_UNIX) | BIT(SCOPE_SIGNAL)};

    if (s->promises & FR_PROMISE(FR_MAY_CONNECT)) {
        r.net = BIT(BIND_TCP);
        r.scoped = BIT(SCOPE_SIGNAL);
    }
    return r;
}

static uint64_t rights_of(const struct fr_sandbox_path *p, bool is_folder)
{
    const uint64_t reads = BIT(READ_FILE) | BIT(READ_DIR);
    const uint64_t writes = BIT(WRITE_FILE) | BIT(TRUNCATE) | BIT(MAKE_REG) |
                            BIT(MAKE_DIR) | BIT(REMOVE_FILE) | BIT(REMOVE_DIR);
    const uint64_t of_files = BIT(READ_FILE) | BIT(WRITE_FILE) | BIT(TRUNCATE);
    uint64_t rights = reads | (p->write ? writes : 0);

    return is_folder ? rights : rights & of_files;
}

static enum fr_code add_path(int ruleset, uint64_t handled,
                             const struct fr_sandbox_path *p, struct fr_err *err)
{
    FR_AUTO_FD(fd) = open(p->path, O_PATH | O_CLOEXEC);
    struct path_rule rule = {.fd = fd};
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return FR_OK;
    if (fd < 0 || fstat(fd, &st) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "sandbox: %s: %s", p->path, strerror(errno));
    rule.allowed = rights_of(p, S_ISDIR(st.st_mode)) & handled;
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "sandbox: allowing %s: %s", p->path,
                       strerror(errno));
    return FR_OK;
}

static enum fr_code add_port(int ruleset, uint16_t port, struct fr_err *err)
{
    struct port_rule rule = {.allowed = BIT(CONNECT_TCP), .port = port};

    if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "sandbox: allowing port %u: %s", port,
                       strerror(errno));
    return FR_OK;
}

enum fr_code fr_landlock_enter(const struct fr_sandbox *s, int abi, struct fr_err *err)
{
    const struct abi *known = know(abi);
    struct ruleset r = forbid(s, known);
    FR_AUTO_FD(fd) = (int)syscall(SYS_landlock_create_ruleset, &r, known->size, 0);

    if (fd < 0)
        return FR_FAIL(err, FR_EINTERNAL, "sandbox: Landlock: %s", strerror(errno));
    for (size_t i = 0; i < s->n_paths; i++)
        FR_TRY(add_path(fd, r.fs, &s->paths[i], err));
    if (abi >= NET_ABI && (s->promises & FR_PROMISE(FR_MAY_DIAL)) &&
        (r.net & BIT(CONNECT_TCP)))
        FR_TRY(add_port(fd, s->dial_port, err));
    if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "sandbox: entering Landlock: %s",
                       strerror(errno));
    return FR_OK;
}
