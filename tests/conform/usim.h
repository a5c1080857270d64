/* SPDX-License-Identifier: Apache-2.0 */
/* What every kind of SIM must do, in software or behind a reader. */
#ifndef FR_CONFORM_USIM_H
#define FR_CONFORM_USIM_H

#include "keystore/usim.h"

struct fr_conform_usim {
    const struct fr_usim_method *method;
    /* A card that has accepted nothing yet: keys of fake/auc.h, IMSI 001010000000001,
     * an MNC of 2 digits, IND of 5 bits, SQN 0; with a GBA security context or without.
     * What it returns lives until end. */
    const struct fr_usim_setup *(*begin)(bool gba_u);
    void (*end)(void);
};

int fr_conform_usim_run(const struct fr_conform_usim *member);

#endif
