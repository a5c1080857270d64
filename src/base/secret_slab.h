/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where small secrets live: slots of locked pages that are left out of core dumps. A
 * page of its own for each secret cost six system calls an enrolment and more locked
 * memory than a thousand idle connections may have.
 *
 * Safe for threads. What a process locked is not locked in its child: a child takes
 * slots from pages of its own, and may read and free those that it inherited. fork()
 * tells, by pthread_atfork(): to ask for the process at each use is a system call.
 */
#ifndef FR_BASE_SECRET_SLAB_H
#define FR_BASE_SECRET_SLAB_H

#include <stddef.h>

#define FR_SLOT_SIZE 128 /* octets */

/* FR_SLOT_SIZE zeroed octets, aligned for any type; NULL: out of memory. */
void *fr_slot_new(void);
/* The caller has wiped it. */
void fr_slot_free(void *slot);

#endif
