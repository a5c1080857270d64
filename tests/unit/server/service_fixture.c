/* SPDX-License-Identifier: Apache-2.0 */
#include "service_fixture.h"

#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEARD_MAX = 1024 * 1024, PATIENCE_MS = 5000 };

static void done(struct fr_exchange *x, void *arg)
{
    struct fixture *f = arg;

    (void)x;
    f->answered = true;
}

static void wake(void *arg, const char *target_fqdn)
{
    struct fixture *f = arg;

    if (f->service->wake)
        f->service->wake(&f->worker, target_fqdn);
}

static void open_client(struct fixture *f, const char *name)
{
    uint8_t exported[FR_EXPORT_LEN];
    struct fr_peer *peer = &f->client.peer;

    for (size_t i = 0; i < sizeof exported; i++)
        exported[i] = (uint8_t)i;
    peer->kind = FR_PEER_CERTIFICATE;
    memset(peer->anchor, 'a', FR_ANCHOR_HEX);
    peer->n_sans = 1;
    peer->sans[0].type = FR_SAN_DNS;
    snprintf(peer->sans[0].value, sizeof peer->sans[0].value, "%s", name);
    memset(peer->leaf_sha256, 0x11, sizeof peer->leaf_sha256);
    strcpy(f->client.address, "192.0.2.1");
    if (f->service->exports)
        assert_int_equal(
            fr_secret_from(exported, sizeof exported, &f->client.exported, &f->err),
            FR_OK);
}

static void open_worker(struct fixture *f)
{
    struct fr_vaultlink_hooks hooks = {.wake = wake, .arg = f};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    f->vault_fd = pair[0];
    f->worker.config = &f->config;
    f->worker.env = &f->env.env;
    f->worker.base = event_base_new();
    assert_non_null(f->worker.base);
    assert_int_equal(
        fr_vaultlink_new(f->worker.base, pair[1], &hooks, &f->worker.vault, &f->err),
        FR_OK);
    if (f->service->start)
        assert_int_equal(f->service->start(&f->worker, &f->err), FR_OK);
}

void fixture_open(struct fixture *f, const struct fr_service *service, const char *name)
{
    memset(f, 0, sizeof *f);
    f->service = service;
    fr_fake_env_init(&f->env, 7);
    f->env.wall_s = 1795490000; /* 2026-11-24 */
    strcpy(f->config.mef_fqdn, "mef.example.com");
    f->config.mef_base = "/mefbase";
    f->config.expiry_max_s = 365 * 86400;
    f->in = (struct fr_buf)FR_BUF_INIT(HEARD_MAX);
    open_worker(f);
    open_client(f, name);
    if (service->session_new)
        assert_int_equal(
            service->session_new(&f->worker, &f->client, &f->session, &f->err), FR_OK);
    assert_int_equal(fr_request_new(16384, 65536, &f->request, &f->err), FR_OK);
    fr_exchange_init(&f->exchange);
}

void fixture_cut(struct fixture *f)
{
    fr_exchange_clear(&f->exchange);
    if (f->session)
        f->service->session_free(f->session);
    f->session = NULL;
}

void fixture_close(struct fixture *f)
{
    f->exchange.worker = &f->worker;
    fixture_cut(f);
    fr_secret_free(f->client.exported);
    fr_request_free(f->request);
    if (f->service->stop)
        f->service->stop(&f->worker);
    fr_vaultlink_free(f->worker.vault);
    event_base_free(f->worker.base);
    if (f->vault_fd >= 0)
        close(f->vault_fd);
    fr_buf_clear(&f->in);
}

void fixture_turn(struct fixture *f)
{
    event_base_loop(f->worker.base, EVLOOP_NONBLOCK);
}

void fixture_send(struct fixture *f, const char *method, const char *path,
                  const char *headers, const char *body)
{
    struct fr_exchange *x = &f->exchange;
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(HEARD_MAX);
    size_t used = 0;

    fr_request_reset(f->request);
    fr_exchange_reset(x);
    f->answered = false;
    fr_buf_fmt(&text, "%s %s HTTP/1.1\r\nHost: x\r\n%s", method, path,
               headers ? headers : "");
    fr_buf_fmt(&text, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0,
               body ? body : "");
    assert_int_equal(fr_request_feed(f->request, fr_buf_view(&text), &used, &f->err),
                     FR_OK);
    assert_true(fr_request_is_complete(f->request));
    x->request = f->request;
    x->worker = &f->worker;
    x->client = &f->client;
    x->session = f->session;
    x->done = done;
    x->done_arg = f;
    fr_exchange_run(x, f->service);
}

static bool read_more(struct fixture *f, int patience_ms)
{
    struct pollfd fd = {f->vault_fd, POLLIN, 0};
    uint8_t *to;
    ssize_t n;

    fixture_turn(f);
    if (poll(&fd, 1, patience_ms) != 1)
        return false;
    to = fr_buf_reserve(&f->in, 65536);
    assert_non_null(to);
    n = read(f->vault_fd, to, 65536);
    if (n > 0)
        f->in.len += (size_t)n;
    return n > 0;
}

struct fr_msg fixture_heard(struct fixture *f, enum fr_msg_type type)
{
    struct fr_msg m;

    fr_buf_consume(&f->in, f->used);
    f->used = 0;
    while (fr_msg_decode(fr_buf_view(&f->in), &m, &f->used, &f->err) != FR_OK) {
        if (!read_more(f, PATIENCE_MS))
            fail_msg("the vault was not told: %s", fr_msg_name(type));
    }
    assert_string_equal(fr_msg_name(m.type), fr_msg_name(type));
    f->last_id = m.id;
    return m;
}

void fixture_heard_nothing(struct fixture *f)
{
    fr_buf_consume(&f->in, f->used);
    f->used = 0;
    assert_int_equal(f->in.len, 0);
    assert_false(read_more(f, 0));
}

void fixture_say(struct fixture *f, struct fr_msg *reply)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT_WIPE(FR_MSG_MAX + 64);

    if (reply->type == FR_MSG_REPLY && !reply->id)
        reply->id = f->last_id;
    if (fr_msg_encode(reply, &out, &f->err) != FR_OK)
        fail_msg("the reply cannot be encoded: %s", f->err.msg);
    assert_int_equal(write(f->vault_fd, out.data, out.len), out.len);
    fixture_turn(f);
}

void fixture_say_code(struct fixture *f, enum fr_code code, const char *reason)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t storage[8];

    fr_msg_set_u8(&m, FR_F_CODE, (uint8_t)code, storage);
    if (reason) {
        fr_msg_set_str(&m, FR_F_REASON, reason);
        fr_msg_set_str(&m, FR_F_TEXT, "because the test says so");
    }
    fixture_say(f, &m);
}

void fixture_vault_dies(struct fixture *f)
{
    close(f->vault_fd);
    f->vault_fd = -1;
    fixture_turn(f);
}

const char *fixture_header(struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->exchange.n_headers; i++) {
        if (strcmp(f->exchange.header[i].name, name) == 0)
            return f->exchange.header[i].value;
    }
    return NULL;
}

void fixture_answer_is(struct fixture *f, int status, int rsc)
{
    char number[16];

    assert_true(f->answered);
    if (f->exchange.status != status)
        fail_msg("status %d instead of %d: %s", f->exchange.status, status,
                 fixture_body(f));
    snprintf(number, sizeof number, "%d", rsc);
    if (rsc)
        assert_string_equal(fixture_header(f, "X-M2M-RSC"), number);
}

const char *fixture_body(struct fixture *f)
{
    return fr_buf_cstr(&f->exchange.body);
}
