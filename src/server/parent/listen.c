/* SPDX-License-Identifier: Apache-2.0 */
#include "server/parent/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

enum { BACKLOG = 1024 };

/* Splits "host:port" or "[host]:port"; the host is copied. */
static bool split(const char *text, char host[INET6_ADDRSTRLEN], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    struct fr_slice inner = fr_slice_of(text, colon ? (size_t)(colon - text) : 0);
    uint64_t number = 0;

    if (!colon || !fr_uint_parse(fr_slice_str(colon + 1), UINT16_MAX, &number))
        return false;
    if (inner.len > 2 && text[0] == '[' && colon[-1] == ']')
        inner = fr_slice_of(text + 1, inner.len - 2);
    else if (memchr(text, ':', inner.len))
        return false;
    if (inner.len == 0 || inner.len >= INET6_ADDRSTRLEN)
        return false;
    memcpy(host, inner.data, inner.len);
    host[inner.len] = 0;
    *port = (uint16_t)number;
    return true;
}

static void set_port(struct sockaddr_storage *sa, int family, uint16_t port)
{
    sa->ss_family = (sa_family_t)family;
    if (family == AF_INET)
        ((struct sockaddr_in *)(void *)sa)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons(port);
}

bool fr_address_parse(const char *text, struct sockaddr_storage *ret,
                      socklen_t *ret_len)
{
    struct sockaddr_storage sa = {0};
    struct sockaddr_in *in = (void *)&sa;
    struct sockaddr_in6 *in6 = (void *)&sa;
    char host[INET6_ADDRSTRLEN];
    uint16_t port = 0;
    int family;

    if (!split(text, host, &port))
        return false;
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1)
        family = AF_INET;
    else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1)
        family = AF_INET6;
    else
        return false;
    set_port(&sa, family, port);
    *ret = sa;
    *ret_len = family == AF_INET ? sizeof *in : sizeof *in6;
    return true;
}

static enum fr_code parse(const char *text, struct sockaddr_storage *ret,
                          socklen_t *ret_len, struct fr_err *err)
{
    if (fr_address_parse(text, ret, ret_len))
        return FR_OK;
    return FR_FAIL(err, FR_ECONFIG,
                   "listen = \"%s\": give an address and a port, like 0.0.0.0:8443 "
                   "or [::]:8443",
                   text);
}

/* Hands fd over, or closes it. */
static enum fr_code hand_over(int fd, enum fr_code rc, int *ret)
{
    if (rc == FR_OK)
        *ret = fd;
    else if (fd >= 0)
        close(fd);
    return rc;
}

static enum fr_code bind_tcp(int fd, const struct sockaddr_storage *sa, socklen_t len,
                             const char *address, struct fr_err *err)
{
    int on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)sa, len) != 0 || listen(fd, BACKLOG) != 0)
        return FR_FAIL(err, FR_ECONFIG, "listening on %s: %s", address,
                       strerror(errno));
    return FR_OK;
}

enum fr_code fr_listen_tcp(const char *address, int *ret, struct fr_err *err)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = 0;
    int fd;

    FR_TRY(parse(address, &sa, &len, err));
    fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return hand_over(fd, bind_tcp(fd, &sa, len, address, err), ret);
}

static bool is_alive(const struct sockaddr_un *sa)
{
    FR_AUTO_FD(fd) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0;
}

/* Only a socket is removed: a mistyped path must not cost a file. */
static enum fr_code clear_path(const struct sockaddr_un *sa, struct fr_err *err)
{
    struct stat st;

    if (lstat(sa->sun_path, &st) != 0)
        return FR_OK;
    if (!S_ISSOCK(st.st_mode))
        return FR_FAIL(err, FR_ECONFIG, "%s is in the way: it is no socket",
                       sa->sun_path);
    if (is_alive(sa))
        return FR_FAIL(err, FR_EBUSY, "%s: another fieldrootd answers there",
                       sa->sun_path);
    if (unlink(sa->sun_path) != 0)
        return FR_FAIL(err, FR_ECONFIG, "removing the old %s: %s", sa->sun_path,
                       strerror(errno));
    return FR_OK;
}

static enum fr_code bind_unix(int fd, const struct sockaddr_un *sa, struct fr_err *err)
{
    mode_t old = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)sa, sizeof *sa);

    umask(old);
    if (rc != 0 || listen(fd, BACKLOG) != 0)
        return FR_FAIL(err, FR_ECONFIG, "listening on %s: %s", sa->sun_path,
                       strerror(errno));
    return FR_OK;
}

enum fr_code fr_listen_unix(const char *path, int *ret, struct fr_err *err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof sa.sun_path)
        return FR_FAIL(err, FR_ECONFIG, "socket path %s: at most %zu octets", path,
                       sizeof sa.sun_path - 1);
    memcpy(sa.sun_path, path, strlen(path) + 1);
    FR_TRY(clear_path(&sa, err));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return hand_over(fd, bind_unix(fd, &sa, err), ret);
}

enum fr_code fr_listen_address(int fd, struct fr_buf *to, struct fr_err *err)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;
    char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
        getnameinfo((struct sockaddr *)&sa, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "a listener's address cannot be read");
    fr_buf_fmt(to, sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return fr_buf_check(to, err);
}
