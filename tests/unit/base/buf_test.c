/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "test.h"

static void appended_octets_are_kept_and_terminated(void **state)
{
    struct fr_buf b = FR_BUF_INIT(64);

    (void)state;
    fr_buf_str(&b, "ab");
    fr_buf_put(&b, "\0c", 2);
    fr_buf_fmt(&b, "%d-%s", 42, "x");
    assert_true(fr_slice_equal(fr_buf_view(&b), fr_slice_of("ab\0c42-x", 8)));
    assert_int_equal(b.data[b.len], 0);
    fr_buf_clear(&b);
}

static void integers_are_big_endian(void **state)
{
    struct fr_buf b = FR_BUF_INIT(64);

    (void)state;
    fr_buf_u8(&b, 0x01);
    fr_buf_u16(&b, 0x0203);
    fr_buf_u32(&b, 0x04050607);
    fr_buf_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
    assert_hex(fr_buf_view(&b), "0102030405060708090a0b0c0d0e0f");
    fr_buf_clear(&b);
}

static void buffer_grows_over_many_appends(void **state)
{
    struct fr_buf b = FR_BUF_INIT(100000);
    struct fr_err err = {0};

    (void)state;
    for (int i = 0; i < 10000; i++)
        fr_buf_fmt(&b, "%04d,", i);
    assert_ok(fr_buf_check(&b, &err));
    assert_int_equal(b.len, 50000);
    assert_memory_equal(b.data + 5 * 1234, "1234,", 5);
    fr_buf_clear(&b);
}

static void limit_is_exact(void **state)
{
    struct fr_buf b = FR_BUF_INIT(4);
    struct fr_err err = {0};

    (void)state;
    fr_buf_str(&b, "abcd");
    assert_ok(fr_buf_check(&b, &err));
    fr_buf_u8(&b, 'e');
    assert_fails(fr_buf_check(&b, &err), FR_ELIMIT);
    assert_contains(err.msg, "4 octets");
    fr_buf_clear(&b);
}

/* What did not fit leaves nothing behind, and what would fit after it comes no more. */
static void failure_is_sticky_until_reset(void **state)
{
    struct fr_buf b = FR_BUF_INIT(4);
    struct fr_err err = {0};

    (void)state;
    fr_buf_str(&b, "abcde");
    fr_buf_str(&b, "x");
    fr_buf_fmt(&b, "%d", 1);
    assert_int_equal(b.len, 0);
    assert_null(fr_buf_reserve(&b, 1));
    assert_fails(fr_buf_check(&b, &err), FR_ELIMIT);
    fr_buf_reset(&b);
    fr_buf_str(&b, "x");
    assert_ok(fr_buf_check(&b, &err));
    assert_string_equal(fr_buf_cstr(&b), "x");
    fr_buf_clear(&b);
}

static void length_that_would_overflow_is_refused(void **state)
{
    struct fr_buf b = FR_BUF_INIT(SIZE_MAX);

    (void)state;
    fr_buf_str(&b, "abc");
    assert_null(fr_buf_reserve(&b, SIZE_MAX - 1));
    assert_int_equal(b.failed, FR_ELIMIT);
    fr_buf_clear(&b);
}

static void empty_buffer_reads_as_empty(void **state)
{
    struct fr_buf b = FR_BUF_INIT(4);

    (void)state;
    assert_string_equal(fr_buf_cstr(&b), "");
    assert_int_equal(fr_buf_view(&b).len, 0);
    fr_buf_consume(&b, 3);
    assert_int_equal(b.len, 0);
    fr_buf_put(&b, NULL, 0);
    assert_string_equal(fr_buf_cstr(&b), "");
    fr_buf_clear(&b);
}

static void consume_drops_the_first_octets(void **state)
{
    struct fr_buf b = FR_BUF_INIT(16);

    (void)state;
    fr_buf_str(&b, "abcdef");
    fr_buf_consume(&b, 2);
    assert_string_equal(fr_buf_cstr(&b), "cdef");
    fr_buf_consume(&b, 100);
    assert_string_equal(fr_buf_cstr(&b), "");
    fr_buf_clear(&b);
}

static void reserve_lets_the_caller_write(void **state)
{
    struct fr_buf b = FR_BUF_INIT(16);
    uint8_t *to = fr_buf_reserve(&b, 3);

    (void)state;
    assert_non_null(to);
    memcpy(to, "xyz", 3);
    b.len += 3;
    fr_buf_u8(&b, '!');
    assert_string_equal(fr_buf_cstr(&b), "xyz!");
    fr_buf_clear(&b);
}

static void cleared_buffer_keeps_its_limit_and_manner(void **state)
{
    struct fr_buf b = FR_BUF_INIT_WIPE(7);

    (void)state;
    fr_buf_str(&b, "secret");
    fr_buf_clear(&b);
    assert_null(b.data);
    assert_int_equal(b.max, 7);
    assert_true(b.wipe);
    fr_buf_str(&b, "again");
    assert_string_equal(fr_buf_cstr(&b), "again");
    fr_buf_clear(&b);
}

