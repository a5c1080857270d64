/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/gba.h"

#include <stdio.h>
#include <string.h>

#include "crypto/kdf.h"

enum { FC_GBA = 0x01, N_PARAMS = 4, LENGTH_LEN = 2, TMPI_OCTETS = 24 };

#define TMPI_DOMAIN "tmpi.bsf.3gppnetwork.org"
#define TMPI_UA     "\x01\x00\x00\x01\x00" /* TS 33.220 H.3 */

static const struct {
    const char *name, *octets;
} uas[] = {
#define X(id, name, octets) [id] = {name, octets},
    FR_UAS(X)
#undef X
};

const char *fr_ua_name(enum fr_ua ua)
{
    return (unsigned)ua < FR_N_UAS ? uas[ua].name : "?";
}

bool fr_ua_by_name(const char *name, enum fr_ua *ret)
{
    for (int i = 0; i < FR_N_UAS; i++)
        if (strcmp(uas[i].name, name) == 0) {
            *ret = (enum fr_ua)i;
            return true;
        }
    return false;
}

struct fr_slice fr_ua_octets(enum fr_ua ua)
{
    return fr_slice_of(uas[ua].octets, FR_UA_LEN);
}

/* ---- names ---- */

static bool impi_is_valid(const char *impi)
{
    size_t len = impi ? strlen(impi) : 0;

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)impi[i] <= ' ' || impi[i] == 0x7f)
            return false;
    return len > 0 && len <= FR_IMPI_MAX && fr_utf8_is_valid(fr_slice_str(impi));
}

/* What an NAI may have before its '@' (RFC 7542 2.2), in ASCII. */
static bool is_nai_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

bool fr_btid_is_valid(const char *btid, const char *bsf_fqdn)
{
    const char *p = btid;

    while (is_nai_char(*p))
        p++;
    if (p == btid || *p != '@' || strlen(btid) > FR_BTID_MAX ||
        !fr_fqdn_is_valid(fr_slice_str(p + 1)))
        return false;
    return !bsf_fqdn || fr_ascii_equal_fold(p + 1, bsf_fqdn);
}

char *fr_btid_format(const uint8_t rand[FR_AKA_RAND_LEN], const char *bsf_fqdn,
                     char to[FR_BTID_MAX + 1])
{
    uint8_t text[FR_BTID_MAX + 1];
    struct fr_buf b = FR_BUF_OVER(text);

    fr_base64_encode(fr_slice_of(rand, FR_AKA_RAND_LEN), false, &b);
    snprintf(to, FR_BTID_MAX + 1, "%s@%s", fr_buf_cstr(&b), bsf_fqdn);
    return to;
}

bool fr_imsi_is_valid(const char *imsi)
{
    size_t len = strspn(imsi, "0123456789");

    return imsi[len] == 0 && len >= 6 && len <= FR_IMSI_MAX;
}

enum fr_code fr_impi_of_imsi(const char *imsi, int mnc_digits, char to[FR_IMPI_MAX + 1],
                             struct fr_err *err)
{
    if (!fr_imsi_is_valid(imsi))
        return FR_FAIL(err, FR_EPARSE, "an IMSI has 6 to %d digits", FR_IMSI_MAX);
    if ((mnc_digits != 2 && mnc_digits != 3) || strlen(imsi) <= 3 + (size_t)mnc_digits)
        return FR_FAIL(err, FR_EPARSE, "no MNC of %d digits is in this IMSI",
                       mnc_digits);
    snprintf(to, FR_IMPI_MAX + 1, "%s@ims.mnc%s%.*s.mcc%.3s.3gppnetwork.org", imsi,
             mnc_digits == 2 ? "0" : "", mnc_digits, imsi + 3, imsi);
    return FR_OK;
}

bool fr_imsi_of_impi(const char *impi, char to[FR_IMSI_MAX + 1])
{
    char imsi[FR_IMSI_MAX + 1];
    size_t len = strcspn(impi, "@");

    if (impi[len] != '@' || len > FR_IMSI_MAX ||
        !fr_fqdn_is_valid(fr_slice_str(impi + len + 1)))
        return false;
    memcpy(imsi, impi, len);
    imsi[len] = 0;
    if (!fr_imsi_is_valid(imsi))
        return false;
    memcpy(to, imsi, len + 1);
    return true;
}

/* ---- keys ---- */

/* TS 33.220 B.2: HMAC-SHA-256 over FC, then each parameter and its length. */
static enum fr_code kdf(const struct fr_secret *key, const struct fr_slice *params,
                        uint8_t ret[FR_SHA256_LEN], struct fr_err *err)
{
    static const uint8_t fc = FC_GBA;
    struct fr_slice parts[1 + 2 * N_PARAMS] = {fr_slice_of(&fc, 1)};
    uint8_t lengths[N_PARAMS][LENGTH_LEN];

    for (size_t i = 0; i < N_PARAMS; i++) {
        lengths[i][0] = (uint8_t)(params[i].len >> 8);
        lengths[i][1] = (uint8_t)params[i].len;
        parts[1 + 2 * i] = params[i];
        parts[2 + 2 * i] = fr_slice_of(lengths[i], LENGTH_LEN);
    }
    return fr_hmac_sha256(fr_secret_view(key), parts, 1 + 2 * N_PARAMS, ret, err);
}

