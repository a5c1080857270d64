/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of remote: the OpenSSL provider, and the question that it asks. */
#ifndef FR_SERVER_SIGNER_REMOTE_PROVIDER_H
#define FR_SERVER_SIGNER_REMOTE_PROVIDER_H

#include <openssl/core.h>

#include "server/signer/wire.h"

#define FR_REMOTE_PROVIDER "fieldroot-signer"
#define FR_REMOTE_PARAM_FD "fieldroot-fd" /* int, for fromdata */

OSSL_provider_init_fn fr_remote_provider_init;

/* One question to the signer: the length of what is in to; 0 when it does not answer,
 * after which the line is shut: a late answer must not be taken for the next one. */
size_t fr_remote_ask(int fd, enum fr_sign_kind kind, struct fr_slice octets,
                     uint8_t to[FR_SIGN_ANSWER_MAX]);

#endif
