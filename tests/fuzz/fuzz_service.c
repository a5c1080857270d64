/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handlers of a worker: any requests of one connection, and any replies of the
 * vault (which is at the other end of a real line). The first octet picks the service;
 * then each piece is a request (even octet before it) or what the vault says (odd: a
 * whole message; $ in place of its id is the id that was asked by). Every answer has a
 * status, and no answer but a fetch's has key material in it.
 */
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake/env.h"
#include "fuzz.h"
#include "server/discovery/discovery.h"
#include "server/fetch/fetch.h"
#include "server/mef/mef.h"

enum { PIECES_MAX = 32 };

struct world {
    const struct fr_service *service;
    struct fr_fake_env env;
    struct fr_server_config config;
    struct fr_worker_context worker;
    struct fr_client client;
    struct fr_request *request;
    struct fr_exchange exchange;
    void *session;
    int vault_fd;
    uint32_t last_id;
    bool answered;
};

static void done(struct fr_exchange *x, void *arg)
{
    struct world *w = arg;

    FUZZ_ASSERT(x->status >= 200 && x->status < 600);
    if ((x->status >= 500 && fuzz_denied() == FUZZ_DENIED_ONCE) ||
        (x->status >= 400 && fuzz_denied() == FUZZ_DENIED_ALL))
        fuzz_code(FR_ENOMEM);
    fuzz_saw_number((uint64_t)x->status);
    w->answered = true;
}

static void turn(struct world *w)
{
    event_base_loop(w->worker.base, EVLOOP_NONBLOCK);
}

/* What the worker asks: only its id is of interest, and that it may ask it. */
static void hear(struct world *w)
{
    static uint8_t octets[FR_MSG_MAX];
    struct fr_slice in;
    struct fr_msg m;
    size_t used;
    ssize_t n;

    turn(w);
    n = recv(w->vault_fd, octets, sizeof octets, MSG_DONTWAIT);
    in = fr_slice_of(octets, n > 0 ? (size_t)n : 0);
    while (fr_msg_decode(in, &m, &used, NULL) == FR_OK) {
        FUZZ_ASSERT(fr_msg_is_allowed(m.type, w->worker.type));
        if (m.id)
            w->last_id = m.id;
        in = fr_slice_of(in.data + used, in.len - used);
    }
    FUZZ_ASSERT(in.len == 0);
}

static void say(struct world *w, struct fr_slice piece)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_MSG_MAX + 64);
    struct fr_msg m;
    size_t used;

    if (fr_msg_decode(piece, &m, &used, NULL) == FR_OK && m.type == FR_MSG_REPLY) {
        if (m.id == '$')
            m.id = w->last_id;
        if (!FUZZ_MUST(fr_msg_encode(&m, &out, NULL)))
            return;
        piece = fr_buf_view(&out);
    }
    (void)send(w->vault_fd, piece.data, piece.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    turn(w);
}

static void ask(struct world *w, struct fr_slice piece)
{
    struct fr_exchange *x = &w->exchange;
    size_t used;

    fr_request_reset(w->request);
    fr_exchange_reset(x);
    w->answered = false;
    if (fuzz_code(fr_request_feed(w->request, piece, &used, NULL)) != FR_OK ||
        !fr_request_is_complete(w->request))
        return;
    x->request = w->request;
    x->worker = &w->worker;
    x->client = &w->client;
    x->session = w->session;
    x->done = done;
    x->done_arg = w;
    fr_exchange_run(x, w->service);
    hear(w);
}

static void talk(struct world *w, struct fr_cursor *tape)
{
    for (int i = 0; i < PIECES_MAX && tape->left > 0; i++) {
        bool is_vault = fr_take_u8(tape) & 1;
        struct fr_slice piece = fuzz_take_piece(tape);

        if (is_vault)
            say(w, piece);
        else if (!w->exchange.call)
            ask(w, piece);
    }
}

static bool open_line(struct world *w)
{
    static const struct fr_vaultlink_hooks hooks;
    int pair[2];

    FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    w->vault_fd = pair[0];
    if (FUZZ_MUST(
            fr_vaultlink_new(w->worker.base, pair[1], &hooks, &w->worker.vault, NULL)))
        return true;
    close(pair[1]);
    return false;
}

static bool open_world(struct world *w)
{
    static const uint8_t exported[FR_EXPORT_LEN] = {1, 2, 3};
    struct fr_peer *peer = &w->client.peer;

    fr_fake_env_init(&w->env, 7);
    w->env.wall_s = 1795490000; /* 2026-11-24 */
    strcpy(w->config.mef_fqdn, "mef.example.com");
    w->config.mef_base = "/mefbase";
    w->config.expiry_max_s = 365 * 86400;
    w->worker.config = &w->config;
    w->worker.env = &w->env.env;
    peer->kind = FR_PEER_CERTIFICATE;
    memset(peer->anchor, 'a', FR_ANCHOR_HEX);
    peer->n_sans = 1;
    strcpy(peer->sans[0].value, "dev1.example.com");
    strcpy(w->client.address, "192.0.2.1");
    return open_line(w) &&
           FUZZ_MUST(
               fr_secret_from(exported, sizeof exported, &w->client.exported, NULL)) &&
           (!w->service->start || FUZZ_MUST(w->service->start(&w->worker, NULL))) &&
           (!w->service->session_new ||
            FUZZ_MUST(
                w->service->session_new(&w->worker, &w->client, &w->session, NULL))) &&
           FUZZ_MUST(fr_request_new(16384, 65536, &w->request, NULL));
}

static void close_world(struct world *w)
{
    fr_exchange_clear(&w->exchange);
    if (w->session)
        w->service->session_free(w->session);
    fr_secret_free(w->client.exported);
    fr_request_free(w->request);
    if (w->service->stop && w->worker.service)
        w->service->stop(&w->worker);
    fr_vaultlink_free(w->worker.vault);
    close(w->vault_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const struct fr_service *service;
        enum fr_worker type;
    } services[] = {{&fr_service_mef, FR_WORKER_ENROL},
                    {&fr_service_fetch, FR_WORKER_FETCH},
                    {&fr_service_discovery, FR_WORKER_DISCOVERY}};
    static struct event_base *base;
    struct fr_cursor tape = fr_cursor_of(fr_slice_of(data, size));
    size_t which = fr_take_u8(&tape) % 3;
    struct world w = {.service = services[which].service,
                      .worker.type = services[which].type};

    if (!base)
        base = event_base_new();
    w.worker.base = base;
    fr_exchange_init(&w.exchange);
    w.exchange.worker = &w.worker;
    if (open_world(&w))
        talk(&w, &tape);
    close_world(&w);
    turn(&w);
    return 0;
}
