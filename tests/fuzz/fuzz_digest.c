/* SPDX-License-Identifier: Apache-2.0 */
/* The same text as each header of Ub: what one accepts must survive being written and
 * read again. */
#include "fuzz.h"
#include "proto/aka_digest.h"
#include "proto/auth_params.h"
#include "proto/gba_info.h"

/* Reads, writes, reads, writes: the two texts must be the same. */
#define FUZZ_HEADER(noun)                                                              \
    static void fuzz_##noun(const char *text)                                          \
    {                                                                                  \
        struct fr_digest_##noun h, again;                                              \
        FR_AUTO_CLEAR(buf) a = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);                      \
        FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);                      \
                                                                                       \
        if (fuzz_code(fr_digest_##noun##_parse(text, &h, NULL)) == FR_OK &&            \
            FUZZ_MUST(fr_digest_##noun##_write(&h, &a, NULL)) &&                       \
            FUZZ_MUST(fr_digest_##noun##_parse(fr_buf_cstr(&a), &again, NULL)) &&      \
            FUZZ_MUST(fr_digest_##noun##_write(&again, &b, NULL))) {                   \
            FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&a), fr_buf_view(&b)));             \
            FUZZ_ASSERT(fr_utf8_is_valid(fr_buf_view(&a)));                            \
            fuzz_saw(fr_buf_view(&a));                                                 \
        }                                                                              \
    }
FUZZ_HEADER(challenge)
FUZZ_HEADER(auth)
FUZZ_HEADER(info)

/* A response comes with all that it is made of. */
static void compute(const char *text)
{
    char response[FR_DIGEST_HEX + 1];
    struct fr_digest_auth a;

    if (fr_digest_auth_parse(text, &a, NULL) != FR_OK || !a.response[0])
        return;
    FUZZ_ASSERT(a.has_auth_int && a.nonce[0] && a.cnonce[0] && strlen(a.nc) == 8);
    if (FUZZ_MUST(
            fr_digest_compute(&a, NULL, "GET", fr_slice_str(text), response, NULL)))
        fuzz_saw_text(response);
}

static void proof(const char *text)
{
    FR_AUTO_CLEAR(buf) a = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    char btid[FR_BTID_MAX + 1], again[FR_BTID_MAX + 1];
    uint8_t mac[FR_SHA256_LEN], mac_again[FR_SHA256_LEN];

    if (fuzz_code(fr_gba_proof_parse(text, btid, mac, NULL)) != FR_OK ||
        !FUZZ_MUST(fr_gba_proof_write(btid, mac, &a, NULL)) ||
        !FUZZ_MUST(fr_gba_proof_parse(fr_buf_cstr(&a), again, mac_again, NULL)))
        return;
    FUZZ_ASSERT(strcmp(btid, again) == 0 && memcmp(mac, mac_again, sizeof mac) == 0);
    fuzz_saw(fr_buf_view(&a));
}

static void names(const char *text)
{
    char imsi[FR_IMSI_MAX + 1], impi[FR_IMPI_MAX + 1];

    if (fr_btid_is_valid(text, NULL))
        FUZZ_ASSERT(strlen(text) <= FR_BTID_MAX && fr_auth_value_is_plain(text));
    if (fr_imsi_of_impi(text, imsi))
        FUZZ_ASSERT(fr_imsi_is_valid(imsi) && strncmp(text, imsi, strlen(imsi)) == 0);
    if (fuzz_code(fr_impi_of_imsi(text, 2, impi, NULL)) == FR_OK)
        FUZZ_ASSERT(fr_imsi_of_impi(impi, imsi) && strcmp(imsi, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO_STR(text) = NULL;

    if (!FUZZ_MUST(fr_str_dup_n(fr_slice_of(data, size), &text, NULL)))
        return 0;
    fuzz_challenge(text);
    fuzz_auth(text);
    fuzz_info(text);
    compute(text);
    proof(text);
    names(text);
    return 0;
}
