/* SPDX-License-Identifier: Apache-2.0 */
/* Who is refused, by us or by the peer, and what it is called. */
#include "net/conn.h"

#include "unit/net/talk.h"

/* ---- peers that we do not accept ---- */

static void a_server_of_another_ca_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO, .cert = "other"}, NULL);
    assert_failed(&t, FR_EREFUSED, "peer-untrusted");
    assert_false(t.connected);
    assert_contains(t.err.msg, "mef-ca/ca.pem");
    talk_clear(&t);
}

static void a_server_of_another_name_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO, .cert = "wrong"}, NULL);
    assert_failed(&t, FR_EREFUSED, "peer-name");
    assert_contains(t.err.msg, PEER_HOST);
    assert_contains(t.err.msg, "wrong.example.com");
    talk_clear(&t);
}

static void be_in_the_future(struct talk *t)
{
    t->env.shift = 60 * 86400;
}

static void an_expired_server_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, be_in_the_future);
    assert_failed(&t, FR_EREFUSED, "peer-expired");
    talk_clear(&t);
}

static void be_in_the_past(struct talk *t)
{
    t->env.shift = -10 * 86400;
}

static void a_server_not_yet_valid_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, be_in_the_past);
    assert_failed(&t, FR_EREFUSED, "peer-not-yet-valid");
    assert_contains(t.err.msg, "clock");
    talk_clear(&t);
}

/* ---- without a clock ---- */

static void know_too_late_a_time(struct talk *t)
{
    t->setup.no_clock = true;
    t->setup.last_known_s = fr_wall_s(&fr_env_system) + (int64_t)60 * 86400;
}

static void without_a_clock_what_has_ended_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, know_too_late_a_time);
    assert_failed(&t, FR_EREFUSED, "peer-expired");
    assert_contains(t.err.msg, "fieldroot clock --set");
    talk_clear(&t);
}

static void know_an_early_time(struct talk *t)
{
    be_in_the_future(t); /* of the system's clock, which does not count */
    t->setup.no_clock = true;
    t->setup.last_known_s = fr_wall_s(&fr_env_system) - (int64_t)400 * 86400;
}

static void without_a_clock_what_has_not_begun_is_accepted(void **state)
{
    int64_t now = fr_wall_s(&fr_env_system);
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, know_an_early_time);
    assert_true(t.connected);
    assert_in_range(fr_conn_peer_not_before(t.conn), now - 86400 - 60, now - 86400 + 5);
    talk_clear(&t);
}

static void use_crl_and_know_an_early_time(struct talk *t)
{
    fr_tls_free(t->tls);
    t->tls = client_tls("mef", "mef-ca/crl.pem");
    know_an_early_time(t);
}

static void without_a_clock_a_list_that_has_not_begun_counts(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, use_crl_and_know_an_early_time);
    assert_true(t.connected);
    talk_clear(&t);
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO, .cert = "revoked"},
            use_crl_and_know_an_early_time);
    assert_failed(&t, FR_EREFUSED, "peer-revoked");
    talk_clear(&t);
}

static void without_a_clock_another_ca_is_refused_all_the_same(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO, .cert = "other"},
            know_an_early_time);
    assert_failed(&t, FR_EREFUSED, "peer-untrusted");
    talk_clear(&t);
}

static void use_crl(struct talk *t)
{
    fr_tls_free(t->tls);
    t->tls = client_tls("mef", "mef-ca/crl.pem");
}

static void a_revoked_server_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO, .cert = "revoked"}, use_crl);
    assert_failed(&t, FR_EREFUSED, "peer-revoked");
    talk_clear(&t);
}

static void another_server_of_a_ca_with_a_crl_is_accepted(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, use_crl);
    assert_true(t.connected);
    talk_clear(&t);
}

/* The instruction's trustAnchors: one hash, of the CA or of something else. */
static struct fr_trust_anchor anchor;

static void narrow_to(struct talk *t, const char *pem, uint8_t change)
{
    STACK_OF(X509) *certs = NULL;
    struct fr_err err;

    assert_ok(fr_x509_read_pem(pki_path(pem), &certs, &err));
    assert_ok(fr_x509_sha256(sk_X509_value(certs, 0), anchor.sha256, &err));
    sk_X509_pop_free(certs, X509_free);
    anchor.sha256[0] ^= change;
    t->setup.anchors = &anchor;
    t->setup.n_anchors = 1;
}

static void narrow_to_the_ca(struct talk *t)
{
    narrow_to(t, "mef-ca/ca.pem", 0);
}

static void narrow_to_something_else(struct talk *t)
{
    narrow_to(t, "mef-ca/ca.pem", 1);
}

static void narrow_to_the_leaf(struct talk *t)
{
    narrow_to(t, "mef.pem", 0);
}

static void a_chain_to_the_instructions_anchor_is_accepted(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, narrow_to_the_ca);
    assert_true(t.connected);
    talk_clear(&t);
}

static void a_chain_to_another_anchor_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, narrow_to_something_else);
    assert_failed(&t, FR_EREFUSED, "peer-untrusted");
    assert_contains(t.err.msg, "trustAnchors");
    talk_clear(&t);
}

