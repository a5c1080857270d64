/* SPDX-License-Identifier: Apache-2.0 */
/* The credential file: there is one text for a credential. The checksum of the input is
 * made right, so that the fuzzer gets behind it. */
#include <assert.h>

#include "model/crc32.h"
#include "model/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct fr_slice text)
{
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    if (fr_credential_decode(text, &c, &err) != FR_OK) {
        assert(err.code == FR_EPARSE || err.code == FR_ENOMEM);
        return;
    }
    assert(fr_credential_encode(c, &again, &err) == FR_OK);
    assert(again.len == text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CRC_LINE = sizeof "crc=01234567\n" - 1 };
    FR_AUTO_CLEAR(buf) fixed = FR_BUF_INIT_WIPE(2 * FR_CREDENTIAL_FILE_MAX);

    check(fr_slice_of(data, size));
    if (size > CRC_LINE && size < FR_CREDENTIAL_FILE_MAX) {
        fr_buf_put(&fixed, data, size - CRC_LINE);
        fr_buf_fmt(&fixed, "crc=%08x\n", fr_crc32(fr_buf_view(&fixed)));
        check(fr_buf_view(&fixed));
    }
    return 0;
}
