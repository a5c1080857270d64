/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/confirm.h"

#include "test.h"
#include "vectors/confirm.h"
#include "vectors/kdf.h"

static struct fr_err err;

struct fixture {
    struct fr_secret *ke;
    struct fr_confirm_fields fields;
    uint8_t mac[FR_SHA256_LEN]; /* the enrolee's */
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fields = {.key_id = VECTOR_KEYID,
                                    .mef_fqdn = VECTOR_MEF,
                                    .credential = VECTOR_CREDENTIAL}};
    assert_ok(fr_secret_from_hex(fr_slice_str(VECTOR_KE), &f.ke, &err));
    assert_ok(fr_sha256(fr_slice_str(VECTOR_REQUEST), f.fields.request_sha256, &err));
    assert_ok(fr_sha256(fr_slice_str(VECTOR_RESPONSE), f.fields.response_sha256, &err));
    assert_ok(fr_confirm_mac(f.ke, FR_CONFIRM_ENROLEE, &f.fields, f.mac, &err));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fr_secret_free(((struct fixture *)*state)->ke);
    return 0;
}

static enum fr_code check(const struct fixture *f, enum fr_confirm_role role)
{
    return fr_confirm_check(f->ke, role, &f->fields, fr_slice_of(f->mac, sizeof f->mac),
                            &err);
}

static void confirmation_key_matches_the_design(void **state)
{
    struct fixture *f = *state;
    const struct fr_slice label = fr_slice_str("Fieldroot key confirmation v1");
    uint8_t k[FR_SHA256_LEN];

    assert_ok(fr_hmac_sha256(fr_secret_view(f->ke), &label, 1, k, &err));
    assert_hex(fr_slice_of(k, sizeof k), VECTOR_CONFIRM_K);
}

static void macs_match_the_design(void **state)
{
    struct fixture *f = *state;
    uint8_t mef[FR_SHA256_LEN];

    assert_hex(fr_slice_of(f->mac, sizeof f->mac), VECTOR_MAC_ENROLEE);
    assert_ok(fr_confirm_mac(f->ke, FR_CONFIRM_MEF, &f->fields, mef, &err));
    assert_hex(fr_slice_of(mef, sizeof mef), VECTOR_MAC_MEF);
}

static void own_mac_is_accepted(void **state)
{
    assert_ok(check(*state, FR_CONFIRM_ENROLEE));
}

static void reflected_mac_is_refused(void **state)
{
    assert_fails_as(check(*state, FR_CONFIRM_MEF), FR_EREFUSED,
                    "confirmation-mismatch");
}

static void other_key_is_refused(void **state)
{
    struct fixture *f = *state;

    fr_secret_data(f->ke)[31] ^= 1;
    assert_fails_as(check(f, FR_CONFIRM_ENROLEE), FR_EREFUSED, "confirmation-mismatch");
}

static void altered_octet_of_the_mac_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof f->mac; i++) {
        f->mac[i] ^= 0x80;
        assert_fails_as(check(f, FR_CONFIRM_ENROLEE), FR_EREFUSED,
                        "confirmation-mismatch");
        f->mac[i] ^= 0x80;
    }
}

static void cut_mac_is_refused(void **state)
{
    struct fixture *f = *state;

    for (size_t n = 0; n < sizeof f->mac; n++)
        assert_fails_as(fr_confirm_check(f->ke, FR_CONFIRM_ENROLEE, &f->fields,
                                         fr_slice_of(f->mac, n), &err),
                        FR_EREFUSED, "confirmation-mismatch");
}

static void each_field_counts(void **state)
{
    struct fixture *f = *state;
    const struct fr_confirm_fields right = f->fields;
    struct fr_confirm_fields wrong[5];

    for (size_t i = 0; i < 5; i++)
        wrong[i] = right;
    wrong[0].key_id = "C1AEC59A313D1341C3D91E1FEE552FF3@mef.example.com";
    wrong[1].mef_fqdn = "mef.example.org";
    wrong[2].credential = "psk:kpm-2@mef.example.com";
    wrong[3].request_sha256[0] ^= 1;
    wrong[4].response_sha256[31] ^= 1;
    for (size_t i = 0; i < 5; i++) {
        f->fields = wrong[i];
        assert_fails_as(check(f, FR_CONFIRM_ENROLEE), FR_EREFUSED,
                        "confirmation-mismatch");
    }
}

static void text_moved_between_fields_is_refused(void **state)
{
    struct fixture *f = *state;

    f->fields.key_id = VECTOR_KEYID "m";
    f->fields.mef_fqdn = "ef.example.com";
    assert_fails_as(check(f, FR_CONFIRM_ENROLEE), FR_EREFUSED, "confirmation-mismatch");
}

static void missing_or_too_long_field_is_refused(void **state)
{
    struct fixture *f = *state;
    char too_long[FR_CREDENTIAL_REF_MAX + 2];

    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = 0;
    f->fields.credential = too_long;
    assert_fails(check(f, FR_CONFIRM_ENROLEE), FR_EPARSE);
    f->fields.credential = "";
    assert_fails(check(f, FR_CONFIRM_ENROLEE), FR_EPARSE);
    f->fields.credential = NULL;
    assert_fails(check(f, FR_CONFIRM_ENROLEE), FR_EPARSE);
}

static void refusal_shows_no_octet_of_the_mac(void **state)
{
    assert_fails(check(*state, FR_CONFIRM_MEF), FR_EREFUSED);
    assert_null(strstr(err.msg, "c3de0071"));
    assert_null(strstr(err.msg, "f046c7d5"));
}

static void certificate_reference_is_lower_case_hex(void **state)
{
    uint8_t md[FR_SHA256_LEN];
    char ref[FR_CREDENTIAL_REF_MAX + 1];

    (void)state;
    memset(md, 0xab, sizeof md);
    assert_string_equal(
        fr_confirm_cert_ref(md, ref),
        "cert:abababababababababababababababababababababababababababababababab");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(confirmation_key_matches_the_design),
        test(macs_match_the_design),
        test(own_mac_is_accepted),
        test(reflected_mac_is_refused),
        test(other_key_is_refused),
        test(altered_octet_of_the_mac_is_refused),
        test(cut_mac_is_refused),
        test(each_field_counts),
        test(text_moved_between_fields_is_refused),
        test(missing_or_too_long_field_is_refused),
        test(refusal_shows_no_octet_of_the_mac),
        cmocka_unit_test(certificate_reference_is_lower_case_hex),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
