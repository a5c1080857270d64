/* SPDX-License-Identifier: Apache-2.0 */
#include "server/parent/slots.h"

#include <string.h>

enum { FIRST_DELAY_MS = 100 };

static void add(struct fr_slots *s, int kind, int64_t now_ms)
{
    if (s->n < FR_SLOTS_MAX)
        s->slot[s->n++] = (struct fr_slot){.kind = kind, .start_at_ms = now_ms};
}

void fr_slots_init(struct fr_slots *s, const struct fr_server_config *config,
                   int64_t now_ms)
{
    memset(s, 0, sizeof *s);
    for (int k = FR_N_WORKERS; k < FR_CHILD_KINDS; k++)
        add(s, k, now_ms);
    for (int t = 0; t < FR_N_WORKERS; t++) {
        for (int i = fr_server_config_workers(config, (enum fr_worker)t); i > 0; i--)
            add(s, t, now_ms);
    }
}

void fr_slots_close(struct fr_slots *s)
{
    s->closed = true;
}

/* Workers wait for all keepers, however long they are due. */
static bool is_held(const struct fr_slots *s, size_t i)
{
    for (size_t k = 0; i >= FR_N_KEEPERS && k < FR_N_KEEPERS; k++) {
        if (s->slot[k].pid == 0)
            return true;
    }
    return false;
}

struct fr_slot *fr_slots_due(struct fr_slots *s, int64_t now_ms)
{
    for (size_t i = 0; !s->closed && i < s->n; i++) {
        struct fr_slot *slot = &s->slot[i];

        if (is_held(s, i))
            return NULL;
        if (slot->pid == 0 && slot->start_at_ms <= now_ms)
            return slot;
    }
    return NULL;
}

void fr_slot_started(struct fr_slot *slot, pid_t pid, int64_t now_ms)
{
    slot->pid = pid;
    slot->started_ms = now_ms;
    slot->start_at_ms = FR_NEVER;
}

bool fr_slot_end(struct fr_slots *s, struct fr_slot *slot, int64_t now_ms,
                 int64_t kill_at_ms)
{
    if (s->n_ending == FR_ENDING_MAX)
        return false;
    s->ending[s->n_ending++] = (struct fr_ending){slot->pid, kill_at_ms};
    slot->pid = 0;
    slot->start_at_ms = now_ms;
    return true;
}

/* At once after a decent life; else 0.1 s, 0.2 s, ... up to a second, and only who does
 * nothing but die waits longer. */
static int64_t delay_of(struct fr_slot *slot, int64_t now_ms)
{
    int64_t delay = FIRST_DELAY_MS;

    if (now_ms - slot->started_ms >= FR_SHORT_LIFE) {
        slot->fails = 0;
        return 0;
    }
    if (++slot->fails > FR_CRASH_LOOP)
        return FR_CRASH_DELAY;
    for (int i = 1; i < slot->fails && delay < FR_RESTART_MAX; i++)
        delay *= 2;
    return delay < FR_RESTART_MAX ? delay : FR_RESTART_MAX;
}

static bool drop_ending(struct fr_slots *s, pid_t pid)
{
    for (size_t i = 0; i < s->n_ending; i++) {
        if (s->ending[i].pid == pid) {
            s->ending[i] = s->ending[--s->n_ending];
            return true;
        }
    }
    return false;
}

struct fr_slot *fr_slots_gone(struct fr_slots *s, pid_t pid, int64_t now_ms)
{
    if (drop_ending(s, pid))
        return NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct fr_slot *slot = &s->slot[i];

        if (slot->pid != pid)
            continue;
        slot->pid = 0;
        slot->start_at_ms = now_ms + delay_of(slot, now_ms);
        return slot;
    }
    return NULL;
}

int64_t fr_slots_next_ms(const struct fr_slots *s)
{
    int64_t next = FR_NEVER;

    for (size_t i = 0; !s->closed && i < s->n; i++) {
        if (is_held(s, i))
            break;
        if (s->slot[i].pid == 0 && s->slot[i].start_at_ms < next)
            next = s->slot[i].start_at_ms;
    }
    for (size_t i = 0; i < s->n_ending; i++) {
        if (s->ending[i].kill_at_ms < next)
            next = s->ending[i].kill_at_ms;
    }
    return next;
}

pid_t fr_slots_overdue(struct fr_slots *s, int64_t now_ms)
{
    for (size_t i = 0; i < s->n_ending; i++) {
        if (s->ending[i].kill_at_ms <= now_ms) {
            s->ending[i].kill_at_ms = FR_NEVER;
            return s->ending[i].pid;
        }
    }
    return 0;
}
