/* SPDX-License-Identifier: Apache-2.0 */
#include "service_fixture.h"

#include <event2/event.h>

#include "proto/mmef.h"
#include "server/discovery/discovery.h"
#include "server/fetch/fetch.h"

static struct fixture f;
static struct fr_err err;

#define KEY_ID "000102030405060708090A0B0C0D0E0F@mef.example.com"
#define FETCH  "/fetchCredentials/000102030405060708090a0b0c0d0e0f%40mef.example.com/22"

static int open_fetch(void **state)
{
    (void)state;
    fixture_open(&f, &fr_service_fetch, FIXTURE_TARGET);
    return 0;
}

static int open_discovery(void **state)
{
    (void)state;
    fixture_open(&f, &fr_service_discovery, FIXTURE_ENROLEE);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* --- fetchCredentials */

static void a_target_gets_its_key(void **state)
{
    struct fr_msg m, reply = {.type = FR_MSG_REPLY};
    struct fr_mmef_fetched got;
    uint8_t code[8], expires[8], key[FR_KE_LEN];

    (void)state;
    memset(key, 0x42, sizeof key);
    fixture_send(&f, "GET", FETCH, NULL, NULL);
    m = fixture_heard(&f, FR_MSG_FETCH);
    assert_true(fr_slice_equal(m.field[FR_F_KEY_ID], fr_slice_str(KEY_ID)));
    assert_int_equal(fr_msg_u8(&m, FR_F_SUID), 22);
    fr_msg_set_u8(&reply, FR_F_CODE, FR_OK, code);
    fr_msg_set(&reply, FR_F_KEY, fr_slice_of(key, sizeof key));
    fr_msg_set_str(&reply, FR_F_ENROLEE, "dev1");
    fr_msg_set_u64(&reply, FR_F_EXPIRES, 1800000000, expires);
    fixture_say(&f, &reply);
    fixture_answer_is(&f, 200, 2000);
    assert_ok(fr_mmef_fetched_decode(fr_buf_view(&f.exchange.body), &got, &err));
    assert_true(got.status);
    assert_true(
        fr_slice_equal(fr_secret_view(got.credential), fr_slice_of(key, sizeof key)));
    assert_string_equal(got.enrolee, "dev1");
    assert_int_equal(got.expires, 1800000000);
    fr_mmef_fetched_clear(&got);
}

#define BTID_IN_URI "I1U8vpY3qJ0hiq5iTb%2B%2FNQ%3D%3D%40mef.example.com"

static void a_target_gets_a_sims_key(void **state)
{
    struct fr_msg m, reply = {.type = FR_MSG_REPLY};
    uint8_t code[8], expires[8], key[FR_KE_LEN] = {0}, uicc[FR_KE_LEN] = {1};
    struct fr_mmef_fetched got;

    (void)state;
    fixture_send(&f, "GET", "/fetchCredentials/" BTID_IN_URI "/22?ua=tls1.3", NULL,
                 NULL);
    m = fixture_heard(&f, FR_MSG_FETCH);
    assert_true(
        fr_slice_equal(m.field[FR_F_KEY_ID],
                       fr_slice_str("I1U8vpY3qJ0hiq5iTb+/NQ==@mef.example.com")));
    assert_true(fr_slice_equal(m.field[FR_F_UA], fr_slice_str("tls1.3")));
    fr_msg_set_u8(&reply, FR_F_CODE, FR_OK, code);
    fr_msg_set(&reply, FR_F_KEY, fr_slice_of(key, sizeof key));
    fr_msg_set(&reply, FR_F_UICC_KEY, fr_slice_of(uicc, sizeof uicc));
    fr_msg_set_str(&reply, FR_F_UA, "tls1.3");
    fr_msg_set_u64(&reply, FR_F_EXPIRES, 1800000000, expires);
    fixture_say(&f, &reply);
    fixture_answer_is(&f, 200, 2000);
    assert_ok(fr_mmef_fetched_decode(fr_buf_view(&f.exchange.body), &got, &err));
    assert_string_equal(got.ua, "tls1.3");
    assert_true(
        fr_slice_equal(fr_secret_view(got.uicc), fr_slice_of(uicc, sizeof uicc)));
    fr_mmef_fetched_clear(&got);
}

static void a_protocol_that_gives_no_key_is_refused(void **state)
{
    static const char *const bad[] = {"", "tls1.4", "http-digest", "TLS1.2",
                                      "tls1.2tls1.2tls1.2"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(path, sizeof path, "%s/22?ua=%s", "/fetchCredentials/" BTID_IN_URI,
                 bad[i]);
        fixture_send(&f, "GET", path, NULL, NULL);
        fixture_answer_is(&f, 400, 4000);
        assert_contains(fixture_body(&f), "\"ua\"");
    }
    fixture_heard_nothing(&f);
}

static void a_refusal_has_status_false_and_the_reason(void **state)
{
    struct fr_mmef_fetched got;

    (void)state;
    fixture_send(&f, "GET", FETCH, NULL, NULL);
    fixture_heard(&f, FR_MSG_FETCH);
    fixture_say_code(&f, FR_EREFUSED, "not-your-key");
    fixture_answer_is(&f, 403, 4103);
    assert_contains(fixture_body(&f), "not-your-key");
    assert_ok(fr_mmef_fetched_decode(fr_buf_view(&f.exchange.body), &got, &err));
    assert_false(got.status);
    assert_null(got.credential);
    fr_mmef_fetched_clear(&got);
}

static void what_is_no_key_id_or_suid_is_malformed(void **state)
{
    static const char *const paths[] = {"/fetchCredentials/x/22",
                                        "/fetchCredentials/00@mef.example.com/22"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        fixture_send(&f, "GET", paths[i], NULL, NULL);
        fixture_answer_is(&f, 400, 4000);
    }
    fixture_send(&f, "GET",
                 "/fetchCredentials/000102030405060708090A0B0C0D0E0F%40m.example/2x",
                 NULL, NULL);
    fixture_answer_is(&f, 400, 4000);
    fixture_heard_nothing(&f);
}

/* --- the feed */

static void vault_feeds(const char *json)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set_str(&m, FR_F_JSON, json);
    fixture_say(&f, &m);
}

