/* SPDX-License-Identifier: Apache-2.0 */
#include "target/sync.h"

#include <signal.h>

#include "fake_mef.h"

static void pass(struct bench *b)
{
    struct fr_err err = {0};

    assert_ok(fr_target_pass(&b->target, 0, &err));
}

static void assert_news(const struct bench *b, size_t i, enum fr_target_news_kind kind,
                        const char *id)
{
    assert_true(i < b->n_news);
    assert_string_equal(fr_target_news_name(b->news[i].kind),
                        fr_target_news_name(kind));
    assert_string_equal(b->news[i].key_id, id);
}

/* ---- what is added ---- */

static void added_key_is_fetched_kept_and_published(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(FETCH("A"), GIVES_A),
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    FR_AUTO(target_cache) *saved = NULL;
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    pass(&b);
    assert_holds(b.psk_path, LINE_OF("A"));
    assert_ok(fr_target_cache_load(b.cache_path, &saved, &err));
    assert_int_equal(saved->cursor, 4);
    assert_true(saved->complete);
    assert_hex(fr_secret_view(saved->list[0].key), KEY_HEX_A);
    assert_string_equal(saved->list[0].enrolee, "dns:dev-a.example");
    assert_int_equal(saved->list[0].expires, 2000000000);
    assert_int_equal(b.n_news, 1);
    assert_news(&b, 0, FR_NEWS_ADDED, key_id('A'));
    bench_close(&b);
}

/* ---- keys of SIMs ---- */

#define BTID   "I1U8vpY3qJ0hiq5iTb+/NQ==@" MEF
#define IN_URI "I1U8vpY3qJ0hiq5iTb%2B%2FNQ%3D%3D"
#define BTID_ADDED                                                                     \
    "{\"seq\":4,\"change\":\"added\",\"keyId\":\"" BTID                                \
    "\",\"suid\":22,\"enroleeID\":\"x\",\"lifetime\":\"20330518T033320\"}"
#define GIVES(ua)                                                                      \
    "{\"status\":true,\"credential\":\"" KEY_B64_A "\",\"ua\":\"" ua                   \
    "\",\"uiccCredential\":\"" KEY_B64_A                                               \
    "\",\"enroleeID\":\"x\",\"lifetime\":\"20330518T033320\"}"

static void key_of_a_sim_is_asked_for_by_its_protocol(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("4", BTID_ADDED)),
        OK_BODY("/fetchCredentials/" IN_URI "%40" MEF "/22?ua=tls1.3", GIVES("tls1.3")),
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    struct bench b;

    bench_open(&b, state, "");
    b.target.cache->ua = FR_UA_TLS13;
    LAY_OUT(&b, replies);
    pass(&b);
    assert_string_equal(b.last, IN_URI);
    assert_holds(b.psk_path,
                 BTID ":" KEY_HEX_A "\n3GPP-bootstrapping;" BTID ":" KEY_HEX_A "\n");
    bench_close(&b);
}

static void key_for_another_protocol_is_not_taken(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("4", BTID_ADDED)),
        OK_BODY("/fetchCredentials/" IN_URI "%40" MEF "/22?ua=tls1.2", GIVES("tls1.3")),
    };
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    assert_fails_as(fr_target_pass(&b.target, 0, &err), FR_EINVALID, "fetched-ua");
    assert_int_equal(b.target.cache->n, 0);
    bench_close(&b);
}

static void another_protocol_begins_anew_and_leaves_other_keys(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("A");
    struct fr_target_key k = key_of('A', 2000000000);
    struct fr_err err = {0};

    (void)state;
    snprintf(k.key_id, sizeof k.key_id, BTID);
    assert_ok(fr_target_cache_put(c, &k, &err));
    c->cursor = 9;
    c->complete = true;
    fr_target_use_ua(c, FR_UA_TLS12);
    assert_true(c->n == 2 && c->cursor == 9 && c->complete);
    fr_target_use_ua(c, FR_UA_DTLS12);
    assert_true(c->n == 1 && c->cursor == 0 && !c->complete);
    assert_non_null(fr_target_cache_find(c, key_id('A')));
    assert_int_equal(c->ua, FR_UA_DTLS12);
}

static void feed_is_read_to_its_end(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(FETCH("A"), GIVES_A),
        OK_BODY(SINCE("4"), FEED("9", CHANGE("9", "added", "B"))),
        OK_BODY(FETCH("B"), GIVES_A),
        OK_BODY(SINCE("9"), FEED("9", "")),
    };
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    pass(&b);
    assert_holds(b.psk_path, LINE_OF("A") LINE_OF("B"));
    bench_close(&b);
}

