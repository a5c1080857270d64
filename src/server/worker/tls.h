/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS as a listener speaks it (DESIGN 6): mutual, anchors of one role (without anchors
 * the clients show no certificate), no tickets,
 * resumption or renegotiation, TLS 1.2 with extended master secret only.
 */
#ifndef FR_SERVER_WORKER_TLS_H
#define FR_SERVER_WORKER_TLS_H

#include <openssl/ssl.h>

#include "server/config.h"

/* Reads every file that the listener names but its key, without which no handshake
 * succeeds. FR_ECONFIG names the file. c must outlive it. */
FR_MUST_USE enum fr_code fr_tls_server_new(const struct fr_server_config *c,
                                           const struct fr_listener_config *l,
                                           SSL_CTX **ret, struct fr_err *err);

/* key (borrowed) is that of the listener's certificate, or of a signer that has it. */
FR_MUST_USE enum fr_code fr_tls_server_set_key(SSL_CTX *ctx, EVP_PKEY *key,
                                               struct fr_err *err);

/* What the verification of a client's chain found wrong; belongs to a connection. */
struct fr_tls_verdict {
    int error;              /* X509_V_ERR_..., X509_V_OK if none was seen */
    bool offers_ems;        /* extended master secret, in its hello */
    bool lacks_ems;         /* refused: TLS 1.2 without it */
    struct fr_err names;    /* why a chain that is good names nobody; code FR_OK: no */
    struct fr_peer claimed; /* names of the certificate shown, unverified */
};

/* A connection's SSL, whose verdict is watched from now on; verdict outlives it. */
FR_MUST_USE enum fr_code fr_tls_server_accept(SSL_CTX *ctx,
                                              struct fr_tls_verdict *verdict, SSL **ret,
                                              struct fr_err *err);

/* Why a handshake failed: FR_EREFUSED "handshake-refused" if it was the client's
 * certificate (its names too) or the lack of one, "ems-missing"; else FR_EINVALID.
 * ossl: OpenSSL's error, 0 if none.
 */
enum fr_code fr_tls_server_explain(const struct fr_tls_verdict *verdict,
                                   unsigned long ossl, struct fr_err *err);

/* After the handshake: who the peer is. FR_EREFUSED "ems-missing", "peer-name",
 * "no-identity". */
FR_MUST_USE enum fr_code fr_tls_server_identify(const struct fr_server_config *c,
                                                SSL *ssl, struct fr_peer *ret,
                                                struct fr_err *err);
/* The same where clients show no certificate: FR_EREFUSED "ems-missing" only. */
FR_MUST_USE enum fr_code fr_tls_server_check_ems(SSL *ssl, struct fr_err *err);
/* The bootstrap export, FR_EXPORT_LEN octets. Once a connection, after the handshake:
 * OpenSSL exports wrong octets earlier. */
FR_MUST_USE enum fr_code fr_tls_server_export(SSL *ssl, struct fr_secret **ret,
                                              struct fr_err *err);

#endif
