/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Unix socket on which each side writes one JSON object a line: the admin socket of
 * fieldrootd. Blocking, with a time limit.
 */
#ifndef FR_CLI_LINE_CLIENT_H
#define FR_CLI_LINE_CLIENT_H

#include <jansson.h>

#include "base/buf.h"

#define FR_LINE_MAX (1024 * 1024) /* octets of one line */

struct fr_line_client {
    int fd;
    char path[108];
    struct fr_buf in;
};

/* FR_EUNREACHABLE says whether nobody listens there or we are not allowed. who is for
 * messages ("fieldrootd"). */
FR_MUST_USE enum fr_code fr_line_open(const char *path, const char *who,
                                      struct fr_line_client *ret, struct fr_err *err);
void fr_line_clear(struct fr_line_client *c);

FR_MUST_USE enum fr_code fr_line_send(struct fr_line_client *c, const json_t *object,
                                      struct fr_err *err);
/* The next line. timeout_ms -1: for ever. FR_EUNREACHABLE: closed or too late;
 * FR_EINVALID: not a JSON object or too long. The caller owns *ret. */
FR_MUST_USE enum fr_code fr_line_recv(struct fr_line_client *c, int timeout_ms,
                                      json_t **ret, struct fr_err *err);

#endif
