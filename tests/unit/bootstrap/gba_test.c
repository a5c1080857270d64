/* SPDX-License-Identifier: Apache-2.0 */
#include "bsf.h"
#include "test.h"

static struct fr_err err;

/* What may be in no error, record or log. */
static void assert_no_secret(const struct fr_err *e)
{
    static const char *const secrets[] = {FAKE_RES, FAKE_CK, FAKE_IK};

    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        assert_null(strstr(e->msg, secrets[i]));
}

/* Before anything is current. stored: times that a slot was written. */
static void refuses(struct bsf_fixture *f, enum fr_code code, const char *reason,
                    int stored)
{
    enum fr_code rc = fr_drive_run(&f->d, &err);

    if (rc != code || strcmp(err.reason, reason) != 0)
        fail_msg("%s (%s): %s", fr_code_name(rc), err.reason, err.msg);
    assert_false(f->d.flipped);
    assert_int_equal(f->d.n_stored, stored);
    assert_no_secret(&err);
}

/* ---- success ---- */

static void a_bootstrap_goes_by_the_book(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = bsf_run(f);

    assert_string_equal(f->d.log, " sim connect send sim store send store flip send "
                                  "close done");
    assert_int_equal(f->d.connect.transport, FR_TLS_SERVER);
    assert_int_equal(f->d.connect.role, FR_ROLE_MEF);
    assert_true(f->bsf.authenticated);
    assert_int_equal(f->bsf.count[BSF_ACK], 1);
    assert_string_equal(c->key_id, BSF_BTID);
    assert_string_equal(c->target, "broker.example.com");
    assert_string_equal(c->admin_fqdn, "admin.example.com");
    assert_string_equal(c->impi, FAKE_IMPI);
    assert_int_equal(c->derivation, FR_DERIVE_GBA);
    assert_true(c->expires == f->bsf.info.lifetime);
    assert_true(c->created == f->d.env.wall_s);
    assert_true(c->confirmed);
    assert_hex(fr_secret_view(c->ke), FAKE_CK FAKE_IK);
}

static void the_first_request_is_this(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *got = bsf_run(f);
    const char *want =
        "GET / HTTP/1.1\r\nHost: mef.example.com:8443\r\n"
        "User-Agent: fieldroot 3gpp-gba-tmpi\r\n"
        "Authorization: Digest username=\"" FAKE_IMPI "\", realm=\"mef.example.com\", "
        "nonce=\"\", uri=\"/\", response=\"\"";

    assert_non_null(got);
    if (strncmp(f->bsf.request[BSF_CHALLENGE], want, strlen(want)) != 0)
        fail_msg("%s", f->bsf.request[BSF_CHALLENGE]);
    assert_null(strstr(f->bsf.request[BSF_CHALLENGE], "X-Fieldroot-SUID"));
    assert_null(strstr(f->bsf.request[BSF_CHALLENGE], "X-Fieldroot-Target"));
}

static void what_is_wished_is_said_with_every_request(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.in.target = (char *)"broker.example.com";
    f->d.in.admin_fqdn = (char *)"ADMIN.example.com";
    f->d.in.expiry_s = 3600;
    f->d.env.wall_s = 1795493700;
    f->bsf.info.lifetime = f->d.env.wall_s + 60;
    fr_fake_sim.n_out_of_step = 1;
    c = bsf_run(f);
    for (int i = BSF_CHALLENGE; i <= BSF_FINISH; i++) {
        assert_contains(f->bsf.request[i],
                        "X-Fieldroot-Target: broker.example.com\r\n");
        assert_contains(f->bsf.request[i],
                        "X-Fieldroot-Admin-FQDN: ADMIN.example.com\r\n");
        assert_contains(f->bsf.request[i], "X-Fieldroot-Expires: 20261124T051500\r\n");
    }
}

static void a_device_without_a_clock_goes_by_the_mefs(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.env.unsynchronised = true;
    f->bsf.info.current_time = 1795493700;
    f->bsf.info.lifetime = 1795493700 + BSF_LIFE;
    c = bsf_run(f);
    assert_null(strstr(f->bsf.request[BSF_CHALLENGE], "X-Fieldroot-Expires"));
    assert_true(c->created == 1795493700);
    assert_true(c->expires == 1795493700 + BSF_LIFE);
}

