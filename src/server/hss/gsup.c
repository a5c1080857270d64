/* SPDX-License-Identifier: Apache-2.0 */
#include "server/hss/gsup.h"

#include <string.h>

enum { HEAD_LEN = 3, EXTENSION_GSUP = 0x05, SESSION_BEGIN = 1, FILLER = 0x0f };

enum ccm { PING = 0x00, PONG = 0x01, ID_GET = 0x04, ID_RESP = 0x05 };

enum message { ASK = 0x08, ASK_ERROR = 0x09, ASK_RESULT = 0x0a };

enum ie {
    IMSI = 0x01,
    CAUSE = 0x02,
    TUPLE = 0x03,
    RAND = 0x20,
    IK = 0x23,
    CK = 0x24,
    AUTN = 0x25,
    AUTS = 0x26,
    RES = 0x27,
    SESSION_ID = 0x30,
    SESSION_STATE = 0x31,
    VECTORS_WANTED = 0x52
};

static enum fr_code malformed(const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EINVALID, "gsup-malformed", "the HSS sent %s", what);
}

/* --- frames */

enum fr_code fr_ipa_take(struct fr_slice in, struct fr_ipa_frame *ret, size_t *used,
                         struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(in);
    size_t len;

    if (in.len < HEAD_LEN)
        return FR_FAIL(err, FR_ENOTFOUND, "no whole frame yet");
    len = fr_take_u16(&c);
    ret->stream = fr_take_u8(&c);
    if (len > FR_IPA_BODY_MAX)
        return malformed("a frame that is too long", err);
    if (len > c.left)
        return FR_FAIL(err, FR_ENOTFOUND, "no whole frame yet");
    ret->body = fr_take_slice(&c, len);
    *used = HEAD_LEN + len;
    return FR_OK;
}

static void put_frame(uint8_t stream, const struct fr_buf *body, struct fr_buf *to)
{
    fr_buf_u16(to, (uint16_t)body->len);
    fr_buf_u8(to, stream);
    fr_buf_put(to, body->data, body->len);
}

/* --- identity */

static void put_unit(struct fr_buf *body, uint8_t tag, const char *value)
{
    size_t len = strlen(value) + 1;

    fr_buf_u16(body, (uint16_t)(1 + len));
    fr_buf_u8(body, tag);
    fr_buf_put(body, value, len);
}

/* All that osmo-hlr asks for; the serial number (0) is what it routes answers by. */
static void put_identity(struct fr_buf *body, const char *name)
{
    fr_buf_u8(body, ID_RESP);
    put_unit(body, 0x08, "0/0/0");
    put_unit(body, 0x07, name);
    put_unit(body, 0x02, "");
    put_unit(body, 0x03, "");
    put_unit(body, 0x04, "");
    put_unit(body, 0x05, "fieldroot");
    put_unit(body, 0x01, name);
    put_unit(body, 0x00, name);
}

enum fr_code fr_ccm_answer(struct fr_slice body, const char *name, struct fr_buf *to,
                           bool *ret_greeted, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) answer = FR_BUF_INIT(FR_IPA_BODY_MAX);
    struct fr_cursor c = fr_cursor_of(body);
    unsigned type = fr_take_u8(&c);

    if (c.bad)
        return malformed("an empty CCM message", err);
    if (type == PING)
        fr_buf_u8(&answer, PONG);
    else if (type == ID_GET)
        put_identity(&answer, name);
    else
        return FR_OK;
    FR_TRY(fr_buf_check(&answer, err));
    put_frame(FR_IPA_CCM, &answer, to);
    FR_TRY(fr_buf_check(to, err));
    if (type == ID_GET)
        *ret_greeted = true;
    return FR_OK;
}

/* --- asking */

static void put_ie(struct fr_buf *body, uint8_t tag, struct fr_slice value)
{
    fr_buf_u8(body, tag);
    fr_buf_u8(body, (uint8_t)value.len);
    fr_buf_put(body, value.data, value.len);
}

