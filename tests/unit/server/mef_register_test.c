/* SPDX-License-Identifier: Apache-2.0 */
/* What every request to the MEF has in common, and its registrations. */
#include "mef_steps.h"

#include "proto/mmef.h"
#include "server/mef/session.h"

static struct fr_err err;

/* --- client registration */

static void a_client_registration_has_an_id_of_its_own(void **state)
{
    struct fr_mmef_client_reg reg;

    (void)state;
    create_client();
    assert_ok(fr_mmef_client_reg_decode(fr_buf_view(&f.exchange.body), &reg, &err));
    assert_int_equal(strlen(reg.ri), FR_CLIENT_REG_LEN);
    assert_string_equal(reg.creator, FIXTURE_ENROLEE);
    assert_string_equal(reg.admin_fqdn, "mef.example.com");
    assert_contains(client_path, reg.ri);
    fixture_heard_nothing(&f); /* provisional: nothing is written */
}

static void a_repeat_keeps_the_id(void **state)
{
    char first[64];

    (void)state;
    create_client();
    strcpy(first, client_path);
    create_client();
    assert_string_equal(client_path, first);
}

static void an_expiry_is_cut_to_the_longest(void **state)
{
    struct fr_mmef_client_reg reg;

    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mecr\":{\"et\":\"20991101T000000\"}}");
    assert_ok(fr_mmef_client_reg_decode(fr_buf_view(&f.exchange.body), &reg, &err));
    assert_int_equal(reg.expires, f.env.wall_s + f.config.expiry_max_s);
}

static void an_expiry_that_is_past_is_refused(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mecr\":{\"et\":\"20200101T000000\"}}");
    fixture_answer_is(&f, 400, 4000);
    assert_contains(fixture_body(&f), "expiry-past");
}

/* What the vault does not decide reaches the audit trail all the same. */
static void note_says(const char *reason)
{
    struct fr_msg m = fixture_heard(&f, FR_MSG_NOTE);

    assert_true(fr_slice_equal(m.field[FR_F_REASON], fr_slice_str(reason)));
    assert_true(fr_msg_has(&m, FR_F_PEER));
    fixture_heard_nothing(&f);
}

static void another_admin_fqdn_is_refused(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mecr\":{\"adfq\":\"other.example.com\","
                 "\"et\":\"20271101T000000\"}}");
    fixture_answer_is(&f, 403, 4103);
    note_says("admin-fqdn");
}

static void another_admin_fqdn_of_a_key_is_refused(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mkr\":{\"adfq\":\"other.example.com\",\"suid\":22,"
                 "\"et\":\"20271101T000000\"}}");
    fixture_answer_is(&f, 403, 4103);
    note_says("admin-fqdn");
}

static void a_client_registration_can_be_read_and_deleted(void **state)
{
    (void)state;
    create_client();
    fixture_send(&f, "GET", client_path, NULL, NULL);
    fixture_answer_is(&f, 200, 2000);
    assert_contains(fixture_body(&f), "mecr");
    fixture_send(&f, "DELETE", client_path, NULL, NULL);
    fixture_answer_is(&f, 200, 2002);
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_answer_is(&f, 404, 4004);
}

/* --- what every request has in common */

static void the_request_id_is_echoed(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/mefbase/x/y", "X-M2M-RI: r-17\r\n", NULL);
    fixture_answer_is(&f, 404, 4004);
    assert_string_equal(fixture_header(&f, "X-M2M-RI"), "r-17");
    assert_contains(fixture_body(&f), "\"reason\"");
}

static void a_foreign_origin_is_refused(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE "X-M2M-Origin: dev2.example.com\r\n",
                 KEY_BODY);
    fixture_answer_is(&f, 403, 4103);
    note_says("origin");
}

static void an_own_origin_is_accepted_and_is_the_creator(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase",
                 JSON_TYPE "X-M2M-Origin: dns:" FIXTURE_ENROLEE "\r\n",
                 "{\"sec:mecr\":{\"et\":\"20271101T000000\"}}");
    fixture_answer_is(&f, 201, 2001);
    assert_contains(fixture_body(&f), "\"dns:" FIXTURE_ENROLEE "\"");
}

static void another_method_is_not_allowed(void **state)
{
    (void)state;
    fixture_send(&f, "PUT", "/mefbase", NULL, NULL);
    fixture_answer_is(&f, 405, 4005);
    assert_string_equal(fixture_header(&f, "Allow"), "POST");
}

static void bodies_that_are_no_resource_are_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"sec:mkr\":{}",
        "{\"sec:mkr\":{\"suid\":\"22\"}}",
        "{\"sec:mkr\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}",
        "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":22},\"sec:mecr\":{}}",
        "{\"sec:xyz\":{}}",
        "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":99}}",
        "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":22,\"tgis\":[\"no id\"]}}"};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        fixture_send(&f, "POST", "/mefbase", JSON_TYPE, bodies[i]);
        fixture_answer_is(&f, 400, 4000);
    }
    fixture_heard_nothing(&f);
}

