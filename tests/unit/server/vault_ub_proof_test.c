/* SPDX-License-Identifier: Apache-2.0 */
/* What a device asks after Ub, by the proof that it holds Ks. */
#include "ub_lab.h"

#define ACK     "POST /fieldroot/v1/gba/ack"
#define LOOKUP  "GET /fieldroot/v1/gba/ack"
#define FETCHED "GET /fieldroot/v1/gba/fetched?wait=5"
#define TARGETS "POST /fieldroot/v1/gba/targets"
#define RECORDS "POST /fieldroot/v1/gba/attempts"

static enum fr_code ask(struct lab *l, struct ub_proof *p)
{
    return lab_ask(l, FR_WORKER_GBA, &p->m);
}

static void an_ack_is_taken_once_and_tells_nothing_again(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p, q;

    ub_bootstrap(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "");
    ub_prove(&q, &v, FR_MSG_UB_ACK, "200 /fieldroot/v1/gba/ack", "");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(l, &p), FR_OK);
        assert_false(fr_msg_has(&l->answer, FR_F_RESPONSE));
        assert_memory_equal(l->answer.field[FR_F_MAC].data, q.mac, sizeof q.mac);
    }
    assert_int_equal(lab_count_reason(l, "acknowledged"), 1);
}

/* A device asks before it has made the key current. */
static void a_lookup_takes_nothing_over(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p;
    char first[4096];

    ub_bootstrap(l, &v);
    snprintf(first, sizeof first, "%s", lab_text(l, FR_F_RESPONSE));
    ub_prove(&p, &v, FR_MSG_UB_ACK, LOOKUP, "");
    assert_int_equal(ask(l, &p), FR_OK);
    assert_string_equal(lab_text(l, FR_F_RESPONSE), first);
    assert_int_equal(lab_count_reason(l, "acknowledged"), 0);
}

static void an_answer_is_proven(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    uint8_t mac[FR_SHA256_LEN];
    struct ub_proof p, q;

    ub_bootstrap(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_ACK, LOOKUP, "");
    assert_int_equal(ask(l, &p), FR_OK);
    assert_int_equal(l->answer.field[FR_F_MAC].len, sizeof mac);
    memcpy(mac, l->answer.field[FR_F_MAC].data, sizeof mac);
    ub_prove(&q, &v, FR_MSG_UB_ACK, "200 /fieldroot/v1/gba/ack",
             lab_text(l, FR_F_RESPONSE));
    assert_memory_equal(mac, q.mac, sizeof mac);
}

static void a_proof_is_of_one_request_and_one_key(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1), w = ub_vector(2);
    struct ub_proof p;

    ub_bootstrap(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "");
    p.mac[31] ^= 1;
    assert_int_equal(ask(l, &p), FR_EREFUSED);
    assert_string_equal(l->err.reason, "proof-mismatch");
    ub_prove(&p, &v, FR_MSG_UB_ACK, FETCHED, "");
    fr_msg_set_str(&p.m, FR_F_REQUEST_LINE, ACK);
    assert_int_equal(ask(l, &p), FR_EREFUSED);
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "body");
    memset(p.sha, 0, sizeof p.sha);
    assert_int_equal(ask(l, &p), FR_EREFUSED);
    ub_bootstrap(l, &w);
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "");
    fr_btid_format(w.rand, MEF, p.btid);
    fr_msg_set_str(&p.m, FR_F_KEY_ID, p.btid);
    assert_int_equal(ask(l, &p), FR_EREFUSED);
    assert_int_equal(lab_count_reason(l, "acknowledged"), 0);
    assert_int_equal(lab_count_reason(l, "proof-mismatch"), 4);
}

/* What a device was told is not there never will be: it has dropped that key. */
static void no_such_key_is_a_promise(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct fr_digest_auth a = ub_response(&v);
    struct ub_proof p;

    ub_challenge(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "");
    assert_int_equal(ask(l, &p), FR_ENOTFOUND);
    assert_string_equal(l->err.reason, "unknown-key");
    assert_int_equal(ub_finish(l, &a), FR_ECONFLICT);
    assert_string_equal(l->err.reason, "key-id-exists");
    assert_int_equal(ub_credentials(l), 0);
}

