/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: walking a list. */
#include "agent/run.h"

#include <sys/stat.h>

#include "base/file.h"
#include "test.h"
#include "unit/agent/rig.h"
#include "unit/net/tlspeer.h"

/* ---- walking ---- */

static void a_good_bootstrap_provisions(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_true(rig_has_current(&r, "good.example.com", "assigned.example.com"));
    assert_int_equal(rig_n_pending(&r), 0);
    assert_int_equal(rig_count(&r, "outcome"), 1);
    const char *outcome = r.json[r.n_events - 1];
    assert_contains(outcome, "\"outcome\":\"provisioned\",\"exit\":0");
    assert_contains(outcome, "\"target\":\"assigned.example.com\"");
    rig_clear(&r);
}

static void phases_are_told_in_order(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_string_equal(rig_nth(&r, "phase", 0),
                        "{\"event\":\"phase\",\"position\":\"1\","
                        "\"phase\":\"register\"}");
    assert_contains(rig_nth(&r, "phase", 1), "\"confirm\"");
    assert_contains(rig_nth(&r, "phase", 2), "\"commit\"");
    assert_null(rig_nth(&r, "phase", 3));
    rig_clear(&r);
}

static void the_attempt_names_the_target_that_was_assigned(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    const char *attempt = rig_nth(&r, "attempt", 0);
    assert_contains(attempt, "\"position\":\"1\"");
    assert_contains(attempt, "\"class\":\"provisioned\"");
    assert_contains(attempt, "\"target\":\"assigned.example.com\"");
    rig_clear(&r);
}

static void a_refused_entry_leads_to_the_next(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("refuse") "," ONE("good"))), 0);
    assert_int_equal(rig_count(&r, "attempt"), 2);
    assert_contains(rig_nth(&r, "attempt", 0), "\"class\":\"refused\"");
    assert_contains(rig_nth(&r, "attempt", 1), "\"position\":\"2\"");
    rig_clear(&r);
}

static void an_unreachable_entry_is_retried_within_its_budget(void **state)
{
    struct rig r;
    int64_t start;

    (void)state;
    rig_init(&r, NULL);
    start = r.clock.mono_ms;
    assert_int_equal(rig_walk(&r, LIST(ONE("away"))), 69);
    assert_true(rig_count(&r, "attempt") >= 3);
    assert_true(r.clock.mono_ms - start <= FR_BUDGET_DEFAULT);
    rig_clear(&r);
}

static void a_peer_that_asks_for_peace_gets_it(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("later"))), 69);
    assert_int_equal(rig_count(&r, "attempt"),
                     1 + FR_BUDGET_DEFAULT / SCRIPTED_RETRY_AFTER_MS);
    rig_clear(&r);
}

static void the_class_that_says_most_is_the_exit_status(void **state)
{
    static const struct {
        const char *list;
        int status;
    } cases[] = {
        {LIST(ONE("broken")), 76},
        {LIST(ONE("away") "," ONE("broken")), 76},
        {LIST(ONE("broken") "," ONE("refuse") "," ONE("away")), 77},
        {LIST("{'bootstrap':'unknown','mef':'a.example.com'}"), 78},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig r;
        rig_init(&r, NULL);
        assert_int_equal(rig_walk(&r, cases[i].list), cases[i].status);
        assert_contains(rig_nth(&r, "outcome", 0), "\"outcome\":\"failed\"");
        rig_clear(&r);
    }
}

static void the_outcome_has_the_words_of_what_failed(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("refuse"))), 77);
    assert_contains(rig_nth(&r, "outcome", 0), "as scripted: refuse");
    rig_clear(&r);
}

static void a_failure_after_the_flip_is_a_warning(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("late"))), 0);
    assert_true(rig_has_current(&r, "late.example.com", NULL));
    assert_contains(rig_nth(&r, "warning", 0), "failed late");
    rig_clear(&r);
}

static void a_methods_warning_is_told(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("warn"))), 0);
    assert_string_equal(rig_nth(&r, "warning", 0),
                        "{\"event\":\"warning\",\"text\":\"mind the gap\"}");
    rig_clear(&r);
}

static void done_without_a_credential_is_our_own_fault(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("empty"))), 70);
    assert_false(rig_has_current(&r, NULL, NULL));
    rig_clear(&r);
}

static void a_result_that_cannot_be_stored_stops_the_list(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("full") "," ONE("good"))), 73);
    assert_int_equal(rig_count(&r, "attempt"), 1);
    assert_contains(rig_nth(&r, "outcome", 0), "\"outcome\":\"interrupted\"");
    rig_clear(&r);
}

