/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "server/config.h"

static char path[] = "/tmp/fr-config-XXXXXX";

#define MEF_FILES                                                                      \
    " certificate = \"c.pem\"\n key = \"c.key\"\n enrolee-anchors = \"a.pem\"\n"
#define MEF "mef {\n fqdn = \"MEF.example.com\"\n" MEF_FILES

static enum fr_code load(const char *text, struct fr_server_config **ret,
                         struct fr_err *err)
{
    struct fr_err unused;

    assert_int_equal(fr_file_write_atomic(path, fr_slice_str(text), 0600, &unused),
                     FR_OK);
    return fr_server_config_load(path, ret, err);
}

static void refuses(const char *text, const char *words)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    assert_fails(load(text, &c, &err), FR_ECONFIG);
    assert_contains(err.msg, path);
    assert_contains(err.msg, words);
    assert_null(c);
}

static void the_sandbox_is_auto_unless_said_otherwise(void **state)
{
    FR_AUTO(server_config) *plain = NULL;
    FR_AUTO(server_config) *strict = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load(MEF "}\n", &plain, &err));
    assert_int_equal(plain->sandbox, FR_SANDBOX_AUTO);
    assert_ok(load("sandbox = required\n" MEF "}\n", &strict, &err));
    assert_int_equal(strict->sandbox, FR_SANDBOX_REQUIRED);
    refuses("sandbox = maybe\n" MEF "}\n", "auto, required, off");
}

static void vault_and_signer_are_the_user_unless_said_otherwise(void **state)
{
    FR_AUTO(server_config) *one = NULL;
    FR_AUTO(server_config) *three = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load("user = \"nobody\"\n" MEF "}\n", &one, &err));
    assert_string_equal(one->vault_user.name, "nobody");
    assert_string_equal(one->signer_user.name, "nobody");
    assert_ok(load("user = \"nobody\"\nvault-user = \"daemon\"\n"
                   "signer-user = \"bin\"\n" MEF "}\n",
                   &three, &err));
    assert_string_equal(three->user.name, "nobody");
    assert_string_equal(three->vault_user.name, "daemon");
    assert_string_equal(three->signer_user.name, "bin");
    assert_int_not_equal(three->vault_user.uid, three->signer_user.uid);
    refuses("signer-user = \"nobody\"\n" MEF "}\n", "user is not: give both");
}

#define GBA_TLS " certificate = \"c.pem\"\n key = \"c.key\"\n"

static void a_gba_bsf_has_defaults_for_all_but_its_files(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load("node = \"n1\"\n" MEF "}\ngba-bsf {\n" GBA_TLS "}\n", &c, &err));
    assert_string_equal(c->listener[FR_WORKER_GBA].listen, "0.0.0.0:8446");
    assert_non_null(c->listener[FR_WORKER_GBA].key);
    assert_null(c->listener[FR_WORKER_GBA].anchors);
    assert_false(c->gba.is_plain);
    assert_string_equal(c->gba.hlr, "127.0.0.1:4222");
    assert_int_equal(fr_gba_hlr_port(&c->gba), 4222);
    assert_string_equal(c->gba.hlr_name, "fieldroot-n1");
    assert_int_equal(c->gba.lifetime_s, 86400);
    assert_int_equal(c->gba.hss_timeout_ms, 5000);
    assert_int_equal(c->gba.vectors_per_minute, 60);
    assert_false(c->gba.akav2);
    assert_false(c->gba.tmpi);
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_HSS), 1);
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_GBA), 1);
}

static void a_gba_bsf_without_tls_has_no_key(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load(
        MEF "}\ngba-bsf {\n tls = off\n hlr = \"[::1]:4000\"\n"
            " hlr-name = \"bsf-1\"\n lifetime = \"PT1M\"\n akav2 = on\n tmpi = on\n"
            " vectors-per-subscriber = 7\n}\n",
        &c, &err));
    assert_true(c->gba.is_plain);
    assert_null(c->listener[FR_WORKER_GBA].key);
    assert_int_equal(fr_gba_hlr_port(&c->gba), 4000);
    assert_string_equal(c->gba.hlr_name, "bsf-1");
    assert_int_equal(c->gba.lifetime_s, 60);
    assert_int_equal(c->gba.vectors_per_minute, 7);
    assert_true(c->gba.akav2);
    assert_true(c->gba.tmpi);
}