static void reset_wipes_a_wiping_buffer(void **state)
{
    struct fr_buf b = FR_BUF_INIT_WIPE(16);

    (void)state;
    fr_buf_str(&b, "key material");
    fr_buf_reset(&b);
    for (size_t i = 0; i < 12; i++) /* what it held */
        assert_int_equal(b.data[i], 0);
    fr_buf_clear(&b);
}

static void cut_drops_the_end_and_wipes_it(void **state)
{
    struct fr_buf b = FR_BUF_INIT_WIPE(16);

    (void)state;
    fr_buf_str(&b, "key material");
    fr_buf_cut(&b, 20);
    assert_string_equal(fr_buf_cstr(&b), "key material");
    fr_buf_cut(&b, 3);
    assert_string_equal(fr_buf_cstr(&b), "key");
    assert_int_equal(b.len, 3);
    for (size_t i = b.len; i < 12; i++)
        assert_int_equal(b.data[i], 0);
    fr_buf_clear(&b);
}

static void consume_wipes_what_a_wiping_buffer_no_longer_holds(void **state)
{
    struct fr_buf b = FR_BUF_INIT_WIPE(16);

    (void)state;
    fr_buf_str(&b, "key material");
    fr_buf_consume(&b, 4);
    assert_string_equal(fr_buf_cstr(&b), "material");
    for (size_t i = b.len; i < 12; i++)
        assert_int_equal(b.data[i], 0);
    fr_buf_clear(&b);
}

static void slices_compare_by_content(void **state)
{
    (void)state;
    assert_true(fr_slice_equal(fr_slice_str("ab"), fr_slice_of("abc", 2)));
    assert_true(fr_slice_equal(fr_slice_of(NULL, 0), fr_slice_str("")));
    assert_false(fr_slice_equal(fr_slice_str("ab"), fr_slice_str("abc")));
    assert_false(fr_slice_equal(fr_slice_str("ab"), fr_slice_str("ac")));
}

static void cursor_reads_what_the_buffer_wrote(void **state)
{
    struct fr_buf b = FR_BUF_INIT(64);
    struct fr_cursor c;

    (void)state;
    fr_buf_u8(&b, 0xfe);
    fr_buf_u16(&b, 0xfedc);
    fr_buf_u32(&b, 0xfedcba98);
    fr_buf_u64(&b, UINT64_C(0xfedcba9876543210));
    fr_buf_str(&b, "tail");
    c = fr_cursor_of(fr_buf_view(&b));
    assert_int_equal(fr_take_u8(&c), 0xfe);
    assert_int_equal(fr_take_u16(&c), 0xfedc);
    assert_int_equal(fr_take_u32(&c), 0xfedcba98);
    assert_true(fr_take_u64(&c) == UINT64_C(0xfedcba9876543210));
    assert_true(fr_slice_equal(fr_take_slice(&c, 4), fr_slice_str("tail")));
    assert_int_equal(c.left, 0);
    assert_false(c.bad);
    fr_buf_clear(&b);
}

static void cursor_that_falls_short_yields_nothing_more(void **state)
{
    struct fr_cursor c = fr_cursor_of(fr_slice_of("\x01\x02\x03", 3));

    (void)state;
    assert_int_equal(fr_take_u32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(fr_take_u8(&c), 0); /* though three octets are left */
    assert_null(fr_take_slice(&c, 1).data);
}

static void cursor_refuses_a_length_beyond_the_end(void **state)
{
    struct fr_cursor c = fr_cursor_of(fr_slice_of("abc", 3));

    (void)state;
    assert_int_equal(fr_take_slice(&c, SIZE_MAX).len, 0);
    assert_true(c.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_octets_are_kept_and_terminated),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(buffer_grows_over_many_appends),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(failure_is_sticky_until_reset),
        cmocka_unit_test(length_that_would_overflow_is_refused),
        cmocka_unit_test(empty_buffer_reads_as_empty),
        cmocka_unit_test(consume_drops_the_first_octets),
        cmocka_unit_test(reserve_lets_the_caller_write),
        cmocka_unit_test(cleared_buffer_keeps_its_limit_and_manner),
        cmocka_unit_test(reset_wipes_a_wiping_buffer),
        cmocka_unit_test(cut_drops_the_end_and_wipes_it),
        cmocka_unit_test(consume_wipes_what_a_wiping_buffer_no_longer_holds),
        cmocka_unit_test(slices_compare_by_content),
        cmocka_unit_test(cursor_reads_what_the_buffer_wrote),
        cmocka_unit_test(cursor_that_falls_short_yields_nothing_more),
        cmocka_unit_test(cursor_refuses_a_length_beyond_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
