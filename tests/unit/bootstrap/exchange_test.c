/* SPDX-License-Identifier: Apache-2.0 */
/* Whole enrolments with a MEF in memory: what goes right, and every way it does not. */
#include "bootstrap/exchange.h"

#include <stdlib.h>

#include "base/timetext.h"
#include "mef.h"
#include "test.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

static struct fr_err err;

static int64_t retry_after_of(const struct mef_fixture *f)
{
    return f->d.bootstrap->retry_after_ms(f->d.run);
}

/* ---- what goes right ---- */

static void enrolment_goes_its_way(void **state)
{
    struct mef_fixture *f = *state;

    assert_ok(fr_drive_run(&f->d, &err));
    assert_string_equal(f->d.log, " connect send send store send flip send close done");
    assert_true(f->mef.confirmed);
    assert_true(f->d.connect.export_keys);
    assert_int_equal(f->d.connect.role, FR_ROLE_MEF);
    assert_string_equal(f->d.connect.host, "mef.example.com");
    assert_int_equal(f->d.connect.port, 8443);
    assert_int_equal(f->d.phase, FR_PHASE_DONE);
    assert_int_equal(retry_after_of(f), -1);
}

static void credential_has_key_and_names_of_the_registration(void **state)
{
    struct mef_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.in.credential = (char *)"factory";
    assert_ok(fr_drive_run(&f->d, &err));
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    assert_hex(fr_secret_view(c->ke),
               "71d4117ef18249a1ccb60f2bc89a24d64bf321300914dfdaf91b7152a909ad7c");
    assert_string_equal(c->key_id, MEF_RI "@mef.example.com");
    assert_string_equal(c->method, "certificate");
    assert_string_equal(c->target, "broker.example.com");
    assert_string_equal(c->registration, "/mefbase/" MEF_RI);
    assert_string_equal(c->client_registration, "/mefbase/client-1");
    assert_string_equal(c->credential_name, "factory");
    assert_true(c->confirmed);
    assert_int_equal(c->created, f->d.env.wall_s);
    assert_int_equal(c->expires, f->d.env.wall_s + 1000);
}

static void pending_is_not_yet_confirmed(void **state)
{
    struct mef_fixture *f = *state;

    assert_ok(fr_drive_run(&f->d, &err));
    assert_false(f->d.stored->confirmed);
}

static void requests_say_what_the_instruction_says(void **state)
{
    struct mef_fixture *f = *state;
    struct fr_mmef_client_reg client;
    struct fr_mmef_key_reg key;

    f->d.in.target = (char *)"broker.example.com";
    f->d.in.admin_fqdn = (char *)"mef.example.com";
    f->d.in.expiry_s = 5000;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_ok(fr_mmef_client_reg_decode(fr_buf_view(&f->mef.body[MEF_CLIENT_REG]),
                                        &client, &err));
    assert_string_equal(client.admin_fqdn, "mef.example.com");
    assert_int_equal(client.expires, f->d.env.wall_s + 5000);
    assert_ok(
        fr_mmef_key_reg_decode(fr_buf_view(&f->mef.body[MEF_KEY_REG]), &key, &err));
    assert_string_equal(key.target, "broker.example.com");
    assert_string_equal(key.admin_fqdn, "mef.example.com");
    assert_int_equal(key.expires, f->d.env.wall_s + 5000);
}

static void connection_that_ends_with_the_confirmation_still_flips(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.hangs_up[MEF_CONFIRM] = true;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_true(f->d.flipped);
    assert_int_equal(f->d.n_warnings, 1);
}

/* ---- without a clock ---- */

static void without_a_clock_the_mefs_date_counts(void **state)
{
    struct mef_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;
    struct fr_mmef_client_reg client;
    struct fr_mmef_key_reg key;
    char last[FR_TIME_TEXT];

    f->d.env.unsynchronised = true;
    f->mef.date = "Fri, 15 Jan 2027 08:00:00 GMT"; /* 1800000000 */
    f->d.env.wall_s = 1000;
    f->d.in.expiry_s = 5000;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_ok(fr_mmef_client_reg_decode(fr_buf_view(&f->mef.body[MEF_CLIENT_REG]),
                                        &client, &err));
    assert_string_equal(fr_rfc3339_format(client.expires, last),
                        "9999-12-31T23:59:59Z");
    assert_ok(
        fr_mmef_key_reg_decode(fr_buf_view(&f->mef.body[MEF_KEY_REG]), &key, &err));
    assert_int_equal(key.expires, 1800000000 + 5000);
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    assert_int_equal(c->created, 1800000000);
}

