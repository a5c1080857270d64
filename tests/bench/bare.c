/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare CERT KEY ANCHORS PROCESSES: the baseline, a blocking OpenSSL server as one would
 * write it on one page: accept, mutual handshake, one small answer. Says its port, and
 * ends with its standard input.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, PROCESSES_MAX = 64 };

static int fail(const char *what)
{
    fprintf(stderr, "bare: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

static SSL_CTX *context(char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, argv[3], NULL) != 1 ||
        SSL_CTX_set_num_tickets(ctx, 0) != 1)
        return NULL;
    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(argv[3]));
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ctx;
}

static int listener(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(fd, BACKLOG) != 0 || getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return -1;
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void serve(SSL_CTX *ctx, int fd)
{
    static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    char request[1024];
    SSL *ssl = SSL_new(ctx);
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1 &&
        SSL_read(ssl, request, sizeof request) > 0 &&
        SSL_write(ssl, answer, sizeof answer - 1) > 0)
        SSL_shutdown(ssl);
    ERR_clear_error();
    SSL_free(ssl);
    close(fd);
}

static void serve_all(SSL_CTX *ctx, int listening)
{
    int fd;

    while ((fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        serve(ctx, fd);
}

int main(int argc, char **argv)
{
    pid_t pids[PROCESSES_MAX];
    int n = argc == 5 ? atoi(argv[4]) : 0, listening;
    SSL_CTX *ctx;
    char c;

    if (n < 1 || n > PROCESSES_MAX)
        return fail("usage: bare CERT KEY ANCHORS PROCESSES");
    signal(SIGPIPE, SIG_IGN);
    ctx = context(argv);
    listening = ctx ? listener() : -1;
    if (listening < 0)
        return fail("cannot start");
    for (int i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            serve_all(ctx, listening);
            _exit(1);
        }
    }
    while (read(0, &c, 1) > 0)
        continue;
    for (int i = 0; i < n; i++)
        kill(pids[i], SIGKILL);
    return 0;
}
