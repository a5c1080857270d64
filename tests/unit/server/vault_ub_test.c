/* SPDX-License-Identifier: Apache-2.0 */
/* Ub in the vault: who gets a challenge, what a response must be, and what becomes of a
 * vector. */
#include "base/timetext.h"
#include "crypto/gba_u.h"
#include "store/store.h"
#include "ub_lab.h"

/* ---- the way it should go ---- */

static void a_subscriber_gets_a_challenge_when_the_hss_has_answered(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_msg m;

    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
    assert_true(l->reply.is_put_off);
    m = ub_letter(l, FR_MSG_VECTOR_WANTED);
    assert_true(fr_slice_equal(m.field[FR_F_SUBSCRIBER], fr_slice_str(IMSI)));
    assert_false(fr_msg_has(&m, FR_F_AUTS));
    assert_int_equal(ub_vector_is(l, ub_wanted(l), &v), FR_OK);
    m = ub_letter(l, FR_MSG_REPLY);
    assert_int_equal(m.id, 5);
    assert_memory_equal(m.field[FR_F_RAND].data, v.rand, sizeof v.rand);
    assert_memory_equal(m.field[FR_F_AUTN].data, v.autn, sizeof v.autn);
    assert_int_equal(m.has, FR_FM(FR_F_CODE) | FR_FM(FR_F_RAND) | FR_FM(FR_F_AUTN));
}

static void a_right_response_commits_ks(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);
    FR_AUTO(secret) *res = NULL;
    char rspauth[FR_DIGEST_HEX + 1], got[FR_DIGEST_HEX + 1];
    struct fr_err err = {0};

    ub_bootstrap(l, &v);
    fr_hex_encode(l->answer.field[FR_F_RSPAUTH], got, false);
    assert_ok(fr_secret_from(v.res, v.res_len, &res, &err));
    assert_ok(
        fr_digest_compute(&a, res, "", l->answer.field[FR_F_RESPONSE], rspauth, &err));
    assert_string_equal(got, rspauth);
    assert_string_equal(lab_text(l, FR_F_KEY_ID), "AQEBAQEBAQEBAQEBAQEBAQ==@" MEF);
    assert_int_equal(ub_credentials(l), 1);
    assert_int_equal(lab_count_reason(l, "confirmed"), 1);
    assert_int_equal(fr_vault_grown(l->vault), 0); /* of the batch before */
}

static void assert_ends(struct lab *l, int64_t seconds)
{
    char text[64], at[FR_TIME_TEXT];

    snprintf(text, sizeof text, "<lifetime>%s</lifetime>",
             fr_rfc3339_format(l->fake.wall_s + seconds, at));
    assert_contains(lab_text(l, FR_F_RESPONSE), text);
}

static void the_answer_names_b_tid_target_and_lifetime(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);

    ub_bootstrap(l, &v);
    assert_ends(l, FR_VAULT_KS_S);
    assert_contains(lab_text(l, FR_F_RESPONSE),
                    "<btid>AQEBAQEBAQEBAQEBAQEBAQ==@" MEF "</btid>");
    assert_contains(lab_text(l, FR_F_RESPONSE), " id=\"" BROKER "\"");
    assert_contains(lab_text(l, FR_F_RESPONSE), " fqdn=\"" BROKER "\"");
    assert_contains(lab_text(l, FR_F_RESPONSE), " suid=\"22\"");
    assert_contains(lab_text(l, FR_F_RESPONSE), " adminFQDN=\"" MEF "\"");
}

