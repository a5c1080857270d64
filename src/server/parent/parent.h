/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent process: binds and keeps every socket, starts the vault and the workers,
 * replaces what dies, ends all in order. It parses nothing and holds no key.
 *
 *   SIGTERM, SIGINT  workers end what they have begun (5 s at most), then the vault
 *   SIGHUP           new workers with certificates and CRLs read anew; the old ones end
 */
#ifndef FR_SERVER_PARENT_PARENT_H
#define FR_SERVER_PARENT_PARENT_H

#include "server/config.h"

/* Blocks until it is told to end. ready_fd gets one octet when all children run, and is
 * closed; -1: nobody waits. A child that fails before that ends the start with its own
 * code. FR_EBUSY: another fieldrootd has the run folder. */
FR_MUST_USE enum fr_code fr_parent_run(const struct fr_server_config *config,
                                       int ready_fd, struct fr_err *err);

#endif
