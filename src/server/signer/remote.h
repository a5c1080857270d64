/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener's key as its worker has it: an EVP_PKEY without the private half, whose
 * signatures come from the signer. OpenSSL gets it as a provider of its own (public
 * API of 3.0 only), so that libssl uses it like any key; what libssl wants signed goes
 * to the signer whole.
 *
 * A signature blocks: one send, one recv, of a process that does nothing else.
 */
#ifndef FR_SERVER_SIGNER_REMOTE_H
#define FR_SERVER_SIGNER_REMOTE_H

#include <openssl/x509.h>

#include "base/buf.h"

struct fr_remote_key;

/* The key of cert (borrowed), at the signer behind fd (which stays the caller's, and
 * open until after the key). FR_EUNREACHABLE: no signer; FR_ECONFIG: the signer has
 * another certificate's. libctx: NULL, or what the SSL_CTX was made with. */
FR_MUST_USE enum fr_code fr_remote_key_new(OSSL_LIB_CTX *libctx, X509 *cert, int fd,
                                           struct fr_remote_key **ret,
                                           struct fr_err *err);
/* After whatever uses it. */
void fr_remote_key_free(struct fr_remote_key *k);
FR_DEFINE_AUTO(remote_key)

EVP_PKEY *fr_remote_key_pkey(struct fr_remote_key *k); /* borrowed */

#endif
