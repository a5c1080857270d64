/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of TLS: one object per credential and set of trust anchors, made
 * once and used by any number of connections. TLS 1.2 and 1.3; no tickets, resumption
 * or renegotiation. What a peer must show is decided here: a chain to one of the given
 * anchors and no other, a name, no revocation. What it does with the octets is
 * conn.h's.
 */
#ifndef FR_NET_TLS_H
#define FR_NET_TLS_H

#include <openssl/ssl.h>

#include "base/env.h"
#include "crypto/peer.h"
#include "model/instruction.h"

enum fr_tls_profile {
    FR_TLS_DEFAULT,
    FR_TLS_ONEM2M /* TLS 1.2 with the standard's suite and curve only (RSPF 6) */
};

/* All borrowed for the call only. */
struct fr_tls_setup {
    const char *cert_path, *key_path; /* PEM; both NULL: no client certificate */
    const char *anchors_path;         /* PEM, required: the only trust there is */
    const char *crl_path;             /* PEM, NULL: none. Of every issuer of a chain */
    int min_version, max_version;     /* TLS1_2_VERSION...; 0: 1.2 to 1.3 */
    enum fr_tls_profile profile;
    const char *const *ems_exceptions; /* names that may do TLS 1.2 without RFC 7627 */
    size_t n_ems_exceptions;
};

struct fr_tls;

/* FR_ECONFIG names the file and what is wrong with it (reason "tls-config"). The key
 * file must be private to its owner. */
FR_MUST_USE enum fr_code fr_tls_new(const struct fr_tls_setup *setup,
                                    struct fr_tls **ret, struct fr_err *err);
void fr_tls_free(struct fr_tls *tls); /* after the last of its connections */
FR_DEFINE_AUTO(tls)

const char *fr_tls_own_id(const struct fr_tls *tls); /* first SAN's value; "" if none */
int64_t fr_tls_own_not_before(const struct fr_tls *tls);     /* 0 if none */
const char *fr_tls_credential_ref(const struct fr_tls *tls); /* "cert:<hex>"; "" */

/* One connection's demands on its peer, and what was seen of it. Lives as long as the
 * SSL. */
struct fr_tls_peer {
    const char *host; /* exact dNSName; also the SNI */
    int64_t now_s;    /* validity is judged at this time */
    bool no_clock;    /* now_s is only known to be past: what begins later is fine */
    /* When there are any, the chain must end at one of these (ni entries only). */
    const struct fr_trust_anchor *anchors;
    size_t n_anchors;

    /* Seen; set by fr_tls_session() and after. */
    int fd;
    int alert;           /* received from the peer; -1: none */
    int io_errno;        /* of the last failed read or write; 0: none */
    bool write_broken;   /* nothing more can be sent; what the peer said can be read */
    bool anchor_refused; /* the chain is good, but no one of anchors ends it */
    uint64_t octets_out, octets_in;   /* of TLS records */
    int64_t not_before;               /* of its certificate; 0: none was seen */
    char about[FR_SAN_TEXT_MAX + 80]; /* its certificate: a name, validity */
};

/*
 * A client session over peer->fd (not taken), ready for SSL_connect(). Writes never
 * raise SIGPIPE and never fail: once the peer has gone, octets are dropped and
 * peer->write_broken is set, so that whatever it said last, an alert most of all, is
 * still read before anybody judges (DESIGN 3).
 */
FR_MUST_USE enum fr_code fr_tls_session(const struct fr_tls *tls,
                                        struct fr_tls_peer *peer, SSL **ret,
                                        struct fr_err *err);

/* After the handshake: a verified certificate, and extended master secret where TLS 1.2
 * needs it. FR_EREFUSED, reasons "peer-untrusted", "peer-no-ems". */
FR_MUST_USE enum fr_code fr_tls_check_session(const struct fr_tls *tls, SSL *ssl,
                                              const struct fr_tls_peer *peer,
                                              struct fr_err *err);

/* Why a handshake or a read failed: our own verdict about the peer (FR_EREFUSED,
 * reasons peer-untrusted, peer-name, peer-expired, peer-not-yet-valid, peer-revoked,
 * crl-expired),
 * its alert (fr_alert_fail), else a cut or a protocol complaint of ours
 * (FR_EUNREACHABLE, connection-cut, tls-protocol). Always a failure. */
enum fr_code fr_tls_fail(const struct fr_tls *tls, SSL *ssl,
                         const struct fr_tls_peer *peer, struct fr_err *err);

/* 48 octets, RSPF 5.1: label FR_EXPORTER_LABEL, no context. Once, when connected. */
FR_MUST_USE enum fr_code fr_tls_export(SSL *ssl, struct fr_secret **ret,
                                       struct fr_err *err);

#endif
