/* SPDX-License-Identifier: Apache-2.0 */
#include "model/credential.h"

#include <stdlib.h>

#include "base/str.h"

enum fr_code fr_credential_new(struct fr_credential **ret, struct fr_err *err)
{
    struct fr_credential *c = calloc(1, sizeof *c);

    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    *ret = c;
    return FR_OK;
}

void fr_credential_free(struct fr_credential *c)
{
    if (!c)
        return;
    free(c->method);
    free(c->mef);
    free(c->target);
    free(c->target_fqdn);
    free(c->admin_fqdn);
    free(c->key_id);
    free(c->registration);
    free(c->client_registration);
    free(c->credential_name);
    fr_secret_free(c->ke);
    free(c);
}

static enum fr_code copy_secret(const struct fr_secret *from, struct fr_secret **to,
                                struct fr_err *err)
{
    struct fr_slice view;

    if (!from)
        return FR_OK;
    view = fr_secret_view(from);
    return fr_secret_from(view.data, view.len, to, err);
}

enum fr_code fr_credential_copy(const struct fr_credential *c,
                                struct fr_credential **ret, struct fr_err *err)
{
    FR_AUTO(credential) *copy = NULL;

    FR_TRY(fr_credential_new(&copy, err));
    copy->port = c->port;
    copy->suid = c->suid;
    copy->derivation = c->derivation;
    copy->created = c->created;
    copy->expires = c->expires;
    copy->confirmed = c->confirmed;
    FR_TRY(fr_str_dup_opt(c->method, &copy->method, err));
    FR_TRY(fr_str_dup_opt(c->mef, &copy->mef, err));
    FR_TRY(fr_str_dup_opt(c->target, &copy->target, err));
    FR_TRY(fr_str_dup_opt(c->target_fqdn, &copy->target_fqdn, err));
    FR_TRY(fr_str_dup_opt(c->admin_fqdn, &copy->admin_fqdn, err));
    FR_TRY(fr_str_dup_opt(c->key_id, &copy->key_id, err));
    FR_TRY(fr_str_dup_opt(c->registration, &copy->registration, err));
    FR_TRY(fr_str_dup_opt(c->client_registration, &copy->client_registration, err));
    FR_TRY(fr_str_dup_opt(c->credential_name, &copy->credential_name, err));
    FR_TRY(copy_secret(c->ke, &copy->ke, err));
    *ret = FR_TAKE(copy);
    return FR_OK;
}

enum fr_code fr_credential_target_key(const struct fr_credential *c,
                                      struct fr_secret **ret, struct fr_err *err)
{
    struct fr_kdf_target target = {.derivation = c->derivation,
                                   .suid = c->suid,
                                   .id = c->target,
                                   .fqdn = c->target_fqdn};

    return fr_kdf_target_key(c->ke, &target, ret, err);
}

bool fr_credential_is_valid(const struct fr_credential *c, int64_t now)
{
    return c->ke && now < c->expires;
}
