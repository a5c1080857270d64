/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "proto/aka_digest.h"
#include "proto/auth_params.h"

enum { WORD_MAX = 64 };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PARAM(name, to)                                                                \
    {                                                                                  \
        name, to, sizeof(to), false                                                    \
    }

static bool read_params(const char *value, const char *scheme,
                        struct fr_auth_param *params, size_t n)
{
    return strnlen(value, FR_DIGEST_HEADER_MAX + 1) <= FR_DIGEST_HEADER_MAX &&
           fr_auth_params_read(value, scheme, params, n);
}

/* ---- parts ---- */

static bool version_of(const char *algorithm, enum fr_aka_version *ret)
{
    if (fr_ascii_equal_fold(algorithm, "AKAv1-MD5"))
        *ret = FR_AKAV1_MD5;
    else if (fr_ascii_equal_fold(algorithm, "AKAv2-MD5"))
        *ret = FR_AKAV2_MD5;
    else
        return false;
    return true;
}

/* A list with commas, of which one is auth-int. */
static bool offers_auth_int(const char *qop)
{
    static const char wanted[] = "auth-int";

    while (*qop) {
        size_t len;

        qop += strspn(qop, ", \t");
        len = strcspn(qop, ", \t");
        if (len == sizeof wanted - 1 && strncasecmp(qop, wanted, len) == 0)
            return true;
        qop += len;
    }
    return false;
}

/* As many octets as there are; false: no base64. */
static bool base64(const char *text, uint8_t to[FR_DIGEST_VALUE_MAX + 1],
                   size_t *ret_len)
{
    struct fr_buf b = {
        .data = to, .cap = FR_DIGEST_VALUE_MAX + 1, .max = FR_DIGEST_VALUE_MAX};

    if (!fr_base64_decode(fr_slice_str(text), false, &b))
        return false;
    *ret_len = b.len;
    return true;
}

static bool is_hex(const char *s, size_t len)
{
    return strlen(s) == len && strspn(s, "0123456789abcdefABCDEF") == len;
}

/* ---- WWW-Authenticate ---- */

static enum fr_code take_nonce(struct fr_digest_challenge *c, struct fr_err *err)
{
    uint8_t octets[FR_DIGEST_VALUE_MAX + 1];
    size_t len;

    if (!base64(c->nonce, octets, &len))
        return FR_FAIL_AS(err, FR_EINVALID, "challenge-malformed",
                          "the nonce of the challenge is no base64");
    if (len != FR_AKA_RAND_LEN + FR_AKA_AUTN_LEN)
        return FR_FAIL_AS(
            err, FR_EINVALID, "nonce-length",
            "the nonce of the challenge has %zu octets, not RAND and AUTN", len);
    memcpy(c->rand, octets, FR_AKA_RAND_LEN);
    memcpy(c->autn, octets + FR_AKA_RAND_LEN, FR_AKA_AUTN_LEN);
    return FR_OK;
}

enum fr_code fr_digest_challenge_parse(const char *value,
                                       struct fr_digest_challenge *ret,
                                       struct fr_err *err)
{
    struct fr_digest_challenge c = {0};
    char qop[WORD_MAX], algorithm[WORD_MAX];
    struct fr_auth_param params[] = {PARAM("realm", c.realm), PARAM("nonce", c.nonce),
                                     PARAM("opaque", c.opaque), PARAM("qop", qop),
                                     PARAM("algorithm", algorithm)};

    if (!read_params(value, "Digest", params, COUNT(params)) || !c.realm[0] ||
        !c.nonce[0])
        return FR_FAIL_AS(err, FR_EINVALID, "challenge-malformed",
                          "the challenge (WWW-Authenticate) is malformed");
    if (!version_of(algorithm, &c.version))
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "digest-algorithm",
                          "the challenge is for \"%s\", not for AKA", algorithm);
    if (!offers_auth_int(qop))
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "digest-qop",
                          "the challenge offers \"%s\", not auth-int", qop);
    FR_TRY(take_nonce(&c, err));
    *ret = c;
    return FR_OK;
}

/* ---- Authorization ---- */

static bool take_auts(struct fr_digest_auth *a, const char *auts)
{
    uint8_t octets[FR_DIGEST_VALUE_MAX + 1];
    size_t len;

    if (!base64(auts, octets, &len) || len != FR_AKA_AUTS_LEN)
        return false;
    memcpy(a->auts, octets, FR_AKA_AUTS_LEN);
    a->has_auts = true;
    return true;
}

/* A response counts with auth-int alone, and that needs what it hashes. */
static bool is_consistent(const struct fr_digest_auth *a)
{
    if (!a->username[0] || !a->realm[0] || !a->uri[0])
        return false;
    if (a->nc[0] && !is_hex(a->nc, sizeof a->nc - 1))
        return false;
    if (!a->response[0])
        return !a->has_auts;
    return is_hex(a->response, FR_DIGEST_HEX) && a->nonce[0] && a->has_auth_int &&
           a->nc[0] && a->cnonce[0];
}

enum fr_code fr_digest_auth_parse(const char *value, struct fr_digest_auth *ret,
                                  struct fr_err *err)
{
    struct fr_digest_auth a = {0};
    char qop[WORD_MAX], algorithm[WORD_MAX], auts[WORD_MAX];
    struct fr_auth_param params[] = {PARAM("username", a.username),
                                     PARAM("realm", a.realm),
                                     PARAM("nonce", a.nonce),
                                     PARAM("uri", a.uri),
                                     PARAM("opaque", a.opaque),
                                     PARAM("cnonce", a.cnonce),
                                     PARAM("nc", a.nc),
                                     PARAM("response", a.response),
                                     PARAM("qop", qop),
                                     PARAM("algorithm", algorithm),
                                     PARAM("auts", auts)};
    bool ok = read_params(value, "Digest", params, COUNT(params));

    if (ok) {
        a.has_auth_int = fr_ascii_equal_fold(qop, "auth-int");
        ok = (!algorithm[0] || version_of(algorithm, &a.version)) &&
             (!auts[0] || take_auts(&a, auts)) && is_consistent(&a);
    }
    if (!ok)
        return FR_FAIL_AS(err, FR_EINVALID, "authorization-malformed",
                          "the digest (Authorization) is malformed");
    fr_ascii_fold(a.response);
    *ret = a;
    return FR_OK;
}

/* ---- Authentication-Info ---- */

enum fr_code fr_digest_info_parse(const char *value, struct fr_digest_info *ret,
                                  struct fr_err *err)
{
    struct fr_digest_info i = {0};
    char qop[WORD_MAX];
    struct fr_auth_param params[] = {PARAM("rspauth", i.rspauth),
                                     PARAM("cnonce", i.cnonce), PARAM("nc", i.nc),
                                     PARAM("qop", qop)};

    if (!read_params(value, NULL, params, COUNT(params)) ||
        (i.rspauth[0] && !is_hex(i.rspauth, FR_DIGEST_HEX)) ||
        (i.nc[0] && !is_hex(i.nc, sizeof i.nc - 1)))
        return FR_FAIL_AS(
            err, FR_EINVALID, "authentication-info-malformed",
            "the digest of the answer (Authentication-Info) is malformed");
    i.has_auth_int = fr_ascii_equal_fold(qop, "auth-int");
    fr_ascii_fold(i.rspauth);
    *ret = i;
    return FR_OK;
}
