/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document_members.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timetext.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct fr_slice text_of(const json_t *value)
{
    return fr_slice_of(json_string_value(value), json_string_length(value));
}

static enum fr_code keep(const json_t *value, char **to)
{
    return fr_str_dup_n(text_of(value), to, NULL);
}

static enum fr_code bad_value(struct fr_reader *r, const json_t *value,
                              const char *needed)
{
    char shown[80];

    fr_printable(text_of(value), shown, sizeof shown);
    fr_reader_error(r, "document-bad-value", "\"%s\" is not %s", shown, needed);
    return FR_OK;
}

static void not_binding(struct fr_reader *r)
{
    fr_reader_warn(r, "document-unsigned",
                   "does not bind: this list is not signed, anyone can change it");
}

/* ---- the document ---- */

static enum fr_code read_name(struct fr_reader *r, const json_t *value)
{
    not_binding(r);
    return keep(value, &r->doc->name);
}

static enum fr_code read_serial(struct fr_reader *r, const json_t *value)
{
    not_binding(r);
    r->doc->has_serial = true;
    r->doc->serial = (uint64_t)json_integer_value(value);
    return FR_OK;
}

static enum fr_code read_time(struct fr_reader *r, const json_t *value, int64_t *to)
{
    int64_t t;

    not_binding(r);
    if (!fr_rfc3339_parse(text_of(value), &t) || t <= 0)
        return bad_value(r, value,
                         "a time in UTC after 1970, as in 2026-11-24T03:07:19Z");
    *to = t;
    return FR_OK;
}

static enum fr_code read_issued(struct fr_reader *r, const json_t *value)
{
    return read_time(r, value, &r->doc->issued);
}

static enum fr_code read_not_after(struct fr_reader *r, const json_t *value)
{
    return read_time(r, value, &r->doc->not_after);
}

static bool is_device_name(const json_t *value)
{
    size_t len = json_string_length(value);

    return json_is_string(value) && len >= 1 && len <= FR_ID_MAX;
}

static enum fr_code read_devices(struct fr_reader *r, const json_t *value)
{
    size_t n = json_array_size(value);

    not_binding(r);
    r->doc->devices = calloc(n, sizeof *r->doc->devices);
    if (!r->doc->devices)
        return FR_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *device = json_array_get(value, i);

        if (is_device_name(device)) {
            FR_TRY(keep(device, &r->doc->devices[r->doc->n_devices]));
            r->doc->n_devices++;
            continue;
        }
        fr_reader_enter(r, NULL, i);
        fr_reader_error(r, "document-bad-value",
                        "a device is a string of 1 to %d octets", FR_ID_MAX);
        fr_reader_leave(r);
    }
    return FR_OK;
}

/* ---- entries of both kinds ---- */

static enum fr_code read_method(struct fr_reader *r, const json_t *value,
                                const char *const *known, size_t n)
{
    const char *name = json_string_value(value), *near;
    char shown[FR_METHOD_MAX * 4 + 5];

    FR_TRY(keep(value, &r->entry->method));
    for (size_t i = 0; i < n; i++)
        if (strcmp(known[i], name) == 0)
            return FR_OK;
    near = fr_nearest(name, known, n);
    fr_reader_warn(r, "document-unknown-method",
                   "\"%s\" is no method of ours: the entry counts as unsupported%s%s%s",
                   fr_printable(text_of(value), shown, sizeof shown),
                   near ? " (did you mean \"" : "", near ? near : "",
                   near ? "\"?)" : "");
    return FR_OK;
}

static enum fr_code read_bootstrap(struct fr_reader *r, const json_t *value)
{
    static const char *const known[] = {"certificate", "psk", "gba"};

    return read_method(r, value, known, COUNT(known));
}

static enum fr_code read_discovery(struct fr_reader *r, const json_t *value)
{
    static const char *const known[] = {"file", "https"};

    return read_method(r, value, known, COUNT(known));
}

static enum fr_code read_credential(struct fr_reader *r, const json_t *value)
{
    return keep(value, &r->entry->credential);
}

static enum fr_code read_comment(struct fr_reader *r, const json_t *value)
{
    return keep(value, &r->entry->comment);
}

static enum fr_code read_budget(struct fr_reader *r, const json_t *value)
{
    int64_t ms;

