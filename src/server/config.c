/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config.h"

#include <limits.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timetext.h"
#include "server/parent/listen.h"

enum { DAYS_365_S = 365 * 86400, MS = 1000 };

#define COUNT(key, standard, lowest, highest)                                          \
    {                                                                                  \
        .name = (key), .type = FR_CONF_INT, .value = (standard), .min = (lowest),      \
        .max = (highest)                                                               \
    }

static const struct fr_conf_key mef_keys[] = {
    {.name = "fqdn", .type = FR_CONF_STR},
    {.name = "listen", .type = FR_CONF_STR, .value = "0.0.0.0:8443"},
    {.name = "fetch-listen", .type = FR_CONF_STR, .value = "0.0.0.0:8444"},
    {.name = "certificate", .type = FR_CONF_PATH},
    {.name = "key", .type = FR_CONF_PATH},
    {.name = "enrolee-anchors", .type = FR_CONF_PATH},
    {.name = "enrolee-crl", .type = FR_CONF_PATH},
    {.name = "target-anchors", .type = FR_CONF_PATH},
    {.name = "target-crl", .type = FR_CONF_PATH},
    {.name = "base", .type = FR_CONF_STR, .value = "/mefbase"},
    {.name = "confirmation", .type = FR_CONF_STR, .value = "optional"},
    {.name = "expiry-max", .type = FR_CONF_DURATION, .value = "P365D"},
    {.name = "grace", .type = FR_CONF_DURATION, .value = "PT24H"},
    {.name = "admin-fqdns", .type = FR_CONF_LIST},
    {.name = NULL},
};

static const struct fr_conf_key discovery_keys[] = {
    {.name = "listen", .type = FR_CONF_STR, .value = "0.0.0.0:8445"},
    {.name = "certificate", .type = FR_CONF_PATH},
    {.name = "key", .type = FR_CONF_PATH},
    {.name = "enrolee-anchors", .type = FR_CONF_PATH},
    {.name = "enrolee-crl", .type = FR_CONF_PATH},
    {.name = NULL},
};

static const struct fr_conf_key admin_keys[] = {
    {.name = "socket", .type = FR_CONF_PATH},
    {.name = NULL},
};

static const struct fr_conf_key gba_keys[] = {
    {.name = "listen", .type = FR_CONF_STR, .value = "0.0.0.0:8446"},
    {.name = "certificate", .type = FR_CONF_PATH},
    {.name = "key", .type = FR_CONF_PATH},
    {.name = "tls", .type = FR_CONF_BOOL, .value = "on"},
    {.name = "hlr", .type = FR_CONF_STR, .value = "127.0.0.1:4222"},
    {.name = "hlr-name", .type = FR_CONF_STR, .value = ""},
    {.name = "lifetime", .type = FR_CONF_DURATION, .value = "P1D"},
    {.name = "hss-timeout", .type = FR_CONF_DURATION, .value = "PT5S"},
    COUNT("vectors-per-subscriber", "60", 1, 1000000),
    {.name = "akav2", .type = FR_CONF_BOOL, .value = "off"},
    {.name = "tmpi", .type = FR_CONF_BOOL, .value = "off"},
    {.name = NULL},
};

static const struct fr_conf_key tls_keys[] = {
    {.name = "profile", .type = FR_CONF_STR, .value = "default"},
    {.name = "min", .type = FR_CONF_STR, .value = "1.2"},
    {.name = "max", .type = FR_CONF_STR, .value = "1.3"},
    {.name = "ems-exceptions", .type = FR_CONF_LIST},
    {.name = NULL},
};

static const struct fr_conf_key limit_keys[] = {
    COUNT("connections", "1000", 1, 100000),
    COUNT("per-address", "64", 1, 100000),
    COUNT("handshakes-per-address", "200", 0, 10000),
    COUNT("body", "65536", 1024, 262144),
    COUNT("header", "16384", 1024, 65536),
    COUNT("requests-per-connection", "1000", 1, 1000000),
    COUNT("enrolments-per-device", "0", 0, 1000000),
    {.name = "idle", .type = FR_CONF_DURATION, .value = "PT30S"},
    {.name = "request", .type = FR_CONF_DURATION, .value = "PT10S"},
    {.name = "handshake", .type = FR_CONF_DURATION, .value = "PT10S"},
    {.name = NULL},
};

