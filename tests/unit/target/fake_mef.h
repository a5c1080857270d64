/* SPDX-License-Identifier: Apache-2.0 */
/* A MEF that answers what the test has laid out, in order, and a target around it. */
#ifndef FR_TEST_TARGET_FAKE_MEF_H
#define FR_TEST_TARGET_FAKE_MEF_H

#include "fake/env.h"
#include "keys.h"
#include "target/sync.h"

#define KEY_B64_A "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=" /* KEY_HEX_A */
#define GIVES_A                                                                        \
    "{\"status\":true,\"credential\":\"" KEY_B64_A                                     \
    "\",\"enroleeID\":\"dns:dev-a.example\",\"lifetime\":\"20330518T033320\"}"
#define LINE_OF(letter)                                                                \
    "0000000000000000000000000000000" letter "@" MEF ":" KEY_HEX_A "\n"

struct reply {
    const char *path; /* that must be asked for */
    enum fr_code code;
    int rsc;
    const char *body;
    int64_t retry_after_ms; /* 0: none */
};

struct bench {
    struct fr_target target; /* .ctx is this bench */
    struct fr_fake_env env;
    const struct reply *replies;
    size_t n, asked;
    char last[40]; /* of the last question that said whose change is at its cursor */
    int64_t timeout_ms; /* of the last question */
    struct fr_target_news news[64];
    size_t n_news;
    int64_t slept[64];       /* each sleep */
    size_t n_slept, stop_at; /* the n-th sleep is interrupted */
    char cache_path[256], psk_path[256];
};

/* What the replies are found by is the path without "&last=". */
static inline void bench_take_last(struct bench *b, const char *path, char to[256])
{
    const char *last = strstr(path, "&last=");
    size_t before = last ? (size_t)(last - path) : strlen(path);

    b->last[0] = 0;
    snprintf(to, 256, "%.*s", (int)before, path);
    if (!last)
        return;
    snprintf(b->last, sizeof b->last, "%.32s", last + 6);
    strncat(to, last + 6 + 32, 255 - before);
}

static inline enum fr_code bench_get(void *ctx, const char *path, int64_t timeout_ms,
                                     struct fr_target_answer *ret, struct fr_err *err)
{
    struct bench *b = ctx;
    const struct reply *r = &b->replies[b->asked];
    char plain[256];

    if (b->asked == b->n)
        fail_msg("nobody expected %s", path);
    bench_take_last(b, path, plain);
    assert_string_equal(plain, r->path);
    b->asked++;
    b->timeout_ms = timeout_ms;
    ret->rsc = r->rsc;
    ret->retry_after_ms = r->retry_after_ms ? r->retry_after_ms : -1;
    if (r->code != FR_OK)
        return FR_FAIL(err, r->code, "fake MEF: %s", r->body);
    ret->body = fr_slice_str(r->body);
    return FR_OK;
}

static inline void bench_tell(void *ctx, const struct fr_target_news *news)
{
    struct bench *b = ctx;

    assert_in_range(b->n_news, 0, 63);
    b->news[b->n_news++] = *news;
}

static inline enum fr_code bench_sleep(void *ctx, int64_t ms, struct fr_err *err)
{
    struct bench *b = ctx;

    assert_in_range(b->n_slept, 0, 63);
    b->slept[b->n_slept++] = ms;
    if (b->n_slept == b->stop_at)
        return FR_FAIL(err, FR_EINTERRUPTED, "stopped");
    fr_fake_env_advance(&b->env, ms);
    return FR_OK;
}

static inline void bench_open(struct bench *b, void **state, const char *letters)
{
    *b = (struct bench){0};
    fr_fake_env_init(&b->env, 5);
    snprintf(b->cache_path, sizeof b->cache_path, "%s/cache", (char *)*state);
    snprintf(b->psk_path, sizeof b->psk_path, "%s/psk", (char *)*state);
    b->target = (struct fr_target){.env = &b->env.env,
                                   .cache = cache_of(letters),
                                   .cache_path = b->cache_path,
                                   .psk_file = b->psk_path,
                                   .get = bench_get,
                                   .tell = bench_tell,
                                   .sleep = bench_sleep,
                                   .ctx = b};
}

static inline void bench_close(struct bench *b)
{
    assert_int_equal(b->asked, b->n); /* everything that was laid out was asked for */
    fr_target_cache_free(b->target.cache);
}

#define LAY_OUT(b, replies_)                                                           \
    ((b)->replies = (replies_), (b)->n = sizeof(replies_) / sizeof(replies_)[0],       \
     (b)->asked = 0)

/* The body of a feed's answer, and of one entry. */
#define FEED(cursor, entries) "{\"cursor\":" cursor ",\"changes\":[" entries "]}"
#define FEED_RESET(cursor, entries)                                                    \
    "{\"cursor\":" cursor ",\"reset\":true,\"changes\":[" entries "]}"
#define CHANGE_AT(seq, kind, letter, mef, time)                                        \
    "{\"seq\":" seq ",\"change\":\"" kind                                              \
    "\",\"keyId\":\"0000000000000000000000000000000" letter "@" mef                    \
    "\",\"suid\":22,\"enroleeID\":\"dns:dev.example\",\"lifetime\":\"" time "\"}"
#define CHANGE(seq, kind, letter) CHANGE_AT(seq, kind, letter, MEF, "20330518T033320")

#define SINCE(n)     "/fieldroot/v1/credentials?since=" n
#define LAST(letter) "&last=0000000000000000000000000000000" letter
#define FETCH(letter)                                                                  \
    "/fetchCredentials/0000000000000000000000000000000" letter "%40" MEF "/22"
#define OK_BODY(path_, body_)                                                          \
    {                                                                                  \
        .path = (path_), .rsc = 2000, .body = (body_)                                  \
    }

#endif
