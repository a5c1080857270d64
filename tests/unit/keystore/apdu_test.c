/* SPDX-License-Identifier: Apache-2.0 */
/* Octets of TS 102.221 and TS 31.102. RAND, AUTN, RES, CK, IK: TS 35.208, set 1. */
#include "keystore/apdu.h"

#include "test.h"

#define RAND "23553cbe9637a89d218ae64dae47bf35"
#define AUTN "55f328b43577b9b94a9ffac354dfafb3"
#define RES  "a54211d5e3ba50bf"
#define CK   "b40ba9a3c58b2a05bbf0d987b21bf8cb"
#define IK   "f769bcd751044604127672711c6d3441"
#define AUTS "ba853f3c123ccf44e93596e355c6"

static struct fr_err err;

static struct fr_slice hex(const char *digits)
{
    static uint8_t octets[600];
    struct fr_slice s = fr_slice_str(digits);

    assert_true(s.len / 2 <= sizeof octets && fr_hex_decode(s, octets));
    return fr_slice_of(octets, s.len / 2);
}

static void assert_command(const struct fr_apdu *a, const char *digits)
{
    assert_hex(fr_slice_of(a->command, a->len), digits);
}

/* Whether it is done. */
static bool hear(struct fr_apdu *a, const char *digits)
{
    bool done = false;

    assert_ok(fr_apdu_hear(a, hex(digits), &done, &err));
    return done;
}

static void authenticate(struct fr_apdu *a, bool gba)
{
    uint8_t rand[FR_AKA_RAND_LEN];

    memcpy(rand, hex(RAND).data, sizeof rand);
    fr_apdu_authenticate(a, rand, hex(AUTN).data, gba);
}

/* ---- */

static void commands_are_those_of_the_standard(void **state)
{
    struct fr_apdu a = {.is_t0 = true};
    FR_AUTO(secret) *pin = NULL;

    (void)state;
    fr_apdu_select_aid(&a, hex("a0000000871002"));
    assert_command(&a, "00a4040407a0000000871002");
    fr_apdu_select_file(&a, 0x6f07);
    assert_command(&a, "00a40004026f07");
    fr_apdu_read_binary(&a, 9);
    assert_command(&a, "00b0000009");
    fr_apdu_read_record(&a, 2, 38);
    assert_command(&a, "00b2020426");
    fr_apdu_verify(&a, 0x01, NULL);
    assert_command(&a, "00200001");
    assert_ok(fr_secret_from("12345", 5, &pin, &err));
    fr_apdu_verify(&a, 0x11, pin);
    assert_command(&a, "00200011083132333435ffffff");
    authenticate(&a, false);
    assert_command(&a, "008800812210" RAND "10" AUTN);
    authenticate(&a, true);
    assert_command(&a, "0088008423dd10" RAND "10" AUTN);
    assert_ok(fr_apdu_naf_key(&a, hex("6e6166010001"), "a@b", &err));
    assert_command(&a, "008800840cde066e616601000103614062");
}

static void t1_says_that_an_answer_is_expected(void **state)
{
    struct fr_apdu a = {.is_t0 = false};

    (void)state;
    fr_apdu_select_file(&a, 0x6f07);
    assert_command(&a, "00a40004026f0700");
    authenticate(&a, false);
    assert_command(&a, "008800812210" RAND "10" AUTN "00");
    fr_apdu_read_binary(&a, 0);
    assert_command(&a, "00b0000000");
    assert_true(hear(&a, "08099000"));
    assert_hex(fr_apdu_data(&a), "0809");
}

static void names_too_long_for_one_command_are_refused(void **state)
{
    char impi[FR_AKA_KEY_LEN * 16];
    struct fr_apdu a = {.is_t0 = true};

    (void)state;
    memset(impi, 'i', sizeof impi);
    impi[sizeof impi - 1] = 0;
    assert_fails(fr_apdu_naf_key(&a, hex("6e"), impi, &err), FR_ELIMIT);
    impi[252 - 1] = 0;
    assert_ok(fr_apdu_naf_key(&a, hex("6e"), impi, &err));
    assert_int_equal(a.len, FR_APDU_MAX - 1);
}

static void what_waits_is_fetched(void **state)
{
    struct fr_apdu a = {.is_t0 = true};

    (void)state;
    fr_apdu_select_file(&a, 0x6f07);
    assert_false(hear(&a, "6105"));
    assert_command(&a, "00c0000005");
    assert_false(hear(&a, "62036102"));
    assert_command(&a, "00c0000002");
    assert_true(hear(&a, "80019110"));
    assert_hex(fr_apdu_data(&a), "62038001");
    assert_true(fr_apdu_is_ok(&a));
}

