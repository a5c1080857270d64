/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system call filter. What is not promised is forbidden; what no promise knows
 * because it is newer than this file does not exist (ENOSYS), so that a newer C library
 * falls back to what it did before.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sandbox_calls.h"

enum {
    /* From here on, numbers are the same on all machines (Linux 5.1). */
    SHARED_FIRST = 424,
    SHARED_LAST = 511,
    KILL_PROCESS_LEVEL = 3, /* of libseccomp's API: Linux 4.14 */
    TREE = 2
};

/* The filter in the making; the first failure stays. */
struct filter {
    scmp_filter_ctx ctx;
    int failed; /* -errno */
};

bool fr_seccomp_is_there(void)
{
    return seccomp_api_get() >= KILL_PROCESS_LEVEL;
}

static void note(struct filter *f, int rc)
{
    /* The same rule twice, or a call that this machine does not have. */
    if (rc == -EEXIST || rc == -EDOM)
        rc = 0;
    if (f->failed == 0)
        f->failed = rc;
}

static void allow_if(struct filter *f, int call, struct scmp_arg_cmp test)
{
    note(f, seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, call, 1, &test));
}

static struct scmp_arg_cmp equal(unsigned arg, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_EQ, .datum_a = value};
}

static void allow_values(struct filter *f, int call, unsigned arg,
                         const unsigned long *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        allow_if(f, call, equal(arg, values[i]));
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- calls that are allowed with some arguments only */

/* Never code that was not in the program's file. */
static void allow_data_pages(struct filter *f, int call)
{
    allow_if(f, call, SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Not the ones that aim signals at other processes. */
static void allow_fcntl(struct filter *f, int call)
{
    static const unsigned long commands[] = {
        F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,  F_SETFD,     F_GETFL,     F_SETFL,
        F_GETLK, F_SETLK,         F_SETLKW, F_OFD_GETLK, F_OFD_SETLK,
    };

    allow_values(f, call, 1, commands, COUNT(commands));
}

static void allow_ioctl(struct filter *f, int call)
{
    static const unsigned long requests[] = {FIONREAD, FIONBIO, TCGETS};

    allow_values(f, call, 1, requests, COUNT(requests));
}

/* To whom it is connected already: with an address and MSG_FASTOPEN, it would connect,
 * which Landlock does not see. */
static void allow_no_address(struct filter *f, int call)
{
    allow_if(f, call, equal(4, 0));
}

/* abort() is one that everybody may call. */
static void allow_own_end(struct filter *f, int call)
{
    allow_if(f, call, equal(0, (scmp_datum_t)getpid()));
}

/* TCP of the internet only: not MPTCP, SCTP or SMC, which Landlock does not see. */
static void allow_tcp_socket(struct filter *f, int call)
{
    static const scmp_datum_t families[] = {AF_INET, AF_INET6};
    const scmp_datum_t flags = SOCK_CLOEXEC | SOCK_NONBLOCK;

    for (size_t i = 0; i < COUNT(families); i++) {
        const struct scmp_arg_cmp tests[] = {
            equal(0, families[i]),
            SCMP_CMP(1, SCMP_CMP_MASKED_EQ, ~flags, SOCK_STREAM),
            equal(2, 0),
        };

        note(f,
             seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, call, COUNT(tests), tests));
    }
}

static const struct narrow {
    const char *name;
    void (*allow)(struct filter *f, int call);
    unsigned wide_with; /* promises with which it is allowed as it is */
} narrows[] = {
    {"mmap", allow_data_pages,
     FR_PROMISE(FR_MAY_CONNECT) | FR_PROMISE(FR_MAY_SUPERVISE)},
    {"mmap2", allow_data_pages,
     FR_PROMISE(FR_MAY_CONNECT) | FR_PROMISE(FR_MAY_SUPERVISE)},
    {"mprotect", allow_data_pages,
     FR_PROMISE(FR_MAY_CONNECT) | FR_PROMISE(FR_MAY_SUPERVISE)},
    {"fcntl", allow_fcntl, FR_PROMISE(FR_MAY_SUPERVISE)},
    {"ioctl", allow_ioctl, FR_PROMISE(FR_MAY_SUPERVISE)},
    {"sendto", allow_no_address, FR_PROMISE(FR_MAY_CONNECT)},
    {"socket", allow_tcp_socket, FR_PROMISE(FR_MAY_CONNECT)},
    {"tgkill", allow_own_end, FR_PROMISE(FR_MAY_SUPERVISE)},
};

static const struct narrow *narrow_of(const char *name, unsigned promises)
{
    for (size_t i = 0; i < COUNT(narrows); i++) {
        if (strcmp(narrows[i].name, name) == 0)
            return narrows[i].wide_with & promises ? NULL : &narrows[i];
    }
    return NULL;
}

/* --- the whole */

static void allow(struct filter *f, const char *name, unsigned promises)
{
    const struct narrow *narrow = narrow_of(name, promises);
    int call = seccomp_syscall_resolve_name(name);

    if (call == __NR_SCMP_ERROR)
        return;
    if (narrow)
        narrow->allow(f, call);
    else
        note(f, seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, call, 0, NULL));
}

static void fill(struct filter *f, const struct fr_sandbox *s)
{
    for (int p = 0; p < FR_N_PROMISES; p++) {
        for (const char *const *name = fr_sandbox_calls[p];
             (s->promises & FR_PROMISE(p)) && *name; name++)
            allow(f, *name, s->promises);
    }
    for (int call = SHARED_FIRST; call <= SHARED_LAST; call++)
        note(f, seccomp_rule_add_array(f->ctx, SCMP_ACT_ERRNO(ENOSYS), call, 0, NULL));
    note(f, seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_OPTIMIZE, TREE));
}

enum fr_code fr_seccomp_enter(const struct fr_sandbox *s, struct fr_err *err)
{
    struct filter f = {
        .ctx = seccomp_init(s->fatal ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM))};

    if (!f.ctx)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a system call filter");
    fill(&f, s);
    note(&f, f.failed ? f.failed : seccomp_load(f.ctx));
    seccomp_release(f.ctx);
    if (f.failed)
        return FR_FAIL(err, FR_EINTERNAL, "setting the system call filter: %s",
                       strerror(-f.failed));
    return FR_OK;
}
