/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine against an independent walk written from DESIGN 3: a hundred thousand
 * generated worlds, each a list, budgets, and what every try will bring. Both walk the
 * same world with the same clock and the same random octets, and leave a trace; the
 * traces, outcomes and exit statuses are equal.
 */
#include "fake/env.h"
#include "lists.h"

enum { WORLDS = 100000, TRACE_MAX = 8192, NEVER = 1000000 };

/* ---- a world: everything follows from its seed ---- */

struct world {
    uint64_t seed;
    unsigned stop_after; /* the operator stops at the n-th thing under way */
};

static uint64_t mix(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t z = seed ^ a * UINT64_C(0x9e3779b97f4a7c15) ^
                 b * UINT64_C(0xc2b2ae3d27d4eb4f) ^ c * UINT64_C(0x165667b19e3779f9);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Where in the world: entry, entry inside it (0: itself), which try. */
struct place {
    size_t at, inner;
    unsigned try;
};

static uint64_t roll(const struct world *w, struct place p, unsigned what, uint64_t of)
{
    return mix(w->seed, p.at << 8 | p.inner, p.try, what) % of;
}

enum {
    ROLL_SIZE,
    ROLL_BIG,
    ROLL_KIND,
    ROLL_BUDGET,
    ROLL_CLASS,
    ROLL_TIME,
    ROLL_AFTER,
    ROLL_EXIT,
    ROLL_LIST,
    ROLL_STOP,
    ROLL_LATE,
    ROLL_YIELD
};

static size_t size_of(const struct world *w, struct place p)
{
    bool big = roll(w, p, ROLL_BIG, 500) == 0;

    return 1 + roll(w, p, ROLL_SIZE, big ? FR_INSTRUCTIONS_MAX : 6);
}

static char letter_at(const struct world *w, struct place p)
{
    p.try = 0;
    return p.inner ? "bbbu"[roll(w, p, ROLL_KIND, 4)]
                   : "bbbbdddu"[roll(w, p, ROLL_KIND, 8)];
}

static int64_t budget_at(const struct world *w, struct place p)
{
    static const int64_t budgets[] = {0, 1, 900, 5000, 30000, 30000, 120000, 600000};

    p.try = 0;
    return budgets[roll(w, p, ROLL_BUDGET, 8)];
}

static int64_t list_budget_of(const struct world *w)
{
    static const int64_t budgets[] = {0, 0, 0, 1, 2000, 40000, 300000, 9000000};

    return budgets[roll(w, (struct place){0}, ROLL_LIST, 8)];
}

struct brings {
    enum fr_class class; /* of a discovery: PROVISIONED means that it yields a list */
    int64_t duration_ms, retry_after_ms;
    int64_t late_ms; /* the timer of the wait behind it */
    int fr_exit;
};

static struct brings what_comes(const struct world *w, struct place p)
{
    static const enum fr_class classes[] = {
        FR_CLASS_UNREACHABLE, FR_CLASS_UNREACHABLE, FR_CLASS_UNREACHABLE,
        FR_CLASS_UNREACHABLE, FR_CLASS_UNREACHABLE, FR_CLASS_UNREACHABLE,
        FR_CLASS_REFUSED,     FR_CLASS_REFUSED,     FR_CLASS_INVALID,
        FR_CLASS_UNSUPPORTED, FR_CLASS_PROVISIONED, FR_CLASS_INTERRUPTED};
    bool yields = letter_at(w, p) == 'd' && roll(w, p, ROLL_YIELD, 2) == 0;
    enum fr_class class = classes[roll(w, p, ROLL_CLASS, 12)];
    static const int64_t durations[] = {0, 3, 250, 2000, 14999, 15000, 30000, 700000};
    static const int64_t afters[] = {-1, -1, -1, -1, 0, 500, 4000, INT64_MAX};
    static const int exits[] = {0, 0, 73, 70};
    static const int64_t lates[] = {0, 0, 0, 0, 0, 0, 7, 20000};

    return (struct brings){.class = yields ? FR_CLASS_PROVISIONED : class,
                           .duration_ms = durations[roll(w, p, ROLL_TIME, 8)],
                           .retry_after_ms = afters[roll(w, p, ROLL_AFTER, 8)],
                           .late_ms = lates[roll(w, p, ROLL_LATE, 8)],
                           .fr_exit = exits[roll(w, p, ROLL_EXIT, 4)]};
}

/* ---- a trace ---- */

enum mark_kind { MARK_TRY, MARK_WAIT, MARK_CANCEL, MARK_RECORD };

struct mark {
    enum mark_kind kind;
    size_t at, inner;
    enum fr_class class; /* RECORD */
    int64_t time;        /* deadline; RECORD: duration */
};

struct trace {
    struct mark marks[TRACE_MAX];
    size_t n;
    enum fr_outcome outcome;
    int exit_status;
};

static void mark(struct trace *t, struct mark m)
{
    assert_true(t->n < TRACE_MAX);
    t->marks[t->n++] = m;
}

/* ---- the reference: DESIGN 3 in the order of its sentences ---- */

struct walk {
    const struct world *world;
    struct trace *trace;
    struct fr_fake_env *env;
    int64_t list_deadline;
    unsigned under_way;
    unsigned seen[FR_CLASS_INTERRUPTED + 1]; /* final classes */
    bool over;
};

static void over(struct walk *k, enum fr_outcome outcome, int exit_status)
{
    k->over = true;
    k->trace->outcome = outcome;
    k->trace->exit_status = exit_status;
}

static void note(struct walk *k, struct place p, enum fr_class class, int64_t duration)
{
    mark(k->trace, (struct mark){MARK_RECORD, p.at, p.inner, class, duration});
}

static bool stopped(struct walk *k, struct place p, bool running)
{
    if (++k->under_way != k->world->stop_after)
        return false;
    if (running) {
        mark(k->trace, (struct mark){MARK_CANCEL, p.at, p.inner, 0, 0});
        note(k, p, FR_CLASS_INTERRUPTED, 0);
    }
    over(k, FR_OUTCOME_INTERRUPTED, 75);
    return true;
}

static void try_list(struct walk *k, struct place outer, int64_t limit);

/* Runs one entry to its final class. */
static enum fr_class try_entry(struct walk *k, struct place p, int64_t limit)
{
    char letter = letter_at(k->world, p);
    int64_t deadline = k->env->mono_ms + budget_at(k->world, p), wait, bound;

    if (deadline > limit)
        deadline = limit;
    if (letter == 'u' || k->env->mono_ms >= deadline) { /* is not run at all */
        enum fr_class c = letter == 'u' ? FR_CLASS_UNSUPPORTED : FR_CLASS_UNREACHABLE;

        note(k, p, c, 0);
        return c;
    }
    for (bound = 1000;; p.try++, bound = bound * 2 > 60000 ? 60000 : bound * 2) {
        struct brings b = what_comes(k->world, p);

        mark(k->trace, (struct mark){MARK_TRY, p.at, p.inner, 0, deadline});
        if (stopped(k, p, true))
            return FR_CLASS_INTERRUPTED;
        fr_fake_env_advance(k->env, b.duration_ms);
        note(k, p, b.class, b.duration_ms);
        if (b.class == FR_CLASS_PROVISIONED && letter == 'd') {
            try_list(k, p, deadline);
            return FR_CLASS_PROVISIONED; /* its entries' classes count, not its own */
        }
        if (b.class == FR_CLASS_PROVISIONED)
            over(k, FR_OUTCOME_PROVISIONED, 0);
        if (b.class == FR_CLASS_INTERRUPTED)
            over(k, FR_OUTCOME_INTERRUPTED, b.fr_exit ? b.fr_exit : 75);
        if (b.class != FR_CLASS_UNREACHABLE || k->env->mono_ms >= deadline)
            return b.class;
        wait = b.retry_after_ms > 0
                   ? b.retry_after_ms
                   : (int64_t)fr_random_upto(&k->env->env, (uint32_t)bound);
        if (wait >= deadline - k->env->mono_ms)
            return b.class;
        mark(k->trace,
             (struct mark){MARK_WAIT, p.at, p.inner, 0, k->env->mono_ms + wait});
        if (stopped(k, p, false))
            return FR_CLASS_INTERRUPTED;
        fr_fake_env_advance(k->env, wait + b.late_ms);
        if (k->env->mono_ms >= deadline)
            return b.class;
    }
}

/* outer.at 0: the trigger's list; else what the entry outer yields on its try. */
static void try_list(struct walk *k, struct place outer, int64_t limit)
{
    size_t n = size_of(k->world, outer);

    for (size_t i = 1; i <= n && !k->over; i++) {
        struct place p = outer.at ? (struct place){.at = outer.at, .inner = i}
                                  : (struct place){.at = i};

        k->seen[try_entry(k, p, limit)]++;
    }
}

static void reference_walk(const struct world *w, struct fr_fake_env *env,
                           struct trace *t)
{
    struct walk k = {.world = w, .trace = t, .env = env};
    int64_t budget = list_budget_of(w);

    if (budget == 0 || budget > 3600000)
        budget = 3600000;
    try_list(&k, (struct place){0}, env->mono_ms + budget);
    if (!k.over)
        over(&k, FR_OUTCOME_FAILED,
             k.seen[FR_CLASS_REFUSED]       ? 77
             : k.seen[FR_CLASS_INVALID]     ? 76
             : k.seen[FR_CLASS_UNREACHABLE] ? 69
                                            : 78);
}

/* ---- the engine, driven through the same world ---- */

static struct fr_document *document_at(const struct world *w, struct place outer)
{
    struct fr_document *doc = list_of("");
    size_t n = size_of(w, outer);

    for (size_t i = 1; i <= n; i++) {
        struct place p = outer.at ? (struct place){.at = outer.at, .inner = i}
                                  : (struct place){.at = i};

        list_add(doc, letter_at(w, p), budget_at(w, p));
    }
    return doc;
}

struct drive {
    const struct world *world;
    struct fr_fake_env *env;
    struct fr_engine *engine;
    struct trace *trace;
    struct place now; /* what is under way; .try counts from 0 */
    unsigned under_way;
    bool done;
};

static struct place place_of(const char *position)
{
    struct place p = {0};

    assert_true(sscanf(position, "%zu.%zu", &p.at, &p.inner) >= 1);
    return p;
}

static void carry_out(struct drive *d, const struct fr_engine_action *a)
{
    static const enum mark_kind kinds[] = {[FR_DO_BOOTSTRAP] = MARK_TRY,
                                           [FR_DO_DISCOVERY] = MARK_TRY,
                                           [FR_DO_WAIT] = MARK_WAIT,
                                           [FR_DO_CANCEL] = MARK_CANCEL,
                                           [FR_DO_RECORD] = MARK_RECORD};
    struct mark m = {.time = a->deadline};
    struct place p;

    assert_false(d->done);
    if (a->kind == FR_DO_DONE) {
        d->done = true;
        d->trace->outcome = a->outcome;
        d->trace->exit_status = a->exit_status;
        return;
    }
    p = place_of(a->position);
    m.kind = kinds[a->kind];
    m.at = p.at;
    m.inner = p.inner;
    if (a->kind == FR_DO_CANCEL)
        m.time = 0;
    if (a->kind == FR_DO_RECORD) {
        assert_string_equal(a->attempt.position, a->position);
        assert_string_equal(a->attempt.list, fr_engine_list_id(d->engine));
        m.class = a->attempt.result.class;
        m.time = a->attempt.duration_ms;
    }
    mark(d->trace, m);
    if (m.kind == MARK_TRY && (p.at != d->now.at || p.inner != d->now.inner))
        d->now = p;
}

/* The event that the world answers with to the last action. */
static struct fr_engine_event answer(struct drive *d, enum fr_engine_do under_way,
                                     int64_t deadline)
{
    struct brings b = what_comes(d->world, d->now);
    struct fr_engine_event ev = {.kind = FR_ENGINE_FINISHED,
                                 .result = result_of(b.class)};

    if (++d->under_way == d->world->stop_after)
        return (struct fr_engine_event){.kind = FR_ENGINE_STOP};
    if (under_way == FR_DO_WAIT) {
        fr_fake_env_advance(d->env, deadline - d->env->mono_ms + b.late_ms);
        d->now.try++;
        return (struct fr_engine_event){.kind = FR_ENGINE_TIMER};
    }
    fr_fake_env_advance(d->env, b.duration_ms);
    ev.result.retry_after_ms = b.retry_after_ms;
    ev.result.fr_exit = b.fr_exit;
    if (under_way == FR_DO_DISCOVERY && b.class == FR_CLASS_PROVISIONED) {
        ev.kind = FR_ENGINE_DISCOVERED;
        ev.document = document_at(d->world, d->now);
    }
    return ev;
}

static void engine_walk(struct drive *d)
{
    struct fr_engine_event ev = {.kind = FR_ENGINE_START};
    struct fr_err err = {0};

    while (!d->done) {
        const struct fr_engine_actions *acts;
        const struct fr_engine_action *last;

        assert_ok(fr_engine_step(d->engine, &ev, &acts, &err));
        assert_in_range(acts->n, 1, FR_ENGINE_ACTIONS_MAX);
        for (size_t i = 0; i < acts->n; i++)
            carry_out(d, &acts->list[i]);
        last = &acts->list[acts->n - 1];
        if (!d->done)
            ev = answer(d, last->kind, last->deadline);
    }
}

/* ---- the comparison ---- */

static void assert_same(const struct world *w, const struct trace *got,
                        const struct trace *want)
{
    size_t n = got->n < want->n ? got->n : want->n;

    for (size_t i = 0; i < n; i++) {
        const struct mark *g = &got->marks[i], *x = &want->marks[i];

        if (g->kind != x->kind || g->at != x->at || g->inner != x->inner ||
            g->class != x->class || g->time != x->time)
            fail_msg("world %llu, mark %zu: %d at %zu.%zu class %d time %lld instead "
                     "of %d at %zu.%zu class %d time %lld",
                     (unsigned long long)w->seed, i, g->kind, g->at, g->inner, g->class,
                     (long long)g->time, x->kind, x->at, x->inner, x->class,
                     (long long)x->time);
    }
    if (got->n != want->n || got->outcome != want->outcome ||
        got->exit_status != want->exit_status)
        fail_msg("world %llu: %zu marks, %s, exit %d instead of %zu, %s, %d",
                 (unsigned long long)w->seed, got->n, fr_outcome_name(got->outcome),
                 got->exit_status, want->n, fr_outcome_name(want->outcome),
                 want->exit_status);
}

/* How often the worlds showed each thing: a generator that never does would hide it. */
struct coverage {
    unsigned exits[128], waits, inner_tries, unsupported, cancels;
    size_t longest;
};

static void cover(struct coverage *c, const struct trace *t)
{
    c->exits[t->exit_status]++;
    if (t->n > c->longest)
        c->longest = t->n;
    for (size_t i = 0; i < t->n; i++) {
        const struct mark *m = &t->marks[i];

        c->waits += m->kind == MARK_WAIT;
        c->cancels += m->kind == MARK_CANCEL;
        c->inner_tries += m->kind == MARK_TRY && m->inner > 0;
        c->unsupported += m->kind == MARK_RECORD && m->class == FR_CLASS_UNSUPPORTED;
    }
}

static void walk_world(uint64_t seed, struct trace *got, struct trace *want)
{
    struct world w = {.seed = mix(seed, 0, 0, 0)};
    struct fr_fake_env env, reference_env;
    struct fr_engine *engine = NULL;
    struct drive d = {.world = &w, .env = &env, .trace = got};
    struct fr_err err = {0};

    w.stop_after = roll(&w, (struct place){0}, ROLL_STOP, 8) == 0
                       ? 1 + (unsigned)(w.seed >> 8 & 7)
                       : NEVER;
    fr_fake_env_init(&env, seed);
    struct fr_engine_config config = {
        .env = &env.env, .supports = no_pigeons, .list_budget_ms = list_budget_of(&w)};
    assert_ok(
        fr_engine_new(&config, document_at(&w, (struct place){0}), &engine, &err));
    fr_fake_env_init(&reference_env, env.seed); /* the list id has been drawn */
    d.engine = engine;
    got->n = want->n = 0;
    engine_walk(&d);
    reference_walk(&w, &reference_env, want);
    assert_same(&w, got, want);
    fr_engine_free(engine);
}

static void engine_walks_every_world_as_the_design_says(void **state)
{
    static struct trace got, want;
    struct coverage c = {0};
    static const int exits[] = {0, 69, 70, 73, 75, 76, 77, 78};

    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        walk_world(seed, &got, &want);
        cover(&c, &got);
    }
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (c.exits[exits[i]] < 100)
            fail_msg("only %u worlds exit %d", c.exits[exits[i]], exits[i]);
    assert_in_range(c.waits, WORLDS / 10, UINT32_MAX);
    assert_in_range(c.inner_tries, WORLDS / 10, UINT32_MAX);
    assert_in_range(c.unsupported, WORLDS / 10, UINT32_MAX);
    assert_in_range(c.cancels, 1000, UINT32_MAX);
    assert_in_range(c.longest, 64, TRACE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_walks_every_world_as_the_design_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
