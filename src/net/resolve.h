/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name to addresses, without blocking: a fixed address where one is given, else what
 * the system's resolver is configured to ask (c-ares).
 */
#ifndef FR_NET_RESOLVE_H
#define FR_NET_RESOLVE_H

#include <poll.h>
#include <sys/socket.h>

#include "net/conn.h"

struct fr_address {
    struct sockaddr_storage addr;
    socklen_t len;
};

struct fr_addresses {
    struct fr_address list[FR_CONN_ADDRESSES];
    size_t n;
};

struct fr_resolve;

/* Strings are borrowed for the call. FR_EUNREACHABLE "dns-failure" if a fixed address
 * is none; FR_ENOMEM. */
FR_MUST_USE enum fr_code fr_resolve_open(const struct fr_conn_setup *setup,
                                         struct fr_resolve **ret, struct fr_err *err);
void fr_resolve_free(struct fr_resolve *r); /* in any state; NULL is fine */

/* True when it is over; then *ret_rc tells how: FR_OK and at least one address, or
 * FR_EUNREACHABLE "dns-failure". */
bool fr_resolve_step(struct fr_resolve *r, struct fr_addresses *ret,
                     enum fr_code *ret_rc, struct fr_err *err);
/* *ret_wait_ms: step after this time in any case; -1: no limit of its own. */
size_t fr_resolve_interests(const struct fr_resolve *r, struct pollfd *fds, size_t max,
                            int *ret_wait_ms);

#endif
