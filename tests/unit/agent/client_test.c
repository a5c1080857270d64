/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libfieldroot through its public header, with a MEF that rejects us (the whole path is
 * a matter of tests/system).
 */
#include <fieldroot/fieldroot.h>

#include <errno.h>
#include <poll.h>

#include "test.h"
#include "unit/agent/rig.h"
#include "unit/model/credential_sample.h"
#include "unit/net/tlspeer.h"

#define NAF_TLS12    "74259dd94b4d3558f4e05dcc1ce37087ab724aab9ddb18b03613e6fb8ca8ed44"
#define BROKER_TLS12 "60d81f91e83047a474605bbc0637b7314178732116a05f853c48f25c0872cf0a"
#define NAF_TLS13    "7a4eb3270a598b6649234f71993b6be1b8ddf7ebb4d077049161339504d1746e"

struct maker {
    struct rig rig; /* for its config file and state folder */
    fr_client *client;
    fr_trigger *trigger;
    fr_error error;
    int events[4];
    int stop_after; /* events; 0: never */
    char last[2048];
};

static int on_event(void *ctx, const fr_event *event)
{
    struct maker *m = ctx;

    m->events[event->kind]++;
    (void)snprintf(m->last, sizeof m->last, "%s", event->json);
    return m->stop_after > 0 && --m->stop_after == 0;
}

static void init(struct maker *m)
{
    memset(m, 0, sizeof *m);
    rig_init(&m->rig, NULL);
    assert_int_equal(fr_client_open(m->rig.config_path, &m->client, &m->error), 0);
    assert_int_equal(fr_client_resolve(m->client, PEER_HOST, "127.0.0.1", &m->error),
                     0);
    m->trigger = fr_trigger_new();
    assert_non_null(m->trigger);
}

static void clear(struct maker *m)
{
    fr_trigger_free(m->trigger);
    fr_client_close(m->client);
    rig_clear(&m->rig);
}

/* ---- the first face ---- */

static void a_blocking_run_ends_with_the_commands_exit_status(void **state)
{
    struct peer p =
        peer_start(&(struct peer_setup){.act = PEER_ECHO, .client_ca = "other"});
    struct maker m;

    (void)state;
    init(&m);
    assert_int_equal(fr_trigger_add_mef(m.trigger, PEER_HOST, p.port, &m.error), 0);
    assert_int_equal(fr_provision(m.client, m.trigger, on_event, &m, &m.error),
                     FR_STATUS_REFUSED);
    assert_int_equal(m.error.status, FR_STATUS_REFUSED);
    assert_true(m.error.text[0] != 0);
    assert_int_equal(m.events[FR_EVENT_ATTEMPT], 1);
    assert_int_equal(m.events[FR_EVENT_OUTCOME], 1);
    assert_contains(m.last,
                    "{\"event\":\"outcome\",\"outcome\":\"failed\",\"exit\":77");
    clear(&m);
    peer_stop(&p);
}

static void a_listener_interrupts_a_blocking_run(void **state)
{
    struct peer p = peer_start(&(struct peer_setup){.act = PEER_SILENT});
    struct maker m;

    (void)state;
    init(&m);
    m.stop_after = 1;
    assert_int_equal(fr_trigger_add_mef(m.trigger, PEER_HOST, p.port, &m.error), 0);
    assert_int_equal(fr_provision(m.client, m.trigger, on_event, &m, &m.error),
                     FR_STATUS_INTERRUPTED);
    clear(&m);
    peer_stop(&p);
}

/* ---- the second face ---- */

static void drive(fr_run *run)
{
    struct pollfd fds[FR_RUN_FDS];
    int timeout_ms;

    while (!fr_run_is_done(run)) {
        size_t n = fr_run_interests(run, fds, FR_RUN_FDS, &timeout_ms);
        assert_true(n <= FR_RUN_FDS);
        assert_true(poll(fds, n, timeout_ms) >= 0 || errno == EINTR);
        fr_run_step(run, fds, n);
    }
}

