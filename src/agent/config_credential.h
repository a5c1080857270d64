/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the key store, as the config file has them: `credential NAME { ... }`. */
#ifndef FR_AGENT_CONFIG_CREDENTIAL_H
#define FR_AGENT_CONFIG_CREDENTIAL_H

#include "agent/config.h"

extern const struct fr_conf_key fr_config_credential_keys[];

/* The kind is what "kind" says, or else what the other keys are of. FR_ECONFIG for keys
 * of two kinds, or without what the kind needs. */
FR_MUST_USE enum fr_code fr_config_credential_read(const struct fr_conf *s,
                                                   struct fr_config_credential *to,
                                                   struct fr_err *err);

#endif
