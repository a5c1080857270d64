/* SPDX-License-Identifier: Apache-2.0 */
#include "net/conn.h"

#include "fake/env.h"
#include "unit/net/talk.h"

/* ---- success ---- */

static void octets_go_out_and_come_back(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, talk_hello);
    assert_true(t.tcp);
    assert_true(t.connected);
    assert_string_equal(t.first, "hello");
    assert_string_equal(fr_conn_tls_version(t.conn), "TLSv1.3");
    talk_clear(&t);
}

static void keys_are_exported_once_connected(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, talk_hello);
    const struct fr_secret *s = fr_conn_exported(t.conn);
    assert_non_null(s);
    assert_int_equal(fr_secret_len(s), FR_EXPORT_LEN);
    talk_clear(&t);
}

static void keys_are_not_exported_unasked(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, NULL);
    assert_true(t.connected);
    assert_null(fr_conn_exported(t.conn));
    talk_clear(&t);
}

static void octets_of_the_handshake_are_counted(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, talk_hello);
    assert_in_range(fr_conn_octets_out(t.conn), 600, 6000);
    assert_in_range(fr_conn_octets_in(t.conn), 600, 6000);
    talk_clear(&t);
}

static void a_megabyte_comes_back_whole(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO}, talk_megabyte);
    assert_int_equal(t.received, FR_CONN_OUT_MAX);
    talk_clear(&t);
}

static void more_than_the_limit_is_not_queued(void **state)
{
    struct peer p = peer_start(&(struct peer_setup){.act = PEER_SILENT});
    static uint8_t big[FR_CONN_OUT_MAX + 1];
    struct talk t;
    struct fr_err err;

    (void)state;
    talk_init(&t, p.port);
    t.setup.tls = t.tls;
    assert_ok(fr_conn_open(&t.setup, &t.conn, &err));
    assert_fails(fr_conn_send(t.conn, fr_slice_of(big, sizeof big), &err), FR_ELIMIT);
    talk_clear(&t);
    peer_stop(&p);
}

static void an_orderly_end_is_closed(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_BYE}, NULL);
    assert_int_equal(t.last, FR_CONN_CLOSED);
    talk_clear(&t);
}

static void tls_1_2_with_ems_is_accepted(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_ECHO, .max_version = TLS1_2_VERSION},
            talk_hello);
    assert_string_equal(t.first, "hello");
    assert_string_equal(fr_conn_tls_version(t.conn), "TLSv1.2");
    talk_clear(&t);
}

/* ---- peers that cannot be reached ---- */

static void another_protocol_is_unreachable(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_GARBAGE}, NULL);
    assert_failed(&t, FR_EUNREACHABLE, "tls-protocol");
    assert_true(t.tcp);
    talk_clear(&t);
}

static void a_cut_in_the_handshake_is_unreachable(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_CUT_HELLO}, NULL);
    assert_failed(&t, FR_EUNREACHABLE, "connection-cut");
    assert_false(t.connected);
    talk_clear(&t);
}

static void a_cut_after_the_handshake_is_unreachable(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_CUT}, NULL);
    assert_failed(&t, FR_EUNREACHABLE, "connection-cut");
    assert_true(t.connected);
    talk_clear(&t);
}

static void a_cut_with_much_in_flight_is_unreachable(void **state)
{
    struct talk t;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_CUT}, talk_megabyte);
    assert_failed(&t, FR_EUNREACHABLE, "connection-cut");
    talk_clear(&t);
}

/* The greeting of a server that speaks no TLS; nothing is encrypted, or verified. */
static void without_tls_octets_are_what_they_are(void **state)
{
    struct peer p = peer_start(&(struct peer_setup){.act = PEER_GARBAGE});
    struct talk t;

    (void)state;
    talk_init(&t, p.port);
    t.setup.is_plain = true;
    t.to_send = fr_slice_str("hello");
    t.stop_after = 15;
    talk(&t);
    peer_stop(&p);
    assert_true(t.tcp && t.connected);
    assert_memory_equal(t.first, "SSH-2.0-garbage", 15);
    assert_string_equal(fr_conn_tls_version(t.conn), "");
    assert_null(fr_conn_exported(t.conn));
    assert_true(fr_conn_octets_in(t.conn) >= 15);
    talk_clear(&t);
}

static void a_connection_is_tls_or_plain_and_says_which(void **state)
{
    struct talk t;
    struct fr_err err;

    (void)state;
    talk_init(&t, 1);
    t.setup.tls = NULL;
    assert_fails(fr_conn_open(&t.setup, &t.conn, &err), FR_EINTERNAL);
    t.setup.tls = t.tls;
    t.setup.is_plain = true;
    assert_fails(fr_conn_open(&t.setup, &t.conn, &err), FR_EINTERNAL);
    talk_clear(&t);
}

