/* SPDX-License-Identifier: Apache-2.0 */
#include "server/policy.h"

#include <libgen.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

enum { PATHS_MAX = 8, LANDLOCK_TCP = 4, LANDLOCK_SIGNALS = 6 };

#define RUN      FR_PROMISE(FR_MAY_RUN)
#define TALK     FR_PROMISE(FR_MAY_TALK)
#define TAKE_FDS FR_PROMISE(FR_MAY_RECEIVE_FDS)
#define ACCEPT   FR_PROMISE(FR_MAY_ACCEPT)
#define FILES    FR_PROMISE(FR_MAY_USE_FILES)
#define DIAL     FR_PROMISE(FR_MAY_DIAL)
#define CONNECT  FR_PROMISE(FR_MAY_CONNECT)
#define PARENT   FR_PROMISE(FR_MAY_SUPERVISE)

/* The vault and the parent outlive a mistake: without them nobody is served. */
static const struct fr_policy policies[FR_N_POLICIES] = {
    [FR_WORKER_ENROL] = {RUN | TALK | ACCEPT, true, FR_AS_USER},
    [FR_WORKER_FETCH] = {RUN | TALK | ACCEPT, true, FR_AS_USER},
    [FR_WORKER_DISCOVERY] = {RUN | TALK | ACCEPT, true, FR_AS_USER},
    [FR_WORKER_ADMIN] = {RUN | TALK | ACCEPT, true, FR_AS_USER},
    [FR_WORKER_GBA] = {RUN | TALK | ACCEPT, true, FR_AS_USER},
    [FR_WORKER_HSS] = {RUN | TALK | DIAL, true, FR_AS_USER},
    [FR_CHILD_SIGNER] = {RUN | TALK | TAKE_FDS, true, FR_AS_SIGNER_USER},
    [FR_CHILD_VAULT] = {RUN | TALK | TAKE_FDS | FILES, false, FR_AS_VAULT_USER},
    [FR_POLICY_PARENT] = {RUN | TALK | TAKE_FDS | ACCEPT | FILES | PARENT, false,
                          FR_AS_STARTED},
};

const struct fr_policy *fr_policy_of(int kind)
{
    return &policies[kind];
}

const char *fr_policy_name(int kind)
{
    return kind == FR_POLICY_PARENT ? "parent" : fr_child_name(kind);
}

/* --- support */

static const char *missing_part(const struct fr_sandbox_support *s)
{
    if (!s->seccomp)
        return "seccomp, which forbids system calls";
    if (s->landlock == 0)
        return "Landlock, which forbids files";
    if (s->landlock < LANDLOCK_TCP)
        return "a Landlock that forbids TCP (ABI 4)";
    return s->landlock < LANDLOCK_SIGNALS ? "a Landlock that forbids signals (ABI 6)"
                                          : NULL;
}

enum fr_code fr_policy_probe(const struct fr_server_config *c,
                             struct fr_sandbox_support *ret, struct fr_err *err)
{
    struct fr_sandbox_support s = {0};
    const char *missing = "every part of it: sandbox = off";

    if (c->sandbox != FR_SANDBOX_OFF) {
        s = fr_sandbox_probe();
        missing = missing_part(&s);
    }
    if (c->sandbox == FR_SANDBOX_REQUIRED && (!s.seccomp || s.landlock == 0))
        return FR_FAIL_AS(
            err, FR_ECONFIG, "sandbox-missing",
            "sandbox = required, but this kernel, or the container around "
            "it, lacks %s: allow it, or give sandbox = auto",
            missing);
    if (missing)
        fr_log(FR_LOG_WARN, "the sandbox lacks %s", missing);
    *ret = s;
    return FR_OK;
}

/* --- who */

/* Files of other owners, at a reload; its children's users, and their end. */
static unsigned parents_capabilities(void)
{
    return 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER |
           1u << CAP_KILL | 1u << CAP_SETGID | 1u << CAP_SETUID | 1u << CAP_IPC_LOCK |
           1u << CAP_SYS_RESOURCE;
}

static const struct fr_user *user_of(const struct fr_server_config *c, int kind)
{
    switch (policies[kind].user) {
    case FR_AS_VAULT_USER:
        return &c->vault_user;
    case FR_AS_SIGNER_USER:
        return &c->signer_user;
    case FR_AS_USER:
        return &c->user;
    case FR_AS_STARTED:
        break;
    }
    return NULL;
}

enum fr_code fr_policy_drop(const struct fr_server_config *c, int kind,
                            struct fr_err *err)
{
    const struct fr_user *user = user_of(c, kind);

    if (user && user->name && geteuid() == 0)
        FR_TRY(fr_err_wrap(err, fr_sandbox_become(user->uid, user->gid, err),
                           "user = \"%s\"", user->name));
    return fr_sandbox_drop(kind == FR_POLICY_PARENT ? parents_capabilities() : 0, err);
}

/* --- what */

struct paths {
    struct fr_sandbox_path path[PATHS_MAX];
    size_t n;
    char *folder[PATHS_MAX]; /* copies */
};

static void clear_paths(struct paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->folder[i]);
}

static enum fr_code add(struct paths *p, const char *path, bool write,
                        struct fr_err *err)
{
    FR_TRY(fr_str_dup(path, &p->folder[p->n], err));
    p->path[p->n] = (struct fr_sandbox_path){p->folder[p->n], write};
    p->n++;
    return FR_OK;
}

/* A file that is replaced is a new one: its folder counts. */
static enum fr_code add_folder_of(struct paths *p, const char *file, struct fr_err *err)
{
    FR_AUTO_STR(copy) = NULL;

    FR_TRY(fr_str_dup(file, &copy, err));
    return add(p, dirname(copy), true, err);
}

static enum fr_code fill(struct paths *p, const struct fr_server_config *c, int kind,
                         struct fr_err *err)
{
    if (!(policies[kind].promises & FILES))
        return FR_OK;
    FR_TRY(add(p, c->state, true, err));
    FR_TRY(add_folder_of(p, c->kek, err));
    /* Names, certificates and passwords of a PostgreSQL; a reload's files. */
    if (kind == FR_POLICY_PARENT || fr_server_config_connects(c))
        FR_TRY(add(p, "/", false, err));
    if (kind != FR_POLICY_PARENT)
        return FR_OK;
    FR_TRY(add(p, c->run_dir, true, err));
    return c->admin_socket ? add_folder_of(p, c->admin_socket, err) : FR_OK;
}

/* What the config adds to the table. The parent's sandbox holds its children too. */
static unsigned promises_of(const struct fr_server_config *c, int kind)
{
    unsigned promises = policies[kind].promises;

    if ((promises & FILES) && fr_server_config_connects(c))
        promises |= CONNECT;
    if (kind == FR_POLICY_PARENT && c->gba.hlr)
        promises |= DIAL;
    return promises;
}

enum fr_code fr_policy_enter(const struct fr_server_config *c, int kind,
                             const struct fr_sandbox_support *support,
                             struct fr_err *err)
{
    const struct fr_policy *policy = &policies[kind];
    struct paths paths = {0};
    struct fr_sandbox s = {.promises = promises_of(c, kind),
                           .fatal = policy->fatal,
                           .dial_port = fr_gba_hlr_port(&c->gba)};
    enum fr_code rc = fill(&paths, c, kind, err);

    s.paths = paths.path;
    s.n_paths = paths.n;
    if (rc == FR_OK)
        rc = fr_sandbox_enter(&s, support, err);
    clear_paths(&paths);
    return rc;
}