static void a_method_that_hangs_is_ended_by_its_budget(void **state)
{
    struct rig r;
    int64_t start;

    (void)state;
    rig_init(&r, NULL);
    start = r.clock.mono_ms;
    assert_int_equal(rig_walk(&r, LIST(ONE("hang") "," ONE("good"))), 0);
    assert_int_equal(r.clock.mono_ms - start, FR_BUDGET_DEFAULT);
    assert_contains(rig_nth(&r, "attempt", 0), "\"reason\":\"timeout\"");
    rig_clear(&r);
}

static void a_method_that_hangs_after_the_flip_has_provisioned(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("hangflip"))), 0);
    assert_int_equal(rig_count(&r, "warning"), 1);
    rig_clear(&r);
}

/* ---- discovery ---- */

#define DISCOVER(name) "{'discovery':'scripted','resource':'file:///" name "'}"

static void a_discovered_list_is_walked(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(DISCOVER("good"))), 0);
    assert_true(rig_has_current(&r, "good.example.com", "found.example.com"));
    assert_contains(rig_nth(&r, "attempt", 1), "\"position\":\"1.1\"");
    assert_contains(rig_nth(&r, "attempt", 2), "\"position\":\"1.2\"");
    rig_clear(&r);
}

static void a_failed_discovery_leads_to_the_next(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(DISCOVER("refuse") "," ONE("good"))), 0);
    assert_contains(rig_nth(&r, "attempt", 0), "\"kind\":\"discovery\"");
    rig_clear(&r);
}

static void a_file_is_read_for_the_method(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.file = r.config_path;
    assert_int_equal(rig_walk(&r, LIST(DISCOVER("read"))), 0);
    rig_clear(&r);
}

static void a_file_that_is_not_there_is_invalid_and_not_retried(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.file = "/nonexistent/list.json";
    assert_int_equal(rig_walk(&r, LIST(DISCOVER("read"))), 76);
    assert_int_equal(rig_count(&r, "attempt"), 1);
    assert_contains(rig_nth(&r, "attempt", 0), "/nonexistent/list.json");
    rig_clear(&r);
}

/* ---- what is refused before anything is tried ---- */

static void a_second_run_is_locked_out(void **state)
{
    struct rig r;
    struct fr_state *other;
    struct fr_run *run = NULL;
    struct fr_err err;

    (void)state;
    rig_init(&r, NULL);
    assert_ok(fr_state_open(r.state_path, 65536, &other, &err));
    assert_ok(fr_state_lock(other, &err));
    struct fr_run_setup setup = {.device = &r.device};
    assert_fails_as(fr_run_open(&setup, rig_document(LIST(ONE("good"))), &run, &err),
                    FR_EBUSY, "locked");
    assert_null(run);
    fr_state_free(other);
    rig_clear(&r);
}

static void a_key_that_cannot_be_used_is_a_config_error(void **state)
{
    struct rig r;
    struct fr_run *run = NULL;
    struct fr_err err;

    (void)state;
    rig_init(&r,
             "credential broken { certificate = \"/nonexistent\" key = \"/none\" }");
    struct fr_run_setup setup = {.device = &r.device};
    assert_fails(fr_run_open(&setup, rig_document(LIST(ONE("good"))), &run, &err),
                 FR_ECONFIG);
    assert_contains(err.msg, "broken");
    rig_clear(&r);
}

static void assert_unsupported(struct rig *r, const char *list, const char *words)
{
    FR_AUTO(document) *doc = rig_document(list);
    char text[FR_ERR_MSG_MAX] = "";

    assert_false(fr_device_supports(&r->device, &doc->list[0], text, sizeof text));
    assert_contains(text, words);
}

static void what_this_device_lacks_is_unsupported(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_unsupported(&r, LIST("{'bootstrap':'gba','mef':'m.example.com'}"), "gba");
    assert_unsupported(&r, LIST("{'discovery':'dnssd','resource':'x:y'}"), "dnssd");
    assert_unsupported(
        &r, LIST("{'bootstrap':'scripted','mef':'m.example.com','binding':'coap'}"),
        "coap is not built in");
    assert_unsupported(
        &r, LIST("{'bootstrap':'scripted','mef':'m.example.com','credential':'sim'}"),
        "no credential sim");
    rig_clear(&r);
}

/* ---- records ---- */

static bool count_one(void *ctx, const struct fr_attempt *a)
{
    (void)a;
    ++*(size_t *)ctx;
    return true;
}

static void attempts_are_kept(void **state)
{
    struct rig r;
    struct fr_err err;
    size_t n = 0, damaged;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("refuse") "," ONE("good"))), 0);
    assert_ok(fr_state_attempts(r.state, count_one, &n, &damaged, &err));
    assert_int_equal(n, 2);
    rig_clear(&r);
}

