/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault process: poll, take what all workers have waiting, commit once, answer.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "server/ipc/pass.h"
#include "server/vault/internal.h"
#include "server/vault/rate.h"

enum {
    IN_MAX = 2 * FR_MSG_MAX,
    OUT_MAX = 16 * FR_MSG_MAX, /* a worker that reads no replies is closed */
    OUT_BUSY = 2 * FR_MSG_MAX, /* above it, no more of its requests are taken */
    READ_SIZE = 8 * 1024,      /* wiped after each turn: no more than a turn needs */
    TICK_MS = 1000,
    IDLE_MS = 60 * 1000,
    CROWD = 4,    /* messages of a batch: many devices come at once */
    GATHER_MS = 2 /* then the next batch waits for more of them */
};

struct worker {
    int fd;
    enum fr_worker type;
    struct fr_buf in, out;
    size_t used;        /* of in, by the batch */
    struct fr_buf held; /* replies that wait for the commit */
    bool is_ended;      /* at its end, or by us: closed when it got its replies */
    bool is_expelled;   /* broke the rules: nothing more of it is taken */
    struct fr_vault_rates rates;
};

/* A message of the batch, which borrows from its worker's input. */
struct taken {
    struct worker *worker;
    struct fr_msg m;
    bool is_malformed; /* what broke the rules is all that its worker gets to do */
    bool is_too_often; /* refused, for why */
    bool is_done;
    struct fr_err why;
};

struct loop {
    struct fr_vault *v;
    int control;
    bool is_over;
    struct worker worker[FR_VAULT_WORKERS_MAX];
    size_t n;
    struct taken taken[FR_VAULT_BATCH_MAX];
    size_t n_taken;
    int64_t due, last_tick_ms;      /* wall clock; monotonic */
    int64_t looked_ms;              /* at what other nodes did */
    int64_t rekey_ms;               /* when to go on with a rekeying */
    bool is_stale;                  /* something was written: due may have changed */
    char complaint[FR_ERR_MSG_MAX]; /* of the store, until it has written again */
};

/* ---- workers ---- */

static void add_worker(struct loop *l, enum fr_worker type, int fd)
{
    if (l->n == FR_VAULT_WORKERS_MAX) {
        fr_log(FR_LOG_ERROR, "%s worker refused: %zu at work", fr_worker_name(type),
               l->n);
        (void)close(fd);
        return;
    }
    l->worker[l->n++] = (struct worker){.fd = fd,
                                        .type = type,
                                        .in = FR_BUF_INIT_WIPE(IN_MAX),
                                        .out = FR_BUF_INIT_WIPE(OUT_MAX),
                                        .held = FR_BUF_INIT_WIPE(OUT_MAX)};
}

static void clear_worker(struct worker *w)
{
    (void)close(w->fd);
    fr_buf_clear(&w->in);
    fr_buf_clear(&w->out);
    fr_buf_clear(&w->held);
}

static void drop_ended(struct loop *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (l->worker[i].is_ended)
            clear_worker(&l->worker[i]);
        else
            l->worker[kept++] = l->worker[i];
    }
    l->n = kept;
}

static void read_worker(struct worker *w)
{
    while (w->in.len < FR_MSG_MAX) {
        uint8_t *at = fr_buf_reserve(&w->in, READ_SIZE);
        ssize_t n = at ? recv(w->fd, at, READ_SIZE, MSG_DONTWAIT) : -1;

        if (at && n < 0 && errno == EINTR)
            continue;
        if (at && n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            w->is_ended = true;
            return;
        }
        w->in.len += (size_t)n;
        if (n < READ_SIZE)
            return;
    }
}

static void flush_worker(struct worker *w)
{
    size_t sent = 0;

    while (sent < w->out.len) {
        ssize_t n = send(w->fd, w->out.data + sent, w->out.len - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            w->is_ended |= errno != EAGAIN && errno != EWOULDBLOCK;
            break;
        }
        sent += (size_t)n;
    }
    if (sent == w->out.len)
        fr_buf_reset(&w->out);
    else
        fr_buf_consume(&w->out, sent);
}

/* ---- the control socket ---- */

