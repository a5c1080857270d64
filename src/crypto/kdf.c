/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/kdf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define LABEL_KM "oneM2M Enrolment Key to Master Credential derivation"
#define LABEL_KPSA                                                                     \
    "oneM2M Enrolment Key to Provisioned Secure Connection Key derivation"
#define LABEL_USAGE "oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation"

enum { HKDF_MAX = 255, SUID_MIN = 10, SUID_MAX = 99 };

static const char *const derivation_names[] = {
#define X(id, name) [id] = name,
    FR_DERIVATIONS(X)
#undef X
};

enum { N_DERIVATIONS = sizeof derivation_names / sizeof derivation_names[0] };

const char *fr_derivation_name(enum fr_derivation d)
{
    return (unsigned)d < N_DERIVATIONS ? derivation_names[d] : "?";
}

bool fr_derivation_by_name(const char *name, enum fr_derivation *ret)
{
    for (int i = 0; i < N_DERIVATIONS; i++)
        if (strcmp(derivation_names[i], name) == 0) {
            *ret = (enum fr_derivation)i;
            return true;
        }
    return false;
}

bool fr_derivation_is_gba(enum fr_derivation d)
{
    return d == FR_DERIVE_GBA || d == FR_DERIVE_GBA_U;
}

enum fr_code fr_sha256(struct fr_slice data, uint8_t ret[FR_SHA256_LEN],
                       struct fr_err *err)
{
    uint8_t md[FR_SHA256_LEN];

    if (EVP_Digest(data.data, data.len, md, NULL, EVP_sha256(), NULL) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "SHA-256 is not available");
    memcpy(ret, md, sizeof md);
    return FR_OK;
}

/* Looking HMAC and its hash up by name costs more than short messages do: what was
 * found once is copied. Never freed; threads that come together each make one, one is
 * kept. */
