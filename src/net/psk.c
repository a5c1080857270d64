/* SPDX-License-Identifier: Apache-2.0 */
/* The credential as OpenSSL wants it: part of libfieldroot's public face. */
#include <pthread.h>
#include <string.h>

#include <openssl/ssl.h>

#include "fieldroot/fieldroot.h"
#include "model/credential.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ssl_index = -1;

static void reserve_index(void)
{
    ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

int fr_credential_ssl_index(void)
{
    (void)pthread_once(&once, reserve_index);
    return ssl_index;
}

/*
 * GBA's key follows from the suite that was negotiated (TS 33.220 H.3). TLS 1.3 offers
 * its key before anything is. A suite of TLS 1.2 that is no Ua identifier of ours has
 * no key: false.
 */
static bool ua_of(const SSL *ssl, const struct fr_credential *c, enum fr_ua *ret)
{
    static const struct {
        uint16_t suite;
        enum fr_ua ua;
    } suites[] = {{0x00ae, FR_UA_TLS12}, {0xc0a8, FR_UA_DTLS12}};
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);

    *ret = FR_UA_TLS13;
    if (!fr_derivation_is_gba(c->derivation) || !cipher ||
        strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") == 0)
        return true;
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        if (SSL_CIPHER_get_protocol_id(cipher) == suites[i].suite) {
            *ret = suites[i].ua;
            return true;
        }
    return false;
}

unsigned int fr_credential_psk_callback(SSL *ssl, const char *hint, char *identity,
                                        unsigned int identity_max, unsigned char *key,
                                        unsigned int key_max)
{
    const struct fr_credential *c = SSL_get_ex_data(ssl, fr_credential_ssl_index());
    FR_AUTO(secret) *shared = NULL;
    const char *id;
    enum fr_ua ua;

    (void)hint;
    if (!c || !ua_of(ssl, c, &ua))
        return 0;
    id = fr_credential_identity(c);
    if (strlen(id) >= identity_max ||
        fr_credential_ua_key(c, ua, &shared, NULL) != FR_OK ||
        fr_secret_len(shared) > key_max)
        return 0;
    memcpy(identity, id, strlen(id) + 1);
    memcpy(key, fr_secret_view(shared).data, fr_secret_len(shared));
    return (unsigned int)fr_secret_len(shared);
}
