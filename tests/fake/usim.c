/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/usim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct fr_fake_sim fr_fake_sim;

void fr_fake_sim_reset(void)
{
    fr_fake_sim = (struct fr_fake_sim){.impi = FAKE_IMPI};
}

static enum fr_code fake_open(const struct fr_usim_setup *setup, struct fr_usim **ret,
                              struct fr_err *err)
{
    struct fr_usim *u;

    if (fr_fake_sim.fails_to_open != FR_OK)
        return FR_FAIL_AS(err, fr_fake_sim.fails_to_open, "no-card", "no card for %s",
                          setup->name);
    u = calloc(1, sizeof *u);
    if (!u)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a SIM");
    u->method = &fr_fake_usim;
    fr_fake_sim.n_open++;
    *ret = u;
    return FR_OK;
}

static enum fr_code fake_look(const struct fr_usim_setup *setup, struct fr_err *err)
{
    struct fr_usim *u = NULL;

    FR_TRY(fake_open(setup, &u, err));
    fr_fake_sim.n_open--;
    free(u);
    return FR_OK;
}

static void fake_close(struct fr_usim *u)
{
    fr_fake_sim.n_open--;
    free(u);
}

static enum fr_code fake_impi(struct fr_usim *u, char *ret, struct fr_err *err)
{
    (void)u, (void)err;
    snprintf(ret, FR_IMPI_MAX + 1, "%s", fr_fake_sim.impi);
    return FR_OK;
}

static enum fr_code agree(bool gba_u, struct fr_aka_answer *ret, struct fr_err *err)
{
    ret->verdict = FR_AKA_OK;
    ret->res_len = fr_fake_sim.res_len ? fr_fake_sim.res_len : strlen(FAKE_RES) / 2;
    (void)fr_hex_decode(fr_slice_str(FAKE_RES), ret->res);
    if (gba_u)
        return FR_OK;
    return fr_secret_from_hex(fr_slice_str(FAKE_CK FAKE_IK), &ret->ks, err);
}

static enum fr_code fake_authenticate(struct fr_usim *u, const uint8_t *rand,
                                      const uint8_t *autn, bool gba_u,
                                      struct fr_aka_answer *ret, struct fr_err *err)
{
    (void)u;
    memcpy(fr_fake_sim.rand, rand, FR_AKA_RAND_LEN);
    memcpy(fr_fake_sim.autn, autn, FR_AKA_AUTN_LEN);
    fr_fake_sim.n_authenticated++;
    if (fr_fake_sim.fails != FR_OK)
        return FR_FAIL_AS(err, fr_fake_sim.fails, fr_fake_sim.reason, "the SIM fails");
    if (gba_u && !fr_fake_sim.network_knows_gba_u)
        return FR_FAIL_AS(err, FR_EREFUSED, "aka-mac", "AUTN is not of GBA_U");
    *ret = (struct fr_aka_answer){.verdict = FR_AKA_SYNC};
    if (fr_fake_sim.n_out_of_step-- > 0) {
        (void)fr_hex_decode(fr_slice_str(FAKE_AUTS), ret->auts);
        return FR_OK;
    }
    return agree(gba_u, ret, err);
}

static bool fake_has_gba_u(const struct fr_usim *u)
{
    (void)u;
    return fr_fake_sim.has_gba_u;
}

static enum fr_code fake_naf_key(struct fr_usim *u, const struct fr_gba_naf *naf,
                                 struct fr_secret **ret, struct fr_err *err)
{
    FR_AUTO(secret) *ks = NULL;

    (void)u;
    fr_fake_sim.n_naf_keys++;
    FR_TRY(fr_secret_from_hex(fr_slice_str(FAKE_CK FAKE_IK), &ks, err));
    return fr_gba_naf_key(ks, naf, ret, err);
}

const struct fr_usim_method fr_fake_usim = {.name = "usim-file",
                                            .open = fake_open,
                                            .look = fake_look,
                                            .close = fake_close,
                                            .impi = fake_impi,
                                            .authenticate = fake_authenticate,
                                            .has_gba_u = fake_has_gba_u,
                                            .naf_key = fake_naf_key};
