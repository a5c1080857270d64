/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "proto/mmef.h"

#define N(a) (sizeof(a) / sizeof(a)[0])
#define T    1800000000 /* 20270115T080000 */

static struct fr_err err;

static enum fr_code client_reg(const char *json, struct fr_mmef_client_reg *ret)
{
    return fr_mmef_client_reg_decode(fr_slice_str(json), ret, &err);
}

static enum fr_code key_reg(const char *json, struct fr_mmef_key_reg *ret)
{
    return fr_mmef_key_reg_decode(fr_slice_str(json), ret, &err);
}

static void client_registration_request_is_as_on_the_wire(void **state)
{
    struct fr_mmef_client_reg m = {.admin_fqdn = "sp.example.com", .expires = T};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_client_reg_encode(&m, &b, &err));
    assert_string_equal(
        fr_buf_cstr(&b),
        "{\"sec:mecr\":{\"adfq\":\"sp.example.com\",\"et\":\"20270115T080000\"}}");
}

static void admin_fqdn_of_the_mef_itself_is_left_out(void **state)
{
    struct fr_mmef_client_reg m = {.expires = T};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_client_reg_encode(&m, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), "{\"sec:mecr\":{\"et\":\"20270115T080000\"}}");
}

static void client_registration_survives_the_way_there_and_back(void **state)
{
    struct fr_mmef_client_reg m = {.ri = "c-1",
                                   .creator = "dev1.example.com",
                                   .admin_fqdn = "sp.example.com",
                                   .expires = T};
    struct fr_mmef_client_reg back;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_client_reg_encode(&m, &b, &err));
    assert_ok(fr_mmef_client_reg_decode(fr_buf_view(&b), &back, &err));
    assert_memory_equal(&m, &back, sizeof m);
}

static void every_root_prefix_is_read(void **state)
{
    static const char *const texts[] = {
        "{\"sec:mecr\":{\"ri\":\"a\",\"et\":\"20270115T080000\"}}",
        "{\"m2m:mecr\":{\"ri\":\"a\",\"et\":\"20270115T080000,123\"}}",
        "{\"mecr\":{\"ri\":\"a\",\"et\":\"20270115T080000\",\"newer\":[1]}}"};
    struct fr_mmef_client_reg m;

    (void)state;
    for (size_t i = 0; i < N(texts); i++) {
        assert_ok(client_reg(texts[i], &m));
        assert_string_equal(m.ri, "a");
        assert_int_equal(m.expires, T);
    }
}

static void malformed_client_registrations_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"sec:mecr\":[]}",
        "{\"sec:mkr\":{\"et\":\"20270115T080000\"}}",
        "{\"sec:mecr\":{}}",
        "{\"sec:mecr\":{\"et\":\"2027-01-15T08:00:00Z\"}}",
        "{\"sec:mecr\":{\"et\":\"02720115T080000\"}}", /* found by fuzz_mmef */
        "{\"sec:mecr\":{\"et\":20270115}}",
        "{\"sec:mecr\":{\"et\":null}}",
        "{\"sec:mecr\":{\"et\":\"20270115T080000\",\"ri\":1}}",
        "{\"sec:mecr\":{\"et\":\"20270115T080000\",\"ri\":\"a\\u0000b\"}}",
        "{\"sec:mecr\":{\"et\":\"20270115T080000\",\"ri\":\"a\",\"ri\":\"b\"}}",
        "{\"sec:mecr\":{\"et\":\"20270115T080000\",\"adfq\":{}}}"};
    struct fr_mmef_client_reg m;

    (void)state;
    for (size_t i = 0; i < N(texts); i++)
        assert_fails_as(client_reg(texts[i], &m), FR_EINVALID, "mmef-malformed");
}

