/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/san.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
#define X(id, text) [id] = text,
    FR_SAN_TYPES(X)
#undef X
};

enum { N_TYPES = sizeof type_names / sizeof type_names[0] };

const char *fr_san_type_name(enum fr_san_type type)
{
    return (unsigned)type < N_TYPES ? type_names[type] : "?";
}

char *fr_san_format(const struct fr_san *san, char to[FR_SAN_TEXT_MAX + 1])
{
    snprintf(to, FR_SAN_TEXT_MAX + 1, "%s:%s", fr_san_type_name(san->type), san->value);
    return to;
}

static bool dns_is_valid(struct fr_slice s)
{
    return fr_fqdn_is_valid(s); /* '*' is no letter of a label */
}

/* TS-0003 10.1.1: no wildcards in an AE-ID, and an AE-ID is a URI here. */
static bool uri_is_valid(struct fr_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] <= ' ' || s.data[i] > '~' || s.data[i] == '*')
            return false;
    return true;
}

/* In the one form in which OpenSSL writes it back: no leading zeros, no names. */
static bool oid_is_valid(struct fr_slice s)
{
    char text[FR_ID_MAX + 1], again[FR_ID_MAX + 1];
    ASN1_OBJECT *oid;
    int n;

    if (s.len == 0 || s.len > FR_ID_MAX || memchr(s.data, 0, s.len))
        return false;
    memcpy(text, s.data, s.len);
    text[s.len] = 0;
    oid = OBJ_txt2obj(text, 1);
    n = oid ? OBJ_obj2txt(again, sizeof again, oid, 1) : 0;
    ASN1_OBJECT_free(oid);
    ERR_clear_error(); /* libssl would take a left-over for its own */
    return n > 0 && (size_t)n < sizeof again && strcmp(text, again) == 0;
}

static bool text_is_plain(struct fr_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < ' ' || s.data[i] == 0x7f)
            return false;
    return fr_utf8_is_valid(s);
}

static bool other_is_valid(struct fr_slice s)
{
    const uint8_t *semicolon = memchr(s.data, ';', s.len);
    size_t oid_len;

    if (!semicolon || semicolon + 1 == s.data + s.len)
        return false;
    oid_len = (size_t)(semicolon - s.data);
    return oid_is_valid(fr_slice_of(s.data, oid_len)) &&
           text_is_plain(fr_slice_of(semicolon + 1, s.len - oid_len - 1));
}

static bool (*const is_valid[])(struct fr_slice) = {
    [FR_SAN_DNS] = dns_is_valid,
    [FR_SAN_URI] = uri_is_valid,
    [FR_SAN_OTHER] = other_is_valid,
    [FR_SAN_RID] = oid_is_valid,
};

static bool keep(enum fr_san_type type, struct fr_slice value, struct fr_san *ret)
{
    if (value.len == 0 || value.len > FR_ID_MAX || memchr(value.data, 0, value.len) ||
        !is_valid[type](value))
        return false;
    memset(ret, 0, sizeof *ret);
    ret->type = type;
    memcpy(ret->value, value.data, value.len);
    if (type == FR_SAN_DNS)
        fr_ascii_fold(ret->value);
    return true;
}

static bool type_by_name(struct fr_slice name, enum fr_san_type *ret)
{
    for (int i = 0; i < N_TYPES; i++)
        if (fr_slice_equal(name, fr_slice_str(type_names[i]))) {
            *ret = (enum fr_san_type)i;
            return true;
        }
    return false;
}

enum fr_code fr_san_parse(const char *text, struct fr_san *ret, struct fr_err *err)
{
    const char *colon = strchr(text, ':');
    char shown[FR_ID_MAX + 1];
    enum fr_san_type type;

    fr_printable(fr_slice_str(text), shown, 100);
    if (!colon || !type_by_name(fr_slice_of(text, (size_t)(colon - text)), &type))
        return FR_FAIL_AS(err, FR_EPARSE, "san",
                          "\"%s\" is no name: write dns:NAME, uri:URI, other:OID;TEXT "
                          "or rid:OID",
                          shown);
    if (!keep(type, fr_slice_str(colon + 1), ret))
        return FR_FAIL_AS(err, FR_EPARSE, "san",
                          "\"%s\" is no name of type %s: no wildcards, no control "
                          "characters, at most %d octets (dns: %d)",
                          shown, type_names[type], FR_ID_MAX, FR_FQDN_MAX);
    return FR_OK;
}

