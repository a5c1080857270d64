/* SPDX-License-Identifier: Apache-2.0 */
#include "server/parent/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/file.h"
#include "server/parent/listen.h"
#include "server/parent/slots.h"
#include "server/policy.h"

enum { END_MS = 5000, KEEPER_END_MS = 2000, LISTENERS_MAX = 4096 };

struct parent {
    const struct fr_server_config *config;
    struct fr_sandbox_support support;
    struct fr_flood *flood;
    struct fr_slots slots;
    int listen_fd[FR_N_WORKERS];
    int lock_fd, signal_fd;
    int control_fd[FR_N_KEEPERS]; /* our ends; -1: it does not run */
    int ready_pipe[2];            /* children write */
    int ready_fd;                 /* who started us reads */
    size_t n_ready;
    bool ready, stopping;
    enum fr_code failed; /* a child's code before we were ready */
    char *listeners_path;
};

static int64_t now_ms(void)
{
    return fr_mono_ms(&fr_env_system);
}

/* --- opening */

/* The run folder stays ours: what stands there must not be for a worker to replace. */
static enum fr_code make_folders(const struct fr_server_config *c, struct fr_err *err)
{
    struct stat st;

    FR_TRY(fr_dir_make(c->run_dir, 0755, err));
    FR_TRY(fr_dir_make(c->state, 0700, err));
    if (!c->vault_user.name || geteuid() != 0)
        return FR_OK;
    if (stat(c->state, &st) != 0 ||
        (st.st_uid != c->vault_user.uid &&
         chown(c->state, c->vault_user.uid, c->vault_user.gid) != 0))
        return FR_FAIL(err, FR_ESTORE, "giving %s to %s: %s", c->state,
                       c->vault_user.name, strerror(errno));
    return FR_OK;
}

