/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault process: poll, take what all workers have waiting, commit once, answer.
 */
#include "server/vault/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

enum {
    TICK_MS = 1000,
    IDLE_MS = 60 * 1000,
    CROWD = 4,    /* messages of a batch: many devices come at once */
    GATHER_MS = 2 /* then the next batch waits for more of them */
};

/* ---- one batch ---- */

/* A full disk is told once, not with each request that meets it. */
static void complain(struct fr_loop *l, const char *doing, const struct fr_err *why)
{
    if (fr_str_equal(l->complaint, why->msg))
        return;
    snprintf(l->complaint, sizeof l->complaint, "%s", why->msg);
    fr_log(FR_LOG_ERROR, "%s: %s", doing, why->msg);
}

static void note_success(struct fr_loop *l)
{
    if (l->complaint[0] && fr_vault_grown(l->v) > 0) {
        fr_log(FR_LOG_INFO, "the database works again");
        l->complaint[0] = 0;
    }
}

/* The message that broke the rules is all that its worker gets to do. */
static enum fr_code expel(struct fr_loop *l, struct fr_loop_worker *w,
                          const struct fr_err *why, struct fr_err *err)
{
    const struct fr_said said = {.actor = "vault",
                                 .action = "worker",
                                 .subject = fr_worker_name(w->type),
                                 .decision = "refused",
                                 .reason = why->reason};

    fr_log(FR_LOG_ERROR, "%s worker closed: %s", fr_worker_name(w->type), why->msg);
    w->is_ended = w->is_expelled = true;
    return fr_vault_audit(l->v, &said, err, "worker closed: %s", why->msg);
}

static void answer(struct fr_loop_worker *w, struct fr_buf *to,
                   const struct fr_vault_reply *reply, uint32_t id)
{
    const struct fr_msg m = fr_vault_reply_view(reply, id);
    struct fr_err err = {0};

    if (fr_msg_encode(&m, to, &err) == FR_OK)
        return;
    fr_log(FR_LOG_ERROR, "%s worker closed: replying: %s", fr_worker_name(w->type),
           err.msg);
    w->is_ended = true;
}

/* True if a whole message, or what is none, waits behind the first `used` octets. */
static bool has_message(const struct fr_loop_worker *w, size_t used)
{
    struct fr_slice left;
    struct fr_msg m;
    size_t len;

    if (used == w->in.len)
        return false; /* perhaps of no octets at all, and no address */
    left = fr_slice_of(w->in.data + used, w->in.len - used);
    return fr_msg_decode(left, &m, &len, NULL) != FR_ENOTFOUND;
}

/* Takes what waits at a worker into the batch, up to where it broke the rules. */
static void take_messages(struct fr_loop *l, struct fr_loop_worker *w)
{
    struct fr_slice left = fr_buf_view(&w->in);
    enum fr_code rc = FR_OK;

    w->used = 0;
    while (l->n_taken < FR_VAULT_BATCH_MAX && rc == FR_OK) {
        struct fr_loop_taken *t = &l->taken[l->n_taken];
        size_t used;

        rc = fr_msg_decode(left, &t->m, &used, &t->why);
        if (rc != FR_OK && rc != FR_EINVALID)
            break;
        t->worker = w;
        t->is_malformed = rc == FR_EINVALID;
        t->is_too_often = rc == FR_OK && fr_vault_rate_message(&w->rates, t->m.type,
                                                               fr_mono_ms(l->v->env),
                                                               &t->why) != FR_OK;
        l->n_taken++;
        if (rc == FR_OK) {
            w->used += used;
            left = fr_slice_of(left.data + used, left.len - used);
        }
    }
}

/* The messages are no longer needed. */
static void release_messages(struct fr_loop_worker *w)
{
    bool is_rest_of_no_use = w->is_ended && !has_message(w, w->used);

    if (w->used == w->in.len || w->is_expelled || is_rest_of_no_use)
        fr_buf_reset(&w->in);
    else
        fr_buf_consume(&w->in, w->used);
    w->used = 0;
}

/* The answer for what its worker says too often. */
static enum fr_code refuse(struct fr_loop *l, const struct fr_loop_taken *t,
                           struct fr_err *err)
{
    const struct fr_said said = {.actor = "vault",
                                 .action = "worker",
                                 .subject = fr_worker_name(t->worker->type),
                                 .decision = "refused",
                                 .reason = t->why.reason};
    struct fr_vault_reply reply;

