/* SPDX-License-Identifier: Apache-2.0 */
#include "target/sync.h"

#include <stdio.h>
#include <string.h>

#include "proto/mmef.h"
#include "target/psk_file.h"

enum { RSC_NOT_FOUND = 4004, RSC_NO_PRIVILEGE = 4103, CLOCK_BACK_S = 3600 };

const char *fr_target_news_name(enum fr_target_news_kind kind)
{
    static const char *const names[] = {
#define X(id, name) name,
        FR_TARGET_NEWS(X)
#undef X
    };

    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

/* ---- telling ---- */

static void tell(struct fr_target *t, enum fr_target_news_kind kind,
                 const struct fr_mmef_change *change, const char *text)
{
    struct fr_target_news news = {
        .kind = kind, .suid = change->suid, .expires = change->expires};

    snprintf(news.key_id, sizeof news.key_id, "%s", change->key_id);
    snprintf(news.enrolee, sizeof news.enrolee, "%s", change->enrolee);
    snprintf(news.text, sizeof news.text, "%s", text);
    t->tell(t->ctx, &news);
}

void fr_target_warn(struct fr_target *t, const char *text)
{
    struct fr_target_news news = {.kind = FR_NEWS_WARNING};

    snprintf(news.text, sizeof news.text, "%s", text);
    t->tell(t->ctx, &news);
}

static void drop(struct fr_target *t, struct fr_target_key *key,
                 enum fr_target_news_kind why)
{
    struct fr_mmef_change about = {.suid = key->suid, .expires = key->expires};

    memcpy(about.key_id, key->key_id, sizeof about.key_id);
    memcpy(about.enrolee, key->enrolee, sizeof about.enrolee);
    fr_target_cache_remove(t->cache, key);
    tell(t, why, &about, "");
}

/* ---- asking ---- */

static enum fr_code get(struct fr_target *t, const char *path, int wait_s,
                        struct fr_target_answer *ret, struct fr_err *err)
{
    enum fr_code rc;

    *ret = (struct fr_target_answer){.retry_after_ms = -1};
    rc = t->get(t->ctx, path, FR_TARGET_TIMEOUT_MS + wait_s * 1000, ret, err);
    t->retry_after_ms = ret->retry_after_ms;
    return rc;
}

static enum fr_code not_about_us(struct fr_err *err, const char *what)
{
    return FR_FAIL_AS(err, FR_EINVALID, "feed-malformed",
                      "the change feed of the MEF is malformed: %s", what);
}

/* One answer is checked as a whole before any of it is believed. */
static enum fr_code check_changes(const struct fr_target *t,
                                  const struct fr_mmef_changes *c, struct fr_err *err)
{
    char key_id[FR_KEYID_MAX + 1];

    for (size_t i = 0; i < c->n; i++) {
        if (!fr_keyid_any_parse(fr_slice_str(c->list[i].key_id), key_id) ||
            strcmp(key_id, c->list[i].key_id) != 0)
            return not_about_us(err, "an identity is no KeID");
        if (strcmp(strchr(key_id, '@') + 1, t->cache->mef) != 0)
            return not_about_us(err, "a KeID is another MEF's");
    }
    if (!c->reset &&
        (c->cursor < t->cache->cursor || (c->n > 0 && c->cursor == t->cache->cursor)))
        return not_about_us(err, "its cursor does not move on");
    return FR_OK;
}

static enum fr_code ask_feed(struct fr_target *t, int wait_s,
                             struct fr_mmef_changes *ret, struct fr_err *err)
{
    struct fr_target_answer answer;
    struct fr_mmef_changes changes = {0};
    FR_AUTO_CLEAR(buf) path = FR_BUF_INIT(1024);
    enum fr_code rc;

    fr_buf_fmt(&path, "/fieldroot/v1/credentials?since=%llu",
               (unsigned long long)t->cache->cursor);
    if (t->cache->last[0]) {
        fr_buf_str(&path, "&last=");
        fr_percent_encode(t->cache->last, &path);
    }
    if (wait_s > 0)
        fr_buf_fmt(&path, "&wait=%d", wait_s);
    FR_TRY(fr_buf_check(&path, err));
    FR_TRY(get(t, fr_buf_cstr(&path), wait_s, &answer, err));
    FR_TRY(fr_mmef_changes_decode(answer.body, &changes, err));
    rc = check_changes(t, &changes, err);
    if (rc == FR_OK)
        *ret = changes;
    else
        fr_mmef_changes_clear(&changes);
    return rc;
}

static enum fr_code fetch_path(const struct fr_target *t,
                               const struct fr_mmef_change *c, struct fr_buf *to,
                               struct fr_err *err)
{
    fr_buf_str(to, "/fetchCredentials/");
    fr_percent_encode(c->key_id, to);
    fr_buf_fmt(to, "/%02d", c->suid);
    if (fr_keyid_is_btid(c->key_id))
        fr_buf_fmt(to, "?ua=%s", fr_ua_name(t->cache->ua));
    return fr_buf_check(to, err);
}

/* The message never shows what the answer held. */
static enum fr_code check_fetched(const struct fr_target *t,
                                  const struct fr_mmef_fetched *f, struct fr_err *err)
{
    if (f->ua[0] && strcmp(f->ua, fr_ua_name(t->cache->ua)) != 0)
        return FR_FAIL_AS(err, FR_EINVALID, "fetched-ua",
                          "the MEF gave a key for %s instead of %s", f->ua,
                          fr_ua_name(t->cache->ua));
    if (fr_secret_len(f->credential) != FR_TARGET_KEY_LEN)
        return FR_FAIL_AS(err, FR_EINVALID, "fetched-key",
                          "the MEF gave a key of %zu octets instead of %d",
                          fr_secret_len(f->credential), FR_TARGET_KEY_LEN);
    return FR_OK;
}

/* ---- applying ---- */

static enum fr_code keep(struct fr_target *t, const struct fr_mmef_change *c,
                         struct fr_mmef_fetched *f, struct fr_err *err)
{
    struct fr_target_key key = {.suid = c->suid, .expires = f->expires};
    const char *enrolee = f->enrolee[0] ? f->enrolee : c->enrolee;

    memcpy(key.key_id, c->key_id, sizeof key.key_id);
    snprintf(key.enrolee, sizeof key.enrolee, "%s", enrolee);
    key.key = f->credential;
    FR_TRY(fr_target_cache_put(t->cache, &key, err));
    f->credential = NULL;
    tell(t, FR_NEWS_ADDED, c, "");
    return FR_OK;
}

static enum fr_code take_fetched(struct fr_target *t, const struct fr_mmef_change *c,
                                 struct fr_slice body, struct fr_err *err)
{
    struct fr_mmef_fetched f = {0};
    enum fr_code rc;

    FR_TRY(fr_mmef_fetched_decode(body, &f, err));
    if (f.status) {
        rc = check_fetched(t, &f, err);
        if (rc == FR_OK)
            rc = keep(t, c, &f, err);
    } else {
        tell(t, FR_NEWS_WITHHELD, c, f.error);
        rc = FR_OK;
    }
    fr_mmef_fetched_clear(&f);
    return rc;
}

static enum fr_code fetch(struct fr_target *t, const struct fr_mmef_change *c,
                          struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) path = FR_BUF_INIT(2048);
    struct fr_target_answer answer;
    struct fr_err why = {0};
    enum fr_code rc;

    FR_TRY(fetch_path(t, c, &path, err));
    rc = get(t, fr_buf_cstr(&path), 0, &answer, &why);
    if (rc == FR_OK)
        return take_fetched(t, c, answer.body, err);
    if (answer.rsc == RSC_NOT_FOUND || answer.rsc == RSC_NO_PRIVILEGE) {
        tell(t, FR_NEWS_WITHHELD, c, why.msg); /* revoked since, for example */
        return FR_OK;
    }
    *err = why;
    return rc;
}

