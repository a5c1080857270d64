/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's socket: one JSON object a line each way over a Unix stream, for root
 * and the daemon's own user (DESIGN 4). It checks form and length; what a call means is
 * the vault's business.
 */
#ifndef FR_SERVER_ADMIN_ADMIN_H
#define FR_SERVER_ADMIN_ADMIN_H

#include "server/http/exchange.h"

#define FR_ADMIN_LINE_MAX                                                              \
    ((size_t)320 * 1024) /* a whole instruction document and more */
#define FR_ADMIN_CLIENTS_MAX 64

struct fr_admin;

struct fr_admin_config {
    struct fr_worker_context *worker; /* borrowed */
    int listen_fd;                    /* stays the caller's */
    void (*empty)(void *arg);         /* drained */
    void *arg;
};

FR_MUST_USE enum fr_code fr_admin_new(const struct fr_admin_config *config,
                                      struct fr_admin **ret, struct fr_err *err);
void fr_admin_free(struct fr_admin *a);
void fr_admin_drain(struct fr_admin *a);

#endif
