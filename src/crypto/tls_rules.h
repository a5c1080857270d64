/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of our TLS speak; libssl's lists. */
#ifndef FR_CRYPTO_TLS_RULES_H
#define FR_CRYPTO_TLS_RULES_H

/* TLS 1.2: forward secret and authenticated encryption, then the one suite that every
 * oneM2M server has (TS-0003 10.2.3). */
#define FR_TLS_SUITES        "ECDHE+AESGCM:ECDHE+CHACHA20:" FR_TLS_SUITES_ONEM2M
#define FR_TLS_SUITES_ONEM2M "ECDHE-ECDSA-AES128-SHA256"

#define FR_TLS_GROUPS        "X25519:P-256"
#define FR_TLS_GROUPS_ONEM2M "P-256"

/* What certificates are signed with: both ends say it in each handshake, and OpenSSL's
 * own list has twenty more, which nobody uses. */
#define FR_TLS_SIGNATURES                                                              \
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:"                                  \
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"                     \
    "RSA+SHA256:RSA+SHA384:RSA+SHA512"

#endif
