/* SPDX-License-Identifier: Apache-2.0 */
#include "model/crc32.h"

uint32_t fr_crc32(struct fr_slice s)
{
    uint32_t crc = UINT32_MAX;

    /* Bit by bit: no table to look up with octets of a key. */
    for (size_t i = 0; i < s.len; i++) {
        crc ^= s.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}