    fr_vault_reply_init(&reply);
    fr_reply_fail(&reply, t->why.code, &t->why);
    if (t->m.id != 0)
        answer(t->worker, &t->worker->held, &reply, t->m.id);
    fr_vault_reply_clear(&reply);
    return fr_vault_audit_rated(l->v, &l->v->rates.refusals, &said, t->why.msg, err);
}

/* FR_EBUSY: the whole batch has to be done again, or, if the store has not got all
 * answers yet, this message. */
static enum fr_code handle(struct fr_loop *l, struct fr_loop_taken *t,
                           struct fr_err *err)
{
    struct fr_loop_worker *w = t->worker;
    struct fr_vault_reply reply;
    enum fr_code rc;

    if (w->is_expelled)
        return FR_OK;
    if (t->is_malformed)
        return expel(l, w, &t->why, err);
    if (t->is_too_often)
        return refuse(l, t, err);
    fr_vault_reply_init(&reply);
    reply.asker = w->number;
    rc = fr_vault_handle(l->v, w->type, &t->m, &reply, err);
    if (rc == FR_ESTORE || rc == FR_EINTERNAL || rc == FR_ENOMEM)
        complain(l, fr_msg_name(t->m.type), err);
    if (rc == FR_EINVALID) {
        t->why = *err;
        rc = expel(l, w, &t->why, err);
    } else if (rc != FR_EBUSY) {
        rc = FR_OK; /* it is in the reply */
        if (t->m.id != 0 && !reply.is_put_off)
            answer(w, &w->held, &reply, t->m.id);
    }
    fr_vault_reply_clear(&reply);
    return rc;
}

/* All that was asked in this batch fails alike: nobody learns of what is not kept. */
static void fail_batch(struct fr_loop *l, const struct fr_err *why)
{
    struct fr_vault_reply reply;

    complain(l, "all requests of a batch failed", why);
    fr_vault_reply_init(&reply);
    fr_reply_fail(&reply, FR_ESTORE, why);
    for (size_t i = 0; i < l->n_taken; i++) {
        const struct fr_loop_taken *t = &l->taken[i];

        if (t->is_malformed)
            t->worker->is_ended = t->worker->is_expelled = true;
        else if (t->m.id != 0)
            answer(t->worker, &t->worker->out, &reply, t->m.id);
    }
    fr_vault_reply_clear(&reply);
}

static void release_replies(struct fr_loop *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct fr_loop_worker *w = &l->worker[i];

        fr_buf_put(&w->out, w->held.data, w->held.len);
        fr_buf_reset(&w->held);
        w->is_ended |= w->out.failed != FR_OK;
    }
}

/* "": any target. */
static void wake(struct fr_loop *l, const char *target_fqdn)
{
    struct fr_msg m = {.type = FR_MSG_WAKE};
    struct fr_err err = {0};

    fr_msg_set_str(&m, FR_F_TARGET_FQDN, target_fqdn);
    for (size_t i = 0; i < l->n; i++)
        if (l->worker[i].type == FR_WORKER_FETCH &&
            fr_msg_encode(&m, &l->worker[i].out, &err) != FR_OK)
            l->worker[i].is_ended = true;
}

static void wake_fetchers(struct fr_loop *l)
{
    for (size_t g = 0; g < fr_vault_grown(l->v); g++)
        wake(l, fr_vault_grown_at(l->v, g));
}

static bool is_not_yet(enum fr_code rc, const struct fr_err *err)
{
    return rc == FR_EBUSY && fr_str_equal(err->reason, "not-yet");
}

/* Operators read what they have just changed; workers never do, so their messages may
 * ask the store together. */
static enum fr_code handle_some(struct fr_loop *l, size_t *ret_left, struct fr_err *err)
{
    struct fr_store *s = l->v->store;

