/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the wall clock may end keys. What retires is gone for good, so a clock that
 * somebody set wrong must not retire it: the wall clock is believed as far as the
 * monotonic one has counted since it was believed last.
 *
 * A difference of more than an hour is a step. From a step on, or from a start more
 * than a day after the time that the database knew last, nothing is retired until the
 * clock is back or a day has been counted: time for an operator to see it. Meanwhile
 * nobody gets an expired key, since that is asked for by the wall clock alone.
 */
#include "base/log.h"
#include "base/str.h"
#include "base/timetext.h"
#include "server/vault/internal.h"

#define KNOWN "clock" /* in the store's facts: the last time that was believed */

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

static int64_t offset_ms(const struct fr_vault *v)
{
    return fr_wall_s(v->env) * 1000 - fr_mono_ms(v->env);
}

static bool is_off(const struct fr_vault *v)
{
    int64_t ahead = offset_ms(v) - v->clock.base_ms;

    return ahead > v->clock.slack_ms || ahead < -HOUR_MS;
}

static void believe(struct fr_vault *v)
{
    v->clock.base_ms = offset_ms(v);
    v->clock.slack_ms = HOUR_MS;
}

/* With said NULL only the time is kept. */
static enum fr_code write_line(struct fr_vault *v, const struct fr_said *said,
                               const char *text, struct fr_err *err)
{
    char number[24];

    if (!v->clock.is_doubted) {
        snprintf(number, sizeof number, "%lld", (long long)fr_wall_s(v->env));
        FR_TRY(FR_ASK(v, err, meta_set, KNOWN, number));
    }
    return said ? fr_vault_audit(v, said, err, "%s", text) : FR_OK;
}

/* A batch of its own. */
static enum fr_code note(struct fr_vault *v, const struct fr_said *said,
                         const char *text, struct fr_err *err)
{
    enum fr_code rc;

    FR_TRY(fr_vault_begin(v, err));
    rc = write_line(v, said, text, err);
    if (rc == FR_OK)
        return fr_vault_commit(v, err);
    fr_vault_rollback(v);
    return rc;
}

static enum fr_code say(struct fr_vault *v, const char *reason, const char *what,
                        struct fr_err *err)
{
    const struct fr_said said = {.actor = "vault",
                                 .action = "clock",
                                 .subject = "",
                                 .decision = "noted",
                                 .reason = reason};
    char text[FR_ERR_MSG_MAX], is[FR_TIME_TEXT], was[FR_TIME_TEXT];
    enum fr_code rc;

    snprintf(text, sizeof text, "the clock says %s, by what was counted it is %s: %s",
             fr_rfc3339_format(fr_wall_s(v->env), is),
             fr_rfc3339_format((v->clock.base_ms + fr_mono_ms(v->env)) / 1000, was),
             what);
    rc = note(v, &said, text, err);
    if (rc == FR_OK || v->clock.is_doubted) /* else it is said again */
        fr_log(FR_LOG_WARN, "%s", text);
    return rc;
}

static enum fr_code doubt(struct fr_vault *v, struct fr_err *err)
{
    v->clock.is_doubted = true;
    v->clock.since_ms = fr_mono_ms(v->env);
    return say(v, "clock-step",
               "no key retires until it is back, or for 24 hours: set it right", err);
}

static enum fr_code stop_doubting(struct fr_vault *v, const char *reason,
                                  const char *what, struct fr_err *err)
{
    enum fr_code rc;

    v->clock.is_doubted = false;
    rc = say(v, reason, what, err);
    if (rc == FR_OK)
        believe(v);
    else
        v->clock.is_doubted = true; /* since when it was, until it can be said */
    return rc;
}

enum fr_code fr_vault_watch_clock(struct fr_vault *v, bool *ret_holds,
                                  struct fr_err *err)
{
    bool off = is_off(v);
    enum fr_code rc = FR_OK;

    if (off && !v->clock.is_doubted)
        rc = doubt(v, err);
    else if (!off && v->clock.is_doubted)
        rc = stop_doubting(v, "clock-back", "keys retire again", err);
    else if (off && fr_mono_ms(v->env) - v->clock.since_ms >= DAY_MS)
        rc =
            stop_doubting(v, "clock-believed", "a day has passed, it is believed", err);
    *ret_holds = v->clock.is_doubted;
    return rc;
}

enum fr_code fr_vault_keep_time(struct fr_vault *v, struct fr_err *err)
{
    int64_t now_ms = fr_mono_ms(v->env);

    if (v->clock.kept_ms && now_ms - v->clock.kept_ms < HOUR_MS)
        return FR_OK;
    FR_TRY(note(v, NULL, NULL, err));
    v->clock.kept_ms = now_ms;
    return FR_OK;
}

static enum fr_code start_from(struct fr_vault *v, struct fr_slice text,
                               struct fr_err *err)
{
    bool holds = false;
    uint64_t known;

    if (!fr_uint_parse(text, INT64_MAX / 1000, &known))
        return FR_FAIL(err, FR_ESTORE, "the time in the database is no number");
    v->clock.base_ms = (int64_t)known * 1000 - fr_mono_ms(v->env);
    v->clock.slack_ms = DAY_MS;
    FR_TRY(fr_vault_watch_clock(v, &holds, err));
    if (!holds)
        believe(v);
    return FR_OK;
}

/* A disk that is full does not keep a vault from serving. */
enum fr_code fr_vault_open_clock(struct fr_vault *v, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(24);
    enum fr_code rc = FR_ASK(v, err, meta_get, KNOWN, &text);
    struct fr_err unsaid = {0};

    believe(v);
    if (rc != FR_OK && rc != FR_ENOTFOUND)
        return rc;
    if (rc == FR_OK)
        rc = start_from(v, fr_buf_view(&text), &unsaid);
    if (!v->clock.is_doubted)
        rc = fr_vault_keep_time(v, &unsaid);
    if (rc != FR_OK)
        fr_log(FR_LOG_ERROR, "keeping the time: %s", unsaid.msg);
    return FR_OK;
}