static enum fr_code take_lock(struct parent *p, struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    FR_TRY(fr_path_join(p->config->run_dir, "lock", &path, err));
    p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (p->lock_fd < 0)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", path, strerror(errno));
    if (flock(p->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return FR_FAIL_AS(err, FR_EBUSY, "already-running",
                          "%s is locked: another fieldrootd runs", path);
    return FR_OK;
}

static enum fr_code open_listeners(struct parent *p, struct fr_err *err)
{
    const struct fr_server_config *c = p->config;

    for (int t = 0; t < FR_N_WORKERS; t++) {
        const char *listen = c->listener[t].listen;

        if (!listen)
            continue;
        if (t != FR_WORKER_ADMIN)
            FR_TRY(fr_listen_tcp(listen, &p->listen_fd[t], err));
        else
            FR_TRY(fr_listen_unix(listen, &p->listen_fd[t], err));
    }
    if (c->admin_socket && c->user.name && geteuid() == 0 &&
        chown(c->admin_socket, c->user.uid, c->user.gid) != 0)
        return FR_FAIL(err, FR_ESTORE, "giving %s to %s: %s", c->admin_socket,
                       c->user.name, strerror(errno));
    return FR_OK;
}

static enum fr_code open_signals(struct parent *p, struct fr_err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "sigprocmask: %s", strerror(errno));
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (p->signal_fd < 0 || pipe2(p->ready_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "signalfd or pipe: %s", strerror(errno));
    return FR_OK;
}

static enum fr_code open_all(struct parent *p, struct fr_err *err)
{
    const struct fr_server_config *c = p->config;

    FR_TRY(make_folders(c, err));
    FR_TRY(fr_path_join(c->run_dir, "listeners", &p->listeners_path, err));
    FR_TRY(take_lock(p, err));
    FR_TRY(open_listeners(p, err));
    FR_TRY(open_signals(p, err));
    fr_slots_init(&p->slots, c, now_ms());
    return fr_flood_new(&fr_env_system, c->limits.handshakes_per_address, &p->flood,
                        err);
}

/* --- being ready */

static enum fr_code put_address(const struct parent *p, int type, struct fr_buf *to,
                                struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    if (type != FR_WORKER_ADMIN)
        return fr_listen_address(p->listen_fd[type], to, err);
    path = realpath(p->config->admin_socket, NULL);
    if (!path)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", p->config->admin_socket,
                       strerror(errno));
    fr_buf_str(to, path);
    return FR_OK;
}

static enum fr_code write_listeners(const struct parent *p, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(LISTENERS_MAX);

    for (int t = 0; t < FR_N_WORKERS; t++) {
        if (p->listen_fd[t] < 0)
            continue;
        fr_buf_fmt(&text, "%s ", fr_worker_name((enum fr_worker)t));
        FR_TRY(put_address(p, t, &text, err));
        fr_buf_str(&text, "\n");
    }
    FR_TRY(fr_buf_check(&text, err));
    return fr_file_write_atomic(p->listeners_path, fr_buf_view(&text), 0644, err);
}

static void say_ready(struct parent *p)
{
    ssize_t n;

    p->ready = true;
    fr_log(FR_LOG_INFO, "ready, addresses in %s", p->listeners_path);
    if (p->ready_fd < 0)
        return;
    n = write(p->ready_fd, "r", 1);
    if (n != 1)
        fr_log(FR_LOG_WARN, "--ready-fd: nobody reads it");
    close(p->ready_fd);
    p->ready_fd = -1;
}

static enum fr_code count_ready(struct parent *p, struct fr_err *err)
{
    char octets[64];
    ssize_t n;

    while ((n = read(p->ready_pipe[0], octets, sizeof octets)) > 0)
        p->n_ready += (size_t)n;
    if (p->ready || p->stopping || p->n_ready < p->slots.n)
        return FR_OK;
    FR_TRY(write_listeners(p, err));
    say_ready(p);
    return FR_OK;
}

/* --- children */

static void close_control(struct parent *p, int kind)
{
    int *fd = &p->control_fd[FR_KEEPER(kind)];

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static enum fr_code open_control(struct parent *p, int kind, int *ret_theirs,
                                 struct fr_err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "socketpair: %s", strerror(errno));
    close_control(p, kind);
    p->control_fd[FR_KEEPER(kind)] = pair[0];
    *ret_theirs = pair[1];
    return FR_OK;
}

static enum fr_code start(struct parent *p, struct fr_slot *slot, struct fr_err *err)
{
    FR_AUTO_FD(keeper_end) = -1;
    struct fr_child_setup setup = {
        .config = p->config,
        .support = &p->support,
        .flood = p->flood,
        .kind = slot->kind,
        .listen_fd = p->listen_fd,
        .control_fd = p->control_fd,
        .signal_fd = p->signal_fd,
        .ready_read_fd = p->ready_pipe[0],
        .ready_fd = p->ready_pipe[1],
        .starter_fd = p->ready_fd,
        .lock_fd = p->lock_fd,
    };
    pid_t pid = 0;

    if (FR_CHILD_IS_KEEPER(slot->kind))
        FR_TRY(open_control(p, slot->kind, &keeper_end, err));
    setup.keeper_fd = keeper_end;
    FR_TRY(fr_child_start(&setup, &pid, err));
    fr_slot_started(slot, pid, now_ms());
    return FR_OK;
}

/* A start that fails for want of resources is tried again later. */
static void start_due(struct parent *p)
{
    struct fr_slot *slot;
    struct fr_err err;

    while ((slot = fr_slots_due(&p->slots, now_ms()))) {
        if (start(p, slot, &err) == FR_OK)
            continue;
        fr_log(FR_LOG_ERROR, "starting %s: %s", fr_child_name(slot->kind), err.msg);
        slot->start_at_ms = now_ms() + 1000;
    }
}

static void end_slot(struct parent *p, struct fr_slot *slot)
{
    pid_t pid = slot->pid;

    if (!pid)
        return;
    if (fr_slot_end(&p->slots, slot, now_ms(), now_ms() + END_MS))
        kill(pid, SIGTERM);
    else
        fr_log(FR_LOG_WARN, "too many processes are ending: %s %ld stays",
               fr_child_name(slot->kind), (long)pid);
}

/* It ends when its line is closed and, the signer, when no worker needs it. */
static void end_keeper(struct parent *p, int kind, int64_t within_ms)
{
    struct fr_slot *slot = &p->slots.slot[FR_KEEPER(kind)];

    if (slot->pid && fr_slot_end(&p->slots, slot, now_ms(), now_ms() + within_ms))
        close_control(p, kind);
}

static void end_workers(struct parent *p)
{
    for (size_t i = FR_N_KEEPERS; i < p->slots.n; i++)
        end_slot(p, &p->slots.slot[i]);
}

/* Workers notice by themselves that one is gone; here is who sees to it. */
static void keeper_died(struct parent *p, int kind)
{
    close_control(p, kind);
    end_workers(p);
}

static enum fr_code code_of_exit(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == fr_code_exit(FR_ECONFIG))
        return FR_ECONFIG;
    if (WIFEXITED(status) && WEXITSTATUS(status) == fr_code_exit(FR_ESTORE))
        return FR_ESTORE;
    return FR_EINTERNAL;
}

/* A worker whose vault has gone: what that ended with says why. */
static bool is_of_the_vault(const struct fr_slot *slot, int status)
{
    return slot->kind != FR_CHILD_VAULT && WIFEXITED(status) &&
           WEXITSTATUS(status) == fr_code_exit(FR_EUNREACHABLE);
}

static void log_death(int kind, pid_t pid, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        fr_log(FR_LOG_ERROR, "%s %ld tried what its sandbox forbids, and was killed",
               fr_child_name(kind), (long)pid);
    else if (WIFSIGNALED(status))
        fr_log(FR_LOG_WARN, "%s %ld was killed by signal %d", fr_child_name(kind),
               (long)pid, WTERMSIG(status));
    else
        fr_log(FR_LOG_WARN, "%s %ld has ended with status %d", fr_child_name(kind),
               (long)pid, WEXITSTATUS(status));
}

