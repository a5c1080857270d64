/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

static struct fr_err err;

static const struct fr_conf_key tls_keys[] = {
    {.name = "certificate", .type = FR_CONF_PATH},
    {.name = "retry", .type = FR_CONF_INT, .value = "2", .min = 0, .max = 5},
    {0}};
static const struct fr_conf_key listener_keys[] = {
    {.name = "address", .type = FR_CONF_STR, .value = "127.0.0.1"},
    {.name = "port", .type = FR_CONF_INT, .value = "8443", .min = 0, .max = 65535},
    {.name = "tls", .type = FR_CONF_SECTION, .sub = tls_keys},
    {0}};
static const struct fr_conf_key keys[] = {
    {.name = "name", .type = FR_CONF_STR},
    {.name = "state", .type = FR_CONF_PATH, .value = "/var/lib/fieldroot"},
    {.name = "workers", .type = FR_CONF_INT, .value = "2", .min = -1, .max = 64},
    {.name = "verbose", .type = FR_CONF_BOOL, .value = "false"},
    {.name = "timeout", .type = FR_CONF_DURATION, .value = "PT30S"},
    {.name = "anchors", .type = FR_CONF_LIST},
    {.name = "admin", .type = FR_CONF_SECTION, .sub = tls_keys},
    {.name = "listener", .type = FR_CONF_TITLED, .sub = listener_keys},
    {0}};

struct fixture {
    char dir[32], path[64];
    struct fr_conf *conf;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.dir = "/tmp/fr-conf-XXXXXX"};
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.path, sizeof f.path, "%s/a.conf", f.dir);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fr_conf_free(f->conf);
    (void)unlink(f->path);
    return rmdir(f->dir);
}

static enum fr_code load_octets(struct fixture *f, struct fr_slice text)
{
    fr_conf_free(f->conf);
    f->conf = NULL;
    assert_ok(fr_file_write_atomic(f->path, text, 0644, &err));
    return fr_conf_load(f->path, keys, &f->conf, &err);
}

static enum fr_code load(struct fixture *f, const char *text)
{
    return load_octets(f, fr_slice_str(text));
}

/* Refused, at this line, with these words. */
static void assert_refused(struct fixture *f, const char *text, int line,
                           const char *words)
{
    char where[96];

    fr_err_clear(&err);
    if (load(f, text) != FR_ECONFIG)
        fail_msg("accepted, or another code (%s): %s", err.msg, text);
    assert_null(f->conf);
    snprintf(where, sizeof where, "%s:%d: ", f->path, line);
    assert_contains(err.msg, where);
    assert_contains(err.msg, words);
}

static void assert_defaults(const struct fr_conf *c)
{
    assert_null(fr_conf_str(c, "name"));
    assert_string_equal(fr_conf_str(c, "state"), "/var/lib/fieldroot");
    assert_int_equal(fr_conf_int(c, "workers"), 2);
    assert_false(fr_conf_bool(c, "verbose"));
    assert_int_equal(fr_conf_duration_ms(c, "timeout"), 30000);
    assert_int_equal(fr_conf_list_size(c, "anchors"), 0);
    assert_null(fr_conf_section(c, "admin"));
    assert_int_equal(fr_conf_titled_size(c, "listener"), 0);
}

static void empty_file_gives_the_defaults(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, ""));
    assert_defaults(f->conf);
    assert_ok(load(f, "# only a comment, and no newline at its end"));
    assert_defaults(f->conf);
}

static void defaults_need_no_file(void **state)
{
    struct fixture *f = *state;

    assert_ok(fr_conf_defaults(keys, &f->conf, &err));
    assert_defaults(f->conf);
    assert_string_equal(fr_conf_where(f->conf), "built-in defaults");
}

