/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's keys and trust as TLS contexts: one for each entry of the key store that
 * is a certificate, and one for all that are SIMs, and each role of peer that it has
 * trust anchors for. All are loaded at once, so that a broken file is found before
 * anything is tried.
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

/* The two files of an entry, as a context; name NULL: the first such entry.
 * FR_EUNSUPPORTED (no-credential, no-trust-anchors). */
FR_MUST_USE enum fr_code fr_keyring_get(const struct fr_keyring *k,
                                        enum fr_peer_role role, const char *name,
                                        const struct fr_tls **ret, struct fr_err *err);
/* One without a certificate of ours: who we are is said inside. */
FR_MUST_USE enum fr_code fr_keyring_server(const struct fr_keyring *k,
                                           enum fr_peer_role role,
                                           const struct fr_tls **ret,
                                           struct fr_err *err);

/* The same question to the config alone, for either kind of entry. */
struct fr_keyring_need {
    enum fr_key_kind kind;
    enum fr_peer_role role;
    const char *name; /* NULL: the first of its kind */
    bool is_plain;    /* no TLS, so no trust either */
};
FR_MUST_USE enum fr_code fr_keyring_check(const struct fr_config *config,
                                          const struct fr_keyring_need *need,
                                          struct fr_err *err);

#endif
