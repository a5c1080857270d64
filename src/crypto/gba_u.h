/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GBA_U (TS 33.220, 5.3.2): the network asks a card's GBA security context with AUTN*,
 * so that nobody takes CK and IK of that challenge out of the card's other context.
 */
#ifndef FR_CRYPTO_GBA_U_H
#define FR_CRYPTO_GBA_U_H

#include "crypto/aka.h"

/* MAC* = MAC xor Trunc(SHA-1(IK)), its first 64 bits [U]; the same again gives MAC
 * back. FR_EINTERNAL: no SHA-1. */
FR_MUST_USE enum fr_code fr_gba_u_mac(const uint8_t ik[FR_AKA_KEY_LEN],
                                      uint8_t mac[FR_AKA_MAC_LEN], struct fr_err *err);

#endif
