/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fetch/fetch.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/gba.h"
#include "model/json_text.h"
#include "proto/mmef.h"

enum { SUID_MAX = 99, MS = 1000 };

/* A connection; at most one of its requests waits. */
struct session {
    struct fr_exchange *waiting; /* NULL: nothing is asked for */
    struct event *timer;
    uint64_t since;
    char last[FR_KEYID_MAX + 1]; /* the first part of a KeID; "": not said */
    int64_t until_ms;
    bool parked; /* waits for a wake, not for the vault */
    bool woken;  /* the feed grew while the vault was asked */
    struct feeds *feeds;
    struct session *next, **at;
};

struct feeds {
    struct session *first;
    bool draining;
};

static void ask_feed(struct session *s);

/* --- fetchCredentials */

/* RSPF 9 wants Status and ErrorString; reason and text are for our own clients. */
static void fail_fetch(struct fr_exchange *x, const struct fr_err *err)
{
    json_auto_t *json = json_pack("{s:b, s:s, s:s, s:s}", "status", 0, "errorString",
                                  err->msg, "reason", err->reason, "text", err->msg);

    fr_buf_reset(&x->body);
    if (fr_json_put(json, &x->body, NULL) != FR_OK)
        fr_buf_reset(&x->body); /* status and RSC say it too */
    fr_exchange_answer(x, fr_code_http(err->code), fr_code_rsc(err->code),
                       FR_JSON_TYPE);
}

static enum fr_code make_fetched(const struct fr_msg *reply, struct fr_buf *to,
                                 struct fr_err *err)
{
    struct fr_mmef_fetched f = {.status = true};
    enum fr_code rc = FR_OK;

    FR_TRY(fr_vaultlink_result(reply, err));
    if (!fr_msg_has(reply, FR_F_KEY))
        return FR_FAIL(err, FR_EINTERNAL, "the vault's answer has no key");
    FR_TRY(fr_secret_from(reply->field[FR_F_KEY].data, reply->field[FR_F_KEY].len,
                          &f.credential, err));
    if (fr_msg_has(reply, FR_F_UICC_KEY))
        rc = fr_secret_from(reply->field[FR_F_UICC_KEY].data,
                            reply->field[FR_F_UICC_KEY].len, &f.uicc, err);
    fr_msg_text(reply, FR_F_ENROLEE, f.enrolee, sizeof f.enrolee);
    fr_msg_text(reply, FR_F_UA, f.ua, sizeof f.ua);
    f.expires = (int64_t)fr_msg_u64(reply, FR_F_EXPIRES);
    if (rc == FR_OK)
        rc = fr_mmef_fetched_encode(&f, to, err);
    fr_mmef_fetched_clear(&f);
    return rc;
}

static void fetched(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_err err;

    if (make_fetched(reply, &x->body, &err) != FR_OK)
        fail_fetch(x, &err);
    else
        fr_exchange_answer(x, 200, 2000, FR_JSON_TYPE);
}

struct wish {
    char key_id[FR_KEYID_MAX + 1];
    uint64_t suid;
    enum fr_ua ua;
    bool has_ua;
};

/* Ks of the MEF as a NAF is what a device proves itself by: not for "http-digest". */
static enum fr_code take_ua(const struct fr_exchange *x, struct wish *w,
                            struct fr_err *err)
{
    struct fr_slice text;
    char name[16];

    w->has_ua = fr_request_param(x->request, "ua", &text);
    if (!w->has_ua)
        return FR_OK;
    snprintf(name, sizeof name, "%.*s", (int)(text.len < 16 ? text.len : 16),
             (const char *)text.data);
    if (text.len >= sizeof name || !fr_ua_by_name(name, &w->ua) ||
        w->ua == FR_UA_HTTP_DIGEST)
        return FR_FAIL_AS(err, FR_EPARSE, "ua", "ua is tls1.2, dtls1.2 or tls1.3");
    return FR_OK;
}

