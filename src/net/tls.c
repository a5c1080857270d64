/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/timetext.h"
#include "crypto/confirm.h"
#include "crypto/tls_rules.h"
#include "model/result.h"
#include "net/sockbio.h"

struct fr_tls {
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    char *anchors_path;
    char own_id[FR_ID_MAX + 1];
    int64_t own_not_before;
    char ref[FR_CREDENTIAL_REF_MAX + 1];
    char **ems_exceptions;
    size_t n_ems_exceptions;
};

/* The words of OpenSSL's first complaint; empties its queue. */
static const char *complaint(char *to, size_t size)
{
    unsigned long e = ERR_peek_error();
    const char *words = ERR_reason_error_string(e);

    (void)snprintf(to, size, "%s", words ? words : "no reason given");
    ERR_clear_error();
    return to;
}

static enum fr_code config_fail(const char *what, const char *path, struct fr_err *err)
{
    char words[128];

    return FR_FAIL_AS(err, FR_ECONFIG, "tls-config", "%s %s: %s", what, path,
                      complaint(words, sizeof words));
}

/* ---- the context ---- */

static int no_passphrase(char *to, int size, int rwflag, void *ctx)
{
    (void)to, (void)size, (void)rwflag, (void)ctx;
    return -1; /* never ask a terminal: a device's key file is protected by its mode */
}

static void on_info(const SSL *ssl, int where, int value)
{
    struct fr_tls_peer *peer = SSL_get_app_data(ssl);
    int level = value >> 8, alert = value & 0xff;

    if (!(where & SSL_CB_READ) || !(where & SSL_CB_ALERT) || !peer)
        return;
    if (alert == SSL_AD_CLOSE_NOTIFY || alert == SSL_AD_USER_CANCELLED)
        return;
    if (level == SSL3_AL_FATAL || SSL_version(ssl) >= TLS1_3_VERSION)
        peer->alert = alert;
}

static bool not_before(const X509 *cert, int64_t *ret)
{
    struct tm tm;

    if (!ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm))
        return false;
    *ret = timegm(&tm);
    return true;
}

static void describe(X509 *leaf, struct fr_tls_peer *peer)
{
    struct fr_peer names;
    struct tm to;
    char name[FR_SAN_TEXT_MAX + 1] = "a certificate without a usable name";
    char since[FR_TIME_TEXT] = "?", until[FR_TIME_TEXT] = "?";

    if (fr_peer_from_leaf(leaf, &names, NULL) == FR_OK)
        (void)fr_peer_format(&names, name);
    if (not_before(leaf, &peer->not_before))
        (void)fr_rfc3339_format(peer->not_before, since);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &to))
        (void)fr_rfc3339_format(timegm(&to), until);
    (void)snprintf(peer->about, sizeof peer->about, "%s, valid %s to %s", name, since,
                   until);
}

static bool ends_at_one_of(X509_STORE_CTX *store, const struct fr_tls_peer *peer)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    uint8_t sha256[FR_SHA256_LEN];

    if (sk_X509_num(chain) < 1)
        return false;
    X509 *anchor = sk_X509_value(chain, sk_X509_num(chain) - 1);
    if (fr_x509_sha256(anchor, sha256, NULL) != FR_OK)
        return false;
    for (size_t i = 0; i < peer->n_anchors; i++)
        if (!peer->anchors[i].is_x509 &&
            memcmp(peer->anchors[i].sha256, sha256, sizeof sha256) == 0)
            return true;
    return false;
}