static void without_any_clock_the_longest_time_is_asked_for(void **state)
{
    struct mef_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;
    struct fr_mmef_key_reg key;

    f->d.env.unsynchronised = true;
    f->d.env.wall_s = 1000;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_ok(
        fr_mmef_key_reg_decode(fr_buf_view(&f->mef.body[MEF_KEY_REG]), &key, &err));
    assert_true(key.expires > INT64_C(253402300000));
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    assert_int_equal(c->created, 1000);
}

static void without_a_clock_what_ended_before_the_mef_began_is_invalid(void **state)
{
    struct mef_fixture *f = *state;

    f->d.env.unsynchronised = true;
    f->d.link.peer_not_before = f->mef.key_reg.expires;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EINVALID, "processing-failed");
}

/* ---- what the MEF may refuse or get wrong before the flip ---- */

static const struct failure {
    enum mef_step step;
    const char *head, *body; /* body NULL: head is the whole answer */
    enum fr_code code;
    const char *reason; /* NULL: any */
} failures[] = {
    {MEF_CLIENT_REG, "403 Forbidden\r\nX-M2M-RSC: 4103\r\n",
     "{\"reason\":\"not-enrolled\"}", FR_EREFUSED, "not-enrolled"},
    {MEF_CLIENT_REG, "503 Busy\r\n", "", FR_EUNREACHABLE, "http-503"},
    {MEF_CLIENT_REG, "500 Oops\r\nX-M2M-RSC: 5000\r\n", "", FR_EUNREACHABLE, NULL},
    {MEF_CLIENT_REG, "400 Bad\r\nX-M2M-RSC: 4000\r\n", "", FR_EINVALID, NULL},
    {MEF_CLIENT_REG, "201 Created\r\nX-M2M-RSC: 2001\r\n", "", FR_EINVALID,
     "mmef-malformed"},
    {MEF_CLIENT_REG, "201 Created\r\nX-M2M-RI: other\r\n", "", FR_EINVALID,
     "mmef-malformed"},
    {MEF_CLIENT_REG, "SSH-2.0-OpenSSH\r\n", NULL, FR_EINVALID, "http-malformed"},
    {MEF_CLIENT_REG, "HTTP/1.1 201 Created\r\n" MEF_EMPTY "more", NULL, FR_EINVALID,
     "http-malformed"},
    {MEF_CLIENT_REG, "HTTP/1.1 201 Created\r\nContent-Length: 99999999\r\n\r\n", NULL,
     FR_EINVALID, "http-too-large"},
    {MEF_KEY_REG, "403 Forbidden\r\nX-M2M-RSC: 4103\r\n",
     "{\"reason\":\"target-not-allowed\"}", FR_EREFUSED, "target-not-allowed"},
    {MEF_KEY_REG, "409 Conflict\r\nX-M2M-RSC: 4105\r\n", "", FR_EUNREACHABLE, NULL},
    {MEF_KEY_REG, "404 Not Found\r\n", "", FR_EINVALID, "http-404"},
    {MEF_KEY_REG, "302 Found\r\nLocation: https://evil.example/\r\n", "", FR_EINVALID,
     "http-302"},
    {MEF_CONFIRM, "403 Forbidden\r\nX-M2M-RSC: 4103\r\n",
     "{\"reason\":\"confirmation-mismatch\"}", FR_EREFUSED, "confirmation-mismatch"},
    {MEF_CONFIRM, "404 Not Found\r\nX-M2M-RSC: 4004\r\n", "", FR_EREFUSED,
     "unconfirmed"},
    {MEF_CONFIRM, "200 OK\r\n", "{}", FR_EINVALID, "mmef-malformed"},
    {MEF_CONFIRM, "500 Oops\r\n", "", FR_EUNREACHABLE, "http-500"},
};

