/* SPDX-License-Identifier: Apache-2.0 */
#include "captured.h"

static enum fr_code greet(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err)
{
    const char *word;

    FR_TRY(fr_args_words(args, self->words, &word, 1, err));
    if (strcmp(word, "nobody") == 0)
        return FR_FAIL_AS(err, FR_EREFUSED, "greet-nobody", "nobody\x1b[31m is there");
    fr_cli_say(cli, "hello %s, %s\n", word, (const char *)self->data);
    cli->status = strcmp(word, "four") == 0 ? 4 : 0;
    return FR_OK;
}

static int seen_argc;
static char seen_last[32];

static int own_main(int argc, char **argv)
{
    seen_argc = argc;
    snprintf(seen_last, sizeof seen_last, "%s", argv[argc - 1]);
    return 42;
}

static const struct fr_command inner[] = {
    {.name = "greet", .words = "NAME", .help = "greets", .run = greet, .data = "inner"},
    {0}};
static const struct fr_command commands[] = {
    {.name = "greet",
     .alias = "hail",
     .words = "NAME",
     .help = "greets",
     .run = greet,
     .data = "outer"},
    {.name = "group", .help = "more of them", .sub = inner},
    {.name = "own", .help = "has a main", .main = own_main},
    {.name = "long",
     .words = "[FQDN[:PORT]] [--instructions FILE|-] [--discover URI] [--target ID] "
              "[--resolve NAME=ADDR] [--renew] [--and-so-on-beyond-any-line OF-HELP]",
     .help = "has many options",
     .run = greet},
    {0}};

static void commands_are_found_by_name_alias_and_group(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "greet you"), 0);
    assert_string_equal(c.out, "hello you, outer\n");
    assert_int_equal(run(&c, commands, "hail you"), 0);
    assert_string_equal(c.out, "hello you, outer\n");
    assert_int_equal(run(&c, commands, "group greet you"), 0);
    assert_string_equal(c.out, "hello you, inner\n");
    assert_string_equal(c.err, "");
    captured_clear(&c);
}

static void a_status_of_the_command_is_the_exit_status(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "greet four"), 4);
    captured_clear(&c);
}

static void a_wrong_command_is_named_with_the_nearest(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "gret you"), 64);
    assert_string_equal(c.err, "prog: no command \"gret\" (did you mean \"greet\"?)\n");
    assert_int_equal(run(&c, commands, "group gret you"), 64);
    assert_contains(c.err, "\"group gret\" (did you mean \"greet\"?)");
    assert_int_equal(run(&c, commands, "zzzzzzzzz"), 64);
    assert_contains(c.err, "there are greet, group, own");
    assert_string_equal(c.out, "");
    captured_clear(&c);
}

static void no_command_is_wrong_usage_and_lists_them(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, ""), 64);
    assert_contains(c.err, "usage: prog");
    assert_contains(c.err, "more of them");
    assert_int_equal(run(&c, commands, "group"), 64);
    assert_contains(c.err, "usage: prog group");
    assert_string_equal(c.out, "");
    captured_clear(&c);
}

static void help_goes_to_standard_output(void **unused)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"help", "more of them"},
        {"--help", "more of them"},
        {"--help",
         "  long [FQDN[:PORT]] [--instructions FILE|-] [--discover URI] ...\n"},
        {"long --help", "[--renew] [--and-so-on-beyond-any-line OF-HELP]\n"},
        {"-h", "more of them"},
        {"help greet", "usage: prog greet NAME"},
        {"greet --help", "--socket PATH"},
        {"greet help", "usage: prog greet NAME"},
        {"group --help", "usage: prog group"},
        {"help group greet", "usage: prog group greet NAME"},
        {"greet you --help", "usage: prog greet NAME"},
        {"greet --help", "default /default"},
    };
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(run(&c, commands, cases[i].line), 0);
        assert_contains(c.out, cases[i].says);
        assert_string_equal(c.err, "");
    }
    captured_clear(&c);
}

static void an_error_is_printable_and_gives_its_exit_status(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "greet nobody"), 77);
    assert_string_equal(c.err, "prog: nobody\\x1b[31m is there\n");
    assert_string_equal(c.out, "");
    captured_clear(&c);
}

static void with_json_an_error_is_an_object_too(void **unused)
{
    json_auto_t *got = NULL;
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "greet --json nobody"), 77);
    got = json_loads(c.out, 0, NULL);
    assert_non_null(got);
    assert_true(json_is_false(json_object_get(got, "ok")));
    assert_string_equal(json_string_value(json_object_get(got, "code")), "refused");
    assert_string_equal(json_string_value(json_object_get(got, "reason")),
                        "greet-nobody");
    captured_clear(&c);
}

static void wrong_usage_of_a_command_shows_its_usage(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "group greet"), 64);
    assert_contains(c.err, "prog: arguments missing");
    assert_contains(c.err, "usage: prog group greet NAME\n");
    captured_clear(&c);
}

static void a_command_with_a_main_gets_its_words_as_they_are(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "own a --help -x"), 42);
    assert_int_equal(seen_argc, 4);
    assert_string_equal(seen_last, "-x");
    assert_int_equal(run(&c, commands, "--json own a"), 42);
    assert_string_equal(seen_last, "--json");
    assert_int_equal(run(&c, commands, "help own"), 42);
    assert_string_equal(seen_last, "--help");
    captured_clear(&c);
}

static void version_is_told(void **unused)
{
    struct captured c;

    (void)unused;
    captured_init(&c, "prog");
    assert_int_equal(run(&c, commands, "--version"), 0);
    assert_contains(c.out, "prog 0.");
    captured_clear(&c);
}

static void output_that_cannot_be_written_is_a_failure(void **unused)
{
    char *argv[] = {(char *)"prog", (char *)"greet", (char *)"you", NULL};
    struct captured c;
    size_t len;

    (void)unused;
    captured_init(&c, "prog");
    c.cli.out = fopen("/dev/full", "w");
    c.cli.err = open_memstream(&c.err, &len);
    assert_non_null(c.cli.out);
    assert_int_equal(fr_cli_main(&c.cli, commands, argv), 70);
    fclose(c.cli.err);
    assert_contains(c.err, "cannot write");
    fclose(c.cli.out);
    captured_clear(&c);
}

static void a_long_text_is_said_whole(void **unused)
{
    struct captured c;
    char *out = NULL;
    size_t len;
    char text[3001];

    (void)unused;
    captured_init(&c, "prog");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    c.cli.out = open_memstream(&out, &len);
    fr_cli_say(&c.cli, "%s\n", text);
    fclose(c.cli.out);
    assert_int_equal(len, 3001);
    assert_int_equal(out[3000], '\n');
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_found_by_name_alias_and_group),
        cmocka_unit_test(a_status_of_the_command_is_the_exit_status),
        cmocka_unit_test(a_wrong_command_is_named_with_the_nearest),
        cmocka_unit_test(no_command_is_wrong_usage_and_lists_them),
        cmocka_unit_test(help_goes_to_standard_output),
        cmocka_unit_test(an_error_is_printable_and_gives_its_exit_status),
        cmocka_unit_test(with_json_an_error_is_an_object_too),
        cmocka_unit_test(wrong_usage_of_a_command_shows_its_usage),
        cmocka_unit_test(a_command_with_a_main_gets_its_words_as_they_are),
        cmocka_unit_test(version_is_told),
        cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(a_long_text_is_said_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