static void values_of_each_type_are_read(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "name = \"MEF # one\"\n"
                      "state = /srv/state\n"
                      "workers = -1\n"
                      "verbose = Yes\n"
                      "timeout = P1DT2M\n"
                      "anchors = {\"a.pem\", b.pem}\n"));
    assert_string_equal(fr_conf_str(f->conf, "name"), "MEF # one");
    assert_string_equal(fr_conf_str(f->conf, "state"), "/srv/state");
    assert_int_equal(fr_conf_int(f->conf, "workers"), -1);
    assert_true(fr_conf_bool(f->conf, "verbose"));
    assert_int_equal(fr_conf_duration_ms(f->conf, "timeout"), 86520000);
    assert_int_equal(fr_conf_list_size(f->conf, "anchors"), 2);
    assert_string_equal(fr_conf_list_at(f->conf, "anchors", 0), "a.pem");
    assert_string_equal(fr_conf_list_at(f->conf, "anchors", 1), "b.pem");
}

static void each_word_for_a_bool_is_read(void **state)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true},
                 {"no", false},  {"ON", true},     {"off", false}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char text[32];

        snprintf(text, sizeof text, "verbose = %s\n", words[i].text);
        assert_ok(load(f, text));
        assert_int_equal(fr_conf_bool(f->conf, "verbose"), words[i].value);
    }
}

static void integers_at_their_limits_are_read(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "workers = 64"));
    assert_int_equal(fr_conf_int(f->conf, "workers"), 64);
    assert_ok(load(f, "listener a { port = 0 }\nlistener b { port = 65535 }"));
    assert_int_equal(fr_conf_int(fr_conf_titled_at(f->conf, "listener", 1), "port"),
                     65535);
}

static void list_can_be_added_to(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "anchors = {a}\nanchors += {b, c}\n"));
    assert_int_equal(fr_conf_list_size(f->conf, "anchors"), 3);
    assert_string_equal(fr_conf_list_at(f->conf, "anchors", 2), "c");
}

static void one_value_is_a_list_of_one(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "anchors = a.pem"));
    assert_int_equal(fr_conf_list_size(f->conf, "anchors"), 1);
    assert_ok(load(f, "anchors = { }"));
    assert_int_equal(fr_conf_list_size(f->conf, "anchors"), 0);
}

static void sections_have_titles_values_and_defaults(void **state)
{
    struct fixture *f = *state;
    const struct fr_conf *one, *two, *tls;

    assert_ok(load(f, "listener enrol { port = 1 \n tls { retry = 3 } }\n"
                      "listener \"fetch 2\" { address = \"::1\" }\n"
                      "admin { }\n"));
    assert_int_equal(fr_conf_titled_size(f->conf, "listener"), 2);
    one = fr_conf_titled_at(f->conf, "listener", 0);
    two = fr_conf_titled_at(f->conf, "listener", 1);
    assert_string_equal(fr_conf_title(one), "enrol");
    assert_string_equal(fr_conf_title(two), "fetch 2");
    assert_string_equal(fr_conf_str(one, "address"), "127.0.0.1");
    assert_int_equal(fr_conf_int(two, "port"), 8443);
    tls = fr_conf_section(one, "tls");
    assert_non_null(tls);
    assert_int_equal(fr_conf_int(tls, "retry"), 3);
    assert_null(fr_conf_section(two, "tls"));
    assert_int_equal(fr_conf_int(fr_conf_section(f->conf, "admin"), "retry"), 2);
    assert_null(fr_conf_title(f->conf));
}

static void where_names_file_and_section(void **state)
{
    struct fixture *f = *state;
    char want[128];

    assert_ok(load(f, "listener enrol { tls { } }"));
    assert_string_equal(fr_conf_where(f->conf), f->path);
    snprintf(want, sizeof want, "%s: listener enrol", f->path);
    assert_string_equal(fr_conf_where(fr_conf_titled_at(f->conf, "listener", 0)), want);
}

static void relative_path_is_of_the_files_folder(void **state)
{
    struct fixture *f = *state;
    char want[64];

    assert_ok(load(f, "state = var/x\nadmin { certificate = c.pem }"));
    snprintf(want, sizeof want, "%s/var/x", f->dir);
    assert_string_equal(fr_conf_str(f->conf, "state"), want);
    snprintf(want, sizeof want, "%s/c.pem", f->dir);
    assert_string_equal(fr_conf_str(fr_conf_section(f->conf, "admin"), "certificate"),
                        want);
}

