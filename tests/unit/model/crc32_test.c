/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/crc32.h"

/* Check value of CRC-32/ISO-HDLC in the CRC RevEng catalogue; the others by zlib. */
static void published_values_come_out(void **state)
{
    (void)state;
    assert_int_equal(fr_crc32(fr_slice_str("123456789")), 0xcbf43926u);
    assert_int_equal(fr_crc32(fr_slice_str("")), 0);
    assert_int_equal(fr_crc32(fr_slice_str("a")), 0xe8b7be43u);
    assert_int_equal(fr_crc32(fr_slice_of("\0\0\0\0", 4)), 0x2144df1cu);
}

static void every_single_bit_counts(void **state)
{
    uint8_t data[32] = {0};
    uint32_t whole = fr_crc32(fr_slice_of(data, sizeof data));

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(fr_crc32(fr_slice_of(data, sizeof data)), whole);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values_come_out),
        cmocka_unit_test(every_single_bit_counts),
    };

    return cmocka_run_group_tests_name("model/crc32", tests, NULL, NULL);
}
