/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/tls.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "crypto/lean.h"
#include "crypto/tls_rules.h"

/* RSPF 6.2 for onem2m. */
static const struct profile {
    const char *suites, *groups;
} profiles[] = {
    [FR_TLS_DEFAULT] = {FR_TLS_SUITES, FR_TLS_GROUPS},
    [FR_TLS_ONEM2M] = {FR_TLS_SUITES_ONEM2M, FR_TLS_GROUPS_ONEM2M},
};

/* All three are strong. The hash of the first costs least, in hardware, and a handshake
 * is full of it. */
static const char suites_1_3[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static const unsigned char session_context[] = "fieldroot";

static const char *last_error(void)
{
    unsigned long e = ERR_peek_last_error();
    const char *text = e ? ERR_reason_error_string(e) : NULL;

    return text ? text : "no reason given";
}

static int verdict_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

static void remember(struct fr_tls_verdict *v, X509_STORE_CTX *chain)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(chain);
    struct fr_err unused;

    v->error = X509_STORE_CTX_get_error(chain);
    if (!leaf || fr_peer_from_leaf(leaf, &v->claimed, &unused) != FR_OK)
        memset(&v->claimed, 0, sizeof v->claimed);
}

static SSL *ssl_of(X509_STORE_CTX *chain)
{
    return X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
}

static int on_verify(int ok, X509_STORE_CTX *chain)
{
    SSL *ssl = ssl_of(chain);
    struct fr_tls_verdict *v = ssl ? SSL_get_ex_data(ssl, verdict_index()) : NULL;

    if (!ok && v)
        remember(v, chain);
    return ok;
}

/* A good chain is not enough: it must name somebody, who may speak like this. */
static bool is_welcome(const struct fr_server_config *c, SSL *ssl,
                       const STACK_OF(X509) * chain, struct fr_tls_verdict *v)
{
    struct fr_peer peer;

    if (fr_peer_from_chain(chain, &peer, &v->names) != FR_OK)
        return false;
    v->lacks_ems = SSL_version(ssl) == TLS1_2_VERSION && !v->offers_ems &&
                   !fr_server_config_excepts_ems(c, &peer);
    return !v->lacks_ems;
}

/* Inside the handshake, where a refusal is an alert: after it, the client would see a
 * connection that is cut, and try again. */
static int verify_chain(X509_STORE_CTX *chain, void *config)
{
    SSL *ssl = ssl_of(chain);
    struct fr_tls_verdict *v = ssl ? SSL_get_ex_data(ssl, verdict_index()) : NULL;

    if (X509_verify_cert(chain) <= 0)
        return 0;
    if (v && is_welcome(config, ssl, X509_STORE_CTX_get0_chain(chain), v))
        return 1;
    X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
    if (v)
        remember(v, chain);
    return 0;
}

static bool offers(SSL *ssl, unsigned int extension)
{
    const unsigned char *at;
    size_t len;

    return SSL_client_hello_get0_ext(ssl, extension, &at, &len) == 1;
}

/* Says no to who can be refused by its hello alone. Where peers are excepted by name,
 * and where the version is not settled yet, its certificate decides. */
static int on_hello(SSL *ssl, int *alert, void *config)
{
    const struct fr_server_config *c = config;
    struct fr_tls_verdict *v = SSL_get_ex_data(ssl, verdict_index());
    bool speaks_1_3 =
        c->tls_max == TLS1_3_VERSION && offers(ssl, TLSEXT_TYPE_supported_versions);
    bool has_exceptions = c->tls && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE &&
                          fr_conf_list_size(c->tls, "ems-exceptions") > 0;

    v->offers_ems = offers(ssl, TLSEXT_TYPE_extended_master_secret);
    if (v->offers_ems || speaks_1_3 || has_exceptions)
        return SSL_CLIENT_HELLO_SUCCESS;
    v->lacks_ems = true;
    *alert = SSL_AD_INSUFFICIENT_SECURITY;
    return SSL_CLIENT_HELLO_ERROR;
}

