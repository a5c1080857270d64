/* SPDX-License-Identifier: Apache-2.0 */
/* Ours against hmac and hashlib of Python, on random inputs: argv[1] is
 * tests/vectors/gba_oracle.py, whose `cases` are lines of fields with tabs between. */
#include <stdlib.h>

#include "proto/aka_digest.h"
#include "proto/gba_info.h"
#include "test.h"

enum { FIELDS_MAX = 16, OCTETS_MAX = 512 };

static struct fr_err err;
static const char *oracle;

static struct fr_slice unhex(const char *hex, uint8_t to[OCTETS_MAX])
{
    assert_true(strlen(hex) <= 2 * (size_t)OCTETS_MAX);
    assert_true(fr_hex_decode(fr_slice_str(hex), to));
    return fr_slice_of(to, strlen(hex) / 2);
}

static struct fr_secret *secret_of(const char *hex)
{
    struct fr_secret *s = NULL;

    assert_ok(fr_secret_from_hex(fr_slice_str(hex), &s, &err));
    return s;
}

/* naf ks rand impi fqdn ua label key */
static void check_naf(char **f)
{
    FR_AUTO(secret) *ks = secret_of(f[1]);
    FR_AUTO(secret) *key = NULL;
    uint8_t rand[OCTETS_MAX];
    struct fr_gba_naf naf = {.key = strcmp(f[6], "gba-u") ? FR_GBA_ME : FR_GBA_U,
                             .rand = unhex(f[2], rand),
                             .impi = f[3],
                             .naf_fqdn = f[4]};

    assert_true(fr_ua_by_name(f[5], &naf.ua));
    assert_ok(fr_gba_naf_key(ks, &naf, &key, &err));
    assert_hex(fr_secret_view(key), f[7]);
}

/* tmpi ks rand impi bsf tmpi */
static void check_tmpi(char **f)
{
    FR_AUTO(secret) *ks = secret_of(f[1]);
    uint8_t rand[OCTETS_MAX];
    char tmpi[FR_ID_MAX + 1];

    assert_ok(fr_gba_tmpi(ks, unhex(f[2], rand), f[3], f[4], tmpi, &err));
    assert_string_equal(tmpi, f[5]);
}

/* digest version res ks username realm nonce uri nc cnonce method body response;
 * version 0 is a resynchronisation. */
static void check_digest(char **f)
{
    FR_AUTO(secret) *password = NULL;
    struct fr_digest_auth a = {.has_auth_int = true};
    uint8_t res[OCTETS_MAX], ks[OCTETS_MAX], body[OCTETS_MAX];
    struct fr_aka_keys keys = {.res = unhex(f[2], res)};
    char response[FR_DIGEST_HEX + 1];

    (void)unhex(f[3], ks);
    keys.ck = fr_slice_of(ks, FR_AKA_KEY_LEN);
    keys.ik = fr_slice_of(ks + FR_AKA_KEY_LEN, FR_AKA_KEY_LEN);
    if (f[1][0] == '0')
        keys.res.len = 0;
    snprintf(a.username, sizeof a.username, "%s", f[4]);
    snprintf(a.realm, sizeof a.realm, "%s", f[5]);
    snprintf(a.nonce, sizeof a.nonce, "%s", f[6]);
    snprintf(a.uri, sizeof a.uri, "%s", f[7]);
    snprintf(a.nc, sizeof a.nc, "%s", f[8]);
    snprintf(a.cnonce, sizeof a.cnonce, "%s", f[9]);
    assert_ok(fr_digest_password(f[1][0] == '2' ? FR_AKAV2_MD5 : FR_AKAV1_MD5, &keys,
                                 &password, &err));
    assert_ok(
        fr_digest_compute(&a, password, f[10], unhex(f[11], body), response, &err));
    assert_string_equal(response, f[12]);
}

/* proof ks_mef btid mef method path body mac */
static void check_proof(char **f)
{
    FR_AUTO(secret) *ks_mef = secret_of(f[1]);
    struct fr_gba_proof proof = {f[2], f[3], f[4], f[5], {0}};
    uint8_t body[OCTETS_MAX], mac[FR_SHA256_LEN];

    assert_ok(fr_sha256(unhex(f[6], body), proof.body_sha256, &err));
    assert_ok(fr_gba_proof_mac(ks_mef, &proof, mac, &err));
    assert_hex(fr_slice_of(mac, sizeof mac), f[7]);
}

static const struct {
    const char *name;
    int n_fields;
    void (*check)(char **fields);
} kinds[] = {
    {"naf", 8, check_naf},
    {"tmpi", 6, check_tmpi},
    {"digest", 13, check_digest},
    {"proof", 8, check_proof},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/* Which kind it was. */
static int check_line(char *line)
{
    char *fields[FIELDS_MAX] = {0};
    int n = 0;

    line[strcspn(line, "\n")] = 0;
    while (n < FIELDS_MAX && (fields[n] = strsep(&line, "\t")))
        n++;
    for (int k = 0; k < N_KINDS; k++)
        if (strcmp(kinds[k].name, fields[0]) == 0) {
            assert_int_equal(n, kinds[k].n_fields);
            kinds[k].check(fields);
            return k;
        }
    fail_msg("the oracle says \"%s\"", fields[0]);
    return -1;
}

static void ours_agree_with_pythons(void **state)
{
    char line[8192];
    int seen[N_KINDS] = {0};
    FILE *cases;

    (void)state;
    snprintf(line, sizeof line, "python3 '%s' cases 20261124 200", oracle);
    cases = popen(line, "r");
    assert_non_null(cases);
    while (fgets(line, sizeof line, cases))
        seen[check_line(line)]++;
    assert_int_equal(pclose(cases), 0);
    assert_int_equal(seen[0], 200 * 2 * FR_N_UAS);
    assert_int_equal(seen[1], 200);
    assert_int_equal(seen[2], 200 * 6);
    assert_int_equal(seen[3], 200);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ours_agree_with_pythons)};

    if (argc != 2)
        return 64;
    oracle = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