static void a_leaf_is_no_anchor(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, narrow_to_the_leaf);
    assert_failed(&t, FR_EREFUSED, "peer-untrusted");
    talk_clear(&t);
}

static void tls_1_2_without_ems_is_refused(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t,
            &(struct peer_setup){
                .act = PEER_ECHO, .max_version = TLS1_2_VERSION, .no_ems = true},
            NULL);
    assert_failed(&t, FR_EREFUSED, "peer-no-ems");
    talk_clear(&t);
}

static void except_from_ems(struct talk *t)
{
    static const char *const names[] = {"MEF.example.com"};
    struct fr_tls_setup setup = {.cert_path = pki_path("device.pem"),
                                 .key_path = pki_path("device.key"),
                                 .anchors_path = pki_path("mef-ca/ca.pem"),
                                 .ems_exceptions = names,
                                 .n_ems_exceptions = 1};
    struct fr_err err;

    fr_tls_free(t->tls);
    assert_ok(fr_tls_new(&setup, &t->tls, &err));
}

static void tls_1_2_without_ems_is_accepted_by_name(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t,
            &(struct peer_setup){
                .act = PEER_BYE, .max_version = TLS1_2_VERSION, .no_ems = true},
            except_from_ems);
    assert_true(t.connected);
    talk_clear(&t);
}

/* ---- peers that do not accept us ---- */

/* In TLS 1.3 we are finished, and in the middle of sending, when the rejection comes:
 * however the two interleave, it is a refusal and not a cut connection. */
static void a_rejected_client_with_much_in_flight_is_refused_every_time(void **state)
{
    struct peer p =
        peer_start(&(struct peer_setup){.act = PEER_ECHO, .client_ca = "other"});
    struct talk t;

    (void)state;
    for (int i = 0; i < 200; i++) {
        talk_init(&t, p.port);
        talk_megabyte(&t);
        talk(&t);
        assert_failed(&t, FR_EREFUSED, "tls-alert-48");
        talk_clear(&t);
    }
    peer_stop(&p);
}

static void a_rejected_client_is_refused_in_tls_1_2(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t,
            &(struct peer_setup){
                .act = PEER_ECHO, .client_ca = "other", .max_version = TLS1_2_VERSION},
            NULL);
    assert_failed(&t, FR_EREFUSED, "tls-alert-48");
    assert_false(t.connected);
    talk_clear(&t);
}

static void allow_1_3_only(struct talk *t)
{
    struct fr_tls_setup setup = {.cert_path = pki_path("device.pem"),
                                 .key_path = pki_path("device.key"),
                                 .anchors_path = pki_path("mef-ca/ca.pem"),
                                 .min_version = TLS1_3_VERSION};
    struct fr_err err;

    fr_tls_free(t->tls);
    assert_ok(fr_tls_new(&setup, &t->tls, &err));
}

static void a_version_alert_is_unsupported(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO, .max_version = TLS1_2_VERSION},
            allow_1_3_only);
    assert_failed(&t, FR_EUNSUPPORTED, "tls-alert-70");
    talk_clear(&t);
}

static void use_profile(struct talk *t)
{
    struct fr_tls_setup setup = {.cert_path = pki_path("device.pem"),
                                 .key_path = pki_path("device.key"),
                                 .anchors_path = pki_path("mef-ca/ca.pem"),
                                 .profile = FR_TLS_ONEM2M};
    struct fr_err err;

    fr_tls_free(t->tls);
    assert_ok(fr_tls_new(&setup, &t->tls, &err));
    talk_hello(t);
}

static void the_standards_profile_is_tls_1_2(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, use_profile);
    assert_string_equal(t.first, "hello");
    assert_string_equal(fr_conn_tls_version(t.conn), "TLSv1.2");
    talk_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_of_another_ca_is_refused),
        cmocka_unit_test(a_server_of_another_name_is_refused),
        cmocka_unit_test(an_expired_server_is_refused),
        cmocka_unit_test(a_server_not_yet_valid_is_refused),
        cmocka_unit_test(without_a_clock_what_has_ended_is_refused),
        cmocka_unit_test(without_a_clock_what_has_not_begun_is_accepted),
        cmocka_unit_test(without_a_clock_a_list_that_has_not_begun_counts),
        cmocka_unit_test(without_a_clock_another_ca_is_refused_all_the_same),
        cmocka_unit_test(a_revoked_server_is_refused),
        cmocka_unit_test(another_server_of_a_ca_with_a_crl_is_accepted),
        cmocka_unit_test(a_chain_to_the_instructions_anchor_is_accepted),
        cmocka_unit_test(a_chain_to_another_anchor_is_refused),
        cmocka_unit_test(a_leaf_is_no_anchor),
        cmocka_unit_test(tls_1_2_without_ems_is_refused),
        cmocka_unit_test(tls_1_2_without_ems_is_accepted_by_name),
        cmocka_unit_test(a_rejected_client_with_much_in_flight_is_refused_every_time),
        cmocka_unit_test(a_rejected_client_is_refused_in_tls_1_2),
        cmocka_unit_test(a_version_alert_is_unsupported),
        cmocka_unit_test(the_standards_profile_is_tls_1_2),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
