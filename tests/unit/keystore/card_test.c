/* SPDX-License-Identifier: Apache-2.0 */
/* Whole dialogues with cards, octet for octet. */
#include "keystore/card.h"

#include "test.h"

#include "fake/auc.h"

#define USIM      "a0000000871002ff49ff0589000001ff"
#define ISIM      "a0000000871004ff49ff0589000001ff"
#define IMPI      "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
#define DIR_ENTRY "61124f10" USIM
#define ASK_PIN   "00200001"
#define PIN_1234  "002000010831323334ffffffff"

struct line {
    const char *command, *answer;
};

/* What a card is first asked, over T=0; what follows depends on it. */
#define FIND_USIM                                                                      \
    {"00a40004023f00", "9000"}, {"00a40004022f00", "9000"}, {"00b2010400", "6c14"},    \
        {"00b2010414", DIR_ENTRY "9000"}, {"00a4040410" USIM, "9000"},
#define SELECT_IMSI {"00a40004026f07", "6106"}, {"00c0000006", "6204800200099000"},
#define READ_IMSI   SELECT_IMSI{"00b0000009", "0809101000000000109000"},
#define READ_AD     {"00a40004026fad", "9000"}, {"00b0000000", "810000029000"},
#define SERVICES(bits)                                                                 \
    {"00a40004026f38", "9000"}, {"00b0000000", "0000000000000000" bits "9000"},
#define OPENED READ_IMSI READ_AD SERVICES("08")

static struct fr_err err;
static struct fr_secret *pin;
static struct fr_card card;

static enum fr_code say(void *ctx, struct fr_slice command, uint8_t *ret,
                        size_t *ret_len, struct fr_err *e)
{
    const struct line **at = ctx;
    struct fr_slice answer = fr_slice_str((*at)->answer ? (*at)->answer : "");

    assert_non_null((*at)->command);
    assert_hex(command, (*at)->command);
    if (answer.len == 0)
        return FR_FAIL_AS(e, FR_EUNREACHABLE, "card-gone", "pulled");
    assert_true(fr_hex_decode(answer, ret));
    *ret_len = answer.len / 2;
    (*at)++;
    return FR_OK;
}

static const struct line *begin(const struct line *script, const char *digits)
{
    fr_secret_free(pin);
    pin = NULL;
    if (digits)
        assert_ok(fr_secret_from(digits, strlen(digits), &pin, &err));
    card = (struct fr_card){.transmit = say, .apdu.is_t0 = true};
    card.pin = pin;
    return script;
}

static enum fr_code open_card(const struct line *script, const char *digits)
{
    const struct line *at = begin(script, digits);
    enum fr_code rc;

    card.ctx = &at;
    rc = fr_card_open(&card, &err);
    if (rc == FR_OK)
        assert_null(at->command); /* all of it was said */
    return rc;
}

static int forget_pin(void **state)
{
    (void)state;
    fr_secret_free(pin);
    pin = NULL;
    return 0;
}

/* ---- open ---- */

static void card_without_a_pin_is_not_asked_for_one(void **state)
{
    static const struct line script[] = {FIND_USIM OPENED{NULL, NULL}};

    (void)state;
    assert_ok(open_card(script, "1234"));
    assert_string_equal(card.impi, IMPI);
    assert_true(card.has_gba_u);
    assert_false(card.is_unlocked);
}

static void card_without_a_directory_knows_the_beginning_of_the_name(void **state)
{
    static const struct line script[] = {
        {"00a40004023f00", "9000"},
        {"00a40004022f00", "6a82"},
        {"00a4040407a0000000871002", "6102"},
        {"00c0000002", "62009000"},
        READ_IMSI READ_AD{"00a40004026f38", "6a82"}, /* nor a table of services */
        {NULL, NULL}};

    (void)state;
    assert_ok(open_card(script, NULL));
    assert_string_equal(card.impi, IMPI);
    assert_false(card.has_gba_u);
}

static void mnc_of_three_digits(void **state)
{
    static const struct line script[] = {FIND_USIM READ_IMSI{"00a40004026fad", "9000"},
                                         {"00b0000000", "810000039000"},
                                         SERVICES("00"){NULL, NULL}};

    (void)state;
    assert_ok(open_card(script, NULL));
    assert_string_equal(card.impi, "001010000000001@ims.mnc010.mcc001.3gppnetwork.org");
    assert_false(card.has_gba_u);
}

static void isim_has_an_identity_of_its_own(void **state)
{
    static const struct line script[] = {
        {"00a40004023f00", "9000"},
        {"00a40004022f00", "9000"},
        {"00b2010400", DIR_ENTRY "9000"},
        {"00b2020400", "61124f10" ISIM "9000"},
        {"00a4040410" ISIM, "9000"},
        {"00a40004026f02", "9000"},
        {"00b0000000", "800b6d65746572374073702e789000"},
        {"00a40004026f07", "9000"},
        {"00b0000000", "039000"},
        {NULL, NULL}};
    const struct line *at = script;

    (void)state;
    card = (struct fr_card){
        .transmit = say, .ctx = &at, .is_isim = true, .apdu.is_t0 = true};
    assert_ok(fr_card_open(&card, &err));
    assert_string_equal(card.impi, "meter7@sp.x");
    assert_true(card.has_gba_u);
}

