/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/net/talk.h"

#define LIMIT_MS 20000 /* of a test that hangs */

void talk_init(struct talk *t, uint16_t port)
{
    memset(t, 0, sizeof *t);
    shifted_env_init(&t->env);
    t->tls = client_tls("mef", NULL);
    t->setup =
        (struct fr_conn_setup){.env = &t->env.env,
                               .host = PEER_HOST,
                               .port = port,
                               .hosts = peer_hosts,
                               .n_hosts = 1,
                               .deadline = fr_mono_ms(&fr_env_system) + LIMIT_MS};
}

void talk_clear(struct talk *t)
{
    fr_conn_close(t->conn);
    fr_tls_free(t->tls);
}

static bool take(struct talk *t, const struct fr_conn_event *ev)
{
    struct fr_err err;

    t->last = ev->kind;
    if (ev->kind == FR_CONN_TCP)
        t->tcp = true;
    if (ev->kind == FR_CONN_CONNECTED) {
        t->connected = true;
        assert_ok(fr_conn_send(t->conn, t->to_send, &err));
    }
    if (ev->kind == FR_CONN_BYTES) {
        if (t->received == 0)
            (void)snprintf(t->first, sizeof t->first, "%.*s", (int)ev->bytes.len,
                           (const char *)ev->bytes.data);
        t->received += ev->bytes.len;
        return t->stop_after == 0 || t->received < t->stop_after;
    }
    if (ev->kind == FR_CONN_FAILED)
        t->err = *ev->err;
    return ev->kind == FR_CONN_TCP || ev->kind == FR_CONN_CONNECTED;
}

void talk_wait(struct talk *t)
{
    struct pollfd fds[FR_CONN_FDS];
    int64_t deadline;
    size_t n = fr_conn_interests(t->conn, fds, FR_CONN_FDS, &deadline);
    int64_t wait = deadline - fr_mono_ms(t->setup.env);

    assert_true(deadline <= t->setup.deadline);
    (void)poll(fds, n, wait > 0 ? (int)wait : 0);
}

void talk(struct talk *t)
{
    struct fr_conn_event ev;
    struct fr_err err;

    t->setup.tls = t->setup.is_plain ? NULL : t->tls;
    assert_ok(fr_conn_open(&t->setup, &t->conn, &err));
    for (;;) {
        ev = fr_conn_step(t->conn);
        if (ev.kind == FR_CONN_NOTHING)
            talk_wait(t);
        else if (!take(t, &ev))
            return;
    }
}

void assert_failed(const struct talk *t, enum fr_code code, const char *reason)
{
    assert_int_equal(t->last, FR_CONN_FAILED);
    assert_string_equal(t->err.reason, reason);
    assert_int_equal(t->err.code, code);
    assert_true(t->err.msg[0] != 0);
}

/* Against one peer, with what `change` makes of the client. */
void talk_to(struct talk *t, const struct peer_setup *setup,
             void (*change)(struct talk *t))
{
    struct peer p = peer_start(setup);

    talk_init(t, p.port);
    if (change)
        change(t);
    talk(t);
    peer_stop(&p);
}

void talk_hello(struct talk *t)
{
    t->to_send = fr_slice_str("hello");
    t->stop_after = 5;
    t->setup.export_keys = true;
}

void talk_megabyte(struct talk *t)
{
    static uint8_t big[FR_CONN_OUT_MAX];

    t->to_send = fr_slice_of(big, sizeof big);
    t->stop_after = sizeof big;
}
