/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BootstrappingInfo, the body of Ub's 200 (TS 24.109 annex C, application/
 * vnd.3gpp.bsf+xml), with our extension that names the target that was granted. Read
 * with expat: a DTD, an entity other than the five of XML, or a second of an element is
 * malformed; what we do not know is ignored. Only fr_gba_info_parse() needs expat, and
 * is apart for that (the dependency gba_info).
 */
#ifndef FR_PROTO_GBA_INFO_H
#define FR_PROTO_GBA_INFO_H

#include "crypto/gba.h"
#include "crypto/kdf.h"

#define FR_GBA_INFO_TYPE "application/vnd.3gpp.bsf+xml"
#define FR_GBA_INFO_MAX  8192
#define FR_GBA_INFO_NS   "uri:3gpp-gba"
#define FR_GBA_INFO_OURS "urn:fieldroot:gba"

struct fr_gba_info {
    char btid[FR_BTID_MAX + 1];
    int64_t lifetime;     /* seconds since 1970, absolute */
    int64_t current_time; /* of the GBA-BSF; 0: it did not say */
    /* <f:target id= fqdn= suid= adminFQDN=/> in Extension; id "": a peer without it */
    char target[FR_ID_MAX + 1], target_fqdn[FR_ID_MAX + 1], admin_fqdn[FR_ID_MAX + 1];
    int suid;
};

/* Each value within its limits, target's all or none. FR_EINVALID
 * "gba-info-malformed". */
FR_MUST_USE enum fr_code fr_gba_info_check(const struct fr_gba_info *info,
                                           struct fr_err *err);
/* Checks, and appends. */
FR_MUST_USE enum fr_code fr_gba_info_write(const struct fr_gba_info *info,
                                           struct fr_buf *to, struct fr_err *err);
/* FR_EINVALID "gba-info-malformed", with line; "gba-info-too-large". Whether btid's
 * domain and lifetime are right is the caller's to judge. */
FR_MUST_USE enum fr_code fr_gba_info_parse(struct fr_slice xml, struct fr_gba_info *ret,
                                           struct fr_err *err);

/* What a device that has Ks asks for besides: that the MEF gives this target too its
 * key, {"target":"<id>","suid":22}. */
#define FR_GBA_WISH_MAX 1024
struct fr_gba_wish {
    char target[FR_ID_MAX + 1];
    int suid;
};
FR_MUST_USE enum fr_code fr_gba_wish_write(const struct fr_gba_wish *wish,
                                           struct fr_buf *to, struct fr_err *err);
/* FR_EINVALID "mmef-malformed". Whether there are such a target and SUID is the
 * caller's to judge. */
FR_MUST_USE enum fr_code fr_gba_wish_parse(struct fr_slice json,
                                           struct fr_gba_wish *ret, struct fr_err *err);

/*
 * A proof that who says something holds Ks: a device after Ub, in Authorization; the
 * MEF of the body of its 200, in FR_GBA_PROOF_HEADER (method: FR_GBA_PROOF_ANSWER):
 *   Fieldroot btid="<B-TID>", mac="<base64url, no padding>"
 * mac = HMAC-SHA-256(K, F), K = HMAC-SHA-256(Ks_MEF, "Fieldroot key confirmation v1"),
 * Ks_MEF = the NAF key of the MEF itself (its FQDN, Ua id http-digest, gba-me), F = the
 * fields B-TID, MEF-FQDN, method, path and query, SHA-256 of the body, each after its
 * length in 4 octets, big-endian.
 */
#define FR_GBA_PROOF_HEADER "X-Fieldroot-Proof"
#define FR_GBA_PROOF_ANSWER "200"
struct fr_gba_proof {
    const char *btid, *mef_fqdn, *method, *path;
    uint8_t body_sha256[FR_SHA256_LEN];
};
/* FR_EPARSE: a field or Ks_MEF out of its limits. */
FR_MUST_USE enum fr_code fr_gba_proof_mac(const struct fr_secret *ks_mef,
                                          const struct fr_gba_proof *proof,
                                          uint8_t ret[FR_SHA256_LEN],
                                          struct fr_err *err);
FR_MUST_USE enum fr_code fr_gba_proof_write(const char *btid,
                                            const uint8_t mac[FR_SHA256_LEN],
                                            struct fr_buf *to, struct fr_err *err);
/* FR_EINVALID "authorization-malformed". */
FR_MUST_USE enum fr_code fr_gba_proof_parse(const char *value,
                                            char ret_btid[FR_BTID_MAX + 1],
                                            uint8_t ret_mac[FR_SHA256_LEN],
                                            struct fr_err *err);

#endif
