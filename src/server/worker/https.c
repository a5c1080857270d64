/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/https.h"

#include <arpa/inet.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "server/worker/https_conn.h"

enum { WARNINGS_PER_S = 1, WARNINGS_BURST = 5, RETRY_MS = 250 };

static void address_text(const struct sockaddr *sa, char *to, size_t size)
{
    const void *at = NULL;

    if (sa->sa_family == AF_INET)
        at = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    else if (sa->sa_family == AF_INET6)
        at = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    if (!at || !inet_ntop(sa->sa_family, at, to, (socklen_t)size))
        snprintf(to, size, "unknown");
}

static bool is_full(const struct fr_https *h)
{
    const struct fr_limits *limits = &h->config.worker->config->limits;

    return fr_admission_count(h->admission) >= (size_t)limits->connections;
}

static void warn(struct fr_https *h, const char *address, const char *text)
{
    int64_t now = fr_mono_ms(h->config.worker->env);

    if (fr_bucket_take(&h->warnings, now, WARNINGS_PER_S, WARNINGS_BURST))
        fr_log(FR_LOG_WARN, "%s: %s", address, text);
}

/* Before anything is allocated for it. */
static enum fr_code admit(struct fr_https *h, const char *address, struct fr_err *err)
{
    const struct fr_worker_context *w = h->config.worker;
    char network[FR_NETWORK_MAX];

    fr_network_of(address, network);
    if (!fr_flood_admits(w->flood, w->type, network, fr_mono_ms(w->env)))
        return FR_FAIL_AS(err, FR_EBUSY, "too-many-handshakes",
                          "%s begins more than %ld connections a second", network,
                          w->config->limits.handshakes_per_address);
    return fr_admission_enter(h->admission, address, err);
}

static void on_accept(struct evconnlistener *listener, int fd, struct sockaddr *sa,
                      int len, void *arg)
{
    struct fr_https *h = arg;
    char address[sizeof((struct fr_client *)0)->address];
    struct fr_err err;

    (void)len;
    address_text(sa, address, sizeof address);
    if (admit(h, address, &err) != FR_OK) {
        warn(h, address, err.msg);
        close(fd);
        return;
    }
    fr_https_conn_new(h, fd, address);
    /* Others may wait in the backlog, or be taken by another worker. */
    if (is_full(h))
        evconnlistener_disable(listener);
}

/* Without descriptors the socket stays readable: wait until a connection leaves, or a
 * moment, for what holds them may be no connection of ours. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct fr_https *h = arg;
    struct timeval soon = {0, RETRY_MS * 1000L};

    warn(h, "listener", "accepting a connection failed: descriptors or memory");
    evconnlistener_disable(listener);
    event_add(h->retry, &soon);
}

static void on_retry(int fd, short what, void *arg)
{
    struct fr_https *h = arg;

    (void)fd;
    (void)what;
    if (!h->draining && !is_full(h))
        evconnlistener_enable(h->listener);
}

static void end_if_empty(void *arg)
{
    struct fr_https *h = arg;

    if (h->draining && fr_admission_count(h->admission) == 0 &&
        fr_lingerers_count(h->lingerers) == 0 && h->config.empty)
        h->config.empty(h->config.arg);
}

static void on_answered(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    fr_https_send_answers(arg);
}

static enum fr_code open_listener(struct fr_https *h, struct fr_err *err)
{
    struct event_base *base = h->config.worker->base;
    int on = 1;

    h->room = fr_stream_room_new(base);
    h->on_answered = event_new(base, -1, 0, on_answered, h);
    h->lingerers = fr_lingerers_new(base, end_if_empty, h);
    /* Connections inherit it. */
    setsockopt(h->config.listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    h->listener = evconnlistener_new(base, on_accept, h, LEV_OPT_CLOSE_ON_EXEC, 0,
                                     h->config.listen_fd);
    h->retry = evtimer_new(base, on_retry, h);
    if (!h->room || !h->on_answered || !h->lingerers || !h->listener || !h->retry)
        return FR_FAIL(err, FR_EINTERNAL, "listening failed");
    evconnlistener_set_error_cb(h->listener, on_accept_error);
    return FR_OK;
}

enum fr_code fr_https_new(const struct fr_https_config *config, struct fr_https **ret,
                          struct fr_err *err)
{
    const struct fr_limits *limits = &config->worker->config->limits;
    struct fr_https *h = calloc(1, sizeof *h);
    enum fr_code rc;

    if (!h)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a listener");
    h->config = *config;
    rc = fr_admission_new((size_t)limits->connections, (size_t)limits->per_address,
                          &h->admission, err);
    if (rc == FR_OK)
        rc = open_listener(h, err);
    if (rc != FR_OK) {
        fr_https_free(h);
        return rc;
    }
    *ret = h;
    return FR_OK;
}

void fr_https_free(struct fr_https *h)
{
    if (!h)
        return;
    h->config.empty = NULL;
    h->draining = true;
    while (h->first)
        fr_https_conn_free(h->first);
    if (h->listener)
        evconnlistener_free(h->listener);
    if (h->retry)
        event_free(h->retry);
    if (h->on_answered)
        event_free(h->on_answered);
    fr_lingerers_free(h->lingerers);
    fr_stream_room_free(h->room);
    fr_admission_free(h->admission);
    free(h);
}

void fr_https_left(struct fr_https *h, const char *address)
{
    fr_admission_leave(h->admission, address);
    if (!h->draining)
        evconnlistener_enable(h->listener);
    else
        end_if_empty(h);
}

void fr_https_drain(struct fr_https *h)
{
    const struct fr_service *service = h->config.service;
    struct fr_https_conn *next;

    if (h->draining)
        return;
    h->draining = true;
    evconnlistener_disable(h->listener);
    if (service->drain)
        service->drain(h->config.worker);
    for (struct fr_https_conn *c = h->first; c; c = next) {
        next = c->next;
        fr_https_conn_drain(c);
    }
    end_if_empty(h);
}
