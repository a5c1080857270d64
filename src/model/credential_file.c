/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credential's file. The lines stand in one order, all of them, each ended by a
 * newline; so there is one text for a credential, and Ke goes from its line into its
 * fr_secret without a copy.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/crc32.h"
#include "model/credential.h"
#include "model/instruction.h"

/* By whether it is of GBA: then it has lines of its own, and its own version. */
static const char *const heads[] = {"fieldroot-credential 1\n",
                                    "fieldroot-credential 2\n"};

enum {
    VALUE_MAX = 1024,
    KEY_DIGITS = 2 * FR_KE_LEN,
    RAND_DIGITS = 2 * FR_AKA_RAND_LEN,
    CRC_LINE = sizeof "crc=01234567\n" - 1
};

enum kind {
    TEXT,
    OPTIONAL_TEXT,
    PORT,
    SUID,
    DERIVATION,
    TIME,
    FLAG,
    RAND,
    KEY,
    NAF_KEY
};

#define LINE(name, kind, member)                                                       \
    {                                                                                  \
        name, offsetof(struct fr_credential, member), kind, false                      \
    }
#define GBA_LINE(name, kind, member)                                                   \
    {                                                                                  \
        name, offsetof(struct fr_credential, member), kind, true                       \
    }

static const struct line {
    const char *name;
    size_t offset;
    enum kind kind;
    bool of_gba;
} lines[] = {
    LINE("method", TEXT, method),
    LINE("mef", TEXT, mef),
    LINE("port", PORT, port),
    LINE("target", TEXT, target),
    LINE("target-fqdn", TEXT, target_fqdn),
    LINE("suid", SUID, suid),
    LINE("admin-fqdn", TEXT, admin_fqdn),
    LINE("derivation", DERIVATION, derivation),
    LINE("key-id", TEXT, key_id),
    LINE("registration", TEXT, registration),
    LINE("client-registration", OPTIONAL_TEXT, client_registration),
    LINE("credential", OPTIONAL_TEXT, credential_name),
    LINE("created", TIME, created),
    LINE("expires", TIME, expires),
    LINE("confirmed", FLAG, confirmed),
    GBA_LINE("impi", TEXT, impi),
    GBA_LINE("rand", RAND, rand),
#define X(id, name, octets) GBA_LINE("naf-key-" name, NAF_KEY, naf_keys[id]),
    FR_UAS(X)
#undef X
        LINE("ke", KEY, ke),
};

enum { N_LINES = sizeof lines / sizeof lines[0] };

/* ---- encode ---- */

/* What a line can carry and the decoder takes again. */
static bool is_value(struct fr_slice s)
{
    if (s.len > VALUE_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < 0x20 || s.data[i] == 0x7f)
            return false;
    return true;
}

static bool put_text(struct fr_buf *to, const char *text, bool optional)
{
    if (!text || !text[0])
        return optional;
    if (!is_value(fr_slice_str(text)))
        return false;
    fr_buf_str(to, text);
    return true;
}

static bool put_hex(struct fr_buf *to, struct fr_slice octets)
{
    uint8_t *at = fr_buf_reserve(to, 2 * octets.len);

    if (at) {
        fr_hex_encode(octets, (char *)at, false);
        to->len += 2 * octets.len;
    }
    return true;
}

static bool put_key(struct fr_buf *to, const struct fr_secret *key)
{
    if (!key || fr_secret_len(key) != FR_KE_LEN)
        return false;
    return put_hex(to, fr_secret_view(key));
}

/* There are any only where Ks is in the SIM. */
static bool put_naf_key(struct fr_buf *to, const struct fr_credential *c,
                        const struct fr_secret *key)
{
    return !key || (c->derivation == FR_DERIVE_GBA_U && put_key(to, key));
}

static bool put_number(struct fr_buf *to, int64_t v, int64_t min, int64_t max)
{
    fr_buf_fmt(to, "%" PRId64, v);
    return v >= min && v <= max;
}

