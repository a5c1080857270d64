/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subject alternative names between X.509 and struct fr_san, inside src/crypto. What
 * cannot be kept exactly is refused, never cut or replaced.
 */
#ifndef FR_CRYPTO_SAN_H
#define FR_CRYPTO_SAN_H

#include <openssl/x509v3.h>

#include "crypto/peer.h"

/* Reads at most FR_SANS_MAX; names of types that cannot name an entity (address,
 * mailbox, directory name) are passed over. FR_EREFUSED reason "peer-name". */
FR_MUST_USE enum fr_code fr_san_of_cert(X509 *cert, struct fr_san sans[FR_SANS_MAX],
                                        size_t *ret_n, struct fr_err *err);

/* The X.509 form of a checked name; the caller frees it with GENERAL_NAME_free. */
FR_MUST_USE enum fr_code fr_san_to_general(const struct fr_san *san, GENERAL_NAME **ret,
                                           struct fr_err *err);

#endif
