/* SPDX-License-Identifier: Apache-2.0 */
/* The commit protocol as the MEF keeps it (DESIGN 6), commands and resolve. */
#include "mef_steps.h"

#include "proto/mmef.h"
#include "server/mef/mef.h"

static struct fr_err err;

/* --- confirmation and commit */

static void a_confirmation_commits_once_with_hashes_of_the_exact_octets(void **state)
{
    uint8_t request[FR_SHA256_LEN], response[FR_SHA256_LEN];
    struct fr_msg m;

    (void)state;
    create_key();
    assert_ok(fr_sha256(fr_slice_str(KEY_BODY), request, &err));
    assert_ok(fr_sha256(fr_buf_view(&f.exchange.body), response, &err));
    confirm(MAC);
    m = fixture_heard(&f, FR_MSG_COMMIT);
    assert_true(fr_slice_equal(m.field[FR_F_REQUEST_SHA], fr_slice_of(request, 32)));
    assert_true(fr_slice_equal(m.field[FR_F_RESPONSE_SHA], fr_slice_of(response, 32)));
    assert_true(fr_slice_equal(m.field[FR_F_KEY_ID], fr_slice_str(KEY_ID)));
    assert_hex(m.field[FR_F_KE],
               "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");
    assert_true(fr_msg_has(&m, FR_F_MAC));
    assert_false(f.answered);
}

static void the_mefs_mac_is_the_answer(void **state)
{
    uint8_t mac[FR_SHA256_LEN], want[FR_SHA256_LEN];

    (void)state;
    create_key();
    confirm(MAC);
    vault_commits();
    fixture_answer_is(&f, 200, 2000);
    memset(want, 0x5a, sizeof want);
    assert_ok(fr_mmef_mac_decode(fr_buf_view(&f.exchange.body), mac, &err));
    assert_memory_equal(mac, want, sizeof mac);
}

static void a_repeated_confirmation_is_answered_without_a_second_commit(void **state)
{
    (void)state;
    create_key();
    confirm(MAC);
    vault_commits();
    confirm(MAC);
    fixture_answer_is(&f, 200, 2000);
    fixture_heard_nothing(&f);
}

static void another_confirmation_after_the_commit_is_a_conflict(void **state)
{
    (void)state;
    create_key();
    confirm(MAC);
    vault_commits();
    confirm(OTHER_MAC);
    fixture_answer_is(&f, 409, 4105);
    fixture_heard_nothing(&f);
}

static void a_wrong_mac_ends_the_registration(void **state)
{
    (void)state;
    create_client();
    create_key();
    confirm(MAC);
    fixture_heard(&f, FR_MSG_COMMIT);
    fixture_say_code(&f, FR_EREFUSED, "confirmation-mismatch");
    fixture_answer_is(&f, 403, 4103);
    confirm(OTHER_MAC);
    fixture_answer_is(&f, 403, 4103);
    fixture_heard_nothing(&f);
}

static void after_a_wrong_mac_nothing_looks_like_a_success(void **state)
{
    (void)state;
    create_client();
    create_key();
    confirm(MAC);
    fixture_heard(&f, FR_MSG_COMMIT);
    fixture_say_code(&f, FR_EREFUSED, "confirmation-mismatch");
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_answer_is(&f, 403, 4103);
    assert_contains(fixture_body(&f), "confirmation-mismatch");
    fixture_send(&f, "PUT", below_client("cmd"), NULL,
                 "{\"sec:mcc\":{\"mcci\":1,\"mccs\":20}}");
    fixture_answer_is(&f, 403, 4103);
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE, KEY_BODY);
    fixture_answer_is(&f, 403, 4103);
    fixture_heard_nothing(&f);
}

static void a_commit_that_the_store_refused_can_be_tried_again(void **state)
{
    (void)state;
    create_key();
    confirm(MAC);
    fixture_heard(&f, FR_MSG_COMMIT);
    fixture_say_code(&f, FR_ESTORE, "store");
    fixture_answer_is(&f, 500, 5000);
    confirm(MAC);
    vault_commits();
    fixture_answer_is(&f, 200, 2000);
}

static void a_confirmation_of_nothing_is_not_found(void **state)
{
    (void)state;
    confirm(MAC);
    fixture_answer_is(&f, 404, 4004);
    create_key();
    fixture_send(&f, "POST", "/mefbase/FFFF/fieldroot-confirm", NULL,
                 "{\"mac\":\"" MAC "\"}");
    fixture_answer_is(&f, 404, 4004);
}

