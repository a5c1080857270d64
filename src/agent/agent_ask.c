/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of the agent's socket. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/agent.h"

#define ANSWER_MAX (64 * 1024) /* octets of one line */
#define CHUNK      4096

struct ask {
    const struct fr_agent_asker *asker;
    int fd;
    int exit_status; /* -1: not told yet */
    struct fr_buf in;
};

static enum fr_code dial(const char *path, int *ret, struct fr_err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    FR_AUTO_FD(fd) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return FR_FAIL(err, FR_EINTERNAL, "Unix socket: %s", strerror(errno));
    if (strlen(path) >= sizeof addr.sun_path)
        return FR_FAIL(err, FR_ECONFIG, "socket path %s is longer than %zu octets",
                       path, sizeof addr.sun_path - 1);
    memcpy(addr.sun_path, path, strlen(path));
    if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0) {
        *ret = FR_TAKE_FD(fd);
        return FR_OK;
    }
    if (errno == EAGAIN)
        return FR_FAIL(err, FR_EBUSY, "the agent at %s is busy with others", path);
    return FR_FAIL(err, FR_ENOTFOUND, "no agent listens at %s: %s", path,
                   strerror(errno));
}

static enum fr_code wait_for(const struct ask *a, short events, struct fr_err *err)
{
    struct pollfd fds[] = {{.fd = a->fd, .events = events},
                           {.fd = a->asker->stop_fd, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return FR_FAIL(err, FR_EINTERNAL, "poll: %s", strerror(errno));
    if (fds[1].revents != 0)
        return FR_FAIL(err, FR_EINTERRUPTED, "stopped while the agent was at work");
    return FR_OK;
}

static enum fr_code send_all(const struct ask *a, struct fr_slice s, struct fr_err *err)
{
    while (s.len > 0) {
        FR_TRY(wait_for(a, POLLOUT, err));
        ssize_t n = send(a->fd, s.data, s.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut",
                              "the agent hung up: %s", strerror(errno));
        s.data += n;
        s.len -= (size_t)n;
    }
    return FR_OK;
}

static void take_line(struct ask *a, struct fr_slice line)
{
    json_auto_t *json =
        json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *status = json_object_get(json, "exit");

    if (json_is_integer(status))
        a->exit_status = (int)json_integer_value(status);
    a->asker->fn(a->asker->ctx, line);
}

static void take_lines(struct ask *a)
{
    const uint8_t *end;

    while (a->in.len > 0 && (end = memchr(a->in.data, '\n', a->in.len)) != NULL) {
        size_t len = (size_t)(end - a->in.data);
        take_line(a, fr_slice_of(a->in.data, len));
        fr_buf_consume(&a->in, len + 1);
    }
}

static enum fr_code read_to_end(struct ask *a, struct fr_err *err)
{
    for (;;) {
        FR_TRY(wait_for(a, POLLIN, err));
        uint8_t *to = fr_buf_reserve(&a->in, CHUNK);
        if (!to)
            return FR_FAIL(err, FR_EINVALID, "the agent's line has no end");
        ssize_t n = recv(a->fd, to, CHUNK, 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return FR_OK;
        a->in.len += (size_t)n;
        take_lines(a);
    }
}

enum fr_code fr_agent_ask(const char *socket_path, struct fr_slice line,
                          const struct fr_agent_asker *asker, int *ret_exit,
                          struct fr_err *err)
{
    FR_AUTO_FD(fd) = -1;
    struct ask a = {.asker = asker, .exit_status = -1, .in = FR_BUF_INIT(ANSWER_MAX)};

    FR_TRY(dial(socket_path, &fd, err));
    a.fd = fd;
    FR_TRY(send_all(&a, line, err));
    FR_TRY(send_all(&a, fr_slice_str("\n"), err));
    enum fr_code rc = read_to_end(&a, err);
    fr_buf_clear(&a.in);
    FR_TRY(rc);
    if (a.exit_status < 0)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut",
                          "the agent ended before it had an answer");
    *ret_exit = a.exit_status;
    return FR_OK;
}
