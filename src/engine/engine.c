/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/walk.h"

/* X(id, name): the transient ones are left within the step that entered them. */
#define PHASES(X)                                                                      \
    X(IDLE, "idle")                                                                    \
    X(CHOOSING, "choosing") /* transient: what is next in the list? */                 \
    X(DISCOVERING, "discovery")                                                        \
    X(BOOTSTRAPPING, "bootstrap")                                                      \
    X(JUDGING, "judging") /* transient: a try is over, what does its class ask for? */ \
    X(WAITING, "waiting")                                                              \
    X(DONE, "done")
enum phase {
#define X(id, name) id,
    PHASES(X)
#undef X
        N_PHASES
};

static const char *const phase_names[] = {
#define X(id, name) name,
    PHASES(X)
#undef X
};

static const char *const event_names[] = {
#define X(id, name) name,
    FR_ENGINE_EVENTS(X)
#undef X
};
enum { N_EVENTS = sizeof event_names / sizeof event_names[0] };

/* What the transient phases decide: events of our own, behind the public ones. */
enum decision {
    RUN_BOOTSTRAP = N_EVENTS,
    RUN_DISCOVERY,
    SKIP_UNSUPPORTED, /* never run: we have no such method */
    SKIP_LATE,        /* never run: the list's or the discovery's budget is used up */
    LEAVE,            /* the discovered list has no more entries */
    EXHAUSTED,        /* nor has the trigger's list */
    ADOPT,            /* walk the list that was discovered */
    WON,
    RETRY,
    GIVE_UP, /* of this entry */
    CEASE,   /* of the whole list */
    N_DECISIONS
};

struct fr_engine {
    enum phase phase;
    struct fr_walk walk;
};

static struct fr_result own_result(enum fr_class class, const char *reason,
                                   const char *text)
{
    struct fr_result r = {.class = class, .retry_after_ms = -1};

    snprintf(r.reason, sizeof r.reason, "%s", reason);
    snprintf(r.text, sizeof r.text, "%s", text);
    return r;
}

/* ---- handlers: public events ---- */

static void on_start(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    w->list_deadline = fr_walk_now(w) + w->config.list_budget_ms;
    fr_walk_arrive(w);
}

static void on_finished(struct fr_walk *w, const struct fr_engine_event *event)
{
    w->last = event->result;
    fr_walk_record(w, event);
}

static const char *unwalkable(const struct fr_document *doc)
{
    if (doc->n < 1 || doc->n > FR_INSTRUCTIONS_MAX)
        return "a list has 1 to 64 entries";
    for (size_t i = 0; i < doc->n; i++)
        if (doc->list[i].kind != FR_BOOTSTRAP)
            return "a discovered list holds a discovery instruction";
    return NULL;
}

/* The parser has refused such lists already; that the walk ends is proved here. */
static void on_discovered(struct fr_walk *w, const struct fr_engine_event *event)
{
    const char *why = unwalkable(event->document);

    w->last = event->result;
    if (why) {
        w->last = own_result(FR_CLASS_INVALID, "discovered-list", why);
        w->last.phase = FR_PHASE_DISCOVERY;
        fr_document_free(event->document);
    } else {
        w->discovered[w->at] = event->document;
        w->adopts = true;
    }
    fr_walk_record(w, event);
}

static void on_stop(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    fr_walk_done(w, FR_OUTCOME_INTERRUPTED, fr_class_exit(FR_CLASS_INTERRUPTED));
}

static void on_stop_running(struct fr_walk *w, const struct fr_engine_event *event)
{
    fr_walk_act(w, FR_DO_CANCEL);
    w->last = own_result(FR_CLASS_INTERRUPTED, "stopped",
                         "stopped by the operator or a signal");
    w->last.phase = event->result.phase;
    fr_walk_record(w, event);
    on_stop(w, event);
}

static void nothing(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)w;
    (void)event;
}

/* ---- handlers: our own decisions (event is NULL) ---- */

static void run(struct fr_walk *w, enum fr_engine_do kind)
{
    w->tries++;
    w->try_start = fr_walk_now(w);
    w->try_start_wall = fr_wall_s(w->config.env);
    fr_walk_act(w, kind);
}

