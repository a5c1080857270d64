/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker could send the vault: decoded, and if it decodes, encoded again alike.
 */
#include <stdint.h>
#include <stdlib.h>

#include "server/ipc/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_peer(struct fr_slice packed)
{
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT(8192);
    struct fr_peer peer;

    if (fr_peer_unpack(packed, &peer, NULL) != FR_OK)
        return;
    if (fr_peer_pack(&peer, &again, NULL) != FR_OK ||
        !fr_slice_equal(packed, fr_buf_view(&again)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m, back;
    size_t used, used_again;

    if (fr_msg_decode(fr_slice_of(data, size), &m, &used, NULL) != FR_OK)
        return 0;
    if (used > size || fr_msg_encode(&m, &again, NULL) != FR_OK || again.len != used ||
        fr_msg_decode(fr_buf_view(&again), &back, &used_again, NULL) != FR_OK)
        abort();
    if (back.type != m.type || back.id != m.id || back.has != m.has)
        abort();
    for (enum fr_field f = 0; f < FR_N_FIELDS; f++)
        if (fr_msg_has(&m, f) && !fr_slice_equal(m.field[f], back.field[f]))
            abort();
    if (fr_msg_has(&m, FR_F_PEER))
        look_at_peer(m.field[FR_F_PEER]);
    return 0;
}
