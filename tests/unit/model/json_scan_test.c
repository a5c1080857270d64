/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/json_scan.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void columns_count_characters_and_lines_newlines(void **state)
{
    struct fr_slice text = fr_slice_str("a\xc3\xa9\xf0\x9f\x94\x91z\n\ny");
    static const struct {
        size_t offset;
        int line, column;
    } rows[] = {{0, 1, 1}, {1, 1, 2}, {3, 1, 3},  {7, 1, 4},
                {8, 1, 5}, {9, 2, 1}, {10, 3, 1}, {99, 3, 2}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fr_text_pos pos = fr_text_pos_of(text, rows[i].offset);

        assert_int_equal(pos.line, rows[i].line);
        assert_int_equal(pos.column, rows[i].column);
    }
}

static void the_first_octet_that_is_no_utf8_is_found(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } rows[] = {
        {"plain", 5},
        {"\xff", 0},
        {"ab\x80", 2},
        {"\xc3\xa9\xc3", 2},
        {"a\xed\xa0\x80", 1},
        {"\xf0\x9f\x94\x91\xc0\x80", 4},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(fr_text_bad_utf8(fr_slice_str(rows[i].text)), rows[i].offset);
}

static void depth_is_measured_outside_of_strings_only(void **state)
{
    (void)state;
    assert_int_equal(fr_json_too_deep(fr_slice_str("[[1]]"), 2), 5);
    assert_int_equal(fr_json_too_deep(fr_slice_str("[[1]]"), 1), 1);
    assert_int_equal(fr_json_too_deep(fr_slice_str("[\"[[\\\"[\"]"), 1), 9);
    assert_int_equal(fr_json_too_deep(fr_slice_str("]]{}[{"), 1), 5);
}

struct at {
    const char *text;
    struct fr_json_step steps[4];
    size_t n;
    bool of_name;
    size_t offset;
};

static void check_locate(const struct at *row)
{
    struct fr_json_path path = {.n = row->n};

    memcpy(path.step, row->steps, sizeof row->steps);
    assert_int_equal(fr_json_locate(fr_slice_str(row->text), &path, row->of_name),
                     row->offset);
}

