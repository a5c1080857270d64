/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/tls_rules.h"

static enum fr_code failed(const char *what, struct fr_err *err)
{
    unsigned long e = ERR_get_error();

    return FR_FAIL(err, FR_EUNREACHABLE, "%s: %s", what,
                   e ? ERR_reason_error_string(e) : strerror(errno));
}

/* Set 1 of TS 35.208. */
#define SIM_K   "465b5ce8b199b49faa5f0a2ee238a6bc"
#define SIM_OPC "cd63cb71954a9f4e48a5994e37a02baf"

enum fr_code server_init(struct server *s, const char *anchors, struct fr_err *err)
{
    FR_TRY(fr_secret_from_hex(fr_slice_str(SIM_K), &s->sim.k, err));
    FR_TRY(fr_secret_from_hex(fr_slice_str(SIM_OPC), &s->sim.opc, err));
    s->ctx = SSL_CTX_new(TLS_client_method());
    if (!s->ctx || SSL_CTX_load_verify_locations(s->ctx, anchors, NULL) != 1)
        return failed(anchors, err);
    /* A device's (src/net/tls.c): its hello is a part of what is on the wire. */
    if (SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(s->ctx, FR_TLS_SUITES) != 1 ||
        SSL_CTX_set1_groups_list(s->ctx, FR_TLS_GROUPS) != 1 ||
        SSL_CTX_set1_sigalgs_list(s->ctx, FR_TLS_SIGNATURES) != 1)
        return failed("setting up TLS", err);
    SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
    return FR_OK;
}

static enum fr_code dial(struct link *l, const struct server *s, struct fr_err *err)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&to, sizeof to) != 0)
        return failed("connect", err);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return FR_OK;
}

enum fr_code link_open_plain(struct link *l, const struct server *s, struct fr_err *err)
{
    *l = (struct link){.fd = -1};
    ERR_clear_error();
    FR_TRY(dial(l, s, err));
    l->socket = BIO_new_socket(l->fd, BIO_NOCLOSE);
    if (!l->socket)
        return failed("setting up a stream", err);
    return FR_OK;
}

static bool show(SSL *ssl, const struct identity *who)
{
    return !who || (SSL_use_certificate(ssl, who->cert) == 1 &&
                    SSL_use_PrivateKey(ssl, who->key) == 1);
}

enum fr_code link_open(struct link *l, const struct server *s,
                       const struct identity *who, struct fr_err *err)
{
    FR_TRY(link_open_plain(l, s, err));
    l->ssl = SSL_new(s->ctx);
    if (!l->ssl)
        return failed("setting up TLS", err);
    SSL_set_bio(l->ssl, l->socket, l->socket); /* takes it */
    if (!show(l->ssl, who) || SSL_set_tlsext_host_name(l->ssl, s->host) != 1 ||
        SSL_set1_host(l->ssl, s->host) != 1)
        return failed("setting up TLS", err);
    if (SSL_connect(l->ssl) != 1)
        return failed("handshake", err);
    return FR_OK;
}

enum fr_code link_send(struct link *l, struct fr_slice octets, struct fr_err *err)
{
    int n = l->ssl ? SSL_write(l->ssl, octets.data, (int)octets.len)
                   : BIO_write(l->socket, octets.data, (int)octets.len);

    if (n != (int)octets.len)
        return failed("write", err);
    return FR_OK;
}

enum fr_code link_receive(struct link *l, uint8_t *to, size_t size, size_t *ret_n,
                          struct fr_err *err)
{
    int n =
        l->ssl ? SSL_read(l->ssl, to, (int)size) : BIO_read(l->socket, to, (int)size);

    if (n <= 0)
        return failed("the stream ended", err);
    *ret_n = (size_t)n;
    return FR_OK;
}

void link_close(struct link *l)
{
    if (l->ssl)
        SSL_shutdown(l->ssl);
    if (l->socket) {
        l->in = BIO_number_read(l->socket);
        l->out = BIO_number_written(l->socket);
    }
    if (l->ssl)
        SSL_free(l->ssl);
    else
        BIO_free(l->socket);
    if (l->fd >= 0)
        close(l->fd);
    l->ssl = NULL;
    l->socket = NULL;
    l->fd = -1;
}
