/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipc/msg.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "crypto/confirm.h"
#include "crypto/gba.h"

enum {
    LENGTH_LEN = 4,
    HEAD_LEN = 2 + 4, /* type, request id: counted by the length */
    JSON_MAX = FR_MSG_MAX - 64 * 1024,
    RESPONSE_MAX = 64 * 1024,
    PEER_MAX = 4096,
    DIGEST_MAX = 4096,
    RSPAUTH_LEN = 16,
    REQUEST_LINE_MAX = 4096,
    VECTOR_HEAD = FR_AKA_RAND_LEN + FR_AKA_AUTN_LEN + 2 * FR_AKA_KEY_LEN
};

static const struct message {
    const char *name;
    unsigned workers;
    uint64_t required, allowed;
} messages[] = {
#define X(id, name, workers, required, allowed)                                        \
    [id] = {name, workers, required, allowed},
    FR_MSGS(X)
#undef X
};

static const char *const field_names[] = {
#define X(id, name) [id] = name,
    FR_FIELDS(X)
#undef X
};

/* What a field's octets may be. A TEXT is UTF-8 without NUL. */
static const struct shape {
    enum { TEXT, OCTETS } kind;
    size_t min, max;
} shapes[FR_N_FIELDS] = {
    [FR_F_PEER] = {OCTETS, 1, PEER_MAX},
    [FR_F_ADDRESS] = {TEXT, 0, FR_ID_MAX},
    [FR_F_ADMIN_FQDN] = {TEXT, 0, FR_ID_MAX},
    [FR_F_SUID] = {OCTETS, 1, 1},
    [FR_F_TARGET] = {TEXT, 0, FR_ID_MAX},
    [FR_F_TARGET_FQDN] = {TEXT, 0, FR_ID_MAX},
    [FR_F_DERIVATION] = {TEXT, 0, FR_ID_MAX},
    [FR_F_ENROLEE] = {TEXT, 0, FR_ID_MAX},
    [FR_F_KEY_ID] = {TEXT, 0, FR_KEYID_MAX},
    [FR_F_KE] = {OCTETS, FR_KE_LEN, FR_KE_LEN},
    [FR_F_KEY] = {OCTETS, FR_KE_LEN, FR_KE_LEN},
    [FR_F_MAC] = {OCTETS, FR_SHA256_LEN, FR_SHA256_LEN},
    [FR_F_REQUEST_SHA] = {OCTETS, FR_SHA256_LEN, FR_SHA256_LEN},
    [FR_F_RESPONSE_SHA] = {OCTETS, FR_SHA256_LEN, FR_SHA256_LEN},
    [FR_F_RESPONSE] = {OCTETS, 0, RESPONSE_MAX},
    [FR_F_CLIENT_REG] = {TEXT, 0, FR_ID_MAX},
    [FR_F_METHOD] = {TEXT, 0, FR_ID_MAX},
    [FR_F_CREDENTIAL_REF] = {TEXT, 0, FR_CREDENTIAL_REF_MAX},
    [FR_F_EXPIRES] = {OCTETS, 8, 8},
    [FR_F_JSON] = {TEXT, 0, JSON_MAX},
    [FR_F_SINCE] = {OCTETS, 8, 8},
    [FR_F_CODE] = {OCTETS, 1, 1},
    [FR_F_REASON] = {TEXT, 0, FR_ERR_REASON_MAX - 1},
    [FR_F_TEXT] = {TEXT, 0, FR_ERR_MSG_MAX - 1},
    [FR_F_FETCHED] = {OCTETS, 8, 8},
    [FR_F_SUBSCRIBER] = {TEXT, 1, FR_IMPI_MAX},
    [FR_F_DIGEST] = {OCTETS, 1, DIGEST_MAX},
    [FR_F_TICKET] = {OCTETS, 8, 8},
    [FR_F_RAND] = {OCTETS, FR_AKA_RAND_LEN, FR_AKA_RAND_LEN},
    [FR_F_AUTN] = {OCTETS, FR_AKA_AUTN_LEN, FR_AKA_AUTN_LEN},
    [FR_F_AUTS] = {OCTETS, FR_AKA_AUTS_LEN, FR_AKA_AUTS_LEN},
    [FR_F_VECTOR] = {OCTETS, VECTOR_HEAD + FR_AKA_RES_MIN,
                     VECTOR_HEAD + FR_AKA_RES_MAX},
    [FR_F_REQUEST_LINE] = {TEXT, 1, REQUEST_LINE_MAX},
    [FR_F_RSPAUTH] = {OCTETS, RSPAUTH_LEN, RSPAUTH_LEN},
    [FR_F_UICC_KEY] = {OCTETS, FR_KE_LEN, FR_KE_LEN},
    [FR_F_UA] = {TEXT, 1, FR_ID_MAX},
};

