/* SPDX-License-Identifier: Apache-2.0 */
/* The target's files: its cache (the checksum made right, so that the fuzzer gets
 * behind it), and then the octets as the broker's psk_file that is to be merged. */
#include "fuzz.h"
#include "model/crc32.h"
#include "target/psk_file.h"

static struct fr_target_cache *decode(struct fr_slice text)
{
    FR_AUTO_CLEAR(buf) once = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);
    FR_AUTO_CLEAR(buf) twice = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);
    FR_AUTO(target_cache) *c = NULL;
    FR_AUTO(target_cache) *back = NULL;
    enum fr_code rc = fuzz_code(fr_target_cache_decode(text, &c, NULL));

    FUZZ_ASSERT((rc == FR_OK) == (c != NULL));
    if (rc != FR_OK || !FUZZ_MUST(fr_target_cache_encode(c, &once, NULL)) ||
        !FUZZ_MUST(fr_target_cache_decode(fr_buf_view(&once), &back, NULL)) ||
        !FUZZ_MUST(fr_target_cache_encode(back, &twice, NULL)))
        return NULL;
    FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&once), fr_buf_view(&twice)));
    for (size_t i = 0; i < c->n; i++)
        FUZZ_ASSERT(fr_target_cache_find(c, c->list[i].key_id) == &c->list[i]);
    return FR_TAKE(c);
}

/* Merged once and again: no line of ours twice, none of another's lost. */
static void merge(struct fr_slice old, const struct fr_target_cache *c)
{
    FR_AUTO_CLEAR(buf) once = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);
    FR_AUTO_CLEAR(buf) twice = FR_BUF_INIT_WIPE(FR_TARGET_FILE_MAX);

    if (FUZZ_MUST(fr_psk_file_merge(old, c, &once, NULL)) &&
        FUZZ_MUST(fr_psk_file_merge(fr_buf_view(&once), c, &twice, NULL)))
        FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&once), fr_buf_view(&twice)));
    fuzz_saw(fr_buf_view(&once));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CRC_LINE = sizeof "crc=01234567\n" - 1 };
    FR_AUTO_CLEAR(buf) fixed = FR_BUF_INIT_WIPE(65536);
    FR_AUTO(target_cache) *c = decode(fr_slice_of(data, size));

    if (!c && size > CRC_LINE && size < 65536) {
        fr_buf_put(&fixed, data, size - CRC_LINE);
        fr_buf_fmt(&fixed, "crc=%08x\n", fr_crc32(fr_buf_view(&fixed)));
        if (!FUZZ_MUST(fr_buf_check(&fixed, NULL)))
            return 0;
        c = decode(fr_buf_view(&fixed));
    }
    if (!c && !FUZZ_MUST(fr_target_cache_new("mef.example", &c, NULL)))
        return 0;
    merge(fr_slice_of(data, size), c);
    return 0;
}