static enum fr_code take_wish(const struct fr_exchange *x, struct wish *w,
                              struct fr_err *err)
{
    if (!fr_keyid_any_parse(fr_slice_str(x->match.param[0]), w->key_id))
        return FR_FAIL_AS(
            err, FR_EPARSE, "key-id",
            "the first part is no KeID (32 hex digits@FQDN) and no B-TID");
    if (!fr_uint_parse(fr_slice_str(x->match.param[1]), SUID_MAX, &w->suid))
        return FR_FAIL_AS(err, FR_EPARSE, "suid", "the second part is no SUID");
    return take_ua(x, w, err);
}

static void fetch(struct fr_exchange *x)
{
    struct wish w = {0};
    uint8_t storage[8];
    struct fr_err err;

    if (take_wish(x, &w, &err) != FR_OK) {
        fail_fetch(x, &err);
        return;
    }
    struct fr_msg m = fr_exchange_message(x, FR_MSG_FETCH);
    fr_msg_set_str(&m, FR_F_KEY_ID, w.key_id);
    fr_msg_set_u8(&m, FR_F_SUID, (uint8_t)w.suid, storage);
    fr_msg_set_str(&m, FR_F_UA, w.has_ua ? fr_ua_name(w.ua) : NULL);
    fr_exchange_ask(x, &m, fetched);
}

/* --- the feed */

static int64_t wait_left_ms(const struct session *s)
{
    int64_t left = s->until_ms - fr_mono_ms(s->waiting->worker->env);

    return s->feeds->draining || left < 0 ? 0 : left;
}

static void park(struct session *s, int64_t left_ms)
{
    struct timeval tv = {left_ms / MS, (left_ms % MS) * MS};

    s->parked = true;
    event_add(s->timer, &tv);
}

static enum fr_code is_news(const struct fr_msg *reply, bool *ret, struct fr_err *err)
{
    struct fr_mmef_changes changes = {0};

    FR_TRY(fr_vaultlink_result(reply, err));
    FR_TRY(fr_mmef_changes_decode(reply->field[FR_F_JSON], &changes, err));
    *ret = changes.n > 0 || changes.reset;
    fr_mmef_changes_clear(&changes);
    return FR_OK;
}

static void answer_feed(struct session *s, struct fr_slice json)
{
    struct fr_exchange *x = s->waiting;

    s->waiting = NULL;
    fr_buf_put(&x->body, json.data, json.len);
    fr_exchange_answer(x, 200, 2000, FR_JSON_TYPE);
}

static void fed(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct session *s = x->session;
    bool news = false;
    struct fr_err err;

    if (is_news(reply, &news, &err) != FR_OK) {
        s->waiting = NULL;
        if (err.code == FR_EINVALID) /* of the vault, not of the client */
            err.code = FR_EINTERNAL;
        fr_exchange_fail(x, &err);
    } else if (news || wait_left_ms(s) == 0) {
        answer_feed(s, reply->field[FR_F_JSON]);
    } else if (s->woken) {
        ask_feed(s);
    } else {
        park(s, wait_left_ms(s));
    }
}

static void ask_feed(struct session *s)
{
    struct fr_exchange *x = s->waiting;
    struct fr_msg m = fr_exchange_message(x, FR_MSG_FEED);
    uint8_t since[8];

    event_del(s->timer);
    s->parked = s->woken = false;
    fr_msg_set_u64(&m, FR_F_SINCE, s->since, since);
    fr_msg_set_str(&m, FR_F_KEY_ID, s->last[0] ? s->last : NULL);
    fr_exchange_ask(x, &m, fed);
    if (x->answered) /* by a failure */
        s->waiting = NULL;
}

static void on_timer(int fd, short what, void *arg)
{
    struct session *s = arg;

    (void)fd;
    (void)what;
    if (s->waiting && s->parked)
        ask_feed(s);
}