static void values_and_names_are_located(void **state)
{
    static const struct at rows[] = {
        {"  {}", {{0}}, 0, false, 2},
        {"{\"a\": 1, \"b\" : [2, {\"c\":3}]}", {{.name = "a"}}, 1, false, 6},
        {"{\"a\": 1, \"b\" : [2, {\"c\":3}]}", {{.name = "b"}}, 1, true, 9},
        {"{\"a\": 1, \"b\" : [2, {\"c\":3}]}",
         {{.name = "b"}, {.index = 1}, {.name = "c"}},
         3,
         false,
         24},
        /* the name inside values and strings is not the member */
        {"{\"x\":{\"a\":1},\"y\":\"\\\"a\\\":\",\"a\":7}",
         {{.name = "a"}},
         1,
         false,
         30},
        {"[[1,[2]],\"],[\",{},9]", {{.index = 3}}, 1, false, 18},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_locate(&rows[i]);
}

static void escaped_names_are_recognised(void **state)
{
    static const struct at rows[] = {
        {"{\"\\u0061\": 1}", {{.name = "a"}}, 1, false, 11},
        {"{\"\\n\\t\\\\\\/\\\"\": 1}", {{.name = "\n\t\\/\""}}, 1, false, 15},
        {"{\"\\u00e9\": 1}", {{.name = "\xc3\xa9"}}, 1, false, 11},
        {"{\"\\u20AC\": 1}", {{.name = "\xe2\x82\xac"}}, 1, false, 11},
        {"{\"\\ud83d\\udd11\": 1}", {{.name = "\xf0\x9f\x94\x91"}}, 1, false, 17},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_locate(&rows[i]);
}

static void a_path_to_nowhere_gives_the_container(void **state)
{
    static const struct at rows[] = {
        {" {\"a\":{}}", {{.name = "b"}}, 1, false, 1},
        {" {\"a\":{}}", {{.name = "a"}, {.name = "b"}}, 2, false, 6},
        {"[1,2]", {{.index = 2}}, 1, false, 0},
        {"[1,2]", {{.index = 1}, {.index = 0}}, 2, false, 3},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_locate(&rows[i]);
}

/* No crash, no overrun: the sanitizers watch. */
static void cut_texts_are_survived(void **state)
{
    static const char whole[] =
        "{\"a\\u00e9\\ud83d\\udd11\":[1,{\"b\":\"\\\\\"}],\"c\":true}";
    struct fr_json_path path = {.step = {{.name = "c"}}, .n = 1};
    char pointer[64];

    (void)state;
    for (size_t n = 0; n < sizeof whole; n++) {
        FR_AUTO_STR(cut) = NULL; /* so that the end is the end of the heap block */
        struct fr_err err = {0};
        struct fr_slice s;

        assert_ok(fr_str_dup_n(fr_slice_of(whole, n), &cut, &err));
        s = fr_slice_of(cut, n);
        assert_true(fr_json_locate(s, &path, true) <= n);
        assert_true(fr_json_trace(s, n, pointer, sizeof pointer) <= n);
    }
}

static void a_trace_names_token_and_pointer(void **state)
{
    static const char text[] = "{\"a\":1,\"b\":[{},{\"c/~\":[4,5]}]}";
    static const struct {
        size_t end, start;
        const char *pointer;
    } rows[] = {
        {0, 0, ""},
        {1, 0, ""},
        {3, 1, "/a"},
        {6, 5, "/a"},
        {7, 6, ""},
        {8, 7, "/b"},
        {12, 11, "/b/0"},
        {14, 13, "/b/0"},
        {16, 15, "/b/1"},
        {20, 16, "/b/1/c~1~0"},
        {26, 25, "/b/1/c~1~0/1"},
        {99, 29, ""},
    };
    char pointer[64];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t at =
            fr_json_trace(fr_slice_str(text), rows[i].end, pointer, sizeof pointer);

        assert_string_equal(pointer, rows[i].pointer);
        assert_int_equal(at, rows[i].start);
    }
}

static void a_pointer_is_escaped_and_safe_to_print(void **state)
{
    struct fr_json_path path = {
        .step = {{.name = "a/b~c"}, {.index = 12}, {.name = "\x1b[0m\n"}, {.name = ""}},
        .n = 4};
    char pointer[64];

    (void)state;
    assert_string_equal(fr_json_pointer(&path, pointer, sizeof pointer),
                        "/a~1b~0c/12/\\x1b[0m\\x0a/");
}

static void a_long_pointer_is_cut(void **state)
{
    static char name[10000];
    struct fr_json_path path = {.step = {{.name = name}}, .n = 1};
    char pointer[64];

    (void)state;
    memset(name, 'n', sizeof name - 1);
    fr_json_pointer(&path, pointer, sizeof pointer);
    assert_in_range(strlen(pointer), 50, sizeof pointer - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_count_characters_and_lines_newlines),
        cmocka_unit_test(the_first_octet_that_is_no_utf8_is_found),
        cmocka_unit_test(depth_is_measured_outside_of_strings_only),
        cmocka_unit_test(values_and_names_are_located),
        cmocka_unit_test(escaped_names_are_recognised),
        cmocka_unit_test(a_path_to_nowhere_gives_the_container),
        cmocka_unit_test(cut_texts_are_survived),
        cmocka_unit_test(a_trace_names_token_and_pointer),
        cmocka_unit_test(a_pointer_is_escaped_and_safe_to_print),
        cmocka_unit_test(a_long_pointer_is_cut),
    };

    return cmocka_run_group_tests_name("model/json_scan", tests, NULL, NULL);
}
