/* SPDX-License-Identifier: Apache-2.0 */
#include "server/parent/child.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/hss/hss.h"
#include "server/ipc/pass.h"
#include "server/policy.h"
#include "server/signer/signer.h"
#include "server/vault/vault.h"
#include "server/worker/worker.h"

enum { ADMIN_FQDNS_MAX = 256, SPARE_DESCRIPTORS = 512 };

static const char *const log_names[FR_CHILD_KINDS] = {
    [FR_WORKER_ENROL] = "fieldrootd: enrol",
    [FR_WORKER_FETCH] = "fieldrootd: fetch",
    [FR_WORKER_DISCOVERY] = "fieldrootd: discovery",
    [FR_WORKER_ADMIN] = "fieldrootd: admin",
    [FR_WORKER_GBA] = "fieldrootd: gba-bsf",
    [FR_WORKER_HSS] = "fieldrootd: hss",
    [FR_CHILD_VAULT] = "fieldrootd: vault",
    [FR_CHILD_SIGNER] = "fieldrootd: signer",
};

const char *fr_child_name(int kind)
{
    return log_names[kind] + strlen("fieldrootd: ");
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void close_foreign(const struct fr_child_setup *s)
{
    for (int t = 0; t < FR_N_WORKERS; t++) {
        if (t != s->kind)
            close_fd(s->listen_fd[t]);
    }
    for (int k = 0; k < FR_N_KEEPERS; k++)
        close_fd(s->control_fd[k]);
    close_fd(s->signal_fd);
    close_fd(s->ready_read_fd);
    close_fd(s->starter_fd);
    if (s->kind != FR_CHILD_VAULT)
        close_fd(s->lock_fd);
}

/* For ps -o comm, of at most 15 octets. */
static void set_title(int kind)
{
    char title[16];

    snprintf(title, sizeof title, "frd-%s", fr_child_name(kind));
    (void)prctl(PR_SET_NAME, title);
}

static void reset_signals(void)
{
    sigset_t none;

    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_IGN); /* ^C reaches the parent, which ends us in order */
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A change of user clears the parent-death signal: this comes after it. */
static enum fr_code die_with(pid_t parent, struct fr_err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "prctl: %s", strerror(errno));
    if (getppid() != parent)
        return FR_FAIL(err, FR_EINTERRUPTED, "the parent is gone");
    return FR_OK;
}

/* Connections, those that linger, and our own. */
static void raise_descriptors(const struct fr_server_config *c)
{
    rlim_t want = (rlim_t)c->limits.connections + SPARE_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < want)
        fr_log(FR_LOG_WARN,
               "connections = %ld needs %ld descriptors, and %ld are to be had",
               c->limits.connections, (long)want, (long)limit.rlim_cur);
}

/* /dev/urandom at jansson's first object, /etc/localtime at OpenSSL's first date. */
static void open_what_libraries_open_late(void)
{
    json_object_seed(0);
    tzset();
}

/* The last thing before work: nothing of a peer has been read yet. */
static enum fr_code begin(const struct fr_child_setup *s, struct fr_err *err)
{
    int fd = s->ready_fd;

    open_what_libraries_open_late();
    FR_TRY(fr_policy_enter(s->config, s->kind, s->support, err));
    if (write(fd, "r", 1) != 1)
        return FR_FAIL(err, FR_EINTERRUPTED, "the parent does not hear us");
    close(fd);
    return FR_OK;
}

/* --- vault */

static enum fr_code open_vault(const struct fr_server_config *c, const char **fqdns,
                               struct fr_vault **ret, struct fr_err *err)
{
    struct fr_vault_config config = {
        .database = c->database,
        .node = c->node,
        .instance_file = c->instance,
        .key_file = c->kek,
        .mef_fqdn = c->mef_fqdn,
        .admin_fqdns = fqdns,
        .expiry_max_s = c->expiry_max_s,
        .grace_s = c->grace_s,
        .confirmation_required = c->confirmation_required,
        .gba = {.lifetime_s = c->gba.lifetime_s,
                .hss_timeout_ms = c->gba.hss_timeout_ms,
                .vectors_per_minute = c->gba.vectors_per_minute,
                .akav2 = c->gba.akav2,
                .tmpi = c->gba.tmpi},
        .enrolments_per_minute = c->limits.enrolments_per_device,
    };
    size_t n = c->mef ? fr_conf_list_size(c->mef, "admin-fqdns") : 0;

