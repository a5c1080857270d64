/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/milenage.h"

#include "test.h"
#include "vectors/milenage.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct fr_err err;

static struct fr_secret *secret_of(const char *hex)
{
    struct fr_secret *s = NULL;

    assert_ok(fr_secret_from_hex(fr_slice_str(hex), &s, &err));
    return s;
}

static void unhex(const char *hex, uint8_t *to)
{
    assert_true(fr_hex_decode(fr_slice_str(hex), to));
}

static void opc_is_made_of_op(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(milenage_vectors); i++) {
        FR_AUTO(secret) *k = secret_of(milenage_vectors[i].k);
        FR_AUTO(secret) *op = secret_of(milenage_vectors[i].op);
        FR_AUTO(secret) *opc = NULL;

        assert_ok(fr_milenage_opc(k, op, &opc, &err));
        assert_hex(fr_secret_view(opc), milenage_vectors[i].opc);
    }
}

static void f1_and_its_star_match_ts_35_208(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(milenage_vectors); i++) {
        FR_AUTO(secret) *k = secret_of(milenage_vectors[i].k);
        FR_AUTO(secret) *opc = secret_of(milenage_vectors[i].opc);
        uint8_t rand[FR_AKA_RAND_LEN], sqn[FR_AKA_SQN_LEN], amf[FR_AKA_AMF_LEN];
        struct fr_milenage_macs macs;

        unhex(milenage_vectors[i].rand, rand);
        unhex(milenage_vectors[i].sqn, sqn);
        unhex(milenage_vectors[i].amf, amf);
        assert_ok(
            fr_milenage_f1(&(struct fr_milenage){k, opc}, rand, sqn, amf, &macs, &err));
        assert_hex(fr_slice_of(macs.a, sizeof macs.a), milenage_vectors[i].f1);
        assert_hex(fr_slice_of(macs.s, sizeof macs.s), milenage_vectors[i].f1_star);
    }
}

static void f2_to_f5_and_its_star_match_ts_35_208(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(milenage_vectors); i++) {
        FR_AUTO(secret) *k = secret_of(milenage_vectors[i].k);
        FR_AUTO(secret) *opc = secret_of(milenage_vectors[i].opc);
        uint8_t rand[FR_AKA_RAND_LEN];
        struct fr_milenage_out out;

        unhex(milenage_vectors[i].rand, rand);
        assert_ok(fr_milenage_f2345(&(struct fr_milenage){k, opc}, rand, &out, &err));
        assert_hex(fr_slice_of(out.res, sizeof out.res), milenage_vectors[i].f2);
        assert_hex(fr_slice_of(out.ck, sizeof out.ck), milenage_vectors[i].f3);
        assert_hex(fr_slice_of(out.ik, sizeof out.ik), milenage_vectors[i].f4);
        assert_hex(fr_slice_of(out.ak, sizeof out.ak), milenage_vectors[i].f5);
        assert_hex(fr_slice_of(out.ak_star, sizeof out.ak_star),
                   milenage_vectors[i].f5_star);
    }
}

static void a_key_of_another_length_is_refused(void **state)
{
    FR_AUTO(secret) *good = secret_of(milenage_vectors[0].k);
    FR_AUTO(secret) *shorter = secret_of("465b5ce8b199b49faa5f0a2ee238a6");
    FR_AUTO(secret) *longer = secret_of("465b5ce8b199b49faa5f0a2ee238a6bc00");
    const struct fr_milenage wrong[] = {
        {shorter, good}, {longer, good}, {good, shorter}, {good, longer}};
    const uint8_t zeros[FR_AKA_RAND_LEN] = {0};
    struct fr_milenage_out out;
    struct fr_secret *opc = NULL;
    struct fr_milenage_macs macs;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_fails(fr_milenage_f1(&wrong[i], zeros, zeros, zeros, &macs, &err),
                     FR_EPARSE);
        assert_fails(fr_milenage_f2345(&wrong[i], zeros, &out, &err), FR_EPARSE);
        assert_fails(fr_milenage_opc(wrong[i].k, wrong[i].opc, &opc, &err), FR_EPARSE);
    }
    assert_null(opc);
}

static void what_came_out_is_wiped(void **state)
{
    FR_AUTO(secret) *k = secret_of(milenage_vectors[0].k);
    FR_AUTO(secret) *opc = secret_of(milenage_vectors[0].opc);
    const uint8_t rand[FR_AKA_RAND_LEN] = {1};
    static const struct fr_milenage_out none;
    struct fr_milenage_out out;

    (void)state;
    assert_ok(fr_milenage_f2345(&(struct fr_milenage){k, opc}, rand, &out, &err));
    assert_memory_not_equal(&out, &none, sizeof out);
    fr_milenage_out_clear(&out);
    assert_memory_equal(&out, &none, sizeof out);
}

static void an_answer_of_a_sim_is_wiped(void **state)
{
    struct fr_aka_answer a = {.verdict = FR_AKA_SYNC, .res = {1}, .res_len = 4};

    (void)state;
    a.ks = secret_of("0102");
    fr_aka_answer_clear(&a);
    assert_null(a.ks);
    assert_int_equal(a.res[0] | a.res_len, 0);
    fr_aka_answer_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opc_is_made_of_op),
        cmocka_unit_test(f1_and_its_star_match_ts_35_208),
        cmocka_unit_test(f2_to_f5_and_its_star_match_ts_35_208),
        cmocka_unit_test(a_key_of_another_length_is_refused),
        cmocka_unit_test(what_came_out_is_wiped),
        cmocka_unit_test(an_answer_of_a_sim_is_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
