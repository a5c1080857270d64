/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only home of key material: heap memory that is locked (where the limit
 * allows), left out of core dumps, wiped when freed, never copied by value and
 * not printable. Derive late, free early.
 */
#ifndef FR_BASE_SECRET_H
#define FR_BASE_SECRET_H

#include <stdbool.h>

#include "base/buf.h"

struct fr_secret;

#define FR_SECRET_MAX 4096 /* octets */

/* len zeroed octets. FR_ENOMEM, or FR_EINTERNAL if len is 0 or above the limit. */
FR_MUST_USE enum fr_code fr_secret_new(size_t len, struct fr_secret **ret,
                                       struct fr_err *err);
FR_MUST_USE enum fr_code fr_secret_from(const void *data, size_t len,
                                        struct fr_secret **ret, struct fr_err *err);
/* Reads hex, either case; FR_EPARSE if it is none. The message shows no digit. */
FR_MUST_USE enum fr_code fr_secret_from_hex(struct fr_slice hex, struct fr_secret **ret,
                                            struct fr_err *err);
void fr_secret_free(struct fr_secret *s); /* NULL is fine */
FR_DEFINE_AUTO(secret)

uint8_t *fr_secret_data(struct fr_secret *s);
struct fr_slice fr_secret_view(const struct fr_secret *s); /* borrows */
size_t fr_secret_len(const struct fr_secret *s);

/* Constant time for equal lengths. */
bool fr_secret_equal(const struct fr_secret *a, const struct fr_secret *b);
bool fr_mac_equal(struct fr_slice a, struct fr_slice b);

/* First 8 octets of SHA-256("Fieldroot fingerprint v1" || secret), lower-case hex:
 * lets two people compare a key without showing it. */
#define FR_FINGERPRINT_LEN 16
FR_MUST_USE enum fr_code fr_secret_fingerprint(const struct fr_secret *s,
                                               char ret[FR_FINGERPRINT_LEN + 1],
                                               struct fr_err *err);

#endif
