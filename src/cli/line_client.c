/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/line_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/env.h"
#include "model/json_text.h"

static enum fr_code connect_failed(const char *path, const char *who,
                                   struct fr_err *err)
{
    int reason = errno;

    if (reason == ENOENT || reason == ECONNREFUSED)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "socket-absent",
                          "nobody listens at %s: is %s running?", path, who);
    if (reason == EACCES || reason == EPERM)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "socket-denied",
                          "not allowed to open %s: run as the owner of the socket",
                          path);
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "socket", "connecting to %s: %s", path,
                      strerror(reason));
}

enum fr_code fr_line_open(const char *path, const char *who, struct fr_line_client *ret,
                          struct fr_err *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    FR_AUTO_FD(fd) = -1;

    if (strlen(path) >= sizeof to.sun_path)
        return FR_FAIL(err, FR_EUSAGE, "socket path %s is longer than %zu octets", path,
                       sizeof to.sun_path - 1);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return FR_FAIL(err, FR_EINTERNAL, "socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        return connect_failed(path, who, err);
    *ret =
        (struct fr_line_client){.fd = FR_TAKE_FD(fd), .in = FR_BUF_INIT(FR_LINE_MAX)};
    snprintf(ret->path, sizeof ret->path, "%s", path);
    return FR_OK;
}

void fr_line_clear(struct fr_line_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    fr_buf_clear(&c->in);
}

enum fr_code fr_line_send(struct fr_line_client *c, const json_t *object,
                          struct fr_err *err)
{
    struct fr_buf line = FR_BUF_INIT(FR_LINE_MAX);
    enum fr_code rc = fr_json_put(object, &line, err);

    fr_buf_str(&line, "\n");
    if (rc == FR_OK)
        rc = fr_buf_check(&line, err);
    if (rc == FR_OK &&
        send(c->fd, line.data, line.len, MSG_NOSIGNAL) != (ssize_t)line.len)
        rc = FR_FAIL_AS(err, FR_EUNREACHABLE, "socket", "writing to %s: %s", c->path,
                        strerror(errno));
    fr_buf_clear(&line);
    return rc;
}

static enum fr_code decode(struct fr_line_client *c, size_t len, json_t **ret,
                           struct fr_err *err)
{
    json_error_t where;
    json_t *value =
        json_loadb((const char *)c->in.data, len, JSON_REJECT_DUPLICATES, &where);

    fr_buf_consume(&c->in, len + 1);
    if (!json_is_object(value)) {
        json_decref(value);
        return FR_FAIL(err, FR_EINVALID, "%s answered something that is no JSON object",
                       c->path);
    }
    *ret = value;
    return FR_OK;
}

static enum fr_code wait_readable(struct fr_line_client *c, int64_t deadline,
                                  struct fr_err *err)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    int64_t left = deadline < 0 ? -1 : deadline - fr_mono_ms(&fr_env_system);
    int n;

    if (deadline >= 0 && left < 0)
        left = 0;
    n = poll(&p, 1, (int)left);
    if (n > 0)
        return FR_OK;
    if (n < 0 && errno == EINTR)
        return FR_FAIL(err, FR_EINTERRUPTED, "interrupted while waiting for %s",
                       c->path);
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "timeout", "no answer from %s in time",
                      c->path);
}

static enum fr_code fill(struct fr_line_client *c, struct fr_err *err)
{
    uint8_t *to = fr_buf_reserve(&c->in, 16 * 1024);
    ssize_t n;

    if (!to)
        return FR_FAIL(err, FR_EINVALID, "an answer from %s is longer than %d octets",
                       c->path, FR_LINE_MAX);
    n = recv(c->fd, to, 16 * 1024, 0);
    if (n < 0 && errno == EINTR)
        return FR_OK;
    if (n < 0)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "socket", "reading from %s: %s",
                          c->path, strerror(errno));
    if (n == 0)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "socket-closed",
                          "%s closed the connection before it answered", c->path);
    c->in.len += (size_t)n;
    return FR_OK;
}

enum fr_code fr_line_recv(struct fr_line_client *c, int timeout_ms, json_t **ret,
                          struct fr_err *err)
{
    int64_t deadline = timeout_ms < 0 ? -1 : fr_mono_ms(&fr_env_system) + timeout_ms;

    for (;;) {
        const uint8_t *end = c->in.len > 0 ? memchr(c->in.data, '\n', c->in.len) : NULL;

        if (end)
            return decode(c, (size_t)(end - c->in.data), ret, err);
        FR_TRY(wait_readable(c, deadline, err));
        FR_TRY(fill(c, err));
    }
}
