/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/md5.h"

#include <openssl/evp.h>

enum fr_code fr_md5(const struct fr_slice *parts, size_t n_parts,
                    uint8_t ret[FR_MD5_LEN], struct fr_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex2(ctx, EVP_md5(), NULL) == 1;

    for (size_t i = 0; i < n_parts; i++)
        ok = ok && EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return FR_FAIL(err, FR_EINTERNAL, "MD5 is not available");
    return FR_OK;
}

enum fr_code fr_hmac_md5(struct fr_slice key, struct fr_slice data,
                         uint8_t ret[FR_MD5_LEN], struct fr_err *err)
{
    size_t n = 0;

    if (!EVP_Q_mac(NULL, "HMAC", NULL, "MD5", NULL, key.data, key.len, data.data,
                   data.len, ret, FR_MD5_LEN, &n) ||
        n != FR_MD5_LEN)
        return FR_FAIL(err, FR_EINTERNAL, "HMAC-MD5 is not available");
    return FR_OK;
}
