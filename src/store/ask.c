/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ask.h"

#include "base/str.h"

void fr_answer_done(void *ctx, enum fr_code rc, const struct fr_err *err)
{
    struct fr_answer *a = ctx;

    a->done = true;
    a->rc = rc;
    if (rc != FR_OK && a->err)
        *a->err = *err;
}

enum fr_code fr_answer_wait(struct fr_answer *a, struct fr_store *s)
{
    while (!a->done)
        FR_TRY(s->methods->wait(s, a->err));
    return a->rc;
}

/* ---- the audit trail's chain ---- */

enum { WALK_PAGE = 1000 };

struct walk {
    struct fr_store_chain *chain;
    size_t n;
};

static enum fr_code check_line(void *ctx, const struct fr_store_audit *line,
                               struct fr_err *err)
{
    char hash[2 * FR_SHA256_LEN + 1];
    struct walk *w = ctx;
    struct fr_store_chain *c = w->chain;

    FR_TRY(fr_store_audit_hash(line, c->hash, hash, err));
    if (!c->broken_at &&
        (line->seq != c->last + 1 || !fr_str_equal(line->prev, c->hash) ||
         !fr_str_equal(line->hash, hash)))
        c->broken_at = line->seq;
    snprintf(c->hash, sizeof c->hash, "%s", hash);
    c->last = line->seq;
    w->n++;
    return FR_OK;
}

enum fr_code fr_store_audit_verify(struct fr_store *s, struct fr_store_chain *ret,
                                   struct fr_err *err)
{
    struct fr_store_chain chain = {.hash = FR_STORE_AUDIT_ROOT};
    struct walk w = {.chain = &chain};
    struct fr_store_audit_rows rows = {.row = check_line, .ctx = &w};

    do {
        w.n = 0;
        FR_TRY(FR_STORE_ASK(s, err, audit_walk, chain.last, (size_t)WALK_PAGE, rows));
        chain.lines += w.n;
    } while (w.n > 0 && !chain.broken_at);
    *ret = chain;
    return FR_OK;
}
