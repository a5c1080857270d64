/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every process type in its sandbox, trying what a hijacker would: one child an act,
 * which enters the sandbox of the type and then acts. Its own work is tried by the
 * system tests, whose daemons are all confined.
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "server/policy.h"
#include "tree.h"

static struct fr_err err;
static struct fr_sandbox_support support;
static struct fr_server_config config;
static char dir[32], state_dir[64], run_dir[64], other_dir[64];
static char kek[80], database[80], admin_socket[80];
static pid_t bystander;
static int listener, plain; /* TCP sockets made before; plain is not connected */

static void make_folder(char *to, size_t size, const char *name)
{
    snprintf(to, size, "%s/%s", dir, name);
    assert_int_equal(mkdir(to, 0700), 0);
}

static int make(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)state;
    strcpy(dir, "/tmp/fr-policy-XXXXXX");
    assert_non_null(mkdtemp(dir));
    make_folder(state_dir, sizeof state_dir, "state");
    make_folder(run_dir, sizeof run_dir, "run");
    make_folder(other_dir, sizeof other_dir, "other");
    snprintf(kek, sizeof kek, "%s/kek", state_dir);
    snprintf(database, sizeof database, "%s/fieldroot.db", state_dir);
    snprintf(admin_socket, sizeof admin_socket, "%s/admin.sock", run_dir);
    config.state = state_dir;
    config.run_dir = run_dir;
    config.kek = kek;
    config.database = database;
    config.admin_socket = admin_socket;
    support = fr_sandbox_probe();

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (void *)&sa, sizeof sa), 0);
    assert_int_equal(listen(listener, 8), 0);
    bystander = fork();
    if (bystander == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return 0;
}

static int clean(void **state)
{
    (void)state;
    kill(bystander, SIGKILL);
    waitpid(bystander, NULL, 0);
    close(listener);
    close(plain);
    return tree_remove(dir);
}

/* --- acts: true if it could be done */

static bool works(void)
{
    uint8_t *much = malloc(8 << 20);
    bool fine = much && getpid() > 0 && time(NULL) > 0 && fcntl(plain, F_GETFL) >= 0;

    memset(much, 1, 8 << 20);
    free(much);
    return fine && dup(plain) >= 0;
}

static bool opens(const char *path, int flags)
{
    FR_AUTO_FD(fd) = open(path, flags | O_CLOEXEC, 0600);

    return fd >= 0;
}

static bool reads_a_file(void)
{
    return opens("/etc/passwd", O_RDONLY);
}

static bool writes_in(const char *folder)
{
    char path[128], renamed[128];

    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(renamed, sizeof renamed, "%s/renamed", folder);
    return opens(path, O_RDWR | O_CREAT) && rename(path, renamed) == 0 &&
           unlink(renamed) == 0;
}

static bool writes_in_the_state_folder(void)
{
    return writes_in(state_dir);
}

static bool writes_in_the_run_folder(void)
{
    return writes_in(run_dir);
}

static bool writes_in_another_folder(void)
{
    return writes_in(other_dir);
}

static bool makes_a_symbolic_link(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/link", state_dir);
    return symlink("/etc/passwd", path) == 0;
}

static bool executes(void)
{
    char *argv[] = {(char[]){"true"}, NULL};

    execv("/bin/true", argv);
    return false; /* else its status is 0 */
}

static bool forks(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool makes_a_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool connects(void)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;

    /* Each child has the same one: it may be connected since an earlier act. */
    return getsockname(listener, (void *)&sa, &len) == 0 &&
           (connect(plain, (void *)&sa, len) == 0 || errno == EISCONN);
}

/* Without connect(). */
static bool connects_by_sending(void)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;

    return getsockname(listener, (void *)&sa, &len) == 0 &&
           (sendto(plain, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&sa, len) == 1 ||
            errno == EISCONN);
}

static bool binds(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return bind(plain, (void *)&sa, sizeof sa) == 0;
}

static bool traces(void)
{
    return ptrace(PTRACE_ATTACH, bystander, NULL, NULL) == 0;
}

static bool signals_another(void)
{
    return kill(bystander, 0) == 0;
}