static void vault_wakes(const char *fqdn)
{
    struct fr_msg m = {.type = FR_MSG_WAKE};

    fr_msg_set_str(&m, FR_F_TARGET_FQDN, fqdn);
    fixture_say(&f, &m);
}

static char *news(char *to, size_t size)
{
    struct fr_mmef_change change = {.seq = 6,
                                    .kind = FR_CHANGE_ADDED,
                                    .suid = 22,
                                    .enrolee = "dev1",
                                    .expires = 1800000000};
    struct fr_mmef_changes changes = {.cursor = 6, .list = &change, .n = 1};
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(4096);

    strcpy(change.key_id, KEY_ID);
    assert_ok(fr_mmef_changes_encode(&changes, &text, &err));
    snprintf(to, size, "%s", fr_buf_cstr(&text));
    return to;
}

static char *no_news(char *to, size_t size)
{
    struct fr_mmef_changes changes = {.cursor = 5};
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(4096);

    assert_ok(fr_mmef_changes_encode(&changes, &text, &err));
    snprintf(to, size, "%s", fr_buf_cstr(&text));
    return to;
}

static void news_are_answered_at_once(void **state)
{
    char text[4096];
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=5&wait=60", NULL, NULL);
    m = fixture_heard(&f, FR_MSG_FEED);
    assert_int_equal(fr_msg_u64(&m, FR_F_SINCE), 5);
    vault_feeds(news(text, sizeof text));
    fixture_answer_is(&f, 200, 2000);
    assert_string_equal(fixture_body(&f), text);
}

static void without_wait_no_news_are_answered_too(void **state)
{
    char text[4096];

    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=5", NULL, NULL);
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(no_news(text, sizeof text));
    fixture_answer_is(&f, 200, 2000);
}

static void a_long_poll_waits_for_its_wake(void **state)
{
    char text[4096];

    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=5&wait=60", NULL, NULL);
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(no_news(text, sizeof text));
    assert_false(f.answered);
    vault_wakes("other.example.com");
    fixture_heard_nothing(&f);
    vault_wakes(FIXTURE_TARGET);
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(news(text, sizeof text));
    fixture_answer_is(&f, 200, 2000);
}

/* The feed grows between the vault's look and its answer. */
static void a_wake_that_comes_early_is_not_lost(void **state)
{
    char text[4096];
    uint32_t id;

    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=5&wait=60", NULL, NULL);
    id = fixture_heard(&f, FR_MSG_FEED).id;
    vault_wakes(FIXTURE_TARGET);
    assert_true(id != 0);
    vault_feeds(no_news(text, sizeof text));
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(news(text, sizeof text));
    fixture_answer_is(&f, 200, 2000);
}

static void when_its_time_is_over_the_empty_feed_is_the_answer(void **state)
{
    char text[4096];

    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=5&wait=1", NULL, NULL);
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(no_news(text, sizeof text));
    assert_false(f.answered);
    fr_fake_env_advance(&f.env, 1000);
    event_base_loop(f.worker.base, EVLOOP_ONCE); /* its timer */
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(no_news(text, sizeof text));
    fixture_answer_is(&f, 200, 2000);
}