static void check_failure(const struct failure *row)
{
    struct mef_fixture *f;

    mef_fixture_begin((void **)&f);
    f->mef.raw[row->step] = row->body ? mef_http(row->head, row->body) : row->head;
    assert_fails(fr_drive_run(&f->d, &err), row->code);
    if (row->reason)
        assert_string_equal(err.reason, row->reason);
    assert_null(strstr(f->d.log, " flip"));
    assert_int_equal(f->d.stored != NULL, row->step == MEF_CONFIRM);
    mef_fixture_end((void **)&f);
}

static void refusals_and_garbage_have_their_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(failures); i++)
        check_failure(&failures[i]);
}

static void answer_cut_in_the_middle_is_unreachable(void **state)
{
    static const enum mef_step steps[] = {MEF_CLIENT_REG, MEF_KEY_REG, MEF_CONFIRM};

    (void)state;
    for (size_t i = 0; i < N(steps); i++) {
        struct mef_fixture *f;

        mef_fixture_begin((void **)&f);
        f->mef.cuts[steps[i]] = true;
        assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "connection-cut");
        assert_false(f->d.flipped);
        mef_fixture_end((void **)&f);
    }
}

static void connection_that_ends_too_early_is_not_replaced(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.hangs_up[MEF_CLIENT_REG] = true;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "connection-cut");
    assert_string_equal(f->d.log, " connect send send");
}

static void closing_answer_ends_the_exchange_where_more_is_to_be_asked(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.raw[MEF_CLIENT_REG] =
        mef_http("201 Created\r\nX-M2M-RSC: 2001\r\nConnection: close\r\n",
                 "{\"mecr\":{\"ri\":\"client-1\",\"cr\":\"dev1.example.com\","
                 "\"et\":\"20280101T000000\"}}");
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "connection-cut");
    assert_int_equal(f->mef.count[MEF_KEY_REG], 0);
}

static void retry_after_is_told(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.raw[MEF_KEY_REG] = "HTTP/1.1 503 Busy\r\n"
                              "Retry-After: 12\r\n" MEF_EMPTY;
    assert_fails(fr_drive_run(&f->d, &err), FR_EUNREACHABLE);
    assert_int_equal(retry_after_of(f), 12000);
}

static void client_registration_of_another_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.client_creator = "dev2.example.com";
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EINVALID, "processing-failed");
    assert_int_equal(f->mef.count[MEF_KEY_REG], 0);
}

static void assert_key_reg_refused(struct mef_fixture *f, const char *reason)
{
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EINVALID, reason);
    assert_null(f->d.stored);
}

static void key_registration_that_is_over_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.key_reg.expires = f->d.env.wall_s;
    assert_key_reg_refused(f, "processing-failed");
}

static void key_registration_of_another_suid_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.key_reg.suid = 21;
    assert_key_reg_refused(f, "processing-failed");
}

static void key_registration_for_another_target_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    f->d.in.target = (char *)"other.example.com";
    assert_key_reg_refused(f, "processing-failed");
}

static void key_registration_with_a_short_key_id_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    snprintf(f->mef.key_reg.ri, sizeof f->mef.key_reg.ri, "C1AE");
    assert_key_reg_refused(f, "processing-failed");
}

static void target_without_fqdn_form_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    snprintf(f->mef.key_reg.target, sizeof f->mef.key_reg.target,
             "//sp.example.com/cse-1");
    f->mef.key_reg.target_fqdn[0] = 0;
    assert_key_reg_refused(f, "target-fqdn-unknown");
}

static void connection_without_export_is_our_own_mistake(void **state)
{
    struct mef_fixture *f = *state;

    f->d.link.exported = NULL;
    assert_fails(fr_drive_run(&f->d, &err), FR_EINTERNAL);
}

static void coap_binding_is_unsupported(void **state)
{
    struct mef_fixture *f = *state;

    f->d.in.binding = FR_BINDING_COAP;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNSUPPORTED, "binding-unsupported");
    assert_null(f->d.run);
}

/* ---- key confirmation ---- */

static void mef_with_another_key_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.wrong_mac = true;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EREFUSED, "confirmation-mismatch");
    assert_false(f->d.flipped);
    assert_null(strstr(f->d.log, " flip"));
}

