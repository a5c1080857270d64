/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan.h"

#include "device.h"

static void put_list(struct device *d, const char *text, char path[128])
{
    snprintf(path, 128, "%s/list.json", d->dir);
    device_write(path, text);
}

static const json_t *entry(const json_t *plan, size_t i)
{
    const json_t *e = json_array_get(json_object_get(plan, "entries"), i);

    assert_non_null(e);
    return e;
}

static void entries_are_shown_in_order(void **state)
{
    struct device *d = *state;

    assert_int_equal(
        device_run(d, "plan mef.example.com --bootstrap psk:b.example:9000 --target "
                      "t.example --discover https://d.example/list"),
        0);
    assert_contains(d->c.out, "POS  KIND       METHOD       WHERE");
    assert_contains(
        d->c.out,
        "1    bootstrap  certificate  mef.example.com:8443    (the operator's)");
    assert_contains(d->c.out,
                    "2    bootstrap  psk          b.example:9000          t.example");
    assert_contains(d->c.out, "3    discovery  https        https://d.example/list");
    assert_contains(d->c.out, "at the worst PT1M30S");
}

static void what_is_unsupported_here_says_why(void **state)
{
    json_auto_t *plan = NULL;
    struct device *d = *state;

    assert_int_equal(
        device_run(d,
                   "plan --json --bootstrap psk:b.example --bootstrap gba:b.example"),
        0);
    plan = device_last(d);
    assert_true(json_is_false(json_object_get(entry(plan, 0), "supported")));
    assert_contains(text_in(entry(plan, 0), "note"), "psk is not built in");
    assert_contains(text_in(entry(plan, 1), "note"), "a SIM is needed");
}

static void a_file_discovery_is_resolved_and_shown(void **state)
{
    json_auto_t *plan = NULL;
    struct device *d = *state;
    char path[128], line[256];

    put_list(d,
             "{\"version\":1,\"instructions\":["
             "{\"bootstrap\":\"certificate\",\"mef\":\"a.example\"},"
             "{\"bootstrap\":\"certificate\",\"mef\":\"b.example\",\"target\":"
             "\"t.example\"}]}",
             path);
    snprintf(line, sizeof line, "plan --json m.example --discover file://%s", path);
    assert_int_equal(device_run(d, line), 0);
    plan = device_last(d);
    assert_int_equal(json_array_size(json_object_get(plan, "entries")), 4);
    assert_string_equal(text_in(entry(plan, 1), "position"), "2");
    assert_string_equal(text_in(entry(plan, 2), "position"), "2.1");
    assert_string_equal(text_in(entry(plan, 2), "mef"), "a.example");
    assert_string_equal(text_in(entry(plan, 3), "position"), "2.2");
    assert_string_equal(text_in(entry(plan, 3), "target"), "t.example");
}

static void a_discovery_that_will_fail_says_so_and_the_plan_goes_on(void **state)
{
    json_auto_t *plan = NULL;
    struct device *d = *state;

    assert_int_equal(
        device_run(d, "plan --json --discover file:///nonexistent/l.json m.example"),
        0);
    plan = device_last(d);
    assert_contains(text_in(entry(plan, 0), "note"), "/nonexistent/l.json");
    assert_string_equal(text_in(entry(plan, 1), "mef"), "m.example");
}

static void a_nested_discovery_is_named_before_it_is_met(void **state)
{
    json_auto_t *plan = NULL;
    struct device *d = *state;
    char path[128], line[256];

    put_list(d,
             "{\"version\":1,\"instructions\":[{\"discovery\":\"https\","
             "\"resource\":\"https://d.example/x\"}]}",
             path);
    snprintf(line, sizeof line, "plan --json --discover file://%s", path);
    assert_int_equal(device_run(d, line), 0);
    plan = device_last(d);
    assert_int_equal(json_array_size(json_object_get(plan, "entries")), 1);
    assert_contains(text_in(entry(plan, 0), "note"), "discovery");
}

static void a_valid_credential_makes_the_list_needless(void **state)
{
    json_auto_t *plan = NULL;
    struct device *d = *state;

    device_give(d, "t.example", 10, 1000);
    assert_int_equal(device_run(d, "plan mef.example.com --target t.example"), 0);
    assert_contains(d->c.out, "nothing to do: " DEVICE_KEYID " is valid until");
    assert_int_equal(device_run(d, "plan --renew mef.example.com --target t.example"),
                     0);
    assert_null(strstr(d->c.out, "nothing to do"));
    assert_int_equal(device_run(d, "plan --json mef.example.com --target u.example"),
                     0);
    plan = device_last(d);
    assert_null(json_object_get(plan, "current"));
}

static void an_invalid_list_or_config_is_65(void **state)
{
    struct device *d = *state;
    char path[128], line[256];

    put_list(d, "{\"version\":1,\"instructions\":[]}", path);
    snprintf(line, sizeof line, "plan --instructions %s", path);
    assert_int_equal(device_run(d, line), 65);
    assert_contains(d->c.err, "list.json");
    assert_int_equal(device_run(d, "plan m.example --config /nonexistent.conf"), 65);
    assert_contains(d->c.err, "/nonexistent.conf");
    device_write(d->config, "no-such-key = 1\n");
    assert_int_equal(device_run(d, "plan m.example"), 65);
    assert_contains(d->c.err, "no-such-key");
}

static void wrong_words_are_64(void **state)
{
    struct device *d = *state;

    assert_int_equal(device_run(d, "plan"), 64);
    assert_contains(d->c.err, "usage: fieldroot plan");
    assert_int_equal(device_run(d, "plan a.example b.example"), 64);
}

static void a_target_without_effect_is_warned_of(void **state)
{
    struct device *d = *state;

    assert_int_equal(
        device_run(d, "plan --target t.example --discover https://d.example/"), 0);
    assert_contains(d->c.err, "warning: --target has no effect");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(entries_are_shown_in_order),
        DEVICE_TEST(what_is_unsupported_here_says_why),
        DEVICE_TEST(a_file_discovery_is_resolved_and_shown),
        DEVICE_TEST(a_discovery_that_will_fail_says_so_and_the_plan_goes_on),
        DEVICE_TEST(a_nested_discovery_is_named_before_it_is_met),
        DEVICE_TEST(a_valid_credential_makes_the_list_needless),
        DEVICE_TEST(an_invalid_list_or_config_is_65),
        DEVICE_TEST(wrong_words_are_64),
        DEVICE_TEST(a_target_without_effect_is_warned_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
