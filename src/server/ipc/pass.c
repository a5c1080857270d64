/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipc/pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one descriptor, aligned as the kernel wants it. */
union room {
    struct cmsghdr align;
    char octets[CMSG_SPACE(sizeof(int))];
};

enum fr_code fr_ipc_send_worker(int control_fd, enum fr_worker type, int fd,
                                struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(64);
    union room room = {.octets = {0}};
    struct fr_msg m = {.type = FR_MSG_WORKER};
    struct iovec part;
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &room,
                       .msg_controllen = sizeof room};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    uint8_t code[8];
    ssize_t n;

    fr_msg_set_u8(&m, FR_F_CODE, (uint8_t)type, code);
    FR_TRY(fr_msg_encode(&m, &octets, err));
    part = (struct iovec){.iov_base = octets.data, .iov_len = octets.len};
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    do {
        n = sendmsg(control_fd, &h, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)octets.len)
        return FR_FAIL(err, FR_EINTERNAL, "introducing a worker: %s",
                       n < 0 ? strerror(errno) : "cut short");
    return FR_OK;
}

static int fd_of(struct msghdr *h)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    int fd;

    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
        c->cmsg_len != CMSG_LEN(sizeof fd))
        return -1;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static enum fr_code understand(struct fr_slice octets, int fd, enum fr_worker *ret_type,
                               int *ret_fd, struct fr_err *err)
{
    struct fr_msg m;
    size_t used;

    if (fr_msg_decode(octets, &m, &used, NULL) == FR_OK && m.type == FR_MSG_WORKER &&
        fr_msg_u8(&m, FR_F_CODE) < FR_N_WORKERS && fd >= 0) {
        *ret_type = (enum fr_worker)fr_msg_u8(&m, FR_F_CODE);
        *ret_fd = fd;
        return FR_OK;
    }
    if (fd >= 0)
        (void)close(fd);
    return FR_FAIL(err, FR_EINVALID, "the parent's message is not understood");
}

/* The kernel ends a read at a descriptor, so that each is with its own message. */
enum fr_code fr_ipc_take_worker(int control_fd, enum fr_worker *ret_type, int *ret_fd,
                                struct fr_err *err)
{
    union room room;
    uint8_t octets[64];
    struct iovec part = {.iov_base = octets, .iov_len = sizeof octets};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &room,
                       .msg_controllen = sizeof room};
    ssize_t n = recvmsg(control_fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n > 0)
        return understand(fr_slice_of(octets, (size_t)n), fd_of(&h), ret_type, ret_fd,
                          err);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return FR_FAIL(err, FR_ENOTFOUND, "no introduction waits");
    return FR_FAIL(err, FR_EUNREACHABLE, "the parent has closed its end");
}
