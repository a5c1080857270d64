/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/walk.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int64_t fr_walk_now(const struct fr_walk *w)
{
    return fr_mono_ms(w->config.env);
}

static const struct fr_document *walked(const struct fr_walk *w)
{
    return w->inside ? w->discovered[w->at] : w->doc;
}

static size_t cursor(const struct fr_walk *w)
{
    return w->inside ? w->inner : w->at;
}

bool fr_walk_at_end(const struct fr_walk *w)
{
    return cursor(w) == walked(w)->n;
}

const struct fr_instruction *fr_walk_current(const struct fr_walk *w)
{
    return &walked(w)->list[cursor(w)];
}

struct fr_engine_action *fr_walk_act(struct fr_walk *w, enum fr_engine_do kind)
{
    struct fr_engine_action *a = &w->actions.list[w->actions.n++];

    assert(w->actions.n <= w->cap);
    *a = (struct fr_engine_action){.kind = kind, .deadline = w->deadline};
    if (fr_walk_at_end(w))
        return a;
    a->instruction = fr_walk_current(w);
    if (w->inside)
        snprintf(a->position, sizeof a->position, "%zu.%zu", w->at + 1, w->inner + 1);
    else
        snprintf(a->position, sizeof a->position, "%zu", w->at + 1);
    return a;
}

static void describe(const struct fr_instruction *in, struct fr_attempt *to)
{
    bool is_bootstrap = in->kind == FR_BOOTSTRAP;
    const char *peer = is_bootstrap ? in->mef : in->resource;

    to->kind = in->kind;
    snprintf(to->method, sizeof to->method, "%s", in->method ? in->method : "");
    snprintf(to->peer, sizeof to->peer, "%s", peer ? peer : "");
    if (is_bootstrap && in->target)
        snprintf(to->target, sizeof to->target, "%s", in->target);
}

void fr_walk_record(struct fr_walk *w, const struct fr_engine_event *event)
{
    struct fr_engine_action *action = fr_walk_act(w, FR_DO_RECORD);
    struct fr_attempt *a = &action->attempt;

    memcpy(a->list, w->list_id, sizeof a->list);
    memcpy(a->position, action->position, sizeof a->position);
    describe(action->instruction, a);
    a->result = w->last;
    if (!event) {
        a->start = fr_wall_s(w->config.env);
        return;
    }
    if (event->target)
        snprintf(a->target, sizeof a->target, "%s", event->target);
    a->start = w->try_start_wall;
    a->duration_ms = fr_walk_now(w) - w->try_start;
    a->octets_out = event->octets_out;
    a->octets_in = event->octets_in;
}

void fr_walk_done(struct fr_walk *w, enum fr_outcome outcome, int exit_status)
{
    struct fr_engine_action *a = fr_walk_act(w, FR_DO_DONE);

    a->outcome = outcome;
    a->exit_status = exit_status;
}

/* ---- the cursor ---- */

/* The budget of an entry starts when its turn comes, and never outlives the list's, nor
 * inside a discovered list that of the discovery. */
void fr_walk_arrive(struct fr_walk *w)
{
    w->tries = 0;
    w->adopts = false;
    if (fr_walk_at_end(w))
        return;
    w->deadline =
        fr_walk_now(w) + fr_least(fr_walk_current(w)->budget_ms, FR_BUDGET_MAX);
    w->deadline = fr_least(w->deadline, w->list_deadline);
    if (w->inside)
        w->deadline = fr_least(w->deadline, w->discovery_deadline);
}

void fr_walk_advance(struct fr_walk *w)
{
    w->seen |= 1u << w->last.class;
    if (w->inside)
        w->inner++;
    else
        w->at++;
    fr_walk_arrive(w);
}
