/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order rules of `provision` and `plan` (DESIGN 4), as documents: what the list is
 * after each command line.
 */
#include "cli/provision_args.h"

#include <stdlib.h>

#include "test.h"

#define CERT(mef) "{\"bootstrap\":\"certificate\",\"mef\":\"" mef "\"}"
#define CERT_FOR(mef, target)                                                          \
    "{\"bootstrap\":\"certificate\",\"mef\":\"" mef "\",\"target\":\"" target "\"}"
#define HTTPS(uri) "{\"discovery\":\"https\",\"resource\":\"" uri "\"}"
#define DOC(list)  "{\"version\":1,\"instructions\":[" list "]}"

/* "--instructions" reads from here: a file is named by its content. */
static enum fr_code fake_read(void *ctx, const char *file, struct fr_buf *to,
                              struct fr_err *err)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        {"one.json", DOC(CERT("one.example"))},
        {"two.json",
         DOC(CERT_FOR("two-a.example", "t.example") "," CERT("two-b.example"))},
        {"-", DOC(CERT("stdin.example"))},
        {"broken.json", "{"},
        {"nested.json", DOC(HTTPS("https://d.example/x"))},
    };
    int *reads = ctx;

    ++*reads;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].name, file) == 0) {
            fr_buf_str(to, files[i].text);
            return fr_buf_check(to, err);
        }
    return FR_FAIL(err, FR_EPARSE, "%s: no such file", file);
}

static enum fr_code parse(const char *line, struct fr_cli *cli,
                          struct fr_provision_args *ret, struct fr_err *err)
{
    /* The result borrows from the words: they live until the next call. */
    static char text[2048];
    static char *words[160];
    struct fr_args args = {.cli = cli, .at = words};
    char *save = NULL;
    size_t n = 0;
    int reads = 0;

    snprintf(text, sizeof text, "%s", line);
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        assert_true(n < sizeof words / sizeof words[0] - 1);
        words[n++] = w;
    }
    words[n] = NULL;
    return fr_provision_args_parse(&args, fake_read, &reads, ret, err);
}

static void assert_list(const char *line, const char *want)
{
    struct fr_cli cli = {.path_option = "config"};
    struct fr_buf got = FR_BUF_INIT(64 * 1024);
    struct fr_provision_args a = {0};
    json_auto_t *wanted = json_loads(want, 0, NULL), *gotten = NULL;
    struct fr_err err;

    if (parse(line, &cli, &a, &err) != FR_OK)
        fail_msg("%s: %s", line, err.msg);
    assert_ok(fr_document_encode(a.doc, &got, &err));
    gotten = json_loads(fr_buf_cstr(&got), 0, NULL);
    assert_non_null(wanted);
    if (!json_equal(wanted, gotten))
        fail_msg("%s: %s instead of %s", line, fr_buf_cstr(&got), want);
    fr_buf_clear(&got);
    fr_provision_args_clear(&a);
}

static void each_kind_of_entry_stands_where_it_was_given(void **unused)
{
    (void)unused;
    assert_list("mef.example.com", DOC(CERT("mef.example.com")));
    assert_list("MEF.Example.com", DOC(CERT("mef.example.com")));
    assert_list("mef.example.com:9443",
                DOC("{\"bootstrap\":\"certificate\",\"mef\":\"mef.example.com\","
                    "\"port\":9443}"));
    assert_list("--bootstrap psk:m.example",
                DOC("{\"bootstrap\":\"psk\",\"mef\":\"m.example\"}"));
    assert_list("--bootstrap new-method:m.example:1",
                DOC("{\"bootstrap\":\"new-method\",\"mef\":\"m.example\",\"port\":1}"));
    assert_list("--discover https://d.example/x", DOC(HTTPS("https://d.example/x")));
    assert_list("--discover https://D.example/",
                DOC(HTTPS("https://d.example/.well-known/fieldroot/instructions")));
    assert_list("--discover file:///etc/list.json",
                DOC("{\"discovery\":\"file\",\"resource\":\"file:///etc/list.json\"}"));
    assert_list("--instructions one.json", DOC(CERT("one.example")));
    assert_list("--instructions -", DOC(CERT("stdin.example")));
}

static void all_orders_of_two_are_kept(void **unused)
{
    static const struct {
        const char *words, *entry;
    } kinds[] = {
        {"mef.example.com", CERT("mef.example.com")},
        {"--bootstrap certificate:b.example", CERT("b.example")},
        {"--discover https://d.example/x", HTTPS("https://d.example/x")},
        {"--instructions one.json", CERT("one.example")},
    };
    const size_t n = sizeof kinds / sizeof kinds[0];
    char line[256], want[512];

    (void)unused;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            if (i == j && i == 0)
                continue; /* one FQDN only */
            snprintf(line, sizeof line, "%s %s", kinds[i].words, kinds[j].words);
            snprintf(want, sizeof want, DOC("%s,%s"), kinds[i].entry, kinds[j].entry);
            assert_list(line, want);
        }
}

