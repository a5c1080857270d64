/* SPDX-License-Identifier: Apache-2.0 */
/* What targets get. */
#include "crypto/gba.h"
#include "vault_lab.h"

/* ---- fetch ---- */

static void target_gets_the_usage_constrained_key(void **state)
{
    struct lab *l = *state;
    FR_AUTO(secret) *ke = NULL, *key = NULL;
    struct fr_err err = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    assert_ok(fr_secret_from(KEY_ID(1), FR_KE_LEN, &ke, &err));
    assert_ok(fr_kdf_usage(ke, 22, BROKER, &key, &err));
    assert_true(fr_slice_equal(l->answer.field[FR_F_KEY], fr_secret_view(key)));
    assert_string_equal(lab_text(l, FR_F_ENROLEE), "dev1.example.com");
    assert_int_equal(fr_msg_u64(&l->answer, FR_F_EXPIRES), l->fake.wall_s + 90 * 86400);
    assert_int_equal(lab_count_reason(l, "fetched"), 1);
    assert_null(strstr(lab_say(l, "{'op':'credential.list'}"), "\"fetched\":null"));
}

static void derivation_is_the_targets(void **state)
{
    struct lab *l = *state;
    FR_AUTO(secret) *ke = NULL, *key = NULL;
    struct lab_commit c;
    struct fr_err err = {0};

    lab_populate(l);
    lab_do(l, "{'op':'target.add','id':'//sp.example.com/maf','fqdn':"
              "'maf.sp.example.com','derivation':'km'}");
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'//sp.example.com/maf'}");
    c = lab_commit_of(l, KEY_ID(1));
    c.target = "//sp.example.com/maf";
    assert_int_equal(lab_commit(l, &c), FR_OK);
    assert_int_equal(lab_fetch(l, "maf.sp.example.com", KEY_ID(1), 22), FR_OK);
    assert_ok(fr_secret_from(KEY_ID(1), FR_KE_LEN, &ke, &err));
    assert_ok(fr_kdf_km(ke, "//sp.example.com/maf", &key, &err));
    assert_true(fr_slice_equal(l->answer.field[FR_F_KEY], fr_secret_view(key)));
}

/* ---- a SIM's key ---- */

#define IMPI "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
/* As Ub leaves it. */
static void give_sims_key(struct lab *l, enum fr_derivation d)
{
    char sql[256];

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    snprintf(sql, sizeof sql,
             "UPDATE credential SET derivation = %d, san = 'impi:" IMPI
             "', context = '00112233445566778899aabbccddeeff " IMPI "'",
             (int)d);
    lab_sql(l, sql);
}

static enum fr_code fetch_for(struct lab *l, const char *fqdn, const char *ua)
{
    struct fr_peer peer = lab_target(fqdn);
    struct fr_msg m = {.type = FR_MSG_FETCH};
    uint8_t suid[8];

    fr_msg_set_str(&m, FR_F_KEY_ID, KEY_ID(1));
    fr_msg_set_u8(&m, FR_F_SUID, 22, suid);
    fr_msg_set_str(&m, FR_F_UA, ua);
    return lab_ask_as(l, &peer, &m);
}

static void assert_naf_key(struct lab *l, enum fr_field field, enum fr_gba_key which,
                           const char *fqdn, enum fr_ua ua)
{
    static const uint8_t rand[] = "\x00\x11\x22\x33\x44\x55\x66\x77"
                                  "\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
    const struct fr_gba_naf naf = {.key = which,
                                   .rand = fr_slice_of(rand, FR_AKA_RAND_LEN),
                                   .impi = IMPI,
                                   .naf_fqdn = fqdn,
                                   .ua = ua};
    FR_AUTO(secret) *ke = NULL, *key = NULL;
    struct fr_err err = {0};

    assert_ok(fr_secret_from(KEY_ID(1), FR_KE_LEN, &ke, &err));
    assert_ok(fr_gba_naf_key(ke, &naf, &key, &err));
    assert_true(fr_slice_equal(l->answer.field[field], fr_secret_view(key)));
    assert_string_equal(lab_text(l, FR_F_UA), fr_ua_name(ua));
}