static void run_bootstrap(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    run(w, FR_DO_BOOTSTRAP);
}

static void run_discovery(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    run(w, FR_DO_DISCOVERY);
}

static void give_up(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    fr_walk_advance(w);
}

static void skip_unsupported(struct fr_walk *w, const struct fr_engine_event *event)
{
    fr_walk_record(w, event);
    fr_walk_advance(w);
}

static void skip_late(struct fr_walk *w, const struct fr_engine_event *event)
{
    w->last = own_result(FR_CLASS_UNREACHABLE, "budget-used-up",
                         "not tried: no time is left in the budget");
    fr_walk_record(w, event);
    fr_walk_advance(w);
}

static void enter_list(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    w->discovery_deadline = w->deadline;
    w->inside = true;
    w->inner = 0;
    fr_walk_arrive(w);
}

static void leave_list(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    w->inside = false;
    w->at++;
    fr_walk_arrive(w);
}

static void wait_for_retry(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    fr_walk_act(w, FR_DO_WAIT)->deadline = w->wake_at;
}

static void win(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    fr_walk_done(w, FR_OUTCOME_PROVISIONED, fr_class_exit(FR_CLASS_PROVISIONED));
}

static void cease(struct fr_walk *w, const struct fr_engine_event *event)
{
    (void)event;
    fr_walk_done(w, FR_OUTCOME_INTERRUPTED,
                 w->last.fr_exit ? w->last.fr_exit
                                 : fr_class_exit(FR_CLASS_INTERRUPTED));
}

/* DESIGN 4: the class that says most to the operator decides. */
static void fail(struct fr_walk *w, const struct fr_engine_event *event)
{
    static const enum fr_class order[] = {FR_CLASS_REFUSED, FR_CLASS_INVALID,
                                          FR_CLASS_UNREACHABLE, FR_CLASS_UNSUPPORTED};
    size_t i = 0;

    (void)event;
    while (i + 1 < sizeof order / sizeof order[0] && !(w->seen & 1u << order[i]))
        i++;
    fr_walk_done(w, FR_OUTCOME_FAILED, fr_class_exit(order[i]));
}

/* ---- what the transient phases decide ---- */

static bool is_supported(struct fr_walk *w)
{
    char text[FR_ERR_MSG_MAX] = "";

    if (!w->config.supports ||
        w->config.supports(w->config.ctx, fr_walk_current(w), text, sizeof text))
        return true;
    w->last = own_result(FR_CLASS_UNSUPPORTED, "unsupported", text);
    return false;
}

static int choose(struct fr_walk *w)
{
    if (fr_walk_at_end(w))
        return w->inside ? LEAVE : EXHAUSTED;
    if (w->tries == 0 && !is_supported(w))
        return SKIP_UNSUPPORTED;
    if (fr_walk_now(w) >= w->deadline)
        return w->tries == 0 ? SKIP_LATE : GIVE_UP;
    return fr_walk_current(w)->kind == FR_BOOTSTRAP ? RUN_BOOTSTRAP : RUN_DISCOVERY;
}

/* Full jitter under a bound that doubles with each try. */
static int64_t back_off(const struct fr_walk *w)
{
    unsigned doublings = w->tries < 8 ? w->tries - 1 : 7;
    int64_t bound = fr_least((int64_t)FR_RETRY_FIRST_MS << doublings, FR_RETRY_CAP_MS);

    return fr_random_upto(w->config.env, (uint32_t)bound);
}

/* A Retry-After of 0 asks for nothing: the back-off keeps a peer from making us spin.
 * Compared as "what is left", so that no peer's number can overflow. */
static bool may_retry(struct fr_walk *w)
{
    int64_t left = w->deadline - fr_walk_now(w);
    int64_t wait;

    if (!fr_class_retries(w->last.class) || left <= 0)
        return false;
    wait = w->last.retry_after_ms > 0 ? w->last.retry_after_ms : back_off(w);
    if (wait >= left)
        return false;
    w->wake_at = fr_walk_now(w) + wait;
    return true;
}

