/* SPDX-License-Identifier: Apache-2.0 */
/* The real daemon as processes: what dies, what is replaced, how it ends; and configs
 * that change what it does. Each test has a daemon of its own. */
#include "enrolment.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/pki.h"

static struct daemon d;
static struct fr_err err;

static int make(void **state)
{
    (void)state;
    daemon_make(&d);
    return 0;
}

static int start(void **state)
{
    make(state);
    daemon_configure(&d, "", "");
    daemon_start(&d);
    populate(&d);
    return 0;
}

static int stop(void **state)
{
    int status = d.pid ? daemon_stop(&d) : 0;

    (void)state;
    daemon_remove(&d);
    return status;
}

/* --- processes */

/* The backlog holds the connection until the new worker takes it. */
static void a_killed_worker_is_replaced(void **state)
{
    pid_t children[DAEMON_CHILDREN_MAX];
    size_t n = daemon_children(&d, children);
    struct client c;

    (void)state;
    assert_int_equal(n, 6); /* vault, signer, enrol, fetch, discovery, admin */
    for (size_t i = 2; i < n; i++) {
        kill(children[i], SIGKILL);
        assert_true(process_ends(children[i]));
    }
    gets_in(&d);
    assert_true(client_open(&c, &d, d.fetch, "broker"));
    client_close(&c);
    call_ok(&d, "{\"op\":\"status\"}");
}

static void a_killed_vault_comes_back_with_new_workers(void **state)
{
    pid_t before[DAEMON_CHILDREN_MAX];
    size_t n = daemon_children(&d, before);
    struct enrolment e;

    (void)state;
    assert_int_equal(n, 6);
    kill(before[0], SIGKILL);
    for (size_t i = 0; i < n; i++)
        if (i != 1)
            assert_true(process_ends(before[i]));
    assert_int_equal(kill(before[1], 0), 0); /* the signer stays */
    register_key(&e, &d);
    confirm(&e);
    target_has_the_same_key(&e);
    finish(&e);
}

static void a_killed_signer_comes_back_with_new_workers(void **state)
{
    pid_t before[DAEMON_CHILDREN_MAX];
    size_t n = daemon_children(&d, before);
    struct enrolment e;

    (void)state;
    assert_int_equal(n, 6);
    register_key(&e, &d);
    kill(before[1], SIGKILL);
    confirm(&e); /* what is connected needs no signer */
    retrieve_command(&e);
    for (size_t i = 1; i < n; i++)
        assert_true(process_ends(before[i]));
    assert_int_equal(kill(before[0], 0), 0); /* the vault stays */
    gets_in(&d);
    finish(&e);
}

static size_t descriptors_on(pid_t pid, const char *file)
{
    char dir[64], target[512], path[384];
    const struct dirent *entry;
    size_t n = 0;
    DIR *fds;

    snprintf(dir, sizeof dir, "/proc/%ld/fd", (long)pid);
    fds = opendir(dir);
    assert_non_null(fds);
    while ((entry = readdir(fds))) {
        ssize_t len;

        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        len = readlink(path, target, sizeof target - 1);
        target[len > 0 ? len : 0] = 0;
        n += strstr(target, file) != NULL;
    }
    (void)closedir(fds);
    return n;
}

/* The vault cannot be traced or dumped by its own user. */
static void nobody_but_root_may_look(pid_t vault)
{
    char dir[64];

    snprintf(dir, sizeof dir, "/proc/%ld/fd", (long)vault);
    assert_null(opendir(dir));
    assert_int_equal(errno, EACCES);
}

/* A hijacked worker could give the lock away, and a second vault open the database. */
static void only_the_vault_has_the_lock_and_the_database(void **state)
{
    pid_t pids[DAEMON_CHILDREN_MAX];
    size_t n = daemon_children(&d, pids), locks = 0;

    (void)state;
    assert_int_equal(n, 6);
    if (geteuid() != 0) {
        nobody_but_root_may_look(pids[0]);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_vault = descriptors_on(pids[i], "fieldroot.db") > 0;

        assert_int_equal(descriptors_on(pids[i], "/lock"), is_vault);
        locks += is_vault;
    }
    assert_int_equal(locks, 1);
}

static void a_hangup_reads_certificates_anew_and_lets_exchanges_end(void **state)
{
    pid_t before[DAEMON_CHILDREN_MAX];
    size_t n = daemon_children(&d, before);
    char path[256], subject[256];
    struct enrolment e;
    struct client c;

    (void)state;
    register_key(&e, &d);
    daemon_issue(&d, "mef", "renewed", "mef.example.com");
    assert_int_equal(rename(daemon_path(&d, "renewed.pem", subject),
                            daemon_path(&d, "server.pem", path)),
                     0);
    assert_int_equal(rename(daemon_path(&d, "renewed.key", subject),
                            daemon_path(&d, "server.key", path)),
                     0);
    kill(d.pid, SIGHUP);
    confirm(&e);
    retrieve_command(&e);
    for (size_t i = 1; i < n; i++)
        assert_true(process_ends(before[i]));
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    X509_NAME_oneline(X509_get_subject_name(SSL_get0_peer_certificate(c.ssl)), subject,
                      sizeof subject);
    assert_contains(subject, "renewed");
    client_close(&c);
    finish(&e);
}

static void a_second_daemon_on_the_same_folder_is_refused(void **state)
{
    struct daemon second = d;
    char said[4096];

    (void)state;
    assert_int_equal(daemon_run(&second, "--foreground", said, sizeof said), 75);
    assert_contains(said, "another fieldrootd");
}

