/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/wrap.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/kdf.h"

#define WRAP_LABEL "Fieldroot key wrap v1"

enum { NONCE_LEN = 12, TAG_LEN = 16, PLACE_MAX = 4096 };

_Static_assert(NONCE_LEN + TAG_LEN == FR_WRAP_EXTRA, "wrapped format");
_Static_assert(FR_KEK_ID_LEN == FR_FINGERPRINT_LEN, "a kek's id is its fingerprint");

struct fr_kek {
    struct fr_secret *key;
    char id[FR_KEK_ID_LEN + 1];
};

enum fr_code fr_kek_new(const struct fr_secret *key, struct fr_kek **ret,
                        struct fr_err *err)
{
    FR_AUTO(kek) *kek = NULL;

    if (fr_secret_len(key) != FR_KEK_LEN)
        return FR_FAIL(err, FR_EPARSE,
                       "the key-encryption key has %zu octets, not the %d it needs",
                       fr_secret_len(key), FR_KEK_LEN);
    kek = calloc(1, sizeof *kek);
    if (!kek)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    FR_TRY(fr_secret_fingerprint(key, kek->id, err));
    FR_TRY(fr_secret_from(fr_secret_view(key).data, FR_KEK_LEN, &kek->key, err));
    *ret = FR_TAKE(kek);
    return FR_OK;
}

void fr_kek_free(struct fr_kek *kek)
{
    if (!kek)
        return;
    fr_secret_free(kek->key);
    free(kek);
}

const char *fr_kek_id(const struct fr_kek *kek)
{
    return kek->id;
}

static void put_text(struct fr_buf *to, const char *text)
{
    fr_buf_u32(to, (uint32_t)strlen(text));
    fr_buf_str(to, text);
}

/* The additional data: where the row belongs, each part after its length. */
static enum fr_code put_place(struct fr_buf *to, const struct fr_kek *kek,
                              const struct fr_wrap_place *place, struct fr_err *err)
{
    put_text(to, WRAP_LABEL);
    put_text(to, place->table);
    put_text(to, place->key_id);
    put_text(to, place->enrolee);
    put_text(to, kek->id);
    return fr_buf_check(to, err);
}

/* A key of its own for every KeID, so that random nonces never meet. */
static enum fr_code row_key(const struct fr_kek *kek, const char *key_id,
                            struct fr_secret **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) info = FR_BUF_INIT(PLACE_MAX);

    fr_buf_str(&info, WRAP_LABEL);
    fr_buf_str(&info, key_id);
    FR_TRY(fr_buf_check(&info, err));
    return fr_hkdf_sha256(kek->key, fr_slice_of(NULL, 0), fr_buf_view(&info),
                          FR_KEK_LEN, ret, err);
}

static bool seal(const struct fr_secret *key, const uint8_t *nonce, struct fr_slice aad,
                 struct fr_slice plain, uint8_t *to)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    bool ok =
        ctx &&
        EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), fr_secret_view(key).data, nonce,
                            NULL) == 1 &&
        EVP_EncryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len) == 1 &&
        EVP_EncryptUpdate(ctx, to, &n, plain.data, (int)plain.len) == 1 &&
        EVP_EncryptFinal_ex(ctx, to + n, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, to + plain.len) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

enum fr_code fr_wrap(const struct fr_kek *kek, const struct fr_env *env,
                     const struct fr_wrap_place *place, const struct fr_secret *key,
                     struct fr_buf *to, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) aad = FR_BUF_INIT(PLACE_MAX);
    FR_AUTO(secret) *row = NULL;
    uint8_t *at;

    FR_TRY(put_place(&aad, kek, place, err));
    FR_TRY(row_key(kek, place->key_id, &row, err));
    at = fr_buf_reserve(to, fr_secret_len(key) + FR_WRAP_EXTRA);
    if (!at)
        return fr_buf_check(to, err);
    env->random(env->ctx, at, NONCE_LEN);
    if (!seal(row, at, fr_buf_view(&aad), fr_secret_view(key), at + NONCE_LEN))
        return FR_FAIL(err, FR_EINTERNAL, "AES-256-GCM is not available");
    to->len += fr_secret_len(key) + FR_WRAP_EXTRA;
    to->data[to->len] = 0;
    return FR_OK;
}

/* What is opened before the tag is checked stays in secret memory and is freed. */
static bool unseal(const struct fr_secret *key, struct fr_slice aad,
                   struct fr_slice wrapped, struct fr_secret *plain)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t tag[TAG_LEN], *to = fr_secret_data(plain);
    int n, len = (int)fr_secret_len(plain);
    bool ok;

    memcpy(tag, wrapped.data + wrapped.len - TAG_LEN, TAG_LEN);
    ok = ctx &&
         EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), fr_secret_view(key).data,
                             wrapped.data, NULL) == 1 &&
         EVP_DecryptUpdate(ctx, NULL, &n, aad.data, (int)aad.len) == 1 &&
         EVP_DecryptUpdate(ctx, to, &n, wrapped.data + NONCE_LEN, len) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
         EVP_DecryptFinal_ex(ctx, to + n, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

static enum fr_code broken(const struct fr_kek *kek, const struct fr_wrap_place *place,
                           struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_ESTORE, "wrap-broken",
                      "the stored key of %s in table %s does not open: it was altered, "
                      "moved, or wrapped by another key-encryption key than %s",
                      place->key_id, place->table, kek->id);
}

enum fr_code fr_unwrap(const struct fr_kek *kek, const struct fr_wrap_place *place,
                       struct fr_slice wrapped, struct fr_secret **ret,
                       struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) aad = FR_BUF_INIT(PLACE_MAX);
    FR_AUTO(secret) *row = NULL;
    FR_AUTO(secret) *plain = NULL;

    if (wrapped.len <= FR_WRAP_EXTRA || wrapped.len > FR_WRAP_EXTRA + FR_SECRET_MAX)
        return broken(kek, place, err);
    FR_TRY(put_place(&aad, kek, place, err));
    FR_TRY(row_key(kek, place->key_id, &row, err));
    FR_TRY(fr_secret_new(wrapped.len - FR_WRAP_EXTRA, &plain, err));
    if (!unseal(row, fr_buf_view(&aad), wrapped, plain))
        return broken(kek, place, err);
    *ret = FR_TAKE(plain);
    return FR_OK;
}
