/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"
#include "unit/model/credential_sample.h"

#include <sys/stat.h>

/* The key that (Ke of 32 times 5a, SUID 22, target) gives, as text. */
static void expected_key(const char *target, char hex[65])
{
    FR_AUTO(secret) *ke = NULL, *key = NULL;
    uint8_t octets[32];
    struct fr_err err;

    memset(octets, 0x5a, sizeof octets);
    assert_ok(fr_secret_from(octets, sizeof octets, &ke, &err));
    assert_ok(fr_kdf_usage(ke, 22, target, &key, &err));
    fr_hex_encode(fr_secret_view(key), hex, false);
}

static void forget_waits_for_no_lock(void **state)
{
    FR_AUTO(state) *other = NULL;
    struct device *d = *state;
    struct fr_err err;

    device_give(d, "t.example", 10, 1000);
    assert_ok(fr_state_open(d->state, 262144, &other, &err));
    assert_ok(fr_state_lock(other, &err));
    assert_int_equal(device_run(d, "credential forget --target t.example"), 75);
    fr_state_unlock(other);
    assert_int_equal(device_run(d, "credential show --target t.example"), 0);
}

/* ---- credential export ---- */

static void export_refuses_without_show_secret_or_out(void **state)
{
    struct device *d = *state;
    char key[65];

    device_give(d, "t.example", 10, 1000);
    expected_key("t.example", key);
    assert_int_equal(device_run(d, "credential export"), 64);
    assert_contains(d->c.err, "--show-secret");
    assert_null(strstr(d->c.out, key));
    assert_int_equal(device_run(d, "credential export --json --format mosquitto"), 64);
    assert_null(strstr(d->c.out, key));
}

static void export_prints_the_target_key_when_told_to(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;
    char key[65], want[256];

    device_give(d, "t.example", 10, 1000);
    expected_key("t.example", key);
    assert_int_equal(device_run(d, "credential export --show-secret"), 0);
    snprintf(want, sizeof want, "%s\n", key);
    assert_string_equal(d->c.out, want);
    assert_int_equal(
        device_run(d, "credential export --format mosquitto --show-secret"), 0);
    snprintf(want, sizeof want, "--psk-identity %s\n--psk %s\n", DEVICE_KEYID, key);
    assert_string_equal(d->c.out, want);
    assert_int_equal(device_run(d, "credential export --show-secret --json"), 0);
    got = device_last(d);
    assert_string_equal(text_in(got, "pskIdentity"), DEVICE_KEYID);
    assert_string_equal(text_in(got, "key"), key);
}

#define NAF_TLS12 "74259dd94b4d3558f4e05dcc1ce37087ab724aab9ddb18b03613e6fb8ca8ed44"
#define NAF_TLS13 "7a4eb3270a598b6649234f71993b6be1b8ddf7ebb4d077049161339504d1746e"
#define NAF_HTTP  "d3d5b418417eedfff77c5cce9b962bd62a6bbedbff2b309ab15cdc90882b18f2"

static void export_of_a_sims_key_is_for_one_protocol(void **state)
{
    static const struct {
        const char *line, *want;
    } good[] = {
        {"credential export --show-secret", NAF_TLS12 "\n"},
        {"credential export --show-secret --ua http-digest", NAF_HTTP "\n"},
        {"credential export --show-secret --format mosquitto",
         "--tls-version tlsv1.2\n--ciphers PSK-AES128-CBC-SHA256\n"
         "--psk-identity " SAMPLE_BTID "\n--psk " NAF_TLS12 "\n"},
        {"credential export --show-secret --format mosquitto --ua tls1.3",
         "--tls-version tlsv1.3\n--psk-identity " SAMPLE_BTID "\n--psk " NAF_TLS13
         "\n"},
    };
    FR_AUTO(credential) *c = credential_sample_gba();
    struct device *d = *state;

    device_keep(d, c);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(device_run(d, good[i].line), 0);
        assert_string_equal(d->c.out, good[i].want);
    }
    assert_int_equal(
        device_run(d,
                   "credential export --show-secret --format mosquitto --ua dtls1.2"),
        64);
    assert_int_equal(device_run(d, "credential export --show-secret --ua ipsec"), 64);
}

#define EXPORT_SIM "credential export " SAMPLE_BTID " --show-secret --naf "

static void export_of_a_sims_key_is_for_any_target(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba();
    struct device *d = *state;

    device_give(d, "t.example", 10, 1000);
    assert_int_equal(
        device_run(d, "credential export --show-secret --naf other.example.com"), 64);
    assert_contains(d->c.err, "is shared with");
    device_keep(d, c);
    assert_int_equal(device_run(d, EXPORT_SIM "other.example.com"), 0);
    assert_string_not_equal(d->c.out, NAF_TLS12 "\n");
    assert_int_equal(device_run(d, EXPORT_SIM "Naf.example.org"), 0);
    assert_string_equal(d->c.out, NAF_TLS12 "\n");
}