static void it_ends_in_order_and_removes_its_listeners(void **state)
{
    pid_t children[DAEMON_CHILDREN_MAX];
    size_t n = daemon_children(&d, children);
    char path[256];

    (void)state;
    assert_int_equal(daemon_stop(&d), 0);
    for (size_t i = 0; i < n; i++)
        assert_true(process_ends(children[i]));
    assert_int_equal(access(daemon_path(&d, "run/listeners", path), F_OK), -1);
    assert_int_equal(access(d.admin, F_OK), -1);
    daemon_start(&d);
}

static void children_die_with_their_parent(void **state)
{
    pid_t children[DAEMON_CHILDREN_MAX];
    size_t n = daemon_children(&d, children);

    (void)state;
    assert_int_equal(n, 6);
    kill(d.pid, SIGKILL);
    daemon_stop(&d);
    for (size_t i = 0; i < n; i++)
        assert_true(process_ends(children[i]));
    daemon_start(&d); /* over the stale socket and lock */
}

/* --- other configs */

static void a_revoked_certificate_is_refused(void **state)
{
    char dir[256], cert[256];

    (void)state;
    assert_ok(fr_pki_revoke(daemon_path(&d, "devices", dir),
                            daemon_path(&d, "dev2.pem", cert), &err));
    daemon_configure(&d, "", " enrolee-crl = \"devices/crl.pem\"\n");
    daemon_start(&d);
    refused_with(&d, d.enrol, "dev2", 0, SSL_AD_CERTIFICATE_REVOKED);
    gets_in(&d);
}

static void an_address_has_so_many_connections_and_no_more(void **state)
{
    struct client c[3], extra;
    char octet;

    (void)state;
    daemon_configure(&d, "limits {\n per-address = 3\n}\n", "");
    daemon_start(&d);
    for (size_t i = 0; i < 3; i++)
        assert_true(client_open(&c[i], &d, d.enrol, "dev1"));
    assert_true(client_connect(&extra, d.enrol));
    assert_true(recv(extra.fd, &octet, 1, 0) <= 0 && errno != EAGAIN);
    close(extra.fd);
    for (size_t i = 0; i < 3; i++)
        client_close(&c[i]);
}

static void the_onem2m_profile_speaks_its_suite_only(void **state)
{
    struct client c;

    (void)state;
    daemon_configure(&d, "tls {\n profile = \"onem2m\"\n}\n", "");
    daemon_start(&d);
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_int_equal(SSL_version(c.ssl), TLS1_2_VERSION);
    assert_string_equal(SSL_get_cipher_name(c.ssl), "ECDHE-ECDSA-AES128-SHA256");
    client_close(&c);
}

static void a_connection_serves_so_many_requests(void **state)
{
    struct client c;

    (void)state;
    daemon_configure(&d, "limits {\n requests-per-connection = 2\n}\n", "");
    daemon_start(&d);
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_int_equal(client_ask(&c, "GET", UNKNOWN, NULL, NULL), 404);
    assert_null(client_header(&c, "Connection"));
    assert_int_equal(client_ask(&c, "GET", UNKNOWN, NULL, NULL), 404);
    assert_string_equal(client_header(&c, "Connection"), "close");
    assert_int_equal(client_ask(&c, "GET", UNKNOWN, NULL, NULL), 0);
    client_close(&c);
}

static void check_says_yes_to_a_good_config(void **state)
{
    char said[4096];

    (void)state;
    daemon_configure(&d, "", "");
    assert_int_equal(daemon_run(&d, "--check", said, sizeof said), 0);
}

static void check_names(const char *words)
{
    char said[4096];

    assert_int_equal(daemon_run(&d, "--check", said, sizeof said), 65);
    assert_contains(said, words);
    assert_int_equal(daemon_run(&d, "--foreground", said, sizeof said), 65);
    assert_contains(said, words);
}

static void a_file_that_cannot_be_used_is_named(void **state)
{
    char key[256], other[256];

    (void)state;
    daemon_configure(&d, "", " target-crl = \"nowhere.pem\"\n");
    check_names("nowhere.pem");
    daemon_configure(&d, "", "");
    assert_int_equal(chmod(daemon_path(&d, "server.key", key), 0644), 0);
    check_names("server.key");
    assert_int_equal(rename(daemon_path(&d, "dev1.key", other), key), 0);
    check_names("not the key of that certificate");
    assert_int_equal(unlink(key), 0);
    check_names("server.key");
}

static void a_config_that_is_cut_is_refused(void **state)
{
    char path[256];

    (void)state;
    daemon_configure(&d, "", "");
    assert_int_equal(truncate(daemon_path(&d, "fieldrootd.conf", path), 150), 0);
    check_names("fieldrootd.conf");
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define C(name) cmocka_unit_test_setup_teardown(name, make, stop)
    const struct CMUnitTest tests[] = {
        T(a_killed_worker_is_replaced),
        T(a_killed_vault_comes_back_with_new_workers),
        T(a_killed_signer_comes_back_with_new_workers),
        T(only_the_vault_has_the_lock_and_the_database),
        T(a_hangup_reads_certificates_anew_and_lets_exchanges_end),
        T(a_second_daemon_on_the_same_folder_is_refused),
        T(it_ends_in_order_and_removes_its_listeners),
        T(children_die_with_their_parent),
        C(a_revoked_certificate_is_refused),
        C(an_address_has_so_many_connections_and_no_more),
        C(the_onem2m_profile_speaks_its_suite_only),
        C(a_connection_serves_so_many_requests),
        C(check_says_yes_to_a_good_config),
        C(a_file_that_cannot_be_used_is_named),
        C(a_config_that_is_cut_is_refused),
    };

    if (argc < 2)
        return 64;
    daemon_program = argv[1];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
