/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/registration.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static enum fr_code of_no_use(struct fr_err *err, const char *what)
{
    return FR_FAIL_AS(err, FR_EINVALID, "processing-failed",
                      "the MEF's registration has %s", what);
}

/* got is the peer's text, and goes to a terminal. */
static enum fr_code not_as_asked(struct fr_err *err, const char *what, const char *got,
                                 const char *asked)
{
    char shown[FR_ID_MAX + 1];

    return FR_FAIL_AS(err, FR_EINVALID, "processing-failed",
                      "the MEF registered %s \"%s\" instead of \"%s\"", what,
                      fr_printable(fr_slice_str(got), shown, sizeof shown), asked);
}

static void copy_id(char to[FR_ID_MAX + 1], const char *id)
{
    snprintf(to, FR_ID_MAX + 1, "%s", id ? id : "");
}

#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

static int64_t expiry_asked(const struct fr_registration *r)
{
    return r->now ? r->now + r->in->expiry_s : LAST_SECOND;
}

enum fr_code fr_registration_client_body(const struct fr_registration *r,
                                         struct fr_buf *to, struct fr_err *err)
{
    struct fr_mmef_client_reg reg = {.expires = expiry_asked(r)};

    copy_id(reg.admin_fqdn, r->in->admin_fqdn);
    return fr_mmef_client_reg_encode(&reg, to, err);
}

enum fr_code fr_registration_key_body(const struct fr_registration *r,
                                      struct fr_buf *to, struct fr_err *err)
{
    struct fr_mmef_key_reg reg = {.expires = expiry_asked(r), .suid = r->in->suid};

    copy_id(reg.admin_fqdn, r->in->admin_fqdn);
    copy_id(reg.target, r->in->target);
    return fr_mmef_key_reg_encode(&reg, to, err);
}

/* Where a created resource is: as the MEF says, or by its id below MEFBase. */
static enum fr_code resource_path(const struct fr_registration *r,
                                  const struct fr_http_response *response,
                                  const char *ri, char **ret, struct fr_err *err)
{
    const char *location = fr_http_header(response, "Content-Location");
    FR_AUTO_CLEAR(buf) path = FR_BUF_INIT(FR_ID_MAX);

    if (location && fr_mmef_path_is_plain(location))
        return fr_str_dup(location, ret, err);
    fr_buf_fmt(&path, "%s/%s", r->mef_base, ri);
    if (path.failed == FR_ENOMEM)
        return fr_buf_check(&path, err);
    if (path.failed != FR_OK || !fr_mmef_path_is_plain(fr_buf_cstr(&path)))
        return of_no_use(err, "an id that is no path segment");
    return fr_str_dup(fr_buf_cstr(&path), ret, err);
}

static enum fr_code check_common(const struct fr_registration *r, const char *creator,
                                 const char *admin_fqdn, int64_t expires,
                                 struct fr_err *err)
{
    const char *asked = r->in->admin_fqdn;

    if (expires <= r->now || expires <= r->earliest)
        return of_no_use(err, "an expirationTime that is over");
    if (strcmp(creator, r->own_id) != 0)
        return not_as_asked(err, "source id", creator, r->own_id);
    if (asked && !fr_ascii_equal_fold(admin_fqdn, asked))
        return not_as_asked(err, "adminFQDN", admin_fqdn, asked);
    if (admin_fqdn[0] && !fr_fqdn_is_valid(fr_slice_str(admin_fqdn)))
        return of_no_use(err, "an adminFQDN that is none");
    return FR_OK;
}

enum fr_code fr_registration_client_take(const struct fr_registration *r,
                                         const struct fr_http_response *response,
                                         char **ret_path, struct fr_err *err)
{
    struct fr_mmef_client_reg reg;

    FR_TRY(fr_mmef_client_reg_decode(fr_http_body(response), &reg, err));
    FR_TRY(check_common(r, reg.creator, reg.admin_fqdn, reg.expires, err));
    return resource_path(r, response, reg.ri, ret_path, err);
}

static bool make_key_id(const char *ri, const char *mef, char to[FR_KEYID_MAX + 1])
{
    char text[2 * FR_ID_MAX + 2];

    snprintf(text, sizeof text, "%s@%s", ri, mef);
    return fr_keyid_parse(fr_slice_str(text), to);
}

static enum fr_code check_key(const struct fr_registration *r,
                              const struct fr_mmef_key_reg *reg, struct fr_err *err)
{
    const char *target = r->in->target;

    FR_TRY(check_common(r, reg->creator, reg->admin_fqdn, reg->expires, err));
    if (reg->suid != r->in->suid)
        return FR_FAIL_AS(err, FR_EINVALID, "processing-failed",
                          "the MEF registered SUID %d instead of %d", reg->suid,
                          r->in->suid);
    if (target && strcmp(reg->target, target) != 0)
        return not_as_asked(err, "target", reg->target, target);
    if (reg->target[0] == 0)
        return of_no_use(err, "no target");
    if (!reg->target_fqdn[0] && !fr_fqdn_is_valid(fr_slice_str(reg->target)))
        return FR_FAIL_AS(err, FR_EINVALID, "target-fqdn-unknown",
                          "the MEF does not tell the FQDN form of target %s",
                          reg->target);
    return FR_OK;
}

static enum fr_code fill(struct fr_credential *c, const struct fr_instruction *in,
                         const struct fr_mmef_key_reg *reg, struct fr_err *err)
{
    const char *fqdn = reg->target_fqdn[0] ? reg->target_fqdn : reg->target;
    const char *admin = reg->admin_fqdn[0] ? reg->admin_fqdn : in->mef;

    c->port = in->port;
    c->suid = reg->suid;
    c->derivation = reg->derivation;
    c->expires = reg->expires;
    FR_TRY(fr_str_dup(in->mef, &c->mef, err));
    FR_TRY(fr_str_dup(reg->target, &c->target, err));
    FR_TRY(fr_str_dup(fqdn, &c->target_fqdn, err));
    FR_TRY(fr_str_dup(admin, &c->admin_fqdn, err));
    return fr_str_dup_opt(in->credential, &c->credential_name, err);
}

enum fr_code fr_registration_key_take(const struct fr_registration *r,
                                      const struct fr_http_response *response,
                                      struct fr_credential **ret, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    struct fr_mmef_key_reg reg;
    char key_id[FR_KEYID_MAX + 1];

    FR_TRY(fr_mmef_key_reg_decode(fr_http_body(response), &reg, err));
    FR_TRY(check_key(r, &reg, err));
    if (!make_key_id(reg.ri, r->in->mef, key_id))
        return of_no_use(err, "a RelativeKeyID that is not 32 hexadecimal digits");
    FR_TRY(fr_credential_new(&c, err));
    FR_TRY(fill(c, r->in, &reg, err));
    FR_TRY(fr_str_dup(key_id, &c->key_id, err));
    FR_TRY(resource_path(r, response, reg.ri, &c->registration, err));
    c->created = r->now;
    *ret = FR_TAKE(c);
    return FR_OK;
}

enum fr_code fr_registration_key_match(struct fr_slice body, const char *mef,
                                       const char *key_id, struct fr_err *err)
{
    struct fr_mmef_key_reg reg;
    char got[FR_KEYID_MAX + 1];

    FR_TRY(fr_mmef_key_reg_decode(body, &reg, err));
    if (!make_key_id(reg.ri, mef, got) || strcmp(got, key_id) != 0)
        return not_as_asked(err, "RelativeKeyID", reg.ri, key_id);
    return FR_OK;
}
