/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS context refuses to be made of. */
#include "net/tls.h"

#include <sys/stat.h>

#include "test.h"
#include "unit/net/tlspeer.h"

static struct fr_tls_setup good(void)
{
    return (struct fr_tls_setup){.cert_path = pki_path("device.pem"),
                                 .key_path = pki_path("device.key"),
                                 .anchors_path = pki_path("mef-ca/ca.pem")};
}

static void assert_no_context(const struct fr_tls_setup *setup, const char *reason,
                              const char *words)
{
    struct fr_tls *tls = NULL;
    struct fr_err err;

    assert_fails_as(fr_tls_new(setup, &tls, &err), FR_ECONFIG, reason);
    assert_contains(err.msg, words);
    assert_null(tls);
}

static void own_identity_is_the_first_name_of_the_certificate(void **state)
{
    struct fr_tls_setup setup = good();
    struct fr_tls *tls;
    struct fr_err err;

    (void)state;
    assert_ok(fr_tls_new(&setup, &tls, &err));
    assert_string_equal(fr_tls_own_id(tls), "dev1.example.com");
    assert_int_equal(strlen(fr_tls_credential_ref(tls)), 5 + 64);
    assert_memory_equal(fr_tls_credential_ref(tls), "cert:", 5);
    fr_tls_free(tls);
}

static void without_a_certificate_there_is_no_identity(void **state)
{
    struct fr_tls_setup setup = {.anchors_path = pki_path("mef-ca/ca.pem")};
    struct fr_tls *tls;
    struct fr_err err;

    (void)state;
    assert_ok(fr_tls_new(&setup, &tls, &err));
    assert_string_equal(fr_tls_own_id(tls), "");
    assert_string_equal(fr_tls_credential_ref(tls), "");
    fr_tls_free(tls);
}

static void a_missing_certificate_is_named(void **state)
{
    struct fr_tls_setup setup = good();

    (void)state;
    setup.cert_path = "/nonexistent/device.pem";
    assert_no_context(&setup, "tls-config", "/nonexistent/device.pem");
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    struct fr_tls_setup setup = good();

    (void)state;
    setup.key_path = pki_path("mef.key");
    assert_no_context(&setup, "tls-config", "mef.key");
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    struct fr_tls_setup setup = good();

    (void)state;
    assert_int_equal(chmod(setup.key_path, 0644), 0);
    assert_no_context(&setup, "key-file-open", "chmod 600");
    assert_int_equal(chmod(setup.key_path, 0600), 0);
}

static void anchors_that_are_none_are_refused(void **state)
{
    struct fr_tls_setup setup = good();

    (void)state;
    setup.anchors_path = pki_path("device.key");
    assert_no_context(&setup, "tls-config", "trust anchors");
}

static void a_revocation_list_that_is_none_is_refused(void **state)
{
    struct fr_tls_setup setup = good();

    (void)state;
    setup.crl_path = pki_path("device.pem");
    assert_no_context(&setup, "tls-config", "revocation list");
}

static void versions_that_leave_nothing_are_refused(void **state)
{
    struct fr_tls_setup setup = good();

    (void)state;
    setup.min_version = TLS1_3_VERSION;
    setup.max_version = TLS1_2_VERSION;
    assert_no_context(&setup, "tls-config", "tls-min");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_identity_is_the_first_name_of_the_certificate),
        cmocka_unit_test(without_a_certificate_there_is_no_identity),
        cmocka_unit_test(a_missing_certificate_is_named),
        cmocka_unit_test(a_key_of_another_certificate_is_refused),
        cmocka_unit_test(a_key_that_others_can_read_is_refused),
        cmocka_unit_test(anchors_that_are_none_are_refused),
        cmocka_unit_test(a_revocation_list_that_is_none_is_refused),
        cmocka_unit_test(versions_that_leave_nothing_are_refused),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
