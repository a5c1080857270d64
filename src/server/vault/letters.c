/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves beside the replies of a batch, once it is committed. */
#include <stdlib.h>

#include "server/vault/internal.h"

static bool reserve(struct fr_letters *l)
{
    size_t cap = l->cap ? 2 * l->cap : FR_VAULT_BATCH_MAX;
    struct fr_vault_letter *more;

    if (l->n < l->cap)
        return true;
    more = realloc(l->list, cap * sizeof *more);
    if (!more)
        return false;
    l->list = more;
    l->cap = cap;
    return true;
}

enum fr_code fr_letter_post(struct fr_vault *v, enum fr_worker type, uint32_t to,
                            const struct fr_msg *m, struct fr_err *err)
{
    struct fr_vault_letter letter = {.to = to, .type = type, .id = m->id};
    enum fr_code rc;

    if (!reserve(&v->letters))
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a letter");
    letter.octets = (struct fr_buf)FR_BUF_INIT_WIPE(FR_MSG_MAX);
    rc = fr_msg_encode(m, &letter.octets, err);
    if (rc == FR_OK)
        v->letters.list[v->letters.n++] = letter;
    else
        fr_buf_clear(&letter.octets);
    return rc;
}

enum fr_code fr_letter_fail(struct fr_vault *v, enum fr_worker type, uint32_t to,
                            uint32_t id, const struct fr_err *why, struct fr_err *err)
{
    struct fr_vault_reply reply;
    enum fr_code rc;

    fr_vault_reply_init(&reply);
    fr_reply_fail(&reply, why->code, why);
    const struct fr_msg m = fr_vault_reply_view(&reply, id);
    rc = fr_letter_post(v, type, to, &m, err);
    fr_vault_reply_clear(&reply);
    return rc;
}

void fr_letters_drop(struct fr_vault *v, size_t kept)
{
    while (v->letters.n > kept)
        fr_buf_clear(&v->letters.list[--v->letters.n].octets);
}

size_t fr_vault_letters(const struct fr_vault *v)
{
    return v->letters.n;
}

const struct fr_vault_letter *fr_vault_letter_at(const struct fr_vault *v, size_t i)
{
    return &v->letters.list[i];
}

void fr_vault_letters_sent(struct fr_vault *v)
{
    fr_letters_drop(v, 0);
}
