/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fr_str_auto(char **p)
{
    free(*p);
}

void *fr_zalloc(size_t size)
{
    return calloc(1, size);
}

void fr_fd_auto(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

enum fr_code fr_str_dup_n(struct fr_slice s, char **ret, struct fr_err *err)
{
    char *copy = malloc(s.len + 1);

    if (!copy)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    if (s.len)
        memcpy(copy, s.data, s.len);
    copy[s.len] = 0;
    *ret = copy;
    return FR_OK;
}

enum fr_code fr_str_dup(const char *s, char **ret, struct fr_err *err)
{
    return fr_str_dup_n(fr_slice_str(s), ret, err);
}

enum fr_code fr_str_dup_opt(const char *s, char **ret, struct fr_err *err)
{
    if (s)
        return fr_str_dup(s, ret, err);
    *ret = NULL;
    return FR_OK;
}

bool fr_str_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Branch-free in the digits, so that it serves for keys as well. */
static char hex_digit(unsigned v, bool upper)
{
    unsigned letters = (9u - v) >> 8 & 0xffu; /* 0xff if v > 9 */
    unsigned step = upper ? 'A' - '0' - 10 : 'a' - '0' - 10;

    return (char)('0' + v + (letters & step));
}

void fr_hex_encode(struct fr_slice s, char *to, bool upper)
{
    for (size_t i = 0; i < s.len; i++) {
        to[2 * i] = hex_digit(s.data[i] >> 4, upper);
        to[2 * i + 1] = hex_digit(s.data[i] & 15u, upper);
    }
    to[2 * s.len] = 0;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool fr_hex_decode(struct fr_slice s, uint8_t *to)
{
    if (s.len % 2 != 0)
        return false;
    for (size_t i = 0; i < s.len; i += 2) {
        int hi = hex_value(s.data[i]), lo = hex_value(s.data[i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        to[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static const char *base64_alphabet(bool url)
{
    return url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
               : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

void fr_base64_encode(struct fr_slice s, bool url, struct fr_buf *to)
{
    const char *abc = base64_alphabet(url);

    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = (uint32_t)s.data[i] << 16;

        if (n > 1)
            v |= (uint32_t)s.data[i + 1] << 8;
        if (n > 2)
            v |= s.data[i + 2];
        for (size_t k = 0; k <= n; k++)
            fr_buf_u8(to, (uint8_t)abc[v >> (18 - 6 * k) & 63]);
        for (size_t k = n; k < 3 && !url; k++)
            fr_buf_u8(to, '=');
    }
}

static bool decode_group(struct fr_slice g, const char *abc, struct fr_buf *to)
{
    uint32_t v = 0;

    for (size_t k = 0; k < 4; k++) {
        const char *p = k < g.len ? strchr(abc, g.data[k]) : abc;

        if (!p || *p == 0)
            return false;
        v = v << 6 | (uint32_t)(p - abc);
    }
    if (g.len < 2 || (g.len == 2 && (v & 0xffff)) || (g.len == 3 && (v & 0xff)))
        return false;
    for (size_t k = 0; k + 1 < g.len; k++)
        fr_buf_u8(to, (uint8_t)(v >> (16 - 8 * k)));
    return true;
}

bool fr_base64_decode(struct fr_slice s, bool url, struct fr_buf *to)
{
    const char *abc = base64_alphabet(url);

    if (!url) {
        if (s.len % 4 != 0)
            return false;
        for (int k = 0; k < 2 && s.len && s.data[s.len - 1] == '='; k++)
            s.len--;
    }
    for (size_t i = 0; i < s.len; i += 4) {
        size_t n = s.len - i < 4 ? s.len - i : 4;

        if (!decode_group(fr_slice_of(s.data + i, n), abc, to))
            return false;
    }
    return to->failed == FR_OK;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

void fr_percent_encode(const char *s, struct fr_buf *to)
{
    for (; *s; s++) {
        uint8_t c = (uint8_t)*s;

        if (is_alnum(c) || strchr("-._~", c))
            fr_buf_u8(to, c);
        else
            fr_buf_fmt(to, "%%%02X", c);
    }
}

bool fr_percent_decode(struct fr_slice s, struct fr_buf *to)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];

        if (c == '%') {
            if (s.len - i < 3 || !fr_hex_decode(fr_slice_of(s.data + i + 1, 2), &c))
                return false;
            i += 2;
        }
        if (c == 0)
            return false;
        fr_buf_u8(to, c);
    }
    return to->failed == FR_OK;
}

static bool label_is_valid(const uint8_t *s, size_t len)
{
    if (len == 0 || len > 63 || s[0] == '-' || s[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(s[i]) && s[i] != '-')
            return false;
    return true;
}

static bool is_ip_address(struct fr_slice s)
{
    char text[64];
    struct in_addr v4;

    if (s.len >= sizeof text)
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = 0;
    return inet_pton(AF_INET, text, &v4) == 1;
}

bool fr_fqdn_is_valid(struct fr_slice s)
{
    size_t start = 0;

    if (s.len == 0 || s.len > FR_FQDN_MAX || is_ip_address(s))
        return false;
    for (size_t i = 0; i <= s.len; i++) {
        if (i < s.len && s.data[i] != '.')
            continue;
        if (!label_is_valid(s.data + start, i - start))
            return false;
        start = i + 1;
    }
    return true;
}

void fr_ascii_fold(char *s)
{
    for (; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s + ('a' - 'A'));
}

static int folded(char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool fr_ascii_equal_fold(const char *a, const char *b)
{
    while (*a && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return *a == 0 && *b == 0;
}

/* strchr alone would find a NUL in every string. */
static bool is_one_of(uint8_t c, const char *chars)
{
    return c != 0 && strchr(chars, c);
}

bool fr_absolute_id_is_valid(struct fr_slice s)
{
    size_t part = 0, parts = 0;

    if (s.len < 5 || s.len > FR_ID_MAX || memcmp(s.data, "//", 2) != 0)
        return false;
    for (size_t i = 2; i <= s.len; i++) {
        if (i < s.len && s.data[i] != '/') {
            if (!is_alnum(s.data[i]) && !is_one_of(s.data[i], "-._~@"))
                return false;
            part++;
            continue;
        }
        if (part == 0)
            return false;
        parts++;
        part = 0;
    }
    return parts == 2 || parts == 3;
}

bool fr_take_text(struct fr_slice *text, const char *expected)
{
    size_t n = strlen(expected);

    if (text->len < n || memcmp(text->data, expected, n) != 0)
        return false;
    text->data += n;
    text->len -= n;
    return true;
}

bool fr_take_until(struct fr_slice *text, uint8_t mark, struct fr_slice *ret)
{
    const uint8_t *end = text->len ? memchr(text->data, mark, text->len) : NULL;

    if (!end)
        return false;
    *ret = fr_slice_of(text->data, (size_t)(end - text->data));
    *text = fr_slice_of(end + 1, text->len - ret->len - 1);
    return true;
}

bool fr_take_line(struct fr_slice *text, const char *name, struct fr_slice *ret_value)
{
    struct fr_slice at = *text;

    if (!fr_take_text(&at, name) || !fr_take_text(&at, "=") ||
        !fr_take_until(&at, '\n', ret_value))
        return false;
    *text = at;
    return true;
}

bool fr_uint_parse(struct fr_slice s, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.len == 0 || s.len > 20)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)s.data[i] - '0';

        if (digit > 9 || v > (max - digit) / 10 || digit > max)
            return false;
        v = v * 10 + digit;
    }
    *ret = v;
    return true;
}

bool fr_host_port_parse(const char *s, char host[FR_ID_MAX + 1], uint16_t *port)
{
    const char *colon = strrchr(s, ':');
    size_t n = colon ? (size_t)(colon - s) : strlen(s);
    uint64_t v;

    if (n == 0 || n > FR_ID_MAX)
        return false;
    if (colon) {
        if (!fr_uint_parse(fr_slice_str(colon + 1), UINT16_MAX, &v) || v == 0)
            return false;
        *port = (uint16_t)v;
    }
    memcpy(host, s, n);
    host[n] = 0;
    fr_ascii_fold(host);
    return true;
}

static size_t utf8_sequence(const uint8_t *s, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;
    uint32_t v = n < 2 ? s[0] : s[0] & (0x7fu >> n);

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (s[i] & 0x3f);
    }
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0;
    return n;
}

bool fr_utf8_is_valid(struct fr_slice s)
{
    for (size_t i = 0, n; i < s.len; i += n) {
        n = utf8_sequence(s.data + i, s.len - i);
        if (n == 0)
            return false;
    }
    return true;
}

char *fr_printable(struct fr_slice s, char *to, size_t max)
{
    size_t out = 0;

    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence(s.data + i, s.len - i);
        bool plain = n > 0 && s.data[i] >= 0x20 && s.data[i] != 0x7f &&
                     !(n == 2 && s.data[i] == 0xc2 && s.data[i + 1] < 0xa0);

        if (out + 5 > max)
            break;
        if (plain) {
            memcpy(to + out, s.data + i, n);
            out += n;
            i += n;
        } else {
            out += (size_t)snprintf(to + out, max - out, "\\x%02x", s.data[i++]);
        }
    }
    to[out] = 0;
    return to;
}

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[65], n = strlen(b);

    if (n > 64 || strlen(a) > 64)
        return 64;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = row[j] + 1 < change ? row[j] + 1 : change;
            if (row[j - 1] + 1 < row[j])
                row[j] = row[j - 1] + 1;
        }
    }
    return row[n];
}

const char *fr_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 2; /* farther than this is another word */

    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(word, names[i]);

        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}

void fr_network_of(const char *address, char to[FR_NETWORK_MAX])
{
    struct in6_addr v6;

    snprintf(to, FR_NETWORK_MAX, "%s", address);
    if (inet_pton(AF_INET6, address, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6))
        return;
    memset(v6.s6_addr + 8, 0, 8);
    (void)inet_ntop(AF_INET6, &v6, to, FR_NETWORK_MAX);
}
