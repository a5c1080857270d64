/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/kdf.h"

#include "test.h"
#include "vectors/hkdf.h"
#include "vectors/kdf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct fr_err err;

static struct fr_secret *secret_of(const char *hex)
{
    struct fr_secret *s = NULL;

    assert_ok(fr_secret_from_hex(fr_slice_str(hex), &s, &err));
    return s;
}

/* Octets of a hex text, in a buffer of the caller's. */
static struct fr_slice unhex(const char *hex, uint8_t to[512])
{
    assert_true(fr_hex_decode(fr_slice_str(hex), to));
    return fr_slice_of(to, strlen(hex) / 2);
}

static void labels_have_the_lengths_of_the_standard(void **state)
{
    (void)state;
    assert_int_equal(strlen(FR_EXPORTER_LABEL), VECTOR_EXPORTER_LABEL_LEN);
    assert_string_equal(FR_EXPORTER_LABEL, "EXPORTER-oneM2M-Bootstrap");
}

/* Shows the labels of 5.3 to 5.5 from outside: HMAC over text of that length. */
static void check_label(const char *label, size_t len, const char *rest,
                        const struct fr_secret *derived)
{
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);
    const struct fr_slice parts[] = {fr_slice_str(label), fr_slice_str(rest)};
    uint8_t mac[FR_SHA256_LEN];

    assert_int_equal(strlen(label), len);
    assert_ok(fr_hmac_sha256(fr_secret_view(ke), parts, 2, mac, &err));
    assert_true(fr_mac_equal(fr_slice_of(mac, sizeof mac), fr_secret_view(derived)));
}

static void derivations_use_the_labels_of_the_standard(void **state)
{
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);
    FR_AUTO(secret) *km = NULL;
    FR_AUTO(secret) *kpsa = NULL;
    FR_AUTO(secret) *usage = NULL;

    (void)state;
    assert_ok(fr_kdf_km(ke, "maf", &km, &err));
    assert_ok(fr_kdf_kpsa(ke, "/ae", &kpsa, &err));
    assert_ok(fr_kdf_usage(ke, 22, "t", &usage, &err));
    check_label("oneM2M Enrolment Key to Master Credential derivation",
                VECTOR_KM_LABEL_LEN, "maf", km);
    check_label("oneM2M Enrolment Key to Provisioned Secure Connection Key derivation",
                VECTOR_KPSA_LABEL_LEN, "/ae", kpsa);
    check_label("oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation",
                VECTOR_USAGE_LABEL_LEN, "22t", usage);
}

static void export_splits_into_id_and_ke(void **state)
{
    FR_AUTO(secret) *ke = NULL;
    char relkeyid[2 * FR_RELKEYID_LEN + 1], keyid[FR_KEYID_MAX + 1];
    uint8_t octets[512];

    (void)state;
    assert_ok(fr_kdf_split_export(unhex(VECTOR_EXPORT, octets), relkeyid, &ke, &err));
    assert_string_equal(relkeyid, VECTOR_RELKEYID);
    assert_hex(fr_secret_view(ke), VECTOR_KE);
    assert_string_equal(fr_keyid_format(relkeyid, VECTOR_MEF, keyid), VECTOR_KEYID);
}

static void export_of_another_length_is_refused(void **state)
{
    static const size_t lengths[] = {0, FR_EXPORT_LEN - 1, FR_EXPORT_LEN + 1};
    char relkeyid[2 * FR_RELKEYID_LEN + 1];
    struct fr_secret *ke = NULL;
    uint8_t octets[512] = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        assert_fails(
            fr_kdf_split_export(fr_slice_of(octets, lengths[i]), relkeyid, &ke, &err),
            FR_EPARSE);
        assert_null(ke);
    }
}

