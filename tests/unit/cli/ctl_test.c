/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl.h"

#include <unistd.h>

#include "captured.h"
#include "crypto/pki.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int setup(void **state)
{
    struct captured *c = malloc(sizeof *c);

    assert_non_null(c);
    captured_init(c, "fieldrootctl");
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    captured_clear(*state);
    free(*state);
    return 0;
}

static int ctl(struct captured *c, const char *line)
{
    return run(c, fr_ctl_commands, line);
}

/* ---- words become calls ---- */

static void each_command_is_one_call(void **state)
{
    static const struct {
        const char *line, *json;
    } cases[] = {
        {"enrolee list", "{\"op\":\"enrolee.list\",\"limit\":200}"},
        {"device show d1", "{\"op\":\"enrolee.show\",\"name\":\"d1\"}"},
        {"enrolee deny d1 t1",
         "{\"op\":\"enrolee.deny\",\"name\":\"d1\",\"target\":\"t1\"}"},
        {"enrolee remove d1", "{\"op\":\"enrolee.remove\",\"name\":\"d1\"}"},
        {"enrolee add m1 --imsi 001010000000001 --lifetime PT1H --gba-u",
         "{\"op\":\"enrolee.add\",\"name\":\"m1\",\"imsi\":\"001010000000001\","
         "\"lifetime\":3600,\"gbaU\":true}"},
        {"enrolee add --imsi 001010000000001",
         "{\"op\":\"enrolee.add\",\"name\":\"001010000000001\",\"imsi\":"
         "\"001010000000001\",\"lifetime\":0,\"gbaU\":false}"},
        {"enrolee sim d1 --imsi 001010000000001",
         "{\"op\":\"enrolee.sim\",\"name\":\"d1\",\"imsi\":\"001010000000001\","
         "\"lifetime\":0,\"gbaU\":false}"},
        {"enrolee sim d1 --none", "{\"op\":\"enrolee.sim\",\"name\":\"d1\"}"},
        {"enrolee allow d1 t1", "{\"op\":\"enrolee.allow\",\"name\":\"d1\","
                                "\"target\":\"t1\",\"default\":false}"},
        {"enrolee allow d1 t1 --default",
         "{\"op\":\"enrolee.allow\",\"name\":\"d1\",\"target\":\"t1\","
         "\"default\":true}"},
        {"target add broker.example.com",
         "{\"op\":\"target.add\",\"id\":\"broker.example.com\","
         "\"fqdn\":\"broker.example.com\",\"derivation\":\"usage\"}"},
        {"target add //sp.example/cse-1 --fqdn cse.example.com --derivation kpsa",
         "{\"op\":\"target.add\",\"id\":\"//sp.example/cse-1\","
         "\"fqdn\":\"cse.example.com\",\"derivation\":\"kpsa\"}"},
        {"target list", "{\"op\":\"target.list\",\"limit\":200}"},
        {"target show t1", "{\"op\":\"target.show\",\"id\":\"t1\"}"},
        {"target remove t1", "{\"op\":\"target.remove\",\"id\":\"t1\"}"},
        {"instructions list", "{\"op\":\"instructions.list\",\"limit\":200}"},
        {"instructions show l", "{\"op\":\"instructions.show\",\"name\":\"l\"}"},
        {"instructions remove l", "{\"op\":\"instructions.remove\",\"name\":\"l\"}"},
        {"instructions assign l d1",
         "{\"op\":\"instructions.assign\",\"name\":\"l\",\"enrolee\":\"d1\"}"},
        {"instructions assign l --all",
         "{\"op\":\"instructions.assign\",\"name\":\"l\",\"enrolee\":\"*\"}"},
        {"credential list", "{\"op\":\"credential.list\",\"limit\":200}"},
        {"credential list --target t1 --enrolee d1",
         "{\"op\":\"credential.list\",\"limit\":200,\"target\":\"t1\",\"enrolee\":"
         "\"d1\"}"},
        {"credential show K", "{\"op\":\"credential.show\",\"keyId\":\"K\"}"},
        {"credential revoke K", "{\"op\":\"credential.revoke\",\"keyId\":\"K\"}"},
        {"explain d1", "{\"op\":\"explain\",\"subject\":\"d1\"}"},
        {"audit", "{\"op\":\"audit\"}"},
        {"audit --limit 5 --subject d1",
         "{\"op\":\"audit\",\"limit\":5,\"subject\":\"d1\"}"},
        {"audit --verify", "{\"op\":\"audit\",\"verify\":true,\"from\":{}}"},
        {"status", "{\"op\":\"status\"}"},
    };
    struct captured *c = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        c->answer = strstr(cases[i].line, "list") ? "[]" : "{}";
        if (ctl(c, cases[i].line) != 0)
            fail_msg("%s: %s", cases[i].line, c->err);
        assert_int_equal(c->n_asked, 1);
        assert_asked(c, 0, cases[i].json);
        json_decref(c->asked[--c->n_asked]);
    }
}

