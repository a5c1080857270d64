/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zh over GSUP: one connection to the HSS, many asks on it.
 *
 * While a connection is being made, asks wait for it; once an attempt has failed, asks
 * fail at once until the next is due. So a restart of the HSS costs nobody anything if
 * it is short, and a dead HSS holds nobody up: the device knows how to come again. What
 * was under way when a connection broke is not asked again: it fails.
 *
 * A connection on which an ask ran out of time and nothing at all was heard meanwhile
 * is given up: it is dead, or the HSS sends our answers to an older one of the same
 * name.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/log.h"
#include "server/hss/gsup.h"
#include "server/hss/zh.h"

enum {
    READ_SIZE = 4096,
    OUT_MAX = 1 << 20,
    DELAY_MIN_MS = 100,
    DELAY_MAX_MS = 5000, /* and how long a connection lives that is made anew at once */
    SLOT_BITS = 12
};
_Static_assert(FR_ZH_ASKS_MAX <= 1 << SLOT_BITS, "a session id holds its slot");

enum state { APART, CONNECTING, GREETING, UP };

struct waiting {
    TAILQ_ENTRY(waiting) link;
    bool is_used, is_resync;
    uint32_t session;
    uint64_t ticket;
    int64_t asked_ms;
    char imsi[FR_IMSI_MAX + 1];
    uint8_t rand[FR_AKA_RAND_LEN], auts[FR_AKA_AUTS_LEN];
};
TAILQ_HEAD(waiting_list, waiting);

struct gsup_zh {
    struct fr_zh super;
    struct fr_zh_config config;
    struct fr_zh_hooks hooks;
    enum state state;
    int fd;
    int64_t due_ms; /* APART: the next attempt; CONNECTING, GREETING: the last moment */
    int64_t delay_ms; /* before the attempt after the next failure */
    int64_t up_ms, heard_ms;
    bool is_known_down; /* told in the log */
    struct fr_buf in, out;
    uint32_t count;                 /* of asks: the upper part of a session id */
    struct waiting_list asks, free; /* asks: the oldest first */
    struct waiting slot[FR_ZH_ASKS_MAX];
};

static struct gsup_zh *self(struct fr_zh *zh)
{
    return (struct gsup_zh *)zh;
}

static int64_t now_ms(const struct gsup_zh *z)
{
    return fr_mono_ms(z->config.env);
}

/* --- asks */

static void end_ask(struct gsup_zh *z, struct waiting *w, enum fr_code rc,
                    struct fr_slice vector, const struct fr_err *why)
{
    uint64_t ticket = w->ticket;

    TAILQ_REMOVE(&z->asks, w, link);
    w->is_used = false;
    TAILQ_INSERT_TAIL(&z->free, w, link);
    z->hooks.answer(z->hooks.arg, ticket, rc, vector, why);
}

static void fail_ask(struct gsup_zh *z, struct waiting *w, const struct fr_err *why)
{
    end_ask(z, w, why->code, (struct fr_slice){0}, why);
}

static void fail_all(struct gsup_zh *z, const struct fr_err *why)
{
    struct waiting *w;

    while ((w = TAILQ_FIRST(&z->asks)))
        fail_ask(z, w, why);
}

static struct waiting *find(struct gsup_zh *z, const struct fr_gsup_answer *a)
{
    struct waiting *w = &z->slot[a->session % FR_ZH_ASKS_MAX];

    if (!a->has_session || !w->is_used || w->session != a->session ||
        strcmp(w->imsi, a->imsi) != 0)
        return NULL;
    return w;
}

/* --- the connection */

static void hang_up(struct gsup_zh *z)
{
    if (z->fd >= 0)
        close(z->fd);
    z->fd = -1;
    z->state = APART;
    fr_buf_clear(&z->in);
    fr_buf_clear(&z->out);
}

/* An attempt at once after a decent life; else 0.1 s, 0.2 s, ... up to 5 s. */
static void plan_next(struct gsup_zh *z, bool was_decent)
{
    uint32_t spread;

    if (was_decent) {
        z->due_ms = now_ms(z);
        z->delay_ms = DELAY_MIN_MS;
        return;
    }
    spread = fr_random_upto(z->config.env, (uint32_t)(z->delay_ms / 2));
    z->due_ms = now_ms(z) + z->delay_ms / 2 + spread;
    z->delay_ms = z->delay_ms * 2 < DELAY_MAX_MS ? z->delay_ms * 2 : DELAY_MAX_MS;
}

