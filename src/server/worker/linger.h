/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that has said its last word (an alert, a refusal) and closes at once with
 * octets unread makes the kernel send a reset, which can overtake that word. So the
 * write side is shut and what still comes is dropped, until the peer closes or 1 s.
 */
#ifndef FR_SERVER_WORKER_LINGER_H
#define FR_SERVER_WORKER_LINGER_H

#include <event2/event.h>

#define FR_LINGER_MS  1000
#define FR_LINGER_MAX 256 /* at once; beyond, connections are closed at once */

struct fr_lingerers;

/* empty: whenever the last one has ended. NULL: no memory. */
struct fr_lingerers *fr_lingerers_new(struct event_base *base, void (*empty)(void *arg),
                                      void *arg);
void fr_lingerers_free(struct fr_lingerers *l); /* closes all; empty is not called */
/* Duplicates fd: the caller closes its own as it likes. */
void fr_linger(struct fr_lingerers *l, int fd);
size_t fr_lingerers_count(const struct fr_lingerers *l);

#endif
