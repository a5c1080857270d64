/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer: the only process that holds the listeners' TLS private keys. It signs
 * handshakes for workers and does nothing else: no file, no peer, no other message.
 *
 * Keys are on P-256, P-384 or P-521: oneM2M knows no other (RSPF 6.2), and one kind of
 * signature is all that a worker can ask for.
 */
#ifndef FR_SERVER_SIGNER_SIGNER_H
#define FR_SERVER_SIGNER_SIGNER_H

#include "server/config.h"

#define FR_SIGNER_WORKERS_MAX 64
#define FR_SIGNER_PER_S       5000 /* signatures for one worker; what is over waits */

struct fr_signer;

/* Reads certificate and key of each listener that is on. FR_ECONFIG names the file: a
 * key that is not private, not on one of the curves, or not its certificate's. */
FR_MUST_USE enum fr_code fr_signer_open(const struct fr_server_config *config,
                                        struct fr_signer **ret, struct fr_err *err);
void fr_signer_free(struct fr_signer *s);
FR_DEFINE_AUTO(signer)

/* Serves the workers that the parent introduces (server/ipc/pass.h) until it closes
 * control_fd and the last of them has gone: FR_OK. A worker that asks for what is not
 * TLS is closed and logged. */
FR_MUST_USE enum fr_code fr_signer_run(struct fr_signer *s, int control_fd,
                                       struct fr_err *err);

#endif
