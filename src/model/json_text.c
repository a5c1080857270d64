/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_text.h"

static int append(const char *data, size_t len, void *to)
{
    fr_buf_put(to, data, len);
    return 0; /* the buffer remembers */
}

static enum fr_code put(const json_t *value, size_t flags, struct fr_buf *to,
                        struct fr_err *err)
{
    if (!value || json_dump_callback(value, append, to, JSON_COMPACT | flags) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return fr_buf_check(to, err);
}

enum fr_code fr_json_put(const json_t *value, struct fr_buf *to, struct fr_err *err)
{
    return put(value, 0, to, err);
}

enum fr_code fr_json_put_any(const json_t *value, struct fr_buf *to, struct fr_err *err)
{
    return put(value, JSON_ENCODE_ANY, to, err);
}
