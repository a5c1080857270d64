/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that the parent binds once and keeps, whatever happens to children. */
#ifndef FR_SERVER_PARENT_LISTEN_H
#define FR_SERVER_PARENT_LISTEN_H

#include <sys/socket.h>

#include "base/buf.h"

/* "127.0.0.1:8443", "[::1]:8443": an address, no name. False for what is none. */
bool fr_address_parse(const char *text, struct sockaddr_storage *ret,
                      socklen_t *ret_len);

/* "127.0.0.1:8443", "[::1]:8443"; port 0 is chosen by the kernel. Non-blocking. */
FR_MUST_USE enum fr_code fr_listen_tcp(const char *address, int *ret,
                                       struct fr_err *err);
/* A Unix stream socket, 0600. A stale one is replaced; FR_EBUSY if somebody answers. */
FR_MUST_USE enum fr_code fr_listen_unix(const char *path, int *ret, struct fr_err *err);
/* Appends the real address of a TCP listener, as fr_listen_tcp() takes it. */
FR_MUST_USE enum fr_code fr_listen_address(int fd, struct fr_buf *to,
                                           struct fr_err *err);

#endif
