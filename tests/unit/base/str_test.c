/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdlib.h>

#include "test.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

static struct fr_slice text(const char *s)
{
    return fr_slice_str(s);
}

/* ---- copies ---- */

static void copies_are_independent(void **state)
{
    char from[] = "abc";
    FR_AUTO_STR(copy) = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_str_dup(from, &copy, &err));
    from[0] = 'x';
    assert_string_equal(copy, "abc");
}

static void copy_of_a_slice_is_terminated(void **state)
{
    FR_AUTO_STR(copy) = NULL;
    FR_AUTO_STR(empty) = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_str_dup_n(fr_slice_of("abcdef", 2), &copy, &err));
    assert_string_equal(copy, "ab");
    assert_ok(fr_str_dup_n(fr_slice_of(NULL, 0), &empty, &err));
    assert_string_equal(empty, "");
}

static void optional_copy_of_nothing_is_nothing(void **state)
{
    char *copy = (char *)1;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_str_dup_opt(NULL, &copy, &err));
    assert_null(copy);
}

static void null_equals_only_null(void **state)
{
    (void)state;
    assert_true(fr_str_equal(NULL, NULL));
    assert_false(fr_str_equal("", NULL));
    assert_false(fr_str_equal(NULL, ""));
    assert_true(fr_str_equal("a", "a"));
    assert_false(fr_str_equal("a", "b"));
}

/* ---- hex ---- */

static void hex_of_every_octet_reads_back(void **state)
{
    uint8_t all[256], back[256];
    char hex[513];

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    for (int upper = 0; upper < 2; upper++) {
        fr_hex_encode(fr_slice_of(all, 256), hex, upper);
        assert_int_equal(strlen(hex), 512);
        assert_memory_equal(hex + 2 * 0xaf, upper ? "AF" : "af", 2);
        assert_true(fr_hex_decode(text(hex), back));
        assert_memory_equal(back, all, 256);
    }
}

static void text_that_is_no_hex_is_refused(void **state)
{
    static const char *const bad[] = {"0",  "0g", "g0",       "abc", "0x", " 1",
                                      "1 ", "-1", "\xc3\xa4", ":0",  "@@", "`0"};
    uint8_t to[8];

    (void)state;
    for (size_t i = 0; i < N(bad); i++)
        if (fr_hex_decode(text(bad[i]), to))
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_true(fr_hex_decode(text(""), to));
}

/* ---- base64 ---- */

/* RFC 4648 10. */
static const struct {
    const char *plain, *base64;
} rfc4648[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};

static void base64_matches_rfc_4648(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(rfc4648); i++) {
        struct fr_buf to = FR_BUF_INIT(64), back = FR_BUF_INIT(64);

        fr_base64_encode(text(rfc4648[i].plain), false, &to);
        assert_string_equal(fr_buf_cstr(&to), rfc4648[i].base64);
        assert_true(fr_base64_decode(fr_buf_view(&to), false, &back));
        assert_string_equal(fr_buf_cstr(&back), rfc4648[i].plain);
        fr_buf_clear(&to);
        fr_buf_clear(&back);
    }
}

static void url_form_has_its_own_alphabet_and_no_padding(void **state)
{
    struct fr_buf to = FR_BUF_INIT(64), back = FR_BUF_INIT(64);

    (void)state;
    fr_base64_encode(fr_slice_of("\xfb\xff\xbf\xfe", 4), true, &to);
    assert_string_equal(fr_buf_cstr(&to), "-_-__g");
    assert_true(fr_base64_decode(fr_buf_view(&to), true, &back));
    assert_hex(fr_buf_view(&back), "fbffbffe");
    fr_buf_clear(&to);
    fr_buf_clear(&back);
}

static void base64_that_is_not_strict_is_refused(void **state)
{
    static const struct {
        const char *text;
        bool url;
    } bad[] = {
        {"Zg", false},
        {"Zg=", false},
        {"Zg===", false},
        {"Zg==Zg==", false},
        {"=", false},
        {"====", false},
        {"Z===", false},
        {"Zg==\n", false},
        {"Zm 9", false},
        {"-_-_", false},
        {"Zh==", false} /* bits left over */,
        {"Zm9=", false},
        {"Zg==", true},
        {"Z", true},
        {"Zm9vY", true},
        {"+/+/", true},
        {"Zh", true},
        {"Zm9", true},
        {"Zm8\n", true},
    };

    (void)state;
    for (size_t i = 0; i < N(bad); i++) {
        struct fr_buf to = FR_BUF_INIT(64);

        if (fr_base64_decode(text(bad[i].text), bad[i].url, &to))
            fail_msg("\"%s\" was accepted", bad[i].text);
        fr_buf_clear(&to);
    }
}