static void mef_that_saw_another_registration_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.raw[MEF_KEY_REG] =
        mef_http("201 Created\r\nX-M2M-RSC: 2001\r\n",
                 "{\"mkr\":{\"ri\":\"" MEF_RI "\",\"cr\":\"" MEF_OWN_ID
                 "\",\"et\":\"20280101T000000\",\"suid\":22,"
                 "\"tgis\":[\"evil.example.com\"]}}");
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EREFUSED, "confirmation-mismatch");
    assert_false(f->mef.confirmed);
}

static void mef_without_confirmation_is_accepted_where_it_is_optional(void **state)
{
    struct mef_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.ctx.confirmation = FR_CONFIRMATION_OPTIONAL;
    f->mef.raw[MEF_CONFIRM] = "HTTP/1.1 404 Not Found\r\n" MEF_EMPTY;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    assert_false(c->confirmed);
    /* its commit is at the first Command Retrieve, so the flip comes after it */
    assert_string_equal(f->d.log, " connect send send store send send flip close done");
    assert_int_equal(f->mef.count[MEF_COMMAND], 1);
}

static void begin_without_confirmation(struct mef_fixture *f)
{
    f->d.ctx.confirmation = FR_CONFIRMATION_OPTIONAL;
    f->mef.raw[MEF_CONFIRM] = "HTTP/1.1 404 Not Found\r\n" MEF_EMPTY;
}

static void the_command_that_came_with_the_commit_is_answered(void **state)
{
    struct mef_fixture *f = *state;

    begin_without_confirmation(f);
    f->mef.n_commands = 1;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->mef.reported[0], FR_CMD_CLASS_NOT_SUPPORTED);
    assert_int_equal(f->mef.count[MEF_COMMAND], 1);
}

static void without_confirmation_a_mef_that_will_not_commit_is_refused(void **state)
{
    struct mef_fixture *f = *state;

    begin_without_confirmation(f);
    f->mef.raw[MEF_COMMAND] = mef_http("403 Forbidden\r\nX-M2M-RSC: 4103\r\n",
                                       "{\"reason\":\"unconfirmed\"}");
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EREFUSED, "unconfirmed");
    assert_false(f->d.flipped);
}

static void without_confirmation_a_cut_commit_leaves_the_slot_pending(void **state)
{
    struct mef_fixture *f = *state;

    begin_without_confirmation(f);
    f->mef.cuts[MEF_COMMAND] = true;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "connection-cut");
    assert_true(f->d.is_stored);
    assert_false(f->d.flipped);
}

static void without_confirmation_a_commit_that_is_no_command_is_invalid(void **state)
{
    struct mef_fixture *f = *state;

    begin_without_confirmation(f);
    f->mef.raw[MEF_COMMAND] = "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\n" MEF_EMPTY;
    assert_fails(fr_drive_run(&f->d, &err), FR_EINVALID);
    assert_false(f->d.flipped);
}

/* ---- waiting for the target ---- */

static void a_fetch_ends_the_wait(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.wait_target_ms = 60000;
    f->mef.n_not_fetched = 1;
    f->mef.fetched_takes_ms = 50000;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_string_equal(f->d.log, " connect send send store send flip send wait send "
                                  "send close done");
    assert_int_equal(f->mef.count[MEF_FETCHED],
                     2); /* 50 s, then the 10 that are left */
    assert_int_equal(f->d.n_warnings, 0);
}

static void a_target_that_does_not_come_is_unreachable(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.wait_target_ms = 60000;
    f->mef.n_not_fetched = -1;
    f->mef.fetched_takes_ms = 60000;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "target-not-fetched");
    assert_true(f->d.flipped);
    assert_int_equal(f->mef.count[MEF_FETCHED], 1);
}

static void a_mef_that_says_no_at_once_is_not_asked_for_ever(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.wait_target_ms = 60000;
    f->mef.n_not_fetched = -1;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "target-not-fetched");
    assert_in_range(f->mef.count[MEF_FETCHED], 2, 8);
}

static void a_mef_that_cannot_tell_costs_a_warning(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.wait_target_ms = 60000;
    f->mef.raw[MEF_FETCHED] = "HTTP/1.1 404 Not Found\r\n" MEF_EMPTY;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->d.n_warnings, 1);
    assert_contains(f->d.warning, "not waiting");
}

