/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "proto/aka_digest.h"
#include "proto/auth_params.h"

static const char *name_of(enum fr_aka_version version)
{
    return version == FR_AKAV2_MD5 ? "AKAv2-MD5" : "AKAv1-MD5";
}

static enum fr_code check_plain(const char *const *values, size_t n, struct fr_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!fr_auth_value_is_plain(values[i]))
            return FR_FAIL(err, FR_EPARSE,
                           "a value of the digest cannot stand in a header");
    return FR_OK;
}

static void put_opaque(const char *opaque, struct fr_buf *to)
{
    if (opaque[0])
        fr_auth_param_write(to, "opaque", opaque);
}

enum fr_code fr_digest_challenge_write(struct fr_digest_challenge *c, struct fr_buf *to,
                                       struct fr_err *err)
{
    uint8_t text[64], octets[FR_AKA_RAND_LEN + FR_AKA_AUTN_LEN];
    struct fr_buf nonce = FR_BUF_OVER(text);

    FR_TRY(check_plain((const char *const[]){c->realm, c->opaque}, 2, err));
    memcpy(octets, c->rand, FR_AKA_RAND_LEN);
    memcpy(octets + FR_AKA_RAND_LEN, c->autn, FR_AKA_AUTN_LEN);
    fr_base64_encode(fr_slice_of(octets, sizeof octets), false, &nonce);
    memcpy(c->nonce, fr_buf_cstr(&nonce), nonce.len + 1);
    fr_buf_str(to, "Digest ");
    fr_auth_param_write(to, "realm", c->realm);
    fr_auth_param_write(to, "nonce", c->nonce);
    fr_auth_param_write(to, "qop", "auth-int");
    put_opaque(c->opaque, to);
    fr_buf_fmt(to, ", algorithm=%s", name_of(c->version));
    return fr_buf_check(to, err);
}

static void put_auts(const uint8_t auts[FR_AKA_AUTS_LEN], struct fr_buf *to)
{
    uint8_t text[32];
    struct fr_buf base64 = FR_BUF_OVER(text);

    fr_base64_encode(fr_slice_of(auts, FR_AKA_AUTS_LEN), false, &base64);
    fr_auth_param_write(to, "auts", fr_buf_cstr(&base64));
}

/* TS 24.109 annex A: the algorithm comes with a nonce, and unquoted like qop and nc. */
enum fr_code fr_digest_auth_write(const struct fr_digest_auth *a, struct fr_buf *to,
                                  struct fr_err *err)
{
    FR_TRY(check_plain((const char *const[]){a->username, a->realm, a->nonce, a->uri,
                                             a->opaque, a->cnonce, a->nc, a->response},
                       8, err));
    fr_buf_str(to, "Digest ");
    fr_auth_param_write(to, "username", a->username);
    fr_auth_param_write(to, "realm", a->realm);
    fr_auth_param_write(to, "nonce", a->nonce);
    fr_auth_param_write(to, "uri", a->uri);
    if (a->has_auth_int)
        fr_buf_str(to, ", qop=auth-int");
    if (a->nc[0])
        fr_buf_fmt(to, ", nc=%s", a->nc);
    if (a->cnonce[0])
        fr_auth_param_write(to, "cnonce", a->cnonce);
    fr_auth_param_write(to, "response", a->response);
    put_opaque(a->opaque, to);
    if (a->nonce[0])
        fr_buf_fmt(to, ", algorithm=%s", name_of(a->version));
    if (a->has_auts)
        put_auts(a->auts, to);
    return fr_buf_check(to, err);
}

enum fr_code fr_digest_info_write(const struct fr_digest_info *i, struct fr_buf *to,
                                  struct fr_err *err)
{
    FR_TRY(check_plain((const char *const[]){i->rspauth, i->cnonce, i->nc}, 3, err));
    if (i->has_auth_int)
        fr_buf_str(to, "qop=auth-int");
    fr_auth_param_write(to, "rspauth", i->rspauth);
    fr_auth_param_write(to, "cnonce", i->cnonce);
    if (i->nc[0])
        fr_buf_fmt(to, ", nc=%s", i->nc);
    return fr_buf_check(to, err);
}
