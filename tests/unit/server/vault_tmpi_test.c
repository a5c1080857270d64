/* SPDX-License-Identifier: Apache-2.0 */
/* A SIM that bootstraps again by the pseudonym that its last Ks gave it. */
#include "store/store.h"
#include "ub_lab.h"

#define NOBODY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@tmpi.bsf.3gppnetwork.org"

static void reopen(struct lab *l, bool is_on)
{
    lab_close(l);
    l->config.gba.tmpi = is_on;
    lab_open(l);
    fr_vault_reply_init(&l->reply);
    fr_vault_meet_hss(l->vault, 1);
}

static int setup(void **state)
{
    int rc = ub_setup(state);

    reopen(*state, true);
    return rc;
}

/* What a device makes of v. */
struct name {
    char text[FR_ID_MAX + 1];
};
static struct name tmpi_of(const struct ub_vector *v)
{
    uint8_t octets[FR_KS_LEN];
    FR_AUTO(secret) *ks = NULL;
    struct fr_err err = {0};
    struct name n;

    memcpy(octets, v->ck, sizeof v->ck);
    memcpy(octets + sizeof v->ck, v->ik, sizeof v->ik);
    assert_ok(fr_secret_from(octets, sizeof octets, &ks, &err));
    assert_ok(
        fr_gba_tmpi(ks, fr_slice_of(v->rand, sizeof v->rand), IMPI, MEF, n.text, &err));
    return n;
}

static void refused(struct lab *l, const char *name, const char *reason)
{
    assert_int_equal(ub_begin(l, name, BROKER), FR_EREFUSED);
    assert_string_equal(l->err.reason, reason);
    assert_false(l->reply.is_put_off);
    ub_no_letter(l);
}

/* The challenge v, asked for under that name, and the response to it. */
static struct fr_digest_auth challenged(struct lab *l, const char *name,
                                        const struct ub_vector *v)
{
    struct fr_digest_auth a = ub_response(v);
    struct fr_msg m;

    if (ub_begin(l, name, BROKER) != FR_OK)
        fail_msg("%s: %s", l->err.reason, l->err.msg);
    m = ub_letter(l, FR_MSG_VECTOR_WANTED);
    assert_true(fr_slice_equal(m.field[FR_F_SUBSCRIBER], fr_slice_str(IMSI)));
    assert_int_equal(ub_vector_is(l, ub_wanted(l), v), FR_OK);
    ub_sent(l);
    snprintf(a.username, sizeof a.username, "%s", name);
    ub_sign(&a, v);
    return a;
}

static void bootstrap_as(struct lab *l, const char *name, const struct ub_vector *v)
{
    struct fr_digest_auth a = challenged(l, name, v);

    if (ub_finish(l, &a) != FR_OK)
        fail_msg("%s: %s", l->err.reason, l->err.msg);
    assert_false(l->reply.is_put_off);
}

/* ---- by it ---- */

static void a_tmpi_is_its_subscribers_name(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2), x = ub_vector(3);
    struct ub_proof p;

    ub_bootstrap(l, &v);
    bootstrap_as(l, tmpi_of(&v).text, &w);
    ub_prove(&p, &w, FR_MSG_UB_ACK, "POST /fieldroot/v1/gba/ack", "");
    assert_int_equal(lab_ask(l, FR_WORKER_GBA, &p.m), FR_OK); /* Ks_MEF: of the IMPI */
    bootstrap_as(l, tmpi_of(&w).text, &x);
    assert_int_equal(lab_count(l, "SELECT COUNT(*) FROM credential"
                                  " WHERE san = 'impi:" IMPI "'"),
                     2);
    assert_int_equal(lab_count(l, "SELECT COUNT(*) FROM audit"
                                  " WHERE actor LIKE '%tmpi%' OR text LIKE '%tmpi%'"),
                     0);
}

/* It lost the answer, or the ack: either Ks may be the one that it has. */
static void either_of_two_keys_names_it(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);

    ub_bootstrap(l, &v);
    ub_bootstrap(l, &w);
    challenged(l, tmpi_of(&v).text, &(struct ub_vector){.rand = {9}, .res_len = 8});
    challenged(l, tmpi_of(&w).text, &(struct ub_vector){.rand = {8}, .res_len = 8});
}

static void a_resynchronisation_goes_by_it_too(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);
    struct fr_digest_auth a;
    struct fr_msg m;

    ub_bootstrap(l, &v);
    a = challenged(l, tmpi_of(&v).text, &w);
    a.has_auts = true;
    memset(a.auts, 0x77, sizeof a.auts);
    ub_sign(&a, &w);
    assert_int_equal(ub_send(l, FR_MSG_UB_RESYNC, &a, BROKER), FR_OK);
    m = ub_letter(l, FR_MSG_VECTOR_WANTED);
    assert_true(fr_slice_equal(m.field[FR_F_SUBSCRIBER], fr_slice_str(IMSI)));
    assert_true(fr_msg_has(&m, FR_F_AUTS));
}