static void wrong_length_is_asked_for_again(void **state)
{
    struct fr_apdu a = {.is_t0 = true};

    (void)state;
    fr_apdu_read_binary(&a, 0);
    assert_false(hear(&a, "6c09"));
    assert_command(&a, "00b0000009");
    assert_true(hear(&a, "0809101000000000109000"));
    assert_int_equal(a.data_len, 9);
    fr_apdu_select_file(&a, 0x6f07); /* a command that has data is not cut */
    assert_true(hear(&a, "6c09"));
    assert_false(fr_apdu_is_ok(&a));
}

static void answers_without_an_end_are_refused(void **state)
{
    struct fr_apdu a = {.is_t0 = true};
    bool done;
    int n = 0;

    (void)state;
    fr_apdu_read_binary(&a, 0);
    assert_fails_as(fr_apdu_hear(&a, hex("90"), &done, &err), FR_EINVALID,
                    "card-answer");
    while (fr_apdu_hear(&a, hex("6c09"), &done, &err) == FR_OK)
        assert_true(!done && ++n < 100);
    assert_string_equal(err.reason, "card-answer");
}

static void answers_longer_than_any_are_refused(void **state)
{
    struct fr_apdu a = {.is_t0 = true};
    uint8_t much[258] = {[256] = 0x61, [257] = 0x10};
    bool done;

    (void)state;
    fr_apdu_read_binary(&a, 0);
    assert_ok(fr_apdu_hear(&a, fr_slice_of(much, sizeof much), &done, &err));
    assert_false(done);
    assert_fails_as(fr_apdu_hear(&a, hex("0000009000"), &done, &err), FR_EINVALID,
                    "card-answer");
}

/* ---- what AUTHENTICATE answers ---- */

static void answer_to_a_challenge(void **state)
{
    FR_AUTO_CLEAR(aka_answer) a = {.verdict = FR_AKA_SYNC};

    (void)state;
    assert_ok(fr_apdu_read_aka(hex("db08" RES "10" CK "10" IK "080011223344556677"),
                               false, &a, &err));
    assert_int_equal(a.verdict, FR_AKA_OK);
    assert_hex(fr_slice_of(a.res, a.res_len), RES);
    assert_hex(fr_secret_view(a.ks), CK IK);
}

static void answer_of_the_gba_context_has_no_keys(void **state)
{
    FR_AUTO_CLEAR(aka_answer) a = {.verdict = FR_AKA_SYNC};

    (void)state;
    assert_ok(fr_apdu_read_aka(hex("db0400000001"), true, &a, &err));
    assert_int_equal(a.verdict, FR_AKA_OK);
    assert_hex(fr_slice_of(a.res, a.res_len), "00000001");
    assert_null(a.ks);
}

static void answer_out_of_step(void **state)
{
    FR_AUTO_CLEAR(aka_answer) a = {.verdict = FR_AKA_OK};

    (void)state;
    assert_ok(fr_apdu_read_aka(hex("dc0e" AUTS), false, &a, &err));
    assert_int_equal(a.verdict, FR_AKA_SYNC);
    assert_hex(fr_slice_of(a.auts, sizeof a.auts), AUTS);
}

static void naf_key_is_read(void **state)
{
    FR_AUTO(secret) *key = NULL;

    (void)state;
    assert_ok(fr_apdu_read_naf_key(hex("db20" CK IK), &key, &err));
    assert_hex(fr_secret_view(key), CK IK);
}

static void malformed_answers_are_refused(void **state)
{
    static const char *const answers[] = {
        "",
        "db",
        "da08" RES "10" CK "10" IK,
        "db03a54211",
        "db11" CK "00",
        "db08" RES,
        "db08" RES "10" CK,
        "db08" RES "10" CK "0f" IK,
        "db08" RES "10" CK "10f769",
        "dc",
        "dc0d" AUTS,
        "dc0eba85",
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct fr_aka_answer a = {.verdict = FR_AKA_OK};
        FR_AUTO(secret) *key = NULL;

        assert_fails_as(fr_apdu_read_aka(hex(answers[i]), false, &a, &err), FR_EINVALID,
                        "card-answer");
        assert_null(a.ks);
        assert_fails_as(fr_apdu_read_naf_key(hex(answers[i]), &key, &err), FR_EINVALID,
                        "card-answer");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_those_of_the_standard),
        cmocka_unit_test(t1_says_that_an_answer_is_expected),
        cmocka_unit_test(names_too_long_for_one_command_are_refused),
        cmocka_unit_test(what_waits_is_fetched),
        cmocka_unit_test(wrong_length_is_asked_for_again),
        cmocka_unit_test(answers_without_an_end_are_refused),
        cmocka_unit_test(answers_longer_than_any_are_refused),
        cmocka_unit_test(answer_to_a_challenge),
        cmocka_unit_test(answer_of_the_gba_context_has_no_keys),
        cmocka_unit_test(answer_out_of_step),
        cmocka_unit_test(naf_key_is_read),
        cmocka_unit_test(malformed_answers_are_refused),
    };

    return cmocka_run_group_tests_name("apdu", tests, NULL, NULL);
}
