/* SPDX-License-Identifier: Apache-2.0 */
/* Retries, and the budgets of an instruction and of a list. */
#include "steps.h"

static void unreachable_is_tried_again_after_a_wait(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bb");
    start(&w);
    finish(&w, FR_CLASS_UNREACHABLE, 10);
    assert_int_equal(w.acts->n, 2);
    assert_string_equal(fr_engine_phase(w.engine), "waiting");
    wait_out(&w);
    assert_int_equal(w.acts->n, 1);
    assert_runs(&w, "1");
    end(&w);
}

static void waits_stay_under_a_bound_that_doubles_up_to_a_minute(void **state)
{
    static const int64_t bounds[] = {1000,  2000,  4000,  8000, 16000,
                                     32000, 60000, 60000, 60000};
    int64_t sum = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct fr_document *doc = list_of("");
        struct walk w;

        list_add(doc, 'b', FR_BUDGET_MAX);
        begin_with(&w, doc, 0);
        w.env.seed = seed;
        start(&w);
        for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
            int64_t wait;

            finish(&w, FR_CLASS_UNREACHABLE, 0);
            wait = wait_out(&w);
            assert_in_range(wait, 0, bounds[i]);
            sum += wait;
        }
        end(&w);
    }
    /* full jitter: on average half of the bounds' sum, 243 s */
    assert_in_range(sum / 50, 243000 / 2 * 8 / 10, 243000 / 2 * 12 / 10);
}

static void retry_after_is_waited_exactly(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    finish_busy(&w, 12345);
    assert_int_equal(wait_out(&w), 12345);
    assert_runs(&w, "1");
    end(&w);
}

static void retry_after_that_does_not_fit_goes_to_the_next_entry(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bbb");
    start(&w);
    finish_busy(&w, FR_BUDGET_DEFAULT); /* would end with the budget */
    assert_runs(&w, "2");
    finish_busy(&w, INT64_MAX);
    assert_runs(&w, "3");
    end(&w);
}

static void retry_after_of_zero_falls_back_to_the_back_off(void **state)
{
    int64_t sum = 0;
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    for (int i = 0; i < 3; i++) {
        finish_busy(&w, 0);
        sum += wait_out(&w);
    }
    assert_in_range(sum, 1, 7000);
    end(&w);
}

static void no_retry_when_the_run_ended_at_its_deadline(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bb");
    start(&w);
    finish(&w, FR_CLASS_UNREACHABLE, FR_BUDGET_DEFAULT);
    assert_runs(&w, "2");
    end(&w);
}

static void deadline_does_not_move_with_retries(void **state)
{
    int64_t deadline;
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    deadline = last(&w)->deadline;
    assert_int_equal(deadline, w.env.mono_ms + FR_BUDGET_DEFAULT);
    finish_busy(&w, 5000);
    wait_out(&w);
    assert_int_equal(last(&w)->deadline, deadline);
    end(&w);
}

static void timer_that_comes_after_the_deadline_runs_nothing(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    finish_busy(&w, 1000);
    fr_fake_env_advance(&w.env, FR_BUDGET_DEFAULT);
    step(&w, (struct fr_engine_event){.kind = FR_ENGINE_TIMER});
    assert_int_equal(w.acts->n, 1);
    assert_done(&w, FR_OUTCOME_FAILED, 69);
    end(&w);
}

static void budget_above_ten_minutes_is_cut(void **state)
{
    struct fr_document *doc = list_of("");
    struct walk w;

    (void)state;
    list_add(doc, 'b', 24 * 3600 * 1000);
    begin_with(&w, doc, 0);
    start(&w);
    assert_int_equal(last(&w)->deadline, w.env.mono_ms + FR_BUDGET_MAX);
    end(&w);
}

static void list_budget_cuts_an_entry_and_leaves_the_rest_untried(void **state)
{
    struct walk w;

    (void)state;
    begin_with(&w, list_of("bbu"), 5000);
    start(&w);
    assert_int_equal(last(&w)->deadline, w.env.mono_ms + 5000);
    finish(&w, FR_CLASS_REFUSED, 5000);
    assert_int_equal(w.acts->n, 4);
    assert_string_equal(record_of(&w, "2")->result.reason, "budget-used-up");
    assert_int_equal(record_of(&w, "2")->result.class, FR_CLASS_UNREACHABLE);
    assert_int_equal(record_of(&w, "3")->result.class, FR_CLASS_UNSUPPORTED);
    assert_done(&w, FR_OUTCOME_FAILED, 77);
    end(&w);
}

static void list_lasts_an_hour_at_most(void **state)
{
    struct fr_document *doc = list_of("");
    struct walk w;
    unsigned ran = 0;

    (void)state;
    for (int i = 0; i < 8; i++)
        list_add(doc, 'b', FR_BUDGET_MAX);
    begin_with(&w, doc, 2 * FR_LIST_BUDGET_MAX);
    for (start(&w); last(&w)->kind == FR_DO_BOOTSTRAP; ran++)
        finish(&w, FR_CLASS_UNREACHABLE, FR_BUDGET_MAX);
    assert_int_equal(ran, 6);
    assert_done(&w, FR_OUTCOME_FAILED, 69);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unreachable_is_tried_again_after_a_wait),
        cmocka_unit_test(waits_stay_under_a_bound_that_doubles_up_to_a_minute),
        cmocka_unit_test(retry_after_is_waited_exactly),
        cmocka_unit_test(retry_after_that_does_not_fit_goes_to_the_next_entry),
        cmocka_unit_test(retry_after_of_zero_falls_back_to_the_back_off),
        cmocka_unit_test(no_retry_when_the_run_ended_at_its_deadline),
        cmocka_unit_test(deadline_does_not_move_with_retries),
        cmocka_unit_test(timer_that_comes_after_the_deadline_runs_nothing),
        cmocka_unit_test(budget_above_ten_minutes_is_cut),
        cmocka_unit_test(list_budget_cuts_an_entry_and_leaves_the_rest_untried),
        cmocka_unit_test(list_lasts_an_hour_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