/* false: the value has no place in a file. */
static bool put_value(struct fr_buf *to, const struct fr_credential *c,
                      const struct line *line)
{
    const void *at = (const char *)c + line->offset;

    switch (line->kind) {
    case TEXT:
    case OPTIONAL_TEXT:
        return put_text(to, *(char *const *)at, line->kind == OPTIONAL_TEXT);
    case PORT:
        return put_number(to, *(const uint16_t *)at, 1, UINT16_MAX);
    case SUID:
        return put_number(to, *(const int *)at, 10, 99) &&
               fr_suid_is_defined(*(const int *)at);
    case DERIVATION:
        return put_text(to, fr_derivation_name(*(const enum fr_derivation *)at), false);
    case TIME:
        return put_number(to, *(const int64_t *)at, 0, INT64_MAX);
    case FLAG:
        return put_text(to, *(const bool *)at ? "yes" : "no", false);
    case RAND:
        return put_hex(to, fr_slice_of(at, FR_AKA_RAND_LEN));
    case NAF_KEY:
        return put_naf_key(to, c, *(struct fr_secret *const *)at);
    default:
        return put_key(to, *(struct fr_secret *const *)at);
    }
}

static enum fr_code put_lines(struct fr_buf *to, const struct fr_credential *c,
                              struct fr_err *err)
{
    bool is_gba = fr_derivation_is_gba(c->derivation);

    for (size_t i = 0; i < N_LINES; i++) {
        if (lines[i].of_gba && !is_gba)
            continue;
        fr_buf_fmt(to, "%s=", lines[i].name);
        if (!put_value(to, c, &lines[i]))
            return FR_FAIL_AS(err, FR_EINVALID, "credential-value",
                              "a credential without a proper \"%s\" cannot be stored",
                              lines[i].name);
        fr_buf_str(to, "\n");
    }
    return fr_buf_check(to, err);
}

enum fr_code fr_credential_encode(const struct fr_credential *c, struct fr_buf *to,
                                  struct fr_err *err)
{
    size_t start = to->len;

    fr_buf_str(to, heads[fr_derivation_is_gba(c->derivation)]);
    FR_TRY(put_lines(to, c, err));
    fr_buf_fmt(to, "crc=%08" PRIx32 "\n",
               fr_crc32(fr_slice_of(to->data + start, to->len - start)));
    FR_TRY(fr_buf_check(to, err));
    if (to->len - start > FR_CREDENTIAL_FILE_MAX)
        return FR_FAIL_AS(err, FR_EINVALID, "credential-value",
                          "a credential has at most %d octets", FR_CREDENTIAL_FILE_MAX);
    return FR_OK;
}

/* ---- decode ---- */

static enum fr_code damaged(const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EPARSE, "credential-file",
                      "not a whole, intact credential file: %s", what);
}

/* Cuts the checksum's line off. */
static bool take_checked(struct fr_slice *text)
{
    char want[CRC_LINE + 1];
    struct fr_slice body = *text;

    if (text->len > FR_CREDENTIAL_FILE_MAX || text->len < CRC_LINE)
        return false;
    body.len -= CRC_LINE;
    snprintf(want, sizeof want, "crc=%08" PRIx32 "\n", fr_crc32(body));
    if (memcmp(body.data + body.len, want, CRC_LINE) != 0)
        return false;
    *text = body;
    return true;
}

/* get_: FR_EPARSE for a value that is not of its kind, or FR_ENOMEM. */

static enum fr_code get_text(struct fr_slice value, char **to, bool optional)
{
    if (value.len == 0)
        return optional ? FR_OK : FR_EPARSE;
    return fr_str_dup_n(value, to, NULL);
}

static enum fr_code get_key(struct fr_slice value, struct fr_secret **ret)
{
    return value.len == KEY_DIGITS ? fr_secret_from_hex(value, ret, NULL) : FR_EPARSE;
}