static void another_content_type_is_refused(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", "Content-Type: application/xml\r\n", KEY_BODY);
    fixture_answer_is(&f, 415, 4015);
}

static void a_key_value_is_not_taken(void **state)
{
    (void)state;
    fixture_send(
        &f, "POST", "/mefbase", JSON_TYPE,
        "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":22,\"kv\":\"AAAA\"}}");
    fixture_answer_is(&f, 400, 4000); /* final: the client does not try again */
    assert_contains(fixture_body(&f), "\"key-value\"");
    fixture_heard_nothing(&f);
}

/* --- key registration */

static void a_key_registration_asks_the_vault(void **state)
{
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE, KEY_BODY);
    m = fixture_heard(&f, FR_MSG_AUTHORISE);
    assert_int_equal(fr_msg_u8(&m, FR_F_SUID), 22);
    assert_true(fr_slice_equal(m.field[FR_F_TARGET], fr_slice_str(FIXTURE_TARGET)));
    assert_false(fr_msg_has(&m, FR_F_KE)); /* derive late, send once */
    assert_false(f.answered);
}

static void without_a_target_the_operator_chooses(void **state)
{
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":22}}");
    m = fixture_heard(&f, FR_MSG_AUTHORISE);
    assert_false(fr_msg_has(&m, FR_F_TARGET));
}

static void its_answer_has_the_exporters_id_and_the_vaults_choice(void **state)
{
    struct fr_mmef_key_reg reg;

    (void)state;
    create_key();
    assert_ok(fr_mmef_key_reg_decode(fr_buf_view(&f.exchange.body), &reg, &err));
    assert_string_equal(reg.ri, "000102030405060708090A0B0C0D0E0F");
    assert_string_equal(reg.target, FIXTURE_TARGET);
    assert_string_equal(reg.target_fqdn, ""); /* as without a label */
    assert_int_equal(reg.derivation, FR_DERIVE_USAGE);
    assert_int_equal(reg.expires, 1800000000);
    assert_string_equal(fixture_header(&f, "Content-Location"), REG);
}

static void a_refusal_of_the_vault_is_passed_on(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE, KEY_BODY);
    fixture_heard(&f, FR_MSG_AUTHORISE);
    fixture_say_code(&f, FR_EREFUSED, "target-not-allowed");
    fixture_answer_is(&f, 403, 4103);
    assert_contains(fixture_body(&f), "target-not-allowed");
}

static void after_a_refusal_another_target_can_be_asked_for(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":22}}");
    fixture_heard(&f, FR_MSG_AUTHORISE);
    fixture_say_code(&f, FR_EREFUSED, "no-default-target");
    create_key();
}

static void a_repeat_of_the_same_body_gets_the_same_answer(void **state)
{
    char first[1024];

    (void)state;
    create_key();
    snprintf(first, sizeof first, "%s", fixture_body(&f));
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE, KEY_BODY);
    fixture_answer_is(&f, 201, 2001);
    assert_string_equal(fixture_body(&f), first);
    fixture_heard_nothing(&f);
}

static void a_second_registration_is_a_conflict(void **state)
{
    (void)state;
    create_key();
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mkr\":{\"et\":\"20271101T000000\",\"suid\":23}}");
    fixture_answer_is(&f, 409, 4105);
    fixture_heard_nothing(&f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_mef, close_mef)
    const struct CMUnitTest tests[] = {
        T(a_client_registration_has_an_id_of_its_own),
        T(a_repeat_keeps_the_id),
        T(an_expiry_is_cut_to_the_longest),
        T(an_expiry_that_is_past_is_refused),
        T(another_admin_fqdn_is_refused),
        T(another_admin_fqdn_of_a_key_is_refused),
        T(a_client_registration_can_be_read_and_deleted),
        T(the_request_id_is_echoed),
        T(a_foreign_origin_is_refused),
        T(an_own_origin_is_accepted_and_is_the_creator),
        T(another_method_is_not_allowed),
        T(bodies_that_are_no_resource_are_refused),
        T(another_content_type_is_refused),
        T(a_key_value_is_not_taken),
        T(a_key_registration_asks_the_vault),
        T(without_a_target_the_operator_chooses),
        T(its_answer_has_the_exporters_id_and_the_vaults_choice),
        T(a_refusal_of_the_vault_is_passed_on),
        T(after_a_refusal_another_target_can_be_asked_for),
        T(a_repeat_of_the_same_body_gets_the_same_answer),
        T(a_second_registration_is_a_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