static void base64_does_not_take_a_nul_for_a_digit(void **state)
{
    struct fr_buf to = FR_BUF_INIT(64);

    (void)state;
    assert_false(fr_base64_decode(fr_slice_of("AA\0A", 4), false, &to));
    fr_buf_clear(&to);
}

static void base64_into_a_full_buffer_fails(void **state)
{
    struct fr_buf to = FR_BUF_INIT(2);

    (void)state;
    assert_false(fr_base64_decode(text("Zm9v"), false, &to));
    fr_buf_clear(&to);
}

/* ---- percent-encoding ---- */

static void all_but_unreserved_is_percent_encoded(void **state)
{
    struct fr_buf to = FR_BUF_INIT(64), back = FR_BUF_INIT(64);

    (void)state;
    fr_percent_encode("aZ0-._~@/ %\xc3\xa4", &to);
    assert_string_equal(fr_buf_cstr(&to), "aZ0-._~%40%2F%20%25%C3%A4");
    assert_true(fr_percent_decode(fr_buf_view(&to), &back));
    assert_string_equal(fr_buf_cstr(&back), "aZ0-._~@/ %\xc3\xa4");
    fr_buf_clear(&to);
    fr_buf_clear(&back);
}

static void bad_escapes_and_nul_are_refused(void **state)
{
    static const char *const bad[] = {"%", "a%4", "%4g", "%%40", "%00", "a%0"};

    (void)state;
    for (size_t i = 0; i < N(bad); i++) {
        struct fr_buf to = FR_BUF_INIT(64);

        if (fr_percent_decode(text(bad[i]), &to))
            fail_msg("\"%s\" was accepted", bad[i]);
        fr_buf_clear(&to);
    }
    struct fr_buf to = FR_BUF_INIT(64);

    assert_false(fr_percent_decode(fr_slice_of("a\0b", 3), &to));
    fr_buf_clear(&to);
}

/* ---- names ---- */

static void names_of_the_field_are_accepted(void **state)
{
    static const char *const good[] = {
        "mef.example.com",       "broker", "a-b.c", "1a.example", "MEF.Example",
        "xn--bcher-kva.example", "1.2.3.x"};

    (void)state;
    for (size_t i = 0; i < N(good); i++)
        if (!fr_fqdn_is_valid(text(good[i])))
            fail_msg("\"%s\" was refused", good[i]);
}

static void what_is_no_name_is_refused(void **state)
{
    static const char *const bad[] = {
        "",    ".",   "a.",        ".a",  "a..b",         "-a.b", "a-.b",
        "a_b", "a b", "192.0.2.1", "a/b", "b\xc3\xbc.de", "a:1",  "*.example.com",
        "::1"};

    (void)state;
    for (size_t i = 0; i < N(bad); i++)
        if (fr_fqdn_is_valid(text(bad[i])))
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_false(fr_fqdn_is_valid(fr_slice_of("a\0b", 3)));
}

static void length_limits_of_names_are_exact(void **state)
{
    char name[FR_FQDN_MAX + 2];

    (void)state;
    memset(name, 'a', sizeof name);
    assert_true(fr_fqdn_is_valid(fr_slice_of(name, 63)));
    assert_false(fr_fqdn_is_valid(fr_slice_of(name, 64)));
    for (size_t i = 60; i < sizeof name; i += 61)
        name[i] = '.';
    assert_true(fr_fqdn_is_valid(fr_slice_of(name, FR_FQDN_MAX)));
    assert_false(fr_fqdn_is_valid(fr_slice_of(name, FR_FQDN_MAX + 1)));
}

static void folding_touches_ascii_letters_only(void **state)
{
    char s[] = "A[Z`a{z@\xc3\x84";

    (void)state;
    fr_ascii_fold(s);
    assert_string_equal(s, "a[z`a{z@\xc3\x84");
    assert_true(fr_ascii_equal_fold("Content-Type", "content-TYPE"));
    assert_false(fr_ascii_equal_fold("a", "ab"));
    assert_false(fr_ascii_equal_fold("ab", "a"));
    assert_false(fr_ascii_equal_fold("[", "{"));
}

