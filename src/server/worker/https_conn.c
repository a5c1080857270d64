/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/https_conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/http/response.h"

enum {
    MS = 1000,
    HANDLING_MS = 90 * MS, /* beyond the longest poll */
    PIPELINE_MAX = 16384,  /* octets kept while an answer is in the making */
    NOTES_PER_S = 10,
    NOTES_BURST = 20
};

static void on_event(struct bufferevent *bev, short what, void *arg);
static void on_read(struct bufferevent *bev, void *arg);
static void on_write(struct bufferevent *bev, void *arg);
static void on_timer(int fd, short what, void *arg);
static void answered(struct fr_exchange *x, void *arg);

static const struct fr_limits *limits_of(const struct fr_https_conn *c)
{
    return &c->owner->config.worker->config->limits;
}

static void arm(struct fr_https_conn *c, int64_t ms)
{
    struct timeval tv = {ms / MS, (ms % MS) * MS};

    event_add(c->timer, &tv);
}

/* --- life */

static void link_in(struct fr_https_conn *c)
{
    struct fr_https *h = c->owner;

    c->next = h->first;
    c->at = &h->first;
    if (c->next)
        c->next->at = &c->next;
    h->first = c;
}

static void free_parts(struct fr_https_conn *c)
{
    const struct fr_service *service = c->owner->config.service;

    if (c->timer)
        event_free(c->timer);
    fr_exchange_clear(&c->exchange);
    if (c->session && service->session_free)
        service->session_free(c->session);
    fr_secret_free(c->client.exported);
    fr_request_free(c->request);
    if (c->bev) /* frees ssl and closes the descriptor */
        bufferevent_free(c->bev);
}

void fr_https_conn_free(struct fr_https_conn *c)
{
    struct fr_https *h = c->owner;
    char address[sizeof c->client.address];

    memcpy(address, c->client.address, sizeof address);
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    free_parts(c);
    free(c);
    fr_https_left(h, address);
}

/* The last word is said: lets the peer read it before the descriptor is closed. */
static void end_in_order(struct fr_https_conn *c, bool close_notify)
{
    ERR_clear_error();
    if (close_notify)
        SSL_shutdown(c->ssl);
    fr_linger(c->owner->lingerers, bufferevent_getfd(c->bev));
    fr_https_conn_free(c);
}

static enum fr_code open_parts(struct fr_https_conn *c, int *fd, struct fr_err *err)
{
    struct fr_https *h = c->owner;
    struct event_base *base = h->config.worker->base;
    SSL *ssl = NULL;

    FR_TRY(fr_tls_server_accept(h->config.tls, &c->verdict, &ssl, err));
    c->bev = bufferevent_openssl_socket_new(base, *fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                            BEV_OPT_CLOSE_ON_FREE);
    if (!c->bev) /* it has freed ssl */
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a connection");
    c->ssl = ssl;
    *fd = -1;
    c->timer = evtimer_new(base, on_timer, c);
    if (!c->timer)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a connection");
    return FR_OK;
}

void fr_https_conn_new(struct fr_https *h, int fd, const char *address)
{
    struct fr_https_conn *c = calloc(1, sizeof *c);
    struct fr_err err;

    if (!c) {
        close(fd);
        fr_https_left(h, address);
        return;
    }
    c->owner = h;
    snprintf(c->client.address, sizeof c->client.address, "%s", address);
    fr_exchange_init(&c->exchange);
    link_in(c);
    if (open_parts(c, &fd, &err) != FR_OK) {
        fr_log(FR_LOG_WARN, "%s: %s", address, err.msg);
        if (fd >= 0)
            close(fd);
        fr_https_conn_free(c);
        return;
    }
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, PIPELINE_MAX);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    arm(c, limits_of(c)->handshake_ms);
}

/* --- what never becomes a request */

static void send_note(struct fr_https_conn *c, const struct fr_err *err)
{
    struct fr_exchange *x = &c->exchange; /* unused yet: lends its packing */
    struct fr_peer peer = c->client.peer;

    if (c->client.peer.kind == FR_PEER_NONE)
        c->client.peer = c->verdict.claimed;
    x->worker = c->owner->config.worker;
    x->client = &c->client;
    fr_exchange_note(x, err);
    c->client.peer = peer;
}

