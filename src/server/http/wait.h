/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that is held until the vault says yes, or its time is over: the vault is
 * asked again and again, since nothing wakes these workers when a target fetches. It is
 * asked less often the longer that lasts: a thousand that wait cost 500 look-ups a
 * second, a tenth of what the vault takes from a worker.
 */
#ifndef FR_SERVER_HTTP_WAIT_H
#define FR_SERVER_HTTP_WAIT_H

#include "server/http/exchange.h"

#define FR_WAIT_MAX_S 60

/* Of a connection, of which at most one request waits. */
struct fr_wait {
    struct fr_exchange *exchange; /* NULL: none does */
    struct event *timer;
    int64_t since_ms, until_ms;
    /* Sends the question, whose reply ends in fr_wait_hear(). */
    void (*ask)(struct fr_exchange *x);
};

/* Takes the time from the query (wait=SECONDS), makes *w if it is not there, and asks.
 * A failure is answered. */
void fr_wait_begin(struct fr_wait **w, struct fr_exchange *x,
                   void (*ask)(struct fr_exchange *x));
/* The vault's answer: FETCHED is yes. Answers, or asks again later. */
void fr_wait_hear(struct fr_wait *w, const struct fr_msg *reply);
void fr_wait_free(struct fr_wait *w); /* NULL is fine */

/* Until the vault is asked again: a part of what was waited, not beyond the end. */
int64_t fr_wait_pause_ms(int64_t waited_ms, int64_t left_ms);

#endif