struct inputs {
    const char *label;
    struct fr_slice rand;
    const char *impi;
    struct fr_slice naf_id;
};

static enum fr_code derive(const struct fr_secret *ks, const struct inputs *in,
                           uint8_t ret[FR_SHA256_LEN], struct fr_err *err)
{
    if (fr_secret_len(ks) != FR_KS_LEN)
        return FR_FAIL(err, FR_EPARSE, "Ks has %zu octets, not %d", fr_secret_len(ks),
                       FR_KS_LEN);
    if (in->rand.len != FR_AKA_RAND_LEN)
        return FR_FAIL(err, FR_EPARSE, "RAND has %zu octets, not %d", in->rand.len,
                       FR_AKA_RAND_LEN);
    if (!impi_is_valid(in->impi))
        return FR_FAIL(err, FR_EPARSE,
                       "an IMPI is 1 to %d characters without spaces or controls",
                       FR_IMPI_MAX);
    return kdf(ks,
               (const struct fr_slice[N_PARAMS]){fr_slice_str(in->label), in->rand,
                                                 fr_slice_str(in->impi), in->naf_id},
               ret, err);
}

/* The name of DNS counts in lower case, wherever it was written [U]. */
static enum fr_code put_naf_id(const char *fqdn, struct fr_slice ua, struct fr_buf *to,
                               struct fr_err *err)
{
    char name[FR_FQDN_MAX + 1];

    if (!fqdn || !fr_fqdn_is_valid(fr_slice_str(fqdn)))
        return FR_FAIL(err, FR_EPARSE, "the name of a NAF is no FQDN");
    snprintf(name, sizeof name, "%s", fqdn);
    fr_ascii_fold(name);
    fr_buf_str(to, name);
    fr_buf_put(to, ua.data, ua.len);
    return fr_buf_check(to, err);
}

enum fr_code fr_gba_naf_id(const char *naf_fqdn, enum fr_ua ua, struct fr_buf *to,
                           struct fr_err *err)
{
    return put_naf_id(naf_fqdn, fr_ua_octets(ua), to, err);
}

enum fr_code fr_gba_naf_key(const struct fr_secret *ks, const struct fr_gba_naf *naf,
                            struct fr_secret **ret, struct fr_err *err)
{
    uint8_t naf_id[FR_FQDN_MAX + FR_UA_LEN + 1];
    struct fr_buf b = FR_BUF_OVER(naf_id);
    FR_AUTO(secret) *key = NULL;

    FR_TRY(fr_gba_naf_id(naf->naf_fqdn, naf->ua, &b, err));
    FR_TRY(fr_secret_new(FR_SHA256_LEN, &key, err));
    FR_TRY(derive(ks,
                  &(struct inputs){naf->key == FR_GBA_U ? "gba-u" : "gba-me", naf->rand,
                                   naf->impi, fr_buf_view(&b)},
                  fr_secret_data(key), err));
    *ret = FR_TAKE(key);
    return FR_OK;
}

enum fr_code fr_gba_tmpi(const struct fr_secret *ks, struct fr_slice rand,
                         const char *impi, const char *bsf_fqdn, char to[FR_ID_MAX + 1],
                         struct fr_err *err)
{
    uint8_t naf_id[FR_FQDN_MAX + FR_UA_LEN + 1], text[64], out[FR_SHA256_LEN];
    struct fr_buf b = FR_BUF_OVER(naf_id), user = FR_BUF_OVER(text);

    FR_TRY(put_naf_id(bsf_fqdn, fr_slice_of(TMPI_UA, FR_UA_LEN), &b, err));
    FR_TRY(
        derive(ks, &(struct inputs){"gba-me", rand, impi, fr_buf_view(&b)}, out, err));
    fr_base64_encode(fr_slice_of(out, TMPI_OCTETS), false, &user);
    explicit_bzero(out, sizeof out);
    snprintf(to, FR_ID_MAX + 1, "%s@" TMPI_DOMAIN, fr_buf_cstr(&user));
    return FR_OK;
}

bool fr_tmpi_user(const char *username, char to[FR_TMPI_USER_LEN + 1])
{
    uint8_t storage[TMPI_OCTETS + 1];
    struct fr_buf octets = {.data = storage, .cap = sizeof storage, .max = TMPI_OCTETS};
    const char *at = strchr(username, '@');

    if (!at || at - username != FR_TMPI_USER_LEN ||
        !fr_ascii_equal_fold(at + 1, TMPI_DOMAIN) ||
        !fr_base64_decode(fr_slice_of(username, FR_TMPI_USER_LEN), false, &octets))
        return false;
    snprintf(to, FR_TMPI_USER_LEN + 1, "%.*s", FR_TMPI_USER_LEN, username);
    return octets.len == TMPI_OCTETS;
}