/* Refusals go to the audit trail and the log, rate limited; noise only to debug. */
static void tell(struct fr_https_conn *c, const struct fr_err *err)
{
    struct fr_https *h = c->owner;
    int64_t now = fr_mono_ms(h->config.worker->env);
    char name[FR_SAN_TEXT_MAX + 1];

    fr_peer_format(c->client.peer.kind ? &c->client.peer : &c->verdict.claimed, name);
    if (err->code != FR_EREFUSED)
        fr_log(FR_LOG_DEBUG, "%s: %s", c->client.address, err->msg);
    else if (fr_bucket_take(&h->notes, now, NOTES_PER_S, NOTES_BURST)) {
        fr_log(FR_LOG_INFO, "%s (%s): %s", c->client.address, name, err->msg);
        send_note(c, err);
    }
}

static void handshake_failed(struct fr_https_conn *c)
{
    struct fr_err err;

    (void)fr_tls_server_explain(&c->verdict, bufferevent_get_openssl_error(c->bev),
                                &err);
    tell(c, &err);
    end_in_order(c, false); /* OpenSSL has written its alert */
}

/* --- the handshake is over */

static enum fr_code establish(struct fr_https_conn *c, struct fr_err *err)
{
    struct fr_https_config *k = &c->owner->config;
    const struct fr_limits *limits = limits_of(c);

    FR_TRY(fr_tls_server_identify(k->worker->config, c->ssl, &c->client.peer, err));
    if (k->service->exports)
        FR_TRY(fr_tls_server_export(c->ssl, &c->client.exported, err));
    FR_TRY(
        fr_request_new((size_t)limits->header, (size_t)limits->body, &c->request, err));
    if (k->service->session_new)
        FR_TRY(k->service->session_new(k->worker, &c->client, &c->session, err));
    /* The session has what it derived from it. */
    fr_secret_free(c->client.exported);
    c->client.exported = NULL;
    return FR_OK;
}

static void await_request(struct fr_https_conn *c)
{
    struct fr_exchange *x = &c->exchange;

    fr_exchange_reset(x);
    fr_request_reset(c->request);
    x->request = c->request;
    x->worker = c->owner->config.worker;
    x->client = &c->client;
    x->session = c->session;
    x->done = answered;
    x->done_arg = c;
    c->begun = false;
    c->state = FR_HTTPS_READING;
    arm(c, limits_of(c)->idle_ms);
}

/* For the audit trail: what a certificate says whose bearer is refused all the same. */
static void claim(struct fr_https_conn *c)
{
    X509 *leaf = SSL_get0_peer_certificate(c->ssl);
    struct fr_err unused;

    if (!leaf || fr_peer_from_leaf(leaf, &c->verdict.claimed, &unused) != FR_OK)
        memset(&c->verdict.claimed, 0, sizeof c->verdict.claimed);
}

static void connected(struct fr_https_conn *c)
{
    struct fr_err err;

    if (establish(c, &err) != FR_OK) {
        claim(c);
        tell(c, &err);
        end_in_order(c, true);
        return;
    }
    await_request(c);
}

/* --- requests */

static bool is_busy(const struct fr_https_conn *c)
{
    const struct fr_service *service = c->owner->config.service;

    return c->session && service->session_is_busy &&
           service->session_is_busy(c->session);
}

static bool is_last(const struct fr_https_conn *c)
{
    return c->last || c->n_requests >= limits_of(c)->requests ||
           !fr_request_keeps_alive(c->request) ||
           fr_str_equal(fr_request_method(c->request), "HEAD") ||
           (c->owner->draining && !is_busy(c));
}

static void wipe_body(const void *data, size_t len, void *arg)
{
    struct fr_buf *body = arg;

    (void)data;
    (void)len;
    fr_buf_clear(body);
    free(body);
}

/* The body may hold a key: it is lent to the bufferevent, not copied, and wiped. */
static void send_body(struct fr_https_conn *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    struct fr_buf *body = malloc(sizeof *body);

    if (!body)
        return; /* the peer sees an answer that is cut: the timer ends it */
    *body = c->exchange.body;
    c->exchange.body = (struct fr_buf)FR_BUF_INIT_WIPE(body->max);
    if (evbuffer_add_reference(out, body->data, body->len, wipe_body, body) != 0)
        wipe_body(NULL, 0, body);
}

