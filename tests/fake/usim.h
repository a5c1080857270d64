/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SIM that does what a test says: the answers of set 1 of TS 35.208 (NET 7), or a no.
 * It takes the place of the kind "usim-file". With GBA_U its NAF keys are those of Ks.
 */
#ifndef FR_FAKE_USIM_H
#define FR_FAKE_USIM_H

#include "keystore/usim.h"

#define FAKE_IMPI "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
#define FAKE_RAND "23553cbe9637a89d218ae64dae47bf35"
#define FAKE_AUTN "55f328b43577b9b94a9ffac354dfafb3"
#define FAKE_RES  "a54211d5e3ba50bf"
#define FAKE_CK   "b40ba9a3c58b2a05bbf0d987b21bf8cb"
#define FAKE_IK   "f769bcd751044604127672711c6d3441"
#define FAKE_AUTS "ba853f3c123ccf44e93596e355c6"

struct fr_fake_sim {
    /* script */
    const char *impi;
    bool has_gba_u;
    bool network_knows_gba_u;   /* else the GBA context says "aka-mac" */
    int n_out_of_step;          /* so many challenges are answered by AUTS */
    enum fr_code fails;         /* AUTHENTICATE */
    const char *reason;         /* of that */
    enum fr_code fails_to_open; /* reason "no-card" */
    size_t res_len;             /* 0: that of FAKE_RES */
    /* seen */
    int n_open, n_authenticated, n_naf_keys;
    uint8_t rand[FR_AKA_RAND_LEN], autn[FR_AKA_AUTN_LEN];
};
extern struct fr_fake_sim fr_fake_sim;
void fr_fake_sim_reset(void);

extern const struct fr_usim_method fr_fake_usim;

#endif