static int judge(struct fr_walk *w)
{
    if (w->adopts)
        return ADOPT;
    if (w->last.class == FR_CLASS_PROVISIONED)
        return WON;
    if (w->last.class == FR_CLASS_INTERRUPTED)
        return CEASE;
    return may_retry(w) ? RETRY : GIVE_UP;
}

static int (*const decide[N_PHASES])(struct fr_walk *w) = {
    [CHOOSING] = choose,
    [JUDGING] = judge,
};

/* ---- the table ---- */

struct transition {
    void (*handler)(struct fr_walk *w, const struct fr_engine_event *event);
    enum phase next;
};

static const struct transition transitions[N_PHASES][N_DECISIONS] = {
    [IDLE] =
        {[FR_ENGINE_START] = {on_start, CHOOSING}, [FR_ENGINE_STOP] = {on_stop, DONE}},
    [CHOOSING] = {[RUN_BOOTSTRAP] = {run_bootstrap, BOOTSTRAPPING},
                  [RUN_DISCOVERY] = {run_discovery, DISCOVERING},
                  [SKIP_UNSUPPORTED] = {skip_unsupported, CHOOSING},
                  [SKIP_LATE] = {skip_late, CHOOSING},
                  [GIVE_UP] = {give_up, CHOOSING},
                  [LEAVE] = {leave_list, CHOOSING},
                  [EXHAUSTED] = {fail, DONE}},
    [DISCOVERING] = {[FR_ENGINE_FINISHED] = {on_finished, JUDGING},
                     [FR_ENGINE_DISCOVERED] = {on_discovered, JUDGING},
                     [FR_ENGINE_STOP] = {on_stop_running, DONE}},
    [BOOTSTRAPPING] = {[FR_ENGINE_FINISHED] = {on_finished, JUDGING},
                       [FR_ENGINE_STOP] = {on_stop_running, DONE}},
    [JUDGING] = {[ADOPT] = {enter_list, CHOOSING},
                 [WON] = {win, DONE},
                 [RETRY] = {wait_for_retry, WAITING},
                 [GIVE_UP] = {give_up, CHOOSING},
                 [CEASE] = {cease, DONE}},
    [WAITING] =
        {[FR_ENGINE_TIMER] = {nothing, CHOOSING}, [FR_ENGINE_STOP] = {on_stop, DONE}},
    [DONE] = {[FR_ENGINE_STOP] = {nothing, DONE}}, /* a signal may come late */
};

static void take(struct fr_engine *e, int kind, const struct fr_engine_event *event)
{
    const struct transition *t = &transitions[e->phase][kind];

    assert(t->handler);
    t->handler(&e->walk, event);
    e->phase = t->next;
}

/* ---- the interface ---- */

/*
 * One step records at most the try that ended and every entry after it, each once, and
 * adds DONE, or one run, or one wait; a stop is three actions. Entries after it: what
 * is left of the trigger's list (at most 63 when a list is being walked inside it, else
 * 64) and of the list that is, or is about to be, discovered (at most 64): the cursor
 * only moves forward, and a second discovery needs a run, which ends the step.
 */
static_assert(FR_ENGINE_ACTIONS_MAX >= 2 * FR_INSTRUCTIONS_MAX + 3,
              "a step's actions fit");

static size_t most_actions(const struct fr_engine *e,
                           const struct fr_engine_event *event)
{
    size_t most = 3 + e->walk.doc->n - e->walk.at;

    if (e->walk.inside)
        most += e->walk.discovered[e->walk.at]->n - e->walk.inner;
    else if (event->kind == FR_ENGINE_DISCOVERED && !unwalkable(event->document))
        most += event->document->n;
    return most;
}

/* Before anything changes, so that a step cannot fail half-way. */
static enum fr_code reserve(struct fr_engine *e, size_t n, struct fr_err *err)
{
    void *list;

