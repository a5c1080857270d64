/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that somebody sets wrong ends no key. */
#include "vault_lab.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)
#define YEAR (365 * DAY)

static void tick(struct lab *l)
{
    int64_t due;

    assert_int_equal(fr_vault_tick(l->vault, &due, &l->err), FR_OK);
}

static size_t n_keys(struct lab *l)
{
    json_auto_t *list = lab_admin(l, "{'op':'credential.list'}");

    return json_array_size(list);
}

/* A key of 90 days, seen by a vault whose clock is right. */
static void enrolled(struct lab *l)
{
    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    tick(l);
}

static void pass(struct lab *l, int64_t seconds)
{
    fr_fake_env_advance(&l->fake, seconds * 1000);
    tick(l);
}

static void step(struct lab *l, int64_t seconds)
{
    l->fake.wall_s += seconds;
    tick(l);
}

static void keys_outlive_a_step_forward_and_back(void **state)
{
    struct lab *l = *state;

    enrolled(l);
    step(l, YEAR);
    pass(l, 23 * HOUR);
    assert_int_equal(n_keys(l), 1);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_ENOTFOUND);
    step(l, -YEAR);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    pass(l, 2 * DAY);
    assert_int_equal(n_keys(l), 1);
    assert_int_equal(lab_count_reason(l, "clock-step"), 1);
    assert_int_equal(lab_count_reason(l, "clock-back"), 1);
    assert_int_equal(lab_count_reason(l, "clock-believed"), 0);
}

static void step_that_stays_is_believed_after_a_day(void **state)
{
    struct lab *l = *state;

    enrolled(l);
    step(l, YEAR);
    pass(l, DAY);
    assert_int_equal(lab_count_reason(l, "clock-believed"), 1);
    assert_int_equal(n_keys(l), 0);
    assert_int_equal(lab_count_reason(l, "expired"), 1);
}

/* A full disk at that moment does not begin the day anew. */
static void belief_that_could_not_be_written_comes_with_the_next_tick(void **state)
{
    struct lab *l = *state;
    int64_t due;

    enrolled(l);
    step(l, YEAR);
    fr_fake_env_advance(&l->fake, DAY * 1000);
    l->commits_fail = true;
    assert_int_equal(fr_vault_tick(l->vault, &due, &l->err), FR_ESTORE);
    l->commits_fail = false;
    assert_int_equal(n_keys(l), 1);
    tick(l);
    assert_int_equal(n_keys(l), 0);
    assert_int_equal(lab_count_reason(l, "clock-step"), 1);
    assert_int_equal(lab_count_reason(l, "clock-believed"), 1);
}

static void keys_retire_on_time_while_the_clock_is_right(void **state)
{
    struct lab *l = *state;

    enrolled(l);
    step(l, HOUR / 2); /* no step: a correction */
    pass(l, 90 * DAY);
    assert_int_equal(n_keys(l), 0);
    assert_int_equal(lab_count_reason(l, "clock-step"), 0);
}

static void restart_does_not_make_a_wrong_clock_right(void **state)
{
    struct lab *l = *state;

    enrolled(l);
    step(l, YEAR);
    lab_kill(l);
    lab_open(l);
    tick(l);
    pass(l, 23 * HOUR);
    assert_int_equal(n_keys(l), 1);
    lab_kill(l);
    l->fake.wall_s -= YEAR;
    lab_open(l);
    tick(l);
    assert_int_equal(n_keys(l), 1);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
}

static void server_that_was_off_for_long_waits_a_day(void **state)
{
    struct lab *l = *state;

    enrolled(l);
    lab_kill(l);
    fr_fake_env_advance(&l->fake, 100 * DAY * 1000);
    lab_open(l);
    tick(l);
    assert_int_equal(n_keys(l), 1);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_ENOTFOUND);
    pass(l, DAY);
    assert_int_equal(n_keys(l), 0);
}

static void short_stop_is_nothing(void **state)
{
    struct lab *l = *state;

    enrolled(l);
    pass(l, 90 * DAY - HOUR);
    lab_kill(l);
    fr_fake_env_advance(&l->fake, 2 * HOUR * 1000);
    lab_open(l);
    tick(l);
    assert_int_equal(n_keys(l), 0);
    assert_int_equal(lab_count_reason(l, "clock-step"), 0);
}

static void step_back_is_noted_and_harms_nothing(void **state)
{
    struct lab *l = *state;

    enrolled(l);
    step(l, -YEAR);
    assert_int_equal(lab_count_reason(l, "clock-step"), 1);
    pass(l, HOUR);
    assert_int_equal(n_keys(l), 1);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    step(l, YEAR);
    assert_int_equal(lab_count_reason(l, "clock-back"), 1);
    pass(l, 90 * DAY);
    assert_int_equal(n_keys(l), 0);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(keys_outlive_a_step_forward_and_back),
        LAB(step_that_stays_is_believed_after_a_day),
        LAB(belief_that_could_not_be_written_comes_with_the_next_tick),
        LAB(keys_retire_on_time_while_the_clock_is_right),
        LAB(restart_does_not_make_a_wrong_clock_right),
        LAB(server_that_was_off_for_long_waits_a_day),
        LAB(short_stop_is_nothing),
        LAB(step_back_is_noted_and_harms_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