static void a_run_is_driven_by_the_callers_loop(void **state)
{
    struct peer p =
        peer_start(&(struct peer_setup){.act = PEER_ECHO, .client_ca = "other"});
    struct maker m;
    fr_run *run;

    (void)state;
    init(&m);
    assert_int_equal(fr_trigger_add_mef(m.trigger, PEER_HOST, p.port, &m.error), 0);
    assert_int_equal(fr_run_new(m.client, m.trigger, on_event, &m, &run, &m.error), 0);
    drive(run);
    assert_int_equal(fr_run_status(run, &m.error), FR_STATUS_REFUSED);
    assert_int_equal(m.events[FR_EVENT_OUTCOME], 1);
    fr_run_free(run);
    clear(&m);
    peer_stop(&p);
}

static void a_stopped_run_is_soon_done(void **state)
{
    struct peer p = peer_start(&(struct peer_setup){.act = PEER_SILENT});
    struct maker m;
    fr_run *run;

    (void)state;
    init(&m);
    assert_int_equal(fr_trigger_add_mef(m.trigger, PEER_HOST, p.port, &m.error), 0);
    assert_int_equal(fr_run_new(m.client, m.trigger, NULL, NULL, &run, &m.error), 0);
    fr_run_step(run, NULL, 0);
    assert_false(fr_run_is_done(run));
    fr_run_stop(run);
    drive(run);
    assert_int_equal(fr_run_status(run, NULL), FR_STATUS_INTERRUPTED);
    fr_run_free(run);
    clear(&m);
    peer_stop(&p);
}

static void a_second_run_of_a_client_is_locked_out(void **state)
{
    struct maker m;
    fr_run *first, *second;

    (void)state;
    init(&m);
    assert_int_equal(fr_trigger_add_mef(m.trigger, PEER_HOST, 1, &m.error), 0);
    assert_int_equal(fr_run_new(m.client, m.trigger, NULL, NULL, &first, &m.error), 0);
    assert_int_equal(fr_trigger_add_mef(m.trigger, PEER_HOST, 1, &m.error), 0);
    assert_int_equal(fr_run_new(m.client, m.trigger, NULL, NULL, &second, &m.error),
                     FR_STATUS_INTERRUPTED);
    assert_string_equal(m.error.reason, "locked");
    fr_run_free(first);
    clear(&m);
}

/* ---- what is refused before ---- */

static void words_that_are_wrong_are_usage(void **state)
{
    struct maker m;
    fr_run *run;

    (void)state;
    init(&m);
    assert_int_equal(fr_trigger_add_mef(m.trigger, "no name", 0, &m.error),
                     FR_STATUS_USAGE);
    assert_int_equal(fr_trigger_add_discovery(m.trigger, "gopher://x", &m.error),
                     FR_STATUS_USAGE);
    assert_int_equal(fr_client_resolve(m.client, PEER_HOST, "here", &m.error),
                     FR_STATUS_USAGE);
    assert_int_equal(fr_run_new(m.client, m.trigger, NULL, NULL, &run, &m.error),
                     FR_STATUS_USAGE); /* nothing was added */
    clear(&m);
}

static void a_broken_document_is_invalid(void **state)
{
    struct maker m;

    (void)state;
    init(&m);
    assert_int_equal(fr_trigger_add_document(m.trigger, "{}", 2, "mine", &m.error),
                     FR_STATUS_INVALID);
    assert_contains(m.error.text, "mine");
    clear(&m);
}

static void a_config_that_is_not_there_is_invalid(void **state)
{
    fr_client *client = NULL;
    fr_error error;

    (void)state;
    assert_int_equal(fr_client_open("/nonexistent.conf", &client, &error),
                     FR_STATUS_INVALID);
    assert_contains(error.text, "/nonexistent.conf");
    assert_null(client);
}

