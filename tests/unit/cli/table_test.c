/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdlib.h>

#include "test.h"

static const char *const headings[] = {"NAME", "TEXT"};

static char *printed(const struct fr_table *t, int width)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    assert_non_null(to);
    fr_table_print(t, to, width);
    fclose(to);
    return text;
}

static struct fr_table *table_of(const char *const *heads, const char *a, const char *b)
{
    struct fr_table *t = NULL;
    struct fr_err err;

    assert_ok(fr_table_new(heads, 2, &t, &err));
    assert_ok(fr_table_row(t, (const char *[]){a, b}, &err));
    return t;
}

static void assert_prints(struct fr_table *t, int width, const char *want)
{
    char *got = printed(t, width);

    assert_string_equal(got, want);
    free(got);
    fr_table_free(t);
}

static void columns_fit_the_longest_cell(void **unused)
{
    struct fr_table *t = table_of(headings, "a", "x");
    struct fr_err err;

    (void)unused;
    assert_ok(fr_table_row(t, (const char *[]){"longer-name", "y"}, &err));
    assert_prints(t, 0,
                  "NAME         TEXT\n"
                  "a            x\n"
                  "longer-name  y\n");
}

static void empty_cells_show_as_a_dash(void **unused)
{
    (void)unused;
    assert_prints(table_of(headings, "", NULL), 0, "NAME  TEXT\n-     -\n");
}

static void without_headings_there_is_no_first_line(void **unused)
{
    (void)unused;
    assert_prints(table_of(NULL, "key", "value"), 0, "key  value\n");
}

static void control_characters_are_made_printable(void **unused)
{
    (void)unused;
    assert_prints(table_of(NULL, "a\x1b[2J", "b\nc\xff"), 0,
                  "a\\x1b[2J  b\\x0ac\\xff\n");
}

static void wide_characters_and_marks_are_counted(void **unused)
{
    struct fr_table *t = table_of(NULL, "\xe6\xbc\xa2\xe5\xad\x97", "x");
    struct fr_err err;

    (void)unused;
    assert_int_equal(fr_text_width("abc"), 3);
    assert_int_equal(fr_text_width("\xc3\xa9"), 1);         /* e acute */
    assert_int_equal(fr_text_width("e\xcc\x81"), 1);        /* e + combining acute */
    assert_int_equal(fr_text_width("\xe6\xbc\xa2"), 2);     /* CJK */
    assert_int_equal(fr_text_width("\xf0\x9f\x98\x80"), 2); /* emoji */
    assert_ok(fr_table_row(t, (const char *[]){"abcd", "y"}, &err));
    assert_prints(t, 0, "\xe6\xbc\xa2\xe5\xad\x97  x\nabcd  y\n");
}

static void the_last_column_wraps_at_words(void **unused)
{
    (void)unused;
    assert_prints(table_of(NULL, "name", "one two three four five six"), 26,
                  "name  one two three four\n"
                  "      five six\n");
}

static void a_word_longer_than_the_room_is_broken(void **unused)
{
    (void)unused;
    assert_prints(table_of(NULL, "name", "abcdefghijklmnopqrstuvwxyz"), 26,
                  "name  abcdefghijklmnopqrst\n"
                  "      uvwxyz\n");
}

static void a_narrow_terminal_still_leaves_room(void **unused)
{
    (void)unused;
    assert_prints(table_of(NULL, "a-rather-long-name", "12345678901234567890"), 10,
                  "a-rathe\u2026name  12345678901234567890\n");
}

static void a_long_cell_loses_its_middle_only_as_far_as_it_must(void **unused)
{
    struct fr_table *t =
        table_of(NULL, "https://discovery.example.com/list", "refused");

    (void)unused;
    assert_prints(t, 80, "https://discovery.example.com/list  refused\n");
    t = table_of(NULL, "https://discovery.example.com/list", "refused");
    assert_prints(t, 40, "https://discovery.ex\u2026e.com/list  refused\n");
}

static void a_cut_never_splits_a_character(void **unused)
{
    struct fr_table *t =
        table_of(NULL, "\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d", "x");

    (void)unused;
    assert_prints(t, 15, "\u4e2d\u6587\u4e2d\u6587\u2026\u4e2d   x\n");
}

static void many_rows_are_kept_in_order(void **unused)
{
    struct fr_table *t = NULL;
    struct fr_err err;
    char *got, number[16];

    (void)unused;
    assert_ok(fr_table_new(NULL, 1, &t, &err));
    for (int i = 0; i < 100; i++) {
        snprintf(number, sizeof number, "%03d", i);
        assert_ok(fr_table_row(t, (const char *[]){number}, &err));
    }
    got = printed(t, 0);
    assert_int_equal(strlen(got), 400);
    assert_memory_equal(got, "000\n001\n", 8);
    assert_memory_equal(got + 392, "098\n099\n", 8);
    free(got);
    fr_table_free(t);
}

static void impossible_tables_are_refused(void **unused)
{
    struct fr_table *t = NULL;
    struct fr_err err;

    (void)unused;
    assert_fails(fr_table_new(NULL, 0, &t, &err), FR_EINTERNAL);
    assert_fails(fr_table_new(NULL, FR_TABLE_COLUMNS_MAX + 1, &t, &err), FR_EINTERNAL);
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_fit_the_longest_cell),
        cmocka_unit_test(empty_cells_show_as_a_dash),
        cmocka_unit_test(without_headings_there_is_no_first_line),
        cmocka_unit_test(control_characters_are_made_printable),
        cmocka_unit_test(wide_characters_and_marks_are_counted),
        cmocka_unit_test(the_last_column_wraps_at_words),
        cmocka_unit_test(a_word_longer_than_the_room_is_broken),
        cmocka_unit_test(a_narrow_terminal_still_leaves_room),
        cmocka_unit_test(a_long_cell_loses_its_middle_only_as_far_as_it_must),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(many_rows_are_kept_in_order),
        cmocka_unit_test(impossible_tables_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
