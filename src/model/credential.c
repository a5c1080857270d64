/* SPDX-License-Identifier: Apache-2.0 */
#include "model/credential.h"

#include <stdlib.h>
#include <string.h>

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
    free(c->impi);
    free(c->psk_identity);
    fr_secret_free(c->ke);
    for (size_t i = 0; i < FR_N_UAS; i++)
        fr_secret_free(c->naf_keys[i]);
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

static enum fr_code copy_gba(const struct fr_credential *c, struct fr_credential *copy,
                             struct fr_err *err)
{
    memcpy(copy->rand, c->rand, sizeof copy->rand);
    for (size_t i = 0; i < FR_N_UAS; i++)
        FR_TRY(copy_secret(c->naf_keys[i], &copy->naf_keys[i], err));
    FR_TRY(fr_str_dup_opt(c->psk_identity, &copy->psk_identity, err));
    return fr_str_dup_opt(c->impi, &copy->impi, err);
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
    FR_TRY(copy_gba(c, copy, err));
    *ret = FR_TAKE(copy);
    return FR_OK;
}

static enum fr_code naf_key(const struct fr_credential *c, enum fr_ua ua,
                            struct fr_secret **ret, struct fr_err *err)
{
    const struct fr_gba_naf naf = {.key = FR_GBA_ME,
                                   .rand = {c->rand, sizeof c->rand},
                                   .impi = c->impi,
                                   .naf_fqdn = c->target_fqdn,
                                   .ua = ua};

    return fr_gba_naf_key(c->ke, &naf, ret, err);
}

static enum fr_code kept_key(const struct fr_credential *c, enum fr_ua ua,
                             struct fr_secret **ret, struct fr_err *err)
{
    if (!c->naf_keys[ua])
        return FR_FAIL_AS(err, FR_EINVALID, "naf-key-missing",
                          "the SIM has not made the key for %s yet", fr_ua_name(ua));
    return copy_secret(c->naf_keys[ua], ret, err);
}

enum fr_code fr_credential_ua_key(const struct fr_credential *c, enum fr_ua ua,
                                  struct fr_secret **ret, struct fr_err *err)
{
    struct fr_kdf_target target = {.derivation = c->derivation,
                                   .suid = c->suid,
                                   .id = c->target,
                                   .fqdn = c->target_fqdn};

    if (c->derivation == FR_DERIVE_GBA)
        return naf_key(c, ua, ret, err);
    if (c->derivation == FR_DERIVE_GBA_U)
        return kept_key(c, ua, ret, err);
    return fr_kdf_target_key(c->ke, &target, ret, err);
}

enum fr_code fr_credential_target_key(const struct fr_credential *c,
                                      struct fr_secret **ret, struct fr_err *err)
{
    return fr_credential_ua_key(c, FR_UA_TLS12, ret, err);
}

const char *fr_credential_identity(const struct fr_credential *c)
{
    return c->psk_identity ? c->psk_identity : c->key_id;
}

enum fr_code fr_credential_identify_as_3gpp(struct fr_credential *c, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(sizeof FR_PSK_3GPP + FR_BTID_MAX);

    if (!fr_derivation_is_gba(c->derivation) || c->psk_identity)
        return FR_OK;
    fr_buf_fmt(&text, "%s%s", FR_PSK_3GPP, c->key_id);
    FR_TRY(fr_buf_check(&text, err));
    return fr_str_dup(fr_buf_cstr(&text), &c->psk_identity, err);
}

enum fr_code fr_credential_aim_at(struct fr_credential *c, const char *fqdn,
                                  struct fr_err *err)
{
    FR_AUTO_STR(target) = NULL;
    FR_AUTO_STR(target_fqdn) = NULL;

    if (c->derivation != FR_DERIVE_GBA)
        return FR_FAIL_AS(err, FR_EUSAGE, "one-target",
                          "%s is shared with %s alone: only a Ks that the device holds "
                          "gives keys for others",
                          c->key_id, c->target);
    if (!fr_fqdn_is_valid(fr_slice_str(fqdn)))
        return FR_FAIL(err, FR_EUSAGE, "\"%s\" is not the FQDN of a target", fqdn);
    FR_TRY(fr_str_dup(fqdn, &target, err));
    fr_ascii_fold(target);
    FR_TRY(fr_str_dup(target, &target_fqdn, err));
    free(c->target);
    free(c->target_fqdn);
    c->target = FR_TAKE(target);
    c->target_fqdn = FR_TAKE(target_fqdn);
    return FR_OK;
}

bool fr_credential_is_reused(const struct fr_credential *c)
{
    return fr_str_equal(c->registration, FR_REUSED_PATH);
}

bool fr_credential_is_valid(const struct fr_credential *c, int64_t now)
{
    return c->ke && now < c->expires;
}
