/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of cache.h as a file, with a checksum. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/crc32.h"
#include "target/cache.h"

#define TAG_2 "fieldroot-target-cache 2"

enum { HEX_LEN = 2 * FR_TARGET_KEY_LEN, CRC_LEN = 8 };

/* ---- writing ---- */

static void put_key(const struct fr_target_key *k, struct fr_buf *to)
{
    uint8_t *hex;

    fr_buf_fmt(to, "key=%s %d %lld %d ", k->key_id, k->suid, (long long)k->expires,
               k->stale);
    hex = fr_buf_reserve(to, HEX_LEN);
    if (hex) {
        fr_hex_encode(fr_secret_view(k->key), (char *)hex, false);
        to->len += HEX_LEN;
    }
    fr_buf_str(to, " ");
    fr_percent_encode(k->enrolee, to);
    fr_buf_str(to, "\n");
}

enum fr_code fr_target_cache_encode(const struct fr_target_cache *c, struct fr_buf *to,
                                    struct fr_err *err)
{
    fr_buf_fmt(
        to, "%s\nmef=%s\nua=%s\ncursor=%llu\nlast=%s\ndropped=%lld\ncomplete=%d\n",
        FR_TARGET_CACHE_TAG, c->mef, fr_ua_name(c->ua), (unsigned long long)c->cursor,
        c->last, (long long)c->dropped_at, c->complete);
    for (size_t i = 0; i < c->n; i++)
        put_key(&c->list[i], to);
    fr_buf_fmt(to, "crc=%08x\n", fr_crc32(fr_buf_view(to)));
    return fr_buf_check(to, err);
}

/* ---- reading ---- */

static enum fr_code damaged(struct fr_err *err, const char *what)
{
    return FR_FAIL_AS(err, FR_EPARSE, "cache-file", "not an intact cache of keys: %s",
                      what);
}

static bool take_uint(struct fr_slice *s, uint64_t max, uint64_t *ret)
{
    struct fr_slice word;

    return fr_take_until(s, ' ', &word) && fr_uint_parse(word, max, ret);
}

static enum fr_code read_enrolee(struct fr_slice s, struct fr_target_key *k,
                                 struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_ID_MAX);
    bool is_text = fr_percent_decode(s, &text);

    if (text.failed == FR_ENOMEM)
        return fr_buf_check(&text, err);
    if (!is_text)
        return damaged(err, "the name of an enrolee");
    snprintf(k->enrolee, sizeof k->enrolee, "%s", fr_buf_cstr(&text));
    return FR_OK;
}

/* The broker's file knows our lines by the MEF in their KeID. */
static bool is_of_mef(const char *key_id, const char *mef)
{
    return strcmp(strchr(key_id, '@') + 1, mef) == 0;
}

static enum fr_code read_key(struct fr_slice line, struct fr_target_key *k,
                             struct fr_err *err)
{
    struct fr_slice key_id, hex;
    uint64_t suid, expires, stale;

    if (!fr_take_until(&line, ' ', &key_id) || !fr_keyid_any_parse(key_id, k->key_id) ||
        !fr_slice_equal(key_id, fr_slice_str(k->key_id)) ||
        !take_uint(&line, 99, &suid) || !take_uint(&line, INT64_MAX, &expires) ||
        !take_uint(&line, 1, &stale) || !fr_take_until(&line, ' ', &hex) ||
        hex.len != HEX_LEN)
        return damaged(err, "a key's line");
    k->suid = (int)suid;
    k->expires = (int64_t)expires;
    k->stale = stale;
    FR_TRY(read_enrolee(line, k, err));
    enum fr_code rc = fr_secret_from_hex(hex, &k->key, err);
    return rc == FR_EPARSE ? damaged(err, "a key") : rc;
}

static enum fr_code read_keys(struct fr_slice s, struct fr_target_cache *c,
                              struct fr_err *err)
{
    struct fr_slice line;

