/* SPDX-License-Identifier: Apache-2.0 */
/* A stream on one end of a socketpair, stock OpenSSL on the other. */
#include "server/worker/stream.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

enum {
    TURNS = 4000,
    BIG = 3 * 1024 * 1024,
    TOO_BIG = 5 * 1024 * 1024,
    KEY_UPDATES = 20000
};

static struct lab {
    struct event_base *base;
    struct fr_stream_room *room;
    struct fr_stream *stream;
    int fd; /* the client's */
    SSL *client;
    bool is_up, frees_on_octets;
    unsigned n_sent, n_ended;
    enum fr_stream_end how;
    unsigned long why;
    struct fr_buf got;
} lab;

static struct fr_err err;

static void on_connected(void *arg)
{
    (void)arg;
    lab.is_up = true;
}

static void on_octets(void *arg, struct fr_slice octets)
{
    (void)arg;
    fr_buf_put(&lab.got, octets.data, octets.len);
    if (!lab.frees_on_octets)
        return;
    fr_stream_free(lab.stream);
    lab.stream = NULL;
}

static void on_sent(void *arg)
{
    (void)arg;
    lab.n_sent++;
}

static void on_ended(void *arg, enum fr_stream_end how, unsigned long ossl_error)
{
    (void)arg;
    lab.n_ended++;
    lab.how = how;
    lab.why = ossl_error;
}

static SSL *server_side(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    X509 *cert = X509_new();
    SSL *ssl;

    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    SSL_CTX_set_num_tickets(ctx, 0);
    ssl = SSL_new(ctx);
    X509_free(cert);
    EVP_PKEY_free(key);
    SSL_CTX_free(ctx);
    return ssl;
}

/* Both ends, of the base and the room that are there. */
static void connect_two_with(SSL *server)
{
    const struct fr_stream_hooks hooks = {on_connected, on_octets, on_sent, on_ended,
                                          NULL};
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_ok(fr_stream_new(lab.room, fds[0], server, &hooks, &lab.stream, &err));
    lab.fd = fds[1];
    lab.client = SSL_new(ctx);
    SSL_CTX_free(ctx);
    assert_int_equal(SSL_set_fd(lab.client, lab.fd), 1);
    SSL_set_connect_state(lab.client);
}

static int make_with(SSL *server)
{
    lab = (struct lab){.got = FR_BUF_INIT(BIG)};
    lab.base = event_base_new();
    lab.room = fr_stream_room_new(lab.base);
    connect_two_with(server);
    return 0;
}

static int make(void **state)
{
    (void)state;
    return make_with(server_side());
}

/* Without TLS; the client's is not used. */
static int make_plain(void **state)
{
    (void)state;
    return make_with(NULL);
}

static int clean(void **state)
{
    (void)state;
    SSL_free(lab.client);
    if (lab.fd >= 0)
        close(lab.fd);
    fr_stream_free(lab.stream);
    fr_stream_room_free(lab.room);
    event_base_free(lab.base);
    fr_buf_clear(&lab.got);
    return 0;
}

static void turn(void)
{
    event_base_loop(lab.base, EVLOOP_NONBLOCK);
}

static void shake_hands(void)
{
    for (int i = 0; i < TURNS && !(lab.is_up && SSL_is_init_finished(lab.client));
         i++) {
        (void)SSL_do_handshake(lab.client);
        turn();
    }
    assert_true(lab.is_up);
}

static void client_says(const char *text)
{
    int len = (int)strlen(text);

    assert_int_equal(SSL_write(lab.client, text, len), len);
    turn();
}

static void octets_go_both_ways(void **state)
{
    char text[32];

    (void)state;
    shake_hands();
    client_says("one");
    client_says("two");
    assert_string_equal(fr_buf_cstr(&lab.got), "onetwo");
    assert_true(fr_stream_write(lab.stream, fr_slice_str("three, ")));
    assert_true(fr_stream_write(lab.stream, fr_slice_str("four")));
    assert_true(fr_stream_flush(lab.stream));
    assert_int_equal(SSL_read(lab.client, text, sizeof text), 7);
    assert_int_equal(SSL_read(lab.client, text, sizeof text), 4);
    assert_int_equal(lab.n_sent, 0); /* what goes at once is not told */
}