static void target_keys_match_the_vectors(void **state)
{
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);

    (void)state;
    for (size_t i = 0; i < COUNT(kdf_vectors); i++) {
        FR_AUTO(secret) *key = NULL;
        struct fr_kdf_target target = {.suid = kdf_vectors[i].suid,
                                       .id = kdf_vectors[i].id,
                                       .fqdn = kdf_vectors[i].fqdn};

        assert_true(
            fr_derivation_by_name(kdf_vectors[i].derivation, &target.derivation));
        assert_ok(fr_kdf_target_key(ke, &target, &key, &err));
        assert_hex(fr_secret_view(key), kdf_vectors[i].key);
    }
}

static void target_name_counts_in_lower_case(void **state)
{
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);
    FR_AUTO(secret) *key = NULL;

    (void)state;
    assert_ok(fr_kdf_usage(ke, 21, "MAF.Example.com", &key, &err));
    assert_hex(fr_secret_view(key), kdf_vectors[2].key);
}

static void suid_of_other_than_two_digits_is_refused(void **state)
{
    static const int suids[] = {-22, 0, 9, 100, 2200};
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);
    struct fr_secret *key = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(suids); i++)
        assert_fails(fr_kdf_usage(ke, suids[i], "broker.example.com", &key, &err),
                     FR_EPARSE);
    assert_null(key);
}

static void usage_target_that_is_no_fqdn_is_refused(void **state)
{
    static const char *const names[] = {"", "//sp/cse", "*.example.com", "192.0.2.1",
                                        "broker.example.com."};
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);
    struct fr_secret *key = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_fails(fr_kdf_usage(ke, 22, names[i], &key, &err), FR_EPARSE);
    assert_fails(fr_kdf_usage(ke, 22, NULL, &key, &err), FR_EPARSE);
    assert_null(key);
}

static void id_outside_its_limits_is_refused(void **state)
{
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);
    struct fr_secret *key = NULL;
    char too_long[FR_ID_MAX + 2];

    (void)state;
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = 0;
    assert_fails(fr_kdf_km(ke, "", &key, &err), FR_EPARSE);
    assert_fails(fr_kdf_km(ke, NULL, &key, &err), FR_EPARSE);
    assert_fails(fr_kdf_km(ke, "maf example", &key, &err), FR_EPARSE);
    assert_fails(fr_kdf_kpsa(ke, "//sp/\xc3\xa9", &key, &err), FR_EPARSE);
    assert_fails(fr_kdf_kpsa(ke, too_long, &key, &err), FR_EPARSE);
    assert_null(key);
}

static void ke_of_another_length_is_refused(void **state)
{
    FR_AUTO(secret) *ke = secret_of("0102");
    struct fr_secret *key = NULL;

    (void)state;
    assert_fails(fr_kdf_km(ke, "maf.example.com", &key, &err), FR_EPARSE);
    assert_null(key);
}

static void unknown_derivation_is_refused(void **state)
{
    FR_AUTO(secret) *ke = secret_of(VECTOR_KE);
    struct fr_kdf_target target = {.derivation = (enum fr_derivation)9};
    enum fr_derivation d;
    struct fr_secret *key = NULL;

    (void)state;
    assert_fails(fr_kdf_target_key(ke, &target, &key, &err), FR_EPARSE);
    assert_false(fr_derivation_by_name("Usage", &d));
    assert_false(fr_derivation_by_name("", &d));
}

static void derivation_names_read_back(void **state)
{
    (void)state;
    for (int i = FR_DERIVE_USAGE; i <= FR_DERIVE_GBA_U; i++) {
        enum fr_derivation d = (enum fr_derivation)i, back;

        assert_true(fr_derivation_by_name(fr_derivation_name(d), &back));
        assert_int_equal(back, d);
    }
}

static void keyid_is_read_in_its_canonical_form(void **state)
{
    char keyid[FR_KEYID_MAX + 1];

    (void)state;
    assert_true(fr_keyid_parse(
        fr_slice_str("c1aec59a313d1341c3d91e1fee552ff2@MEF.Example.com"), keyid));
    assert_string_equal(keyid, VECTOR_KEYID);
}

