/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "keys.h"
#include "target/program.h"

/* What is written for this news, to out or to err. */
static void report(const struct fr_target_news *news, bool json, char **ret_out,
                   char **ret_err)
{
    size_t n_out, n_err;
    struct fr_target_options o = {.json = json,
                                  .out = open_memstream(ret_out, &n_out),
                                  .err = open_memstream(ret_err, &n_err)};

    fr_target_report(&o, news);
    fclose(o.out);
    fclose(o.err);
}

static struct fr_target_news news_of(enum fr_target_news_kind kind)
{
    struct fr_target_news n = {.kind = kind, .suid = 22, .expires = 2000000000};

    snprintf(n.key_id, sizeof n.key_id, "%s", key_id('A'));
    snprintf(n.enrolee, sizeof n.enrolee, "dns:dev-a.example");
    return n;
}

static void change_is_one_line_for_people(void **state)
{
    struct fr_target_news n = news_of(FR_NEWS_ADDED);
    char *out, *err;

    (void)state;
    report(&n, false, &out, &err);
    assert_string_equal(out, "added    0000000000000000000000000000000A@mef.example  "
                             "dns:dev-a.example  until 2033-05-18T03:33:20Z\n");
    assert_string_equal(err, "");
    free(out);
    free(err);
}

static void change_is_one_json_object_for_programs(void **state)
{
    struct fr_target_news n = news_of(FR_NEWS_REVOKED);
    char *out, *err;
    json_t *o;

    (void)state;
    report(&n, true, &out, &err);
    assert_int_equal(out[strlen(out) - 1], '\n');
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    o = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    assert_int_equal(json_object_size(o), 5);
    assert_string_equal(json_string_value(json_object_get(o, "event")), "revoked");
    assert_string_equal(json_string_value(json_object_get(o, "keyId")), n.key_id);
    assert_string_equal(json_string_value(json_object_get(o, "enrolee")), n.enrolee);
    assert_int_equal(json_integer_value(json_object_get(o, "suid")), 22);
    assert_string_equal(json_string_value(json_object_get(o, "expires")),
                        "2033-05-18T03:33:20Z");
    json_decref(o);
    free(out);
    free(err);
}

static void warnings_go_to_standard_error_in_either_form(void **state)
{
    struct fr_target_news n = {.kind = FR_NEWS_WARNING, .text = "broker\x1b[2J away"};

    (void)state;
    for (int json = 0; json < 2; json++) {
        char *out, *err;

        report(&n, json, &out, &err);
        assert_string_equal(out, "");
        assert_string_equal(err, "fieldroot-target: warning: broker\\x1b[2J away\n");
        free(out);
        free(err);
    }
}

static void peers_words_cannot_steer_the_terminal(void **state)
{
    struct fr_target_news n = news_of(FR_NEWS_WITHHELD);
    char *out, *err;

    (void)state;
    snprintf(n.enrolee, sizeof n.enrolee, "evil\nadded");
    snprintf(n.text, sizeof n.text, "no\x1b]0;x");
    report(&n, false, &out, &err);
    assert_contains(out, "evil\\x0aadded");
    assert_contains(out, "no\\x1b]0;x\n");
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    free(out);
    free(err);
}

static void every_kind_of_news_has_its_own_name(void **state)
{
    (void)state;
    for (int a = FR_NEWS_ADDED; a <= FR_NEWS_WARNING; a++)
        for (int b = FR_NEWS_ADDED; b < a; b++)
            assert_string_not_equal(fr_target_news_name((enum fr_target_news_kind)a),
                                    fr_target_news_name((enum fr_target_news_kind)b));
    assert_string_equal(fr_target_news_name((enum fr_target_news_kind)99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(change_is_one_line_for_people),
        cmocka_unit_test(change_is_one_json_object_for_programs),
        cmocka_unit_test(warnings_go_to_standard_error_in_either_form),
        cmocka_unit_test(peers_words_cannot_steer_the_terminal),
        cmocka_unit_test(every_kind_of_news_has_its_own_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
