/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/usim_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

#define HEAD "fieldroot-usim 1\n"

enum { KEY_DIGITS = 2 * FR_AKA_KEY_LEN, SQN_DIGITS = 2 * FR_AKA_SQN_LEN };

void fr_usim_profile_clear(struct fr_usim_profile *p)
{
    fr_secret_free(p->aka.milenage.k);
    fr_secret_free(p->aka.milenage.opc);
    memset(p, 0, sizeof *p);
}

static enum fr_code malformed(const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_ECONFIG, "usim-file", "not a software USIM: %s", what);
}

/* ---- one a line; a line that is not there has its default, or is a fault ---- */

static bool take_imsi(struct fr_slice *text, struct fr_usim_profile *p)
{
    struct fr_slice v;

    if (!fr_take_line(text, "imsi", &v) || v.len > FR_IMSI_MAX ||
        memchr(v.data, 0, v.len))
        return false;
    memcpy(p->imsi, v.data, v.len);
    p->imsi[v.len] = 0;
    return fr_imsi_is_valid(p->imsi);
}

static bool take_digit(struct fr_slice *text, const char *name, const char *allowed,
                       int *ret)
{
    struct fr_slice v;

    if (!fr_take_line(text, name, &v))
        return true;
    if (v.len != 1 || v.data[0] == 0 || !strchr(allowed, v.data[0]))
        return false;
    *ret = v.data[0] - '0';
    return true;
}

static bool take_amf(struct fr_slice *text, uint16_t *ret)
{
    struct fr_slice v;
    uint8_t amf[FR_AKA_AMF_LEN];

    if (!fr_take_line(text, "amf-zero", &v))
        return true;
    if (v.len != 2 * sizeof amf || !fr_hex_decode(v, amf))
        return false;
    *ret = (uint16_t)(amf[0] << 8 | amf[1]);
    return true;
}

static bool take_flag(struct fr_slice *text, const char *name, bool *ret)
{
    struct fr_slice v;

    if (!fr_take_line(text, name, &v))
        return true;
    *ret = fr_slice_equal(v, fr_slice_str("yes"));
    return *ret || fr_slice_equal(v, fr_slice_str("no"));
}

static enum fr_code take_key(struct fr_slice *text, const char *name,
                             struct fr_secret **ret, struct fr_err *err)
{
    struct fr_slice v;
    enum fr_code rc;

    if (!fr_take_line(text, name, &v) || v.len != KEY_DIGITS)
        return malformed(name, err);
    rc = fr_secret_from_hex(v, ret, err);
    return rc == FR_EPARSE ? malformed(name, err) : rc;
}

static enum fr_code take_opc(struct fr_slice *text, struct fr_milenage *m,
                             struct fr_err *err)
{
    FR_AUTO(secret) *op = NULL;

    if (text->len < 3 || memcmp(text->data, "op=", 3) != 0)
        return take_key(text, "opc", &m->opc, err);
    FR_TRY(take_key(text, "op", &op, err));
    return fr_milenage_opc(m->k, op, &m->opc, err);
}

static bool sqn_of(struct fr_slice digits, uint64_t *ret)
{
    uint8_t octets[FR_AKA_SQN_LEN];

    *ret = 0;
    if (digits.len != SQN_DIGITS || !fr_hex_decode(digits, octets))
        return false;
    for (size_t i = 0; i < sizeof octets; i++)
        *ret = *ret << 8 | octets[i];
    return true;
}

/* One for each IND, and each in its place. */
static bool take_each_sqn(struct fr_slice v, struct fr_usim_aka *a)
{
    unsigned n = 1u << a->ind_bits;

    if (v.len != n * (SQN_DIGITS + 1) - 1)
        return false;
    for (unsigned i = 0; i < n; i++) {
        struct fr_slice one = fr_slice_of(v.data + i * (SQN_DIGITS + 1), SQN_DIGITS);

        if (!sqn_of(one, &a->sqn[i]) || (a->sqn[i] & (n - 1)) != i ||
            (i + 1 < n && one.data[SQN_DIGITS] != ','))
            return false;
    }
    return true;
}

static bool take_sqn(struct fr_slice *text, struct fr_usim_aka *a)
{
    struct fr_slice v;
    uint64_t all;

    if (!fr_take_line(text, "sqn", &v))
        return false;
    if (v.len != SQN_DIGITS)
        return take_each_sqn(v, a);
    if (!sqn_of(v, &all))
        return false;
    fr_usim_aka_set_sqn(a, all);
    return true;
}

enum fr_code fr_usim_text_decode(struct fr_slice text, struct fr_usim_profile *ret,
                                 struct fr_err *err)
{
    *ret = (struct fr_usim_profile){.mnc_digits = 2, .aka.ind_bits = FR_IND_BITS_MAX};
    if (!fr_take_text(&text, HEAD))
        return malformed("it does not begin with \"fieldroot-usim 1\"", err);
    if (!take_imsi(&text, ret))
        return malformed("imsi", err);
    if (!take_digit(&text, "mnc-digits", "23", &ret->mnc_digits))
        return malformed("mnc-digits", err);
    FR_TRY(take_key(&text, "k", &ret->aka.milenage.k, err));
    FR_TRY(take_opc(&text, &ret->aka.milenage, err));
    if (!take_amf(&text, &ret->aka.amf_zero))
        return malformed("amf-zero", err);
    if (!take_flag(&text, "gba-u", &ret->gba_u))
        return malformed("gba-u", err);
    if (!take_digit(&text, "ind-bits", "012345", &ret->aka.ind_bits))
        return malformed("ind-bits", err);
    if (!take_sqn(&text, &ret->aka))
        return malformed("sqn", err);
    return text.len == 0 ? FR_OK : malformed("something follows its sqn", err);
}

/* ---- */

enum fr_code fr_usim_text_update(struct fr_slice text, const struct fr_usim_aka *aka,
                                 struct fr_buf *to, struct fr_err *err)
{
    static const char name[] = "\nsqn=";
    const uint8_t *line = memmem(text.data, text.len, name, sizeof name - 1);

    if (!line)
        return malformed("sqn", err);
    fr_buf_put(to, text.data, (size_t)(line - text.data) + sizeof name - 1);
    for (unsigned i = 0; i < 1u << aka->ind_bits; i++)
        fr_buf_fmt(to, "%s%012" PRIx64, i ? "," : "", aka->sqn[i]);
    fr_buf_str(to, "\n");
    return fr_buf_check(to, err);
}