const char *fr_worker_name(enum fr_worker w)
{
    static const char *const names[] = {
#define X(id, name) [id] = name,
        FR_WORKERS(X)
#undef X
    };

    return (unsigned)w < FR_N_WORKERS ? names[w] : "unknown";
}

const char *fr_msg_name(enum fr_msg_type type)
{
    return (unsigned)type < FR_N_MSGS ? messages[type].name : "unknown";
}

bool fr_msg_is_allowed(enum fr_msg_type type, enum fr_worker from)
{
    return (unsigned)type < FR_N_MSGS && (unsigned)from < FR_N_WORKERS &&
           (messages[type].workers & FR_WM(from)) != 0;
}

void fr_msg_set(struct fr_msg *m, enum fr_field f, struct fr_slice value)
{
    m->field[f] = value;
    m->has |= FR_FM(f);
}

void fr_msg_set_str(struct fr_msg *m, enum fr_field f, const char *value)
{
    if (value)
        fr_msg_set(m, f, fr_slice_str(value));
}

void fr_msg_set_u64(struct fr_msg *m, enum fr_field f, uint64_t v, uint8_t storage[8])
{
    for (unsigned i = 0; i < 8; i++)
        storage[i] = (uint8_t)(v >> (56 - 8 * i));
    fr_msg_set(m, f, fr_slice_of(storage, 8));
}

void fr_msg_set_u8(struct fr_msg *m, enum fr_field f, uint8_t v, uint8_t storage[8])
{
    storage[0] = v;
    fr_msg_set(m, f, fr_slice_of(storage, 1));
}

bool fr_msg_has(const struct fr_msg *m, enum fr_field f)
{
    return (m->has & FR_FM(f)) != 0;
}

uint64_t fr_msg_u64(const struct fr_msg *m, enum fr_field f)
{
    struct fr_cursor c = fr_cursor_of(m->field[f]);

    return fr_msg_has(m, f) ? fr_take_u64(&c) : 0;
}

uint8_t fr_msg_u8(const struct fr_msg *m, enum fr_field f)
{
    struct fr_cursor c = fr_cursor_of(m->field[f]);

    return fr_msg_has(m, f) ? fr_take_u8(&c) : 0;
}

const char *fr_msg_text(const struct fr_msg *m, enum fr_field f, char *to, size_t size)
{
    struct fr_slice s = fr_msg_has(m, f) ? m->field[f] : (struct fr_slice){0};

    assert(s.len < size);
    if (s.len)
        memcpy(to, s.data, s.len);
    to[s.len] = 0;
    return to;
}

static bool has_shape(struct fr_slice value, const struct shape *shape)
{
    if (value.len < shape->min || value.len > shape->max)
        return false;
    return shape->kind == OCTETS || value.len == 0 ||
           (!memchr(value.data, 0, value.len) && fr_utf8_is_valid(value));
}

static enum fr_code check_field(enum fr_field f, struct fr_slice value,
                                enum fr_code bad, struct fr_err *err)
{
    if (!has_shape(value, &shapes[f]))
        return FR_FAIL_AS(err, bad, "ipc-malformed",
                          "field %s of %zu octets is not as it must be", field_names[f],
                          value.len);
    return FR_OK;
}

static enum fr_code check_set(const struct fr_msg *m, enum fr_code bad,
                              struct fr_err *err)
{
    const struct message *rule = &messages[m->type];

