/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/https_conn.h"

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
    PIPELINE_MAX = 16384, /* octets kept while an answer is in the making, and a turn */
    ONE_RECORD = 16384,
    ANSWER_MAX = FR_MSG_MAX + ONE_RECORD,
    NOTES_PER_S = 10,
    NOTES_BURST = 20
};

static void on_connected(void *arg);
static void on_octets(void *arg, struct fr_slice octets);
static void on_sent(void *arg);
static void on_ended(void *arg, enum fr_stream_end how, unsigned long ossl_error);
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
    fr_buf_clear(&c->held);
    fr_stream_free(c->stream);
}

static void forget_answer(struct fr_https_conn *c)
{
    struct fr_https_conn **at = &c->owner->answered;

    while (c->is_answered && *at != c)
        at = &(*at)->next_answered;
    if (c->is_answered)
        *at = c->next_answered;
    c->is_answered = false;
}

void fr_https_conn_free(struct fr_https_conn *c)
{
    struct fr_https *h = c->owner;
    char address[sizeof c->client.address];

    memcpy(address, c->client.address, sizeof address);
    forget_answer(c);
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
    if (close_notify)
        fr_stream_goodbye(c->stream, false);
    fr_linger(c->owner->lingerers, fr_stream_fd(c->stream));
    fr_https_conn_free(c);
}

/* The peer has said its own: it reads no more, and nothing of it is unread. */
static void end_with_peer(struct fr_https_conn *c)
{
    fr_stream_goodbye(c->stream, true);
    fr_https_conn_free(c);
}

/* Takes fd, whatever happens. */
static enum fr_code open_parts(struct fr_https_conn *c, int fd, struct fr_err *err)
{
    const struct fr_stream_hooks hooks = {on_connected, on_octets, on_sent, on_ended,
                                          c};
    struct fr_https *h = c->owner;
    struct event_base *base = h->config.worker->base;
    SSL *ssl = NULL;
    enum fr_code rc = FR_OK;

    if (h->config.tls)
        rc = fr_tls_server_accept(h->config.tls, &c->verdict, &ssl, err);
    if (rc != FR_OK) {
        close(fd);
        return rc;
    }
    FR_TRY(fr_stream_new(h->room, fd, ssl, &hooks, &c->stream, err));
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
    /* What does not pause the stream yet, and a turn: a record ends in it. */
    c->held = (struct fr_buf)FR_BUF_INIT(3 * PIPELINE_MAX);
    snprintf(c->client.address, sizeof c->client.address, "%s", address);
    fr_exchange_init(&c->exchange);
    link_in(c);
    if (open_parts(c, fd, &err) != FR_OK) {
        fr_log(FR_LOG_WARN, "%s: %s", address, err.msg);
        fr_https_conn_free(c);
        return;
    }
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

static void handshake_failed(struct fr_https_conn *c, unsigned long ossl_error)
{
    struct fr_err err;

    (void)fr_tls_server_explain(&c->verdict, ossl_error, &err);
    tell(c, &err);
    end_in_order(c, false); /* OpenSSL has written its alert */
}

/* --- the handshake is over */

static enum fr_code identify(struct fr_https_conn *c, SSL *ssl, struct fr_err *err)
{
    const struct fr_https_config *k = &c->owner->config;

    if (!ssl)
        return FR_OK;
    if (k->service->is_anonymous)
        return fr_tls_server_check_ems(ssl, err);
    return fr_tls_server_identify(k->worker->config, ssl, &c->client.peer, err);
}

static enum fr_code establish(struct fr_https_conn *c, struct fr_err *err)
{
    struct fr_https_config *k = &c->owner->config;
    const struct fr_limits *limits = limits_of(c);
    SSL *ssl = fr_stream_ssl(c->stream);

    FR_TRY(identify(c, ssl, err));
    if (k->service->exports)
        FR_TRY(fr_tls_server_export(ssl, &c->client.exported, err));
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
    const SSL *ssl = fr_stream_ssl(c->stream);
    X509 *leaf = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
    struct fr_err unused;

