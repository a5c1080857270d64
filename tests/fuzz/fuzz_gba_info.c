/* SPDX-License-Identifier: Apache-2.0 */
/* BootstrappingInfo: what is accepted must survive being written and read again. */
#include "fuzz.h"
#include "proto/gba_info.h"

enum { ROOM = 4 * FR_GBA_INFO_MAX };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO_CLEAR(buf) a = FR_BUF_INIT(ROOM);
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(ROOM);
    struct fr_gba_info info, again;

    if (fuzz_code(fr_gba_info_parse(fr_slice_of(data, size), &info, NULL)) != FR_OK)
        return 0;
    FUZZ_ASSERT(size <= FR_GBA_INFO_MAX && fr_btid_is_valid(info.btid, NULL));
    FUZZ_ASSERT(info.lifetime > 0 && info.current_time >= 0);
    if (!FUZZ_MUST(fr_gba_info_write(&info, &a, NULL)) ||
        !FUZZ_MUST(fr_gba_info_parse(fr_buf_view(&a), &again, NULL)) ||
        !FUZZ_MUST(fr_gba_info_write(&again, &b, NULL)))
        return 0;
    FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&a), fr_buf_view(&b)));
    fuzz_saw(fr_buf_view(&a));
    return 0;
}
