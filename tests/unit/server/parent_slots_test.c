/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "server/parent/slots.h"

static struct fr_slots s;
static struct fr_server_config config;

/* vault, signer, two of enrol, one of admin */
static int make_slots(void **state)
{
    (void)state;
    memset(&config, 0, sizeof config);
    config.workers = 2;
    config.listener[FR_WORKER_ENROL].listen = "x";
    config.listener[FR_WORKER_ADMIN].listen = "y";
    fr_slots_init(&s, &config, 0);
    return 0;
}

/* Starts all that is due, with pids from 101 on. */
static int start_due(int64_t now)
{
    static pid_t pid = 100;
    struct fr_slot *slot;
    int n = 0;

    while ((slot = fr_slots_due(&s, now))) {
        fr_slot_started(slot, ++pid, now);
        n++;
    }
    return n;
}

static void the_keepers_are_started_first(void **state)
{
    (void)state;
    assert_int_equal(s.n, 5);
    assert_int_equal(fr_slots_due(&s, 0)->kind, FR_CHILD_VAULT);
    fr_slot_started(fr_slots_due(&s, 0), 1, 0);
    assert_int_equal(fr_slots_due(&s, 0)->kind, FR_CHILD_SIGNER);
    assert_int_equal(start_due(0), 4);
    assert_null(fr_slots_due(&s, 0));
    assert_true(fr_slots_next_ms(&s) == FR_NEVER);
}

static void who_dies_after_a_decent_life_is_replaced_at_once(void **state)
{
    (void)state;
    start_due(0);
    assert_non_null(fr_slots_gone(&s, s.slot[2].pid, FR_SHORT_LIFE));
    assert_int_equal(fr_slots_next_ms(&s), FR_SHORT_LIFE);
    assert_int_equal(start_due(FR_SHORT_LIFE), 1);
}

static void who_dies_at_once_is_replaced_within_a_second_at_first(void **state)
{
    (void)state;
    start_due(0);
    fr_slots_gone(&s, s.slot[2].pid, 10);
    assert_true(s.slot[2].start_at_ms > 10);
    assert_true(s.slot[2].start_at_ms <= 1000);
}

static void who_dies_at_once_is_back_within_a_second_many_times(void **state)
{
    int64_t now = 0, last = 0;

    (void)state;
    start_due(0);
    for (int i = 0; i < FR_CRASH_LOOP; i++) {
        int64_t delay;

        fr_slots_gone(&s, s.slot[2].pid, now);
        delay = s.slot[2].start_at_ms - now;
        assert_true(delay >= last && delay <= 1000);
        last = delay;
        now = s.slot[2].start_at_ms;
        assert_int_equal(start_due(now), 1);
    }
    assert_int_equal(last, FR_RESTART_MAX);
}

static void who_does_nothing_but_die_waits_until_it_lives(void **state)
{
    (void)state;
    start_due(0);
    s.slot[2].fails = FR_CRASH_LOOP;
    fr_slots_gone(&s, s.slot[2].pid, 1);
    assert_int_equal(s.slot[2].start_at_ms, 1 + FR_CRASH_DELAY);
    start_due(20000);
    fr_slots_gone(&s, s.slot[2].pid, 20000 + FR_SHORT_LIFE);
    assert_int_equal(s.slot[2].start_at_ms, 20000 + FR_SHORT_LIFE);
    start_due(30000);
    fr_slots_gone(&s, s.slot[2].pid, 30001);
    assert_true(s.slot[2].start_at_ms <= 31001);
}

static void a_decent_life_forgives_earlier_failures(void **state)
{
    (void)state;
    start_due(0);
    fr_slots_gone(&s, s.slot[2].pid, 1);
    start_due(1000);
    fr_slots_gone(&s, s.slot[2].pid, 1000 + FR_SHORT_LIFE);
    assert_int_equal(s.slot[2].fails, 0);
    assert_int_equal(s.slot[2].start_at_ms, 1000 + FR_SHORT_LIFE);
}

static void no_worker_is_started_without_a_keeper(void **state)
{
    (void)state;
    for (size_t k = 0; k < FR_N_KEEPERS; k++) {
        make_slots(state);
        start_due(0);
        fr_slots_gone(&s, s.slot[k].pid, 10);
        fr_slots_gone(&s, s.slot[2].pid, 10);
        assert_null(fr_slots_due(&s, 11));
        assert_int_equal(fr_slots_next_ms(&s), s.slot[k].start_at_ms);
        assert_int_equal(fr_slots_due(&s, 60000)->kind, s.slot[k].kind);
    }
}

static void a_keeper_waits_for_no_other(void **state)
{
    (void)state;
    start_due(0);
    fr_slots_gone(&s, s.slot[0].pid, 10);
    assert_true(fr_slot_end(&s, &s.slot[1], 11, 5010));
    assert_int_equal(fr_slots_due(&s, 11)->kind, FR_CHILD_SIGNER);
}

static void who_is_told_to_end_is_replaced_and_not_missed(void **state)
{
    pid_t old;

    (void)state;
    start_due(0);
    old = s.slot[2].pid;
    assert_true(fr_slot_end(&s, &s.slot[2], 10, 5010));
    assert_int_equal(start_due(10), 1);
    assert_int_not_equal(s.slot[2].pid, old);
    assert_int_equal(fr_slots_next_ms(&s), 5010);
    assert_null(fr_slots_gone(&s, old, 20));
    assert_int_equal(s.n_ending, 0);
    assert_true(fr_slots_next_ms(&s) == FR_NEVER);
}

static void who_does_not_end_in_time_is_overdue_once(void **state)
{
    pid_t old;

    (void)state;
    start_due(0);
    old = s.slot[2].pid;
    fr_slot_end(&s, &s.slot[2], 10, 5010);
    assert_int_equal(fr_slots_overdue(&s, 5009), 0);
    assert_int_equal(fr_slots_overdue(&s, 5010), old);
    assert_int_equal(fr_slots_overdue(&s, 6000), 0);
    assert_null(fr_slots_gone(&s, old, 6000));
}

static void an_unknown_child_changes_nothing(void **state)
{
    (void)state;
    start_due(0);
    assert_null(fr_slots_gone(&s, 99999, 10));
    assert_null(fr_slots_due(&s, 60000));
}

static void nothing_is_started_once_closed(void **state)
{
    (void)state;
    start_due(0);
    fr_slots_close(&s);
    fr_slot_end(&s, &s.slot[2], 10, 5010);
    fr_slots_gone(&s, s.slot[0].pid, 20);
    assert_null(fr_slots_due(&s, 60000));
    assert_int_equal(fr_slots_next_ms(&s), 5010);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, make_slots)
    const struct CMUnitTest tests[] = {
        T(the_keepers_are_started_first),
        T(who_dies_after_a_decent_life_is_replaced_at_once),
        T(who_dies_at_once_is_replaced_within_a_second_at_first),
        T(who_dies_at_once_is_back_within_a_second_many_times),
        T(who_does_nothing_but_die_waits_until_it_lives),
        T(a_decent_life_forgives_earlier_failures),
        T(no_worker_is_started_without_a_keeper),
        T(a_keeper_waits_for_no_other),
        T(who_is_told_to_end_is_replaced_and_not_missed),
        T(who_does_not_end_in_time_is_overdue_once),
        T(an_unknown_child_changes_nothing),
        T(nothing_is_started_once_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
