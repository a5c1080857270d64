/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/gba.h"

#include "test.h"
#include "vectors/gba.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct fr_err err;
static uint8_t rand_octets[FR_AKA_RAND_LEN];
static struct fr_secret *ks;

static int set_up(void **state)
{
    (void)state;
    assert_true(fr_hex_decode(fr_slice_str(VECTOR_RAND), rand_octets));
    assert_ok(fr_secret_from_hex(fr_slice_str(VECTOR_KS), &ks, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fr_secret_free(ks);
    return 0;
}

static struct fr_gba_naf naf_of(enum fr_ua ua)
{
    return (struct fr_gba_naf){
        .rand = fr_slice_of(rand_octets, sizeof rand_octets),
        .impi = VECTOR_IMPI,
        .naf_fqdn = VECTOR_NAF,
        .ua = ua,
    };
}

/* ---- keys ---- */

static void ks_naf_matches_the_vectors(void **state)
{
    (void)state;
    assert_int_equal(COUNT(naf_vectors), FR_N_UAS);
    for (size_t i = 0; i < COUNT(naf_vectors); i++) {
        FR_AUTO(secret) *key = NULL;
        struct fr_gba_naf naf;
        enum fr_ua ua;

        assert_true(fr_ua_by_name(naf_vectors[i].ua, &ua));
        assert_hex(fr_ua_octets(ua), naf_vectors[i].octets);
        naf = naf_of(ua);
        assert_ok(fr_gba_naf_key(ks, &naf, &key, &err));
        assert_hex(fr_secret_view(key), naf_vectors[i].key);
    }
}

static void the_key_of_the_card_is_another(void **state)
{
    FR_AUTO(secret) *key = NULL;
    struct fr_gba_naf naf = naf_of(FR_UA_TLS12);

    (void)state;
    naf.key = FR_GBA_U;
    assert_ok(fr_gba_naf_key(ks, &naf, &key, &err));
    assert_hex(fr_secret_view(key), VECTOR_KS_INT_NAF);
}

static void the_name_of_a_naf_counts_in_lower_case(void **state)
{
    FR_AUTO(secret) *key = NULL;
    struct fr_gba_naf naf = naf_of(FR_UA_TLS12);

    (void)state;
    naf.naf_fqdn = "NAF.Example.org";
    assert_ok(fr_gba_naf_key(ks, &naf, &key, &err));
    assert_hex(fr_secret_view(key), naf_vectors[0].key);
}

static void a_naf_id_is_name_and_ua(void **state)
{
    FR_AUTO_CLEAR(buf) id = FR_BUF_INIT(FR_FQDN_MAX + FR_UA_LEN);

    (void)state;
    assert_ok(fr_gba_naf_id("Naf.example.org", FR_UA_DTLS12, &id, &err));
    assert_hex(fr_buf_view(&id), "6e61662e6578616d706c652e6f7267010001c0a8");
}

static void a_naf_without_a_name_is_refused(void **state)
{
    static const char *const names[] = {"", "*.example.org", "naf.example.org.",
                                        "192.0.2.1", "naf example"};
    FR_AUTO_CLEAR(buf) id = FR_BUF_INIT(FR_FQDN_MAX + FR_UA_LEN);
    struct fr_gba_naf naf = naf_of(FR_UA_TLS12);
    struct fr_secret *key = NULL;
    char tmpi[FR_ID_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        naf.naf_fqdn = names[i];
        assert_fails(fr_gba_naf_key(ks, &naf, &key, &err), FR_EPARSE);
        assert_fails(fr_gba_naf_id(names[i], FR_UA_TLS12, &id, &err), FR_EPARSE);
        assert_fails(fr_gba_tmpi(ks, naf.rand, VECTOR_IMPI, names[i], tmpi, &err),
                     FR_EPARSE);
    }
    naf.naf_fqdn = NULL;
    assert_fails(fr_gba_naf_key(ks, &naf, &key, &err), FR_EPARSE);
    assert_null(key);
}

static void an_impi_out_of_its_limits_is_refused(void **state)
{
    char too_long[FR_IMPI_MAX + 2];
    const char *const impis[] = {
        "", NULL, "a b@example.org", "a\n@example.org", "a\x7f@b", "\xff@b", too_long};
    struct fr_gba_naf naf = naf_of(FR_UA_TLS12);
    struct fr_secret *key = NULL;

    (void)state;
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = 0;
    for (size_t i = 0; i < COUNT(impis); i++) {
        naf.impi = impis[i];
        assert_fails(fr_gba_naf_key(ks, &naf, &key, &err), FR_EPARSE);
    }
    assert_null(key);
}

static void ks_or_rand_of_another_length_is_refused(void **state)
{
    FR_AUTO(secret) *half = NULL;
    struct fr_gba_naf naf = naf_of(FR_UA_TLS12);
    struct fr_secret *key = NULL;

    (void)state;
    assert_ok(fr_secret_from_hex(fr_slice_str(VECTOR_CK), &half, &err));
    assert_fails(fr_gba_naf_key(half, &naf, &key, &err), FR_EPARSE);
    naf.rand.len--;
    assert_fails(fr_gba_naf_key(ks, &naf, &key, &err), FR_EPARSE);
    assert_null(key);
}

static void the_tmpi_matches_the_vector(void **state)
{
    char tmpi[FR_ID_MAX + 1];

    (void)state;
    assert_ok(fr_gba_tmpi(ks, fr_slice_of(rand_octets, sizeof rand_octets), VECTOR_IMPI,
                          VECTOR_BSF, tmpi, &err));
    assert_string_equal(tmpi, VECTOR_TMPI_USER "@tmpi.bsf.3gppnetwork.org");
}

static void the_user_part_of_a_tmpi_is_told_from_other_names(void **state)
{
    static const char *const others[] = {
        VECTOR_IMPI,
        "",
        "@tmpi.bsf.3gppnetwork.org",
        VECTOR_TMPI_USER,
        VECTOR_TMPI_USER "@bsf.3gppnetwork.org",
        VECTOR_TMPI_USER "@tmpi.bsf.3gppnetwork.org.example.com",
        VECTOR_TMPI_USER "=@tmpi.bsf.3gppnetwork.org",
        "g8A0RHDuCXlCTm8IzQ29xYou4F13lIQ@tmpi.bsf.3gppnetwork.org",
        "7g8A0RHDuCXlCTm8IzQ29xYou4F13l==@tmpi.bsf.3gppnetwork.org",
        "7g8A0RHDuCXlCTm8IzQ29xYou4F13l-_@tmpi.bsf.3gppnetwork.org",
        "7g8A0RHDuCXlCTm8IzQ29xYou4F13lI @tmpi.bsf.3gppnetwork.org",
    };
    char user[FR_TMPI_USER_LEN + 1];

    (void)state;
    assert_true(fr_tmpi_user(VECTOR_TMPI_USER "@TMPI.bsf.3gppnetwork.org", user));
    assert_string_equal(user, VECTOR_TMPI_USER);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(fr_tmpi_user(others[i], user));
}

static void ua_names_read_back(void **state)
{
    enum fr_ua back;

    (void)state;
    for (int i = 0; i < FR_N_UAS; i++) {
        assert_true(fr_ua_by_name(fr_ua_name((enum fr_ua)i), &back));
        assert_int_equal(back, i);
    }
    assert_false(fr_ua_by_name("TLS1.2", &back));
    assert_false(fr_ua_by_name("", &back));
}

/* ---- names ---- */

static void a_btid_is_made_of_rand(void **state)
{
    char btid[FR_BTID_MAX + 1];

    (void)state;
    fr_btid_format(rand_octets, VECTOR_BSF, btid);
    assert_string_equal(btid, "I1U8vpY3qJ0hiuZNrke/NQ==@" VECTOR_BSF);
    assert_true(fr_btid_is_valid(btid, VECTOR_BSF));
}

static void a_btid_of_the_longest_name_fits(void **state)
{
    char fqdn[FR_FQDN_MAX + 1], btid[FR_BTID_MAX + 1];

    (void)state;
    memset(fqdn, 'a', FR_FQDN_MAX);
    fqdn[FR_FQDN_MAX] = 0;
    for (size_t i = 40; i < FR_FQDN_MAX; i += 41)
        fqdn[i] = '.';
    fr_btid_format(rand_octets, fqdn, btid);
    assert_int_equal(strlen(btid), 24 + 1 + FR_FQDN_MAX);
    assert_true(fr_btid_is_valid(btid, fqdn));
}

static void a_btid_of_others_is_opaque(void **state)
{
    static const char *const btids[] = {
        "I1U8vpY3qJ0+iuZNrke/NQ==@bsf.example.org",
        "0f3c.a_b-9@bsf.example.org",
        "x@BSF.Example.org",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(btids); i++) {
        assert_true(fr_btid_is_valid(btids[i], NULL));
        assert_true(fr_btid_is_valid(btids[i], "bsf.example.ORG"));
        assert_false(fr_btid_is_valid(btids[i], "bsf.example.com"));
        assert_false(fr_btid_is_valid(btids[i], "example.org"));
    }
}

static void a_malformed_btid_is_refused(void **state)
{
    char too_long[FR_BTID_MAX + 2];
    const char *const btids[] = {
        "",
        "@bsf.example.org",
        "abc",
        "abc@",
        "a@b@bsf.example.org",
        "a b@b",
        "a\n@b",
        "a\"@b",
        "a\\@b",
        "a:b@b",
        "a@b c",
        "a@-b",
        "\xc3\xa4@b",
        "a\x7f@b",
        too_long,
    };

    (void)state;
    memset(too_long, 'a', sizeof too_long - 1);
    memcpy(too_long + sizeof too_long - 3, "@b", 3);
    for (size_t i = 0; i < COUNT(btids); i++)
        assert_false(fr_btid_is_valid(btids[i], NULL));
}

static void an_imsi_has_6_to_15_digits(void **state)
{
    static const char *const not [] = {"",
                                       "00101",
                                       "0010100000000011",
                                       "00101000000000a",
                                       " 001010000000001",
                                       "001010000000001 ",
                                       "-01010"};

    (void)state;
    assert_true(fr_imsi_is_valid("001010"));
    assert_true(fr_imsi_is_valid(VECTOR_IMSI));
    for (size_t i = 0; i < COUNT(not ); i++)
        assert_false(fr_imsi_is_valid(not [i]));
}

static void an_impi_is_made_of_an_imsi(void **state)
{
    char impi[FR_IMPI_MAX + 1];

    (void)state;
    assert_ok(fr_impi_of_imsi(VECTOR_IMSI, 2, impi, &err));
    assert_string_equal(impi, VECTOR_IMPI);
    assert_ok(fr_impi_of_imsi("310150123456789", 3, impi, &err));
    assert_string_equal(impi, "310150123456789@ims.mnc150.mcc310.3gppnetwork.org");
    assert_fails(fr_impi_of_imsi("310150123456789", 1, impi, &err), FR_EPARSE);
    assert_fails(fr_impi_of_imsi("310150123456789", 4, impi, &err), FR_EPARSE);
    assert_fails(fr_impi_of_imsi("310150", 3, impi, &err), FR_EPARSE);
    assert_fails(fr_impi_of_imsi("31015x123456789", 3, impi, &err), FR_EPARSE);
}

static void the_imsi_of_an_impi_is_before_its_domain(void **state)
{
    static const char *const not [] = {
        VECTOR_IMSI,
        VECTOR_IMSI "@",
        "alice@example.org",
        "@example.org",
        "00101@a.example",
        "00101000000000a@a.example",
        VECTOR_IMSI "1@a.example",
        VECTOR_IMSI "@a@b",
        VECTOR_IMSI "@a b",
        "",
    };
    char imsi[FR_IMSI_MAX + 1];

    (void)state;
    assert_true(fr_imsi_of_impi(VECTOR_IMPI, imsi));
    assert_string_equal(imsi, VECTOR_IMSI);
    assert_true(fr_imsi_of_impi("001010@private.example", imsi));
    assert_string_equal(imsi, "001010");
    for (size_t i = 0; i < COUNT(not ); i++)
        assert_false(fr_imsi_of_impi(not [i], imsi));
    assert_string_equal(imsi, "001010");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ks_naf_matches_the_vectors),
        cmocka_unit_test(the_key_of_the_card_is_another),
        cmocka_unit_test(the_name_of_a_naf_counts_in_lower_case),
        cmocka_unit_test(a_naf_id_is_name_and_ua),
        cmocka_unit_test(a_naf_without_a_name_is_refused),
        cmocka_unit_test(an_impi_out_of_its_limits_is_refused),
        cmocka_unit_test(ks_or_rand_of_another_length_is_refused),
        cmocka_unit_test(the_tmpi_matches_the_vector),
        cmocka_unit_test(the_user_part_of_a_tmpi_is_told_from_other_names),
        cmocka_unit_test(ua_names_read_back),
        cmocka_unit_test(a_btid_is_made_of_rand),
        cmocka_unit_test(a_btid_of_the_longest_name_fits),
        cmocka_unit_test(a_btid_of_others_is_opaque),
        cmocka_unit_test(a_malformed_btid_is_refused),
        cmocka_unit_test(an_imsi_has_6_to_15_digits),
        cmocka_unit_test(an_impi_is_made_of_an_imsi),
        cmocka_unit_test(the_imsi_of_an_impi_is_before_its_domain),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
