/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config_credential.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

#define ATTEMPTS_MIN (4L * FR_ATTEMPT_FRAME)
#define ATTEMPTS_MAX (64L * 1024 * 1024)

static const struct fr_conf_key trust_keys[] = {
    {.name = "mef", .type = FR_CONF_PATH},
    {.name = "discovery", .type = FR_CONF_PATH},
    {.name = "mef-crl", .type = FR_CONF_PATH},
    {.name = "discovery-crl", .type = FR_CONF_PATH},
    {.name = NULL},
};

static const struct fr_conf_key host_keys[] = {
    {.name = "address", .type = FR_CONF_STR},
    {.name = NULL},
};

static const struct fr_conf_key agent_keys[] = {
    {.name = "instructions", .type = FR_CONF_PATH},
    {.name = "discover", .type = FR_CONF_STR},
    {.name = "retry-first", .type = FR_CONF_DURATION, .value = "PT30S"},
    {.name = "retry-max", .type = FR_CONF_DURATION, .value = "PT1H"},
    {.name = "socket", .type = FR_CONF_PATH},
    {.name = NULL},
};

static const struct fr_conf_key keys[] = {
    {.name = "state", .type = FR_CONF_PATH, .value = "/var/lib/fieldroot"},
    {.name = "confirmation", .type = FR_CONF_STR, .value = "required"},
    {.name = "profile", .type = FR_CONF_STR, .value = "default"},
    {.name = "tls-min", .type = FR_CONF_STR, .value = "1.2"},
    {.name = "tls-max", .type = FR_CONF_STR, .value = "1.3"},
    {.name = "mef-base", .type = FR_CONF_STR, .value = "/mefbase"},
    {.name = "ems-exceptions", .type = FR_CONF_LIST},
    {.name = "plain-ub", .type = FR_CONF_LIST},
    {.name = "psk-identity", .type = FR_CONF_STR, .value = "b-tid"},
    {.name = "attempts-max",
     .type = FR_CONF_INT,
     .value = "262144",
     .min = ATTEMPTS_MIN,
     .max = ATTEMPTS_MAX},
    {.name = "credential", .type = FR_CONF_TITLED, .sub = fr_config_credential_keys},
    {.name = "trust", .type = FR_CONF_SECTION, .sub = trust_keys},
    {.name = "host", .type = FR_CONF_TITLED, .sub = host_keys},
    {.name = "agent", .type = FR_CONF_SECTION, .sub = agent_keys},
    {.name = NULL},
};

struct word {
    const char *text;
    int value;
};

/* words: two of them; every choice here is one of two. */
static enum fr_code read_word(const struct fr_conf *conf, const char *key,
                              const struct word words[2], int *ret, struct fr_err *err)
{
    const char *text = fr_conf_str(conf, key);

    for (size_t i = 0; i < 2; i++) {
        if (!fr_str_equal(text, words[i].text))
            continue;
        *ret = words[i].value;
        return FR_OK;
    }
    return FR_FAIL(err, FR_ECONFIG, "%s: %s = \"%s\": \"%s\" or \"%s\" is allowed",
                   fr_conf_where(conf), key, text, words[0].text, words[1].text);
}

static enum fr_code read_choices(struct fr_config *c, struct fr_err *err)
{
    static const struct word confirmations[] = {{"required", FR_CONFIRMATION_REQUIRED},
                                                {"optional", FR_CONFIRMATION_OPTIONAL}};
    static const struct word profiles[] = {{"default", FR_TLS_DEFAULT},
                                           {"onem2m", FR_TLS_ONEM2M}};
    static const struct word versions[] = {{"1.2", TLS1_2_VERSION},
                                           {"1.3", TLS1_3_VERSION}};
    static const struct word identities[] = {{"b-tid", false}, {"3gpp", true}};
    int confirmation, profile, is_psk_3gpp;

    FR_TRY(read_word(c->conf, "confirmation", confirmations, &confirmation, err));
    FR_TRY(read_word(c->conf, "profile", profiles, &profile, err));
    FR_TRY(read_word(c->conf, "psk-identity", identities, &is_psk_3gpp, err));
    FR_TRY(read_word(c->conf, "tls-min", versions, &c->tls_min, err));
    FR_TRY(read_word(c->conf, "tls-max", versions, &c->tls_max, err));
    c->confirmation = (enum fr_confirmation)confirmation;
    c->profile = (enum fr_tls_profile)profile;
    c->is_psk_3gpp = is_psk_3gpp != 0;
    if (c->tls_min > c->tls_max)
        return FR_FAIL(err, FR_ECONFIG, "%s: tls-min is above tls-max", c->where);
    if (c->profile == FR_TLS_ONEM2M && c->tls_min > TLS1_2_VERSION)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: profile \"onem2m\" is TLS 1.2, but tls-min is above it",
                       c->where);
    return FR_OK;
}

/* A list of names of peers. */
static enum fr_code read_names(const struct fr_config *c, const char *key,
                               const char ***ret, size_t *ret_n, struct fr_err *err)
{
    size_t n = fr_conf_list_size(c->conf, key);

    *ret = calloc(n + 1, sizeof **ret);
    if (!*ret)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the config");
    for (size_t i = 0; i < n; i++) {
        const char *name = fr_conf_list_at(c->conf, key, i);
        if (!fr_fqdn_is_valid(fr_slice_str(name)))
            return FR_FAIL(err, FR_ECONFIG, "%s: %s: \"%s\" is no FQDN", c->where, key,
                           name);
        (*ret)[(*ret_n)++] = name;
    }
    return FR_OK;
}

static enum fr_code read_credentials(struct fr_config *c, struct fr_err *err)
{
    size_t n = fr_conf_titled_size(c->conf, "credential");

