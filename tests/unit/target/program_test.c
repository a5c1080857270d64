/* SPDX-License-Identifier: Apache-2.0 */
/* The whole program against a small TLS server on loopback. */
#include "target/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "crypto/pki.h"
#include "fake_mef.h"

/* ---- a MEF that knows a few paths ---- */

struct page {
    const char *path; /* without the query's wait */
    int status;
    const char *body; /* NULL: never answers */
};

static const struct page pages[] = {
    {SINCE("0"), 200, FEED("4", CHANGE("4", "added", "A"))},
    {FETCH("A"), 200, GIVES_A},
    {SINCE("4") LAST("A"), 200, FEED("4", "")},
    {SINCE("4") LAST("A") "&wait=50", 200, NULL},
};

static const struct page refusal[] = {
    {SINCE("0"), 403, "{\"reason\":\"target-unknown\",\"text\":\"who are you?\"}"}};

static const struct page *find_page(const struct page *list, size_t n, const char *head)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(list[i].path);

        if (strncmp(head, "GET ", 4) == 0 &&
            strncmp(head + 4, list[i].path, len) == 0 && head[4 + len] == ' ')
            return &list[i];
    }
    return NULL;
}

/* Until the client hangs up. */
static void serve_client(SSL *ssl, const struct page *list, size_t n)
{
    char head[4096], answer[4096];
    int got;

    while ((got = SSL_read(ssl, head, sizeof head - 1)) > 0) {
        const struct page *page;

        head[got] = 0;
        page = find_page(list, n, head);
        if (page && !page->body)
            continue;
        got =
            snprintf(answer, sizeof answer,
                     "HTTP/1.1 %d x\r\nX-M2M-RSC: %d\r\nContent-Length: %zu\r\n\r\n%s",
                     page ? page->status : 404,
                     page && page->status == 200 ? 2000
                     : page                      ? 4103
                                                 : 4004,
                     page ? strlen(page->body) : 0, page ? page->body : "");
        SSL_write(ssl, answer, got);
    }
}

static SSL_CTX *server_context(void **state)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (SSL_CTX_use_certificate_file(ctx, in(state, "mef.pem"), SSL_FILETYPE_PEM) !=
            1 ||
        SSL_CTX_use_PrivateKey_file(ctx, in(state, "mef.key"), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, in(state, "ca/ca.pem"), NULL) != 1)
        _exit(99);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_num_tickets(ctx, 0);
    return ctx;
}

static void serve(void **state, int listener, const struct page *list, size_t n)
{
    SSL_CTX *ctx = server_context(state);

    for (;;) {
        int fd = accept(listener, NULL, NULL);
        SSL *ssl = SSL_new(ctx);

        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1)
            serve_client(ssl, list, n);
        SSL_free(ssl);
        close(fd);
    }
}

/* A listening socket of loopback; its port in *ret. */
static int listen_somewhere(uint16_t *ret)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &len), 0);
    *ret = ntohs(to.sin_port);
    return fd;
}

static pid_t start_mef(void **state, const struct page *list, size_t n, uint16_t *port)
{
    int listener = listen_somewhere(port);
    pid_t pid;

    assert_int_equal(listen(listener, 8), 0);
    pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        serve(state, listener, list, n);
    }
    close(listener);
    return pid;
}