static void a_sim_out_of_step_is_followed(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    fr_fake_sim.n_out_of_step = 2;
    c = bsf_run(f);
    assert_int_equal(f->bsf.count[BSF_RESYNC], 2);
    assert_contains(f->bsf.request[BSF_RESYNC], "auts=\"uoU/PBI8z0TpNZbjVcY=\"");
    assert_null(strstr(f->bsf.request[BSF_FINISH], "auts="));
    assert_int_equal(fr_fake_sim.n_authenticated, 3);
}

static void nobodys_assignment_at_another_make_is_the_mef_itself(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->bsf.info.target[0] = f->bsf.info.target_fqdn[0] = f->bsf.info.admin_fqdn[0] = 0;
    f->bsf.info.suid = 0;
    f->bsf.raw[BSF_ACK] = bsf_http("404 Not Found", "");
    c = bsf_run(f);
    assert_string_equal(c->target, "mef.example.com");
    assert_string_equal(c->target_fqdn, "mef.example.com");
    assert_int_equal(f->d.n_warnings, 1);
    assert_contains(f->d.warning, "another make");
}

static void a_btid_is_the_mefs_to_choose(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    snprintf(f->bsf.info.btid, sizeof f->bsf.info.btid, "Opaque+/=@MEF.example.com");
    c = bsf_run(f);
    assert_string_equal(c->key_id, "Opaque+/=@MEF.example.com");
}

static void plain_is_spoken_where_the_config_says_so(void **state)
{
    static const char *const plain[] = {"other.example.com", "mef.example.com"};
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.ctx.plain_mefs = plain;
    f->d.ctx.n_plain_mefs = 2;
    c = bsf_run(f);
    assert_int_equal(f->d.connect.transport, FR_PLAIN);
}

/* ---- GBA_U ---- */

static void ks_stays_in_a_card_that_can_keep_it(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    fr_fake_sim.has_gba_u = fr_fake_sim.network_knows_gba_u = true;
    c = bsf_run(f);
    assert_int_equal(c->derivation, FR_DERIVE_GBA_U);
    assert_int_equal(fr_fake_sim.n_naf_keys, 1 + FR_N_UAS);
    assert_true(fr_secret_equal(c->ke, f->bsf.ks_mef));
    for (int i = 0; i < FR_N_UAS; i++)
        assert_non_null(c->naf_keys[i]);
}

static void a_network_without_gba_u_gets_an_answer_all_the_same(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    fr_fake_sim.has_gba_u = true;
    c = bsf_run(f);
    assert_int_equal(c->derivation, FR_DERIVE_GBA);
    assert_int_equal(fr_fake_sim.n_authenticated, 2);
}

static void a_device_that_needs_gba_u_takes_nothing_less(void **state)
{
    struct bsf_fixture *f = *state;

    fr_fake_sim.has_gba_u = true;
    f->d.needs_gba_u = true;
    refuses(f, FR_EREFUSED, "aka-mac", 0);
}

/* ---- refusals ---- */

static void a_challenge_in_anothers_name_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.realm = "bsf.example.net";
    refuses(f, FR_EREFUSED, "realm-mismatch", 0);
    assert_int_equal(fr_fake_sim.n_authenticated, 0);
}

static void a_nonce_of_the_wrong_length_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.nonce = "I1U8vpY3qJ0hiuZNrke/NQ==";
    refuses(f, FR_EINVALID, "nonce-length", 0);
}

static void an_algorithm_that_is_not_ours_is_unsupported(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.version = FR_AKAV2_MD5;
    refuses(f, FR_EUNSUPPORTED, "digest-algorithm", 0);
}