    if (n > ADMIN_FQDNS_MAX)
        return FR_FAIL(err, FR_ECONFIG, "admin-fqdns: at most %d", ADMIN_FQDNS_MAX);
    for (size_t i = 0; i < n; i++)
        fqdns[i] = fr_conf_list_at(c->mef, "admin-fqdns", i);
    config.n_admin_fqdns = n;
    return fr_vault_open(&config, ret, err);
}

static enum fr_code run_vault(const struct fr_child_setup *s, pid_t parent,
                              struct fr_err *err)
{
    const char *fqdns[ADMIN_FQDNS_MAX];
    FR_AUTO(vault) *vault = NULL;

    /* Database and key file belong to the user that we become. */
    FR_TRY(fr_policy_drop(s->config, s->kind, err));
    FR_TRY(die_with(parent, err));
    FR_TRY(open_vault(s->config, fqdns, &vault, err));
    FR_TRY(begin(s, err));
    return fr_vault_run(vault, s->keeper_fd, err);
}

/* --- signer */

static enum fr_code run_signer(const struct fr_child_setup *s, pid_t parent,
                               struct fr_err *err)
{
    FR_AUTO(signer) *signer = NULL;

    FR_TRY(fr_signer_open(s->config, &signer, err));
    FR_TRY(fr_policy_drop(s->config, s->kind, err));
    FR_TRY(die_with(parent, err));
    FR_TRY(begin(s, err));
    return fr_signer_run(signer, s->keeper_fd, err);
}

/* --- worker */

static enum fr_code worker_is_ready(void *arg, struct fr_err *err)
{
    return begin(*(const struct fr_child_setup *const *)arg, err);
}

static enum fr_code run_worker(const struct fr_child_setup *s, const int lines[],
                               pid_t parent, struct fr_err *err)
{
    FR_AUTO(worker_process) *worker = NULL;
    const struct fr_worker_fds fds = {
        .listen = s->listen_fd[s->kind],
        .vault = lines[FR_KEEPER(FR_CHILD_VAULT)],
        .signer = lines[FR_KEEPER(FR_CHILD_SIGNER)],
        .flood = s->flood,
    };

    raise_descriptors(s->config);
    FR_TRY(fr_worker_prepare(s->config, (enum fr_worker)s->kind, &worker, err));
    FR_TRY(fr_policy_drop(s->config, s->kind, err));
    FR_TRY(die_with(parent, err));
    return fr_worker_run(worker, &fds, worker_is_ready, &s, err);
}

/* --- hss */

static enum fr_code run_hss(const struct fr_child_setup *s, const int lines[],
                            pid_t parent, struct fr_err *err)
{
    FR_AUTO(hss) *hss = NULL;

    FR_TRY(fr_hss_open(s->config, &hss, err));
    FR_TRY(fr_policy_drop(s->config, s->kind, err));
    FR_TRY(die_with(parent, err));
    FR_TRY(begin(s, err));
    return fr_hss_run(hss, lines[FR_KEEPER(FR_CHILD_VAULT)], err);
}

/* lines: a worker's, to the keepers. */
static void __attribute__((noreturn))
be_child(const struct fr_child_setup *s, const int lines[], pid_t parent)
{
    struct fr_err err;
    enum fr_code rc;

    fr_log_init(log_names[s->kind], s->config->log_level);
    set_title(s->kind);
    reset_signals();
    close_foreign(s);
    if (s->kind == FR_CHILD_VAULT)
        rc = run_vault(s, parent, &err);
    else if (s->kind == FR_CHILD_SIGNER)
        rc = run_signer(s, parent, &err);
    else if (s->kind == FR_WORKER_HSS)
        rc = run_hss(s, lines, parent, &err);
    else
        rc = run_worker(s, lines, parent, &err);
    if (rc != FR_OK)
        fr_log(FR_LOG_ERROR, "%s", err.msg);
    _exit(fr_code_exit(rc));
}

