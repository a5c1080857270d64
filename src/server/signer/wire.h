/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker may say to the signer, over a SOCK_SEQPACKET pair: one question, one
 * answer, each one message.
 *
 *     question: u8 kind | octets        answer: u8 kind | octets
 *
 * A pair belongs to one listener, and so to one key: a worker cannot name another's.
 * What is signed is not a hash but the message that TLS signs, so that the signer can
 * see that it is one (RFC 8446 4.4.3, RFC 8422 5.4), and hashes it itself.
 */
#ifndef FR_SERVER_SIGNER_WIRE_H
#define FR_SERVER_SIGNER_WIRE_H

#include "base/buf.h"

#define FR_SIGN_ASK_MAX    256 /* octets of a message */
#define FR_SIGN_ANSWER_MAX 256

/* X(id, digest): HELLO asks for the hex SHA-256 of the key's SubjectPublicKeyInfo, the
 * others for an ECDSA signature in DER. */
#define FR_SIGN_KINDS(X)                                                               \
    X(FR_SIGN_HELLO, "")                                                               \
    X(FR_SIGN_SHA256, "SHA256")                                                        \
    X(FR_SIGN_SHA384, "SHA384")                                                        \
    X(FR_SIGN_SHA512, "SHA512")
enum fr_sign_kind {
#define X(id, digest) id,
    FR_SIGN_KINDS(X)
#undef X
        FR_N_SIGN_KINDS
};

/* True for the octets of a TLS 1.3 server's CertificateVerify and of a TLS 1.2
 * server's ECDHE parameters, and for nothing else. */
bool fr_sign_is_tls(struct fr_slice octets);

/* OpenSSL's name of a digest ("SHA2-256", "SHA256"); FR_SIGN_HELLO: none of ours. */
enum fr_sign_kind fr_sign_kind_of(const char *digest);

#endif
