/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The octets of 3GPP authentication and key agreement (TS 33.102): what a SIM is asked,
 * and what it answers.
 */
#ifndef FR_CRYPTO_AKA_H
#define FR_CRYPTO_AKA_H

#include "base/secret.h"

#define FR_AKA_RAND_LEN 16
#define FR_AKA_AUTN_LEN 16 /* SQN xor AK (6), AMF (2), MAC-A (8) */
#define FR_AKA_AUTS_LEN 14 /* SQN_MS xor AK* (6), MAC-S (8) */
#define FR_AKA_RES_MIN  4
#define FR_AKA_RES_MAX  16
#define FR_AKA_KEY_LEN  16 /* K, OP, OPc, CK, IK */
#define FR_AKA_SQN_LEN  6
#define FR_AKA_AMF_LEN  2
#define FR_AKA_MAC_LEN  8

/* How a challenge ended that the SIM understood. */
enum fr_aka_verdict {
    FR_AKA_OK,
    FR_AKA_SYNC /* SQN out of range: auts */
};
struct fr_aka_answer {
    enum fr_aka_verdict verdict;
    uint8_t res[FR_AKA_RES_MAX]; /* OK; it may hold NUL */
    size_t res_len;
    struct fr_secret
        *ks; /* OK: CK || IK; NULL with GBA_U, where it stays in the card */
    uint8_t auts[FR_AKA_AUTS_LEN]; /* SYNC */
};
void fr_aka_answer_clear(struct fr_aka_answer *a); /* wipes */

#endif