/* ---- credentials ---- */

static void without_a_credential_there_is_none(void **state)
{
    struct maker m;
    fr_credential *c = NULL;

    (void)state;
    init(&m);
    assert_int_equal(fr_credential_find(m.client, NULL, NULL, 0, &c, &m.error),
                     FR_STATUS_NONE);
    assert_null(c);
    clear(&m);
}

static void a_credential_gives_identity_and_key(void **state)
{
    struct maker m;
    fr_credential *c;
    uint8_t key[32], zero[32] = {0};

    (void)state;
    init(&m);
    rig_put(&m.rig, PEER_HOST, "broker.example.com", false);
    assert_int_equal(
        fr_credential_find(m.client, PEER_HOST, "broker.example.com", 22, &c, &m.error),
        0);
    assert_contains(fr_credential_psk_identity(c), "@" PEER_HOST);
    assert_int_equal(fr_credential_expires(c), m.rig.clock.wall_s + 300);
    assert_int_equal(fr_credential_derive(c, key, &m.error), 0);
    assert_memory_not_equal(key, zero, sizeof key);
    fr_credential_close(c);
    clear(&m);
}

/* Both ends over a socket pair, the server with what the target would have fetched. */
static unsigned int serve_psk(SSL *ssl, const char *identity, unsigned char *key,
                              unsigned int max)
{
    fr_credential *c = SSL_get_ex_data(ssl, fr_credential_ssl_index());

    if (max < 32 || strcmp(identity, fr_credential_psk_identity(c)) != 0)
        return 0;
    return fr_credential_derive(c, key, NULL) == FR_STATUS_OK ? 32 : 0;
}

static SSL *psk_end(SSL_CTX *ctx, BIO *bio, fr_credential *c)
{
    SSL *ssl = SSL_new(ctx);

    assert_non_null(ssl);
    assert_int_equal(SSL_set_ex_data(ssl, fr_credential_ssl_index(), c), 1);
    SSL_set_bio(ssl, bio, bio);
    return ssl;
}

static bool shake_hands(SSL *client, SSL *server)
{
    for (int i = 0; i < 10; i++) {
        int a = SSL_connect(client), b = SSL_accept(server);
        if (a == 1 && b == 1)
            return true;
    }
    return false;
}

static void the_callback_makes_a_psk_session(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct maker m;
    fr_credential *c;

    (void)state;
    init(&m);
    rig_put(&m.rig, PEER_HOST, "broker.example.com", false);
    assert_int_equal(fr_credential_find(m.client, NULL, NULL, 0, &c, &m.error), 0);
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
        SSL_CTX *server_ctx = SSL_CTX_new(TLS_server_method());
        BIO *a, *b;
        assert_true(SSL_CTX_set_max_proto_version(client_ctx, versions[i]) == 1);
        assert_int_equal(SSL_CTX_set_cipher_list(client_ctx, "PSK"), 1);
        SSL_CTX_set_psk_client_callback(client_ctx, fr_credential_psk_callback);
        SSL_CTX_set_psk_server_callback(server_ctx, serve_psk);
        assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
        SSL *client = psk_end(client_ctx, a, c), *server = psk_end(server_ctx, b, c);
        assert_true(shake_hands(client, server));
        SSL_free(client);
        SSL_free(server);
        SSL_CTX_free(client_ctx);
        SSL_CTX_free(server_ctx);
    }
    fr_credential_close(c);
    clear(&m);
}

/* The NAF's end of NET 7, which knows the keys and not how they are made. */
static unsigned int serve_naf(SSL *ssl, const char *identity, unsigned char *key,
                              unsigned int max)
{
    const char *hex = SSL_version(ssl) == TLS1_3_VERSION ? NAF_TLS13 : NAF_TLS12;

    if (max < 32 || strcmp(identity, "3GPP-bootstrapping;" SAMPLE_BTID) != 0)
        return 0;
    assert_true(fr_hex_decode(fr_slice_str(hex), key));
    return 32;
}

