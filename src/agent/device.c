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

static enum fr_code check(const struct fr_device *d, const struct fr_instruction *in,
                          struct fr_err *err)
{
    enum fr_peer_role role = in->kind == FR_BOOTSTRAP ? FR_ROLE_MEF : FR_ROLE_DISCOVERY;

    if (!has_method(d, in))
        return FR_FAIL(err, FR_EUNSUPPORTED, "method %s is not built in", in->method);
    if (in->kind == FR_BOOTSTRAP && in->binding == FR_BINDING_COAP)
        return FR_FAIL(err, FR_EUNSUPPORTED, "coap is not built in");
    if (needs_peer(in))
        return fr_keyring_check(d->config, role, in->credential, err);
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
