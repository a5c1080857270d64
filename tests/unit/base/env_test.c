/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"

#include <time.h>

#include "fake/env.h"
#include "test.h"

static void system_clocks_are_the_systems(void **state)
{
    int64_t before = time(NULL), first = fr_mono_ms(&fr_env_system);

    (void)state;
    assert_in_range(fr_wall_s(&fr_env_system), before, before + 5);
    assert_true(fr_mono_ms(&fr_env_system) >= first);
}

static void the_system_vouches_for_its_clock_or_not(void **state)
{
    bool first = fr_wall_is_synchronised(&fr_env_system);

    (void)state; /* which of the two is the machine's business, but it does not waver */
    assert_int_equal(fr_wall_is_synchronised(&fr_env_system), first);
}

static void random_hex_has_the_length_asked_for_and_varies(void **state)
{
    char a[65], b[65];

    (void)state;
    fr_random_hex(&fr_env_system, a, 8);
    assert_int_equal(strlen(a), 16);
    assert_int_equal(strspn(a, "0123456789abcdef"), 16);
    fr_random_hex(&fr_env_system, a, 32);
    fr_random_hex(&fr_env_system, b, 32);
    assert_int_equal(strlen(a), 64);
    assert_string_not_equal(a, b);
}

static void random_numbers_reach_both_ends_and_nothing_beyond(void **state)
{
    unsigned seen[11] = {0};
    struct fr_fake_env f;

    (void)state;
    fr_fake_env_init(&f, 3);
    for (int i = 0; i < 11000; i++) {
        uint32_t v = fr_random_upto(&f.env, 10);

        assert_in_range(v, 0, 10);
        seen[v]++;
    }
    for (int v = 0; v <= 10; v++)
        assert_in_range(seen[v], 850, 1150); /* 5 sigma around 1000 */
}

static void random_number_up_to_zero_is_zero(void **state)
{
    (void)state;
    assert_int_equal(fr_random_upto(&fr_env_system, 0), 0);
}

static void random_numbers_use_all_32_bits(void **state)
{
    uint32_t any = 0;
    struct fr_fake_env f;

    (void)state;
    fr_fake_env_init(&f, 3);
    for (int i = 0; i < 100; i++)
        any |= fr_random_upto(&f.env, UINT32_MAX);
    assert_true(any == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_clocks_are_the_systems),
        cmocka_unit_test(the_system_vouches_for_its_clock_or_not),
        cmocka_unit_test(random_hex_has_the_length_asked_for_and_varies),
        cmocka_unit_test(random_numbers_reach_both_ends_and_nothing_beyond),
        cmocka_unit_test(random_number_up_to_zero_is_zero),
        cmocka_unit_test(random_numbers_use_all_32_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