    e->walk.actions.n = 0;
    if (n <= e->walk.cap)
        return FR_OK;
    list = realloc(e->walk.actions.list, n * sizeof *e->walk.actions.list);
    if (!list)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    e->walk.actions.list = list;
    e->walk.cap = n;
    return FR_OK;
}

static enum fr_code check_event(const struct fr_engine *e,
                                const struct fr_engine_event *event, struct fr_err *err)
{
    if ((unsigned)event->kind >= N_EVENTS)
        return FR_FAIL_AS(err, FR_EINTERNAL, "engine-event", "no such event: %d",
                          (int)event->kind);
    if (!transitions[e->phase][event->kind].handler)
        return FR_FAIL_AS(err, FR_EINTERNAL, "engine-event",
                          "the event %s is not allowed in the phase %s",
                          event_names[event->kind], phase_names[e->phase]);
    if (event->kind == FR_ENGINE_DISCOVERED && !event->document)
        return FR_FAIL_AS(err, FR_EINTERNAL, "engine-event",
                          "a discovery succeeded without a list");
    if (event->kind == FR_ENGINE_FINISHED &&
        (event->result.class == FR_CLASS_DISCOVERED ||
         (e->phase == DISCOVERING && event->result.class == FR_CLASS_PROVISIONED)))
        return FR_FAIL_AS(err, FR_EINTERNAL, "engine-event", "%s cannot end as %s",
                          phase_names[e->phase], fr_class_name(event->result.class));
    return FR_OK;
}

enum fr_code fr_engine_step(struct fr_engine *e, const struct fr_engine_event *event,
                            const struct fr_engine_actions **actions,
                            struct fr_err *err)
{
    FR_TRY(check_event(e, event, err));
    FR_TRY(reserve(e, most_actions(e, event), err));

    take(e, (int)event->kind, event);
    while (decide[e->phase])
        take(e, decide[e->phase](&e->walk), NULL);
    *actions = &e->walk.actions;
    return FR_OK;
}

static int64_t list_budget(int64_t asked)
{
    return asked > 0 ? fr_least(asked, FR_LIST_BUDGET_MAX) : FR_LIST_BUDGET_MAX;
}

enum fr_code fr_engine_new(const struct fr_engine_config *config,
                           struct fr_document *doc, struct fr_engine **ret,
                           struct fr_err *err)
{
    struct fr_engine *e;

    if (doc->n < 1 || doc->n > FR_INSTRUCTIONS_MAX)
        return FR_FAIL_AS(err, FR_EPARSE, "document-entries",
                          "an instruction list has 1 to %d entries, not %zu",
                          FR_INSTRUCTIONS_MAX, doc->n);
    e = calloc(1, sizeof *e);
    if (!e)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    e->walk.config = *config;
    e->walk.config.list_budget_ms = list_budget(config->list_budget_ms);
    fr_random_hex(config->env, e->walk.list_id, FR_LIST_ID_LEN / 2);
    e->walk.doc = doc;
    *ret = e;
    return FR_OK;
}

void fr_engine_free(struct fr_engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < FR_INSTRUCTIONS_MAX; i++)
        fr_document_free(e->walk.discovered[i]);
    fr_document_free(e->walk.doc);
    free(e->walk.actions.list);
    free(e);
}

const char *fr_engine_list_id(const struct fr_engine *e)
{
    return e->walk.list_id;
}

const char *fr_engine_phase(const struct fr_engine *e)
{
    return phase_names[e->phase];
}

const char *fr_outcome_name(enum fr_outcome o)
{
    static const char *const names[] = {[FR_OUTCOME_PROVISIONED] = "provisioned",
                                        [FR_OUTCOME_FAILED] = "failed",
                                        [FR_OUTCOME_INTERRUPTED] = "interrupted"};

    return (unsigned)o < sizeof names / sizeof names[0] ? names[o] : "?";
}

int64_t fr_engine_worst_case(const struct fr_document *doc, int64_t budget_ms)
{
    int64_t sum = 0;

    for (size_t i = 0; i < doc->n; i++)
        sum += fr_least(doc->list[i].budget_ms, FR_BUDGET_MAX);
    return fr_least(sum, list_budget(budget_ms));
}
