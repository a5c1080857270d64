/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small certificate authority on files, for `fieldrootctl ca`: secp256r1, SHA-256,
 * the profile of TS-0003 10.1.1 (keyUsage, SAN by flavour, nameConstraints on request).
 * Folder layout: <dir>/ca.pem, ca.key (0600), crl.pem, serial, issued/<serial>.pem.
 */
#ifndef FR_CRYPTO_PKI_H
#define FR_CRYPTO_PKI_H

#include "base/env.h"
#include "crypto/peer.h"

struct fr_pki_request {
    const char *common_name;
    const struct fr_san *sans;
    size_t n_sans;
    int64_t not_before, not_after; /* seconds since 1970 */
    bool client, server;           /* extended key usage; both false: none written */
};

/* Makes the folder; refuses (FR_ECONFLICT) one that already has a ca.key.
 * permitted_dns: NULL, or one name for a nameConstraints permitted subtree. */
FR_MUST_USE enum fr_code fr_pki_init(const char *dir, const char *common_name,
                                     const char *permitted_dns, int64_t not_after,
                                     struct fr_err *err);
/* Makes a new key at key_path (0600) and its certificate with chain at cert_path. */
FR_MUST_USE enum fr_code fr_pki_issue(const char *dir, const struct fr_pki_request *req,
                                      const char *cert_path, const char *key_path,
                                      struct fr_err *err);
/* Adds the certificate (PEM file) to crl.pem and signs it anew. NULL: just a new CRL.
 */
FR_MUST_USE enum fr_code fr_pki_revoke(const char *dir, const char *cert_path,
                                       struct fr_err *err);

#endif
