/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/pki_build.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "base/timetext.h"
#include "crypto/san.h"

enum { SERIAL_LEN = 16, COMMON_NAME_MAX = 64 };

#define LATEST_TIME INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* What both kinds of certificate have. */
struct profile {
    const char *common_name; /* "" leaves the subject empty */
    int64_t not_before, not_after;
    const struct fr_pki_pair *issuer; /* NULL: itself */
};

void fr_pki_pair_clear(struct fr_pki_pair *pair)
{
    X509_free(pair->cert);
    EVP_PKEY_free(pair->key);
    *pair = (struct fr_pki_pair){0};
}

struct fr_pki_pair fr_pki_pair_take(struct fr_pki_pair *pair)
{
    struct fr_pki_pair taken = *pair;

    *pair = (struct fr_pki_pair){0};
    return taken;
}

static enum fr_code openssl_failed(struct fr_err *err, const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return FR_FAIL(err, FR_EINTERNAL, "%s: %s", what, why ? why : "out of memory");
}

bool fr_pki_set_time(ASN1_TIME *to, int64_t t)
{
    return ASN1_TIME_set(to, (time_t)t) != NULL;
}

static enum fr_code check_profile(const struct profile *p, struct fr_err *err)
{
    struct fr_slice cn = fr_slice_str(p->common_name);

    if (cn.len > COMMON_NAME_MAX || !fr_utf8_is_valid(cn))
        return FR_FAIL(err, FR_EPARSE, "a common name is UTF-8 of at most %d octets",
                       COMMON_NAME_MAX);
    if (p->not_before < 0 || p->not_after > LATEST_TIME)
        return FR_FAIL(err, FR_EPARSE, "a validity lies between 1970 and 9999");
    if (p->not_after <= p->not_before)
        return FR_FAIL(err, FR_EPARSE, "the validity ends before it starts");
    return FR_OK;
}