static bool number_param(const struct fr_exchange *x, const char *name, uint64_t max,
                         uint64_t *ret)
{
    struct fr_slice text;

    return !fr_request_param(x->request, name, &text) || fr_uint_parse(text, max, ret);
}

static bool last_param(const struct fr_exchange *x, char to[FR_KEYID_MAX + 1])
{
    uint8_t storage[FR_KEYID_MAX + 1];
    struct fr_buf last = {.data = storage, .cap = sizeof storage, .max = FR_KEYID_MAX};
    struct fr_slice text;

    to[0] = 0;
    if (!fr_request_param(x->request, "last", &text))
        return true;
    return fr_percent_decode(text, &last) &&
           fr_keyid_first_parse(fr_buf_view(&last), to);
    return true;
}

static void feed(struct fr_exchange *x)
{
    struct session *s = x->session;
    uint64_t since = 0, wait_s = 0;
    struct fr_err err;

    if (!number_param(x, "since", INT64_MAX, &since) ||
        !number_param(x, "wait", INT32_MAX, &wait_s) || !last_param(x, s->last)) {
        (void)FR_FAIL(&err, FR_EPARSE,
                      "since and wait are whole numbers, last is the part of a "
                      "KeID before its @");
        fr_exchange_fail(x, &err);
        return;
    }
    if (wait_s > FR_FEED_WAIT_MAX_S)
        wait_s = FR_FEED_WAIT_MAX_S;
    s->since = since;
    s->until_ms = fr_mono_ms(x->worker->env) + (int64_t)wait_s * MS;
    s->waiting = x;
    ask_feed(s);
}

static void wake(struct fr_worker_context *w, const char *target_fqdn)
{
    struct feeds *feeds = w->service;
    struct session *next;

    for (struct session *s = feeds->first; s; s = next) {
        next = s->next;
        if (!s->waiting ||
            (*target_fqdn && !fr_peer_has_fqdn(&s->waiting->client->peer, target_fqdn)))
            continue;
        s->woken = true;
        if (s->parked)
            ask_feed(s);
    }
}

static void drain(struct fr_worker_context *w)
{
    struct feeds *feeds = w->service;
    struct session *next;

    feeds->draining = true;
    for (struct session *s = feeds->first; s; s = next) {
        next = s->next;
        if (s->waiting && s->parked)
            ask_feed(s);
    }
}

/* --- the service */

static enum fr_code start(struct fr_worker_context *w, struct fr_err *err)
{
    w->service = calloc(1, sizeof(struct feeds));
    if (!w->service)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the fetch service");
    return FR_OK;
}

static void stop(struct fr_worker_context *w)
{
    free(w->service);
    w->service = NULL;
}

static enum fr_code session_new(const struct fr_worker_context *w,
                                const struct fr_client *client, void **ret,
                                struct fr_err *err)
{
    struct feeds *feeds = w->service;
    struct session *s = calloc(1, sizeof *s);

    (void)client;
    if (s)
        s->timer = evtimer_new(w->base, on_timer, s);
    if (!s || !s->timer) {
        free(s);
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a session");
    }
    s->feeds = feeds;
    s->next = feeds->first;
    s->at = &feeds->first;
    if (s->next)
        s->next->at = &s->next;
    feeds->first = s;
    *ret = s;
    return FR_OK;
}

static void session_free(void *session)
{
    struct session *s = session;

    if (!s)
        return;
    *s->at = s->next;
    if (s->next)
        s->next->at = s->at;
    event_free(s->timer);
    free(s);
}

static const struct fr_route routes[] = {
    {"GET", "/fetchCredentials/{}/{}", fetch},
    {"GET", "/fieldroot/v1/credentials", feed},
    {.method = NULL},
};

const struct fr_service fr_service_fetch = {
    .name = "fetch",
    .routes = routes,
    .start = start,
    .stop = stop,
    .wake = wake,
    .drain = drain,
    .session_new = session_new,
    .session_free = session_free,
};