/* For a device without a clock (fr_tls_peer). */
static int ignore_beginnings(int ok, X509_STORE_CTX *store)
{
    int verdict = X509_STORE_CTX_get_error(store);

    if (verdict != X509_V_ERR_CERT_NOT_YET_VALID &&
        verdict != X509_V_ERR_CRL_NOT_YET_VALID)
        return ok;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* In place of X509_verify_cert(): so that a chain that ends at the wrong anchor is
 * refused with an alert, in the handshake, like any other. */
static int on_verify(X509_STORE_CTX *store, void *ctx)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct fr_tls_peer *peer = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);

    (void)ctx;
    if (leaf)
        describe(leaf, peer);
    if (peer->no_clock)
        X509_STORE_CTX_set_verify_cb(store, ignore_beginnings);
    if (X509_verify_cert(store) != 1)
        return 0;
    if (peer->n_anchors == 0 || ends_at_one_of(store, peer))
        return 1;
    peer->anchor_refused = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static bool set_versions(SSL_CTX *ctx, const struct fr_tls_setup *setup)
{
    bool onem2m = setup->profile == FR_TLS_ONEM2M;
    int min = setup->min_version ? setup->min_version : TLS1_2_VERSION;
    int max = setup->max_version ? setup->max_version : TLS1_3_VERSION;

    if (onem2m)
        min = max = TLS1_2_VERSION;
    return min <= max && SSL_CTX_set_min_proto_version(ctx, min) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, max) == 1 &&
           SSL_CTX_set_cipher_list(ctx, onem2m ? FR_TLS_SUITES_ONEM2M
                                               : FR_TLS_SUITES) == 1 &&
           SSL_CTX_set1_groups_list(ctx, onem2m ? FR_TLS_GROUPS_ONEM2M
                                                : FR_TLS_GROUPS) == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, FR_TLS_SIGNATURES) == 1;
}

static enum fr_code load_own(struct fr_tls *tls, const struct fr_tls_setup *setup,
                             struct fr_err *err)
{
    struct fr_peer self;
    uint8_t sha256[FR_SHA256_LEN];

    if (!setup->cert_path)
        return FR_OK;
    FR_TRY(fr_file_check_private(setup->key_path, err));
    if (SSL_CTX_use_certificate_chain_file(tls->ctx, setup->cert_path) != 1)
        return config_fail("certificate", setup->cert_path, err);
    if (SSL_CTX_use_PrivateKey_file(tls->ctx, setup->key_path, SSL_FILETYPE_PEM) != 1)
        return config_fail("key", setup->key_path, err);
    if (SSL_CTX_check_private_key(tls->ctx) != 1)
        return config_fail("certificate and key differ:", setup->cert_path, err);

    X509 *leaf = SSL_CTX_get0_certificate(tls->ctx);
    enum fr_code rc = fr_peer_from_leaf(leaf, &self, err);
    if (rc != FR_OK)
        return FR_FAIL_AS(err, FR_ECONFIG, "tls-config",
                          "certificate %s: no subject alternative name can be our id",
                          setup->cert_path);
    (void)snprintf(tls->own_id, sizeof tls->own_id, "%s", self.sans[0].value);
    FR_TRY(fr_x509_sha256(leaf, sha256, err));
    (void)fr_confirm_cert_ref(sha256, tls->ref);
    (void)not_before(leaf, &tls->own_not_before);
    return FR_OK;
}