    if (!fr_duration_parse(text_of(value), &ms))
        return bad_value(r, value, "a duration, as in PT30S");
    if (ms < 1000 || ms > FR_BUDGET_MAX)
        fr_reader_error(r, "document-out-of-range",
                        "a budget is at least PT1S and at most PT10M");
    else
        r->entry->budget_ms = ms;
    return FR_OK;
}

/* ---- trust anchors ---- */

static bool parse_ni(struct fr_reader *r, struct fr_slice uri,
                     uint8_t ret[FR_SHA256_LEN])
{
    static const char prefix[] = "ni:///sha-256;";
    const size_t skip = sizeof prefix - 1;
    FR_AUTO_CLEAR(buf) digest = FR_BUF_INIT(FR_SHA256_LEN);
    bool decoded;

    if (uri.len <= skip || memcmp(uri.data, prefix, skip) != 0)
        return false;
    decoded =
        fr_base64_decode(fr_slice_of(uri.data + skip, uri.len - skip), true, &digest);
    r->no_memory |= digest.failed == FR_ENOMEM;
    if (!decoded || digest.len != FR_SHA256_LEN)
        return false;
    memcpy(ret, digest.data, FR_SHA256_LEN);
    return true;
}

static void read_anchor(struct fr_reader *r, const json_t *value)
{
    struct fr_trust_anchor *anchor = &r->entry->anchors[r->entry->n_anchors];

    if (json_is_string(value)) {
        if (parse_ni(r, text_of(value), anchor->sha256))
            r->entry->n_anchors++;
        else
            bad_value(r, value,
                      "of the form ni:///sha-256;HASH (32 octets in base64url)");
    } else if (json_object_get(value, "x509")) {
        fr_reader_error(r, "document-unsigned-anchor",
                        "an unsigned list cannot bring a trust anchor; name one that "
                        "the device has by ni:///sha-256;...");
    } else {
        fr_reader_error(r, "document-wrong-type",
                        "a trust anchor is a string ni:///sha-256;...");
    }
}

static enum fr_code read_anchors(struct fr_reader *r, const json_t *value)
{
    r->entry->anchors = calloc(json_array_size(value), sizeof *r->entry->anchors);
    if (!r->entry->anchors)
        return FR_ENOMEM;
    for (size_t i = 0; i < json_array_size(value); i++) {
        fr_reader_enter(r, NULL, i);
        read_anchor(r, json_array_get(value, i));
        fr_reader_leave(r);
    }
    return FR_OK;
}

/* ---- bootstrap ---- */

static enum fr_code read_fqdn(struct fr_reader *r, const json_t *value, char **to)
{
    if (!fr_fqdn_is_valid(text_of(value)))
        return bad_value(r, value, "an FQDN (no IP address, no final dot)");
    FR_TRY(keep(value, to));
    fr_ascii_fold(*to);
    return FR_OK;
}

static enum fr_code read_mef(struct fr_reader *r, const json_t *value)
{
    return read_fqdn(r, value, &r->entry->mef);
}

static enum fr_code read_admin(struct fr_reader *r, const json_t *value)
{
    return read_fqdn(r, value, &r->entry->admin_fqdn);
}

static enum fr_code read_binding(struct fr_reader *r, const json_t *value)
{
    const char *name = json_string_value(value);

    if (strcmp(name, "coap") == 0) {
        r->entry->binding = FR_BINDING_COAP;
        r->entry->port = FR_PORT_COAP;
        return FR_OK;
    }
    return strcmp(name, "http") == 0 ? FR_OK
                                     : bad_value(r, value, "\"http\" or \"coap\"");
}

static enum fr_code read_port(struct fr_reader *r, const json_t *value)
{
    r->entry->port = (uint16_t)json_integer_value(value);
    return FR_OK;
}

static enum fr_code read_target(struct fr_reader *r, const json_t *value)
{
    if (!fr_target_is_valid(text_of(value)))
        return bad_value(r, value, "an FQDN or an absolute id like //sp.example/cse");
    FR_TRY(keep(value, &r->entry->target));
    if (r->entry->target[0] != '/')
        fr_ascii_fold(r->entry->target);
    return FR_OK;
}

static enum fr_code read_suid(struct fr_reader *r, const json_t *value)
{
    int suid = (int)json_integer_value(value);

    if (fr_suid_is_defined(suid))
        r->entry->suid = suid;
    else
        fr_reader_error(r, "document-bad-value",
                        "SUID %d is not defined; 10-15, 21-25, 32-35, 40-45 are", suid);
    return FR_OK;
}

