/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that our own CA would not make, and what a verifier says of them. */
#ifndef FR_TEST_CERTS_H
#define FR_TEST_CERTS_H

#include <openssl/x509v3.h>
#include <stdbool.h>

/* A name as it would stand in the certificate, right or wrong. */
struct raw_name {
    int type; /* GEN_DNS, GEN_URI, GEN_OTHERNAME, GEN_RID, GEN_EMAIL, GEN_IPADD */
    const char *data; /* RID: the OID as text */
    int len;          /* -1: up to its NUL */
    const char *oid;  /* OTHERNAME */
    int string_type;  /* OTHERNAME; 0: UTF8String */
};

/* Self-signed, with these names; n 0: without the extension. */
X509 *make_cert(const struct raw_name *names, size_t n);
/* The same with the extension's octets given. */
X509 *make_cert_with_sans(const unsigned char *der, int len);

/* Verifies leaf against one anchor (and CRL, or NULL) at time t (0: now), as libssl
 * would; X509_V_OK or the reason. ret_chain, if not NULL, is the caller's. */
int verify_cert(X509 *leaf, X509 *anchor, X509_CRL *crl, int64_t t,
                STACK_OF(X509) * *ret_chain);

X509 *load_cert(const char *path);
X509_CRL *load_crl(const char *path);

#endif
