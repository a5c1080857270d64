/* SPDX-License-Identifier: Apache-2.0 */
/* What a device gets besides a key, and what it says of its attempts. */
#include "vault_lab.h"

/* ---- discovery ---- */

#define DOCUMENT(mef)                                                                  \
    "{'version':1,'instructions':[{'bootstrap':'certificate','mef':'" mef "'}]}"

static enum fr_code discover(struct lab *l, const struct fr_peer *peer)
{
    struct fr_msg m = {.type = FR_MSG_DISCOVER};

    return lab_ask_as(l, peer, &m);
}

static void device_gets_its_own_document_before_that_of_all(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'instructions.set','name':'all','document':" DOCUMENT(
                  "all.example.com") "}");
    lab_do(l, "{'op':'instructions.set','name':'own','document':" DOCUMENT(
                  "own.example.com") "}");
    lab_do(l, "{'op':'instructions.assign','name':'all','enrolee':'*'}");
    assert_int_equal(discover(l, &peer), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "all.example.com");
    lab_do(l, "{'op':'instructions.assign','name':'own','enrolee':'dev1'}");
    assert_int_equal(discover(l, &peer), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "own.example.com");
}

static void without_a_document_there_is_none(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(discover(l, &peer), FR_ENOTFOUND);
    assert_string_equal(l->err.reason, "no-instructions");
}

static void stranger_gets_no_document(void **state)
{
    struct fr_peer peer = lab_peer(ANCHOR, "dns:dev2.example.com");
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'instructions.set','name':'all','document':" DOCUMENT(
                  "all.example.com") "}");
    lab_do(l, "{'op':'instructions.assign','name':'all','enrolee':'*'}");
    assert_int_equal(discover(l, &peer), FR_EREFUSED);
    assert_string_equal(l->err.reason, "enrolee-not-listed");
}

/* ---- notes and reports ---- */

static enum fr_code note(struct lab *l)
{
    struct fr_peer nobody = {.kind = FR_PEER_NONE};
    struct fr_msg m = {.type = FR_MSG_NOTE};

    fr_msg_set_str(&m, FR_F_REASON, "tls-alert-48");
    fr_msg_set_str(&m, FR_F_TEXT, "unknown CA");
    return lab_ask_as(l, &nobody, &m);
}

static void notes_are_bounded_and_the_lost_ones_counted(void **state)
{
    struct lab *l = *state;

    for (int i = 0; i < 3 * FR_VAULT_NOTES_PER_S; i++)
        assert_int_equal(note(l), FR_OK);
    assert_int_equal(lab_count_reason(l, "tls-alert-48"), FR_VAULT_NOTES_PER_S);
    fr_fake_env_advance(&l->fake, 1000);
    assert_int_equal(note(l), FR_OK);
    assert_contains(lab_say(l, "{'op':'audit','limit':1}"), "(40 lines before this");
}

static enum fr_code report(struct lab *l, const struct fr_peer *peer, const char *json)
{
    struct fr_msg m = {.type = FR_MSG_REPORT};

    fr_msg_set_str(&m, FR_F_JSON, json);
    return lab_ask_as(l, peer, &m);
}

#define RECORD                                                                         \
    "{\"list\":\"0123456789abcdef\",\"position\":\"1\",\"kind\":\"bootstrap\","        \
    "\"method\":\"gba\",\"mef\":\"mef.example.com\",\"phase\":\"trigger\","            \
    "\"class\":\"unsupported\",\"reason\":\"no-sim\",\"text\":\"no SIM here\","        \
    "\"start\":\"2027-01-15T08:00:00Z\",\"durationMs\":5,\"octetsOut\":0,"             \
    "\"octetsIn\":0}"

static void reported_attempts_reach_the_operator(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(report(l, &peer, "[" RECORD "," RECORD "]"), FR_OK);
    assert_contains(lab_say(l, "{'op':'explain','subject':'dev1'}"), "no-sim");
}

static void malformed_report_is_refused_whole(void **state)
{
    static const char *const bad[] = {"", "{}", "[1]", "[" RECORD ",{}]",
                                      "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"};
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(report(l, &peer, bad[i]), FR_EPARSE);
        assert_string_equal(l->err.reason, "attempts-malformed");
    }
    assert_null(strstr(lab_say(l, "{'op':'explain','subject':'dev1'}"), "no-sim"));
}

/* The one place that counts them: the worker admits whatever fits a body. */
static void report_has_so_many_attempts_and_no_more(void **state)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    fr_buf_str(&json, "[" RECORD);
    for (int i = 1; i < FR_VAULT_ATTEMPTS_MAX; i++)
        fr_buf_str(&json, "," RECORD);
    fr_buf_str(&json, "]");
    assert_int_equal(report(l, &peer, fr_buf_cstr(&json)), FR_OK);
    json.len--;
    fr_buf_str(&json, "," RECORD "]");
    assert_int_equal(report(l, &peer, fr_buf_cstr(&json)), FR_ELIMIT);
}

static void strangers_report_is_refused(void **state)
{
    struct fr_peer peer = lab_device();

    assert_int_equal(report(*state, &peer, "[" RECORD "]"), FR_EREFUSED);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(device_gets_its_own_document_before_that_of_all),
        LAB(without_a_document_there_is_none),
        LAB(stranger_gets_no_document),
        LAB(notes_are_bounded_and_the_lost_ones_counted),
        LAB(reported_attempts_reach_the_operator),
        LAB(malformed_report_is_refused_whole),
        LAB(report_has_so_many_attempts_and_no_more),
        LAB(strangers_report_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