/* Whom it was given to is settled by then. */
static void a_challenge_outlives_the_name_it_was_asked_for_by(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);
    struct fr_digest_auth a;

    ub_bootstrap(l, &v);
    a = challenged(l, tmpi_of(&v).text, &w);
    lab_sql(l, "DELETE FROM credential");
    assert_int_equal(ub_finish(l, &a), FR_OK);
    assert_int_equal(ub_credentials(l), 1);
}

static void a_challenge_is_answered_by_the_name_it_was_asked_for_by(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);
    struct fr_digest_auth a;

    ub_bootstrap(l, &v);
    challenged(l, tmpi_of(&v).text, &w);
    a = ub_response(&w);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    ub_was_asked_again(l);
    assert_int_equal(ub_credentials(l), 1);
}

/* ---- not by it ---- */

static void a_tmpi_that_nobody_has_is_refused(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), other = ub_vector(2);

    ub_bootstrap(l, &v);
    refused(l, NOBODY, "tmpi-unknown");
    refused(l, tmpi_of(&other).text, "tmpi-unknown");
    assert_int_equal(lab_count_reason(l, "tmpi-unknown"), 2);
    refused(l, "AAAA@tmpi.bsf.3gppnetwork.org", "impi-form");
}

static void a_response_by_a_name_that_is_nobodys_is_refused(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);

    ub_challenge(l, &v);
    snprintf(a.username, sizeof a.username, NOBODY);
    ub_sign(&a, &v);
    assert_int_equal(ub_finish(l, &a), FR_EREFUSED);
    assert_string_equal(l->err.reason, "tmpi-unknown");
    assert_int_equal(ub_credentials(l), 0);
}

static void where_it_is_off_it_is_nobodys(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);

    ub_bootstrap(l, &v);
    reopen(l, false);
    refused(l, tmpi_of(&v).text, "tmpi-unknown");
    ub_bootstrap(l, &w);
    reopen(l, true);
    refused(l, tmpi_of(&w).text, "tmpi-unknown"); /* it was made while it was off */
    challenged(l, tmpi_of(&v).text, &(struct ub_vector){.rand = {9}, .res_len = 8});
}

static void it_ends_with_its_key(void **state)
{
    static const char *const ends[] = {
        "UPDATE credential SET expires = 1",
        "UPDATE credential SET retires = 1",
        "DELETE FROM credential",
    };
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);

    ub_bootstrap(l, &v);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        lab_sql(l, ends[i]);
        refused(l, tmpi_of(&v).text, "tmpi-unknown");
        lab_sql(l, "UPDATE credential SET expires = 99999999999, retires = 0");
    }
}

/* The SIM is another device's by now, or nobody's. */
static void it_is_of_the_listing_that_its_key_is_of(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);

    ub_bootstrap(l, &v);
    lab_sql(l, "UPDATE enrolee SET imsi = '' WHERE name = 'dev1'");
    refused(l, tmpi_of(&v).text, "tmpi-unknown");
    lab_sql(l, "INSERT INTO enrolee (name, anchor, san, created, imsi)"
               " VALUES ('heir', '', 'heir', 1, '" IMSI "')");
    refused(l, tmpi_of(&v).text, "tmpi-unknown");
}

static void a_right_that_was_taken_away_is_gone_for_it_too(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);

    ub_bootstrap(l, &v);
    lab_do(l, "{'op':'enrolee.deny','name':'dev1','target':'" BROKER "'}");
    refused(l, tmpi_of(&v).text, "target-not-allowed");
    assert_true(lab_count(l, "SELECT COUNT(*) FROM audit WHERE actor = 'imsi:" IMSI
                             "' AND reason = 'target-not-allowed'") > 0);
}

/* Its Ks is in the card: the device could not make one. */
static void a_card_that_keeps_ks_has_none(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);

    ub_bootstrap(l, &v);
    assert_int_equal(lab_count(l, "SELECT COUNT(*) FROM credential WHERE tmpi <> ''"),
                     1);
    lab_sql(l, "DELETE FROM credential");
    lab_sql(l, "UPDATE enrolee SET gba_u = 1 WHERE name = 'dev1'");
    refused(l, tmpi_of(&v).text, "tmpi-unknown");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, lab_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_tmpi_is_its_subscribers_name),
        T(either_of_two_keys_names_it),
        T(a_resynchronisation_goes_by_it_too),
        T(a_challenge_outlives_the_name_it_was_asked_for_by),
        T(a_challenge_is_answered_by_the_name_it_was_asked_for_by),
        T(a_tmpi_that_nobody_has_is_refused),
        T(a_response_by_a_name_that_is_nobodys_is_refused),
        T(where_it_is_off_it_is_nobodys),
        T(it_ends_with_its_key),
        T(it_is_of_the_listing_that_its_key_is_of),
        T(a_right_that_was_taken_away_is_gone_for_it_too),
        T(a_card_that_keeps_ks_has_none),
    };

    return cmocka_run_group_tests_name("server/vault_tmpi", tests, NULL, NULL);
}