static void the_entries_of_a_document_are_spliced_in_place(void **unused)
{
    (void)unused;
    assert_list(
        "--bootstrap certificate:a.example --instructions two.json "
        "--discover https://d.example/x --instructions - z.example",
        DOC(CERT("a.example") "," CERT_FOR("two-a.example", "t.example") "," CERT(
            "two-"
            "b."
            "exam"
            "ple") "," HTTPS("https://d.example/x") "," CERT("stdin."
                                                             "example") "," CERT("z."
                                                                                 "examp"
                                                                                 "l"
                                                                                 "e")));
}

static void a_target_is_of_the_nearest_bootstrap_before_it(void **unused)
{
    (void)unused;
    assert_list(
        "--bootstrap certificate:a.example --target t.example "
        "--bootstrap certificate:b.example --target u.example",
        DOC(CERT_FOR("a.example", "t.example") "," CERT_FOR("b.example", "u.example")));
    assert_list("--bootstrap certificate:a.example --bootstrap certificate:b.example "
                "--target u.example",
                DOC(CERT("a.example") "," CERT_FOR("b.example", "u.example")));
    assert_list("--bootstrap certificate:a.example --target //sp.example/cse",
                DOC(CERT_FOR("a.example", "//sp.example/cse")));
}

static void other_entries_between_do_not_take_the_target(void **unused)
{
    (void)unused;
    assert_list("--bootstrap certificate:a.example --discover https://d.example/x "
                "--instructions one.json m.example --target t.example",
                DOC(CERT_FOR("a.example", "t.example") "," HTTPS(
                    "https://d.example/x") "," CERT("one."
                                                    "exam"
                                                    "ple") "," CERT("m.example")));
}

static void a_target_before_any_bootstrap_is_the_default(void **unused)
{
    (void)unused;
    assert_list("--target t.example m.example",
                DOC(CERT_FOR("m.example", "t.example")));
    assert_list("m.example --target t.example",
                DOC(CERT_FOR("m.example", "t.example")));
    assert_list(
        "m.example --target t.example --bootstrap certificate:b.example",
        DOC(CERT_FOR("m.example", "t.example") "," CERT_FOR("b.example", "t.example")));
    assert_list(
        "--target t.example --bootstrap certificate:a.example "
        "--bootstrap certificate:b.example --target u.example",
        DOC(CERT_FOR("a.example", "t.example") "," CERT_FOR("b.example", "u.example")));
}

static void a_document_keeps_its_own_targets(void **unused)
{
    (void)unused;
    assert_list("--target d.example --instructions two.json m.example",
                DOC(CERT_FOR("two-a.example", "t.example") "," CERT(
                    "two-b.example") "," CERT_FOR("m.example", "d.example")));
}

static void a_default_that_nothing_takes_is_told(void **unused)
{
    struct fr_cli cli = {.path_option = "config"};
    struct fr_provision_args a = {0};
    struct fr_err err;

    (void)unused;
    assert_ok(parse("--target t.example --instructions one.json", &cli, &a, &err));
    assert_true(a.idle_target);
    fr_provision_args_clear(&a);
    assert_ok(parse("--target t.example m.example", &cli, &a, &err));
    assert_false(a.idle_target);
    fr_provision_args_clear(&a);
}

static void the_other_options_may_stand_anywhere(void **unused)
{
    struct fr_cli cli = {.path_option = "config"};
    struct fr_provision_args a = {0};
    struct fr_err err;

    (void)unused;
    assert_ok(parse("--renew --resolve M.example=127.0.0.1 m.example --json "
                    "--resolve d.example=::1 --config /c",
                    &cli, &a, &err));
    assert_true(a.renew);
    assert_true(cli.json);
    assert_string_equal(cli.path, "/c");
    assert_int_equal(a.n_resolves, 2);
    assert_string_equal(a.resolves[0].name, "m.example");
    assert_string_equal(a.resolves[0].address, "127.0.0.1");
    assert_string_equal(a.resolves[1].address, "::1");
    assert_int_equal(a.doc->n, 1);
    fr_provision_args_clear(&a);
}

static void the_target_is_waited_for_as_long_as_said(void **unused)
{
    struct fr_cli cli = {.path_option = "config"};
    struct fr_provision_args a = {0};
    struct fr_err err;

    (void)unused;
    assert_ok(parse("--wait-target PT1M30S m.example", &cli, &a, &err));
    assert_int_equal(a.wait_target_ms, 90000);
    fr_provision_args_clear(&a);
}

static void without_renew_a_valid_credential_stands(void **unused)
{
    struct fr_cli cli = {.path_option = "config"};
    struct fr_provision_args a = {0};
    struct fr_err err;

    (void)unused;
    assert_ok(parse("m.example", &cli, &a, &err));
    assert_false(a.renew);
    assert_int_equal(a.n_resolves, 0);
    fr_provision_args_clear(&a);
}

