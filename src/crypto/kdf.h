/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key hierarchy of oneM2M RSPF: from the TLS exporter to the key that a
 * target gets. All results are 32 octets. Functions fail only with FR_ENOMEM or
 * FR_EINTERNAL (no HMAC), or FR_EPARSE where an input is out of its limits.
 */
#ifndef FR_CRYPTO_KDF_H
#define FR_CRYPTO_KDF_H

#include "base/secret.h"
#include "base/str.h"

#define FR_EXPORTER_LABEL "EXPORTER-oneM2M-Bootstrap" /* TS-0003 10.3.1, no context */
#define FR_EXPORT_LEN     48
#define FR_RELKEYID_LEN   16 /* octets; 32 hex digits as text */
#define FR_KE_LEN         32
#define FR_SHA256_LEN     32
#define FR_BTID_FIRST_LEN 24 /* base64 of RAND */
#define FR_KEYID_MAX      (2 * FR_RELKEYID_LEN + 1 + FR_FQDN_MAX)

/* Which of TS-0003's derivations a target's key uses; equal at both ends [U-11]. */
#define FR_DERIVATIONS(X)                                                              \
    X(FR_DERIVE_USAGE, "usage") /* 10.3.7, the default */                              \
    X(FR_DERIVE_KM, "km")       /* 10.3.2, target is a MAF */                          \
    X(FR_DERIVE_KPSA, "kpsa")   /* 10.3.3, target is a CSE or AE */                    \
    X(FR_DERIVE_GBA, "gba")     /* TS 33.220 annex B */                                \
    X(FR_DERIVE_GBA_U, "gba-u") /* the same, Ks in the card */
enum fr_derivation {
#define X(id, name) id,
    FR_DERIVATIONS(X)
#undef X
};
const char *fr_derivation_name(enum fr_derivation d);
bool fr_derivation_by_name(const char *name, enum fr_derivation *ret);
/* gba and gba-u: of the method that made the credential, never of a target's choice. */
bool fr_derivation_is_gba(enum fr_derivation d);

/* exported: 48 octets. relkeyid: upper-case hex of the first 16 [U-8]; ke: last 32. */
FR_MUST_USE enum fr_code fr_kdf_split_export(struct fr_slice exported,
                                             char relkeyid[2 * FR_RELKEYID_LEN + 1],
                                             struct fr_secret **ke, struct fr_err *err);

/* "RELKEYID@mef-fqdn" (TS-0003 10.3.4). to: FR_KEYID_MAX + 1. */
char *fr_keyid_format(const char *relkeyid, const char *mef_fqdn,
                      char to[FR_KEYID_MAX + 1]);
/* Checks the form "32 hex digits@FQDN" and copies it, digits upper-cased and the name
 * lower-cased. */
bool fr_keyid_parse(struct fr_slice s, char to[FR_KEYID_MAX + 1]);
/* The same, or a B-TID: "base64(RAND)@FQDN" (TS 33.220 4.5.2), copied exactly, since
 * case counts in it. */
bool fr_keyid_any_parse(struct fr_slice s, char to[FR_KEYID_MAX + 1]);
/* What is before the '@' of one of them. */
bool fr_keyid_first_parse(struct fr_slice s, char to[FR_KEYID_MAX + 1]);
/* Which of the two one is that was parsed. */
bool fr_keyid_is_btid(const char *key_id);

FR_MUST_USE enum fr_code fr_kdf_km(const struct fr_secret *ke, const char *maf_id,
                                   struct fr_secret **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_kdf_kpsa(const struct fr_secret *ke,
                                     const char *enrolee_b_id, struct fr_secret **ret,
                                     struct fr_err *err);
/* suid as two ASCII digits [U-10]; target_fqdn: the target's FQDN form. */
FR_MUST_USE enum fr_code fr_kdf_usage(const struct fr_secret *ke, int suid,
                                      const char *target_fqdn, struct fr_secret **ret,
                                      struct fr_err *err);
/* The key that enrolee and target share, by derivation. km and kpsa take target_id;
 * gba and gba-u need more than this (crypto/gba.h): FR_EPARSE. */
struct fr_kdf_target {
    enum fr_derivation derivation;
    int suid;
    const char *id;   /* as in targetIDs: "//sp/cse" or FQDN */
    const char *fqdn; /* its FQDN form */
};
FR_MUST_USE enum fr_code fr_kdf_target_key(const struct fr_secret *ke,
                                           const struct fr_kdf_target *target,
                                           struct fr_secret **ret, struct fr_err *err);

FR_MUST_USE enum fr_code fr_sha256(struct fr_slice data, uint8_t ret[FR_SHA256_LEN],
                                   struct fr_err *err);
/* parts are hashed one after the other. */
FR_MUST_USE enum fr_code fr_hmac_sha256(struct fr_slice key,
                                        const struct fr_slice *parts, size_t n_parts,
                                        uint8_t ret[FR_SHA256_LEN], struct fr_err *err);
/* RFC 5869 with SHA-256; len 1..255 octets. salt may be empty. */
FR_MUST_USE enum fr_code fr_hkdf_sha256(const struct fr_secret *ikm,
                                        struct fr_slice salt, struct fr_slice info,
                                        size_t len, struct fr_secret **ret,
                                        struct fr_err *err);

#endif
