/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/pki.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "base/file.h"
#include "pki_fixture.h"
#include "test.h"

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777u;
}

static void issued_certificate_verifies(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *leaf = issue(&req);

    assert_int_equal(verify(leaf, false, 0), X509_V_OK);
    assert_int_equal(verify(leaf, true, 0), X509_V_OK);
    X509_free(leaf);
}

static void issued_certificate_has_the_profile(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *leaf = issue(&req);
    char group[32];

    assert_int_equal(
        EVP_PKEY_get_group_name(X509_get0_pubkey(leaf), group, sizeof group, NULL), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(X509_get_signature_nid(leaf), NID_ecdsa_with_SHA256);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_check_ca(leaf), 0);
    assert_int_equal(X509_get_ext_by_NID(leaf, NID_ext_key_usage, -1), -1);
    assert_true(X509_get_ext_by_NID(leaf, NID_authority_key_identifier, -1) >= 0);
    X509_free(leaf);
}

static void extended_key_usage_is_as_asked(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *leaf;

    req.server = true;
    leaf = issue(&req);
    assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
    X509_free(leaf);
    assert_int_equal(unlink("leaf.key"), 0);
    req.client = true;
    leaf = issue(&req);
    assert_int_equal(X509_get_extended_key_usage(leaf),
                     XKU_SSL_SERVER | XKU_SSL_CLIENT);
    X509_free(leaf);
}

static void ca_certificate_is_a_ca_and_constrained(void **state)
{
    X509 *ca;

    (void)state;
    ca = load_cert("ca/ca.pem");
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_get_pathlen(ca), 0);
    assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_true(X509_get_ext_by_NID(ca, NID_name_constraints, -1) >= 0);
    X509_free(ca);
}

static void names_of_each_type_arrive(void **state)
{
    static const char *const texts[] = {
        "dns:dev1.example.com", "uri://sp.example.com/cse",
        "other:1.3.6.1.4.1.99;h\xc3\xa9-1", "rid:2.999.1"};
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    struct fr_san sans[4];
    struct fr_peer peer;
    X509 *leaf;

    for (size_t i = 0; i < 4; i++)
        assert_ok(fr_san_parse(texts[i], &sans[i], &err));
    req.sans = sans;
    req.n_sans = 4;
    leaf = issue(&req);
    assert_ok(fr_peer_from_leaf(leaf, &peer, &err));
    assert_int_equal(peer.n_sans, 4);
    for (size_t i = 0; i < 4; i++) {
        char text[FR_SAN_TEXT_MAX + 1];

        assert_string_equal(fr_san_format(&peer.sans[i], text), texts[i]);
    }
    X509_free(leaf);
}

static void key_fits_the_certificate(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *leaf = issue(&req);
    BIO *bio = BIO_new_file("leaf.key", "r");
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    assert_int_equal(X509_check_private_key(leaf, key), 1);
    EVP_PKEY_free(key);
    BIO_free(bio);
    X509_free(leaf);
}

static void key_files_are_private_whatever_the_umask(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    mode_t old = umask(0);

    assert_ok(fr_pki_init("ca2", "Second", NULL, f->now + DAY, &err));
    X509_free(issue(&req));
    (void)umask(old);
    assert_int_equal(mode_of("leaf.key"), 0600);
    assert_int_equal(mode_of("ca2/ca.key"), 0600);
}

static void certificate_file_holds_the_leaf_only(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    STACK_OF(X509) * certs;

    X509_free(issue(&req));
    assert_ok(fr_x509_read_pem("leaf.pem", &certs, &err));
    assert_int_equal(sk_X509_num(certs), 1);
    sk_X509_pop_free(certs, X509_free);
}

static void issued_certificate_is_on_record(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *leaf = issue(&req), *record;
    struct fr_pki_facts facts;
    char path[80];

    assert_ok(fr_pki_describe("leaf.pem", &facts, &err));
    snprintf(path, sizeof path, "ca/issued/%s.pem", facts.serial);
    record = load_cert(path);
    assert_int_equal(X509_cmp(leaf, record), 0);
    X509_free(record);
    X509_free(leaf);
}

static void init_never_overwrites(void **state)
{
    struct fixture *f = *state;
    FR_AUTO_CLEAR(buf) before = FR_BUF_INIT_WIPE(4096);
    FR_AUTO_CLEAR(buf) after = FR_BUF_INIT_WIPE(4096);

    assert_ok(fr_file_read("ca/ca.key", &before, &err));
    assert_fails_as(fr_pki_init("ca", "Other", NULL, f->now + DAY, &err), FR_ECONFLICT,
                    "key-exists");
    assert_ok(fr_file_read("ca/ca.key", &after, &err));
    assert_true(fr_slice_equal(fr_buf_view(&before), fr_buf_view(&after)));
    assert_contains(err.msg, "ca.key");
}