/* Memory that is data today and code tomorrow. */
static bool makes_code(void)
{
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool unshares(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool accepts(void)
{
    /* Nobody connects; that it may ask is what counts. */
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0 || errno == EAGAIN;
}

/* --- the matrix */

enum verdict { DONE, DENIED, KILLED };

static const struct act {
    const char *name;
    bool (*act)(void);
    enum verdict worker, signer, vault, parent;
} acts[] = {
    {"its own work", works, DONE, DONE, DONE, DONE},
    {"accept", accepts, DONE, KILLED, DENIED, DONE},
    {"read a file", reads_a_file, KILLED, KILLED, DENIED, DONE},
    {"write in state", writes_in_the_state_folder, KILLED, KILLED, DONE, DONE},
    {"write in run-dir", writes_in_the_run_folder, KILLED, KILLED, DENIED, DONE},
    {"write elsewhere", writes_in_another_folder, KILLED, KILLED, DENIED, DENIED},
    {"symlink", makes_a_symbolic_link, KILLED, KILLED, DENIED, DENIED},
    {"exec", executes, KILLED, KILLED, DENIED, DENIED},
    {"fork", forks, KILLED, KILLED, DENIED, DONE},
    {"socket", makes_a_socket, KILLED, KILLED, DENIED, DENIED},
    {"connect", connects, KILLED, KILLED, DENIED, DENIED},
    {"connect by sending", connects_by_sending, KILLED, KILLED, DENIED, DENIED},
    {"bind", binds, KILLED, KILLED, DENIED, DENIED},
    {"ptrace", traces, KILLED, KILLED, DENIED, DENIED},
    {"signal another", signals_another, KILLED, KILLED, DENIED, DENIED},
    {"make code", makes_code, KILLED, KILLED, DENIED, DONE},
    {"unshare", unshares, KILLED, KILLED, DENIED, DENIED},
};

static void need(bool there, const char *what)
{
    if (!there) {
        printf("# this kernel lacks %s\n", what);
        skip();
    }
}

/* What a sandbox says, as opposed to an act that fails by itself. */
static bool is_a_no(int error)
{
    return error == EPERM || error == EACCES || error == ENOSYS;
}

static enum verdict attempt(int kind, bool (*act)(void))
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (fr_policy_drop(&config, kind, &err) != FR_OK ||
            fr_policy_enter(&config, kind, &support, &err) != FR_OK)
            _exit(99);
        errno = 0;
        _exit(act() ? 0 : is_a_no(errno) ? 1 : 98);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
        return KILLED;
    }
    assert_in_range(WEXITSTATUS(status), 0, 1);
    return WEXITSTATUS(status) ? DENIED : DONE;
}

/* It may make TCP sockets, and connect them to the HSS's port: not to the test's. */
static enum verdict expected_of_hss(const struct act *a)
{
    if (a->act == accepts)
        return KILLED;
    if (a->act == makes_a_socket)
        return DONE;
    return a->act == connects ? DENIED : a->worker;
}

static enum verdict expected(int kind, const struct act *a)
{
    switch (kind) {
    case FR_WORKER_HSS:
        return expected_of_hss(a);
    case FR_POLICY_PARENT:
        return a->parent;
    case FR_CHILD_VAULT:
        return a->vault;
    case FR_CHILD_SIGNER:
        return a->signer;
    default:
        return a->worker;
    }
}

static void each_type_can_do_its_work_and_no_more(void **state)
{
    static const char *const words[] = {"done", "denied", "killed"};
    const size_t n = sizeof acts / sizeof acts[0];

    (void)state;
    need(support.seccomp, "seccomp");
    need(support.landlock >= 6, "Landlock ABI 6");
    for (int kind = 0; kind < FR_N_POLICIES; kind++) {
        for (size_t i = 0; i < n; i++) {
            enum verdict got = attempt(kind, acts[i].act);

            if (got != expected(kind, &acts[i]))
                fail_msg("%s: %s is %s, not %s", fr_policy_name(kind), acts[i].name,
                         words[got], words[expected(kind, &acts[i])]);
        }
    }
    printf("# %zu acts of %d types\n", n, FR_N_POLICIES);
}

/* The other layer alone: what each of them holds back by itself. */
static void landlock_holds_files_tcp_and_signals_by_itself(void **state)
{
    struct fr_sandbox_support both = support;

    (void)state;
    need(support.landlock >= 6, "Landlock ABI 6");
    support.seccomp = false;
    assert_int_equal(attempt(FR_WORKER_ENROL, works), DONE);
    assert_int_equal(attempt(FR_WORKER_ENROL, reads_a_file), DENIED);
    assert_int_equal(attempt(FR_WORKER_ENROL, writes_in_the_state_folder), DENIED);
    assert_int_equal(attempt(FR_WORKER_ENROL, connects), DENIED);
    assert_int_equal(attempt(FR_WORKER_ENROL, binds), DENIED);
    assert_int_equal(attempt(FR_WORKER_ENROL, signals_another), DENIED);
    assert_int_equal(attempt(FR_WORKER_ENROL, traces), DENIED);
    assert_int_equal(attempt(FR_CHILD_VAULT, reads_a_file), DENIED);
    assert_int_equal(attempt(FR_CHILD_VAULT, writes_in_the_state_folder), DONE);
    support = both;
}

