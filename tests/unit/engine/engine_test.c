/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "steps.h"

/* ---- the list ---- */

static void first_entry_runs_at_start(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bb");
    assert_string_equal(fr_engine_phase(w.engine), "idle");
    start(&w);
    assert_int_equal(w.acts->n, 1);
    assert_int_equal(last(&w)->kind, FR_DO_BOOTSTRAP);
    assert_runs(&w, "1");
    assert_string_equal(last(&w)->instruction->mef, "mef.example");
    assert_string_equal(fr_engine_phase(w.engine), "bootstrap");
    end(&w);
}

static void success_stops_the_list(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bb");
    start(&w);
    finish(&w, FR_CLASS_PROVISIONED, 40);
    assert_int_equal(w.acts->n, 2);
    assert_int_equal(record_of(&w, "1")->result.class, FR_CLASS_PROVISIONED);
    assert_done(&w, FR_OUTCOME_PROVISIONED, 0);
    end(&w);
}

static void final_classes_go_to_the_next_entry_at_once(void **state)
{
    static const enum fr_class classes[] = {FR_CLASS_UNSUPPORTED, FR_CLASS_INVALID,
                                            FR_CLASS_REFUSED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct walk w;

        begin(&w, "bb");
        start(&w);
        finish(&w, classes[i], 1);
        assert_int_equal(w.acts->n, 2);
        assert_int_equal(record_of(&w, "1")->result.class, classes[i]);
        assert_runs(&w, "2");
        end(&w);
    }
}

static void interrupted_stops_the_list(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bb");
    start(&w);
    finish(&w, FR_CLASS_INTERRUPTED, 1);
    assert_done(&w, FR_OUTCOME_INTERRUPTED, 75);
    end(&w);
}

static void interrupted_keeps_the_exact_exit_status_of_its_result(void **state)
{
    static const int exits[] = {73, 70};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fr_engine_event ev = {.kind = FR_ENGINE_FINISHED,
                                     .result = result_of(FR_CLASS_INTERRUPTED)};
        struct walk w;

        begin(&w, "bb");
        start(&w);
        ev.result.fr_exit = exits[i];
        step(&w, ev);
        assert_done(&w, FR_OUTCOME_INTERRUPTED, exits[i]);
        end(&w);
    }
}

static void unsupported_entries_are_recorded_and_never_run(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "uub");
    start(&w);
    assert_int_equal(w.acts->n, 3);
    assert_int_equal(record_of(&w, "1")->result.class, FR_CLASS_UNSUPPORTED);
    assert_int_equal(record_of(&w, "1")->result.phase, FR_PHASE_TRIGGER);
    assert_string_equal(record_of(&w, "2")->result.text, "no pigeons here");
    assert_string_equal(record_of(&w, "2")->method, UNSUPPORTED_METHOD);
    assert_runs(&w, "3");
    end(&w);
}

/* ---- exit status of a list that failed ---- */

static void fail_with(const enum fr_class *classes, size_t n, int exit_status)
{
    struct fr_document *doc = list_of("");
    struct walk w;

    for (size_t i = 0; i < n; i++)
        list_add(doc, 'b', 1000);
    begin_with(&w, doc, 0);
    start(&w);
    for (size_t i = 0; i < n; i++)
        finish(&w, classes[i], classes[i] == FR_CLASS_UNREACHABLE ? 1000 : 1);
    assert_done(&w, FR_OUTCOME_FAILED, exit_status);
    end(&w);
}

static void refused_outranks_invalid_unreachable_and_unsupported(void **state)
{
    static const enum fr_class classes[] = {FR_CLASS_REFUSED, FR_CLASS_INVALID,
                                            FR_CLASS_UNREACHABLE, FR_CLASS_UNSUPPORTED};

    (void)state;
    fail_with(classes, 4, 77);
}

static void invalid_outranks_unreachable_and_unsupported(void **state)
{
    static const enum fr_class classes[] = {FR_CLASS_UNSUPPORTED, FR_CLASS_UNREACHABLE,
                                            FR_CLASS_INVALID};

    (void)state;
    fail_with(classes, 3, 76);
}

static void unreachable_outranks_unsupported(void **state)
{
    static const enum fr_class classes[] = {FR_CLASS_UNREACHABLE, FR_CLASS_UNSUPPORTED};

    (void)state;
    fail_with(classes, 2, 69);
}

static void list_of_unsupported_entries_fails_in_one_step(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "uuu");
    start(&w);
    assert_int_equal(w.acts->n, 4);
    assert_done(&w, FR_OUTCOME_FAILED, 78);
    end(&w);
}

/* A try that was unreachable and then refused: the final class counts. */
static void class_of_a_retried_entry_is_that_of_its_last_try(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    finish(&w, FR_CLASS_UNREACHABLE, 1);
    wait_out(&w);
    finish(&w, FR_CLASS_UNSUPPORTED, 1);
    assert_done(&w, FR_OUTCOME_FAILED, 78);
    end(&w);
}

