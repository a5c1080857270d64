/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, certificates and CRLs as OpenSSL objects, and their files; inside src/crypto.
 */
#ifndef FR_CRYPTO_PKI_BUILD_H
#define FR_CRYPTO_PKI_BUILD_H

#include <openssl/x509v3.h>

#include "crypto/pki.h"

/* A certificate and its private key; embedded storage that owns both. */
struct fr_pki_pair {
    X509 *cert;
    EVP_PKEY *key;
};

void fr_pki_pair_clear(struct fr_pki_pair *pair);
/* Moves; what is left is empty. */
struct fr_pki_pair fr_pki_pair_take(struct fr_pki_pair *pair);

/* ca.pem and ca.key of a folder: readable, private, and belonging together. */
FR_MUST_USE enum fr_code fr_pki_load_ca(const char *dir, struct fr_pki_pair *ret,
                                        struct fr_err *err);

/* A new key with its self-signed CA certificate. */
FR_MUST_USE enum fr_code fr_pki_build_ca(const char *common_name,
                                         const char *permitted_dns, int64_t not_before,
                                         int64_t not_after, struct fr_pki_pair *ret,
                                         struct fr_err *err);
/* A new key with a certificate signed by ca, which verifies under ca (time apart). */
FR_MUST_USE enum fr_code fr_pki_build_leaf(const struct fr_pki_pair *ca,
                                           const struct fr_pki_request *req,
                                           struct fr_pki_pair *ret, struct fr_err *err);

/* Signs a CRL that revokes what old (or NULL) does, and revoked (or NULL). */
FR_MUST_USE enum fr_code fr_pki_write_crl(const char *path,
                                          const struct fr_pki_pair *ca, X509_CRL *old,
                                          X509 *revoked, struct fr_err *err);

bool fr_pki_set_time(ASN1_TIME *to, int64_t t);

/* Creates path, which must not exist (FR_ECONFLICT), for the owner only. */
FR_MUST_USE enum fr_code fr_pki_write_key(const char *path, EVP_PKEY *key,
                                          struct fr_err *err);
FR_MUST_USE enum fr_code fr_pki_write_cert(const char *path, X509 *cert,
                                           struct fr_err *err);
/* Writes what bio holds and frees bio; NULL is FR_ENOMEM. */
FR_MUST_USE enum fr_code fr_pki_write_bio(const char *path, BIO *bio,
                                          struct fr_err *err);

#endif