static void each_older_landlock_holds_what_it_knows(void **state)
{
    struct fr_sandbox_support both = support;

    (void)state;
    need(support.landlock >= 6, "Landlock ABI 6");
    support.seccomp = false;
    for (int abi = 1; abi <= both.landlock; abi++) {
        support.landlock = abi;
        assert_int_equal(attempt(FR_WORKER_ENROL, works), DONE);
        assert_int_equal(attempt(FR_WORKER_ENROL, reads_a_file), DENIED);
        assert_int_equal(attempt(FR_CHILD_VAULT, writes_in_the_state_folder), DONE);
        assert_int_equal(attempt(FR_CHILD_VAULT, writes_in_another_folder), DENIED);
        assert_int_equal(attempt(FR_WORKER_ENROL, connects), abi < 4 ? DONE : DENIED);
        assert_int_equal(attempt(FR_WORKER_ENROL, signals_another),
                         abi < 6 ? DONE : DENIED);
    }
    support = both;
}

static void without_either_nothing_is_held(void **state)
{
    struct fr_sandbox_support both = support;

    (void)state;
    support = (struct fr_sandbox_support){0};
    assert_int_equal(attempt(FR_WORKER_ENROL, reads_a_file), DONE);
    assert_int_equal(attempt(FR_CHILD_VAULT, writes_in_another_folder), DONE);
    support = both;
}

static void a_vault_of_a_database_elsewhere_may_connect(void **state)
{
    struct fr_server_config sqlite = config;
    char conninfo[] = "postgresql://127.0.0.1/fieldroot";

    (void)state;
    need(support.seccomp, "seccomp");
    config.database = conninfo;
    assert_int_equal(attempt(FR_CHILD_VAULT, makes_a_socket), DONE);
    assert_int_equal(attempt(FR_CHILD_VAULT, connects), DONE);
    assert_int_equal(attempt(FR_CHILD_VAULT, connects_by_sending), DONE);
    assert_int_equal(attempt(FR_CHILD_VAULT, reads_a_file), DONE); /* resolv.conf */
    assert_int_equal(attempt(FR_CHILD_VAULT, executes), DENIED);
    assert_int_equal(attempt(FR_CHILD_VAULT, traces), DENIED);
    assert_int_equal(attempt(FR_CHILD_VAULT, forks), DENIED);
    assert_int_equal(attempt(FR_CHILD_VAULT, writes_in_another_folder),
                     support.landlock ? DENIED : DONE);
    assert_int_equal(attempt(FR_WORKER_ENROL, makes_a_socket), KILLED);
    config = sqlite;
}

static bool makes_a_datagram_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0) >= 0;
}

static bool makes_an_mptcp_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 262) >= 0; /* IPPROTO_MPTCP */
}

static bool makes_a_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static void use_hlr_near_the_listener(uint16_t ports_more)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;

    assert_int_equal(getsockname(listener, (void *)&sa, &len), 0);
    sa.sin_port = htons((uint16_t)(ntohs(sa.sin_port) + ports_more));
    memcpy(&config.gba.hlr_address, &sa, sizeof sa);
    config.gba.hlr = "127.0.0.1";
}

static void hss_connects_to_the_port_of_the_hss_only(void **state)
{
    const struct fr_server_config without = config;

    (void)state;
    need(support.seccomp, "seccomp");
    need(support.landlock >= 4, "Landlock ABI 4");
    use_hlr_near_the_listener(1);
    assert_int_equal(attempt(FR_WORKER_HSS, connects), DENIED);
    use_hlr_near_the_listener(0);
    assert_int_equal(attempt(FR_WORKER_HSS, connects), DONE);
    assert_int_equal(attempt(FR_WORKER_HSS, connects_by_sending), KILLED);
    assert_int_equal(attempt(FR_WORKER_HSS, binds), KILLED);
    assert_int_equal(attempt(FR_WORKER_HSS, makes_a_datagram_socket), KILLED);
    assert_int_equal(attempt(FR_WORKER_HSS, makes_an_mptcp_socket), KILLED);
    assert_int_equal(attempt(FR_WORKER_HSS, makes_a_unix_socket), KILLED);
    assert_int_equal(attempt(FR_WORKER_ENROL, makes_a_socket), KILLED);
    config = without;
}

