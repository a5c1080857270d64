/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/gba_u.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { SHA1_LEN = 20 };

enum fr_code fr_gba_u_mac(const uint8_t ik[FR_AKA_KEY_LEN], uint8_t mac[FR_AKA_MAC_LEN],
                          struct fr_err *err)
{
    uint8_t md[SHA1_LEN];

    if (EVP_Digest(ik, FR_AKA_KEY_LEN, md, NULL, EVP_sha1(), NULL) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "SHA-1 is not available");
    for (int i = 0; i < FR_AKA_MAC_LEN; i++)
        mac[i] ^= md[i];
    OPENSSL_cleanse(md, sizeof md);
    return FR_OK;
}
