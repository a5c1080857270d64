/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a software USIM. Its lines stand in one order; those with a default may
 * be left out:
 *
 *     fieldroot-usim 1
 *     imsi=001010000000001
 *     mnc-digits=2                2 or 3; default 2
 *     k=465b5ce8b199b49faa5f0a2ee238a6bc
 *     opc=cd63cb71954a9f4e48a5994e37a02baf      or op=
 *     amf-zero=0000               bits of AMF that must be 0; default 0000
 *     gba-u=no                    yes or no; default no
 *     ind-bits=5                  0 to 5; default 5
 *     sqn=000000000000            the greatest accepted: one for all, or one for each
 *                                 IND in their order, separated by commas
 */
#ifndef FR_KEYSTORE_USIM_TEXT_H
#define FR_KEYSTORE_USIM_TEXT_H

#include "crypto/gba.h"
#include "keystore/usim_aka.h"

#define FR_USIM_TEXT_MAX 1024

struct fr_usim_profile {
    char imsi[FR_IMSI_MAX + 1];
    int mnc_digits;
    bool gba_u;
    struct fr_usim_aka aka; /* its K and OPc are owned */
};
void fr_usim_profile_clear(struct fr_usim_profile *p);

/* FR_ECONFIG "usim-file": the message names the line, never its value. ret may be
 * cleared in any case. */
FR_MUST_USE enum fr_code fr_usim_text_decode(struct fr_slice text,
                                             struct fr_usim_profile *ret,
                                             struct fr_err *err);
/* Appends text, which decodes, with the last line made of aka->sqn instead. */
FR_MUST_USE enum fr_code fr_usim_text_update(struct fr_slice text,
                                             const struct fr_usim_aka *aka,
                                             struct fr_buf *to, struct fr_err *err);

#endif