/* A KeID never changes its key: what we have is not fetched again. */
static enum fr_code added(struct fr_target *t, const struct fr_mmef_change *c,
                          struct fr_err *err)
{
    struct fr_target_key *key = fr_target_cache_find(t->cache, c->key_id);

    if (key && key->suid == c->suid) {
        key->stale = false;
        return FR_OK;
    }
    if (c->expires <= fr_wall_s(t->env))
        return FR_OK;
    return fetch(t, c, err);
}

static enum fr_code apply(struct fr_target *t, const struct fr_mmef_change *c,
                          struct fr_err *err)
{
    struct fr_target_key *key;

    if (c->kind == FR_CHANGE_ADDED)
        return added(t, c, err);
    key = fr_target_cache_find(t->cache, c->key_id);
    if (key)
        drop(t, key, c->kind == FR_CHANGE_REVOKED ? FR_NEWS_REVOKED : FR_NEWS_RETIRED);
    return FR_OK;
}

static void begin_again(struct fr_target *t)
{
    t->cache->complete = false;
    for (size_t i = 0; i < t->cache->n; i++)
        t->cache->list[i].stale = true;
}

/* So that a MEF whose database was put back to an older one can tell. */
static void move_cursor(struct fr_target_cache *cache, const struct fr_mmef_changes *c)
{
    cache->cursor = c->cursor;
    if (c->n > 0 && c->list[c->n - 1].seq == c->cursor)
        snprintf(cache->last, sizeof cache->last, "%.*s",
                 (int)strcspn(c->list[c->n - 1].key_id, "@"), c->list[c->n - 1].key_id);
    else if (c->n > 0 || c->reset)
        cache->last[0] = 0;
}

static enum fr_code apply_all(struct fr_target *t, const struct fr_mmef_changes *c,
                              struct fr_err *err)
{
    if (c->reset)
        begin_again(t);
    for (size_t i = 0; i < c->n; i++)
        FR_TRY(apply(t, &c->list[i], err));
    move_cursor(t->cache, c);
    return FR_OK;
}

