/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/gba_info.h"

#include "test.h"
#include "vectors/gba.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define BTID     "I1U8vpY3qJ0hiuZNrke/NQ==@" VECTOR_BSF
#define MAC_TEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static struct fr_err err;

static struct fr_secret *ks_mef(void)
{
    struct fr_secret *s = NULL;

    assert_ok(fr_secret_from_hex(fr_slice_str(naf_vectors[2].key), &s, &err));
    return s;
}

static struct fr_gba_proof proof(void)
{
    struct fr_gba_proof p = {
        .btid = BTID,
        .mef_fqdn = VECTOR_BSF,
        .method = "POST",
        .path = "/fieldroot/v1/gba/ack",
    };

    assert_ok(fr_sha256(fr_slice_of(NULL, 0), p.body_sha256, &err));
    return p;
}

/* From tests/vectors/gba_oracle.py. */
static void a_mac_matches_the_vector(void **state)
{
    FR_AUTO(secret) *key = ks_mef();
    const struct fr_gba_proof p = proof();
    uint8_t mac[FR_SHA256_LEN];

    (void)state;
    assert_ok(fr_gba_proof_mac(key, &p, mac, &err));
    assert_hex(fr_slice_of(mac, sizeof mac),
               "0099b71f79fbedf6aed5a8a1c8a36d4a0a496083a023d5146a8f71fcd322a539");
}

static void every_field_counts(void **state)
{
    FR_AUTO(secret) *key = ks_mef();
    const struct fr_gba_proof p = proof();
    struct fr_gba_proof others[5] = {p, p, p, p, p};
    uint8_t mac[FR_SHA256_LEN], other[FR_SHA256_LEN];

    (void)state;
    others[0].btid = "J1U8vpY3qJ0hiuZNrke/NQ==@" VECTOR_BSF;
    others[1].mef_fqdn = "mef.example.com";
    others[2].method = "GET";
    others[3].path = "/fieldroot/v1/gba/ac";
    others[4].body_sha256[31] ^= 1;
    assert_ok(fr_gba_proof_mac(key, &p, mac, &err));
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_ok(fr_gba_proof_mac(key, &others[i], other, &err));
        assert_memory_not_equal(mac, other, sizeof mac);
    }
}

static void a_proof_out_of_its_limits_is_refused(void **state)
{
    FR_AUTO(secret) *key = ks_mef();
    FR_AUTO(secret) *shorter = NULL;
    const struct fr_gba_proof p = proof();
    struct fr_gba_proof wrong[4] = {p, p, p, p};
    uint8_t mac[FR_SHA256_LEN];

    (void)state;
    wrong[0].btid = "x";
    wrong[1].mef_fqdn = "";
    wrong[2].method = "";
    wrong[3].path = "x";
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_fails(fr_gba_proof_mac(key, &wrong[i], mac, &err), FR_EPARSE);
    assert_ok(fr_secret_from_hex(fr_slice_str(VECTOR_CK), &shorter, &err));
    assert_fails(fr_gba_proof_mac(shorter, &p, mac, &err), FR_EPARSE);
}

static void a_header_is_written_and_read(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(1024);
    char btid[FR_BTID_MAX + 1];
    uint8_t mac[FR_SHA256_LEN], back[FR_SHA256_LEN];

    (void)state;
    for (uint8_t i = 0; i < FR_SHA256_LEN; i++)
        mac[i] = i;
    assert_ok(fr_gba_proof_write(BTID, mac, &text, &err));
    assert_string_equal(fr_buf_cstr(&text),
                        "Fieldroot btid=\"" BTID "\", mac=\"" MAC_TEXT "\"");
    assert_ok(fr_gba_proof_parse(fr_buf_cstr(&text), btid, back, &err));
    assert_string_equal(btid, BTID);
    assert_memory_equal(back, mac, sizeof mac);
    assert_fails(fr_gba_proof_write("a\"b@c", mac, &text, &err), FR_EPARSE);
}

static void a_malformed_header_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "Fieldroot",
        "Fieldroot ",
        "Digest btid=\"" BTID "\", mac=\"" MAC_TEXT "\"",
        "Fieldroot btid=\"" BTID "\"",
        "Fieldroot mac=\"" MAC_TEXT "\"",
        "Fieldroot btid=\"\", mac=\"" MAC_TEXT "\"",
        "Fieldroot btid=\"x\", mac=\"" MAC_TEXT "\"",
        "Fieldroot btid=\"" BTID "\", mac=\"\"",
        "Fieldroot btid=\"" BTID "\", mac=\"" MAC_TEXT "=\"",
        "Fieldroot btid=\"" BTID
        "\", mac=\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\"",
        "Fieldroot btid=\"" BTID
        "\", mac=\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\"",
        "Fieldroot btid=\"" BTID
        "\", mac=\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh/\"",
        "Fieldroot btid=\"" BTID "\", btid=\"" BTID "\", mac=\"" MAC_TEXT "\"",
        "Fieldroot btid=\"" BTID "\", mac=\"" MAC_TEXT "\", mac=\"" MAC_TEXT "\"",
        "Fieldroot btid=\"" BTID "\" mac=\"" MAC_TEXT "\"",
        "Fieldroot btid=\"a\x01@b\", mac=\"" MAC_TEXT "\"",
    };
    char btid[FR_BTID_MAX + 1] = "untouched", text[1100];
    uint8_t mac[FR_SHA256_LEN];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_fails_as(fr_gba_proof_parse(texts[i], btid, mac, &err), FR_EINVALID,
                        "authorization-malformed");
    snprintf(text, sizeof text,
             "Fieldroot btid=\"" BTID "\", mac=\"" MAC_TEXT "\"%900s", "");
    assert_fails_as(fr_gba_proof_parse(text, btid, mac, &err), FR_EINVALID,
                    "authorization-malformed");
    assert_string_equal(btid, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mac_matches_the_vector),
        cmocka_unit_test(every_field_counts),
        cmocka_unit_test(a_proof_out_of_its_limits_is_refused),
        cmocka_unit_test(a_header_is_written_and_read),
        cmocka_unit_test(a_malformed_header_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
