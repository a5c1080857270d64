/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/worker/vaultlink.h"

static struct event_base *base;
static struct fr_vaultlink *link_to;
static int vault_fd;
static struct fr_err err;

static struct {
    int n_replies, n_lost, n_wakes, n_gone;
    uint32_t last_id;
    char fqdn[FR_ID_MAX + 1];
} seen;

static void on_reply(void *arg, const struct fr_msg *reply)
{
    (void)arg;
    if (reply) {
        seen.n_replies++;
        seen.last_id = reply->id;
    } else {
        seen.n_lost++;
    }
}

static void on_wake(void *arg, const char *fqdn)
{
    (void)arg;
    seen.n_wakes++;
    snprintf(seen.fqdn, sizeof seen.fqdn, "%s", fqdn);
}

static void on_gone(void *arg)
{
    (void)arg;
    seen.n_gone++;
}

static int open_link(void **state)
{
    struct fr_vaultlink_hooks hooks = {on_wake, on_gone, NULL};
    int pair[2];

    (void)state;
    memset(&seen, 0, sizeof seen);
    base = event_base_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    vault_fd = pair[0];
    return fr_vaultlink_new(base, pair[1], &hooks, &link_to, &err) != FR_OK;
}

static int close_link(void **state)
{
    (void)state;
    fr_vaultlink_free(link_to);
    event_base_free(base);
    if (vault_fd >= 0)
        close(vault_fd);
    return 0;
}

static void turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static enum fr_code call(uint32_t *id)
{
    struct fr_msg m = {.type = FR_MSG_ADMIN};

    fr_msg_set_str(&m, FR_F_JSON, "{}");
    return fr_vaultlink_call(link_to, &m, on_reply, NULL, id, &err);
}

static void say(enum fr_msg_type type, uint32_t id)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(4096);
    struct fr_msg m = {.type = type, .id = id};
    uint8_t code[8];

    if (type == FR_MSG_WAKE)
        fr_msg_set_str(&m, FR_F_TARGET_FQDN, "broker.example.com");
    else
        fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    assert_ok(fr_msg_encode(&m, &out, &err));
    assert_int_equal(write(vault_fd, out.data, out.len), out.len);
}

static void vault_dies(void)
{
    close(vault_fd);
    vault_fd = -1;
    turn();
}

static void replies_find_their_requests_in_any_order(void **state)
{
    uint32_t a = 0, b = 0;

    (void)state;
    assert_ok(call(&a));
    assert_ok(call(&b));
    assert_int_not_equal(a, b);
    say(FR_MSG_REPLY, b);
    turn();
    assert_int_equal(seen.last_id, b);
    say(FR_MSG_REPLY, a);
    turn();
    assert_int_equal(seen.last_id, a);
    assert_int_equal(seen.n_replies, 2);
}

static void what_is_sent_arrives_whole(void **state)
{
    uint8_t octets[512];
    struct fr_msg m;
    size_t used = 0;
    uint32_t id = 0;
    ssize_t n;

    (void)state;
    assert_ok(call(&id));
    n = read(vault_fd, octets, sizeof octets);
    assert_true(n > 0);
    assert_ok(fr_msg_decode(fr_slice_of(octets, (size_t)n), &m, &used, &err));
    assert_int_equal(used, n);
    assert_int_equal(m.id, id);
    assert_int_equal(m.type, FR_MSG_ADMIN);
}

static void a_reply_in_pieces_is_put_together(void **state)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(4096);
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    (void)state;
    assert_ok(call(&m.id));
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    assert_ok(fr_msg_encode(&m, &out, &err));
    for (size_t i = 0; i < out.len; i++) {
        assert_int_equal(seen.n_replies, 0);
        assert_int_equal(write(vault_fd, out.data + i, 1), 1);
        turn();
    }
    assert_int_equal(seen.n_replies, 1);
}

static void a_cancelled_call_hears_nothing(void **state)
{
    uint32_t id = 0;

    (void)state;
    assert_ok(call(&id));
    fr_vaultlink_cancel(link_to, id);
    say(FR_MSG_REPLY, id);
    turn();
    assert_int_equal(seen.n_replies + seen.n_lost, 0);
    assert_true(fr_vaultlink_is_up(link_to));
}

static void a_reply_that_nobody_waits_for_is_ignored(void **state)
{
    uint32_t id = 0;

    (void)state;
    say(FR_MSG_REPLY, 12345);
    turn();
    assert_true(fr_vaultlink_is_up(link_to));
    assert_ok(call(&id));
    say(FR_MSG_REPLY, id);
    turn();
    assert_int_equal(seen.n_replies, 1);
}