static const struct fr_conf_key server_keys[] = {
    {.name = "state", .type = FR_CONF_PATH, .value = "/var/lib/fieldrootd"},
    {.name = "database", .type = FR_CONF_STR, .value = ""},
    {.name = "node", .type = FR_CONF_STR, .value = ""},
    {.name = "kek", .type = FR_CONF_PATH},
    {.name = "run-dir", .type = FR_CONF_PATH, .value = "/run/fieldrootd"},
    COUNT("workers", "0", 0, FR_SERVER_WORKERS_MAX),
    {.name = "log-level", .type = FR_CONF_STR, .value = "info"},
    {.name = "user", .type = FR_CONF_STR, .value = ""},
    {.name = "vault-user", .type = FR_CONF_STR, .value = ""},
    {.name = "signer-user", .type = FR_CONF_STR, .value = ""},
    {.name = "sandbox", .type = FR_CONF_STR, .value = "auto"},
    {.name = "mef", .type = FR_CONF_SECTION, .sub = mef_keys},
    {.name = "discovery", .type = FR_CONF_SECTION, .sub = discovery_keys},
    {.name = "gba-bsf", .type = FR_CONF_SECTION, .sub = gba_keys},
    {.name = "admin", .type = FR_CONF_SECTION, .sub = admin_keys},
    {.name = "tls", .type = FR_CONF_SECTION, .sub = tls_keys},
    {.name = "limits", .type = FR_CONF_SECTION, .sub = limit_keys},
    {.name = NULL},
};

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* One of a few words, or the words that would be right. */
static enum fr_code choose(const struct fr_conf *c, const char *key,
                           const char *const *words, size_t n, size_t *ret,
                           struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) allowed = FR_BUF_INIT(256);
    const char *got = fr_conf_str(c, key);

    for (size_t i = 0; i < n; i++) {
        if (fr_str_equal(got, words[i])) {
            *ret = i;
            return FR_OK;
        }
        fr_buf_fmt(&allowed, "%s%s", i ? ", " : "", words[i]);
    }
    return FR_FAIL(err, FR_ECONFIG, "%s: %s = \"%s\": allowed are %s", fr_conf_where(c),
                   key, got ? got : "", fr_buf_cstr(&allowed));
}

static enum fr_code need(const struct fr_conf *c, const char *key, const char **ret,
                         struct fr_err *err)
{
    const char *value = fr_conf_str(c, key);

    if (!value || !value[0])
        return FR_FAIL(err, FR_ECONFIG, "%s: %s is missing: give a value",
                       fr_conf_where(c), key);
    *ret = value;
    return FR_OK;
}

static enum fr_code read_duration(const struct fr_conf *c, const char *key,
                                  int64_t min_ms, int64_t max_ms, int64_t *ret,
                                  struct fr_err *err)
{
    int64_t ms = fr_conf_duration_ms(c, key);
    char low[32], high[32];

    if (ms < min_ms || ms > max_ms)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s: allowed is %s to %s", fr_conf_where(c),
                       key, fr_duration_format(min_ms, low, sizeof low),
                       fr_duration_format(max_ms, high, sizeof high));
    *ret = ms;
    return FR_OK;
}

static enum fr_code read_tls_files(const struct fr_conf *c,
                                   struct fr_listener_config *l, struct fr_err *err)
{
    FR_TRY(need(c, "certificate", &l->certificate, err));
    FR_TRY(need(c, "key", &l->key, err));
    return FR_OK;
}