static void an_expired_key_is_not_there(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p;

    ub_bootstrap(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "");
    l->fake.wall_s += FR_VAULT_KS_S;
    assert_int_equal(ask(l, &p), FR_ENOTFOUND);
    assert_string_equal(l->err.reason, "unknown-key");
}

/* A B-TID of another MEF, a KeID of another method. */
static void only_keys_of_ub_are_looked_at(void **state)
{
    static const char *const others[] = {"AQEBAQEBAQEBAQEBAQEBAQ==@other.example.com",
                                         KEY_ID(1), "junk", ""};
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p;

    lab_enrol(l, KEY_ID(1));
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        fr_msg_set_str(&p.m, FR_F_KEY_ID, others[i]);
        assert_int_equal(ask(l, &p), FR_ENOTFOUND);
        assert_string_equal(l->err.reason, "unknown-key");
    }
}

static void a_line_that_is_none_is_refused(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p;

    ub_bootstrap(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_ACK, ACK, "");
    fr_msg_set_str(&p.m, FR_F_REQUEST_LINE, "POST");
    assert_int_equal(ask(l, &p), FR_EPARSE);
}

static void records_are_kept_for_the_subscriber(void **state)
{
    static const char none[] = "[]", bad[] = "[{}]";
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p;

    ub_bootstrap(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_REPORT, RECORDS, none);
    assert_int_equal(ask(l, &p), FR_OK);
    ub_prove(&p, &v, FR_MSG_UB_REPORT, RECORDS, bad);
    assert_int_equal(ask(l, &p), FR_EPARSE);
    assert_string_equal(l->err.reason, "attempts-malformed");
    ub_prove(&p, &v, FR_MSG_UB_REPORT, RECORDS, none);
    fr_msg_set_str(&p.m, FR_F_JSON, bad);
    assert_int_equal(ask(l, &p), FR_EREFUSED);
    assert_string_equal(l->err.reason, "proof-mismatch");
}

static void a_device_asks_whether_its_key_was_fetched(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p;

    ub_bootstrap(l, &v);
    ub_prove(&p, &v, FR_MSG_UB_FETCHED, FETCHED, "");
    assert_int_equal(ask(l, &p), FR_OK);
    assert_false(fr_msg_has(&l->answer, FR_F_FETCHED));
    lab_sql(l, "UPDATE credential SET fetched = 77");
    assert_int_equal(ask(l, &p), FR_OK);
    assert_int_equal(fr_msg_u64(&l->answer, FR_F_FETCHED), 77);
}

/* ---- a key for another target ---- */

#define WISH "{\"target\":\"" OTHER "\",\"suid\":22}"

static enum fr_code wish(struct lab *l, const struct ub_vector *v, const char *body)
{
    struct ub_proof p;

    ub_prove(&p, v, FR_MSG_UB_TARGET, TARGETS, body);
    return ask(l, &p);
}

static void allow_other(struct lab *l)
{
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" OTHER "'}");
}

static const char *feed_of(struct lab *l, const char *fqdn)
{
    assert_int_equal(lab_feed(l, fqdn, 0), FR_OK);
    return lab_text(l, FR_F_JSON);
}

static void another_target_that_is_allowed_hears_of_the_key_and_of_its_end(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    uint8_t mac[FR_SHA256_LEN];
    struct ub_proof q;

    ub_bootstrap(l, &v);
    allow_other(l);
    assert_int_equal(wish(l, &v, WISH), FR_OK);
    memcpy(mac, l->answer.field[FR_F_MAC].data, sizeof mac);
    assert_contains(lab_text(l, FR_F_RESPONSE), "id=\"" OTHER "\"");
    ub_prove(&q, &v, FR_MSG_UB_TARGET, "200 /fieldroot/v1/gba/targets",
             lab_text(l, FR_F_RESPONSE));
    assert_memory_equal(mac, q.mac, sizeof mac);
    assert_int_equal(fr_vault_grown(l->vault), 1);
    assert_string_equal(fr_vault_grown_at(l->vault, 0), OTHER);
    assert_contains(feed_of(l, OTHER), q.btid);
    assert_int_equal(lab_fetch(l, OTHER, q.btid, 22), FR_OK);
    fr_fake_env_advance(&l->fake, (int64_t)FR_VAULT_KS_S * 1000);
    assert_int_equal(fr_vault_tick(l->vault, &(int64_t){0}, &l->err), FR_OK);
    assert_int_equal(fr_vault_grown(l->vault), 2);
    assert_contains(feed_of(l, OTHER), "\"retired\"");
    assert_int_equal(ub_credentials(l), 0);
}