static void use_akav2(struct bsf_fixture *f)
{
    uint8_t res[sizeof FAKE_RES / 2], ck[FR_AKA_KEY_LEN], ik[FR_AKA_KEY_LEN];
    const struct fr_aka_keys keys = {
        {res, sizeof res}, {ck, sizeof ck}, {ik, sizeof ik}};

    assert_true(fr_hex_decode(fr_slice_str(FAKE_RES), res));
    assert_true(fr_hex_decode(fr_slice_str(FAKE_CK), ck));
    assert_true(fr_hex_decode(fr_slice_str(FAKE_IK), ik));
    fr_secret_free(FR_TAKE(f->bsf.res));
    assert_ok(fr_digest_password(FR_AKAV2_MD5, &keys, &f->bsf.res, &err));
    f->bsf.version = FR_AKAV2_MD5;
    f->d.has_akav2 = true;
}

static void akav2_is_spoken_where_the_config_allows_it(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    use_akav2(f);
    fr_fake_sim.n_out_of_step = 1;
    c = bsf_run(f);
    assert_contains(f->bsf.request[BSF_FINISH], "algorithm=AKAv2-MD5");
    assert_true(f->bsf.authenticated && c->confirmed);
}

static void akav2_is_not_for_a_card_that_keeps_ks(void **state)
{
    struct bsf_fixture *f = *state;

    use_akav2(f);
    fr_fake_sim.has_gba_u = fr_fake_sim.network_knows_gba_u = true;
    refuses(f, FR_EUNSUPPORTED, "digest-algorithm", 0);
}

static void no_challenge_is_no_key(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_CHALLENGE] = bsf_http("200 OK", "");
    refuses(f, FR_EINVALID, "challenge-missing", 0);
}

static void a_bare_401_is_a_refusal(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_CHALLENGE] = bsf_http("401 Unauthorized", "");
    refuses(f, FR_EREFUSED, "http-401", 0);
}

static void a_subscriber_that_is_not_listed_hears_why(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_CHALLENGE] =
        bsf_http("403 Forbidden\r\nX-M2M-RSC: 4103",
                 "{\"reason\":\"subscriber-unknown\",\"text\":\"not listed\"}");
    refuses(f, FR_EREFUSED, "subscriber-unknown", 0);
    assert_contains(err.msg, "not listed");
}

static void a_busy_mef_is_asked_again_later(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_CHALLENGE] =
        bsf_http("503 Busy\r\nRetry-After: 7", "{\"reason\":\"hss-unreachable\"}");
    refuses(f, FR_EUNREACHABLE, "hss-unreachable", 0);
    assert_true(f->d.bootstrap->retry_after_ms(f->d.run) == 7000);
}

static void a_network_of_another_home_is_refused_by_the_sim(void **state)
{
    struct bsf_fixture *f = *state;

    fr_fake_sim.fails = FR_EREFUSED;
    fr_fake_sim.reason = "aka-mac";
    refuses(f, FR_EREFUSED, "aka-mac", 0);
}

static void a_card_that_is_pulled_is_unreachable(void **state)
{
    struct bsf_fixture *f = *state;

    fr_fake_sim.fails = FR_EUNREACHABLE;
    fr_fake_sim.reason = "card-gone";
    refuses(f, FR_EUNREACHABLE, "card-gone", 0);
}

static void without_a_card_nothing_is_connected_to(void **state)
{
    struct bsf_fixture *f = *state;

    fr_fake_sim.fails_to_open = FR_EUNSUPPORTED;
    refuses(f, FR_EUNSUPPORTED, "no-card", 0);
    assert_string_equal(f->d.log, " sim");
}

static void a_res_that_is_none_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    fr_fake_sim.res_len = FR_AKA_RES_MIN - 1;
    refuses(f, FR_EINVALID, "card-answer", 0);
}

static void a_network_that_does_not_follow_is_left_alone(void **state)
{
    struct bsf_fixture *f = *state;

    fr_fake_sim.n_out_of_step = 1000;
    refuses(f, FR_EREFUSED, "resync-no-end", 0);
    assert_int_equal(f->bsf.count[BSF_RESYNC], 2);
}

static void a_response_that_is_not_taken_is_a_refusal(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_FINISH] =
        bsf_http("401 Unauthorized\r\nWWW-Authenticate: Digest x=y", "");
    refuses(f, FR_EREFUSED, "http-401", 1);
    assert_int_equal(f->bsf.count[BSF_FINISH], 1);
}

