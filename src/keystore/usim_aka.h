/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a USIM computes: whether AUTN is our home network's and new, and what the answer
 * is (TS 33.102, 6.3.3, 6.3.5 and annex C; Milenage). No I/O: whoever accepts a
 * challenge stores what has become of `sqn` before anybody sees the answer.
 */
#ifndef FR_KEYSTORE_USIM_AKA_H
#define FR_KEYSTORE_USIM_AKA_H

#include "crypto/milenage.h"

#define FR_IND_BITS_MAX 5
#define FR_SQN_MAX      UINT64_C(0xffffffffffff)

/*
 * SQN = SEQ || IND (annex C.1.1.1): vectors made in different places of the network
 * have different IND and need not come in one order. A SEQ is accepted if it is greater
 * than the greatest accepted with its IND, and not more than 2^28 above the greatest of
 * all (C.2.1, against a network that would wrap it round).
 */
struct fr_usim_aka {
    struct fr_milenage milenage;
    uint16_t
        amf_zero; /* bits of AMF that must be 0: 8000 refuses vectors for LTE (H) */
    int ind_bits; /* 0 to FR_IND_BITS_MAX */
    uint64_t sqn[1 << FR_IND_BITS_MAX]; /* by IND, the greatest accepted */
};

/* An unspent card: sqn is the greatest accepted, whatever its IND. */
void fr_usim_aka_set_sqn(struct fr_usim_aka *a, uint64_t sqn);

/* gba_u: autn is AUTN*. FR_AKA_OK: a->sqn has moved on, and ret has Ks (with gba_u it
 * is the caller's business to keep it in). FR_EREFUSED "aka-mac", "aka-amf". */
FR_MUST_USE enum fr_code fr_usim_aka_check(struct fr_usim_aka *a, const uint8_t *rand,
                                           const uint8_t *autn, bool gba_u,
                                           struct fr_aka_answer *ret,
                                           struct fr_err *err);

#endif
