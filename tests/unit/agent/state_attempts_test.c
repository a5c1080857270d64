/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/state.h"

#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "unit/agent/rig.h"
#include "unit/net/tlspeer.h"

static struct fr_attempt attempt(unsigned n)
{
    struct fr_attempt a = {.kind = FR_BOOTSTRAP, .start = n};

    (void)strcpy(a.list, "0123456789abcdef");
    (void)strcpy(a.position, "1");
    (void)strcpy(a.method, "certificate");
    (void)strcpy(a.peer, "mef.example.com");
    a.result.class = FR_CLASS_REFUSED;
    (void)strcpy(a.result.reason, "peer-name");
    (void)strcpy(a.result.text, "words for a person");
    a.result.retry_after_ms = -1;
    return a;
}

struct seen {
    size_t n;
    int64_t first, last;
};

static bool see(void *ctx, const struct fr_attempt *a)
{
    struct seen *s = ctx;

    if (s->n++ == 0)
        s->first = a->start;
    else
        assert_int_equal(a->start, s->last + 1); /* none is missing in between */
    s->last = a->start;
    return true;
}

static void record(struct fr_state *s, unsigned from, unsigned to)
{
    struct fr_err err;

    for (unsigned i = from; i < to; i++) {
        struct fr_attempt a = attempt(i);
        assert_ok(fr_state_record(s, &a, &err));
    }
}

static void attempts_are_read_oldest_first(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct seen seen = {0};
    struct fr_err err;
    size_t damaged;

    (void)state;
    record(s, 0, 3);
    assert_ok(fr_state_attempts(s, see, &seen, &damaged, &err));
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.first, 0);
    assert_int_equal(damaged, 0);
    fr_state_free(s);
}

static void no_attempts_are_no_error(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct seen seen = {0};
    struct fr_err err;
    size_t damaged;

    (void)state;
    assert_ok(fr_state_attempts(s, see, &seen, &damaged, &err));
    assert_int_equal(seen.n, 0);
    fr_state_free(s);
}

static off_t size_of(struct fr_state *s, const char *name)
{
    char path[256];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%s", fr_state_dir(s), name);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static void attempts_stay_within_their_limit(void **state)
{
    struct fr_state *s = rig_state(16384);
    struct seen seen = {0};
    struct fr_err err;
    size_t damaged;

    (void)state;
    record(s, 0, 200);
    assert_true(size_of(s, "attempts") + size_of(s, "attempts.1") <= 16384);
    assert_ok(fr_state_attempts(s, see, &seen, &damaged, &err));
    assert_int_equal(seen.last, 199); /* the latest are there */
    assert_true(seen.n >= 20);
    assert_true(seen.first > 0); /* the oldest are not */
    fr_state_free(s);
}

static void a_record_cut_by_a_crash_costs_only_itself(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct seen seen = {0};
    struct fr_err err;
    char path[256];
    size_t damaged;

    (void)state;
    record(s, 0, 2);
    (void)snprintf(path, sizeof path, "%s/attempts", fr_state_dir(s));
    assert_int_equal(truncate(path, size_of(s, "attempts") - 5), 0);
    assert_ok(fr_state_attempts(s, see, &seen, &damaged, &err));
    assert_int_equal(seen.n, 1);

    struct fr_attempt next = attempt(1);
    memset(&seen, 0, sizeof seen);
    assert_ok(fr_state_record(s, &next, &err));
    assert_ok(fr_state_attempts(s, see, &seen, &damaged, &err));
    assert_int_equal(seen.n, 2);
    assert_int_equal(damaged, 1);
    fr_state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_are_read_oldest_first),
        cmocka_unit_test(no_attempts_are_no_error),
        cmocka_unit_test(attempts_stay_within_their_limit),
        cmocka_unit_test(a_record_cut_by_a_crash_costs_only_itself),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