static bool reaches_naf(fr_credential *c, int version, const char *suites)
{
    SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX *server_ctx = SSL_CTX_new(TLS_server_method());
    SSL *client, *server;
    BIO *a, *b;
    bool good;

    assert_int_equal(SSL_CTX_set_max_proto_version(client_ctx, version), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(client_ctx, suites), 1);
    SSL_CTX_set_psk_client_callback(client_ctx, fr_credential_psk_callback);
    SSL_CTX_set_psk_server_callback(server_ctx, serve_naf);
    assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
    client = psk_end(client_ctx, a, c);
    server = psk_end(server_ctx, b, c);
    good = shake_hands(client, server);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
    return good;
}

static void a_sims_key_follows_the_suite_that_is_negotiated(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba();
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_credential_identify_as_3gpp(c, &err));
    assert_true(reaches_naf(c, TLS1_2_VERSION, "PSK-AES128-CBC-SHA256"));
    assert_true(reaches_naf(c, TLS1_3_VERSION, "PSK-AES128-CBC-SHA256"));
    assert_false(reaches_naf(c, TLS1_2_VERSION, "PSK-AES256-GCM-SHA384"));
}

/* The key is that of docs/protocol.md 13.6. */
static void one_credential_of_a_sim_serves_other_targets(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba(), *of_one = credential_sample();
    fr_credential *other = NULL;
    fr_error error;
    uint8_t key[32], want[32];

    (void)state;
    assert_true(fr_hex_decode(fr_slice_str(BROKER_TLS12), want));
    assert_int_equal(fr_credential_for_naf(c, "broker.example.com", &other, &error), 0);
    assert_int_equal(fr_credential_derive(other, key, &error), 0);
    assert_memory_equal(key, want, sizeof key);
    assert_string_equal(fr_credential_psk_identity(other), SAMPLE_BTID);
    assert_int_equal(fr_credential_expires(other), c->expires);
    assert_string_equal(c->target, "naf.example.org");
    fr_credential_close(other);

    other = NULL;
    assert_int_equal(fr_credential_for_naf(c, "no name", &other, &error),
                     FR_STATUS_USAGE);
    assert_int_equal(
        fr_credential_for_naf(of_one, "broker.example.com", &other, &error),
        FR_STATUS_USAGE);
    assert_string_equal(error.reason, "one-target");
    c->derivation = FR_DERIVE_GBA_U;
    assert_int_equal(fr_credential_for_naf(c, "broker.example.com", &other, &error),
                     FR_STATUS_USAGE);
    assert_null(other);
}

static void the_callback_has_no_key_without_a_credential(void **state)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    char identity[256];
    unsigned char key[64];

    (void)state;
    assert_int_equal(fr_credential_psk_callback(ssl, NULL, identity, sizeof identity,
                                                key, sizeof key),
                     0);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocking_run_ends_with_the_commands_exit_status),
        cmocka_unit_test(a_listener_interrupts_a_blocking_run),
        cmocka_unit_test(a_run_is_driven_by_the_callers_loop),
        cmocka_unit_test(a_stopped_run_is_soon_done),
        cmocka_unit_test(a_second_run_of_a_client_is_locked_out),
        cmocka_unit_test(words_that_are_wrong_are_usage),
        cmocka_unit_test(a_broken_document_is_invalid),
        cmocka_unit_test(a_config_that_is_not_there_is_invalid),
        cmocka_unit_test(without_a_credential_there_is_none),
        cmocka_unit_test(a_credential_gives_identity_and_key),
        cmocka_unit_test(the_callback_makes_a_psk_session),
        cmocka_unit_test(a_sims_key_follows_the_suite_that_is_negotiated),
        cmocka_unit_test(one_credential_of_a_sim_serves_other_targets),
        cmocka_unit_test(the_callback_has_no_key_without_a_credential),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
