/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One try of one instruction: a method's run, with the connection, files and slots that
 * it asks for. The method decides, the task does (engine/io.h).
 *
 * A bootstrap has succeeded once its slots are flipped: what fails after that is a
 * warning. Where success is also the target's first fetch, it is a failure of class
 * unreachable ("target-not-fetched"), without a retry: the key is kept.
 */
#ifndef FR_AGENT_TASK_H
#define FR_AGENT_TASK_H

#include "agent/keyring.h"
#include "agent/run.h"

struct fr_task;

/* All borrowed for the task's life. */
struct fr_task_setup {
    const struct fr_device *device;
    const struct fr_keyring *keys;
    const struct fr_run_context *context;
    const struct fr_instruction *in;
    const struct fr_credential *pending; /* NULL: not a resolve */
    int64_t deadline;                    /* mono_ms */
    void (*on_phase)(void *ctx, enum fr_phase phase);
    void (*on_warning)(void *ctx, const char *text);
    void *ctx;
};

/* How it ended; borrowed until the task is freed. */
struct fr_task_end {
    struct fr_result result;
    const struct fr_credential *credential; /* flipped: the new current; else NULL */
    bool dropped;                           /* a resolve found nothing at the MEF */
    uint64_t octets_out, octets_in;
};

/* A method that will not open ends the task, it does not fail the call. FR_ENOMEM. */
FR_MUST_USE enum fr_code fr_task_new(const struct fr_task_setup *setup,
                                     struct fr_task **ret, struct fr_err *err);
void fr_task_free(struct fr_task *t); /* in any state; NULL is fine */
FR_DEFINE_AUTO(task)

/* Does what can be done now. True when the task is over. */
bool fr_task_step(struct fr_task *t);
size_t fr_task_interests(const struct fr_task *t, struct pollfd *fds, size_t max,
                         int64_t *ret_deadline);

/* Past the point from which it only can succeed. */
bool fr_task_has_flipped(const struct fr_task *t);
/* Ends it where it stands: as provisioned if it has flipped, else interrupted. */
void fr_task_stop(struct fr_task *t);

const struct fr_task_end *fr_task_end(const struct fr_task *t); /* once over */
struct fr_document *fr_task_take_document(struct fr_task *t);   /* of a discovery */

#endif
