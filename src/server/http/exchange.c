/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/exchange.h"

#include <stdio.h>
#include <string.h>

#include "proto/mmef.h"

enum {
    ANSWER_MAX = FR_MSG_MAX,
    PEER_MAX = 8192,
    RI_MAX = 128,
    RETRY_AFTER_S = 2,
    MORE_MAX = 8192
};

void fr_exchange_init(struct fr_exchange *x)
{
    memset(x, 0, sizeof *x);
    x->body = (struct fr_buf)FR_BUF_INIT_WIPE(ANSWER_MAX);
    x->more = (struct fr_buf)FR_BUF_INIT(MORE_MAX);
    x->peer = (struct fr_buf)FR_BUF_INIT(PEER_MAX);
}

void fr_exchange_reset(struct fr_exchange *x)
{
    fr_buf_clear(&x->body);
    fr_buf_clear(&x->more);
    x->n_headers = 0;
    x->status = 0;
    x->answered = false;
    x->call = 0;
    x->next = NULL;
    memset(&x->match, 0, sizeof x->match);
}

void fr_exchange_clear(struct fr_exchange *x)
{
    if (x->call)
        fr_vaultlink_cancel(x->worker->vault, x->call);
    fr_exchange_reset(x);
    fr_buf_clear(&x->peer);
}

static void handle(struct fr_exchange *x, const struct fr_service *service)
{
    struct fr_err err;

    if (service->admit && service->admit(x, &err) != FR_OK)
        fr_exchange_refuse(x, &err);
    else
        x->match.route->handle(x);
}

void fr_exchange_run(struct fr_exchange *x, const struct fr_service *service)
{
    const char *base = service->base ? service->base(x->worker->config) : "";
    struct fr_err err;

    switch (fr_route_find(service->routes, base, fr_request_method(x->request),
                          fr_request_path(x->request), &x->match, &err)) {
    case FR_OK:
        handle(x, service);
        break;
    case FR_EUNSUPPORTED:
        fr_exchange_header(x, "Allow", x->match.allow);
        fr_exchange_fail_as(x, 405, 4005, &err); /* RSPF 9: not allowed */
        break;
    default:
        fr_exchange_fail(x, &err);
    }
}

void fr_exchange_header(struct fr_exchange *x, const char *name, const char *value)
{
    struct fr_exchange_header *h = &x->header[x->n_headers];

    if (strpbrk(value, "\r\n"))
        return;
    if (strlen(value) > FR_ID_MAX) {
        fr_buf_fmt(&x->more, "%s: %s\r\n", name, value);
        return;
    }
    if (x->n_headers == FR_EXCHANGE_HEADERS_MAX)
        return;
    h->name = name;
    memcpy(h->value, value, strlen(value) + 1);
    x->n_headers++;
}

static void add_m2m_headers(struct fr_exchange *x, int rsc)
{
    const char *ri = fr_request_header(x->request, "X-M2M-RI");
    char number[16];

    if (rsc) {
        snprintf(number, sizeof number, "%d", rsc);
        fr_exchange_header(x, "X-M2M-RSC", number);
    }
    if (ri && strlen(ri) <= RI_MAX)
        fr_exchange_header(x, "X-M2M-RI", ri);
}

void fr_exchange_answer(struct fr_exchange *x, int status, int rsc, const char *type)
{
    if (x->answered)
        return;
    if (x->body.failed != FR_OK) { /* there was no memory for it */
        fr_buf_clear(&x->body);
        status = fr_code_http(FR_ENOMEM);
        rsc = rsc ? fr_code_rsc(FR_ENOMEM) : 0;
        type = NULL;
    }
    x->answered = true;
    x->status = status;
    add_m2m_headers(x, rsc);
    if (type)
        fr_exchange_header(x, "Content-Type", type);
    x->done(x, x->done_arg);
}

void fr_exchange_fail_as(struct fr_exchange *x, int status, int rsc,
                         const struct fr_err *err)
{
    struct fr_mmef_problem problem;
    struct fr_err unused;

    snprintf(problem.reason, sizeof problem.reason, "%s", err->reason);
    snprintf(problem.text, sizeof problem.text, "%s", err->msg);
    fr_buf_clear(&x->body);
    if (fr_mmef_problem_encode(&problem, &x->body, &unused) != FR_OK)
        fr_buf_clear(&x->body);
    if (status == 503) {
        char seconds[16];

        snprintf(seconds, sizeof seconds, "%d", RETRY_AFTER_S);
        fr_exchange_header(x, "Retry-After", seconds);
    }
    fr_exchange_answer(x, status, rsc, FR_JSON_TYPE);
}

/* What a codec finds wrong in a peer's message is, at a server, a bad request. */
static enum fr_code code_of(const struct fr_err *err)
{
    return err->code == FR_EINVALID ? FR_EPARSE : err->code;
}

void fr_exchange_fail(struct fr_exchange *x, const struct fr_err *err)
{
    enum fr_code code = code_of(err);

    fr_exchange_fail_as(x, fr_code_http(code), fr_code_rsc(code), err);
}

void fr_exchange_refuse(struct fr_exchange *x, const struct fr_err *err)
{
    if (err->code == FR_EREFUSED)
        fr_exchange_note(x, err);
    fr_exchange_fail(x, err);
}

struct fr_msg fr_exchange_message(struct fr_exchange *x, enum fr_msg_type type)
{
    struct fr_msg m = {.type = type};
    struct fr_err unused;

    if (x->peer.len == 0 && fr_peer_pack(&x->client->peer, &x->peer, &unused) != FR_OK)
        fr_buf_reset(&x->peer); /* the encoder refuses a message without a peer */
    if (x->peer.len)
        fr_msg_set(&m, FR_F_PEER, fr_buf_view(&x->peer));
    fr_msg_set_str(&m, FR_F_ADDRESS, x->client->address);
    return m;
}

void fr_exchange_note(struct fr_exchange *x, const struct fr_err *err)
{
    struct fr_msg m = fr_exchange_message(x, FR_MSG_NOTE);

    fr_msg_set_str(&m, FR_F_REASON, err->reason);
    fr_msg_set_str(&m, FR_F_TEXT, err->msg);
    fr_vaultlink_note(x->worker->vault, &m);
}

static void hear(void *arg, const struct fr_msg *reply)
{
    struct fr_exchange *x = arg;

    x->call = 0;
    x->next(x, reply);
}

void fr_exchange_ask(struct fr_exchange *x, struct fr_msg *m,
                     void (*next)(struct fr_exchange *x, const struct fr_msg *reply))
{
    struct fr_err err;

    x->next = next;
    if (fr_vaultlink_call(x->worker->vault, m, hear, x, &x->call, &err) != FR_OK)
        fr_exchange_fail(x, &err);
}

const char *fr_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].status == status)
            return texts[i].text;
    }
    return "Status";
}