    if (!leaf || fr_peer_from_leaf(leaf, &c->verdict.claimed, &unused) != FR_OK)
        memset(&c->verdict.claimed, 0, sizeof c->verdict.claimed);
}

static void on_connected(void *arg)
{
    struct fr_https_conn *c = arg;
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

/* Handlers have more to do when they have answered: the octets leave when the loop is
 * back, those of a batch from the vault one after the other. */
static void answered(struct fr_exchange *x, void *arg)
{
    struct fr_https_conn *c = arg;
    struct fr_https *h = c->owner;

    (void)x;
    c->state = FR_HTTPS_WRITING;
    c->is_answered = true;
    c->next_answered = h->answered;
    h->answered = c;
    event_active(h->on_answered, EV_TIMEOUT, 0);
}

/* Head and body in one record where they fit: it is one of everything below, too. */
static bool write_answer(struct fr_https_conn *c)
{
    FR_AUTO_CLEAR(buf) head = FR_BUF_INIT_WIPE(ANSWER_MAX);
    struct fr_exchange *x = &c->exchange;
    struct fr_slice body = {0};

    if (fr_response_has_body(x))
        body = fr_buf_view(&x->body);
    c->last = is_last(c);
    fr_response_head(x, c->last, &head);
    if (head.len + body.len <= ONE_RECORD) {
        fr_buf_put(&head, body.data, body.len);
        body.len = 0;
    }
    return head.failed == FR_OK && fr_stream_write(c->stream, fr_buf_view(&head)) &&
           fr_stream_write(c->stream, body);
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

/* Feeds up to the end of one request; what is left over. */
static struct fr_slice feed(struct fr_https_conn *c, struct fr_slice octets)
{
    size_t used = 0;
    struct fr_err err;

    if (fr_request_feed(c->request, octets, &used, &err) != FR_OK)
        refuse(c, &err);
    else if (fr_request_is_complete(c->request))
        handle(c);
    return fr_slice_of(octets.data + used, octets.len - used);
}

static void proceed(struct fr_https_conn *c)
{
    static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (fr_request_wants_continue(c->request) &&
        fr_stream_write(c->stream, fr_slice_str(words)))
        (void)fr_stream_flush(c->stream);
    if (!c->begun && fr_request_has_begun(c->request)) {
        c->begun = true;
        arm(c, limits_of(c)->request_ms);
    }
}

/* What is left over when this is not the time to read. */
static struct fr_slice advance(struct fr_https_conn *c, struct fr_slice octets)
{
    while (c->state == FR_HTTPS_READING && octets.len > 0)
        octets = feed(c, octets);
    if (c->state == FR_HTTPS_READING)
        proceed(c);
    return octets;
}

static void go_on(struct fr_https_conn *c)
{
    struct fr_slice left;

    await_request(c);
    if (c->held.len == 0)
        return;
    left = advance(c, fr_buf_view(&c->held));
    fr_buf_consume(&c->held, c->held.len - left.len);
    if (c->held.len == 0)
        fr_buf_clear(&c->held);
    fr_stream_pause(c->stream, c->held.len > PIPELINE_MAX);
}

/* --- events */

static void on_octets(void *arg, struct fr_slice octets)
{
    struct fr_https_conn *c = arg;
    struct fr_slice left = octets;

    if (c->held.len == 0)
        left = advance(c, octets);
    fr_buf_put(&c->held, left.data, left.len);
    if (c->held.failed != FR_OK)
        fr_https_conn_free(c);
    else
        fr_stream_pause(c->stream, c->held.len > PIPELINE_MAX);
}

static void on_sent(void *arg)
{
    struct fr_https_conn *c = arg;

    if (c->state != FR_HTTPS_WRITING || c->is_answered)
        return;
    if (c->last)
        end_in_order(c, true);
    else
        go_on(c);
}

static void send_answer(struct fr_https_conn *c)
{
    arm(c, limits_of(c)->request_ms);
    if (!write_answer(c))
        fr_https_conn_free(c);
    else if (fr_stream_flush(c->stream))
        on_sent(c);
}

static struct fr_https_conn *take_answered(struct fr_https *h)
{
    struct fr_https_conn *c = h->answered;

    if (!c)
        return NULL;
    h->answered = c->next_answered;
    c->is_answered = false;
    return c;
}

void fr_https_send_answers(struct fr_https *h)
{
    struct fr_https_conn *c;

    while ((c = take_answered(h)) != NULL)
        send_answer(c);
}

static void on_ended(void *arg, enum fr_stream_end how, unsigned long ossl_error)
{
    struct fr_https_conn *c = arg;

    if (c->state == FR_HTTPS_HANDSHAKE)
        handshake_failed(c, ossl_error);
    else if (how == FR_STREAM_CLOSED && c->state != FR_HTTPS_READING)
        c->last = true; /* it has no more to ask, and may wait for its answer */
    else if (how == FR_STREAM_CLOSED)
        end_with_peer(c);
    else
        end_in_order(c, false);
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
