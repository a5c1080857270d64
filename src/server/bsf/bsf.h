/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GBA-BSF's listener: Ub (TS 24.109 clause 4) at "/", and below /fieldroot/v1/gba
 * what a device that holds Ks says afterwards (docs/protocol.md). Clients show no
 * certificate: the vault knows them by their SIM.
 */
#ifndef FR_SERVER_BSF_BSF_H
#define FR_SERVER_BSF_BSF_H

#include "server/http/exchange.h"

#define FR_BSF_PRODUCT "3gpp-gba-tmpi" /* what the header Server says (TS 33.220) */

extern const struct fr_service fr_service_bsf;

/* A connection. */
struct fr_wait;
struct fr_bsf_session {
    struct fr_wait *wait;
};

/* proof.c */
/* Our proof, of the vault's MAC in its reply. */
FR_MUST_USE enum fr_code fr_bsf_put_proof(struct fr_exchange *x, const char *btid,
                                          const struct fr_msg *reply,
                                          struct fr_err *err);
void fr_bsf_ack(struct fr_exchange *x);
void fr_bsf_attempts(struct fr_exchange *x);
void fr_bsf_target(struct fr_exchange *x);
void fr_bsf_fetched(struct fr_exchange *x);

#endif
