/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admin/admin.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "model/json_text.h"

enum { RETRY_MS = 250 };

struct client {
    struct fr_admin *owner;
    struct bufferevent *bev;
    uint32_t call; /* one call at a time; further lines wait in the buffer */
    bool eof;      /* it says no more */
    bool last;     /* nothing more is heard */
    struct client *next, **at;
};

struct fr_admin {
    struct fr_admin_config config;
    struct evconnlistener *listener;
    struct event *retry; /* accepts again, when that failed */
    struct client *first;
    size_t n_clients;
    bool draining;
};

static void client_free(struct client *c)
{
    struct fr_admin *a = c->owner;

    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    fr_vaultlink_cancel(a->config.worker->vault, c->call);
    bufferevent_free(c->bev);
    free(c);
    a->n_clients--;
    if (!a->draining)
        evconnlistener_enable(a->listener);
    else if (a->n_clients == 0 && a->config.empty)
        a->config.empty(a->config.arg);
}

static void say(struct client *c, struct fr_slice line)
{
    bufferevent_write(c->bev, line.data, line.len);
    bufferevent_write(c->bev, "\n", 1);
}

static void say_failure(struct client *c, const struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_MSG_MAX);
    char words[FR_ERR_MSG_MAX];
    json_auto_t *json = NULL;

    /* A message may show a piece of what was said, cut anywhere. */
    fr_printable(fr_slice_str(err->msg), words, sizeof words);
    json = json_pack("{s:b, s:s, s:s, s:s}", "ok", 0, "code", fr_code_name(err->code),
                     "reason", err->reason, "text", words);
    if (fr_json_put(json, &text, NULL) == FR_OK)
        say(c, fr_buf_view(&text));
    else
        say(c, fr_slice_str("{\"ok\":false,\"code\":\"no-memory\"}"));
}

static void heard(void *arg, const struct fr_msg *reply)
{
    struct client *c = arg;
    struct fr_err err;

    c->call = 0;
    if (reply && fr_msg_has(reply, FR_F_JSON))
        say(c, reply->field[FR_F_JSON]); /* success or not: the whole line */
    else if (fr_vaultlink_result(reply, &err) != FR_OK)
        say_failure(c, &err);
    else
        say(c, fr_slice_str("{\"ok\":true}"));
}

static enum fr_code check(const char *line, size_t len, json_t **ret,
                          struct fr_err *err)
{
    json_error_t where;
    json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);

    if (json_is_object(json) && json_is_string(json_object_get(json, "op"))) {
        *ret = json;
        return FR_OK;
    }
    if (!json)
        return FR_FAIL(err, FR_EPARSE, "the line is no JSON: column %d: %s",
                       where.column, where.text);
    json_decref(json);
    return FR_FAIL(err, FR_EPARSE, "a call is a JSON object with a member \"op\"");
}

static enum fr_code ask(struct client *c, const char *line, size_t len,
                        struct fr_err *err)
{
    json_auto_t *json = NULL;
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = {.type = FR_MSG_ADMIN};

    FR_TRY(check(line, len, &json, err));
    FR_TRY(fr_json_put(json, &text, err));
    fr_msg_set(&m, FR_F_JSON, fr_buf_view(&text));
    return fr_vaultlink_call(c->owner->config.worker->vault, &m, heard, c, &c->call,
                             err);
}

static void too_long(struct client *c)
{
    struct fr_err err;

    (void)FR_FAIL(&err, FR_ELIMIT, "a call has at most %zu octets", FR_ADMIN_LINE_MAX);
    say_failure(c, &err);
    c->last = true;
    bufferevent_disable(c->bev, EV_READ);
}

static void take_line(struct client *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct fr_err err;

    while (!c->call && !c->last) {
        size_t len = 0;
        char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);

        if (!line) {
            if (evbuffer_get_length(in) >= FR_ADMIN_LINE_MAX)
                too_long(c);
            return;
        }
        if (ask(c, line, len, &err) != FR_OK)
            say_failure(c, &err);
        free(line);
    }
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    take_line(arg);
}

