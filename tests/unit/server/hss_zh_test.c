/* SPDX-License-Identifier: Apache-2.0 */
/* Zh over GSUP against an HSS of our own on loopback, by a clock that is told the time.
 */
#include "test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake/env.h"
#include "server/hss/gsup.h"
#include "server/hss/zh.h"

enum { TIMEOUT_MS = 5000, PATIENCE_MS = 10000 };
#define IMSI  "262420000000001"
#define OTHER "262420000000002"

static struct fr_err err;
static struct fr_fake_env env;
static struct fr_zh *zh;
static int listener, hlr; /* hlr: the HSS's end; -1: none */

static struct {
    int n;
    uint64_t ticket;
    enum fr_code rc;
    char reason[FR_ERR_REASON_MAX];
    uint8_t vector[FR_ZH_VECTOR_MAX];
    size_t len;
} seen;

static void on_answer(void *arg, uint64_t ticket, enum fr_code rc,
                      struct fr_slice vector, const struct fr_err *why)
{
    (void)arg;
    seen.n++;
    seen.ticket = ticket;
    seen.rc = rc;
    seen.reason[0] = 0;
    seen.len = vector.len;
    if (vector.len)
        memcpy(seen.vector, vector.data, vector.len);
    assert_true((rc == FR_OK) == (why == NULL));
    if (why)
        snprintf(seen.reason, sizeof seen.reason, "%s", why->reason);
}

/* --- the HSS */

static void listen_again(uint16_t port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(listener, (void *)&sa, sizeof sa), 0);
    assert_int_equal(listen(listener, 8), 0);
}

static void hlr_sends(const void *data, size_t len)
{
    assert_int_equal(send(hlr, data, len, MSG_NOSIGNAL), len);
}

static void hlr_hangs_up(void)
{
    close(hlr);
    hlr = -1;
}

/* What is there, or what comes: one step. */
static void turn(void)
{
    struct fr_zh_interest i;

    zh->method->interest(zh, &i);
    if (i.fd >= 0) {
        struct pollfd p = {.fd = i.fd, .events = i.events};

        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        zh->method->step(zh, p.revents);
    } else {
        zh->method->step(zh, 0);
    }
}

static void tick(int64_t ms)
{
    fr_fake_env_advance(&env, ms);
    zh->method->step(zh, 0);
}

/* The next frame; its body to[]. */
static size_t hlr_reads(uint8_t to[FR_IPA_BODY_MAX])
{
    uint8_t head[3];
    size_t len;

    assert_int_equal(recv(hlr, head, 3, MSG_WAITALL), 3);
    len = (size_t)head[0] << 8 | head[1];
    assert_int_equal(recv(hlr, to, len, MSG_WAITALL), len);
    return len;
}

static void hlr_accepts(void)
{
    hlr = accept(listener, NULL, NULL);
    assert_true(hlr >= 0);
    turn(); /* connected */
}

static void hlr_greets(void)
{
    uint8_t body[FR_IPA_BODY_MAX];

    hlr_sends("\0\2\xfe\4\0", 5);
    turn();
    hlr_reads(body);
    assert_int_equal(body[0], 5);
}

static void connect_all(void)
{
    turn();
    hlr_accepts();
    hlr_greets();
}

struct asked {
    uint32_t session;
    uint8_t imsi[8];
    bool is_resync;
};

static struct asked hlr_is_asked(void)
{
    uint8_t b[FR_IPA_BODY_MAX];
    struct asked a = {0};
    size_t len = hlr_reads(b);

    assert_int_equal(b[1], 8);
    memcpy(a.imsi, b + 4, 8);
    assert_int_equal(b[12], 0x30);
    a.session =
        (uint32_t)b[14] << 24 | (uint32_t)b[15] << 16 | (uint32_t)b[16] << 8 | b[17];
    a.is_resync = len > 40;
    return a;
}

static void put(struct fr_buf *b, uint8_t tag, const void *value, size_t len)
{
    fr_buf_u8(b, tag);
    fr_buf_u8(b, (uint8_t)len);
    fr_buf_put(b, value, len);
}

static void put_tuple(struct fr_buf *b, struct fr_slice res)
{
    fr_buf_u8(b, 3);
    fr_buf_u8(b, (uint8_t)(4 * 18 + 2 + res.len));
    put(b, 0x20, "RRRRRRRRRRRRRRRR", 16);
    put(b, 0x23, "IIIIIIIIIIIIIIII", 16);
    put(b, 0x24, "CCCCCCCCCCCCCCCC", 16);
    put(b, 0x25, "AAAAAAAAAAAAAAAA", 16);
    put(b, 0x27, res.data, res.len);
}

static void put_session(struct fr_buf *b, uint32_t session)
{
    fr_buf_u8(b, 0x30);
    fr_buf_u8(b, 4);
    fr_buf_u32(b, session);
}

