/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "proto/mmef.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

static struct fr_err err;

static enum fr_code decode(const char *json, struct fr_mmef_cmd *ret)
{
    return fr_mmef_cmd_decode(fr_slice_str(json), ret, &err);
}

static void no_more_commands_is_as_on_the_wire(void **state)
{
    static const char wire[] =
        "{\"sec:mcc\":{\"mcci\":1,\"mccd\":{\"ccid\":0,\"cma\":{\"nmca\":"
        "{\"rdu\":\"P1D\"}}},\"mccs\":10}}";
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);
    struct fr_mmef_cmd m;

    (void)state;
    assert_ok(decode(wire, &m));
    assert_string_equal(m.id, "1");
    assert_int_equal(m.class_id, 0);
    assert_int_equal(m.retry_ms, 86400000);
    assert_int_equal(m.status, FR_CMD_ISSUED);
    assert_ok(fr_mmef_cmd_encode(&m, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), wire);
}

static void update_has_no_description(void **state)
{
    struct fr_mmef_cmd m = {.id = "1", .class_id = 3, .status = FR_CMD_OK};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_cmd_encode(&m, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), "{\"sec:mcc\":{\"mcci\":1,\"mccs\":20}}");
    assert_ok(fr_mmef_cmd_decode(fr_buf_view(&b), &m, &err));
    assert_int_equal(m.class_id, -1);
}

static void command_of_another_class_is_read_without_its_arguments(void **state)
{
    struct fr_mmef_cmd m;

    (void)state;
    assert_ok(decode("{\"sec:mcc\":{\"mcci\":\"x\",\"mccs\":11,\"mccd\":{\"ccid\":1,"
                     "\"cma\":{\"cpca\":{\"cppi\":1}}}}}",
                     &m));
    assert_int_equal(m.class_id, 1);
    assert_int_equal(m.status, FR_CMD_REISSUED);
}

static void command_id_is_echoed_unchanged(void **state)
{
    static const char *const ids[] = {"0", "-5", "9007199254740993", "\"\"",
                                      "\"a \\\"b\\\"\""};
    char text[200];

    (void)state;
    for (size_t i = 0; i < N(ids); i++) {
        FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);
        struct fr_mmef_cmd m;

        snprintf(text, sizeof text, "{\"sec:mcc\":{\"mcci\":%s,\"mccs\":41}}", ids[i]);
        assert_ok(decode(text, &m));
        assert_ok(fr_mmef_cmd_encode(&m, &b, &err));
        assert_string_equal(fr_buf_cstr(&b), text);
    }
}

static void missing_retry_duration_is_none(void **state)
{
    struct fr_mmef_cmd m;

    (void)state;
    assert_ok(decode("{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":{\"ccid\":0}}}", &m));
    assert_int_equal(m.retry_ms, 0);
    assert_ok(decode("{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":{\"ccid\":0,\"cma\":{}"
                     "}}}",
                     &m));
    assert_int_equal(m.retry_ms, 0);
}

static void malformed_commands_are_refused(void **state)
{
    static const char *const texts[] = {
        "{\"mcc\":{}}",
        "{\"mcc\":{\"mcci\":1}}",
        "{\"mcc\":{\"mccs\":20}}",
        "{\"mcc\":{\"mcci\":null,\"mccs\":20}}",
        "{\"mcc\":{\"mcci\":{},\"mccs\":20}}",
        "{\"mcc\":{\"mcci\":1.5,\"mccs\":20}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":\"20\"}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":10}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":[]}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":{}}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":{\"ccid\":\"0\"}}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":{\"ccid\":-1}}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":{\"ccid\":0,\"cma\":1}}}",
        "{\"mcc\":{\"mcci\":1,\"mccs\":10,\"mccd\":{\"ccid\":0,\"cma\":{\"nmca\":"
        "{\"rdu\":\"1 day\"}}}}}",
        "{\"mcc\":{\"mcci\":\"0123456789012345678901234567890123456789012345678901234"
        "5678901\",\"mccs\":20}}"};
    struct fr_mmef_cmd m;

    (void)state;
    for (size_t i = 0; i < N(texts); i++)
        assert_fails_as(decode(texts[i], &m), FR_EINVALID, "mmef-malformed");
}

static void id_that_is_no_json_is_our_own_mistake(void **state)
{
    struct fr_mmef_cmd m = {.id = "a\"", .status = FR_CMD_OK};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_fails(fr_mmef_cmd_encode(&m, &b, &err), FR_EINTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_commands_is_as_on_the_wire),
        cmocka_unit_test(update_has_no_description),
        cmocka_unit_test(command_of_another_class_is_read_without_its_arguments),
        cmocka_unit_test(command_id_is_echoed_unchanged),
        cmocka_unit_test(missing_retry_duration_is_none),
        cmocka_unit_test(malformed_commands_are_refused),
        cmocka_unit_test(id_that_is_no_json_is_our_own_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
