/* SPDX-License-Identifier: Apache-2.0 */
/* Octets as osmo-hlr 1.5.0 sent them, and as it was asked. */
#include "test.h"

#include "server/hss/gsup.h"

static struct fr_err err;
static uint8_t octets[512];

static struct fr_slice hex(const char *digits)
{
    assert_true(fr_hex_decode(fr_slice_str(digits), octets));
    return fr_slice_of(octets, strlen(digits) / 2);
}

/* A result of osmo-hlr: IMSI 262420000000001, session 01020304, state END. */
#define HEAD                                                                           \
    "050a"                                                                             \
    "010862420200000000f1"
#define R    "2010fb85a167a7586d88f5c1dfd69f608df5"
#define G2   "210471ce1cc22208d470b112f3992574"
#define I    "2310ce70491a123da0f2d7147e5d65a39066"
#define C    "241009e68d781daaa270c4f20b2d99adb790"
#define A    "2510cda952ab28680000d1ba47f8832365df"
#define RES8 "2708e444fd76958ae1b4"
#define TAIL                                                                           \
    "300401020304"                                                                     \
    "310103"
#define WHOLE HEAD "0362" R G2 I C A RES8 TAIL

static enum fr_code decode(const char *digits, struct fr_gsup_answer *a)
{
    return fr_gsup_answer_decode(hex(digits), a, &err);
}

static void a_result_has_a_vector_and_our_session(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_ok(decode(WHOLE, &a));
    assert_int_equal(a.kind, FR_GSUP_VECTOR);
    assert_string_equal(a.imsi, "262420000000001");
    assert_true(a.has_session);
    assert_int_equal(a.session, 0x01020304);
    assert_hex(a.rand, "fb85a167a7586d88f5c1dfd69f608df5");
    assert_hex(a.autn, "cda952ab28680000d1ba47f8832365df");
    assert_hex(a.ck, "09e68d781daaa270c4f20b2d99adb790");
    assert_hex(a.ik, "ce70491a123da0f2d7147e5d65a39066");
    assert_hex(a.res, "e444fd76958ae1b4");
}

static void res_has_4_to_16_octets_and_may_hold_nul(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_ok(decode(HEAD "034e" R I C A "270400000000" TAIL, &a));
    assert_hex(a.res, "00000000");
    assert_ok(
        decode(HEAD "035a" R I C A "271000112233445566778899aabbccddee00" TAIL, &a));
    assert_hex(a.res, "00112233445566778899aabbccddee00");
    assert_fails_as(decode(HEAD "034d" R I C A "2703000000" TAIL, &a), FR_EINVALID,
                    "gsup-malformed");
    assert_fails_as(
        decode(HEAD "035b" R I C A "271100112233445566778899aabbccddeeff00" TAIL, &a),
        FR_EINVALID, "gsup-malformed");
}

static void an_error_has_its_cause(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_ok(decode("0509010862420200000090f9020102300401020306310103", &a));
    assert_int_equal(a.kind, FR_GSUP_ERROR);
    assert_int_equal(a.cause, FR_GSUP_IMSI_UNKNOWN);
    assert_string_equal(a.imsi, "262420000000099");
    assert_fails(decode("0509010862420200000090f9300401020306", &a), FR_EINVALID);
    assert_fails(decode("0509010862420200000090f902020202", &a), FR_EINVALID);
}

static void an_answer_cut_anywhere_is_refused(void **state)
{
    struct fr_slice whole = hex(WHOLE);

    (void)state;
    for (size_t len = 2; len < whole.len; len++) {
        struct fr_gsup_answer a;
        enum fr_code rc = fr_gsup_answer_decode(fr_slice_of(octets, len), &a, &err);

        /* Between two IEs behind the vector it is an answer with fewer of them. */
        if (rc == FR_OK)
            assert_true(len == whole.len - 3 || len == whole.len - 9);
        else
            assert_int_equal(rc, FR_EINVALID);
    }
}

