/* SPDX-License-Identifier: Apache-2.0 */
/* Setup and the list of the suite that every store passes. */
#include "conform/store.h"

#include <stdlib.h>

enum { TESTS_MAX = 64 };

void store_lab_enter(struct store_lab *l)
{
    const struct fr_store_node node = {.name = STORE_NODE, .instance = "i", .seen = 7};

    l->s = fr_store_maker.open(l->maker);
    DO(l, node_enter, &node);
}

int store_lab_setup(void **state)
{
    struct store_lab *l = calloc(1, sizeof *l);

    assert_non_null(l);
    l->maker = fr_store_maker.setup();
    store_lab_enter(l);
    *state = l;
    return 0;
}

int store_lab_teardown(void **state)
{
    struct store_lab *l = *state;

    fr_store_free(l->s);
    fr_store_maker.teardown(l->maker);
    free(l);
    return 0;
}

void store_lab_reopen(struct store_lab *l)
{
    fr_store_free(l->s);
    store_lab_enter(l);
}

static size_t append(struct CMUnitTest *to, size_t n, const struct CMUnitTest *tests)
{
    for (; tests->test_func; tests++) {
        assert_true(n < TESTS_MAX);
        to[n++] = *tests;
    }
    return n;
}

int main(void)
{
    struct CMUnitTest tests[TESTS_MAX];
    size_t n = 0;

    n = append(tests, n, store_batches);
    n = append(tests, n, store_listings);
    n = append(tests, n, store_credentials);
    n = append(tests, n, store_records);
    n = append(tests, n, store_copies);
    return _cmocka_run_group_tests("store", tests, n, fr_store_maker.start,
                                   fr_store_maker.stop);
}