static void absolute_ids_have_two_or_three_parts(void **state)
{
    static const char *const good[] = {"//sp.example/cse-1", "//sp/cse/ae", "//a/b",
                                       "//sp/C~1.x_@y"};
    static const char *const bad[] = {"",       "//",      "//a",       "//a/",
                                      "///b",   "//a//b",  "/a/b",      "a/b",
                                      "//a/b/", "//a b/c", "//a/b/c/d", "//a/b?c"};

    (void)state;
    for (size_t i = 0; i < N(good); i++)
        if (!fr_absolute_id_is_valid(text(good[i])))
            fail_msg("\"%s\" was refused", good[i]);
    for (size_t i = 0; i < N(bad); i++)
        if (fr_absolute_id_is_valid(text(bad[i])))
            fail_msg("\"%s\" was accepted", bad[i]);
}

static void absolute_id_with_a_nul_or_too_long_is_refused(void **state)
{
    char id[FR_ID_MAX + 2];

    (void)state;
    assert_false(fr_absolute_id_is_valid(fr_slice_of("//a\0/b", 6)));
    memset(id, 'a', sizeof id);
    memcpy(id, "//sp/", 5);
    assert_true(fr_absolute_id_is_valid(fr_slice_of(id, FR_ID_MAX)));
    assert_false(fr_absolute_id_is_valid(fr_slice_of(id, FR_ID_MAX + 1)));
}

static void host_and_port_are_parted(void **state)
{
    char host[FR_ID_MAX + 1];
    uint16_t port = 8443;

    (void)state;
    assert_true(fr_host_port_parse("MEF.example", host, &port));
    assert_string_equal(host, "mef.example");
    assert_int_equal(port, 8443);
    assert_true(fr_host_port_parse("mef.example:65535", host, &port));
    assert_string_equal(host, "mef.example");
    assert_int_equal(port, 65535);
}

static void bad_ports_and_empty_hosts_are_refused(void **state)
{
    static const char *const bad[] = {"",        ":1",   "a:",   "a:0",
                                      "a:65536", "a:-1", "a:1x", "a: 1"};
    char host[FR_ID_MAX + 1], longest[FR_ID_MAX + 2];
    uint16_t port;

    (void)state;
    for (size_t i = 0; i < N(bad); i++)
        if (fr_host_port_parse(bad[i], host, &port))
            fail_msg("\"%s\" was accepted", bad[i]);
    memset(longest, 'a', sizeof longest);
    longest[FR_ID_MAX + 1] = 0;
    assert_false(fr_host_port_parse(longest, host, &port));
}

/* ---- numbers ---- */

static void numbers_up_to_their_limit_are_read(void **state)
{
    uint64_t v;

    (void)state;
    assert_true(fr_uint_parse(text("0"), 0, &v));
    assert_int_equal(v, 0);
    assert_true(fr_uint_parse(text("0042"), 42, &v));
    assert_int_equal(v, 42);
    assert_true(fr_uint_parse(text("18446744073709551615"), UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
}

static void numbers_beyond_their_limit_are_refused(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
    } bad[] = {{"1", 0},
               {"43", 42},
               {"18446744073709551616", UINT64_MAX},
               {"", 9},
               {"-1", 9},
               {"+1", 9},
               {" 1", 9},
               {"1 ", 9},
               {"0x1", 99},
               {"1e3", UINT64_MAX},
               {"99999999999999999999", UINT64_MAX},
               {"000000000000000000000", 9}};
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < N(bad); i++)
        if (fr_uint_parse(text(bad[i].text), bad[i].max, &v))
            fail_msg("\"%s\" was accepted", bad[i].text);
}

/* ---- UTF-8 ---- */

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xc3\xa4",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80"};
    static const char *const bad[] = {"\x80",             /* continuation alone */
                                      "\xc3",             /* cut */
                                      "\xc3(",            /* no continuation */
                                      "\xc0\xaf",         /* overlong */
                                      "\xe0\x80\xaf",     /* overlong */
                                      "\xf0\x80\x80\xaf", /* overlong */
                                      "\xed\xa0\x80",     /* surrogate */
                                      "\xf4\x90\x80\x80", /* beyond U+10FFFF */
                                      "\xf5\x80\x80\x80",
                                      "\xff"};

    (void)state;
    for (size_t i = 0; i < N(good); i++)
        if (!fr_utf8_is_valid(text(good[i])))
            fail_msg("good text %zu was refused", i);
    for (size_t i = 0; i < N(bad); i++)
        if (fr_utf8_is_valid(text(bad[i])))
            fail_msg("bad text %zu was accepted", i);
}