static void trail_is_verified_part_by_part(void **state)
{
    struct captured *c = *state;

    c->first_answer = "{\"next\":{\"seq\":1000}}";
    c->answer = "{\"intact\":true,\"lines\":1234}";
    assert_int_equal(ctl(c, "audit --verify"), 0);
    assert_int_equal(c->n_asked, 2);
    assert_asked(c, 0, "{\"op\":\"audit\",\"verify\":true,\"from\":{}}");
    assert_asked(c, 1, "{\"op\":\"audit\",\"verify\":true,\"from\":{\"seq\":1000}}");
    assert_contains(c->out, "1234");
    assert_null(strstr(c->out, "next"));
}

static void several_targets_are_allowed_one_by_one(void **state)
{
    struct captured *c = *state;

    assert_int_equal(ctl(c, "enrolee allow d1 t1 t2 t3"), 0);
    assert_int_equal(c->n_asked, 3);
    assert_asked(c, 2,
                 "{\"op\":\"enrolee.allow\",\"name\":\"d1\",\"target\":\"t3\","
                 "\"default\":false}");
}

/* ---- enrolee add ---- */

static void a_device_is_named_by_its_fqdn(void **state)
{
    struct captured *c = *state;

    assert_int_equal(ctl(c, "enrolee add dev1.example.com --anchor " HEX), 0);
    assert_asked(c, 0,
                 "{\"op\":\"enrolee.add\",\"name\":\"dev1.example.com\",\"anchor\":"
                 "\"" HEX "\",\"san\":\"dns:dev1.example.com\"}");
    assert_contains(c->out, "may bind to nothing yet");
}

static void an_identity_of_another_type_names_itself(void **state)
{
    struct captured *c = *state;

    assert_int_equal(ctl(c, "enrolee add --san uri:urn:dev:1 --anchor " HEX), 0);
    assert_asked(c, 0,
                 "{\"op\":\"enrolee.add\",\"name\":\"urn:dev:1\",\"anchor\":\"" HEX
                 "\",\"san\":\"uri:urn:dev:1\"}");
}

static void a_name_and_an_identity_may_differ(void **state)
{
    struct captured *c = *state;

    assert_int_equal(ctl(c, "enrolee add pump --san dns:P1.example.com --anchor " HEX),
                     0);
    assert_asked(c, 0,
                 "{\"op\":\"enrolee.add\",\"name\":\"pump\",\"anchor\":\"" HEX
                 "\",\"san\":\"dns:p1.example.com\"}");
}

static void any_device_of_a_ca_has_no_identity(void **state)
{
    struct captured *c = *state;

    assert_int_equal(ctl(c, "enrolee add fleet --any --anchor " HEX), 0);
    assert_asked(c, 0,
                 "{\"op\":\"enrolee.add\",\"name\":\"fleet\",\"anchor\":\"" HEX "\"}");
}

static void targets_are_allowed_and_the_default_once(void **state)
{
    struct captured *c = *state;

    assert_int_equal(ctl(c, "enrolee add d.example --allow t1 --allow t2 --default t2 "
                            "--anchor " HEX),
                     0);
    assert_int_equal(c->n_asked, 3);
    assert_asked(c, 1,
                 "{\"op\":\"enrolee.allow\",\"name\":\"d.example\",\"target\":\"t1\","
                 "\"default\":false}");
    assert_asked(c, 2,
                 "{\"op\":\"enrolee.allow\",\"name\":\"d.example\",\"target\":\"t2\","
                 "\"default\":true}");
}

static void an_enrolee_without_all_its_targets_is_taken_back(void **state)
{
    struct captured *c = *state;

    c->refuse_op = "enrolee.allow";
    c->refuse_with = FR_ENOTFOUND;
    assert_int_equal(ctl(c, "enrolee add d.example --allow t1 --anchor " HEX), 1);
    assert_int_equal(c->n_asked, 3);
    assert_asked(c, 2, "{\"op\":\"enrolee.remove\",\"name\":\"d.example\"}");
    assert_contains(c->err, "d.example not added: the daemon says no");
}

