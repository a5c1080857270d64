/* SPDX-License-Identifier: Apache-2.0 */
#include "server/signer/wire.h"

#include <string.h>
#include <strings.h>

enum {
    PAD = 64,     /* spaces before a TLS 1.3 signature's context */
    RANDOMS = 64, /* client's and server's */
    NAMED_CURVE = 3,
    SHA256_LEN = 32,
    SHA384_LEN = 48
};

/* Its final NUL is the separator. */
static const char context[] = "TLS 1.3, server CertificateVerify";

static bool is_certificate_verify(struct fr_slice octets)
{
    struct fr_cursor c = fr_cursor_of(octets);
    struct fr_slice pad = fr_take_slice(&c, PAD);
    struct fr_slice words = fr_take_slice(&c, sizeof context);

    if (c.bad || (c.left != SHA256_LEN && c.left != SHA384_LEN))
        return false;
    for (size_t i = 0; i < pad.len; i++) {
        if (pad.data[i] != ' ')
            return false;
    }
    return fr_slice_equal(words, fr_slice_of(context, sizeof context));
}

/* The groups that our listeners offer (worker/tls.c). */
static bool is_point(uint16_t group, size_t len)
{
    enum { P256 = 23, P256_LEN = 65, X25519 = 29, X25519_LEN = 32 };

    return (group == P256 && len == P256_LEN) || (group == X25519 && len == X25519_LEN);
}

static bool is_key_exchange(struct fr_slice octets)
{
    struct fr_cursor c = fr_cursor_of(octets);
    uint8_t type, len;
    uint16_t group;

    fr_take_slice(&c, RANDOMS);
    type = fr_take_u8(&c);
    group = fr_take_u16(&c);
    len = fr_take_u8(&c);
    return !c.bad && type == NAMED_CURVE && is_point(group, len) && c.left == len;
}

bool fr_sign_is_tls(struct fr_slice octets)
{
    return is_certificate_verify(octets) || is_key_exchange(octets);
}

enum fr_sign_kind fr_sign_kind_of(const char *digest)
{
    static const struct {
        const char *name;
        enum fr_sign_kind kind;
    } names[] = {
        {"SHA256", FR_SIGN_SHA256},   {"SHA384", FR_SIGN_SHA384},
        {"SHA512", FR_SIGN_SHA512},   {"SHA2-256", FR_SIGN_SHA256},
        {"SHA2-384", FR_SIGN_SHA384}, {"SHA2-512", FR_SIGN_SHA512},
    };

    for (size_t i = 0; digest && i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(digest, names[i].name) == 0)
            return names[i].kind;
    }
    return FR_SIGN_HELLO;
}
