/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN 6, key confirmation: Ke and KeID of RSPF 5.8, credential psk:kpm-1@..., bodies
 * {"a":1} and {"b":2}.
 */
#ifndef FR_VECTORS_CONFIRM_H
#define FR_VECTORS_CONFIRM_H

#define VECTOR_CREDENTIAL "psk:kpm-1@mef.example.com"
#define VECTOR_REQUEST    "{\"a\":1}"
#define VECTOR_RESPONSE   "{\"b\":2}"
#define VECTOR_CONFIRM_K                                                               \
    "736bc97a177c57171f850c2bf5a789bf4e3c1470aa92d8f6b702becc98a71ba4"
#define VECTOR_MAC_ENROLEE                                                             \
    "c3de0071c281342f9783542aaec4349248af73175545b3fbbb131a4097601174"
#define VECTOR_MAC_MEF                                                                 \
    "f046c7d53230673aef5590b9c069b8499255be7bb12d733794e3dbc291f1a8b9"

#endif
