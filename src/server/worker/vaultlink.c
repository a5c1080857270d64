/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/vaultlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

enum {
    READ_CHUNK = 8 * 1024,
    OUT_MAX = 8 * 1024 * 1024,
    KEPT_MAX = 4 * READ_CHUNK /* of an empty buffer: wiping it again costs */
};

struct waiting {
    uint32_t id;
    fr_vaultlink_reply_fn *reply; /* NULL: cancelled */
    void *arg;
    struct waiting *next;
};

struct fr_vaultlink {
    int fd;
    bool up;
    struct event *on_read, *on_write;
    struct fr_vaultlink_hooks hooks;
    struct fr_buf in, out; /* wiping: Ke and target keys pass through */
    uint32_t last_id;
    struct waiting *first, **last; /* the vault answers in about this order */
    size_t n_waiting;
};

static void on_readable(int fd, short what, void *arg);
static void on_writable(int fd, short what, void *arg);

enum fr_code fr_vaultlink_new(struct event_base *base, int fd,
                              const struct fr_vaultlink_hooks *hooks,
                              struct fr_vaultlink **ret, struct fr_err *err)
{
    FR_AUTO(vaultlink) *l = calloc(1, sizeof *l);

    if (!l)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the line to the vault");
    l->fd = -1;
    l->last = &l->first;
    l->hooks = *hooks;
    l->in = (struct fr_buf)FR_BUF_INIT_WIPE(2 * (size_t)FR_MSG_MAX);
    l->out = (struct fr_buf)FR_BUF_INIT_WIPE(OUT_MAX);
    l->on_read = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, l);
    l->on_write = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, l);
    if (!l->on_read || !l->on_write || evutil_make_socket_nonblocking(fd) != 0 ||
        event_add(l->on_read, NULL) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "watching the line to the vault failed");
    l->fd = fd;
    l->up = true;
    *ret = FR_TAKE(l);
    return FR_OK;
}

/* Keys pass through: what has been used does not stay in memory. */
static void used_up_to(struct fr_buf *b, size_t n)
{
    if (n < b->len)
        fr_buf_consume(b, n);
    else if (b->cap > KEPT_MAX)
        fr_buf_clear(b);
    else
        fr_buf_reset(b);
}

static void drop_waiting(struct fr_vaultlink *l)
{
    while (l->first) {
        struct waiting *w = l->first;

        l->first = w->next;
        free(w);
    }
    l->last = &l->first;
    l->n_waiting = 0;
}

void fr_vaultlink_free(struct fr_vaultlink *l)
{
    if (!l)
        return;
    if (l->on_read)
        event_free(l->on_read);
    if (l->on_write)
        event_free(l->on_write);
    if (l->fd >= 0)
        close(l->fd);
    drop_waiting(l);
    fr_buf_clear(&l->in);
    fr_buf_clear(&l->out);
    free(l);
}

static struct waiting *take_waiting(struct fr_vaultlink *l, uint32_t id)
{
    for (struct waiting **at = &l->first; *at; at = &(*at)->next) {
        struct waiting *w = *at;

        if (w->id != id)
            continue;
        *at = w->next;
        if (l->last == &w->next)
            l->last = at;
        l->n_waiting--;
        return w;
    }
    return NULL;
}

static void finish(struct waiting *w, const struct fr_msg *reply)
{
    fr_vaultlink_reply_fn *fn = w->reply;
    void *arg = w->arg;

    free(w);
    if (fn)
        fn(arg, reply);
}

static void lose(struct fr_vaultlink *l)
{
    if (!l->up)
        return;
    l->up = false;
    event_del(l->on_read);
    event_del(l->on_write);
    fr_buf_clear(&l->out);
    while (l->first)
        finish(take_waiting(l, l->first->id), NULL);
    if (l->hooks.gone)
        l->hooks.gone(l->hooks.arg);
}

static void hear_wake(struct fr_vaultlink *l, const struct fr_msg *m)
{
    char fqdn[FR_ID_MAX + 1];

    fr_msg_text(m, FR_F_TARGET_FQDN, fqdn, sizeof fqdn);
    if (l->hooks.wake)
        l->hooks.wake(l->hooks.arg, fqdn);
}

static void hear(struct fr_vaultlink *l, const struct fr_msg *m)
{
    struct waiting *w;

    if (m->type == FR_MSG_WAKE) {
        hear_wake(l, m);
        return;
    }
    w = m->type == FR_MSG_REPLY ? take_waiting(l, m->id) : NULL;
    if (w)
        finish(w, m);
    else
        fr_log(FR_LOG_WARN, "the vault sent %s %u, which nobody waits for",
               fr_msg_name(m->type), m->id);
}

