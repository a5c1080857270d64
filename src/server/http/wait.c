/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/wait.h"

#include <stdlib.h>

#include <event2/event.h>

#include "proto/mmef.h"

enum { MS = 1000, AGAIN_MS = 250, AGAIN_MAX_MS = 2000, AGAIN_PART = 8 };

static void ask(struct fr_wait *w)
{
    struct fr_exchange *x = w->exchange;

    w->ask(x);
    if (x->answered) /* by a failure */
        w->exchange = NULL;
}

static void on_timer(int fd, short what, void *arg)
{
    struct fr_wait *w = arg;

    (void)fd;
    (void)what;
    if (w->exchange)
        ask(w);
}

static void answer(struct fr_wait *w, bool yes)
{
    struct fr_exchange *x = w->exchange;
    struct fr_err err;

    w->exchange = NULL;
    if (fr_mmef_is_fetched_encode(yes, &x->body, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_answer(x, 200, 2000, FR_JSON_TYPE);
}

int64_t fr_wait_pause_ms(int64_t waited_ms, int64_t left_ms)
{
    int64_t ms = waited_ms / AGAIN_PART;

    ms = ms < AGAIN_MS ? AGAIN_MS : ms > AGAIN_MAX_MS ? AGAIN_MAX_MS : ms;
    return ms < left_ms ? ms : left_ms;
}

static void ask_again(const struct fr_wait *w, int64_t now_ms)
{
    int64_t ms = fr_wait_pause_ms(now_ms - w->since_ms, w->until_ms - now_ms);
    const struct timeval tv = {.tv_sec = ms / MS, .tv_usec = ms % MS * MS};

    event_add(w->timer, &tv);
}

void fr_wait_hear(struct fr_wait *w, const struct fr_msg *reply)
{
    struct fr_exchange *x = w->exchange;
    int64_t now_ms = fr_mono_ms(x->worker->env);
    bool fetched;
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK) {
        w->exchange = NULL;
        fr_exchange_fail(x, &err);
        return;
    }
    fetched = fr_msg_u64(reply, FR_F_FETCHED) != 0;
    if (fetched || now_ms >= w->until_ms)
        answer(w, fetched);
    else
        ask_again(w, now_ms);
}

static enum fr_code take_time(const struct fr_exchange *x, uint64_t *ret_s,
                              struct fr_err *err)
{
    struct fr_slice wait;

    *ret_s = 0;
    if (fr_request_param(x->request, "wait", &wait) &&
        !fr_uint_parse(wait, INT32_MAX, ret_s))
        return FR_FAIL(err, FR_EPARSE, "wait is a whole number of seconds");
    if (*ret_s > FR_WAIT_MAX_S)
        *ret_s = FR_WAIT_MAX_S;
    return FR_OK;
}

static enum fr_code make(struct fr_wait **w, const struct fr_exchange *x,
                         struct fr_err *err)
{
    if (!*w)
        *w = calloc(1, sizeof **w);
    if (*w && !(*w)->timer)
        (*w)->timer = evtimer_new(x->worker->base, on_timer, *w);
    if (!*w || !(*w)->timer)
        return FR_FAIL(err, FR_ENOMEM, "out of memory to wait for a target");
    return FR_OK;
}

void fr_wait_begin(struct fr_wait **w, struct fr_exchange *x,
                   void (*question)(struct fr_exchange *x))
{
    uint64_t wait_s;
    struct fr_err err;

    if (take_time(x, &wait_s, &err) != FR_OK || make(w, x, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    (*w)->exchange = x;
    (*w)->ask = question;
    (*w)->since_ms = fr_mono_ms(x->worker->env);
    (*w)->until_ms = (*w)->since_ms + (int64_t)wait_s * MS;
    ask(*w);
}

void fr_wait_free(struct fr_wait *w)
{
    if (w && w->timer)
        event_free(w->timer);
    free(w);
}
