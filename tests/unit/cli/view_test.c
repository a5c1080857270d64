/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"

#include <stdlib.h>

#include "test.h"

static const struct fr_column columns[] = {
    {"name", "NAME", NULL}, {"targets", "TARGETS", "(none)"}, {0}};

struct fixture {
    struct fr_cli cli;
    char *out;
    size_t len;
};

static void start(struct fixture *f, bool json)
{
    *f = (struct fixture){.cli = {.json = json}};
    f->cli.out = open_memstream(&f->out, &f->len);
    assert_non_null(f->cli.out);
}

static void assert_shown(struct fixture *f, const char *want)
{
    fclose(f->cli.out);
    assert_string_equal(f->out, want);
    free(f->out);
}

static void assert_value(const char *json, const char *want)
{
    json_auto_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
    struct fr_buf text = FR_BUF_INIT(256);

    assert_non_null(v);
    fr_view_value(v, &text);
    assert_string_equal(fr_buf_cstr(&text), want);
    fr_buf_clear(&text);
}

static void values_become_one_line(void **unused)
{
    (void)unused;
    assert_value("\"text\"", "text");
    assert_value("42", "42");
    assert_value("1.5", "1.5");
    assert_value("true", "yes");
    assert_value("false", "no");
    assert_value("null", "-");
    assert_value("[]", "");
    assert_value("[\"a\",\"b\",3]", "a, b, 3");
    assert_value("[{\"target\":\"a\",\"default\":true},{\"target\":\"b\","
                 "\"default\":false}]",
                 "a (default), b");
    assert_value("{\"x\":{\"deep\":1}}", "...");
}

static void a_list_is_a_table(void **unused)
{
    json_auto_t *list = json_loads("[{\"name\":\"a\",\"targets\":[\"t\",\"u\"]},"
                                   "{\"name\":\"b\",\"other\":1}]",
                                   0, NULL);
    struct fixture f;
    struct fr_err err;

    (void)unused;
    start(&f, false);
    assert_ok(fr_view_list(&f.cli, list, columns, "none", &err));
    assert_shown(&f, "NAME  TARGETS\na     t, u\nb     (none)\n");
}

static void an_empty_list_says_so(void **unused)
{
    json_auto_t *list = json_array();
    struct fixture f;
    struct fr_err err;

    (void)unused;
    start(&f, false);
    assert_ok(fr_view_list(&f.cli, list, columns, "nothing here", &err));
    assert_shown(&f, "nothing here\n");
}

static void with_json_answers_pass_as_they_are(void **unused)
{
    json_auto_t *list = json_loads("[{\"name\":\"a\",\"other\":1}]", 0, NULL);
    struct fixture f;
    struct fr_err err;

    (void)unused;
    start(&f, true);
    assert_ok(fr_view_list(&f.cli, list, columns, "none", &err));
    assert_ok(fr_view_object(&f.cli, json_array_get(list, 0), &err));
    assert_shown(&f, "[{\"name\":\"a\",\"other\":1}]\n{\"name\":\"a\",\"other\":1}\n");
}

static void an_object_is_one_member_a_line(void **unused)
{
    json_auto_t *o = json_loads("{\"name\":\"a\",\"suid\":22,\"targets\":[\"t\",\"u\"],"
                                "\"none\":[]}",
                                0, NULL);
    struct fixture f;
    struct fr_err err;

    (void)unused;
    start(&f, false);
    assert_ok(fr_view_object(&f.cli, o, &err));
    assert_shown(&f, "name     a\n"
                     "suid     22\n"
                     "targets  t\n"
                     "         u\n"
                     "none     -\n");
}

static void what_a_peer_put_in_cannot_reach_the_terminal(void **unused)
{
    json_auto_t *o = json_pack("{s:s}", "name", "\x1b]0;owned\x07");
    struct fixture f;
    struct fr_err err;

    (void)unused;
    start(&f, false);
    assert_ok(fr_view_object(&f.cli, o, &err));
    assert_shown(&f, "name  \\x1b]0;owned\\x07\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_one_line),
        cmocka_unit_test(a_list_is_a_table),
        cmocka_unit_test(an_empty_list_says_so),
        cmocka_unit_test(with_json_answers_pass_as_they_are),
        cmocka_unit_test(an_object_is_one_member_a_line),
        cmocka_unit_test(what_a_peer_put_in_cannot_reach_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
