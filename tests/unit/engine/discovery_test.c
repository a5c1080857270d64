/* SPDX-License-Identifier: Apache-2.0 */
/* A discovery instruction, and the list that it yields. */
#include "steps.h"

static void discovered_entries_are_tried_in_order_with_their_positions(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bdb");
    start(&w);
    finish(&w, FR_CLASS_REFUSED, 1);
    assert_int_equal(last(&w)->kind, FR_DO_DISCOVERY);
    assert_string_equal(fr_engine_phase(w.engine), "discovery");
    discover(&w, list_of("bb"));
    assert_string_equal(record_of(&w, "2")->peer, "https://d.example/");
    assert_runs(&w, "2.1");
    finish(&w, FR_CLASS_INVALID, 1);
    assert_runs(&w, "2.2");
    finish(&w, FR_CLASS_INVALID, 1);
    assert_runs(&w, "3");
    end(&w);
}

static void success_inside_a_discovered_list_stops_all(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "db");
    start(&w);
    discover(&w, list_of("bb"));
    finish(&w, FR_CLASS_PROVISIONED, 1);
    assert_string_equal(record_of(&w, "1.1")->method, "certificate");
    assert_done(&w, FR_OUTCOME_PROVISIONED, 0);
    end(&w);
}

static void failed_discovery_fails_one_entry(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "db");
    start(&w);
    finish(&w, FR_CLASS_INVALID, 1);
    assert_runs(&w, "2");
    finish(&w, FR_CLASS_UNSUPPORTED, 1);
    assert_done(&w, FR_OUTCOME_FAILED, 76);
    end(&w);
}

static void unreachable_discovery_is_tried_again(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "d");
    start(&w);
    finish(&w, FR_CLASS_UNREACHABLE, 1);
    wait_out(&w);
    assert_int_equal(last(&w)->kind, FR_DO_DISCOVERY);
    discover(&w, list_of("b"));
    assert_runs(&w, "1.1");
    end(&w);
}

static void discovered_list_shares_the_budget_of_its_discovery(void **state)
{
    int64_t deadline;
    struct walk w;

    (void)state;
    begin(&w, "db");
    start(&w);
    deadline = last(&w)->deadline;
    fr_fake_env_advance(&w.env, 20000);
    discover(&w, list_of("bb"));
    assert_int_equal(last(&w)->deadline, deadline);
    finish(&w, FR_CLASS_UNREACHABLE, 10000);
    assert_string_equal(record_of(&w, "1.2")->result.reason, "budget-used-up");
    assert_runs(&w, "2");
    end(&w);
}

static void discovered_entry_keeps_to_its_own_budget_too(void **state)
{
    struct fr_document *inner = list_of("");
    struct walk w;

    (void)state;
    list_add(inner, 'b', 700);
    begin(&w, "d");
    start(&w);
    discover(&w, inner);
    assert_int_equal(last(&w)->deadline, w.env.mono_ms + 700);
    end(&w);
}

static void discovered_list_of_unsupported_entries_falls_through(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "du");
    start(&w);
    discover(&w, list_of("uu"));
    assert_int_equal(w.acts->n, 5);
    assert_done(&w, FR_OUTCOME_FAILED, 78);
    end(&w);
}

static void nested_discovery_is_invalid_and_not_followed(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "db");
    start(&w);
    discover(&w, list_of("bd"));
    assert_int_equal(record_of(&w, "1")->result.class, FR_CLASS_INVALID);
    assert_string_equal(record_of(&w, "1")->result.reason, "discovered-list");
    assert_runs(&w, "2");
    end(&w);
}

static void empty_discovered_list_is_invalid(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "d");
    start(&w);
    discover(&w, list_of(""));
    assert_done(&w, FR_OUTCOME_FAILED, 76);
    end(&w);
}

/* The most that one step can ever say: FR_ENGINE_ACTIONS_MAX is enough for it. */
static void step_that_ends_every_entry_fits(void **state)
{
    struct fr_document *outer = list_of("d"), *inner = list_of("");
    struct walk w;

    (void)state;
    for (int i = 0; i < FR_INSTRUCTIONS_MAX; i++)
        list_add(inner, 'u', FR_BUDGET_DEFAULT);
    for (int i = 1; i < FR_INSTRUCTIONS_MAX; i++)
        list_add(outer, 'u', FR_BUDGET_DEFAULT);
    begin_with(&w, outer, 0);
    start(&w);
    discover(&w, inner);
    assert_int_equal(w.acts->n, 1 + 64 + 63 + 1);
    assert_true(w.acts->n <= FR_ENGINE_ACTIONS_MAX);
    assert_string_equal(record_of(&w, "1.64")->position, "1.64");
    assert_string_equal(record_of(&w, "64")->position, "64");
    assert_done(&w, FR_OUTCOME_FAILED, 78);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discovered_entries_are_tried_in_order_with_their_positions),
        cmocka_unit_test(success_inside_a_discovered_list_stops_all),
        cmocka_unit_test(failed_discovery_fails_one_entry),
        cmocka_unit_test(unreachable_discovery_is_tried_again),
        cmocka_unit_test(discovered_list_shares_the_budget_of_its_discovery),
        cmocka_unit_test(discovered_entry_keeps_to_its_own_budget_too),
        cmocka_unit_test(discovered_list_of_unsupported_entries_falls_through),
        cmocka_unit_test(nested_discovery_is_invalid_and_not_followed),
        cmocka_unit_test(empty_discovered_list_is_invalid),
        cmocka_unit_test(step_that_ends_every_entry_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
