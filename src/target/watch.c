/* SPDX-License-Identifier: Apache-2.0 */
/* Passes without end: waits for news, backs off after failures. */
#include "target/sync.h"

enum { MS = 1000, PACE_MS = 1000 };

/* Not beyond the next expiry: its line has to go then. */
static int wait_for_news(const struct fr_target *t)
{
    int64_t wait = FR_TARGET_WAIT_MAX_S;
    int64_t now = fr_wall_s(t->env);

    for (size_t i = 0; i < t->cache->n; i++)
        if (t->cache->list[i].expires - now < wait)
            wait = t->cache->list[i].expires - now;
    return wait < 1 ? 1 : (int)wait;
}

static int64_t back_off(const struct fr_target *t, unsigned failures)
{
    int64_t bound = FR_TARGET_RETRY_CAP_MS;

    if (t->retry_after_ms > 0)
        return t->retry_after_ms < FR_TARGET_RETRY_AFTER_MAX
                   ? t->retry_after_ms
                   : FR_TARGET_RETRY_AFTER_MAX;
    if (failures < 6)
        bound = (int64_t)FR_TARGET_RETRY_FIRST_MS << failures;
    return fr_random_upto(t->env, (uint32_t)bound);
}

static bool may_go_on(enum fr_code rc, bool proven)
{
    switch (rc) {
    case FR_EUNREACHABLE:
    case FR_EBUSY:
        return true;
    case FR_EINVALID:
    case FR_EPARSE:
    case FR_ELIMIT:
    case FR_EREFUSED:
    case FR_EUNSUPPORTED:
        return proven;
    default:
        return false;
    }
}

/* A MEF that does not wait as it was asked to must not make us spin. */
static enum fr_code keep_pace(struct fr_target *t, int64_t since, struct fr_err *err)
{
    int64_t left = since + PACE_MS - fr_mono_ms(t->env);

    return left > 0 ? t->sleep(t->ctx, left, err) : FR_OK;
}

enum fr_code fr_target_watch(struct fr_target *t, struct fr_err *err)
{
    unsigned failures = 0;
    bool proven = false;

    for (;;) {
        int64_t begun = fr_mono_ms(t->env);
        enum fr_code rc = fr_target_pass(t, proven ? wait_for_news(t) : 0, err);

        if (rc == FR_OK) {
            failures = 0;
            rc = proven ? keep_pace(t, begun, err) : FR_OK;
            proven = true;
        } else if (may_go_on(rc, proven)) {
            fr_target_warn(t, err->msg);
            rc = t->sleep(t->ctx, back_off(t, failures++), err);
        }
        if (rc == FR_EINTERRUPTED)
            return FR_OK;
        FR_TRY(rc);
    }
}
