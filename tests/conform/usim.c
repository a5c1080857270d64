/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/usim.h"

#include "test.h"

#include "fake/auc.h"

#define IMPI   "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
#define SEQ(n) ((uint64_t)(n) << 5)

static const struct fr_conform_usim *member;
static struct fr_err err;
static struct fr_usim *usim;
static struct fr_usim_setup setup;

static void insert(bool gba_u)
{
    setup = *member->begin(gba_u);
    assert_ok(member->method->open(&setup, &usim, &err));
}

static void take_out(void)
{
    member->method->close(usim);
    usim = NULL;
    member->end();
}

static void reopen(void)
{
    member->method->close(usim);
    assert_ok(member->method->open(&setup, &usim, &err));
}

static enum fr_code ask(const struct fr_auc_vector *v, bool gba_u,
                        struct fr_aka_answer *a)
{
    *a = (struct fr_aka_answer){.verdict = FR_AKA_SYNC};
    return member->method->authenticate(usim, v->rand, v->autn, gba_u, a, &err);
}

static void assert_accepted(uint64_t sqn)
{
    struct fr_auc_vector v;
    FR_AUTO_CLEAR(aka_answer) a;

    fr_auc_challenge(sqn, 0, false, (uint8_t)sqn, &v);
    assert_ok(ask(&v, false, &a));
    assert_int_equal(a.verdict, FR_AKA_OK);
    assert_int_equal(a.res_len, sizeof v.out.res);
    assert_memory_equal(a.res, v.out.res, sizeof v.out.res);
    assert_int_equal(fr_secret_len(a.ks), FR_KS_LEN);
    assert_memory_equal(fr_secret_data(a.ks), v.out.ck, FR_AKA_KEY_LEN);
    assert_memory_equal(fr_secret_data(a.ks) + FR_AKA_KEY_LEN, v.out.ik,
                        FR_AKA_KEY_LEN);
}

static void assert_out_of_step(uint64_t sqn, uint64_t sqn_ms)
{
    struct fr_auc_vector v;
    FR_AUTO_CLEAR(aka_answer) a;

    fr_auc_challenge(sqn, 0, false, (uint8_t)sqn, &v);
    assert_ok(ask(&v, false, &a));
    assert_int_equal(a.verdict, FR_AKA_SYNC);
    assert_null(a.ks);
    assert_true(fr_auc_resync(v.rand, a.auts) == sqn_ms);
}

/* ---- */

static void method_is_complete(void **state)
{
    const struct fr_usim_method *list[] = {member->method, NULL};

    (void)state;
    assert_ptr_equal(fr_usim_find(list, member->method->name), member->method);
    assert_null(fr_usim_find(list, "no such kind"));
    member->method->close(NULL);
}

static void look_takes_nothing(void **state)
{
    (void)state;
    setup = *member->begin(false);
    assert_ok(member->method->look(&setup, &err));
    assert_ok(member->method->open(&setup, &usim, &err));
    assert_accepted(SEQ(1));
    take_out();
}

static void impi_is_made_of_the_imsi(void **state)
{
    char impi[FR_IMPI_MAX + 1];

    (void)state;
    insert(false);
    assert_ok(member->method->impi(usim, impi, &err));
    assert_string_equal(impi, IMPI);
    setup.impi = "meter-7@private.example";
    reopen();
    assert_ok(member->method->impi(usim, impi, &err));
    assert_string_equal(impi, "meter-7@private.example");
    take_out();
}

static void new_challenges_are_answered(void **state)
{
    (void)state;
    insert(false);
    for (unsigned n = 1; n < 4; n++)
        assert_accepted(SEQ(n));
    take_out();
}

static void replay_is_answered_by_an_auts_that_the_network_accepts(void **state)
{
    (void)state;
    insert(false);
    assert_accepted(SEQ(7));
    assert_out_of_step(SEQ(7), SEQ(7));
    assert_out_of_step(SEQ(6), SEQ(7));
    assert_accepted(SEQ(8));
    take_out();
}

static void each_index_counts_for_itself(void **state)
{
    (void)state;
    insert(false);
    assert_accepted(SEQ(9) | 3);
    assert_accepted(SEQ(4) | 5);
    assert_out_of_step(SEQ(9) | 3, SEQ(9) | 3);
    assert_out_of_step(SEQ(4) | 5, SEQ(9) | 3);
    assert_accepted(SEQ(5) | 5);
    take_out();
}

static void too_great_a_jump_is_out_of_step(void **state)
{
    (void)state;
    insert(false);
    assert_accepted(SEQ(1));
    assert_out_of_step(SEQ((UINT64_C(1) << 28) + 2), SEQ(1));
    assert_accepted(SEQ((UINT64_C(1) << 28) + 1));
    take_out();
}

static void what_was_accepted_is_remembered(void **state)
{
    (void)state;
    insert(false);
    assert_accepted(SEQ(3));
    reopen();
    assert_out_of_step(SEQ(3), SEQ(3));
    assert_accepted(SEQ(4));
    take_out();
}

static void forged_challenge_is_refused_and_costs_nothing(void **state)
{
    struct fr_auc_vector v;
    struct fr_aka_answer a;

    (void)state;
    insert(false);
    fr_auc_challenge(SEQ(5), 0, false, 1, &v);
    for (size_t i = 0; i < sizeof v.autn; i++) {
        v.autn[i] ^= 0x10;
        assert_fails_as(ask(&v, false, &a), FR_EREFUSED, "aka-mac");
        assert_null(a.ks);
        v.autn[i] ^= 0x10;
    }
    v.rand[0] ^= 1;
    assert_fails_as(ask(&v, false, &a), FR_EREFUSED, "aka-mac");
    assert_accepted(SEQ(1));
    take_out();
}