    while (s.len > 0) {
        struct fr_target_key k = {0};
        enum fr_code rc;

        if (!fr_take_line(&s, "key", &line))
            return damaged(err, "an unknown line");
        FR_TRY(read_key(line, &k, err));
        if (!is_of_mef(k.key_id, c->mef))
            rc = damaged(err, "a key of another MEF");
        else if (c->n > 0 && strcmp(c->list[c->n - 1].key_id, k.key_id) >= 0)
            rc = damaged(err, "the order of its keys");
        else
            rc = fr_target_cache_put(c, &k, err);
        fr_secret_free(k.key);
        FR_TRY(rc);
    }
    return FR_OK;
}

/* Cuts the last line off, which must be the right one. */
static bool check_crc(struct fr_slice *s)
{
    static const char name[] = "crc=";
    const size_t tail = sizeof name - 1 + CRC_LEN + 1;
    char want[sizeof name + CRC_LEN + 1];
    struct fr_slice body;

    if (s->len < tail)
        return false;
    body = fr_slice_of(s->data, s->len - tail);
    snprintf(want, sizeof want, "%s%08x\n", name, fr_crc32(body));
    if (memcmp(s->data + body.len, want, tail) != 0)
        return false;
    *s = body;
    return true;
}

static bool take_number(struct fr_slice *s, const char *name, uint64_t max,
                        uint64_t *ret)
{
    struct fr_slice text;

    return fr_take_line(s, name, &text) && fr_uint_parse(text, max, ret);
}

static bool take_last(struct fr_slice *s, char to[FR_KEYID_MAX + 1])
{
    struct fr_slice text;

    return fr_take_line(s, "last", &text) &&
           (text.len == 0 || fr_keyid_first_parse(text, to));
}

/* Before there were keys of SIMs there was no such line. */
static bool take_ua(struct fr_slice *s, bool is_old, enum fr_ua *ret)
{
    struct fr_slice text;
    char name[16];

    *ret = FR_UA_TLS12;
    if (is_old)
        return true;
    if (!fr_take_line(s, "ua", &text) || text.len >= sizeof name)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)text.len, (const char *)text.data);
    return fr_ua_by_name(name, ret);
}

static bool take_tag(struct fr_slice *s, bool *ret_old)
{
    struct fr_slice line;

    if (!fr_take_until(s, '\n', &line))
        return false;
    *ret_old = fr_slice_equal(line, fr_slice_str(TAG_2));
    return *ret_old || fr_slice_equal(line, fr_slice_str(FR_TARGET_CACHE_TAG));
}

static enum fr_code read_head(struct fr_slice *text, struct fr_target_cache **ret,
                              struct fr_err *err)
{
    char name[FR_FQDN_MAX + 1], last[FR_KEYID_MAX + 1] = "";
    uint64_t cursor, dropped, complete;
    struct fr_slice mef;
    enum fr_ua ua;
    bool is_old;

    if (!take_tag(text, &is_old) || !fr_take_line(text, "mef", &mef) ||
        !fr_fqdn_is_valid(mef) || !take_ua(text, is_old, &ua) ||
        !take_number(text, "cursor", INT64_MAX, &cursor) || !take_last(text, last) ||
        !take_number(text, "dropped", INT64_MAX, &dropped) ||
        !take_number(text, "complete", 1, &complete))
        return damaged(err, "its head");
    snprintf(name, sizeof name, "%.*s", (int)mef.len, (const char *)mef.data);
    FR_TRY(fr_target_cache_new(name, ret, err));
    (*ret)->ua = ua;
    (*ret)->cursor = cursor;
    (*ret)->dropped_at = (int64_t)dropped;
    (*ret)->complete = complete;
    memcpy((*ret)->last, last, sizeof last);
    return FR_OK;
}

enum fr_code fr_target_cache_decode(struct fr_slice text, struct fr_target_cache **ret,
                                    struct fr_err *err)
{
    FR_AUTO(target_cache) *c = NULL;

    if (!check_crc(&text))
        return damaged(err, "it is cut or changed");
    FR_TRY(read_head(&text, &c, err));
    FR_TRY(read_keys(text, c, err));
    *ret = FR_TAKE(c);
    return FR_OK;
}
