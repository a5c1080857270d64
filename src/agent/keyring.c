/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keyring.h"

#include <stdlib.h>

#define ROLES 2

struct fr_keyring {
    const struct fr_config *config;
    struct fr_tls *(*tls)[ROLES]; /* one row an entry of config->credentials */
    struct fr_tls *server[ROLES]; /* without a certificate; only if there is a SIM */
};

/* c: with a certificate, or a SIM. */
static enum fr_code open_one(const struct fr_config *config,
                             const struct fr_config_credential *c,
                             enum fr_peer_role role, struct fr_tls **ret,
                             struct fr_err *err)
{
    struct fr_tls_setup setup = {
        .cert_path = c->certificate,
        .key_path = c->key,
        .anchors_path = config->trust[role],
        .crl_path = config->crl[role],
        .min_version = config->tls_min,
        .max_version = config->tls_max,
        .profile = config->profile,
        .ems_exceptions = config->ems_exceptions,
        .n_ems_exceptions = config->n_ems_exceptions,
    };

    return fr_err_wrap(err, fr_tls_new(&setup, ret, err), "%s: credential %s",
                       config->where, c->name);
}

static enum fr_code open_row(const struct fr_config *config,
                             const struct fr_config_credential *c,
                             struct fr_tls *row[ROLES], struct fr_err *err)
{
    for (int role = 0; role < ROLES; role++)
        if (config->trust[role] && !row[role])
            FR_TRY(open_one(config, c, (enum fr_peer_role)role, &row[role], err));
    return FR_OK;
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
    for (size_t i = 0; i < config->n_credentials; i++) {
        const struct fr_config_credential *c = &config->credentials[i];
        bool is_sim = c->kind == FR_KEY_SIM;
        FR_TRY(open_row(config, c, is_sim ? k->server : k->tls[i], err));
    }
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
    for (int role = 0; role < ROLES; role++)
        fr_tls_free(k->server[role]);
    free(k->tls);
    free(k);
}

static enum fr_code check_entry(const struct fr_config *config,
                                const struct fr_keyring_need *need, struct fr_err *err)
{
    static const char *const kinds[] = {
        [FR_KEY_CERTIFICATE] = "certificate", [FR_KEY_SIM] = "SIM"};
    const char *kind = kinds[need->kind];
    const struct fr_config_credential *c =
        fr_config_credential(config, need->kind, need->name);

    if (!c && need->name)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-credential",
                          "the key store of %s has no credential %s", config->where,
                          need->name);
    if (!c && config->n_credentials == 0)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-credential",
                          "the key store of %s has no credential: a %s is needed",
                          config->where, kind);
    if (!c)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-credential",
                          "no %s in the key store of %s", kind, config->where);
    if (c->kind != need->kind)
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-credential",
                          "credential %s of %s is no %s", c->name, config->where, kind);
    return FR_OK;
}

static enum fr_code check_trust(const struct fr_config *config, enum fr_peer_role role,
                                struct fr_err *err)
{
    static const char *const keys[ROLES] = {
        [FR_ROLE_MEF] = "mef", [FR_ROLE_DISCOVERY] = "discovery"};

    if (!config->trust[role])
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-trust-anchors",
                          "%s names no trust anchors for this: set trust { %s = PATH }",
                          config->where, keys[role]);
    return FR_OK;
}

enum fr_code fr_keyring_check(const struct fr_config *config,
                              const struct fr_keyring_need *need, struct fr_err *err)
{
    FR_TRY(check_entry(config, need, err));
    return need->is_plain ? FR_OK : check_trust(config, need->role, err);
}

enum fr_code fr_keyring_get(const struct fr_keyring *k, enum fr_peer_role role,
                            const char *name, const struct fr_tls **ret,
                            struct fr_err *err)
{
    const struct fr_keyring_need need = {
        .kind = FR_KEY_CERTIFICATE, .role = role, .name = name};
    const struct fr_config_credential *c;

    FR_TRY(fr_keyring_check(k->config, &need, err));
    c = fr_config_credential(k->config, need.kind, name);
    *ret = k->tls[c - k->config->credentials][role];
    return FR_OK;
}

enum fr_code fr_keyring_server(const struct fr_keyring *k, enum fr_peer_role role,
                               const struct fr_tls **ret, struct fr_err *err)
{
    FR_TRY(check_trust(k->config, role, err));
    if (!k->server[role])
        return FR_FAIL(err, FR_EINTERNAL, "a method without a SIM hides who it is");
    *ret = k->server[role];
    return FR_OK;
}
