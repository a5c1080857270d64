/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every unit test includes this, not <cmocka.h>: that needs four headers before it.
 */
#ifndef FR_TEST_H
#define FR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

/* The call succeeds; if not, its error's words are printed. `err` is the test's. */
#define assert_ok(call)                                                                \
    do {                                                                               \
        enum fr_code got_ = (call);                                                    \
        if (got_ != FR_OK)                                                             \
            fail_msg("%s: %s: %s", #call, fr_code_name(got_), err.msg);                \
    } while (0)

/* The call fails by exactly this code, and says something. */
#define assert_fails(call, code_)                                                      \
    do {                                                                               \
        enum fr_code got_ = (call);                                                    \
        if (got_ != (code_))                                                           \
            fail_msg("%s: %s instead of %s (%s)", #call, fr_code_name(got_),           \
                     fr_code_name(code_), err.msg);                                    \
        assert_true(err.msg[0] != 0);                                                  \
    } while (0)

/* ... and by exactly this reason token. */
#define assert_fails_as(call, code_, reason_)                                          \
    do {                                                                               \
        assert_fails(call, code_);                                                     \
        assert_string_equal(err.reason, reason_);                                      \
    } while (0)

#define assert_contains(haystack, needle)                                              \
    do {                                                                               \
        if (!strstr((haystack), (needle)))                                             \
            fail_msg("\"%s\" does not contain \"%s\"", (haystack), (needle));          \
    } while (0)

/* Slice against hex digits. */
static inline void assert_hex(struct fr_slice got, const char *hex)
{
    char text[2 * 512 + 1];

    assert_true(got.len <= 512);
    fr_hex_encode(got, text, false);
    assert_string_equal(text, hex);
}

#endif