static void begin_gsup(struct fr_buf *b)
{
    fr_buf_u16(b, 0);
    fr_buf_u8(b, 0xee);
    fr_buf_u8(b, 5);
}

static void send_gsup(struct fr_buf *b)
{
    b->data[1] = (uint8_t)(b->len - 3);
    hlr_sends(b->data, b->len);
}

static void hlr_answers_with(const struct asked *a, struct fr_slice res)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(512);

    begin_gsup(&b);
    fr_buf_u8(&b, 10);
    put(&b, 1, a->imsi, 8);
    put_tuple(&b, res);
    put_session(&b, a->session);
    send_gsup(&b);
}

static void hlr_answers(const struct asked *a)
{
    hlr_answers_with(a, fr_slice_str("RES!"));
}

static void hlr_refuses(const struct asked *a, uint8_t cause)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(512);

    begin_gsup(&b);
    fr_buf_u8(&b, 9);
    put(&b, 1, a->imsi, 8);
    put(&b, 2, &cause, 1);
    put_session(&b, a->session);
    send_gsup(&b);
}

/* --- us */

static void ask(uint64_t ticket, const char *imsi)
{
    const struct fr_zh_ask a = {.ticket = ticket, .imsi = imsi};

    zh->method->ask(zh, &a);
}

static void saw(int n, uint64_t ticket, enum fr_code rc, const char *reason)
{
    assert_int_equal(seen.n, n);
    assert_int_equal(seen.ticket, ticket);
    assert_int_equal(seen.rc, rc);
    assert_string_equal(seen.reason, reason);
    assert_int_equal(seen.len > 0, rc == FR_OK);
}

static int open_zh(void **state)
{
    const struct fr_zh_hooks hooks = {on_answer, NULL};
    struct fr_zh_config c = {.address_text = "the test's",
                             .name = "bsf",
                             .timeout_ms = TIMEOUT_MS,
                             .env = &env.env,
                             .address_len = sizeof(struct sockaddr_in)};
    socklen_t len = sizeof c.address;

    (void)state;
    memset(&seen, 0, sizeof seen);
    fr_fake_env_init(&env, 1);
    hlr = -1;
    listen_again(0);
    assert_int_equal(getsockname(listener, (void *)&c.address, &len), 0);
    return fr_zh_gsup.open(&c, &hooks, &zh, &err) != FR_OK;
}

static int close_zh(void **state)
{
    (void)state;
    if (zh)
        zh->method->close(zh);
    close(listener);
    if (hlr >= 0)
        close(hlr);
    return 0;
}

static void an_ask_is_answered_by_a_vector(void **state)
{
    struct asked a;

    (void)state;
    connect_all();
    ask(7, IMSI);
    a = hlr_is_asked();
    assert_false(a.is_resync);
    hlr_answers(&a);
    turn();
    saw(1, 7, FR_OK, "");
    assert_int_equal(seen.len, FR_ZH_VECTOR_HEAD + 4);
    assert_memory_equal(
        seen.vector,
        "RRRRRRRRRRRRRRRRAAAAAAAAAAAAAAAACCCCCCCCCCCCCCCCIIIIIIIIIIIIIIIIRES!",
        seen.len);
}

static void res_of_16_octets_with_nul_comes_through(void **state)
{
    const uint8_t res[16] = {0, 1, 0, 0, 9};
    struct asked a;

    (void)state;
    connect_all();
    ask(7, IMSI);
    a = hlr_is_asked();
    hlr_answers_with(&a, fr_slice_of(res, sizeof res));
    turn();
    saw(1, 7, FR_OK, "");
    assert_int_equal(seen.len, FR_ZH_VECTOR_MAX);
    assert_memory_equal(seen.vector + FR_ZH_VECTOR_HEAD, res, sizeof res);
}

static void an_ask_waits_for_the_connection_that_is_being_made(void **state)
{
    struct asked a;

    (void)state;
    ask(1, IMSI);
    turn();
    ask(2, OTHER);
    hlr_accepts();
    assert_int_equal(seen.n, 0);
    hlr_greets();
    a = hlr_is_asked();
    hlr_answers(&a);
    turn();
    saw(1, 1, FR_OK, "");
    a = hlr_is_asked();
    hlr_answers(&a);
    turn();
    saw(2, 2, FR_OK, "");
}

static void two_asks_for_one_subscriber_get_their_own(void **state)
{
    struct asked one, two;

    (void)state;
    connect_all();
    ask(1, IMSI);
    ask(2, IMSI);
    one = hlr_is_asked();
    two = hlr_is_asked();
    assert_int_not_equal(one.session, two.session);
    hlr_answers(&two);
    turn();
    saw(1, 2, FR_OK, "");
    hlr_answers(&one);
    turn();
    saw(2, 1, FR_OK, "");
}

