/* SPDX-License-Identifier: Apache-2.0 */
#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

#include "net/resolve.h"

#define READ_SIZE    16384 /* one TLS record */
#define TRY_MIN_MS   1000  /* for one address, whatever the others leave */
#define LAST_WORD_MS 1000  /* how long a peer that stopped reading may still speak */
#define DRAIN_READS  16

enum state { RESOLVING, CONNECTING, SHAKING, OPEN, ENDED };

struct fr_conn {
    struct fr_conn_setup setup;
    enum state state;
    struct fr_resolve *resolve;
    struct fr_addresses addresses;
    size_t next_address;
    int64_t try_deadline; /* of the address that is tried */
    int64_t cut_deadline; /* once nothing can be sent any more; 0: not yet */
    SSL *ssl;
    bool wants_write; /* the handshake does */
    bool says_goodbye;
    struct fr_tls_peer peer;
    struct fr_secret *exported;
    struct fr_buf out;
    struct fr_err err;
    size_t n_in; /* octets of in that were handed out: wiped by the next step */
    uint8_t in[READ_SIZE];
};

static int64_t now(const struct fr_conn *c)
{
    return fr_mono_ms(c->setup.env);
}

static struct fr_conn_event nothing(void)
{
    return (struct fr_conn_event){.kind = FR_CONN_NOTHING};
}

/* The socket goes, what was counted stays. Reads what is left first: closing over
 * unread octets would reset the connection and take our alert with it. */
static void hang_up(struct fr_conn *c)
{
    if (c->ssl && c->says_goodbye)
        (void)SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    c->ssl = NULL;
    ERR_clear_error();
    if (c->peer.fd >= 0) {
        (void)shutdown(c->peer.fd, SHUT_WR);
        for (int i = 0; i < DRAIN_READS; i++)
            if (recv(c->peer.fd, c->in, sizeof c->in, MSG_DONTWAIT) <= 0)
                break;
        (void)close(c->peer.fd);
    }
    c->peer.fd = -1;
    fr_resolve_free(c->resolve);
    c->resolve = NULL;
    fr_buf_clear(&c->out);
    c->state = ENDED;
}

/* c->err is set. */
static struct fr_conn_event failed(struct fr_conn *c)
{
    hang_up(c);
    return (struct fr_conn_event){.kind = FR_CONN_FAILED, .err = &c->err};
}

static struct fr_conn_event fail_timeout(struct fr_conn *c)
{
    static const char *const doing[] = {
        [RESOLVING] = "resolving its name",
        [CONNECTING] = "connecting",
        [SHAKING] = "in the TLS handshake",
        [OPEN] = "waiting for its answer",
    };

    fr_err_set(&c->err, FR_EUNREACHABLE, "timeout", FR_HERE,
               "%s:%u: time is over while %s", c->setup.host, c->setup.port,
               doing[c->state]);
    c->says_goodbye = c->state == OPEN;
    return failed(c);
}

static struct fr_conn_event fail_tls(struct fr_conn *c)
{
    c->says_goodbye = false; /* OpenSSL has sent its alert, or there is no one there */
    (void)fr_tls_fail(c->setup.tls, c->ssl, &c->peer, &c->err);
    return failed(c);
}

/* ---- resolving and connecting ---- */

static void address_failed(struct fr_conn *c, int why)
{
    const char *reason = "no-route";

    if (why == ECONNREFUSED)
        reason = "connect-refused";
    else if (why == ETIMEDOUT)
        reason = "timeout";
    fr_err_set(&c->err, FR_EUNREACHABLE, reason, FR_HERE, "cannot connect to %s:%u: %s",
               c->setup.host, c->setup.port, strerror(why));
    if (c->peer.fd >= 0)
        (void)close(c->peer.fd);
    c->peer.fd = -1;
}

static bool begin_connect(struct fr_conn *c, const struct fr_address *a)
{
    int on = 1;

    c->peer.fd =
        socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->peer.fd >= 0) {
        (void)setsockopt(c->peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(c->peer.fd, (const struct sockaddr *)&a->addr, a->len) == 0 ||
            errno == EINPROGRESS)
            return true;
    }
    address_failed(c, errno);
    return false;
}

/* Shares the time that is left among the addresses that are left. */
static struct fr_conn_event next_address(struct fr_conn *c)
{
    while (c->next_address < c->addresses.n) {
        int64_t left = c->setup.deadline - now(c);
        int64_t share = left / (int64_t)(c->addresses.n - c->next_address);
        c->try_deadline = now(c) + (share > TRY_MIN_MS ? share : TRY_MIN_MS);
        if (begin_connect(c, &c->addresses.list[c->next_address++])) {
            c->state = CONNECTING;
            return nothing();
        }
    }
    return failed(c);
}

static struct fr_conn_event step_resolving(struct fr_conn *c)
{
    enum fr_code rc;

