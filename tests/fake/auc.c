/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/auc.h"

#include <string.h>

#include "crypto/gba_u.h"
#include "test.h"

static struct fr_err err;

static void with_keys(void (*use)(const struct fr_milenage *m, void *arg), void *arg)
{
    FR_AUTO(secret) *k = NULL;
    FR_AUTO(secret) *opc = NULL;

    assert_ok(fr_secret_from_hex(fr_slice_str(AUC_K), &k, &err));
    assert_ok(fr_secret_from_hex(fr_slice_str(AUC_OPC), &opc, &err));
    use(&(struct fr_milenage){k, opc}, arg);
}

struct order {
    uint8_t sqn[FR_AKA_SQN_LEN], amf[FR_AKA_AMF_LEN];
    bool gba_u;
    struct fr_auc_vector *v;
};

static void make(const struct fr_milenage *m, void *arg)
{
    struct order *o = arg;
    struct fr_auc_vector *v = o->v;
    struct fr_milenage_macs macs;
    uint8_t *mac = v->autn + FR_AKA_SQN_LEN + FR_AKA_AMF_LEN;

    assert_ok(fr_milenage_f2345(m, v->rand, &v->out, &err));
    assert_ok(fr_milenage_f1(m, v->rand, o->sqn, o->amf, &macs, &err));
    memcpy(mac, macs.a, sizeof macs.a);
    if (o->gba_u)
        assert_ok(fr_gba_u_mac(v->out.ik, mac, &err));
    for (int i = 0; i < FR_AKA_SQN_LEN; i++)
        v->autn[i] = o->sqn[i] ^ v->out.ak[i];
    memcpy(v->autn + FR_AKA_SQN_LEN, o->amf, FR_AKA_AMF_LEN);
}

void fr_auc_challenge(uint64_t sqn, uint16_t amf, bool gba_u, uint8_t n,
                      struct fr_auc_vector *ret)
{
    struct order o = {
        .amf = {(uint8_t)(amf >> 8), (uint8_t)amf}, .gba_u = gba_u, .v = ret};

    for (int i = FR_AKA_SQN_LEN - 1; i >= 0; i--, sqn >>= 8)
        o.sqn[i] = (uint8_t)sqn;
    memset(ret->rand, n, sizeof ret->rand);
    with_keys(make, &o);
}

struct auts {
    const uint8_t *rand, *auts;
    uint64_t sqn;
};

static void check_auts(const struct fr_milenage *m, void *arg)
{
    static const uint8_t amf[FR_AKA_AMF_LEN];
    struct fr_milenage_out out;
    struct fr_milenage_macs macs;
    uint8_t sqn[FR_AKA_SQN_LEN];
    struct auts *a = arg;

    assert_ok(fr_milenage_f2345(m, a->rand, &out, &err));
    for (int i = 0; i < FR_AKA_SQN_LEN; i++) {
        sqn[i] = a->auts[i] ^ out.ak_star[i];
        a->sqn = a->sqn << 8 | sqn[i];
    }
    assert_ok(fr_milenage_f1(m, a->rand, sqn, amf, &macs, &err));
    assert_memory_equal(macs.s, a->auts + FR_AKA_SQN_LEN, sizeof macs.s);
}

uint64_t fr_auc_resync(const uint8_t *rand, const uint8_t *auts)
{
    struct auts a = {rand, auts, 0};

    with_keys(check_auts, &a);
    return a.sqn;
}
