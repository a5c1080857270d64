/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book-keeping of supervision, without a system call, so that it can be tested: one
 * slot a process that is wanted, a list of those that are told to end, and when the
 * next thing is due.
 */
#ifndef FR_SERVER_PARENT_SLOTS_H
#define FR_SERVER_PARENT_SLOTS_H

#include <sys/types.h>

#include "server/parent/child.h"

#define FR_SLOTS_MAX   32
#define FR_ENDING_MAX  96
#define FR_NEVER       INT64_MAX
#define FR_SHORT_LIFE  5000 /* ms: who dies earlier waits, a second at most */
#define FR_RESTART_MAX 1000
#define FR_CRASH_LOOP  30    /* short lives in a row, after which */
#define FR_CRASH_DELAY 10000 /* ms pass before the next, until one is decent */

struct fr_slot {
    int kind;
    pid_t pid; /* 0: not running */
    int64_t started_ms;
    int64_t start_at_ms; /* FR_NEVER while it runs */
    int fails;           /* short lives in a row */
};

struct fr_ending {
    pid_t pid;
    int64_t kill_at_ms; /* FR_NEVER once killed */
};

struct fr_slots {
    struct fr_slot slot[FR_SLOTS_MAX]; /* the keepers' first */
    size_t n;
    struct fr_ending ending[FR_ENDING_MAX];
    size_t n_ending;
    bool closed; /* nothing is started any more */
};

/* The keepers first, then the workers of each listener that is on; all due now. */
void fr_slots_init(struct fr_slots *s, const struct fr_server_config *config,
                   int64_t now_ms);
/* From now on nothing is due but kills. */
void fr_slots_close(struct fr_slots *s);
/* The next slot to start, or NULL: a worker only while the keepers run. */
struct fr_slot *fr_slots_due(struct fr_slots *s, int64_t now_ms);
void fr_slot_started(struct fr_slot *slot, pid_t pid, int64_t now_ms);
/* The slot's process is told to end: the slot is due again at once. False if the list
 * of those that end is full. */
bool fr_slot_end(struct fr_slots *s, struct fr_slot *slot, int64_t now_ms,
                 int64_t kill_at_ms);
/* pid is gone. The slot it was in, now due again with its delay; NULL if it was told to
 * end, or is unknown. */
struct fr_slot *fr_slots_gone(struct fr_slots *s, pid_t pid, int64_t now_ms);
/* When the next start or kill is due; FR_NEVER. */
int64_t fr_slots_next_ms(const struct fr_slots *s);
/* The next of those that have not ended in time; 0: none. */
pid_t fr_slots_overdue(struct fr_slots *s, int64_t now_ms);

#endif
