/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "crypto/confirm.h"
#include "proto/auth_params.h"
#include "proto/gba_info.h"

#define SCHEME "Fieldroot"

enum { MAC_TEXT = 43, PATH_MAX_LEN = 2048, HEADER_MAX = 1024 };

static bool is_valid(const struct fr_gba_proof *p)
{
    return fr_btid_is_valid(p->btid, NULL) &&
           fr_fqdn_is_valid(fr_slice_str(p->mef_fqdn)) && p->method[0] &&
           p->path[0] == '/' && strlen(p->path) <= PATH_MAX_LEN;
}

enum fr_code fr_gba_proof_mac(const struct fr_secret *ks_mef,
                              const struct fr_gba_proof *proof,
                              uint8_t ret[FR_SHA256_LEN], struct fr_err *err)
{
    if (fr_secret_len(ks_mef) != FR_SHA256_LEN || !is_valid(proof))
        return FR_FAIL(err, FR_EPARSE,
                       "the proof that Ks is held needs a NAF key, B-TID, MEF-FQDN, "
                       "method and path, each within its limits");
    return fr_confirm_fields_mac(
        ks_mef, "",
        (const struct fr_slice[]){
            fr_slice_str(proof->btid), fr_slice_str(proof->mef_fqdn),
            fr_slice_str(proof->method), fr_slice_str(proof->path),
            fr_slice_of(proof->body_sha256, FR_SHA256_LEN)},
        5, ret, err);
}

enum fr_code fr_gba_proof_write(const char *btid, const uint8_t mac[FR_SHA256_LEN],
                                struct fr_buf *to, struct fr_err *err)
{
    uint8_t text[MAC_TEXT + 1];
    struct fr_buf base64 = FR_BUF_OVER(text);

    if (!fr_btid_is_valid(btid, NULL))
        return FR_FAIL(err, FR_EPARSE, "a B-TID that cannot stand in a header");
    fr_base64_encode(fr_slice_of(mac, FR_SHA256_LEN), true, &base64);
    fr_buf_str(to, SCHEME " ");
    fr_auth_param_write(to, "btid", btid);
    fr_auth_param_write(to, "mac", fr_buf_cstr(&base64));
    return fr_buf_check(to, err);
}

static bool take_mac(const char *text, uint8_t mac[FR_SHA256_LEN + 1])
{
    struct fr_buf octets = {
        .data = mac, .cap = FR_SHA256_LEN + 1, .max = FR_SHA256_LEN};

    return fr_base64_decode(fr_slice_str(text), true, &octets) &&
           octets.len == FR_SHA256_LEN;
}

enum fr_code fr_gba_proof_parse(const char *value, char ret_btid[FR_BTID_MAX + 1],
                                uint8_t ret_mac[FR_SHA256_LEN], struct fr_err *err)
{
    char btid[FR_BTID_MAX + 1], text[MAC_TEXT + 1];
    uint8_t mac[FR_SHA256_LEN + 1];
    struct fr_auth_param params[] = {{"btid", btid, sizeof btid, false},
                                     {"mac", text, sizeof text, false}};

    if (strnlen(value, HEADER_MAX + 1) > HEADER_MAX ||
        !fr_auth_params_read(value, SCHEME, params, 2) ||
        !fr_btid_is_valid(btid, NULL) || !take_mac(text, mac))
        return FR_FAIL_AS(err, FR_EINVALID, "authorization-malformed",
                          "the proof that Ks is held (Authorization) is malformed");
    memcpy(ret_btid, btid, strlen(btid) + 1);
    memcpy(ret_mac, mac, FR_SHA256_LEN);
    return FR_OK;
}
