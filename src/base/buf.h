/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets: a slice that borrows and a buffer that owns and grows up to a limit.
 *
 * A buffer fails sticky: after an append that did not fit or could not be
 * allocated every later append is a no-op and fr_buf_check() reports it, so a
 * writer checks once at the end.
 */
#ifndef FR_BASE_BUF_H
#define FR_BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

struct fr_slice {
    const uint8_t *data;
    size_t len;
};

struct fr_slice fr_slice_str(const char *s);
struct fr_slice fr_slice_of(const void *data, size_t len);
bool fr_slice_equal(struct fr_slice a, struct fr_slice b); /* not for secrets */

struct fr_buf {
    uint8_t *data; /* NUL-terminated beyond len whenever not NULL */
    size_t len, cap;
    size_t max;          /* largest len allowed */
    enum fr_code failed; /* FR_OK, FR_ELIMIT or FR_ENOMEM */
    bool wipe; /* holds key material: what goes is cleansed; who shortens it cuts it */
};

/* Embedded storage; struct fr_buf b = FR_BUF_INIT(64 * 1024); */
#define FR_BUF_INIT(limit)                                                             \
    {                                                                                  \
        .max = (limit)                                                                 \
    }
#define FR_BUF_INIT_WIPE(limit)                                                        \
    {                                                                                  \
        .max = (limit), .wipe = true                                                   \
    }
/* Over an array of the caller's, for text of a known bound: no allocation, nothing to
 * free, and never to be cleared. */
#define FR_BUF_OVER(array)                                                             \
    {                                                                                  \
        .data = (array), .cap = sizeof(array), .max = sizeof(array) - 1                \
    }

void fr_buf_clear(struct fr_buf *b); /* frees; the buffer can be used again */
void fr_buf_reset(struct fr_buf *b); /* len = 0, failed = FR_OK, memory kept */
void fr_buf_cut(struct fr_buf *b, size_t len); /* drops what is beyond len */

void fr_buf_put(struct fr_buf *b, const void *data, size_t len);
void fr_buf_str(struct fr_buf *b, const char *s);
void fr_buf_fmt(struct fr_buf *b, const char *fmt, ...) FR_PRINTF(2, 3);
void fr_buf_u8(struct fr_buf *b, uint8_t v);
void fr_buf_u16(struct fr_buf *b, uint16_t v); /* big-endian, as all of these */
void fr_buf_u32(struct fr_buf *b, uint32_t v);
void fr_buf_u64(struct fr_buf *b, uint64_t v);

/* Drops the first n octets (n <= len), moving the rest down. */
void fr_buf_consume(struct fr_buf *b, size_t n);

/* Makes room for n more octets and returns where they go, or NULL (sticky).
 * The caller writes at most n there and adds what it wrote to len. */
uint8_t *fr_buf_reserve(struct fr_buf *b, size_t n);

FR_MUST_USE enum fr_code fr_buf_check(const struct fr_buf *b, struct fr_err *err);
struct fr_slice fr_buf_view(const struct fr_buf *b);
const char *fr_buf_cstr(const struct fr_buf *b); /* "" when empty */

/*
 * A cursor over a slice that cannot overrun: each take checks what is left;
 * the first shortfall is sticky, and everything after it yields zeros.
 */
struct fr_cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
};

struct fr_cursor fr_cursor_of(struct fr_slice s);
uint8_t fr_take_u8(struct fr_cursor *c);
uint16_t fr_take_u16(struct fr_cursor *c);
uint32_t fr_take_u32(struct fr_cursor *c);
uint64_t fr_take_u64(struct fr_cursor *c);
struct fr_slice fr_take_slice(struct fr_cursor *c, size_t len);

#endif
