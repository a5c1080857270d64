/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trail is a chain a node: each line has the hash of the one before it. Whoever can
 * write the database could still cut its end off, so each batch that adds lines seals
 * the last one's place and hash under a key of the vault's own.
 */
#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "server/vault/internal.h"

enum { SEAL_TEXT = 2 * FR_SHA256_LEN + 1 };

bool fr_rate_admits(struct fr_rate *rate, int64_t now)
{
    if (rate->second != now) {
        rate->second = now;
        rate->used = 0;
    }
    if (rate->used >= rate->limit) {
        rate->dropped++;
        return false;
    }
    rate->used++;
    return true;
}

static void keep(char *to, size_t size, const char *text)
{
    fr_printable(fr_slice_str(text ? text : ""), to, size);
}

static enum fr_code seal_of(const struct fr_vault_key *key,
                            const struct fr_store_node *at, char to[SEAL_TEXT],
                            struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) said = FR_BUF_INIT(256);
    uint8_t mac[FR_SHA256_LEN];
    struct fr_slice part;

    fr_buf_u64(&said, at->seq);
    fr_buf_str(&said, at->hash);
    fr_buf_str(&said, at->name);
    FR_TRY(fr_buf_check(&said, err));
    part = fr_buf_view(&said);
    FR_TRY(fr_hmac_sha256(fr_secret_view(key->audit_key), &part, 1, mac, err));
    fr_hex_encode(fr_slice_of(mac, sizeof mac), to, false);
    return FR_OK;
}

enum fr_code fr_vault_seal_audit(struct fr_vault *v, struct fr_err *err)
{
    struct fr_store_node end = {0};
    enum fr_code rc = FR_ASK(v, err, audit_tail, &end);

    if (rc == FR_ENOTFOUND)
        return FR_OK;
    FR_TRY(rc);
    FR_TRY(seal_of(&v->key, &end, end.seal, err));
    FR_TRY(FR_ASK(v, err, audit_end, &end));
    return fr_vault_recheck(v, err);
}

static enum fr_code append(struct fr_vault *v, const struct fr_said *said,
                           const char *text, struct fr_err *err)
{
    struct fr_store_audit line = {.at = fr_wall_s(v->env)};

    keep(line.actor, sizeof line.actor, said->actor);
    keep(line.action, sizeof line.action, said->action);
    keep(line.subject, sizeof line.subject, said->subject);
    keep(line.decision, sizeof line.decision, said->decision);
    keep(line.reason, sizeof line.reason, said->reason);
    keep(line.text, sizeof line.text, text);
    return fr_err_wrap(err, FR_ASK(v, err, audit_add, &line),
                       "writing the audit trail");
}

enum fr_code fr_vault_audit(struct fr_vault *v, const struct fr_said *said,
                            struct fr_err *err, const char *fmt, ...)
{
    char text[2 * FR_ERR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return append(v, said, text, err);
}

enum fr_code fr_vault_audit_rated(struct fr_vault *v, struct fr_rate *rate,
                                  const struct fr_said *said, const char *text,
                                  struct fr_err *err)
{
    uint64_t dropped = rate->dropped;

    if (!fr_rate_admits(rate, fr_wall_s(v->env)))
        return FR_OK;
    rate->dropped = 0;
    if (dropped == 0)
        return append(v, said, text, err);
    return fr_vault_audit(v, said, err,
                          "(%llu lines before this were dropped: too many a second) %s",
                          (unsigned long long)dropped, text);
}

/* ---- verifying ---- */

/* A seal of before a rekeying is under the old key. */
static enum fr_code is_sealed(const struct fr_vault *v,
                              const struct fr_store_node *node,
                              const struct fr_store_node *at, bool *ret,
                              struct fr_err *err)
{
    const struct fr_vault_key *keys[] = {&v->key, &v->old_key};
    char seal[SEAL_TEXT];

    *ret = node->seq == 0 && at->seq == 0; /* it has not begun */
    for (size_t i = 0; i < 2 && !*ret && keys[i]->kek; i++) {
        FR_TRY(seal_of(keys[i], at, seal, err));
        *ret = node->seq == at->seq && fr_str_equal(node->seal, seal);
    }
    return FR_OK;
}

/* What this batch has added itself is sealed with it, and not before. */
static enum fr_code is_ended(struct fr_vault *v, const struct fr_store_node *node,
                             const struct fr_store_node *at, bool *ret,
                             struct fr_err *err)
{
    struct fr_store_node end = {0};
    enum fr_code rc = FR_ASK(v, err, audit_tail, &end);

    if (rc == FR_ENOTFOUND || (rc == FR_OK && !fr_str_equal(end.name, node->name)))
        return is_sealed(v, node, at, ret, err);
    FR_TRY(rc);
    FR_TRY(is_sealed(v, node, node, ret, err));
    *ret &= end.seq == at->seq && fr_str_equal(end.hash, at->hash);
    return FR_OK;
}

/* The node's record is read before its lines: what other nodes add meanwhile comes with
 * the lines that are read next. */
static enum fr_code verify_page(struct fr_vault *v, struct fr_chain *chain,
                                size_t *limit, struct fr_err *err)
{
    struct fr_store_chain found = {.at = chain->at};
    struct fr_store_node node = {0};
    bool ended = true;
    size_t n;

    FR_TRY(FR_ASK(v, err, node_find, chain->at.name, &node));
    FR_TRY(fr_store_audit_go_on(v->store, &found, *limit, &n, err));
    if (n == 0)
        FR_TRY(is_ended(v, &node, &found.at, &ended, err));
    chain->at = found.at;
    chain->lines += n;
    chain->broken_at = found.broken_at;
    chain->is_cut = !ended;
    if (n == 0)
        chain->at.hash[0] = 0;
    *limit -= n;
    return FR_OK;
}

/* The next node, if the chain of this one was looked at. */
static enum fr_code settle(struct fr_chain *chain, const struct fr_store_nodes *nodes,
                           struct fr_err *err)
{
    struct fr_store_chain start;
    size_t i = 0;

    if (chain->has_begun && chain->at.hash[0])
        return FR_OK;
    while (chain->has_begun && i < nodes->n &&
           strcmp(nodes->list[i].name, chain->at.name) <= 0)
        i++;
    chain->has_begun = true;
    chain->is_at_end = i == nodes->n;
    if (chain->is_at_end)
        return FR_OK;
    FR_TRY(fr_store_audit_start(nodes->list[i].name, &start, err));
    chain->at = start.at;
    return FR_OK;
}

enum fr_code fr_vault_verify_some(struct fr_vault *v, struct fr_chain *chain,
                                  size_t limit, struct fr_err *err)
{
    FR_AUTO_CLEAR(store_nodes) nodes = {0};

    FR_TRY(fr_store_nodes_read(v->store, &nodes, err));
    FR_TRY(settle(chain, &nodes, err));
    while (limit > 0 && !chain->is_at_end) {
        FR_TRY(verify_page(v, chain, &limit, err));
        if (chain->broken_at || chain->is_cut)
            return FR_OK;
        FR_TRY(settle(chain, &nodes, err));
    }
    return FR_OK;
}

enum fr_code fr_vault_verify_audit(struct fr_vault *v, struct fr_chain *ret,
                                   struct fr_err *err)
{
    struct fr_chain chain = {0};

    FR_TRY(fr_vault_verify_some(v, &chain, SIZE_MAX, err));
    *ret = chain;
    return FR_OK;
}
