/* SPDX-License-Identifier: Apache-2.0 */
/* Default deny: who may enrol, and for what. */
#include "vault_lab.h"

static void assert_granted(struct lab *l, const char *wanted, const char *got)
{
    struct fr_peer peer = lab_device();

    if (lab_authorise(l, &peer, wanted, NULL) != FR_OK)
        fail_msg("%s: %s", l->err.reason, l->err.msg);
    assert_string_equal(lab_text(l, FR_F_TARGET), got);
}

static void assert_refused(struct lab *l, const struct fr_peer *peer,
                           const char *target, const char *reason)
{
    struct fr_err err;

    assert_int_equal(lab_authorise(l, peer, target, NULL), FR_EREFUSED);
    err = l->err;
    assert_string_equal(err.reason, reason);
    assert_int_equal(fr_msg_u8(&l->answer, FR_F_CODE), FR_EREFUSED);
    assert_string_equal(lab_text(l, FR_F_REASON), reason);
    assert_string_equal(lab_text(l, FR_F_TARGET), ""); /* nothing but the refusal */
    assert_int_equal(lab_count_reason(l, reason), 1);
}

static void listed_device_gets_the_target_it_asks_for(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_granted(l, BROKER, BROKER);
    assert_string_equal(lab_text(l, FR_F_TARGET_FQDN), BROKER);
    assert_string_equal(lab_text(l, FR_F_DERIVATION), "usage");
    assert_string_equal(lab_text(l, FR_F_ENROLEE), "dev1");
    assert_int_equal(fr_msg_u64(&l->answer, FR_F_EXPIRES), l->fake.wall_s + 3600);
}

static void nobody_is_listed_at_first(void **state)
{
    struct fr_peer peer = lab_device();

    assert_refused(*state, &peer, BROKER, "enrolee-not-listed");
}

static void same_name_below_another_anchor_is_a_stranger(void **state)
{
    struct fr_peer peer = lab_peer(ANCHOR_2, "dns:dev1.example.com");
    struct lab *l = *state;

    lab_populate(l);
    assert_refused(l, &peer, BROKER, "enrolee-not-listed");
}

static void same_name_of_another_type_is_a_stranger(void **state)
{
    struct fr_peer peer = lab_peer(ANCHOR, "uri:dev1.example.com");
    struct lab *l = *state;

    lab_populate(l);
    assert_refused(l, &peer, BROKER, "enrolee-not-listed");
}

static void any_of_a_certificates_names_may_be_the_listed_one(void **state)
{
    struct fr_peer peer = lab_peer(ANCHOR, "dns:unknown.example.com");
    struct lab *l = *state;

    lab_populate(l);
    peer.sans[1] = lab_device().sans[0];
    peer.n_sans = 2;
    assert_int_equal(lab_authorise(l, &peer, BROKER, NULL), FR_OK);
}

static void anchor_wide_listing_takes_every_device_but_prefers_its_own(void **state)
{
    struct fr_peer any = lab_peer(ANCHOR, "dns:dev9.example.com"), own = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.add','name':'fleet','anchor':'" ANCHOR "'}");
    assert_int_equal(lab_authorise(l, &any, NULL, NULL), FR_OK);
    assert_string_equal(lab_text(l, FR_F_ENROLEE), "fleet");
    assert_int_equal(lab_authorise(l, &own, NULL, NULL), FR_OK);
    assert_string_equal(lab_text(l, FR_F_ENROLEE), "dev1");
}

static void peers_without_a_verified_certificate_are_refused(void **state)
{
    struct fr_peer none = {.kind = FR_PEER_NONE};
    struct fr_peer psk = {.kind = FR_PEER_PSK, .psk_identity = "kpm@" MEF};
    struct fr_peer unverified = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    unverified.anchor[0] = 0;
    assert_int_equal(lab_authorise(l, &none, BROKER, NULL), FR_EREFUSED);
    assert_string_equal(l->err.reason, "peer-kind");
    assert_int_equal(lab_authorise(l, &psk, BROKER, NULL), FR_EREFUSED);
    assert_string_equal(l->err.reason, "peer-kind");
    assert_refused(l, &unverified, BROKER, "peer-unverified");
}

static void target_must_be_registered(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_refused(l, &peer, "nowhere.example.com", "target-not-registered");
}

static void target_must_be_allowed_for_this_enrolee(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_refused(l, &peer, OTHER, "target-not-allowed");
}

static void denied_target_is_refused_again(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.deny','name':'dev1','target':'" BROKER "'}");
    assert_refused(l, &peer, BROKER, "target-not-allowed");
}

static void mef_itself_is_always_a_legal_target(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_granted(l, MEF, MEF);
    assert_granted(l, "MEF.Example.com", MEF);
}

static void device_that_names_no_target_gets_the_operators_default(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_granted(l, NULL, BROKER); /* the only one */
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" OTHER "'}");
    assert_granted(l, NULL, MEF); /* two, and no default */
    lab_do(l,
           "{'op':'enrolee.allow','name':'dev1','target':'" OTHER "','default':true}");
    assert_granted(l, NULL, OTHER);
    lab_do(l,
           "{'op':'enrolee.allow','name':'dev1','target':'" BROKER "','default':true}");
    assert_granted(l, NULL, BROKER); /* one default: the last */
}

static void device_without_any_target_gets_the_mef(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.deny','name':'dev1','target':'" BROKER "'}");
    assert_granted(l, NULL, MEF);
}

static void target_names_are_compared_without_case(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_granted(l, "Broker.Example.COM", BROKER);
}