static enum fr_code refuse_ems(struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EREFUSED, "ems-missing",
                      "the client's TLS 1.2 lacks extended master secret: update it, "
                      "or name it in ems-exceptions");
}

/* The key stays with the signer: fr_tls_server_set_key(). */
static enum fr_code load_own(SSL_CTX *ctx, const struct fr_listener_config *l,
                             struct fr_err *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, l->certificate) != 1)
        return FR_FAIL(err, FR_ECONFIG, "certificate %s: %s", l->certificate,
                       last_error());
    return FR_OK;
}

/* Their names are not told (RFC 8446, 4.2.4): a device knows by its MEF which of its
 * certificates to show. */
static enum fr_code add_anchors(SSL_CTX *ctx, const STACK_OF(X509) * anchors,
                                struct fr_err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);

    for (int i = 0; i < sk_X509_num(anchors); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1)
            return FR_FAIL(err, FR_ECONFIG, "trust anchor %d: %s", i + 1, last_error());
    return FR_OK;
}

/* An anchor may be an intermediate: what the operator lists is where trust ends. */
static enum fr_code load_anchors(SSL_CTX *ctx, const char *path, struct fr_err *err)
{
    STACK_OF(X509) *anchors = NULL;
    enum fr_code rc;

    FR_TRY(fr_x509_read_pem(path, &anchors, err));
    rc = add_anchors(ctx, anchors, err);
    sk_X509_pop_free(anchors, X509_free);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return fr_err_wrap(err, rc, "anchors %s", path);
}

/* Every certificate of a chain is looked up: each issuer's CRL must be in the file. */
static enum fr_code load_crl(SSL_CTX *ctx, const char *path, struct fr_err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

    ERR_clear_error();
    if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1)
        return FR_FAIL(err, FR_ECONFIG, "CRL %s: %s", path, last_error());
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return FR_OK;
}

static enum fr_code set_rules(SSL_CTX *ctx, const struct fr_server_config *c,
                              struct fr_err *err)
{
    const struct profile *p = &profiles[c->tls_profile];

    /* Both only read what they are lent. */
    SSL_CTX_set_client_hello_cb(ctx, on_hello, (void *)c);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (verdict_index() < 0 || SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
        SSL_CTX_set_min_proto_version(ctx, c->tls_min) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, c->tls_max) != 1 ||
        SSL_CTX_set_cipher_list(ctx, p->suites) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, suites_1_3) != 1 ||
        SSL_CTX_set1_groups_list(ctx, p->groups) != 1 ||
        SSL_CTX_set1_sigalgs_list(ctx, FR_TLS_SIGNATURES) != 1 ||
        SSL_CTX_set_session_id_context(ctx, session_context,
                                       sizeof session_context - 1) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "setting up TLS: %s", last_error());
    return FR_OK;
}

static enum fr_code ask_for_certificate(SSL_CTX *ctx, const struct fr_server_config *c,
                                        const struct fr_listener_config *l,
                                        struct fr_err *err)
{
    SSL_CTX_set_cert_verify_callback(ctx, verify_chain, (void *)c);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       on_verify);
    FR_TRY(load_anchors(ctx, l->anchors, err));
    if (l->crl)
        FR_TRY(load_crl(ctx, l->crl, err));
    return FR_OK;
}

static enum fr_code set_up(SSL_CTX *ctx, const struct fr_server_config *c,
                           const struct fr_listener_config *l, struct fr_err *err)
{
    FR_TRY(set_rules(ctx, c, err));
    FR_TRY(load_own(ctx, l, err));
    if (l->anchors)
        FR_TRY(ask_for_certificate(ctx, c, l, err));
    return FR_OK;
}

enum fr_code fr_tls_server_new(const struct fr_server_config *c,
                               const struct fr_listener_config *l, SSL_CTX **ret,
                               struct fr_err *err)
{
    OSSL_LIB_CTX *lean;
    SSL_CTX *ctx;
    enum fr_code rc;

