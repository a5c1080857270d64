/* SPDX-License-Identifier: Apache-2.0 */
/* What a target takes from no MEF, and what it cannot keep. */
#include "target/sync.h"

#include "fake_mef.h"

static void assert_refused_body(void **state, const char *body, const char *reason)
{
    const struct reply replies[] = {OK_BODY(SINCE("8"), body)};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "A");
    b.target.cache->cursor = 8;
    LAY_OUT(&b, replies);
    assert_int_equal(fr_target_pass(&b.target, 0, &err), FR_EINVALID);
    if (reason)
        assert_string_equal(err.reason, reason);
    assert_int_equal(b.target.cache->cursor, 8);
    assert_int_equal(b.target.cache->n, 1);
    assert_int_equal(b.n_news, 0);
    bench_close(&b);
}

static void malformed_feeds_are_refused_as_a_whole(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"cursor\":9}",
        FEED("9", "7"),
        FEED("9", CHANGE("9", "renamed", "A")),
        FEED("9", CHANGE("9", "revoked", "A") ",{}"),
        FEED("9", CHANGE_AT("9", "revoked", "x", MEF, "20330518T033320")),
        FEED("9", CHANGE_AT("9", "revoked", "A/../..", MEF, "20330518T033320")),
        FEED("9", CHANGE_AT("9", "revoked", "A", "a:b", "20330518T033320")),
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused_body(state, bad[i], NULL);
}

static void key_id_of_another_mef_is_refused(void **state)
{
    assert_refused_body(
        state,
        FEED("9", CHANGE("8", "revoked", "A") "," CHANGE_AT(
                      "9", "added", "B", "mef2.example", "20330518T033320")),
        "feed-malformed");
}

static void cursor_that_does_not_move_on_is_refused(void **state)
{
    assert_refused_body(state, FEED("8", CHANGE("8", "revoked", "A")),
                        "feed-malformed");
    assert_refused_body(state, FEED("7", ""), "feed-malformed");
}

static void feed_that_begins_again_and_again_is_refused(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("9"), FEED_RESET("3", CHANGE("3", "added", "A"))),
        OK_BODY(SINCE("3"), FEED_RESET("3", CHANGE("3", "added", "A"))),
    };
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "A");
    b.target.cache->cursor = 9;
    LAY_OUT(&b, replies);
    assert_fails_as(fr_target_pass(&b.target, 0, &err), FR_EINVALID, "feed-malformed");
    bench_close(&b);
}

/* A key of another length, no key, and things that are no answer. */
static void answers_without_a_good_key_are_refused_and_not_shown(void **state)
{
    static const char *const bad[] = {
        "{\"status\":true,\"credential\":\"qqqq\",\"enroleeID\":\"x\","
        "\"lifetime\":\"20330518T033320\"}",
        "{\"status\":true,\"credential\":\"\",\"enroleeID\":\"x\","
        "\"lifetime\":\"20330518T033320\"}",
        "{\"status\":true,\"credential\":\"qq!q\",\"enroleeID\":\"x\","
        "\"lifetime\":\"20330518T033320\"}",
        "{\"status\":true,\"enroleeID\":\"x\",\"lifetime\":\"20330518T033320\"}",
        "{\"status\":\"qqqq\"}",
        "qqqq",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct reply replies[] = {
            OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
            OK_BODY(FETCH("A"), bad[i]),
        };
        struct fr_err err = {0};
        struct bench b;

        bench_open(&b, state, "");
        LAY_OUT(&b, replies);
        assert_fails(fr_target_pass(&b.target, 0, &err), FR_EINVALID);
        assert_null(strstr(err.msg, "qqqq"));
        assert_int_equal(b.target.cache->n, 0);
        assert_int_equal(b.target.cache->cursor, 0);
        bench_close(&b);
    }
}

static void refusal_of_the_feed_is_the_passes(void **state)
{
    static const struct reply replies[] = {
        {.path = SINCE("0"), .code = FR_EREFUSED, .rsc = 4103, .body = "not a target"}};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_EREFUSED);
    bench_close(&b);
}

static void cache_that_cannot_be_saved_is_a_store_failure(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(FETCH("A"), GIVES_A),
    };
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    b.target.cache_path = in(state, "none/cache");
    LAY_OUT(&b, replies);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_ESTORE);
    bench_close(&b);
}

static void psk_file_that_cannot_be_written_is_a_store_failure(void **state)
{
    static const struct reply replies[] = {OK_BODY(SINCE("0"), FEED("0", ""))};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    b.target.psk_file = in(state, "none/psk");
    LAY_OUT(&b, replies);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_ESTORE);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(malformed_feeds_are_refused_as_a_whole),
        IN_FOLDER(key_id_of_another_mef_is_refused),
        IN_FOLDER(cursor_that_does_not_move_on_is_refused),
        IN_FOLDER(feed_that_begins_again_and_again_is_refused),
        IN_FOLDER(answers_without_a_good_key_are_refused_and_not_shown),
        IN_FOLDER(refusal_of_the_feed_is_the_passes),
        IN_FOLDER(cache_that_cannot_be_saved_is_a_store_failure),
        IN_FOLDER(psk_file_that_cannot_be_written_is_a_store_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
