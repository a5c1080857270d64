/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of certificates; certificates and keys from PEM. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/file.h"
#include "crypto/peer.h"

enum { PEM_FILE_MAX = 1024 * 1024, CERTS_MAX = 256 };

enum fr_code fr_x509_spki_hex(X509 *cert, char to[FR_ANCHOR_HEX + 1],
                              struct fr_err *err)
{
    uint8_t md[FR_SHA256_LEN], *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    enum fr_code rc;

    if (len <= 0)
        return FR_FAIL(err, FR_EPARSE, "the certificate has no public key");
    rc = fr_sha256(fr_slice_of(der, (size_t)len), md, err);
    OPENSSL_free(der);
    FR_TRY(rc);
    fr_hex_encode(fr_slice_of(md, sizeof md), to, false);
    return FR_OK;
}

enum fr_code fr_x509_sha256(X509 *cert, uint8_t ret[FR_SHA256_LEN], struct fr_err *err)
{
    if (X509_digest(cert, EVP_sha256(), ret, NULL) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "a certificate cannot be hashed");
    return FR_OK;
}

char *fr_x509_subject(X509 *cert, char *to, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n = 0;

    /* RFC 2253 escapes what is not printable. */
    if (bio &&
        X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_read(bio, to, (int)size - 1);
    to[n > 0 ? n : 0] = 0;
    BIO_free(bio);
    return to;
}

static bool at_end_of_pem(void)
{
    unsigned long e = ERR_peek_last_error();

    return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static enum fr_code read_all(BIO *bio, const char *path, STACK_OF(X509) * to,
                             struct fr_err *err)
{
    char no_passphrase[] = ""; /* else OpenSSL would ask on the terminal */
    X509 *cert;

    ERR_clear_error();
    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, no_passphrase))) {
        if (sk_X509_num(to) == CERTS_MAX || sk_X509_push(to, cert) <= 0) {
            X509_free(cert);
            return FR_FAIL(err, FR_ECONFIG, "%s: more than %d certificates", path,
                           CERTS_MAX);
        }
    }
    if (!at_end_of_pem())
        return FR_FAIL(err, FR_ECONFIG, "%s: certificate %d is malformed or cut", path,
                       sk_X509_num(to) + 1);
    ERR_clear_error();
    if (sk_X509_num(to) == 0)
        return FR_FAIL(err, FR_ECONFIG, "%s: no certificate in PEM form", path);
    return FR_OK;
}

enum fr_code fr_x509_read_pem(const char *path, STACK_OF(X509) * *ret,
                              struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(PEM_FILE_MAX); /* may hold a key too */
    STACK_OF(X509) * certs;
    struct fr_err why;
    enum fr_code rc = fr_file_read(path, &text, &why);
    BIO *bio;

    if (rc != FR_OK)
        return FR_FAIL(err, FR_ECONFIG, "certificates: %s", why.msg);
    certs = sk_X509_new_null();
    bio = BIO_new_mem_buf(fr_buf_cstr(&text), (int)text.len);
    if (certs && bio)
        rc = read_all(bio, path, certs, err);
    else
        rc = FR_FAIL(err, FR_ENOMEM, "out of memory");
    BIO_free(bio);
    if (rc == FR_OK)
        *ret = certs;
    else
        sk_X509_pop_free(certs, X509_free);
    return rc;
}

enum fr_code fr_x509_key_from_pem(struct fr_slice pem, EVP_PKEY **ret,
                                  struct fr_err *err)
{
    char no_passphrase[] = ""; /* else OpenSSL would ask on the terminal */
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_passphrase) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (!key)
        return FR_FAIL(err, FR_ECONFIG, "no unencrypted private key in PEM form");
    *ret = key;
    return FR_OK;
}
