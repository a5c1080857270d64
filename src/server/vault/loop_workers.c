/* SPDX-License-Identifier: Apache-2.0 */
/* The vault's workers: their lines, octets and letters. */
#include "server/vault/loop.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "server/ipc/pass.h"

enum {
    IN_MAX = 2 * FR_MSG_MAX,
    OUT_MAX = 16 * FR_MSG_MAX, /* a worker that reads no replies is closed */
    READ_SIZE = 8 * 1024       /* wiped after each turn: no more than a turn needs */
};

static size_t count(const struct fr_loop *l, enum fr_worker type)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += l->worker[i].type == type && !l->worker[i].is_ended;
    return n;
}

/* True if it is for this one. */
static bool is_to(const struct fr_vault_letter *letter, const struct fr_loop_worker *w)
{
    return letter->type == w->type && !w->is_ended &&
           (letter->to == 0 || letter->to == w->number);
}

/* Who has gone meanwhile needs none. */
void fr_loop_deliver_letters(struct fr_loop *l)
{
    for (size_t i = 0; i < fr_vault_letters(l->v); i++) {
        const struct fr_vault_letter *letter = fr_vault_letter_at(l->v, i);
        size_t k = 0;

        while (k < l->n && !is_to(letter, &l->worker[k]))
            k++;
        if (k == l->n)
            continue;
        fr_buf_put(&l->worker[k].out, letter->octets.data, letter->octets.len);
        l->worker[k].is_ended |= l->worker[k].out.failed != FR_OK;
    }
    fr_vault_letters_sent(l->v);
}

static void meet_hss(struct fr_loop *l)
{
    fr_vault_meet_hss(l->v, count(l, FR_WORKER_HSS));
    fr_loop_deliver_letters(l);
}

static void add_worker(struct fr_loop *l, enum fr_worker type, int fd)
{
    if (l->n == FR_VAULT_WORKERS_MAX) {
        fr_log(FR_LOG_ERROR, "%s worker refused: %zu at work", fr_worker_name(type),
               l->n);
        (void)close(fd);
        return;
    }
    if (++l->last_number == 0) /* nobody's */
        l->last_number = 1;
    l->worker[l->n++] = (struct fr_loop_worker){.fd = fd,
                                                .number = l->last_number,
                                                .type = type,
                                                .in = FR_BUF_INIT_WIPE(IN_MAX),
                                                .out = FR_BUF_INIT_WIPE(OUT_MAX),
                                                .held = FR_BUF_INIT_WIPE(OUT_MAX)};
    if (type == FR_WORKER_HSS)
        meet_hss(l);
}

void fr_loop_clear_worker(struct fr_loop_worker *w)
{
    (void)close(w->fd);
    fr_buf_clear(&w->in);
    fr_buf_clear(&w->out);
    fr_buf_clear(&w->held);
}

void fr_loop_drop_ended(struct fr_loop *l)
{
    size_t kept = 0, lost = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (!l->worker[i].is_ended) {
            l->worker[kept++] = l->worker[i];
            continue;
        }
        lost += l->worker[i].type == FR_WORKER_HSS;
        fr_loop_clear_worker(&l->worker[i]);
    }
    l->n = kept;
    if (lost > 0)
        meet_hss(l);
}

void fr_loop_read_worker(struct fr_loop_worker *w)
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

void fr_loop_flush_worker(struct fr_loop_worker *w)
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

bool fr_loop_read_control(struct fr_loop *l)
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
