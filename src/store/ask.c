/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ask.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- nodes, and their chains of audit lines ---- */

enum { WALK_PAGE = 1000 };

static enum fr_code add_node(void *ctx, const struct fr_store_node *node,
                             struct fr_err *err)
{
    struct fr_store_nodes *nodes = ctx;
    void *grown = reallocarray(nodes->list, nodes->n + 1, sizeof *nodes->list);

    if (!grown)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    nodes->list = grown;
    nodes->list[nodes->n++] = *node;
    return FR_OK;
}

enum fr_code fr_store_nodes_read(struct fr_store *s, struct fr_store_nodes *ret,
                                 struct fr_err *err)
{
    return FR_STORE_ASK(s, err, node_list,
                        ((struct fr_store_node_rows){.row = add_node, .ctx = ret}));
}

void fr_store_nodes_clear(struct fr_store_nodes *nodes)
{
    free(nodes->list);
}

struct walk {
    struct fr_store_chain *chain;
    size_t n;
};

static enum fr_code check_line(void *ctx, const struct fr_store_audit *line,
                               struct fr_err *err)
{
    char hash[2 * FR_SHA256_LEN + 1];
    struct walk *w = ctx;
    struct fr_store_node *at = &w->chain->at;

    FR_TRY(fr_store_audit_hash(line, at->hash, hash, err));
    if (!w->chain->broken_at &&
        (line->seq != at->seq + 1 || !fr_str_equal(line->prev, at->hash) ||
         !fr_str_equal(line->hash, hash)))
        w->chain->broken_at = line->seq;
    memcpy(at->hash, hash, sizeof at->hash);
    at->seq = line->seq;
    w->n++;
    return FR_OK;
}

enum fr_code fr_store_audit_start(const char *node, struct fr_store_chain *ret,
                                  struct fr_err *err)
{
    *ret = (struct fr_store_chain){0};
    snprintf(ret->at.name, sizeof ret->at.name, "%s", node);
    return fr_store_audit_root(node, ret->at.hash, err);
}

enum fr_code fr_store_audit_go_on(struct fr_store *s, struct fr_store_chain *chain,
                                  size_t limit, size_t *ret_n, struct fr_err *err)
{
    struct walk w = {.chain = chain};
    struct fr_store_audit_rows rows = {.row = check_line, .ctx = &w};

    FR_TRY(FR_STORE_ASK(s, err, audit_walk, chain->at.name, chain->at.seq,
                        limit < WALK_PAGE ? limit : (size_t)WALK_PAGE, rows));
    chain->lines += w.n;
    *ret_n = w.n;
    return FR_OK;
}

enum fr_code fr_store_audit_verify(struct fr_store *s, const char *node,
                                   struct fr_store_chain *ret, struct fr_err *err)
{
    struct fr_store_chain chain;
    size_t n;

    FR_TRY(fr_store_audit_start(node, &chain, err));
    do {
        FR_TRY(fr_store_audit_go_on(s, &chain, WALK_PAGE, &n, err));
    } while (n > 0 && !chain.broken_at);
    *ret = chain;
    return FR_OK;
}