/* ---- a pass ---- */

static enum fr_code save(struct fr_target *t, struct fr_err *err)
{
    return fr_target_cache_save(t->cache, t->cache_path, err);
}

/* True if any was dropped. */
static bool drop_if(struct fr_target *t, enum fr_target_news_kind why,
                    bool (*is_due)(const struct fr_target_key *key, int64_t now))
{
    size_t before = t->cache->n;

    for (size_t i = before; i-- > 0;)
        if (is_due(&t->cache->list[i], fr_wall_s(t->env)))
            drop(t, &t->cache->list[i], why);
    return t->cache->n != before;
}

static bool is_expired(const struct fr_target_key *key, int64_t now)
{
    return key->expires <= now;
}

static bool is_stale(const struct fr_target_key *key, int64_t now)
{
    (void)now;
    return key->stale;
}

/* A broker that is not there reads its keys when it starts: no failure of ours. */
static void hup(struct fr_target *t)
{
    struct fr_err err = {0};

    if (t->pid_file && fr_psk_file_hup(t->pid_file, &err) != FR_OK)
        fr_target_warn(t, err.msg);
}

/* While the feed is read from its start again, what is missing may still come. */
static enum fr_code publish(struct fr_target *t, struct fr_err *err)
{
    bool changed;

    if (!t->psk_file || !t->cache->complete)
        return FR_OK;
    FR_TRY(fr_psk_file_update(t->psk_file, t->cache, &changed, err));
    if (changed)
        hup(t);
    return FR_OK;
}

static enum fr_code settle(struct fr_target *t, struct fr_err *err)
{
    if (drop_if(t, FR_NEWS_EXPIRED, is_expired)) {
        t->cache->dropped_at = fr_wall_s(t->env);
        FR_TRY(save(t, err));
    }
    return publish(t, err);
}

void fr_target_use_ua(struct fr_target_cache *c, enum fr_ua ua)
{
    if (c->ua == ua)
        return;
    for (size_t i = c->n; i-- > 0;)
        if (fr_keyid_is_btid(c->list[i].key_id))
            fr_target_cache_remove(c, &c->list[i]);
    c->ua = ua;
    c->cursor = 0;
    c->last[0] = 0;
    c->complete = false;
}

/* What was dropped while the clock was ahead may not have expired: only the MEF can
 * give it again. */
static void mind_clock(struct fr_target *t)
{
    if (fr_wall_s(t->env) >= t->cache->dropped_at - CLOCK_BACK_S)
        return;
    fr_target_warn(t, "the clock went back; reading the whole feed again");
    begin_again(t);
    t->cache->cursor = 0;
    t->cache->last[0] = 0;
    t->cache->dropped_at = 0;
}

static enum fr_code take_answer(struct fr_target *t, const struct fr_mmef_changes *c,
                                struct fr_err *err)
{
    enum fr_code rc;

    if (c->n == 0 && !c->reset)
        return FR_OK;
    rc = apply_all(t, c, err);
    if (rc != FR_OK) { /* what was fetched before is worth keeping */
        struct fr_err second = {0};

        if (save(t, &second) != FR_OK)
            fr_target_warn(t, second.msg);
        return rc;
    }
    return save(t, err);
}

/* Until the feed has no more to say. Only the first question waits. */
static enum fr_code follow(struct fr_target *t, int wait_s, struct fr_err *err)
{
    bool was_reset = false;

    for (int i = 0; i < FR_TARGET_ANSWERS_MAX; i++) {
        struct fr_mmef_changes changes;
        enum fr_code rc;
        bool is_end;

        FR_TRY(ask_feed(t, i == 0 ? wait_s : 0, &changes, err));
        is_end = changes.n == 0;
        rc = changes.reset && was_reset ? not_about_us(err, "it begins again and again")
                                        : take_answer(t, &changes, err);
        was_reset = was_reset || changes.reset;
        fr_mmef_changes_clear(&changes);
        FR_TRY(rc);
        if (is_end)
            return FR_OK;
    }
    return not_about_us(err, "it does not end");
}

static enum fr_code finish_feed(struct fr_target *t, struct fr_err *err)
{
    if (t->cache->complete)
        return FR_OK;
    (void)drop_if(t, FR_NEWS_DROPPED, is_stale);
    t->cache->complete = true;
    return save(t, err);
}

enum fr_code fr_target_pass(struct fr_target *t, int wait_s, struct fr_err *err)
{
    struct fr_err second = {0};
    enum fr_code rc;

    t->retry_after_ms = -1;
    mind_clock(t);
    FR_TRY(settle(t, err)); /* from the cache, whether or not the MEF is there */
    rc = follow(t, wait_s, err);
    if (rc == FR_OK) {
        FR_TRY(finish_feed(t, err));
        return settle(t, err);
    }
    if (settle(t, &second) != FR_OK)
        fr_target_warn(t, second.msg);
    return rc;
}