static void put_imsi(struct fr_buf *body, const char *imsi)
{
    size_t n = strlen(imsi);

    fr_buf_u8(body, IMSI);
    fr_buf_u8(body, (uint8_t)((n + 1) / 2));
    for (size_t i = 0; i < n; i += 2) {
        unsigned low = (unsigned)(imsi[i] - '0');
        unsigned high = i + 1 < n ? (unsigned)(imsi[i + 1] - '0') : FILLER;

        fr_buf_u8(body, (uint8_t)(low | high << 4));
    }
}

static enum fr_code check_request(const struct fr_gsup_request *r, struct fr_err *err)
{
    bool is_resync = r->auts.len > 0;

    if (!fr_imsi_is_valid(r->imsi))
        return FR_FAIL(err, FR_EPARSE, "an IMSI has 6 to 15 digits");
    if (r->rand.len != (is_resync ? FR_AKA_RAND_LEN : 0) ||
        (is_resync && r->auts.len != FR_AKA_AUTS_LEN))
        return FR_FAIL(err, FR_EPARSE, "RAND and AUTS are not as long as they must be");
    return FR_OK;
}

enum fr_code fr_gsup_request_encode(const struct fr_gsup_request *r, struct fr_buf *to,
                                    struct fr_err *err)
{
    static const uint8_t head[] = {EXTENSION_GSUP, ASK};
    static const uint8_t one[] = {VECTORS_WANTED, 1, 1};
    static const uint8_t begin[] = {SESSION_STATE, 1, SESSION_BEGIN};
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_IPA_BODY_MAX);

    FR_TRY(check_request(r, err));
    fr_buf_put(&body, head, sizeof head);
    put_imsi(&body, r->imsi);
    fr_buf_u8(&body, SESSION_ID);
    fr_buf_u8(&body, sizeof r->session);
    fr_buf_u32(&body, r->session);
    fr_buf_put(&body, begin, sizeof begin); /* without a state, no id comes back */
    if (r->auts.len > 0) {
        put_ie(&body, AUTS, r->auts);
        put_ie(&body, RAND, r->rand);
    }
    fr_buf_put(&body, one, sizeof one);
    FR_TRY(fr_buf_check(&body, err));
    put_frame(FR_IPA_GSUP, &body, to);
    return fr_buf_check(to, err);
}

/* --- the answer */

static bool take_ie(struct fr_cursor *c, uint8_t *ret_tag, struct fr_slice *ret)
{
    *ret_tag = fr_take_u8(c);
    *ret = fr_take_slice(c, fr_take_u8(c));
    return !c->bad;
}

static enum fr_code read_imsi(struct fr_slice value, char to[FR_IMSI_MAX + 1],
                              struct fr_err *err)
{
    size_t n = 0;

    if (to[0] || value.len > (FR_IMSI_MAX + 1) / 2)
        return malformed("an IMSI twice, or one that is too long", err);
    for (size_t i = 0; i < 2 * value.len; i++) {
        unsigned digit = i % 2 ? value.data[i / 2] >> 4 : value.data[i / 2] & 0x0fu;

        if (digit == FILLER && i + 1 == 2 * value.len)
            break;
        if (digit > 9 || n == FR_IMSI_MAX)
            return malformed("an IMSI that is none", err);
        to[n++] = (char)('0' + digit);
    }
    to[n] = 0;
    return n > 0 ? FR_OK : malformed("an empty IMSI", err);
}

static enum fr_code set_part(struct fr_slice *part, struct fr_slice value, size_t min,
                             size_t max, struct fr_err *err)
{
    if (part->data || value.len < min || value.len > max)
        return malformed("a part of a vector twice, or of a wrong length", err);
    *part = value;
    return FR_OK;
}

