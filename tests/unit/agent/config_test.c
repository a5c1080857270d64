/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

static char path[64];

static int make_folder(void **state)
{
    (void)state;
    (void)strcpy(path, "/tmp/fr-conf-XXXXXX");
    return mkdtemp(path) && strcat(path, "/c.conf") ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    *strrchr(path, '/') = 0;
    return rmdir(path);
}

static enum fr_code load(const char *text, struct fr_config **ret, struct fr_err *err)
{
    assert_int_equal(fr_file_write_atomic(path, fr_slice_str(text), 0600, err), FR_OK);
    return fr_config_load(path, true, ret, err);
}

static void assert_bad(const char *text, const char *words)
{
    struct fr_config *c = NULL;
    struct fr_err err;

    assert_fails(load(text, &c, &err), FR_ECONFIG);
    assert_contains(err.msg, words);
    assert_null(c);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    FR_AUTO(config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load("", &c, &err));
    assert_string_equal(c->state, "/var/lib/fieldroot");
    assert_int_equal(c->confirmation, FR_CONFIRMATION_REQUIRED);
    assert_int_equal(c->profile, FR_TLS_DEFAULT);
    assert_int_equal(c->tls_min, TLS1_2_VERSION);
    assert_int_equal(c->tls_max, TLS1_3_VERSION);
    assert_string_equal(c->mef_base, "/mefbase");
    assert_int_equal(c->attempts_max, 262144);
    assert_string_equal(c->agent.socket, "/var/lib/fieldroot/agent.sock");
    assert_int_equal(c->agent.retry_first_ms, 30 * 1000);
    assert_int_equal(c->agent.retry_max_ms, 3600 * 1000);
    assert_null(fr_config_credential(c, NULL));
    assert_null(c->trust[FR_ROLE_MEF]);
}

static void everything_is_read(void **state)
{
    FR_AUTO(config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(
        load("state = \"/tmp/s\"\n"
             "confirmation = optional\n"
             "profile = onem2m\n"
             "ems-exceptions = {\"old.example.com\"}\n"
             "credential a { certificate = \"/a.pem\" key = \"/a.key\" }\n"
             "credential b { certificate = \"/b.pem\" key = \"/b.key\" }\n"
             "trust { mef = \"/m.pem\" discovery = \"/d.pem\" mef-crl = \"/c\" }\n"
             "host mef.example.com { address = \"127.0.0.1\" }\n"
             "agent { discover = \"https://d.example.com/\"\n"
             "        retry-first = PT1S\n retry-max = PT2S\n"
             "        socket = \"/tmp/a.sock\" }\n",
             &c, &err));
    assert_int_equal(c->confirmation, FR_CONFIRMATION_OPTIONAL);
    assert_int_equal(c->profile, FR_TLS_ONEM2M);
    assert_string_equal(c->ems_exceptions[0], "old.example.com");
    assert_string_equal(fr_config_credential(c, NULL)->name, "a");
    assert_string_equal(fr_config_credential(c, "b")->key, "/b.key");
    assert_null(fr_config_credential(c, "c"));
    assert_string_equal(c->trust[FR_ROLE_DISCOVERY], "/d.pem");
    assert_string_equal(c->crl[FR_ROLE_MEF], "/c");
    assert_string_equal(c->hosts[0].address, "127.0.0.1");
    assert_string_equal(c->agent.discover, "https://d.example.com/");
    assert_int_equal(c->agent.retry_max_ms, 2000);
    assert_string_equal(c->agent.socket, "/tmp/a.sock");
}

static void an_absent_file_is_an_error_only_when_asked_for(void **state)
{
    FR_AUTO(config) *c = NULL;
    struct fr_config *none = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(fr_config_load("/nonexistent/c.conf", false, &c, &err));
    assert_fails(fr_config_load("/nonexistent/c.conf", true, &none, &err),
                 FR_ENOTFOUND);
}

static void words_that_are_not_allowed_are_named(void **state)
{
    (void)state;
    assert_bad("confirmation = sometimes\n", "\"required\" or \"optional\"");
    assert_bad("profile = fast\n", "\"default\" or \"onem2m\"");
    assert_bad("tls-min = \"1.1\"\n", "\"1.2\" or \"1.3\"");
    assert_bad("statte = x\n", "state");
}

static void what_contradicts_itself_is_refused(void **state)
{
    (void)state;
    assert_bad("tls-min = \"1.3\"\ntls-max = \"1.2\"\n", "tls-min");
    assert_bad("profile = onem2m\ntls-min = \"1.3\"\n", "onem2m");
    assert_bad("agent { instructions = \"/x\" discover = \"https://y/\" }\n",
               "not both");
    assert_bad("agent { retry-first = PT2S retry-max = PT1S }\n", "retry-first");
}

static void what_is_incomplete_is_refused(void **state)
{
    (void)state;
    assert_bad("credential a { certificate = \"/a.pem\" }\n", "key");
    assert_bad("host mef.example.com { }\n", "IP address");
    assert_bad("host mef.example.com { address = \"elsewhere\" }\n", "IP address");
    assert_bad("mef-base = mefbase\n", "\"/\"");
    assert_bad("ems-exceptions = {\"not a name\"}\n", "FQDN");
    assert_bad("attempts-max = 10\n", "attempts-max");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(an_absent_file_is_an_error_only_when_asked_for),
        cmocka_unit_test(words_that_are_not_allowed_are_named),
        cmocka_unit_test(what_contradicts_itself_is_refused),
        cmocka_unit_test(what_is_incomplete_is_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
