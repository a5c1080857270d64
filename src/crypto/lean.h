/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library context for TLS servers, where OpenSSL finds what it looks for at once.
 *
 * OpenSSL 3.0 collects every decoder of every provider each time it meets a public key
 * in a certificate, and asks each key type for all its names: a quarter of a mutual
 * handshake. This context has one provider that hands out the default provider's own
 * implementations, but of decoders only those for the public key of a certificate, and
 * of key types only those that TLS with certificates has.
 *
 * Nothing is replaced or left out that a handshake could ask for: the suites, groups,
 * signatures, digests, random numbers are those of the default provider, to the
 * pointer. Private keys cannot be read from files here; one that was read elsewhere can
 * be used.
 */
#ifndef FR_CRYPTO_LEAN_H
#define FR_CRYPTO_LEAN_H

#include <openssl/types.h>

#include "base/err.h"

/* The one of this process, made at the first call; never freed. Not for threads. */
FR_MUST_USE enum fr_code fr_lean_context(OSSL_LIB_CTX **ret, struct fr_err *err);

#endif