static enum fr_code read_expiry(struct fr_reader *r, const json_t *value)
{
    int64_t ms;

    if (!fr_duration_parse(text_of(value), &ms))
        return bad_value(r, value, "a duration of at most 100 years, as in P365D");
    if (ms < 1000)
        fr_reader_error(r, "document-out-of-range", "an expiry is at least PT1S");
    else
        r->entry->expiry_s = ms / 1000;
    return FR_OK;
}

/* ---- discovery ---- */

static enum fr_code read_resource(struct fr_reader *r, const json_t *value)
{
    struct fr_err why;
    enum fr_code rc;

    if (!r->entry->method) /* what form it needs is not known */
        return FR_OK;
    rc = fr_resource_normalise(r->entry->method, text_of(value), &r->entry->resource,
                               &why);
    if (rc == FR_EPARSE) {
        fr_reader_error(r, "document-bad-value", "%s", why.msg);
        rc = FR_OK;
    }
    return rc;
}

#define BOTH     (FR_OF_BOOTSTRAP | FR_OF_DISCOVERY)
#define STRING   FR_MEMBER_STRING
#define INTEGER  FR_MEMBER_INTEGER
#define ARRAY    FR_MEMBER_ARRAY
#define DURATION 64 /* octets that any duration has room in */
#define TIME     40

const struct fr_member fr_members[] = {
    {"version", FR_OF_DOCUMENT, true, INTEGER, 1, 1, "the version of the format", NULL},
    {"instructions", FR_OF_DOCUMENT, true, ARRAY, 1, FR_INSTRUCTIONS_MAX,
     "the instructions, in order", NULL},
    {"name", FR_OF_DOCUMENT, false, STRING, 1, FR_ID_MAX, "the list's name", read_name},
    {"serial", FR_OF_DOCUMENT, false, INTEGER, 0, INT64_MAX,
     "the serial number of the list", read_serial},
    {"issued", FR_OF_DOCUMENT, false, STRING, 1, TIME, "a time (RFC 3339, UTC)",
     read_issued},
    {"notAfter", FR_OF_DOCUMENT, false, STRING, 1, TIME, "a time (RFC 3339, UTC)",
     read_not_after},
    {"devices", FR_OF_DOCUMENT, false, ARRAY, 1, FR_DEVICES_MAX, "names of devices",
     read_devices},

    {"bootstrap", FR_OF_BOOTSTRAP, true, STRING, 1, FR_METHOD_MAX,
     "a method: certificate, psk or gba", read_bootstrap},
    {"mef", FR_OF_BOOTSTRAP, true, STRING, 1, FR_FQDN_MAX, "the FQDN of the MEF",
     read_mef},
    {"binding", FR_OF_BOOTSTRAP, false, STRING, 1, 4, "http or coap", read_binding},
    {"port", FR_OF_BOOTSTRAP, false, INTEGER, 1, 65535, "a port", read_port},
    {"target", FR_OF_BOOTSTRAP, false, STRING, 1, FR_ID_MAX,
     "an FQDN or an absolute id", read_target},
    {"suid", FR_OF_BOOTSTRAP, false, INTEGER, 10, 45, "a defined SUID", read_suid},
    {"adminFQDN", FR_OF_BOOTSTRAP, false, STRING, 1, FR_FQDN_MAX, "an FQDN",
     read_admin},
    {"expiry", FR_OF_BOOTSTRAP, false, STRING, 1, DURATION, "a duration", read_expiry},

    {"discovery", FR_OF_DISCOVERY, true, STRING, 1, FR_METHOD_MAX,
     "a method: file or https", read_discovery},
    {"resource", FR_OF_DISCOVERY, true, STRING, 1, FR_RESOURCE_MAX,
     "the URI of the discovery resource", read_resource},

    {"credential", BOTH, false, STRING, 1, FR_ID_MAX, "a name in the key store",
     read_credential},
    {"trustAnchors", BOTH, false, ARRAY, 1, FR_ANCHORS_MAX, "trust anchors",
     read_anchors},
    {"budget", BOTH, false, STRING, 1, DURATION, "a duration", read_budget},
    {"comment", BOTH, false, STRING, 0, FR_COMMENT_MAX, "any text", read_comment},
};
const size_t fr_n_members = COUNT(fr_members);
