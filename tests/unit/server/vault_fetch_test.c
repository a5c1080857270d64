/* SPDX-License-Identifier: Apache-2.0 */
/* What targets and the discovery resource get. */
#include "crypto/gba.h"
#include "proto/mmef.h"
#include "vault_lab.h"

static void changes_of(struct lab *l, struct fr_mmef_changes *ret)
{
    struct fr_err err = {0};

    assert_ok(fr_mmef_changes_decode(l->answer.field[FR_F_JSON], ret, &err));
}

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

/* ---- feed ---- */

static void feed_tells_a_target_of_its_own_keys_only(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes mine = {0}, theirs = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &mine);
    assert_int_equal(mine.n, 1);
    assert_false(mine.reset);
    assert_int_equal(mine.list[0].kind, FR_CHANGE_ADDED);
    assert_string_equal(mine.list[0].key_id, KEY_ID(1));
    assert_string_equal(mine.list[0].enrolee, "dev1.example.com");
    assert_int_equal(mine.list[0].suid, 22);
    assert_int_equal(lab_feed(l, OTHER, 0), FR_OK);
    changes_of(l, &theirs);
    assert_int_equal(theirs.n, 0);
    fr_mmef_changes_clear(&mine);
    fr_mmef_changes_clear(&theirs);
}

static void feed_goes_on_behind_its_cursor(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes first = {0}, second = {0}, third = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &first);
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(1) "'}");
    assert_int_equal(lab_feed(l, BROKER, first.cursor), FR_OK);
    changes_of(l, &second);
    assert_int_equal(second.n, 1);
    assert_int_equal(second.list[0].kind, FR_CHANGE_REVOKED);
    assert_int_equal(lab_feed(l, BROKER, second.cursor), FR_OK);
    changes_of(l, &third);
    assert_int_equal(third.n, 0);
    assert_true(third.cursor == second.cursor);
    fr_mmef_changes_clear(&first);
    fr_mmef_changes_clear(&second);
    fr_mmef_changes_clear(&third);
}

static void feed_tells_of_what_a_new_key_pushed_out(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes c = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    lab_enrol(l, KEY_ID(3));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &c);
    assert_int_equal(c.n, 4);
    assert_int_equal(c.list[2].kind, FR_CHANGE_RETIRED);
    assert_string_equal(c.list[2].key_id, KEY_ID(1));
    assert_int_equal(c.list[3].kind, FR_CHANGE_ADDED);
    fr_mmef_changes_clear(&c);
}

static void cursor_beyond_the_end_starts_over(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes c = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_feed(l, BROKER, UINT64_MAX), FR_OK);
    changes_of(l, &c);
    assert_true(c.reset);
    assert_int_equal(c.n, 1);
    fr_mmef_changes_clear(&c);
}

static void feed_forgets_a_key_long_after_its_end(void **state)
{
    const int64_t hour_ms = INT64_C(3600) * 1000;
    struct fr_mmef_changes changes;
    struct lab *l = *state;
    struct fr_err err = {0};
    int64_t due;

    l->config.expiry_max_s = 3600;
    lab_close(l);
    lab_open(l);
    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    fr_fake_env_advance(&l->fake, hour_ms);
    assert_ok(fr_vault_tick(l->vault, &due, &err)); /* expired: retired */
    lab_enrol(l, KEY_ID(2));
    fr_fake_env_advance(&l->fake, INT64_C(1000) * FR_VAULT_FEED_KEEP_S);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &changes);
    assert_int_equal(changes.n, 4); /* a reader may still be behind */
    fr_mmef_changes_clear(&changes);
    fr_fake_env_advance(&l->fake, hour_ms);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &changes);
    assert_int_equal(changes.n, 2); /* of key 2 */
    assert_false(changes.reset);
    fr_mmef_changes_clear(&changes);
}

static void long_feed_comes_in_pieces(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes first = {0}, second = {0};

    lab_populate(l);
    lab_sql(l,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 300) INSERT INTO feed (seq, event, target_fqdn, key_id, suid,"
            " san, expires, at) SELECT i, 0, '" BROKER "', printf('%032d@" MEF "', i),"
            " 22, 'dns:dev1', 1800000000, 1 FROM n;"
            "UPDATE progress SET feed = 300");
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &first);
    assert_int_equal(first.n, FR_CHANGES_MAX);
    assert_int_equal(lab_feed(l, BROKER, first.cursor), FR_OK);
    changes_of(l, &second);
    assert_int_equal(second.n, 300 - FR_CHANGES_MAX);
    assert_true(second.list[0].seq == first.cursor + 1);
    fr_mmef_changes_clear(&first);
    fr_mmef_changes_clear(&second);
}

