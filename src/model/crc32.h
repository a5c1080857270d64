/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32 as in IEEE 802.3 and zlib: finds a damaged file, not a forged one.
 */
#ifndef FR_MODEL_CRC32_H
#define FR_MODEL_CRC32_H

#include "base/buf.h"

uint32_t fr_crc32(struct fr_slice s);

#endif
