/* SPDX-License-Identifier: Apache-2.0 */
#include "target/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static const struct fr_conf_key mef_keys[] = {
    {.name = "fqdn", .type = FR_CONF_STR},
    {.name = "port", .type = FR_CONF_INT, .value = "8444", .min = 1, .max = 65535},
    {.name = "address", .type = FR_CONF_STR},
    {.name = NULL},
};

static const struct fr_conf_key host_keys[] = {
    {.name = "address", .type = FR_CONF_STR},
    {.name = NULL},
};

static const struct fr_conf_key keys[] = {
    {.name = "fqdn", .type = FR_CONF_STR},
    {.name = "mef", .type = FR_CONF_SECTION, .sub = mef_keys},
    {.name = "certificate", .type = FR_CONF_PATH},
    {.name = "key", .type = FR_CONF_PATH},
    {.name = "trust-anchors", .type = FR_CONF_PATH},
    {.name = "crl", .type = FR_CONF_PATH},
    {.name = "state", .type = FR_CONF_PATH, .value = "/var/lib/fieldroot-target"},
    {.name = "ua", .type = FR_CONF_STR, .value = "tls1.2"},
    {.name = "psk-file", .type = FR_CONF_PATH},
    {.name = "pid-file", .type = FR_CONF_PATH},
    {.name = "host", .type = FR_CONF_TITLED, .sub = host_keys},
    {.name = NULL},
};

static enum fr_code read_fqdn(const struct fr_conf *conf, char to[FR_FQDN_MAX + 1],
                              struct fr_err *err)
{
    const char *text = fr_conf_str(conf, "fqdn");

    if (!text || !fr_fqdn_is_valid(fr_slice_str(text)))
        return FR_FAIL(err, FR_ECONFIG, "%s: fqdn must be a fully qualified name",
                       fr_conf_where(conf));
    snprintf(to, FR_FQDN_MAX + 1, "%s", text);
    fr_ascii_fold(to);
    return FR_OK;
}

static enum fr_code read_path(const struct fr_conf *conf, const char *name,
                              const char **ret, struct fr_err *err)
{
    *ret = fr_conf_str(conf, name);
    if (!*ret)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s is missing: name a PEM file",
                       fr_conf_where(conf), name);
    return FR_OK;
}

static enum fr_code add_host(struct fr_target_config *c, const char *name,
                             const struct fr_conf *section, struct fr_err *err)
{
    const char *address = fr_conf_str(section, "address");
    unsigned char octets[16];

    if (!address || (inet_pton(AF_INET, address, octets) != 1 &&
                     inet_pton(AF_INET6, address, octets) != 1))
        return FR_FAIL(err, FR_ECONFIG, "%s: address must be an IP address",
                       fr_conf_where(section));
    c->hosts[c->n_hosts++] = (struct fr_host){.name = name, .address = address};
    return FR_OK;
}

static enum fr_code read_mef(struct fr_target_config *c, struct fr_err *err)
{
    const struct fr_conf *mef = fr_conf_section(c->conf, "mef");
    size_t n = fr_conf_titled_size(c->conf, "host");

    if (!mef)
        return FR_FAIL(err, FR_ECONFIG, "%s: the section mef is missing",
                       fr_conf_where(c->conf));
    FR_TRY(read_fqdn(mef, c->mef_fqdn, err));
    c->mef_port = (uint16_t)fr_conf_int(mef, "port");
    c->hosts = calloc(n + 1, sizeof *c->hosts);
    if (!c->hosts)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    if (fr_conf_str(mef, "address"))
        FR_TRY(add_host(c, c->mef_fqdn, mef, err));
    for (size_t i = 0; i < n; i++) {
        const struct fr_conf *host = fr_conf_titled_at(c->conf, "host", i);

        FR_TRY(add_host(c, fr_conf_title(host), host, err));
    }
    return FR_OK;
}

static enum fr_code read_ua(struct fr_target_config *c, struct fr_err *err)
{
    const char *name = fr_conf_str(c->conf, "ua");

    if (!fr_ua_by_name(name, &c->ua) || c->ua == FR_UA_HTTP_DIGEST)
        return FR_FAIL(err, FR_ECONFIG, "%s: ua is tls1.2, dtls1.2 or tls1.3",
                       fr_conf_where(c->conf));
    return FR_OK;
}

static enum fr_code read_all(struct fr_target_config *c, struct fr_err *err)
{
    FR_TRY(read_fqdn(c->conf, c->fqdn, err));
    FR_TRY(read_mef(c, err));
    FR_TRY(read_ua(c, err));
    FR_TRY(read_path(c->conf, "certificate", &c->certificate, err));
    FR_TRY(read_path(c->conf, "key", &c->key, err));
    FR_TRY(read_path(c->conf, "trust-anchors", &c->anchors, err));
    c->crl = fr_conf_str(c->conf, "crl");
    c->psk_file = fr_conf_str(c->conf, "psk-file");
    c->pid_file = fr_conf_str(c->conf, "pid-file");
    c->state = fr_conf_str(c->conf, "state");
    FR_TRY(fr_path_join(c->state, "cache", &c->cache_path, err));
    return fr_path_join(c->state, "lock", &c->lock_path, err);
}

enum fr_code fr_target_config_load(const char *path, struct fr_target_config **ret,
                                   struct fr_err *err)
{
    FR_AUTO(target_config) *c = calloc(1, sizeof *c);

    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    FR_TRY(fr_conf_load(path, keys, &c->conf, err));
    FR_TRY(read_all(c, err));
    *ret = FR_TAKE(c);
    return FR_OK;
}

void fr_target_config_free(struct fr_target_config *c)
{
    if (!c)
        return;
    fr_conf_free(c->conf);
    free(c->hosts);
    free(c->cache_path);
    free(c->lock_path);
    free(c);
}
