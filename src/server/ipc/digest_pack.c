/* SPDX-License-Identifier: Apache-2.0 */
/*
 * u8 version | u8 qop is auth-int | u8 has auts | 14 octets auts | then username,
 * realm, nonce, uri, opaque, cnonce, nc, response: u16 length | octets, UTF-8 without
 * NUL.
 */
#include "server/ipc/digest_pack.h"

#include <string.h>

enum { N_TEXTS = 8 };

struct text {
    char *at;
    size_t size;
};

static void texts_of(struct fr_digest_auth *a, struct text to[N_TEXTS])
{
    const struct text texts[N_TEXTS] = {{a->username, sizeof a->username},
                                        {a->realm, sizeof a->realm},
                                        {a->nonce, sizeof a->nonce},
                                        {a->uri, sizeof a->uri},
                                        {a->opaque, sizeof a->opaque},
                                        {a->cnonce, sizeof a->cnonce},
                                        {a->nc, sizeof a->nc},
                                        {a->response, sizeof a->response}};

    memcpy(to, texts, sizeof texts);
}

enum fr_code fr_digest_pack(const struct fr_digest_auth *a, struct fr_buf *to,
                            struct fr_err *err)
{
    struct fr_digest_auth copy = *a;
    struct text text[N_TEXTS];

    texts_of(&copy, text);
    fr_buf_u8(to, (uint8_t)a->version);
    fr_buf_u8(to, a->has_auth_int);
    fr_buf_u8(to, a->has_auts);
    fr_buf_put(to, a->auts, sizeof a->auts);
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t len = strlen(text[i].at);

        fr_buf_u16(to, (uint16_t)len);
        fr_buf_put(to, text[i].at, len);
    }
    return fr_buf_check(to, err);
}

static void take_text(struct fr_cursor *c, struct text to)
{
    struct fr_slice s = fr_take_slice(c, fr_take_u16(c));

    if (s.len >= to.size || (s.len && memchr(s.data, 0, s.len)) ||
        !fr_utf8_is_valid(s)) {
        c->bad = true;
        return;
    }
    if (s.len)
        memcpy(to.at, s.data, s.len);
    to.at[s.len] = 0;
}

static bool take_flag(struct fr_cursor *c)
{
    uint8_t flag = fr_take_u8(c);

    c->bad |= flag > 1;
    return flag == 1;
}

enum fr_code fr_digest_unpack(struct fr_slice in, struct fr_digest_auth *ret,
                              struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(in);
    struct fr_digest_auth a = {0};
    struct fr_slice auts;
    struct text text[N_TEXTS];

    texts_of(&a, text);
    a.version = take_flag(&c) ? FR_AKAV2_MD5 : FR_AKAV1_MD5;
    a.has_auth_int = take_flag(&c);
    a.has_auts = take_flag(&c);
    auts = fr_take_slice(&c, sizeof a.auts);
    if (!c.bad)
        memcpy(a.auts, auts.data, sizeof a.auts);
    for (size_t i = 0; i < N_TEXTS && !c.bad; i++)
        take_text(&c, text[i]);
    if (c.bad || c.left > 0)
        return FR_FAIL_AS(err, FR_EINVALID, "ipc-malformed", "a digest is malformed");
    *ret = a;
    return FR_OK;
}