static void malformed_keyid_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "@mef.example.com",
        VECTOR_RELKEYID,
        VECTOR_RELKEYID "@",
        VECTOR_RELKEYID "@a@b",
        VECTOR_RELKEYID "@*.example.com",
        VECTOR_RELKEYID "0@mef.example.com",
        "X1AEC59A313D1341C3D91E1FEE552FF2@mef.example.com",
        "1AEC59A313D1341C3D91E1FEE552FF2@mef.example.com",
    };
    char keyid[FR_KEYID_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_false(fr_keyid_parse(fr_slice_str(texts[i]), keyid));
}

#define BTID "I1U8vpY3qJ0hiq5iTb+/NQ==@mef.example.com"

static void btid_is_taken_exactly(void **state)
{
    char keyid[FR_KEYID_MAX + 1];

    (void)state;
    assert_true(fr_keyid_any_parse(fr_slice_str(BTID), keyid));
    assert_string_equal(keyid, BTID);
    assert_true(fr_keyid_is_btid(keyid));
    assert_true(fr_keyid_any_parse(
        fr_slice_str("c1aec59a313d1341c3d91e1fee552ff2@MEF.Example.com"), keyid));
    assert_string_equal(keyid, VECTOR_KEYID);
    assert_false(fr_keyid_is_btid(keyid));
    assert_true(fr_keyid_first_parse(fr_slice_of(BTID, 24), keyid));
    assert_string_equal(keyid, "I1U8vpY3qJ0hiq5iTb+/NQ==");
    assert_true(
        fr_keyid_first_parse(fr_slice_str("c1aec59a313d1341c3d91e1fee552ff2"), keyid));
    assert_string_equal(keyid, VECTOR_RELKEYID);
}

static void what_is_neither_keyid_nor_btid_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "I1U8vpY3qJ0hiq5iTb+/NQ==",
        "I1U8vpY3qJ0hiq5iTb+/NQ==@",
        "I1U8vpY3qJ0hiq5iTb+/NQ==@a b",
        "I1U8vpY3qJ0hiq5iTb+/NQ==@a@b",
        "I1U8vpY3qJ0hiq5iTb+/NQ=@mef.example.com",
        "I1U8vpY3qJ0hiq5iTb-_NQ==@mef.example.com", /* the other alphabet */
        "I1U8vpY3qJ0hiq5iTb%2B/==@mef.example.com",
        "I1U8vpY3qJ0hiq5iTb+/NR==@mef.example.com", /* bits behind the end */
        "alice@mef.example.com",
    };
    char keyid[FR_KEYID_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_false(fr_keyid_any_parse(fr_slice_str(texts[i]), keyid));
    assert_false(fr_keyid_first_parse(fr_slice_str("0A"), keyid));
    assert_false(fr_keyid_any_parse(fr_slice_of(BTID "\0x", sizeof BTID + 1), keyid));
}

static void keyid_with_nul_or_too_long_is_refused(void **state)
{
    char keyid[FR_KEYID_MAX + 1], text[FR_KEYID_MAX + 3];

    (void)state;
    assert_false(
        fr_keyid_parse(fr_slice_of(VECTOR_RELKEYID "@mef\0.example.com", 49), keyid));
    memset(text, 'a', sizeof text);
    text[32] = '@';
    for (size_t i = 60; i < sizeof text; i += 40)
        text[i] = '.';
    assert_true(fr_keyid_parse(fr_slice_of(text, FR_KEYID_MAX), keyid));
    assert_int_equal(strlen(keyid), FR_KEYID_MAX);
    assert_false(fr_keyid_parse(fr_slice_of(text, FR_KEYID_MAX + 1), keyid));
}