static void a_gba_bsf_that_cannot_work_is_refused(void **state)
{
    (void)state;
    refuses("discovery {\n" MEF_FILES "}\ngba-bsf {\n" GBA_TLS "}\n",
            "needs a section mef");
    refuses(MEF "}\ngba-bsf {\n}\n", "certificate is missing");
    refuses(MEF "}\ngba-bsf {\n tls = off\n" GBA_TLS "}\n", "leave them out");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " hlr = \"hss.example.com:4222\"\n}\n",
            "no name");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " hlr = \"127.0.0.1\"\n}\n", "hlr");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " hlr = \"127.0.0.1:0\"\n}\n", "hlr");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " hlr-name = \"a b\"\n}\n", "hlr-name");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " lifetime = \"PT59S\"\n}\n", "PT1M");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " lifetime = \"P366D\"\n}\n", "P365D");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " hss-timeout = \"PT2M\"\n}\n", "hss-timeout");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " vectors-per-subscriber = 0\n}\n",
            "vectors-per-subscriber");
    refuses(MEF "}\ngba-bsf {\n" GBA_TLS " hrl = \"127.0.0.1:1\"\n}\n", "hlr");
}

static int make_file(void **state)
{
    (void)state;
    return close(mkstemp(path));
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void a_small_mef_gets_the_defaults(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load(MEF "}\n", &c, &err));
    assert_string_equal(c->mef_fqdn, "mef.example.com");
    assert_string_equal(c->mef_base, "/mefbase");
    assert_string_equal(c->listener[FR_WORKER_ENROL].listen, "0.0.0.0:8443");
    assert_string_equal(c->listener[FR_WORKER_ENROL].anchors, "/tmp/a.pem");
    assert_null(c->listener[FR_WORKER_ENROL].crl);
    assert_false(c->confirmation_required);
    assert_int_equal(c->expiry_max_s, 365 * 86400);
    assert_int_equal(c->grace_s, 86400);
    assert_string_equal(c->database, "/var/lib/fieldrootd/fieldroot.db");
    assert_string_equal(c->kek, "/var/lib/fieldrootd/kek");
    assert_int_equal(c->tls_min, TLS1_2_VERSION);
    assert_int_equal(c->tls_max, TLS1_3_VERSION);
    assert_int_equal(c->limits.connections, 1000);
    assert_int_equal(c->limits.body, 65536);
    assert_int_equal(c->limits.idle_ms, 30000);
}

static void a_role_is_off_without_its_section(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load("workers = 3\n" MEF "}\n", &c, &err));
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_ENROL), 3);
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_FETCH), 0);
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_DISCOVERY), 0);
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_ADMIN), 0);
}

static void all_roles_can_be_on(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load("run-dir = \"/run/x\"\n" MEF " target-anchors = \"t.pem\"\n}\n"
                   "discovery {\n" MEF_FILES "}\nadmin {\n}\n",
                   &c, &err));
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_FETCH), 1);
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_DISCOVERY), 1);
    assert_int_equal(fr_server_config_workers(c, FR_WORKER_ADMIN), 1);
    assert_string_equal(c->listener[FR_WORKER_FETCH].anchors, "/tmp/t.pem");
    assert_string_equal(c->admin_socket, "/run/x/admin.sock");
}

static void each_listener_keeps_its_own_anchors(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load(MEF " target-anchors = \"t.pem\"\n target-crl = \"t.crl\"\n}\n", &c,
                   &err));
    assert_string_equal(c->listener[FR_WORKER_ENROL].anchors, "/tmp/a.pem");
    assert_null(c->listener[FR_WORKER_ENROL].crl);
    assert_string_equal(c->listener[FR_WORKER_FETCH].crl, "/tmp/t.crl");
}

static void the_onem2m_profile_is_tls_1_2(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load(MEF "}\ntls {\n profile = \"onem2m\"\n}\n", &c, &err));
    assert_int_equal(c->tls_profile, FR_TLS_ONEM2M);
    assert_int_equal(c->tls_max, TLS1_2_VERSION);
}

