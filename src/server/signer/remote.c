/* SPDX-License-Identifier: Apache-2.0 */
#include "server/signer/remote.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/peer.h"
#include "server/signer/remote_provider.h"

enum { POINT_MAX = 133, GROUP_MAX = 32 };

struct fr_remote_key {
    OSSL_PROVIDER *provider;
    EVP_PKEY *pkey;
};

static ssize_t recv_whole(int fd, uint8_t *to, size_t room)
{
    ssize_t n;

    do {
        n = recv(fd, to, room, 0);
    } while (n < 0 && errno == EINTR);
    return n;
}

size_t fr_remote_ask(int fd, enum fr_sign_kind kind, struct fr_slice octets,
                     uint8_t to[FR_SIGN_ANSWER_MAX])
{
    uint8_t ask[FR_SIGN_ASK_MAX] = {(uint8_t)kind};
    uint8_t answer[FR_SIGN_ANSWER_MAX] = {0};
    size_t len = 1 + octets.len;
    ssize_t n = -1;

    if (len > sizeof ask)
        return 0;
    if (octets.len)
        memcpy(ask + 1, octets.data, octets.len);
    if (send(fd, ask, len, MSG_NOSIGNAL) == (ssize_t)len)
        n = recv_whole(fd, answer, sizeof answer);
    if (n < 2 || answer[0] != kind) {
        (void)shutdown(fd, SHUT_RDWR);
        return 0;
    }
    memcpy(to, answer + 1, (size_t)n - 1);
    return (size_t)n - 1;
}

static enum fr_code greet(X509 *cert, int fd, struct fr_err *err)
{
    uint8_t answer[FR_SIGN_ANSWER_MAX];
    char spki[FR_ANCHOR_HEX + 1];
    size_t n;

    FR_TRY(fr_x509_spki_hex(cert, spki, err));
    n = fr_remote_ask(fd, FR_SIGN_HELLO, (struct fr_slice){0}, answer);
    if (n == 0)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "signer-gone", "the signer has gone");
    if (!fr_slice_equal(fr_slice_of(answer, n), fr_slice_str(spki)))
        return FR_FAIL_AS(err, FR_ECONFIG, "signer-other",
                          "the signer has the key of another certificate: the files "
                          "were changed while they were read; send SIGHUP");
    return FR_OK;
}

/* The public half as a key of our provider. */
static EVP_PKEY *import(OSSL_LIB_CTX *libctx, const EVP_PKEY *public, int fd)
{
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_name(libctx, "EC", "provider=" FR_REMOTE_PROVIDER);
    unsigned char point[POINT_MAX];
    char group[GROUP_MAX] = "";
    EVP_PKEY *pkey = NULL;
    size_t len = 0;

    if (ctx && EVP_PKEY_get_group_name(public, group, sizeof group, NULL) == 1 &&
        EVP_PKEY_get_octet_string_param(public, OSSL_PKEY_PARAM_PUB_KEY, point,
                                        sizeof point, &len) == 1) {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, len),
            OSSL_PARAM_construct_int(FR_REMOTE_PARAM_FD, &fd),
            OSSL_PARAM_construct_end(),
        };

        if (EVP_PKEY_fromdata_init(ctx) != 1 ||
            EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
            pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* Peers' keys must stay with a provider that can verify: OpenSSL takes the one that it
 * met first, and it has read a certificate already. */
static bool keeps_away_from_peers(OSSL_LIB_CTX *libctx)
{
    EVP_KEYMGMT *usual = EVP_KEYMGMT_fetch(libctx, "EC", NULL);
    bool is_ours =
        usual && fr_str_equal(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(usual)),
                              FR_REMOTE_PROVIDER);

    EVP_KEYMGMT_free(usual);
    return usual && !is_ours;
}

enum fr_code fr_remote_key_new(OSSL_LIB_CTX *libctx, X509 *cert, int fd,
                               struct fr_remote_key **ret, struct fr_err *err)
{
    FR_AUTO(remote_key) *k = fr_zalloc(sizeof *k);

    if (!k)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a key");
    FR_TRY(greet(cert, fd, err));
    /* The default provider stays what it is where none was loaded by name. */
    if (OSSL_PROVIDER_add_builtin(libctx, FR_REMOTE_PROVIDER,
                                  fr_remote_provider_init) == 1)
        k->provider = OSSL_PROVIDER_try_load(libctx, FR_REMOTE_PROVIDER, 1);
    if (k->provider)
        k->pkey = import(libctx, X509_get0_pubkey(cert), fd);
    ERR_clear_error();
    if (!k->pkey || !keeps_away_from_peers(libctx))
        return FR_FAIL(err, FR_EINTERNAL, "OpenSSL does not take the signer's key");
    *ret = FR_TAKE(k);
    return FR_OK;
}

void fr_remote_key_free(struct fr_remote_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    if (k->provider)
        OSSL_PROVIDER_unload(k->provider);
    free(k);
}

EVP_PKEY *fr_remote_key_pkey(struct fr_remote_key *k)
{
    return k->pkey;
}