static enum fr_code check_admin_fqdns(const struct fr_conf *mef, struct fr_err *err)
{
    for (size_t i = 0; i < fr_conf_list_size(mef, "admin-fqdns"); i++) {
        const char *name = fr_conf_list_at(mef, "admin-fqdns", i);

        if (!fr_fqdn_is_valid(fr_slice_str(name)))
            return FR_FAIL(err, FR_ECONFIG, "%s: admin-fqdns: \"%s\" is not an FQDN",
                           fr_conf_where(mef), name);
    }
    return FR_OK;
}

static enum fr_code read_mef_names(struct fr_server_config *c,
                                   const struct fr_conf *mef, struct fr_err *err)
{
    const char *fqdn = NULL;

    FR_TRY(need(mef, "fqdn", &fqdn, err));
    if (!fr_fqdn_is_valid(fr_slice_str(fqdn)))
        return FR_FAIL(err, FR_ECONFIG, "%s: fqdn = \"%s\" is not an FQDN",
                       fr_conf_where(mef), fqdn);
    snprintf(c->mef_fqdn, sizeof c->mef_fqdn, "%s", fqdn);
    fr_ascii_fold(c->mef_fqdn);

    FR_TRY(need(mef, "base", &c->mef_base, err));
    if (c->mef_base[0] != '/' || c->mef_base[strlen(c->mef_base) - 1] == '/' ||
        strpbrk(c->mef_base, "%?# "))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: base = \"%s\": give a path like /mefbase, without "
                       "escapes or a final slash",
                       fr_conf_where(mef), c->mef_base);
    return check_admin_fqdns(mef, err);
}

static enum fr_code read_mef_rules(struct fr_server_config *c,
                                   const struct fr_conf *mef, struct fr_err *err)
{
    static const char *const words[] = {"optional", "required"};
    size_t confirmation = 0;

    FR_TRY(choose(mef, "confirmation", words, 2, &confirmation, err));
    c->confirmation_required = confirmation == 1;
    FR_TRY(read_duration(mef, "expiry-max", INT64_C(60) * MS,
                         INT64_C(100) * DAYS_365_S * MS, &c->expiry_max_s, err));
    FR_TRY(read_duration(mef, "grace", MS, INT64_C(10) * DAYS_365_S * MS, &c->grace_s,
                         err));
    c->expiry_max_s /= MS;
    c->grace_s /= MS;
    return FR_OK;
}

static enum fr_code read_mef(struct fr_server_config *c, struct fr_err *err)
{
    const struct fr_conf *mef = fr_conf_section(c->file, "mef");
    struct fr_listener_config *enrol = &c->listener[FR_WORKER_ENROL];
    struct fr_listener_config *fetch = &c->listener[FR_WORKER_FETCH];

    if (!mef)
        return FR_OK;
    c->mef = mef;
    FR_TRY(read_mef_names(c, mef, err));
    FR_TRY(read_mef_rules(c, mef, err));
    FR_TRY(read_tls_files(mef, enrol, err));
    FR_TRY(need(mef, "listen", &enrol->listen, err));
    FR_TRY(need(mef, "enrolee-anchors", &enrol->anchors, err));
    enrol->crl = fr_conf_str(mef, "enrolee-crl");

    /* A MEF whose only targets are local, and its own FQDN, needs no fetch listener. */
    if (!fr_conf_str(mef, "target-anchors"))
        return FR_OK;
    FR_TRY(read_tls_files(mef, fetch, err));
    FR_TRY(need(mef, "fetch-listen", &fetch->listen, err));
    FR_TRY(need(mef, "target-anchors", &fetch->anchors, err));
    fetch->crl = fr_conf_str(mef, "target-crl");
    return FR_OK;
}

static enum fr_code read_discovery(struct fr_server_config *c, struct fr_err *err)
{
    const struct fr_conf *section = fr_conf_section(c->file, "discovery");
    struct fr_listener_config *l = &c->listener[FR_WORKER_DISCOVERY];

    if (!section)
        return FR_OK;
    FR_TRY(read_tls_files(section, l, err));
    FR_TRY(need(section, "listen", &l->listen, err));
    FR_TRY(need(section, "enrolee-anchors", &l->anchors, err));
    l->crl = fr_conf_str(section, "enrolee-crl");
    return FR_OK;
}

