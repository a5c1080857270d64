/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker could send the vault: decoded, and if it decodes, encoded again alike.
 */
#include "fuzz.h"
#include "server/ipc/digest_pack.h"
#include "server/ipc/msg.h"

static void look_at_peer(struct fr_slice packed)
{
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT(8192);
    struct fr_peer peer;

    if (fuzz_code(fr_peer_unpack(packed, &peer, NULL)) == FR_OK &&
        FUZZ_MUST(fr_peer_pack(&peer, &again, NULL)))
        FUZZ_ASSERT(fr_slice_equal(packed, fr_buf_view(&again)));
}

static void look_at_digest(struct fr_slice packed)
{
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT(8192);
    struct fr_digest_auth a;

    if (fuzz_code(fr_digest_unpack(packed, &a, NULL)) == FR_OK &&
        FUZZ_MUST(fr_digest_pack(&a, &again, NULL)))
        FUZZ_ASSERT(fr_slice_equal(packed, fr_buf_view(&again)));
}

static void compare(const struct fr_msg *a, const struct fr_msg *b)
{
    FUZZ_ASSERT(a->type == b->type && a->id == b->id && a->has == b->has);
    for (enum fr_field f = 0; f < FR_N_FIELDS; f++)
        if (fr_msg_has(a, f))
            FUZZ_ASSERT(fr_slice_equal(a->field[f], b->field[f]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m, back;
    size_t used, used_again;

    if (fuzz_code(fr_msg_decode(fr_slice_of(data, size), &m, &used, NULL)) != FR_OK)
        return 0;
    FUZZ_ASSERT(used <= size);
    if (!FUZZ_MUST(fr_msg_encode(&m, &again, NULL)) ||
        !FUZZ_MUST(fr_msg_decode(fr_buf_view(&again), &back, &used_again, NULL)))
        return 0;
    FUZZ_ASSERT(again.len == used && used_again == used);
    compare(&m, &back);
    if (fr_msg_has(&m, FR_F_PEER))
        look_at_peer(m.field[FR_F_PEER]);
    if (fr_msg_has(&m, FR_F_DIGEST))
        look_at_digest(m.field[FR_F_DIGEST]);
    return 0;
}
