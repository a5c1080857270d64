/* SPDX-License-Identifier: Apache-2.0 */
#include "net/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fr_call {
    struct fr_call_setup setup;
    struct fr_conn *conn; /* NULL: none kept */
    struct fr_http_response *response;
    struct fr_buf request;
    bool may_repeat; /* the request is a GET */
};

static void drop(struct fr_call *c)
{
    fr_conn_close(c->conn);
    c->conn = NULL;
}

/* Until the connection has something to tell. */
static enum fr_code wait_for_event(struct fr_call *c, struct fr_conn_event *ret,
                                   struct fr_err *err)
{
    struct pollfd fds[FR_CONN_FDS + 1];
    int64_t deadline;

    for (;;) {
        *ret = fr_conn_step(c->conn);
        if (ret->kind != FR_CONN_NOTHING)
            return FR_OK;

        size_t n = fr_conn_interests(c->conn, fds, FR_CONN_FDS, &deadline);
        fds[n] = (struct pollfd){.fd = c->setup.cancel_fd, .events = POLLIN};
        int64_t wait = deadline - fr_mono_ms(c->setup.env);
        if (poll(fds, n + 1, wait > 0 ? (int)wait : 0) < 0 && errno != EINTR)
            return FR_FAIL(err, FR_EINTERNAL, "poll: %s", strerror(errno));
        if (fds[n].revents != 0)
            return FR_FAIL(err, FR_EINTERRUPTED, "stopped while talking to %s",
                           c->setup.host);
    }
}

static enum fr_code connect_to(struct fr_call *c, int64_t deadline, struct fr_err *err)
{
    struct fr_conn_setup setup = {
        .tls = c->setup.tls,
        .env = c->setup.env,
        .host = c->setup.host,
        .port = c->setup.port,
        .hosts = c->setup.hosts,
        .n_hosts = c->setup.n_hosts,
        .deadline = deadline,
    };
    struct fr_conn_event ev;

    FR_TRY(fr_conn_open(&setup, &c->conn, err));
    do {
        FR_TRY(wait_for_event(c, &ev, err));
        if (ev.kind == FR_CONN_FAILED) {
            *err = *ev.err;
            return err->code;
        }
    } while (ev.kind != FR_CONN_CONNECTED);
    return FR_OK;
}

static enum fr_code take_event(struct fr_call *c, const struct fr_conn_event *ev,
                               struct fr_err *err)
{
    size_t used;

    if (ev->kind == FR_CONN_BYTES)
        return fr_http_feed(c->response, ev->bytes, &used, err);
    if (ev->kind == FR_CONN_CLOSED)
        return fr_http_feed_end(c->response, err);
    *err = *ev->err;
    return err->code;
}

static enum fr_code exchange(struct fr_call *c, struct fr_err *err)
{
    struct fr_conn_event ev = {.kind = FR_CONN_NOTHING};

    fr_http_response_reset(c->response);
    FR_TRY(fr_conn_send(c->conn, fr_buf_view(&c->request), err));
    while (!fr_http_is_complete(c->response)) {
        FR_TRY(wait_for_event(c, &ev, err));
        FR_TRY(take_event(c, &ev, err));
    }
    if (!fr_http_keeps_alive(c->response) || ev.kind == FR_CONN_CLOSED)
        drop(c);
    return FR_OK;
}

/* A kept connection may have died of age: then, and only if no octet of an answer came,
 * a GET is made again on a new one. */
static enum fr_code attempt(struct fr_call *c, int64_t deadline, struct fr_err *err)
{
    if (c->conn) {
        fr_conn_set_deadline(c->conn, deadline);
        enum fr_code rc = exchange(c, err);
        if (rc != FR_EUNREACHABLE || !c->may_repeat || fr_http_has_begun(c->response) ||
            fr_mono_ms(c->setup.env) >= deadline)
            return rc;
        drop(c);
    }
    FR_TRY(connect_to(c, deadline, err));
    return exchange(c, err);
}

enum fr_code fr_call_new(const struct fr_call_setup *setup, struct fr_call **ret,
                         struct fr_err *err)
{
    FR_AUTO(call) *c = calloc(1, sizeof *c);

    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "no memory for an HTTPS client");
    c->setup = *setup;
    c->request = (struct fr_buf)FR_BUF_INIT_WIPE(FR_CONN_OUT_MAX);
    FR_TRY(fr_http_response_new(setup->body_max, &c->response, err));
    *ret = FR_TAKE(c);
    return FR_OK;
}

void fr_call_free(struct fr_call *c)
{
    if (!c)
        return;
    drop(c);
    fr_http_response_free(c->response);
    fr_buf_clear(&c->request);
    free(c);
}

enum fr_code fr_call_run(struct fr_call *c, const struct fr_http_request *req,
                         int64_t timeout_ms, const struct fr_http_response **ret,
                         struct fr_err *err)
{
    struct fr_http_request full = *req;
    struct fr_err local;

    if (!err)
        err = &local;
    full.host = c->setup.host;
    full.port = c->setup.port;
    c->may_repeat = strcmp(req->method, "GET") == 0;
    fr_buf_reset(&c->request);
    FR_TRY(fr_http_write(&full, &c->request, err));

    enum fr_code rc = attempt(c, fr_mono_ms(c->setup.env) + timeout_ms, err);
    if (rc != FR_OK) {
        drop(c);
        return rc;
    }
    *ret = c->response;
    return FR_OK;
}