static void sixty_four_entries_fit_and_one_more_does_not(void **unused)
{
    struct fr_cli cli = {.path_option = "config"};
    struct fr_provision_args a = {0};
    char line[2048] = "";
    struct fr_err err;

    (void)unused;
    for (int i = 0; i < 64; i++)
        strcat(line, "--bootstrap psk:m.example ");
    assert_ok(parse(line, &cli, &a, &err));
    assert_int_equal(a.doc->n, 64);
    fr_provision_args_clear(&a);
    strcat(line, "m.example");
    assert_fails(parse(line, &cli, &a, &err), FR_EPARSE);
    strcat(line, " --bootstrap psk:m.example");
    assert_fails(parse(line, &cli, &a, &err), FR_EPARSE);
}

static void wrong_words_are_wrong_usage(void **unused)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "nothing to try"},
        {"--renew", "nothing to try"},
        {"m.example --wait-target PT0S", "PT1S to PT10M"},
        {"m.example --wait-target PT11M", "PT1S to PT10M"},
        {"m.example --wait-target 30", "PT1S to PT10M"},
        {"--target t.example", "nothing to try"},
        {"a.example b.example", "one FQDN only"},
        {"under_score", "FQDN"},
        {"m.example:0", "FQDN"},
        {"m.example:65536", "FQDN"},
        {"m.example:", "FQDN"},
        {"--bootstrap m.example", "METHOD:FQDN"},
        {"--bootstrap :m.example", "METHOD:FQDN"},
        {"--bootstrap psk:", "FQDN"},
        {"--bootstrap PSK:m.example", "method"},
        {"--bootstrap psk:under_score", "FQDN"},
        {"m.example --target under_score", "target"},
        {"m.example --target t.example --target u.example", "two --target"},
        {"--bootstrap psk:m.example --target t.example --target u.example",
         "two --target"},
        {"--discover d.example", "discovery resource"},
        {"--discover http://d.example/", "discovery resource"},
        {"--discover https://d.example:0/x", "resource"},
        {"--discover https://d.example:/x", "resource"},
        {"--discover https://under_score/x", "resource"},
        {"--instructions - --instructions -", "only once"},
        {"m.example --resolve m.example", "NAME=ADDR"},
        {"m.example --resolve m.example=other.example", "NAME=ADDR"},
        {"m.example --resolve under_score=127.0.0.1", "NAME=ADDR"},
        {"m.example --resolve =127.0.0.1", "NAME=ADDR"},
        {"m.example --instructions", "needs a value"},
        {"m.example --boot psk:m.example", "--boot"},
        {"m.example --renew=1", "takes no value"},
    };
    struct fr_cli cli = {.path_option = "config"};
    struct fr_provision_args a = {0};
    struct fr_err err;

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum fr_code rc = parse(cases[i].line, &cli, &a, &err);

        if (rc != FR_EUSAGE)
            fail_msg("%s: %s", cases[i].line, fr_code_name(rc));
        if (!strstr(err.msg, cases[i].says))
            fail_msg("%s: \"%s\"", cases[i].line, err.msg);
        assert_null(a.doc);
    }
}

static void a_broken_document_is_invalid_not_usage(void **unused)
{
    struct fr_cli cli = {.path_option = "config"};
    struct fr_provision_args a = {0};
    struct fr_err err;

    (void)unused;
    assert_fails(parse("--instructions broken.json", &cli, &a, &err), FR_EPARSE);
    assert_contains(err.msg, "broken.json");
    assert_fails(parse("m.example --instructions absent.json", &cli, &a, &err),
                 FR_EPARSE);
    assert_null(a.doc);
}

static void a_file_that_is_not_there_is_an_invalid_list(void **unused)
{
    struct fr_buf text = FR_BUF_INIT(1024);
    struct fr_err err;

    (void)unused;
    assert_fails(fr_document_read(NULL, "/nonexistent/list.json", &text, &err),
                 FR_EPARSE);
    assert_contains(err.msg, "/nonexistent/list.json");
    assert_fails(fr_document_read(NULL, "/", &text, &err), FR_EPARSE);
    fr_buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_entry_stands_where_it_was_given),
        cmocka_unit_test(all_orders_of_two_are_kept),
        cmocka_unit_test(the_entries_of_a_document_are_spliced_in_place),
        cmocka_unit_test(a_target_is_of_the_nearest_bootstrap_before_it),
        cmocka_unit_test(other_entries_between_do_not_take_the_target),
        cmocka_unit_test(a_target_before_any_bootstrap_is_the_default),
        cmocka_unit_test(a_document_keeps_its_own_targets),
        cmocka_unit_test(a_default_that_nothing_takes_is_told),
        cmocka_unit_test(the_other_options_may_stand_anywhere),
        cmocka_unit_test(the_target_is_waited_for_as_long_as_said),
        cmocka_unit_test(without_renew_a_valid_credential_stands),
        cmocka_unit_test(sixty_four_entries_fit_and_one_more_does_not),
        cmocka_unit_test(wrong_words_are_wrong_usage),
        cmocka_unit_test(a_broken_document_is_invalid_not_usage),
        cmocka_unit_test(a_file_that_is_not_there_is_an_invalid_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