/* False when there are no more. */
static bool read_control(struct loop *l)
{
    struct fr_err err = {0};
    enum fr_worker type = FR_WORKER_ENROL;
    int fd = -1;
    enum fr_code rc = fr_ipc_take_worker(l->control, &type, &fd, &err);

    if (rc == FR_OK)
        add_worker(l, type, fd);
    else if (rc == FR_EINVALID)
        fr_log(FR_LOG_ERROR, "%s", err.msg);
    l->is_over |= rc == FR_EUNREACHABLE;
    return rc == FR_OK || rc == FR_EINVALID;
}

/* ---- one batch ---- */

/* A full disk is told once, not with each request that meets it. */
static void complain(struct loop *l, const char *doing, const struct fr_err *why)
{
    if (fr_str_equal(l->complaint, why->msg))
        return;
    snprintf(l->complaint, sizeof l->complaint, "%s", why->msg);
    fr_log(FR_LOG_ERROR, "%s: %s", doing, why->msg);
}

static void note_success(struct loop *l)
{
    if (l->complaint[0] && fr_vault_grown(l->v) > 0) {
        fr_log(FR_LOG_INFO, "the database works again");
        l->complaint[0] = 0;
    }
}

/* The message that broke the rules is all that its worker gets to do. */
static enum fr_code expel(struct loop *l, struct worker *w, const struct fr_err *why,
                          struct fr_err *err)
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

