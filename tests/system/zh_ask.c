/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zh_ask ADDRESS:PORT NAME K OPC IMSI COUNT: asks an HSS for COUNT vectors at once,
 * then for one after a resynchronisation, by the code of the process hss, and checks
 * each by Milenage: MAC-A, RES, CK, IK. Prints a line a vector: "vector SQN", "resync
 * SQN"; or "refused REASON". Exit 0: all was checked, or refused.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/milenage.h"
#include "server/hss/zh.h"
#include "server/parent/listen.h"

static const uint8_t amf[FR_AKA_AMF_LEN]; /* osmo-hlr's, and that of AUTS */
/* SQN_MS of the resynchronisation */
static const uint8_t sqn_ms[FR_AKA_SQN_LEN] = {0, 0, 0x10, 0, 0, 0};

struct run {
    struct fr_milenage m;
    struct fr_zh *zh;
    long waiting;
    bool is_wrong, is_refused;
    uint8_t rand[FR_AKA_RAND_LEN];
};

static bool is_right(const struct run *r, const uint8_t *v, size_t len,
                     uint8_t sqn[FR_AKA_SQN_LEN])
{
    const uint8_t *autn = v + FR_AKA_RAND_LEN, *ck = autn + FR_AKA_AUTN_LEN;
    struct fr_milenage_macs macs;
    struct fr_milenage_out out;
    bool is_fine;

    if (fr_milenage_f2345(&r->m, v, &out, NULL) != FR_OK)
        return false;
    for (int i = 0; i < FR_AKA_SQN_LEN; i++)
        sqn[i] = autn[i] ^ out.ak[i];
    if (fr_milenage_f1(&r->m, v, sqn, autn + FR_AKA_SQN_LEN, &macs, NULL) != FR_OK)
        return false;
    is_fine = len == FR_ZH_VECTOR_HEAD + sizeof out.res &&
              memcmp(autn + FR_AKA_SQN_LEN, amf, sizeof amf) == 0 &&
              memcmp(autn + FR_AKA_SQN_LEN + sizeof amf, macs.a, sizeof macs.a) == 0 &&
              memcmp(ck, out.ck, sizeof out.ck) == 0 &&
              memcmp(ck + FR_AKA_KEY_LEN, out.ik, sizeof out.ik) == 0 &&
              memcmp(v + FR_ZH_VECTOR_HEAD, out.res, sizeof out.res) == 0;
    fr_milenage_out_clear(&out);
    return is_fine;
}

static void on_answer(void *arg, uint64_t ticket, enum fr_code rc,
                      struct fr_slice vector, const struct fr_err *why)
{
    uint8_t sqn[FR_AKA_SQN_LEN];
    char hex[2 * FR_AKA_SQN_LEN + 1];
    struct run *r = arg;

    r->waiting--;
    if (rc != FR_OK) {
        printf("refused %s\n", why->reason);
        r->is_refused = true;
        return;
    }
    if (!is_right(r, vector.data, vector.len, sqn)) {
        r->is_wrong = true;
        return;
    }
    memcpy(r->rand, vector.data, sizeof r->rand);
    fr_hex_encode(fr_slice_of(sqn, sizeof sqn), hex, false);
    printf("%s %s\n", ticket ? "vector" : "resync", hex);
}

static void await(struct run *r)
{
    while (r->waiting > 0) {
        struct fr_zh_interest i;
        struct pollfd p;
        int64_t left;

        r->zh->method->interest(r->zh, &i);
        left = i.at_ms - fr_mono_ms(&fr_env_system);
        p = (struct pollfd){.fd = i.fd, .events = i.events};
        if (poll(&p, 1, left < 0 ? 0 : left > 1000 ? 1000 : (int)left) < 0)
            break;
        r->zh->method->step(r->zh, p.revents);
    }
}

/* AUTS = (SQN_MS xor AK*) || MAC-S. */
static enum fr_code make_auts(const struct run *r, uint8_t auts[FR_AKA_AUTS_LEN],
                              struct fr_err *err)
{
    struct fr_milenage_macs macs;
    struct fr_milenage_out out;

    FR_TRY(fr_milenage_f2345(&r->m, r->rand, &out, err));
    for (int i = 0; i < FR_AKA_SQN_LEN; i++)
        auts[i] = sqn_ms[i] ^ out.ak_star[i];
    fr_milenage_out_clear(&out);
    FR_TRY(fr_milenage_f1(&r->m, r->rand, sqn_ms, amf, &macs, err));
    memcpy(auts + FR_AKA_SQN_LEN, macs.s, sizeof macs.s);
    return FR_OK;
}

static enum fr_code ask_all(struct run *r, const char *imsi, long count,
                            struct fr_err *err)
{
    struct fr_zh_ask ask = {.imsi = imsi};
    uint8_t auts[FR_AKA_AUTS_LEN];

    for (r->waiting = 0; r->waiting < count; r->waiting++) {
        ask.ticket = (uint64_t)r->waiting + 1;
        r->zh->method->ask(r->zh, &ask);
    }
    await(r);
    if (r->is_refused || r->is_wrong)
        return FR_OK;
    FR_TRY(make_auts(r, auts, err));
    ask.ticket = 0;
    ask.rand = fr_slice_of(r->rand, sizeof r->rand);
    ask.auts = fr_slice_of(auts, sizeof auts);
    r->waiting = 1;
    r->zh->method->ask(r->zh, &ask);
    await(r);
    return FR_OK;
}

static enum fr_code work(char **argv, struct run *r, struct fr_err *err)
{
    struct fr_zh_config c = {.address_text = argv[1],
                             .name = argv[2],
                             .timeout_ms = 5000,
                             .env = &fr_env_system};
    const struct fr_zh_hooks hooks = {on_answer, r};
    enum fr_code rc;

    if (!fr_address_parse(argv[1], &c.address, &c.address_len))
        return FR_FAIL(err, FR_EUSAGE, "no address");
    FR_TRY(fr_secret_from_hex(fr_slice_str(argv[3]), &r->m.k, err));
    FR_TRY(fr_secret_from_hex(fr_slice_str(argv[4]), &r->m.opc, err));
    FR_TRY(fr_zh_gsup.open(&c, &hooks, &r->zh, err));
    rc = ask_all(r, argv[5], strtol(argv[6], NULL, 10), err);
    r->zh->method->close(r->zh);
    return rc;
}

int main(int argc, char **argv)
{
    struct run r = {0};
    struct fr_err err;
    enum fr_code rc;

    if (argc != 7)
        return fr_code_exit(FR_EUSAGE);
    rc = work(argv, &r, &err);
    fr_secret_free(r.m.k);
    fr_secret_free(r.m.opc);
    if (rc != FR_OK)
        fprintf(stderr, "zh_ask: %s\n", err.msg);
    return rc != FR_OK ? fr_code_exit(rc) : r.is_wrong;
}
