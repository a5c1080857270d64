/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network's side of AKA for tests of SIMs: the home network (AuC) of one
 * subscriber, K and OPc of set 1 of TS 35.208. Only Milenage's f functions are shared
 * with our SIMs.
 */
#ifndef FR_FAKE_AUC_H
#define FR_FAKE_AUC_H

#include "crypto/milenage.h"

#define AUC_K   "465b5ce8b199b49faa5f0a2ee238a6bc"
#define AUC_OPC "cd63cb71954a9f4e48a5994e37a02baf"

struct fr_auc_vector {
    uint8_t rand[FR_AKA_RAND_LEN], autn[FR_AKA_AUTN_LEN];
    struct fr_milenage_out out;
};

/* A challenge with this SQN (48 bits); gba_u: AUTN*. RAND is n, so that a test tells
 * which differ. Asserts. */
void fr_auc_challenge(uint64_t sqn, uint16_t amf, bool gba_u, uint8_t n,
                      struct fr_auc_vector *ret);
/* SQN_MS of an AUTS that answers rand, whose MAC-S it asserts. */
uint64_t fr_auc_resync(const uint8_t *rand, const uint8_t *auts);

#endif