static bool is_silent(const struct client *c)
{
    return !c->call && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
}

/* The answer is out: the next line, or the end. */
static void on_write(struct bufferevent *bev, void *arg)
{
    struct client *c = arg;

    (void)bev;
    if (!c->owner->draining)
        take_line(c);
    if (is_silent(c) && (c->last || c->eof || c->owner->draining))
        client_free(c);
}

/* A client that has shut its write side still gets the answers to its calls. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct client *c = arg;

    (void)bev;
    c->eof = true;
    if (!(what & BEV_EVENT_EOF) || is_silent(c))
        client_free(c);
}

static bool is_operator(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof cred;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
           (cred.uid == 0 || cred.uid == geteuid());
}

static bool client_new(struct fr_admin *a, int fd)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c)
        return false;
    c->bev = bufferevent_socket_new(a->config.worker->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!c->bev) {
        free(c);
        return false;
    }
    c->owner = a;
    c->next = a->first;
    c->at = &a->first;
    if (c->next)
        c->next->at = &c->next;
    a->first = c;
    a->n_clients++;
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, FR_ADMIN_LINE_MAX);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    return true;
}

static void on_accept(struct evconnlistener *listener, int fd, struct sockaddr *sa,
                      int len, void *arg)
{
    struct fr_admin *a = arg;

    (void)sa;
    (void)len;
    if (!is_operator(fd)) {
        fr_log(FR_LOG_WARN, "admin socket: a caller that is not the operator");
        close(fd);
    } else if (!client_new(a, fd)) {
        close(fd);
    } else if (a->n_clients >= FR_ADMIN_CLIENTS_MAX) {
        evconnlistener_disable(listener);
    }
}

/* Without descriptors the socket stays readable. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct fr_admin *a = arg;
    struct timeval soon = {0, RETRY_MS * 1000L};

    evconnlistener_disable(listener);
    event_add(a->retry, &soon);
}

static void on_retry(int fd, short what, void *arg)
{
    struct fr_admin *a = arg;

    (void)fd;
    (void)what;
    if (!a->draining && a->n_clients < FR_ADMIN_CLIENTS_MAX)
        evconnlistener_enable(a->listener);
}

enum fr_code fr_admin_new(const struct fr_admin_config *config, struct fr_admin **ret,
                          struct fr_err *err)
{
    struct fr_admin *a = calloc(1, sizeof *a);

    if (!a)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the admin socket");
    a->config = *config;
    a->listener = evconnlistener_new(config->worker->base, on_accept, a,
                                     LEV_OPT_CLOSE_ON_EXEC, 0, config->listen_fd);
    a->retry = evtimer_new(config->worker->base, on_retry, a);
    if (!a->listener || !a->retry) {
        fr_admin_free(a);
        return FR_FAIL(err, FR_EINTERNAL, "listening on the admin socket failed");
    }
    evconnlistener_set_error_cb(a->listener, on_accept_error);
    *ret = a;
    return FR_OK;
}

void fr_admin_free(struct fr_admin *a)
{
    if (!a)
        return;
    a->config.empty = NULL;
    a->draining = true;
    for (struct client *c = a->first, *next; c; c = next) {
        next = c->next;
        client_free(c);
    }
    if (a->listener)
        evconnlistener_free(a->listener);
    if (a->retry)
        event_free(a->retry);
    free(a);
}

void fr_admin_drain(struct fr_admin *a)
{
    struct client *next;

    a->draining = true;
    evconnlistener_disable(a->listener);
    for (struct client *c = a->first; c; c = next) {
        next = c->next;
        if (is_silent(c))
            client_free(c);
    }
    if (a->n_clients == 0 && a->config.empty)
        a->config.empty(a->config.arg);
}