    *ret_left = 0;
    for (size_t i = 0; i < l->n_taken; i++) {
        struct fr_loop_taken *t = &l->taken[i];
        enum fr_code rc = FR_OK;

        if (t->is_done)
            continue;
        s->methods->gather(s, !t->is_malformed && t->m.type != FR_MSG_ADMIN);
        rc = handle(l, t, err);
        s->methods->gather(s, false);
        t->is_done = !is_not_yet(rc, err);
        *ret_left += !t->is_done;
        if (t->is_done && rc == FR_EBUSY)
            return rc;
        if (t->is_done && rc != FR_OK) /* an audit line of ours */
            complain(l, "a line of the audit trail", err);
    }
    return FR_OK;
}

static enum fr_code handle_all(struct fr_loop *l, struct fr_err *err)
{
    struct fr_store *s = l->v->store;
    bool was_answered = false;
    size_t left;

    for (size_t i = 0; i < l->n_taken; i++)
        l->taken[i].is_done = false;
    FR_TRY(handle_some(l, &left, err));
    while (left > 0) {
        enum fr_code rc = s->methods->wait(s, err);

        /* An operator's message in between has brought the answers of others along. */
        if (rc != FR_OK && (rc != FR_EINTERNAL || was_answered))
            return rc;
        was_answered = rc != FR_OK;
        FR_TRY(handle_some(l, &left, err));
    }
    return FR_OK;
}

/* From nothing: what an attempt before this has held or decided does not count. */
static enum fr_code try_batch(struct fr_loop *l, struct fr_err *err)
{
    enum fr_code rc;

    for (size_t i = 0; i < l->n; i++) {
        fr_buf_reset(&l->worker[i].held);
        l->worker[i].is_expelled = false;
    }
    FR_TRY(fr_vault_begin(l->v, err));
    rc = handle_all(l, err);
    if (rc == FR_OK)
        return fr_vault_commit(l->v, err);
    fr_vault_rollback(l->v);
    return rc;
}

/* True if there may be more to take. */
static bool run_batch(struct fr_loop *l)
{
    enum fr_code rc = FR_EBUSY;
    struct fr_err err = {0};

    l->n_taken = 0;
    for (size_t i = 0; i < l->n; i++)
        take_messages(l, &l->worker[i]);
    for (int try = 0; try < FR_VAULT_TRIES && rc == FR_EBUSY; try++)
        rc = try_batch(l, &err);
    if (rc == FR_OK)
        release_replies(l);
    else
        fail_batch(l, &err);
    if (rc == FR_OK) {
        note_success(l);
        fr_loop_deliver_letters(l);
        wake_fetchers(l);
    }
    for (size_t i = 0; i < l->n; i++)
        release_messages(&l->worker[i]);
    l->is_stale = true;
    return l->n_taken == FR_VAULT_BATCH_MAX;
}

static void run_batches(struct fr_loop *l)
{
    bool waits = false;

    for (size_t i = 0; i < l->n && !waits; i++)
        waits = has_message(&l->worker[i], 0);
    while (waits)
        waits = run_batch(l);
}

/* ---- time ---- */

static bool is_shared(const struct fr_loop *l)
{
    return l->v->store->methods->is_shared;
}

static void tick(struct fr_loop *l)
{
    int64_t now_ms = fr_mono_ms(l->v->env);
    struct fr_err err = {0};
    enum fr_code rc;

    if (now_ms - l->last_tick_ms < TICK_MS ||
        (!l->is_stale && fr_wall_s(l->v->env) < l->due &&
         now_ms - l->last_tick_ms < IDLE_MS))
        return;
    l->last_tick_ms = now_ms;
    rc = fr_vault_tick(l->v, &l->due, &err);
    if (rc == FR_OK)
        l->is_stale = false;
    else if (rc != FR_EBUSY) /* another node does the same */
        complain(l, "retiring credentials", &err);
    wake_fetchers(l);
}

static void tick_ub(struct fr_loop *l)
{
    int64_t now_ms = fr_mono_ms(l->v->env);

    if (!fr_vault_is_bootstrapping(l->v) || now_ms - l->ub_ms < TICK_MS)
        return;
    l->ub_ms = now_ms;
    fr_vault_tick_ub(l->v);
    fr_loop_deliver_letters(l);
}

