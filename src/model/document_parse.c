/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/document_members.h"

enum { LONG_NAME = 64 }; /* no slip of the pen in a longer one */

/* ---- members of one object ---- */

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a real number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

/* The measure that a member's limits are about. */
static bool measure(const struct fr_member *m, const json_t *value, json_int_t *ret)
{
    switch (m->type) {
    case FR_MEMBER_INTEGER:
        *ret = json_integer_value(value);
        return json_is_integer(value);
    case FR_MEMBER_STRING:
        *ret = (json_int_t)json_string_length(value);
        return json_is_string(value);
    default:
        *ret = (json_int_t)json_array_size(value);
        return json_is_array(value);
    }
}

static bool is_within_limits(struct fr_reader *r, const struct fr_member *m,
                             const json_t *value)
{
    static const struct {
        const char *type, *low, *high, *unit;
    } words[] = {
        [FR_MEMBER_STRING] = {"a string", "document-too-short", "document-too-long",
                              " octets"},
        [FR_MEMBER_INTEGER] = {"an integer", "document-out-of-range",
                               "document-out-of-range", ""},
        [FR_MEMBER_ARRAY] = {"an array", "document-too-few", "document-too-many",
                             " entries"},
    };
    json_int_t n;

    if (!measure(m, value, &n)) {
        fr_reader_error(r, "document-wrong-type", "%s where %s is needed (%s)",
                        type_name(value), words[m->type].type, m->form);
        return false;
    }
    if (n >= m->min && n <= m->max)
        return true;
    fr_reader_error(r, n < m->min ? words[m->type].low : words[m->type].high,
                    "%lld%s where %lld to %lld are allowed (%s)", (long long)n,
                    words[m->type].unit, (long long)m->min, (long long)m->max, m->form);
    return false;
}

static const char *noun(unsigned of)
{
    return of == FR_OF_DOCUMENT    ? "a document"
           : of == FR_OF_BOOTSTRAP ? "a bootstrap instruction"
           : of == FR_OF_DISCOVERY ? "a discovery instruction"
                                   : "an instruction";
}

static size_t names_of(unsigned of, const char **names)
{
    size_t n = 0;

    for (size_t i = 0; i < fr_n_members; i++)
        if (fr_members[i].of & of)
            names[n++] = fr_members[i].name;
    return n;
}

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void report_unknown(struct fr_reader *r, json_t *object, unsigned of)
{
    const char *names[32], *name, *near;
    size_t n = names_of(of, names);
    json_t *value;

    json_object_foreach (object, name, value) {
        char shown[80];

        if (is_among(name, names, n))
            continue;
        near = strlen(name) <= LONG_NAME ? fr_nearest(name, names, n) : NULL;
        fr_printable(fr_slice_str(name), shown, sizeof shown);
        fr_reader_enter(r, name, 0);
        fr_reader_name_error(r, "document-unknown-member",
                             "%s has no member \"%s\"%s%s%s", noun(of), shown,
                             near ? " (did you mean \"" : "", near ? near : "",
                             near ? "\"?)" : "");
        fr_reader_leave(r);
    }
}

static enum fr_code read_members(struct fr_reader *r, json_t *object, unsigned of)
{
    report_unknown(r, object, of);
    for (size_t i = 0; i < fr_n_members; i++) {
        const struct fr_member *m = &fr_members[i];
        const json_t *value = json_object_get(object, m->name);
        enum fr_code rc = FR_OK;

        if (!(m->of & of))
            continue;
        if (!value) {
            if (m->required)
                fr_reader_error(r, "document-missing-member", "%s needs \"%s\" (%s)",
                                noun(of), m->name, m->form);
            continue;
        }
        fr_reader_enter(r, m->name, 0);
        if (is_within_limits(r, m, value) && m->read)
            rc = m->read(r, value);
        fr_reader_leave(r);
        FR_TRY(rc);
    }
    return FR_OK;
}

/* ---- entries ---- */

static void report_nested(struct fr_reader *r)
{
    fr_reader_enter(r, "discovery", 0);
    fr_reader_error(r, "document-nested-discovery",
                    "a discovered list holds bootstrap instructions only");
    fr_reader_leave(r);
}

static enum fr_code read_entry(struct fr_reader *r, json_t *entry)
{
    bool boots = json_object_get(entry, "bootstrap") != NULL;
    bool discovers = json_object_get(entry, "discovery") != NULL;

    if (!json_is_object(entry)) {
        fr_reader_error(r, "document-wrong-type",
                        "%s where an instruction (an object) is needed",
                        type_name(entry));
        return FR_OK;
    }
    if (discovers && r->use == FR_USE_DISCOVERED)
        report_nested(r);
    if (boots == discovers) {
        fr_reader_error(r, "document-entry-kind", "an instruction needs %s",
                        boots ? "either \"bootstrap\" or \"discovery\", not both"
                              : "\"bootstrap\" or \"discovery\"");
        report_unknown(r, entry, FR_OF_BOOTSTRAP | FR_OF_DISCOVERY);
        return FR_OK;
    }
    FR_TRY(
        fr_document_add(r->doc, boots ? FR_BOOTSTRAP : FR_DISCOVERY, &r->entry, NULL));
    return read_members(r, entry, boots ? FR_OF_BOOTSTRAP : FR_OF_DISCOVERY);
}

static enum fr_code read_entries(struct fr_reader *r, json_t *list)
{
    enum fr_code rc = FR_OK;

