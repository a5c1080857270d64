/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/confirm.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEY_LABEL "Fieldroot key confirmation v1"

enum { LENGTH_LEN = 4 };

static const char *const role_names[] = {
    [FR_CONFIRM_ENROLEE] = "enrolee",
    [FR_CONFIRM_MEF] = "mef",
};

static enum fr_code check_fields(const struct fr_confirm_fields *f, struct fr_err *err)
{
    const char *const texts[] = {f->key_id, f->mef_fqdn, f->credential};
    const size_t limits[] = {FR_KEYID_MAX, FR_FQDN_MAX, FR_CREDENTIAL_REF_MAX};

    for (size_t i = 0; i < 3; i++)
        if (!texts[i] || !texts[i][0] || strlen(texts[i]) > limits[i])
            return FR_FAIL(err, FR_EPARSE,
                           "key confirmation needs KeID, MEF-FQDN and credential, each "
                           "within its length");
    return FR_OK;
}

/* head || (length, field) x n: the lengths make the concatenation unambiguous. */
static enum fr_code mac_fields(struct fr_slice key, const char *head,
                               const struct fr_slice *fields, size_t n,
                               uint8_t ret[FR_SHA256_LEN], struct fr_err *err)
{
    struct fr_slice parts[1 + 2 * FR_CONFIRM_FIELDS_MAX] = {fr_slice_str(head)};
    uint8_t lengths[FR_CONFIRM_FIELDS_MAX][LENGTH_LEN];

    for (size_t i = 0; i < n; i++) {
        for (unsigned k = 0; k < LENGTH_LEN; k++)
            lengths[i][k] = (uint8_t)(fields[i].len >> (8 * (LENGTH_LEN - 1 - k)));
        parts[1 + 2 * i] = fr_slice_of(lengths[i], LENGTH_LEN);
        parts[2 + 2 * i] = fields[i];
    }
    return fr_hmac_sha256(key, parts, 1 + 2 * n, ret, err);
}

enum fr_code fr_confirm_fields_mac(const struct fr_secret *key, const char *head,
                                   const struct fr_slice *fields, size_t n,
                                   uint8_t ret[FR_SHA256_LEN], struct fr_err *err)
{
    const struct fr_slice label = fr_slice_str(KEY_LABEL);
    FR_AUTO(secret) *k = NULL;

    assert(n <= FR_CONFIRM_FIELDS_MAX);
    FR_TRY(fr_secret_new(FR_SHA256_LEN, &k, err));
    FR_TRY(fr_hmac_sha256(fr_secret_view(key), &label, 1, fr_secret_data(k), err));
    return mac_fields(fr_secret_view(k), head, fields, n, ret, err);
}

enum fr_code fr_confirm_mac(const struct fr_secret *ke, enum fr_confirm_role role,
                            const struct fr_confirm_fields *f,
                            uint8_t ret[FR_SHA256_LEN], struct fr_err *err)
{
    FR_TRY(check_fields(f, err));
    return fr_confirm_fields_mac(
        ke, role_names[role],
        (const struct fr_slice[]){fr_slice_str(f->key_id), fr_slice_str(f->mef_fqdn),
                                  fr_slice_str(f->credential),
                                  fr_slice_of(f->request_sha256, FR_SHA256_LEN),
                                  fr_slice_of(f->response_sha256, FR_SHA256_LEN)},
        5, ret, err);
}

enum fr_code fr_confirm_check(const struct fr_secret *ke, enum fr_confirm_role role,
                              const struct fr_confirm_fields *fields,
                              struct fr_slice mac, struct fr_err *err)
{
    uint8_t expected[FR_SHA256_LEN];

    FR_TRY(fr_confirm_mac(ke, role, fields, expected, err));
    if (!fr_mac_equal(fr_slice_of(expected, sizeof expected), mac))
        return FR_FAIL_AS(err, FR_EREFUSED, "confirmation-mismatch",
                          "the %s's key confirmation for %s does not fit: it holds "
                          "another key, or saw another registration",
                          role_names[role], fields->key_id);
    return FR_OK;
}

char *fr_confirm_cert_ref(const uint8_t leaf_sha256[FR_SHA256_LEN],
                          char to[FR_CREDENTIAL_REF_MAX + 1])
{
    int n = snprintf(to, FR_CREDENTIAL_REF_MAX + 1, "cert:");

    fr_hex_encode(fr_slice_of(leaf_sha256, FR_SHA256_LEN), to + n, false);
    return to;
}