static void the_same_wish_tells_nobody_twice(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);

    ub_bootstrap(l, &v);
    allow_other(l);
    for (int i = 0; i < 2; i++)
        assert_int_equal(wish(l, &v, WISH), FR_OK);
    assert_int_equal(lab_count_reason(l, "reused"), 1);
    assert_int_equal(wish(l, &v, "{\"target\":\"" BROKER "\",\"suid\":22}"), FR_OK);
    assert_int_equal(lab_count_reason(l, "reused"), 1);
}

static void a_wish_is_refused(struct lab *l, const char *body, enum fr_code code,
                              const char *reason)
{
    struct ub_vector v = ub_vector(1);

    assert_int_equal(wish(l, &v, body), code);
    assert_string_equal(l->err.reason, reason);
    assert_int_equal(lab_count_reason(l, reason), 1);
    assert_null(strstr(feed_of(l, OTHER), "added"));
}

static void another_target_is_for_who_is_allowed(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    struct ub_proof p;

    ub_bootstrap(l, &v);
    a_wish_is_refused(l, WISH, FR_EREFUSED, "target-not-allowed");
    a_wish_is_refused(l, "{\"target\":\"no.example.com\",\"suid\":22}", FR_EREFUSED,
                      "target-not-registered");
    allow_other(l);
    a_wish_is_refused(l, "{\"target\":\"" OTHER "\",\"suid\":19}", FR_EPARSE,
                      "suid-undefined");
    a_wish_is_refused(l, "{\"suid\":22}", FR_EPARSE, "target-malformed");
    ub_prove(&p, &v, FR_MSG_UB_TARGET, TARGETS, "{}");
    fr_msg_set_str(&p.m, FR_F_JSON, WISH);
    assert_int_equal(ask(l, &p), FR_EREFUSED);
    assert_string_equal(l->err.reason, "proof-mismatch");
    l->fake.wall_s += FR_VAULT_KS_S;
    a_wish_is_refused(l, WISH, FR_ENOTFOUND, "unknown-key");
}

static void one_ks_serves_so_many_targets(void **state)
{
    struct lab *l = *state;
    struct ub_vector v = ub_vector(1);
    char text[128];

    ub_bootstrap(l, &v);
    allow_other(l);
    for (int i = 0; i <= FR_STORE_TOLD_MAX; i++) {
        enum fr_code want = i < FR_STORE_TOLD_MAX ? FR_OK : FR_EREFUSED;
        snprintf(text, sizeof text, "{'op':'target.add','id':'t%d.example.com'}", i);
        lab_do(l, text);
        snprintf(text, sizeof text,
                 "{'op':'enrolee.allow','name':'dev1','target':'t%d.example.com'}", i);
        lab_do(l, text);
        snprintf(text, sizeof text, "{\"target\":\"t%d.example.com\",\"suid\":22}", i);
        assert_int_equal(wish(l, &v, text), want);
    }
    assert_string_equal(l->err.reason, "too-many-targets");
}

#define T(name) cmocka_unit_test_setup_teardown(name, ub_setup, lab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_ack_is_taken_once_and_tells_nothing_again),
        T(a_lookup_takes_nothing_over),
        T(an_answer_is_proven),
        T(a_proof_is_of_one_request_and_one_key),
        T(no_such_key_is_a_promise),
        T(an_expired_key_is_not_there),
        T(only_keys_of_ub_are_looked_at),
        T(a_line_that_is_none_is_refused),
        T(records_are_kept_for_the_subscriber),
        T(a_device_asks_whether_its_key_was_fetched),
        T(another_target_that_is_allowed_hears_of_the_key_and_of_its_end),
        T(the_same_wish_tells_nobody_twice),
        T(another_target_is_for_who_is_allowed),
        T(one_ks_serves_so_many_targets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