/* NET 7: made by two other implementations, over TS 35.208 set 1. */
#define NET_REALM "bsf.mnc001.mcc001.pub.3gppnetwork.org"
static void a_published_response_is_right(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = {.res_len = 8};
    struct fr_digest_auth a = {.username = IMPI,
                               .realm = NET_REALM,
                               .nonce = "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M=",
                               .uri = "/",
                               .cnonce = "0a4f113b",
                               .nc = "00000001",
                               .response = "9645747a7f4f295e7239252f3f5bf0f5",
                               .has_auth_int = true};
    static const char *const hex[] = {
        "23553cbe9637a89d218ae64dae47bf35", "55f328b43577b9b94a9ffac354dfafb3",
        "b40ba9a3c58b2a05bbf0d987b21bf8cb", "f769bcd751044604127672711c6d3441",
        "a54211d5e3ba50bf"};
    uint8_t *const to[] = {v.rand, v.autn, v.ck, v.ik, v.res};

    for (size_t i = 0; i < 5; i++)
        assert_true(fr_hex_decode(fr_slice_str(hex[i]), to[i]));
    lab_close(l);
    l->config.mef_fqdn = NET_REALM;
    lab_open(l);
    fr_vault_reply_init(&l->reply);
    fr_vault_meet_hss(l->vault, 1);
    ub_challenge(l, &v);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    assert_int_equal(ub_credentials(l), 1);
}

static void res_may_be_short_or_long_and_hold_nul(void **state)
{
    struct lab *l = *state;
    static const size_t lengths[] = {4, 16};

    for (size_t i = 0; i < 2; i++) {
        struct ub_vector v = ub_vector((uint8_t)(1 + i));

        v.res_len = lengths[i];
        v.res[0] = 0;
        ub_bootstrap(l, &v);
    }
    assert_int_equal(ub_credentials(l), 2);
}

static void the_shortest_lifetime_counts(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);

    lab_sql(l, "UPDATE enrolee SET lifetime = 600 WHERE name = 'dev1'");
    ub_bootstrap(l, &v);
    assert_ends(l, 600);
}

/* ---- who gets none ---- */

static void default_is_deny_before_the_hss_is_asked(void **state)
{
    static const struct {
        const char *impi, *target, *reason;
    } rows[] = {
        {"001010000000002@ims.mnc001.mcc001.3gppnetwork.org", BROKER,
         "enrolee-not-listed"},
        {"alice@ims.example.org", BROKER, "impi-form"},
        {"001010000000001", BROKER, "impi-form"},
        {IMPI, OTHER, "target-not-allowed"},
        {IMPI, "nowhere.example.com", "target-not-registered"},
    };
    struct lab *l = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ub_begin(l, rows[i].impi, rows[i].target), FR_EREFUSED);
        assert_string_equal(l->err.reason, rows[i].reason);
        assert_false(l->reply.is_put_off);
        ub_no_letter(l);
        assert_true(lab_count_reason(l, rows[i].reason) > 0);
    }
}

static void a_subscriber_cannot_use_up_the_hss(void **state)
{
    struct lab *l = *state;

    for (int i = 0; i < FR_VAULT_VECTORS; i++) {
        assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
        ub_sent(l);
    }
    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_EUNREACHABLE);
    assert_string_equal(l->err.reason, "subscriber-rate");
    ub_no_letter(l);
    l->ub_address = "192.0.2.2";
    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
    ub_sent(l);
    l->ub_address = NULL;
    l->fake.mono_ms += 60000;
    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
}

/* Who has an IPv6 address has 2^64 of them. */
static void a_subscriber_is_limited_by_the_64_of_an_ipv6_address(void **state)
{
    struct lab *l = *state;
    char address[64];

    for (int i = 0; i < FR_VAULT_VECTORS; i++) {
        snprintf(address, sizeof address, "2001:db8:0:1::%x", i + 1);
        l->ub_address = address;
        assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
        ub_sent(l);
    }
    l->ub_address = "2001:db8:0:1:ffff::1";
    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_EUNREACHABLE);
    assert_string_equal(l->err.reason, "subscriber-rate");
    l->ub_address = "2001:db8:0:2::1";
    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
}

/* ---- responses ---- */

