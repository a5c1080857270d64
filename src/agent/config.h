/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's config file (fieldroot.conf(5)). An absent file is an error only when it
 * was asked for by name; every key has a default except the files of keys and trust.
 */
#ifndef FR_AGENT_CONFIG_H
#define FR_AGENT_CONFIG_H

#include "base/conf.h"
#include "engine/io.h"
#include "keystore/usim.h"
#include "net/conn.h"

#define FR_CONFIG_PATH "/etc/fieldroot/fieldroot.conf"

/* When a SIM keeps Ks (GBA_U): where it can, never, or always (a SIM that cannot is of
 * no use then). */
enum fr_gba_u { FR_GBA_U_AUTO, FR_GBA_U_OFF, FR_GBA_U_REQUIRED };

/* An entry of the key store: two files, or a way to a SIM. */
struct fr_config_credential {
    const char *name;
    enum fr_key_kind kind;
    const char *certificate, *key; /* FR_KEY_CERTIFICATE */
    const char *sim;               /* FR_KEY_SIM: name of a struct fr_usim_method */
    struct fr_usim_setup usim;
    enum fr_gba_u gba_u;
    bool akav2, tmpi;
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
    const char **plain_mefs; /* whose Ub is spoken without TLS */
    size_t n_plain_mefs;
    bool is_psk_3gpp; /* form of psk_identity where a SIM made the key */
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

/* The key store entry of that name, whatever its kind, or the first one of that kind
 * for NULL; NULL if there is none. */
const struct fr_config_credential *fr_config_credential(const struct fr_config *c,
                                                        enum fr_key_kind kind,
                                                        const char *name);
/* Ub without TLS is for the MEFs that plain-ub names, and no other. */
bool fr_config_is_plain(const struct fr_config *c, const char *mef);

#endif
