/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolve.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <ares.h>

#define QUERY_TIMEOUT_MS 2000 /* the first try; c-ares doubles it */
#define QUERY_TRIES      4

struct fr_resolve {
    ares_channel channel;
    char host[FR_ID_MAX + 1];
    bool over;
    int status; /* of c-ares */
    struct fr_addresses found;
};

static void add(struct fr_addresses *to, const struct sockaddr *addr, socklen_t len)
{
    if (to->n == FR_CONN_ADDRESSES || len > sizeof to->list[0].addr)
        return;
    memcpy(&to->list[to->n].addr, addr, len);
    to->list[to->n++].len = len;
}

static bool add_text(struct fr_addresses *to, const char *text, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        add(to, (const struct sockaddr *)&v4, sizeof v4);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        add(to, (const struct sockaddr *)&v6, sizeof v6);
    else
        return false;
    return true;
}

static void on_found(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
    struct fr_resolve *r = ctx;

    (void)timeouts;
    r->over = true;
    r->status = status;
    if (!info)
        return;
    for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
        add(&r->found, n->ai_addr, n->ai_addrlen);
    ares_freeaddrinfo(info);
}

static const char *fixed_address(const struct fr_conn_setup *setup)
{
    for (size_t i = 0; i < setup->n_hosts; i++)
        if (fr_ascii_equal_fold(setup->hosts[i].name, setup->host))
            return setup->hosts[i].address;
    return NULL;
}

static enum fr_code ask(struct fr_resolve *r, uint16_t port, struct fr_err *err)
{
    struct ares_options options = {.timeout = QUERY_TIMEOUT_MS, .tries = QUERY_TRIES};
    struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NUMERICSERV,
                                        .ai_family = AF_UNSPEC,
                                        .ai_socktype = SOCK_STREAM};
    char service[8];
    int status =
        ares_init_options(&r->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);

    if (status != ARES_SUCCESS) {
        r->channel = NULL;
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "dns-failure",
                          "cannot set up name resolution: %s", ares_strerror(status));
    }
    (void)snprintf(service, sizeof service, "%u", port);
    ares_getaddrinfo(r->channel, r->host, service, &hints, on_found, r);
    return FR_OK;
}

enum fr_code fr_resolve_open(const struct fr_conn_setup *setup, struct fr_resolve **ret,
                             struct fr_err *err)
{
    const char *fixed = fixed_address(setup);
    struct fr_resolve *r = calloc(1, sizeof *r);

    if (!r)
        return FR_FAIL(err, FR_ENOMEM, "no memory to resolve a name");
    (void)snprintf(r->host, sizeof r->host, "%s", setup->host);

    enum fr_code rc = FR_OK;
    if (!fixed)
        rc = ask(r, setup->port, err);
    else if (add_text(&r->found, fixed, setup->port))
        r->over = true;
    else
        rc = FR_FAIL_AS(err, FR_EUNREACHABLE, "dns-failure",
                        "%s is given as the address of %s, but is no IP address", fixed,
                        setup->host);
    if (rc != FR_OK) {
        fr_resolve_free(r);
        return rc;
    }
    *ret = r;
    return FR_OK;
}

void fr_resolve_free(struct fr_resolve *r)
{
    if (!r)
        return;
    if (r->channel)
        ares_destroy(r->channel);
    free(r);
}

size_t fr_resolve_interests(const struct fr_resolve *r, struct pollfd *fds, size_t max,
                            int *ret_wait_ms)
{
    ares_socket_t socks[ARES_GETSOCK_MAXNUM];
    struct timeval tv;
    size_t n = 0;

    *ret_wait_ms = r->over ? 0 : -1;
    if (r->over)
        return 0;
    /* Unsigned: c-ares's own macros shift a 1 into the sign. */
    unsigned bits = (unsigned)ares_getsock(r->channel, socks, ARES_GETSOCK_MAXNUM);
    for (int i = 0; i < ARES_GETSOCK_MAXNUM && n < max; i++) {
        short events = 0;
        if (bits >> i & 1)
            events |= POLLIN;
        if (bits >> (i + ARES_GETSOCK_MAXNUM) & 1)
            events |= POLLOUT;
        if (events)
            fds[n++] = (struct pollfd){.fd = socks[i], .events = events};
    }
    if (ares_timeout(r->channel, NULL, &tv))
        *ret_wait_ms = (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
    return n;
}

static void process(struct fr_resolve *r)
{
    struct pollfd fds[FR_CONN_FDS];
    int wait_ms;
    size_t n = fr_resolve_interests(r, fds, FR_CONN_FDS, &wait_ms);

    (void)poll(fds, n, 0);
    for (size_t i = 0; i < n; i++) {
        bool in = fds[i].revents & (POLLIN | POLLERR | POLLHUP);
        bool out = fds[i].revents & POLLOUT;
        ares_process_fd(r->channel, in ? fds[i].fd : ARES_SOCKET_BAD,
                        out ? fds[i].fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* its timers */
}

bool fr_resolve_step(struct fr_resolve *r, struct fr_addresses *ret,
                     enum fr_code *ret_rc, struct fr_err *err)
{
    if (!r->over)
        process(r);
    if (!r->over)
        return false;
    *ret_rc = FR_OK;
    *ret = r->found;
    if (r->found.n == 0)
        *ret_rc =
            FR_FAIL_AS(err, FR_EUNREACHABLE, "dns-failure", "cannot resolve %s: %s",
                       r->host, ares_strerror(r->status ? r->status : ARES_ENODATA));
    return true;
}