static void admin_fqdns_are_admitted_beside_the_mefs_own(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_ok(load(MEF " admin-fqdns = {\"Other.example.com\"}\n}\n", &c, &err));
    assert_true(fr_server_config_admits_admin(c, "mef.example.com"));
    assert_true(fr_server_config_admits_admin(c, "other.example.com"));
    assert_false(fr_server_config_admits_admin(c, "third.example.com"));
}

static void ems_exceptions_name_a_peer_exactly(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_peer peer = {.kind = FR_PEER_CERTIFICATE,
                           .sans = {{FR_SAN_DNS, "old.example.com"}},
                           .n_sans = 1};
    struct fr_err err;

    (void)state;
    assert_ok(load(MEF "}\ntls {\n ems-exceptions = {\"dns:old.example.com\"}\n}\n", &c,
                   &err));
    assert_true(fr_server_config_excepts_ems(c, &peer));
    strcpy(peer.sans[0].value, "older.example.com");
    assert_false(fr_server_config_excepts_ems(c, &peer));
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    refuses("mef {\n" MEF_FILES "}\n", "fqdn");
    refuses("mef {\n fqdn = \"m.example.com\"\n}\n", "certificate");
    refuses("discovery {\n certificate = \"c\"\n key = \"k\"\n}\n", "enrolee-anchors");
    refuses("workers = 1\n", "no role is on");
    refuses("admin {\n}\n", "no role is on");
}

static void what_is_wrong_is_named_with_what_is_allowed(void **state)
{
    (void)state;
    refuses(MEF " confirmation = \"perhaps\"\n}\n", "optional, required");
    refuses(MEF "}\nlog-level = \"loud\"\n", "error, warn, info, debug");
    refuses(MEF "}\ntls {\n min = \"1.1\"\n}\n", "1.2, 1.3");
    refuses(MEF "}\ntls {\n min = \"1.3\"\n max = \"1.2\"\n}\n", "above");
    refuses(MEF "}\ntls {\n profile = \"onem2m\"\n min = \"1.3\"\n}\n", "onem2m");
    refuses(MEF " grace = \"PT0S\"\n}\n", "grace");
    refuses(MEF " base = \"/mefbase/\"\n}\n", "base");
    refuses(MEF " base = \"mefbase\"\n}\n", "base");
    refuses(MEF " admin-fqdns = {\"no name\"}\n}\n", "no name");
    refuses(MEF "}\nlimits {\n idle = \"PT0S\"\n}\n", "idle");
    refuses(MEF "}\nuser = \"no-such-user-here\"\n", "no such user");
    refuses("mef {\n fqdn = \"not a name\"\n" MEF_FILES "}\n", "not a name");
}

static void an_unknown_key_is_an_error_with_its_line(void **state)
{
    (void)state;
    refuses(MEF "}\nlimits {\n bodie = 3\n}\n", ":8:");
}

static void a_file_that_is_not_there_is_said_to_be_so(void **state)
{
    FR_AUTO(server_config) *c = NULL;
    struct fr_err err;

    (void)state;
    assert_fails(fr_server_config_load("/nonexistent/x.conf", &c, &err), FR_ENOTFOUND);
    assert_contains(err.msg, "/nonexistent/x.conf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_mef_gets_the_defaults),
        cmocka_unit_test(the_sandbox_is_auto_unless_said_otherwise),
        cmocka_unit_test(vault_and_signer_are_the_user_unless_said_otherwise),
        cmocka_unit_test(a_role_is_off_without_its_section),
        cmocka_unit_test(all_roles_can_be_on),
        cmocka_unit_test(each_listener_keeps_its_own_anchors),
        cmocka_unit_test(the_onem2m_profile_is_tls_1_2),
        cmocka_unit_test(admin_fqdns_are_admitted_beside_the_mefs_own),
        cmocka_unit_test(ems_exceptions_name_a_peer_exactly),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_wrong_is_named_with_what_is_allowed),
        cmocka_unit_test(an_unknown_key_is_an_error_with_its_line),
        cmocka_unit_test(a_gba_bsf_has_defaults_for_all_but_its_files),
        cmocka_unit_test(a_gba_bsf_without_tls_has_no_key),
        cmocka_unit_test(a_gba_bsf_that_cannot_work_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_said_to_be_so),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
