/* SPDX-License-Identifier: Apache-2.0 */
/* Ub's listener: what a worker passes on, what it answers, what it refuses by itself.
 */
#include <event2/event.h>

#include "proto/aka_digest.h"
#include "proto/gba_info.h"
#include "server/bsf/bsf.h"
#include "server/ipc/digest_pack.h"
#include "service_fixture.h"

#define IMPI  "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
#define NONCE "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M="
#define BTID  "I1U8vpY3qJ0hiuZNrke/NQ==@mef.example.com"
#define FIRST                                                                          \
    "Authorization: Digest username=\"" IMPI "\", realm=\"mef.example.com\", "         \
    "nonce=\"\", uri=\"/\", response=\"\"\r\n"
#define RESPONSE                                                                       \
    "Authorization: Digest username=\"" IMPI "\", realm=\"mef.example.com\", "         \
    "nonce=\"" NONCE "\", uri=\"/\", qop=auth-int, nc=00000001, cnonce=\"0a4f113b\", " \
    "response=\"9645747a7f4f295e7239252f3f5bf0f5\", algorithm=AKAv1-MD5"
#define PROOF                                                                          \
    "Authorization: Fieldroot btid=\"" BTID "\", "                                     \
    "mac=\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\r\n"

static struct fixture f;

static int open_it(void **state)
{
    (void)state;
    fixture_open(&f, &fr_service_bsf, "");
    f.client.peer = (struct fr_peer){0};
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static bool field_is(const struct fr_msg *m, enum fr_field field, const char *text)
{
    return fr_slice_equal(m->field[field], fr_slice_str(text));
}

static void vault_challenges(void)
{
    static const uint8_t rand[FR_AKA_RAND_LEN] = {1}, autn[FR_AKA_AUTN_LEN] = {2};
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set(&m, FR_F_RAND, fr_slice_of(rand, sizeof rand));
    fr_msg_set(&m, FR_F_AUTN, fr_slice_of(autn, sizeof autn));
    fixture_say(&f, &m);
}

/* ---- Ub ---- */

static void the_first_request_asks_for_a_challenge(void **state)
{
    struct fr_digest_challenge c;
    struct fr_msg m;
    struct fr_err err = {0};

    (void)state;
    fixture_send(&f, "GET", "/",
                 "User-Agent: fieldroot 3gpp-gba-tmpi\r\nX-Fieldroot-Target: "
                 "broker.example.com\r\nX-Fieldroot-Expires: "
                 "20271124T041500\r\n" FIRST,
                 NULL);
    m = fixture_heard(&f, FR_MSG_UB_BEGIN);
    assert_true(field_is(&m, FR_F_SUBSCRIBER, IMPI));
    assert_true(field_is(&m, FR_F_TARGET, "broker.example.com"));
    assert_true(field_is(&m, FR_F_ADDRESS, "192.0.2.1"));
    assert_int_equal(fr_msg_u8(&m, FR_F_SUID), 22);
    assert_int_equal(fr_msg_u64(&m, FR_F_EXPIRES), 1827029700);
    assert_false(fr_msg_has(&m, FR_F_ADMIN_FQDN));
    vault_challenges();
    fixture_answer_is(&f, 401, 0);
    assert_string_equal(fixture_header(&f, "Server"), "3gpp-gba-tmpi");
    assert_ok(
        fr_digest_challenge_parse(fixture_header(&f, "WWW-Authenticate"), &c, &err));
    assert_string_equal(c.realm, "mef.example.com");
    assert_int_equal(c.version, FR_AKAV1_MD5);
    assert_int_equal(c.rand[0], 1);
    assert_int_equal(c.autn[0], 2);
    assert_null(strstr(fixture_header(&f, "WWW-Authenticate"), "stale"));
}

/* TS 33.220 4.5.2 has the first; handsets send the others too, and an old client none.
 */
static void any_user_agent_is_answered(void **state)
{
    static const char *const agents[] = {
        "", "User-Agent: 3gpp-gba-tmpi\r\n", "User-Agent: phone/1 3gpp-gba\r\n",
        "User-Agent: 3gpp-gba-uicc\r\n", "User-Agent: Mozilla/5.0\r\n"};
    char headers[1024];

    (void)state;
    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
        snprintf(headers, sizeof headers, "%s%s", agents[i], FIRST);
        fixture_send(&f, "GET", "/", headers, NULL);
        (void)fixture_heard(&f, FR_MSG_UB_BEGIN);
        vault_challenges();
        fixture_answer_is(&f, 401, 0);
        assert_string_equal(fixture_header(&f, "Server"), "3gpp-gba-tmpi");
    }
}

