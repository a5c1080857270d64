/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD5 and HMAC-MD5, for HTTP Digest with AKA alone (RFC 3310, RFC 4169), which knows
 * nothing better. FR_EINTERNAL where the library does not have them.
 */
#ifndef FR_CRYPTO_MD5_H
#define FR_CRYPTO_MD5_H

#include "base/buf.h"

#define FR_MD5_LEN 16

/* parts are hashed one after the other. */
FR_MUST_USE enum fr_code fr_md5(const struct fr_slice *parts, size_t n_parts,
                                uint8_t ret[FR_MD5_LEN], struct fr_err *err);
FR_MUST_USE enum fr_code fr_hmac_md5(struct fr_slice key, struct fr_slice data,
                                     uint8_t ret[FR_MD5_LEN], struct fr_err *err);

#endif
