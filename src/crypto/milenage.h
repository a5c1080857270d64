/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Milenage, the example algorithm set of 3GPP authentication and key agreement (TS
 * 35.206): f1 to f5*, as a SIM computes them. AUTN and AUTS around them (TS 33.102) are
 * the SIM's business, and the network's side is the HSS's. Vectors: TS 35.208.
 *
 * FR_EPARSE: K, OP or OPc of another length than 16 octets. FR_EINTERNAL: no AES.
 */
#ifndef FR_CRYPTO_MILENAGE_H
#define FR_CRYPTO_MILENAGE_H

#include "crypto/aka.h"

/* K and OPc, and the permanent secret of a subscriber in both. */
struct fr_milenage {
    struct fr_secret *k, *opc; /* 16 octets each; borrowed */
};

/* OPc = OP xor E_K(OP). 16 octets in and out. */
FR_MUST_USE enum fr_code fr_milenage_opc(const struct fr_secret *k,
                                         const struct fr_secret *op,
                                         struct fr_secret **ret, struct fr_err *err);

/* MAC-A (f1) and MAC-S (f1*). */
struct fr_milenage_macs {
    uint8_t a[FR_AKA_MAC_LEN], s[FR_AKA_MAC_LEN];
};
FR_MUST_USE enum fr_code fr_milenage_f1(const struct fr_milenage *m,
                                        const uint8_t rand[FR_AKA_RAND_LEN],
                                        const uint8_t sqn[FR_AKA_SQN_LEN],
                                        const uint8_t amf[FR_AKA_AMF_LEN],
                                        struct fr_milenage_macs *ret,
                                        struct fr_err *err);

/* f2 to f5*: all that follows from RAND alone. Wipe with fr_milenage_out_clear(). */
struct fr_milenage_out {
    uint8_t res[8], ck[FR_AKA_KEY_LEN], ik[FR_AKA_KEY_LEN];
    uint8_t ak[FR_AKA_SQN_LEN], ak_star[FR_AKA_SQN_LEN]; /* f5, f5* */
};
FR_MUST_USE enum fr_code fr_milenage_f2345(const struct fr_milenage *m,
                                           const uint8_t rand[FR_AKA_RAND_LEN],
                                           struct fr_milenage_out *ret,
                                           struct fr_err *err);
void fr_milenage_out_clear(struct fr_milenage_out *out);

#endif