    if (!fr_resolve_step(c->resolve, &c->addresses, &rc, &c->err))
        return nothing();
    if (rc != FR_OK)
        return failed(c);
    fr_resolve_free(c->resolve);
    c->resolve = NULL;
    return next_address(c);
}

static struct fr_conn_event step_connecting(struct fr_conn *c)
{
    struct pollfd fd = {.fd = c->peer.fd, .events = POLLOUT};
    int why = 0;
    socklen_t len = sizeof why;

    if (poll(&fd, 1, 0) < 1) {
        if (now(c) < c->try_deadline)
            return nothing();
        why = ETIMEDOUT;
    } else if (getsockopt(c->peer.fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0) {
        why = errno;
    }
    if (why != 0) {
        address_failed(c, why);
        return next_address(c);
    }
    c->peer.no_clock = c->setup.no_clock;
    c->peer.now_s = c->setup.no_clock ? c->setup.last_known_s : fr_wall_s(c->setup.env);
    if (!c->setup.is_plain &&
        fr_tls_session(c->setup.tls, &c->peer, &c->ssl, &c->err) != FR_OK)
        return failed(c);
    c->state = SHAKING;
    return (struct fr_conn_event){.kind = FR_CONN_TCP};
}

/* ---- without TLS ---- */

static struct fr_conn_event fail_cut(struct fr_conn *c, int why)
{
    fr_err_set(&c->err, FR_EUNREACHABLE, "connection-cut", FR_HERE,
               "connection to %s was cut: %s", c->setup.host, strerror(why));
    return failed(c);
}

/* False: the peer takes no more; errno says why. */
static bool flush_plain(struct fr_conn *c)
{
    while (c->out.len > 0) {
        ssize_t n =
            send(c->peer.fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->peer.octets_out += (uint64_t)n;
        fr_buf_consume(&c->out, (size_t)n);
    }
    return true;
}

/* Reads first: what the peer said last is still heard. c->in is wiped. */
static struct fr_conn_event step_plain(struct fr_conn *c)
{
    ssize_t n = recv(c->peer.fd, c->in, sizeof c->in, MSG_DONTWAIT);

    if (n > 0) {
        c->n_in = (size_t)n;
        c->peer.octets_in += (uint64_t)n;
        return (struct fr_conn_event){.kind = FR_CONN_BYTES, .bytes = {c->in, c->n_in}};
    }
    if (n == 0) {
        hang_up(c);
        return (struct fr_conn_event){.kind = FR_CONN_CLOSED};
    }
    if ((errno != EAGAIN && errno != EINTR) || !flush_plain(c))
        return fail_cut(c, errno);
    return nothing();
}

/* ---- TLS ---- */

static bool wants_more(struct fr_conn *c, int rc)
{
    int why = SSL_get_error(c->ssl, rc);

    c->wants_write = why == SSL_ERROR_WANT_WRITE;
    return c->wants_write || why == SSL_ERROR_WANT_READ;
}

static struct fr_conn_event connected(struct fr_conn *c)
{
    c->says_goodbye = true;
    if (fr_tls_check_session(c->setup.tls, c->ssl, &c->peer, &c->err) != FR_OK)
        return failed(c);
    if (c->setup.export_keys && fr_tls_export(c->ssl, &c->exported, &c->err) != FR_OK)
        return failed(c);
    c->state = OPEN;
    return (struct fr_conn_event){.kind = FR_CONN_CONNECTED};
}

/* A peer that no longer takes anything may have said why: wait for that, not long. */
static bool is_cut(struct fr_conn *c)
{
    if (!c->peer.write_broken)
        return false;
    fr_buf_reset(&c->out);
    if (c->cut_deadline == 0)
        c->cut_deadline = now(c) + LAST_WORD_MS;
    return now(c) >= c->cut_deadline;
}

static struct fr_conn_event step_shaking(struct fr_conn *c)
{
    if (c->setup.is_plain) {
        c->state = OPEN;
        return (struct fr_conn_event){.kind = FR_CONN_CONNECTED};
    }
    ERR_clear_error();
    int rc = SSL_do_handshake(c->ssl);

    if (rc == 1)
        return connected(c);
    if (!wants_more(c, rc) || is_cut(c))
        return fail_tls(c);
    return nothing();
}

static bool flush_out(struct fr_conn *c)
{
    size_t done;

    while (c->out.len > 0) {
        ERR_clear_error();
        int rc = SSL_write_ex(c->ssl, c->out.data, c->out.len, &done);
        if (rc != 1)
            return wants_more(c, rc);
        fr_buf_consume(&c->out, done);
    }
    return true;
}

/* Reads first: an alert says more than a write that fails. */
static struct fr_conn_event step_open(struct fr_conn *c)
{
    OPENSSL_cleanse(c->in, c->n_in);
    c->n_in = 0;
    if (c->setup.is_plain)
        return step_plain(c);
    ERR_clear_error();
    int rc = SSL_read_ex(c->ssl, c->in, sizeof c->in, &c->n_in);
    if (rc == 1)
        return (struct fr_conn_event){.kind = FR_CONN_BYTES, .bytes = {c->in, c->n_in}};
    if (SSL_get_error(c->ssl, rc) == SSL_ERROR_ZERO_RETURN) {
        hang_up(c);
        return (struct fr_conn_event){.kind = FR_CONN_CLOSED};
    }
    if (!wants_more(c, rc) || !flush_out(c) || is_cut(c))
        return fail_tls(c);
    return nothing();
}

struct fr_conn_event fr_conn_step(struct fr_conn *c)
{
    static struct fr_conn_event (*const steps[])(struct fr_conn *) = {
        [RESOLVING] = step_resolving,
        [CONNECTING] = step_connecting,
        [SHAKING] = step_shaking,
        [OPEN] = step_open,
    };
    enum state before;
    struct fr_conn_event ev = nothing();

    if (c->state != ENDED && now(c) >= c->setup.deadline)
        return fail_timeout(c);
    do {
        before = c->state;
        if (before != ENDED)
            ev = steps[before](c);
    } while (ev.kind == FR_CONN_NOTHING && c->state != before);
    return ev;
}

/* ---- the owner's side ---- */

enum fr_code fr_conn_open(const struct fr_conn_setup *setup, struct fr_conn **ret,
                          struct fr_err *err)
{
    struct fr_conn *c;

    if (setup->is_plain != !setup->tls)
        return FR_FAIL(err, FR_EINTERNAL, "a connection is either TLS or plain");
    c = calloc(1, sizeof *c);
    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a connection");
    c->setup = *setup;
    c->peer = (struct fr_tls_peer){.host = setup->host,
                                   .anchors = setup->anchors,
                                   .n_anchors = setup->n_anchors,
                                   .fd = -1,
                                   .alert = -1};
    c->out = (struct fr_buf)FR_BUF_INIT_WIPE(FR_CONN_OUT_MAX);
    fr_err_set(&c->err, FR_EUNREACHABLE, "dns-failure", FR_HERE, "%s has no address",
               setup->host);

    enum fr_code rc = fr_resolve_open(setup, &c->resolve, err);
    if (rc != FR_OK) {
        fr_conn_close(c);
        return rc;
    }
    *ret = c;
    return FR_OK;
}

void fr_conn_close(struct fr_conn *c)
{
    if (!c)
        return;
    hang_up(c);
    fr_secret_free(c->exported);
    OPENSSL_cleanse(c->in, sizeof c->in);
    free(c);
}

enum fr_code fr_conn_send(struct fr_conn *c, struct fr_slice bytes, struct fr_err *err)
{
    if (c->state == ENDED || c->peer.write_broken)
        return FR_OK;
    fr_buf_put(&c->out, bytes.data, bytes.len);
    return fr_buf_check(&c->out, err);
}

void fr_conn_set_deadline(struct fr_conn *c, int64_t deadline)
{
    c->setup.deadline = deadline;
}

static short wanted(const struct fr_conn *c)
{
    if (c->state == CONNECTING)
        return POLLOUT;
    if (c->wants_write || c->out.len > 0)
        return POLLIN | POLLOUT;
    return POLLIN;
}

size_t fr_conn_interests(const struct fr_conn *c, struct pollfd *fds, size_t max,
                         int64_t *ret_deadline)
{
    int wait_ms;

    *ret_deadline = c->setup.deadline;
    if (c->state == CONNECTING && c->try_deadline < *ret_deadline)
        *ret_deadline = c->try_deadline;
    if (c->cut_deadline != 0 && c->cut_deadline < *ret_deadline)
        *ret_deadline = c->cut_deadline;

    if (c->state == RESOLVING) {
        size_t n = fr_resolve_interests(c->resolve, fds, max, &wait_ms);
        if (wait_ms >= 0 && now(c) + wait_ms < *ret_deadline)
            *ret_deadline = now(c) + wait_ms;
        return n;
    }
    if (c->peer.fd < 0 || max == 0)
        return 0;
    fds[0] = (struct pollfd){.fd = c->peer.fd, .events = wanted(c)};
    return 1;
}

const struct fr_secret *fr_conn_exported(const struct fr_conn *c)
{
    return c->exported;
}

const char *fr_conn_tls_version(const struct fr_conn *c)
{
    return c->ssl ? SSL_get_version(c->ssl) : "";
}

int64_t fr_conn_peer_not_before(const struct fr_conn *c)
{
    return c->peer.not_before;
}

uint64_t fr_conn_octets_out(const struct fr_conn *c)
{
    return c->peer.octets_out;
}

uint64_t fr_conn_octets_in(const struct fr_conn *c)
{
    return c->peer.octets_in;
}
