/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's inside: where we are in the list, what is known of the entry there, and
 * what is told about it. Which event leads where is engine.c's table alone.
 */
#ifndef FR_ENGINE_WALK_H
#define FR_ENGINE_WALK_H

#include "engine/engine.h"

struct fr_walk {
    struct fr_engine_config config;
    char list_id[FR_LIST_ID_LEN + 1];
    struct fr_document *doc;
    struct fr_document *discovered[FR_INSTRUCTIONS_MAX]; /* by entry of doc */

    /* the cursor: entry `at` of doc, or entry `inner` of what it discovered */
    size_t at, inner;
    bool inside;
    int64_t list_deadline;
    int64_t discovery_deadline; /* of the entry that we are inside of */

    /* the entry at the cursor */
    int64_t deadline;
    unsigned tries;
    int64_t wake_at; /* of the wait before the next try */
    int64_t try_start, try_start_wall;
    bool adopts; /* its discovery yielded a list */
    struct fr_result last;

    unsigned seen; /* classes in which instructions ended, as bits */
    struct fr_engine_actions actions;
    size_t cap; /* of actions */
};

static inline int64_t fr_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t fr_walk_now(const struct fr_walk *w);
bool fr_walk_at_end(const struct fr_walk *w);
const struct fr_instruction *fr_walk_current(const struct fr_walk *w); /* not at_end */

/* The cursor came to another entry: its budget starts. */
void fr_walk_arrive(struct fr_walk *w);
/* The entry is over, with the class of w->last. */
void fr_walk_advance(struct fr_walk *w);

/* Appends an action about the entry at the cursor; the step has reserved room. */
struct fr_engine_action *fr_walk_act(struct fr_walk *w, enum fr_engine_do kind);
/* Records w->last. event is NULL for an entry that was never run. */
void fr_walk_record(struct fr_walk *w, const struct fr_engine_event *event);
void fr_walk_done(struct fr_walk *w, enum fr_outcome outcome, int exit_status);

#endif