static void a_vector_without_a_part_of_3g_says_so(void **state)
{
    static const char *const vectors[] = {
        HEAD "0322" R G2 TAIL, HEAD "0340" R I C RES8 TAIL, HEAD "0300" TAIL};
    struct fr_gsup_answer a;

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_ok(decode(vectors[i], &a));
        assert_int_equal(a.kind, FR_GSUP_NO_AKA);
        assert_true(a.imsi[0] && a.has_session);
    }
    assert_fails(decode(HEAD TAIL, &a), FR_EINVALID);
}

static void parts_twice_or_of_a_wrong_length_are_refused(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_fails(decode(HEAD "0364" R R I C A RES8 TAIL, &a), FR_EINVALID);
    assert_fails(decode(HEAD "0351"
                             "200ffb85a167a7586d88f5c1dfd69f608d" I C A RES8 TAIL,
                        &a),
                 FR_EINVALID);
    assert_fails(decode(WHOLE "300401020304", &a), FR_EINVALID);
    assert_fails(decode(WHOLE "300501020304", &a), FR_EINVALID);
    assert_fails(decode(WHOLE "010862420200000000f1", &a), FR_EINVALID);
}

static void of_several_vectors_the_first_counts(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_ok(decode(HEAD "0352" R I C A RES8 "0352"
                          "201000000000000000000000000000000000" I C A RES8 TAIL,
                     &a));
    assert_hex(a.rand, "fb85a167a7586d88f5c1dfd69f608df5");
}

static void unknown_elements_are_skipped(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_ok(decode(HEAD "7f00"
                          "0354" R I "7e00" C A RES8 "280101" TAIL,
                     &a));
    assert_int_equal(a.session, 0x01020304);
}

static void other_messages_are_not_ours(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_ok(decode("0510"
                     "010862420200000000f1",
                     &a)); /* InsertSubscriberData */
    assert_int_equal(a.kind, FR_GSUP_OTHER);
    assert_ok(decode("00ff", &a)); /* CTRL, another extension */
    assert_int_equal(a.kind, FR_GSUP_OTHER);
    assert_fails(decode("", &a), FR_EINVALID);
    assert_fails(decode("05", &a), FR_EINVALID);
}

static void an_imsi_is_digits(void **state)
{
    struct fr_gsup_answer a;

    (void)state;
    assert_fails(decode("0509"
                        "010862420200000a00f1"
                        "020102",
                        &a),
                 FR_EINVALID);
    assert_fails(decode("0509"
                        "0101ff"
                        "020102",
                        &a),
                 FR_EINVALID);
    assert_fails(decode("0509"
                        "010862420200000000f10101f0",
                        &a),
                 FR_EINVALID);
    assert_fails(decode("0509"
                        "01086242020000000011"
                        "020102",
                        &a),
                 FR_EINVALID);
    assert_fails(decode("0509"
                        "010962420200000000f111"
                        "020102",
                        &a),
                 FR_EINVALID);
    assert_ok(decode("0509"
                     "0103214365"
                     "020102",
                     &a));
    assert_string_equal(a.imsi, "123456");
}

static void a_request_asks_for_one_vector(void **state)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_IPA_FRAME_MAX);
    const struct fr_gsup_request r = {.imsi = "262420000000001", .session = 0xa1b2c3d4};

    (void)state;
    assert_ok(fr_gsup_request_encode(&r, &out, &err));
    assert_hex(fr_buf_view(&out), "0018ee"
                                  "0508"
                                  "010862420200000000f1"
                                  "3004a1b2c3d4"
                                  "310101"
                                  "520101");
}

