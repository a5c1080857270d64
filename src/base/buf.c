/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fr_slice fr_slice_of(const void *data, size_t len)
{
    return (struct fr_slice){.data = data, .len = len};
}

struct fr_slice fr_slice_str(const char *s)
{
    return fr_slice_of(s, strlen(s));
}

bool fr_slice_equal(struct fr_slice a, struct fr_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void release(uint8_t *data, size_t cap, bool wipe)
{
    if (data && wipe)
        explicit_bzero(data, cap);
    free(data);
}

void fr_buf_clear(struct fr_buf *b)
{
    release(b->data, b->cap, b->wipe);
    *b = (struct fr_buf){.max = b->max, .wipe = b->wipe};
}

void fr_buf_reset(struct fr_buf *b)
{
    fr_buf_cut(b, 0);
    if (b->data)
        b->data[0] = 0;
    b->failed = FR_OK;
}

void fr_buf_cut(struct fr_buf *b, size_t len)
{
    if (b->len <= len)
        return;
    if (b->wipe)
        explicit_bzero(b->data + len, b->len - len);
    b->data[len] = 0;
    b->len = len;
}

static bool grow(struct fr_buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : 128;
    uint8_t *data;

    while (cap < need)
        cap *= 2;
    data = malloc(cap);
    if (!data)
        return false;
    if (b->len)
        memcpy(data, b->data, b->len);
    release(b->data, b->cap, b->wipe);
    b->data = data;
    b->cap = cap;
    return true;
}

uint8_t *fr_buf_reserve(struct fr_buf *b, size_t n)
{
    if (b->failed != FR_OK)
        return NULL;
    if (n > b->max || b->len > b->max - n) {
        b->failed = FR_ELIMIT;
        return NULL;
    }
    if (b->len + n + 1 > b->cap && !grow(b, b->len + n + 1)) {
        b->failed = FR_ENOMEM;
        return NULL;
    }
    return b->data + b->len;
}

void fr_buf_put(struct fr_buf *b, const void *data, size_t len)
{
    uint8_t *to = fr_buf_reserve(b, len);

    if (!to)
        return;
    if (len)
        memcpy(to, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void fr_buf_str(struct fr_buf *b, const char *s)
{
    fr_buf_put(b, s, strlen(s));
}

void fr_buf_fmt(struct fr_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && fr_buf_reserve(b, (size_t)n)) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

static void put_be(struct fr_buf *b, uint64_t v, unsigned octets)
{
    uint8_t out[8];

    for (unsigned i = 0; i < octets; i++)
        out[i] = (uint8_t)(v >> (8 * (octets - 1 - i)));
    fr_buf_put(b, out, octets);
}

void fr_buf_u8(struct fr_buf *b, uint8_t v)
{
    put_be(b, v, 1);
}

void fr_buf_u16(struct fr_buf *b, uint16_t v)
{
    put_be(b, v, 2);
}

void fr_buf_u32(struct fr_buf *b, uint32_t v)
{
    put_be(b, v, 4);
}

void fr_buf_u64(struct fr_buf *b, uint64_t v)
{
    put_be(b, v, 8);
}

void fr_buf_consume(struct fr_buf *b, size_t n)
{
    if (n == 0 || !b->data)
        return;
    if (n > b->len)
        n = b->len;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    if (b->wipe)
        explicit_bzero(b->data + b->len, n);
    b->data[b->len] = 0;
}

enum fr_code fr_buf_check(const struct fr_buf *b, struct fr_err *err)
{
    if (b->failed == FR_ELIMIT)
        return FR_FAIL(err, FR_ELIMIT, "more than the %zu octets allowed", b->max);
    if (b->failed == FR_ENOMEM)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return FR_OK;
}

struct fr_slice fr_buf_view(const struct fr_buf *b)
{
    return fr_slice_of(b->data, b->len);
}

const char *fr_buf_cstr(const struct fr_buf *b)
{
    return b->len ? (const char *)b->data : "";
}

struct fr_cursor fr_cursor_of(struct fr_slice s)
{
    return (struct fr_cursor){.at = s.data, .left = s.len};
}

struct fr_slice fr_take_slice(struct fr_cursor *c, size_t len)
{
    struct fr_slice s = {0};

    if (c->bad || len > c->left) {
        c->bad = true;
        return s;
    }
    s = fr_slice_of(c->at, len);
    c->at += len;
    c->left -= len;
    return s;
}

static uint64_t take_be(struct fr_cursor *c, unsigned octets)
{
    struct fr_slice s = fr_take_slice(c, octets);
    uint64_t v = 0;

    for (size_t i = 0; i < s.len; i++)
        v = v << 8 | s.data[i];
    return v;
}

uint8_t fr_take_u8(struct fr_cursor *c)
{
    return (uint8_t)take_be(c, 1);
}

uint16_t fr_take_u16(struct fr_cursor *c)
{
    return (uint16_t)take_be(c, 2);
}

uint32_t fr_take_u32(struct fr_cursor *c)
{
    return (uint32_t)take_be(c, 4);
}

uint64_t fr_take_u64(struct fr_cursor *c)
{
    return take_be(c, 8);
}