static void a_mef_that_does_not_prove_itself_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.no_info = true;
    refuses(f, FR_EREFUSED, "rspauth-missing", 1);
}

static void an_info_without_proof_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_FINISH] =
        bsf_http("200 OK\r\nAuthentication-Info: qop=auth-int, cnonce=\"a\", "
                 "nc=00000001",
                 "");
    refuses(f, FR_EREFUSED, "rspauth-missing", 1);
}

static void a_wrong_proof_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.wrong_rspauth = true;
    refuses(f, FR_EREFUSED, "rspauth-wrong", 1);
}

/* Its RES is right, its CK or IK is not. */
static void a_mef_with_another_ks_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.wrong_proof = true;
    refuses(f, FR_EREFUSED, "proof-mismatch", 1);
}

static void a_mef_of_another_make_proves_res_alone(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->bsf.no_proof = true;
    c = bsf_run(f);
    assert_true(c->confirmed);
}

static void a_proof_of_another_exchange_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.wrong_cnonce = true;
    refuses(f, FR_EREFUSED, "rspauth-wrong", 1);
}

static void a_body_that_the_proof_does_not_cover_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.other_body = "<BootstrappingInfo/>";
    refuses(f, FR_EREFUSED, "rspauth-wrong", 1);
}

static void xml_that_is_none_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.body = "<!DOCTYPE x><BootstrappingInfo xmlns=\"uri:3gpp-gba\"/>";
    refuses(f, FR_EINVALID, "gba-info-malformed", 1);
}

static void a_btid_of_another_domain_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    snprintf(f->bsf.info.btid, sizeof f->bsf.info.btid, "a@mef.example.net");
    refuses(f, FR_EREFUSED, "btid-domain", 1);
}

static void a_lifetime_that_is_over_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.info.lifetime = f->d.env.wall_s;
    refuses(f, FR_EINVALID, "lifetime-over", 1);
}

static void a_lifetime_before_the_mefs_certificate_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.env.unsynchronised = true;
    f->bsf.info.current_time = 0;
    f->d.link.peer_not_before = f->bsf.info.lifetime;
    refuses(f, FR_EINVALID, "lifetime-over", 1);
}

static void what_was_not_asked_for_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.in.target = (char *)"cse.example.com";
    refuses(f, FR_EINVALID, "processing-failed", 1);
    assert_contains(err.msg, "\"broker.example.com\" instead of \"cse.example.com\"");
}

static void another_suid_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.info.suid = 21;
    refuses(f, FR_EINVALID, "processing-failed", 1);
}

static void another_stakeholder_is_invalid(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.in.admin_fqdn = (char *)"mine.example.com";
    refuses(f, FR_EINVALID, "processing-failed", 1);
}

static void a_cse_needs_its_name_told(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.in.target = (char *)"//sp.example.com/cse";
    f->bsf.info.target[0] = f->bsf.info.target_fqdn[0] = f->bsf.info.admin_fqdn[0] = 0;
    f->bsf.info.suid = 0;
    refuses(f, FR_EINVALID, "target-fqdn-unknown", 1);
}

static void a_cut_in_any_answer_before_the_flip_is_a_cut(void **state)
{
    (void)state;
    for (int step = BSF_CHALLENGE; step <= BSF_FINISH; step++) {
        void *own = NULL;
        struct bsf_fixture *f;

        assert_int_equal(bsf_fixture_begin(&own), 0);
        f = own;
        fr_fake_sim.n_out_of_step = step == BSF_RESYNC;
        f->bsf.cuts[step] = true;
        refuses(f, FR_EUNREACHABLE, "connection-cut", step == BSF_FINISH);
        assert_int_equal(bsf_fixture_end(&own), 0);
    }
}

/* ---- after the flip ---- */

static void an_ack_that_fails_is_a_warning(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->bsf.raw[BSF_ACK] = bsf_http("503 Busy", "");
    c = bsf_run(f);
    assert_int_equal(f->d.n_warnings, 1);
}

static void a_mef_that_does_not_know_the_key_any_more_is_a_warning(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->bsf.knows = false;
    c = bsf_run(f);
    assert_int_equal(f->d.n_warnings, 1);
}

