/* SPDX-License-Identifier: Apache-2.0 */
#include "server/signer/keys.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/file.h"

enum { KEY_FILE_MAX = 64 * 1024 };

struct fr_signer_key {
    EVP_PKEY *key;
    EVP_PKEY_CTX *sign;
    EVP_MD *digest[FR_N_SIGN_KINDS]; /* HELLO: none */
    char spki[FR_ANCHOR_HEX + 1];
};

static const char *const digest_names[] = {
#define X(id, digest) [id] = digest,
    FR_SIGN_KINDS(X)
#undef X
};

void fr_signer_key_free(struct fr_signer_key *k)
{
    if (!k)
        return;
    for (int i = 0; i < FR_N_SIGN_KINDS; i++)
        EVP_MD_free(k->digest[i]);
    EVP_PKEY_CTX_free(k->sign);
    EVP_PKEY_free(k->key);
    free(k);
}

static enum fr_code read_pem(const char *path, EVP_PKEY **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(KEY_FILE_MAX);

    FR_TRY(fr_file_check_private(path, err));
    FR_TRY(fr_file_read(path, &text, err));
    return fr_x509_key_from_pem(fr_buf_view(&text), ret, err);
}

static bool is_on_a_curve_of_ours(const EVP_PKEY *key)
{
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1"};
    char name[32] = "";

    if (!EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_group_name(key, name, sizeof name, NULL) != 1)
        return false;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (fr_str_equal(name, curves[i]))
            return true;
    }
    return false;
}

static enum fr_code check_pair(struct fr_signer_key *k,
                               const struct fr_listener_config *l, struct fr_err *err)
{
    STACK_OF(X509) *chain = NULL;
    enum fr_code rc;
    X509 *leaf;

    if (!is_on_a_curve_of_ours(k->key))
        return FR_FAIL(err, FR_ECONFIG,
                       "it is no key on P-256, P-384 or P-521: others are not served");
    FR_TRY(fr_x509_read_pem(l->certificate, &chain, err));
    leaf = sk_X509_value(chain, 0);
    rc = fr_x509_spki_hex(leaf, k->spki, err);
    if (rc == FR_OK && X509_check_private_key(leaf, k->key) != 1)
        rc = FR_FAIL(err, FR_ECONFIG, "it is not the key of that certificate");
    ERR_clear_error();
    sk_X509_pop_free(chain, X509_free);
    return rc;
}

static enum fr_code make_ready(struct fr_signer_key *k, struct fr_err *err)
{
    k->sign = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
    if (!k->sign || EVP_PKEY_sign_init(k->sign) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "it cannot be made to sign");
    for (int i = FR_SIGN_HELLO + 1; i < FR_N_SIGN_KINDS; i++) {
        k->digest[i] = EVP_MD_fetch(NULL, digest_names[i], NULL);
        if (!k->digest[i])
            return FR_FAIL(err, FR_EINTERNAL, "OpenSSL lacks %s", digest_names[i]);
    }
    return FR_OK;
}

static enum fr_code fill(struct fr_signer_key *k, const struct fr_listener_config *l,
                         struct fr_err *err)
{
    FR_TRY(read_pem(l->key, &k->key, err));
    FR_TRY(check_pair(k, l, err));
    return make_ready(k, err);
}

enum fr_code fr_signer_key_read(const struct fr_listener_config *l,
                                struct fr_signer_key **ret, struct fr_err *err)
{
    FR_AUTO(signer_key) *k = fr_zalloc(sizeof *k);
    enum fr_code rc;

    if (!k)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a key");
    rc = fill(k, l, err);
    if (rc != FR_OK) {
        /* A file that is not there is a mistake in the config like any other. */
        (void)fr_err_wrap(err, rc, "key %s of certificate %s", l->key, l->certificate);
        return rc == FR_ENOMEM || rc == FR_EINTERNAL ? rc : FR_ECONFIG;
    }
    *ret = FR_TAKE(k);
    return FR_OK;
}

static size_t sign(struct fr_signer_key *k, enum fr_sign_kind kind,
                   struct fr_slice octets, uint8_t *to, size_t room)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    size_t used = room;

    if (EVP_Digest(octets.data, octets.len, hash, &len, k->digest[kind], NULL) == 1 &&
        EVP_PKEY_sign(k->sign, to, &used, hash, len) == 1)
        return used;
    ERR_clear_error();
    return 0;
}

size_t fr_signer_key_answer(struct fr_signer_key *k, struct fr_slice ask,
                            uint8_t to[FR_SIGN_ANSWER_MAX])
{
    struct fr_cursor c = fr_cursor_of(ask);
    uint8_t kind = fr_take_u8(&c);
    struct fr_slice octets = fr_slice_of(c.at, c.left);
    size_t used = 0;

    if (c.bad || kind >= FR_N_SIGN_KINDS)
        return 0;
    to[0] = kind;
    if (kind != FR_SIGN_HELLO && fr_sign_is_tls(octets)) {
        used = sign(k, (enum fr_sign_kind)kind, octets, to + 1, FR_SIGN_ANSWER_MAX - 1);
    } else if (kind == FR_SIGN_HELLO && octets.len == 0) {
        used = FR_ANCHOR_HEX;
        memcpy(to + 1, k->spki, used);
    }
    return used ? 1 + used : 0;
}
