/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox_calls.h"

struct fr_sandbox_support fr_sandbox_probe(void)
{
    return (struct fr_sandbox_support){.seccomp = fr_seccomp_is_there(),
                                       .landlock = fr_landlock_abi()};
}

enum fr_code fr_sandbox_enter(const struct fr_sandbox *s,
                              const struct fr_sandbox_support *support,
                              struct fr_err *err)
{
    /* Landlock first: the filter forbids its system calls. */
    if (support->landlock > 0)
        FR_TRY(fr_landlock_enter(s, support->landlock, err));
    return support->seccomp ? fr_seccomp_enter(s, err) : FR_OK;
}

static bool is_now(uid_t uid, gid_t gid)
{
    uid_t r, e, saved;
    gid_t gr, ge, gsaved;

    return getresuid(&r, &e, &saved) == 0 && getresgid(&gr, &ge, &gsaved) == 0 &&
           r == uid && e == uid && saved == uid && gr == gid && ge == gid &&
           gsaved == gid && getgroups(0, NULL) == 0;
}

enum fr_code fr_sandbox_become(uid_t uid, gid_t gid, struct fr_err *err)
{
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0)
        return FR_FAIL(err, FR_ECONFIG, "becoming user %ld, group %ld: %s", (long)uid,
                       (long)gid, strerror(errno));
    /* There must be no way back. */
    if (!is_now(uid, gid) || (uid != 0 && setresuid(0, 0, 0) == 0))
        return FR_FAIL(err, FR_EINTERNAL, "becoming user %ld, group %ld has no effect",
                       (long)uid, (long)gid);
    return FR_OK;
}

static enum fr_code keep_capabilities(unsigned keep, struct fr_err *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &head, caps) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "capget: %s", strerror(errno));
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        caps[i].permitted &= i == 0 ? keep : 0;
        caps[i].effective &= caps[i].permitted;
        caps[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &head, caps) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "capset: %s", strerror(errno));
    return FR_OK;
}

enum fr_code fr_sandbox_drop(unsigned keep, struct fr_err *err)
{
    const struct rlimit none = {0, 0};

    FR_TRY(keep_capabilities(keep, err));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "giving up privileges: %s", strerror(errno));
    return FR_OK;
}