static void next_pass_asks_from_the_cursor(void **state)
{
    static const struct reply replies[] = {OK_BODY(SINCE("17"), FEED("17", ""))};
    struct bench b;

    bench_open(&b, state, "A");
    b.target.cache->cursor = 17;
    LAY_OUT(&b, replies);
    pass(&b);
    assert_int_equal(b.n_news, 0);
    bench_close(&b);
}

static void key_that_is_there_already_is_not_fetched_again(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    struct bench b;

    bench_open(&b, state, "A");
    LAY_OUT(&b, replies);
    pass(&b);
    assert_int_equal(b.n_news, 0);
    bench_close(&b);
}

static void key_that_has_expired_is_not_fetched(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"),
                FEED("4", CHANGE_AT("4", "added", "A", MEF, "20200101T000000"))),
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    pass(&b);
    assert_int_equal(b.target.cache->n, 0);
    bench_close(&b);
}

/* ---- what goes ---- */

static void retired_and_revoked_keys_lose_their_lines(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"),
                FEED("6", CHANGE("5", "retired", "B") "," CHANGE("6", "revoked", "C"))),
        OK_BODY(SINCE("6"), FEED("6", "")),
    };
    struct bench b;

    bench_open(&b, state, "ABC");
    LAY_OUT(&b, replies);
    pass(&b);
    assert_holds(b.psk_path, LINE_OF("A"));
    assert_int_equal(b.n_news, 2);
    assert_news(&b, 0, FR_NEWS_RETIRED, key_id('B'));
    assert_news(&b, 1, FR_NEWS_REVOKED, key_id('C'));
    bench_close(&b);
}

static void revocation_of_an_unknown_key_is_no_news(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("6", CHANGE("6", "revoked", "C"))),
        OK_BODY(SINCE("6"), FEED("6", "")),
    };
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, replies);
    pass(&b);
    assert_int_equal(b.n_news, 0);
    bench_close(&b);
}

static void expired_key_loses_its_line_even_if_the_mef_is_away(void **state)
{
    static const struct reply replies[] = {
        {.path = SINCE("0"), .code = FR_EUNREACHABLE, .body = "away"}};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "AB");
    b.target.cache->complete = true;
    b.target.cache->list[1].expires = b.env.wall_s;
    LAY_OUT(&b, replies);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_EUNREACHABLE);
    assert_holds(b.psk_path, LINE_OF("A"));
    assert_int_equal(b.n_news, 1);
    assert_news(&b, 0, FR_NEWS_EXPIRED, key_id('B'));
    bench_close(&b);
}

static void key_that_was_added_and_revoked_is_passed_over(void **state)
{
    static const struct reply not_found[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        {.path = FETCH("A"), .code = FR_EINVALID, .rsc = 4004, .body = "not found"},
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    static const struct reply not_allowed[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        {.path = FETCH("A"), .code = FR_EREFUSED, .rsc = 4103, .body = "not yours"},
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    static const struct reply status_false[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(FETCH("A"), "{\"status\":false,\"errorString\":\"gone\"}"),
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    static const struct reply *const all[] = {not_found, not_allowed, status_false};

    for (size_t i = 0; i < 3; i++) {
        struct bench b;

        bench_open(&b, state, "");
        b.replies = all[i];
        b.n = 3;
        pass(&b);
        assert_int_equal(b.target.cache->n, 0);
        assert_int_equal(b.target.cache->cursor, 4);
        assert_int_equal(b.n_news, 1);
        assert_news(&b, 0, FR_NEWS_WITHHELD, key_id('A'));
        assert_true(b.news[0].text[0] != 0);
        bench_close(&b);
    }
}

/* ---- cuts ---- */

static void cut_keeps_what_was_fetched_and_reads_the_answer_again(void **state)
{
    static const struct reply cut[] = {
        OK_BODY(SINCE("0"),
                FEED("5", CHANGE("4", "added", "A") "," CHANGE("5", "added", "B"))),
        OK_BODY(FETCH("A"), GIVES_A),
        {.path = FETCH("B"), .code = FR_EUNREACHABLE, .body = "cut"},
    };
    static const struct reply again[] = {
        OK_BODY(SINCE("0"),
                FEED("5", CHANGE("4", "added", "A") "," CHANGE("5", "added", "B"))),
        OK_BODY(FETCH("B"), GIVES_A),
        OK_BODY(SINCE("5"), FEED("5", "")),
    };
    FR_AUTO(target_cache) *saved = NULL;
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "");
    LAY_OUT(&b, cut);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_EUNREACHABLE);
    assert_ok(fr_target_cache_load(b.cache_path, &saved, &err));
    assert_int_equal(saved->n, 1);
    assert_int_equal(saved->cursor, 0);
    LAY_OUT(&b, again);
    pass(&b);
    assert_holds(b.psk_path, LINE_OF("A") LINE_OF("B"));
    bench_close(&b);
}

static void psk_file_is_left_alone_until_the_first_feed_was_read_whole(void **state)
{
    static const struct reply replies[] = {
        {.path = SINCE("0"), .code = FR_EUNREACHABLE, .body = "away"}};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, ""); /* a lost cache */
    write_text(b.psk_path, LINE_OF("A"));
    LAY_OUT(&b, replies);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_EUNREACHABLE);
    assert_holds(b.psk_path, LINE_OF("A"));
    bench_close(&b);
}