static void init_that_failed_leaves_no_key(void **state)
{
    struct fixture *f = *state;

    assert_ok(
        fr_dir_make("ca2/ca.pem", 0755, &err)); /* a folder where the file should be */
    assert_fails(fr_pki_init("ca2", "Second", NULL, f->now + DAY, &err), FR_ESTORE);
    assert_false(is_there("ca2/ca.key"));
}

static void issue_never_overwrites_a_key(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *before = issue(&req), *after;

    assert_fails_as(fr_pki_issue("ca", &req, "leaf.pem", "leaf.key", &err),
                    FR_ECONFLICT, "key-exists");
    after = load_cert("leaf.pem");
    assert_int_equal(X509_cmp(before, after), 0);
    X509_free(after);
    X509_free(before);
}

static void issue_that_failed_leaves_no_key(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);

    assert_fails(fr_pki_issue("ca", &req, "/nonexistent/leaf.pem", "leaf.key", &err),
                 FR_ESTORE);
    assert_false(is_there("leaf.key"));
}

static void expired_certificate_can_be_issued(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *leaf;

    req.not_before = f->now - 20 * 60;
    req.not_after = f->now - 10 * 60;
    leaf = issue(&req);
    assert_int_equal(verify(leaf, false, 0), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(verify(leaf, false, f->now - 15 * 60), X509_V_OK);
    X509_free(leaf);
}

static void future_certificate_can_be_issued(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *leaf;

    req.not_before = f->now + HOUR;
    leaf = issue(&req);
    assert_int_equal(verify(leaf, false, 0), X509_V_ERR_CERT_NOT_YET_VALID);
    assert_int_equal(verify(leaf, false, f->now + 2 * HOUR), X509_V_OK);
    X509_free(leaf);
}

static void assert_issue_refused(const struct fr_pki_request *req)
{
    assert_fails(fr_pki_issue("ca", req, "leaf.pem", "leaf.key", &err), FR_EPARSE);
    assert_false(is_there("leaf.key"));
    assert_false(is_there("leaf.pem"));
}

static void validity_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);

    req.not_after = req.not_before;
    assert_issue_refused(&req);
    req = request(f);
    req.not_before = -1;
    assert_issue_refused(&req);
    req = request(f);
    req.not_after = INT64_MAX;
    assert_issue_refused(&req);
}

static void names_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    struct fr_san bad = {.type = FR_SAN_DNS, .value = "*.example.com"};
    char too_long[66] = {0};

    req.n_sans = 0;
    assert_issue_refused(&req);
    req.n_sans = FR_SANS_MAX + 1;
    assert_issue_refused(&req);
    req = request(f);
    req.sans = &bad;
    assert_issue_refused(&req);
    req = request(f);
    memset(too_long, 'a', 65);
    req.common_name = too_long;
    assert_issue_refused(&req);
}

static void name_outside_the_permitted_subtree_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    struct fr_san outside = {.type = FR_SAN_DNS, .value = "dev1.example.org"};

    req.sans = &outside;
    assert_issue_refused(&req);
    assert_string_equal(err.reason, "not-verifiable");
}

static void first_name_serves_as_common_name(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    struct fr_pki_facts facts;

    req.common_name = NULL;
    X509_free(issue(&req));
    assert_ok(fr_pki_describe("leaf.pem", &facts, &err));
    assert_string_equal(facts.subject, "CN=dev1.example.com");
}

static void long_first_name_leaves_the_subject_empty(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    struct fr_san uri = {.type = FR_SAN_URI};
    int critical;
    X509 *leaf;

    memset(uri.value, 'u', 65);
    req.common_name = NULL;
    req.sans = &uri;
    leaf = issue(&req);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
    GENERAL_NAMES_free(X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL));
    assert_int_equal(critical, 1);
    assert_int_equal(verify(leaf, false, 0), X509_V_OK);
    X509_free(leaf);
}

static void serials_differ(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    X509 *one = issue(&req), *two;

    assert_int_equal(unlink("leaf.key"), 0);
    two = issue(&req);
    assert_int_not_equal(
        ASN1_INTEGER_cmp(X509_get0_serialNumber(one), X509_get0_serialNumber(two)), 0);
    X509_free(one);
    X509_free(two);
}

static void readable_ca_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);

    assert_int_equal(chmod("ca/ca.key", 0640), 0);
    assert_fails_as(fr_pki_issue("ca", &req, "leaf.pem", "leaf.key", &err), FR_ECONFIG,
                    "key-file-open");
}