/* Several records that come at once are all read in one turn. */
static void nothing_that_came_is_left_behind(void **state)
{
    (void)state;
    shake_hands();
    for (int i = 0; i < 100; i++)
        assert_int_equal(SSL_write(lab.client, "0123456789", 10), 10);
    turn();
    assert_int_equal(lab.got.len, 1000);
}

/* A record in two pieces. */
static void half_a_record_waits_for_the_rest(void **state)
{
    BIO *mem = BIO_new(BIO_s_mem()), *socket = SSL_get_wbio(lab.client);
    const char *octets;
    long len;

    (void)state;
    shake_hands();
    BIO_up_ref(socket);
    SSL_set0_wbio(lab.client, mem);
    assert_int_equal(SSL_write(lab.client, "whole", 5), 5);
    len = BIO_get_mem_data(mem, (char **)&octets);
    assert_int_equal(write(lab.fd, octets, 7), 7);
    turn();
    assert_int_equal(lab.got.len, 0);
    assert_int_equal(write(lab.fd, octets + 7, (size_t)len - 7), len - 7);
    turn();
    assert_string_equal(fr_buf_cstr(&lab.got), "whole");
    SSL_set0_wbio(lab.client, socket);
}

static void a_close_in_order_is_told_once(void **state)
{
    (void)state;
    shake_hands();
    assert_int_equal(SSL_shutdown(lab.client), 0);
    turn();
    turn();
    assert_int_equal(lab.n_ended, 1);
    assert_int_equal(lab.how, FR_STREAM_CLOSED);
}

static void an_end_without_a_word_is_a_cut(void **state)
{
    (void)state;
    shake_hands();
    close(lab.fd);
    lab.fd = -1;
    turn();
    turn();
    assert_int_equal(lab.n_ended, 1);
    assert_int_equal(lab.how, FR_STREAM_CUT);
}

static void a_refused_handshake_sends_its_alert(void **state)
{
    char text[8];

    (void)state;
    assert_int_equal(SSL_set_max_proto_version(lab.client, TLS1_2_VERSION), 1);
    assert_int_equal(
        SSL_set_min_proto_version(fr_stream_ssl(lab.stream), TLS1_3_VERSION), 1);
    assert_true(SSL_do_handshake(lab.client) <= 0);
    turn();
    assert_int_equal(lab.n_ended, 1);
    assert_int_equal(lab.how, FR_STREAM_REFUSED);
    assert_int_equal(ERR_GET_REASON(lab.why), SSL_R_UNSUPPORTED_PROTOCOL);
    ERR_clear_error();
    assert_true(SSL_read(lab.client, text, sizeof text) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()),
                     SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    ERR_clear_error();
}

static void a_pause_holds_the_peer_back(void **state)
{
    (void)state;
    shake_hands();
    fr_stream_pause(lab.stream, true);
    client_says("later");
    assert_int_equal(lab.got.len, 0);
    fr_stream_pause(lab.stream, false);
    turn();
    assert_string_equal(fr_buf_cstr(&lab.got), "later");
}

static uint8_t octet_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 4096);
}

/* What the kernel does not take at once follows, in order, and is told when it is out.
 */
static void a_slow_reader_gets_everything(void **state)
{
    uint8_t *big = malloc(BIG), chunk[16384];
    size_t got = 0;

    (void)state;
    shake_hands();
    for (size_t i = 0; i < BIG; i++)
        big[i] = octet_at(i);
    assert_true(fr_stream_write(lab.stream, fr_slice_of(big, BIG)));
    assert_false(fr_stream_flush(lab.stream));
    for (int i = 0; i < TURNS && got < BIG; i++) {
        int n = SSL_read(lab.client, chunk, sizeof chunk);

        for (int k = 0; k < n; k++)
            assert_int_equal(chunk[k], octet_at(got + (size_t)k));
        got += n > 0 ? (size_t)n : 0;
        turn();
    }
    assert_int_equal(got, BIG);
    assert_int_equal(lab.n_sent, 1);
    free(big);
}