static void psk_file_that_was_lost_comes_back_from_the_cache(void **state)
{
    static const struct reply replies[] = {
        {.path = SINCE("0"), .code = FR_EUNREACHABLE, .body = "away"}};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "A");
    b.target.cache->complete = true;
    LAY_OUT(&b, replies);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_EUNREACHABLE);
    assert_holds(b.psk_path, LINE_OF("A"));
    bench_close(&b);
}

/* ---- the feed begins again ---- */

static void reset_drops_what_the_feed_no_longer_mentions(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("99"), FEED_RESET("3", CHANGE("3", "added", "A"))),
        OK_BODY(SINCE("3"), FEED("7", CHANGE("7", "added", "C"))),
        OK_BODY(FETCH("C"), GIVES_A),
        OK_BODY(SINCE("7"), FEED("7", "")),
    };
    struct bench b;

    bench_open(&b, state, "AB");
    b.target.cache->cursor = 99;
    b.target.cache->complete = true;
    LAY_OUT(&b, replies);
    pass(&b);
    assert_holds(b.psk_path, LINE_OF("A") LINE_OF("C"));
    assert_int_equal(b.n_news, 2);
    assert_news(&b, 0, FR_NEWS_ADDED, key_id('C'));
    assert_news(&b, 1, FR_NEWS_DROPPED, key_id('B'));
    bench_close(&b);
}

static void reset_that_is_cut_drops_nothing_and_is_finished_later(void **state)
{
    static const struct reply cut[] = {
        OK_BODY(SINCE("99"), FEED_RESET("3", CHANGE("3", "added", "A"))),
        {.path = SINCE("3"), .code = FR_EUNREACHABLE, .body = "cut"},
    };
    static const struct reply rest[] = {OK_BODY(SINCE("3"), FEED("3", ""))};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "AB");
    b.target.cache->cursor = 99;
    b.target.cache->complete = true;
    LAY_OUT(&b, cut);
    assert_fails(fr_target_pass(&b.target, 0, &err), FR_EUNREACHABLE);
    fr_target_cache_free(b.target.cache); /* the process ends; another one goes on */
    assert_ok(fr_target_cache_load(b.cache_path, &b.target.cache, &err));
    assert_int_equal(b.target.cache->n, 2);
    LAY_OUT(&b, rest);
    pass(&b);
    assert_holds(b.psk_path, LINE_OF("A"));
    assert_news(&b, 0, FR_NEWS_DROPPED, key_id('B'));
    bench_close(&b);
}

