/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates in files. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/pki_build.h"

enum { KEY_FILE_MAX = 16 * 1024 };

static struct fr_slice bio_view(BIO *bio)
{
    char *data = NULL;
    long n = BIO_get_mem_data(bio, &data);

    return fr_slice_of(data, n > 0 ? (size_t)n : 0);
}

enum fr_code fr_pki_write_bio(const char *path, BIO *bio, struct fr_err *err)
{
    enum fr_code rc;

    if (!bio)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    rc = fr_file_write_atomic(path, bio_view(bio), 0644, err);
    BIO_free(bio);
    return rc;
}

enum fr_code fr_pki_write_cert(const char *path, X509 *cert, struct fr_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio && PEM_write_bio_X509(bio, cert) != 1) {
        BIO_free(bio);
        bio = NULL;
    }
    return fr_pki_write_bio(path, bio, err);
}

static enum fr_code write_new(const char *path, struct fr_slice data,
                              struct fr_err *err)
{
    FR_AUTO_FD(fd) =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum fr_code rc;

    if (fd < 0 && errno == EEXIST)
        return FR_FAIL_AS(err, FR_ECONFLICT, "key-exists",
                          "%s is there already: a key is never overwritten", path);
    if (fd < 0)
        return FR_FAIL(err, FR_ESTORE, "creating %s: %s", path, strerror(errno));
    rc = fr_fd_write_all(fd, path, data, err);
    if (rc == FR_OK && fsync(fd) != 0)
        rc = FR_FAIL(err, FR_ESTORE, "syncing %s: %s", path, strerror(errno));
    if (rc == FR_OK)
        rc = fr_dir_sync_of(path, err);
    if (rc != FR_OK)
        (void)unlink(path);
    return rc;
}

enum fr_code fr_pki_write_key(const char *path, EVP_PKEY *key, struct fr_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem()); /* OpenSSL cleanses its memory when freed */
    enum fr_code rc;

    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        rc = write_new(path, bio_view(bio), err);
    else
        rc = FR_FAIL(err, FR_EINTERNAL, "a private key cannot be written as PEM");
    BIO_free(bio);
    return rc;
}

static enum fr_code read_key(const char *path, EVP_PKEY **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(KEY_FILE_MAX);

    FR_TRY(fr_file_check_private(path, err));
    FR_TRY(fr_file_read(path, &text, err));
    return fr_err_wrap(err, fr_x509_key_from_pem(fr_buf_view(&text), ret, err), "%s",
                       path);
}

static enum fr_code read_cert(const char *path, X509 **ret, struct fr_err *err)
{
    STACK_OF(X509) * certs;

    FR_TRY(fr_x509_read_pem(path, &certs, err));
    *ret = sk_X509_shift(certs);
    sk_X509_pop_free(certs, X509_free);
    return FR_OK;
}

enum fr_code fr_pki_load_ca(const char *dir, struct fr_pki_pair *ret,
                            struct fr_err *err)
{
    FR_AUTO_CLEAR(pki_pair) pair = {0};
    FR_AUTO_STR(cert_path) = NULL;
    FR_AUTO_STR(key_path) = NULL;

    FR_TRY(fr_path_join(dir, "ca.pem", &cert_path, err));
    FR_TRY(fr_path_join(dir, "ca.key", &key_path, err));
    FR_TRY(read_cert(cert_path, &pair.cert, err));
    FR_TRY(read_key(key_path, &pair.key, err));
    if (X509_check_private_key(pair.cert, pair.key) != 1) {
        ERR_clear_error();
        return FR_FAIL(err, FR_ECONFIG, "%s is not the key of %s", key_path, cert_path);
    }
    *ret = fr_pki_pair_take(&pair);
    return FR_OK;
}
