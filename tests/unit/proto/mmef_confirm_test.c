/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "proto/mmef.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

static struct fr_err err;

static void mac_is_base64url_without_padding(void **state)
{
    uint8_t mac[FR_SHA256_LEN], back[FR_SHA256_LEN];
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    memset(mac, 0xfb, sizeof mac);
    assert_ok(fr_mmef_mac_encode(mac, &b, &err));
    assert_string_equal(fr_buf_cstr(&b),
                        "{\"mac\":\"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s\"}");
    assert_ok(fr_mmef_mac_decode(fr_buf_view(&b), back, &err));
    assert_memory_equal(mac, back, sizeof mac);
}

static void malformed_macs_are_refused(void **state)
{
    static const char *const texts[] = {
        "x",
        "{}",
        "{\"mac\":1}",
        "{\"mac\":\"\"}",
        "{\"mac\":\"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_\"}",
        "{\"mac\":\"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s=\"}",
        "{\"mac\":\"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_t\"}",
        "{\"mac\":\"+/v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s\"}"};
    uint8_t mac[FR_SHA256_LEN];

    (void)state;
    for (size_t i = 0; i < N(texts); i++)
        assert_fails_as(fr_mmef_mac_decode(fr_slice_str(texts[i]), mac, &err),
                        FR_EINVALID, "mmef-malformed");
}

static struct fr_mmef_problem problem(const char *json)
{
    struct fr_mmef_problem p;

    fr_mmef_problem_decode(fr_slice_str(json), &p);
    return p;
}

static void problem_survives_the_way_there_and_back(void **state)
{
    struct fr_mmef_problem p = {"target-not-allowed", "ask \"ops\""}, back;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_problem_encode(&p, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), "{\"reason\":\"target-not-allowed\","
                                         "\"text\":\"ask \\\"ops\\\"\"}");
    fr_mmef_problem_decode(fr_buf_view(&b), &back);
    assert_string_equal(back.reason, p.reason);
    assert_string_equal(back.text, p.text);
}

static void body_that_is_no_problem_yields_empty_strings(void **state)
{
    static const char *const texts[] = {"", "<html>", "[]", "{}",
                                        "{\"reason\":1,\"text\":[]}"};

    (void)state;
    for (size_t i = 0; i < N(texts); i++) {
        struct fr_mmef_problem p = problem(texts[i]);

        assert_string_equal(p.reason, "");
        assert_string_equal(p.text, "");
    }
}

static void reason_is_a_plain_token_or_nothing(void **state)
{
    (void)state;
    assert_string_equal(problem("{\"reason\":\"a-1\"}").reason, "a-1");
    assert_string_equal(problem("{\"reason\":\"A\"}").reason, "");
    assert_string_equal(problem("{\"reason\":\"a b\"}").reason, "");
    assert_string_equal(problem("{\"reason\":\"\"}").reason, "");
    assert_string_equal(
        problem("{\"reason\":\"0123456789012345678901234567890123456789\"}").reason,
        "");
}

static void text_of_a_peer_is_made_printable_and_cut(void **state)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);
    struct fr_mmef_problem p;

    (void)state;
    p = problem("{\"text\":\"a\\u001b[31mb\\n\"}");
    assert_string_equal(p.text, "a\\x1b[31mb\\x0a");
    fr_buf_fmt(&b, "{\"text\":\"%02000d\"}", 0);
    fr_mmef_problem_decode(fr_buf_view(&b), &p);
    assert_true(strlen(p.text) > 400 && strlen(p.text) < sizeof p.text);
}

static void fetched_is_yes_or_no_and_nothing_else(void **state)
{
    static const char *const odd[] = {"{}", "[]", "{\"fetched\":1}",
                                      "{\"fetched\":\"yes\"}", ""};
    bool fetched = false;

    (void)state;
    for (int yes = 0; yes <= 1; yes++) {
        FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(64);

        assert_ok(fr_mmef_is_fetched_encode(yes, &b, &err));
        assert_ok(fr_mmef_is_fetched_decode(fr_buf_view(&b), &fetched, &err));
        assert_int_equal(fetched, yes);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_fails_as(fr_mmef_is_fetched_decode(fr_slice_str(odd[i]), &fetched, &err),
                        FR_EINVALID, "mmef-malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mac_is_base64url_without_padding),
        cmocka_unit_test(malformed_macs_are_refused),
        cmocka_unit_test(problem_survives_the_way_there_and_back),
        cmocka_unit_test(body_that_is_no_problem_yields_empty_strings),
        cmocka_unit_test(reason_is_a_plain_token_or_nothing),
        cmocka_unit_test(text_of_a_peer_is_made_printable_and_cut),
        cmocka_unit_test(fetched_is_yes_or_no_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