static void a_wrong_response_uses_the_vector_up(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth right = ub_response(&v), wrong = right;

    wrong.response[0] = wrong.response[0] == '0' ? '1' : '0';
    ub_challenge(l, &v);
    assert_int_equal(ub_finish(l, &wrong), FR_EREFUSED);
    assert_string_equal(l->err.reason, "digest-mismatch");
    assert_int_equal(lab_count_reason(l, "digest-mismatch"), 1);
    assert_int_equal(ub_finish(l, &right), FR_OK);
    ub_was_asked_again(l);
    assert_int_equal(ub_credentials(l), 0);
}

static void a_response_counts_once(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    ub_bootstrap(l, &v);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    ub_was_asked_again(l);
    assert_int_equal(ub_credentials(l), 1);
}

/* An HSS that repeats itself: the B-TID stays taken. */
static void a_vector_that_comes_again_is_no_new_key(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    ub_bootstrap(l, &v);
    ub_challenge(l, &v);
    assert_int_equal(ub_finish(l, &a), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
    assert_int_equal(ub_credentials(l), 1);
}

static void put(char *to, size_t size, const char *value)
{
    snprintf(to, size, "%s", value);
}

static void a_response_of_another_form_is_refused(void **state)
{
    static const char *const reasons[] = {"realm-mismatch", "uri-mismatch",
                                          "digest-qop",     "digest-algorithm",
                                          "digest-count",   "digest-count"};
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth good = ub_response(&v);

    ub_challenge(l, &v);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        struct fr_digest_auth a = good;

        if (i == 0)
            put(a.realm, sizeof a.realm, "other.example.com");
        if (i == 1)
            put(a.uri, sizeof a.uri, "/other");
        a.has_auth_int = i != 2;
        if (i == 3)
            a.version = FR_AKAV2_MD5;
        if (i == 4)
            put(a.nc, sizeof a.nc, "00000002");
        if (i == 5)
            a.cnonce[0] = 0;
        ub_sign(&a, &v);
        assert_int_equal(ub_finish(l, &a), FR_EREFUSED);
        assert_string_equal(l->err.reason, reasons[i]);
    }
    assert_int_equal(ub_finish(l, &good), FR_OK); /* none of those was an answer */
    assert_int_equal(ub_credentials(l), 1);
}

static void what_answers_no_challenge_of_ours_gets_a_fresh_one(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), other = ub_vector(2);
    struct fr_digest_auth a = ub_response(&other);

    ub_challenge(l, &v);
    assert_int_equal(ub_finish(l, &a), FR_OK); /* another RAND */
    ub_was_asked_again(l);
    a = ub_response(&v);
    put(a.nonce, sizeof a.nonce, "AQEBAQEBAQEBAQEBAQEBAQ=="); /* too short */
    ub_sign(&a, &v);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    ub_was_asked_again(l);
    a = ub_response(&v); /* another name of the same IMSI */
    put(a.username, sizeof a.username, IMSI "@other.example.org");
    ub_sign(&a, &v);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    ub_was_asked_again(l);
    assert_int_equal(ub_credentials(l), 0);
}

static void a_challenge_grows_old(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    ub_challenge(l, &v);
    l->fake.mono_ms += FR_VAULT_CHALLENGE_MS;
    assert_int_equal(ub_finish(l, &a), FR_OK);
    ub_was_asked_again(l);
    fr_vault_tick_ub(l->vault);
    ub_no_letter(l);
}

/* Whoever knows an IMPI can ask in its name. */
static void a_newer_challenge_takes_nothing_from_the_older(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);
    struct fr_digest_auth older = ub_response(&v), wrong = ub_response(&w);

    ub_challenge(l, &v);
    ub_challenge(l, &w);
    wrong.response[0] ^= 1;
    assert_int_equal(ub_finish(l, &wrong), FR_EREFUSED);
    assert_int_equal(ub_finish(l, &older), FR_OK);
    assert_int_equal(ub_credentials(l), 1);
}

