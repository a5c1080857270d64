/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's config file (fieldroot.conf(5)). An absent file is an error only when it
 * was asked for by name; every key has a default except the files of keys and trust.
 */
#ifndef FR_AGENT_CONFIG_H
#define FR_AGENT_CONFIG_H

#include "base/conf.h"
#include "engine/io.h"
#include "net/conn.h"

#define FR_CONFIG_PATH "/etc/fieldroot/fieldroot.conf"

/* An entry of the key store: two files. */
struct fr_config_credential {
    const char *name, *certificate, *key;
};

/* Strings are borrowed from conf. */
struct fr_config {
    struct fr_conf *conf;
    const char *where; /* file, for messages */
    const char *state; /* folder */
    enum fr_confirmation confirmation;
    enum fr_tls_profile profile;
    int tls_min, tls_max; /* TLS1_2_VERSION... */
    const char *mef_base;
    const char **ems_exceptions;
    size_t n_ems_exceptions;
    struct fr_config_credential *credentials; /* in the file's order */
    size_t n_credentials;
    const char *trust[2]; /* by enum fr_peer_role; NULL: none, so no such peer */
    const char *crl[2];   /* NULL: none */
    struct fr_host *hosts;
    size_t n_hosts;
    size_t attempts_max; /* octets of both attempts files together */
    struct {
        const char *instructions; /* file; NULL */
        const char *discover;     /* URI; NULL */
        int64_t retry_first_ms, retry_max_ms;
        char *socket; /* owned */
    } agent;
};

/* must_exist false: all defaults when there is no such file. FR_ECONFIG, FR_ENOTFOUND.
 */
FR_MUST_USE enum fr_code fr_config_load(const char *path, bool must_exist,
                                        struct fr_config **ret, struct fr_err *err);
void fr_config_free(struct fr_config *c);
FR_DEFINE_AUTO(config)

/* The key store entry of that name, or the first one for NULL; NULL if there is none.
 */
const struct fr_config_credential *fr_config_credential(const struct fr_config *c,
                                                        const char *name);

#endif
