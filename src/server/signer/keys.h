/* SPDX-License-Identifier: Apache-2.0 */
/* One listener's private key, ready to sign. Inside the signer only. */
#ifndef FR_SERVER_SIGNER_KEYS_H
#define FR_SERVER_SIGNER_KEYS_H

#include "server/config.h"
#include "server/signer/wire.h"

struct fr_signer_key;

FR_MUST_USE enum fr_code fr_signer_key_read(const struct fr_listener_config *l,
                                            struct fr_signer_key **ret,
                                            struct fr_err *err);
void fr_signer_key_free(struct fr_signer_key *k);
FR_DEFINE_AUTO(signer_key)

/* Answers one question: the length of what is in to, 0 if it may not be asked or
 * cannot be answered. */
size_t fr_signer_key_answer(struct fr_signer_key *k, struct fr_slice ask,
                            uint8_t to[FR_SIGN_ANSWER_MAX]);

#endif