static void an_enrolee_that_cannot_be_added_is_not_removed(void **state)
{
    struct captured *c = *state;

    c->refuse_op = "enrolee.add";
    c->refuse_with = FR_ECONFLICT;
    assert_int_equal(ctl(c, "enrolee add d.example --allow t1 --anchor " HEX), 1);
    assert_int_equal(c->n_asked, 1);
}

static void an_anchor_file_gives_the_hash_of_its_key(void **state)
{
    char line[256], dir[] = "/tmp/fr-ctl-XXXXXX", hex[FR_ANCHOR_HEX + 1], want[512];
    struct captured *c = *state;
    STACK_OF(X509) *certs = NULL;
    struct fr_err err;

    assert_non_null(mkdtemp(dir));
    snprintf(line, sizeof line, "%s/ca", dir);
    assert_ok(fr_pki_init(line, "Test CA", NULL, 4000000000, &err));
    snprintf(line, sizeof line, "%s/ca/ca.pem", dir);
    assert_ok(fr_x509_read_pem(line, &certs, &err));
    assert_ok(fr_x509_spki_hex(sk_X509_value(certs, 0), hex, &err));
    sk_X509_pop_free(certs, X509_free);

    snprintf(line, sizeof line, "enrolee add d.example --anchor %s/ca/ca.pem", dir);
    assert_int_equal(ctl(c, line), 0);
    snprintf(want, sizeof want,
             "{\"op\":\"enrolee.add\",\"name\":\"d.example\",\"anchor\":\"%s\","
             "\"san\":\"dns:d.example\"}",
             hex);
    assert_asked(c, 0, want);
    snprintf(line, sizeof line, "rm -r %s", dir);
    assert_int_equal(system(line), 0);
}

static void an_anchor_file_that_is_not_there_is_named(void **state)
{
    struct captured *c = *state;

    assert_int_equal(ctl(c, "enrolee add d.example --anchor /nonexistent/ca.pem"), 65);
    assert_contains(c->err, "/nonexistent/ca.pem");
    assert_int_equal(c->n_asked, 0);
}

/* ---- wrong usage asks nothing ---- */

static void wrong_usage_is_64_and_asks_nothing(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"enrolee add --anchor " HEX, "which device?"},
        {"enrolee add d.example", "--anchor missing"},
        {"enrolee add d.example e.example --anchor " HEX, "name given twice"},
        {"enrolee add d.example --anchor a --anchor b", "--anchor given twice"},
        {"enrolee add d.example --san dns:a --san dns:b", "--san given twice"},
        {"enrolee add d.example --default a --default b", "--default given twice"},
        {"enrolee add --any --anchor " HEX, "--any needs a NAME"},
        {"enrolee add a --any --san dns:b.example --anchor " HEX, "give one"},
        {"enrolee add not_a_name --anchor " HEX, "is no FQDN"},
        {"enrolee add --san what:ever --anchor " HEX, "--san"},
        {"enrolee add --san dns:under_score --anchor " HEX, "--san"},
        {"enrolee add m1 --imsi 00101x", "--imsi"},
        {"enrolee add m1 --imsi 12345", "--imsi"},
        {"enrolee add m1 --imsi 001010000000001 --lifetime PT1S", "--lifetime"},
        {"enrolee add m1 --imsi 001010000000001 --san dns:a.example",
         "--anchor missing"},
        {"enrolee add d.example --gba-u --anchor " HEX, "are of a SIM"},
        {"enrolee sim d1", "--none"},
        {"enrolee sim d1 --none --imsi 001010000000001", "--none"},
        {"enrolee sim --imsi 001010000000001", "give NAME"},
        {"enrolee add d.example --alow t", "did you mean --allow?"},
        {"enrolee list x", "unexpected argument"},
        {"enrolee show", "takes NAME"},
        {"enrolee show a b", "unexpected argument \"b\""},
        {"enrolee allow d1", "NAME TARGET..."},
        {"enrolee allow d1 t1 t2 --default", "--default is for one target"},
        {"enrolee deny d1", "takes NAME TARGET"},
        {"enrolee remove", "takes NAME"},
        {"enrolee lst", "did you mean \"list\"?"},
        {"target add", "which target?"},
        {"target add a.example b.example", "one ID only"},
        {"target add under_score", "neither an FQDN"},
        {"target add //sp.example/cse", "needs --fqdn NAME"},
        {"target add t.example --fqdn under_score", "is no FQDN"},
        {"target add t.example --derivation what", "usage, km or kpsa"},
        {"target add t.example --derivation gba-u", "usage, km or kpsa"},
        {"target show", "takes ID"},
        {"target remove", "takes ID"},
        {"instructions set l", "takes NAME FILE"},
        {"instructions assign l", "give NAME and an enrolee"},
        {"instructions assign l d1 --all", "give NAME and an enrolee"},
        {"instructions assign l d1 d2", "unexpected argument \"d2\""},
        {"instructions show", "takes NAME"},
        {"credential list d1", "use --enrolee or --target"},
        {"credential show", "takes KEYID"},
        {"credential revoke", "takes KEYID"},
        {"explain", "takes DEVICE|KEYID"},
        {"audit d1", "--subject d1?"},
        {"audit --limit 0", "a number from 1"},
        {"audit --limit many", "a number from 1"},
        {"status now", "unexpected argument"},
        {"staus", "did you mean \"status\"?"},
    };
    struct captured *c = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (ctl(c, cases[i].line) != 64)
            fail_msg("%s: exit %d", cases[i].line, c->status);
        if (!strstr(c->err, cases[i].says))
            fail_msg("%s: \"%s\"", cases[i].line, c->err);
        assert_string_equal(c->out, "");
        assert_int_equal(c->n_asked, 0);
    }
}