    if ((m->has & rule->required) != rule->required)
        return FR_FAIL_AS(err, bad, "ipc-malformed", "message %s lacks a field",
                          rule->name);
    if (m->has & ~(rule->required | rule->allowed))
        return FR_FAIL_AS(err, bad, "ipc-malformed",
                          "message %s has a field that it may not have", rule->name);
    return FR_OK;
}

static enum fr_code check_outgoing(const struct fr_msg *m, size_t *ret_len,
                                   struct fr_err *err)
{
    size_t len = HEAD_LEN;

    if ((unsigned)m->type >= FR_N_MSGS)
        return FR_FAIL(err, FR_EINTERNAL, "message type %d", (int)m->type);
    FR_TRY(check_set(m, FR_EINTERNAL, err));
    for (enum fr_field f = 0; f < FR_N_FIELDS; f++) {
        if (!fr_msg_has(m, f))
            continue;
        FR_TRY(check_field(f, m->field[f], FR_EINTERNAL, err));
        len += 1 + 4 + m->field[f].len;
    }
    if (LENGTH_LEN + len > FR_MSG_MAX)
        return FR_FAIL(err, FR_ELIMIT, "a message of %zu octets", len);
    *ret_len = len;
    return FR_OK;
}

enum fr_code fr_msg_encode(const struct fr_msg *m, struct fr_buf *to,
                           struct fr_err *err)
{
    size_t len;

    FR_TRY(check_outgoing(m, &len, err));
    if (!fr_buf_reserve(to, LENGTH_LEN + len)) /* whole or not at all */
        return fr_buf_check(to, err);
    fr_buf_u32(to, (uint32_t)len);
    fr_buf_u16(to, (uint16_t)m->type);
    fr_buf_u32(to, m->id);
    for (enum fr_field f = 0; f < FR_N_FIELDS; f++) {
        if (!fr_msg_has(m, f))
            continue;
        fr_buf_u8(to, (uint8_t)f);
        fr_buf_u32(to, (uint32_t)m->field[f].len);
        fr_buf_put(to, m->field[f].data, m->field[f].len);
    }
    return fr_buf_check(to, err);
}

static enum fr_code take_field(struct fr_cursor *c, struct fr_msg *m,
                               struct fr_err *err)
{
    unsigned tag = fr_take_u8(c);
    struct fr_slice value = fr_take_slice(c, fr_take_u32(c));

    if (c->bad)
        return FR_FAIL_AS(err, FR_EINVALID, "ipc-malformed",
                          "a field is longer than its message");
    if (tag >= FR_N_FIELDS || fr_msg_has(m, (enum fr_field)tag))
        return FR_FAIL_AS(err, FR_EINVALID, "ipc-malformed",
                          "field tag %u is unknown or there twice", tag);
    FR_TRY(check_field((enum fr_field)tag, value, FR_EINVALID, err));
    fr_msg_set(m, (enum fr_field)tag, value);
    return FR_OK;
}

static enum fr_code take_message(struct fr_slice body, struct fr_msg *m,
                                 struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(body);
    unsigned type = fr_take_u16(&c);

    if (type >= FR_N_MSGS)
        return FR_FAIL_AS(err, FR_EINVALID, "ipc-malformed", "message type %u", type);
    m->type = (enum fr_msg_type)type;
    m->id = fr_take_u32(&c);
    while (c.left > 0)
        FR_TRY(take_field(&c, m, err));
    return check_set(m, FR_EINVALID, err);
}

enum fr_code fr_msg_decode(struct fr_slice in, struct fr_msg *ret, size_t *used,
                           struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(in);
    struct fr_msg m = {0};
    uint32_t len;

    if (in.len < LENGTH_LEN)
        return FR_FAIL(err, FR_ENOTFOUND, "no whole message yet");
    len = fr_take_u32(&c);
    if (len < HEAD_LEN || len > FR_MSG_MAX - LENGTH_LEN)
        return FR_FAIL_AS(err, FR_EINVALID, "ipc-malformed", "a message of %lu octets",
                          (unsigned long)len);
    if (len > c.left)
        return FR_FAIL(err, FR_ENOTFOUND, "no whole message yet");
    FR_TRY(take_message(fr_take_slice(&c, len), &m, err));
    *ret = m;
    *used = LENGTH_LEN + len;
    return FR_OK;
}