static void export_names_the_identity_as_the_config_wants_it(void **state)
{
    FR_AUTO(credential) *c = credential_sample_gba();
    struct device *d = *state;
    char text[512];

    device_keep(d, c);
    snprintf(text, sizeof text, "state = \"%s\"\npsk-identity = \"3gpp\"\n", d->state);
    device_write(d->config, text);
    assert_int_equal(
        device_run(d, "credential export --show-secret --format mosquitto"), 0);
    assert_contains(d->c.out, "--psk-identity 3GPP-bootstrapping;" SAMPLE_BTID "\n");
}

static void export_writes_a_private_file_and_prints_no_key(void **state)
{
    struct device *d = *state;
    char key[65], path[96], line[192], text[256];
    struct stat st;

    device_give(d, "t.example", 10, 1000);
    expected_key("t.example", key);
    snprintf(path, sizeof path, "%s/key", d->dir);
    device_write(path, "old, for all to read");
    assert_int_equal(chmod(path, 0644), 0);
    snprintf(line, sizeof line, "credential export --format hex --out %s", path);
    assert_int_equal(device_run(d, line), 0);
    assert_null(strstr(d->c.out, key));
    device_read(path, text, sizeof text);
    assert_memory_equal(text, key, 64);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void export_that_cannot_be_written_is_73(void **state)
{
    struct device *d = *state;

    device_give(d, "t.example", 10, 1000);
    assert_int_equal(device_run(d, "credential export --out /nonexistent/key"), 73);
}

/* ---- credential list, show, forget ---- */

static void list_and_show_tell_all_but_the_key(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;
    char key[65];

    device_give(d, "t.example", 10, 1000);
    expected_key("t.example", key);
    assert_int_equal(device_run(d, "credential list"), 0);
    assert_contains(d->c.out, DEVICE_KEYID);
    assert_contains(d->c.out, "valid");
    assert_int_equal(device_run(d, "credential show --json"), 0);
    got = device_last(d);
    assert_string_equal(text_in(got, "target"), "t.example");
    assert_int_equal(strlen(text_in(got, "fingerprint")), FR_FINGERPRINT_LEN);
    assert_null(strstr(d->c.out, key));
    assert_null(strstr(d->c.out, "5a5a5a"));
}

static void a_credential_is_chosen_by_its_names(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;

    device_give(d, "t.example", 10, 1000);
    device_give(d, "u.example", 10, 1000);
    assert_int_equal(device_run(d,
                                "credential show --json --mef mef.example.com --target "
                                "t.example --suid 22"),
                     0);
    got = device_last(d);
    assert_string_equal(text_in(got, "target"), "t.example");
    assert_int_equal(device_run(d, "credential show --target v.example"), 1);
    assert_int_equal(device_run(d, "credential show --suid 21"), 1);
    assert_contains(d->c.err, "no such credential");
}

static void forget_removes_exactly_one(void **state)
{
    struct device *d = *state;

    device_give(d, "t.example", 10, 1000);
    device_give(d, "u.example", 10, 1000);
    assert_int_equal(device_run(d, "credential forget --target t.example"), 0);
    assert_int_equal(device_run(d, "credential show --target t.example"), 1);
    assert_int_equal(device_run(d, "credential show --target u.example"), 0);
    assert_int_equal(device_run(d, "credential forget --target t.example"), 1);
}

static void forget_removes_what_is_damaged(void **state)
{
    struct device *d = *state;
    char line[192];

    device_give(d, "t.example", 10, 1000);
    snprintf(line, sizeof line, "truncate -s 20 %s/*.current", d->state);
    assert_int_equal(system(line), 0);
    assert_int_equal(device_run(d, "credential list"), 0);
    assert_contains(d->c.out, "damaged");
    assert_int_equal(device_run(d, "credential forget --target t.example"), 1);
    assert_int_equal(device_run(d, "credential forget --damaged"), 0);
    assert_contains(d->c.out, "1 damaged file removed");
    assert_int_equal(device_run(d, "credential list"), 0);
    assert_contains(d->c.out, "no credentials");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(export_refuses_without_show_secret_or_out),
        DEVICE_TEST(export_prints_the_target_key_when_told_to),
        DEVICE_TEST(export_of_a_sims_key_is_for_one_protocol),
        DEVICE_TEST(export_of_a_sims_key_is_for_any_target),
        DEVICE_TEST(export_names_the_identity_as_the_config_wants_it),
        DEVICE_TEST(export_writes_a_private_file_and_prints_no_key),
        DEVICE_TEST(export_that_cannot_be_written_is_73),
        DEVICE_TEST(list_and_show_tell_all_but_the_key),
        DEVICE_TEST(a_credential_is_chosen_by_its_names),
        DEVICE_TEST(forget_removes_exactly_one),
        DEVICE_TEST(forget_removes_what_is_damaged),
        DEVICE_TEST(forget_waits_for_no_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
