/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "credential_sample.h"

static void a_copy_is_equal_and_independent(void **state)
{
    FR_AUTO(credential) *c = credential_sample(), *copy = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_credential_copy(c, &copy, &err));
    assert_same_credential(c, copy);
    fr_secret_data(c->ke)[0] ^= 1;
    c->mef[0] = 'x';
    assert_false(fr_secret_equal(c->ke, copy->ke));
    assert_string_equal(copy->mef, "mef.example.com");
}

static void an_empty_credential_can_be_copied(void **state)
{
    FR_AUTO(credential) *c = NULL, *copy = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_credential_new(&c, &err));
    assert_ok(fr_credential_copy(c, &copy, &err));
    assert_null(copy->ke);
    assert_null(copy->mef);
}

/* RSPF 5.8 */
static void the_targets_key_is_that_of_the_vector(void **state)
{
    FR_AUTO(credential) *c = credential_sample();
    FR_AUTO(secret) *key = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_credential_target_key(c, &key, &err));
    assert_hex(fr_secret_view(key),
               "a8845360dceaef77b004be9302d6a39b6f3b0491ad98596b29774bc5f3f664d8");
}

static void kpsa_is_derived_from_the_target_id(void **state)
{
    FR_AUTO(credential) *c = credential_sample();
    FR_AUTO(secret) *key = NULL;
    struct fr_err err = {0};

    (void)state;
    c->derivation = FR_DERIVE_KPSA;
    assert_ok(fr_credential_target_key(c, &key, &err));
    assert_hex(fr_secret_view(key),
               "915f50a51cc96786177c6ecd7399eb2615614e7a283506cb3a57e6d2c88e9d10");
}

static void a_credential_is_valid_until_it_expires(void **state)
{
    FR_AUTO(credential) *c = credential_sample();

    (void)state;
    assert_true(fr_credential_is_valid(c, c->expires - 1));
    assert_false(fr_credential_is_valid(c, c->expires));
    assert_false(fr_credential_is_valid(c, c->expires + 1));
}

static void without_a_key_it_is_not_valid(void **state)
{
    FR_AUTO(credential) *c = credential_sample();

    (void)state;
    fr_secret_free(c->ke);
    c->ke = NULL;
    assert_false(fr_credential_is_valid(c, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_equal_and_independent),
        cmocka_unit_test(an_empty_credential_can_be_copied),
        cmocka_unit_test(the_targets_key_is_that_of_the_vector),
        cmocka_unit_test(kpsa_is_derived_from_the_target_id),
        cmocka_unit_test(a_credential_is_valid_until_it_expires),
        cmocka_unit_test(without_a_key_it_is_not_valid),
    };

    return cmocka_run_group_tests_name("model/credential", tests, NULL, NULL);
}
