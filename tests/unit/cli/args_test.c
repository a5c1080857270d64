/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "test.h"

static const struct fr_opt opts[] = {
    {"target", "ID", "help", 1}, {"renew", NULL, "help", 2}, {0}};

struct fixture {
    struct fr_cli cli;
    struct fr_args args;
};

static void start(struct fixture *f, char **words)
{
    *f = (struct fixture){.cli = {.path_option = "config"}};
    f->args = (struct fr_args){.cli = &f->cli, .at = words};
}

#define START(f, ...) start(f, (char *[]){__VA_ARGS__, NULL})

static void assert_next(struct fixture *f, enum fr_arg_kind kind, int id,
                        const char *value)
{
    struct fr_arg arg;
    struct fr_err err;

    assert_ok(fr_args_next(&f->args, opts, &arg, &err));
    assert_int_equal(arg.kind, kind);
    assert_int_equal(arg.id, id);
    if (value)
        assert_string_equal(arg.value, value);
    else
        assert_null(arg.value);
}

static void order_is_kept(void **unused)
{
    struct fixture f;

    (void)unused;
    START(&f, "a", "--target", "t1", "b", "--renew", "--target=t2");
    assert_next(&f, FR_ARG_WORD, 0, "a");
    assert_next(&f, FR_ARG_OPTION, 1, "t1");
    assert_next(&f, FR_ARG_WORD, 0, "b");
    assert_next(&f, FR_ARG_OPTION, 2, NULL);
    assert_next(&f, FR_ARG_OPTION, 1, "t2");
    assert_next(&f, FR_ARG_END, 0, NULL);
    assert_next(&f, FR_ARG_END, 0, NULL);
}

static void two_dashes_end_the_options(void **unused)
{
    struct fixture f;

    (void)unused;
    START(&f, "--", "--renew", "--");
    assert_next(&f, FR_ARG_WORD, 0, "--renew");
    assert_next(&f, FR_ARG_WORD, 0, "--");
    assert_next(&f, FR_ARG_END, 0, NULL);
}

static void a_lone_dash_is_a_word_or_a_value(void **unused)
{
    struct fixture f;

    (void)unused;
    START(&f, "-", "--target", "-");
    assert_next(&f, FR_ARG_WORD, 0, "-");
    assert_next(&f, FR_ARG_OPTION, 1, "-");
}

static void a_value_may_be_empty_or_look_like_an_option(void **unused)
{
    struct fixture f;

    (void)unused;
    START(&f, "--target=", "--target", "--renew");
    assert_next(&f, FR_ARG_OPTION, 1, "");
    assert_next(&f, FR_ARG_OPTION, 1, "--renew");
    assert_next(&f, FR_ARG_END, 0, NULL);
}

static void common_options_are_applied_anywhere(void **unused)
{
    struct fixture f;

    (void)unused;
    START(&f, "a", "--json", "--config", "/c", "b", "--config=/d");
    assert_next(&f, FR_ARG_WORD, 0, "a");
    assert_false(f.cli.json);
    assert_next(&f, FR_ARG_WORD, 0, "b");
    assert_true(f.cli.json);
    assert_string_equal(f.cli.path, "/c");
    assert_next(&f, FR_ARG_END, 0, NULL);
    assert_string_equal(f.cli.path, "/d");
}

static void wrong_options_are_refused_with_the_nearest(void **unused)
{
    static const struct {
        const char *word, *says;
    } cases[] = {
        {"--targte", "did you mean --target?"},
        {"--jsn", "did you mean --json?"},
        {"--confg", "did you mean --config?"},
        {"--zzzzzzzz", "unknown option --zzzzzzzz"},
        {"-t", "two dashes"},
        {"--renew=yes", "takes no value"},
        {"--target", "needs a value: ID"},
        {"--config", "needs a value"},
    };
    struct fixture f;
    struct fr_arg arg;
    struct fr_err err;

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        START(&f, (char *)cases[i].word);
        assert_fails_as(fr_args_next(&f.args, opts, &arg, &err), FR_EUSAGE,
                        "usage-option");
        assert_contains(err.msg, cases[i].says);
    }
}

static void words_are_counted(void **unused)
{
    struct fixture f;
    struct fr_err err;
    const char *words[2];

    (void)unused;
    START(&f, "a", "--json", "b");
    assert_ok(fr_args_words(&f.args, "A B", words, 2, &err));
    assert_string_equal(words[1], "b");
    START(&f, "--json");
    assert_fails(fr_args_words(&f.args, "A B", words, 2, &err), FR_EUSAGE);
    assert_contains(err.msg, "takes A B");
    START(&f, "a", "b", "c");
    assert_fails(fr_args_words(&f.args, "A B", words, 2, &err), FR_EUSAGE);
    assert_contains(err.msg, "unexpected argument \"c\"");
    START(&f, "a", "--renew");
    assert_fails(fr_args_words(&f.args, "A B", words, 2, &err), FR_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(a_lone_dash_is_a_word_or_a_value),
        cmocka_unit_test(a_value_may_be_empty_or_look_like_an_option),
        cmocka_unit_test(common_options_are_applied_anywhere),
        cmocka_unit_test(wrong_options_are_refused_with_the_nearest),
        cmocka_unit_test(words_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
