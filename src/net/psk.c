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

unsigned int fr_credential_psk_callback(SSL *ssl, const char *hint, char *identity,
                                        unsigned int identity_max, unsigned char *key,
                                        unsigned int key_max)
{
    const struct fr_credential *c = SSL_get_ex_data(ssl, fr_credential_ssl_index());
    FR_AUTO(secret) *shared = NULL;

    (void)hint;
    if (!c || strlen(c->key_id) >= identity_max ||
        fr_credential_target_key(c, &shared, NULL) != FR_OK ||
        fr_secret_len(shared) > key_max)
        return 0;
    memcpy(identity, c->key_id, strlen(c->key_id) + 1);
    memcpy(key, fr_secret_view(shared).data, fr_secret_len(shared));
    return (unsigned int)fr_secret_len(shared);
}