static void answered(struct fr_exchange *x, void *arg)
{
    struct fr_https_conn *c = arg;
    FR_AUTO_CLEAR(buf) head = FR_BUF_INIT(16384);

    c->last = is_last(c);
    fr_response_head(x, c->last, &head);
    c->state = FR_HTTPS_WRITING;
    arm(c, limits_of(c)->request_ms);
    bufferevent_write(c->bev, head.data, head.len);
    if (x->body.len && fr_response_has_body(x))
        send_body(c);
}

static void handle(struct fr_https_conn *c)
{
    c->n_requests++;
    c->state = FR_HTTPS_HANDLING;
    arm(c, HANDLING_MS);
    fr_exchange_run(&c->exchange, c->owner->config.service);
}

static void refuse(struct fr_https_conn *c, const struct fr_err *err)
{
    c->last = true;
    fr_log(FR_LOG_DEBUG, "%s: %s", c->client.address, err->msg);
    fr_exchange_fail_as(&c->exchange, fr_request_refusal(c->request), 4000, err);
}

/* Feeds what has come up to the end of one request; false when there is no more. */
static bool feed_chunk(struct fr_https_conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct evbuffer_iovec chunk;
    size_t used = 0;
    struct fr_err err;
    enum fr_code rc;

    if (evbuffer_peek(in, -1, NULL, &chunk, 1) < 1 || chunk.iov_len == 0)
        return false;
    rc = fr_request_feed(c->request, fr_slice_of(chunk.iov_base, chunk.iov_len), &used,
                         &err);
    evbuffer_drain(in, used);
    if (rc != FR_OK)
        refuse(c, &err);
    else if (fr_request_is_complete(c->request))
        handle(c);
    return true;
}

static void advance(struct fr_https_conn *c)
{
    static const char proceed[] = "HTTP/1.1 100 Continue\r\n\r\n";

    while (c->state == FR_HTTPS_READING && feed_chunk(c))
        ;
    if (c->state != FR_HTTPS_READING)
        return;
    if (fr_request_wants_continue(c->request))
        bufferevent_write(c->bev, proceed, sizeof proceed - 1);
    if (!c->begun && fr_request_has_begun(c->request)) {
        c->begun = true;
        arm(c, limits_of(c)->request_ms);
    }
}

/* --- events */

static void on_read(struct bufferevent *bev, void *arg)
{
    struct fr_https_conn *c = arg;

    (void)bev;
    if (c->state == FR_HTTPS_READING)
        advance(c);
}

static void on_write(struct bufferevent *bev, void *arg)
{
    struct fr_https_conn *c = arg;

    if (c->state != FR_HTTPS_WRITING ||
        evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    if (c->last) {
        end_in_order(c, true);
        return;
    }
    await_request(c);
    advance(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct fr_https_conn *c = arg;

    (void)bev;
    if (what & BEV_EVENT_CONNECTED)
        connected(c);
    else if (c->state == FR_HTTPS_HANDSHAKE)
        handshake_failed(c);
    else
        end_in_order(c, (what & BEV_EVENT_EOF) != 0);
}

static void time_out_request(struct fr_https_conn *c)
{
    struct fr_err err;

    c->last = true;
    (void)FR_FAIL_AS(&err, FR_EPARSE, "http-timeout", "the request took too long");
    fr_exchange_fail_as(&c->exchange, 408, 4000, &err);
}

static void on_timer(int fd, short what, void *arg)
{
    struct fr_https_conn *c = arg;

    (void)fd;
    (void)what;
    if (c->state == FR_HTTPS_READING && c->begun)
        time_out_request(c);
    else if (c->state == FR_HTTPS_READING)
        end_in_order(c, true);
    else
        fr_https_conn_free(c);
}

void fr_https_conn_drain(struct fr_https_conn *c)
{
    if (c->state == FR_HTTPS_READING && !c->begun && c->n_requests > 0 && !is_busy(c))
        end_in_order(c, true);
}