/* ---- GBA_U ---- */

static void bootstrap(uint64_t sqn, struct fr_auc_vector *v)
{
    FR_AUTO_CLEAR(aka_answer) a;

    fr_auc_challenge(sqn, 0, true, (uint8_t)sqn, v);
    assert_ok(ask(v, true, &a));
    assert_int_equal(a.verdict, FR_AKA_OK);
    assert_memory_equal(a.res, v->out.res, sizeof v->out.res);
    assert_null(a.ks);
}

static void assert_naf_key(const struct fr_auc_vector *v, enum fr_gba_key key)
{
    const struct fr_gba_naf naf = {.key = key,
                                   .rand = fr_slice_of(v->rand, sizeof v->rand),
                                   .impi = IMPI,
                                   .naf_fqdn = "naf.example.org",
                                   .ua = FR_UA_TLS12};
    FR_AUTO(secret) *ks = NULL;
    FR_AUTO(secret) *want = NULL;
    FR_AUTO(secret) *got = NULL;

    assert_ok(fr_secret_new(FR_KS_LEN, &ks, &err));
    memcpy(fr_secret_data(ks), v->out.ck, FR_AKA_KEY_LEN);
    memcpy(fr_secret_data(ks) + FR_AKA_KEY_LEN, v->out.ik, FR_AKA_KEY_LEN);
    assert_ok(fr_gba_naf_key(ks, &naf, &want, &err));
    assert_ok(member->method->naf_key(usim, &naf, &got, &err));
    assert_true(fr_secret_equal(got, want));
}

static void ks_stays_in_the_card_which_gives_naf_keys(void **state)
{
    struct fr_auc_vector v;

    (void)state;
    insert(true);
    assert_true(member->method->has_gba_u(usim));
    bootstrap(SEQ(1), &v);
    assert_naf_key(&v, FR_GBA_ME);
    bootstrap(SEQ(2), &v);
    assert_naf_key(&v, FR_GBA_ME);
    take_out();
}

static void contexts_do_not_take_each_others_challenges(void **state)
{
    struct fr_auc_vector plain, star;
    struct fr_aka_answer a;

    (void)state;
    insert(true);
    fr_auc_challenge(SEQ(1), 0, false, 1, &plain);
    fr_auc_challenge(SEQ(1), 0, true, 1, &star);
    assert_fails_as(ask(&plain, true, &a), FR_EREFUSED, "aka-mac");
    assert_fails_as(ask(&star, false, &a), FR_EREFUSED, "aka-mac");
    assert_accepted(SEQ(1));
    take_out();
}

static void replay_in_the_gba_context_is_out_of_step(void **state)
{
    struct fr_auc_vector v;
    FR_AUTO_CLEAR(aka_answer) a;

    (void)state;
    insert(true);
    bootstrap(SEQ(2), &v);
    assert_ok(ask(&v, true, &a));
    assert_int_equal(a.verdict, FR_AKA_SYNC);
    assert_true(fr_auc_resync(v.rand, a.auts) == SEQ(2));
    take_out();
}

static void naf_key_needs_a_bootstrap(void **state)
{
    const uint8_t rand[FR_AKA_RAND_LEN] = {0};
    const struct fr_gba_naf naf = {.key = FR_GBA_ME,
                                   .rand = fr_slice_of(rand, sizeof rand),
                                   .impi = IMPI,
                                   .naf_fqdn = "naf.example.org"};
    FR_AUTO(secret) *key = NULL;
    struct fr_auc_vector v;

    (void)state;
    insert(true);
    assert_fails_as(member->method->naf_key(usim, &naf, &key, &err), FR_EINVALID,
                    "no-gba-bootstrap");
    bootstrap(SEQ(1), &v);
    assert_fails_as(member->method->naf_key(usim, &naf, &key, &err), FR_EINVALID,
                    "no-gba-bootstrap");
    take_out();
}

static void card_without_a_gba_context_says_so(void **state)
{
    struct fr_auc_vector v;
    struct fr_aka_answer a;

    (void)state;
    insert(false);
    assert_false(member->method->has_gba_u(usim));
    fr_auc_challenge(SEQ(1), 0, true, 1, &v);
    assert_fails_as(ask(&v, true, &a), FR_EUNSUPPORTED, "no-gba-u");
    take_out();
}

int fr_conform_usim_run(const struct fr_conform_usim *m)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_is_complete),
        cmocka_unit_test(look_takes_nothing),
        cmocka_unit_test(impi_is_made_of_the_imsi),
        cmocka_unit_test(new_challenges_are_answered),
        cmocka_unit_test(replay_is_answered_by_an_auts_that_the_network_accepts),
        cmocka_unit_test(each_index_counts_for_itself),
        cmocka_unit_test(too_great_a_jump_is_out_of_step),
        cmocka_unit_test(what_was_accepted_is_remembered),
        cmocka_unit_test(forged_challenge_is_refused_and_costs_nothing),
        cmocka_unit_test(ks_stays_in_the_card_which_gives_naf_keys),
        cmocka_unit_test(contexts_do_not_take_each_others_challenges),
        cmocka_unit_test(replay_in_the_gba_context_is_out_of_step),
        cmocka_unit_test(naf_key_needs_a_bootstrap),
        cmocka_unit_test(card_without_a_gba_context_says_so),
    };

    member = m;
    return cmocka_run_group_tests_name(m->method->name, tests, NULL, NULL);
}