static void a_resynchronisation_has_rand_and_auts(void **state)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_IPA_FRAME_MAX);
    uint8_t rand[16] = {1}, auts[14] = {2};
    struct fr_gsup_request r = {.imsi = "123456",
                                .rand = fr_slice_of(rand, sizeof rand),
                                .auts = fr_slice_of(auts, sizeof auts)};

    (void)state;
    assert_ok(fr_gsup_request_encode(&r, &out, &err));
    assert_hex(fr_buf_view(&out), "0035ee"
                                  "0508"
                                  "0103214365"
                                  "300400000000"
                                  "310101"
                                  "260e0200000000000000000000000000"
                                  "201001000000000000000000000000000000"
                                  "520101");
    r.auts.len = 13;
    assert_fails(fr_gsup_request_encode(&r, &out, &err), FR_EPARSE);
    r.auts.len = 0;
    assert_fails(fr_gsup_request_encode(&r, &out, &err), FR_EPARSE);
    r.rand.len = 0;
    r.imsi = "26242000000000x";
    assert_fails(fr_gsup_request_encode(&r, &out, &err), FR_EPARSE);
}

static void who_we_are_is_said_when_asked(void **state)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_IPA_FRAME_MAX);
    bool greeted = false;

    (void)state;
    assert_ok(fr_ccm_answer(hex("0401080107010201030104010501010100"), "bsf", &out,
                            &greeted, &err));
    assert_true(greeted);
    assert_hex(fr_buf_view(&out), "0038fe05"
                                  "000708302f302f3000"
                                  "000507"
                                  "62736600"
                                  "00020200"
                                  "00020300"
                                  "00020400"
                                  "000b05"
                                  "6669656c64726f6f7400"
                                  "000501"
                                  "62736600"
                                  "000500"
                                  "62736600");
}

static void a_ping_is_answered_and_nothing_else(void **state)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_IPA_FRAME_MAX);
    bool greeted = false;

    (void)state;
    assert_ok(fr_ccm_answer(hex("00"), "bsf", &out, &greeted, &err));
    assert_hex(fr_buf_view(&out), "0001fe01");
    assert_ok(fr_ccm_answer(hex("01"), "bsf", &out, &greeted, &err));
    assert_ok(fr_ccm_answer(hex("06"), "bsf", &out, &greeted, &err));
    assert_int_equal(out.len, 4);
    assert_false(greeted);
    assert_fails(fr_ccm_answer(hex(""), "bsf", &out, &greeted, &err), FR_EINVALID);
}

static void frames_are_taken_whole(void **state)
{
    struct fr_ipa_frame f;
    size_t used = 0;

    (void)state;
    for (size_t len = 0; len < 5; len++) {
        hex("0002fe0006ee");
        assert_fails(fr_ipa_take(fr_slice_of(octets, len), &f, &used, &err),
                     FR_ENOTFOUND);
    }
    assert_ok(fr_ipa_take(hex("0002fe0006ee"), &f, &used, &err));
    assert_int_equal(used, 5);
    assert_int_equal(f.stream, FR_IPA_CCM);
    assert_hex(f.body, "0006");
    assert_fails_as(fr_ipa_take(hex("1001ee"), &f, &used, &err), FR_EINVALID,
                    "gsup-malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_has_a_vector_and_our_session),
        cmocka_unit_test(res_has_4_to_16_octets_and_may_hold_nul),
        cmocka_unit_test(an_error_has_its_cause),
        cmocka_unit_test(an_answer_cut_anywhere_is_refused),
        cmocka_unit_test(a_vector_without_a_part_of_3g_says_so),
        cmocka_unit_test(parts_twice_or_of_a_wrong_length_are_refused),
        cmocka_unit_test(of_several_vectors_the_first_counts),
        cmocka_unit_test(unknown_elements_are_skipped),
        cmocka_unit_test(other_messages_are_not_ours),
        cmocka_unit_test(an_imsi_is_digits),
        cmocka_unit_test(a_request_asks_for_one_vector),
        cmocka_unit_test(a_resynchronisation_has_rand_and_auts),
        cmocka_unit_test(who_we_are_is_said_when_asked),
        cmocka_unit_test(a_ping_is_answered_and_nothing_else),
        cmocka_unit_test(frames_are_taken_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