/* What the HSS knows us by: the same after a restart, and no other node's. */
static enum fr_code read_hlr_name(struct fr_server_config *c, const struct fr_conf *gba,
                                  struct fr_err *err)
{
    const char *text = fr_conf_str(gba, "hlr-name");
    size_t max = sizeof c->gba.hlr_name - 1;

    if (!text || !text[0]) {
        snprintf(c->gba.hlr_name, sizeof c->gba.hlr_name, "fieldroot-%s", c->node);
        return FR_OK;
    }
    if (strlen(text) > max || strspn(text, name_letters) != strlen(text))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: hlr-name = \"%s\": at most %zu letters, digits, '.', '_', "
                       "'-'",
                       fr_conf_where(gba), text, max);
    snprintf(c->gba.hlr_name, sizeof c->gba.hlr_name, "%s", text);
    return FR_OK;
}

/* The address stands when privileges are gone and no file can be read: so no names. */
static enum fr_code read_hlr(struct fr_server_config *c, const struct fr_conf *gba,
                             struct fr_err *err)
{
    struct fr_gba_config *g = &c->gba;

    FR_TRY(need(gba, "hlr", &g->hlr, err));
    if (!fr_address_parse(g->hlr, &g->hlr_address, &g->hlr_address_len) ||
        fr_gba_hlr_port(g) == 0)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: hlr = \"%s\": give the address (no name) and the port of "
                       "the HSS's GSUP, like 127.0.0.1:4222 or [::1]:4222",
                       fr_conf_where(gba), g->hlr);
    FR_TRY(read_hlr_name(c, gba, err));
    return read_duration(gba, "hss-timeout", MS, INT64_C(60) * MS, &g->hss_timeout_ms,
                         err);
}

static enum fr_code read_ub(struct fr_server_config *c, const struct fr_conf *gba,
                            struct fr_err *err)
{
    struct fr_listener_config *l = &c->listener[FR_WORKER_GBA];

    FR_TRY(need(gba, "listen", &l->listen, err));
    c->gba.is_plain = !fr_conf_bool(gba, "tls");
    if (!c->gba.is_plain)
        return read_tls_files(gba, l, err);
    if (fr_conf_str(gba, "certificate") || fr_conf_str(gba, "key"))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: tls = off has no use for a certificate or a key: leave "
                       "them out, or tls",
                       fr_conf_where(gba));
    return FR_OK;
}

static enum fr_code read_gba(struct fr_server_config *c, struct fr_err *err)
{
    const struct fr_conf *gba = fr_conf_section(c->file, "gba-bsf");

    if (!gba)
        return FR_OK;
    if (!c->mef)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: section gba-bsf needs a section mef, whose fqdn is the "
                       "GBA-BSF's name too",
                       fr_conf_where(c->file));
    FR_TRY(read_ub(c, gba, err));
    FR_TRY(read_hlr(c, gba, err));
    c->gba.akav2 = fr_conf_bool(gba, "akav2");
    c->gba.tmpi = fr_conf_bool(gba, "tmpi");
    c->gba.vectors_per_minute = fr_conf_int(gba, "vectors-per-subscriber");
    FR_TRY(read_duration(gba, "lifetime", INT64_C(60) * MS,
                         INT64_C(1) * DAYS_365_S * MS, &c->gba.lifetime_s, err));
    c->gba.lifetime_s /= MS;
    return FR_OK;
}

static enum fr_code read_admin(struct fr_server_config *c, struct fr_err *err)
{
    const struct fr_conf *section = fr_conf_section(c->file, "admin");

    if (!section)
        return FR_OK;
    if (fr_conf_str(section, "socket"))
        FR_TRY(fr_str_dup(fr_conf_str(section, "socket"), &c->admin_socket, err));
    else
        FR_TRY(fr_path_join(c->run_dir, "admin.sock", &c->admin_socket, err));
    c->listener[FR_WORKER_ADMIN].listen = c->admin_socket;
    return FR_OK;
}

