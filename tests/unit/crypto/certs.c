/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "test.h"

static void set_other(GENERAL_NAME *name, const struct raw_name *raw)
{
    int type = raw->string_type ? raw->string_type : V_ASN1_UTF8STRING;
    ASN1_STRING *text = ASN1_STRING_type_new(type);
    ASN1_TYPE *any = ASN1_TYPE_new();

    assert_int_equal(ASN1_STRING_set(text, raw->data, raw->len), 1);
    ASN1_TYPE_set(any, type, text);
    assert_int_equal(GENERAL_NAME_set0_othername(name, OBJ_txt2obj(raw->oid, 1), any),
                     1);
}

static GENERAL_NAME *general_of(const struct raw_name *raw)
{
    GENERAL_NAME *name = GENERAL_NAME_new();

    assert_non_null(name);
    if (raw->type == GEN_OTHERNAME) {
        set_other(name, raw);
    } else if (raw->type == GEN_RID) {
        GENERAL_NAME_set0_value(name, GEN_RID, OBJ_txt2obj(raw->data, 1));
    } else {
        ASN1_STRING *s = ASN1_STRING_type_new(
            raw->type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

        assert_int_equal(ASN1_STRING_set(s, raw->data, raw->len), 1);
        GENERAL_NAME_set0_value(name, raw->type, s);
    }
    return name;
}

static X509 *unsigned_cert(EVP_PKEY *key)
{
    X509 *cert = X509_new();

    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    return cert;
}

/* Signs, and reads back what a peer would get. */
static X509 *finish(X509 *cert, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    X509 *back;
    int len;

    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    len = i2d_X509(cert, &der);
    at = der;
    back = d2i_X509(NULL, &at, len);
    assert_non_null(back);
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(key);
    return back;
}

X509 *make_cert(const struct raw_name *names, size_t n)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = unsigned_cert(key);
    GENERAL_NAMES *all = GENERAL_NAMES_new();

    for (size_t i = 0; i < n; i++)
        sk_GENERAL_NAME_push(all, general_of(&names[i]));
    if (n > 0)
        assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, 0), 1);
    GENERAL_NAMES_free(all);
    return finish(cert, key);
}

X509 *make_cert_with_sans(const unsigned char *der, int len)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = unsigned_cert(key);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext;

    ASN1_OCTET_STRING_set(octets, der, len);
    ext = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, octets);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(octets);
    return finish(cert, key);
}

int verify_cert(X509 *leaf, X509 *anchor, X509_CRL *crl, int64_t t,
                STACK_OF(X509) * *ret_chain)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int why;

    assert_int_equal(X509_STORE_add_cert(store, anchor), 1);
    if (crl) {
        assert_int_equal(X509_STORE_add_crl(store, crl), 1);
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    }
    X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    if (t)
        X509_STORE_CTX_set_time(ctx, 0, (time_t)t);
    why = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    if (ret_chain)
        *ret_chain = why == X509_V_OK ? X509_STORE_CTX_get1_chain(ctx) : NULL;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return why;
}

X509 *load_cert(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

X509_CRL *load_crl(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    assert_non_null(crl);
    return crl;
}
