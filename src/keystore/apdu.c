/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/apdu.h"

#include <string.h>

#include "crypto/gba.h"

enum ins {
    VERIFY = 0x20,
    AUTHENTICATE = 0x88,
    SELECT = 0xa4,
    READ_BINARY = 0xb0,
    READ_RECORD = 0xb2,
    GET_RESPONSE = 0xc0
};
/* P2 of AUTHENTICATE, and what its data begins with in the GBA context (TS 31.102,
 * 7.1.2). */
enum { CONTEXT_3G = 0x81, CONTEXT_GBA = 0x84 };
enum { TAG_BOOTSTRAP = 0xdd, TAG_NAF = 0xde, TAG_DONE = 0xdb, TAG_SYNC = 0xdc };
enum { MORE_MAX = 8, HEADER = 4 };

void fr_apdu_clear(struct fr_apdu *a)
{
    bool is_t0 = a->is_t0;

    explicit_bzero(a, sizeof *a);
    a->is_t0 = is_t0;
}

static void begin(struct fr_apdu *a, enum ins ins, uint8_t p1, uint8_t p2)
{
    fr_apdu_clear(a);
    a->command[1] = (uint8_t)ins;
    a->command[2] = p1;
    a->command[3] = p2;
    a->len = HEADER;
}

/* Lc; the octets of its data follow by put(). */
static void put_u8(struct fr_apdu *a, size_t v)
{
    a->command[a->len++] = (uint8_t)v;
}

static void put(struct fr_apdu *a, const void *data, size_t len)
{
    memcpy(a->command + a->len, data, len);
    a->len += len;
}

static void put_with_length(struct fr_apdu *a, const void *data, size_t len)
{
    put_u8(a, len);
    put(a, data, len);
}

/* Behind data: that an answer is expected. */
static void end(struct fr_apdu *a)
{
    if (!a->is_t0)
        put_u8(a, 0);
}

/* ---- the answer ---- */

static enum fr_code malformed(const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EINVALID, "card-answer", "the card's answer %s", what);
}

static void fetch(struct fr_apdu *a, uint8_t len)
{
    const uint8_t next[] = {0, GET_RESPONSE, 0, 0, len};

    memcpy(a->command, next, sizeof next);
    a->len = sizeof next;
}

static void ask_again(struct fr_apdu *a, uint8_t len)
{
    a->len = HEADER;
    put_u8(a, len);
}

static bool goes_on(struct fr_apdu *a)
{
    uint8_t len = (uint8_t)a->sw;

    if (a->sw >> 8 == 0x61)
        fetch(a, len);
    else if (a->sw >> 8 == 0x6c && a->len <= HEADER + 1) /* it has no data */
        ask_again(a, len);
    else
        return false;
    return true;
}

enum fr_code fr_apdu_hear(struct fr_apdu *a, struct fr_slice said, bool *ret_done,
                          struct fr_err *err)
{
    size_t n;

    if (said.len < 2)
        return malformed("has no status", err);
    n = said.len - 2;
    if (n > sizeof a->data - a->data_len)
        return malformed("is too long", err);
    if (n > 0)
        memcpy(a->data + a->data_len, said.data, n);
    a->data_len += n;
    a->sw = (unsigned)(said.data[n] << 8 | said.data[n + 1]);
    *ret_done = !goes_on(a);
    if (!*ret_done && ++a->n_more > MORE_MAX)
        return malformed("has no end", err);
    return FR_OK;
}

struct fr_slice fr_apdu_data(const struct fr_apdu *a)
{
    return fr_slice_of(a->data, a->data_len);
}

bool fr_apdu_is_ok(const struct fr_apdu *a)
{
    return a->sw == FR_SW_OK || (a->sw & 0xff00) == FR_SW_PROACTIVE;
}

/* ---- commands ---- */

/* P2 04: its control parameters are wanted. */
void fr_apdu_select_aid(struct fr_apdu *a, struct fr_slice aid)
{
    begin(a, SELECT, 4, 4);
    put_with_length(a, aid.data, aid.len);
    end(a);
}

void fr_apdu_select_file(struct fr_apdu *a, uint16_t id)
{
    const uint8_t octets[] = {(uint8_t)(id >> 8), (uint8_t)id};

    begin(a, SELECT, 0, 4);
    put_with_length(a, octets, sizeof octets);
    end(a);
}

void fr_apdu_read_binary(struct fr_apdu *a, uint8_t len)
{
    begin(a, READ_BINARY, 0, 0);
    put_u8(a, len);
}

void fr_apdu_read_record(struct fr_apdu *a, uint8_t number, uint8_t len)
{
    begin(a, READ_RECORD, number, 4); /* of the current file, by its number */
    put_u8(a, len);
}