/* Its sandbox holds hss too. */
static void a_parent_of_hss_may_dial_and_no_other(void **state)
{
    const struct fr_server_config without = config;

    (void)state;
    need(support.seccomp, "seccomp");
    need(support.landlock >= 4, "Landlock ABI 4");
    assert_int_equal(attempt(FR_POLICY_PARENT, makes_a_socket), DENIED);
    use_hlr_near_the_listener(1);
    assert_int_equal(attempt(FR_POLICY_PARENT, makes_a_socket), DONE);
    assert_int_equal(attempt(FR_POLICY_PARENT, makes_a_datagram_socket), DENIED);
    assert_int_equal(attempt(FR_CHILD_VAULT, makes_a_socket), DENIED);
    config = without;
}

/* --- privileges */

static bool has_a_capability(void)
{
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
            return true;
    }
    /* What uid 0 could do with one: */
    return chroot("/") == 0;
}

static void nothing_is_left_of_roots_capabilities(void **state)
{
    struct fr_sandbox_support both = support;

    (void)state;
    support = (struct fr_sandbox_support){0};
    for (int kind = 0; kind < FR_N_POLICIES; kind++)
        assert_int_equal(attempt(kind, has_a_capability), DENIED);
    support = both;
}

static bool can_go_back(void)
{
    return setresuid(0, 0, 0) == 0 || setgid(0) == 0 || getuid() == 0 ||
           geteuid() == 0 || getgroups(0, NULL) != 0;
}

static void who_became_another_user_cannot_go_back(void **state)
{
    struct fr_server_config before = config;
    struct fr_sandbox_support both = support;

    (void)state;
    need(geteuid() == 0, "root: this test was not started as root");
    support = (struct fr_sandbox_support){0};
    config.user = (struct fr_user){"nobody", 65534, 65534};
    config.vault_user = config.signer_user = config.user;
    for (int kind = 0; kind < FR_POLICY_PARENT; kind++)
        assert_int_equal(attempt(kind, can_go_back), DENIED);
    config = before;
    support = both;
}

/* --- the manual of it */

static const char *promises_text(unsigned promises)
{
    static char text[256];
    static const char *const names[] = {
#define X(id, name, what) [id] = name,
        FR_PROMISES(X)
#undef X
    };

    text[0] = 0;
    for (int p = 0; p < FR_N_PROMISES; p++) {
        if (promises & FR_PROMISE(p))
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
                     text[0] ? ", " : "", names[p]);
    }
    return text;
}

static void the_table_in_docs_is_the_policy(void **state)
{
    FR_AUTO_CLEAR(buf) page = FR_BUF_INIT(256 * 1024);
    static const char *const users[] = {"who started it", "`user`", "`vault-user`",
                                        "`signer-user`"};
    static const char *const promises[] = {
#define X(id, name, what) "| " name " | " what " |\n",
        FR_PROMISES(X)
#undef X
    };

    (void)state;
    assert_ok(fr_file_read(SECURITY_MD, &page, &err));
    for (int kind = 0; kind < FR_N_POLICIES; kind++) {
        const struct fr_policy *p = fr_policy_of(kind);
        char row[512];

        snprintf(row, sizeof row, "| %s | %s | %s | %s |\n", fr_policy_name(kind),
                 promises_text(p->promises), p->fatal ? "is killed" : "gets EPERM",
                 users[p->user]);
        assert_contains(fr_buf_cstr(&page), row);
    }
    for (size_t i = 0; i < FR_N_PROMISES; i++)
        assert_contains(fr_buf_cstr(&page), promises[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_can_do_its_work_and_no_more),
        cmocka_unit_test(landlock_holds_files_tcp_and_signals_by_itself),
        cmocka_unit_test(each_older_landlock_holds_what_it_knows),
        cmocka_unit_test(without_either_nothing_is_held),
        cmocka_unit_test(a_vault_of_a_database_elsewhere_may_connect),
        cmocka_unit_test(hss_connects_to_the_port_of_the_hss_only),
        cmocka_unit_test(a_parent_of_hss_may_dial_and_no_other),
        cmocka_unit_test(nothing_is_left_of_roots_capabilities),
        cmocka_unit_test(who_became_another_user_cannot_go_back),
        cmocka_unit_test(the_table_in_docs_is_the_policy),
    };

    return cmocka_run_group_tests(tests, make, clean);
}
