/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/milenage.h"

#include <openssl/evp.h>
#include <string.h>

enum { BLOCK = 16 };

/* One key schedule serves all blocks of a call. */
static EVP_CIPHER_CTX *aes_new(const struct fr_secret *k)
{
    EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    EVP_CIPHER_CTX *ctx = aes ? EVP_CIPHER_CTX_new() : NULL;

    if (ctx &&
        (EVP_EncryptInit_ex2(ctx, aes, fr_secret_view(k).data, NULL, NULL) != 1 ||
         EVP_CIPHER_CTX_set_padding(ctx, 0) != 1)) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(aes);
    return ctx;
}

static bool aes(EVP_CIPHER_CTX *ctx, const uint8_t in[BLOCK], uint8_t out[BLOCK])
{
    int n = 0;

    return EVP_EncryptUpdate(ctx, out, &n, in, BLOCK) == 1 && n == BLOCK;
}

static void xor_into(uint8_t to[BLOCK], const uint8_t with[BLOCK])
{
    for (int i = 0; i < BLOCK; i++)
        to[i] ^= with[i];
}

static enum fr_code check_key(const struct fr_secret *s, const char *name,
                              struct fr_err *err)
{
    if (fr_secret_len(s) != FR_AKA_KEY_LEN)
        return FR_FAIL(err, FR_EPARSE, "%s has %zu octets, not %d", name,
                       fr_secret_len(s), FR_AKA_KEY_LEN);
    return FR_OK;
}

static enum fr_code no_aes(struct fr_err *err)
{
    return FR_FAIL(err, FR_EINTERNAL, "AES-128 is not available");
}

enum fr_code fr_milenage_opc(const struct fr_secret *k, const struct fr_secret *op,
                             struct fr_secret **ret, struct fr_err *err)
{
    FR_AUTO(secret) *opc = NULL;
    EVP_CIPHER_CTX *ctx;
    bool ok;

    FR_TRY(check_key(k, "K", err));
    FR_TRY(check_key(op, "OP", err));
    FR_TRY(fr_secret_new(BLOCK, &opc, err));
    ctx = aes_new(k);
    ok = ctx && aes(ctx, fr_secret_view(op).data, fr_secret_data(opc));
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        return no_aes(err);
    xor_into(fr_secret_data(opc), fr_secret_view(op).data);
    *ret = FR_TAKE(opc);
    return FR_OK;
}

/* TS 35.206 4.1: what all the functions begin with. */
struct run {
    EVP_CIPHER_CTX *aes;
    const uint8_t *opc;
    uint8_t temp[BLOCK]; /* E_K(RAND xor OPc) */
};

static void end(struct run *r)
{
    EVP_CIPHER_CTX_free(r->aes);
    explicit_bzero(r, sizeof *r);
}

static enum fr_code begin(struct run *r, const struct fr_milenage *m,
                          const uint8_t rand[FR_AKA_RAND_LEN], struct fr_err *err)
{
    uint8_t in[BLOCK];
    bool ok;

    FR_TRY(check_key(m->k, "K", err));
    FR_TRY(check_key(m->opc, "OPc", err));
    r->opc = fr_secret_view(m->opc).data;
    memcpy(in, rand, sizeof in);
    xor_into(in, r->opc);
    r->aes = aes_new(m->k);
    ok = r->aes && aes(r->aes, in, r->temp);
    explicit_bzero(in, sizeof in);
    if (!ok) {
        end(r);
        return no_aes(err);
    }
    return FR_OK;
}

/* OUTi = E_K(extra xor rot(in xor OPc, ri) xor ci) xor OPc; the rotation in octets. */
struct round {
    const uint8_t *in, *extra; /* extra: NULL is none */
    unsigned rotation;
    uint8_t constant;
};

static bool out(const struct run *r, const struct round *round, uint8_t ret[BLOCK])
{
    uint8_t block[BLOCK];
    bool ok;

    for (unsigned i = 0; i < BLOCK; i++) {
        unsigned from = (i + round->rotation) % BLOCK;

        block[i] = round->in[from] ^ r->opc[from];
    }
    block[BLOCK - 1] ^= round->constant;
    if (round->extra)
        xor_into(block, round->extra);
    ok = aes(r->aes, block, ret);
    xor_into(ret, r->opc);
    explicit_bzero(block, sizeof block);
    return ok;
}

enum fr_code fr_milenage_f1(const struct fr_milenage *m,
                            const uint8_t rand[FR_AKA_RAND_LEN],
                            const uint8_t sqn[FR_AKA_SQN_LEN],
                            const uint8_t amf[FR_AKA_AMF_LEN],
                            struct fr_milenage_macs *ret, struct fr_err *err)
{
    struct run r = {0};
    uint8_t in1[BLOCK], out1[BLOCK] = {0};
    bool ok;

    for (unsigned half = 0; half < BLOCK; half += BLOCK / 2) {
        memcpy(in1 + half, sqn, FR_AKA_SQN_LEN);
        memcpy(in1 + half + FR_AKA_SQN_LEN, amf, FR_AKA_AMF_LEN);
    }
    FR_TRY(begin(&r, m, rand, err));
    ok = out(&r, &(struct round){in1, r.temp, 8, 0}, out1);
    end(&r);
    if (!ok)
        return no_aes(err);
    memcpy(ret->a, out1, sizeof ret->a);
    memcpy(ret->s, out1 + sizeof ret->a, sizeof ret->s);
    return FR_OK;
}

enum fr_code fr_milenage_f2345(const struct fr_milenage *m,
                               const uint8_t rand[FR_AKA_RAND_LEN],
                               struct fr_milenage_out *ret, struct fr_err *err)
{
    struct run r = {0};
    uint8_t out2[BLOCK] = {0}, out5[BLOCK] = {0};
    bool ok;

    FR_TRY(begin(&r, m, rand, err));
    ok = out(&r, &(struct round){r.temp, NULL, 0, 1}, out2) &&
         out(&r, &(struct round){r.temp, NULL, 4, 2}, ret->ck) &&
         out(&r, &(struct round){r.temp, NULL, 8, 4}, ret->ik) &&
         out(&r, &(struct round){r.temp, NULL, 12, 8}, out5);
    end(&r);
    memcpy(ret->ak, out2, sizeof ret->ak);
    memcpy(ret->res, out2 + 8, sizeof ret->res);
    memcpy(ret->ak_star, out5, sizeof ret->ak_star);
    explicit_bzero(out2, sizeof out2);
    explicit_bzero(out5, sizeof out5);
    if (!ok) {
        fr_milenage_out_clear(ret);
        return no_aes(err);
    }
    return FR_OK;
}

void fr_milenage_out_clear(struct fr_milenage_out *o)
{
    explicit_bzero(o, sizeof *o);
}