static enum fr_code read_tls(struct fr_server_config *c, const struct fr_conf *tls,
                             struct fr_err *err)
{
    static const char *const profiles[] = {"default", "onem2m"};
    static const char *const versions[] = {"1.2", "1.3"};
    static const int numbers[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    size_t profile = 0, min = 0, max = 0;

    FR_TRY(choose(tls, "profile", profiles, 2, &profile, err));
    FR_TRY(choose(tls, "min", versions, 2, &min, err));
    FR_TRY(choose(tls, "max", versions, 2, &max, err));
    if (min > max)
        return FR_FAIL(err, FR_ECONFIG, "%s: min = \"%s\" is above max = \"%s\"",
                       fr_conf_where(tls), versions[min], versions[max]);
    if (profile == 1 && min > 0)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: profile = onem2m is TLS 1.2, and min = \"1.3\"",
                       fr_conf_where(tls));
    c->tls = fr_conf_section(c->file, "tls"); /* the list, if there is one */
    c->tls_profile = (enum fr_tls_profile)profile;
    c->tls_min = numbers[min];
    c->tls_max = profile == 1 ? TLS1_2_VERSION : numbers[max];
    return FR_OK;
}

static enum fr_code read_limits(struct fr_server_config *c,
                                const struct fr_conf *limits, struct fr_err *err)
{
    struct fr_limits *l = &c->limits;
    const int64_t hour = INT64_C(3600) * MS;

    l->connections = fr_conf_int(limits, "connections");
    l->per_address = fr_conf_int(limits, "per-address");
    l->handshakes_per_address = fr_conf_int(limits, "handshakes-per-address");
    l->body = fr_conf_int(limits, "body");
    l->header = fr_conf_int(limits, "header");
    l->requests = fr_conf_int(limits, "requests-per-connection");
    l->enrolments_per_device = fr_conf_int(limits, "enrolments-per-device");
    FR_TRY(read_duration(limits, "idle", MS, hour, &l->idle_ms, err));
    FR_TRY(read_duration(limits, "request", MS, hour, &l->request_ms, err));
    FR_TRY(read_duration(limits, "handshake", MS, hour, &l->handshake_ms, err));
    return FR_OK;
}

/* otherwise: who it is if the key is not given; NULL: nobody. */
static enum fr_code read_user(struct fr_server_config *c, const char *key,
                              const struct fr_user *otherwise, struct fr_user *ret,
                              struct fr_err *err)
{
    const char *name = fr_conf_str(c->file, key);
    const struct passwd *pw;

    if (!name || !name[0]) {
        *ret = otherwise ? *otherwise : (struct fr_user){0};
        return FR_OK;
    }
    if (otherwise && !otherwise->name)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s is given, user is not: give both",
                       fr_conf_where(c->file), key);
    pw = getpwnam(name);
    if (!pw)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s = \"%s\": there is no such user",
                       fr_conf_where(c->file), key, name);
    *ret = (struct fr_user){.name = name, .uid = pw->pw_uid, .gid = pw->pw_gid};
    return FR_OK;
}

static enum fr_code read_database(struct fr_server_config *c, struct fr_err *err)
{
    const char *text = fr_conf_str(c->file, "database");

    if (!text || !text[0])
        return fr_path_join(c->state, "fieldroot.db", &c->database, err);
    if (!fr_store_is_conninfo(text))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: database is neither a URI (postgresql://HOST/NAME) nor "
                       "keywords (host=... dbname=...): leave it out for SQLite, which "
                       "has its file in the state folder",
                       fr_conf_where(c->file));
    FR_TRY(fr_err_wrap(err, fr_store_postgres_check(text, err), "%s",
                       fr_conf_where(c->file)));
    return fr_str_dup(text, &c->database, err);
}

/* A name of this node that no other has: the host's. */
static enum fr_code read_node(struct fr_server_config *c, struct fr_err *err)
{
    const char *text = fr_conf_str(c->file, "node");
    char host[HOST_NAME_MAX + 1] = "";