void fr_apdu_verify(struct fr_apdu *a, uint8_t reference, const struct fr_secret *pin)
{
    uint8_t padded[FR_PIN_MAX];

    begin(a, VERIFY, 0, reference);
    if (!pin)
        return;
    memset(padded, 0xff, sizeof padded);
    memcpy(padded, fr_secret_view(pin).data, fr_secret_len(pin));
    put_with_length(a, padded, sizeof padded);
    explicit_bzero(padded, sizeof padded);
}

void fr_apdu_authenticate(struct fr_apdu *a, const uint8_t *rand, const uint8_t *autn,
                          bool gba)
{
    size_t len = 2 + FR_AKA_RAND_LEN + FR_AKA_AUTN_LEN;

    begin(a, AUTHENTICATE, 0, gba ? CONTEXT_GBA : CONTEXT_3G);
    put_u8(a, gba ? len + 1 : len);
    if (gba)
        put_u8(a, TAG_BOOTSTRAP);
    put_with_length(a, rand, FR_AKA_RAND_LEN);
    put_with_length(a, autn, FR_AKA_AUTN_LEN);
    end(a);
}

enum fr_code fr_apdu_naf_key(struct fr_apdu *a, struct fr_slice naf_id,
                             const char *impi, struct fr_err *err)
{
    size_t impi_len = strlen(impi), len = 3 + naf_id.len + impi_len;

    if (len > UINT8_MAX)
        return FR_FAIL(err, FR_ELIMIT,
                       "the names of the target and of the SIM are too long for a "
                       "card: %zu octets",
                       len);
    begin(a, AUTHENTICATE, 0, CONTEXT_GBA);
    put_u8(a, len);
    put_u8(a, TAG_NAF);
    put_with_length(a, naf_id.data, naf_id.len);
    put_with_length(a, impi, impi_len);
    end(a);
    return FR_OK;
}

/* ---- what AUTHENTICATE answers ---- */

static struct fr_slice take_part(struct fr_cursor *c)
{
    return fr_take_slice(c, fr_take_u8(c));
}

static enum fr_code read_auts(struct fr_cursor *c, struct fr_aka_answer *ret,
                              struct fr_err *err)
{
    struct fr_slice auts = take_part(c);

    if (auts.len != FR_AKA_AUTS_LEN)
        return malformed("is no AUTS", err);
    *ret = (struct fr_aka_answer){.verdict = FR_AKA_SYNC};
    memcpy(ret->auts, auts.data, auts.len);
    return FR_OK;
}

static enum fr_code read_ks(struct fr_cursor *c, struct fr_secret **ret,
                            struct fr_err *err)
{
    struct fr_slice ck = take_part(c), ik = take_part(c);
    FR_AUTO(secret) *ks = NULL;

    if (ck.len != FR_AKA_KEY_LEN || ik.len != FR_AKA_KEY_LEN)
        return malformed("has no CK and IK", err);
    FR_TRY(fr_secret_new(FR_KS_LEN, &ks, err));
    memcpy(fr_secret_data(ks), ck.data, ck.len);
    memcpy(fr_secret_data(ks) + ck.len, ik.data, ik.len);
    *ret = FR_TAKE(ks);
    return FR_OK;
}

/* What follows (Kc) is of no use to us. */
static enum fr_code read_res(struct fr_cursor *c, bool gba, struct fr_aka_answer *ret,
                             struct fr_err *err)
{
    struct fr_slice res = take_part(c);
    struct fr_secret *ks = NULL;

    if (res.len < FR_AKA_RES_MIN || res.len > FR_AKA_RES_MAX)
        return malformed("has no RES", err);
    if (!gba)
        FR_TRY(read_ks(c, &ks, err));
    *ret = (struct fr_aka_answer){.verdict = FR_AKA_OK, .res_len = res.len, .ks = ks};
    memcpy(ret->res, res.data, res.len);
    return FR_OK;
}

enum fr_code fr_apdu_read_aka(struct fr_slice data, bool gba, struct fr_aka_answer *ret,
                              struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(data);

    switch (fr_take_u8(&c)) {
    case TAG_DONE:
        return read_res(&c, gba, ret, err);
    case TAG_SYNC:
        return read_auts(&c, ret, err);
    default:
        return malformed("is none to a challenge", err);
    }
}

enum fr_code fr_apdu_read_naf_key(struct fr_slice data, struct fr_secret **ret,
                                  struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(data);
    uint8_t tag = fr_take_u8(&c);
    struct fr_slice key = take_part(&c);

    if (tag != TAG_DONE || key.len != FR_KS_LEN)
        return malformed("is no key of a NAF", err);
    return fr_secret_from(key.data, key.len, ret, err);
}
