/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timetext.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

static bool take_number(struct fr_slice *s, size_t digits, unsigned max, int *ret)
{
    uint64_t v;

    if (s->len < digits || !fr_uint_parse(fr_slice_of(s->data, digits), max, &v))
        return false;
    s->data += digits;
    s->len -= digits;
    *ret = (int)v;
    return true;
}

static bool take_char(struct fr_slice *s, const char *any_of)
{
    if (s->len == 0 || s->data[0] == 0 || !strchr(any_of, s->data[0]))
        return false;
    s->data++;
    s->len--;
    return true;
}

static bool skip_fraction(struct fr_slice *s)
{
    int digit;

    if (!take_char(s, ".,"))
        return true;
    if (!take_number(s, 1, 9, &digit))
        return false;
    while (take_number(s, 1, 9, &digit))
        continue;
    return true;
}

/* Refuses 31 February and the like: timegm would carry it into March. The time of day
 * is added by hand, so that a leap second may carry. */
static bool to_seconds(struct tm tm, int64_t *ret)
{
    struct tm day = {
        .tm_year = tm.tm_year - 1900, .tm_mon = tm.tm_mon - 1, .tm_mday = tm.tm_mday};
    int64_t t = timegm(&day);

    if (day.tm_mday != tm.tm_mday || day.tm_mon + 1 != tm.tm_mon)
        return false;
    *ret = t + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
    return true;
}

bool fr_rfc3339_parse(struct fr_slice s, int64_t *ret)
{
    struct tm tm = {0};

    if (!take_number(&s, 4, 9999, &tm.tm_year) || !take_char(&s, "-") ||
        !take_number(&s, 2, 12, &tm.tm_mon) || !take_char(&s, "-") ||
        !take_number(&s, 2, 31, &tm.tm_mday) || !take_char(&s, "Tt") ||
        !take_number(&s, 2, 23, &tm.tm_hour) || !take_char(&s, ":") ||
        !take_number(&s, 2, 59, &tm.tm_min) || !take_char(&s, ":") ||
        !take_number(&s, 2, 60, &tm.tm_sec) || !skip_fraction(&s))
        return false;
    if (!fr_slice_equal(s, fr_slice_str("Z")) &&
        !fr_slice_equal(s, fr_slice_str("z")) &&
        !fr_slice_equal(s, fr_slice_str("+00:00")))
        return false;
    return to_seconds(tm, ret);
}

bool fr_m2m_time_parse(struct fr_slice s, int64_t *ret)
{
    struct tm tm = {0};

    if (!take_number(&s, 4, 9999, &tm.tm_year) || !take_number(&s, 2, 12, &tm.tm_mon) ||
        !take_number(&s, 2, 31, &tm.tm_mday) || !take_char(&s, "T") ||
        !take_number(&s, 2, 23, &tm.tm_hour) || !take_number(&s, 2, 59, &tm.tm_min) ||
        !take_number(&s, 2, 60, &tm.tm_sec) || !skip_fraction(&s))
        return false;
    return s.len == 0 && to_seconds(tm, ret);
}

static char *format(int64_t t, const char *how, char to[FR_TIME_TEXT])
{
    time_t seconds = t;
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || strftime(to, FR_TIME_TEXT, how, &tm) == 0)
        snprintf(to, FR_TIME_TEXT, "?");
    return to;
}

char *fr_rfc3339_format(int64_t t, char to[FR_TIME_TEXT])
{
    return format(t, "%Y-%m-%dT%H:%M:%SZ", to);
}

char *fr_m2m_time_format(int64_t t, char to[FR_TIME_TEXT])
{
    return format(t, "%Y%m%dT%H%M%S", to);
}

static const struct unit {
    char letter;
    bool is_time; /* behind the T */
    int64_t ms;
} units[] = {{'D', false, 86400000},
             {'H', true, 3600000},
             {'M', true, 60000},
             {'S', true, 1000}};

#define LONGEST_MS (INT64_C(36525) * 86400000)

bool fr_duration_parse(struct fr_slice s, int64_t *ret_ms)
{
    size_t next = 0, parts = 0;
    bool in_time = false;
    int64_t sum = 0;

    if (!take_char(&s, "P"))
        return false;
    while (s.len > 0) {
        size_t digits = 0;
        uint64_t v;

        if (!in_time && take_char(&s, "T")) {
            in_time = true;
            parts = 0; /* something must follow the T */
            continue;
        }
        while (digits < s.len && s.data[digits] >= '0' && s.data[digits] <= '9')
            digits++;
        if (digits == s.len ||
            !fr_uint_parse(fr_slice_of(s.data, digits), 3200000000u, &v))
            return false;
        s.data += digits;
        s.len -= digits;
        while (next < 4 && units[next].letter != (char)s.data[0])
            next++;
        if (next == 4 || units[next].is_time != in_time)
            return false;
        sum += (int64_t)v * units[next++].ms;
        if (sum > LONGEST_MS)
            return false;
        take_char(&s, "DHMS");
        parts++;
    }
    *ret_ms = sum;
    return parts > 0;
}

char *fr_duration_format(int64_t ms, char *to, size_t size)
{
    char text[4 * 21 + 2] = "P"; /* four numbers with their letters, and the T */
    int64_t left = ms / 1000 * 1000;
    size_t len = 1;

    for (size_t i = 0; i < 4; i++) {
        int64_t n = left / units[i].ms;

        if (units[i].letter == 'H' && left > 0)
            text[len++] = 'T';
        left -= n * units[i].ms;
        if (n > 0)
            len += (size_t)snprintf(text + len, sizeof text - len, "%lld%c",
                                    (long long)n, units[i].letter);
    }
    text[len] = 0;
    snprintf(to, size, "%s", len > 1 ? text : "PT0S");
    return to;
}
