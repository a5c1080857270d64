/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct fr_peer between processes: u8 kind, then
 *   certificate: text anchor | u8 number of SANs | (u8 type, text value)... |
 *                32 octets leaf SHA-256 | text subject
 *   psk:         text identity
 * text: u16 length | octets, UTF-8 without NUL.
 */
#include <string.h>

#include "base/str.h"
#include "server/ipc/msg.h"

static void put_text(struct fr_buf *to, const char *s)
{
    size_t len = strlen(s);

    fr_buf_u16(to, (uint16_t)len);
    fr_buf_put(to, s, len);
}

static void put_certificate(const struct fr_peer *peer, struct fr_buf *to)
{
    put_text(to, peer->anchor);
    fr_buf_u8(to, (uint8_t)peer->n_sans);
    for (size_t i = 0; i < peer->n_sans; i++) {
        fr_buf_u8(to, (uint8_t)peer->sans[i].type);
        put_text(to, peer->sans[i].value);
    }
    fr_buf_put(to, peer->leaf_sha256, sizeof peer->leaf_sha256);
    put_text(to, peer->subject);
}

enum fr_code fr_peer_pack(const struct fr_peer *peer, struct fr_buf *to,
                          struct fr_err *err)
{
    if (peer->n_sans > FR_SANS_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "a peer of %zu names", peer->n_sans);
    fr_buf_u8(to, (uint8_t)peer->kind);
    if (peer->kind == FR_PEER_CERTIFICATE)
        put_certificate(peer, to);
    if (peer->kind == FR_PEER_PSK)
        put_text(to, peer->psk_identity);
    return fr_buf_check(to, err);
}

static void take_text(struct fr_cursor *c, char *to, size_t size)
{
    struct fr_slice s = fr_take_slice(c, fr_take_u16(c));

    if (s.len >= size || (s.len && memchr(s.data, 0, s.len)) || !fr_utf8_is_valid(s)) {
        c->bad = true;
        return;
    }
    if (s.len)
        memcpy(to, s.data, s.len);
    to[s.len] = 0;
}

/* Empty: a certificate that was not verified, which a NOTE tells of. */
static bool anchor_is_valid(const char *anchor)
{
    size_t len = strlen(anchor);

    return (len == 0 || len == FR_ANCHOR_HEX) &&
           strspn(anchor, "0123456789abcdef") == len;
}

static void take_sans(struct fr_cursor *c, struct fr_peer *peer)
{
    peer->n_sans = fr_take_u8(c);
    if (peer->n_sans > FR_SANS_MAX) {
        c->bad = true;
        peer->n_sans = 0;
    }
    for (size_t i = 0; i < peer->n_sans && !c->bad; i++) {
        unsigned type = fr_take_u8(c);

        c->bad |= type > FR_SAN_RID;
        peer->sans[i].type = (enum fr_san_type)type;
        take_text(c, peer->sans[i].value, sizeof peer->sans[i].value);
    }
}

static void take_certificate(struct fr_cursor *c, struct fr_peer *peer)
{
    struct fr_slice leaf;

    take_text(c, peer->anchor, sizeof peer->anchor);
    c->bad |= !anchor_is_valid(peer->anchor);
    take_sans(c, peer);
    leaf = fr_take_slice(c, sizeof peer->leaf_sha256);
    if (!c->bad)
        memcpy(peer->leaf_sha256, leaf.data, leaf.len);
    take_text(c, peer->subject, sizeof peer->subject);
}

enum fr_code fr_peer_unpack(struct fr_slice in, struct fr_peer *ret, struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(in);
    struct fr_peer peer = {0};
    unsigned kind = fr_take_u8(&c);

    if (kind == FR_PEER_CERTIFICATE)
        take_certificate(&c, &peer);
    else if (kind == FR_PEER_PSK)
        take_text(&c, peer.psk_identity, sizeof peer.psk_identity);
    else if (kind != FR_PEER_NONE)
        c.bad = true;
    if (c.bad || c.left > 0)
        return FR_FAIL_AS(err, FR_EINVALID, "ipc-malformed",
                          "the peer's identity is not as it must be");
    peer.kind = (enum fr_peer_kind)kind;
    *ret = peer;
    return FR_OK;
}