static void question_says_whose_change_is_at_its_cursor(void **state)
{
    static const struct reply first[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    static const struct reply next[] = {OK_BODY(SINCE("4"), FEED_RESET("0", ""))};
    struct fr_err err = {0};
    struct bench b;

    bench_open(&b, state, "A");
    LAY_OUT(&b, first);
    pass(&b);
    assert_string_equal(b.last, "0000000000000000000000000000000A");
    fr_target_cache_free(b.target.cache); /* another process goes on */
    assert_ok(fr_target_cache_load(b.cache_path, &b.target.cache, &err));
    LAY_OUT(&b, next);
    pass(&b);
    assert_string_equal(b.last, "0000000000000000000000000000000A");
    assert_string_equal(b.target.cache->last, "");
    bench_close(&b);
}

static void clock_that_was_ahead_has_the_feed_read_again(void **state)
{
    static const struct reply ahead[] = {OK_BODY(SINCE("9"), FEED("9", ""))};
    static const struct reply back[] = {
        OK_BODY(SINCE("0"), FEED("4", CHANGE("4", "added", "A"))),
        OK_BODY(FETCH("A"), GIVES_A),
        OK_BODY(SINCE("4"), FEED("4", "")),
    };
    const int64_t year = 365 * 86400;
    struct bench b;

    bench_open(&b, state, "A");
    b.target.cache->cursor = 9;
    b.target.cache->complete = true;
    b.env.wall_s += 20 * year;
    LAY_OUT(&b, ahead);
    pass(&b);
    assert_holds(b.psk_path, "");
    assert_news(&b, 0, FR_NEWS_EXPIRED, key_id('A'));
    b.env.wall_s -= 20 * year;
    LAY_OUT(&b, back);
    pass(&b);
    assert_holds(b.psk_path, LINE_OF("A"));
    LAY_OUT(&b, (const struct reply[1]){OK_BODY(SINCE("4"), FEED("4", ""))});
    pass(&b); /* once is enough */
    bench_close(&b);
}

static void reset_to_an_empty_feed_drops_everything(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("99"), FEED_RESET("0", "")),
    };
    struct bench b;

    bench_open(&b, state, "AB");
    b.target.cache->cursor = 99;
    LAY_OUT(&b, replies);
    pass(&b);
    assert_holds(b.psk_path, "");
    assert_int_equal(b.n_news, 2);
    assert_int_equal(b.target.cache->cursor, 0);
    bench_close(&b);
}

/* ---- the broker ---- */

static volatile sig_atomic_t hups;

static void count_hup(int signal_number)
{
    (void)signal_number;
    hups++;
}

static void broker_is_told_only_when_its_file_changed(void **state)
{
    static const struct reply replies[] = {
        OK_BODY(SINCE("0"), FEED("0", "")),
        OK_BODY(SINCE("0"), FEED("0", "")),
    };
    char pid[32];
    struct bench b;

    bench_open(&b, state, "A");
    b.target.pid_file = in(state, "pid");
    snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    write_text(b.target.pid_file, pid);
    LAY_OUT(&b, replies);
    hups = 0;
    signal(SIGHUP, count_hup);
    pass(&b);
    assert_int_equal(hups, 1);
    pass(&b);
    assert_int_equal(hups, 1);
    signal(SIGHUP, SIG_DFL);
    bench_close(&b);
}

static void broker_that_does_not_run_is_a_warning(void **state)
{
    static const struct reply replies[] = {OK_BODY(SINCE("0"), FEED("0", ""))};
    struct bench b;

    bench_open(&b, state, "A");
    b.target.pid_file = in(state, "none");
    LAY_OUT(&b, replies);
    pass(&b);
    assert_int_equal(b.n_news, 1);
    assert_int_equal(b.news[0].kind, FR_NEWS_WARNING);
    assert_contains(b.news[0].text, "none");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(added_key_is_fetched_kept_and_published),
        IN_FOLDER(key_of_a_sim_is_asked_for_by_its_protocol),
        IN_FOLDER(key_for_another_protocol_is_not_taken),
        cmocka_unit_test(another_protocol_begins_anew_and_leaves_other_keys),
        IN_FOLDER(feed_is_read_to_its_end),
        IN_FOLDER(next_pass_asks_from_the_cursor),
        IN_FOLDER(question_says_whose_change_is_at_its_cursor),
        IN_FOLDER(clock_that_was_ahead_has_the_feed_read_again),
        IN_FOLDER(key_that_is_there_already_is_not_fetched_again),
        IN_FOLDER(key_that_has_expired_is_not_fetched),
        IN_FOLDER(retired_and_revoked_keys_lose_their_lines),
        IN_FOLDER(revocation_of_an_unknown_key_is_no_news),
        IN_FOLDER(expired_key_loses_its_line_even_if_the_mef_is_away),
        IN_FOLDER(key_that_was_added_and_revoked_is_passed_over),
        IN_FOLDER(cut_keeps_what_was_fetched_and_reads_the_answer_again),
        IN_FOLDER(psk_file_is_left_alone_until_the_first_feed_was_read_whole),
        IN_FOLDER(psk_file_that_was_lost_comes_back_from_the_cache),
        IN_FOLDER(reset_drops_what_the_feed_no_longer_mentions),
        IN_FOLDER(reset_that_is_cut_drops_nothing_and_is_finished_later),
        IN_FOLDER(reset_to_an_empty_feed_drops_everything),
        IN_FOLDER(broker_is_told_only_when_its_file_changed),
        IN_FOLDER(broker_that_does_not_run_is_a_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
