/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timetext.h"

#include "test.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

/* Values by date(1): date -u -d ... +%s */
static const struct {
    const char *rfc3339, *m2m;
    int64_t t;
} times[] = {
    {"1970-01-01T00:00:00Z", "19700101T000000", 0},
    {"2026-11-24T03:07:19Z", "20261124T030719", 1795489639},
    {"2000-02-29T23:59:59Z", "20000229T235959", 951868799},
    {"2038-01-19T03:14:08Z", "20380119T031408", 2147483648},
    {"9999-12-31T23:59:59Z", "99991231T235959", 253402300799},
    {"1969-12-31T23:59:59Z", "19691231T235959", -1},
};

static void both_texts_of_a_time_read_and_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(times); i++) {
        char text[FR_TIME_TEXT];
        int64_t t = 0;

        assert_true(fr_rfc3339_parse(fr_slice_str(times[i].rfc3339), &t));
        assert_true(t == times[i].t);
        t = 0;
        assert_true(fr_m2m_time_parse(fr_slice_str(times[i].m2m), &t));
        assert_true(t == times[i].t);
        assert_string_equal(fr_rfc3339_format(t, text), times[i].rfc3339);
        assert_string_equal(fr_m2m_time_format(t, text), times[i].m2m);
    }
}

static void fractions_are_cut(void **state)
{
    int64_t t;

    (void)state;
    assert_true(fr_rfc3339_parse(fr_slice_str("1970-01-01T00:00:07.999Z"), &t));
    assert_int_equal(t, 7);
    assert_true(fr_m2m_time_parse(fr_slice_str("19700101T000007,999"), &t));
    assert_int_equal(t, 7);
}

static void utc_may_be_written_as_an_offset_of_zero(void **state)
{
    int64_t t;

    (void)state;
    assert_true(fr_rfc3339_parse(fr_slice_str("1970-01-01T00:00:09+00:00"), &t));
    assert_int_equal(t, 9);
    assert_true(fr_rfc3339_parse(fr_slice_str("1970-01-01t00:00:09z"), &t));
    assert_int_equal(t, 9);
}

static void leap_second_counts_into_the_next_day(void **state)
{
    int64_t t;

    (void)state;
    assert_true(fr_rfc3339_parse(fr_slice_str("2016-12-31T23:59:60Z"), &t));
    assert_int_equal(t, 1483228800);
}

static void times_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-24",
        "2026-11-24T03:07:19",
        "2026-11-24T03:07:19+01:00",
        "2026-11-24 03:07:19Z",
        "2026-11-24T03:07:19Zx",
        "2026-11-24T03:07:19.Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T03:60:19Z",
        "2026-11-24T03:07:61Z",
        "2026-00-24T03:07:19Z",
        "2026-13-24T03:07:19Z",
        "2026-11-00T03:07:19Z",
        "2026-11-31T03:07:19Z",
        "2026-02-29T03:07:19Z",
        "1900-02-29T03:07:19Z",
        "26-11-24T03:07:19Z",
        "2026-1-24T03:07:19Z",
        "2026-11-24T03:07:1 Z",
        "+026-11-24T03:07:19Z",
    };
    int64_t t;

    (void)state;
    for (size_t i = 0; i < N(bad); i++)
        if (fr_rfc3339_parse(fr_slice_str(bad[i]), &t))
            fail_msg("\"%s\" was accepted", bad[i]);
}

static void m2m_times_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "20261124",
                                      "20261124T030719Z",
                                      "20261124030719",
                                      "20261131T030719",
                                      "20260229T000000",
                                      "20261124T240000",
                                      "20261124T03071",
                                      "20261124T030719,",
                                      "20261124T030719,x"};
    int64_t t;

    (void)state;
    for (size_t i = 0; i < N(bad); i++)
        if (fr_m2m_time_parse(fr_slice_str(bad[i]), &t))
            fail_msg("\"%s\" was accepted", bad[i]);
}

static const struct {
    const char *text;
    int64_t ms;
} durations[] = {
    {"PT0S", 0},
    {"PT30S", 30000},
    {"PT10M", 600000},
    {"PT1H", 3600000},
    {"P365D", INT64_C(31536000000)},
    {"P1DT1H1M1S", 90061000},
    {"P1DT1S", 86401000},
    {"P36525D", INT64_C(3155760000000)},
};

static void durations_read_and_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(durations); i++) {
        char text[32];
        int64_t ms = -1;

        assert_true(fr_duration_parse(fr_slice_str(durations[i].text), &ms));
        assert_true(ms == durations[i].ms);
        assert_string_equal(fr_duration_format(ms, text, sizeof text),
                            durations[i].text);
    }
}

static void other_spellings_of_a_duration_read_as_well(void **state)
{
    int64_t ms;

    (void)state;
    assert_true(fr_duration_parse(fr_slice_str("PT90S"), &ms));
    assert_int_equal(ms, 90000);
    assert_true(fr_duration_parse(fr_slice_str("P0D"), &ms));
    assert_int_equal(ms, 0);
    assert_true(fr_duration_parse(fr_slice_str("PT007S"), &ms));
    assert_int_equal(ms, 7000);
}

static void durations_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "P",
                                      "PT",
                                      "P1DT",
                                      "30S",
                                      "P30S",
                                      "PT1D",
                                      "P1Y",
                                      "P1M",
                                      "P1W",
                                      "PT1S1M",
                                      "PT1S1S",
                                      "PT-1S",
                                      "-PT1S",
                                      "PT1.5S",
                                      "PT1",
                                      "PTS",
                                      "PT1HT1M",
                                      "P1D ",
                                      " P1D",
                                      "P36526D",
                                      "pt1s",
                                      "P36525DT1S",
                                      "PT99999999999H",
                                      "PT3155760001S",
                                      "PT1S\n"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < N(bad); i++)
        if (fr_duration_parse(fr_slice_str(bad[i]), &ms))
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_false(fr_duration_parse(fr_slice_of("PT1\0", 4), &ms));
}

static void milliseconds_below_a_second_are_not_written(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(fr_duration_format(999, text, sizeof text), "PT0S");
    assert_string_equal(fr_duration_format(61999, text, sizeof text), "PT1M1S");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_texts_of_a_time_read_and_write),
        cmocka_unit_test(fractions_are_cut),
        cmocka_unit_test(utc_may_be_written_as_an_offset_of_zero),
        cmocka_unit_test(leap_second_counts_into_the_next_day),
        cmocka_unit_test(times_that_are_none_are_refused),
        cmocka_unit_test(m2m_times_that_are_none_are_refused),
        cmocka_unit_test(durations_read_and_write),
        cmocka_unit_test(other_spellings_of_a_duration_read_as_well),
        cmocka_unit_test(durations_that_are_none_are_refused),
        cmocka_unit_test(milliseconds_below_a_second_are_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
