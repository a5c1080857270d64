/* SPDX-License-Identifier: Apache-2.0 */
/* struct fr_digest_auth between processes (FR_F_DIGEST). */
#ifndef FR_SERVER_IPC_DIGEST_PACK_H
#define FR_SERVER_IPC_DIGEST_PACK_H

#include "proto/aka_digest.h"

FR_MUST_USE enum fr_code fr_digest_pack(const struct fr_digest_auth *a,
                                        struct fr_buf *to, struct fr_err *err);
/* FR_EINVALID "ipc-malformed". */
FR_MUST_USE enum fr_code fr_digest_unpack(struct fr_slice in,
                                          struct fr_digest_auth *ret,
                                          struct fr_err *err);

#endif
