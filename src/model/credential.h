/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a successful bootstrap leaves on the device: Ke with everything needed to use
 * it, to renew it and to resolve a cut exchange. The text form (a file of the slot
 * store, 0600) is "fieldroot-credential 1", then "name=value" lines, then "crc=" over
 * all before it (CRC-32, 8 hex digits); strict, at most FR_CREDENTIAL_FILE_MAX octets.
 * One of GBA has more lines, and begins "fieldroot-credential 2".
 */
#ifndef FR_MODEL_CREDENTIAL_H
#define FR_MODEL_CREDENTIAL_H

#include "crypto/gba.h"
#include "crypto/kdf.h"

#define FR_CREDENTIAL_FILE_MAX 8192

struct fr_credential {
    char *method;
    char *mef;
    uint16_t port;
    char *target;      /* as registered */
    char *target_fqdn; /* its FQDN form: input of the usage-constrained key */
    int suid;
    char *admin_fqdn;
    enum fr_derivation derivation;
    char *key_id;              /* KeID */
    char *registration;        /* absolute path of symmKeyReg at the MEF */
    char *client_registration; /* absolute path of mefClientReg; may be NULL */
    char *credential_name;     /* key store entry it was made with; may be NULL */
    int64_t created, expires;  /* seconds since 1970 */
    bool confirmed;            /* the MEF proved that it holds Ke */
    struct fr_secret *ke;
    /* gba, gba-u (TS 33.220): Ke is Ks; or with gba-u, where Ks stays in the SIM, the
     * key that Ks gives to the MEF, and those that it gives to the target are here. */
    char *impi;
    uint8_t rand[FR_AKA_RAND_LEN];
    struct fr_secret *naf_keys[FR_N_UAS]; /* by enum fr_ua; NULL: not made yet */
    char *psk_identity;                   /* not in the file; NULL: key_id */
};

FR_MUST_USE enum fr_code fr_credential_new(struct fr_credential **ret,
                                           struct fr_err *err);
void fr_credential_free(struct fr_credential *c);
FR_DEFINE_AUTO(credential)
FR_MUST_USE enum fr_code fr_credential_copy(const struct fr_credential *c,
                                            struct fr_credential **ret,
                                            struct fr_err *err);

/* to should be FR_BUF_INIT_WIPE. */
FR_MUST_USE enum fr_code fr_credential_encode(const struct fr_credential *c,
                                              struct fr_buf *to, struct fr_err *err);
/* FR_EPARSE, reason "credential-file", for anything but a whole, intact file. */
FR_MUST_USE enum fr_code fr_credential_decode(struct fr_slice text,
                                              struct fr_credential **ret,
                                              struct fr_err *err);

/* The key shared with the target; of GBA that for TLS 1.2. */
FR_MUST_USE enum fr_code fr_credential_target_key(const struct fr_credential *c,
                                                  struct fr_secret **ret,
                                                  struct fr_err *err);
/* Of GBA there is one for each protocol in which it is used; of others just one.
 * FR_EINVALID "naf-key-missing": gba-u, and the SIM has not made it yet. */
FR_MUST_USE enum fr_code fr_credential_ua_key(const struct fr_credential *c,
                                              enum fr_ua ua, struct fr_secret **ret,
                                              struct fr_err *err);

/* It is made of a Ks that was here already for another target (method gba). Its
 * registration is where the MEF is asked for that [F]. */
#define FR_REUSED_PATH "/fieldroot/v1/gba/targets"
bool fr_credential_is_reused(const struct fr_credential *c);

/* What goes into psk_identity: the KeID, or for GBA what was chosen. */
#define FR_PSK_3GPP "3GPP-bootstrapping;" /* TS 24.109 5.3.3.1 [U] */
const char *fr_credential_identity(const struct fr_credential *c);
/* From now on with FR_PSK_3GPP in front, if it is of GBA. */
FR_MUST_USE enum fr_code fr_credential_identify_as_3gpp(struct fr_credential *c,
                                                        struct fr_err *err);
/* From now on its keys are those of another target of that FQDN, which Ks gives without
 * a bootstrap of its own; the MEF gives it to whom the operator allows. FR_EUSAGE:
 * "one-target", it is not of GBA, or its Ks is in the SIM. */
FR_MUST_USE enum fr_code fr_credential_aim_at(struct fr_credential *c, const char *fqdn,
                                              struct fr_err *err);
bool fr_credential_is_valid(const struct fr_credential *c, int64_t now);

/* What somebody looks for. */
typedef bool fr_fits_fn(const void *arg, const struct fr_credential *c);

#endif
