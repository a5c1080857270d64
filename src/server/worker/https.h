/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTPS listener with one service: accepts within limits, runs the TLS handshake,
 * reads requests, hands them to the service one at a time a connection, writes the
 * answers. Everything slow has a deadline that the peer cannot move.
 */
#ifndef FR_SERVER_WORKER_HTTPS_H
#define FR_SERVER_WORKER_HTTPS_H

#include <openssl/ssl.h>

#include "server/http/exchange.h"

struct fr_https;

struct fr_https_config {
    struct fr_worker_context *worker; /* borrowed */
    const struct fr_service *service;
    SSL_CTX *tls;             /* borrowed; NULL: plain HTTP */
    int listen_fd;            /* shared with other workers; stays the caller's */
    void (*empty)(void *arg); /* drained: no connection is left */
    void *arg;
};

FR_MUST_USE enum fr_code fr_https_new(const struct fr_https_config *config,
                                      struct fr_https **ret, struct fr_err *err);
void fr_https_free(struct fr_https *h); /* cuts what is open */

/* Accepts no more, lets exchanges that are under way end, closes the rest. */
void fr_https_drain(struct fr_https *h);

#endif