static void card_of_another_kind_has_no_application(void **state)
{
    static const struct line bank[] = {{"00a40004023f00", "6a82"},
                                       {"00a40004022f00", "6a82"},
                                       {"00a4040407a0000000871002", "6a82"},
                                       {NULL, NULL}};
    static const struct line isim[] = {{"00a40004023f00", "9000"},
                                       {"00a40004022f00", "9000"},
                                       {"00b2010400", "61124f10" ISIM "9000"},
                                       {"00b2020400", "6a83"},
                                       {NULL, NULL}};

    (void)state;
    assert_fails_as(open_card(bank, NULL), FR_EUNSUPPORTED, "no-application");
    assert_fails_as(open_card(isim, NULL), FR_EUNSUPPORTED, "no-application");
}

static void odd_answers_are_said(void **state)
{
    static const struct line imsi[] = {
        FIND_USIM SELECT_IMSI{"00b0000009", "ffffffffffffffffff9000"}, {NULL, NULL}};
    static const struct line fault[] = {FIND_USIM SELECT_IMSI{"00b0000009", "6f00"},
                                        {NULL, NULL}};
    static const struct line gone[] = {FIND_USIM SELECT_IMSI{"00b0000009", ""},
                                       {NULL, NULL}};

    (void)state;
    assert_fails_as(open_card(imsi, NULL), FR_EINVALID, "card-answer");
    assert_fails_as(open_card(fault, NULL), FR_EINVALID, "card-answer");
    assert_contains(err.msg, "6f00");
    assert_fails_as(open_card(gone, NULL), FR_EUNREACHABLE, "card-gone");
}

/* ---- PIN ---- */

#define LOCKED FIND_USIM SELECT_IMSI{"00b0000009", "6982"},

static void pin_is_verified_when_the_card_refuses_without(void **state)
{
    static const struct line script[] = {
        LOCKED{ASK_PIN, "63c2"}, {PIN_1234, "9000"}, OPENED{NULL, NULL}};

    (void)state;
    assert_ok(open_card(script, "1234"));
    assert_true(card.is_unlocked);
}

static void reference_of_the_pin_is_the_cards(void **state)
{
    static const struct line script[] = {
        {"00a40004023f00", "9000"},
        {"00a40004022f00", "6a82"},
        {"00a4040407a0000000871002", "620ec60c9001408301019501088301119000"},
        SELECT_IMSI{"00b0000009", "6982"},
        {"00200011", "63c3"},
        {"002000110831323334ffffffff", "9000"},
        OPENED{NULL, NULL}};

    (void)state;
    assert_ok(open_card(script, "1234"));
}

