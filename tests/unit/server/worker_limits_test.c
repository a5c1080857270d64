/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "server/worker/limits.h"

static struct fr_admission *a;
static struct fr_err err;

static int make(void **state)
{
    (void)state;
    return fr_admission_new(3, 2, &a, &err) != FR_OK;
}

static int drop(void **state)
{
    (void)state;
    fr_admission_free(a);
    return 0;
}

static void an_address_has_so_many_and_no_more(void **state)
{
    (void)state;
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
    assert_fails_as(fr_admission_enter(a, "10.0.0.1", &err), FR_EBUSY,
                    "too-many-of-address");
    assert_ok(fr_admission_enter(a, "10.0.0.2", &err));
}

static void who_has_an_ipv6_network_has_one_address(void **state)
{
    (void)state;
    assert_ok(fr_admission_enter(a, "2001:db8:1:2::1", &err));
    assert_ok(fr_admission_enter(a, "2001:db8:1:2:ffff::7", &err));
    assert_fails_as(fr_admission_enter(a, "2001:db8:1:2::9", &err), FR_EBUSY,
                    "too-many-of-address");
    assert_ok(fr_admission_enter(a, "2001:db8:1:3::1", &err));
    fr_admission_leave(a, "2001:db8:1:2::1");
    assert_ok(fr_admission_enter(a, "2001:db8:1:2::9", &err));
}

static void ipv4_written_as_ipv6_is_one_address_each(void **state)
{
    (void)state;
    assert_ok(fr_admission_enter(a, "::ffff:10.0.0.1", &err));
    assert_ok(fr_admission_enter(a, "::ffff:10.0.0.1", &err));
    assert_ok(fr_admission_enter(a, "::ffff:10.0.0.2", &err));
}

static void all_together_have_so_many_and_no_more(void **state)
{
    (void)state;
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
    assert_ok(fr_admission_enter(a, "10.0.0.2", &err));
    assert_ok(fr_admission_enter(a, "10.0.0.3", &err));
    assert_fails_as(fr_admission_enter(a, "10.0.0.4", &err), FR_EBUSY,
                    "too-many-connections");
    assert_int_equal(fr_admission_count(a), 3);
}

static void who_leaves_makes_room(void **state)
{
    (void)state;
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
    fr_admission_leave(a, "10.0.0.1");
    assert_int_equal(fr_admission_count(a), 1);
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
}

static void a_refused_one_does_not_count(void **state)
{
    (void)state;
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
    assert_ok(fr_admission_enter(a, "10.0.0.1", &err));
    assert_fails(fr_admission_enter(a, "10.0.0.1", &err), FR_EBUSY);
    fr_admission_leave(a, "10.0.0.1");
    fr_admission_leave(a, "10.0.0.1");
    fr_admission_leave(a, "10.0.0.1"); /* unknown now: ignored */
    assert_int_equal(fr_admission_count(a), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        T(an_address_has_so_many_and_no_more),
        T(who_has_an_ipv6_network_has_one_address),
        T(ipv4_written_as_ipv6_is_one_address_each),
        T(all_together_have_so_many_and_no_more),
        T(who_leaves_makes_room),
        T(a_refused_one_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