static enum fr_code read_part(struct fr_gsup_answer *a, uint8_t tag,
                              struct fr_slice value, struct fr_err *err)
{
    switch (tag) {
    case RAND:
        return set_part(&a->rand, value, FR_AKA_RAND_LEN, FR_AKA_RAND_LEN, err);
    case AUTN:
        return set_part(&a->autn, value, FR_AKA_AUTN_LEN, FR_AKA_AUTN_LEN, err);
    case CK:
        return set_part(&a->ck, value, FR_AKA_KEY_LEN, FR_AKA_KEY_LEN, err);
    case IK:
        return set_part(&a->ik, value, FR_AKA_KEY_LEN, FR_AKA_KEY_LEN, err);
    case RES:
        return set_part(&a->res, value, FR_AKA_RES_MIN, FR_AKA_RES_MAX, err);
    default:
        return FR_OK; /* SRES and Kc of 2G, and what is newer */
    }
}

static enum fr_code read_tuple(struct fr_gsup_answer *a, struct fr_slice value,
                               struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(value);

    if (a->rand.data)
        return FR_OK; /* one is what we asked for */
    while (c.left > 0) {
        struct fr_slice part;
        uint8_t tag;

        if (!take_ie(&c, &tag, &part))
            return malformed("a vector that is cut", err);
        FR_TRY(read_part(a, tag, part, err));
    }
    if (!a->rand.data || !a->autn.data || !a->ck.data || !a->ik.data || !a->res.data)
        a->kind = FR_GSUP_NO_AKA;
    return FR_OK;
}

static enum fr_code read_session(struct fr_gsup_answer *a, struct fr_slice value,
                                 struct fr_err *err)
{
    if (a->has_session || value.len < 1 || value.len > sizeof a->session)
        return malformed("a session id twice, or of a wrong length", err);
    a->has_session = true;
    for (size_t i = 0; i < value.len; i++)
        a->session = a->session << 8 | value.data[i];
    return FR_OK;
}

static enum fr_code read_cause(struct fr_gsup_answer *a, struct fr_slice value,
                               struct fr_err *err)
{
    if (value.len != 1)
        return malformed("a cause that is none", err);
    a->cause = value.data[0];
    return FR_OK;
}

static enum fr_code read_ie(struct fr_gsup_answer *a, uint8_t tag,
                            struct fr_slice value, struct fr_err *err)
{
    switch (tag) {
    case IMSI:
        return read_imsi(value, a->imsi, err);
    case CAUSE:
        return read_cause(a, value, err);
    case TUPLE:
        return read_tuple(a, value, err);
    case SESSION_ID:
        return read_session(a, value, err);
    default:
        return FR_OK;
    }
}

static enum fr_code read_answer(struct fr_cursor *c, struct fr_gsup_answer *a,
                                struct fr_err *err)
{
    while (c->left > 0) {
        struct fr_slice value;
        uint8_t tag;

        if (!take_ie(c, &tag, &value))
            return malformed("an answer that is cut", err);
        FR_TRY(read_ie(a, tag, value, err));
    }
    if (!a->imsi[0])
        return malformed("an answer without IMSI", err);
    if (a->kind == FR_GSUP_VECTOR && !a->rand.data)
        return malformed("a result without vector", err);
    if (a->kind == FR_GSUP_ERROR && !a->cause)
        return malformed("an error without cause", err);
    return FR_OK;
}

enum fr_code fr_gsup_answer_decode(struct fr_slice body, struct fr_gsup_answer *ret,
                                   struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(body);
    struct fr_gsup_answer a = {.kind = FR_GSUP_OTHER};
    unsigned extension = fr_take_u8(&c), type = 0;

    if (c.bad)
        return malformed("an empty message", err);
    if (extension == EXTENSION_GSUP) {
        type = fr_take_u8(&c);
        if (c.bad)
            return malformed("a GSUP message without type", err);
    }
    if (type == ASK_RESULT || type == ASK_ERROR) {
        a.kind = type == ASK_RESULT ? FR_GSUP_VECTOR : FR_GSUP_ERROR;
        FR_TRY(read_answer(&c, &a, err));
    }
    *ret = a;
    return FR_OK;
}
