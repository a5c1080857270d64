/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "attempt_sample.h"

#define SAMPLE                                                                         \
    "{\"list\":\"0123456789abcdef\",\"position\":\"3.1\",\"kind\":\"bootstrap\","      \
    "\"method\":\"certificate\",\"mef\":\"mef.example.com\","                          \
    "\"target\":\"broker.example.com\",\"phase\":\"handshake\",\"class\":\"refused\"," \
    "\"reason\":\"tls-alert-48\","                                                     \
    "\"text\":\"mef.example.com sent TLS alert 48, unknown_ca\","                      \
    "\"start\":\"2026-11-24T03:07:19Z\",\"durationMs\":1234,\"octetsOut\":517,"        \
    "\"octetsIn\":7}"

static struct fr_attempt round_trip(const struct fr_attempt *a)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt read;
    struct fr_err err = {0};

    assert_ok(fr_attempt_to_json(a, &json, &err));
    assert_ok(fr_attempt_from_json(fr_buf_view(&json), &read, &err));
    return read;
}

static void a_record_has_exactly_this_form(void **state)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt a = attempt_sample();
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_attempt_to_json(&a, &json, &err));
    assert_string_equal(fr_buf_cstr(&json), SAMPLE);
}

static void what_was_written_is_read_again(void **state)
{
    struct fr_attempt a = attempt_sample(), b = round_trip(&a);

    (void)state;
    assert_same_attempt(&a, &b);
    assert_int_equal(b.result.retry_after_ms, -1);
}

static void a_discovery_has_a_resource(void **state)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt a = attempt_sample(), b;
    struct fr_err err = {0};

    (void)state;
    a.kind = FR_DISCOVERY;
    strcpy(a.position, "64");
    strcpy(a.peer, "file:///etc/x");
    a.target[0] = 0;
    b = round_trip(&a);
    assert_same_attempt(&a, &b);
    assert_ok(fr_attempt_to_json(&a, &json, &err));
    assert_contains(fr_buf_cstr(&json), "\"resource\":\"file:///etc/x\"");
    assert_null(strstr(fr_buf_cstr(&json), "\"mef\""));
}

static void every_class_and_phase_survives(void **state)
{
    (void)state;
    for (int c = FR_CLASS_PROVISIONED; c <= FR_CLASS_INTERRUPTED; c++) {
        for (int p = FR_PHASE_TRIGGER; p <= FR_PHASE_DONE; p++) {
            struct fr_attempt a = attempt_sample(), b;

            a.result.class = (enum fr_class)c;
            a.result.phase = (enum fr_phase)p;
            b = round_trip(&a);
            assert_same_attempt(&a, &b);
        }
    }
}

static void a_peers_hostile_words_are_made_harmless(void **state)
{
    struct fr_attempt a = attempt_sample(), b;

    (void)state;
    strcpy(a.result.text, "\x1b[2J\"},{\n\\\xff\xc3\xa9");
    b = round_trip(&a);
    assert_string_equal(b.result.text, "\\x1b[2J\"},{\\x0a\\\\xff\xc3\xa9");
}

static void the_longest_texts_fit_and_survive(void **state)
{
    struct fr_attempt a = attempt_sample(), b;

    (void)state;
    memset(a.result.text, '"', sizeof a.result.text - 1);
    memset(a.peer, '\\', sizeof a.peer - 1);
    memset(a.target, '"', sizeof a.target - 1);
    memset(a.method, '"', sizeof a.method - 1);
    memset(a.result.reason, '"', sizeof a.result.reason - 1);
    b = round_trip(&a);
    assert_same_attempt(&a, &b);
}

/* What grows by escaping is cut, at a character's end, to what a field holds. */
static void a_text_that_grows_is_cut_to_fit(void **state)
{
    struct fr_attempt a = attempt_sample(), b, c;

    (void)state;
    memset(a.result.text, '\xff', sizeof a.result.text - 1);
    memset(a.peer, 'x', sizeof a.peer - 1);
    memcpy(a.peer + sizeof a.peer - 2, "\xc3", 1); /* a character cut in two */
    b = round_trip(&a);
    assert_int_equal(strncmp(b.result.text, "\\xff\\xff", 8), 0);
    assert_true(fr_utf8_is_valid(fr_slice_str(b.peer)));
    assert_in_range(strlen(b.peer), sizeof a.peer - 2, sizeof a.peer - 1);
    c = round_trip(&b);
    assert_same_attempt(&b, &c);
}

