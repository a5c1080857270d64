/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define OUT_MAX   (1024 * 1024) /* octets that a client may leave unread */
#define READ_SIZE 16384

struct client {
    uint64_t who;
    int fd; /* -1: free */
    struct fr_buf in, out;
    bool asked; /* it has said its line */
    bool finished;
};

struct fr_agent_socket {
    int fd;
    char *path;
    uint64_t next_who;
    struct client clients[FR_AGENT_CLIENTS_MAX];
};

static void drop(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    fr_buf_clear(&c->in);
    fr_buf_clear(&c->out);
    c->fd = -1;
}

static enum fr_code listen_at(const char *path, int fd, struct fr_err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;

    if (strlen(path) >= sizeof addr.sun_path)
        return FR_FAIL(err, FR_ECONFIG, "socket path %s is longer than %zu octets",
                       path, sizeof addr.sun_path - 1);
    memcpy(addr.sun_path, path, strlen(path));
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return FR_FAIL(err, FR_ECONFIG, "socket path %s: there is something else",
                       path);
    (void)unlink(path);
    mode_t before = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)&addr, sizeof addr);
    (void)umask(before);
    if (rc != 0 || listen(fd, FR_AGENT_CLIENTS_MAX) != 0)
        return FR_FAIL(err, FR_ESTORE, "listening at %s: %s", path, strerror(errno));
    return FR_OK;
}

enum fr_code fr_agent_socket_open(const char *path, struct fr_agent_socket **ret,
                                  struct fr_err *err)
{
    FR_AUTO_FD(fd) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    FR_AUTO_STR(copy) = NULL;

    if (fd < 0)
        return FR_FAIL(err, FR_EINTERNAL, "Unix socket: %s", strerror(errno));
    FR_TRY(listen_at(path, fd, err));
    FR_TRY(fr_str_dup(path, &copy, err));

    struct fr_agent_socket *s = calloc(1, sizeof *s);
    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the agent's socket");
    s->path = FR_TAKE(copy);
    s->fd = FR_TAKE_FD(fd);
    s->next_who = 1;
    for (size_t i = 0; i < FR_AGENT_CLIENTS_MAX; i++)
        s->clients[i].fd = -1;
    *ret = s;
    return FR_OK;
}

static void flush_out(struct client *c)
{
    while (c->fd >= 0 && c->out.len > 0) {
        ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            fr_buf_consume(&c->out, (size_t)n);
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            drop(c);
    }
    if (c->finished && c->fd >= 0)
        drop(c);
}

void fr_agent_socket_close(struct fr_agent_socket *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < FR_AGENT_CLIENTS_MAX; i++) {
        flush_out(&s->clients[i]);
        drop(&s->clients[i]);
    }
    (void)unlink(s->path);
    (void)close(s->fd);
    free(s->path);
    free(s);
}

static struct client *free_place(struct fr_agent_socket *s)
{
    for (size_t i = 0; i < FR_AGENT_CLIENTS_MAX; i++)
        if (s->clients[i].fd < 0)
            return &s->clients[i];
    return NULL;
}

size_t fr_agent_socket_interests(const struct fr_agent_socket *s, struct pollfd *fds)
{
    size_t n = 0;

    for (size_t i = 0; i < FR_AGENT_CLIENTS_MAX; i++) {
        const struct client *c = &s->clients[i];
        short events = c->out.len > 0 ? POLLIN | POLLOUT : POLLIN;
        if (c->fd >= 0)
            fds[n++] = (struct pollfd){.fd = c->fd, .events = events};
    }
    if (n < FR_AGENT_CLIENTS_MAX)
        fds[n++] = (struct pollfd){.fd = s->fd, .events = POLLIN};
    return n;
}

static void accept_all(struct fr_agent_socket *s)
{
    struct client *c;

    while ((c = free_place(s)) != NULL) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        *c = (struct client){.who = s->next_who++,
                             .fd = fd,
                             .in = FR_BUF_INIT(FR_AGENT_LINE_MAX + 1),
                             .out = FR_BUF_INIT(OUT_MAX)};
    }
}

/* False when there is nothing more to read now. What follows the line is ignored. */
static bool read_some(struct client *c)
{
    char chunk[READ_SIZE];
    ssize_t n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n > 0 && !c->asked)
        fr_buf_put(&c->in, chunk, (size_t)n);
    if (n <= 0 || fr_buf_check(&c->in, NULL) != FR_OK)
        drop(c);
    return c->fd >= 0;
}

static void serve(struct client *c, fr_agent_request_fn fn, void *ctx)
{
    while (c->fd >= 0 && read_some(c))
        ;
    if (c->fd < 0 || c->asked || c->in.len == 0)
        return;
    const uint8_t *end = memchr(c->in.data, '\n', c->in.len);
    if (!end)
        return;
    c->asked = true;
    fn(ctx, c->who, fr_slice_of(c->in.data, (size_t)(end - c->in.data)));
    fr_buf_clear(&c->in);
}

void fr_agent_socket_step(struct fr_agent_socket *s, fr_agent_request_fn fn, void *ctx)
{
    accept_all(s);
    for (size_t i = 0; i < FR_AGENT_CLIENTS_MAX; i++) {
        serve(&s->clients[i], fn, ctx);
        flush_out(&s->clients[i]);
    }
}

static struct client *client_of(struct fr_agent_socket *s, uint64_t who)
{
    for (size_t i = 0; i < FR_AGENT_CLIENTS_MAX; i++)
        if (s->clients[i].fd >= 0 && s->clients[i].who == who)
            return &s->clients[i];
    return NULL;
}

void fr_agent_socket_say(struct fr_agent_socket *s, uint64_t who, const char *text)
{
    struct client *c = client_of(s, who);

    if (!c)
        return;
    fr_buf_str(&c->out, text);
    fr_buf_str(&c->out, "\n");
    if (fr_buf_check(&c->out, NULL) != FR_OK)
        drop(c);
}

void fr_agent_socket_finish(struct fr_agent_socket *s, uint64_t who)
{
    struct client *c = client_of(s, who);

    if (c)
        c->finished = true;
}