static struct fr_slice string_view(const ASN1_STRING *s)
{
    return fr_slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static bool oid_text(const ASN1_OBJECT *oid, char to[FR_ID_MAX + 1])
{
    int n = OBJ_obj2txt(to, FR_ID_MAX + 1, oid, 1);

    return n > 0 && n <= FR_ID_MAX;
}

static bool keep_other(const OTHERNAME *other, struct fr_san *ret)
{
    uint8_t storage[FR_ID_MAX + 1]; /* no heap: its lack would refuse a good peer */
    struct fr_buf value = {.data = storage, .cap = sizeof storage, .max = FR_ID_MAX};
    struct fr_slice text;
    char oid[FR_ID_MAX + 1];

    if (other->value->type != V_ASN1_UTF8STRING || !oid_text(other->type_id, oid))
        return false;
    text = string_view(other->value->value.utf8string);
    fr_buf_str(&value, oid);
    fr_buf_u8(&value, ';');
    fr_buf_put(&value, text.data, text.len);
    return value.failed == FR_OK && keep(FR_SAN_OTHER, fr_buf_view(&value), ret);
}

static bool keep_rid(const ASN1_OBJECT *rid, struct fr_san *ret)
{
    char oid[FR_ID_MAX + 1];

    return oid_text(rid, oid) && keep(FR_SAN_RID, fr_slice_str(oid), ret);
}

static bool names_entity(const GENERAL_NAME *name)
{
    return name->type == GEN_DNS || name->type == GEN_URI ||
           name->type == GEN_OTHERNAME || name->type == GEN_RID;
}

static bool keep_general(const GENERAL_NAME *name, struct fr_san *ret)
{
    switch (name->type) {
    case GEN_DNS:
        return keep(FR_SAN_DNS, string_view(name->d.dNSName), ret);
    case GEN_URI:
        return keep(FR_SAN_URI, string_view(name->d.uniformResourceIdentifier), ret);
    case GEN_OTHERNAME:
        return keep_other(name->d.otherName, ret);
    default:
        return keep_rid(name->d.registeredID, ret);
    }
}

static enum fr_code refused(struct fr_err *err, const char *why)
{
    return FR_FAIL_AS(err, FR_EREFUSED, "peer-name", "%s", why);
}

static enum fr_code keep_all(const GENERAL_NAMES *names, struct fr_san *sans,
                             size_t *ret_n, struct fr_err *err)
{
    size_t n = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (!names_entity(name))
            continue;
        if (n == FR_SANS_MAX)
            return refused(err, "it has more subject alternative names than the 8 "
                                "allowed");
        if (!keep_general(name, &sans[n++]))
            return refused(err, "it has a subject alternative name that is too long, "
                                "malformed or a wildcard");
    }
    if (n == 0)
        return refused(err, "it has no subject alternative name that could name an "
                            "entity");
    *ret_n = n;
    return FR_OK;
}

enum fr_code fr_san_of_cert(X509 *cert, struct fr_san sans[FR_SANS_MAX], size_t *ret_n,
                            struct fr_err *err)
{
    int critical;
    GENERAL_NAMES *names =
        X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    enum fr_code rc;

    ERR_clear_error();
    if (!names)
        return refused(err, critical == -1
                                ? "it has no subject alternative name"
                                : "its subject alternative names are malformed");
    rc = keep_all(names, sans, ret_n, err);
    GENERAL_NAMES_free(names);
    return rc;
}

static bool set_string(GENERAL_NAME *name, int type, const char *value)
{
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();

    if (!s || ASN1_STRING_set(s, value, -1) != 1) {
        ASN1_IA5STRING_free(s);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, s);
    return true;
}

static bool set_rid(GENERAL_NAME *name, const char *oid)
{
    ASN1_OBJECT *rid = OBJ_txt2obj(oid, 1);

    if (rid)
        GENERAL_NAME_set0_value(name, GEN_RID, rid);
    return rid != NULL;
}

static bool set_other(GENERAL_NAME *name, const char *value)
{
    const char *semicolon = strchr(value, ';');
    char oid[FR_ID_MAX + 1];
    ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();
    ASN1_TYPE *any = ASN1_TYPE_new();
    ASN1_OBJECT *type;

    snprintf(oid, sizeof oid, "%.*s", (int)(semicolon - value), value);
    type = OBJ_txt2obj(oid, 1);
    if (text && any && type && ASN1_STRING_set(text, semicolon + 1, -1) == 1) {
        ASN1_TYPE_set(any, V_ASN1_UTF8STRING, text);
        if (GENERAL_NAME_set0_othername(name, type, any) == 1)
            return true;
        text = NULL; /* any owns it */
    }
    ASN1_UTF8STRING_free(text);
    ASN1_TYPE_free(any);
    ASN1_OBJECT_free(type);
    return false;
}

static bool set_general(GENERAL_NAME *name, const struct fr_san *san)
{
    switch (san->type) {
    case FR_SAN_DNS:
        return set_string(name, GEN_DNS, san->value);
    case FR_SAN_URI:
        return set_string(name, GEN_URI, san->value);
    case FR_SAN_OTHER:
        return set_other(name, san->value);
    case FR_SAN_RID:
        return set_rid(name, san->value);
    }
    return false;
}

enum fr_code fr_san_to_general(const struct fr_san *san, GENERAL_NAME **ret,
                               struct fr_err *err)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    struct fr_san checked;

    if (name && keep(san->type, fr_slice_str(san->value), &checked) &&
        set_general(name, &checked)) {
        *ret = name;
        return FR_OK;
    }
    GENERAL_NAME_free(name);
    return FR_FAIL_AS(err, FR_EPARSE, "san", "a name of type %s is not valid",
                      fr_san_type_name(san->type));
}