static void pin_is_refused_cleanly(void **state)
{
    static const struct {
        const char *pin, *reason;
        struct line script[12];
    } cases[] = {
        {NULL, "pin-needed", {LOCKED{ASK_PIN, "63c3"}}},
        {NULL, "pin-needed", {LOCKED{ASK_PIN, "63c1"}}},
        {NULL, "pin-blocked", {LOCKED{ASK_PIN, "63c0"}}},
        {"1234", "pin-blocked", {LOCKED{ASK_PIN, "63c0"}}},
        {"1234", "pin-blocked", {LOCKED{ASK_PIN, "6983"}}},
        {"1234", "pin-last-try", {LOCKED{ASK_PIN, "63c1"}}},
        {"1234", "pin-wrong", {LOCKED{ASK_PIN, "63c3"}, {PIN_1234, "63c2"}}},
        {"1234", "pin-blocked", {LOCKED{ASK_PIN, "63c2"}, {PIN_1234, "6983"}}},
        /* it is off, or done already, and yet not enough */
        {"1234",
         "pin-needed",
         {LOCKED{ASK_PIN, "6984"}, SELECT_IMSI{"00b0000009", "6982"}}},
        {"1234",
         "pin-needed",
         {LOCKED{ASK_PIN, "9000"}, SELECT_IMSI{"00b0000009", "6982"}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_fails_as(open_card(cases[i].script, cases[i].pin), FR_EREFUSED,
                        cases[i].reason);
        assert_false(card.is_unlocked);
        assert_null(strstr(err.msg, "1234"));
    }
}

static void look_verifies_no_pin(void **state)
{
    static const struct {
        const char *pin, *reason;
        struct line script[12];
    } cases[] = {
        {NULL, NULL, {FIND_USIM READ_IMSI}},
        {NULL, "pin-needed", {LOCKED{ASK_PIN, "63c3"}}},
        {"1234", NULL, {LOCKED{ASK_PIN, "63c3"}}},
        {"1234", NULL, {LOCKED{ASK_PIN, "6984"}}},
        {"1234", "pin-last-try", {LOCKED{ASK_PIN, "63c1"}}},
        {"1234", "pin-blocked", {LOCKED{ASK_PIN, "6983"}}},
        {NULL, "card-answer", {FIND_USIM SELECT_IMSI{"00b0000009", "6f00"}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct line *at = begin(cases[i].script, cases[i].pin);
        enum fr_code rc;

        card.ctx = &at;
        rc = fr_card_look(&card, &err);
        if (cases[i].reason)
            assert_string_equal(err.reason, cases[i].reason);
        assert_int_equal(rc == FR_OK, !cases[i].reason);
        assert_null(at->command);
    }
}

/* ---- AKA ---- */

static enum fr_code ask(const char *answer, bool gba, struct fr_aka_answer *ret)
{
    struct fr_auc_vector v;
    struct line line = {NULL, answer};
    const struct line *at = &line;
    char command[200], rand[33], autn[33];

    fr_auc_challenge(32, 0, gba, 1, &v);
    fr_hex_encode(fr_slice_of(v.rand, sizeof v.rand), rand, false);
    fr_hex_encode(fr_slice_of(v.autn, sizeof v.autn), autn, false);
    snprintf(command, sizeof command, "0088%s10%s10%s", gba ? "008423dd" : "008122",
             rand, autn);
    line.command = command;
    *ret = (struct fr_aka_answer){.verdict = FR_AKA_SYNC};
    card = (struct fr_card){.transmit = say, .ctx = &at, .apdu.is_t0 = true};
    return fr_card_authenticate(&card, v.rand, v.autn, gba, ret, &err);
}

static void nothing_of_an_answer_stays_behind(void **state)
{
    FR_AUTO_CLEAR(aka_answer) a;
    const struct fr_apdu nothing = {.is_t0 = true};

    (void)state;
    assert_ok(ask("db04a54211d510" AUC_K "10" AUC_OPC "9000", false, &a));
    assert_hex(fr_secret_view(a.ks), AUC_K AUC_OPC);
    assert_memory_equal(card.apdu.data, nothing.data, sizeof nothing.data);
    assert_memory_equal(card.apdu.command, nothing.command, sizeof nothing.command);
}

static void challenges_are_refused_cleanly(void **state)
{
    struct fr_aka_answer a;

    (void)state;
    assert_fails_as(ask("9862", false, &a), FR_EREFUSED, "aka-mac");
    assert_fails_as(ask("9862", true, &a), FR_EREFUSED, "aka-mac");
    assert_fails_as(ask("9864", true, &a), FR_EUNSUPPORTED, "no-gba-u");
    assert_fails_as(ask("9864", false, &a), FR_EINVALID, "card-answer");
    assert_fails_as(ask("6982", false, &a), FR_EREFUSED, "pin-needed");
    assert_fails_as(ask("6700", false, &a), FR_EINVALID, "card-answer");
    assert_fails_as(ask("db9000", false, &a), FR_EINVALID, "card-answer");
    assert_fails_as(ask("", false, &a), FR_EUNREACHABLE, "card-gone");
    assert_null(a.ks);
}

static enum fr_code derive(const char *answer, struct fr_secret **ret)
{
    static const struct fr_gba_naf naf = {
        .impi = "a@b", .naf_fqdn = "naf", .ua = FR_UA_TLS12};
    const struct line line = {"008800840ede086e616601000100ae03614062", answer};
    const struct line *at = &line;

    card = (struct fr_card){.transmit = say, .ctx = &at, .apdu.is_t0 = true};
    return fr_card_naf_key(&card, &naf, ret, &err);
}

static void naf_key_comes_from_the_card(void **state)
{
    FR_AUTO(secret) *key = NULL;

    (void)state;
    assert_ok(derive("db20" AUC_K AUC_OPC "9000", &key));
    assert_hex(fr_secret_view(key), AUC_K AUC_OPC);
    assert_fails_as(derive("6985", &key), FR_EINVALID, "no-gba-bootstrap");
    assert_fails_as(derive("db10" AUC_K "9000", &key), FR_EINVALID, "card-answer");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, forget_pin)
    const struct CMUnitTest tests[] = {
        TEST(card_without_a_pin_is_not_asked_for_one),
        TEST(card_without_a_directory_knows_the_beginning_of_the_name),
        TEST(mnc_of_three_digits),
        TEST(isim_has_an_identity_of_its_own),
        TEST(card_of_another_kind_has_no_application),
        TEST(odd_answers_are_said),
        TEST(pin_is_verified_when_the_card_refuses_without),
        TEST(reference_of_the_pin_is_the_cards),
        TEST(pin_is_refused_cleanly),
        TEST(look_verifies_no_pin),
        TEST(nothing_of_an_answer_stays_behind),
        TEST(challenges_are_refused_cleanly),
        TEST(naf_key_comes_from_the_card),
    };

    return cmocka_run_group_tests_name("card", tests, NULL, NULL);
}