static void akav2_is_offered_where_it_is_on(void **state)
{
    (void)state;
    f.config.gba.akav2 = true;
    fixture_send(&f, "GET", "/", FIRST, NULL);
    (void)fixture_heard(&f, FR_MSG_UB_BEGIN);
    vault_challenges();
    assert_contains(fixture_header(&f, "WWW-Authenticate"), "AKAv2-MD5");
}

static struct fr_digest_auth heard_digest(enum fr_msg_type type)
{
    const struct fr_msg m = fixture_heard(&f, type);
    struct fr_digest_auth a = {0};
    struct fr_err err = {0};

    assert_ok(fr_digest_unpack(m.field[FR_F_DIGEST], &a, &err));
    return a;
}

static void vault_has_committed(void)
{
    static const uint8_t rspauth[FR_DIGEST_LEN] = {0xab}, mac[FR_SHA256_LEN];
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set(&m, FR_F_RSPAUTH, fr_slice_of(rspauth, sizeof rspauth));
    fr_msg_set_str(&m, FR_F_RESPONSE, "<xml/>");
    fr_msg_set_str(&m, FR_F_KEY_ID, BTID);
    fr_msg_set(&m, FR_F_MAC, fr_slice_of(mac, sizeof mac));
    fixture_say(&f, &m);
}

static void a_response_goes_to_the_vault_as_it_is(void **state)
{
    struct fr_digest_auth a;

    (void)state;
    fixture_send(&f, "GET", "/", RESPONSE "\r\n", NULL);
    a = heard_digest(FR_MSG_UB_FINISH);
    assert_string_equal(a.username, IMPI);
    assert_string_equal(a.nonce, NONCE);
    assert_string_equal(a.response, "9645747a7f4f295e7239252f3f5bf0f5");
    assert_string_equal(a.cnonce, "0a4f113b");
    assert_string_equal(a.nc, "00000001");
    assert_true(a.has_auth_int);
    assert_false(a.has_auts);
}

static void the_answer_has_rspauth_and_the_vaults_body(void **state)
{
    struct fr_digest_info info;
    struct fr_err err = {0};

    (void)state;
    fixture_send(&f, "GET", "/", RESPONSE "\r\n", NULL);
    (void)fixture_heard(&f, FR_MSG_UB_FINISH);
    vault_has_committed();
    fixture_answer_is(&f, 200, 2000);
    assert_string_equal(fixture_body(&f), "<xml/>");
    assert_string_equal(fixture_header(&f, "Content-Type"), FR_GBA_INFO_TYPE);
    assert_ok(
        fr_digest_info_parse(fixture_header(&f, "Authentication-Info"), &info, &err));
    assert_string_equal(info.rspauth, "ab000000000000000000000000000000");
    assert_string_equal(info.cnonce, "0a4f113b");
    assert_string_equal(info.nc, "00000001");
    assert_true(info.has_auth_int);
}

static void a_stale_nonce_gets_a_fresh_challenge(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/", RESPONSE "\r\n", NULL);
    (void)fixture_heard(&f, FR_MSG_UB_FINISH);
    vault_challenges();
    fixture_answer_is(&f, 401, 0);
    assert_contains(fixture_header(&f, "WWW-Authenticate"), ", stale=true");
}

static void auts_is_a_resynchronisation(void **state)
{
    struct fr_digest_auth a;

    (void)state;
    fixture_send(&f, "GET", "/", RESPONSE ", auts=\"uoU/PBI8z0TpNZbjVcY=\"\r\n", NULL);
    a = heard_digest(FR_MSG_UB_RESYNC);
    assert_true(a.has_auts);
    assert_int_equal(a.auts[0], 0xba);
    vault_challenges();
    fixture_answer_is(&f, 401, 0);
}

