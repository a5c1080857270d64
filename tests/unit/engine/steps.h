/* SPDX-License-Identifier: Apache-2.0 */
/* One walk, step by step, and what a step must have asked for. */
#ifndef FR_TEST_ENGINE_STEPS_H
#define FR_TEST_ENGINE_STEPS_H

#include "fake/env.h"
#include "lists.h"

struct walk {
    struct fr_fake_env env;
    struct fr_engine *engine;
    const struct fr_engine_actions *acts;
    struct fr_err err;
};

static inline void begin_with(struct walk *w, struct fr_document *doc,
                              int64_t list_budget_ms)
{
    struct fr_err err = {0};

    *w = (struct walk){0};
    fr_fake_env_init(&w->env, 7);
    struct fr_engine_config config = {
        .env = &w->env.env, .supports = no_pigeons, .list_budget_ms = list_budget_ms};
    assert_ok(fr_engine_new(&config, doc, &w->engine, &err));
}

static inline void begin(struct walk *w, const char *letters)
{
    begin_with(w, list_of(letters), 0);
}

static inline void end(struct walk *w)
{
    fr_engine_free(w->engine);
}

static inline void step(struct walk *w, struct fr_engine_event ev)
{
    struct fr_err err = {0};

    assert_ok(fr_engine_step(w->engine, &ev, &w->acts, &err));
}

static inline void start(struct walk *w)
{
    step(w, (struct fr_engine_event){.kind = FR_ENGINE_START});
}

static inline void stop(struct walk *w)
{
    step(w, (struct fr_engine_event){.kind = FR_ENGINE_STOP,
                                     .result = {.phase = FR_PHASE_CONFIRM},
                                     .octets_out = 11});
}

static inline void finish(struct walk *w, enum fr_class class, int64_t after_ms)
{
    fr_fake_env_advance(&w->env, after_ms);
    step(w, (struct fr_engine_event){.kind = FR_ENGINE_FINISHED,
                                     .result = result_of(class)});
}

static inline void finish_busy(struct walk *w, int64_t retry_after_ms)
{
    struct fr_engine_event ev = {.kind = FR_ENGINE_FINISHED,
                                 .result = result_of(FR_CLASS_UNREACHABLE)};

    ev.result.retry_after_ms = retry_after_ms;
    step(w, ev);
}

static inline void discover(struct walk *w, struct fr_document *doc)
{
    step(w, (struct fr_engine_event){.kind = FR_ENGINE_DISCOVERED,
                                     .result = result_of(FR_CLASS_DISCOVERED),
                                     .document = doc});
}

static inline const struct fr_engine_action *last(const struct walk *w)
{
    assert_true(w->acts->n > 0);
    return &w->acts->list[w->acts->n - 1];
}

/* Waits as long as it was told to. Returns how long that was. */
static inline int64_t wait_out(struct walk *w)
{
    int64_t wait = last(w)->deadline - w->env.mono_ms;

    assert_int_equal(last(w)->kind, FR_DO_WAIT);
    fr_fake_env_advance(&w->env, wait);
    step(w, (struct fr_engine_event){.kind = FR_ENGINE_TIMER});
    return wait;
}

static inline void assert_runs(const struct walk *w, const char *position)
{
    assert_in_range(last(w)->kind, FR_DO_BOOTSTRAP, FR_DO_DISCOVERY);
    assert_string_equal(last(w)->position, position);
}

static inline void assert_done(const struct walk *w, enum fr_outcome outcome,
                               int exit_status)
{
    assert_int_equal(last(w)->kind, FR_DO_DONE);
    assert_string_equal(fr_outcome_name(last(w)->outcome), fr_outcome_name(outcome));
    assert_int_equal(last(w)->exit_status, exit_status);
    assert_string_equal(fr_engine_phase(w->engine), "done");
}

static inline const struct fr_attempt *record_of(const struct walk *w,
                                                 const char *position)
{
    for (size_t i = 0; i < w->acts->n; i++)
        if (w->acts->list[i].kind == FR_DO_RECORD &&
            strcmp(w->acts->list[i].attempt.position, position) == 0)
            return &w->acts->list[i].attempt;
    fail_msg("no record of %s", position);
    return NULL;
}

#endif