/* ---- stop ---- */

static void stop_before_the_start_ends_the_walk(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "b");
    stop(&w);
    assert_int_equal(w.acts->n, 1);
    assert_done(&w, FR_OUTCOME_INTERRUPTED, 75);
    end(&w);
}

static void stop_cancels_the_run_under_way_and_records_it(void **state)
{
    static const char *const lists[] = {"bb", "db"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct walk w;

        begin(&w, lists[i]);
        start(&w);
        fr_fake_env_advance(&w.env, 250);
        stop(&w);
        assert_int_equal(w.acts->n, 3);
        assert_int_equal(w.acts->list[0].kind, FR_DO_CANCEL);
        assert_int_equal(record_of(&w, "1")->result.class, FR_CLASS_INTERRUPTED);
        assert_string_equal(record_of(&w, "1")->result.reason, "stopped");
        assert_int_equal(record_of(&w, "1")->result.phase, FR_PHASE_CONFIRM);
        assert_int_equal(record_of(&w, "1")->duration_ms, 250);
        assert_int_equal(record_of(&w, "1")->octets_out, 11);
        assert_done(&w, FR_OUTCOME_INTERRUPTED, 75);
        end(&w);
    }
}

static void stop_while_waiting_cancels_nothing(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    finish_busy(&w, 1000);
    stop(&w);
    assert_int_equal(w.acts->n, 1);
    assert_done(&w, FR_OUTCOME_INTERRUPTED, 75);
    end(&w);
}

static void stop_after_the_end_changes_nothing(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    finish(&w, FR_CLASS_PROVISIONED, 1);
    stop(&w);
    assert_int_equal(w.acts->n, 0);
    assert_string_equal(fr_engine_phase(w.engine), "done");
    end(&w);
}

/* ---- the record ---- */

static void record_tells_what_was_tried_and_how_it_went(void **state)
{
    struct fr_engine_event ev = {.kind = FR_ENGINE_FINISHED,
                                 .result = result_of(FR_CLASS_REFUSED),
                                 .target = "broker.example",
                                 .octets_out = 1234,
                                 .octets_in = 5678};
    const struct fr_attempt *a;
    struct walk w;

    (void)state;
    begin(&w, "bb");
    start(&w);
    snprintf(ev.result.reason, sizeof ev.result.reason, "tls-alert-48");
    fr_fake_env_advance(&w.env, 3210);
    step(&w, ev);
    a = record_of(&w, "1");
    assert_string_equal(a->list, fr_engine_list_id(w.engine));
    assert_int_equal(strlen(a->list), FR_LIST_ID_LEN);
    assert_int_equal(a->kind, FR_BOOTSTRAP);
    assert_string_equal(a->method, "certificate");
    assert_string_equal(a->peer, "mef.example");
    assert_string_equal(a->target, "broker.example");
    assert_string_equal(a->result.reason, "tls-alert-48");
    assert_int_equal(a->start, w.env.wall_s - 3);
    assert_int_equal(a->duration_ms, 3210);
    assert_int_equal(a->octets_out, 1234);
    assert_int_equal(a->octets_in, 5678);
    end(&w);
}

static void record_falls_back_to_the_target_that_was_asked_for(void **state)
{
    struct fr_document *doc = list_of("b");
    struct fr_err err = {0};
    struct walk w;

    (void)state;
    assert_ok(fr_str_dup("//sp/cse", &doc->list[0].target, &err));
    begin_with(&w, doc, 0);
    start(&w);
    finish(&w, FR_CLASS_REFUSED, 1);
    assert_string_equal(record_of(&w, "1")->target, "//sp/cse");
    end(&w);
}

static void each_try_has_its_own_record(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "b");
    start(&w);
    for (int i = 1; i <= 3; i++) {
        finish(&w, FR_CLASS_UNREACHABLE, 10 * i);
        assert_int_equal(record_of(&w, "1")->duration_ms, 10 * i);
        wait_out(&w);
    }
    end(&w);
}

static void each_walk_has_its_own_list_id(void **state)
{
    struct walk a, b;

    (void)state;
    begin(&a, "b");
    fr_fake_env_init(&b.env, 8);
    struct fr_engine_config config = {.env = &b.env.env};
    struct fr_err err = {0};
    assert_ok(fr_engine_new(&config, list_of("b"), &b.engine, &err));
    assert_string_not_equal(fr_engine_list_id(a.engine), fr_engine_list_id(b.engine));
    end(&a);
    end(&b);
}

/* ---- refusals ---- */

