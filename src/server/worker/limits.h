/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many connections a worker has, in all and by address (IPv6: by /64). Memory is
 * bounded by the number of connections.
 */
#ifndef FR_SERVER_WORKER_LIMITS_H
#define FR_SERVER_WORKER_LIMITS_H

#include <stdbool.h>

#include "base/bucket.h"
#include "base/env.h"

struct fr_admission;

FR_MUST_USE enum fr_code fr_admission_new(size_t total, size_t per_address,
                                          struct fr_admission **ret,
                                          struct fr_err *err);
void fr_admission_free(struct fr_admission *a);

/* Counts a connection in: FR_EBUSY "too-many-connections" or "too-many-of-address".
 * address: text, as the same peer will have at leave. */
FR_MUST_USE enum fr_code fr_admission_enter(struct fr_admission *a, const char *address,
                                            struct fr_err *err);
void fr_admission_leave(struct fr_admission *a, const char *address);
size_t fr_admission_count(const struct fr_admission *a);

#endif