static void relative_path_stays_beside_a_file_without_folder(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "state = var/x"));
    fr_conf_free(f->conf);
    f->conf = NULL;
    assert_int_equal(chdir(f->dir), 0);
    assert_ok(fr_conf_load("a.conf", keys, &f->conf, &err));
    assert_int_equal(chdir("/"), 0);
    assert_string_equal(fr_conf_str(f->conf, "state"), "var/x");
}

static void plain_text_is_no_path(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "name = a/b\nstate = \"\"\n"));
    assert_string_equal(fr_conf_str(f->conf, "name"), "a/b");
    assert_string_equal(fr_conf_str(f->conf, "state"), ""); /* switched off */
}

static void missing_file_is_not_found(void **state)
{
    struct fixture *f = *state;

    assert_fails(fr_conf_load(f->path, keys, &f->conf, &err), FR_ENOTFOUND);
    assert_contains(err.msg, f->path);
}

static void unknown_key_names_line_and_nearest(void **state)
{
    assert_refused(*state, "name = a\n\nworker = 3\n", 3,
                   "unknown key 'worker' (did you mean 'workers'?)");
}

static void unknown_key_in_a_section_names_its_neighbours(void **state)
{
    assert_refused(*state, "listener enrol {\n  prot = 1\n}\n", 2,
                   "did you mean 'port'?");
    assert_refused(*state, "listener enrol {\n  tls {\n\n  rety = 1\n}}\n", 4,
                   "did you mean 'retry'?");
}

static void far_key_lists_the_known_ones(void **state)
{
    assert_refused(*state, "admin {\n  zzzzzzzzz = 1\n}\n", 2,
                   "unknown key 'zzzzzzzzz' (known here: certificate, retry)");
}

static void key_of_another_section_is_unknown(void **state)
{
    assert_refused(*state, "port = 1\n", 1, "unknown key 'port'");
    assert_refused(*state, "admin { workers = 1 }\n", 1, "unknown key 'workers'");
}

static void unknown_section_is_refused(void **state)
{
    assert_refused(*state, "listner enrol { }\n", 1, "did you mean 'listener'?");
}

static void integer_that_is_none_is_refused(void **state)
{
    static const char *const values[] = {
        "ten", "1x", "\"\"", "0x10", "1.5", "\" 1\"", "\"+1\"", "99999999999999999999"};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[64];

        snprintf(text, sizeof text, "\nworkers = %s\n", values[i]);
        assert_refused(*state, text, 2,
                       "'workers' must be a whole number from -1 to 64");
    }
}

static void integer_out_of_range_is_refused(void **state)
{
    assert_refused(*state, "workers = 65\n", 1, "from -1 to 64, not '65'");
    assert_refused(*state, "workers = -2\n", 1, "from -1 to 64, not '-2'");
    assert_refused(*state, "listener a {\nport = 65536 }\n", 2,
                   "'port' must be a whole number from 0 to 65535");
}

static void bool_that_is_none_is_refused(void **state)
{
    assert_refused(*state, "verbose = maybe\n", 1,
                   "must be true or false, not 'maybe'");
    assert_refused(*state, "verbose = 1\n", 1, "must be true or false");
}

static void bad_duration_is_refused(void **state)
{
    static const char *const values[] = {"30", "30s", "P1Y", "PT", "pt30s", "\"\""};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[64];

        snprintf(text, sizeof text, "timeout = %s\n", values[i]);
        assert_refused(*state, text, 1, "'timeout' must be a duration like PT30S");
    }
}

static void wrong_shape_is_refused(void **state)
{
    assert_refused(*state, "workers = {1, 2}\n", 1, "unexpected token");
    assert_refused(*state, "anchors = { }x\n", 1, "unknown key 'x'");
    assert_refused(*state, "admin = 1\n", 1, "admin");
    assert_refused(*state, "\nlistener { port = 1 }\n", 2, "title");
    assert_refused(*state, "workers { }\n", 1, "workers");
    assert_refused(*state, "workers += 1\n", 1, "");
}

