/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator's side of one connection: blocking, counted in octets of TLS
 * records, or of plain text (what the socket BIO moved; TCP and IP are not in it).
 */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <openssl/ssl.h>

#include "bootstrap/bootstrap.h"
#include "crypto/milenage.h"

/* A device: what it shows, and what it is called, with a certificate and as a SIM. */
struct identity {
    X509 *cert;
    EVP_PKEY *key;
    char impi[FR_IMPI_MAX + 1];
    char own_id[FR_ID_MAX + 1];
    char credential_ref[5 + 2 * FR_SHA256_LEN + 1];
};

struct fleet {
    struct identity *list;
    size_t n;
};

/* n devices below the CA in ca_dir, into dir/0.pem, dir/0.key, ... */
FR_MUST_USE enum fr_code fleet_make(const char *ca_dir, const char *dir, size_t n,
                                    struct fr_err *err);
FR_MUST_USE enum fr_code fleet_load(const char *dir, size_t n, struct fleet *ret,
                                    struct fr_err *err);

struct server {
    const char *host;   /* SNI, and the name that is verified */
    const char *target; /* of an enrolment; or the path of a visit */
    uint16_t port;
    SSL_CTX *ctx;
    struct fr_milenage sim; /* all SIMs have one K and one OPc */
};
/* anchors: PEM file of those who may have issued the server's certificate. */
FR_MUST_USE enum fr_code server_init(struct server *s, const char *anchors,
                                     struct fr_err *err);

struct link {
    int fd;
    BIO *socket;
    SSL *ssl;         /* NULL: plain */
    uint64_t in, out; /* after link_close() */
};

/* Connects and shakes hands; who: shown, NULL for nobody. The link is closed again by
 * link_close() in any case. */
FR_MUST_USE enum fr_code link_open(struct link *l, const struct server *s,
                                   const struct identity *who, struct fr_err *err);
FR_MUST_USE enum fr_code link_open_plain(struct link *l, const struct server *s,
                                         struct fr_err *err);
FR_MUST_USE enum fr_code link_send(struct link *l, struct fr_slice octets,
                                   struct fr_err *err);
/* What has come, at least one octet; FR_EUNREACHABLE at the end of the stream. */
FR_MUST_USE enum fr_code link_receive(struct link *l, uint8_t *to, size_t size,
                                      size_t *ret_n, struct fr_err *err);
void link_close(struct link *l);

/* What a client does, once. */
typedef enum fr_code one(const struct server *s, const struct identity *who,
                         struct link *l, struct fr_err *err);
/* One whole bootstrap, acknowledged: by certificate, by a SIM inside TLS, without. */
one enrol, ub, ub_plain;
/* A handshake, a small request, an answer to the end of the stream. */
one visit;

#endif