    c->credentials = calloc(n + 1, sizeof *c->credentials);
    if (!c->credentials)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the config");
    for (size_t i = 0; i < n; i++)
        FR_TRY(fr_config_credential_read(fr_conf_titled_at(c->conf, "credential", i),
                                         &c->credentials[c->n_credentials++], err));
    return FR_OK;
}

static bool is_address(const char *text)
{
    struct in6_addr to;

    return text &&
           (inet_pton(AF_INET, text, &to) == 1 || inet_pton(AF_INET6, text, &to) == 1);
}

static enum fr_code read_hosts(struct fr_config *c, struct fr_err *err)
{
    size_t n = fr_conf_titled_size(c->conf, "host");

    c->hosts = calloc(n + 1, sizeof *c->hosts);
    if (!c->hosts)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the config");
    for (size_t i = 0; i < n; i++) {
        const struct fr_conf *s = fr_conf_titled_at(c->conf, "host", i);
        struct fr_host *to = &c->hosts[c->n_hosts++];
        to->name = fr_conf_title(s);
        to->address = fr_conf_str(s, "address");
        if (!is_address(to->address))
            return FR_FAIL(err, FR_ECONFIG, "%s: address must be an IP address",
                           fr_conf_where(s));
    }
    return FR_OK;
}

static void read_trust(struct fr_config *c)
{
    const struct fr_conf *s = fr_conf_section(c->conf, "trust");

    if (!s)
        return;
    c->trust[FR_ROLE_MEF] = fr_conf_str(s, "mef");
    c->trust[FR_ROLE_DISCOVERY] = fr_conf_str(s, "discovery");
    c->crl[FR_ROLE_MEF] = fr_conf_str(s, "mef-crl");
    c->crl[FR_ROLE_DISCOVERY] = fr_conf_str(s, "discovery-crl");
}

static enum fr_code read_agent_section(struct fr_config *c, const struct fr_conf *s,
                                       struct fr_err *err)
{
    const char *socket = fr_conf_str(s, "socket");

    c->agent.instructions = fr_conf_str(s, "instructions");
    c->agent.discover = fr_conf_str(s, "discover");
    c->agent.retry_first_ms = fr_conf_duration_ms(s, "retry-first");
    c->agent.retry_max_ms = fr_conf_duration_ms(s, "retry-max");
    if (c->agent.instructions && c->agent.discover)
        return FR_FAIL(err, FR_ECONFIG, "%s: either instructions or discover, not both",
                       fr_conf_where(s));
    if (c->agent.retry_first_ms <= 0 || c->agent.retry_first_ms > c->agent.retry_max_ms)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: retry-first must be above 0 and at most retry-max",
                       fr_conf_where(s));
    return socket ? fr_str_dup(socket, &c->agent.socket, err) : FR_OK;
}

static enum fr_code read_agent(struct fr_config *c, struct fr_err *err)
{
    const struct fr_conf *s = fr_conf_section(c->conf, "agent");

    c->agent.retry_first_ms = 30 * 1000;
    c->agent.retry_max_ms = 60 * 60 * 1000;
    if (s)
        FR_TRY(read_agent_section(c, s, err));
    if (c->agent.socket)
        return FR_OK;
    return fr_path_join(c->state, "agent.sock", &c->agent.socket, err);
}

static enum fr_code read_all(struct fr_config *c, struct fr_err *err)
{
    c->where = fr_conf_where(c->conf);
    c->state = fr_conf_str(c->conf, "state");
    c->mef_base = fr_conf_str(c->conf, "mef-base");
    c->attempts_max = (size_t)fr_conf_int(c->conf, "attempts-max");
    if (c->mef_base[0] != '/')
        return FR_FAIL(err, FR_ECONFIG, "%s: mef-base must begin with \"/\"", c->where);
    FR_TRY(read_choices(c, err));
    FR_TRY(
        read_names(c, "ems-exceptions", &c->ems_exceptions, &c->n_ems_exceptions, err));
    FR_TRY(read_names(c, "plain-ub", &c->plain_mefs, &c->n_plain_mefs, err));
    FR_TRY(read_credentials(c, err));
    FR_TRY(read_hosts(c, err));
    read_trust(c);
    return read_agent(c, err);
}

enum fr_code fr_config_load(const char *path, bool must_exist, struct fr_config **ret,
                            struct fr_err *err)
{
    FR_AUTO(config) *c = calloc(1, sizeof *c);

    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "no memory for the config");
    enum fr_code rc = fr_conf_load(path, keys, &c->conf, err);
    if (rc == FR_ENOTFOUND && !must_exist)
        rc = fr_conf_defaults(keys, &c->conf, err);
    FR_TRY(rc);
    FR_TRY(read_all(c, err));
    *ret = FR_TAKE(c);
    return FR_OK;
}

void fr_config_free(struct fr_config *c)
{
    if (!c)
        return;
    free(c->agent.socket);
    free(c->hosts);
    free(c->credentials);
    free(c->ems_exceptions);
    free(c->plain_mefs);
    fr_conf_free(c->conf);
    free(c);
}

const struct fr_config_credential *fr_config_credential(const struct fr_config *c,
                                                        enum fr_key_kind kind,
                                                        const char *name)
{
    for (size_t i = 0; i < c->n_credentials; i++)
        if (name ? fr_str_equal(c->credentials[i].name, name)
                 : c->credentials[i].kind == kind)
            return &c->credentials[i];
    return NULL;
}

bool fr_config_is_plain(const struct fr_config *c, const char *mef)
{
    for (size_t i = 0; i < c->n_plain_mefs; i++)
        if (fr_ascii_equal_fold(c->plain_mefs[i], mef))
            return true;
    return false;
}
