/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection to a named peer, never blocking: resolves (c-ares, or a fixed
 * address), tries each address, shakes hands, then moves octets. The owner polls what
 * fr_conn_interests() says and calls fr_conn_step() until it has no more to tell.
 *
 * Failures are classified here (DESIGN 3): a peer that we do not accept is FR_EREFUSED,
 * an alert is what fr_alert_fail() makes of it, everything else is FR_EUNREACHABLE
 * (dns-failure, no-route, connect-refused, timeout, connection-cut). A server that
 * rejects a TLS 1.3 client says so after the client is finished: before a cut is called
 * a cut, everything that the peer sent is read.
 */
#ifndef FR_NET_CONN_H
#define FR_NET_CONN_H

#include <poll.h>

#include "net/tls.h"

#define FR_CONN_FDS       8             /* pollfds that one connection can need */
#define FR_CONN_ADDRESSES 16            /* tried at most */
#define FR_CONN_OUT_MAX   (1024 * 1024) /* octets waiting to be sent */

/* Connects to address (IPv4 or IPv6 text) where name is meant; still verified as name.
 */
struct fr_host {
    const char *name, *address;
};

/* All borrowed for the life of the connection. */
struct fr_conn_setup {
    const struct fr_tls *tls;
    bool is_plain; /* no TLS, and tls is NULL: never by itself */
    const struct fr_env *env;
    const char *host;
    uint16_t port;
    const struct fr_host *hosts; /* the first of that name counts */
    size_t n_hosts;
    const struct fr_trust_anchor *anchors; /* narrow the trust, see fr_tls_peer */
    size_t n_anchors;
    int64_t deadline; /* mono_ms; FR_EUNREACHABLE "timeout" then */
    bool export_keys;
    /* Without a clock: certificates and revocation lists must not have ended before
     * last_known_s; when they begin is not looked at. */
    bool no_clock;
    int64_t last_known_s;
};

enum fr_conn_event_kind {
    FR_CONN_NOTHING,   /* poll again */
    FR_CONN_TCP,       /* connected; the handshake begins */
    FR_CONN_CONNECTED, /* handshake finished, peer verified */
    FR_CONN_BYTES,     /* .bytes, valid until the next step */
    FR_CONN_CLOSED,    /* the peer ended the stream in order; nothing follows */
    FR_CONN_FAILED     /* .err; nothing follows */
};

struct fr_conn_event {
    enum fr_conn_event_kind kind;
    struct fr_slice bytes;
    const struct fr_err *err; /* valid as long as the connection */
};

struct fr_conn;

/* Starts at once; what goes wrong from here on is an event. FR_ENOMEM, FR_EINTERNAL. */
FR_MUST_USE enum fr_code fr_conn_open(const struct fr_conn_setup *setup,
                                      struct fr_conn **ret, struct fr_err *err);
/* In any state; NULL is fine. Says goodbye to a healthy peer, without waiting. */
void fr_conn_close(struct fr_conn *c);

/* Queues. FR_ELIMIT beyond FR_CONN_OUT_MAX; ignored after CLOSED or FAILED. */
FR_MUST_USE enum fr_code fr_conn_send(struct fr_conn *c, struct fr_slice bytes,
                                      struct fr_err *err);
/* Later deadline for what follows (a kept connection's next request). */
void fr_conn_set_deadline(struct fr_conn *c, int64_t deadline);

/* Does what can be done now; one event at a time. Call until FR_CONN_NOTHING. */
struct fr_conn_event fr_conn_step(struct fr_conn *c);

/* Returns how many of fds it filled (at most max, FR_CONN_FDS suffice); *ret_deadline
 * is when to step even if none is ready, in mono_ms. */
size_t fr_conn_interests(const struct fr_conn *c, struct pollfd *fds, size_t max,
                         int64_t *ret_deadline);

/* From CONNECTED on. */
const struct fr_secret *fr_conn_exported(const struct fr_conn *c); /* or NULL */
const char *fr_conn_tls_version(const struct fr_conn *c);
int64_t fr_conn_peer_not_before(const struct fr_conn *c); /* of its certificate */

/* Octets of TLS records so far; also after CLOSED or FAILED. */
uint64_t fr_conn_octets_out(const struct fr_conn *c);
uint64_t fr_conn_octets_in(const struct fr_conn *c);

#endif