static void sims_key_is_of_the_protocol_that_is_asked_for(void **state)
{
    struct lab *l = *state;

    give_sims_key(l, FR_DERIVE_GBA);
    assert_int_equal(fetch_for(l, BROKER, NULL), FR_OK);
    assert_naf_key(l, FR_F_KEY, FR_GBA_ME, BROKER, FR_UA_TLS12);
    assert_string_equal(lab_text(l, FR_F_ENROLEE), IMPI);
    assert_false(fr_msg_has(&l->answer, FR_F_UICC_KEY));
    assert_int_equal(fetch_for(l, BROKER, "tls1.3"), FR_OK);
    assert_naf_key(l, FR_F_KEY, FR_GBA_ME, BROKER, FR_UA_TLS13);
    assert_int_equal(fetch_for(l, BROKER, "http-digest"), FR_EPARSE);
    assert_int_equal(fetch_for(l, BROKER, "tls1.4"), FR_EPARSE);
    assert_string_equal(l->err.reason, "ua");
}

static void sim_that_keeps_ks_has_a_second_key(void **state)
{
    struct lab *l = *state;

    give_sims_key(l, FR_DERIVE_GBA_U);
    assert_int_equal(fetch_for(l, BROKER, "dtls1.2"), FR_OK);
    assert_naf_key(l, FR_F_KEY, FR_GBA_ME, BROKER, FR_UA_DTLS12);
    assert_naf_key(l, FR_F_UICC_KEY, FR_GBA_U, BROKER, FR_UA_DTLS12);
}

static void other_target_gets_a_sims_key_of_its_own_name_if_it_is_allowed(void **state)
{
    struct lab *l = *state;

    give_sims_key(l, FR_DERIVE_GBA);
    assert_int_equal(fetch_for(l, OTHER, NULL), FR_EREFUSED);
    assert_string_equal(l->err.reason, "not-your-key");
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" OTHER "'}");
    assert_int_equal(fetch_for(l, OTHER, NULL), FR_OK);
    assert_naf_key(l, FR_F_KEY, FR_GBA_ME, OTHER, FR_UA_TLS12);
    assert_contains(lab_say(l, "{'op':'credential.list'}"), "\"fetched\":null");
    assert_int_equal(fetch_for(l, "nobody.example.com", NULL), FR_EREFUSED);
    lab_do(l, "{'op':'enrolee.deny','name':'dev1','target':'" OTHER "'}");
    assert_int_equal(fetch_for(l, OTHER, NULL), FR_EREFUSED);
    fr_fake_env_advance(&l->fake, INT64_C(91) * 86400 * 1000);
    assert_int_equal(fetch_for(l, BROKER, NULL), FR_ENOTFOUND);
    assert_string_equal(l->err.reason, "key-expired");
}

/* Ke alone is bound to one target. */
static void other_target_gets_no_key_of_a_certificate(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" OTHER "'}");
    assert_int_equal(fetch_for(l, OTHER, NULL), FR_EREFUSED);
    assert_string_equal(l->err.reason, "not-your-key");
}

static void sims_key_without_its_context_is_our_own_failure(void **state)
{
    struct lab *l = *state;

    give_sims_key(l, FR_DERIVE_GBA);
    lab_sql(l, "UPDATE credential SET context = '0011 " IMPI "'");
    assert_int_equal(fetch_for(l, BROKER, NULL), FR_ESTORE);
    assert_string_equal(l->err.reason, "context-broken");
}

static void assert_fetch_fails(struct lab *l, const char *fqdn, const char *key_id,
                               uint8_t suid, enum fr_code code, const char *reason)
{
    assert_int_equal(lab_fetch(l, fqdn, key_id, suid), code);
    assert_string_equal(l->err.reason, reason);
    assert_false(fr_msg_has(&l->answer, FR_F_KEY));
    assert_true(lab_count_reason(l, reason) >= 1);
}

static void another_target_is_refused(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_fetch_fails(l, OTHER, KEY_ID(1), 22, FR_EREFUSED, "not-your-key");
}

static void refusal_does_not_say_whose_key_it_is(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_fetch(l, OTHER, KEY_ID(1), 22), FR_EREFUSED);
    assert_null(strstr(lab_text(l, FR_F_TEXT), BROKER));
}

/* A target that asks without end fills no disk. */
static void repeated_fetches_are_audited_within_a_rate(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    for (int i = 0; i < 200; i++)
        assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    assert_true(lab_count_reason(l, "fetched") < 100);
    lab_enrol(l, KEY_ID(2));
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(2), 22), FR_OK);
    assert_contains(lab_say(l, "{'op':'audit','limit':1}"),
                    KEY_ID(2)); /* a first one */
}

