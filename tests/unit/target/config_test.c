/* SPDX-License-Identifier: Apache-2.0 */
#include "target/config.h"

#include "keys.h"

#define REST                                                                           \
    "certificate = \"broker.pem\"\nkey = \"/keys/broker.key\"\n"                       \
    "trust-anchors = \"ca.pem\"\n"
#define LEAST "fqdn = \"Broker.Example\"\nmef { fqdn = \"MEF.example\" }\n" REST

static enum fr_code load(void **state, const char *text, struct fr_target_config **ret,
                         struct fr_err *err)
{
    write_text(in(state, "conf"), text);
    return fr_target_config_load(in(state, "conf"), ret, err);
}

static void least_config_has_defaults(void **state)
{
    FR_AUTO(target_config) *c = NULL;
    struct fr_err err = {0};

    assert_ok(load(state, LEAST, &c, &err));
    assert_string_equal(c->fqdn, "broker.example");
    assert_string_equal(c->mef_fqdn, "mef.example");
    assert_int_equal(c->mef_port, 8444);
    assert_string_equal(c->certificate, in(state, "broker.pem"));
    assert_string_equal(c->key, "/keys/broker.key");
    assert_string_equal(c->anchors, in(state, "ca.pem"));
    assert_null(c->crl);
    assert_null(c->psk_file);
    assert_null(c->pid_file);
    assert_string_equal(c->state, "/var/lib/fieldroot-target");
    assert_string_equal(c->cache_path, "/var/lib/fieldroot-target/cache");
    assert_string_equal(c->lock_path, "/var/lib/fieldroot-target/lock");
    assert_int_equal(c->n_hosts, 0);
}

static void full_config_is_read(void **state)
{
    FR_AUTO(target_config) *c = NULL;
    struct fr_err err = {0};

    assert_ok(load(state,
                   "fqdn = \"b.example\"\n"
                   "mef {\nfqdn = \"m.example\"\nport = 18444\n"
                   "address = \"127.0.0.1\"\n}\n"
                   "host \"other.example\" { address = \"::1\" }\n"
                   "crl = \"crl.pem\"\nstate = \"state\"\n"
                   "psk-file = \"psk\"\npid-file = \"pid\"\n" REST,
                   &c, &err));
    assert_int_equal(c->mef_port, 18444);
    assert_int_equal(c->n_hosts, 2);
    assert_string_equal(c->hosts[0].name, "m.example");
    assert_string_equal(c->hosts[0].address, "127.0.0.1");
    assert_string_equal(c->hosts[1].name, "other.example");
    assert_string_equal(c->crl, in(state, "crl.pem"));
    assert_string_equal(c->psk_file, in(state, "psk"));
    assert_string_equal(c->pid_file, in(state, "pid"));
    assert_string_equal(c->cache_path, in(state, "state/cache"));
}

static void bad_configs_are_refused_with_the_key_named(void **state)
{
    static const struct {
        const char *text, *names;
    } bad[] = {
        {"mef { fqdn = \"m.example\" }\n" REST, "fqdn"},
        {"fqdn = \"192.0.2.1\"\nmef { fqdn = \"m.example\" }\n" REST, "fqdn"},
        {"fqdn = \"b.example\"\n" REST, "mef"},
        {"fqdn = \"b.example\"\nmef { port = 1 }\n" REST, "fqdn"},
        {"fqdn = \"b.example\"\nmef { fqdn = \"m.example\"\nport = 0 }\n" REST, "port"},
        {"fqdn = \"b.example\"\nmef { fqdn = \"m.example\"\naddress = \"x\" }\n" REST,
         "address"},
        {LEAST "host \"x.example\" { address = \"1.2.3\" }\n", "address"},
        {LEAST "host \"x.example\" { }\n", "address"},
        {"fqdn = \"b.example\"\nmef { fqdn = \"m.example\" }\n", "certificate"},
        {"fqdn = \"b.example\"\nmef { fqdn = \"m.example\" }\ncertificate = \"x\"\n",
         "key"},
        {"fqdn = \"b.example\"\nmef { fqdn = \"m.example\" }\ncertificate = \"x\"\n"
         "key = \"x\"\n",
         "trust-anchors"},
        {LEAST "psk-flie = \"x\"\n", "psk-file"},
        {LEAST "mef {", "conf"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fr_target_config *c = NULL;
        struct fr_err err = {0};

        assert_fails(load(state, bad[i].text, &c, &err), FR_ECONFIG);
        assert_contains(err.msg, bad[i].names);
        assert_null(c);
    }
}

static void missing_config_is_not_found(void **state)
{
    struct fr_target_config *c = NULL;
    struct fr_err err = {0};

    assert_fails(fr_target_config_load(in(state, "none"), &c, &err), FR_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(least_config_has_defaults),
        IN_FOLDER(full_config_is_read),
        IN_FOLDER(bad_configs_are_refused_with_the_key_named),
        IN_FOLDER(missing_config_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
