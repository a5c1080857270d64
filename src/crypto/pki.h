/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small certificate authority on files, for `fieldrootctl ca`: secp256r1, SHA-256,
 * the profile of TS-0003 10.1.1 (keyUsage, SAN by flavour, nameConstraints on request).
 * Folder layout: <dir>/ca.pem, ca.key (0600), crl.pem, issued/<serial>.pem. Serials are
 * 127 random bits. The CA is its own anchor: a verifier needs ca.pem only.
 *
 * FR_EPARSE: a name or time that cannot be. FR_ECONFIG: the folder is not in order.
 * FR_ECONFLICT: a file that would be overwritten. FR_ESTORE: cannot write.
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
/* Makes a new key at key_path (0600) and its certificate at cert_path: the leaf only,
 * as the CA is the anchor. Never overwrites a key (FR_ECONFLICT). Without a common_name
 * the first SAN serves where it is short enough. Validity may lie in the past or the
 * future, for tests. */
FR_MUST_USE enum fr_code fr_pki_issue(const char *dir, const struct fr_pki_request *req,
                                      const char *cert_path, const char *key_path,
                                      struct fr_err *err);
/* Adds the certificate (PEM file) to crl.pem and signs it anew. NULL: just a new CRL.
 * A CRL is good for FR_PKI_CRL_DAYS. FR_EPARSE if this CA did not issue it. */
#define FR_PKI_CRL_DAYS 30
FR_MUST_USE enum fr_code fr_pki_revoke(const char *dir, const char *cert_path,
                                       struct fr_err *err);

/* What a certificate says, for people and scripts. */
struct fr_pki_facts {
    char subject[FR_ID_MAX + 1];
    char serial[2 * 20 + 1]; /* hex */
    struct fr_san sans[FR_SANS_MAX];
    size_t n_sans;
    char refused[FR_ID_MAX + 1]; /* "" or why no peer would be named by it */
    char spki[FR_ANCHOR_HEX + 1];
    char sha256[2 * FR_SHA256_LEN + 1]; /* of the DER */
    int64_t not_before, not_after;
    bool is_ca;
};
/* The first certificate of a PEM file. */
FR_MUST_USE enum fr_code fr_pki_describe(const char *cert_path,
                                         struct fr_pki_facts *ret, struct fr_err *err);

#endif