static enum fr_code load_trust(struct fr_tls *tls, const struct fr_tls_setup *setup,
                               struct fr_err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);

    if (SSL_CTX_load_verify_file(tls->ctx, setup->anchors_path) != 1)
        return config_fail("trust anchors", setup->anchors_path, err);
    /* An anchor is what the file says, an intermediate CA too. */
    if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
        return config_fail("trust anchors", setup->anchors_path, err);
    if (!setup->crl_path)
        return FR_OK;

    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, setup->crl_path, X509_FILETYPE_PEM) < 1)
        return config_fail("revocation list", setup->crl_path, err);
    if (X509_STORE_set_flags(store,
                             X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
        return config_fail("revocation list", setup->crl_path, err);
    return FR_OK;
}

static enum fr_code copy_exceptions(struct fr_tls *tls,
                                    const struct fr_tls_setup *setup,
                                    struct fr_err *err)
{
    if (setup->n_ems_exceptions == 0)
        return FR_OK;
    tls->ems_exceptions = calloc(setup->n_ems_exceptions, sizeof *tls->ems_exceptions);
    if (!tls->ems_exceptions)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a TLS context");
    for (size_t i = 0; i < setup->n_ems_exceptions; i++) {
        FR_TRY(fr_str_dup(setup->ems_exceptions[i], &tls->ems_exceptions[i], err));
        tls->n_ems_exceptions++;
    }
    return FR_OK;
}

static enum fr_code set_up(struct fr_tls *tls, const struct fr_tls_setup *setup,
                           struct fr_err *err)
{
    tls->ctx = SSL_CTX_new(TLS_client_method());
    tls->bio = fr_sockbio_method();
    if (!tls->ctx || !tls->bio)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a TLS context");
    if (!set_versions(tls->ctx, setup))
        return FR_FAIL_AS(err, FR_ECONFIG, "tls-config",
                          "tls-min and tls-max leave no version of TLS");

    SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                      SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* One record a read: a peer that sends tickets or key updates for ever must not
     * keep us from looking at the deadline. */
    SSL_CTX_clear_mode(tls->ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls->ctx, on_verify, NULL);
    SSL_CTX_set_info_callback(tls->ctx, on_info);
    SSL_CTX_set_default_passwd_cb(tls->ctx, no_passphrase);

    FR_TRY(load_own(tls, setup, err));
    FR_TRY(load_trust(tls, setup, err));
    FR_TRY(copy_exceptions(tls, setup, err));
    return fr_str_dup(setup->anchors_path, &tls->anchors_path, err);
}

enum fr_code fr_tls_new(const struct fr_tls_setup *setup, struct fr_tls **ret,
                        struct fr_err *err)
{
    FR_AUTO(tls) *tls = fr_zalloc(sizeof *tls);

    if (!tls)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a TLS context");
    ERR_clear_error();
    FR_TRY(set_up(tls, setup, err));
    *ret = FR_TAKE(tls);
    return FR_OK;
}

void fr_tls_free(struct fr_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ctx);
    BIO_meth_free(tls->bio);
    for (size_t i = 0; i < tls->n_ems_exceptions; i++)
        free(tls->ems_exceptions[i]);
    free(tls->ems_exceptions);
    free(tls->anchors_path);
    free(tls);
}

const char *fr_tls_own_id(const struct fr_tls *tls)
{
    return tls->own_id;
}

int64_t fr_tls_own_not_before(const struct fr_tls *tls)
{
    return tls->own_not_before;
}

const char *fr_tls_credential_ref(const struct fr_tls *tls)
{
    return tls->ref;
}

/* ---- one session ---- */

static bool expect_name(SSL *ssl, const struct fr_tls_peer *peer)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    X509_VERIFY_PARAM_set_time(param, (time_t)peer->now_s);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(param, peer->host, strlen(peer->host)) == 1 &&
           SSL_set_tlsext_host_name(ssl, peer->host) == 1;
}

enum fr_code fr_tls_session(const struct fr_tls *tls, struct fr_tls_peer *peer,
                            SSL **ret, struct fr_err *err)
{
    SSL *ssl = SSL_new(tls->ctx);
    BIO *bio = BIO_new(tls->bio);

    peer->alert = -1;
    if (!ssl || !bio || !expect_name(ssl, peer)) {
        BIO_free(bio);
        SSL_free(ssl);
        ERR_clear_error();
        return FR_FAIL(err, FR_ENOMEM, "no memory for a TLS session");
    }
    BIO_set_data(bio, peer);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, peer);
    SSL_set_connect_state(ssl);
    *ret = ssl;
    return FR_OK;
}

static bool is_ems_exception(const struct fr_tls *tls, const char *host)
{
    for (size_t i = 0; i < tls->n_ems_exceptions; i++)
        if (fr_ascii_equal_fold(tls->ems_exceptions[i], host))
            return true;
    return false;
}