static EVP_MAC_CTX *hmac_template(void)
{
    static EVP_MAC_CTX *kept;
    EVP_MAC_CTX *ctx = __atomic_load_n(&kept, __ATOMIC_ACQUIRE), *none = NULL;
    char digest[] = OSSL_DIGEST_NAME_SHA2_256;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    EVP_MAC *mac;

    if (ctx)
        return ctx;
    mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (ctx && EVP_MAC_CTX_set_params(ctx, params) == 1 &&
        __atomic_compare_exchange_n(&kept, &none, ctx, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return none;
}

static bool hmac_run(EVP_MAC_CTX *ctx, struct fr_slice key,
                     const struct fr_slice *parts, size_t n_parts, uint8_t *ret)
{
    /* A NULL key would mean "the one set before". */
    const uint8_t *octets = key.len ? key.data : (const uint8_t *)"";
    size_t n;

    if (EVP_MAC_init(ctx, octets, key.len, NULL) != 1)
        return false;
    for (size_t i = 0; i < n_parts; i++)
        if (EVP_MAC_update(ctx, parts[i].data, parts[i].len) != 1)
            return false;
    return EVP_MAC_final(ctx, ret, &n, FR_SHA256_LEN) == 1 && n == FR_SHA256_LEN;
}

enum fr_code fr_hmac_sha256(struct fr_slice key, const struct fr_slice *parts,
                            size_t n_parts, uint8_t ret[FR_SHA256_LEN],
                            struct fr_err *err)
{
    const EVP_MAC_CTX *template = hmac_template();
    EVP_MAC_CTX *ctx = template ? EVP_MAC_CTX_dup(template) : NULL;
    bool ok = ctx && hmac_run(ctx, key, parts, n_parts, ret);

    EVP_MAC_CTX_free(ctx);
    if (!ok)
        return FR_FAIL(err, FR_EINTERNAL, "HMAC-SHA-256 is not available");
    return FR_OK;
}

/* ---- HKDF (RFC 5869): two HMACs for a key, where OpenSSL's looks up three names ----
 */

static enum fr_code extract(struct fr_slice ikm, struct fr_slice salt,
                            uint8_t prk[FR_SHA256_LEN], struct fr_err *err)
{
    static const uint8_t zeros[FR_SHA256_LEN];

    if (salt.len == 0)
        salt = fr_slice_of(zeros, sizeof zeros);
    return fr_hmac_sha256(salt, &ikm, 1, prk, err);
}

/* T(i) = HMAC(PRK, T(i - 1) || info || i) */
static enum fr_code expand(struct fr_slice prk, struct fr_slice info,
                           struct fr_secret *out, struct fr_err *err)
{
    uint8_t t[FR_SHA256_LEN], i = 0;
    size_t len = fr_secret_len(out), had = 0;
    enum fr_code rc = FR_OK;

    for (size_t at = 0; at < len && rc == FR_OK; at += sizeof t, had = sizeof t) {
        const struct fr_slice parts[] = {fr_slice_of(t, had), info, fr_slice_of(&i, 1)};

        i++;
        rc = fr_hmac_sha256(prk, parts, 3, t, err);
        if (rc == FR_OK)
            memcpy(fr_secret_data(out) + at, t,
                   len - at < sizeof t ? len - at : sizeof t);
    }
    explicit_bzero(t, sizeof t);
    return rc;
}

enum fr_code fr_hkdf_sha256(const struct fr_secret *ikm, struct fr_slice salt,
                            struct fr_slice info, size_t len, struct fr_secret **ret,
                            struct fr_err *err)
{
    FR_AUTO(secret) *out = NULL;
    uint8_t prk[FR_SHA256_LEN];
    enum fr_code rc;

    if (len == 0 || len > HKDF_MAX)
        return FR_FAIL(err, FR_EPARSE, "HKDF gives 1 to %d octets, not %zu", HKDF_MAX,
                       len);
    FR_TRY(fr_secret_new(len, &out, err));
    rc = extract(fr_secret_view(ikm), salt, prk, err);
    if (rc == FR_OK)
        rc = expand(fr_slice_of(prk, sizeof prk), info, out, err);
    explicit_bzero(prk, sizeof prk);
    FR_TRY(rc);
    *ret = FR_TAKE(out);
    return FR_OK;
}

enum fr_code fr_kdf_split_export(struct fr_slice exported,
                                 char relkeyid[2 * FR_RELKEYID_LEN + 1],
                                 struct fr_secret **ke, struct fr_err *err)
{
    if (exported.len != FR_EXPORT_LEN)
        return FR_FAIL(err, FR_EPARSE, "the TLS exporter gave %zu octets, not %d",
                       exported.len, FR_EXPORT_LEN);
    FR_TRY(fr_secret_from(exported.data + FR_RELKEYID_LEN, FR_KE_LEN, ke, err));
    fr_hex_encode(fr_slice_of(exported.data, FR_RELKEYID_LEN), relkeyid, true);
    return FR_OK;
}

char *fr_keyid_format(const char *relkeyid, const char *mef_fqdn,
                      char to[FR_KEYID_MAX + 1])
{
    snprintf(to, FR_KEYID_MAX + 1, "%s@%s", relkeyid, mef_fqdn);
    return to;
}

bool fr_keyid_parse(struct fr_slice s, char to[FR_KEYID_MAX + 1])
{
    enum { DIGITS = 2 * FR_RELKEYID_LEN };
    uint8_t id[FR_RELKEYID_LEN];
    struct fr_slice name;

    if (s.len <= DIGITS + 1 || s.len > FR_KEYID_MAX || s.data[DIGITS] != '@' ||
        !fr_hex_decode(fr_slice_of(s.data, DIGITS), id))
        return false;
    name = fr_slice_of(s.data + DIGITS + 1, s.len - DIGITS - 1);
    if (!fr_fqdn_is_valid(name))
        return false;
    memcpy(to + DIGITS + 1, name.data, name.len);
    to[s.len] = 0;
    fr_ascii_fold(to + DIGITS + 1);
    fr_hex_encode(fr_slice_of(id, sizeof id), to, true);
    to[DIGITS] = '@';
    return true;
}

static bool is_btid_first(struct fr_slice s)
{
    uint8_t storage[FR_RELKEYID_LEN + 1];
    struct fr_buf rand = {
        .data = storage, .cap = sizeof storage, .max = FR_RELKEYID_LEN};

    return s.len == FR_BTID_FIRST_LEN && fr_base64_decode(s, false, &rand) &&
           rand.len == FR_RELKEYID_LEN;
}

bool fr_keyid_first_parse(struct fr_slice s, char to[FR_KEYID_MAX + 1])
{
    uint8_t id[FR_RELKEYID_LEN];

    if (s.len == 2 * sizeof id && fr_hex_decode(s, id)) {
        fr_hex_encode(fr_slice_of(id, sizeof id), to, true);
        return true;
    }
    if (!is_btid_first(s))
        return false;
    memcpy(to, s.data, s.len);
    to[s.len] = 0;
    return true;
}

bool fr_keyid_any_parse(struct fr_slice s, char to[FR_KEYID_MAX + 1])
{
    const size_t first = FR_BTID_FIRST_LEN;

    if (fr_keyid_parse(s, to))
        return true;
    if (s.len <= first + 1 || s.len > FR_KEYID_MAX || s.data[first] != '@' ||
        !is_btid_first(fr_slice_of(s.data, first)) ||
        !fr_fqdn_is_valid(fr_slice_of(s.data + first + 1, s.len - first - 1)))
        return false;
    memcpy(to, s.data, s.len);
    to[s.len] = 0;
    return true;
}

bool fr_keyid_is_btid(const char *key_id)
{
    return strcspn(key_id, "@") == FR_BTID_FIRST_LEN;
}

/* RSPF 5.3 wants NFKC first: printable ASCII is its own, the rest we do not take. */
static bool id_is_plain(const char *id)
{
    size_t len = id ? strlen(id) : 0;

    for (size_t i = 0; i < len; i++)
        if (id[i] <= ' ' || id[i] > '~')
            return false;
    return len > 0 && len <= FR_ID_MAX;
}

static enum fr_code derive(const struct fr_secret *ke, const struct fr_slice *parts,
                           size_t n_parts, struct fr_secret **ret, struct fr_err *err)
{
    FR_AUTO(secret) *key = NULL;

    if (fr_secret_len(ke) != FR_KE_LEN)
        return FR_FAIL(err, FR_EPARSE, "Ke has %zu octets, not %d", fr_secret_len(ke),
                       FR_KE_LEN);
    FR_TRY(fr_secret_new(FR_SHA256_LEN, &key, err));
    FR_TRY(
        fr_hmac_sha256(fr_secret_view(ke), parts, n_parts, fr_secret_data(key), err));
    *ret = FR_TAKE(key);
    return FR_OK;
}

static enum fr_code derive_for_id(const struct fr_secret *ke, const char *label,
                                  const char *id, struct fr_secret **ret,
                                  struct fr_err *err)
{
    if (!id_is_plain(id))
        return FR_FAIL(err, FR_EPARSE,
                       "an id to derive for is 1 to %d printable ASCII characters",
                       FR_ID_MAX);
    return derive(ke, (const struct fr_slice[]){fr_slice_str(label), fr_slice_str(id)},
                  2, ret, err);
}

enum fr_code fr_kdf_km(const struct fr_secret *ke, const char *maf_id,
                       struct fr_secret **ret, struct fr_err *err)
{
    return derive_for_id(ke, LABEL_KM, maf_id, ret, err);
}

enum fr_code fr_kdf_kpsa(const struct fr_secret *ke, const char *enrolee_b_id,
                         struct fr_secret **ret, struct fr_err *err)
{
    return derive_for_id(ke, LABEL_KPSA, enrolee_b_id, ret, err);
}

enum fr_code fr_kdf_usage(const struct fr_secret *ke, int suid, const char *target_fqdn,
                          struct fr_secret **ret, struct fr_err *err)
{
    char digits[12], name[FR_FQDN_MAX + 1];

    if (suid < SUID_MIN || suid > SUID_MAX)
        return FR_FAIL(err, FR_EPARSE, "a SUID has two digits, not %d", suid);
    if (!target_fqdn || !fr_fqdn_is_valid(fr_slice_str(target_fqdn)))
        return FR_FAIL(err, FR_EPARSE,
                       "the target of a usage-constrained key is no FQDN");
    snprintf(digits, sizeof digits, "%d", suid); /* [U-10] */
    snprintf(name, sizeof name, "%s", target_fqdn);
    fr_ascii_fold(name);
    return derive(ke,
                  (const struct fr_slice[]){fr_slice_str(LABEL_USAGE),
                                            fr_slice_str(digits), fr_slice_str(name)},
                  3, ret, err);
}

enum fr_code fr_kdf_target_key(const struct fr_secret *ke,
                               const struct fr_kdf_target *target,
                               struct fr_secret **ret, struct fr_err *err)
{
    switch (target->derivation) {
    case FR_DERIVE_USAGE:
        return fr_kdf_usage(ke, target->suid, target->fqdn, ret, err);
    case FR_DERIVE_KM:
        return fr_kdf_km(ke, target->id, ret, err);
    case FR_DERIVE_KPSA:
        return fr_kdf_kpsa(ke, target->id, ret, err);
    case FR_DERIVE_GBA:
    case FR_DERIVE_GBA_U:
        return FR_FAIL(err, FR_EPARSE, "derivation %s needs RAND and IMPI as well",
                       fr_derivation_name(target->derivation));
    }
    return FR_FAIL(err, FR_EPARSE, "unknown derivation %d", (int)target->derivation);
}
