/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdlib.h>

#include "test.h"

#define LAST  "{\"event\":\"phase\",\"position\":\"1\",\"phase\":\"done\"}"
#define PHASE "{\"event\":\"phase\",\"position\":\"1\",\"phase\":\"handshake\"}"
#define REFUSED                                                                        \
    "{\"event\":\"attempt\",\"list\":\"0011223344556677\",\"position\":\"1\","         \
    "\"kind\":\"bootstrap\",\"method\":\"certificate\",\"mef\":\"a.example\","         \
    "\"target\":\"t.example\",\"phase\":\"register\",\"class\":\"refused\","           \
    "\"reason\":\"target-not-allowed\",\"text\":\"not allowed for t.example\","        \
    "\"start\":\"2026-11-24T03:00:00Z\",\"durationMs\":1234,\"octetsOut\":2000,"       \
    "\"octetsIn\":3000}"
#define DONE                                                                           \
    "{\"event\":\"attempt\",\"list\":\"0011223344556677\",\"position\":\"2.1\","       \
    "\"kind\":\"bootstrap\",\"method\":\"certificate\",\"mef\":\"b.example\","         \
    "\"target\":\"t.example\",\"phase\":\"done\",\"class\":\"provisioned\","           \
    "\"reason\":\"provisioned\",\"text\":\"fine\",\"start\":\"2026-11-24T03:00:01Z\"," \
    "\"durationMs\":87,\"octetsOut\":1,\"octetsIn\":2}"
#define FAILED                                                                         \
    "{\"event\":\"outcome\",\"outcome\":\"failed\",\"exit\":77,\"text\":\"no\"}"
#define PROVISIONED                                                                    \
    "{\"event\":\"outcome\",\"outcome\":\"provisioned\",\"exit\":0,\"text\":\"ok\"}"

struct fixture {
    struct fr_cli cli;
    struct fr_progress *progress;
    char *out, *err;
    size_t out_len, err_len;
};

static void start(struct fixture *f, bool live, bool json)
{
    struct fr_err err;

    *f = (struct fixture){.cli = {.program = "fieldroot", .json = json}};
    f->cli.out = open_memstream(&f->out, &f->out_len);
    f->cli.err = open_memstream(&f->err, &f->err_len);
    assert_ok(fr_progress_new(&f->cli, live, &f->progress, &err));
}

static void tell(struct fixture *f, const char *event)
{
    fr_progress_event(f->progress, fr_slice_str(event));
}

static void finish(struct fixture *f)
{
    fr_progress_finish(f->progress);
    fclose(f->cli.out);
    fclose(f->cli.err);
}

static void clear(struct fixture *f)
{
    fr_progress_free(f->progress);
    free(f->out);
    free(f->err);
}

static void the_table_has_each_attempt_and_the_reasons_follow(void **unused)
{
    struct fixture f;

    (void)unused;
    start(&f, false, false);
    tell(&f, PHASE);
    tell(&f, REFUSED);
    tell(&f, FAILED);
    finish(&f);
    assert_string_equal(f.out, "POS  METHOD       MEF        TARGET     PHASE     "
                               "CLASS    REASON              "
                               "TIME   OUT/IN\n"
                               "1    certificate  a.example  t.example  register  "
                               "refused  target-not-allowed  "
                               "1.2 s  2000/3000\n"
                               "\n"
                               "1 a.example: not allowed for t.example\n"
                               "failed\n");
    assert_string_equal(f.err, "");
    clear(&f);
}

static void after_a_success_no_reasons_are_given(void **unused)
{
    struct fixture f;

    (void)unused;
    start(&f, false, false);
    tell(&f, REFUSED);
    tell(&f, DONE);
    tell(&f, PROVISIONED);
    finish(&f);
    assert_contains(f.out, "2.1  certificate  b.example");
    assert_contains(f.out, "87 ms");
    assert_null(strstr(f.out, "not allowed for"));
    clear(&f);
}

static void a_terminal_sees_phases_and_attempts_as_they_come(void **unused)
{
    struct fixture f;

    (void)unused;
    start(&f, true, false);
    tell(&f, PHASE);
    tell(&f, REFUSED);
    tell(&f, PHASE);
    tell(&f, FAILED);
    finish(&f);
    assert_string_equal(f.err,
                        "1: handshake ...\r\033[K"
                        "1: certificate a.example: refused (target-not-allowed)\r\033[K"
                        "1: handshake ...\r\033[K");
    clear(&f);
}

static void a_wait_for_the_target_is_seen(void **unused)
{
    struct fixture f;

    (void)unused;
    start(&f, true, false);
    tell(&f, LAST);
    fr_progress_expect_target(f.progress);
    tell(&f, PHASE);
    tell(&f, LAST);
    finish(&f);
    assert_string_equal(f.err, "1: done ...\r\033[K"
                               "1: handshake ...\r\033[K"
                               "1: done, waiting for the target ...\r\033[K");
    clear(&f);
}

static void with_json_each_event_is_one_line_and_nothing_else(void **unused)
{
    struct fixture f;
    int lines = 0;

    (void)unused;
    start(&f, true, true);
    tell(&f, PHASE);
    tell(&f, REFUSED);
    tell(&f, "{\"event\":\"warning\",\"text\":\"careful\"}");
    tell(&f, FAILED);
    finish(&f);
    for (const char *c = f.out; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 4);
    assert_memory_equal(f.out, PHASE "\n", sizeof PHASE);
    assert_string_equal(f.out + f.out_len - sizeof FAILED, FAILED "\n");
    assert_string_equal(f.err, "");
    clear(&f);
}

static void warnings_are_told_to_a_person(void **unused)
{
    struct fixture f;

    (void)unused;
    start(&f, false, false);
    tell(&f, "{\"event\":\"warning\",\"text\":\"disk \\u001b[2Jnearly full\"}");
    finish(&f);
    assert_string_equal(f.err, "fieldroot: warning: disk \\x1b[2Jnearly full\n");
    clear(&f);
}

static void the_outcome_is_kept(void **unused)
{
    struct fixture f;

    (void)unused;
    start(&f, false, false);
    assert_null(fr_progress_outcome(f.progress));
    tell(&f, FAILED);
    assert_int_equal(
        json_integer_value(json_object_get(fr_progress_outcome(f.progress), "exit")),
        77);
    finish(&f);
    assert_string_equal(f.out, "failed: no\n");
    clear(&f);
}

static void what_is_no_event_is_passed_over(void **unused)
{
    static const char *const texts[] = {
        "", "{", "[]", "{}", "{\"event\":1}", "{\"event\":\"new\"}"};
    struct fixture f;

    (void)unused;
    start(&f, true, false);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        tell(&f, texts[i]);
    finish(&f);
    assert_string_equal(f.out, "no outcome\n");
    assert_string_equal(f.err, "");
    clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_each_attempt_and_the_reasons_follow),
        cmocka_unit_test(after_a_success_no_reasons_are_given),
        cmocka_unit_test(a_terminal_sees_phases_and_attempts_as_they_come),
        cmocka_unit_test(a_wait_for_the_target_is_seen),
        cmocka_unit_test(with_json_each_event_is_one_line_and_nothing_else),
        cmocka_unit_test(warnings_are_told_to_a_person),
        cmocka_unit_test(the_outcome_is_kept),
        cmocka_unit_test(what_is_no_event_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
