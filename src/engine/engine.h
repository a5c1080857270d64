/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three phases (DESIGN 3), pure: events in, actions out. No I/O, no clock of its
 * own, no knowledge of any method. The driver runs what it is told to run and says how
 * it ended; the engine decides what comes next.
 *
 * Transitions are one table [phase][event]; what is not in it is FR_EINTERNAL.
 */
#ifndef FR_ENGINE_ENGINE_H
#define FR_ENGINE_ENGINE_H

#include "base/env.h"
#include "model/attempt.h"
#include "model/instruction.h"

#define FR_RETRY_FIRST_MS 1000 /* doubles each time, full jitter */
#define FR_RETRY_CAP_MS   60000

struct fr_engine;

struct fr_engine_config {
    const struct fr_env *env;
    /* False: the instruction ends at once as unsupported; says why in text. */
    bool (*supports)(void *ctx, const struct fr_instruction *in, char *text,
                     size_t size);
    void *ctx;
    int64_t list_budget_ms; /* 0: FR_LIST_BUDGET_MAX */
};

/* X(id, name) */
#define FR_ENGINE_EVENTS(X)                                                            \
    X(FR_ENGINE_START, "start")                                                        \
    X(FR_ENGINE_FINISHED, "finished")     /* the run ended: .result, octets */         \
    X(FR_ENGINE_DISCOVERED, "discovered") /* the discovery yielded .document */        \
    X(FR_ENGINE_TIMER, "timer")           /* FR_DO_WAIT is over */                     \
    X(FR_ENGINE_STOP, "stop")             /* operator, signal */
enum fr_engine_event_kind {
#define X(id, name) id,
    FR_ENGINE_EVENTS(X)
#undef X
};

struct fr_engine_event {
    enum fr_engine_event_kind kind;
    struct fr_result result; /* FINISHED; DISCOVERED: what to record; STOP: .phase */
    const char *target; /* FINISHED, DISCOVERED, STOP: of the record; may be NULL */
    uint64_t octets_out, octets_in; /* the same */
    struct fr_document *document;   /* DISCOVERED: taken by a step that succeeds */
};

enum fr_engine_do {
    FR_DO_BOOTSTRAP, /* run .instruction, at most until .deadline */
    FR_DO_DISCOVERY, /* the same; answer DISCOVERED or FINISHED */
    FR_DO_CANCEL,    /* close the run under way; no FINISHED follows */
    FR_DO_WAIT,      /* send TIMER at .deadline */
    FR_DO_RECORD,    /* .attempt: keep and show it */
    FR_DO_DONE       /* .outcome; nothing follows */
};

enum fr_outcome { FR_OUTCOME_PROVISIONED, FR_OUTCOME_FAILED, FR_OUTCOME_INTERRUPTED };
const char *fr_outcome_name(enum fr_outcome o);

struct fr_engine_action {
    enum fr_engine_do kind;
    const struct fr_instruction *instruction; /* lives as long as the engine */
    char position[FR_POSITION_MAX + 1];
    int64_t deadline; /* mono_ms */
    struct fr_attempt attempt;
    enum fr_outcome outcome;
    int exit_status; /* DONE: of DESIGN 4 */
};

/* A step can end many entries at once: all that is left of the list and of a
 * discovered one. */
#define FR_ENGINE_ACTIONS_MAX 160
struct fr_engine_actions {
    struct fr_engine_action *list; /* owned by the engine, as long as it has to be */
    size_t n;
};

/* Takes doc on success (1 to 64 entries, else FR_EPARSE, "document-entries"). */
FR_MUST_USE enum fr_code fr_engine_new(const struct fr_engine_config *config,
                                       struct fr_document *doc, struct fr_engine **ret,
                                       struct fr_err *err);
void fr_engine_free(struct fr_engine *e);
FR_DEFINE_AUTO(engine)

/* actions is valid until the next step. FR_EINTERNAL, "engine-event", for an event that
 * the phase does not allow; FR_ENOMEM. The engine is then unchanged. STOP is allowed in
 * every phase, and does nothing after DONE. */
FR_MUST_USE enum fr_code fr_engine_step(struct fr_engine *e,
                                        const struct fr_engine_event *event,
                                        const struct fr_engine_actions **actions,
                                        struct fr_err *err);
const char *fr_engine_list_id(const struct fr_engine *e);
/* Phase name, for progress and tests. */
const char *fr_engine_phase(const struct fr_engine *e);

/* What would be tried, without trying (`plan`): worst case of one instruction and of
 * the whole list, in milliseconds. */
int64_t fr_engine_worst_case(const struct fr_document *doc, int64_t list_budget_ms);

#endif