static void wakes_are_passed_on(void **state)
{
    (void)state;
    say(FR_MSG_WAKE, 0);
    turn();
    assert_int_equal(seen.n_wakes, 1);
    assert_string_equal(seen.fqdn, "broker.example.com");
}

static void when_the_vault_dies_all_who_wait_hear_it_once(void **state)
{
    uint32_t id = 0;

    (void)state;
    assert_ok(call(&id));
    assert_ok(call(&id));
    vault_dies();
    assert_int_equal(seen.n_lost, 2);
    assert_int_equal(seen.n_gone, 1);
    assert_false(fr_vaultlink_is_up(link_to));
    assert_fails_as(call(&id), FR_EUNREACHABLE, "vault-gone");
}

static void replies_before_its_death_still_count(void **state)
{
    uint32_t id = 0;

    (void)state;
    assert_ok(call(&id));
    say(FR_MSG_REPLY, id);
    vault_dies();
    turn();
    assert_int_equal(seen.n_replies, 1);
    assert_int_equal(seen.n_lost, 0);
}

static void a_malformed_vault_is_left(void **state)
{
    uint32_t id = 0;

    (void)state;
    assert_ok(call(&id));
    assert_int_equal(write(vault_fd, "\xff\xff\xff\xff\xff\xff", 6), 6);
    turn();
    assert_int_equal(seen.n_lost, 1);
    assert_int_equal(seen.n_gone, 1);
}

static void the_queue_is_bounded(void **state)
{
    uint32_t id = 0;
    int n = 0;

    (void)state;
    while (n <= FR_VAULTLINK_WAITING_MAX && call(&id) == FR_OK)
        n++;
    assert_int_equal(n, FR_VAULTLINK_WAITING_MAX);
    assert_fails(call(&id), FR_EBUSY);
}

/* A vault that does not read: what the socket does not take waits, and then goes. */
static void a_slow_vault_gets_everything_in_the_end(void **state)
{
    uint8_t octets[65536];
    size_t total = 0;
    uint32_t id = 0;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct fr_msg m = {.type = FR_MSG_ADMIN};
        char json[200];

        memset(json, ' ', sizeof json - 1);
        json[sizeof json - 1] = 0;
        fr_msg_set_str(&m, FR_F_JSON, json);
        assert_ok(fr_vaultlink_call(link_to, &m, on_reply, NULL, &id, &err));
        total += 4 + 6 + 5 + sizeof json - 1;
    }
    while (total > 0) {
        ssize_t n = recv(vault_fd, octets, sizeof octets, MSG_DONTWAIT);

        if (n > 0)
            total -= (size_t)n;
        else
            event_base_loop(base, EVLOOP_ONCE);
    }
    assert_int_equal(recv(vault_fd, octets, sizeof octets, MSG_DONTWAIT), -1);
}

static void a_result_has_the_vaults_code_reason_and_text(void **state)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    (void)state;
    fr_msg_set_u8(&m, FR_F_CODE, FR_EREFUSED, code);
    fr_msg_set_str(&m, FR_F_REASON, "not-listed");
    fr_msg_set_str(&m, FR_F_TEXT, "100% no");
    assert_fails_as(fr_vaultlink_result(&m, &err), FR_EREFUSED, "not-listed");
    assert_string_equal(err.msg, "100% no");
    assert_fails_as(fr_vaultlink_result(NULL, &err), FR_EUNREACHABLE, "vault-gone");
}

static void an_unknown_code_is_internal(void **state)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    (void)state;
    fr_msg_set_u8(&m, FR_F_CODE, 200, code);
    fr_msg_set_str(&m, FR_F_TEXT, "?");
    assert_fails(fr_vaultlink_result(&m, &err), FR_EINTERNAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_link, close_link)
    const struct CMUnitTest tests[] = {
        T(replies_find_their_requests_in_any_order),
        T(what_is_sent_arrives_whole),
        T(a_reply_in_pieces_is_put_together),
        T(a_cancelled_call_hears_nothing),
        T(a_reply_that_nobody_waits_for_is_ignored),
        T(wakes_are_passed_on),
        T(when_the_vault_dies_all_who_wait_hear_it_once),
        T(replies_before_its_death_still_count),
        T(a_malformed_vault_is_left),
        T(the_queue_is_bounded),
        T(a_slow_vault_gets_everything_in_the_end),
        T(a_result_has_the_vaults_code_reason_and_text),
        T(an_unknown_code_is_internal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
