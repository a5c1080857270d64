/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keyring.h"

#include <stdlib.h>

#define ROLES 2

struct fr_keyring {
    const struct fr_config *config;
    struct fr_tls *(*tls)[ROLES]; /* one row an entry of config->credentials */
};

static enum fr_code open_one(const struct fr_config *config, size_t i,
                             enum fr_peer_role role, struct fr_tls **ret,
                             struct fr_err *err)
{
    struct fr_tls_setup setup = {
        .cert_path = config->credentials[i].certificate,
        .key_path = config->credentials[i].key,
        .anchors_path = config->trust[role],
        .crl_path = config->crl[role],
        .min_version = config->tls_min,
        .max_version = config->tls_max,
        .profile = config->profile,
        .ems_exceptions = config->ems_exceptions,
        .n_ems_exceptions = config->n_ems_exceptions,
    };

    return fr_err_wrap(err, fr_tls_new(&setup, ret, err), "%s: credential %s",
                       config->where, config->credentials[i].name);
}

enum fr_code fr_keyring_open(const struct fr_config *config, struct fr_keyring **ret,
                             struct fr_err *err)
{
    FR_AUTO(keyring) *k = fr_zalloc(sizeof *k);

    if (!k)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the keyring");
    k->config = config;
    k->tls = calloc(config->n_credentials + 1, sizeof *k->tls);
    if (!k->tls)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the keyring");
    for (size_t i = 0; i < config->n_credentials; i++)
        for (int role = 0; role < ROLES; role++)
            if (config->trust[role])
                FR_TRY(open_one(config, i, (enum fr_peer_role)role, &k->tls[i][role],
                                err));
    *ret = FR_TAKE(k);
    return FR_OK;
}

void fr_keyring_free(struct fr_keyring *k)
{
    if (!k)
        return;
    for (size_t i = 0; k->tls && i < k->config->n_credentials; i++)
        for (int role = 0; role < ROLES; role++)
            fr_tls_free(k->tls[i][role]);
    free(k->tls);
    free(k);
}

enum fr_code fr_keyring_check(const struct fr_config *config, enum fr_peer_role role,
                              const char *name, struct fr_err *err)
{
    static const char *const keys[ROLES] = {
        [FR_ROLE_MEF] = "mef", [FR_ROLE_DISCOVERY] = "discovery"};

    if (!fr_config_credential(config, name))
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-credential",
                          "the key store of %s has %s%s", config->where,
                          name ? "no credential " : "no credential", name ? name : "");
    if (!config->trust[role])
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-trust-anchors",
                          "%s names no trust anchors for this: set trust { %s = PATH }",
                          config->where, keys[role]);
    return FR_OK;
}

enum fr_code fr_keyring_get(const struct fr_keyring *k, enum fr_peer_role role,
                            const char *name, const struct fr_tls **ret,
                            struct fr_err *err)
{
    FR_TRY(fr_keyring_check(k->config, role, name, err));
    *ret = k->tls[fr_config_credential(k->config, name) - k->config->credentials][role];
    return FR_OK;
}