static void the_enrolee_learns_that_its_target_came(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(1)), FR_OK);
    assert_false(fr_msg_has(&l->answer, FR_F_FETCHED));
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    assert_int_equal(lab_lookup(l, &peer, KEY_ID(1)), FR_OK);
    assert_int_equal(fr_msg_u64(&l->answer, FR_F_FETCHED), l->fake.wall_s);
}

static void a_subdomain_or_a_parent_is_another_target(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_fetch_fails(l, "a." BROKER, KEY_ID(1), 22, FR_EREFUSED, "not-your-key");
    assert_fetch_fails(l, "example.com", KEY_ID(1), 22, FR_EREFUSED, "not-your-key");
}

static void the_enrolee_itself_is_no_target(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_fetch_fails(l, "dev1.example.com", KEY_ID(1), 22, FR_EREFUSED,
                       "not-your-key");
}

static void unverified_target_is_refused(void **state)
{
    struct fr_peer peer = lab_target(BROKER);
    struct fr_msg m = {.type = FR_MSG_FETCH};
    struct lab *l = *state;
    uint8_t suid[8];

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    peer.anchor[0] = 0;
    fr_msg_set_str(&m, FR_F_KEY_ID, KEY_ID(1));
    fr_msg_set_u8(&m, FR_F_SUID, 22, suid);
    assert_int_equal(lab_ask_as(l, &peer, &m), FR_EREFUSED);
    assert_string_equal(l->err.reason, "peer-unverified");
}

static void unknown_key_is_not_found(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_fetch_fails(l, BROKER, KEY_ID(9), 22, FR_ENOTFOUND, "unknown-key");
    assert_fetch_fails(l, BROKER, "no KeID", 22, FR_ENOTFOUND, "unknown-key");
}

static void key_id_is_compared_without_case(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, "0000000000000000000000000000000A@" MEF);
    assert_int_equal(lab_fetch(l, BROKER, "0000000000000000000000000000000a@" MEF, 22),
                     FR_OK);
}

static void another_suid_is_refused_and_an_undefined_one_malformed(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_fetch_fails(l, BROKER, KEY_ID(1), 21, FR_EREFUSED, "unknown-suid");
    assert_fetch_fails(l, BROKER, KEY_ID(1), 99, FR_EPARSE, "suid-undefined");
}

static void expired_key_is_not_found_even_before_it_is_swept(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    fr_fake_env_advance(&l->fake, INT64_C(91) * 86400 * 1000);
    assert_fetch_fails(l, BROKER, KEY_ID(1), 22, FR_ENOTFOUND, "key-expired");
}

static void previous_key_is_fetchable_a_revoked_one_is_not(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(2) "'}");
    assert_fetch_fails(l, BROKER, KEY_ID(2), 22, FR_ENOTFOUND, "unknown-key");
    assert_fetch_fails(l, BROKER, KEY_ID(1), 22, FR_ENOTFOUND, "unknown-key");
}

static void retiring_key_is_handed_out_with_its_early_end(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    assert_int_equal(lab_ack(l, &peer, KEY_ID(2)), FR_OK);
    assert_int_equal(lab_fetch(l, BROKER, KEY_ID(1), 22), FR_OK);
    assert_int_equal(fr_msg_u64(&l->answer, FR_F_EXPIRES),
                     l->fake.wall_s + FR_VAULT_GRACE_S);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(target_gets_the_usage_constrained_key),
        LAB(sims_key_is_of_the_protocol_that_is_asked_for),
        LAB(sim_that_keeps_ks_has_a_second_key),
        LAB(other_target_gets_a_sims_key_of_its_own_name_if_it_is_allowed),
        LAB(other_target_gets_no_key_of_a_certificate),
        LAB(sims_key_without_its_context_is_our_own_failure),
        LAB(derivation_is_the_targets),
        LAB(another_target_is_refused),
        LAB(refusal_does_not_say_whose_key_it_is),
        LAB(repeated_fetches_are_audited_within_a_rate),
        LAB(the_enrolee_learns_that_its_target_came),
        LAB(a_subdomain_or_a_parent_is_another_target),
        LAB(the_enrolee_itself_is_no_target),
        LAB(unverified_target_is_refused),
        LAB(unknown_key_is_not_found),
        LAB(key_id_is_compared_without_case),
        LAB(another_suid_is_refused_and_an_undefined_one_malformed),
        LAB(expired_key_is_not_found_even_before_it_is_swept),
        LAB(previous_key_is_fetchable_a_revoked_one_is_not),
        LAB(retiring_key_is_handed_out_with_its_early_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
