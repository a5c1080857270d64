/* SPDX-License-Identifier: Apache-2.0 */
/* What a device can do and has, before anything is tried. */
#include <string.h>

#include "agent/clock.h"
#include "agent/keyring.h"
#include "agent/run.h"

static bool has_method(const struct fr_device *d, const struct fr_instruction *in)
{
    if (in->kind == FR_DISCOVERY)
        return fr_discovery_find(d->discoveries, in->method) != NULL;
    return fr_bootstrap_find(d->bootstraps, in->method) != NULL;
}

/* A discovery by file talks to no one. */
static bool needs_peer(const struct fr_instruction *in)
{
    return in->kind == FR_BOOTSTRAP || strncmp(in->resource, "https:", 6) == 0;
}

/* A SIM that this build cannot reach is as good as none. */
static enum fr_code check_sim(const struct fr_device *d, const char *name,
                              struct fr_err *err)
{
    const struct fr_config_credential *c =
        fr_config_credential(d->config, FR_KEY_SIM, name);

    if (!fr_usim_find(d->usims, c->sim))
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "no-sim",
                          "credential %s is a SIM of kind %s, and no way to that is "
                          "built in",
                          c->name, c->sim);
    return FR_OK;
}

static enum fr_code check_keys(const struct fr_device *d,
                               const struct fr_instruction *in, struct fr_err *err)
{
    struct fr_keyring_need need = {.role = FR_ROLE_DISCOVERY, .name = in->credential};

    if (in->kind == FR_BOOTSTRAP) {
        need.role = FR_ROLE_MEF;
        need.kind = fr_bootstrap_find(d->bootstraps, in->method)->needs;
        need.is_plain =
            need.kind == FR_KEY_SIM && fr_config_is_plain(d->config, in->mef);
    }
    FR_TRY(fr_keyring_check(d->config, &need, err));
    return need.kind == FR_KEY_SIM ? check_sim(d, in->credential, err) : FR_OK;
}

static enum fr_code check(const struct fr_device *d, const struct fr_instruction *in,
                          struct fr_err *err)
{
    if (!has_method(d, in))
        return FR_FAIL(err, FR_EUNSUPPORTED, "method %s is not built in", in->method);
    if (in->kind == FR_BOOTSTRAP && in->binding == FR_BINDING_COAP)
        return FR_FAIL(err, FR_EUNSUPPORTED, "coap is not built in");
    if (needs_peer(in))
        return check_keys(d, in, err);
    return FR_OK;
}

bool fr_device_supports(const struct fr_device *device, const struct fr_instruction *in,
                        char *text, size_t size)
{
    struct fr_err err;

    if (check(device, in, &err) == FR_OK)
        return true;
    (void)snprintf(text, size, "%s", err.msg);
    return false;
}

static enum fr_code look_for_sim(const struct fr_device *d,
                                 const struct fr_instruction *in, struct fr_err *err)
{
    const struct fr_config_credential *c =
        fr_config_credential(d->config, FR_KEY_SIM, in->credential);

    if (in->kind != FR_BOOTSTRAP ||
        fr_bootstrap_find(d->bootstraps, in->method)->needs != FR_KEY_SIM)
        return FR_OK;
    return fr_usim_find(d->usims, c->sim)->look(&c->usim, err);
}

bool fr_device_could(const struct fr_device *device, const struct fr_instruction *in,
                     char *text, size_t size)
{
    struct fr_err err;

    if (!fr_device_supports(device, in, text, size))
        return false;
    if (look_for_sim(device, in, &err) == FR_OK)
        return true;
    (void)snprintf(text, size, "%s", err.msg);
    return false;
}

int64_t fr_device_now(const struct fr_device *device)
{
    struct fr_clock clock = fr_clock_read(device->state, device->env);

    return fr_clock_now(&clock);
}

enum fr_code fr_device_current(const struct fr_device *device,
                               const struct fr_instruction *in,
                               struct fr_credential **ret, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    struct fr_slot_id id = {.mef = in->mef, .target = in->target, .suid = in->suid};

    if (in->kind != FR_BOOTSTRAP)
        return FR_FAIL(err, FR_ENOTFOUND, "what it would yield is not known before");
    FR_TRY(fr_state_find(device->state, &id, &c, err));
    if (!fr_credential_is_valid(c, fr_device_now(device)))
        return FR_FAIL(err, FR_ENOTFOUND, "the credential %s has expired", c->key_id);
    *ret = FR_TAKE(c);
    return FR_OK;
}

struct valid {
    int64_t now;
    fr_fits_fn *fits;
    const void *arg;
};

static bool is_valid_and_fits(const void *arg, const struct fr_credential *c)
{
    const struct valid *v = arg;

    return fr_credential_is_valid(c, v->now) && v->fits(v->arg, c);
}

enum fr_code fr_device_find(const void *device, fr_fits_fn *fits, const void *arg,
                            struct fr_credential **ret, struct fr_err *err)
{
    const struct fr_device *d = device;
    const struct valid valid = {fr_device_now(d), fits, arg};

    return fr_state_find_fit(d->state, is_valid_and_fits, &valid, ret, err);
}