static void only_this_runs_records_are_uploaded(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("broken"))), 76);
    assert_int_equal(rig_walk(&r, LIST(ONE("refuse") "," ONE("good"))), 0);
    assert_contains(scripted.records, "[{");
    assert_contains(scripted.records, "refuse.example.com");
    assert_null(strstr(scripted.records, "broken.example.com"));
    rig_clear(&r);
}

static void a_first_success_has_no_records_to_upload(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_string_equal(scripted.records, ""); /* which spares the session a request */
    rig_clear(&r);
}

static void records_that_cannot_be_kept_cost_one_warning(void **state)
{
    struct fr_err err;
    struct rig r;
    char path[200];

    (void)state;
    rig_init(&r, NULL);
    (void)snprintf(path, sizeof path, "%s/attempts", r.state_path);
    assert_ok(fr_dir_make(path, 0700, &err)); /* where the file should be */
    assert_int_equal(rig_walk(&r, LIST(ONE("refuse") "," ONE("good"))), 0);
    assert_int_equal(rig_count(&r, "warning"), 1);
    assert_contains(rig_nth(&r, "warning", 0), "attempts");
    rig_clear(&r);
}

/* ---- success is also the target's fetch ---- */

static void a_target_not_known_to_have_its_key_is_no_success(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    r.wait_target_ms = 5000;
    assert_int_equal(rig_walk(&r, LIST(ONE("late"))), 69);
    assert_int_equal(rig_count(&r, "attempt"), 1); /* no retry: it would be a new key */
    assert_contains(rig_nth(&r, "attempt", 0), "\"reason\":\"target-not-fetched\"");
    assert_contains(rig_nth(&r, "attempt", 0), "is kept");
    assert_true(rig_has_current(&r, "late.example.com", NULL));
    assert_int_equal(rig_n_pending(&r), 0);
    rig_clear(&r);
}

static void after_a_target_that_did_not_come_the_next_is_tried(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    r.wait_target_ms = 5000;
    assert_int_equal(rig_walk(&r, LIST(ONE("late") "," ONE("good"))), 0);
    assert_true(rig_has_current(&r, "late.example.com", NULL));
    assert_true(rig_has_current(&r, "good.example.com", NULL));
    rig_clear(&r);
}

static void a_stop_while_waiting_is_an_interruption(void **state)
{
    struct fr_run *run;
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    r.wait_target_ms = 5000;
    run = rig_run(&r, LIST(ONE("hangflip")), false);
    fr_run_step(run, NULL, 0);
    fr_run_stop(run);
    assert_int_equal(rig_finish(&r, run), 75);
    assert_contains(rig_nth(&r, "attempt", 0), "is kept, but");
    assert_true(rig_has_current(&r, "hangflip.example.com", NULL));
    rig_clear(&r);
}

/* ---- with a real connection ---- */

static void a_method_talks_over_tls(void **state)
{
    struct peer p = peer_start(&(struct peer_setup){.act = PEER_ECHO});
    struct rig r;
    char list[256];

    (void)state;
    rig_init(&r, NULL);
    r.device.env = &fr_env_system;
    (void)snprintf(list, sizeof list,
                   LIST("{'bootstrap':'scripted','mef':'talk.example.com','port':%u}"),
                   p.port);
    assert_int_equal(rig_walk(&r, list), 0);
    assert_string_equal(scripted.own_id, "dev1.example.com");
    assert_int_equal(strlen(scripted.exported), 2 * FR_EXPORT_LEN);
    assert_contains(rig_nth(&r, "phase", 0), "\"connect\"");
    assert_contains(rig_nth(&r, "phase", 1), "\"handshake\"");
    assert_null(strstr(rig_nth(&r, "attempt", 0), "\"octetsOut\":0"));
    rig_clear(&r);
    peer_stop(&p);
}

static void a_server_that_rejects_us_is_a_refusal(void **state)
{
    struct peer p =
        peer_start(&(struct peer_setup){.act = PEER_ECHO, .client_ca = "other"});
    struct rig r;
    char list[256];

    (void)state;
    rig_init(&r, NULL);
    r.device.env = &fr_env_system;
    (void)snprintf(list, sizeof list,
                   LIST("{'bootstrap':'scripted','mef':'talk.example.com','port':%u}"),
                   p.port);
    assert_int_equal(rig_walk(&r, list), 77);
    assert_contains(rig_nth(&r, "attempt", 0), "\"reason\":\"tls-alert-48\"");
    rig_clear(&r);
    peer_stop(&p);
}

