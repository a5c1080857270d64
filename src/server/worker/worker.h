/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker process: one listener, its service, a line to the vault. It parses what
 * peers send, and never has the database, the key-encryption key or a
 * TLS key.
 *
 * Two steps, so that the TLS files are read before privileges are dropped.
 */
#ifndef FR_SERVER_WORKER_WORKER_H
#define FR_SERVER_WORKER_WORKER_H

#include "server/config.h"
#include "server/worker/flood.h"

#define FR_DRAIN_MS 4000 /* of an end in order; the parent waits a second more */

struct fr_worker_process;

/* Reads certificates and CRLs of the listener; its key stays with the signer. */
FR_MUST_USE enum fr_code fr_worker_prepare(const struct fr_server_config *config,
                                           enum fr_worker type,
                                           struct fr_worker_process **ret,
                                           struct fr_err *err);
void fr_worker_process_free(struct fr_worker_process *p);
FR_DEFINE_AUTO(worker_process)

struct fr_worker_fds {
    int listen;             /* shared with other workers; stays the caller's */
    int vault;              /* taken */
    int signer;             /* taken; -1: the listener speaks no TLS */
    struct fr_flood *flood; /* shared memory; NULL: no limit */
};

/* Told when all is set up, before the first connection is accepted. */
typedef enum fr_code fr_worker_ready_fn(void *arg, struct fr_err *err);

/* Runs until SIGTERM (FR_OK, drained) or until vault or signer goes (FR_EUNREACHABLE).
 * ready's failure is the run's. */
FR_MUST_USE enum fr_code fr_worker_run(struct fr_worker_process *p,
                                       const struct fr_worker_fds *fds,
                                       fr_worker_ready_fn *ready, void *arg,
                                       struct fr_err *err);

#endif
