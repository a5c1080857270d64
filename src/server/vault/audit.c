/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trail is a chain: each line has the hash of the one before it. Whoever can write
 * the database could still cut its end off, so the vault keeps the last line's place
 * and hash under a key of its own.
 */
#include <stdarg.h>

#include "base/str.h"
#include "server/vault/internal.h"

#define SEAL "audit-end" /* in the store's facts */

enum { WALK_PAGE = 1000, SEAL_TEXT = 2 * FR_SHA256_LEN + 1 };

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

static enum fr_code seal_of(const struct fr_vault *v, uint64_t seq, const char *hash,
                            char to[SEAL_TEXT], struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) end = FR_BUF_INIT(128);
    uint8_t mac[FR_SHA256_LEN];
    struct fr_slice part;

    fr_buf_u64(&end, seq);
    fr_buf_str(&end, hash);
    FR_TRY(fr_buf_check(&end, err));
    part = fr_buf_view(&end);
    FR_TRY(fr_hmac_sha256(fr_secret_view(v->audit_key), &part, 1, mac, err));
    fr_hex_encode(fr_slice_of(mac, sizeof mac), to, false);
    return FR_OK;
}

static enum fr_code put(struct fr_vault *v, struct fr_store_audit *line,
                        struct fr_err *err)
{
    char seal[SEAL_TEXT];

    FR_TRY(FR_ASK(v, err, audit_add, line));
    FR_TRY(seal_of(v, line->seq, line->hash, seal, err));
    return FR_ASK(v, err, meta_set, SEAL, seal);
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
    return fr_err_wrap(err, put(v, &line, err), "writing the audit trail");
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

struct walk {
    struct fr_chain *chain;
    uint64_t last;
    char prev[2 * FR_SHA256_LEN + 1];
    size_t n;
};

static enum fr_code check_line(void *ctx, const struct fr_store_audit *line,
                               struct fr_err *err)
{
    char hash[2 * FR_SHA256_LEN + 1];
    struct walk *w = ctx;

    FR_TRY(fr_store_audit_hash(line, w->prev, hash, err));
    if (!w->chain->broken_at &&
        (line->seq != w->last + 1 || !fr_str_equal(line->prev, w->prev) ||
         !fr_str_equal(line->hash, hash)))
        w->chain->broken_at = line->seq;
    snprintf(w->prev, sizeof w->prev, "%s", hash);
    w->last = line->seq;
    w->n++;
    return FR_OK;
}

static enum fr_code check_end(struct fr_vault *v, const struct walk *w, bool *ret_cut,
                              struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) kept = FR_BUF_INIT(SEAL_TEXT);
    enum fr_code rc = FR_ASK(v, err, meta_get, SEAL, &kept);
    char seal[SEAL_TEXT];

    if (rc == FR_ENOTFOUND) {
        *ret_cut = w->last > 0;
        return FR_OK;
    }
    FR_TRY(rc);
    FR_TRY(seal_of(v, w->last, w->prev, seal, err));
    *ret_cut = !fr_str_equal(fr_buf_cstr(&kept), seal);
    return FR_OK;
}

enum fr_code fr_vault_verify_audit(struct fr_vault *v, struct fr_chain *ret,
                                   struct fr_err *err)
{
    struct fr_chain chain = {0};
    struct walk w = {.chain = &chain, .prev = FR_STORE_AUDIT_ROOT};
    struct fr_store_audit_rows rows = {.row = check_line, .ctx = &w};

    do {
        w.n = 0;
        FR_TRY(FR_ASK(v, err, audit_walk, w.last, (size_t)WALK_PAGE, rows));
        chain.lines += w.n;
    } while (w.n > 0 && !chain.broken_at);
    if (!chain.broken_at)
        FR_TRY(check_end(v, &w, &chain.is_cut, err));
    *ret = chain;
    return FR_OK;
}
