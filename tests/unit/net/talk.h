/* SPDX-License-Identifier: Apache-2.0 */
/* A client that talks to one peer until something ends it, and keeps what happened. */
#ifndef FR_UNIT_NET_TALK_H
#define FR_UNIT_NET_TALK_H

#include "test.h"
#include "unit/net/tlspeer.h"

struct talk {
    struct fr_conn_setup setup;
    struct fr_tls *tls;
    struct shifted_env env;
    struct fr_slice to_send;
    size_t stop_after; /* octets received; 0: until the end */
    /* what happened */
    struct fr_conn *conn;
    bool tcp, connected;
    enum fr_conn_event_kind last;
    struct fr_err err;
    size_t received;
    char first[64];
};

/* Talks to the port of loopback, as PEER_HOST, with the certificate of the device. */
void talk_init(struct talk *t, uint16_t port);
void talk_clear(struct talk *t);
void talk(struct talk *t);
/* All of it, against a peer of its own, with what `change` (may be NULL) makes of the
 * client. */
void talk_to(struct talk *t, const struct peer_setup *setup,
             void (*change)(struct talk *t));
void talk_wait(struct talk *t); /* until the connection can be stepped */

/* Changes: what it sends and waits for. */
void talk_hello(struct talk *t);
void talk_megabyte(struct talk *t);

void assert_failed(const struct talk *t, enum fr_code code, const char *reason);

#endif