/* None, or where Ks is in the SIM. */
static enum fr_code get_naf_key(const struct fr_credential *c, struct fr_slice value,
                                struct fr_secret **ret)
{
    if (value.len == 0)
        return FR_OK;
    return c->derivation == FR_DERIVE_GBA_U ? get_key(value, ret) : FR_EPARSE;
}

static bool parse_number(struct fr_slice value, uint64_t max, uint64_t *ret)
{
    return fr_uint_parse(value, max, ret) && (value.len == 1 || value.data[0] != '0');
}

static bool parse_derivation(struct fr_slice value, enum fr_derivation *ret)
{
    char name[16];

    if (value.len >= sizeof name)
        return false;
    memcpy(name, value.data, value.len);
    name[value.len] = 0;
    return fr_derivation_by_name(name, ret);
}

static bool parse_flag(struct fr_slice value, bool *ret)
{
    *ret = fr_slice_equal(value, fr_slice_str("yes"));
    return *ret || fr_slice_equal(value, fr_slice_str("no"));
}

/* What fits into the line's kind without memory of its own. */
static bool parse_plain(struct fr_slice value, enum kind kind, void *at)
{
    uint64_t v;

    switch (kind) {
    case PORT:
        if (!parse_number(value, UINT16_MAX, &v) || v == 0)
            return false;
        *(uint16_t *)at = (uint16_t)v;
        return true;
    case SUID:
        if (!parse_number(value, 99, &v) || !fr_suid_is_defined((int)v))
            return false;
        *(int *)at = (int)v;
        return true;
    case TIME:
        if (!parse_number(value, INT64_MAX, &v))
            return false;
        *(int64_t *)at = (int64_t)v;
        return true;
    case DERIVATION:
        return parse_derivation(value, at);
    case RAND:
        return value.len == RAND_DIGITS && fr_hex_decode(value, at);
    default:
        return parse_flag(value, at);
    }
}

static enum fr_code get_value(struct fr_credential *c, const struct line *line,
                              struct fr_slice value)
{
    void *at = (char *)c + line->offset;

    switch (line->kind) {
    case TEXT:
    case OPTIONAL_TEXT:
        return get_text(value, at, line->kind == OPTIONAL_TEXT);
    case KEY:
        return get_key(value, at);
    case NAF_KEY:
        return get_naf_key(c, value, at);
    default:
        return parse_plain(value, line->kind, at) ? FR_OK : FR_EPARSE;
    }
}

static enum fr_code read_line(struct fr_credential *c, const struct line *line,
                              struct fr_slice *text, struct fr_err *err)
{
    struct fr_slice value;
    enum fr_code rc = FR_EPARSE;

    if (fr_take_line(text, line->name, &value) && is_value(value))
        rc = get_value(c, line, value);
    if (rc == FR_EPARSE)
        return damaged(line->name, err);
    return rc == FR_OK ? rc : FR_FAIL(err, rc, "out of memory");
}

/* The lines before "derivation" are those of both versions. */
static enum fr_code read_lines(struct fr_credential *c, bool is_gba,
                               struct fr_slice *text, struct fr_err *err)
{
    for (size_t i = 0; i < N_LINES; i++)
        if (is_gba || !lines[i].of_gba)
            FR_TRY(read_line(c, &lines[i], text, err));
    if (text->len != 0)
        return damaged("more lines than a credential has", err);
    if (fr_derivation_is_gba(c->derivation) != is_gba)
        return damaged("a derivation of another version", err);
    return FR_OK;
}

enum fr_code fr_credential_decode(struct fr_slice text, struct fr_credential **ret,
                                  struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    bool is_gba;

    if (!take_checked(&text))
        return damaged("its checksum does not match", err);
    is_gba = fr_take_text(&text, heads[1]);
    if (!is_gba && !fr_take_text(&text, heads[0]))
        return damaged("it does not begin with \"fieldroot-credential 1\", or 2", err);
    FR_TRY(fr_credential_new(&c, err));
    FR_TRY(read_lines(c, is_gba, &text, err));
    *ret = FR_TAKE(c);
    return FR_OK;
}