/* Callbacks may call and cancel, but neither frees the link nor touches l->in. */
static void hear_all(struct fr_vaultlink *l)
{
    size_t at = 0;

    while (l->up && at < l->in.len) {
        struct fr_err err;
        struct fr_msg m;
        size_t used = 0;
        enum fr_code rc = fr_msg_decode(fr_slice_of(l->in.data + at, l->in.len - at),
                                        &m, &used, &err);

        if (rc == FR_ENOTFOUND)
            break;
        if (rc != FR_OK) {
            fr_log(FR_LOG_ERROR, "the vault's message is malformed: %s", err.msg);
            lose(l);
            break;
        }
        hear(l, &m);
        at += used;
    }
    used_up_to(&l->in, at);
}

static void on_readable(int fd, short what, void *arg)
{
    struct fr_vaultlink *l = arg;
    uint8_t *to = fr_buf_reserve(&l->in, READ_CHUNK);
    ssize_t n = to ? recv(fd, to, READ_CHUNK, 0) : -1;

    (void)what;
    if (n < 0 && to && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lose(l);
        return;
    }
    l->in.len += (size_t)n;
    hear_all(l);
}

/* Writes at once what fits; the loop does the rest. */
static void flush(struct fr_vaultlink *l)
{
    ssize_t n = send(l->fd, l->out.data, l->out.len, MSG_NOSIGNAL);

    /* An error shows at the next read, where callers are not in the middle. */
    if (n > 0)
        used_up_to(&l->out, (size_t)n);
    if (l->out.len > 0)
        event_add(l->on_write, NULL);
    else
        event_del(l->on_write);
}

static void on_writable(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    flush(arg);
}

static enum fr_code post(struct fr_vaultlink *l, const struct fr_msg *m,
                         struct fr_err *err)
{
    size_t before = l->out.len;
    enum fr_code rc;

    if (!l->up)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "vault-gone",
                          "the vault is restarting: try again");
    rc = fr_msg_encode(m, &l->out, err);
    if (rc != FR_OK || l->out.failed) {
        fr_buf_cut(&l->out, before);
        l->out.failed = FR_OK;
        if (rc == FR_EPARSE || rc == FR_EINVALID || rc == FR_EINTERNAL)
            return rc;
        return FR_FAIL(err, FR_EBUSY, "the vault has too much to do: try again");
    }
    flush(l);
    return FR_OK;
}

static uint32_t next_id(struct fr_vaultlink *l)
{
    if (++l->last_id == 0)
        l->last_id = 1;
    return l->last_id;
}

enum fr_code fr_vaultlink_call(struct fr_vaultlink *l, struct fr_msg *m,
                               fr_vaultlink_reply_fn *reply, void *arg,
                               uint32_t *ret_id, struct fr_err *err)
{
    struct waiting *w;
    enum fr_code rc;

    if (l->n_waiting >= FR_VAULTLINK_WAITING_MAX)
        return FR_FAIL(err, FR_EBUSY, "the vault has too much to do: try again");
    w = calloc(1, sizeof *w);
    if (!w)
        return FR_FAIL(err, FR_ENOMEM, "out of memory asking the vault");
    *w = (struct waiting){.id = next_id(l), .reply = reply, .arg = arg};
    m->id = w->id;
    rc = post(l, m, err);
    if (rc != FR_OK) {
        free(w);
        return rc;
    }
    *l->last = w;
    l->last = &w->next;
    l->n_waiting++;
    *ret_id = w->id;
    return FR_OK;
}

void fr_vaultlink_cancel(struct fr_vaultlink *l, uint32_t id)
{
    for (struct waiting *w = l->first; id && w; w = w->next) {
        if (w->id == id)
            w->reply = NULL;
    }
}

void fr_vaultlink_note(struct fr_vaultlink *l, struct fr_msg *m)
{
    struct fr_err err;

    m->id = 0;
    if (post(l, m, &err) != FR_OK)
        fr_log(FR_LOG_WARN, "a note for the audit trail is lost: %s", err.msg);
}

bool fr_vaultlink_is_up(const struct fr_vaultlink *l)
{
    return l->up;
}

enum fr_code fr_vaultlink_result(const struct fr_msg *reply, struct fr_err *err)
{
    char reason[FR_ID_MAX + 1], text[FR_ERR_MSG_MAX];
    uint8_t code;

    if (!reply)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "vault-gone",
                          "the vault is restarting: try again");
    code = fr_msg_u8(reply, FR_F_CODE);
    if (code == FR_OK)
        return FR_OK;
    if (code > FR_EINTERNAL)
        code = FR_EINTERNAL;
    fr_msg_text(reply, FR_F_REASON, reason, sizeof reason);
    fr_msg_text(reply, FR_F_TEXT, text, sizeof text);
    return FR_FAIL_AS(err, (enum fr_code)code, reason[0] ? reason : NULL, "%s", text);
}