static bool set_serial(X509 *cert)
{
    uint8_t octets[SERIAL_LEN];
    BIGNUM *n = NULL;
    bool ok = RAND_bytes(octets, sizeof octets) == 1;

    if (ok) {
        octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, and always as long */
        n = BN_bin2bn(octets, sizeof octets, NULL);
    }
    ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

static bool set_subject(X509 *cert, const char *common_name)
{
    return !common_name[0] || X509_NAME_add_entry_by_txt(
                                  X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                  (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool fill(X509 *cert, EVP_PKEY *key, const struct profile *p)
{
    const X509 *issuer = p->issuer ? p->issuer->cert : cert;

    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
           set_subject(cert, p->common_name) &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
           fr_pki_set_time(X509_getm_notBefore(cert), p->not_before) &&
           fr_pki_set_time(X509_getm_notAfter(cert), p->not_after) &&
           X509_set_pubkey(cert, key) == 1;
}

/* A new key and the unsigned certificate for it. */
static enum fr_code start(const struct profile *p, struct fr_pki_pair *pair,
                          X509V3_CTX *ctx, struct fr_err *err)
{
    FR_TRY(check_profile(p, err));
    pair->key = EVP_EC_gen("P-256");
    pair->cert = X509_new();
    if (!pair->key || !pair->cert || !fill(pair->cert, pair->key, p))
        return openssl_failed(err, "making a certificate");
    X509V3_set_ctx(ctx, p->issuer ? p->issuer->cert : pair->cert, pair->cert, NULL,
                   NULL, 0);
    X509V3_set_ctx_nodb(ctx);
    return FR_OK;
}

static enum fr_code add_ext(X509 *cert, X509V3_CTX *ctx, int nid, const char *value,
                            struct fr_err *err)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool ok = ext && X509_add_ext(cert, ext, -1) == 1;

    X509_EXTENSION_free(ext);
    if (!ok)
        return openssl_failed(err, "adding an extension");
    return FR_OK;
}

static enum fr_code add_constraints(X509 *cert, X509V3_CTX *ctx, const char *dns,
                                    struct fr_err *err)
{
    char value[FR_FQDN_MAX + 32];

    if (!dns)
        return FR_OK;
    if (!fr_fqdn_is_valid(fr_slice_str(dns)))
        return FR_FAIL(err, FR_EPARSE, "the permitted name is no domain name");
    snprintf(value, sizeof value, "critical,permitted;DNS:%s", dns);
    return add_ext(cert, ctx, NID_name_constraints, value, err);
}

static enum fr_code sign(X509 *cert, EVP_PKEY *key, struct fr_err *err)
{
    if (X509_sign(cert, key, EVP_sha256()) <= 0)
        return openssl_failed(err, "signing a certificate");
    return FR_OK;
}

enum fr_code fr_pki_build_ca(const char *common_name, const char *permitted_dns,
                             int64_t not_before, int64_t not_after,
                             struct fr_pki_pair *ret, struct fr_err *err)
{
    const struct profile p = {common_name, not_before, not_after, NULL};
    FR_AUTO_CLEAR(pki_pair) pair = {0};
    X509V3_CTX ctx;

    if (!common_name[0])
        return FR_FAIL(err, FR_EPARSE, "a CA needs a common name");
    FR_TRY(start(&p, &pair, &ctx, err));
    FR_TRY(add_ext(pair.cert, &ctx, NID_basic_constraints, "critical,CA:TRUE,pathlen:0",
                   err));
    FR_TRY(
        add_ext(pair.cert, &ctx, NID_key_usage, "critical,keyCertSign,cRLSign", err));
    FR_TRY(add_ext(pair.cert, &ctx, NID_subject_key_identifier, "hash", err));
    FR_TRY(add_constraints(pair.cert, &ctx, permitted_dns, err));
    FR_TRY(sign(pair.cert, pair.key, err));
    *ret = fr_pki_pair_take(&pair);
    return FR_OK;
}

static enum fr_code general_names(const struct fr_pki_request *req,
                                  GENERAL_NAMES *names, struct fr_err *err)
{
    for (size_t i = 0; i < req->n_sans; i++) {
        GENERAL_NAME *name;

        FR_TRY(fr_san_to_general(&req->sans[i], &name, err));
        if (sk_GENERAL_NAME_push(names, name) <= 0) {
            GENERAL_NAME_free(name);
            return FR_FAIL(err, FR_ENOMEM, "out of memory");
        }
    }
    return FR_OK;
}

/* RFC 5280 4.2.1.6: critical where the subject is empty. */
static enum fr_code add_sans(X509 *cert, const struct fr_pki_request *req,
                             struct fr_err *err)
{
    int critical = X509_NAME_entry_count(X509_get_subject_name(cert)) == 0;
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    enum fr_code rc;

    if (!names)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    rc = general_names(req, names, err);
    if (rc == FR_OK &&
        X509_add1_ext_i2d(cert, NID_subject_alt_name, names, critical, 0) != 1)
        rc = openssl_failed(err, "adding the subject alternative names");
    GENERAL_NAMES_free(names);
    return rc;
}

/* Its key usage says that a leaf is no CA: basicConstraints would say it again, and the
 * identifier of its own key serves nobody. Both are on the wire of every handshake. */
static enum fr_code add_usage(X509 *cert, X509V3_CTX *ctx,
                              const struct fr_pki_request *req, struct fr_err *err)
{
    const char *usage = req->client && req->server ? "clientAuth,serverAuth"
                        : req->client              ? "clientAuth"
                        : req->server              ? "serverAuth"
                                                   : NULL;

    FR_TRY(add_ext(cert, ctx, NID_key_usage, "critical,digitalSignature", err));
    if (usage)
        FR_TRY(add_ext(cert, ctx, NID_ext_key_usage, usage, err));
    return FR_OK;
}

/* Catches what the CA's nameConstraints forbid before anybody installs it. */
static enum fr_code check_verifies(const struct fr_pki_pair *ca, X509 *cert,
                                   struct fr_err *err)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int why = X509_V_ERR_OUT_OF_MEM;

    if (store && ctx && X509_STORE_add_cert(store, ca->cert) == 1 &&
        X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME) == 1 &&
        X509_STORE_CTX_init(ctx, store, cert, NULL) == 1)
        why = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    if (why != X509_V_OK)
        return FR_FAIL_AS(err, FR_EPARSE, "not-verifiable",
                          "this CA cannot issue that certificate: %s",
                          X509_verify_cert_error_string(why));
    return FR_OK;
}

static const char *name_of(const struct fr_pki_request *req)
{
    if (req->common_name)
        return req->common_name;
    return strlen(req->sans[0].value) <= COMMON_NAME_MAX ? req->sans[0].value : "";
}

enum fr_code fr_pki_build_leaf(const struct fr_pki_pair *ca,
                               const struct fr_pki_request *req,
                               struct fr_pki_pair *ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(pki_pair) pair = {0};
    struct profile p;
    X509V3_CTX ctx;

    if (req->n_sans < 1 || req->n_sans > FR_SANS_MAX)
        return FR_FAIL(err, FR_EPARSE,
                       "a certificate has 1 to %d subject alternative names, not %zu",
                       FR_SANS_MAX, req->n_sans);
    p = (struct profile){name_of(req), req->not_before, req->not_after, ca};
    FR_TRY(start(&p, &pair, &ctx, err));
    FR_TRY(add_usage(pair.cert, &ctx, req, err));
    FR_TRY(add_ext(pair.cert, &ctx, NID_authority_key_identifier, "keyid:always", err));
    FR_TRY(add_sans(pair.cert, req, err));
    FR_TRY(sign(pair.cert, ca->key, err));
    FR_TRY(check_verifies(ca, pair.cert, err));
    *ret = fr_pki_pair_take(&pair);
    return FR_OK;
}
