/* SPDX-License-Identifier: Apache-2.0 */
#include "server/signer/signer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bucket.h"
#include "base/env.h"
#include "base/log.h"
#include "server/ipc/pass.h"
#include "server/signer/keys.h"

enum { BURST = 1000 };

struct worker {
    int fd; /* -1: to be dropped */
    enum fr_worker type;
    struct fr_bucket bucket;
};

struct fr_signer {
    struct fr_signer_key *key[FR_N_WORKERS]; /* NULL: the listener is off */
    struct worker worker[FR_SIGNER_WORKERS_MAX];
    size_t n;
    bool is_over;
};

enum fr_code fr_signer_open(const struct fr_server_config *config,
                            struct fr_signer **ret, struct fr_err *err)
{
    FR_AUTO(signer) *s = fr_zalloc(sizeof *s);

    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the signer");
    for (int t = 0; t < FR_N_WORKERS; t++) {
        const struct fr_listener_config *l = &config->listener[t];

        if (l->listen && l->key)
            FR_TRY(fr_signer_key_read(l, &s->key[t], err));
    }
    *ret = FR_TAKE(s);
    return FR_OK;
}

void fr_signer_free(struct fr_signer *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        (void)close(s->worker[i].fd);
    for (int t = 0; t < FR_N_WORKERS; t++)
        fr_signer_key_free(s->key[t]);
    free(s);
}

/* --- workers */

static void add_worker(struct fr_signer *s, enum fr_worker type, int fd)
{
    if (s->n == FR_SIGNER_WORKERS_MAX || !s->key[type]) {
        fr_log(FR_LOG_ERROR, "%s worker refused: %zu at work", fr_worker_name(type),
               s->n);
        (void)close(fd);
        return;
    }
    s->worker[s->n++] = (struct worker){.fd = fd, .type = type};
}

static void drop(struct worker *w)
{
    (void)close(w->fd);
    w->fd = -1;
}

static void sweep(struct fr_signer *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->worker[i].fd >= 0)
            s->worker[kept++] = s->worker[i];
    }
    s->n = kept;
}

/* One question is all that an honest worker has under way: it waits for the answer. */
static void serve(struct fr_signer *s, struct worker *w)
{
    uint8_t ask[FR_SIGN_ASK_MAX + 1], answer[FR_SIGN_ANSWER_MAX];
    ssize_t n = recv(w->fd, ask, sizeof ask, MSG_DONTWAIT);
    size_t len;

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        drop(w);
        return;
    }
    len =
        (size_t)n <= FR_SIGN_ASK_MAX
            ? fr_signer_key_answer(s->key[w->type], fr_slice_of(ask, (size_t)n), answer)
            : 0;
    if (len == 0)
        fr_log(FR_LOG_ERROR, "%s worker closed: it asks to sign what is not TLS",
               fr_worker_name(w->type));
    if (len == 0 ||
        send(w->fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
        drop(w);
}

/* False when there are no more. */
static bool read_control(struct fr_signer *s, int control_fd)
{
    enum fr_worker type = FR_WORKER_ENROL;
    struct fr_err err = {0};
    int fd = -1;
    enum fr_code rc = fr_ipc_take_worker(control_fd, &type, &fd, &err);

    if (rc == FR_OK)
        add_worker(s, type, fd);
    else if (rc == FR_EINVALID)
        fr_log(FR_LOG_ERROR, "%s", err.msg);
    s->is_over |= rc == FR_EUNREACHABLE;
    return rc == FR_OK || rc == FR_EINVALID;
}

/* --- the loop */

static int64_t now_ms(void)
{
    return fr_mono_ms(&fr_env_system);
}

/* Who has had its share is not heard until it has a token again: the poll's timeout. */
static int listen_to(const struct fr_signer *s, struct pollfd *fds)
{
    int64_t now = now_ms(), timeout = -1;

    for (size_t i = 0; i < s->n; i++) {
        int64_t wait =
            fr_bucket_wait_ms(&s->worker[i].bucket, now, FR_SIGNER_PER_S, BURST);

        fds[i] = (struct pollfd){.fd = wait ? -1 : s->worker[i].fd, .events = POLLIN};
        if (wait && (timeout < 0 || wait < timeout))
            timeout = wait;
    }
    return (int)timeout;
}

static void serve_all(struct fr_signer *s, const struct pollfd *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fds[i].revents &&
            fr_bucket_take(&s->worker[i].bucket, now_ms(), FR_SIGNER_PER_S, BURST))
            serve(s, &s->worker[i]);
    }
    sweep(s);
}

enum fr_code fr_signer_run(struct fr_signer *s, int control_fd, struct fr_err *err)
{
    struct pollfd fds[1 + FR_SIGNER_WORKERS_MAX] = {0};

    while (!s->is_over || s->n > 0) {
        size_t n = s->n;

        fds[0] = (struct pollfd){.fd = s->is_over ? -1 : control_fd, .events = POLLIN};
        if (poll(fds, 1 + n, listen_to(s, fds + 1)) < 0) {
            if (errno == EINTR)
                continue;
            return FR_FAIL(err, FR_EINTERNAL, "poll: %s", strerror(errno));
        }
        serve_all(s, fds + 1, n);
        while (fds[0].revents && read_control(s, control_fd))
            continue;
    }
    return FR_OK;
}