static void refusals_of_the_vault_keep_their_words(void **state)
{
    static const struct {
        enum fr_code code;
        const char *reason;
        int status, rsc;
    } rows[] = {
        {FR_EREFUSED, "digest-mismatch", 403, 4103},
        {FR_EREFUSED, "target-not-allowed", 403, 4103},
        {FR_EREFUSED, "subscriber-unknown", 403, 4103},
        {FR_EUNREACHABLE, "hss-unreachable", 503, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_send(&f, "GET", "/", RESPONSE "\r\n", NULL);
        (void)fixture_heard(&f, FR_MSG_UB_FINISH);
        fixture_say_code(&f, rows[i].code, rows[i].reason);
        fixture_answer_is(&f, rows[i].status,
                          rows[i].rsc ? rows[i].rsc : fr_code_rsc(rows[i].code));
        assert_contains(fixture_body(&f), rows[i].reason);
        assert_int_equal(fixture_header(&f, "Retry-After") != NULL,
                         rows[i].status == 503);
    }
}

static void what_is_malformed_does_not_reach_the_vault(void **state)
{
    static const struct {
        const char *headers, *body, *reason;
    } rows[] = {
        {NULL, NULL, "authorization-missing"},
        {"Authorization: Basic YTpi\r\n", NULL, "authorization-malformed"},
        {"Authorization: Digest junk\r\n", NULL, "authorization-malformed"},
        {FIRST, "body", "body-unexpected"},
        {FIRST "X-Fieldroot-SUID: x\r\n", NULL, "wish-malformed"},
        {FIRST "X-Fieldroot-SUID: 100\r\n", NULL, "wish-malformed"},
        {FIRST "X-Fieldroot-Expires: tomorrow\r\n", NULL, "wish-malformed"},
        {RESPONSE ", auts=\"AAAA\"\r\n", NULL, "authorization-malformed"},
        {RESPONSE ", qop=auth\r\n", NULL, "authorization-malformed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture_send(&f, "GET", "/", rows[i].headers, rows[i].body);
        fixture_answer_is(&f, 400, 4000);
        assert_contains(fixture_body(&f), rows[i].reason);
        fixture_heard_nothing(&f);
    }
}

static void another_realm_or_uri_is_refused_and_noted(void **state)
{
    static const struct {
        const char *realm, *uri, *reason;
    } rows[] = {
        {"other.example.com", "/", "realm-mismatch"},
        {"mef.example.com", "/other", "uri-mismatch"},
    };
    char headers[512];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(headers, sizeof headers,
                 "Authorization: Digest username=\"" IMPI
                 "\", realm=\"%s\", nonce=\"\", uri=\"%s\", response=\"\"\r\n",
                 rows[i].realm, rows[i].uri);
        fixture_send(&f, "GET", "/", headers, NULL);
        fixture_answer_is(&f, 403, fr_code_rsc(FR_EREFUSED));
        assert_contains(fixture_body(&f), rows[i].reason);
        (void)fixture_heard(&f, FR_MSG_NOTE);
    }
}

static void a_long_cnonce_comes_back_whole(void **state)
{
    char headers[1024], cnonce[201];
    struct fr_digest_info info;
    struct fr_err err = {0};

    (void)state;
    memset(cnonce, 'c', sizeof cnonce - 1);
    cnonce[sizeof cnonce - 1] = 0;
    snprintf(headers, sizeof headers,
             "Authorization: Digest username=\"" IMPI
             "\", realm=\"mef.example.com\", nonce=\"" NONCE
             "\", uri=\"/\", qop=auth-int, nc=00000001, cnonce=\"%s\", "
             "response=\"9645747a7f4f295e7239252f3f5bf0f5\"\r\n",
             cnonce);
    fixture_send(&f, "GET", "/", headers, NULL);
    (void)fixture_heard(&f, FR_MSG_UB_FINISH);
    vault_has_committed();
    fixture_answer_is(&f, 200, 2000);
    if (fixture_header(&f, "Authentication-Info")) {
        assert_ok(fr_digest_info_parse(fixture_header(&f, "Authentication-Info"), &info,
                                       &err));
        assert_string_equal(info.cnonce, cnonce);
    } else {
        assert_contains(fr_buf_cstr(&f.exchange.more), cnonce);
    }
}

/* ---- afterwards ---- */

static void passes_on(const char *method, const char *told)
{
    static const uint8_t mac[FR_SHA256_LEN] = {1};
    uint8_t sha[FR_SHA256_LEN], got[FR_SHA256_LEN], code[8];
    char line[64], btid[FR_BTID_MAX + 1];
    struct fr_err err = {0};
    struct fr_msg m;

    fixture_send(&f, method, "/fieldroot/v1/gba/ack", PROOF, NULL);
    m = fixture_heard(&f, FR_MSG_UB_ACK);
    snprintf(line, sizeof line, "%s /fieldroot/v1/gba/ack", method);
    assert_true(field_is(&m, FR_F_KEY_ID, BTID));
    assert_true(field_is(&m, FR_F_REQUEST_LINE, line));
    assert_ok(fr_sha256((struct fr_slice){0}, sha, &err));
    assert_memory_equal(m.field[FR_F_REQUEST_SHA].data, sha, sizeof sha);
    m = (struct fr_msg){.type = FR_MSG_REPLY};
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    if (told)
        fr_msg_set_str(&m, FR_F_RESPONSE, told);
    fr_msg_set(&m, FR_F_MAC, fr_slice_of(mac, sizeof mac));
    fixture_say(&f, &m);
    fixture_answer_is(&f, told ? 200 : 204, told ? 2000 : 2004);
    assert_string_equal(fixture_body(&f), told ? told : "");
    if (told)
        assert_string_equal(fixture_header(&f, "Content-Type"), FR_GBA_INFO_TYPE);
    assert_ok(
        fr_gba_proof_parse(fixture_header(&f, FR_GBA_PROOF_HEADER), btid, got, &err));
    assert_string_equal(btid, BTID);
    assert_memory_equal(got, mac, sizeof mac);
}

static void a_proof_is_passed_on_with_its_request(void **state)
{
    (void)state;
    passes_on("POST", NULL);
    passes_on("GET", "<xml/>");
}

/* 404 with 4004 makes a device drop its key: only the vault may say so. */
static void an_unknown_key_is_4004(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/fieldroot/v1/gba/ack", PROOF, NULL);
    (void)fixture_heard(&f, FR_MSG_UB_ACK);
    fixture_say_code(&f, FR_ENOTFOUND, "unknown-key");
    fixture_answer_is(&f, 404, 4004);
}

static void a_vault_that_is_gone_is_503(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/fieldroot/v1/gba/ack", PROOF, NULL);
    (void)fixture_heard(&f, FR_MSG_UB_ACK);
    fixture_vault_dies(&f);
    fixture_answer_is(&f, 503, fr_code_rsc(FR_EUNREACHABLE));
}

static void records_are_passed_on(void **state)
{
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "POST", "/fieldroot/v1/gba/attempts", PROOF, "[]");
    m = fixture_heard(&f, FR_MSG_UB_REPORT);
    assert_true(field_is(&m, FR_F_JSON, "[]"));
    fixture_say_code(&f, FR_OK, NULL);
    fixture_answer_is(&f, 204, 2004);
    fixture_send(&f, "POST", "/fieldroot/v1/gba/attempts", PROOF, "\xff");
    fixture_answer_is(&f, 400, 4000);
    fixture_send(&f, "POST", "/fieldroot/v1/gba/attempts", PROOF, NULL);
    fixture_answer_is(&f, 400, 4000);
    fixture_heard_nothing(&f);
}

