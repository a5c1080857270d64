/* SPDX-License-Identifier: Apache-2.0 */
/* Every decoder of Mmef, and of a wish for another target, on the same octets; what one
 * accepts must survive being encoded and decoded again. */
#include "fuzz.h"
#include "proto/gba_info.h"
#include "proto/mmef.h"

/* Decodes, encodes, decodes, encodes: the two texts must be the same. */
#define FUZZ_CODEC(noun)                                                               \
    static void fuzz_##noun(struct fr_slice in)                                        \
    {                                                                                  \
        struct fr_mmef_##noun m = {0}, again = {0};                                    \
        FR_AUTO_CLEAR(buf) a = FR_BUF_INIT_WIPE(FR_CHANGES_BODY_MAX);                  \
        FR_AUTO_CLEAR(buf) b = FR_BUF_INIT_WIPE(FR_CHANGES_BODY_MAX);                  \
                                                                                       \
        if (fuzz_code(fr_mmef_##noun##_decode(in, &m, NULL)) == FR_OK &&               \
            FUZZ_MUST(fr_mmef_##noun##_encode(&m, &a, NULL)) &&                        \
            FUZZ_MUST(fr_mmef_##noun##_decode(fr_buf_view(&a), &again, NULL)) &&       \
            FUZZ_MUST(fr_mmef_##noun##_encode(&again, &b, NULL))) {                    \
            FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&a), fr_buf_view(&b)));             \
            fuzz_saw(fr_buf_view(&a));                                                 \
        }                                                                              \
        CLEAR_##noun(&m);                                                              \
        CLEAR_##noun(&again);                                                          \
    }
#define CLEAR_client_reg(m) (void)(m)
#define CLEAR_key_reg(m)    (void)(m)
#define CLEAR_cmd(m)        (void)(m)
#define CLEAR_fetched(m)    fr_mmef_fetched_clear(m)
#define CLEAR_changes(m)    fr_mmef_changes_clear(m)
FUZZ_CODEC(client_reg)
FUZZ_CODEC(key_reg)
FUZZ_CODEC(cmd)
FUZZ_CODEC(fetched)
FUZZ_CODEC(changes)

static void fuzz_wish(struct fr_slice in)
{
    FR_AUTO_CLEAR(buf) a = FR_BUF_INIT(FR_GBA_WISH_MAX);
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(FR_GBA_WISH_MAX);
    struct fr_gba_wish wish, again;

    if (fuzz_code(fr_gba_wish_parse(in, &wish, NULL)) != FR_OK ||
        !FUZZ_MUST(fr_gba_wish_write(&wish, &a, NULL)) ||
        !FUZZ_MUST(fr_gba_wish_parse(fr_buf_view(&a), &again, NULL)) ||
        !FUZZ_MUST(fr_gba_wish_write(&again, &b, NULL)))
        return;
    FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&a), fr_buf_view(&b)));
    fuzz_saw(fr_buf_view(&a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_slice in = fr_slice_of(data, size);
    struct fr_mmef_problem problem;
    uint8_t mac[FR_SHA256_LEN];

    fuzz_client_reg(in);
    fuzz_key_reg(in);
    fuzz_cmd(in);
    fuzz_fetched(in);
    fuzz_changes(in);
    fuzz_wish(in);
    if (fuzz_code(fr_mmef_mac_decode(in, mac, NULL)) == FR_OK)
        fuzz_saw(fr_slice_of(mac, sizeof mac));
    fr_mmef_problem_decode(in, &problem);
    FUZZ_ASSERT(strlen(problem.reason) < FR_ERR_REASON_MAX &&
                strlen(problem.text) < FR_ERR_MSG_MAX);
    return 0;
}
