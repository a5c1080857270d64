/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key confirmation (DESIGN 6): each end proves that it holds Ke and that both saw
 * the same key registration.
 */
#ifndef FR_CRYPTO_CONFIRM_H
#define FR_CRYPTO_CONFIRM_H

#include "crypto/kdf.h"

enum fr_confirm_role { FR_CONFIRM_ENROLEE, FR_CONFIRM_MEF };

struct fr_confirm_fields {
    const char *key_id;
    const char *mef_fqdn;
    const char *credential; /* "cert:" + hex SHA-256 of leaf DER, or "psk:" + KpmID */
    uint8_t request_sha256[FR_SHA256_LEN];  /* of the key registration's request body */
    uint8_t response_sha256[FR_SHA256_LEN]; /* of its response body */
};

FR_MUST_USE enum fr_code fr_confirm_mac(const struct fr_secret *ke,
                                        enum fr_confirm_role role,
                                        const struct fr_confirm_fields *fields,
                                        uint8_t ret[FR_SHA256_LEN], struct fr_err *err);
/* Constant time; FR_EREFUSED reason "confirmation-mismatch". */
FR_MUST_USE enum fr_code fr_confirm_check(const struct fr_secret *ke,
                                          enum fr_confirm_role role,
                                          const struct fr_confirm_fields *fields,
                                          struct fr_slice mac, struct fr_err *err);

/* What such MACs have in common: HMAC-SHA-256(K, head || F), K made of key by our
 * label, F the fields, each after its length in 4 octets. n <= FR_CONFIRM_FIELDS_MAX.
 */
#define FR_CONFIRM_FIELDS_MAX 5
FR_MUST_USE enum fr_code fr_confirm_fields_mac(const struct fr_secret *key,
                                               const char *head,
                                               const struct fr_slice *fields, size_t n,
                                               uint8_t ret[FR_SHA256_LEN],
                                               struct fr_err *err);

/* "cert:<hex>" of a leaf's SHA-256. */
#define FR_CREDENTIAL_REF_MAX (5 + FR_ID_MAX)
char *fr_confirm_cert_ref(const uint8_t leaf_sha256[FR_SHA256_LEN],
                          char to[FR_CREDENTIAL_REF_MAX + 1]);

#endif