static void empty_and_oversized_lists_are_refused(void **state)
{
    struct fr_document *empty = list_of(""), *full = list_of("b");
    struct fr_engine *engine = NULL;
    struct fr_fake_env env;
    struct fr_err err = {0};

    (void)state;
    fr_fake_env_init(&env, 1);
    struct fr_engine_config config = {.env = &env.env};
    assert_fails_as(fr_engine_new(&config, empty, &engine, &err), FR_EPARSE,
                    "document-entries");
    full->n = FR_INSTRUCTIONS_MAX + 1; /* refused by the number alone */
    assert_fails_as(fr_engine_new(&config, full, &engine, &err), FR_EPARSE,
                    "document-entries");
    full->n = 1;
    assert_null(engine);
    fr_document_free(empty);
    fr_document_free(full);
}

static void assert_refuses(struct walk *w, struct fr_engine_event ev)
{
    const struct fr_engine_actions *acts = NULL;
    const char *phase = fr_engine_phase(w->engine);
    struct fr_err err = {0};

    assert_fails_as(fr_engine_step(w->engine, &ev, &acts, &err), FR_EINTERNAL,
                    "engine-event");
    assert_null(acts);
    assert_string_equal(fr_engine_phase(w->engine), phase);
}

static void refuse_all_but(struct walk *w, const char *allowed)
{
    struct fr_document *doc = list_of("b");

    for (int kind = FR_ENGINE_START; kind <= FR_ENGINE_STOP + 1; kind++) {
        struct fr_engine_event ev = {.kind = (enum fr_engine_event_kind)kind,
                                     .result = result_of(FR_CLASS_REFUSED),
                                     .document = doc};

        if (!strchr(allowed, "sfdtx?"[kind]))
            assert_refuses(w, ev);
    }
    fr_document_free(doc);
}

static void events_that_a_phase_does_not_allow_are_refused(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "bd");
    refuse_all_but(&w, "sx");
    start(&w);
    refuse_all_but(&w, "fx");
    finish_busy(&w, 1000);
    refuse_all_but(&w, "tx");
    wait_out(&w);
    finish(&w, FR_CLASS_REFUSED, 1);
    refuse_all_but(&w, "fdx");
    finish(&w, FR_CLASS_REFUSED, 1);
    refuse_all_but(&w, "x");
    assert_done(&w, FR_OUTCOME_FAILED, 77);
    end(&w);
}

static void discovery_that_ends_without_a_list_is_refused(void **state)
{
    struct walk w;

    (void)state;
    begin(&w, "d");
    start(&w);
    assert_refuses(&w, (struct fr_engine_event){.kind = FR_ENGINE_DISCOVERED});
    assert_refuses(&w,
                   (struct fr_engine_event){.kind = FR_ENGINE_FINISHED,
                                            .result = result_of(FR_CLASS_PROVISIONED)});
    end(&w);
}

/* ---- plan ---- */

static void worst_case_is_the_sum_of_budgets_within_the_list_budget(void **state)
{
    struct fr_document *doc = list_of("bdu");

    (void)state;
    assert_int_equal(fr_engine_worst_case(doc, 0), 3 * FR_BUDGET_DEFAULT);
    assert_int_equal(fr_engine_worst_case(doc, 45000), 45000);
    for (int i = 0; i < 7; i++)
        list_add(doc, 'b', 2 * FR_BUDGET_MAX);
    assert_int_equal(fr_engine_worst_case(doc, 0), FR_LIST_BUDGET_MAX);
    fr_document_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_entry_runs_at_start),
        cmocka_unit_test(success_stops_the_list),
        cmocka_unit_test(final_classes_go_to_the_next_entry_at_once),
        cmocka_unit_test(interrupted_stops_the_list),
        cmocka_unit_test(interrupted_keeps_the_exact_exit_status_of_its_result),
        cmocka_unit_test(unsupported_entries_are_recorded_and_never_run),
        cmocka_unit_test(refused_outranks_invalid_unreachable_and_unsupported),
        cmocka_unit_test(invalid_outranks_unreachable_and_unsupported),
        cmocka_unit_test(unreachable_outranks_unsupported),
        cmocka_unit_test(list_of_unsupported_entries_fails_in_one_step),
        cmocka_unit_test(class_of_a_retried_entry_is_that_of_its_last_try),
        cmocka_unit_test(stop_before_the_start_ends_the_walk),
        cmocka_unit_test(stop_cancels_the_run_under_way_and_records_it),
        cmocka_unit_test(stop_while_waiting_cancels_nothing),
        cmocka_unit_test(stop_after_the_end_changes_nothing),
        cmocka_unit_test(record_tells_what_was_tried_and_how_it_went),
        cmocka_unit_test(record_falls_back_to_the_target_that_was_asked_for),
        cmocka_unit_test(each_try_has_its_own_record),
        cmocka_unit_test(each_walk_has_its_own_list_id),
        cmocka_unit_test(empty_and_oversized_lists_are_refused),
        cmocka_unit_test(events_that_a_phase_does_not_allow_are_refused),
        cmocka_unit_test(discovery_that_ends_without_a_list_is_refused),
        cmocka_unit_test(worst_case_is_the_sum_of_budgets_within_the_list_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
