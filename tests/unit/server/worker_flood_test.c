/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "server/worker/flood.h"

static struct fr_err err;

static int admitted(struct fr_flood *f, const char *network, int64_t now_ms)
{
    int n = 0;

    while (n < 100000 && fr_flood_admits(f, FR_WORKER_ENROL, network, now_ms))
        n++;
    return n;
}

static void an_address_begins_so_many_a_second(void **state)
{
    struct fr_flood *f = NULL;

    (void)state;
    assert_ok(fr_flood_new(&fr_env_system, 100, &f, &err));
    assert_int_equal(admitted(f, "192.0.2.1", 1000), 100 * FR_FLOOD_BURST);
    assert_int_equal(admitted(f, "192.0.2.2", 1000), 100 * FR_FLOOD_BURST);
    assert_int_equal(admitted(f, "192.0.2.1", 1009), 0);
    assert_int_equal(admitted(f, "192.0.2.1", 1010), 1);
    assert_int_equal(admitted(f, "192.0.2.1", 1510), 50);
    assert_int_equal(admitted(f, "192.0.2.1", 900000), 100 * FR_FLOOD_BURST);
    fr_flood_free(f);
}

static void listeners_count_for_themselves(void **state)
{
    struct fr_flood *f = NULL;

    (void)state;
    assert_ok(fr_flood_new(&fr_env_system, 1, &f, &err));
    assert_int_equal(admitted(f, "192.0.2.1", 1000), FR_FLOOD_BURST);
    assert_true(fr_flood_admits(f, FR_WORKER_FETCH, "192.0.2.1", 1000));
    fr_flood_free(f);
}

static void workers_count_together(void **state)
{
    struct fr_flood *f = NULL;
    int status = 0;
    pid_t pid;

    (void)state;
    assert_ok(fr_flood_new(&fr_env_system, 10, &f, &err));
    pid = fork();
    if (pid == 0)
        _exit(admitted(f, "192.0.2.1", 1000));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 10 * FR_FLOOD_BURST);
    assert_int_equal(admitted(f, "192.0.2.1", 1000), 0);
    fr_flood_free(f);
}

static void many_addresses_forget_the_quiet_ones_and_take_no_more_memory(void **state)
{
    struct fr_flood *f = NULL;
    char network[64];
    int refused = 0;

    (void)state;
    assert_ok(fr_flood_new(&fr_env_system, 10, &f, &err));
    for (int i = 0; i < 10 * FR_FLOOD_SLOTS; i++) {
        snprintf(network, sizeof network, "2001:db8:%x:%x::", (unsigned)i >> 16,
                 (unsigned)i & 0xffff);
        refused += !fr_flood_admits(f, FR_WORKER_ENROL, network, 1000 + i);
    }
    assert_int_equal(refused, 0);
    fr_flood_free(f);
}

/* After 3.5 years: an address that was there shortly before is neither refused nor
 * forgotten, and those of before make room. */
static void time_goes_round(void **state)
{
    const int64_t end_ms = (INT64_C(1) << 40) / 10;
    struct fr_flood *f = NULL;
    char network[64];

    (void)state;
    assert_ok(fr_flood_new(&fr_env_system, 100, &f, &err));
    for (int i = 0; i < 10 * FR_FLOOD_SLOTS; i++) {
        snprintf(network, sizeof network, "before-%d", i);
        assert_true(fr_flood_admits(f, FR_WORKER_ENROL, network, end_ms - 5000));
    }
    assert_int_equal(admitted(f, "192.0.2.1", end_ms - 500), 100 * FR_FLOOD_BURST);
    assert_int_equal(admitted(f, "192.0.2.1", end_ms + 500), 100);
    assert_int_equal(admitted(f, "192.0.2.1", end_ms + 60000), 100 * FR_FLOOD_BURST);
    for (int i = 0; i < 4; i++) {
        snprintf(network, sizeof network, "after-%d", i);
        assert_int_equal(admitted(f, network, end_ms + 60000), 100 * FR_FLOOD_BURST);
        assert_int_equal(admitted(f, network, end_ms + 60000), 0);
    }
    fr_flood_free(f);
}

static void no_limit_is_no_table(void **state)
{
    struct fr_flood *f = NULL;

    (void)state;
    assert_ok(fr_flood_new(&fr_env_system, 0, &f, &err));
    assert_null(f);
    assert_int_equal(admitted(f, "192.0.2.1", 1), 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_begins_so_many_a_second),
        cmocka_unit_test(listeners_count_for_themselves),
        cmocka_unit_test(workers_count_together),
        cmocka_unit_test(many_addresses_forget_the_quiet_ones_and_take_no_more_memory),
        cmocka_unit_test(time_goes_round),
        cmocka_unit_test(no_limit_is_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
