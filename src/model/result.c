/* SPDX-License-Identifier: Apache-2.0 */
#include "model/result.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct class_row {
    const char *name;
    bool retries;
    int exit;
} classes[] = {
#define X(id, name, retry, exit) [id] = {name, retry, exit},
    FR_CLASSES(X)
#undef X
};

static const char *const phases[] = {
#define X(id, name) [id] = (name),
    FR_PHASES(X)
#undef X
};

static const struct class_row *row(enum fr_class c)
{
    return &classes[(unsigned)c < COUNT(classes) ? c : FR_CLASS_INTERRUPTED];
}

const char *fr_class_name(enum fr_class c)
{
    return row(c)->name;
}

bool fr_class_by_name(const char *name, enum fr_class *ret)
{
    for (size_t i = 0; i < COUNT(classes); i++) {
        if (strcmp(classes[i].name, name) == 0) {
            *ret = (enum fr_class)i;
            return true;
        }
    }
    return false;
}

bool fr_class_retries(enum fr_class c)
{
    return row(c)->retries;
}

int fr_class_exit(enum fr_class c)
{
    return row(c)->exit;
}

const char *fr_phase_name(enum fr_phase p)
{
    return (unsigned)p < COUNT(phases) ? phases[p] : "?";
}

bool fr_phase_by_name(const char *name, enum fr_phase *ret)
{
    for (size_t i = 0; i < COUNT(phases); i++) {
        if (strcmp(phases[i], name) == 0) {
            *ret = (enum fr_phase)i;
            return true;
        }
    }
    return false;
}

/* Codes that no peer's answer has by itself follow the response status code that they
 * stand for (4004, 4105); what this device cannot do is unsupported. */
static const struct code_class {
    enum fr_class class;
    int exit;
} code_classes[] = {
    [FR_OK] = {FR_CLASS_PROVISIONED, 0},
    [FR_EUSAGE] = {FR_CLASS_UNSUPPORTED, 0},
    [FR_EPARSE] = {FR_CLASS_INVALID, 0},
    [FR_ECONFIG] = {FR_CLASS_UNSUPPORTED, 0},
    [FR_EINVALID] = {FR_CLASS_INVALID, 0},
    [FR_EREFUSED] = {FR_CLASS_REFUSED, 0},
    [FR_EUNREACHABLE] = {FR_CLASS_UNREACHABLE, 0},
    [FR_EUNSUPPORTED] = {FR_CLASS_UNSUPPORTED, 0},
    [FR_ENOTFOUND] = {FR_CLASS_INVALID, 0},
    [FR_ECONFLICT] = {FR_CLASS_UNREACHABLE, 0},
    [FR_ESTORE] = {FR_CLASS_INTERRUPTED, 73},
    [FR_EINTERRUPTED] = {FR_CLASS_INTERRUPTED, 75},
    [FR_EBUSY] = {FR_CLASS_UNREACHABLE, 0},
    [FR_ELIMIT] = {FR_CLASS_INVALID, 0},
    [FR_ENOMEM] = {FR_CLASS_INTERRUPTED, 70},
    [FR_EINTERNAL] = {FR_CLASS_INTERRUPTED, 70},
};

struct fr_result fr_result_of_err(const struct fr_err *err, enum fr_phase phase)
{
    const struct code_class *c =
        &code_classes[(unsigned)err->code < COUNT(code_classes) ? err->code
                                                                : FR_EINTERNAL];
    struct fr_result result = {
        .class = c->class, .phase = phase, .retry_after_ms = -1, .fr_exit = c->exit};

    snprintf(result.reason, sizeof result.reason, "%s", err->reason);
    snprintf(result.text, sizeof result.text, "%s", err->msg);
    return result;
}

/* TLS AlertDescription (IANA). hint: what an operator can do. */
static const struct alert {
    int number;
    const char *name, *hint;
} alerts[] = {
    {0, "close_notify", ""},
    {10, "unexpected_message", ""},
    {20, "bad_record_mac", ""},
    {21, "decryption_failed", ""},
    {22, "record_overflow", ""},
    {30, "decompression_failure", ""},
    {40, "handshake_failure", ": no cipher suite or group in common"},
    {41, "no_certificate", ""},
    {42, "bad_certificate", ": it does not accept our certificate"},
    {43, "unsupported_certificate", ": it does not accept our kind of certificate"},
    {44, "certificate_revoked", ": our certificate is on its revocation list"},
    {45, "certificate_expired", ": our certificate, or its clock, is out of date"},
    {46, "certificate_unknown", ": it does not accept our certificate"},
    {47, "illegal_parameter", ""},
    {48, "unknown_ca", ": it does not trust the issuer of our certificate"},
    {49, "access_denied", ": it does not let us in"},
    {50, "decode_error", ""},
    {51, "decrypt_error", ": a signature or a key does not match"},
    {60, "export_restriction", ""},
    {70, "protocol_version", ": no TLS version in common"},
    {71, "insufficient_security", ": it needs stronger parameters than ours"},
    {80, "internal_error", ""},
    {86, "inappropriate_fallback", ""},
    {90, "user_canceled", ""},
    {100, "no_renegotiation", ""},
    {109, "missing_extension", ""},
    {110, "unsupported_extension", ""},
    {111, "certificate_unobtainable", ""},
    {112, "unrecognized_name", ""},
    {113, "bad_certificate_status_response", ""},
    {114, "bad_certificate_hash_value", ""},
    {115, "unknown_psk_identity", ": it does not know our key's identity"},
    {116, "certificate_required", ": it wants a certificate from us"},
    {120, "no_application_protocol", ""},
};

static enum fr_code alert_code(int alert)
{
    switch (alert) {
    case 40:
    case 70:
    case 71:
        return FR_EUNSUPPORTED;
    case 42:
    case 43:
    case 44:
    case 45:
    case 46:
    case 48:
    case 49:
    case 51:
    case 115:
    case 116:
        return FR_EREFUSED;
    default:
        return FR_EUNREACHABLE;
    }
}

enum fr_code fr_alert_fail(int alert, const char *peer, struct fr_err *err)
{
    static const struct alert unknown = {-1, "an alert of no known name", ""};
    const struct alert *a = &unknown;
    char reason[FR_ERR_REASON_MAX];

    for (size_t i = 0; i < COUNT(alerts); i++)
        if (alerts[i].number == alert)
            a = &alerts[i];
    snprintf(reason, sizeof reason, "tls-alert-%d", alert);
    return FR_FAIL_AS(err, alert_code(alert), reason, "%s sent TLS alert %d, %s%s",
                      peer, alert, a->name, a->hint);
}

static enum fr_code rsc_code(int rsc)
{
    if (rsc >= 2000 && rsc <= 2999)
        return FR_OK;
    if (rsc == 4105 || (rsc >= 5000 && rsc <= 5999))
        return FR_EUNREACHABLE;
    if (rsc >= 4100 && rsc <= 4199)
        return FR_EREFUSED;
    return FR_EINVALID;
}

enum fr_code fr_rsc_check(int rsc, struct fr_slice text, const char *doing,
                          struct fr_err *err)
{
    enum fr_code code = rsc_code(rsc);
    char reason[FR_ERR_REASON_MAX], words[256];

    if (code == FR_OK)
        return FR_OK;
    fr_printable(text, words, sizeof words);
    snprintf(reason, sizeof reason, "rsc-%d", rsc);
    return FR_FAIL_AS(err, code, reason, "%s: the peer answered %d%s%s%s", doing, rsc,
                      words[0] ? " \"" : "", words, words[0] ? "\"" : "");
}