/* ---- instructions set ---- */

static char *document_file(const char *text, char path[32])
{
    int fd;

    snprintf(path, 32, "/tmp/fr-ctl-doc-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void set_document(struct captured *c, const char *text, int exit_status)
{
    char line[64], path[32];

    snprintf(line, sizeof line, "instructions set l %s", document_file(text, path));
    assert_int_equal(ctl(c, line), exit_status);
    unlink(path);
}

#define ENTRY "{\"bootstrap\":\"certificate\",\"mef\":\"mef.example.com\"}"

static void a_good_document_is_sent_as_it_is(void **state)
{
    struct captured *c = *state;

    set_document(c, "{\"version\":1,\"instructions\":[" ENTRY "]}", 0);
    assert_asked(c, 0,
                 "{\"op\":\"instructions.set\",\"name\":\"l\",\"document\":"
                 "{\"version\":1,\"instructions\":[" ENTRY "]}}");
}

#define NESTED                                                                         \
    "{\"version\":1,\"instructions\":[{\"discovery\":\"https\",\"resource\":"          \
    "\"https://d.example/\"}]}"

static void a_broken_document_never_reaches_the_daemon(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "{\"version\":2,\"instructions\":[" ENTRY "]}",
        "{\"version\":1,\"instructions\":[]}",
        "{\"version\":1,\"instructions\":[" ENTRY "],\"what\":1}",
        NESTED,
    };
    struct captured *c = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        set_document(c, texts[i], 65);
        assert_contains(c->err, "fr-ctl-doc-");
        assert_int_equal(c->n_asked, 0);
    }
}

/* ---- answers ---- */

static void a_refusal_of_the_daemon_gives_its_exit_status(void **state)
{
    struct captured *c = *state;

    c->refuse_op = "credential.show";
    c->refuse_with = FR_ENOTFOUND;
    assert_int_equal(ctl(c, "credential show K"), 1);
    assert_contains(c->err, "fieldrootctl: the daemon says no");
    assert_string_equal(c->out, "");
}

static void with_json_the_result_is_printed_as_it_came(void **state)
{
    struct captured *c = *state;

    c->answer = "[{\"name\":\"d1\",\"new\":{\"deep\":[1]}}]";
    assert_int_equal(ctl(c, "enrolee list --json"), 0);
    assert_string_equal(c->out, "[{\"name\":\"d1\",\"new\":{\"deep\":[1]}}]\n");
}

/* A full page of n enrolees, from number `from`. */
static char *page_of(size_t from, size_t n)
{
    json_auto_t *page = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            page, json_pack("{s:o}", "name", json_sprintf("d%04zu", from + i)));
    return json_dumps(page, JSON_COMPACT);
}

static enum fr_code ask_pages(struct fr_cli *cli, json_t *request, json_t **ret,
                              struct fr_err *err)
{
    struct captured *c = cli->ctx;
    char *page =
        page_of(c->n_asked * FR_ADMIN_PAGE, c->n_asked < 2 ? FR_ADMIN_PAGE : 3);
    enum fr_code rc;

    c->answer = page;
    rc = fake_ask(cli, request, ret, err);
    free(page);
    return rc;
}