    if (json_array_size(list) > FR_INSTRUCTIONS_MAX)
        return FR_OK; /* reported as too many */
    fr_reader_enter(r, "instructions", 0);
    for (size_t i = 0; rc == FR_OK && i < json_array_size(list); i++) {
        fr_reader_enter(r, NULL, i);
        rc = read_entry(r, json_array_get(list, i));
        fr_reader_leave(r);
    }
    fr_reader_leave(r);
    return rc;
}

static enum fr_code read_document(struct fr_reader *r, json_t *root)
{
    const json_t *version = json_object_get(root, "version");

    if (!json_is_object(root)) {
        fr_reader_error(r, "document-wrong-type",
                        "%s where a document (an object) is needed", type_name(root));
        return FR_OK;
    }
    if (json_is_integer(version) && json_integer_value(version) != 1) {
        /* By another version's rules the rest may be right. */
        fr_reader_enter(r, "version", 0);
        fr_reader_error(r, "document-version",
                        "version %lld is not known here, only 1; the rest was not read",
                        (long long)json_integer_value(version));
        fr_reader_leave(r);
        return FR_OK;
    }
    FR_TRY(read_members(r, root, FR_OF_DOCUMENT));
    return read_entries(r, json_object_get(root, "instructions"));
}

/* ---- the text ---- */

/* jansson's own words, except where they speak to a programmer. */
static const char *syntax_reason(enum json_error_code code, const char **words)
{
    switch (code) {
    case json_error_duplicate_key:
        *words = "a second member of this name";
        return "document-duplicate-member";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        *words = "\\u0000 is not allowed in a string";
        return "document-nul";
    case json_error_numeric_overflow:
        *words = "a number beyond all limits";
        return "document-out-of-range";
    default:
        return "document-syntax";
    }
}

static enum fr_code report_syntax(struct fr_reader *r, const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    char pointer[256], shown[FR_ERR_MSG_MAX];
    size_t end = (size_t)(error->position > 0 ? error->position : 0);
    const char *words = shown, *reason = syntax_reason(code, &words);
    size_t start;

    /* Without memory jansson often fails without a word. */
    if (code == json_error_out_of_memory || !error->text[0])
        return FR_ENOMEM;
    start = fr_json_trace(r->text, end, pointer, sizeof pointer);
    if (code == json_error_premature_end_of_input)
        start = r->text.len;
    fr_printable(fr_slice_str(error->text), shown, sizeof shown);
    fr_reader_text_error(r, start, pointer, reason, words);
    return FR_OK;
}

static void report_at(struct fr_reader *r, size_t offset, const char *reason,
                      const char *words)
{
    char pointer[256];

    fr_json_trace(r->text, offset, pointer, sizeof pointer);
    fr_reader_text_error(r, offset, pointer, reason, words);
}

/* What jansson must not see: it would recurse by the text's depth, and takes a NUL for
 * the end. */
static bool is_loadable(struct fr_reader *r)
{
    const uint8_t *nul = r->text.len ? memchr(r->text.data, 0, r->text.len) : NULL;
    char words[64];
    size_t at;

    if (r->text.len > FR_DOCUMENT_MAX) {
        snprintf(words, sizeof words, "more than the %d octets allowed",
                 FR_DOCUMENT_MAX);
        fr_reader_text_error(r, 0, "", "document-too-large", words);
        return false;
    }
    if (nul) {
        report_at(r, (size_t)(nul - r->text.data), "document-nul", "a NUL octet");
        return false;
    }
    at = fr_text_bad_utf8(r->text);
    if (at < r->text.len) {
        report_at(r, at, "document-encoding", "not UTF-8");
        return false;
    }
    at = fr_json_too_deep(r->text, FR_JSON_DEPTH);
    if (at < r->text.len) {
        snprintf(words, sizeof words, "more than %d levels deep", FR_JSON_DEPTH);
        report_at(r, at, "document-too-deep", words);
        return false;
    }
    return true;
}

static enum fr_code read_text(struct fr_reader *r)
{
    json_auto_t *root = NULL;
    json_error_t error;

    if (!is_loadable(r))
        return FR_OK;
    root = json_loadb((const char *)r->text.data, r->text.len, JSON_REJECT_DUPLICATES,
                      &error);
    return root ? read_document(r, root) : report_syntax(r, &error);
}

static enum fr_code fail_by(const struct fr_finding *f, const char *name,
                            struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EPARSE, f->reason, "%s:%d:%d: %s%s%s", name, f->line,
                      f->column, f->pointer, f->pointer[0] ? ": " : "", f->text);
}

enum fr_code fr_document_parse(struct fr_slice text, const char *name,
                               enum fr_document_use use, struct fr_document **ret,
                               struct fr_findings *findings, struct fr_err *err)
{
    FR_AUTO(document) *doc = NULL;
    struct fr_reader r = {.text = text, .use = use};
    const struct fr_finding *first;
    enum fr_code rc;

    FR_TRY(fr_document_new(&doc, err));
    r.doc = doc;
    rc = read_text(&r);
    first = fr_reader_first_error(&r);
    if (rc != FR_OK || r.no_memory)
        rc = FR_FAIL(err, FR_ENOMEM, "%s: out of memory", name);
    else if (first)
        rc = fail_by(first, name, err);
    else
        *ret = FR_TAKE(doc);
    if (findings)
        *findings = r.found;
    else
        fr_findings_clear(&r.found);
    return rc;
}
