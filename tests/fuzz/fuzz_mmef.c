/* SPDX-License-Identifier: Apache-2.0 */
/* Every decoder of Mmef on the same octets; what one accepts must survive being
 * encoded and decoded again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mmef.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CODEC(noun)                                                               \
    static void fuzz_##noun(struct fr_slice in)                                        \
    {                                                                                  \
        struct fr_mmef_##noun m = {0}, again = {0};                                    \
        FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(FR_CHANGES_BODY_MAX);                       \
                                                                                       \
        if (fr_mmef_##noun##_decode(in, &m, NULL) != FR_OK)                            \
            return;                                                                    \
        if (fr_mmef_##noun##_encode(&m, &b, NULL) != FR_OK ||                          \
            fr_mmef_##noun##_decode(fr_buf_view(&b), &again, NULL) != FR_OK)           \
            abort();                                                                   \
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
    (void)!fr_mmef_mac_decode(in, mac, NULL);
    fr_mmef_problem_decode(in, &problem);
    if (strlen(problem.reason) >= FR_ERR_REASON_MAX ||
        strlen(problem.text) >= FR_ERR_MSG_MAX)
        abort();
    return 0;
}