/* Not `sent`: the end is told instead, though nothing of the peer was being read. */
static void a_reader_that_goes_away_ends_it(void **state)
{
    uint8_t *big = calloc(1, BIG);

    (void)state;
    shake_hands();
    fr_stream_pause(lab.stream, true);
    assert_true(fr_stream_write(lab.stream, fr_slice_of(big, BIG)));
    assert_false(fr_stream_flush(lab.stream));
    close(lab.fd);
    lab.fd = -1;
    for (int i = 0; i < TURNS && lab.n_ended == 0; i++)
        turn();
    assert_int_equal(lab.n_sent, 0);
    assert_int_equal(lab.n_ended, 1);
    assert_int_equal(lab.how, FR_STREAM_CUT);
    free(big);
}

static void a_hook_may_free_the_stream(void **state)
{
    (void)state;
    shake_hands();
    lab.frees_on_octets = true;
    assert_int_equal(SSL_write(lab.client, "one", 3), 3);
    assert_int_equal(SSL_write(lab.client, "two", 3), 3);
    turn();
    assert_string_equal(fr_buf_cstr(&lab.got), "one");
    assert_null(lab.stream);
}

static void goodbye_says_close_notify(void **state)
{
    char text[8];

    (void)state;
    shake_hands();
    assert_true(fr_stream_write(lab.stream, fr_slice_str("bye")));
    fr_stream_goodbye(lab.stream, true);
    fr_stream_free(lab.stream);
    lab.stream = NULL;
    assert_int_equal(SSL_read(lab.client, text, sizeof text), 3);
    assert_int_equal(SSL_read(lab.client, text, sizeof text), 0);
    assert_int_equal(SSL_get_error(lab.client, 0), SSL_ERROR_ZERO_RETURN);
}

/* It is not heard while it does not listen, and then as before. */
static void a_flood_of_key_updates_unread_is_not_answered_for_ever(void **state)
{
    char answers[4096];
    int n = 0;

    (void)state;
    shake_hands();
    for (; n < KEY_UPDATES; n++) {
        if (SSL_key_update(lab.client, SSL_KEY_UPDATE_REQUESTED) != 1 ||
            SSL_do_handshake(lab.client) != 1)
            break;
        turn();
    }
    assert_in_range(n, 1, KEY_UPDATES - 1);
    assert_int_equal(lab.n_ended, 0);
    for (int i = 0; i < TURNS && lab.got.len == 0; i++) {
        (void)SSL_write(lab.client, "after all", 9);
        (void)!read(lab.fd, answers, sizeof answers);
        turn();
    }
    assert_memory_equal(fr_buf_cstr(&lab.got), "after all", 9);
}

/* Its octets are in the room that all share. */
static void a_write_that_fails_leaves_nothing_to_the_next_stream(void **state)
{
    uint8_t *much = calloc(1, TOO_BIG);

    (void)state;
    shake_hands();
    assert_false(fr_stream_write(lab.stream, fr_slice_of(much, TOO_BIG)));
    free(much);
    fr_stream_free(lab.stream);
    SSL_free(lab.client);
    close(lab.fd);
    lab.is_up = false;
    connect_two_with(server_side());
    shake_hands();
    client_says("mine");
    assert_string_equal(fr_buf_cstr(&lab.got), "mine");
}