enum fr_code fr_tls_check_session(const struct fr_tls *tls, SSL *ssl,
                                  const struct fr_tls_peer *peer, struct fr_err *err)
{
    if (!SSL_get0_peer_certificate(ssl) || SSL_get_verify_result(ssl) != X509_V_OK)
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-untrusted",
                          "%s showed no certificate that we accept", peer->host);
    if (SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1 ||
        is_ems_exception(tls, peer->host))
        return FR_OK;
    return FR_FAIL_AS(err, FR_EREFUSED, "peer-no-ems",
                      "%s speaks TLS 1.2 without extended master secret (RFC 7627): "
                      "update it, or name it in ems-exceptions",
                      peer->host);
}

static enum fr_code fail_ended(const char *what, const char *reason,
                               const struct fr_tls_peer *peer, struct fr_err *err)
{
    char known[FR_TIME_TEXT];

    if (!peer->no_clock)
        return FR_FAIL_AS(err, FR_EREFUSED, reason,
                          "%s of %s, or its issuer's, has "
                          "expired (%s)",
                          what, peer->host, peer->about);
    return FR_FAIL_AS(
        err, FR_EREFUSED, reason,
        "%s of %s, or its issuer's, ended before the last time that this "
        "device knows of, %s (%s): if that time is wrong, say \"fieldroot "
        "clock --set\"",
        what, peer->host, fr_rfc3339_format(peer->now_s, known), peer->about);
}

static enum fr_code fail_verify(const struct fr_tls *tls, long verdict,
                                const struct fr_tls_peer *peer, struct fr_err *err)
{
    switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-name",
                          "%s showed a certificate of another name (%s)", peer->host,
                          peer->about);
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return fail_ended("the certificate", "peer-expired", peer, err);
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return fail_ended("the revocation list", "crl-expired", peer, err);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-not-yet-valid",
                          "the certificate of %s is not valid yet (%s): is this "
                          "device's clock right?",
                          peer->host, peer->about);
    case X509_V_ERR_CERT_REVOKED:
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-revoked",
                          "the certificate of %s is revoked (%s)", peer->host,
                          peer->about);
    default:
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-untrusted",
                          "%s (%s) does not chain to the trust anchors of %s: %s",
                          peer->host, peer->about, tls->anchors_path,
                          X509_verify_cert_error_string(verdict));
    }
}

static enum fr_code fail_protocol(const struct fr_tls_peer *peer, unsigned long e,
                                  struct fr_err *err)
{
    const char *words = ERR_reason_error_string(e);

    if (e != 0 && ERR_GET_REASON(e) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "tls-protocol",
                          "%s does not speak TLS as it should: %s", peer->host,
                          words ? words : "unknown error");
    if (peer->io_errno)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut",
                          "connection to %s was cut: %s", peer->host,
                          strerror(peer->io_errno));
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut",
                      "%s closed the connection in the middle", peer->host);
}

enum fr_code fr_tls_fail(const struct fr_tls *tls, SSL *ssl,
                         const struct fr_tls_peer *peer, struct fr_err *err)
{
    unsigned long e = ERR_peek_error();
    long verdict = SSL_get_verify_result(ssl);

    ERR_clear_error();
    if (peer->anchor_refused)
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-untrusted",
                          "the chain of %s ends at none of the instruction's "
                          "trustAnchors",
                          peer->host);
    if (verdict != X509_V_OK)
        return fail_verify(tls, verdict, peer, err);
    if (peer->alert >= 0)
        return fr_alert_fail(peer->alert, peer->host, err);
    return fail_protocol(peer, e, err);
}

enum fr_code fr_tls_export(SSL *ssl, struct fr_secret **ret, struct fr_err *err)
{
    FR_AUTO(secret) *s = NULL;
    const char *label = FR_EXPORTER_LABEL;

    FR_TRY(fr_secret_new(FR_EXPORT_LEN, &s, err));
    if (SSL_export_keying_material(ssl, fr_secret_data(s), FR_EXPORT_LEN, label,
                                   strlen(label), NULL, 0, 0) != 1) {
        ERR_clear_error();
        return FR_FAIL(err, FR_EINTERNAL, "TLS gave no keying material");
    }
    *ret = FR_TAKE(s);
    return FR_OK;
}
