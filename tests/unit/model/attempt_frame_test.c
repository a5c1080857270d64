/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "attempt_sample.h"
#include "model/crc32.h"

enum { RECORDS = 3 };

/* Three records, told apart by their duration. ends: where each one stops. */
static struct fr_buf three_records(size_t ends[RECORDS])
{
    struct fr_buf file = FR_BUF_INIT(64 * 1024);
    struct fr_err err = {0};

    for (int i = 0; i < RECORDS; i++) {
        struct fr_attempt a = attempt_sample();

        a.duration_ms = i;
        assert_ok(fr_attempt_frame(&a, &file, &err));
        ends[i] = file.len;
    }
    return file;
}

/* Reads all of it; the bit 1 << duration is set for each record that came. */
static unsigned read_all(struct fr_slice in, size_t *damaged)
{
    struct fr_attempt a;
    unsigned seen = 0;
    enum fr_code rc;

    *damaged = 0;
    while ((rc = fr_attempt_next(&in, &a, damaged)) == FR_OK) {
        assert_in_range(a.duration_ms, 0, RECORDS - 1);
        seen |= 1u << a.duration_ms;
    }
    assert_int_equal(rc, FR_ENOTFOUND);
    return seen;
}

static void records_are_read_in_order(void **state)
{
    size_t ends[RECORDS], damaged = 0;
    FR_AUTO_CLEAR(buf) file = three_records(ends);
    struct fr_slice in = fr_buf_view(&file);

    (void)state;
    for (int i = 0; i < RECORDS; i++) {
        struct fr_attempt want = attempt_sample(), got;

        want.duration_ms = i;
        assert_int_equal(fr_attempt_next(&in, &got, &damaged), FR_OK);
        assert_same_attempt(&want, &got);
        assert_int_equal(file.len - in.len, ends[i]);
    }
    assert_int_equal(in.len, 0);
    assert_int_equal(damaged, 0);
}

static void a_frame_is_magic_length_json_checksum(void **state)
{
    FR_AUTO_CLEAR(buf) frame = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt a = attempt_sample();
    struct fr_err err = {0};
    struct fr_cursor c;

    (void)state;
    assert_ok(fr_attempt_frame(&a, &frame, &err));
    assert_ok(fr_attempt_to_json(&a, &json, &err));
    c = fr_cursor_of(fr_buf_view(&frame));
    assert_memory_equal(fr_take_slice(&c, 4).data, "FRA1", 4);
    assert_int_equal(fr_take_u32(&c), json.len);
    assert_memory_equal(fr_take_slice(&c, json.len).data, json.data, json.len);
    assert_int_equal(fr_take_u32(&c), fr_crc32(fr_buf_view(&json)));
    assert_int_equal(c.left, 0);
}

static void an_empty_file_has_no_record(void **state)
{
    struct fr_slice in = fr_slice_of("", 0);
    struct fr_attempt a;
    size_t damaged = 0;

    (void)state;
    assert_int_equal(fr_attempt_next(&in, &a, &damaged), FR_ENOTFOUND);
    assert_int_equal(damaged, 0);
}

static void a_cut_tail_loses_the_last_record_only(void **state)
{
    size_t ends[RECORDS], damaged;
    FR_AUTO_CLEAR(buf) file = three_records(ends);

    (void)state;
    for (size_t n = ends[1]; n < ends[2]; n++) {
        assert_int_equal(read_all(fr_slice_of(file.data, n), &damaged), 3);
        assert_int_equal(damaged, 0);
    }
}

static void at_a_cut_tail_the_reader_stands_before_it(void **state)
{
    size_t ends[RECORDS], damaged = 0;
    FR_AUTO_CLEAR(buf) file = three_records(ends);
    struct fr_slice in = fr_slice_of(file.data, ends[2] - 5);
    struct fr_attempt a;

    (void)state;
    assert_int_equal(fr_attempt_next(&in, &a, &damaged), FR_OK);
    assert_int_equal(fr_attempt_next(&in, &a, &damaged), FR_OK);
    assert_int_equal(fr_attempt_next(&in, &a, &damaged), FR_ENOTFOUND);
    assert_ptr_equal(in.data, file.data + ends[1]);
}

static void every_flipped_octet_loses_its_own_record_only(void **state)
{
    size_t ends[RECORDS], damaged;
    FR_AUTO_CLEAR(buf) file = three_records(ends);

    (void)state;
    for (size_t i = 0; i < ends[1]; i++) {
        file.data[i] ^= 0xff;
        assert_int_equal(read_all(fr_buf_view(&file), &damaged), i < ends[0] ? 6 : 5);
        assert_true(damaged >= 1);
        file.data[i] ^= 0xff;
    }
}

/* A length that reaches beyond the end looks like a cut; it is not counted. */
static void flips_in_the_last_record_spare_the_others(void **state)
{
    size_t ends[RECORDS], damaged;
    FR_AUTO_CLEAR(buf) file = three_records(ends);

    (void)state;
    for (size_t i = ends[1]; i < ends[2]; i++) {
        file.data[i] ^= 0x01;
        assert_int_equal(read_all(fr_buf_view(&file), &damaged), 3);
        file.data[i] ^= 0x01;
    }
}

