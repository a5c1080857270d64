/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end: a sum type {none, certificate, psk}. A certificate's
 * identity is scoped: the anchor at the end of the verified chain belongs to it, so
 * that a second CA cannot issue the first one's device (DESIGN 6).
 */
#ifndef FR_CRYPTO_PEER_H
#define FR_CRYPTO_PEER_H

#include <openssl/x509.h>

#include "crypto/kdf.h"

/* X(id, text): SAN types that can name an entity (TS-0003 10.1.1). */
#define FR_SAN_TYPES(X)                                                                \
    X(FR_SAN_DNS, "dns")                                                               \
    X(FR_SAN_URI, "uri")                                                               \
    X(FR_SAN_OTHER, "other") /* otherName: value is "<oid>;<UTF-8 text>" */            \
    X(FR_SAN_RID, "rid")     /* registeredID: a dotted OID */
enum fr_san_type {
#define X(id, text) id,
    FR_SAN_TYPES(X)
#undef X
};

#define FR_SANS_MAX   8
#define FR_ANCHOR_HEX (2 * FR_SHA256_LEN) /* hex SHA-256 of the anchor's SPKI */

struct fr_san {
    enum fr_san_type type;
    char value[FR_ID_MAX + 1]; /* dns: lower-cased */
};

enum fr_peer_kind { FR_PEER_NONE, FR_PEER_CERTIFICATE, FR_PEER_PSK };

struct fr_peer {
    enum fr_peer_kind kind;
    /* certificate */
    char anchor[FR_ANCHOR_HEX + 1];
    struct fr_san sans[FR_SANS_MAX];
    size_t n_sans;
    uint8_t leaf_sha256[FR_SHA256_LEN];
    char subject[FR_ID_MAX + 1]; /* for people only */
    /* psk */
    char psk_identity[FR_ID_MAX + 1];
};

const char *fr_san_type_name(enum fr_san_type type);

/* "dns:dev1.example.com": parses and checks; FR_EPARSE says what is allowed.
 * format: to has FR_SAN_TEXT_MAX + 1. */
#define FR_SAN_TEXT_MAX (6 + FR_ID_MAX)
FR_MUST_USE enum fr_code fr_san_parse(const char *text, struct fr_san *ret,
                                      struct fr_err *err);
char *fr_san_format(const struct fr_san *san, char to[FR_SAN_TEXT_MAX + 1]);

/* From a chain that libssl has verified (leaf first, anchor last). SANs that cannot be
 * kept exactly (too long, embedded NUL, not UTF-8, wildcard) make the certificate
 * refused: FR_EREFUSED reason "peer-name". No usable SAN at all is refused too. */
FR_MUST_USE enum fr_code fr_peer_from_chain(const STACK_OF(X509) * verified,
                                            struct fr_peer *ret, struct fr_err *err);
/* Reads the names only (anchor stays empty): for messages about unverified peers. */
FR_MUST_USE enum fr_code fr_peer_from_leaf(X509 *leaf, struct fr_peer *ret,
                                           struct fr_err *err);

/* True if one SAN of type dns (or uri equal to it) is exactly fqdn; no wildcards. */
bool fr_peer_has_fqdn(const struct fr_peer *peer, const char *fqdn);

/* First SAN as text, or "psk:<identity>", or "nobody"; for messages. */
char *fr_peer_format(const struct fr_peer *peer, char to[FR_SAN_TEXT_MAX + 1]);

/* hex SHA-256 of the SubjectPublicKeyInfo. */
FR_MUST_USE enum fr_code fr_x509_spki_hex(X509 *cert, char to[FR_ANCHOR_HEX + 1],
                                          struct fr_err *err);
/* SHA-256 of the whole certificate in DER. */
FR_MUST_USE enum fr_code fr_x509_sha256(X509 *cert, uint8_t ret[FR_SHA256_LEN],
                                        struct fr_err *err);
/* The subject as RFC 2253 text, for people only; cut at size. Returns to. */
char *fr_x509_subject(X509 *cert, char *to, size_t size);
/* Every certificate of a PEM file, at least one; FR_ECONFIG names file and reason. */
FR_MUST_USE enum fr_code fr_x509_read_pem(const char *path, STACK_OF(X509) * *ret,
                                          struct fr_err *err);
/* A private key in PEM; one that is encrypted is FR_ECONFIG, as no key at all is. The
 * octets are the caller's to wipe. */
FR_MUST_USE enum fr_code fr_x509_key_from_pem(struct fr_slice pem, EVP_PKEY **ret,
                                              struct fr_err *err);

#endif
