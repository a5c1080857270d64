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
    assert_null(fr_config_credential(c, FR_KEY_CERTIFICATE, NULL));
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
    assert_string_equal(fr_config_credential(c, FR_KEY_CERTIFICATE, NULL)->name, "a");
    assert_string_equal(fr_config_credential(c, FR_KEY_CERTIFICATE, "b")->key,
                        "/b.key");
    assert_null(fr_config_credential(c, FR_KEY_CERTIFICATE, "c"));
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

static void a_key_store_has_entries_of_each_kind(void **state)
{
    FR_AUTO(config) *c = NULL;
    const struct fr_config_credential *e;
    struct fr_err err;

    (void)state;
    assert_ok(
        load("credential soft { usim = \"/u\" gba-u = off akav2 = on tmpi = on }\n"
             "credential card { kind = uicc }\n"
             "credential isim { reader = \"ACS\" application = isim "
             "pin-file = \"/p\" impi = \"me@ims.example.com\" "
             "gba-u = required }\n"
             "credential dev { certificate = \"/a\" key = \"/b\" }\n"
             "credential two { kind = file certificate = \"/c\" key = \"/d\" }\n",
             &c, &err));
    e = fr_config_credential(c, FR_KEY_SIM, NULL);
    assert_string_equal(e->name, "soft");
    assert_string_equal(e->sim, "usim-file");
    assert_string_equal(e->usim.path, "/u");
    assert_string_equal(e->usim.name, "soft");
    assert_int_equal(e->gba_u, FR_GBA_U_OFF);
    assert_true(e->akav2 && e->tmpi);
    assert_string_equal(fr_config_credential(c, FR_KEY_CERTIFICATE, NULL)->name, "dev");
    e = fr_config_credential(c, FR_KEY_SIM, "card");
    assert_string_equal(e->sim, "uicc");
    assert_null(e->usim.reader);
    assert_false(e->usim.is_isim);
    assert_int_equal(e->gba_u, FR_GBA_U_AUTO);
    assert_false(e->akav2 || e->tmpi);
    e = fr_config_credential(c, FR_KEY_SIM, "isim");
    assert_true(e->usim.is_isim);
    assert_string_equal(e->usim.reader, "ACS");
    assert_string_equal(e->usim.pin_path, "/p");
    assert_string_equal(e->usim.impi, "me@ims.example.com");
    assert_int_equal(e->gba_u, FR_GBA_U_REQUIRED);
}

static void entries_of_two_kinds_are_refused_by_name(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"credential a { }\n", "credential a: a credential needs both"},
        {"credential a { kind = hsm }\n",
         "\"file\", \"uicc\" or \"usim-file\" is allowed"},
        {"credential a { certificate = \"/a\" key = \"/b\" usim = \"/u\" }\n",
         "kind \"file\" has no usim"},
        {"credential a { kind = uicc key = \"/b\" }\n", "kind \"uicc\" has no key"},
        {"credential a { usim = \"/u\" reader = \"x\" }\n",
         "kind \"usim-file\" has no reader"},
        {"credential a { kind = usim-file }\n", "needs usim = PATH"},
        {"credential a { reader = x application = csim }\n", "\"isim\" is allowed"},
        {"credential a { usim = \"/u\" gba-u = perhaps }\n", "\"required\" is allowed"},
        {"credential a { usim = \"/u\" impi = \"001010000000001\" }\n", "NAME@FQDN"},
        {"credential a { kind = file gba-u = off }\n", "has no gba-u"},
        {"credential a { usim = \"/u\" akav2 = yes }\n",
         "akav2 = \"yes\": \"off\" or \"on\" is allowed"},
        {"credential a { usim = \"/u\" tmpi = 1 }\n", "\"off\" or \"on\" is allowed"},
        {"credential a { usim = \"/u\" tmpi = on gba-u = required }\n",
         "keeps it there"},
        {"credential a { kind = file tmpi = on }\n", "has no tmpi"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_bad(bad[i].text, bad[i].words);
}

static void ub_without_tls_is_for_who_is_named(void **state)
{
    FR_AUTO(config) *c = NULL, *none = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(
        load("plain-ub = {\"lab.example.com\"}\npsk-identity = 3gpp\n", &c, &err));
    assert_true(fr_config_is_plain(c, "LAB.example.com"));
    assert_false(fr_config_is_plain(c, "mef.example.com"));
    assert_true(c->is_psk_3gpp);
    assert_ok(load("", &none, &err));
    assert_false(fr_config_is_plain(none, "lab.example.com"));
    assert_false(none->is_psk_3gpp);
    assert_bad("plain-ub = {\"*\"}\n", "no FQDN");
    assert_bad("psk-identity = imsi\n", "\"b-tid\" or \"3gpp\"");
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
        cmocka_unit_test(a_key_store_has_entries_of_each_kind),
        cmocka_unit_test(entries_of_two_kinds_are_refused_by_name),
        cmocka_unit_test(ub_without_tls_is_for_who_is_named),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
