/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/attempt.h"
#include "model/crc32.h"

/* A magic inside a record's JSON cannot start a frame: a length has zero octets, which
 * JSON text never holds. */
static const char magic[] = {'F', 'R', 'A', '1'};

enum {
    MAGIC = sizeof magic,
    HEADER = MAGIC + 4,
    TRAILER = 4,
    JSON_MAX = FR_ATTEMPT_FRAME - HEADER - TRAILER
};

enum fr_code fr_attempt_frame(const struct fr_attempt *a, struct fr_buf *to,
                              struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(JSON_MAX);

    FR_TRY(fr_attempt_to_json(a, &json, err));
    fr_buf_put(to, magic, MAGIC);
    fr_buf_u32(to, (uint32_t)json.len);
    fr_buf_put(to, json.data, json.len);
    fr_buf_u32(to, fr_crc32(fr_buf_view(&json)));
    return fr_buf_check(to, err);
}

static struct fr_slice behind(struct fr_slice s, size_t n)
{
    return fr_slice_of(s.data + n, s.len - n);
}

/* s begins like a magic, as far as it goes. */
static bool at_magic(struct fr_slice s)
{
    return memcmp(s.data, magic, s.len < MAGIC ? s.len : MAGIC) == 0;
}

/* To the next magic behind the first octet, or the end. */
static struct fr_slice skip_to_magic(struct fr_slice s)
{
    do
        s = behind(s, 1);
    while (s.len > 0 && !at_magic(s));
    return s;
}

enum look { WHOLE, CUT, DAMAGED };

static enum look look_at(struct fr_slice in, struct fr_slice *json)
{
    struct fr_cursor c = fr_cursor_of(in);
    size_t len;
    uint32_t crc;

    if (!at_magic(in))
        return DAMAGED;
    fr_take_slice(&c, MAGIC);
    len = fr_take_u32(&c);
    if (c.bad)
        return CUT;
    if (len == 0 || len > JSON_MAX)
        return DAMAGED;
    *json = fr_take_slice(&c, len);
    crc = fr_take_u32(&c);
    /* Cut only if nothing follows; else the length is wrong, or a later run has
     * appended to a cut file. */
    if (c.bad)
        return skip_to_magic(in).len < HEADER ? CUT : DAMAGED;
    return crc == fr_crc32(*json) ? WHOLE : DAMAGED;
}

enum fr_code fr_attempt_next(struct fr_slice *in, struct fr_attempt *ret,
                             size_t *damaged)
{
    while (in->len > 0) {
        struct fr_slice json;
        enum fr_code rc;

        switch (look_at(*in, &json)) {
        case CUT:
            return FR_ENOTFOUND;
        case DAMAGED:
            ++*damaged;
            *in = skip_to_magic(*in);
            continue;
        case WHOLE:
            break;
        }
        rc = fr_attempt_from_json(json, ret, NULL);
        if (rc == FR_ENOMEM)
            return rc;
        *in = behind(*in, HEADER + json.len + TRAILER);
        if (rc == FR_OK)
            return FR_OK;
        ++*damaged; /* intact, but not of our kind */
    }
    return FR_ENOTFOUND;
}
