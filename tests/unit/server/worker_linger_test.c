/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/env.h"
#include "server/worker/linger.h"

static struct event_base *base;
static struct fr_lingerers *l;
static int peer, own, n_empty;

static void on_empty(void *arg)
{
    (void)arg;
    n_empty++;
}

static int open_pair(void **state)
{
    int pair[2];

    (void)state;
    n_empty = 0;
    base = event_base_new();
    l = fr_lingerers_new(base, on_empty, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    peer = pair[0];
    own = pair[1];
    fcntl(own, F_SETFL, O_NONBLOCK);
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    if (l)
        fr_lingerers_free(l);
    event_base_free(base);
    close(peer);
    return 0;
}

static void turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static void the_last_word_arrives_and_then_the_end(void **state)
{
    char got[8] = "";

    (void)state;
    assert_int_equal(write(own, "alert", 5), 5);
    fr_linger(l, own);
    close(own);
    assert_int_equal(write(peer, "late", 4), 4); /* no reset: somebody still reads */
    turn();
    assert_int_equal(read(peer, got, sizeof got), 5);
    assert_int_equal(read(peer, got, sizeof got), 0);
    assert_int_equal(fr_lingerers_count(l), 1);
}

static void it_ends_when_the_peer_closes(void **state)
{
    (void)state;
    fr_linger(l, own);
    close(own);
    turn();
    assert_int_equal(n_empty, 0);
    shutdown(peer, SHUT_WR);
    turn();
    assert_int_equal(fr_lingerers_count(l), 0);
    assert_int_equal(n_empty, 1);
}

/* A peer that goes on talking does not move the end. */
static void it_ends_in_time_whatever_the_peer_sends(void **state)
{
    int64_t start = fr_mono_ms(&fr_env_system);

    (void)state;
    fr_linger(l, own);
    close(own);
    while (fr_lingerers_count(l) > 0) {
        (void)send(peer, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        event_base_loop(base, EVLOOP_ONCE);
        assert_true(fr_mono_ms(&fr_env_system) - start < 10 * FR_LINGER_MS);
    }
    turn();
    assert_int_equal(fr_lingerers_count(l), 0);
    /* libevent looks at its clock once a turn */
    assert_true(fr_mono_ms(&fr_env_system) - start >= FR_LINGER_MS - 50);
}

static void there_are_so_many_and_no_more(void **state)
{
    (void)state;
    for (int i = 0; i < FR_LINGER_MAX + 5; i++)
        fr_linger(l, own);
    assert_int_equal(fr_lingerers_count(l), FR_LINGER_MAX);
    close(own);
}

static void freeing_closes_all_and_tells_nobody(void **state)
{
    char octet;

    (void)state;
    fr_linger(l, own);
    close(own);
    fr_lingerers_free(l);
    l = NULL;
    assert_int_equal(read(peer, &octet, 1), 0);
    assert_int_equal(send(peer, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(n_empty, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)
    const struct CMUnitTest tests[] = {
        T(the_last_word_arrives_and_then_the_end),  T(it_ends_when_the_peer_closes),
        T(it_ends_in_time_whatever_the_peer_sends), T(there_are_so_many_and_no_more),
        T(freeing_closes_all_and_tells_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