    FR_TRY(fr_lean_context(&lean, err));
    ctx = SSL_CTX_new_ex(lean, NULL, TLS_server_method());
    if (!ctx)
        return FR_FAIL(err, FR_ENOMEM, "setting up TLS: %s", last_error());
    rc = set_up(ctx, c, l, err);
    if (rc == FR_OK)
        *ret = ctx;
    else
        SSL_CTX_free(ctx);
    return rc;
}

enum fr_code fr_tls_server_set_key(SSL_CTX *ctx, EVP_PKEY *key, struct fr_err *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return FR_FAIL(err, FR_ECONFIG, "the key of the certificate: %s", last_error());
    return FR_OK;
}

enum fr_code fr_tls_server_accept(SSL_CTX *ctx, struct fr_tls_verdict *verdict,
                                  SSL **ret, struct fr_err *err)
{
    SSL *ssl = SSL_new(ctx);

    if (!ssl || SSL_set_ex_data(ssl, verdict_index(), verdict) != 1) {
        SSL_free(ssl);
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a TLS connection");
    }
    *ret = ssl;
    return FR_OK;
}

enum fr_code fr_tls_server_explain(const struct fr_tls_verdict *verdict,
                                   unsigned long ossl, struct fr_err *err)
{
    const char *text = ossl ? ERR_reason_error_string(ossl) : NULL;

    if (verdict->lacks_ems)
        return refuse_ems(err);
    if (verdict->names.code != FR_OK)
        return FR_FAIL_AS(err, FR_EREFUSED, "handshake-refused",
                          "client certificate refused: %.400s", verdict->names.msg);
    if (verdict->error != X509_V_OK)
        return FR_FAIL_AS(err, FR_EREFUSED, "handshake-refused",
                          "client certificate refused: %s",
                          X509_verify_cert_error_string(verdict->error));
    if (ERR_GET_REASON(ossl) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return FR_FAIL_AS(err, FR_EREFUSED, "handshake-refused",
                          "the client showed no certificate");
    return FR_FAIL_AS(err, FR_EINVALID, "handshake-failed", "handshake failed: %s",
                      text ? text : "the connection was cut");
}

enum fr_code fr_tls_server_identify(const struct fr_server_config *c, SSL *ssl,
                                    struct fr_peer *ret, struct fr_err *err)
{
    const STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    struct fr_peer peer;

    if (!chain || SSL_get_verify_result(ssl) != X509_V_OK)
        return FR_FAIL_AS(err, FR_EREFUSED, "no-identity",
                          "the client has no verified identity");
    FR_TRY(fr_peer_from_chain(chain, &peer, err));
    if (peer.kind == FR_PEER_NONE)
        return FR_FAIL_AS(err, FR_EREFUSED, "no-identity",
                          "the client has no verified identity");
    if (SSL_version(ssl) == TLS1_2_VERSION && SSL_get_extms_support(ssl) != 1 &&
        !fr_server_config_excepts_ems(c, &peer))
        return refuse_ems(err);
    *ret = peer;
    return FR_OK;
}

enum fr_code fr_tls_server_check_ems(SSL *ssl, struct fr_err *err)
{
    if (SSL_version(ssl) == TLS1_2_VERSION && SSL_get_extms_support(ssl) != 1)
        return refuse_ems(err);
    return FR_OK;
}

enum fr_code fr_tls_server_export(SSL *ssl, struct fr_secret **ret, struct fr_err *err)
{
    FR_AUTO(secret) *exported = NULL;

    FR_TRY(fr_secret_new(FR_EXPORT_LEN, &exported, err));
    if (SSL_export_keying_material(ssl, fr_secret_data(exported), FR_EXPORT_LEN,
                                   FR_EXPORTER_LABEL, strlen(FR_EXPORTER_LABEL), NULL,
                                   0, 0) != 1)
        return FR_FAIL(err, FR_EINTERNAL, "the TLS exporter failed");
    *ret = FR_TAKE(exported);
    return FR_OK;
}