static void a_draining_worker_lets_nobody_wait(void **state)
{
    char text[4096];

    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=5&wait=60", NULL, NULL);
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(no_news(text, sizeof text));
    fr_service_fetch.drain(&f.worker);
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(no_news(text, sizeof text));
    fixture_answer_is(&f, 200, 2000);
}

static void a_cut_connection_is_not_woken(void **state)
{
    char text[4096];

    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=5&wait=60", NULL, NULL);
    fixture_heard(&f, FR_MSG_FEED);
    vault_feeds(no_news(text, sizeof text));
    fixture_cut(&f);
    vault_wakes(FIXTURE_TARGET);
    fixture_heard_nothing(&f);
}

static void a_waiting_target_hears_of_the_vaults_end(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?wait=60", NULL, NULL);
    fixture_heard(&f, FR_MSG_FEED);
    fixture_vault_dies(&f);
    fixture_answer_is(&f, 503, 5000);
}

static void malformed_numbers_are_refused(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=-1", NULL, NULL);
    fixture_answer_is(&f, 400, 4000);
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?wait=soon", NULL, NULL);
    fixture_answer_is(&f, 400, 4000);
    fixture_send(&f, "GET", "/fieldroot/v1/credentials?since=1&last=0A", NULL, NULL);
    fixture_answer_is(&f, 400, 4000);
    fixture_heard_nothing(&f);
}

static void whose_change_is_at_the_cursor_is_passed_on(void **state)
{
    static const char id[] = "0123456789ABCDEF0123456789ABCDEF";
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "GET",
                 "/fieldroot/v1/credentials?since=5"
                 "&last=0123456789abcdef0123456789abcdef",
                 NULL, NULL);
    m = fixture_heard(&f, FR_MSG_FEED);
    assert_true(fr_slice_equal(m.field[FR_F_KEY_ID], fr_slice_str(id)));
}

static void a_btid_at_the_cursor_is_passed_on_exactly(void **state)
{
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "GET",
                 "/fieldroot/v1/credentials?since=5"
                 "&last=I1U8vpY3qJ0hiq5iTb%2B%2FNQ%3D%3D",
                 NULL, NULL);
    m = fixture_heard(&f, FR_MSG_FEED);
    assert_true(
        fr_slice_equal(m.field[FR_F_KEY_ID], fr_slice_str("I1U8vpY3qJ0hiq5iTb+/NQ==")));
}

/* --- discovery */

static void an_enrolee_gets_its_document(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/.well-known/fieldroot/instructions", NULL, NULL);
    fixture_heard(&f, FR_MSG_DISCOVER);
    vault_feeds("{\"version\":1,\"instructions\":[]}");
    fixture_answer_is(&f, 200, 0);
    assert_string_equal(fixture_body(&f), "{\"version\":1,\"instructions\":[]}");
    assert_string_equal(fixture_header(&f, "Content-Type"), "application/json");
}

static void the_root_means_the_same(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/", NULL, NULL);
    fixture_heard(&f, FR_MSG_DISCOVER);
}

static void an_enrolee_without_a_document_gets_404(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/", NULL, NULL);
    fixture_heard(&f, FR_MSG_DISCOVER);
    fixture_say_code(&f, FR_ENOTFOUND, "no-document");
    fixture_answer_is(&f, 404, 4004);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fetch, close_fixture)
#define D(name) cmocka_unit_test_setup_teardown(name, open_discovery, close_fixture)
    const struct CMUnitTest tests[] = {
        T(a_target_gets_its_key),
        T(a_target_gets_a_sims_key),
        T(a_protocol_that_gives_no_key_is_refused),
        T(a_btid_at_the_cursor_is_passed_on_exactly),
        T(a_refusal_has_status_false_and_the_reason),
        T(what_is_no_key_id_or_suid_is_malformed),
        T(news_are_answered_at_once),
        T(without_wait_no_news_are_answered_too),
        T(a_long_poll_waits_for_its_wake),
        T(a_wake_that_comes_early_is_not_lost),
        T(when_its_time_is_over_the_empty_feed_is_the_answer),
        T(a_draining_worker_lets_nobody_wait),
        T(a_cut_connection_is_not_woken),
        T(a_waiting_target_hears_of_the_vaults_end),
        T(malformed_numbers_are_refused),
        T(whose_change_is_at_the_cursor_is_passed_on),
        D(an_enrolee_gets_its_document),
        D(the_root_means_the_same),
        D(an_enrolee_without_a_document_gets_404),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
