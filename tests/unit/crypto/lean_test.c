/* SPDX-License-Identifier: Apache-2.0 */
/* The lean context against the default one: both ends of handshakes in memory. */
#include "crypto/lean.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "test.h"

static OSSL_LIB_CTX *lean_context(void)
{
    OSSL_LIB_CTX *ctx = NULL;
    struct fr_err err = {0};

    assert_ok(fr_lean_context(&ctx, &err));
    return ctx;
}

/* Kinds of keys that a peer may show. */
static EVP_PKEY *ec_p256(void)
{
    return EVP_EC_gen("P-256");
}
static EVP_PKEY *ec_p384(void)
{
    return EVP_EC_gen("P-384");
}
static EVP_PKEY *rsa(void)
{
    return EVP_RSA_gen(2048);
}
static EVP_PKEY *ed25519(void)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}
static EVP_PKEY *ed448(void)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
}

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    bool has_digest = EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 &&
                      EVP_PKEY_get_base_id(key) != EVP_PKEY_ED448;

    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"peer", -1, -1,
                                                0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, name), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, has_digest ? EVP_sha256() : NULL) > 0);
    return cert;
}

/* One end, which shows cert and trusts peer. */
static SSL *end_of(SSL_CTX *ctx, X509 *cert, EVP_PKEY *key, X509 *peer)
{
    SSL *ssl;

    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), peer), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    ssl = SSL_new(ctx);
    assert_non_null(ssl);
    SSL_CTX_free(ctx);
    return ssl;
}

static bool shake(SSL *client, SSL *server)
{
    BIO *one, *other;

    assert_int_equal(BIO_new_bio_pair(&one, 0, &other, 0), 1);
    SSL_set_bio(client, one, one);
    SSL_set_bio(server, other, other);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int turn = 0; turn < 10; turn++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
    }
    return SSL_is_init_finished(client) && SSL_is_init_finished(server);
}

#define ANY "DEFAULT"

/* The client shows a key of this kind to a server in the lean context. */
static bool is_accepted(EVP_PKEY *(*kind)(void), int version, const char *suites)
{
    EVP_PKEY *own = ec_p256(), *key = kind();
    X509 *server_cert = self_signed(own), *cert = self_signed(key);
    SSL *server = end_of(SSL_CTX_new_ex(lean_context(), NULL, TLS_server_method()),
                         server_cert, own, cert);
    SSL *client = end_of(SSL_CTX_new(TLS_client_method()), cert, key, server_cert);
    bool ok;

    assert_int_equal(SSL_set_min_proto_version(client, version), 1);
    assert_int_equal(SSL_set_max_proto_version(client, version), 1);
    assert_int_equal(SSL_set_cipher_list(client, suites), 1);
    ok = shake(client, server);
    if (ok)
        assert_int_equal(
            EVP_PKEY_eq(X509_get0_pubkey(SSL_get0_peer_certificate(server)), key), 1);
    SSL_free(client);
    SSL_free(server);
    X509_free(cert);
    X509_free(server_cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(own);
    ERR_clear_error();
    return ok;
}

static void it_is_made_once(void **state)
{
    (void)state;
    assert_ptr_equal(lean_context(), lean_context());
}

static void it_has_random_numbers(void **state)
{
    unsigned char a[32] = {0}, b[32] = {0};

    (void)state;
    assert_int_equal(RAND_bytes_ex(lean_context(), a, sizeof a, 0), 1);
    assert_int_equal(RAND_priv_bytes_ex(lean_context(), b, sizeof b, 0), 1);
    assert_memory_not_equal(a, b, sizeof a);
}

static void peers_with_the_usual_keys_are_accepted(void **state)
{
    EVP_PKEY *(*const kinds[])(void) = {ec_p256, ec_p384, rsa, ed25519};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_true(is_accepted(kinds[i], TLS1_3_VERSION, ANY));
        assert_true(is_accepted(kinds[i], TLS1_2_VERSION, ANY));
    }
}

static void a_key_of_another_kind_is_refused(void **state)
{
    (void)state;
    assert_false(is_accepted(ed448, TLS1_3_VERSION, ANY));
}

/* Each kind of record protection that our profiles have in TLS 1.2. */
static void suites_of_tls_1_2_work(void **state)
{
    static const char *const suites[] = {
        "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"};

    (void)state;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        assert_true(is_accepted(ec_p256, TLS1_2_VERSION, suites[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_once),
        cmocka_unit_test(it_has_random_numbers),
        cmocka_unit_test(peers_with_the_usual_keys_are_accepted),
        cmocka_unit_test(suites_of_tls_1_2_work),
        cmocka_unit_test(a_key_of_another_kind_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
