/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/client.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "trigger/manual.h"

struct fr_client {
    struct fr_config *config;
    struct fr_state *state;
    struct fr_device device;
    struct fr_host *hosts; /* added ones first, then the config's; strings of the added
                              ones are owned */
    size_t n_hosts, n_added;
};

struct fr_trigger {
    struct fr_manual *manual;
    bool renew;
    int64_t wait_target_ms;
};

enum fr_status fr_client_status(const struct fr_err *e, struct fr_error *ret)
{
    enum fr_status status = (enum fr_status)fr_code_exit(e->code);

    if (ret) {
        ret->status = status;
        (void)snprintf(ret->reason, sizeof ret->reason, "%s", e->reason);
        (void)snprintf(ret->text, sizeof ret->text, "%s", e->msg);
    }
    return status;
}

/* ---- client ---- */

static enum fr_code set_up(struct fr_client *c, const char *path, struct fr_err *err)
{
    const struct fr_config *config;

    enum fr_code rc =
        fr_config_load(path ? path : FR_CONFIG_PATH, path != NULL, &c->config, err);
    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, FR_ECONFIG, "config file %s does not exist", path);
    FR_TRY(rc);
    config = c->config;
    FR_TRY(fr_state_open(config->state, config->attempts_max, &c->state, err));

    c->hosts = calloc(config->n_hosts + 1, sizeof *c->hosts);
    if (!c->hosts)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a client");
    if (config->n_hosts > 0)
        memcpy(c->hosts, config->hosts, config->n_hosts * sizeof *c->hosts);
    c->n_hosts = config->n_hosts;
    c->device = (struct fr_device){.config = config,
                                   .state = c->state,
                                   .env = &fr_env_system,
                                   .bootstraps = fr_bootstraps,
                                   .discoveries = fr_discoveries,
                                   .usims = fr_usims,
                                   .hosts = c->hosts,
                                   .n_hosts = c->n_hosts};
    return FR_OK;
}

enum fr_code fr_client_new(const char *path, struct fr_client **ret, struct fr_err *err)
{
    struct fr_client *c = calloc(1, sizeof *c);

    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a client");
    enum fr_code rc = set_up(c, path, err);
    if (rc != FR_OK) {
        fr_client_close(c);
        return rc;
    }
    *ret = c;
    return FR_OK;
}

void fr_client_close(struct fr_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < client->n_added; i++) {
        free((char *)client->hosts[i].name);
        free((char *)client->hosts[i].address);
    }
    free(client->hosts);
    fr_state_free(client->state);
    fr_config_free(client->config);
    free(client);
}

enum fr_status fr_client_open(const char *config_path, struct fr_client **client,
                              struct fr_error *error)
{
    struct fr_err err;