static void what_follows_a_cut_record_is_found(void **state)
{
    size_t ends[RECORDS], damaged;
    FR_AUTO_CLEAR(buf) file = three_records(ends);

    (void)state;
    for (size_t cut = 1; cut < ends[0]; cut += 13) {
        FR_AUTO_CLEAR(buf) joined = FR_BUF_INIT(64 * 1024);

        fr_buf_put(&joined, file.data, cut);
        fr_buf_put(&joined, file.data + ends[0], ends[2] - ends[0]);
        assert_int_equal(read_all(fr_buf_view(&joined), &damaged), 6);
        assert_int_equal(damaged, 1);
    }
}

static void garbage_is_skipped_and_counted_once(void **state)
{
    size_t ends[RECORDS], damaged;
    FR_AUTO_CLEAR(buf) file = three_records(ends);
    FR_AUTO_CLEAR(buf) joined = FR_BUF_INIT(64 * 1024);

    (void)state;
    fr_buf_str(&joined, "garbage FR FRA and more");
    fr_buf_put(&joined, file.data, file.len);
    fr_buf_str(&joined, "garbage");
    assert_int_equal(read_all(fr_buf_view(&joined), &damaged), 7);
    assert_int_equal(damaged, 2);
}

/* The text of a record cannot smuggle another record in. */
static void a_magic_in_a_text_is_no_record(void **state)
{
    struct fr_attempt a = attempt_sample();
    FR_AUTO_CLEAR(buf) file = FR_BUF_INIT(64 * 1024);
    struct fr_err err = {0};
    size_t damaged;

    (void)state;
    a.duration_ms = 1;
    strcpy(a.result.text, "FRA1 FRA1\x01\x02 FRA1FRA1");
    assert_ok(fr_attempt_frame(&a, &file, &err));
    assert_int_equal(read_all(fr_buf_view(&file), &damaged), 2);
    assert_int_equal(damaged, 0);
    file.data[file.len - 1] ^= 1;
    assert_int_equal(read_all(fr_buf_view(&file), &damaged), 0);
    assert_true(damaged >= 1);
}

static void put_frame(struct fr_buf *to, const char *json)
{
    fr_buf_str(to, "FRA1");
    fr_buf_u32(to, (uint32_t)strlen(json));
    fr_buf_str(to, json);
    fr_buf_u32(to, fr_crc32(fr_slice_str(json)));
}

static void an_intact_frame_without_a_record_is_counted(void **state)
{
    size_t ends[RECORDS], damaged;
    FR_AUTO_CLEAR(buf) file = three_records(ends);
    FR_AUTO_CLEAR(buf) joined = FR_BUF_INIT(64 * 1024);

    (void)state;
    put_frame(&joined, "{\"v\":2}");
    put_frame(&joined, "FRA1");
    fr_buf_put(&joined, file.data, file.len);
    assert_int_equal(read_all(fr_buf_view(&joined), &damaged), 7);
    assert_int_equal(damaged, 2);
}

static void an_impossible_length_is_damage(void **state)
{
    static const uint32_t lengths[] = {0, FR_ATTEMPT_FRAME - 11, UINT32_MAX};
    size_t ends[RECORDS], damaged;
    FR_AUTO_CLEAR(buf) file = three_records(ends);

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        FR_AUTO_CLEAR(buf) joined = FR_BUF_INIT(64 * 1024);

        fr_buf_str(&joined, "FRA1");
        fr_buf_u32(&joined, lengths[i]);
        fr_buf_put(&joined, file.data, file.len);
        assert_int_equal(read_all(fr_buf_view(&joined), &damaged), 7);
        assert_int_equal(damaged, 1);
    }
}

static void the_largest_record_fits_its_frame(void **state)
{
    struct fr_attempt a = attempt_sample();
    FR_AUTO_CLEAR(buf) file = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_err err = {0};
    size_t damaged;

    (void)state;
    a.duration_ms = 1;
    memset(a.result.text, '"', sizeof a.result.text - 1);
    memset(a.result.reason, '"', sizeof a.result.reason - 1);
    memset(a.peer, '"', sizeof a.peer - 1);
    memset(a.target, '"', sizeof a.target - 1);
    memset(a.method, '"', sizeof a.method - 1);
    assert_ok(fr_attempt_frame(&a, &file, &err));
    assert_int_equal(read_all(fr_buf_view(&file), &damaged), 2);
}

static void too_small_a_buffer_is_reported(void **state)
{
    struct fr_attempt a = attempt_sample();
    FR_AUTO_CLEAR(buf) file = FR_BUF_INIT(100);
    struct fr_err err = {0};

    (void)state;
    assert_fails(fr_attempt_frame(&a, &file, &err), FR_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_in_order),
        cmocka_unit_test(a_frame_is_magic_length_json_checksum),
        cmocka_unit_test(an_empty_file_has_no_record),
        cmocka_unit_test(a_cut_tail_loses_the_last_record_only),
        cmocka_unit_test(at_a_cut_tail_the_reader_stands_before_it),
        cmocka_unit_test(every_flipped_octet_loses_its_own_record_only),
        cmocka_unit_test(flips_in_the_last_record_spare_the_others),
        cmocka_unit_test(what_follows_a_cut_record_is_found),
        cmocka_unit_test(garbage_is_skipped_and_counted_once),
        cmocka_unit_test(a_magic_in_a_text_is_no_record),
        cmocka_unit_test(an_intact_frame_without_a_record_is_counted),
        cmocka_unit_test(an_impossible_length_is_damage),
        cmocka_unit_test(the_largest_record_fits_its_frame),
        cmocka_unit_test(too_small_a_buffer_is_reported),
    };

    return cmocka_run_group_tests_name("model/attempt_frame", tests, NULL, NULL);
}