static void stakeholder_must_be_one_that_is_served(void **state)
{
    struct fr_peer peer = lab_device();
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(lab_authorise(l, &peer, BROKER, "sp.example.com"), FR_OK);
    assert_int_equal(lab_authorise(l, &peer, BROKER, MEF), FR_OK);
    assert_int_equal(lab_authorise(l, &peer, BROKER, "evil.example.com"), FR_EREFUSED);
    assert_string_equal(l->err.reason, "admin-unknown");
}

static enum fr_code ask_for(struct lab *l, uint8_t suid_value, uint64_t expires_value)
{
    struct fr_msg m = {.type = FR_MSG_AUTHORISE};
    struct fr_peer peer = lab_device();
    uint8_t suid[8], expires[8];

    fr_msg_set_u8(&m, FR_F_SUID, suid_value, suid);
    fr_msg_set_u64(&m, FR_F_EXPIRES, expires_value, expires);
    return lab_ask_as(l, &peer, &m);
}

static void undefined_suid_is_malformed(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(ask_for(l, 99, 0), FR_EPARSE);
    assert_string_equal(l->err.reason, "suid-undefined");
}

static void expiry_is_capped_and_must_lie_ahead(void **state)
{
    struct lab *l = *state;
    uint64_t now, longest;

    lab_populate(l);
    now = (uint64_t)l->fake.wall_s;
    longest = now + 365 * 86400;
    assert_int_equal(ask_for(l, 22, UINT64_MAX), FR_OK);
    assert_true(fr_msg_u64(&l->answer, FR_F_EXPIRES) == longest);
    assert_int_equal(ask_for(l, 22, 0), FR_OK); /* not said */
    assert_true(fr_msg_u64(&l->answer, FR_F_EXPIRES) == longest);
    assert_int_equal(ask_for(l, 22, now), FR_EPARSE);
    assert_string_equal(l->err.reason, "expiry-past");
}

static void a_yes_writes_nothing(void **state)
{
    struct lab *l = *state;
    const char *before;
    char kept[4096];

    lab_populate(l);
    before = lab_say(l, "{'op':'status'}");
    snprintf(kept, sizeof kept, "%s", before);
    assert_granted(l, BROKER, BROKER);
    assert_string_equal(lab_say(l, "{'op':'status'}"), kept);
}

static void worker_may_send_only_its_own_messages(void **state)
{
    struct fr_msg m = {.type = FR_MSG_ADMIN, .id = 1};
    struct lab *l = *state;

    fr_msg_set_str(&m, FR_F_JSON, "{\"op\":\"status\"}");
    assert_int_equal(lab_ask(l, FR_WORKER_ENROL, &m), FR_EINVALID);
    assert_string_equal(l->err.reason, "ipc-forbidden");
    m.type = FR_MSG_REPLY;
    assert_int_equal(lab_ask(l, FR_WORKER_ADMIN, &m), FR_EINVALID);
}

/* A store that is asked in passes: the first has no answer yet. */
static struct fr_store_methods in_passes;
static void (*commit_of_store)(struct fr_store *s, const struct fr_store_credential *c,
                               struct fr_slice response, struct fr_store_displaced *ret,
                               struct fr_store_call call);

static void not_yet(struct fr_store *s, const struct fr_store_credential *c,
                    struct fr_slice response, struct fr_store_displaced *ret,
                    struct fr_store_call call)
{
    const struct fr_err err = {.code = FR_EBUSY, .reason = "not-yet"};

    (void)s;
    (void)c;
    (void)response;
    (void)ret;
    in_passes.credential_commit = commit_of_store;
    call.done(call.ctx, FR_EBUSY, &err);
}

static void enrolment_counts_once_in_how_many_passes_ever(void **state)
{
    struct lab *l = *state;
    struct lab_commit c;

    lab_populate(l);
    lab_close(l);
    l->config.enrolments_per_minute = 1;
    lab_open(l);
    in_passes = *l->config.store->methods;
    commit_of_store = in_passes.credential_commit;
    in_passes.credential_commit = not_yet;
    l->config.store->methods = &in_passes;
    c = lab_commit_of(l, KEY_ID(1));
    assert_int_equal(lab_commit(l, &c), FR_EBUSY);
    assert_int_equal(lab_commit(l, &c), FR_OK);
    c = lab_commit_of(l, KEY_ID(2));
    assert_int_equal(lab_commit(l, &c), FR_EUNREACHABLE);
    assert_string_equal(l->err.reason, "enrolment-rate");
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(listed_device_gets_the_target_it_asks_for),
        LAB(nobody_is_listed_at_first),
        LAB(same_name_below_another_anchor_is_a_stranger),
        LAB(same_name_of_another_type_is_a_stranger),
        LAB(any_of_a_certificates_names_may_be_the_listed_one),
        LAB(anchor_wide_listing_takes_every_device_but_prefers_its_own),
        LAB(peers_without_a_verified_certificate_are_refused),
        LAB(target_must_be_registered),
        LAB(target_must_be_allowed_for_this_enrolee),
        LAB(denied_target_is_refused_again),
        LAB(mef_itself_is_always_a_legal_target),
        LAB(device_that_names_no_target_gets_the_operators_default),
        LAB(device_without_any_target_gets_the_mef),
        LAB(target_names_are_compared_without_case),
        LAB(stakeholder_must_be_one_that_is_served),
        LAB(undefined_suid_is_malformed),
        LAB(expiry_is_capped_and_must_lie_ahead),
        LAB(a_yes_writes_nothing),
        LAB(enrolment_counts_once_in_how_many_passes_ever),
        LAB(worker_may_send_only_its_own_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
