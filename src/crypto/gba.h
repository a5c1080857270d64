/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the Generic Bootstrapping Architecture (TS 33.220, annexes B and H): what
 * Ks gives to a NAF. AKMA (TS 33.535) uses the same KDF and the same Ua identifiers.
 */
#ifndef FR_CRYPTO_GBA_H
#define FR_CRYPTO_GBA_H

#include "base/secret.h"
#include "base/str.h"
#include "crypto/aka.h"

#define FR_KS_LEN   32 /* CK || IK */
#define FR_UA_LEN   5
#define FR_IMSI_MAX 15
#define FR_IMPI_MAX FR_ID_MAX
#define FR_BTID_MAX FR_ID_MAX

/* Ua security protocol identifiers (TS 33.220 H.3): what a NAF key is for. For TLS 1.2
 * and DTLS 1.2 the last two octets are the negotiated suite [U]. X(id, name, octets) */
#define FR_UAS(X)                                                                      \
    X(FR_UA_TLS12, "tls1.2",                                                           \
      "\x01\x00\x01\x00\xae") /* TLS_PSK_WITH_AES_128_CBC_SHA256 */                    \
    X(FR_UA_DTLS12, "dtls1.2",                                                         \
      "\x01\x00\x01\xc0\xa8")                        /* TLS_PSK_WITH_AES_128_CCM_8 */  \
    X(FR_UA_TLS13, "tls1.3", "\x01\x00\x00\x00\x07") /* TS 33.222 5.4.0.2 */           \
    X(FR_UA_HTTP_DIGEST, "http-digest", "\x01\x00\x00\x00\x02") /* TS 24.109 */
enum fr_ua {
#define X(id, name, octets) id,
    FR_UAS(X)
#undef X
        FR_N_UAS
};
const char *fr_ua_name(enum fr_ua ua);
bool fr_ua_by_name(const char *name, enum fr_ua *ret);
struct fr_slice fr_ua_octets(enum fr_ua ua); /* FR_UA_LEN of them */

/* Which key of Ks: Ks_NAF and Ks_ext_NAF ("gba-me"), or Ks_int_NAF ("gba-u"). */
enum fr_gba_key { FR_GBA_ME, FR_GBA_U };

/* KDF(Ks, "gba-me" or "gba-u", RAND, IMPI, NAF_Id), NAF_Id = naf_fqdn || ua's octets.
 * 32 octets. FR_EPARSE for names out of their limits; else as in crypto/kdf.h. */
struct fr_gba_naf {
    enum fr_gba_key key;
    struct fr_slice rand; /* FR_AKA_RAND_LEN */
    const char *impi;     /* never the TMPI */
    const char *naf_fqdn;
    enum fr_ua ua;
};
FR_MUST_USE enum fr_code fr_gba_naf_key(const struct fr_secret *ks,
                                        const struct fr_gba_naf *naf,
                                        struct fr_secret **ret, struct fr_err *err);
/* The octets that a card's NAF derivation takes. */
FR_MUST_USE enum fr_code fr_gba_naf_id(const char *naf_fqdn, enum fr_ua ua,
                                       struct fr_buf *to, struct fr_err *err);

/* TMPI: base64 of 24 octets of the KDF "@tmpi.bsf.3gppnetwork.org" (TS 33.220 annex
 * B.4). to: FR_ID_MAX + 1. */
FR_MUST_USE enum fr_code fr_gba_tmpi(const struct fr_secret *ks, struct fr_slice rand,
                                     const char *impi, const char *bsf_fqdn,
                                     char to[FR_ID_MAX + 1], struct fr_err *err);
/* What is before its '@', and says whose it is. False: that is no TMPI. */
#define FR_TMPI_USER_LEN 32
bool fr_tmpi_user(const char *username, char to[FR_TMPI_USER_LEN + 1]);

/* "base64(RAND)@bsf" (TS 33.220 4.5.2). Opaque to everybody else, and case counts. */
char *fr_btid_format(const uint8_t rand[FR_AKA_RAND_LEN], const char *bsf_fqdn,
                     char to[FR_BTID_MAX + 1]);
/* An NAI: no control character or space, one '@', behind it an FQDN that equals
 * bsf_fqdn in any case (NULL: any FQDN). */
bool fr_btid_is_valid(const char *btid, const char *bsf_fqdn);

/* 6 to 15 digits. */
bool fr_imsi_is_valid(const char *imsi);
/* "IMSI@ims.mncMMM.mccCCC.3gppnetwork.org" (TS 23.003 13.3); mnc_digits 2 or 3. */
FR_MUST_USE enum fr_code fr_impi_of_imsi(const char *imsi, int mnc_digits,
                                         char to[FR_IMPI_MAX + 1], struct fr_err *err);
/* The IMSI before the '@' of such an IMPI, whatever the domain. False if there is none
 * (an ISIM's own IMPI). */
bool fr_imsi_of_impi(const char *impi, char to[FR_IMSI_MAX + 1]);

#endif
