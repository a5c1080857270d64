/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the target fetched its key? Our extension below symmKeyReg, for a device that
 * wants to know (`provision --wait-target`). Only the enrolee of the key is answered.
 * With wait, the answer is held for so long until it is yes: the vault is asked again
 * and again, since nothing wakes an enrol worker when a target fetches. It is asked
 * less often the longer that lasts: a thousand that wait cost 500 look-ups a second, a
 * tenth of what the vault takes from a worker.
 */
#include <stdlib.h>

#include <event2/event.h>

#include "server/mef/session.h"

enum { MS = 1000, AGAIN_MS = 250, AGAIN_MAX_MS = 2000, AGAIN_PART = 8 };

struct fr_mef_wait {
    struct fr_exchange *exchange; /* the request that waits; NULL: none does */
    struct event *timer;
    int64_t since_ms, until_ms;
};

static void ask(struct fr_exchange *x);

static void on_timer(int fd, short what, void *arg)
{
    const struct fr_mef_wait *w = arg;

    (void)fd;
    (void)what;
    if (w->exchange)
        ask(w->exchange);
}

static void answer(struct fr_exchange *x, bool yes)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    s->wait->exchange = NULL;
    if (fr_mmef_is_fetched_encode(yes, &x->body, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_answer(x, 200, 2000, FR_JSON_TYPE);
}

int64_t fr_mef_wait_pause_ms(int64_t waited_ms, int64_t left_ms)
{
    int64_t ms = waited_ms / AGAIN_PART;

    ms = ms < AGAIN_MS ? AGAIN_MS : ms > AGAIN_MAX_MS ? AGAIN_MAX_MS : ms;
    return ms < left_ms ? ms : left_ms;
}

static void ask_again(const struct fr_mef_wait *w, int64_t now_ms)
{
    int64_t ms = fr_mef_wait_pause_ms(now_ms - w->since_ms, w->until_ms - now_ms);
    const struct timeval tv = {.tv_sec = ms / MS, .tv_usec = ms % MS * MS};

    event_add(w->timer, &tv);
}

static void looked_up(struct fr_exchange *x, const struct fr_msg *reply)
{
    const struct fr_mef_session *s = x->session;
    int64_t now_ms = fr_mono_ms(x->worker->env);
    bool fetched;
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK) {
        s->wait->exchange = NULL;
        fr_exchange_fail(x, &err);
        return;
    }
    fetched = fr_msg_u64(reply, FR_F_FETCHED) != 0;
    if (fetched || now_ms >= s->wait->until_ms)
        answer(x, fetched);
    else
        ask_again(s->wait, now_ms);
}

static void ask(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;
    struct fr_msg m = fr_exchange_message(x, FR_MSG_LOOKUP);
    char key_id[FR_KEYID_MAX + 1];

    (void)fr_mef_key_id_of(x, key_id);
    fr_msg_set_str(&m, FR_F_KEY_ID, key_id);
    fr_exchange_ask(x, &m, looked_up);
    if (x->answered) /* by a failure */
        s->wait->exchange = NULL;
}

static enum fr_code begin(struct fr_exchange *x, struct fr_err *err)
{
    struct fr_mef_session *s = x->session;

    if (!s->wait)
        s->wait = calloc(1, sizeof *s->wait);
    if (s->wait && !s->wait->timer)
        s->wait->timer = evtimer_new(x->worker->base, on_timer, s->wait);
    if (!s->wait || !s->wait->timer)
        return FR_FAIL(err, FR_ENOMEM, "out of memory to wait for a target");
    s->wait->exchange = x;
    return FR_OK;
}

static enum fr_code take_request(struct fr_exchange *x, uint64_t *ret_wait_s,
                                 struct fr_err *err)
{
    char key_id[FR_KEYID_MAX + 1];
    struct fr_slice wait;

    *ret_wait_s = 0;
    if (!fr_mef_key_id_of(x, key_id))
        return FR_FAIL_AS(err, FR_ENOTFOUND, "no-such-registration",
                          "no such registration");
    if (fr_request_param(x->request, "wait", &wait) &&
        !fr_uint_parse(wait, INT32_MAX, ret_wait_s))
        return FR_FAIL(err, FR_EPARSE, "wait is a whole number of seconds");
    if (*ret_wait_s > FR_MEF_WAIT_MAX_S)
        *ret_wait_s = FR_MEF_WAIT_MAX_S;
    return begin(x, err);
}

void fr_mef_fetched(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;
    uint64_t wait_s;
    struct fr_err err;

    if (take_request(x, &wait_s, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    s->wait->since_ms = fr_mono_ms(x->worker->env);
    s->wait->until_ms = s->wait->since_ms + (int64_t)wait_s * MS;
    ask(x);
}

void fr_mef_wait_free(struct fr_mef_wait *w)
{
    if (w && w->timer)
        event_free(w->timer);
    free(w);
}