    if (!text || !text[0]) {
        if (gethostname(host, sizeof host - 1) != 0 || !host[0])
            snprintf(host, sizeof host, "localhost");
        text = host;
    }
    if (strlen(text) > FR_STORE_NODE_MAX || strspn(text, name_letters) != strlen(text))
        return FR_FAIL(err, FR_ECONFIG,
                       "%s: node = \"%s\": at most %d letters, digits, '.', '_', '-'",
                       fr_conf_where(c->file), text, FR_STORE_NODE_MAX);
    snprintf(c->node, sizeof c->node, "%s", text);
    return fr_path_join(c->state, "instance", &c->instance, err);
}

static enum fr_code read_privilege(struct fr_server_config *c, struct fr_err *err)
{
    static const char *const modes[] = {"auto", "required", "off"};
    size_t mode = 0;

    FR_TRY(choose(c->file, "sandbox", modes, 3, &mode, err));
    c->sandbox = (enum fr_sandbox_mode)mode;
    FR_TRY(read_user(c, "user", NULL, &c->user, err));
    FR_TRY(read_user(c, "vault-user", &c->user, &c->vault_user, err));
    return read_user(c, "signer-user", &c->user, &c->signer_user, err);
}

static enum fr_code read_process(struct fr_server_config *c, struct fr_err *err)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    size_t level = FR_LOG_INFO;

    FR_TRY(need(c->file, "state", &c->state, err));
    FR_TRY(need(c->file, "run-dir", &c->run_dir, err));
    FR_TRY(choose(c->file, "log-level", levels, 4, &level, err));
    c->log_level = (enum fr_log_level)level;
    c->workers = fr_conf_int(c->file, "workers");
    FR_TRY(read_database(c, err));
    FR_TRY(read_node(c, err));
    if (fr_conf_str(c->file, "kek"))
        return fr_str_dup(fr_conf_str(c->file, "kek"), &c->kek, err);
    return fr_path_join(c->state, "kek", &c->kek, err);
}

/* A section that is not in the file has its defaults. */
static enum fr_code read_optional(struct fr_server_config *c, const char *name,
                                  enum fr_code (*read)(struct fr_server_config *,
                                                       const struct fr_conf *,
                                                       struct fr_err *),
                                  const struct fr_conf_key *keys, struct fr_err *err)
{
    const struct fr_conf *section = fr_conf_section(c->file, name);
    FR_AUTO(conf) *defaults = NULL;

    if (section)
        return read(c, section, err);
    FR_TRY(fr_conf_defaults(keys, &defaults, err));
    return read(c, defaults, err);
}

static enum fr_code check_roles(const struct fr_server_config *c, struct fr_err *err)
{
    for (int t = 0; t < FR_N_WORKERS; t++) {
        if (c->listener[t].listen && t != FR_WORKER_ADMIN)
            return FR_OK;
    }
    return FR_FAIL(err, FR_ECONFIG, "%s: no role is on: add a section mef or discovery",
                   fr_conf_where(c->file));
}

enum fr_code fr_server_config_load(const char *path, struct fr_server_config **ret,
                                   struct fr_err *err)
{
    FR_AUTO(server_config) *c = calloc(1, sizeof *c);

    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "out of memory reading %s", path);
    FR_TRY(fr_conf_load(path, server_keys, &c->file, err));
    FR_TRY(read_process(c, err));
    FR_TRY(read_privilege(c, err));
    FR_TRY(read_mef(c, err));
    FR_TRY(read_discovery(c, err));
    FR_TRY(read_gba(c, err));
    FR_TRY(read_admin(c, err));
    FR_TRY(read_optional(c, "limits", read_limits, limit_keys, err));
    FR_TRY(read_optional(c, "tls", read_tls, tls_keys, err));
    FR_TRY(check_roles(c, err));
    *ret = FR_TAKE(c);
    return FR_OK;
}

void fr_server_config_free(struct fr_server_config *c)
{
    if (!c)
        return;
    free(c->kek);
    free(c->database);
    free(c->instance);
    free(c->admin_socket);
    fr_conf_free(c->file);
    free(c);
}