static void a_late_answer_is_dropped(void **state)
{
    struct asked late, next;

    (void)state;
    connect_all();
    ask(1, IMSI);
    late = hlr_is_asked();
    tick(TIMEOUT_MS - 1);
    assert_int_equal(seen.n, 0);
    hlr_sends("\0\1\xfe\0", 4); /* a ping: it lives */
    turn();
    tick(1);
    saw(1, 1, FR_EUNREACHABLE, "hss-timeout");
    ask(2, IMSI);
    hlr_answers(&late);
    turn();
    assert_int_equal(seen.n, 1);
    assert_int_equal(hlr_reads((uint8_t[FR_IPA_BODY_MAX]){0}), 1); /* the pong */
    next = hlr_is_asked();
    hlr_answers(&next);
    turn();
    saw(2, 2, FR_OK, "");
    hlr_answers(&next); /* twice */
    turn();
    assert_int_equal(seen.n, 2);
}

static void an_answer_for_another_subscriber_is_dropped(void **state)
{
    struct asked a, wrong;

    (void)state;
    connect_all();
    ask(1, IMSI);
    a = wrong = hlr_is_asked();
    wrong.imsi[7] = 0xf2;
    hlr_answers(&wrong);
    turn();
    wrong = a;
    wrong.session ^= 0x1000;
    hlr_answers(&wrong);
    turn();
    assert_int_equal(seen.n, 0);
    hlr_answers(&a);
    turn();
    saw(1, 1, FR_OK, "");
}

static void refusals_have_their_reasons(void **state)
{
    static const uint8_t rand[FR_AKA_RAND_LEN], auts[FR_AKA_AUTS_LEN];
    const struct fr_zh_ask resync = {3, IMSI, fr_slice_of(rand, sizeof rand),
                                     fr_slice_of(auts, sizeof auts)};
    struct asked a;

    (void)state;
    connect_all();
    ask(1, IMSI);
    a = hlr_is_asked();
    hlr_refuses(&a, 2);
    turn();
    saw(1, 1, FR_EREFUSED, "subscriber-unknown");
    ask(2, IMSI);
    a = hlr_is_asked();
    hlr_refuses(&a, 17);
    turn();
    saw(2, 2, FR_EREFUSED, "hss-refused");
    zh->method->ask(zh, &resync);
    a = hlr_is_asked();
    assert_true(a.is_resync);
    hlr_refuses(&a, 2);
    turn();
    saw(3, 3, FR_EREFUSED, "resync-refused");
}

/* Of two asks on one connection, its own alone fails. */
static void a_subscriber_of_2g_alone_is_refused(void **state)
{
    static const uint8_t rand[FR_AKA_RAND_LEN] = {1}, sres[4] = {2}, kc[8] = {3};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(512), tuple = FR_BUF_INIT(256);
    struct asked first, second;

    (void)state;
    connect_all();
    ask(1, IMSI);
    first = hlr_is_asked();
    ask(2, IMSI);
    second = hlr_is_asked();
    put(&tuple, 0x20, rand, sizeof rand);
    put(&tuple, 0x21, sres, sizeof sres);
    put(&tuple, 0x22, kc, sizeof kc);
    begin_gsup(&b);
    fr_buf_u8(&b, 0x0a);
    put(&b, 0x01, first.imsi, sizeof first.imsi);
    put(&b, 0x03, tuple.data, tuple.len);
    put_session(&b, first.session);
    send_gsup(&b);
    turn();
    saw(1, 1, FR_EREFUSED, "subscriber-2g");
    hlr_answers(&second);
    turn();
    saw(2, 2, FR_OK, "");
}

static void what_is_no_subscriber_is_not_asked_for(void **state)
{
    (void)state;
    connect_all();
    ask(1, "not digits");
    saw(1, 1, FR_EPARSE, "hss-ask");
}

static void an_answer_that_is_cut_ends_what_is_under_way(void **state)
{
    struct asked a;

    (void)state;
    connect_all();
    ask(1, IMSI);
    a = hlr_is_asked();
    hlr_sends("\0\x60\xee\5\x0a\1", 6);
    turn();
    assert_int_equal(seen.n, 0);
    hlr_hangs_up();
    turn();
    saw(1, 1, FR_EUNREACHABLE, "hss-unreachable");
    (void)a;
}

