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

/* NET 7 */
static void a_key_of_gba_follows_its_protocol(void **state)
{
    static const struct {
        enum fr_ua ua;
        const char *hex;
    } vectors[] = {
        {FR_UA_TLS12,
         "74259dd94b4d3558f4e05dcc1ce37087ab724aab9ddb18b03613e6fb8ca8ed44"},
        {FR_UA_DTLS12,
         "4b0dd9165c64ad093878411c60e2189ffa556ec29715ca75a8de98e0c1abf273"},
        {FR_UA_TLS13,
         "7a4eb3270a598b6649234f71993b6be1b8ddf7ebb4d077049161339504d1746e"},
        {FR_UA_HTTP_DIGEST,
         "d3d5b418417eedfff77c5cce9b962bd62a6bbedbff2b309ab15cdc90882b18f2"},
    };
    FR_AUTO(credential) *c = credential_sample_gba();
    FR_AUTO(secret) *plain = NULL;
    struct fr_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        FR_AUTO(secret) *key = NULL;

        assert_ok(fr_credential_ua_key(c, vectors[i].ua, &key, &err));
        assert_hex(fr_secret_view(key), vectors[i].hex);
    }
    assert_ok(fr_credential_target_key(c, &plain, &err));
    assert_hex(fr_secret_view(plain), vectors[0].hex);
}

static void a_key_that_the_sim_has_not_made_is_missing(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba();
    FR_AUTO(secret) *key = NULL;
    struct fr_err err = {0};

    (void)state;
    c->derivation = FR_DERIVE_GBA_U;
    assert_ok(
        fr_secret_from_hex(fr_slice_str(SAMPLE_KE), &c->naf_keys[FR_UA_TLS12], &err));
    assert_fails_as(fr_credential_ua_key(c, FR_UA_TLS13, &key, &err), FR_EINVALID,
                    "naf-key-missing");
    assert_ok(fr_credential_target_key(c, &key, &err));
    assert_true(fr_secret_equal(key, c->naf_keys[FR_UA_TLS12]));
}

static void one_ks_gives_a_key_for_each_target(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba(), *of_one = credential_sample();
    FR_AUTO(secret) *before = NULL, *other = NULL, *again = NULL;
    char *fqdn = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_str_dup(c->target_fqdn, &fqdn, &err));
    assert_ok(fr_credential_target_key(c, &before, &err));
    assert_ok(fr_credential_aim_at(c, "Other.example.com", &err));
    assert_string_equal(c->target, "other.example.com");
    assert_ok(fr_credential_target_key(c, &other, &err));
    assert_false(fr_secret_equal(before, other));
    assert_ok(fr_credential_aim_at(c, fqdn, &err));
    assert_ok(fr_credential_target_key(c, &again, &err));
    assert_true(fr_secret_equal(before, again));
    free(fqdn);

    assert_fails(fr_credential_aim_at(c, "no name", &err), FR_EUSAGE);
    assert_fails_as(fr_credential_aim_at(of_one, "other.example.com", &err), FR_EUSAGE,
                    "one-target");
    c->derivation = FR_DERIVE_GBA_U;
    assert_fails_as(fr_credential_aim_at(c, "other.example.com", &err), FR_EUSAGE,
                    "one-target");
}

static void the_form_of_the_identity_is_chosen_for_gba_alone(void **state)
{
    FR_AUTO(credential) *c = credential_sample(), *gba = credential_sample_gba();
    FR_AUTO(credential) *copy = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_string_equal(fr_credential_identity(gba), SAMPLE_BTID);
    assert_ok(fr_credential_identify_as_3gpp(gba, &err));
    assert_ok(fr_credential_identify_as_3gpp(gba, &err));
    assert_ok(fr_credential_copy(gba, &copy, &err));
    assert_string_equal(fr_credential_identity(copy),
                        "3GPP-bootstrapping;" SAMPLE_BTID);
    assert_ok(fr_credential_identify_as_3gpp(c, &err));
    assert_string_equal(fr_credential_identity(c), SAMPLE_KEYID);
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
        cmocka_unit_test(a_key_of_gba_follows_its_protocol),
        cmocka_unit_test(a_key_that_the_sim_has_not_made_is_missing),
        cmocka_unit_test(one_ks_gives_a_key_for_each_target),
        cmocka_unit_test(the_form_of_the_identity_is_chosen_for_gba_alone),
        cmocka_unit_test(a_credential_is_valid_until_it_expires),
        cmocka_unit_test(without_a_key_it_is_not_valid),
    };

    return cmocka_run_group_tests_name("model/credential", tests, NULL, NULL);
}