static void texts_beyond_their_limit_are_refused(void **state)
{
    char text[600];
    struct fr_mmef_client_reg m;

    (void)state;
    snprintf(text, sizeof text,
             "{\"mecr\":{\"et\":\"20270115T080000\",\"ri\":\"%0*d\"}}", FR_ID_MAX, 0);
    assert_ok(client_reg(text, &m));
    snprintf(text, sizeof text,
             "{\"mecr\":{\"et\":\"20270115T080000\",\"ri\":\"%0*d\"}}", FR_ID_MAX + 1,
             0);
    assert_fails_as(client_reg(text, &m), FR_EINVALID, "mmef-malformed");
}

static void deep_and_large_messages_are_refused_unread(void **state)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT((size_t)2 * FR_MMEF_BODY_MAX);
    struct fr_mmef_client_reg m;

    (void)state;
    for (int i = 0; i < 10000; i++)
        fr_buf_str(&b, "{\"a\":");
    assert_fails_as(fr_mmef_client_reg_decode(fr_buf_view(&b), &m, &err), FR_EINVALID,
                    "mmef-malformed");
    assert_contains(err.msg, "deep");
    for (int i = 0; i < 10000; i++)
        fr_buf_str(&b, "        ");
    assert_fails_as(fr_mmef_client_reg_decode(fr_buf_view(&b), &m, &err), FR_EINVALID,
                    "mmef-too-large");
}

static void brackets_in_strings_do_not_count_as_depth(void **state)
{
    struct fr_mmef_client_reg m;

    (void)state;
    assert_ok(client_reg("{\"mecr\":{\"et\":\"20270115T080000\","
                         "\"x\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[\"}}",
                         &m));
}

static void key_registration_request_is_as_on_the_wire(void **state)
{
    struct fr_mmef_key_reg m = {.admin_fqdn = "sp.example.com",
                                .expires = T,
                                .suid = 22,
                                .target = "broker.example.com"};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_key_reg_encode(&m, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), "{\"sec:mkr\":{\"adfq\":\"sp.example.com\","
                                         "\"et\":\"20270115T080000\",\"suid\":22,"
                                         "\"tgis\":[\"broker.example.com\"]}}");
}

static void request_for_the_operators_target_names_none(void **state)
{
    struct fr_mmef_key_reg m = {.expires = T, .suid = 21};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_key_reg_encode(&m, &b, &err));
    assert_string_equal(fr_buf_cstr(&b),
                        "{\"sec:mkr\":{\"et\":\"20270115T080000\",\"suid\":21}}");
    assert_ok(fr_mmef_key_reg_decode(fr_buf_view(&b), &m, &err));
    assert_string_equal(m.target, "");
}

static void key_registration_survives_the_way_there_and_back(void **state)
{
    struct fr_mmef_key_reg m = {.ri = "C1AEC59A313D1341C3D91E1FEE552FF2",
                                .creator = "dev1.example.com",
                                .admin_fqdn = "mef.example.com",
                                .expires = T,
                                .suid = 22,
                                .target = "//sp.example.com/cse-1",
                                .target_fqdn = "cse-1.sp.example.com",
                                .derivation = FR_DERIVE_KPSA};
    struct fr_mmef_key_reg back;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_key_reg_encode(&m, &b, &err));
    assert_contains(fr_buf_cstr(&b),
                    "\"lbl\":[\"fieldroot:target-fqdn=cse-1.sp.example.com\","
                    "\"fieldroot:derivation=kpsa\"]");
    assert_ok(fr_mmef_key_reg_decode(fr_buf_view(&b), &back, &err));
    assert_memory_equal(&m, &back, sizeof m);
}

static void what_a_client_takes_without_labels_has_none(void **state)
{
    struct fr_mmef_key_reg m = {.expires = T,
                                .suid = 22,
                                .target = "broker.example.com",
                                .target_fqdn = "broker.example.com",
                                .derivation = FR_DERIVE_USAGE};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_key_reg_encode(&m, &b, &err));
    assert_null(strstr(fr_buf_cstr(&b), "lbl"));
    fr_buf_reset(&b);
    m.derivation = FR_DERIVE_KM;
    assert_ok(fr_mmef_key_reg_encode(&m, &b, &err));
    assert_contains(fr_buf_cstr(&b), "\"fieldroot:derivation=km\"");
}

