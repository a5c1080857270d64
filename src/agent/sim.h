/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SIM of one try: the entry of the key store that the instruction names, or the
 * first that is a SIM, opened with the first question and held until the try is over,
 * so that the card that was asked who it is is the one that is challenged.
 */
#ifndef FR_AGENT_SIM_H
#define FR_AGENT_SIM_H

#include "agent/run.h"

struct fr_sim {
    const struct fr_device *device; /* borrowed */
    const struct fr_config_credential *entry;
    struct fr_usim *usim;
    char impi[FR_IMPI_MAX + 1], tmpi[FR_ID_MAX + 1];
    struct fr_aka_answer answer;
    struct fr_secret *naf_key;
    struct fr_usim_ev ev; /* what it said to the last question: points in here */
};

/* {.device = ...} is a new one. FR_EUNSUPPORTED "no-credential", "no-sim", "no-gba-u",
 * and what the way to the SIM says (keystore/usim.h). It may take a second or two. */
FR_MUST_USE enum fr_code fr_sim_ask(struct fr_sim *s, const struct fr_usim_ask *ask,
                                    struct fr_err *err);
void fr_sim_forget(struct fr_sim *s); /* what it said */
void fr_sim_clear(struct fr_sim *s);  /* and the way to it */

#endif
