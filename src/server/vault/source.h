/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the key comes from that a target shares with an enrolee. A credential of the
 * store is the id (key_id), its expiry, whom it is of (identity, san) and the secret
 * that it was made of; its source says what a target's key is derived by, and who may
 * have one. A source decides nothing about time and writes nothing.
 *
 * There are RSPF's derivations, and GBA. AKMA (TS 33.535) is a third: the same names of
 * Ua protocols, K_AKMA for Ks, A-KID for B-TID.
 */
#ifndef FR_SERVER_VAULT_SOURCE_H
#define FR_SERVER_VAULT_SOURCE_H

#include "crypto/gba.h"
#include "store/store.h"

/* For whom a key is derived. */
struct fr_source_ask {
    const char *id, *fqdn; /* the target's */
    int suid;
    enum fr_ua ua;
};
struct fr_source_keys {
    struct fr_secret *key;
    struct fr_secret *uicc; /* NULL: none; the one that the card keeps */
};
void fr_source_keys_clear(struct fr_source_keys *k);

struct fr_source {
    const char *name;
    /* A credential is for every target that its enrolee is allowed for, and not only
     * for the one named at the bootstrap: what a GUSS says (TS 29.109). */
    bool is_for_all_allowed;
    bool has_ua; /* the key depends on the Ua protocol */
    /* FR_ESTORE "context-broken". */
    enum fr_code (*derive)(const struct fr_store_credential *c,
                           const struct fr_secret *ke, const struct fr_source_ask *ask,
                           struct fr_source_keys *ret, struct fr_err *err);
};
const struct fr_source *fr_source_of(enum fr_derivation d);

/* What GBA needs besides Ks: "<RAND in hex> <IMPI>". */
void fr_source_put_gba(const uint8_t rand[FR_AKA_RAND_LEN], const char *impi,
                       char to[FR_STORE_CONTEXT_MAX + 1]);

#endif
