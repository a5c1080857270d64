/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers; the text of the headers is in aka_digest_text_test.c. */
#include "proto/aka_digest.h"

#include "test.h"
#include "vectors/gba.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct fr_err err;
static uint8_t res[8], ck[16], ik[16];
static struct fr_aka_keys keys;

static struct fr_slice unhex(const char *hex, uint8_t *to)
{
    assert_true(fr_hex_decode(fr_slice_str(hex), to));
    return fr_slice_of(to, strlen(hex) / 2);
}

static int set_up(void **state)
{
    (void)state;
    keys.res = unhex(VECTOR_RES, res);
    keys.ck = unhex(VECTOR_CK, ck);
    keys.ik = unhex(VECTOR_IK, ik);
    return 0;
}

static struct fr_digest_auth request(void)
{
    return (struct fr_digest_auth){
        .username = VECTOR_IMPI,
        .realm = VECTOR_BSF,
        .nonce = VECTOR_NONCE,
        .uri = "/",
        .cnonce = VECTOR_CNONCE,
        .nc = VECTOR_NC,
        .has_auth_int = true,
    };
}

static void check_response(const struct fr_secret *password, const char *expected)
{
    const struct fr_digest_auth a = request();
    const struct fr_slice no_body = {0};
    char response[FR_DIGEST_HEX + 1];

    assert_ok(fr_digest_compute(&a, password, "GET", no_body, response, &err));
    assert_string_equal(response, expected);
}

static void an_akav1_response_matches_the_vector(void **state)
{
    FR_AUTO(secret) *password = NULL;

    (void)state;
    assert_ok(fr_digest_password(FR_AKAV1_MD5, &keys, &password, &err));
    assert_hex(fr_secret_view(password), VECTOR_RES);
    check_response(password, VECTOR_AKAV1);
}

static void an_akav2_response_matches_the_vector(void **state)
{
    FR_AUTO(secret) *password = NULL;

    (void)state;
    assert_ok(fr_digest_password(FR_AKAV2_MD5, &keys, &password, &err));
    assert_true(
        fr_slice_equal(fr_secret_view(password), fr_slice_str(VECTOR_AKAV2_PW)));
    check_response(password, VECTOR_AKAV2);
}

static void a_resynchronisation_has_the_empty_password(void **state)
{
    const struct fr_aka_keys none = {0};
    struct fr_secret *password = NULL;

    (void)state;
    for (int v = FR_AKAV1_MD5; v <= FR_AKAV2_MD5; v++) {
        assert_ok(fr_digest_password((enum fr_aka_version)v, &none, &password, &err));
        assert_null(password);
    }
    check_response(NULL, VECTOR_RESYNC);
}

/* By the formula of RFC 7616 3.4 in Python's hashlib, as gba_oracle.py has it. */
static void a_password_with_nul_counts_whole(void **state)
{
    static const struct {
        const char *res, *response;
    } cases[] = {
        {"00000000", "6c6b8b24848b99fccc72b228846cab86"},
        {"a5420000e3ba50bf", "270e39d01a2453bfdf51c6142463b82b"},
        {"000102030405060708090a0b0c0d0e0f", "1047d9f697e76f35e4e62f0f7f5dca87"},
    };
    uint8_t octets[16];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct fr_aka_keys k = {.res = unhex(cases[i].res, octets)};
        FR_AUTO(secret) *password = NULL;

        assert_ok(fr_digest_password(FR_AKAV1_MD5, &k, &password, &err));
        assert_int_equal(fr_secret_len(password), k.res.len);
        check_response(password, cases[i].response);
    }
}

static void res_of_another_length_is_refused(void **state)
{
    static const size_t lengths[] = {1, 3, 17, 64};
    uint8_t octets[64] = {1};
    struct fr_secret *password = NULL;

    (void)state;
    for (int v = FR_AKAV1_MD5; v <= FR_AKAV2_MD5; v++)
        for (size_t i = 0; i < COUNT(lengths); i++) {
            struct fr_aka_keys k = keys;

            k.res = fr_slice_of(octets, lengths[i]);
            assert_fails(
                fr_digest_password((enum fr_aka_version)v, &k, &password, &err),
                FR_EPARSE);
        }
    assert_null(password);
}

static void akav2_without_ck_and_ik_is_refused(void **state)
{
    struct fr_aka_keys no_ck = keys, no_ik = keys;
    struct fr_secret *password = NULL;

    (void)state;
    no_ck.ck.len = 0;
    no_ik.ik.len--;
    assert_fails(fr_digest_password(FR_AKAV2_MD5, &no_ck, &password, &err), FR_EPARSE);
    assert_fails(fr_digest_password(FR_AKAV2_MD5, &no_ik, &password, &err), FR_EPARSE);
    assert_null(password);
}

static void every_part_counts(void **state)
{
    const struct fr_digest_auth a = request();
    FR_AUTO(secret) *password = NULL;
    char response[FR_DIGEST_HEX + 1];
    const struct fr_slice no_body = {0};
    struct fr_digest_auth others[6] = {a, a, a, a, a, a};

    (void)state;
    assert_ok(fr_digest_password(FR_AKAV1_MD5, &keys, &password, &err));
    others[0].username[0] = 'x';
    others[1].realm[0] = 'x';
    others[2].nonce[0] = 'x';
    others[3].uri[1] = 'x';
    others[4].cnonce[0] = 'x';
    others[5].nc[7] = '2';
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_ok(
            fr_digest_compute(&others[i], password, "GET", no_body, response, &err));
        assert_string_not_equal(response, VECTOR_AKAV1);
    }
    assert_ok(fr_digest_compute(&a, password, "", no_body, response, &err));
    assert_string_not_equal(response, VECTOR_AKAV1);
    assert_ok(
        fr_digest_compute(&a, password, "GET", fr_slice_str("x"), response, &err));
    assert_string_not_equal(response, VECTOR_AKAV1);
}

static void only_digests_are_equal(void **state)
{
    (void)state;
    assert_true(fr_digest_equal(VECTOR_AKAV1, VECTOR_AKAV1));
    assert_false(fr_digest_equal(VECTOR_AKAV1, VECTOR_RESYNC));
    assert_false(fr_digest_equal("", ""));
    assert_false(fr_digest_equal(VECTOR_AKAV1, ""));
    assert_false(fr_digest_equal("", VECTOR_AKAV1));
    assert_false(fr_digest_equal("abc", "abc"));
    assert_false(fr_digest_equal(VECTOR_AKAV1, VECTOR_AKAV1 "0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_akav1_response_matches_the_vector),
        cmocka_unit_test(an_akav2_response_matches_the_vector),
        cmocka_unit_test(a_resynchronisation_has_the_empty_password),
        cmocka_unit_test(a_password_with_nul_counts_whole),
        cmocka_unit_test(res_of_another_length_is_refused),
        cmocka_unit_test(akav2_without_ck_and_ik_is_refused),
        cmocka_unit_test(every_part_counts),
        cmocka_unit_test(only_digests_are_equal),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
