/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP Digest with AKA (RFC 3310 AKAv1-MD5, RFC 4169 AKAv2-MD5, RFC 7616), as Ub has it
 * (TS 24.109 clause 4): the headers' text and the numbers in them. Pure; both ends.
 *
 * Reading is strict: known parameters once each, quoted or not as either form is seen
 * in the field, values without control characters, base64 that is base64.
 */
#ifndef FR_PROTO_AKA_DIGEST_H
#define FR_PROTO_AKA_DIGEST_H

#include "base/secret.h"
#include "crypto/gba.h"

#define FR_DIGEST_LEN        16 /* MD5 */
#define FR_DIGEST_HEX        32
#define FR_DIGEST_HEADER_MAX 4096 /* octets of one header's value */
#define FR_DIGEST_VALUE_MAX  FR_ID_MAX

enum fr_aka_version { FR_AKAV1_MD5, FR_AKAV2_MD5 };

/* WWW-Authenticate. */
struct fr_digest_challenge {
    char realm[FR_DIGEST_VALUE_MAX + 1];
    char nonce[FR_DIGEST_VALUE_MAX + 1];  /* as it stands: it is hashed */
    char opaque[FR_DIGEST_VALUE_MAX + 1]; /* "": none */
    enum fr_aka_version version;
    uint8_t rand[FR_AKA_RAND_LEN], autn[FR_AKA_AUTN_LEN]; /* of the nonce */
};
/* FR_EINVALID "challenge-malformed", "nonce-length" (32 octets exactly);
 * FR_EUNSUPPORTED "digest-algorithm", "digest-qop" (auth-int must be offered). */
FR_MUST_USE enum fr_code fr_digest_challenge_parse(const char *value,
                                                   struct fr_digest_challenge *ret,
                                                   struct fr_err *err);
/* Fills nonce from rand and autn, and appends the header's value. */
FR_MUST_USE enum fr_code fr_digest_challenge_write(struct fr_digest_challenge *c,
                                                   struct fr_buf *to,
                                                   struct fr_err *err);

/* Authorization. */
struct fr_digest_auth {
    char username[FR_DIGEST_VALUE_MAX + 1];
    char realm[FR_DIGEST_VALUE_MAX + 1];
    char nonce[FR_DIGEST_VALUE_MAX + 1]; /* "": the first request */
    char uri[FR_DIGEST_VALUE_MAX + 1];
    char opaque[FR_DIGEST_VALUE_MAX + 1];
    char cnonce[FR_DIGEST_VALUE_MAX + 1];
    char nc[9];                       /* "00000001"; "": none */
    char response[FR_DIGEST_HEX + 1]; /* lower case; "": none */
    enum fr_aka_version version;
    bool has_auth_int; /* qop */
    bool has_auts;
    uint8_t auts[FR_AKA_AUTS_LEN];
};
/* FR_EINVALID "authorization-malformed": username, realm and uri must be there, and
 * with a response nonce, nc, cnonce and qop=auth-int; auts stands beside a response
 * alone. Without an algorithm it is AKAv1. */
FR_MUST_USE enum fr_code fr_digest_auth_parse(const char *value,
                                              struct fr_digest_auth *ret,
                                              struct fr_err *err);
/* The three writers: FR_EPARSE for a value that cannot stand between quotation marks.
 */
FR_MUST_USE enum fr_code fr_digest_auth_write(const struct fr_digest_auth *a,
                                              struct fr_buf *to, struct fr_err *err);

/* Authentication-Info; without rspauth it is "". FR_EINVALID
 * "authentication-info-malformed". */
struct fr_digest_info {
    char rspauth[FR_DIGEST_HEX + 1], cnonce[FR_DIGEST_VALUE_MAX + 1], nc[9];
    bool has_auth_int;
};
FR_MUST_USE enum fr_code fr_digest_info_parse(const char *value,
                                              struct fr_digest_info *ret,
                                              struct fr_err *err);
FR_MUST_USE enum fr_code fr_digest_info_write(const struct fr_digest_info *i,
                                              struct fr_buf *to, struct fr_err *err);

/* The password: RES itself for AKAv1 (it may hold NUL), base64(HMAC-MD5(RES || IK ||
 * CK, "http-digest-akav2-password")) for AKAv2 [U on Ub]. res of length 0: a
 * resynchronisation, the empty password (*ret is NULL). FR_EPARSE: other lengths than
 * those of crypto/aka.h. */
struct fr_aka_keys {
    struct fr_slice res, ck, ik;
};
FR_MUST_USE enum fr_code fr_digest_password(enum fr_aka_version version,
                                            const struct fr_aka_keys *keys,
                                            struct fr_secret **ret, struct fr_err *err);

/* request-digest (qop auth-int) of a with body, and rspauth with method "" (RFC 7616
 * 3.4, 3.5). password may be NULL: empty. */
FR_MUST_USE enum fr_code fr_digest_compute(const struct fr_digest_auth *a,
                                           const struct fr_secret *password,
                                           const char *method, struct fr_slice body,
                                           char ret[FR_DIGEST_HEX + 1],
                                           struct fr_err *err);
/* Constant time. Only digests are equal, never two empty texts. */
bool fr_digest_equal(const char *a, const char *b);

#endif