/* what: what happened, for the log. A device hears no address of ours. */
static void lose(struct gsup_zh *z, const char *what)
{
    bool was_decent = z->state == UP && now_ms(z) - z->up_ms >= DELAY_MAX_MS;
    struct fr_err why;

    fr_err_set(&why, FR_EUNREACHABLE, "hss-unreachable", FR_HERE,
               "the HSS cannot be reached");
    if (!z->is_known_down)
        fr_log(FR_LOG_WARN,
               "the HSS at %s: %s: see that it runs, and that hlr is its address",
               z->config.address_text, what);
    z->is_known_down = true;
    hang_up(z);
    plan_next(z, was_decent);
    fail_all(z, &why);
}

static void flush(struct gsup_zh *z)
{
    ssize_t n = send(z->fd, z->out.data, z->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0)
        fr_buf_consume(&z->out, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        lose(z, strerror(errno));
}

static void connect_now(struct gsup_zh *z)
{
    const struct sockaddr *sa = (const struct sockaddr *)&z->config.address;

    z->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    z->state = CONNECTING;
    z->due_ms = now_ms(z) + z->config.timeout_ms;
    if (z->fd < 0 ||
        (connect(z->fd, sa, z->config.address_len) != 0 && errno != EINPROGRESS))
        lose(z, strerror(errno));
}

static void see_connected(struct gsup_zh *z)
{
    int failed = 0;
    socklen_t len = sizeof failed;

    if (getsockopt(z->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
        failed = errno;
    if (failed)
        lose(z, strerror(failed));
    else
        z->state = GREETING;
}

/* --- talking */

/* False if the connection was given up for it. */
static bool send_ask(struct gsup_zh *z, const struct waiting *w)
{
    struct fr_gsup_request r = {.imsi = w->imsi, .session = w->session};
    struct fr_err err;

    if (w->is_resync) {
        r.rand = fr_slice_of(w->rand, sizeof w->rand);
        r.auts = fr_slice_of(w->auts, sizeof w->auts);
    }
    if (fr_gsup_request_encode(&r, &z->out, &err) == FR_OK)
        return true;
    lose(z, err.msg);
    return false;
}

static void greeted(struct gsup_zh *z)
{
    const struct waiting *w = TAILQ_FIRST(&z->asks);

    z->state = UP;
    z->up_ms = now_ms(z);
    if (z->is_known_down)
        fr_log(FR_LOG_INFO, "the HSS at %s answers", z->config.address_text);
    z->is_known_down = false;
    while (w && send_ask(z, w))
        w = TAILQ_NEXT(w, link);
}

static void hear_ccm(struct gsup_zh *z, struct fr_slice body)
{
    bool is_greeted = false;
    struct fr_err err;

    if (fr_ccm_answer(body, z->config.name, &z->out, &is_greeted, &err) != FR_OK)
        lose(z, err.msg);
    else if (is_greeted && z->state == GREETING)
        greeted(z);
}

static void refuse(struct gsup_zh *z, struct waiting *w, uint8_t cause)
{
    struct fr_err why;

    if (cause == FR_GSUP_IMSI_UNKNOWN && w->is_resync)
        fr_err_set(&why, FR_EREFUSED, "resync-refused", FR_HERE,
                   "the HSS refuses to resynchronise: AUTS is not of this SIM's key");
    else if (cause == FR_GSUP_IMSI_UNKNOWN)
        fr_err_set(&why, FR_EREFUSED, "subscriber-unknown", FR_HERE,
                   "the HSS does not know this IMSI, or has no keys for it");
    else
        fr_err_set(&why, FR_EREFUSED, "hss-refused", FR_HERE,
                   "the HSS refuses, cause %u (TS 24.008 10.5.5.14)", cause);
    fail_ask(z, w, &why);
}

static void refuse_2g(struct gsup_zh *z, struct waiting *w)
{
    struct fr_err why;

    fr_err_set(&why, FR_EREFUSED, "subscriber-2g", FR_HERE,
               "the HSS has keys of 2G alone for this IMSI: give it Milenage (aud3g)");
    fail_ask(z, w, &why);
}

static void hand_over(struct gsup_zh *z, struct waiting *w,
                      const struct fr_gsup_answer *a)
{
    const struct fr_slice parts[] = {a->rand, a->autn, a->ck, a->ik, a->res};
    FR_AUTO_CLEAR(buf) vector = FR_BUF_INIT_WIPE(FR_ZH_VECTOR_MAX);
    struct fr_err err;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        fr_buf_put(&vector, parts[i].data, parts[i].len);
    if (fr_buf_check(&vector, &err) != FR_OK)
        fail_ask(z, w, &err);
    else
        end_ask(z, w, FR_OK, fr_buf_view(&vector), NULL);
}

static void hear_answer(struct gsup_zh *z, struct fr_slice body)
{
    struct fr_gsup_answer a;
    struct fr_err err;
    struct waiting *w;

    if (fr_gsup_answer_decode(body, &a, &err) != FR_OK) {
        lose(z, err.msg);
        return;
    }
    if (a.kind == FR_GSUP_OTHER)
        return;
    w = find(z, &a);
    if (!w)
        fr_log(FR_LOG_WARN, "the HSS answers what nobody asks, or no longer: dropped%s",
               a.has_session ? "" : " (no session id: it must send ours back)");
    else if (a.kind == FR_GSUP_ERROR)
        refuse(z, w, a.cause);
    else if (a.kind == FR_GSUP_NO_AKA)
        refuse_2g(z, w);
    else
        hand_over(z, w, &a);
}

static void hear_all(struct gsup_zh *z)
{
    while (z->fd >= 0 && z->in.len > 0) {
        struct fr_ipa_frame frame;
        struct fr_err err;
        size_t used = 0;
        enum fr_code rc = fr_ipa_take(fr_buf_view(&z->in), &frame, &used, &err);

        if (rc == FR_ENOTFOUND)
            return;
        if (rc != FR_OK) {
            lose(z, err.msg);
            return;
        }
        if (frame.stream == FR_IPA_CCM)
            hear_ccm(z, frame.body);
        else if (frame.stream == FR_IPA_GSUP && z->state == UP)
            hear_answer(z, frame.body);
        if (z->fd >= 0)
            fr_buf_consume(&z->in, used); /* wipes */
    }
}

static void hear(struct gsup_zh *z)
{
    uint8_t *to = fr_buf_reserve(&z->in, READ_SIZE);
    ssize_t n = to ? recv(z->fd, to, READ_SIZE, MSG_DONTWAIT) : -1;

    if (n < 0 && to && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        lose(z, n == 0 ? "it has closed the connection" : strerror(errno));
        return;
    }
    z->in.len += (size_t)n;
    z->heard_ms = now_ms(z);
    hear_all(z);
}

/* --- time */

static void expire(struct gsup_zh *z)
{
    int64_t late_ms = now_ms(z) - z->config.timeout_ms;
    bool is_deaf = false;
    struct waiting *w;

    while ((w = TAILQ_FIRST(&z->asks)) && w->asked_ms <= late_ms) {
        bool is_up = z->state == UP;
        struct fr_err why;

        is_deaf |= is_up && z->heard_ms <= w->asked_ms;
        fr_err_set(&why, FR_EUNREACHABLE, is_up ? "hss-timeout" : "hss-unreachable",
                   FR_HERE, "the HSS did not answer in time");
        fail_ask(z, w, &why);
    }
    if (is_deaf)
        lose(z, "nothing is heard of it");
    else if ((z->state == CONNECTING || z->state == GREETING) && now_ms(z) >= z->due_ms)
        lose(z, z->state == CONNECTING ? "no connection in time"
                                       : "it did not ask who we are in time");
}

/* --- the interface */

static enum fr_code gsup_open(const struct fr_zh_config *config,
                              const struct fr_zh_hooks *hooks, struct fr_zh **ret,
                              struct fr_err *err)
{
    struct gsup_zh *z = calloc(1, sizeof *z);

    if (!z)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the connection to the HSS");
    z->super.method = &fr_zh_gsup;
    z->config = *config;
    z->hooks = *hooks;
    z->fd = -1;
    z->due_ms = now_ms(z);
    z->delay_ms = DELAY_MIN_MS;
    z->in = (struct fr_buf)FR_BUF_INIT_WIPE(FR_IPA_FRAME_MAX + READ_SIZE);
    z->out = (struct fr_buf)FR_BUF_INIT(OUT_MAX);
    config->env->random(config->env->ctx, &z->count, sizeof z->count);
    TAILQ_INIT(&z->asks);
    TAILQ_INIT(&z->free);
    for (size_t i = 0; i < FR_ZH_ASKS_MAX; i++)
        TAILQ_INSERT_TAIL(&z->free, &z->slot[i], link);
    *ret = (struct fr_zh *)z;
    return FR_OK;
}

static void refuse_at_once(struct gsup_zh *z, uint64_t ticket, const char *reason,
                           const char *text)
{
    struct fr_err why;

    fr_err_set(&why, FR_EUNREACHABLE, reason, FR_HERE, "the HSS %s", text);
    z->hooks.answer(z->hooks.arg, ticket, why.code, (struct fr_slice){0}, &why);
}

/* The slot that was free for longest, so that a late answer finds no new ask. */
static struct waiting *begin_ask(struct gsup_zh *z, const struct fr_zh_ask *ask)
{
    struct waiting *w = TAILQ_FIRST(&z->free);
    struct waiting made = {.is_used = true,
                           .is_resync = ask->auts.len > 0,
                           .session = z->count++ << SLOT_BITS | (uint32_t)(w - z->slot),
                           .ticket = ask->ticket,
                           .asked_ms = now_ms(z)};

    snprintf(made.imsi, sizeof made.imsi, "%s", ask->imsi);
    if (made.is_resync) {
        memcpy(made.rand, ask->rand.data, sizeof made.rand);
        memcpy(made.auts, ask->auts.data, sizeof made.auts);
    }
    TAILQ_REMOVE(&z->free, w, link);
    *w = made;
    TAILQ_INSERT_TAIL(&z->asks, w, link);
    return w;
}

static bool is_sound(const struct fr_zh_ask *ask)
{
    return fr_imsi_is_valid(ask->imsi) &&
           (ask->auts.len == 0 ||
            (ask->auts.len == FR_AKA_AUTS_LEN && ask->rand.len == FR_AKA_RAND_LEN));
}

static void gsup_ask(struct fr_zh *zh, const struct fr_zh_ask *ask)
{
    struct gsup_zh *z = self(zh);
    const struct waiting *w;
    struct fr_err why;

    if (!is_sound(ask)) {
        fr_err_set(&why, FR_EPARSE, "hss-ask", FR_HERE,
                   "an HSS is asked for an IMSI, with RAND and AUTS or without");
        z->hooks.answer(z->hooks.arg, ask->ticket, why.code, (struct fr_slice){0},
                        &why);
    } else if (TAILQ_EMPTY(&z->free)) {
        refuse_at_once(z, ask->ticket, "hss-busy", "has too much to answer");
    } else if (z->state == APART && now_ms(z) < z->due_ms) {
        refuse_at_once(z, ask->ticket, "hss-unreachable", "cannot be reached");
    } else {
        w = begin_ask(z, ask);
        if (z->state == UP && send_ask(z, w))
            flush(z);
    }
}

static void gsup_interest(const struct fr_zh *zh, struct fr_zh_interest *ret)
{
    const struct gsup_zh *z = (const struct gsup_zh *)zh;
    const struct waiting *w = TAILQ_FIRST(&z->asks);
    bool has_unsent = z->state == CONNECTING || z->out.len > 0;

    *ret = (struct fr_zh_interest){
        .fd = z->fd,
        .events = (short)(POLLIN | (has_unsent ? POLLOUT : 0)),
        .at_ms = z->state == UP ? INT64_MAX : z->due_ms,
    };
    if (w && w->asked_ms + z->config.timeout_ms < ret->at_ms)
        ret->at_ms = w->asked_ms + z->config.timeout_ms;
}

static void gsup_step(struct fr_zh *zh, short events)
{
    struct gsup_zh *z = self(zh);

    if (z->state == APART && now_ms(z) >= z->due_ms)
        connect_now(z);
    else if (z->state == CONNECTING && events)
        see_connected(z);
    else if (z->state > CONNECTING && (events & (POLLIN | POLLHUP | POLLERR)))
        hear(z);
    if (z->state > CONNECTING && z->out.len > 0)
        flush(z);
    expire(z);
}

static void gsup_close(struct fr_zh *zh)
{
    struct gsup_zh *z = self(zh);
    struct fr_err why;

    hang_up(z);
    fr_err_set(&why, FR_EUNREACHABLE, "hss-unreachable", FR_HERE,
               "the process that asks the HSS ends");
    fail_all(z, &why);
    explicit_bzero(z, sizeof *z);
    free(z);
}

const struct fr_zh_method fr_zh_gsup = {
    .name = "gsup",
    .open = gsup_open,
    .ask = gsup_ask,
    .interest = gsup_interest,
    .step = gsup_step,
    .close = gsup_close,
};
