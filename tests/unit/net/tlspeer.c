/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/net/tlspeer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/pki.h"
#include "test.h"
#include "tree.h"

#define DAY 86400

static char folder[64];

const struct fr_host peer_hosts[1] = {{.name = PEER_HOST, .address = "127.0.0.1"}};

/* ---- certificates ---- */

const char *pki_path(const char *name)
{
    static char buffers[8][PKI_PATH];
    static size_t next;
    char *to = buffers[next++ % 8];

    (void)snprintf(to, PKI_PATH, "%s/%s", folder, name);
    return to;
}

static void issue(const char *ca, const char *name, const char *dns)
{
    int64_t now = fr_wall_s(&fr_env_system);
    struct fr_san san;
    char cert[64], key[64], text[128];
    struct fr_err err;
    struct fr_pki_request request = {.common_name = name,
                                     .sans = &san,
                                     .n_sans = 1,
                                     .not_before = now - DAY,
                                     .not_after = now + 30 * DAY};

    (void)snprintf(text, sizeof text, "dns:%s", dns);
    (void)snprintf(cert, sizeof cert, "%s.pem", name);
    (void)snprintf(key, sizeof key, "%s.key", name);
    assert_ok(fr_san_parse(text, &san, &err));
    assert_ok(
        fr_pki_issue(pki_path(ca), &request, pki_path(cert), pki_path(key), &err));
}

int pki_setup(void **state)
{
    static const char *const cas[] = {"mef-ca", "other-ca", "device-ca"};
    int64_t until = fr_wall_s(&fr_env_system) + 365 * DAY;
    struct fr_err err;

    (void)state;
    (void)strcpy(folder, "/tmp/fr-net-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof cas / sizeof cas[0]; i++)
        assert_ok(fr_pki_init(pki_path(cas[i]), cas[i], NULL, until, &err));
    issue("mef-ca", "mef", PEER_HOST);
    issue("mef-ca", "wrong", "wrong.example.com");
    issue("mef-ca", "revoked", PEER_HOST);
    issue("other-ca", "other", PEER_HOST);
    issue("device-ca", "device", "dev1.example.com");
    assert_ok(fr_pki_revoke(pki_path("mef-ca"), pki_path("revoked.pem"), &err));
    return 0;
}

int pki_teardown(void **state)
{
    (void)state;
    return tree_remove(folder);
}

/* ---- the server (child process: no cmocka in here) ---- */

static void serve_echo(SSL *ssl)
{
    char buf[4096];
    size_t n, done;

    while (SSL_read_ex(ssl, buf, sizeof buf, &n) == 1)
        if (SSL_write_ex(ssl, buf, n, &done) != 1)
            return;
}

static void serve_http(SSL *ssl, bool once)
{
    char head[4096];
    size_t len = 0, n;

    while (len < sizeof head - 1 &&
           SSL_read_ex(ssl, head + len, sizeof head - 1 - len, &n) == 1) {
        len += n;
        head[len] = 0;
        if (!strstr(head, "\r\n\r\n"))
            continue;
        char answer[256];
        int size = snprintf(answer, sizeof answer,
                            "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                            strlen(PEER_BODY), PEER_BODY);
        if (SSL_write(ssl, answer, size) != size || once)
            break;
        len = 0;
    }
    (void)SSL_shutdown(ssl);
}

/* What DESIGN 3 asks of a server that has sent an alert. */
static void drain(int fd)
{
    char buf[65536];
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    (void)shutdown(fd, SHUT_WR);
    while (poll(&pfd, 1, 1000) > 0 && recv(fd, buf, sizeof buf, 0) > 0)
        ;
}

static void serve_tls(SSL_CTX *ctx, int fd, enum peer_act act)
{
    SSL *ssl = SSL_new(ctx);

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1)
        drain(fd);
    else if (act == PEER_ECHO)
        serve_echo(ssl);
    else if (act == PEER_HTTP || act == PEER_HTTP_ONCE)
        serve_http(ssl, act == PEER_HTTP_ONCE);
    else if (act == PEER_BYE)
        (void)SSL_shutdown(ssl);
    SSL_free(ssl);
}

static void wait_for_end(int fd)
{
    char buf[4096];

    while (recv(fd, buf, sizeof buf, 0) > 0)
        ;
}

static void serve(SSL_CTX *ctx, int fd, enum peer_act act)
{
    char buf[4096];
    const char other[] = "SSH-2.0-garbage and more garbage\r\n";

    switch (act) {
    case PEER_GARBAGE:
        (void)send(fd, other, sizeof other - 1, MSG_NOSIGNAL);
        wait_for_end(fd);
        break;
    case PEER_SILENT:
        wait_for_end(fd);
        break;
    case PEER_CUT_HELLO:
        (void)recv(fd, buf, sizeof buf, 0);
        break;
    default:
        serve_tls(ctx, fd, act);
    }
    (void)close(fd);
}

static SSL_CTX *server_ctx(const struct peer_setup *s)
{
    const char *cert = s->cert ? s->cert : "mef";
    char name[64], ca[64];
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    (void)snprintf(name, sizeof name, "%s.pem", cert);
    int ok = SSL_CTX_use_certificate_chain_file(ctx, pki_path(name));
    (void)snprintf(name, sizeof name, "%s.key", cert);
    ok &= SSL_CTX_use_PrivateKey_file(ctx, pki_path(name), SSL_FILETYPE_PEM);
    (void)snprintf(ca, sizeof ca, "%s-ca/ca.pem",
                   s->client_ca ? s->client_ca : "device");
    ok &= SSL_CTX_load_verify_file(ctx, pki_path(ca));
    if (s->max_version)
        ok &= SSL_CTX_set_max_proto_version(ctx, s->max_version) == 1;
    if (s->no_ems)
        SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (ok != 1)
        _exit(2);
    return ctx;
}

static int listen_loopback(uint16_t *ret_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

struct peer peer_start(const struct peer_setup *setup)
{
    struct peer p;
    int fd = listen_loopback(&p.port);

    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGPIPE, SIG_IGN);
        SSL_CTX *ctx = server_ctx(setup);
        for (;;)
            serve(ctx, accept(fd, NULL, NULL), setup->act);
    }
    (void)close(fd);
    return p;
}

void peer_stop(struct peer *p)
{
    (void)kill(p->pid, SIGKILL);
    (void)waitpid(p->pid, NULL, 0);
}

uint16_t peer_dead_port(void)
{
    uint16_t port;

    (void)close(listen_loopback(&port));
    return port;
}

/* ---- the client's side ---- */

static int64_t shifted_wall(void *ctx)
{
    const struct shifted_env *e = ctx;

    return fr_wall_s(&fr_env_system) + e->shift;
}

void shifted_env_init(struct shifted_env *e)
{
    *e = (struct shifted_env){.env = fr_env_system};
    e->env.wall_s = shifted_wall;
    e->env.ctx = e;
}

struct fr_tls *client_tls(const char *ca, const char *crl)
{
    char anchors[64];
    struct fr_tls *tls;
    struct fr_err err;

    (void)snprintf(anchors, sizeof anchors, "%s-ca/ca.pem", ca);
    struct fr_tls_setup setup = {.cert_path = pki_path("device.pem"),
                                 .key_path = pki_path("device.key"),
                                 .anchors_path = pki_path(anchors),
                                 .crl_path = crl ? pki_path(crl) : NULL};
    assert_ok(fr_tls_new(&setup, &tls, &err));
    return tls;
}
