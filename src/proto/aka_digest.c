/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of AKA's digest; its text is in aka_digest_read.c and _write.c. */
#include "proto/aka_digest.h"

#include <string.h>

#include "crypto/md5.h"

#define AKAV2_LABEL "http-digest-akav2-password"

_Static_assert(FR_DIGEST_LEN == FR_MD5_LEN && FR_DIGEST_HEX == 2 * FR_MD5_LEN,
               "the digest is MD5");

/* ---- the password ---- */

static enum fr_code akav2_password(const struct fr_aka_keys *keys,
                                   struct fr_secret **ret, struct fr_err *err)
{
    uint8_t key[FR_AKA_RES_MAX + 2 * FR_AKA_KEY_LEN + 1], mac[FR_MD5_LEN], text[32];
    struct fr_buf k = FR_BUF_OVER(key), base64 = FR_BUF_OVER(text);
    enum fr_code rc;

    fr_buf_put(&k, keys->res.data, keys->res.len);
    fr_buf_put(&k, keys->ik.data, keys->ik.len);
    fr_buf_put(&k, keys->ck.data, keys->ck.len);
    rc = fr_hmac_md5(fr_buf_view(&k), fr_slice_str(AKAV2_LABEL), mac, err);
    if (rc == FR_OK) {
        fr_base64_encode(fr_slice_of(mac, sizeof mac), false, &base64);
        rc = fr_secret_from(text, base64.len, ret, err);
    }
    explicit_bzero(key, sizeof key);
    explicit_bzero(mac, sizeof mac);
    explicit_bzero(text, sizeof text);
    return rc;
}

enum fr_code fr_digest_password(enum fr_aka_version version,
                                const struct fr_aka_keys *keys, struct fr_secret **ret,
                                struct fr_err *err)
{
    if (keys->res.len == 0) {
        *ret = NULL;
        return FR_OK;
    }
    if (keys->res.len < FR_AKA_RES_MIN || keys->res.len > FR_AKA_RES_MAX)
        return FR_FAIL(err, FR_EPARSE, "RES has %zu octets, not %d to %d",
                       keys->res.len, FR_AKA_RES_MIN, FR_AKA_RES_MAX);
    if (version == FR_AKAV1_MD5)
        return fr_secret_from(keys->res.data, keys->res.len, ret, err);
    if (keys->ik.len != FR_AKA_KEY_LEN || keys->ck.len != FR_AKA_KEY_LEN)
        return FR_FAIL(err, FR_EPARSE, "AKAv2 needs CK and IK of %d octets",
                       FR_AKA_KEY_LEN);
    return akav2_password(keys, ret, err);
}

/* ---- the digest ---- */

/* Joined by ':', as lower-case hex. */
static enum fr_code hash(const struct fr_slice *fields, size_t n,
                         char ret[FR_DIGEST_HEX + 1], struct fr_err *err)
{
    enum { FIELDS_MAX = 6 };
    struct fr_slice parts[2 * FIELDS_MAX];
    uint8_t md[FR_MD5_LEN];

    for (size_t i = 0; i < n; i++) {
        parts[2 * i] = fields[i];
        parts[2 * i + 1] = fr_slice_of(":", 1);
    }
    FR_TRY(fr_md5(parts, 2 * n - 1, md, err));
    fr_hex_encode(fr_slice_of(md, sizeof md), ret, false);
    return FR_OK;
}

/* H(A1): as good as the password. */
static enum fr_code hash_a1(const struct fr_digest_auth *a,
                            const struct fr_secret *password,
                            char ret[FR_DIGEST_HEX + 1], struct fr_err *err)
{
    return hash((const struct fr_slice[]){fr_slice_str(a->username),
                                          fr_slice_str(a->realm),
                                          password ? fr_secret_view(password)
                                                   : (struct fr_slice){0}},
                3, ret, err);
}

static enum fr_code hash_a2(const char *method, const char *uri, struct fr_slice body,
                            char ret[FR_DIGEST_HEX + 1], struct fr_err *err)
{
    char of_body[FR_DIGEST_HEX + 1];

    FR_TRY(hash(&body, 1, of_body, err));
    return hash((const struct fr_slice[]){fr_slice_str(method), fr_slice_str(uri),
                                          fr_slice_str(of_body)},
                3, ret, err);
}

enum fr_code fr_digest_compute(const struct fr_digest_auth *a,
                               const struct fr_secret *password, const char *method,
                               struct fr_slice body, char ret[FR_DIGEST_HEX + 1],
                               struct fr_err *err)
{
    char a1[FR_DIGEST_HEX + 1], a2[FR_DIGEST_HEX + 1];
    enum fr_code rc;

    FR_TRY(hash_a2(method, a->uri, body, a2, err));
    rc = hash_a1(a, password, a1, err);
    if (rc == FR_OK)
        rc =
            hash((const struct fr_slice[]){fr_slice_str(a1), fr_slice_str(a->nonce),
                                           fr_slice_str(a->nc), fr_slice_str(a->cnonce),
                                           fr_slice_str("auth-int"), fr_slice_str(a2)},
                 6, ret, err);
    explicit_bzero(a1, sizeof a1);
    return rc;
}

bool fr_digest_equal(const char *a, const char *b)
{
    return strlen(a) == FR_DIGEST_HEX && fr_mac_equal(fr_slice_str(a), fr_slice_str(b));
}