static void octets_that_are_no_record_are_answered_by_an_alert(void **state)
{
    static const char junk[5 + 32] = {0x17, 3, 3, 0, 32};
    char text[8];

    (void)state;
    shake_hands();
    assert_int_equal(write(lab.fd, junk, sizeof junk), sizeof junk);
    turn();
    assert_int_equal(lab.n_ended, 1);
    assert_int_equal(lab.how, FR_STREAM_CUT);
    assert_int_equal(ERR_GET_REASON(lab.why),
                     SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    ERR_clear_error();
    assert_true(SSL_read(lab.client, text, sizeof text) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()),
                     SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    ERR_clear_error();
}

static void a_peer_that_closed_and_does_not_wait_is_a_cut(void **state)
{
    (void)state;
    shake_hands();
    assert_int_equal(SSL_shutdown(lab.client), 0);
    turn();
    assert_int_equal(lab.how, FR_STREAM_CLOSED);
    close(lab.fd);
    lab.fd = -1;
    assert_true(fr_stream_write(lab.stream, fr_slice_str("too late")));
    assert_false(fr_stream_flush(lab.stream));
    turn();
    assert_int_equal(lab.n_ended, 2);
    assert_int_equal(lab.how, FR_STREAM_CUT);
    turn();
    assert_int_equal(lab.n_ended, 2);
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, make, clean)

/* ---- without TLS ---- */

static void plain_says(const char *text)
{
    assert_int_equal(write(lab.fd, text, strlen(text)), (ssize_t)strlen(text));
    turn();
}

static void plain_octets_go_both_ways(void **state)
{
    char text[32] = "";

    (void)state;
    assert_null(fr_stream_ssl(lab.stream));
    turn();
    assert_false(lab.is_up); /* it has said nothing yet */
    plain_says("one");
    assert_true(lab.is_up);
    plain_says("two");
    assert_string_equal(fr_buf_cstr(&lab.got), "onetwo");
    assert_true(fr_stream_write(lab.stream, fr_slice_str("three, ")));
    assert_true(fr_stream_write(lab.stream, fr_slice_str("four")));
    assert_true(fr_stream_flush(lab.stream));
    assert_int_equal(read(lab.fd, text, sizeof text), 11);
    assert_string_equal(text, "three, four");
}

static void a_plain_peer_that_has_no_more_to_say_is_closed(void **state)
{
    char text[8] = "";

    (void)state;
    plain_says("last");
    assert_int_equal(shutdown(lab.fd, SHUT_WR), 0);
    turn();
    assert_int_equal(lab.n_ended, 1);
    assert_int_equal(lab.how, FR_STREAM_CLOSED);
    assert_true(fr_stream_write(lab.stream, fr_slice_str("bye")));
    assert_true(fr_stream_flush(lab.stream));
    fr_stream_goodbye(lab.stream, true);
    assert_int_equal(read(lab.fd, text, sizeof text), 3);
}

static void a_plain_stream_may_be_freed_by_its_octets(void **state)
{
    (void)state;
    lab.frees_on_octets = true;
    plain_says("end");
    assert_null(lab.stream);
    assert_int_equal(lab.n_ended, 0);
}

static void a_plain_peer_that_reads_nothing_ends_by_a_cut(void **state)
{
    static const char octets[16384];

    (void)state;
    plain_says("hello");
    close(lab.fd);
    lab.fd = -1;
    for (int i = 0; i < 4; i++)
        if (fr_stream_write(lab.stream, fr_slice_of(octets, sizeof octets)))
            (void)fr_stream_flush(lab.stream);
    for (int i = 0; i < 4; i++)
        turn();
    assert_int_equal(lab.n_ended, 1);
    assert_int_equal(lab.how, FR_STREAM_CUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(octets_go_both_ways),
        ONE(nothing_that_came_is_left_behind),
        ONE(half_a_record_waits_for_the_rest),
        ONE(a_close_in_order_is_told_once),
        ONE(an_end_without_a_word_is_a_cut),
        ONE(a_refused_handshake_sends_its_alert),
        ONE(a_pause_holds_the_peer_back),
        ONE(a_slow_reader_gets_everything),
        ONE(a_reader_that_goes_away_ends_it),
        ONE(a_hook_may_free_the_stream),
        ONE(goodbye_says_close_notify),
        ONE(a_flood_of_key_updates_unread_is_not_answered_for_ever),
        ONE(a_write_that_fails_leaves_nothing_to_the_next_stream),
        ONE(octets_that_are_no_record_are_answered_by_an_alert),
        ONE(a_peer_that_closed_and_does_not_wait_is_a_cut),
        cmocka_unit_test_setup_teardown(plain_octets_go_both_ways, make_plain, clean),
        cmocka_unit_test_setup_teardown(a_plain_peer_that_has_no_more_to_say_is_closed,
                                        make_plain, clean),
        cmocka_unit_test_setup_teardown(a_plain_stream_may_be_freed_by_its_octets,
                                        make_plain, clean),
        cmocka_unit_test_setup_teardown(a_plain_peer_that_reads_nothing_ends_by_a_cut,
                                        make_plain, clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
