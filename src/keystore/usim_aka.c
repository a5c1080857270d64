/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/usim_aka.h"

#include <string.h>

#include "crypto/gba_u.h"

#define SEQ_JUMP_MAX (UINT64_C(1) << 28)

static uint64_t u48(const uint8_t *at)
{
    uint64_t v = 0;

    for (int i = 0; i < FR_AKA_SQN_LEN; i++)
        v = v << 8 | at[i];
    return v;
}

static void put_u48(uint8_t *to, uint64_t v)
{
    for (int i = FR_AKA_SQN_LEN - 1; i >= 0; i--, v >>= 8)
        to[i] = (uint8_t)v;
}

static unsigned n_indices(const struct fr_usim_aka *a)
{
    return 1u << a->ind_bits;
}

static uint64_t greatest(const struct fr_usim_aka *a)
{
    uint64_t max = 0;

    for (unsigned i = 0; i < n_indices(a); i++)
        if (a->sqn[i] > max)
            max = a->sqn[i];
    return max;
}

void fr_usim_aka_set_sqn(struct fr_usim_aka *a, uint64_t sqn)
{
    uint64_t seq = sqn >> a->ind_bits;

    for (unsigned i = 0; i < n_indices(a); i++)
        a->sqn[i] = seq << a->ind_bits | i;
}

static bool is_new(const struct fr_usim_aka *a, uint64_t sqn)
{
    uint64_t seq = sqn >> a->ind_bits, max = greatest(a) >> a->ind_bits;

    if (seq > max && seq - max > SEQ_JUMP_MAX)
        return false;
    return seq > a->sqn[sqn & (n_indices(a) - 1)] >> a->ind_bits;
}

/* AUTS = SQN_MS xor AK* || MAC-S, with AMF 0000 (6.3.3). */
static enum fr_code make_auts(const struct fr_usim_aka *a, const uint8_t *rand,
                              const struct fr_milenage_out *out, uint8_t *auts,
                              struct fr_err *err)
{
    static const uint8_t amf[FR_AKA_AMF_LEN];
    uint8_t sqn[FR_AKA_SQN_LEN];
    struct fr_milenage_macs macs;

    put_u48(sqn, greatest(a));
    FR_TRY(fr_milenage_f1(&a->milenage, rand, sqn, amf, &macs, err));
    memcpy(auts + sizeof sqn, macs.s, sizeof macs.s);
    for (size_t i = 0; i < sizeof sqn; i++)
        auts[i] = sqn[i] ^ out->ak_star[i];
    return FR_OK;
}

static enum fr_code keep_keys(const struct fr_milenage_out *out,
                              struct fr_aka_answer *ret, struct fr_err *err)
{
    struct fr_secret *ks;

    FR_TRY(fr_secret_new(sizeof out->ck + sizeof out->ik, &ks, err));
    memcpy(fr_secret_data(ks), out->ck, sizeof out->ck);
    memcpy(fr_secret_data(ks) + sizeof out->ck, out->ik, sizeof out->ik);
    *ret = (struct fr_aka_answer){
        .verdict = FR_AKA_OK, .res_len = sizeof out->res, .ks = ks};
    memcpy(ret->res, out->res, sizeof out->res);
    return FR_OK;
}

static enum fr_code check_mac(const struct fr_usim_aka *a, const uint8_t *rand,
                              const uint8_t *sqn, const uint8_t *amf,
                              const uint8_t *claimed, struct fr_err *err)
{
    struct fr_milenage_macs macs;

    FR_TRY(fr_milenage_f1(&a->milenage, rand, sqn, amf, &macs, err));
    if (!fr_mac_equal(fr_slice_of(macs.a, sizeof macs.a),
                      fr_slice_of(claimed, sizeof macs.a)))
        return FR_FAIL_AS(
            err, FR_EREFUSED, "aka-mac",
            "the challenge is not from the SIM's home network: its MAC is "
            "wrong");
    if ((amf[0] << 8 | amf[1]) & a->amf_zero)
        return FR_FAIL_AS(err, FR_EREFUSED, "aka-amf",
                          "the challenge was made for another use: AMF %02x%02x",
                          amf[0], amf[1]);
    return FR_OK;
}

static enum fr_code check(struct fr_usim_aka *a, const uint8_t *rand,
                          const struct fr_milenage_out *out, uint8_t *autn,
                          struct fr_aka_answer *ret, struct fr_err *err)
{
    struct fr_aka_answer sync = {.verdict = FR_AKA_SYNC};
    uint8_t *amf = autn + FR_AKA_SQN_LEN, *mac = amf + FR_AKA_AMF_LEN;
    uint64_t sqn;

    for (int i = 0; i < FR_AKA_SQN_LEN; i++)
        autn[i] ^= out->ak[i];
    FR_TRY(check_mac(a, rand, autn, amf, mac, err));
    sqn = u48(autn);
    if (!is_new(a, sqn)) {
        FR_TRY(make_auts(a, rand, out, sync.auts, err));
        *ret = sync;
        return FR_OK;
    }
    FR_TRY(keep_keys(out, ret, err));
    a->sqn[sqn & (n_indices(a) - 1)] = sqn;
    return FR_OK;
}

enum fr_code fr_usim_aka_check(struct fr_usim_aka *a, const uint8_t *rand,
                               const uint8_t *autn, bool gba_u,
                               struct fr_aka_answer *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(milenage_out) out = {0};
    uint8_t plain[FR_AKA_AUTN_LEN];

    FR_TRY(fr_milenage_f2345(&a->milenage, rand, &out, err));
    memcpy(plain, autn, sizeof plain);
    if (gba_u)
        FR_TRY(fr_gba_u_mac(out.ik, plain + FR_AKA_SQN_LEN + FR_AKA_AMF_LEN, err));
    return check(a, rand, &out, plain, ret, err);
}
