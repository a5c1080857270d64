/* SPDX-License-Identifier: Apache-2.0 */
/* The credential file: there is one text for a credential. The checksum of the input is
 * made right, so that the fuzzer gets behind it. */
#include "fuzz.h"
#include "model/crc32.h"
#include "model/credential.h"

static void check(struct fr_slice text)
{
    FR_AUTO_CLEAR(buf) again = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    FR_AUTO(credential) *c = NULL;
    FR_AUTO(credential) *copy = NULL;
    FR_AUTO(secret) *key = NULL;
    enum fr_code rc = fuzz_code(fr_credential_decode(text, &c, NULL));

    FUZZ_ASSERT((rc == FR_OK) == (c != NULL));
    if (rc != FR_OK || !FUZZ_MUST(fr_credential_copy(c, &copy, NULL)) ||
        !FUZZ_MUST(fr_credential_encode(copy, &again, NULL)))
        return;
    FUZZ_ASSERT(again.len == text.len); /* the digits of Ke may be of either case */
    fuzz_saw(fr_buf_view(&again));
    if (fuzz_code(fr_credential_target_key(c, &key, NULL)) == FR_OK)
        fuzz_saw(fr_secret_view(key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CRC_LINE = sizeof "crc=01234567\n" - 1 };
    FR_AUTO_CLEAR(buf) fixed = FR_BUF_INIT_WIPE(2 * FR_CREDENTIAL_FILE_MAX);

    check(fr_slice_of(data, size));
    if (size > CRC_LINE && size < FR_CREDENTIAL_FILE_MAX) {
        fr_buf_put(&fixed, data, size - CRC_LINE);
        fr_buf_fmt(&fixed, "crc=%08x\n", fr_crc32(fr_buf_view(&fixed)));
        if (FUZZ_MUST(fr_buf_check(&fixed, NULL)))
            check(fr_buf_view(&fixed));
    }
    return 0;
}