static void stop_mef(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- what the program needs ---- */

/* The name in question is the second of two. */
static void issue(void **state, const char *name, const char *dns)
{
    struct fr_san sans[2] = {{.type = FR_SAN_DNS, .value = "alias.example"},
                             {.type = FR_SAN_DNS}};
    struct fr_pki_request req = {.sans = sans,
                                 .n_sans = 2,
                                 .not_before = time(NULL) - 60,
                                 .not_after = time(NULL) + 3600};
    char cert[64], key[64];
    struct fr_err err = {0};

    snprintf(sans[1].value, sizeof sans[1].value, "%s", dns);
    snprintf(cert, sizeof cert, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    assert_ok(
        fr_pki_issue(in(state, "ca"), &req, in(state, cert), in(state, key), &err));
}

static int make_place(void **state)
{
    struct fr_err err = {0};

    if (make_folder(state) != 0 ||
        fr_pki_init(in(state, "ca"), "CA", NULL, time(NULL) + 3600, &err) != FR_OK ||
        fr_pki_init(in(state, "ca2"), "CA 2", NULL, time(NULL) + 3600, &err) != FR_OK)
        return -1;
    issue(state, "mef", MEF);
    issue(state, "broker", "broker.example");
    return 0;
}

static void write_config(void **state, const char *fqdn, uint16_t port,
                         const char *anchors)
{
    char text[1024];

    snprintf(text, sizeof text,
             "fqdn = \"%s\"\ncertificate = \"broker.pem\"\nkey = \"broker.key\"\n"
             "trust-anchors = \"%s\"\nstate = \"state\"\npsk-file = \"psk\"\n"
             "mef {\nfqdn = \"" MEF "\"\nport = %u\naddress = \"127.0.0.1\"\n}\n",
             fqdn, anchors, port);
    write_text(in(state, "conf"), text);
}

struct output {
    char *out, *err;
};

static int run(void **state, bool json, struct output *ret)
{
    size_t n_out, n_err;
    struct fr_target_options o = {.config = in(state, "conf"),
                                  .json = json,
                                  .out = open_memstream(&ret->out, &n_out),
                                  .err = open_memstream(&ret->err, &n_err)};
    int status = fr_target_run(&o);

    fclose(o.out);
    fclose(o.err);
    return status;
}

static void output_free(struct output *o)
{
    free(o->out);
    free(o->err);
}

static void assert_exits(void **state, int want, const char *says)
{
    struct output o;
    int status = run(state, false, &o);

    if (status != want)
        fail_msg("exit %d instead of %d: %s", status, want, o.err);
    assert_contains(o.err, says);
    output_free(&o);
}

/* ---- tests ---- */

static void one_pass_brings_the_key_from_the_mef_to_the_broker(void **state)
{
    struct output o;
    uint16_t port;
    pid_t mef = start_mef(state, pages, 4, &port);

    write_config(state, "broker.example", port, "ca/ca.pem");
    assert_int_equal(run(state, true, &o), 0);
    assert_string_equal(o.err, "");
    assert_contains(o.out, "{\"event\":\"added\",\"keyId\":\"");
    assert_null(strstr(o.out, "aaaa"));
    assert_holds(in(state, "psk"), LINE_OF("A"));
    output_free(&o);
    assert_int_equal(run(state, true, &o), 0); /* nothing new */
    assert_string_equal(o.out, "");
    output_free(&o);
    stop_mef(mef);
}

static void mef_that_refuses_us_is_77(void **state)
{
    uint16_t port;
    pid_t mef = start_mef(state, refusal, 1, &port);

    write_config(state, "broker.example", port, "ca/ca.pem");
    assert_exits(state, 77, "who are you?");
    stop_mef(mef);
}

static void mef_that_we_do_not_trust_is_77(void **state)
{
    uint16_t port;
    pid_t mef = start_mef(state, pages, 4, &port);

    write_config(state, "broker.example", port, "ca2/ca.pem");
    assert_exits(state, 77, MEF);
    stop_mef(mef);
}

static void mef_without_a_feed_is_76(void **state)
{
    uint16_t port;
    pid_t mef = start_mef(state, pages, 0, &port);

    write_config(state, "broker.example", port, "ca/ca.pem");
    assert_exits(state, 76, MEF);
    stop_mef(mef);
}

static void nobody_at_the_address_is_69(void **state)
{
    uint16_t port;
    int fd = listen_somewhere(&port); /* bound, but it does not listen */

    write_config(state, "broker.example", port, "ca/ca.pem");
    assert_exits(state, 69, MEF);
    close(fd);
}

static void bad_files_are_65(void **state)
{
    assert_exits(state, 65, "no such file");
    write_config(state, "other.example", 1, "ca/ca.pem");
    assert_exits(state, 65, "other.example");
    write_config(state, "broker.example", 1, "none.pem");
    assert_exits(state, 65, "none.pem");
}

static void second_run_at_the_same_time_is_75(void **state)
{
    int fd;

    write_config(state, "broker.example", 1, "ca/ca.pem");
    assert_int_equal(mkdir(in(state, "state"), 0700), 0);
    fd = open(in(state, "state/lock"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_exits(state, 75, "another fieldroot-target");
    close(fd);
}

static void state_that_cannot_be_made_is_73(void **state)
{
    write_config(state, "broker.example", 1, "ca/ca.pem");
    write_text(in(state, "state"), "in the way");
    assert_exits(state, 73, "state");
}

static void damaged_cache_is_read_anew(void **state)
{
    struct output o;
    uint16_t port;
    pid_t mef = start_mef(state, pages, 4, &port);

    write_config(state, "broker.example", port, "ca/ca.pem");
    assert_int_equal(mkdir(in(state, "state"), 0700), 0);
    write_text(in(state, "state/cache"), "fieldroot-target-cache 1\n");
    assert_int_equal(run(state, false, &o), 0);
    assert_contains(o.err, "warning");
    assert_holds(in(state, "psk"), LINE_OF("A"));
    output_free(&o);
    stop_mef(mef);
}

static void keys_that_a_kill_left_in_temporary_files_go(void **state)
{
    struct output o;

    write_config(state, "broker.example", 1, "ca/ca.pem");
    assert_int_equal(mkdir(in(state, "state"), 0700), 0);
    write_text(in(state, "state/cache.tmp-1"), "key=");
    write_text(in(state, "psk.tmp-2147483647"), "a:00\n"); /* beyond any pid */
    assert_int_equal(run(state, false, &o), 69);
    assert_int_equal(access(in(state, "state/cache.tmp-1"), F_OK), -1);
    assert_int_equal(access(in(state, "psk.tmp-2147483647"), F_OK), -1);
    output_free(&o);
}

/* Waits for the line about the key, then for the end that a signal asks for. */
static void watch_follows_until_it_is_told_to_stop(void **state)
{
    char line[512];
    int fds[2], status;
    FILE *out;
    uint16_t port;
    pid_t pid, mef = start_mef(state, pages, 4, &port);

    write_config(state, "broker.example", port, "ca/ca.pem");
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        struct fr_target_options o = {.config = in(state, "conf"),
                                      .watch = true,
                                      .json = true,
                                      .out = fdopen(fds[1], "w"),
                                      .err = stderr};

        close(fds[0]);
        _exit(fr_target_run(&o));
    }
    close(fds[1]);
    out = fdopen(fds[0], "r");
    assert_non_null(fgets(line, sizeof line, out));
    assert_contains(line, "\"added\"");
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fclose(out);
    stop_mef(mef);
}

/* ---- what jansson frees ---- */

void __real_free(void *p);
void __wrap_free(void *p);

static uint8_t *watched; /* 64 octets, about to be freed */
static bool was_wiped;

void __wrap_free(void *p)
{
    if (p && p == watched) {
        was_wiped = true;
        for (int i = 0; i < 64; i++)
            was_wiped = was_wiped && watched[i] == 0;
        watched = NULL;
    }
    __real_free(p);
}

static void what_jansson_frees_is_wiped(void **state)
{
    struct fr_target_options o = {
        .config = "/nonexistent", .out = stdout, .err = stderr};
    json_malloc_t take;
    json_free_t give;

    (void)state;
    assert_int_equal(fr_target_run(&o), 65);
    json_get_alloc_funcs(&take, &give);
    watched = take(64);
    assert_non_null(watched);
    memset(watched, 0x5a, 64);
    give(watched);
    assert_true(was_wiped);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(one_pass_brings_the_key_from_the_mef_to_the_broker),
        IN_PLACE(mef_that_refuses_us_is_77),
        IN_PLACE(mef_that_we_do_not_trust_is_77),
        IN_PLACE(mef_without_a_feed_is_76),
        IN_PLACE(nobody_at_the_address_is_69),
        IN_PLACE(bad_files_are_65),
        IN_PLACE(second_run_at_the_same_time_is_75),
        IN_PLACE(state_that_cannot_be_made_is_73),
        IN_PLACE(damaged_cache_is_read_anew),
        IN_PLACE(keys_that_a_kill_left_in_temporary_files_go),
        IN_PLACE(watch_follows_until_it_is_told_to_stop),
        cmocka_unit_test(what_jansson_frees_is_wiped),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
