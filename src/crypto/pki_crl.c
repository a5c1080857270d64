/* SPDX-License-Identifier: Apache-2.0 */
/* The small CA's revocation list. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "crypto/pki_build.h"

enum { CRL_FILE_MAX = 16 * 1024 * 1024 };

#define CRL_LIFE_S (INT64_C(86400) * FR_PKI_CRL_DAYS)

static enum fr_code crl_failed(struct fr_err *err)
{
    ERR_clear_error();
    return FR_FAIL(err, FR_EINTERNAL, "a revocation list cannot be made");
}

static bool copy_revoked(X509_CRL *to, X509_CRL *old)
{
    STACK_OF(X509_REVOKED) *all = old ? X509_CRL_get_REVOKED(old) : NULL;

    for (int i = 0; all && i < sk_X509_REVOKED_num(all); i++) {
        X509_REVOKED *copy = X509_REVOKED_dup(sk_X509_REVOKED_value(all, i));

        if (!copy || X509_CRL_add0_revoked(to, copy) != 1) {
            X509_REVOKED_free(copy);
            return false;
        }
    }
    return true;
}

static bool add_revoked(X509_CRL *crl, X509 *cert, ASN1_TIME *now)
{
    X509_REVOKED *known, *entry;
    ASN1_INTEGER *serial;

    if (!cert)
        return true;
    serial = X509_get_serialNumber(cert);
    if (X509_CRL_get0_by_serial(crl, &known, serial) != 0)
        return true; /* revoked before: the first date stays */
    entry = X509_REVOKED_new();
    if (entry && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
        X509_REVOKED_set_revocationDate(entry, now) == 1 &&
        X509_CRL_add0_revoked(crl, entry) == 1)
        return true;
    X509_REVOKED_free(entry);
    return false;
}

/* RFC 5280 5.2.3: each list has a higher number than the one before. */
static bool set_number(X509_CRL *crl, X509_CRL *old)
{
    ASN1_INTEGER *number =
        old ? X509_CRL_get_ext_d2i(old, NID_crl_number, NULL, NULL) : NULL;
    BIGNUM *n = number ? ASN1_INTEGER_to_BN(number, NULL) : BN_new();
    bool ok;

    if (!number)
        number = ASN1_INTEGER_new();
    ok = n && number && BN_add_word(n, 1) == 1 && BN_to_ASN1_INTEGER(n, number) &&
         X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;
    BN_free(n);
    ASN1_INTEGER_free(number);
    return ok;
}

static bool set_authority(X509_CRL *crl, const struct fr_pki_pair *ca)
{
    X509_EXTENSION *ext;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx(&ctx, ca->cert, NULL, NULL, crl, 0);
    X509V3_set_ctx_nodb(&ctx);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    ok = ext && X509_CRL_add_ext(crl, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static bool fill(X509_CRL *crl, const struct fr_pki_pair *ca, X509_CRL *old,
                 X509 *revoked)
{
    int64_t now = fr_wall_s(&fr_env_system);
    ASN1_TIME *from = ASN1_TIME_new(), *until = ASN1_TIME_new();
    bool ok = from && until && fr_pki_set_time(from, now) &&
              fr_pki_set_time(until, now + CRL_LIFE_S) &&
              X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, from) == 1 &&
              X509_CRL_set1_nextUpdate(crl, until) == 1 && copy_revoked(crl, old) &&
              add_revoked(crl, revoked, from) && set_authority(crl, ca) &&
              set_number(crl, old) && X509_CRL_sort(crl) == 1 &&
              X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0;

    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return ok;
}

enum fr_code fr_pki_write_crl(const char *path, const struct fr_pki_pair *ca,
                              X509_CRL *old, X509 *revoked, struct fr_err *err)
{
    X509_CRL *crl = X509_CRL_new();
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = crl && bio && fill(crl, ca, old, revoked) &&
              PEM_write_bio_X509_CRL(bio, crl) == 1;

    X509_CRL_free(crl);
    if (!ok) {
        BIO_free(bio);
        return crl_failed(err);
    }
    return fr_pki_write_bio(path, bio, err);
}

/* A list that is not there is no empty list: that would forget every revocation. */
static enum fr_code read_crl(const char *path, const struct fr_pki_pair *ca,
                             X509_CRL **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(CRL_FILE_MAX);
    char no_passphrase[] = "";
    X509_CRL *crl;
    BIO *bio;

    if (fr_file_read(path, &text, err) != FR_OK)
        return FR_FAIL(err, FR_ECONFIG,
                       "%s cannot be read: restore it, a new list would forget what "
                       "was revoked",
                       path);
    bio = BIO_new_mem_buf(fr_buf_cstr(&text), (int)text.len);
    crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, no_passphrase) : NULL;
    BIO_free(bio);
    if (!crl || X509_CRL_verify(crl, X509_get0_pubkey(ca->cert)) != 1) {
        X509_CRL_free(crl);
        ERR_clear_error();
        return FR_FAIL(err, FR_ECONFIG, "%s is no revocation list of this CA", path);
    }
    *ret = crl;
    return FR_OK;
}

static enum fr_code read_own_cert(const char *path, const struct fr_pki_pair *ca,
                                  X509 **ret, struct fr_err *err)
{
    STACK_OF(X509) * certs;
    X509 *cert;
    bool own;

    FR_TRY(fr_x509_read_pem(path, &certs, err));
    cert = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    own = X509_verify(cert, X509_get0_pubkey(ca->cert)) == 1;
    ERR_clear_error();
    if (!own) {
        X509_free(cert);
        return FR_FAIL_AS(err, FR_EPARSE, "not-issued-here",
                          "%s was not issued by this CA", path);
    }
    *ret = cert;
    return FR_OK;
}

/* Held until closed: two revocations at once would lose one. */
static enum fr_code lock_folder(const char *dir, int *ret_fd, struct fr_err *err)
{
    *ret_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0 || flock(*ret_fd, LOCK_EX) != 0)
        return FR_FAIL(err, FR_ECONFIG, "%s: %s", dir, strerror(errno));
    return FR_OK;
}

static enum fr_code revoke_in(const char *crl_path, const char *cert_path,
                              const struct fr_pki_pair *ca, struct fr_err *err)
{
    X509_CRL *old = NULL;
    X509 *cert = NULL;
    enum fr_code rc = FR_OK;

    if (cert_path)
        rc = read_own_cert(cert_path, ca, &cert, err);
    if (rc == FR_OK)
        rc = read_crl(crl_path, ca, &old, err);
    if (rc == FR_OK)
        rc = fr_pki_write_crl(crl_path, ca, old, cert, err);
    X509_CRL_free(old);
    X509_free(cert);
    return rc;
}

enum fr_code fr_pki_revoke(const char *dir, const char *cert_path, struct fr_err *err)
{
    FR_AUTO_CLEAR(pki_pair) ca = {0};
    FR_AUTO_STR(crl_path) = NULL;
    FR_AUTO_FD(lock) = -1;

    FR_TRY(fr_path_join(dir, "crl.pem", &crl_path, err));
    FR_TRY(lock_folder(dir, &lock, err));
    FR_TRY(fr_pki_load_ca(dir, &ca, err));
    return revoke_in(crl_path, cert_path, &ca, err);
}