static void nothing_that_listens_is_unreachable(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, peer_dead_port());
    talk(&t);
    assert_failed(&t, FR_EUNREACHABLE, "connect-refused");
    assert_false(t.tcp);
    talk_clear(&t);
}

static void a_fixed_address_that_is_none_is_unreachable(void **state)
{
    const struct fr_host hosts[] = {{.name = PEER_HOST, .address = "not-an-address"}};
    struct talk t;
    struct fr_err err;

    (void)state;
    talk_init(&t, 1);
    t.setup.tls = t.tls;
    t.setup.hosts = hosts;
    assert_fails_as(fr_conn_open(&t.setup, &t.conn, &err), FR_EUNREACHABLE,
                    "dns-failure");
    talk_clear(&t);
}

static void a_name_that_cannot_be_resolved_is_unreachable(void **state)
{
    struct talk t;

    (void)state;
    talk_init(&t, 1);
    t.setup.host = "label.that.is.longer.than.the.sixty-three-octets-which-dns-allows-"
                   "for-a-single-label-of-a-name.invalid";
    talk(&t);
    assert_failed(&t, FR_EUNREACHABLE, "dns-failure");
    talk_clear(&t);
}

/* Silence, on a clock that moves when told to: no waiting. */
static void silence_ends_at_the_deadline(void **state)
{
    struct peer p = peer_start(&(struct peer_setup){.act = PEER_SILENT});
    struct fr_fake_env clock;
    struct talk t;
    struct fr_conn_event ev = {.kind = FR_CONN_NOTHING};
    struct fr_err err;

    (void)state;
    fr_fake_env_init(&clock, 1);
    talk_init(&t, p.port);
    t.setup.tls = t.tls;
    t.setup.env = &clock.env;
    t.setup.deadline = clock.mono_ms + 30000;
    assert_ok(fr_conn_open(&t.setup, &t.conn, &err));
    while (ev.kind != FR_CONN_TCP) {
        ev = fr_conn_step(t.conn);
        if (ev.kind == FR_CONN_NOTHING)
            talk_wait(&t);
    }
    fr_fake_env_advance(&clock, 29999);
    assert_int_equal(fr_conn_step(t.conn).kind, FR_CONN_NOTHING);
    fr_fake_env_advance(&clock, 1);
    ev = fr_conn_step(t.conn);
    assert_int_equal(ev.kind, FR_CONN_FAILED);
    assert_int_equal(ev.err->code, FR_EUNREACHABLE);
    assert_string_equal(ev.err->reason, "timeout");
    assert_contains(ev.err->msg, "handshake");
    talk_clear(&t);
    peer_stop(&p);
}

static void nothing_follows_a_failure(void **state)
{
    struct talk t;
    struct fr_err err;

    (void)state;
    talk_to(&t, &(struct peer_setup){.act = PEER_CUT}, NULL);
    assert_int_equal(t.last, FR_CONN_FAILED);
    assert_int_equal(fr_conn_step(t.conn).kind, FR_CONN_NOTHING);
    assert_ok(fr_conn_send(t.conn, fr_slice_str("ignored"), &err));
    talk_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_go_out_and_come_back),
        cmocka_unit_test(keys_are_exported_once_connected),
        cmocka_unit_test(keys_are_not_exported_unasked),
        cmocka_unit_test(octets_of_the_handshake_are_counted),
        cmocka_unit_test(a_megabyte_comes_back_whole),
        cmocka_unit_test(more_than_the_limit_is_not_queued),
        cmocka_unit_test(an_orderly_end_is_closed),
        cmocka_unit_test(tls_1_2_with_ems_is_accepted),
        cmocka_unit_test(another_protocol_is_unreachable),
        cmocka_unit_test(a_cut_in_the_handshake_is_unreachable),
        cmocka_unit_test(a_cut_after_the_handshake_is_unreachable),
        cmocka_unit_test(a_cut_with_much_in_flight_is_unreachable),
        cmocka_unit_test(without_tls_octets_are_what_they_are),
        cmocka_unit_test(a_connection_is_tls_or_plain_and_says_which),
        cmocka_unit_test(nothing_that_listens_is_unreachable),
        cmocka_unit_test(a_fixed_address_that_is_none_is_unreachable),
        cmocka_unit_test(a_name_that_cannot_be_resolved_is_unreachable),
        cmocka_unit_test(silence_ends_at_the_deadline),
        cmocka_unit_test(nothing_follows_a_failure),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