static void unknown_members_are_ignored(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct fr_attempt want = attempt_sample(), got;
    struct fr_err err = {0};

    (void)state;
    fr_buf_str(&text, "{\"event\":\"attempt\",");
    fr_buf_str(&text, &SAMPLE[1]);
    assert_ok(fr_attempt_from_json(fr_buf_view(&text), &got, &err));
    assert_same_attempt(&want, &got);
}

/* SAMPLE with one piece replaced. */
static void refuses_with(const char *piece, const char *instead)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(64 * 1024);
    const char *at = strstr(SAMPLE, piece);
    struct fr_attempt got;
    struct fr_err err = {0};

    assert_non_null(at);
    fr_buf_put(&text, SAMPLE, strlen(SAMPLE) - strlen(at));
    fr_buf_str(&text, instead);
    fr_buf_str(&text, at + strlen(piece));
    assert_fails_as(fr_attempt_from_json(fr_buf_view(&text), &got, &err), FR_EPARSE,
                    "attempt-record");
}

static void a_missing_member_is_refused(void **state)
{
    static const char *const names[] = {"list",  "position",   "kind",      "method",
                                        "mef",   "phase",      "class",     "reason",
                                        "start", "durationMs", "octetsOut", "octetsIn"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[32];

        snprintf(name, sizeof name, "\"%s\":", names[i]);
        refuses_with(name, "\"other\":");
    }
}

static void a_bad_value_is_refused(void **state)
{
    static const struct {
        const char *piece, *instead;
    } rows[] = {
        {"0123456789abcdef", "0123456789abcde"},
        {"0123456789abcdef", "0123456789abcdefa"},
        {"0123456789abcdef", "0123456789abcdeg"},
        {"\"3.1\"", "\"0\""},
        {"\"3.1\"", "\"65\""},
        {"\"3.1\"", "\"3.65\""},
        {"\"3.1\"", "\"3.1.1\""},
        {"\"3.1\"", "\"3.\""},
        {"\"3.1\"", "\".1\""},
        {"\"3.1\"", "\"\""},
        {"\"3.1\"", "3"},
        {"\"bootstrap\"", "\"trigger\""},
        {"\"handshake\"", "\"middle\""},
        {"\"refused\"", "\"\""},
        {"\"certificate\"", "\"ccccccccccccccccccccccccccccccccc\""},
        {"\"tls-alert-48\"", "null"},
        {"2026-11-24T03:07:19Z", "2026-11-24"},
        {"1234", "-1"},
        {"1234", "1.5"},
        {"517", "\"517\""},
        {"\"octetsIn\":7", "\"octetsIn\":99999999999999999999"},
        {"\"octetsIn\":7", "\"octetsIn\":7,\"octetsIn\":7"},
        {"mef.example.com\",\"target", "mef\\u0000.example\",\"target"},
        {"broker.example.com\"", "\xff\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuses_with(rows[i].piece, rows[i].instead);
}

static void refuses(struct fr_slice text)
{
    struct fr_attempt got;
    struct fr_err err = {0};

    assert_fails_as(fr_attempt_from_json(text, &got, &err), FR_EPARSE,
                    "attempt-record");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < strlen(SAMPLE); n++)
        refuses(fr_slice_of(SAMPLE, n));
}

static void what_is_no_object_or_too_much_is_refused(void **state)
{
    static char deep[FR_ATTEMPT_FRAME], large[FR_ATTEMPT_FRAME + 1];

    (void)state;
    refuses(fr_slice_str("[" SAMPLE "]"));
    refuses(fr_slice_str("null"));
    memset(deep, '[', sizeof deep);
    refuses(fr_slice_of(deep, sizeof deep));
    memset(large, ' ', sizeof large);
    memcpy(large, SAMPLE, strlen(SAMPLE));
    refuses(fr_slice_of(large, sizeof large));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_exactly_this_form),
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(a_discovery_has_a_resource),
        cmocka_unit_test(every_class_and_phase_survives),
        cmocka_unit_test(a_peers_hostile_words_are_made_harmless),
        cmocka_unit_test(the_longest_texts_fit_and_survive),
        cmocka_unit_test(a_text_that_grows_is_cut_to_fit),
        cmocka_unit_test(unknown_members_are_ignored),
        cmocka_unit_test(a_missing_member_is_refused),
        cmocka_unit_test(a_bad_value_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(what_is_no_object_or_too_much_is_refused),
    };

    return cmocka_run_group_tests_name("model/attempt", tests, NULL, NULL);
}