static void labels_of_others_are_ignored(void **state)
{
    struct fr_mmef_key_reg m;

    (void)state;
    assert_ok(key_reg("{\"mkr\":{\"et\":\"20270115T080000\",\"suid\":22,"
                      "\"lbl\":[\"blue\",\"fieldroot:target-fqdn=A.example.com\"]}}",
                      &m));
    assert_string_equal(m.target_fqdn, "a.example.com");
    assert_int_equal(m.derivation, FR_DERIVE_USAGE);
}

#define KEY_REG(rest) "{\"sec:mkr\":{\"et\":\"20270115T080000\"," rest "}}"

static void malformed_key_registrations_are_refused(void **state)
{
    static const char *const texts[] = {
        "{\"sec:mkr\":{\"suid\":22}}",
        KEY_REG("\"ri\":\"a\""),
        KEY_REG("\"suid\":\"22\""),
        KEY_REG("\"suid\":22.0"),
        KEY_REG("\"suid\":99"),
        KEY_REG("\"suid\":-1"),
        KEY_REG("\"suid\":4294967318"),
        KEY_REG("\"suid\":22,\"tgis\":\"a.example.com\""),
        KEY_REG("\"suid\":22,\"tgis\":[]"),
        KEY_REG("\"suid\":22,\"tgis\":[1]"),
        KEY_REG("\"suid\":22,\"tgis\":[\"a.example.com\",\"b.example.com\"]"),
        KEY_REG("\"suid\":22,\"tgis\":[\"not a target\"]"),
        KEY_REG("\"suid\":22,\"tgis\":[\"\"]"),
        KEY_REG("\"suid\":22,\"lbl\":\"x\""),
        KEY_REG("\"suid\":22,\"lbl\":[1]"),
        KEY_REG("\"suid\":22,\"lbl\":[\"fieldroot:target-fqdn=not an fqdn\"]"),
        KEY_REG("\"suid\":22,\"lbl\":[\"fieldroot:derivation=magic\"]"),
        KEY_REG("\"suid\":22,\"lbl\":[\"fieldroot:derivation=gba\"]"),
        KEY_REG("\"suid\":22,\"lbl\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
                "\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]")};
    struct fr_mmef_key_reg m = {.suid = 7};

    (void)state;
    for (size_t i = 0; i < N(texts); i++)
        assert_fails_as(key_reg(texts[i], &m), FR_EINVALID, "mmef-malformed");
    assert_int_equal(m.suid, 7); /* written on success only */
}

static void message_that_does_not_fit_is_an_error(void **state)
{
    struct fr_mmef_key_reg m = {.expires = T, .suid = 22};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(10);

    (void)state;
    assert_fails(fr_mmef_key_reg_encode(&m, &b, &err), FR_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_registration_request_is_as_on_the_wire),
        cmocka_unit_test(admin_fqdn_of_the_mef_itself_is_left_out),
        cmocka_unit_test(client_registration_survives_the_way_there_and_back),
        cmocka_unit_test(every_root_prefix_is_read),
        cmocka_unit_test(malformed_client_registrations_are_refused),
        cmocka_unit_test(texts_beyond_their_limit_are_refused),
        cmocka_unit_test(deep_and_large_messages_are_refused_unread),
        cmocka_unit_test(brackets_in_strings_do_not_count_as_depth),
        cmocka_unit_test(key_registration_request_is_as_on_the_wire),
        cmocka_unit_test(request_for_the_operators_target_names_none),
        cmocka_unit_test(key_registration_survives_the_way_there_and_back),
        cmocka_unit_test(what_a_client_takes_without_labels_has_none),
        cmocka_unit_test(labels_of_others_are_ignored),
        cmocka_unit_test(malformed_key_registrations_are_refused),
        cmocka_unit_test(message_that_does_not_fit_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