static void peers_words_are_made_printable(void **state)
{
    char to[64];

    (void)state;
    assert_string_equal(fr_printable(text("caf\xc3\xa9 ok"), to, sizeof to),
                        "caf\xc3\xa9 ok");
    assert_string_equal(fr_printable(text("\x1b[2J\n\x7f"), to, sizeof to),
                        "\\x1b[2J\\x0a\\x7f");
    assert_string_equal(fr_printable(text("\xc2\x9b"
                                          "2J"),
                                     to, sizeof to),
                        "\\xc2\\x9b2J"); /* C1 control: CSI */
    assert_string_equal(fr_printable(fr_slice_of("a\0b", 3), to, sizeof to), "a\\x00b");
}

static void printable_text_is_cut_to_its_room(void **state)
{
    char to[10];

    (void)state;
    fr_printable(text("\n\n\n\n\n\n"), to, sizeof to);
    assert_string_equal(to, "\\x0a\\x0a");
    fr_printable(text("abcdefghijklmno"), to, sizeof to);
    assert_true(strlen(to) < sizeof to);
}

/* ---- did you mean ---- */

static void line_is_taken_by_its_name(void **state)
{
    struct fr_slice text = fr_slice_str("name=a=b\nother=\nlast=x"), value;

    (void)state;
    assert_false(fr_take_line(&text, "other", &value));
    assert_false(fr_take_line(&text, "nam", &value));
    assert_true(fr_take_line(&text, "name", &value));
    assert_true(fr_slice_equal(value, fr_slice_str("a=b")));
    assert_true(fr_take_line(&text, "other", &value));
    assert_int_equal(value.len, 0);
    assert_false(fr_take_line(&text, "last", &value)); /* it has no end */
    assert_true(fr_slice_equal(text, fr_slice_str("last=x")));
    text.len = 0;
    assert_false(fr_take_line(&text, "last", &value));
}

static void near_word_is_found_and_a_far_one_is_not(void **state)
{
    static const char *const names[] = {"certificate", "psk", "gba", "trust-anchors"};

    (void)state;
    assert_string_equal(fr_nearest("certifcate", names, N(names)), "certificate");
    assert_string_equal(fr_nearest("trust_anchor", names, N(names)), "trust-anchors");
    assert_string_equal(fr_nearest("pks", names, N(names)), "psk");
    assert_null(fr_nearest("xylophone", names, N(names)));
    assert_null(fr_nearest("psk", names, 0));
}

static void overlong_words_have_no_near_one(void **state)
{
    char word[200];
    static const char *const names[] = {"psk"};

    (void)state;
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = 0;
    assert_null(fr_nearest(word, names, 0));
    (void)fr_nearest(word, names, N(names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_independent),
        cmocka_unit_test(copy_of_a_slice_is_terminated),
        cmocka_unit_test(optional_copy_of_nothing_is_nothing),
        cmocka_unit_test(null_equals_only_null),
        cmocka_unit_test(hex_of_every_octet_reads_back),
        cmocka_unit_test(text_that_is_no_hex_is_refused),
        cmocka_unit_test(base64_matches_rfc_4648),
        cmocka_unit_test(url_form_has_its_own_alphabet_and_no_padding),
        cmocka_unit_test(base64_that_is_not_strict_is_refused),
        cmocka_unit_test(base64_does_not_take_a_nul_for_a_digit),
        cmocka_unit_test(base64_into_a_full_buffer_fails),
        cmocka_unit_test(all_but_unreserved_is_percent_encoded),
        cmocka_unit_test(bad_escapes_and_nul_are_refused),
        cmocka_unit_test(names_of_the_field_are_accepted),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(length_limits_of_names_are_exact),
        cmocka_unit_test(folding_touches_ascii_letters_only),
        cmocka_unit_test(absolute_ids_have_two_or_three_parts),
        cmocka_unit_test(absolute_id_with_a_nul_or_too_long_is_refused),
        cmocka_unit_test(host_and_port_are_parted),
        cmocka_unit_test(bad_ports_and_empty_hosts_are_refused),
        cmocka_unit_test(numbers_up_to_their_limit_are_read),
        cmocka_unit_test(numbers_beyond_their_limit_are_refused),
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
        cmocka_unit_test(peers_words_are_made_printable),
        cmocka_unit_test(printable_text_is_cut_to_its_room),
        cmocka_unit_test(line_is_taken_by_its_name),
        cmocka_unit_test(near_word_is_found_and_a_far_one_is_not),
        cmocka_unit_test(overlong_words_have_no_near_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
