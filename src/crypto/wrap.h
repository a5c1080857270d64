/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys at rest: AES-256-GCM under HKDF(key-encryption key, KeID), with table, KeID,
 * enrolee and key id as additional data (DESIGN 7), so that a row moved to another
 * place does not open.
 */
#ifndef FR_CRYPTO_WRAP_H
#define FR_CRYPTO_WRAP_H

#include "base/env.h"
#include "base/secret.h"

#define FR_KEK_LEN    32
#define FR_KEK_ID_LEN 16 /* hex digits; a fingerprint of the key, not secret */
#define FR_WRAP_EXTRA 28 /* octets a wrapped key is longer: nonce 12 + tag 16 */

struct fr_kek;

/* Takes a copy. FR_EPARSE if key is not 32 octets. */
FR_MUST_USE enum fr_code fr_kek_new(const struct fr_secret *key, struct fr_kek **ret,
                                    struct fr_err *err);
void fr_kek_free(struct fr_kek *kek);
FR_DEFINE_AUTO(kek)
const char *fr_kek_id(const struct fr_kek *kek);

struct fr_wrap_place {
    const char *table;
    const char *key_id;
    const char *enrolee;
};

/* Appends nonce || ciphertext || tag. */
FR_MUST_USE enum fr_code fr_wrap(const struct fr_kek *kek, const struct fr_env *env,
                                 const struct fr_wrap_place *place,
                                 const struct fr_secret *key, struct fr_buf *to,
                                 struct fr_err *err);
/* FR_ESTORE reason "wrap-broken" if it was altered, moved, or wrapped by another key.
 */
FR_MUST_USE enum fr_code fr_unwrap(const struct fr_kek *kek,
                                   const struct fr_wrap_place *place,
                                   struct fr_slice wrapped, struct fr_secret **ret,
                                   struct fr_err *err);

#endif