static void answer(struct worker *w, struct fr_buf *to,
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
static bool has_message(const struct worker *w, size_t used)
{
    struct fr_slice left = fr_slice_of(w->in.data + used, w->in.len - used);
    struct fr_msg m;
    size_t len;

    return left.len > 0 && fr_msg_decode(left, &m, &len, NULL) != FR_ENOTFOUND;
}

/* Takes what waits at a worker into the batch, up to where it broke the rules. */
static void take_messages(struct loop *l, struct worker *w)
{
    struct fr_slice left = fr_buf_view(&w->in);
    enum fr_code rc = FR_OK;

    w->used = 0;
    while (l->n_taken < FR_VAULT_BATCH_MAX && rc == FR_OK) {
        struct taken *t = &l->taken[l->n_taken];
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
static void release_messages(struct worker *w)
{
    bool is_rest_of_no_use = w->is_ended && !has_message(w, w->used);

    if (w->used == w->in.len || w->is_expelled || is_rest_of_no_use)
        fr_buf_reset(&w->in);
    else
        fr_buf_consume(&w->in, w->used);
    w->used = 0;
}

/* The answer for what its worker says too often. */
static enum fr_code refuse(struct loop *l, const struct taken *t, struct fr_err *err)
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
static enum fr_code handle(struct loop *l, struct taken *t, struct fr_err *err)
{
    struct worker *w = t->worker;
    struct fr_vault_reply reply;
    enum fr_code rc;

    if (w->is_expelled)
        return FR_OK;
    if (t->is_malformed)
        return expel(l, w, &t->why, err);
    if (t->is_too_often)
        return refuse(l, t, err);
    fr_vault_reply_init(&reply);
    rc = fr_vault_handle(l->v, w->type, &t->m, &reply, err);
    if (rc == FR_ESTORE || rc == FR_EINTERNAL || rc == FR_ENOMEM)
        complain(l, fr_msg_name(t->m.type), err);
    if (rc == FR_EINVALID) {
        t->why = *err;
        rc = expel(l, w, &t->why, err);
    } else if (rc != FR_EBUSY) {
        rc = FR_OK; /* it is in the reply */
        if (t->m.id != 0)
            answer(w, &w->held, &reply, t->m.id);
    }
    fr_vault_reply_clear(&reply);
    return rc;
}

/* All that was asked in this batch fails alike: nobody learns of what is not kept. */
static void fail_batch(struct loop *l, const struct fr_err *why)
{
    struct fr_vault_reply reply;

    complain(l, "all requests of a batch failed", why);
    fr_vault_reply_init(&reply);
    fr_reply_fail(&reply, FR_ESTORE, why);
    for (size_t i = 0; i < l->n_taken; i++) {
        const struct taken *t = &l->taken[i];

        if (t->is_malformed)
            t->worker->is_ended = t->worker->is_expelled = true;
        else if (t->m.id != 0)
            answer(t->worker, &t->worker->out, &reply, t->m.id);
    }
    fr_vault_reply_clear(&reply);
}

static void release_replies(struct loop *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct worker *w = &l->worker[i];

        fr_buf_put(&w->out, w->held.data, w->held.len);
        fr_buf_reset(&w->held);
        w->is_ended |= w->out.failed != FR_OK;
    }
}

/* "": any target. */
static void wake(struct loop *l, const char *target_fqdn)
{
    struct fr_msg m = {.type = FR_MSG_WAKE};
    struct fr_err err = {0};

    fr_msg_set_str(&m, FR_F_TARGET_FQDN, target_fqdn);
    for (size_t i = 0; i < l->n; i++)
        if (l->worker[i].type == FR_WORKER_FETCH &&
            fr_msg_encode(&m, &l->worker[i].out, &err) != FR_OK)
            l->worker[i].is_ended = true;
}

static void wake_fetchers(struct loop *l)
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
static enum fr_code handle_some(struct loop *l, size_t *ret_left, struct fr_err *err)
{
    struct fr_store *s = l->v->store;

    *ret_left = 0;
    for (size_t i = 0; i < l->n_taken; i++) {
        struct taken *t = &l->taken[i];
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

static enum fr_code handle_all(struct loop *l, struct fr_err *err)
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
static enum fr_code try_batch(struct loop *l, struct fr_err *err)
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
static bool run_batch(struct loop *l)
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
        wake_fetchers(l);
    }
    for (size_t i = 0; i < l->n; i++)
        release_messages(&l->worker[i]);
    l->is_stale = true;
    return l->n_taken == FR_VAULT_BATCH_MAX;
}

static void run_batches(struct loop *l)
{
    bool waits = false;

    for (size_t i = 0; i < l->n && !waits; i++)
        waits = has_message(&l->worker[i], 0);
    while (waits)
        waits = run_batch(l);
}

/* ---- time ---- */

static bool is_shared(const struct loop *l)
{
    return l->v->store->methods->is_shared;
}

static void tick(struct loop *l)
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

/* What other nodes commit wakes nobody here by itself. */
static void look_around(struct loop *l)
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
static void rekey(struct loop *l)
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

static int timeout_ms(const struct loop *l)
{
    int64_t now = fr_wall_s(l->v->env);

    if (fr_vault_is_rekeying(l->v))
        return fr_mono_ms(l->v->env) < l->rekey_ms ? TICK_MS : 0;
    if (l->is_stale || l->due <= now || is_shared(l))
        return TICK_MS;
    return l->due - now < IDLE_MS / 1000 ? (int)(l->due - now) * 1000 : IDLE_MS;
}

/* ---- the loop ---- */

static enum fr_code wait(struct loop *l, struct pollfd *fds, struct fr_err *err)
{
    fds[0] = (struct pollfd){.fd = l->control, .events = POLLIN};
    for (size_t i = 0; i < l->n; i++) {
        const struct worker *w = &l->worker[i];

        fds[1 + i] = (struct pollfd){.fd = w->fd};
        if (w->out.len < OUT_BUSY)
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
static bool gather(const struct loop *l)
{
    if (l->n_taken < CROWD || l->n_taken == FR_VAULT_BATCH_MAX || is_shared(l))
        return false;
    (void)poll(NULL, 0, GATHER_MS);
    return true;
}

static void turn(struct loop *l, const struct pollfd *fds, size_t n)
{
    bool is_late = gather(l);

    for (size_t i = 0; i < n; i++)
        if ((fds[1 + i].revents & ~POLLOUT) || (is_late && fds[1 + i].events & POLLIN))
            read_worker(&l->worker[i]);
    run_batches(l);
    tick(l);
    look_around(l);
    rekey(l);
    for (size_t i = 0; i < n; i++)
        if (l->worker[i].out.len > 0)
            flush_worker(&l->worker[i]);
    drop_ended(l);
    while (fds[0].revents && read_control(l))
        continue;
}

enum fr_code fr_vault_run(struct fr_vault *v, int control_fd, struct fr_err *err)
{
    struct pollfd fds[1 + FR_VAULT_WORKERS_MAX];
    struct loop *l = calloc(1, sizeof *l);
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
        clear_worker(&l->worker[i]);
    free(l);
    return rc;
}