static void key_of_another_ca_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);

    assert_ok(fr_pki_init("ca2", "Test CA", NULL, f->now + DAY, &err));
    assert_int_equal(rename("ca2/ca.key", "ca/ca.key"), 0);
    assert_fails(fr_pki_issue("ca", &req, "leaf.pem", "leaf.key", &err), FR_ECONFIG);
    assert_contains(err.msg, "is not the key of");
}

static void key_file_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);

    assert_ok(fr_file_write_atomic("ca/ca.key", fr_slice_str("no key\n"), 0600, &err));
    assert_fails(fr_pki_issue("ca", &req, "leaf.pem", "leaf.key", &err), FR_ECONFIG);
    assert_contains(err.msg, "private key");
}

static void folder_without_ca_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);

    assert_fails(fr_pki_issue("/nonexistent", &req, "leaf.pem", "leaf.key", &err),
                 FR_ECONFIG);
    assert_fails(fr_pki_revoke("/nonexistent", NULL, &err), FR_ECONFIG);
}

static void ca_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_fails(fr_pki_init("ca2", "", NULL, f->now + DAY, &err), FR_EPARSE);
    assert_fails(fr_pki_init("ca2", "CA", "*.example.com", f->now + DAY, &err),
                 FR_EPARSE);
    assert_fails(fr_pki_init("ca2", "CA", "a,DNS:b", f->now + DAY, &err), FR_EPARSE);
    assert_fails(fr_pki_init("ca2", "CA", NULL, f->now - DAY, &err), FR_EPARSE);
    assert_false(is_there("ca2"));
}

static void description_has_what_an_operator_needs(void **state)
{
    struct fixture *f = *state;
    struct fr_pki_request req = request(f);
    struct fr_pki_facts facts;
    X509 *leaf = issue(&req);
    char spki[FR_ANCHOR_HEX + 1];

    assert_ok(fr_pki_describe("leaf.pem", &facts, &err));
    assert_ok(fr_x509_spki_hex(leaf, spki, &err));
    assert_string_equal(facts.spki, spki);
    assert_int_equal(strlen(facts.sha256), 64);
    assert_string_not_equal(facts.sha256, facts.spki);
    assert_int_equal(facts.not_before, req.not_before);
    assert_int_equal(facts.not_after, req.not_after);
    assert_int_equal(strlen(facts.serial), 32);
    assert_int_equal(facts.n_sans, 1);
    assert_string_equal(facts.refused, "");
    assert_false(facts.is_ca);
    X509_free(leaf);
}

static void description_of_a_ca_needs_no_name(void **state)
{
    struct fr_pki_facts facts;

    (void)state;
    assert_ok(fr_pki_describe("ca/ca.pem", &facts, &err));
    assert_true(facts.is_ca);
    assert_string_equal(facts.subject, "CN=Test CA");
    assert_string_equal(facts.refused, "");
}

static void description_says_why_a_peer_would_be_refused(void **state)
{
    static const struct raw_name wildcard = {GEN_DNS, "*.example.com", -1, NULL, 0};
    X509 *cert = make_cert(&wildcard, 1);
    BIO *bio = BIO_new_file("leaf.pem", "w");
    struct fr_pki_facts facts;

    (void)state;
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    BIO_free(bio);
    X509_free(cert);
    assert_ok(fr_pki_describe("leaf.pem", &facts, &err));
    assert_int_equal(facts.n_sans, 0);
    assert_contains(facts.refused, "wildcard");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(issued_certificate_verifies),
        test(issued_certificate_has_the_profile),
        test(extended_key_usage_is_as_asked),
        test(ca_certificate_is_a_ca_and_constrained),
        test(names_of_each_type_arrive),
        test(key_fits_the_certificate),
        test(key_files_are_private_whatever_the_umask),
        test(certificate_file_holds_the_leaf_only),
        test(issued_certificate_is_on_record),
        test(init_never_overwrites),
        test(init_that_failed_leaves_no_key),
        test(issue_never_overwrites_a_key),
        test(issue_that_failed_leaves_no_key),
        test(expired_certificate_can_be_issued),
        test(future_certificate_can_be_issued),
        test(validity_that_cannot_be_is_refused),
        test(names_that_cannot_be_are_refused),
        test(name_outside_the_permitted_subtree_is_refused),
        test(first_name_serves_as_common_name),
        test(long_first_name_leaves_the_subject_empty),
        test(serials_differ),
        test(readable_ca_key_is_refused),
        test(key_of_another_ca_is_refused),
        test(key_file_that_is_none_is_refused),
        test(folder_without_ca_is_refused),
        test(ca_that_cannot_be_is_refused),
        test(description_has_what_an_operator_needs),
        test(description_of_a_ca_needs_no_name),
        test(description_says_why_a_peer_would_be_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
