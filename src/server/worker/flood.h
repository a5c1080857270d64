/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many connections an address may begin a second, over all workers of a listener:
 * a table in memory that they share, made by the parent before it forks, of fixed size
 * and without locks. Whoever dies in the middle of it leaves nothing behind.
 *
 * It is a guess where addresses meet in a slot, always in favour of who comes. A
 * hijacked worker can write into it: that costs the limit, or locks an address out for
 * as long as it goes on and some seconds.
 */
#ifndef FR_SERVER_WORKER_FLOOD_H
#define FR_SERVER_WORKER_FLOOD_H

#include "base/env.h"
#include "server/ipc/msg.h"

#define FR_FLOOD_SLOTS 8192 /* addresses of a listener that are known at a time */
#define FR_FLOOD_BURST 2    /* seconds' worth that may come at once */

struct fr_flood;

/* rate: of one address, a second, at most 10000; 0: no limit and *ret NULL. */
FR_MUST_USE enum fr_code fr_flood_new(const struct fr_env *env, long rate,
                                      struct fr_flood **ret, struct fr_err *err);
void fr_flood_free(struct fr_flood *f);

/* True if the network (limits.h) may begin one more. f NULL: always. */
bool fr_flood_admits(struct fr_flood *f, enum fr_worker type, const char *network,
                     int64_t now_ms);

#endif