static enum fr_code two_records(void *ctx, struct fr_buf *to, struct fr_err *e)
{
    (void)ctx, (void)e;
    fr_buf_str(to, "[{\"a\":1}]");
    return FR_OK;
}

static void records_are_handed_over_with_a_proof(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.ctx.records = two_records;
    c = bsf_run(f);
    assert_int_equal(f->bsf.count[BSF_REPORT], 1);
    assert_contains(f->bsf.request[BSF_REPORT], "\r\n\r\n[{\"a\":1}]");
    assert_int_equal(f->d.n_warnings, 0);
}

static void the_targets_fetch_is_waited_for(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.ctx.wait_target_ms = 60000;
    f->bsf.n_not_fetched = 1;
    c = bsf_run(f);
    assert_int_equal(f->bsf.count[BSF_FETCHED], 2);
    assert_contains(f->bsf.request[BSF_FETCHED], "/fetched?wait=50 ");
    assert_contains(f->d.log, " wait");
}

static void a_target_that_does_not_come_is_a_failure(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.ctx.wait_target_ms = 60000;
    f->bsf.n_not_fetched = 1000;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "target-not-fetched");
    assert_true(f->d.flipped);
}

#define T(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, bsf_fixture_begin, bsf_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_bootstrap_goes_by_the_book),
        T(the_first_request_is_this),
        T(what_is_wished_is_said_with_every_request),
        T(a_device_without_a_clock_goes_by_the_mefs),
        T(a_sim_out_of_step_is_followed),
        T(nobodys_assignment_at_another_make_is_the_mef_itself),
        T(a_btid_is_the_mefs_to_choose),
        T(plain_is_spoken_where_the_config_says_so),
        T(ks_stays_in_a_card_that_can_keep_it),
        T(a_network_without_gba_u_gets_an_answer_all_the_same),
        T(a_device_that_needs_gba_u_takes_nothing_less),
        T(a_challenge_in_anothers_name_is_refused),
        T(a_nonce_of_the_wrong_length_is_invalid),
        T(an_algorithm_that_is_not_ours_is_unsupported),
        T(akav2_is_spoken_where_the_config_allows_it),
        T(akav2_is_not_for_a_card_that_keeps_ks),
        T(no_challenge_is_no_key),
        T(a_bare_401_is_a_refusal),
        T(a_subscriber_that_is_not_listed_hears_why),
        T(a_busy_mef_is_asked_again_later),
        T(a_network_of_another_home_is_refused_by_the_sim),
        T(a_card_that_is_pulled_is_unreachable),
        T(without_a_card_nothing_is_connected_to),
        T(a_res_that_is_none_is_invalid),
        T(a_network_that_does_not_follow_is_left_alone),
        T(a_response_that_is_not_taken_is_a_refusal),
        T(a_mef_that_does_not_prove_itself_is_refused),
        T(an_info_without_proof_is_refused),
        T(a_wrong_proof_is_refused),
        T(a_mef_with_another_ks_is_refused),
        T(a_mef_of_another_make_proves_res_alone),
        T(a_proof_of_another_exchange_is_refused),
        T(a_body_that_the_proof_does_not_cover_is_refused),
        T(xml_that_is_none_is_invalid),
        T(a_btid_of_another_domain_is_refused),
        T(a_lifetime_that_is_over_is_invalid),
        T(a_lifetime_before_the_mefs_certificate_is_invalid),
        T(what_was_not_asked_for_is_invalid),
        T(another_suid_is_invalid),
        T(another_stakeholder_is_invalid),
        T(a_cse_needs_its_name_told),
        cmocka_unit_test(a_cut_in_any_answer_before_the_flip_is_a_cut),
        T(an_ack_that_fails_is_a_warning),
        T(a_mef_that_does_not_know_the_key_any_more_is_a_warning),
        T(records_are_handed_over_with_a_proof),
        T(the_targets_fetch_is_waited_for),
        T(a_target_that_does_not_come_is_a_failure),
    };

    return cmocka_run_group_tests_name("bootstrap/gba", tests, NULL, NULL);
}
