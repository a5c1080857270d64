/* SPDX-License-Identifier: Apache-2.0 */
/* What a request puts into its reply, until the batch is committed. */
#include "base/str.h"
#include "server/vault/internal.h"

void fr_vault_reply_init(struct fr_vault_reply *r)
{
    *r = (struct fr_vault_reply){.data = FR_BUF_INIT_WIPE(FR_MSG_MAX)};
}

void fr_vault_reply_clear(struct fr_vault_reply *r)
{
    fr_buf_clear(&r->data);
    r->has = 0;
}

void fr_reply_put(struct fr_vault_reply *r, enum fr_field f, struct fr_slice value)
{
    r->field[f].at = r->data.len;
    r->field[f].len = value.len;
    r->has |= FR_FM(f);
    fr_buf_put(&r->data, value.data, value.len);
}

void fr_reply_str(struct fr_vault_reply *r, enum fr_field f, const char *value)
{
    fr_reply_put(r, f, fr_slice_str(value));
}

void fr_reply_u64(struct fr_vault_reply *r, enum fr_field f, uint64_t v)
{
    struct fr_msg m = {0};
    uint8_t storage[8];

    fr_msg_set_u64(&m, f, v, storage);
    fr_reply_put(r, f, m.field[f]);
}

static void put_code(struct fr_vault_reply *r, enum fr_code rc)
{
    uint8_t code = (uint8_t)rc;

    fr_reply_put(r, FR_F_CODE, fr_slice_of(&code, 1));
}

void fr_reply_fail(struct fr_vault_reply *r, enum fr_code rc, const struct fr_err *err)
{
    char text[FR_ERR_MSG_MAX];

    fr_buf_reset(&r->data);
    r->has = 0;
    put_code(r, rc);
    if (rc == FR_OK)
        return;
    fr_reply_str(r, FR_F_REASON, err->reason);
    fr_reply_str(r, FR_F_TEXT, fr_printable(fr_slice_str(err->msg), text, sizeof text));
}

struct fr_msg fr_vault_reply_view(const struct fr_vault_reply *r, uint32_t id)
{
    struct fr_msg m = {.type = FR_MSG_REPLY, .id = id};

    if (r->data.failed != FR_OK)
        return m; /* for want of memory there is none: it cannot be encoded */
    for (enum fr_field f = 0; f < FR_N_FIELDS; f++)
        if (r->has & FR_FM(f))
            fr_msg_set(&m, f,
                       fr_slice_of(r->data.data + r->field[f].at, r->field[f].len));
    return m;
}