static void bury(struct parent *p, pid_t pid, int status)
{
    struct fr_slot *slot = fr_slots_gone(&p->slots, pid, now_ms());

    if (!slot || p->stopping)
        return;
    log_death(slot->kind, pid, status);
    if (slot->fails == FR_CRASH_LOOP)
        fr_log(FR_LOG_ERROR,
               "%s has died %d times in a row: from now on it is started each %d s",
               fr_child_name(slot->kind), FR_CRASH_LOOP, FR_CRASH_DELAY / 1000);
    if (!p->ready && p->failed == FR_OK && !is_of_the_vault(slot, status))
        p->failed = code_of_exit(status);
    if (FR_CHILD_IS_KEEPER(slot->kind))
        keeper_died(p, slot->kind);
}

static void reap(struct parent *p)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        bury(p, pid, status);
}

static void kill_overdue(struct parent *p)
{
    pid_t pid;

    while ((pid = fr_slots_overdue(&p->slots, now_ms()))) {
        fr_log(FR_LOG_WARN, "process %ld did not end in time", (long)pid);
        kill(pid, SIGKILL);
    }
}

/* --- signals */

static void reload(struct parent *p)
{
    struct fr_err err;

    if (fr_child_check(p->config, &err) != FR_OK) {
        fr_log(FR_LOG_ERROR, "SIGHUP: %s: the workers stay as they are", err.msg);
        return;
    }
    fr_log(FR_LOG_INFO, "SIGHUP: new signer and workers");
    end_keeper(p, FR_CHILD_SIGNER, END_MS + KEEPER_END_MS);
    end_workers(p);
}

static void stop(struct parent *p)
{
    if (p->stopping)
        return;
    p->stopping = true;
    fr_slots_close(&p->slots);
    end_workers(p);
}

static void hear_signals(struct parent *p)
{
    struct signalfd_siginfo info;

    while (read(p->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop(p);
        else if (info.ssi_signo == SIGHUP && !p->stopping)
            reload(p);
        /* SIGCHLD: every turn of the loop reaps */
    }
}

/* --- the loop */

static int poll_timeout(const struct parent *p)
{
    int64_t next = fr_slots_next_ms(&p->slots), left = next - now_ms();

    if (next == FR_NEVER)
        return -1;
    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static enum fr_code turn(struct parent *p, struct fr_err *err)
{
    struct pollfd fds[] = {{p->signal_fd, POLLIN, 0}, {p->ready_pipe[0], POLLIN, 0}};

    if (poll(fds, 2, poll_timeout(p)) < 0 && errno != EINTR)
        return FR_FAIL(err, FR_EINTERNAL, "poll: %s", strerror(errno));
    hear_signals(p);
    FR_TRY(count_ready(p, err));
    reap(p);
    kill_overdue(p);
    start_due(p);
    return FR_OK;
}

static void await_ends(struct parent *p)
{
    struct fr_err err;

    while (p->slots.n_ending > 0) {
        if (turn(p, &err) != FR_OK)
            break; /* the children die with us */
    }
}

/* Workers first; when none is left the keepers, which end when their line is closed. */
static void end_children(struct parent *p)
{
    stop(p);
    await_ends(p);
    for (int k = FR_N_WORKERS; k < FR_CHILD_KINDS; k++)
        end_keeper(p, k, KEEPER_END_MS);
    await_ends(p);
}

static void close_all(struct parent *p)
{
    const int fds[] = {p->signal_fd, p->ready_pipe[0], p->ready_pipe[1], p->ready_fd};

    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    for (int k = FR_N_WORKERS; k < FR_CHILD_KINDS; k++)
        close_control(p, k);
    for (int t = 0; t < FR_N_WORKERS; t++) {
        if (p->listen_fd[t] >= 0)
            close(p->listen_fd[t]);
    }
    if (p->listen_fd[FR_WORKER_ADMIN] >= 0)
        unlink(p->config->admin_socket);
    if (p->ready)
        unlink(p->listeners_path);
    if (p->lock_fd >= 0)
        close(p->lock_fd);
    fr_flood_free(p->flood);
    free(p->listeners_path);
}

static enum fr_code run(struct parent *p, struct fr_err *err)
{
    enum fr_code rc = FR_OK;

    FR_TRY(fr_policy_probe(p->config, &p->support, err));
    FR_TRY(open_all(p, err));
    FR_TRY(fr_policy_drop(p->config, FR_POLICY_PARENT, err));
    FR_TRY(fr_policy_enter(p->config, FR_POLICY_PARENT, &p->support, err));
    FR_TRY(fr_child_check(p->config, err));
    start_due(p);
    while (rc == FR_OK && !p->stopping) {
        rc = turn(p, err);
        if (rc == FR_OK && p->failed != FR_OK)
            rc = FR_FAIL(err, p->failed, "the start has failed: see above");
    }
    end_children(p);
    return rc;
}

enum fr_code fr_parent_run(const struct fr_server_config *config, int ready_fd,
                           struct fr_err *err)
{
    struct parent p = {
        .config = config,
        .lock_fd = -1,
        .signal_fd = -1,
        .control_fd = {-1, -1},
        .ready_pipe = {-1, -1},
        .ready_fd = ready_fd,
    };
    enum fr_code rc;

    for (int t = 0; t < FR_N_WORKERS; t++)
        p.listen_fd[t] = -1;
    rc = run(&p, err);
    close_all(&p);
    return rc;
}
