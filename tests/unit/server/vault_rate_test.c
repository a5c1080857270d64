/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "server/vault/rate.h"

static struct fr_err err;

static void a_worker_says_so_much_of_a_type_a_second(void **state)
{
    struct fr_vault_rates r = {0};
    int n = 0;

    (void)state;
    while (fr_vault_rate_message(&r, FR_MSG_COMMIT, 1, &err) == FR_OK)
        n++;
    assert_int_equal(n, FR_VAULT_MESSAGES_PER_S);
    assert_fails_as(fr_vault_rate_message(&r, FR_MSG_COMMIT, 1, &err), FR_EUNREACHABLE,
                    "worker-rate");
    assert_ok(fr_vault_rate_message(&r, FR_MSG_ACK, 1, &err)); /* each for itself */
    assert_ok(fr_vault_rate_message(&r, FR_MSG_COMMIT, 1001, &err));
}

static int allowed(struct fr_vault_identities *t, const char *identity, int64_t now_ms)
{
    int n = 0;

    while (n < 1000 && fr_vault_rate_identity(t, identity, now_ms, &err) == FR_OK)
        n++;
    return n;
}

static void a_device_enrols_so_often_a_minute(void **state)
{
    struct fr_vault_identities *t = NULL;

    (void)state;
    assert_ok(fr_vault_identities_new(20, &t, &err));
    assert_int_equal(allowed(t, "anchor/dns:a", 100000), 20);
    assert_string_equal(err.reason, "enrolment-rate");
    assert_int_equal(err.code, FR_EUNREACHABLE);
    assert_int_equal(allowed(t, "anchor/dns:b", 100000), 20); /* its own */
    assert_int_equal(allowed(t, "anchor/dns:a", 102900), 0);
    assert_int_equal(allowed(t, "anchor/dns:a", 103120), 1); /* 3 s a token */
    assert_int_equal(allowed(t, "anchor/dns:a", 163200), 20);
    fr_vault_identities_free(t);
}

/* A batch among other nodes' is done in passes, and again from its begin. */
static void what_is_done_again_counts_once(void **state)
{
    struct fr_vault_identities *t = NULL;
    size_t counted;

    (void)state;
    assert_ok(fr_vault_identities_new(3, &t, &err));
    assert_int_equal(allowed(t, "anchor/dns:a", 60000), 3);
    fr_vault_identities_keep(t);
    assert_ok(fr_vault_rate_identity(t, "anchor/dns:b", 60000, &err));
    counted = fr_vault_identities_counted(t);
    assert_int_equal(allowed(t, "anchor/dns:b", 60000), 2);
    fr_vault_identities_undo(t, counted);
    assert_int_equal(allowed(t, "anchor/dns:b", 60000), 2);
    fr_vault_identities_undo(t, 0);
    assert_int_equal(allowed(t, "anchor/dns:b", 60000), 3);
    assert_int_equal(allowed(t, "anchor/dns:a", 60000), 0); /* what was kept is */
    fr_vault_identities_free(t);
}

static void many_devices_take_no_more_memory(void **state)
{
    struct fr_vault_identities *t = NULL;
    char name[32];

    (void)state;
    assert_ok(fr_vault_identities_new(1, &t, &err));
    for (int i = 0; i < 4 * FR_VAULT_IDENTITIES; i++) {
        snprintf(name, sizeof name, "dev%d", i);
        assert_ok(fr_vault_rate_identity(t, name, 60000 + i, &err));
    }
    assert_fails(fr_vault_rate_identity(t, name, 60000 + 4 * FR_VAULT_IDENTITIES, &err),
                 FR_EUNREACHABLE); /* the last is remembered */
    fr_vault_identities_free(t);
}

static void no_limit_is_no_table(void **state)
{
    struct fr_vault_identities *t = NULL;

    (void)state;
    assert_ok(fr_vault_identities_new(0, &t, &err));
    assert_null(t);
    fr_vault_identities_undo(t, fr_vault_identities_counted(t));
    fr_vault_identities_keep(t);
    assert_int_equal(allowed(t, "dev1", 1), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_says_so_much_of_a_type_a_second),
        cmocka_unit_test(a_device_enrols_so_often_a_minute),
        cmocka_unit_test(what_is_done_again_counts_once),
        cmocka_unit_test(many_devices_take_no_more_memory),
        cmocka_unit_test(no_limit_is_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