static bool begins_again(struct lab *l, uint64_t since, const char *last)
{
    struct fr_peer peer = lab_target(BROKER);
    struct fr_mmef_changes changes = {0};
    struct fr_msg m = {.type = FR_MSG_FEED};
    uint8_t cursor[8];
    bool reset;

    fr_msg_set_u64(&m, FR_F_SINCE, since, cursor);
    fr_msg_set_str(&m, FR_F_KEY_ID, last);
    assert_int_equal(lab_ask_as(l, &peer, &m), FR_OK);
    changes_of(l, &changes);
    reset = changes.reset;
    fr_mmef_changes_clear(&changes);
    return reset;
}

/* The database was put back to an older one, and has grown since. */
static void cursor_at_anothers_change_begins_again(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    assert_false(begins_again(l, 0, NULL));
    assert_false(begins_again(l, 1, "00000000000000000000000000000001"));
    assert_false(begins_again(l, 2, "00000000000000000000000000000002"));
    assert_false(begins_again(l, 2, NULL)); /* an old target */
    assert_true(begins_again(l, 1, "00000000000000000000000000000003"));
    assert_true(begins_again(l, 2, "00000000000000000000000000000001"));
    assert_true(begins_again(l, 3, "00000000000000000000000000000003"));
}

/* What is there at that place is another target's. */
static void cursor_at_another_targets_change_begins_again(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_sql(l, "UPDATE feed SET target_fqdn = '" OTHER "'");
    lab_enrol(l, KEY_ID(2));
    assert_true(begins_again(l, 1, "00000000000000000000000000000001"));
}

static void feed_is_only_for_registered_targets(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(lab_feed(l, "stranger.example.com", 0), FR_EREFUSED);
    assert_string_equal(l->err.reason, "target-not-registered");
}

static void target_of_two_names_hears_of_both(void **state)
{
    struct fr_peer peer = lab_target(BROKER);
    struct fr_msg m = {.type = FR_MSG_FEED};
    struct lab *l = *state;
    struct fr_mmef_changes c = {0};
    struct lab_commit k;
    uint8_t since[8];

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" OTHER "'}");
    lab_enrol(l, KEY_ID(1));
    k = lab_commit_of(l, KEY_ID(2));
    k.target = OTHER;
    assert_int_equal(lab_commit(l, &k), FR_OK);
    peer.sans[1] = lab_target(OTHER).sans[0];
    peer.n_sans = 2;
    fr_msg_set_u64(&m, FR_F_SINCE, 0, since);
    assert_int_equal(lab_ask_as(l, &peer, &m), FR_OK);
    changes_of(l, &c);
    assert_int_equal(c.n, 2);
    fr_mmef_changes_clear(&c);
}

/* ---- discovery ---- */

#define DOCUMENT(mef)                                                                  \
    "{'version':1,'instructions':[{'bootstrap':'certificate','mef':'" mef "'}]}"

static enum fr_code discover(struct lab *l, const struct fr_peer *peer)
{
    struct fr_msg m = {.type = FR_MSG_DISCOVER};

    return lab_ask_as(l, peer, &m);
}

static void device_gets_its_own_document_before_that_of_all(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'instructions.set','name':'all','document':" DOCUMENT(
                  "all.example.com") "}");
    lab_do(l, "{'op':'instructions.set','name':'own','document':" DOCUMENT(
                  "own.example.com") "}");
    lab_do(l, "{'op':'instructions.assign','name':'all','enrolee':'*'}");
    assert_int_equal(discover(l, &peer), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "all.example.com");
    lab_do(l, "{'op':'instructions.assign','name':'own','enrolee':'dev1'}");
    assert_int_equal(discover(l, &peer), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "own.example.com");
}

static void without_a_document_there_is_none(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(discover(l, &peer), FR_ENOTFOUND);
    assert_string_equal(l->err.reason, "no-instructions");
}

static void stranger_gets_no_document(void **state)
{
    struct fr_peer peer = lab_peer(ANCHOR, "dns:dev2.example.com");
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'instructions.set','name':'all','document':" DOCUMENT(
                  "all.example.com") "}");
    lab_do(l, "{'op':'instructions.assign','name':'all','enrolee':'*'}");
    assert_int_equal(discover(l, &peer), FR_EREFUSED);
    assert_string_equal(l->err.reason, "enrolee-not-listed");
}

