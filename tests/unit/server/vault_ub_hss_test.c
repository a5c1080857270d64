/* SPDX-License-Identifier: Apache-2.0 */
/* Ub in the vault: what it asks the HSS for, and what comes back. */
#include "ub_lab.h"

/* ---- the HSS ---- */

static void without_an_hss_nobody_waits(void **state)
{
    struct lab *l = *state;

    fr_vault_meet_hss(l->vault, 0);
    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_EUNREACHABLE);
    assert_string_equal(l->err.reason, "hss-unreachable");
    ub_no_letter(l);
}

static void assert_failed_letter(struct lab *l, enum fr_code code, const char *reason)
{
    const struct fr_msg m = ub_letter(l, FR_MSG_REPLY);

    assert_int_equal(m.id, 5);
    assert_int_equal(fr_msg_u8(&m, FR_F_CODE), code);
    assert_true(fr_slice_equal(m.field[FR_F_REASON], fr_slice_str(reason)));
    ub_sent(l);
}

static void who_waits_learns_that_the_hss_is_gone(void **state)
{
    struct lab *l = *state;

    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
    ub_sent(l);
    fr_vault_meet_hss(l->vault, 0);
    assert_failed_letter(l, FR_EUNREACHABLE, "hss-unreachable");
    assert_false(fr_vault_is_bootstrapping(l->vault));
}

static void an_answer_that_comes_too_late_is_of_no_use(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    uint64_t ticket;

    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
    ticket = ub_wanted(l);
    l->fake.mono_ms += FR_VAULT_HSS_MS - 1;
    fr_vault_tick_ub(l->vault);
    ub_no_letter(l);
    l->fake.mono_ms += 1;
    fr_vault_tick_ub(l->vault);
    assert_failed_letter(l, FR_EUNREACHABLE, "hss-unreachable");
    assert_int_equal(ub_vector_is(l, ticket, &v), FR_OK);
    ub_no_letter(l);
    assert_false(fr_vault_is_bootstrapping(l->vault));
}

static void a_ticket_is_answered_once(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);
    uint64_t ticket;

    assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
    ticket = ub_wanted(l);
    assert_int_equal(ub_vector_is(l, ticket, &v), FR_OK);
    ub_sent(l);
    assert_int_equal(ub_vector_is(l, ticket, &w), FR_OK);
    ub_no_letter(l);
    assert_int_equal(ub_vector_is(l, 4711, &w), FR_OK);
    ub_no_letter(l);
}

static void what_the_hss_says_is_passed_on(void **state)
{
    static const struct {
        enum fr_code code, told;
        const char *reason, *told_reason;
    } rows[] = {
        {FR_EREFUSED, FR_EREFUSED, "subscriber-unknown", "subscriber-unknown"},
        {FR_EINVALID, FR_EUNREACHABLE, "gsup-malformed", "gsup-malformed"},
        {FR_EUNREACHABLE, FR_EUNREACHABLE, "", "hss-failed"},
        {FR_OK, FR_EUNREACHABLE, "", "hss-failed"}, /* without a vector */
    };
    struct lab *l = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ub_begin(l, IMPI, BROKER), FR_OK);
        assert_int_equal(ub_hss_fails(l, ub_wanted(l), rows[i].code, rows[i].reason),
                         FR_OK);
        assert_failed_letter(l, rows[i].told, rows[i].told_reason);
        assert_true(lab_count_reason(l, rows[i].told_reason) > 0);
    }
}

/* ---- resynchronisation ---- */

static struct fr_digest_auth resync_of(const struct ub_vector *v)
{
    struct fr_digest_auth a = ub_response(v);

    a.has_auts = true;
    memset(a.auts, 0x77, sizeof a.auts);
    ub_sign(&a, v);
    return a;
}

static void the_hss_gets_rand_and_auts(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), next = ub_vector(2);
    struct fr_digest_auth a = resync_of(&v), late = ub_response(&v);
    struct fr_msg m;

    ub_challenge(l, &v);
    assert_int_equal(ub_send(l, FR_MSG_UB_RESYNC, &a, BROKER), FR_OK);
    assert_true(l->reply.is_put_off);
    m = ub_letter(l, FR_MSG_VECTOR_WANTED);
    assert_memory_equal(m.field[FR_F_RAND].data, v.rand, sizeof v.rand);
    assert_memory_equal(m.field[FR_F_AUTS].data, a.auts, sizeof a.auts);
    assert_int_equal(lab_count_reason(l, "resynchronised"), 0);
    assert_int_equal(ub_vector_is(l, ub_wanted(l), &next), FR_OK);
    ub_sent(l);
    assert_int_equal(lab_count_reason(l, "resynchronised"), 1);
    assert_int_equal(ub_finish(l, &late), FR_OK); /* that vector is used up */
    ub_was_asked_again(l);
    a = ub_response(&next);
    assert_int_equal(ub_finish(l, &a), FR_OK);
    assert_int_equal(ub_credentials(l), 1);
}

static void a_resync_must_answer_a_challenge_of_ours(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), other = ub_vector(2);
    struct fr_digest_auth a = resync_of(&other);

    ub_challenge(l, &v);
    assert_int_equal(ub_send(l, FR_MSG_UB_RESYNC, &a, BROKER), FR_OK);
    ub_was_asked_again(l); /* without AUTS */
    a = resync_of(&v);
    a.response[3] ^= 1;
    assert_int_equal(ub_send(l, FR_MSG_UB_RESYNC, &a, BROKER), FR_EREFUSED);
    assert_string_equal(l->err.reason, "digest-mismatch");
    ub_no_letter(l);
    a = resync_of(&v);
    assert_int_equal(ub_send(l, FR_MSG_UB_RESYNC, &a, BROKER), FR_OK);
    ub_was_asked_again(l); /* used up */
}

static void a_resync_that_never_ends_is_ended(void **state)
{
    struct lab *l = *state;

    for (uint8_t i = 0; i <= FR_VAULT_RESYNCS; i++) {
        struct ub_vector v = ub_vector(i);
        struct fr_digest_auth a = resync_of(&v);
        enum fr_code rc;

        ub_challenge(l, &v);
        rc = ub_send(l, FR_MSG_UB_RESYNC, &a, BROKER);
        assert_int_equal(rc, i < FR_VAULT_RESYNCS ? FR_OK : FR_EUNREACHABLE);
        ub_sent(l);
    }
    assert_string_equal(l->err.reason, "resync-too-often");
}

#define T(name) cmocka_unit_test_setup_teardown(name, ub_setup, lab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_an_hss_nobody_waits),
        T(who_waits_learns_that_the_hss_is_gone),
        T(an_answer_that_comes_too_late_is_of_no_use),
        T(a_ticket_is_answered_once),
        T(what_the_hss_says_is_passed_on),
        T(the_hss_gets_rand_and_auts),
        T(a_resync_must_answer_a_challenge_of_ours),
        T(a_resync_that_never_ends_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