    if (fr_client_new(config_path, client, &err) == FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

static bool is_address(const char *text)
{
    struct in6_addr to;

    return inet_pton(AF_INET, text, &to) == 1 || inet_pton(AF_INET6, text, &to) == 1;
}

enum fr_code fr_client_add_host(struct fr_client *client, const char *name,
                                const char *address, struct fr_err *err)
{
    FR_AUTO_STR(name_copy) = NULL;
    FR_AUTO_STR(address_copy) = NULL;

    if (!fr_fqdn_is_valid(fr_slice_str(name)) || !is_address(address))
        return FR_FAIL(err, FR_EUSAGE, "\"%s=%s\" is not of the form NAME=ADDRESS",
                       name, address);
    FR_TRY(fr_str_dup(name, &name_copy, err));
    FR_TRY(fr_str_dup(address, &address_copy, err));

    struct fr_host *hosts =
        reallocarray(client->hosts, client->n_hosts + 1, sizeof *hosts);
    if (!hosts)
        return FR_FAIL(err, FR_ENOMEM, "no memory for an address");
    memmove(hosts + 1, hosts, client->n_hosts * sizeof *hosts);
    hosts[0] =
        (struct fr_host){.name = FR_TAKE(name_copy), .address = FR_TAKE(address_copy)};
    client->n_added++;
    client->hosts = hosts;
    client->device.hosts = hosts;
    client->device.n_hosts = ++client->n_hosts;
    return FR_OK;
}

enum fr_status fr_client_resolve(struct fr_client *client, const char *name,
                                 const char *address, struct fr_error *error)
{
    struct fr_err err;

    if (fr_client_add_host(client, name, address, &err) == FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

const struct fr_device *fr_client_device(const struct fr_client *client)
{
    return &client->device;
}

/* ---- trigger ---- */

struct fr_trigger *fr_trigger_new(void)
{
    struct fr_trigger *t = calloc(1, sizeof *t);

    if (t && fr_manual_new(&t->manual, NULL) != FR_OK) {
        free(t);
        return NULL;
    }
    return t;
}

void fr_trigger_free(struct fr_trigger *trigger)
{
    if (!trigger)
        return;
    fr_manual_free(trigger->manual);
    free(trigger);
}

enum fr_status fr_trigger_add_bootstrap(struct fr_trigger *trigger, const char *method,
                                        const char *fqdn, uint16_t port,
                                        const char *target, struct fr_error *error)
{
    struct fr_manual_entry entry = {
        .method = method, .fqdn = fqdn, .port = port, .target = target};
    struct fr_err err;

    if (fr_manual_add(trigger->manual, &entry, &err) == FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

enum fr_status fr_trigger_add_mef(struct fr_trigger *trigger, const char *fqdn,
                                  uint16_t port, struct fr_error *error)
{
    return fr_trigger_add_bootstrap(trigger, "certificate", fqdn, port, NULL, error);
}

enum fr_status fr_trigger_add_discovery(struct fr_trigger *trigger, const char *uri,
                                        struct fr_error *error)
{
    struct fr_err err;

    if (fr_manual_discover(trigger->manual, uri, &err) == FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

enum fr_status fr_trigger_add_document(struct fr_trigger *trigger, const char *json,
                                       size_t length, const char *name,
                                       struct fr_error *error)
{
    struct fr_err err;

    if (fr_manual_document(trigger->manual, fr_slice_of(json, length), name, &err) ==
        FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

void fr_trigger_set_renew(struct fr_trigger *trigger, int renew)
{
    trigger->renew = renew != 0;
}

void fr_trigger_set_wait_target(struct fr_trigger *trigger, int64_t ms)
{
    trigger->wait_target_ms = ms < 0 ? 0 : ms > FR_BUDGET_MAX ? FR_BUDGET_MAX : ms;
}

/* ---- the two faces ---- */

enum fr_status fr_run_new(struct fr_client *client, struct fr_trigger *trigger,
                          fr_event_fn fn, void *ctx, struct fr_run **run,
                          struct fr_error *error)
{
    struct fr_run_setup setup = {.device = &client->device,
                                 .renew = trigger->renew,
                                 .wait_target_ms = trigger->wait_target_ms,
                                 .fn = fn,
                                 .ctx = ctx};
    struct fr_document *doc;
    struct fr_err err;

    if (fr_manual_take(trigger->manual, &doc, &err) == FR_OK &&
        fr_run_open(&setup, doc, run, &err) == FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

enum fr_status fr_provision(struct fr_client *client, struct fr_trigger *trigger,
                            fr_event_fn fn, void *ctx, struct fr_error *error)
{
    struct fr_run *run = NULL;
    enum fr_status status = fr_run_new(client, trigger, fn, ctx, &run, error);

    if (status != FR_STATUS_OK)
        return status;
    (void)fr_run_to_end(run, -1);
    status = fr_run_status(run, error);
    fr_run_free(run);
    return status;
}

/* ---- credentials ---- */

static enum fr_code find_credential(struct fr_client *client,
                                    const struct fr_slot_id *id,
                                    struct fr_credential **ret, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;

    FR_TRY(fr_state_find(client->state, id, &c, err));
    if (client->config->is_psk_3gpp)
        FR_TRY(fr_credential_identify_as_3gpp(c, err));
    *ret = FR_TAKE(c);
    return FR_OK;
}

enum fr_status fr_credential_find(struct fr_client *client, const char *mef,
                                  const char *target, int suid,
                                  struct fr_credential **credential,
                                  struct fr_error *error)
{
    struct fr_slot_id id = {.mef = mef, .target = target, .suid = suid};
    struct fr_err err;

    if (find_credential(client, &id, credential, &err) == FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

static enum fr_code for_naf(const struct fr_credential *c, const char *fqdn,
                            struct fr_credential **ret, struct fr_err *err)
{
    FR_AUTO(credential) *other = NULL;

    FR_TRY(fr_credential_copy(c, &other, err));
    FR_TRY(fr_credential_aim_at(other, fqdn, err));
    *ret = FR_TAKE(other);
    return FR_OK;
}

enum fr_status fr_credential_for_naf(const struct fr_credential *credential,
                                     const char *fqdn, struct fr_credential **other,
                                     struct fr_error *error)
{
    struct fr_err err;

    if (for_naf(credential, fqdn, other, &err) == FR_OK)
        return FR_STATUS_OK;
    return fr_client_status(&err, error);
}

void fr_credential_close(struct fr_credential *credential)
{
    fr_credential_free(credential);
}

const char *fr_credential_psk_identity(const struct fr_credential *credential)
{
    return fr_credential_identity(credential);
}

int64_t fr_credential_expires(const struct fr_credential *credential)
{
    return credential->expires;
}

enum fr_status fr_credential_derive(const struct fr_credential *credential,
                                    uint8_t key[32], struct fr_error *error)
{
    FR_AUTO(secret) *shared = NULL;
    struct fr_err err;

    if (fr_credential_target_key(credential, &shared, &err) != FR_OK)
        return fr_client_status(&err, error);
    memcpy(key, fr_secret_view(shared).data, FR_KE_LEN);
    return FR_STATUS_OK;
}
