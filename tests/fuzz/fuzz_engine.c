/* SPDX-License-Identifier: Apache-2.0 */
/* Any list, any events, against the promises of the walk: it ends, it has at most one
 * success, it goes down the list, and nothing discovered discovers. */
#include "engine/engine.h"
#include "fake/env.h"
#include "fuzz.h"

enum { STEPS_TO_END = FR_INSTRUCTIONS_MAX * (FR_INSTRUCTIONS_MAX + 2) + 8 };

struct walk {
    struct fr_fake_env env;
    struct fr_engine *engine;
    struct fr_cursor tape;
    int at, inner; /* of the last thing that was run */
    int64_t wait_until;
    bool is_discovery, is_done, is_provisioned;
};

static bool supports(void *ctx, const struct fr_instruction *in, char *text,
                     size_t size)
{
    (void)ctx;
    if (size)
        text[0] = 0;
    return in->port != 1;
}

static bool add_entry(struct fr_document *doc, uint8_t how)
{
    static const int64_t budgets[] = {0, 1, 5000, FR_BUDGET_DEFAULT};
    enum fr_instruction_kind kind = how & 1 ? FR_DISCOVERY : FR_BOOTSTRAP;
    struct fr_instruction *in;

    if (!FUZZ_MUST(fr_document_add(doc, kind, &in, NULL)) ||
        !FUZZ_MUST(fr_str_dup("m", &in->method, NULL)) ||
        !FUZZ_MUST(fr_str_dup("mef.example", &in->mef, NULL)) ||
        !FUZZ_MUST(fr_str_dup("https://d.example/", &in->resource, NULL)))
        return false;
    in->port = how & 2 ? 1 : FR_PORT_HTTP;
    in->budget_ms = budgets[how >> 2 & 3];
    return true;
}

static struct fr_document *take_list(struct fr_cursor *tape, bool is_discovered)
{
    FR_AUTO(document) *doc = NULL;
    size_t n = 1 + fr_take_u8(tape) % FR_INSTRUCTIONS_MAX;

    if (!FUZZ_MUST(fr_document_new(&doc, NULL)))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        uint8_t how = fr_take_u8(tape);

        if (!add_entry(doc, is_discovered ? how & 0xfe : how))
            return NULL;
    }
    return FR_TAKE(doc);
}

static void ran(struct walk *w, const struct fr_engine_action *a)
{
    int at = 0, inner = 0, n = sscanf(a->position, "%d.%d", &at, &inner);

    FUZZ_ASSERT(n >= 1 && at >= w->at);
    FUZZ_ASSERT(at > w->at || inner >= w->inner);
    FUZZ_ASSERT(a->kind == FR_DO_BOOTSTRAP || inner == 0);
    w->at = at;
    w->inner = inner;
    w->is_discovery = a->kind == FR_DO_DISCOVERY;
}

static void did(struct walk *w, const struct fr_engine_action *a)
{
    FUZZ_ASSERT(!w->is_done);
    fuzz_saw_number(a->kind);
    fuzz_saw_text(a->position);
    if (a->kind == FR_DO_BOOTSTRAP || a->kind == FR_DO_DISCOVERY) {
        FUZZ_ASSERT(!w->is_provisioned);
        ran(w, a);
    } else if (a->kind == FR_DO_WAIT) {
        w->wait_until = a->deadline;
    } else if (a->kind == FR_DO_RECORD) {
        bool is_success = a->attempt.result.class == FR_CLASS_PROVISIONED;

        FUZZ_ASSERT(!(is_success && w->is_provisioned));
        w->is_provisioned |= is_success;
    } else if (a->kind == FR_DO_DONE) {
        w->is_done = true;
        FUZZ_ASSERT((a->outcome == FR_OUTCOME_PROVISIONED) == w->is_provisioned);
        FUZZ_ASSERT((a->exit_status == 0) == w->is_provisioned);
    }
}

/* False: for want of memory. */
static bool step(struct walk *w, struct fr_engine_event *ev)
{
    const struct fr_engine_actions *acts;
    const char *phase = fr_engine_phase(w->engine);
    enum fr_code rc = fr_engine_step(w->engine, ev, &acts, NULL);

    if (rc == FR_EINTERNAL) { /* an event that does not fit: nothing has changed */
        FUZZ_ASSERT(fr_engine_phase(w->engine) == phase);
        FUZZ_ASSERT(ev->kind != FR_ENGINE_STOP);
        return true;
    }
    if (!FUZZ_MUST(rc))
        return false;
    ev->document = NULL;
    FUZZ_ASSERT(acts->n <= FR_ENGINE_ACTIONS_MAX);
    for (size_t i = 0; i < acts->n; i++)
        did(w, &acts->list[i]);
    return true;
}

static bool take_event(struct walk *w)
{
    static const int64_t times[] = {0, 0, 3, 999, 15000, 30000, 61000, 3600000};
    uint8_t what = fr_take_u8(&w->tape), how = fr_take_u8(&w->tape);
    struct fr_engine_event ev = {
        .kind = what % 5,
        .result = {.class = how % (FR_CLASS_DISCOVERED + 1),
                   .phase = FR_PHASE_CONNECT,
                   .retry_after_ms = how & 0x80 ? times[what >> 5] : -1}};
    FR_AUTO(document) *doc = NULL;
    bool goes_on;

    fr_fake_env_advance(&w->env, times[how >> 4 & 7]);
    if (ev.kind == FR_ENGINE_DISCOVERED) {
        doc = take_list(&w->tape, true);
        if (!doc)
            return false;
        ev.document = doc;
        ev.result.class = FR_CLASS_DISCOVERED;
    } else if (ev.result.class == FR_CLASS_DISCOVERED ||
               (w->is_discovery && ev.result.class == FR_CLASS_PROVISIONED)) {
        ev.result.class = FR_CLASS_UNREACHABLE; /* FINISHED cannot say that */
    }
    goes_on = step(w, &ev);
    if (!ev.document)
        (void)FR_TAKE(doc);
    return goes_on;
}

/* Whatever it is in the middle of, it ends when nothing succeeds. */
static void run_out(struct walk *w)
{
    for (int i = 0; !w->is_done; i++) {
        struct fr_engine_event ev = {
            .kind = strcmp(fr_engine_phase(w->engine), "waiting") == 0
                        ? FR_ENGINE_TIMER
                        : FR_ENGINE_FINISHED,
            .result = {.class = FR_CLASS_REFUSED, .retry_after_ms = -1}};

        FUZZ_ASSERT(i < STEPS_TO_END);
        if (strcmp(fr_engine_phase(w->engine), "idle") == 0)
            ev.kind = FR_ENGINE_START;
        if (w->wait_until > w->env.mono_ms)
            fr_fake_env_advance(&w->env, w->wait_until - w->env.mono_ms);
        if (!step(w, &ev))
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct walk w = {.tape = fr_cursor_of(fr_slice_of(data, size))};
    struct fr_engine_config config = {.env = &w.env.env, .supports = supports};
    struct fr_document *doc;

    fr_fake_env_init(&w.env, 7);
    doc = take_list(&w.tape, false);
    if (!doc)
        return 0;
    config.list_budget_ms = fr_take_u8(&w.tape) % 4 * 100000;
    if (!FUZZ_MUST(fr_engine_new(&config, doc, &w.engine, NULL))) {
        fr_document_free(doc);
        return 0;
    }
    while (w.tape.left > 0 && take_event(&w))
        ;
    if (w.tape.left == 0)
        run_out(&w);
    fr_engine_free(w.engine);
    return 0;
}
