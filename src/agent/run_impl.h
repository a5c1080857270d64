/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of run.h share: a run, and what each of them does for the others. */
#ifndef FR_AGENT_RUN_IMPL_H
#define FR_AGENT_RUN_IMPL_H

#include "agent/records.h"
#include "agent/run.h"
#include "agent/task.h"
#include "engine/engine.h"

enum fr_run_stage { FR_RUN_RESOLVING, FR_RUN_WALKING, FR_RUN_OVER };

struct fr_run {
    const struct fr_device *device;
    struct fr_keyring *keys;
    struct fr_run_context context;
    struct fr_engine *engine;
    const struct fr_instruction *first; /* of the engine's list */
    struct fr_teller teller;
    bool renew, owns_lock, stop;
    enum fr_run_stage stage;
    struct fr_task *task; /* what is tried now */
    char position[FR_POSITION_MAX + 1];
    int64_t wake_at; /* the engine waits; -1: it does not */
    struct fr_credential *won;

    /* resolving: before the list, or before an entry that would make its key again */
    struct fr_credential *pending;      /* NULL: the task is no resolve */
    struct fr_instruction resolve_in;   /* borrows from pending */
    const struct fr_instruction *entry; /* the one at the position, and until when */
    int64_t entry_deadline;
    size_t n_kept; /* pending slots that stay as they are */
    int64_t start_mono, start_wall;

    struct fr_records records;
    int exit_status;
    struct fr_err end;
};

/* run.c: what is tried now, until mono_ms; ended, and what it was to resolve. */
void fr_run_begin(struct fr_run *r, const struct fr_instruction *in, int64_t deadline);
void fr_run_end_task(struct fr_run *r);
void fr_run_forget_pending(struct fr_run *r);

/* run_end.c: the run is over. */
void fr_run_finish(struct fr_run *r, const struct fr_outcome_report *report);
void fr_run_finish_early(struct fr_run *r, int exit_status, const char *reason,
                         const char *text);
void fr_run_finish_with_err(struct fr_run *r, const struct fr_err *err);

/* run_resolve.c: begins to resolve r->pending; the record of that; the next slot that
 * is pending, or the walk; what follows when its task is over. */
void fr_run_resolve(struct fr_run *r, int64_t deadline);
void fr_run_record_resolve(struct fr_run *r);
void fr_run_next_resolve(struct fr_run *r);
void fr_run_resolve_ended(struct fr_run *r);

/* run_walk.c: begins the list; an event of it; what follows when its task is over. */
void fr_run_walk(struct fr_run *r);
void fr_run_tell_engine(struct fr_run *r, const struct fr_engine_event *event);
void fr_run_try_ended(struct fr_run *r);

#endif
