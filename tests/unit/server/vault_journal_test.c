/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "server/vault/journal.h"

static size_t n_freed;

static void count_free(void *data)
{
    n_freed++;
    free(data);
}

static int setup(void **state)
{
    struct fr_journal *j = NULL;
    struct fr_err err = {0};

    n_freed = 0;
    assert_ok(fr_journal_new(4, count_free, &j, &err));
    *state = j;
    return 0;
}

static int teardown(void **state)
{
    fr_journal_free(*state);
    return 0;
}

static void put(struct fr_journal *j, unsigned kind, uint64_t key, int64_t deadline)
{
    const struct fr_entry e = {
        .kind = kind, .key = key, .deadline_ms = deadline, .data = malloc(1)};
    struct fr_err err = {0};

    assert_non_null(e.data);
    assert_ok(fr_journal_put(j, &e, &err));
}

static bool has(const struct fr_journal *j, unsigned kind, uint64_t key)
{
    return fr_journal_find(j, kind, key) != NULL;
}

static void kind_and_key_find_an_entry(void **state)
{
    struct fr_journal *j = *state;

    put(j, 0, 7, 10);
    assert_true(has(j, 0, 7));
    assert_false(has(j, 1, 7));
    assert_false(has(j, 0, 7 + 1024)); /* of the same bucket */
}

static void what_a_request_did_is_undone(void **state)
{
    struct fr_journal *j = *state;
    size_t mark;

    put(j, 0, 1, 10);
    mark = fr_journal_mark(j);
    fr_journal_take(j, fr_journal_find(j, 0, 1));
    put(j, 0, 2, 10);
    fr_journal_undo(j, mark);
    assert_true(has(j, 0, 1));
    assert_false(has(j, 0, 2));
    assert_int_equal(n_freed, 1);
    fr_journal_undo(j, 0);
    assert_int_equal(fr_journal_count(j), 0);
    assert_int_equal(n_freed, 2);
}

static void what_was_kept_is_not_undone(void **state)
{
    struct fr_journal *j = *state;

    put(j, 0, 1, 10);
    put(j, 0, 2, 10);
    fr_journal_keep(j);
    fr_journal_take(j, fr_journal_find(j, 0, 1));
    fr_journal_keep(j);
    assert_int_equal(n_freed, 1);
    fr_journal_undo(j, 0);
    assert_false(has(j, 0, 1));
    assert_true(has(j, 0, 2));
}

static void put_and_taken_in_one_batch_leaves_nothing(void **state)
{
    struct fr_journal *j = *state;

    put(j, 0, 1, 10);
    fr_journal_take(j, fr_journal_find(j, 0, 1));
    fr_journal_undo(j, 0);
    assert_int_equal(fr_journal_count(j), 0);
    assert_int_equal(n_freed, 1);
    put(j, 0, 1, 10);
    fr_journal_take(j, fr_journal_find(j, 0, 1));
    fr_journal_keep(j);
    assert_int_equal(n_freed, 2);
}

static void a_newer_one_of_a_key_is_found_first(void **state)
{
    struct fr_journal *j = *state;
    struct fr_entry *older;

    put(j, 0, 1, 10);
    older = fr_journal_find(j, 0, 1);
    put(j, 0, 1, 20);
    assert_int_equal(fr_journal_find(j, 0, 1)->deadline_ms, 20);
    fr_journal_take(j, older);
    assert_int_equal(fr_journal_find(j, 0, 1)->deadline_ms, 20);
}

static void a_full_table_says_no(void **state)
{
    struct fr_journal *j = *state;
    struct fr_entry e = {.kind = 0, .key = 9};
    struct fr_err err = {0};

    for (uint64_t i = 0; i < 4; i++)
        put(j, 0, i, 10);
    assert_int_equal(fr_journal_put(j, &e, &err), FR_EUNREACHABLE);
    assert_string_equal(err.reason, "too-many-at-once");
    fr_journal_take(j, fr_journal_find(j, 0, 0));
    put(j, 0, 9, 10);
    for (uint64_t i = 1; i < 4; i++) /* a step for each that is there */
        fr_journal_take(j, fr_journal_find(j, 0, i));
    fr_journal_take(j, fr_journal_find(j, 0, 9));
    fr_journal_undo(j, 0);
    assert_int_equal(fr_journal_count(j), 0);
}

static bool is_due_at_11(void *ctx, const struct fr_entry *e)
{
    uint64_t *sum = ctx;

    *sum += e->key;
    return e->deadline_ms <= 11;
}

static void what_is_due_goes(void **state)
{
    struct fr_journal *j = *state;
    uint64_t sum = 0;

    put(j, 0, 1, 10);
    put(j, 1, 2, 11);
    put(j, 0, 4, 12);
    fr_journal_keep(j);
    fr_journal_expire(j, is_due_at_11, &sum);
    assert_int_equal(sum, 1 + 2 + 4);
    assert_int_equal(n_freed, 2);
    assert_true(has(j, 0, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kind_and_key_find_an_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_request_did_is_undone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_kept_is_not_undone, setup, teardown),
        cmocka_unit_test_setup_teardown(put_and_taken_in_one_batch_leaves_nothing,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_one_of_a_key_is_found_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_full_table_says_no, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_due_goes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
