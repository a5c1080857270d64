/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/card_files.h"

#include <string.h>

enum {
    TAG_APPLICATION = 0x61, /* of EF_DIR */
    TAG_AID = 0x4f,
    TAG_FCP = 0x62,
    TAG_FILE_SIZE = 0x80,
    TAG_DESCRIPTOR = 0x82,
    TAG_PINS = 0xc6, /* PIN status template, and in it: */
    TAG_PIN_BITS = 0x90,
    TAG_PIN_REFERENCE = 0x83,
    TAG_IMPI = 0x80
};
/* PINs of a user: of one application each, and the universal one (TS 102.221, 9.5.1).
 */
enum { PIN_FIRST = 0x01, PIN_LAST = 0x08, PIN_UNIVERSAL = 0x11 };

/* BER-TLV with a tag of one octet and a length of one or two. */
static bool take_tlv(struct fr_cursor *c, uint8_t *ret_tag, struct fr_slice *ret)
{
    size_t len;

    *ret_tag = fr_take_u8(c);
    len = fr_take_u8(c);
    if (len == 0x81)
        len = fr_take_u8(c);
    else if (len > 0x7f)
        return false;
    *ret = fr_take_slice(c, len);
    return !c->bad;
}

static bool find(struct fr_slice in, uint8_t tag, struct fr_slice *ret)
{
    struct fr_cursor c = fr_cursor_of(in);
    uint8_t found = 0;

    while (c.left > 0)
        if (!take_tlv(&c, &found, ret))
            return false;
        else if (found == tag)
            return true;
    return false;
}

static uint8_t number_up_to_255(struct fr_slice s)
{
    size_t v = 0;

    for (size_t i = 0; i < s.len && v <= UINT8_MAX; i++)
        v = v << 8 | s.data[i];
    return v < UINT8_MAX ? (uint8_t)v : UINT8_MAX;
}

static bool is_users_pin(uint8_t reference)
{
    return (reference >= PIN_FIRST && reference <= PIN_LAST) ||
           reference == PIN_UNIVERSAL;
}

/* A bit for each reference that follows, from the highest on (TS 102.221, 9.5.2). */
static uint8_t pin_that_is_on(struct fr_slice pins)
{
    struct fr_cursor c = fr_cursor_of(pins);
    struct fr_slice v, bits;
    uint8_t tag;
    size_t n = 0;

    if (!find(pins, TAG_PIN_BITS, &bits))
        return 0;
    while (c.left > 0 && take_tlv(&c, &tag, &v)) {
        if (tag != TAG_PIN_REFERENCE || v.len != 1)
            continue;
        if (n / 8 < bits.len && bits.data[n / 8] & 0x80 >> n % 8 &&
            is_users_pin(v.data[0]))
            return v.data[0];
        n++;
    }
    return 0;
}

bool fr_card_file_read(struct fr_slice fcp, struct fr_card_file *ret)
{
    struct fr_slice all, v;

    *ret = (struct fr_card_file){.size = 0};
    if (!find(fcp, TAG_FCP, &all))
        return false;
    if (find(all, TAG_FILE_SIZE, &v))
        ret->size = number_up_to_255(v);
    if (find(all, TAG_DESCRIPTOR, &v) && v.len >= 4)
        ret->record_size = number_up_to_255(fr_slice_of(v.data + 2, 2));
    if (find(all, TAG_PINS, &v))
        ret->pin_reference = pin_that_is_on(v);
    return true;
}

bool fr_card_aid_read(struct fr_slice record, struct fr_slice prefix,
                      struct fr_slice *ret)
{
    struct fr_slice application;

    return find(record, TAG_APPLICATION, &application) &&
           find(application, TAG_AID, ret) && ret->len >= prefix.len &&
           memcmp(ret->data, prefix.data, prefix.len) == 0;
}

/* ---- who it is ---- */

/* BCD, the low half first. The first digit is the parity, the last may be a filler. */
bool fr_card_imsi_read(struct fr_slice ef, char ret[FR_IMSI_MAX + 1])
{
    struct fr_cursor c = fr_cursor_of(ef);
    struct fr_slice bcd = fr_take_slice(&c, fr_take_u8(&c));
    size_t n = 0;

    if (c.bad || bcd.len == 0 || bcd.len > (FR_IMSI_MAX + 1) / 2)
        return false;
    for (size_t i = 1; i < 2 * bcd.len; i++) {
        uint8_t digit = bcd.data[i / 2] >> (i % 2 ? 4 : 0) & 0xf;

        if (digit == 0xf && i + 1 == 2 * bcd.len)
            break;
        ret[n++] = (char)('0' + digit);
    }
    ret[n] = 0;
    return fr_imsi_is_valid(ret);
}

int fr_card_mnc_digits(struct fr_slice ef)
{
    return ef.len >= 4 && (ef.data[3] & 0xf) == 3 ? 3 : 2;
}

bool fr_card_impi_read(struct fr_slice ef, char ret[FR_IMPI_MAX + 1])
{
    struct fr_slice v;
    const char *at;

    if (!find(ef, TAG_IMPI, &v) || v.len == 0 || v.len > FR_IMPI_MAX)
        return false;
    for (size_t i = 0; i < v.len; i++) /* it goes into a header, quoted */
        if (v.data[i] <= ' ' || v.data[i] > '~' || v.data[i] == '"' ||
            v.data[i] == '\\')
            return false;
    memcpy(ret, v.data, v.len);
    ret[v.len] = 0;
    at = strchr(ret, '@');
    return at && at != ret && fr_fqdn_is_valid(fr_slice_str(at + 1));
}

bool fr_card_has_service(struct fr_slice ef, unsigned n)
{
    unsigned bit = n - 1;

    return bit / 8 < ef.len && ef.data[bit / 8] >> bit % 8 & 1;
}
