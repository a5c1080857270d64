/* SPDX-License-Identifier: Apache-2.0 */
/* A MEF that answers a target anything: each piece of the input is one answer, feed or
 * fetch, as they come. The cursor moves only forward, and what is kept is kept whole.
 */
#include "fake/env.h"
#include "fuzz.h"
#include "target/sync.h"

struct world {
    struct fr_cursor tape;
    struct fr_fake_env env;
};

static enum fr_code get(void *ctx, const char *path, int64_t timeout_ms,
                        struct fr_target_answer *ret, struct fr_err *err)
{
    struct world *w = ctx;
    uint8_t how = fr_take_u8(&w->tape);

    (void)timeout_ms;
    FUZZ_ASSERT(path[0] == '/');
    fuzz_saw_text(path);
    *ret = (struct fr_target_answer){.rsc = 2000, .retry_after_ms = -1};
    if (w->tape.left == 0)
        return FR_FAIL(err, FR_EUNREACHABLE, "no more answers");
    ret->body = fuzz_take_piece(&w->tape);
    if (how == 1)
        ret->rsc = 4004;
    return how == 1   ? FR_FAIL(err, FR_EINVALID, "not found")
           : how == 2 ? FR_FAIL(err, FR_EREFUSED, "refused")
                      : FR_OK;
}

static void tell(void *ctx, const struct fr_target_news *news)
{
    (void)ctx;
    if (news->kind == FR_NEWS_WARNING && fuzz_denied() != FUZZ_DENIED_NOTHING)
        fuzz_code(FR_ENOMEM);
    fuzz_saw_number(news->kind);
    fuzz_saw_text(news->key_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.tape = fr_cursor_of(fr_slice_of(data, size))};
    FR_AUTO(target_cache) *saved = NULL;
    char path[128];
    struct fr_target t = {
        .env = &w.env.env, .cache_path = path, .get = get, .tell = tell, .ctx = &w};
    enum fr_code rc = FR_OK;
    struct fr_err err;

    fr_fake_env_init(&w.env, 7);
    snprintf(path, sizeof path, "%s/cache", fuzz_folder());
    if (!FUZZ_MUST(fr_target_cache_new("mef.example", &t.cache, NULL)))
        return 0;
    for (int pass = 0; pass < 3 && w.tape.left > 0 && rc != FR_ENOMEM; pass++)
        rc = fuzz_code(fr_target_pass(&t, 0, &err));
    for (size_t i = 0; i < t.cache->n; i++)
        FUZZ_ASSERT(t.cache->list[i].key &&
                    fr_secret_len(t.cache->list[i].key) == FR_TARGET_KEY_LEN);
    if (fr_target_cache_load(path, &saved, NULL) == FR_OK)
        FUZZ_ASSERT(rc != FR_OK || saved->cursor == t.cache->cursor);
    fr_target_cache_free(t.cache);
    return 0;
}