static void file_cut_inside_a_section_is_refused(void **state)
{
    assert_refused(*state, "listener enrol {\n  port = 1\n", 3,
                   "ends inside listener 'enrol'");
    assert_refused(*state, "admin {\n", 2, "ends inside section 'admin'");
    assert_refused(*state, "listener a {\ntls {\n}\n", 4, "ends inside listener 'a'");
}

static void no_cut_of_a_file_is_taken_for_another(void **state)
{
    static const char whole[] =
        "name = \"x\"\nlistener a { port = 1 tls { retry = 1 } }\nanchors = {b, c}\n";
    static const size_t ends[] = {0, 10, 11, 52, 53, 69, 70}; /* between entries */
    struct fixture *f = *state;
    size_t next = 0, n_ends = sizeof ends / sizeof ends[0];

    for (size_t n = 0; n < sizeof whole; n++) {
        enum fr_code rc = load_octets(f, fr_slice_of(whole, n));

        bool whole_entries = next < n_ends && n == ends[next];

        if ((rc == FR_OK) != whole_entries)
            fail_msg("cut at %zu: %s: %.*s", n, fr_code_name(rc), (int)n, whole);
        next += whole_entries;
    }
    assert_int_equal(next, n_ends);
}

static void file_cut_inside_an_entry_is_refused(void **state)
{
    assert_refused(*state, "workers =", 2, "ends in the middle of 'workers'");
    assert_refused(*state, "anchors = {a,", 2, "ends in the middle of 'anchors'");
    assert_refused(*state, "anchors = {a", 2, "ends in the middle");
}

static void quoted_text_without_end_is_refused(void **state)
{
    assert_refused(*state, "\nname = \"abc\nworkers = 3\n", 2,
                   "quoted text that begins here");
    assert_refused(*state, "name = 'abc", 1, "quoted text");
    assert_refused(*state, "name = x\"\nworkers = 3\n", 1, "quoted text");
    assert_refused(*state, "name = \"abc\\\"\n", 1, "quoted text");
}

static void comment_without_end_is_refused(void **state)
{
    assert_refused(*state, "name = a\n/* forgotten\nworkers = 3\n", 2,
                   "comment that begins here");
    assert_refused(*state, "/*/", 1, "comment");
}

static void character_that_would_be_dropped_is_refused(void **state)
{
    assert_refused(*state, "name = a\nstate = *.pem\n", 2, "in quotes");
    assert_refused(*state, "anchors = { a+b }\n", 1, "in quotes");
    assert_refused(*state, "workers = +1\n", 1, "in quotes");
}

static void quotes_and_comments_may_hold_anything(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "# it's + * \"\n// don't {\n/* \" { ' */\n"
                      "name = \"it's + * # // /* { \\\" }\"\n"
                      "state = '/a \"b\" *'\nworkers = 5 # five"));
    assert_string_equal(fr_conf_str(f->conf, "name"), "it's + * # // /* { \" }");
    assert_string_equal(fr_conf_str(f->conf, "state"), "/a \"b\" *");
    assert_int_equal(fr_conf_int(f->conf, "workers"), 5);
}

static void comments_may_stand_anywhere(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "anchors = { # ours\n  a, // first\n  b /* second */ }\n"
                      "workers /* of\nall */ = # how many\n 5\n"
                      "listener # one\n a { # open\n port = 1 # a port\n}\n"));
    assert_int_equal(fr_conf_list_size(f->conf, "anchors"), 2);
    assert_int_equal(fr_conf_int(f->conf, "workers"), 5);
    assert_refused(f, "/* one\ntwo */ # three\nbogus = 1\n", 3, "unknown key");
}

static void slashes_inside_a_value_begin_no_comment(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "state = /a//b\nname = \"//sp/cse\"\n"));
    assert_string_equal(fr_conf_str(f->conf, "state"), "/a//b");
    assert_string_equal(fr_conf_str(f->conf, "name"), "//sp/cse");
    assert_refused(f, "name = //sp/cse\nstate = /a\n", 1, "must stand in quotes");
}

