/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fieldroot-target.conf(5): who we are, which MEF gives us keys, and where they go.
 *
 *     fqdn = "broker.example.com"
 *     certificate = "broker.pem"
 *     key = "broker.key"
 *     trust-anchors = "mef-ca.pem"
 *     mef { fqdn = "mef.example.com" }
 *     ua = "tls1.2"
 *     psk-file = "/etc/mosquitto/psk"
 *     pid-file = "/run/mosquitto/mosquitto.pid"
 */
#ifndef FR_TARGET_CONFIG_H
#define FR_TARGET_CONFIG_H

#include "base/conf.h"
#include "base/str.h"
#include "crypto/gba.h"
#include "net/conn.h"

#define FR_TARGET_CONFIG_PATH "/etc/fieldroot/fieldroot-target.conf"

/* Strings are borrowed from conf, but for the arrays and what is marked. */
struct fr_target_config {
    struct fr_conf *conf;
    char fqdn[FR_FQDN_MAX + 1];     /* our own */
    char mef_fqdn[FR_FQDN_MAX + 1]; /* both lower-cased */
    uint16_t mef_port;
    enum fr_ua ua; /* what SIMs' keys are for */
    const char *certificate, *key, *anchors;
    const char *crl;       /* NULL: none */
    const char *state;     /* folder */
    const char *psk_file;  /* NULL: none; the cache is all there is */
    const char *pid_file;  /* NULL: none */
    struct fr_host *hosts; /* owned; mef.address first */
    size_t n_hosts;
    char *cache_path, *lock_path; /* owned; in state */
};

/* FR_ECONFIG, FR_ENOTFOUND. */
FR_MUST_USE enum fr_code fr_target_config_load(const char *path,
                                               struct fr_target_config **ret,
                                               struct fr_err *err);
void fr_target_config_free(struct fr_target_config *c);
FR_DEFINE_AUTO(target_config)

#endif