/* What other nodes commit wakes nobody here by itself. */
static void look_around(struct fr_loop *l)
{
    int64_t now_ms = fr_mono_ms(l->v->env);
    struct fr_err err = {0};
    bool grown = false;

    if (!is_shared(l) || now_ms - l->looked_ms < TICK_MS)
        return;
    l->looked_ms = now_ms;
    if (fr_vault_look_around(l->v, &grown, &err) != FR_OK)
        complain(l, "looking at the feed", &err);
    if (grown)
        wake(l, "");
}

/* One batch a turn, so that it keeps nobody waiting for long. */
static void rekey(struct fr_loop *l)
{
    int64_t now_ms = fr_mono_ms(l->v->env);
    bool worked = false;
    struct fr_err err = {0};
    enum fr_code rc;

    if (!fr_vault_is_rekeying(l->v) || now_ms < l->rekey_ms)
        return;
    rc = fr_vault_rekey_step(l->v, &worked, &err);
    if (rc != FR_OK && rc != FR_EBUSY)
        fr_log(FR_LOG_ERROR, "rekeying: %s", err.msg);
    l->rekey_ms = worked ? now_ms : now_ms + TICK_MS;
}

static int timeout_ms(const struct fr_loop *l)
{
    int64_t now = fr_wall_s(l->v->env);

    if (fr_vault_is_rekeying(l->v))
        return fr_mono_ms(l->v->env) < l->rekey_ms ? TICK_MS : 0;
    if (l->is_stale || l->due <= now || is_shared(l) || fr_vault_is_bootstrapping(l->v))
        return TICK_MS;
    return l->due - now < IDLE_MS / 1000 ? (int)(l->due - now) * 1000 : IDLE_MS;
}

/* ---- the loop ---- */

static enum fr_code wait(struct fr_loop *l, struct pollfd *fds, struct fr_err *err)
{
    fds[0] = (struct pollfd){.fd = l->control, .events = POLLIN};
    for (size_t i = 0; i < l->n; i++) {
        const struct fr_loop_worker *w = &l->worker[i];

        fds[1 + i] = (struct pollfd){.fd = w->fd};
        if (w->out.len < FR_LOOP_OUT_BUSY)
            fds[1 + i].events |= POLLIN;
        if (w->out.len > 0)
            fds[1 + i].events |= POLLOUT;
    }
    if (poll(fds, 1 + l->n, timeout_ms(l)) < 0 && errno != EINTR)
        return FR_FAIL(err, FR_EINTERNAL, "poll: %s", strerror(errno));
    return FR_OK;
}

/* Where many come at once, a commit a little later serves more of them. Nodes that
 * share a database wait for it as it is. True if others may have spoken since. */
static bool gather(const struct fr_loop *l)
{
    if (l->n_taken < CROWD || l->n_taken == FR_VAULT_BATCH_MAX || is_shared(l))
        return false;
    (void)poll(NULL, 0, GATHER_MS);
    return true;
}

static void turn(struct fr_loop *l, const struct pollfd *fds, size_t n)
{
    bool is_late = gather(l);

    for (size_t i = 0; i < n; i++)
        if ((fds[1 + i].revents & ~POLLOUT) || (is_late && fds[1 + i].events & POLLIN))
            fr_loop_read_worker(&l->worker[i]);
    run_batches(l);
    tick(l);
    tick_ub(l);
    look_around(l);
    rekey(l);
    for (size_t i = 0; i < n; i++)
        if (l->worker[i].out.len > 0)
            fr_loop_flush_worker(&l->worker[i]);
    fr_loop_drop_ended(l);
    while (fds[0].revents && fr_loop_read_control(l))
        continue;
}

enum fr_code fr_vault_run(struct fr_vault *v, int control_fd, struct fr_err *err)
{
    struct pollfd fds[1 + FR_VAULT_WORKERS_MAX];
    struct fr_loop *l = calloc(1, sizeof *l);
    enum fr_code rc = FR_OK;

    if (!l)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    l->v = v;
    l->control = control_fd;
    l->is_stale = true;
    while (rc == FR_OK && !l->is_over) {
        size_t n = l->n;

        memset(fds, 0, sizeof fds);
        rc = wait(l, fds, err);
        if (rc == FR_OK)
            turn(l, fds, n);
    }
    for (size_t i = 0; i < l->n; i++)
        fr_loop_clear_worker(&l->worker[i]);
    free(l);
    return rc;
}