static void a_mac_of_another_length_is_malformed(void **state)
{
    (void)state;
    create_key();
    confirm("AAAA");
    fixture_answer_is(&f, 400, 4000);
    fixture_heard_nothing(&f);
}

/* --- commands */

static void the_first_command_acks(void **state)
{
    struct fr_mmef_cmd cmd;

    (void)state;
    create_client();
    create_key();
    confirm(MAC);
    vault_commits();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    vault_hears_ack_of(KEY_ID);
    fixture_answer_is(&f, 200, 2000);
    assert_ok(fr_mmef_cmd_decode(fr_buf_view(&f.exchange.body), &cmd, &err));
    assert_int_equal(cmd.class_id, 0);
    assert_int_equal(cmd.retry_ms, 86400000);
    assert_int_equal(cmd.status, FR_CMD_ISSUED);
}

static void a_second_retrieve_is_reissued_and_acks_no_more(void **state)
{
    struct fr_mmef_cmd cmd;

    (void)state;
    create_client();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_heard_nothing(&f);
    assert_ok(fr_mmef_cmd_decode(fr_buf_view(&f.exchange.body), &cmd, &err));
    assert_int_equal(cmd.status, FR_CMD_REISSUED);
}

static void optional_confirmation_commits_at_the_first_command(void **state)
{
    struct fr_msg m;

    (void)state;
    create_client();
    create_key();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    m = fixture_heard(&f, FR_MSG_COMMIT);
    assert_false(fr_msg_has(&m, FR_F_MAC));
    fixture_say_code(&f, FR_OK, NULL);
    vault_hears_ack_of(KEY_ID);
    fixture_answer_is(&f, 200, 2000);
}

static void required_confirmation_refuses_the_command(void **state)
{
    struct fr_msg m;

    (void)state;
    f.config.confirmation_required = true;
    create_client();
    create_key();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_answer_is(&f, 403, 4103);
    assert_contains(fixture_body(&f), "unconfirmed");
    m = fixture_heard(&f, FR_MSG_NOTE);
    assert_true(fr_slice_equal(m.field[FR_F_REASON], fr_slice_str("unconfirmed")));
    fixture_heard_nothing(&f);
}

static void another_clients_commands_are_not_found(void **state)
{
    (void)state;
    create_client();
    fixture_send(&f, "GET", "/mefbase/00112233445566778899aabbccddeeff/cmd", NULL,
                 NULL);
    fixture_answer_is(&f, 404, 4004);
}

static void an_update_gets_the_next_command(void **state)
{
    struct fr_mmef_cmd cmd;

    (void)state;
    create_client();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_send(&f, "PUT", below_client("cmd"), JSON_TYPE,
                 "{\"sec:mcc\":{\"mcci\":1,\"mccs\":20}}");
    fixture_answer_is(&f, 200, 2004);
    assert_ok(fr_mmef_cmd_decode(fr_buf_view(&f.exchange.body), &cmd, &err));
    assert_string_equal(cmd.id, "2");
}

static void an_update_of_another_command_is_answered_all_the_same(void **state)
{
    struct fr_mmef_cmd cmd;

    (void)state;
    create_client();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_send(&f, "PUT", below_client("cmd"), JSON_TYPE,
                 "{\"sec:mcc\":{\"mcci\":77,\"mccs\":20}}");
    fixture_answer_is(&f, 200, 2004);
    assert_ok(fr_mmef_cmd_decode(fr_buf_view(&f.exchange.body), &cmd, &err));
    assert_string_equal(cmd.id, "1");
}

static void an_unparsable_update_is_a_bad_request(void **state)
{
    (void)state;
    create_client();
    fixture_send(&f, "PUT", below_client("cmd"), JSON_TYPE, "{\"sec:mcc\":");
    fixture_answer_is(&f, 400, 4000);
}

/* --- resolve */

static void vault_has(const char *response)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    fixture_heard(&f, FR_MSG_LOOKUP);
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set_str(&m, FR_F_RESPONSE, response);
    fixture_say(&f, &m);
}

#define OLD "/mefbase/ffeeddccbbaa99887766554433221100"

static void a_committed_registration_is_found_and_acked_by_the_next_command(
    void **state)
{
    (void)state;
    fixture_send(&f, "GET", OLD, NULL, NULL);
    vault_has("{\"sec:mkr\":{}}");
    fixture_answer_is(&f, 200, 2000);
    assert_string_equal(fixture_body(&f), "{\"sec:mkr\":{}}");
    create_client();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    vault_hears_ack_of("FFEEDDCCBBAA99887766554433221100@mef.example.com");
    fixture_answer_is(&f, 200, 2000);
}

