/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a target's keys in line with its MEF: reads the change feed to its end, fetches
 * each added key, drops what was retired, revoked or has expired, saves the cache, and
 * writes the broker's psk_file. Knows no sockets: the MEF is a function, and so is
 * sleeping.
 *
 * The feed is applied in order and the cursor moves only behind what is saved, so that
 * whatever is cut is read again. A key that the MEF does not give (revoked meanwhile)
 * is passed over; a malformed answer, or one about another MEF's keys, ends the pass.
 */
#ifndef FR_TARGET_SYNC_H
#define FR_TARGET_SYNC_H

#include "base/env.h"
#include "target/cache.h"

#define FR_TARGET_WAIT_MAX_S      50   /* of a long poll; the MEF allows 60 */
#define FR_TARGET_ANSWERS_MAX     1024 /* of one pass */
#define FR_TARGET_TIMEOUT_MS      (30 * 1000)
#define FR_TARGET_RETRY_FIRST_MS  1000 /* doubles each time, full jitter */
#define FR_TARGET_RETRY_CAP_MS    60000
#define FR_TARGET_RETRY_AFTER_MAX (10 * 60 * 1000)

/* What the MEF said, also when that was no success; valid until the next get. */
struct fr_target_answer {
    struct fr_slice body;
    int rsc;                /* 0: no response came */
    int64_t retry_after_ms; /* -1: none */
};

/* X(id, name) */
#define FR_TARGET_NEWS(X)                                                              \
    X(FR_NEWS_ADDED, "added")                                                          \
    X(FR_NEWS_RETIRED, "retired")                                                      \
    X(FR_NEWS_REVOKED, "revoked")                                                      \
    X(FR_NEWS_EXPIRED, "expired")                                                      \
    X(FR_NEWS_DROPPED, "dropped")   /* not in the feed when it began again */          \
    X(FR_NEWS_WITHHELD, "withheld") /* announced, but the MEF does not give it */      \
    X(FR_NEWS_WARNING, "warning")   /* .text only */
enum fr_target_news_kind {
#define X(id, name) id,
    FR_TARGET_NEWS(X)
#undef X
};
const char *fr_target_news_name(enum fr_target_news_kind kind);

struct fr_target_news {
    enum fr_target_news_kind kind;
    char key_id[FR_KEYID_MAX + 1];
    int suid;
    int64_t expires;
    char enrolee[FR_ID_MAX + 1];
    char text[FR_ERR_MSG_MAX]; /* WITHHELD, WARNING; nothing secret */
};

/* All borrowed. */
struct fr_target {
    const struct fr_env *env;
    struct fr_target_cache *cache;
    const char *cache_path;
    const char *psk_file; /* NULL: none */
    const char *pid_file; /* NULL: none */

    /* Success of the MEF is FR_OK; else classified as DESIGN 3 does. */
    enum fr_code (*get)(void *ctx, const char *path, int64_t timeout_ms,
                        struct fr_target_answer *ret, struct fr_err *err);
    void (*tell)(void *ctx, const struct fr_target_news *news);
    /* FR_OK after ms; FR_EINTERRUPTED when stopped. Only fr_target_watch() sleeps. */
    enum fr_code (*sleep)(void *ctx, int64_t ms, struct fr_err *err);
    void *ctx;

    int64_t retry_after_ms; /* of the last answer; set by the pass */
};

/* What keys of SIMs are for from now on. Those that were for something else are
 * dropped, and the whole feed is read again. */
void fr_target_use_ua(struct fr_target_cache *c, enum fr_ua ua);

/* One pass. wait_s > 0: the MEF may answer that late if nothing has changed. What has
 * been learnt before a failure is saved and published. */
FR_MUST_USE enum fr_code fr_target_pass(struct fr_target *t, int wait_s,
                                        struct fr_err *err);

/* Tells news of kind WARNING. */
void fr_target_warn(struct fr_target *t, const char *text);

/* Passes until stopped, which is FR_OK. An unreachable MEF is asked again with
 * back-off; once a pass has succeeded, so is one that refuses or answers nonsense. What
 * the first pass finds wrong otherwise, and a failure at home (store, memory), ends
 * it. */
FR_MUST_USE enum fr_code fr_target_watch(struct fr_target *t, struct fr_err *err);

#endif
