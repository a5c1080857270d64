/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/cluster.h"

#include "test.h"
#include "tree.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, LOOK_MS = 20, SETTINGS_MAX = 16 };

static char bin[128];

/* The newest server that is installed. */
static bool find_programs(void)
{
    glob_t found;

    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
        return false;
    snprintf(bin, sizeof bin, "%s", found.gl_pathv[found.gl_pathc - 1]);
    *strrchr(bin, '/') = 0;
    globfree(&found);
    return true;
}

static void become_postgres(void)
{
    const struct passwd *pw;

    if (geteuid() != 0)
        return;
    pw = getpwnam("postgres");
    if (!pw || setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 ||
        setuid(pw->pw_uid) != 0)
        _exit(126);
}

static pid_t start(const struct cluster *c, const char *const *argv)
{
    char log[128];
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    become_postgres();
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
    snprintf(log, sizeof log, "%s/log", c->socket);
    (void)dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    (void)dup2(2, 1);
    if (chdir("/") == 0)
        execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void run(const struct cluster *c, const char *const *argv)
{
    pid_t pid = start(c, argv);
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s failed: see %s/log", argv[0], c->socket);
}

static void make_folders(struct cluster *c)
{
    const struct passwd *pw = getpwnam("postgres");

    snprintf(c->dir, sizeof c->dir, "/tmp/fr-pg-XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    assert_int_equal(chmod(c->dir, 0711), 0);
    snprintf(c->socket, sizeof c->socket, "%s/pg", c->dir);
    assert_int_equal(mkdir(c->socket, 0711), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(c->socket, pw->pw_uid, pw->pw_gid), 0);
}

const char *cluster_conninfo(const struct cluster *c, const char *more, char to[512])
{
    snprintf(to, 512, "host=%s user=tester dbname=postgres %s", c->socket, more);
    return to;
}

static void await_ready(const struct cluster *c)
{
    char conninfo[512];

    cluster_conninfo(c, "connect_timeout=5", conninfo);
    for (int waited = 0; PQping(conninfo) != PQPING_OK; waited += LOOK_MS) {
        if (waited > PATIENCE_MS || waitpid(c->pid, NULL, WNOHANG) != 0)
            fail_msg("the server does not start: see %s/log", c->socket);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static void serve(struct cluster *c)
{
    char program[160], data[128];
    const char *const argv[] = {program, "-D", data, "-k", c->socket, NULL};

    snprintf(program, sizeof program, "%s/postgres", bin);
    snprintf(data, sizeof data, "%s/data", c->socket);
    c->pid = start(c, argv);
    await_ready(c);
}

static void configure(const struct cluster *c, const char *const settings[][2])
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/data/postgresql.conf", c->socket);
    f = fopen(path, "a");
    assert_non_null(f);
    fprintf(f, "listen_addresses = ''\nmax_connections = 40\nshared_buffers = 8MB\n");
    for (size_t i = 0; settings && settings[i][0]; i++)
        fprintf(f, "%s = '%s'\n", settings[i][0], settings[i][1]);
    assert_int_equal(fclose(f), 0);
}

bool cluster_start(struct cluster *c, const char *const settings[][2])
{
    char program[160], data[128];
    const char *const argv[] = {program,     "-D",    data, "-U",   "tester",
                                "-A",        "trust", "-E", "UTF8", "--locale=C.UTF-8",
                                "--no-sync", NULL};

    *c = (struct cluster){0};
    if (!find_programs())
        c->missing = "no PostgreSQL server in /usr/lib/postgresql";
    else if (geteuid() == 0 && !getpwnam("postgres"))
        c->missing = "no user postgres to run it as";
    if (c->missing)
        return false;
    make_folders(c);
    snprintf(program, sizeof program, "%s/initdb", bin);
    snprintf(data, sizeof data, "%s/data", c->socket);
    run(c, argv);
    configure(c, settings);
    serve(c);
    return true;
}

void cluster_crash(struct cluster *c)
{
    assert_int_equal(kill(c->pid, SIGQUIT), 0);
    assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
    serve(c);
}

void cluster_stop(struct cluster *c)
{
    if (!c->dir[0])
        return;
    if (kill(c->pid, SIGQUIT) == 0)
        (void)waitpid(c->pid, NULL, 0);
    (void)tree_remove(c->dir);
    c->dir[0] = 0;
}