/* --- parent */

/* ours, theirs: the two ends of a worker's lines, FR_N_KEEPERS each; -1: none. */
static enum fr_code fork_child(const struct fr_child_setup *s, const int ours[],
                               const int theirs[], pid_t *ret, struct fr_err *err)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        return FR_FAIL(err, FR_EINTERNAL, "fork: %s", strerror(errno));
    if (pid == 0) {
        for (int k = 0; k < FR_N_KEEPERS; k++)
            close_fd(theirs[k]);
        be_child(s, ours, parent);
    }
    *ret = pid;
    return FR_OK;
}

/* The signer's questions are one message each, as large as they are. */
static enum fr_code open_line(const struct fr_child_setup *s, int keeper, int *ret_ours,
                              int *ret_theirs, struct fr_err *err)
{
    int type = keeper == FR_KEEPER(FR_CHILD_SIGNER) ? SOCK_SEQPACKET : SOCK_STREAM;
    int pair[2];

    if (keeper == FR_KEEPER(FR_CHILD_SIGNER) && !s->config->listener[s->kind].key)
        return FR_OK; /* speaks no TLS */
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "socketpair: %s", strerror(errno));
    *ret_ours = pair[0];
    *ret_theirs = pair[1];
    return fr_ipc_send_worker(s->control_fd[keeper], (enum fr_worker)s->kind, pair[1],
                              err);
}

enum fr_code fr_child_start(const struct fr_child_setup *setup, pid_t *ret_pid,
                            struct fr_err *err)
{
    int ours[FR_N_KEEPERS] = {-1, -1}, theirs[FR_N_KEEPERS] = {-1, -1};
    enum fr_code rc = FR_OK;

    for (int k = 0; k < FR_N_KEEPERS && rc == FR_OK; k++) {
        if (!FR_CHILD_IS_KEEPER(setup->kind))
            rc = open_line(setup, k, &ours[k], &theirs[k], err);
    }
    if (rc == FR_OK)
        rc = fork_child(setup, ours, theirs, ret_pid, err);
    for (int k = 0; k < FR_N_KEEPERS; k++) {
        close_fd(ours[k]);
        close_fd(theirs[k]);
    }
    return rc;
}

static enum fr_code read_files(const struct fr_server_config *config,
                               struct fr_err *err)
{
    FR_AUTO(signer) *signer = NULL;

    for (int t = 0; t < FR_N_WORKERS; t++) {
        FR_AUTO(worker_process) *worker = NULL;

        if (config->listener[t].listen)
            FR_TRY(fr_worker_prepare(config, (enum fr_worker)t, &worker, err));
    }
    return fr_signer_open(config, &signer, err);
}

static int check_files(const struct fr_server_config *config)
{
    struct fr_err err;
    enum fr_code rc = read_files(config, &err);

    if (rc != FR_OK)
        fr_log(FR_LOG_ERROR, "%s", err.msg);
    return fr_code_exit(rc);
}

enum fr_code fr_child_check(const struct fr_server_config *config, struct fr_err *err)
{
    pid_t pid = fork();
    int status = 0;

    if (pid < 0)
        return FR_FAIL(err, FR_EINTERNAL, "fork: %s", strerror(errno));
    if (pid == 0)
        _exit(check_files(config));
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return FR_FAIL(err, FR_EINTERNAL, "waitpid: %s", strerror(errno));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return FR_FAIL(err, FR_ECONFIG, "%s: a file that it names cannot be used",
                       fr_conf_where(config->file));
    return FR_OK;
}
