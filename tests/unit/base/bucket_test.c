/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/bucket.h"

static void a_bucket_gives_a_burst_then_a_rate(void **state)
{
    struct fr_bucket b = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_true(fr_bucket_take(&b, 5000, 10, 4));
    assert_false(fr_bucket_take(&b, 5000, 10, 4));
    assert_false(fr_bucket_take(&b, 5099, 10, 4));
    assert_true(fr_bucket_take(&b, 5100, 10, 4));
    assert_false(fr_bucket_take(&b, 5100, 10, 4));
}

static void a_bucket_saves_no_more_than_a_burst(void **state)
{
    struct fr_bucket b = {0};

    (void)state;
    assert_true(fr_bucket_take(&b, 1000, 10, 2));
    for (int i = 0; i < 2; i++)
        assert_true(fr_bucket_take(&b, 900000, 10, 2));
    assert_false(fr_bucket_take(&b, 900000, 10, 2));
}

static void a_bucket_knows_when_it_will_have_a_token_again(void **state)
{
    struct fr_bucket b = {0};

    (void)state;
    assert_int_equal(fr_bucket_wait_ms(&b, 1000, 10, 1), 0);
    assert_true(fr_bucket_take(&b, 1000, 10, 1));
    assert_int_equal(fr_bucket_wait_ms(&b, 1000, 10, 1), 100);
    assert_int_equal(fr_bucket_wait_ms(&b, 1060, 10, 1), 40);
    assert_int_equal(fr_bucket_wait_ms(&b, 1100, 10, 1), 0);
}

static void a_rate_may_be_above_one_a_millisecond(void **state)
{
    struct fr_bucket b = {0};
    int n = 0;

    (void)state;
    while (n < 10000 && fr_bucket_take(&b, 1, 5000, 100))
        n++;
    assert_int_equal(n, 100);
    while (n < 10000 && fr_bucket_take(&b, 11, 5000, 100))
        n++;
    assert_int_equal(n, 150);
}

static void an_age_without_use_overflows_nothing(void **state)
{
    struct fr_bucket b = {0};

    (void)state;
    assert_true(fr_bucket_take(&b, 1, 1000000, 1));
    assert_true(fr_bucket_take(&b, INT64_MAX, 1000000, 1));
    assert_false(fr_bucket_take(&b, INT64_MAX, 1000000, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_a_burst_then_a_rate),
        cmocka_unit_test(a_bucket_saves_no_more_than_a_burst),
        cmocka_unit_test(a_bucket_knows_when_it_will_have_a_token_again),
        cmocka_unit_test(a_rate_may_be_above_one_a_millisecond),
        cmocka_unit_test(an_age_without_use_overflows_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