/* ---- notes and reports ---- */

static enum fr_code note(struct lab *l)
{
    struct fr_peer nobody = {.kind = FR_PEER_NONE};
    struct fr_msg m = {.type = FR_MSG_NOTE};

    fr_msg_set_str(&m, FR_F_REASON, "tls-alert-48");
    fr_msg_set_str(&m, FR_F_TEXT, "unknown CA");
    return lab_ask_as(l, &nobody, &m);
}

static void notes_are_bounded_and_the_lost_ones_counted(void **state)
{
    struct lab *l = *state;

    for (int i = 0; i < 3 * FR_VAULT_NOTES_PER_S; i++)
        assert_int_equal(note(l), FR_OK);
    assert_int_equal(lab_count_reason(l, "tls-alert-48"), FR_VAULT_NOTES_PER_S);
    fr_fake_env_advance(&l->fake, 1000);
    assert_int_equal(note(l), FR_OK);
    assert_contains(lab_say(l, "{'op':'audit','limit':1}"), "(40 lines before this");
}

static enum fr_code report(struct lab *l, const struct fr_peer *peer, const char *json)
{
    struct fr_msg m = {.type = FR_MSG_REPORT};

    fr_msg_set_str(&m, FR_F_JSON, json);
    return lab_ask_as(l, peer, &m);
}

#define RECORD                                                                         \
    "{\"list\":\"0123456789abcdef\",\"position\":\"1\",\"kind\":\"bootstrap\","        \
    "\"method\":\"gba\",\"mef\":\"mef.example.com\",\"phase\":\"trigger\","            \
    "\"class\":\"unsupported\",\"reason\":\"no-sim\",\"text\":\"no SIM here\","        \
    "\"start\":\"2027-01-15T08:00:00Z\",\"durationMs\":5,\"octetsOut\":0,"             \
    "\"octetsIn\":0}"

static void reported_attempts_reach_the_operator(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(report(l, &peer, "[" RECORD "," RECORD "]"), FR_OK);
    assert_contains(lab_say(l, "{'op':'explain','subject':'dev1'}"), "no-sim");
}

static void malformed_report_is_refused_whole(void **state)
{
    static const char *const bad[] = {"", "{}", "[1]", "[" RECORD ",{}]",
                                      "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"};
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(report(l, &peer, bad[i]), FR_EPARSE);
        assert_string_equal(l->err.reason, "attempts-malformed");
    }
    assert_null(strstr(lab_say(l, "{'op':'explain','subject':'dev1'}"), "no-sim"));
}

/* The one place that counts them: the worker admits whatever fits a body. */
static void report_has_so_many_attempts_and_no_more(void **state)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    fr_buf_str(&json, "[" RECORD);
    for (int i = 1; i < FR_VAULT_ATTEMPTS_MAX; i++)
        fr_buf_str(&json, "," RECORD);
    fr_buf_str(&json, "]");
    assert_int_equal(report(l, &peer, fr_buf_cstr(&json)), FR_OK);
    json.len--;
    fr_buf_str(&json, "," RECORD "]");
    assert_int_equal(report(l, &peer, fr_buf_cstr(&json)), FR_ELIMIT);
}

static void strangers_report_is_refused(void **state)
{
    struct fr_peer peer = lab_device();

    assert_int_equal(report(*state, &peer, "[" RECORD "]"), FR_EREFUSED);
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
        LAB(feed_tells_a_target_of_its_own_keys_only),
        LAB(feed_goes_on_behind_its_cursor),
        LAB(feed_tells_of_what_a_new_key_pushed_out),
        LAB(cursor_beyond_the_end_starts_over),
        LAB(feed_forgets_a_key_long_after_its_end),
        LAB(long_feed_comes_in_pieces),
        LAB(cursor_at_anothers_change_begins_again),
        LAB(cursor_at_another_targets_change_begins_again),
        LAB(feed_is_only_for_registered_targets),
        LAB(target_of_two_names_hears_of_both),
        LAB(device_gets_its_own_document_before_that_of_all),
        LAB(without_a_document_there_is_none),
        LAB(stranger_gets_no_document),
        LAB(notes_are_bounded_and_the_lost_ones_counted),
        LAB(reported_attempts_reach_the_operator),
        LAB(malformed_report_is_refused_whole),
        LAB(report_has_so_many_attempts_and_no_more),
        LAB(strangers_report_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
