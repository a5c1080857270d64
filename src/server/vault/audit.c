/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "base/str.h"
#include "server/vault/internal.h"

enum { WALK_PAGE = 1000 };

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
    *ret = chain;
    return FR_OK;
}