static void a_wish_for_another_target_is_passed_on(void **state)
{
    static const char wish[] = "{\"target\":\"other.example.com\",\"suid\":22}";
    static const uint8_t mac[FR_SHA256_LEN] = {1};
    uint8_t code[8];
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "POST", "/fieldroot/v1/gba/targets", PROOF, wish);
    m = fixture_heard(&f, FR_MSG_UB_TARGET);
    assert_true(field_is(&m, FR_F_JSON, wish));
    assert_true(field_is(&m, FR_F_REQUEST_LINE, "POST /fieldroot/v1/gba/targets"));
    m = (struct fr_msg){.type = FR_MSG_REPLY};
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set_str(&m, FR_F_RESPONSE, "<xml/>");
    fr_msg_set(&m, FR_F_MAC, fr_slice_of(mac, sizeof mac));
    fixture_say(&f, &m);
    fixture_answer_is(&f, 200, 2000);
    assert_string_equal(fixture_body(&f), "<xml/>");
    assert_non_null(fixture_header(&f, FR_GBA_PROOF_HEADER));
    fixture_send(&f, "POST", "/fieldroot/v1/gba/targets", PROOF, "\xff");
    fixture_answer_is(&f, 400, 4000);
    fixture_heard_nothing(&f);
}

static void vault_knows(uint64_t fetched)
{
    struct fr_msg m = fixture_heard(&f, FR_MSG_UB_FETCHED);
    uint8_t code[8], at[8];

    assert_true(
        field_is(&m, FR_F_REQUEST_LINE, "GET /fieldroot/v1/gba/fetched?wait=9"));
    m = (struct fr_msg){.type = FR_MSG_REPLY};
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    if (fetched)
        fr_msg_set_u64(&m, FR_F_FETCHED, fetched, at);
    fixture_say(&f, &m);
}

