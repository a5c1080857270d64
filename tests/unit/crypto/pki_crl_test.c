/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "pki_fixture.h"
#include "test.h"

static void revoked_certificate_is_on_the_list_for_good(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *one = issue(&req), *two;

    assert_ok(fr_pki_revoke("ca", "leaf.pem", &err));
    assert_int_equal(unlink("leaf.key"), 0);
    two = issue(&req);
    assert_int_equal(verify(one, true, 0), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify(two, true, 0), X509_V_OK);
    assert_ok(fr_pki_revoke("ca", "leaf.pem", &err));
    assert_ok(fr_pki_revoke("ca", NULL, &err));
    assert_int_equal(verify(one, true, 0), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify(two, true, 0), X509_V_ERR_CERT_REVOKED);
    X509_free(one);
    X509_free(two);
}

static long crl_number(int *ret_entries)
{
    X509_CRL *crl;
    ASN1_INTEGER *number;
    long n;

    crl = load_crl("ca/crl.pem");
    number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    assert_non_null(number);
    n = ASN1_INTEGER_get(number);
    *ret_entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
    ASN1_INTEGER_free(number);
    X509_CRL_free(crl);
    return n;
}

static void each_list_has_a_higher_number(void **state)
{
    int entries;

    (void)state;
    assert_int_equal(crl_number(&entries), 1);
    assert_ok(fr_pki_revoke("ca", NULL, &err));
    assert_int_equal(crl_number(&entries), 2);
}

static void second_revocation_adds_no_entry(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    int entries;

    X509_free(issue(&req));
    assert_ok(fr_pki_revoke("ca", "leaf.pem", &err));
    assert_ok(fr_pki_revoke("ca", "leaf.pem", &err));
    assert_int_equal(crl_number(&entries), 3);
    assert_int_equal(entries, 1);
}

static void certificate_of_another_ca_is_not_revoked(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    int entries;

    assert_ok(fr_pki_init("ca2", "Test CA", NULL, f->now + DAY, &err));
    X509_free(issue(&req));
    assert_fails_as(fr_pki_revoke("ca2", "leaf.pem", &err), FR_EPARSE,
                    "not-issued-here");
    assert_int_equal(crl_number(&entries), 1);
}

static void lost_list_is_not_replaced_by_an_empty_one(void **state)
{

    (void)state;
    assert_int_equal(unlink("ca/crl.pem"), 0);
    assert_fails(fr_pki_revoke("ca", NULL, &err), FR_ECONFIG);
    assert_contains(err.msg, "restore");
    assert_false(is_there("ca/crl.pem"));
}

static void list_of_another_ca_is_refused(void **state)
{
    struct fixture *f = *state;
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(65536);

    assert_ok(fr_pki_init("ca2", "Test CA", NULL, f->now + DAY, &err));
    assert_ok(fr_file_read("ca2/crl.pem", &text, &err));
    assert_ok(fr_file_write_atomic("ca/crl.pem", fr_buf_view(&text), 0644, &err));
    assert_fails(fr_pki_revoke("ca", NULL, &err), FR_ECONFIG);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(revoked_certificate_is_on_the_list_for_good),
        test(each_list_has_a_higher_number),
        test(second_revocation_adds_no_entry),
        test(certificate_of_another_ca_is_not_revoked),
        test(lost_list_is_not_replaced_by_an_empty_one),
        test(list_of_another_ca_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