static void while_waiting_any_failure_is_one(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.wait_target_ms = 60000;
    f->mef.raw[MEF_FETCHED] = "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\n" MEF_EMPTY;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EINVALID, "mmef-malformed");
    assert_true(f->d.flipped);
}

static void a_cut_after_the_flip_is_a_failure_where_the_target_counts(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.wait_target_ms = 60000;
    f->mef.cuts[MEF_COMMAND] = true;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "connection-cut");
    assert_true(f->d.flipped);
}

static void wrong_confirmation_is_refused_even_where_it_is_optional(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.confirmation = FR_CONFIRMATION_OPTIONAL;
    f->mef.wrong_mac = true;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EREFUSED, "confirmation-mismatch");
}

/* ---- phases ---- */

static void every_phase_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a <= FR_X_FAILED; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(fr_exchange_phase_name((enum fr_exchange_phase)a),
                                    fr_exchange_phase_name((enum fr_exchange_phase)b));
}

static void misused_exchange_is_unchanged(void **state)
{
    struct mef_fixture *f = *state;
    const struct fr_exchange_config config = {
        .method = "certificate", .ctx = &f->d.ctx, .in = &f->d.in};
    FR_AUTO(exchange) *x = NULL;
    struct fr_acts acts;

    assert_ok(fr_exchange_new(&config, &x, &err));
    assert_fails(
        fr_exchange_step(x, &(struct fr_ev){.kind = FR_EV_FLIPPED}, &acts, &err),
        FR_EINTERNAL);
    assert_int_equal(fr_exchange_phase(x), FR_X_IDLE);
    assert_ok(fr_exchange_step(x, &(struct fr_ev){.kind = FR_EV_START}, &acts, NULL));
    assert_int_equal(fr_exchange_phase(x), FR_X_CONNECTING);
}

#define T(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, mef_fixture_begin, mef_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(enrolment_goes_its_way),
        T(credential_has_key_and_names_of_the_registration),
        T(pending_is_not_yet_confirmed),
        T(requests_say_what_the_instruction_says),
        T(connection_that_ends_with_the_confirmation_still_flips),
        T(without_a_clock_the_mefs_date_counts),
        T(without_any_clock_the_longest_time_is_asked_for),
        T(without_a_clock_what_ended_before_the_mef_began_is_invalid),
        cmocka_unit_test(refusals_and_garbage_have_their_class),
        cmocka_unit_test(answer_cut_in_the_middle_is_unreachable),
        T(connection_that_ends_too_early_is_not_replaced),
        T(closing_answer_ends_the_exchange_where_more_is_to_be_asked),
        T(retry_after_is_told),
        T(client_registration_of_another_is_refused),
        T(key_registration_that_is_over_is_refused),
        T(key_registration_of_another_suid_is_refused),
        T(key_registration_for_another_target_is_refused),
        T(key_registration_with_a_short_key_id_is_refused),
        T(target_without_fqdn_form_is_refused),
        T(connection_without_export_is_our_own_mistake),
        T(coap_binding_is_unsupported),
        T(mef_with_another_key_is_refused),
        T(mef_that_saw_another_registration_is_refused),
        T(mef_without_confirmation_is_accepted_where_it_is_optional),
        T(the_command_that_came_with_the_commit_is_answered),
        T(without_confirmation_a_mef_that_will_not_commit_is_refused),
        T(without_confirmation_a_cut_commit_leaves_the_slot_pending),
        T(without_confirmation_a_commit_that_is_no_command_is_invalid),
        T(a_fetch_ends_the_wait),
        T(a_target_that_does_not_come_is_unreachable),
        T(a_mef_that_says_no_at_once_is_not_asked_for_ever),
        T(a_mef_that_cannot_tell_costs_a_warning),
        T(while_waiting_any_failure_is_one),
        T(a_cut_after_the_flip_is_a_failure_where_the_target_counts),
        T(wrong_confirmation_is_refused_even_where_it_is_optional),
        cmocka_unit_test(every_phase_has_a_name_of_its_own),
        T(misused_exchange_is_unchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