static void the_answer_waits_for_the_fetch(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/gba/fetched?wait=9", PROOF, NULL);
    vault_knows(0);
    assert_false(f.answered);
    event_base_loop(f.worker.base, EVLOOP_ONCE); /* its timer */
    vault_knows(1800000000);
    fixture_answer_is(&f, 200, 2000);
    assert_string_equal(fixture_body(&f), "{\"fetched\":true}");
}

static void without_a_proof_nothing_is_said(void **state)
{
    static const struct {
        const char *method, *path;
    } rows[] = {{"POST", "/fieldroot/v1/gba/ack"},
                {"POST", "/fieldroot/v1/gba/attempts"},
                {"POST", "/fieldroot/v1/gba/targets"},
                {"GET", "/fieldroot/v1/gba/fetched"}};
    static const char *const headers[] = {
        NULL, FIRST, "Authorization: Fieldroot btid=\"" BTID "\", mac=\"AAAA\"\r\n",
        "Authorization: Fieldroot btid=\"" BTID "\"\r\n"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++) {
            fixture_send(&f, rows[i].method, rows[i].path, headers[k], "[]");
            fixture_answer_is(&f, 400, 4000);
            fixture_heard_nothing(&f);
        }
    }
}

static void other_paths_and_methods_are_not_there(void **state)
{
    (void)state;
    fixture_send(&f, "POST", "/", FIRST, NULL);
    fixture_answer_is(&f, 405, 4005);
    fixture_send(&f, "GET", "/fieldroot/v1/gba/attempts", PROOF, NULL);
    fixture_answer_is(&f, 405, 4005);
    fixture_heard_nothing(&f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_request_asks_for_a_challenge),
        T(any_user_agent_is_answered),
        T(akav2_is_offered_where_it_is_on),
        T(a_response_goes_to_the_vault_as_it_is),
        T(the_answer_has_rspauth_and_the_vaults_body),
        T(a_stale_nonce_gets_a_fresh_challenge),
        T(auts_is_a_resynchronisation),
        T(refusals_of_the_vault_keep_their_words),
        T(what_is_malformed_does_not_reach_the_vault),
        T(another_realm_or_uri_is_refused_and_noted),
        T(a_long_cnonce_comes_back_whole),
        T(a_proof_is_passed_on_with_its_request),
        T(an_unknown_key_is_4004),
        T(a_vault_that_is_gone_is_503),
        T(records_are_passed_on),
        T(a_wish_for_another_target_is_passed_on),
        T(the_answer_waits_for_the_fetch),
        T(without_a_proof_nothing_is_said),
        T(other_paths_and_methods_are_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