static void an_unknown_registration_is_not_found_and_never_acked(void **state)
{
    (void)state;
    fixture_send(&f, "GET", OLD, NULL, NULL);
    fixture_heard(&f, FR_MSG_LOOKUP);
    fixture_say_code(&f, FR_ENOTFOUND, "no-such-registration");
    fixture_answer_is(&f, 404, 4004);
    create_client();
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    fixture_answer_is(&f, 200, 2000);
    fixture_heard_nothing(&f);
}

static void what_is_no_key_id_never_reaches_the_vault(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/mefbase/x%40y", NULL, NULL);
    fixture_answer_is(&f, 404, 4004);
    fixture_heard_nothing(&f);
}

/* --- attempts */

static void attempt_records_go_to_the_vault_as_they_are(void **state)
{
    struct fr_msg m;

    (void)state;
    create_client();
    fixture_send(&f, "POST", below_client("fieldroot-attempts"), NULL, "[{\"a\":1}]");
    m = fixture_heard(&f, FR_MSG_REPORT);
    assert_true(fr_slice_equal(m.field[FR_F_JSON], fr_slice_str("[{\"a\":1}]")));
    fixture_say_code(&f, FR_OK, NULL);
    fixture_answer_is(&f, 204, 2004);
}

static void records_that_are_no_array_are_refused(void **state)
{
    (void)state;
    create_client();
    fixture_send(&f, "POST", below_client("fieldroot-attempts"), NULL, "{\"a\":1}");
    fixture_answer_is(&f, 400, 4000);
    fixture_send(&f, "POST", below_client("fieldroot-attempts"), NULL,
                 "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]");
    fixture_answer_is(&f, 400, 4000);
    fixture_heard_nothing(&f);
}

/* --- the vault and the connection */

static void without_a_vault_the_answer_is_to_try_again(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE, KEY_BODY);
    fixture_heard(&f, FR_MSG_AUTHORISE);
    fixture_vault_dies(&f);
    fixture_answer_is(&f, 503, 5000);
    assert_non_null(fixture_header(&f, "Retry-After"));
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE, KEY_BODY);
    fixture_answer_is(&f, 503, 5000);
}

static void a_reply_to_a_cut_connection_is_dropped(void **state)
{
    (void)state;
    create_key();
    confirm(MAC);
    fixture_heard(&f, FR_MSG_COMMIT);
    fixture_cut(&f);
    fixture_say_code(&f, FR_OK, NULL);
    assert_false(f.answered);
}

static void an_exchange_is_busy_until_it_is_acked(void **state)
{
    (void)state;
    assert_false(fr_service_mef.session_is_busy(f.session));
    create_client();
    assert_true(fr_service_mef.session_is_busy(f.session));
    create_key();
    confirm(MAC);
    vault_commits();
    assert_true(fr_service_mef.session_is_busy(f.session));
    fixture_send(&f, "GET", below_client("cmd"), NULL, NULL);
    vault_hears_ack_of(KEY_ID);
    assert_false(fr_service_mef.session_is_busy(f.session));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_mef, close_mef)
    const struct CMUnitTest tests[] = {
        T(a_confirmation_commits_once_with_hashes_of_the_exact_octets),
        T(the_mefs_mac_is_the_answer),
        T(a_repeated_confirmation_is_answered_without_a_second_commit),
        T(another_confirmation_after_the_commit_is_a_conflict),
        T(a_wrong_mac_ends_the_registration),
        T(after_a_wrong_mac_nothing_looks_like_a_success),
        T(a_commit_that_the_store_refused_can_be_tried_again),
        T(a_confirmation_of_nothing_is_not_found),
        T(a_mac_of_another_length_is_malformed),
        T(the_first_command_acks),
        T(a_second_retrieve_is_reissued_and_acks_no_more),
        T(optional_confirmation_commits_at_the_first_command),
        T(required_confirmation_refuses_the_command),
        T(another_clients_commands_are_not_found),
        T(an_update_gets_the_next_command),
        T(an_update_of_another_command_is_answered_all_the_same),
        T(an_unparsable_update_is_a_bad_request),
        T(a_committed_registration_is_found_and_acked_by_the_next_command),
        T(an_unknown_registration_is_not_found_and_never_acked),
        T(what_is_no_key_id_never_reaches_the_vault),
        T(attempt_records_go_to_the_vault_as_they_are),
        T(records_that_are_no_array_are_refused),
        T(without_a_vault_the_answer_is_to_try_again),
        T(a_reply_to_a_cut_connection_is_dropped),
        T(an_exchange_is_busy_until_it_is_acked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