static void sha256_matches_fips_180(void **state)
{
    uint8_t md[FR_SHA256_LEN];

    (void)state;
    assert_ok(fr_sha256(fr_slice_str("abc"), md, &err));
    assert_hex(fr_slice_of(md, sizeof md),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(fr_sha256(fr_slice_of(NULL, 0), md, &err));
    assert_hex(fr_slice_of(md, sizeof md),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hmac_matches_rfc_4231(void **state)
{
    uint8_t key[512], mac[FR_SHA256_LEN];

    (void)state;
    for (size_t i = 0; i < COUNT(hmac_vectors); i++) {
        struct fr_slice data = fr_slice_str(hmac_vectors[i].data);

        assert_ok(fr_hmac_sha256(unhex(hmac_vectors[i].key, key), &data, 1, mac, &err));
        assert_hex(fr_slice_of(mac, sizeof mac), hmac_vectors[i].mac);
    }
}

static void hmac_of_parts_is_that_of_the_whole(void **state)
{
    const struct fr_slice parts[] = {fr_slice_str("what do ya "), fr_slice_of(NULL, 0),
                                     fr_slice_str("want for nothing?")};
    uint8_t mac[FR_SHA256_LEN];

    (void)state;
    assert_ok(fr_hmac_sha256(fr_slice_str("Jefe"), parts, 3, mac, &err));
    assert_hex(fr_slice_of(mac, sizeof mac), hmac_vectors[1].mac);
}

static void hmac_takes_an_empty_key(void **state)
{
    const struct fr_slice none = {0};
    uint8_t mac[FR_SHA256_LEN];

    (void)state;
    assert_ok(fr_hmac_sha256(none, &none, 0, mac, &err));
    assert_hex(fr_slice_of(mac, sizeof mac),
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void hkdf_matches_rfc_5869(void **state)
{
    uint8_t salt[512], info[512];

    (void)state;
    for (size_t i = 0; i < COUNT(hkdf_vectors); i++) {
        FR_AUTO(secret) *ikm = secret_of(hkdf_vectors[i].ikm);
        FR_AUTO(secret) *okm = NULL;

        assert_ok(fr_hkdf_sha256(ikm, unhex(hkdf_vectors[i].salt, salt),
                                 unhex(hkdf_vectors[i].info, info),
                                 strlen(hkdf_vectors[i].okm) / 2, &okm, &err));
        assert_hex(fr_secret_view(okm), hkdf_vectors[i].okm);
    }
}

static void hkdf_length_outside_its_limits_is_refused(void **state)
{
    FR_AUTO(secret) *ikm = secret_of(VECTOR_KE);
    const struct fr_slice none = {0};
    struct fr_secret *okm = NULL;

    (void)state;
    assert_fails(fr_hkdf_sha256(ikm, none, none, 0, &okm, &err), FR_EPARSE);
    assert_fails(fr_hkdf_sha256(ikm, none, none, 256, &okm, &err), FR_EPARSE);
    assert_null(okm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_have_the_lengths_of_the_standard),
        cmocka_unit_test(derivations_use_the_labels_of_the_standard),
        cmocka_unit_test(export_splits_into_id_and_ke),
        cmocka_unit_test(export_of_another_length_is_refused),
        cmocka_unit_test(target_keys_match_the_vectors),
        cmocka_unit_test(target_name_counts_in_lower_case),
        cmocka_unit_test(suid_of_other_than_two_digits_is_refused),
        cmocka_unit_test(usage_target_that_is_no_fqdn_is_refused),
        cmocka_unit_test(id_outside_its_limits_is_refused),
        cmocka_unit_test(ke_of_another_length_is_refused),
        cmocka_unit_test(unknown_derivation_is_refused),
        cmocka_unit_test(derivation_names_read_back),
        cmocka_unit_test(keyid_is_read_in_its_canonical_form),
        cmocka_unit_test(malformed_keyid_is_refused),
        cmocka_unit_test(btid_is_taken_exactly),
        cmocka_unit_test(what_is_neither_keyid_nor_btid_is_refused),
        cmocka_unit_test(keyid_with_nul_or_too_long_is_refused),
        cmocka_unit_test(sha256_matches_fips_180),
        cmocka_unit_test(hmac_matches_rfc_4231),
        cmocka_unit_test(hmac_of_parts_is_that_of_the_whole),
        cmocka_unit_test(hmac_takes_an_empty_key),
        cmocka_unit_test(hkdf_matches_rfc_5869),
        cmocka_unit_test(hkdf_length_outside_its_limits_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
