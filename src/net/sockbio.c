/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sockbio.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/tls.h"

static int sock_write(BIO *bio, const char *data, size_t len, size_t *ret_written)
{
    struct fr_tls_peer *peer = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!peer->write_broken) {
        ssize_t n = send(peer->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            peer->octets_out += (uint64_t)n;
            *ret_written = (size_t)n;
            return 1;
        }
        if (errno == EAGAIN || errno == EINTR) {
            BIO_set_retry_write(bio);
            return 0;
        }
        peer->io_errno = errno;
        peer->write_broken = true;
    }
    *ret_written = len;
    return 1;
}

static int sock_read(BIO *bio, char *to, size_t len, size_t *ret_read)
{
    struct fr_tls_peer *peer = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    ssize_t n = recv(peer->fd, to, len, MSG_DONTWAIT);
    if (n > 0) {
        peer->octets_in += (uint64_t)n;
        *ret_read = (size_t)n;
        return 1;
    }
    if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    else if (errno == EAGAIN || errno == EINTR)
        BIO_set_retry_read(bio);
    else
        peer->io_errno = errno;
    return 0;
}

static long sock_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)num, (void)ptr;
    if (cmd == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) ? 1 : 0;
    return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *fr_sockbio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "fieldroot socket");

    if (!method)
        return NULL;
    if (BIO_meth_set_write_ex(method, sock_write) &&
        BIO_meth_set_ctrl(method, sock_ctrl) && BIO_meth_set_read_ex(method, sock_read))
        return method;
    BIO_meth_free(method);
    return NULL;
}
