/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's keys and trust as TLS contexts: one for each entry of the key store and
 * each role of peer that it has trust anchors for. All are loaded at once, so that a
 * broken file is found before anything is tried.
 */
#ifndef FR_AGENT_KEYRING_H
#define FR_AGENT_KEYRING_H

#include "agent/config.h"

struct fr_keyring;

/* config is borrowed. FR_ECONFIG names the file. */
FR_MUST_USE enum fr_code fr_keyring_open(const struct fr_config *config,
                                         struct fr_keyring **ret, struct fr_err *err);
void fr_keyring_free(struct fr_keyring *k);
FR_DEFINE_AUTO(keyring)

/* name NULL: the first entry. FR_EUNSUPPORTED (no-credential, no-trust-anchors). */
FR_MUST_USE enum fr_code fr_keyring_get(const struct fr_keyring *k,
                                        enum fr_peer_role role, const char *name,
                                        const struct fr_tls **ret, struct fr_err *err);

/* The same question to the config alone. */
FR_MUST_USE enum fr_code fr_keyring_check(const struct fr_config *config,
                                          enum fr_peer_role role, const char *name,
                                          struct fr_err *err);

#endif
