/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker process: one listener, its service, a line to the vault. It parses what
 * peers send, and never has the database or the key-encryption key.
 *
 * Two steps, so that the TLS files are read before privileges are dropped.
 */
#ifndef FR_SERVER_WORKER_WORKER_H
#define FR_SERVER_WORKER_WORKER_H

#include "server/config.h"

#define FR_DRAIN_MS 4000 /* of an end in order; the parent waits a second more */

struct fr_worker_process;

/* Reads certificates, keys and CRLs of the listener. */
FR_MUST_USE enum fr_code fr_worker_prepare(const struct fr_server_config *config,
                                           enum fr_worker type,
                                           struct fr_worker_process **ret,
                                           struct fr_err *err);
void fr_worker_process_free(struct fr_worker_process *p);
FR_DEFINE_AUTO(worker_process)

/* Runs until SIGTERM (FR_OK, drained) or until the vault goes (FR_EUNREACHABLE). Takes
 * vault_fd; ready is told when connections are accepted. */
FR_MUST_USE enum fr_code fr_worker_run(struct fr_worker_process *p, int listen_fd,
                                       int vault_fd, void (*ready)(void *arg),
                                       void *arg, struct fr_err *err);

#endif