static void garbage_ends_the_connection_and_the_next_works(void **state)
{
    struct asked a;

    (void)state;
    connect_all();
    ask(1, IMSI);
    a = hlr_is_asked();
    hlr_sends("GET / HTTP/1.1\r\n\r\n", 18);
    turn();
    saw(1, 1, FR_EUNREACHABLE, "hss-unreachable");
    assert_int_equal(recv(hlr, &a, 1, 0), 0);
    hlr_hangs_up();
    ask(2, IMSI); /* not now */
    saw(2, 2, FR_EUNREACHABLE, "hss-unreachable");
    fr_fake_env_advance(&env, 100);
    connect_all();
    ask(3, IMSI);
    a = hlr_is_asked();
    hlr_answers(&a);
    turn();
    saw(3, 3, FR_OK, "");
}

static void an_hss_that_is_not_there_is_said_at_once_and_asked_again(void **state)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;
    struct fr_zh_interest i;
    int64_t before = 0;

    (void)state;
    assert_int_equal(getsockname(listener, (void *)&sa, &len), 0);
    close(listener);
    for (int attempt = 0; attempt < 8; attempt++) {
        turn();
        zh->method->interest(zh, &i);
        if (i.fd >= 0)
            turn();
        zh->method->interest(zh, &i);
        assert_int_equal(i.fd, -1);
        assert_in_range(i.at_ms - env.mono_ms, 50, 5000);
        before = i.at_ms - env.mono_ms;
        ask(1, IMSI);
        saw(attempt + 1, 1, FR_EUNREACHABLE, "hss-unreachable");
        fr_fake_env_advance(&env, before);
    }
    assert_true(before > 1000);
    listen_again(ntohs(sa.sin_port));
    connect_all();
}

static void a_connection_of_a_decent_life_is_made_anew_at_once(void **state)
{
    struct asked a;

    (void)state;
    connect_all();
    fr_fake_env_advance(&env, 5000);
    hlr_hangs_up();
    turn();
    ask(1, IMSI);
    assert_int_equal(seen.n, 0);
    connect_all();
    a = hlr_is_asked();
    hlr_answers(&a);
    turn();
    saw(1, 1, FR_OK, "");
}

static void a_connection_on_which_nothing_is_heard_is_given_up(void **state)
{
    struct asked a;

    (void)state;
    connect_all();
    fr_fake_env_advance(&env, 5000);
    ask(1, IMSI);
    a = hlr_is_asked();
    tick(TIMEOUT_MS);
    saw(1, 1, FR_EUNREACHABLE, "hss-timeout");
    assert_int_equal(recv(hlr, &a, 1, 0), 0);
    hlr_hangs_up();
    connect_all();
}

static void an_hss_that_does_not_greet_is_given_up(void **state)
{
    uint8_t octet;

    (void)state;
    turn();
    hlr_accepts();
    fr_fake_env_advance(&env, 1);
    ask(1, IMSI);
    tick(TIMEOUT_MS - 1);
    saw(1, 1, FR_EUNREACHABLE, "hss-unreachable");
    assert_int_equal(recv(hlr, &octet, 1, 0), 0);
}

static void more_asks_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    turn();
    for (uint64_t t = 1; t <= FR_ZH_ASKS_MAX; t++)
        ask(t, IMSI);
    assert_int_equal(seen.n, 0);
    ask(9999, IMSI);
    saw(1, 9999, FR_EUNREACHABLE, "hss-busy");
}

static void what_waits_is_answered_at_the_end(void **state)
{
    (void)state;
    connect_all();
    ask(1, IMSI);
    ask(2, OTHER);
    zh->method->close(zh);
    zh = NULL;
    saw(2, 2, FR_EUNREACHABLE, "hss-unreachable");
}

#define ZH_TEST(f) cmocka_unit_test_setup_teardown(f, open_zh, close_zh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ZH_TEST(an_ask_is_answered_by_a_vector),
        ZH_TEST(res_of_16_octets_with_nul_comes_through),
        ZH_TEST(an_ask_waits_for_the_connection_that_is_being_made),
        ZH_TEST(two_asks_for_one_subscriber_get_their_own),
        ZH_TEST(a_late_answer_is_dropped),
        ZH_TEST(an_answer_for_another_subscriber_is_dropped),
        ZH_TEST(refusals_have_their_reasons),
        ZH_TEST(a_subscriber_of_2g_alone_is_refused),
        ZH_TEST(what_is_no_subscriber_is_not_asked_for),
        ZH_TEST(an_answer_that_is_cut_ends_what_is_under_way),
        ZH_TEST(garbage_ends_the_connection_and_the_next_works),
        ZH_TEST(an_hss_that_is_not_there_is_said_at_once_and_asked_again),
        ZH_TEST(a_connection_of_a_decent_life_is_made_anew_at_once),
        ZH_TEST(a_connection_on_which_nothing_is_heard_is_given_up),
        ZH_TEST(an_hss_that_does_not_greet_is_given_up),
        ZH_TEST(more_asks_than_there_is_room_for_are_refused),
        ZH_TEST(what_waits_is_answered_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
