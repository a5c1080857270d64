/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions of the key store to a SIM card, over any way on which octets reach it:
 * which application it has, who it is, whether it asks for a PIN, AKA and GBA_U. It
 * does no I/O of its own.
 *
 * A PIN is only verified when the card refuses without, and never with the last try:
 * the card is asked for its count before, which costs none.
 */
#ifndef FR_KEYSTORE_CARD_H
#define FR_KEYSTORE_CARD_H

#include "crypto/gba.h"
#include "keystore/apdu.h"

struct fr_card {
    /* Sends a command; ret has room for FR_APDU_ANSWER_MAX. */
    enum fr_code (*transmit)(void *ctx, struct fr_slice command, uint8_t *ret,
                             size_t *ret_len, struct fr_err *err);
    void *ctx;
    bool is_isim;                /* the application to select */
    const struct fr_secret *pin; /* its digits, borrowed; NULL: none */

    /* What is known after fr_card_open. */
    char impi[FR_IMPI_MAX + 1];
    bool has_gba_u;
    bool is_unlocked; /* by us: whoever uses it next need not be let in */

    uint8_t pin_reference;
    struct fr_apdu apdu; /* the last command; its is_t0 is set before */
};
void fr_card_clear(struct fr_card *c); /* wipes what it said */

/* FR_EUNSUPPORTED "no-application"; FR_EREFUSED "pin-needed", "pin-wrong",
 * "pin-last-try", "pin-blocked"; FR_EINVALID "card-answer"; what transmit fails with.
 */
FR_MUST_USE enum fr_code fr_card_open(struct fr_card *c, struct fr_err *err);
/* The same as far as it verifies no PIN: whether the card would let us in. */
FR_MUST_USE enum fr_code fr_card_look(struct fr_card *c, struct fr_err *err);
/* FR_EREFUSED "aka-mac", "pin-needed"; FR_EUNSUPPORTED "no-gba-u"; and as above. */
FR_MUST_USE enum fr_code fr_card_authenticate(struct fr_card *c, const uint8_t *rand,
                                              const uint8_t *autn, bool gba_u,
                                              struct fr_aka_answer *ret,
                                              struct fr_err *err);
/* Ks_ext_NAF. FR_EINVALID "no-gba-bootstrap": the card has no Ks. */
FR_MUST_USE enum fr_code fr_card_naf_key(struct fr_card *c,
                                         const struct fr_gba_naf *naf,
                                         struct fr_secret **ret, struct fr_err *err);

#endif
