/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trail is a chain: each line has the hash of the one before it. Whoever can write
 * the database could still cut its end off, so the vault keeps the last line's place
 * and hash under a key of its own.
 */
#include <stdarg.h>

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

static enum fr_code seal_of(const struct fr_vault_key *key, uint64_t seq,
                            const char *hash, char to[SEAL_TEXT], struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) end = FR_BUF_INIT(128);
    uint8_t mac[FR_SHA256_LEN];
    struct fr_slice part;

    fr_buf_u64(&end, seq);
    fr_buf_str(&end, hash);
    FR_TRY(fr_buf_check(&end, err));
    part = fr_buf_view(&end);
    FR_TRY(fr_hmac_sha256(fr_secret_view(key->audit_key), &part, 1, mac, err));
    fr_hex_encode(fr_slice_of(mac, sizeof mac), to, false);
    return FR_OK;
}

static enum fr_code put(struct fr_vault *v, struct fr_store_audit *line,
                        struct fr_err *err)
{
    char seal[SEAL_TEXT];

    FR_TRY(FR_ASK(v, err, audit_add, line));
    FR_TRY(seal_of(&v->key, line->seq, line->hash, seal, err));
    return FR_ASK(v, err, meta_set, FR_FACT_AUDIT_END, seal);
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

static enum fr_code check_end(struct fr_vault *v, const struct fr_store_chain *c,
                              bool *ret_cut, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) kept = FR_BUF_INIT(SEAL_TEXT);
    enum fr_code rc = FR_ASK(v, err, meta_get, FR_FACT_AUDIT_END, &kept);
    char seal[SEAL_TEXT];

    if (rc == FR_ENOTFOUND) {
        *ret_cut = c->last > 0;
        return FR_OK;
    }
    FR_TRY(rc);
    FR_TRY(seal_of(&v->key, c->last, c->hash, seal, err));
    *ret_cut = !fr_str_equal(fr_buf_cstr(&kept), seal);
    if (!*ret_cut || !v->old_key.kek)
        return FR_OK;
    FR_TRY(seal_of(&v->old_key, c->last, c->hash, seal, err));
    *ret_cut = !fr_str_equal(fr_buf_cstr(&kept), seal);
    return FR_OK;
}

enum fr_code fr_vault_verify_audit(struct fr_vault *v, struct fr_chain *ret,
                                   struct fr_err *err)
{
    struct fr_store_chain chain;

    FR_TRY(fr_store_audit_verify(v->store, &chain, err));
    *ret = (struct fr_chain){.lines = chain.lines, .broken_at = chain.broken_at};
    if (!chain.broken_at)
        FR_TRY(check_end(v, &chain, &ret->is_cut, err));
    return FR_OK;
}
