/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_mef.h"

#define AWAY(path_)                                                                    \
    {                                                                                  \
        .path = (path_), .code = FR_EUNREACHABLE, .body = "away"                       \
    }
#define STOPPED(path_)                                                                 \
    {                                                                                  \
        .path = (path_), .code = FR_EINTERRUPTED, .body = "stopped"                    \
    }
#define NOTHING(path_) OK_BODY(path_, FEED("0", ""))

static void stop_while_asking_ends_cleanly(void **state)
{
    static const struct reply replies[] = {NOTHING(SINCE("0")),
                                           STOPPED(SINCE("0") "&wait=50")};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    assert_int_equal(b.timeout_ms, FR_TARGET_TIMEOUT_MS + 50000);
    bench_close(&b);
}

static void stop_while_sleeping_ends_cleanly(void **state)
{
    static const struct reply replies[] = {AWAY(SINCE("0"))};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    b.stop_at = 1;
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    bench_close(&b);
}

static void changes_are_followed(void **state)
{
    static const struct reply replies[] = {
        NOTHING(SINCE("0")),
        OK_BODY(SINCE("0") "&wait=50", FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(FETCH("A"), GIVES_A),
        OK_BODY(SINCE("4"), FEED("4", "")),
        STOPPED(SINCE("4") "&wait=50"),
    };
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    assert_holds(b.psk_path, LINE_OF("A"));
    bench_close(&b);
}

/* The MEF answers at once though it was asked to wait. */
static void mef_that_does_not_wait_cannot_make_us_spin(void **state)
{
    static const struct reply replies[] = {
        NOTHING(SINCE("0")), NOTHING(SINCE("0") "&wait=50"),
        NOTHING(SINCE("0") "&wait=50"), STOPPED(SINCE("0") "&wait=50")};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    assert_int_equal(b.n_slept, 2);
    assert_int_equal(b.slept[0], 1000);
    assert_int_equal(b.slept[1], 1000);
    bench_close(&b);
}

static void wait_ends_at_the_next_expiry(void **state)
{
    static const struct reply replies[] = {NOTHING(SINCE("0")),
                                           STOPPED(SINCE("0") "&wait=12")};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "AB");
    b.target.cache->list[1].expires = b.env.wall_s + 12;
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    bench_close(&b);
}

static void unreachable_mef_is_asked_again_with_growing_waits(void **state)
{
    static const struct reply replies[] = {
        AWAY(SINCE("0")), AWAY(SINCE("0")), AWAY(SINCE("0")), AWAY(SINCE("0")),
        AWAY(SINCE("0")), AWAY(SINCE("0")), AWAY(SINCE("0")), AWAY(SINCE("0"))};
    static const int64_t bounds[] = {1000,  2000,  4000,  8000,
                                     16000, 32000, 60000, 60000};
    int64_t longest = 0;

    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct fr_err err = {0};
        struct bench b;

        bench_open(&b, state, "");
        b.env.seed = seed;
        b.stop_at = 8;
        LAY_OUT(&b, replies);
        assert_ok(fr_target_watch(&b.target, &err));
        for (size_t i = 0; i < 8; i++)
            assert_in_range(b.slept[i], 0, bounds[i]);
        longest = b.slept[7] > longest ? b.slept[7] : longest;
        assert_int_equal(b.n_news, 8); /* a warning each */
        bench_close(&b);
    }
    assert_in_range(longest, 32001, 60000);
}

static void success_sets_the_back_off_back(void **state)
{
    static const struct reply replies[] = {AWAY(SINCE("0")),
                                           AWAY(SINCE("0")),
                                           AWAY(SINCE("0")),
                                           AWAY(SINCE("0")),
                                           AWAY(SINCE("0")),
                                           NOTHING(SINCE("0")),
                                           AWAY(SINCE("0") "&wait=50"),
                                           STOPPED(SINCE("0") "&wait=50")};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    assert_int_equal(b.n_slept, 6);
    assert_in_range(b.slept[5], 0, 1000);
    bench_close(&b);
}

static void retry_after_is_honoured_up_to_a_limit(void **state)
{
    static const struct reply replies[] = {
        {SINCE("0"), FR_EUNREACHABLE, 5103, "busy", 7000},
        {SINCE("0"), FR_EUNREACHABLE, 5103, "busy", INT64_MAX}};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    b.stop_at = 2;
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    assert_int_equal(b.slept[0], 7000);
    assert_int_equal(b.slept[1], FR_TARGET_RETRY_AFTER_MAX);
    bench_close(&b);
}

static void what_the_first_pass_finds_wrong_ends_it(void **state)
{
    static const struct reply refused[] = {
        {.path = SINCE("0"), .code = FR_EREFUSED, .rsc = 4103, .body = "not a target"}};
    static const struct reply nonsense[] = {OK_BODY(SINCE("0"), "nonsense")};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, refused);
    assert_fails(fr_target_watch(&b.target, &err), FR_EREFUSED);
    bench_close(&b);
    bench_open(&b, state, "");
    LAY_OUT(&b, nonsense);
    assert_fails(fr_target_watch(&b.target, &err), FR_EINVALID);
    bench_close(&b);
}

/* An operator's mistake at the MEF must not end a broker's feed for good. */
static void later_refusals_are_waited_out(void **state)
{
    static const struct reply replies[] = {
        NOTHING(SINCE("0")),
        {.path = SINCE("0") "&wait=50", .code = FR_EREFUSED, .rsc = 4103, .body = "no"},
        OK_BODY(SINCE("0") "&wait=50", "nonsense"),
        STOPPED(SINCE("0") "&wait=50")};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    assert_ok(fr_target_watch(&b.target, &err));
    assert_int_equal(b.n_slept, 2);
    bench_close(&b);
}

static void failure_at_home_ends_it_at_any_time(void **state)
{
    static const struct reply replies[] = {
        NOTHING(SINCE("0")),
        OK_BODY(SINCE("0") "&wait=50", FEED("4", CHANGE("4", "revoked", "A")))};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "A");
    b.target.cache->complete = true;
    b.target.cache_path = in(state, "none/cache");
    LAY_OUT(&b, replies);
    assert_fails(fr_target_watch(&b.target, &err), FR_ESTORE);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(stop_while_asking_ends_cleanly),
        IN_FOLDER(stop_while_sleeping_ends_cleanly),
        IN_FOLDER(changes_are_followed),
        IN_FOLDER(mef_that_does_not_wait_cannot_make_us_spin),
        IN_FOLDER(wait_ends_at_the_next_expiry),
        IN_FOLDER(unreachable_mef_is_asked_again_with_growing_waits),
        IN_FOLDER(success_sets_the_back_off_back),
        IN_FOLDER(retry_after_is_honoured_up_to_a_limit),
        IN_FOLDER(what_the_first_pass_finds_wrong_ends_it),
        IN_FOLDER(later_refusals_are_waited_out),
        IN_FOLDER(failure_at_home_ends_it_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