static void brace_too_many_is_refused(void **state)
{
    assert_refused(*state, "admin { }\n}\n", 2, "brace");
}

static void key_given_twice_is_refused(void **state)
{
    assert_refused(*state, "anchors = {a, b}\nanchors = {c}\n", 2,
                   "'anchors' is given twice");
    assert_refused(*state, "workers = 1\nworkers = 2\n", 2, "'workers' is given twice");
    assert_refused(*state, "admin {\nretry = 1\nretry = 1\n}\n", 3,
                   "'retry' is given twice");
}

static void section_given_twice_is_refused(void **state)
{
    assert_refused(*state, "admin { }\nadmin {\n}\n", 3,
                   "section 'admin', which ends here, is given twice");
}

static void title_used_twice_is_refused(void **state)
{
    assert_refused(*state, "listener a { }\nlistener b { }\nlistener a { }\n", 3,
                   "duplicate title 'a'");
}

static void same_section_in_two_listeners_is_fine(void **state)
{
    struct fixture *f = *state;

    assert_ok(load(f, "listener a { tls { } }\nlistener b { tls { } }\n"));
    assert_non_null(fr_conf_section(fr_conf_titled_at(f->conf, "listener", 1), "tls"));
}

static void file_that_is_no_text_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_fails(load_octets(f, fr_slice_of("name = a\0b\n", 11)), FR_ECONFIG);
    assert_fails(load(f, "fieldroot-end-of-file = 1\n"), FR_ECONFIG);
    assert_null(f->conf);
}

static void too_large_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_buf text = FR_BUF_INIT(512 * 1024);

    while (text.len <= 256 * 1024)
        fr_buf_str(&text, "# a line of comment\n");
    assert_fails_as(load_octets(f, fr_buf_view(&text)), FR_ECONFIG, "too-large");
    fr_buf_clear(&text);
}

static void control_characters_do_not_reach_the_message(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "workers = \"\x1b[2J\"\n", 1, "\\x1b[2J");
    assert_null(strchr(err.msg, 0x1b));
}

static void first_fault_is_the_one_told(void **state)
{
    assert_refused(*state, "bogus1 = 1\nbogus2 = 2\n", 1, "bogus1");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(empty_file_gives_the_defaults),
        test(defaults_need_no_file),
        test(values_of_each_type_are_read),
        test(each_word_for_a_bool_is_read),
        test(integers_at_their_limits_are_read),
        test(list_can_be_added_to),
        test(one_value_is_a_list_of_one),
        test(sections_have_titles_values_and_defaults),
        test(where_names_file_and_section),
        test(relative_path_is_of_the_files_folder),
        test(relative_path_stays_beside_a_file_without_folder),
        test(plain_text_is_no_path),
        test(missing_file_is_not_found),
        test(unknown_key_names_line_and_nearest),
        test(unknown_key_in_a_section_names_its_neighbours),
        test(far_key_lists_the_known_ones),
        test(key_of_another_section_is_unknown),
        test(unknown_section_is_refused),
        test(integer_that_is_none_is_refused),
        test(integer_out_of_range_is_refused),
        test(bool_that_is_none_is_refused),
        test(bad_duration_is_refused),
        test(wrong_shape_is_refused),
        test(file_cut_inside_a_section_is_refused),
        test(no_cut_of_a_file_is_taken_for_another),
        test(file_cut_inside_an_entry_is_refused),
        test(quoted_text_without_end_is_refused),
        test(comment_without_end_is_refused),
        test(character_that_would_be_dropped_is_refused),
        test(quotes_and_comments_may_hold_anything),
        test(comments_may_stand_anywhere),
        test(slashes_inside_a_value_begin_no_comment),
        test(brace_too_many_is_refused),
        test(key_given_twice_is_refused),
        test(section_given_twice_is_refused),
        test(title_used_twice_is_refused),
        test(same_section_in_two_listeners_is_fine),
        test(file_that_is_no_text_is_refused),
        test(too_large_file_is_refused),
        test(control_characters_do_not_reach_the_message),
        test(first_fault_is_the_one_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