static void what_the_mef_confirmed_is_kept_as_confirmed(void **state)
{
    struct fr_slot_id any = {.mef = NULL};
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_ok(fr_state_find(r.state, &any, &c, &err));
    assert_true(c->confirmed);
    assert_int_equal(rig_n_pending(&r), 0);
    rig_clear(&r);
}

static void a_resource_that_is_a_fifo_is_invalid_at_once(void **state)
{
    struct rig r;
    char fifo[200];

    (void)state;
    rig_init(&r, NULL);
    (void)snprintf(fifo, sizeof fifo, "%s.fifo", r.state_path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    scripted.file = fifo;
    assert_int_equal(rig_walk(&r, LIST(DISCOVER("read"))), 76);
    assert_contains(rig_nth(&r, "attempt", 0), "\"reason\":\"not-a-file\"");
    rig_clear(&r);
}

/* ---- what the device has ---- */

static bool is_for(const void *arg, const struct fr_credential *c)
{
    return fr_str_equal(c->target, arg);
}

static void assert_finds(struct rig *r, const char *target, int64_t created)
{
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    assert_ok(fr_device_find(&r->device, is_for, target, &c, &err));
    assert_string_equal(c->target, target);
    assert_int_equal(c->created, created);
}

static void assert_finds_none(struct rig *r, const char *target)
{
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    assert_fails(fr_device_find(&r->device, is_for, target, &c, &err), FR_ENOTFOUND);
    assert_null(c);
}

static void the_newest_that_fits_and_is_valid_is_found(void **state)
{
    struct rig r;
    int64_t start;

    (void)state;
    rig_init(&r, NULL);
    start = r.clock.wall_s;
    rig_put(&r, "one.example.com", "a.example.com", false);
    r.clock.wall_s += 100;
    rig_put(&r, "two.example.com", "a.example.com", false);
    rig_put(&r, "one.example.com", "b.example.com", true);
    assert_finds(&r, "a.example.com", start + 100);
    assert_finds_none(&r, "b.example.com"); /* pending is not had */
    assert_finds_none(&r, "c.example.com");
    r.clock.wall_s += 301; /* both have ended */
    assert_finds_none(&r, "a.example.com");
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_bootstrap_provisions),
        cmocka_unit_test(phases_are_told_in_order),
        cmocka_unit_test(the_attempt_names_the_target_that_was_assigned),
        cmocka_unit_test(a_refused_entry_leads_to_the_next),
        cmocka_unit_test(an_unreachable_entry_is_retried_within_its_budget),
        cmocka_unit_test(a_peer_that_asks_for_peace_gets_it),
        cmocka_unit_test(the_class_that_says_most_is_the_exit_status),
        cmocka_unit_test(the_outcome_has_the_words_of_what_failed),
        cmocka_unit_test(a_failure_after_the_flip_is_a_warning),
        cmocka_unit_test(a_methods_warning_is_told),
        cmocka_unit_test(done_without_a_credential_is_our_own_fault),
        cmocka_unit_test(a_result_that_cannot_be_stored_stops_the_list),
        cmocka_unit_test(a_method_that_hangs_is_ended_by_its_budget),
        cmocka_unit_test(a_method_that_hangs_after_the_flip_has_provisioned),
        cmocka_unit_test(a_discovered_list_is_walked),
        cmocka_unit_test(a_failed_discovery_leads_to_the_next),
        cmocka_unit_test(a_file_is_read_for_the_method),
        cmocka_unit_test(a_file_that_is_not_there_is_invalid_and_not_retried),
        cmocka_unit_test(a_resource_that_is_a_fifo_is_invalid_at_once),
        cmocka_unit_test(what_the_mef_confirmed_is_kept_as_confirmed),
        cmocka_unit_test(a_second_run_is_locked_out),
        cmocka_unit_test(a_key_that_cannot_be_used_is_a_config_error),
        cmocka_unit_test(what_this_device_lacks_is_unsupported),
        cmocka_unit_test(attempts_are_kept),
        cmocka_unit_test(only_this_runs_records_are_uploaded),
        cmocka_unit_test(a_first_success_has_no_records_to_upload),
        cmocka_unit_test(records_that_cannot_be_kept_cost_one_warning),
        cmocka_unit_test(a_target_not_known_to_have_its_key_is_no_success),
        cmocka_unit_test(after_a_target_that_did_not_come_the_next_is_tried),
        cmocka_unit_test(a_stop_while_waiting_is_an_interruption),
        cmocka_unit_test(the_newest_that_fits_and_is_valid_is_found),
        cmocka_unit_test(a_method_talks_over_tls),
        cmocka_unit_test(a_server_that_rejects_us_is_a_refusal),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