static void a_vector_that_the_hss_repeats_is_open_once(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    ub_challenge(l, &v);
    ub_challenge(l, &v);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    ub_challenge(l, &v);
    assert_int_equal(ub_finish(l, &a), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
    assert_int_equal(ub_credentials(l), 1);
}

static void a_right_that_was_taken_away_meanwhile_counts(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    ub_challenge(l, &v);
    lab_do(l, "{'op':'enrolee.deny','name':'dev1','target':'" BROKER "'}");
    assert_int_equal(ub_finish(l, &a), FR_EREFUSED);
    assert_string_equal(l->err.reason, "target-not-allowed");
    assert_int_equal(ub_credentials(l), 0);
}

static void akav2_only_where_it_is_on(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    lab_close(l);
    l->config.gba.akav2 = true;
    lab_open(l);
    fr_vault_reply_init(&l->reply);
    fr_vault_meet_hss(l->vault, 1);
    ub_challenge(l, &v);
    assert_int_equal(ub_finish(l, &a), FR_EREFUSED);
    assert_string_equal(l->err.reason, "digest-algorithm");
    a.version = FR_AKAV2_MD5;
    ub_sign(&a, &v);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    assert_int_equal(ub_credentials(l), 1);
}

/* ---- GBA_U ---- */

static void a_card_that_keeps_ks_is_told_so(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), told = v;
    struct fr_digest_auth a;
    struct fr_err err = {0};

    lab_sql(l, "UPDATE enrolee SET gba_u = 1 WHERE name = 'dev1'");
    assert_ok(fr_gba_u_mac(v.ik, told.autn + 8, &err));
    assert_memory_not_equal(told.autn, v.autn, sizeof v.autn);
    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
    assert_int_equal(ub_vector_is(l, ub_wanted(l), &v), FR_OK);
    assert_memory_equal(ub_letter(l, FR_MSG_REPLY).field[FR_F_AUTN].data, told.autn,
                        sizeof told.autn);
    ub_sent(l);
    a = ub_response(&told);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    assert_contains(lab_say(l, "{'op':'credential.list'}"), "\"gba-u\"");
}

/* ---- malformed ---- */

static void a_malformed_digest_ends_the_worker(void **state)
{
    struct lab *l = *state;
    struct fr_msg m = {.type = FR_MSG_UB_FINISH, .id = 6};

    fr_msg_set_str(&m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set_str(&m, FR_F_DIGEST, "junk");
    assert_int_equal(lab_ask(l, FR_WORKER_GBA, &m), FR_EINVALID);
    assert_string_equal(l->err.reason, "ipc-malformed");
}

#define T(name) cmocka_unit_test_setup_teardown(name, ub_setup, lab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_subscriber_gets_a_challenge_when_the_hss_has_answered),
        T(a_right_response_commits_ks),
        T(the_answer_names_b_tid_target_and_lifetime),
        T(a_published_response_is_right),
        T(res_may_be_short_or_long_and_hold_nul),
        T(the_shortest_lifetime_counts),
        T(default_is_deny_before_the_hss_is_asked),
        T(a_subscriber_cannot_use_up_the_hss),
        T(a_subscriber_is_limited_by_the_64_of_an_ipv6_address),
        T(a_wrong_response_uses_the_vector_up),
        T(a_response_counts_once),
        T(a_vector_that_comes_again_is_no_new_key),
        T(a_response_of_another_form_is_refused),
        T(what_answers_no_challenge_of_ours_gets_a_fresh_one),
        T(a_challenge_grows_old),
        T(a_newer_challenge_takes_nothing_from_the_older),
        T(a_vector_that_the_hss_repeats_is_open_once),
        T(a_right_that_was_taken_away_meanwhile_counts),
        T(akav2_only_where_it_is_on),
        T(a_card_that_keeps_ks_is_told_so),
        T(a_malformed_digest_ends_the_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