static void a_long_list_is_asked_for_page_by_page(void **state)
{
    json_auto_t *got = NULL;
    struct captured *c = *state;

    c->cli.ask = ask_pages;
    assert_int_equal(ctl(c, "enrolee list --json"), 0);
    assert_int_equal(c->n_asked, 3);
    assert_asked(c, 1, "{\"op\":\"enrolee.list\",\"limit\":200,\"after\":\"d0199\"}");
    assert_asked(c, 2, "{\"op\":\"enrolee.list\",\"limit\":200,\"after\":\"d0399\"}");
    got = json_loads(c->out, 0, NULL);
    assert_int_equal(json_array_size(got), 403);
}

static void enrolees_show_their_identity_and_targets(void **state)
{
    struct captured *c = *state;

    c->answer = "[{\"name\":\"d1\",\"san\":\"dns:d1.example\",\"anchor\":\"aa\","
                "\"targets\":[{\"id\":\"t1\",\"default\":true},{\"id\":\"t2\","
                "\"default\":false}]},"
                "{\"name\":\"fleet\",\"anchor\":\"bb\",\"targets\":[]}]";
    assert_int_equal(ctl(c, "enrolee list"), 0);
    assert_string_equal(c->out,
                        "NAME   IDENTITY         ANCHOR  IMSI  TARGETS\n"
                        "d1     dns:d1.example   aa      -     t1 (default), t2\n"
                        "fleet  (any of the CA)  bb      -     -\n");
}

static void a_document_is_shown_so_that_it_can_be_set_again(void **state)
{
    struct captured *c = *state;

    c->answer = "{\"name\":\"l\",\"assigned\":[\"*\"],\"document\":"
                "{\"version\":1,\"instructions\":[" ENTRY "]}}";
    assert_int_equal(ctl(c, "instructions show l"), 0);
    set_document(c, c->out, 0);
}

static void what_was_revoked_with_it_is_said(void **state)
{
    struct captured *c = *state;

    c->answer = "{\"name\":\"d1\",\"revoked\":3}";
    assert_int_equal(ctl(c, "enrolee remove d1"), 0);
    assert_string_equal(c->out, "d1 removed (credentials revoked: 3)\n");
}

static void explain_gives_the_verdict_first_then_why(void **state)
{
    static const char want[] = "d1 would be refused now: no target\n"
                               "  - listed as \"d1\"\n"
                               "  - last refused at noon\n"
                               "  - may bind to t1 (default)\n"
                               "\nDecisions, newest last\n"
                               "NO  TIME  EVENT";
    struct captured *c = *state;

    c->answer = "{\"subject\":\"d1\",\"verdict\":\"would be refused now: no target\","
                "\"why\":[\"listed as \\\"d1\\\"\",\"last refused at noon\"],"
                "\"targets\":[{\"id\":\"t1\",\"default\":true}],\"credentials\":[],"
                "\"attempts\":[],\"audit\":[{\"seq\":1,\"time\":\"noon\","
                "\"event\":\"enrol\",\"subject\":\"d1\",\"decision\":\"refused\","
                "\"reason\":\"target-not-allowed\",\"text\":\"no\"}]}";
    assert_int_equal(ctl(c, "explain d1"), 0);
    assert_memory_equal(c->out, want, sizeof want - 1);
    assert_contains(c->out, "target-not-allowed");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_command_is_one_call),
        TEST(trail_is_verified_part_by_part),
        TEST(several_targets_are_allowed_one_by_one),
        TEST(a_device_is_named_by_its_fqdn),
        TEST(an_identity_of_another_type_names_itself),
        TEST(a_name_and_an_identity_may_differ),
        TEST(any_device_of_a_ca_has_no_identity),
        TEST(targets_are_allowed_and_the_default_once),
        TEST(an_enrolee_without_all_its_targets_is_taken_back),
        TEST(an_enrolee_that_cannot_be_added_is_not_removed),
        TEST(an_anchor_file_gives_the_hash_of_its_key),
        TEST(an_anchor_file_that_is_not_there_is_named),
        TEST(wrong_usage_is_64_and_asks_nothing),
        TEST(a_good_document_is_sent_as_it_is),
        TEST(a_broken_document_never_reaches_the_daemon),
        TEST(a_refusal_of_the_daemon_gives_its_exit_status),
        TEST(with_json_the_result_is_printed_as_it_came),
        TEST(a_long_list_is_asked_for_page_by_page),
        TEST(enrolees_show_their_identity_and_targets),
        TEST(a_document_is_shown_so_that_it_can_be_set_again),
        TEST(what_was_revoked_with_it_is_said),
        TEST(explain_gives_the_verdict_first_then_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
