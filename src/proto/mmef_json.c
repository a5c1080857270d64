/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mmef_json.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/timetext.h"
#include "proto/mmef.h"

enum fr_code fr_mmef_malformed(struct fr_err *err, const char *member, const char *what)
{
    return FR_FAIL_AS(err, FR_EINVALID, "mmef-malformed", "the peer's message: %s %s",
                      member, what);
}

/* jansson reads nested values by recursion: it only gets to see what is shallow. */
static bool is_shallow(struct fr_slice text)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > FR_MMEF_DEPTH_MAX)
            return false;
    }
    return true;
}

enum fr_code fr_mmef_json_load(struct fr_slice text, size_t max, json_t **ret,
                               struct fr_err *err)
{
    json_error_t why;
    json_t *root;

    if (text.len > max)
        return FR_FAIL_AS(err, FR_EINVALID, "mmef-too-large",
                          "the peer's message has %zu octets, at most %zu are allowed",
                          text.len, max);
    if (!is_shallow(text))
        return fr_mmef_malformed(err, "JSON", "is nested too deeply");
    root = json_loadb(text.len ? (const char *)text.data : "", text.len,
                      JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return FR_FAIL_AS(err, FR_EINVALID, "mmef-malformed",
                          "the peer's message is no JSON, line %d column %d", why.line,
                          why.column);
    if (!json_is_object(root)) {
        json_decref(root);
        return fr_mmef_malformed(err, "JSON", "is no object");
    }
    *ret = root;
    return FR_OK;
}

enum fr_code fr_mmef_json_open(struct fr_slice text, const char *name, json_t **root,
                               json_t **ret, struct fr_err *err)
{
    static const char *const prefixes[] = {"sec:", "m2m:", ""};
    char member[32];

    FR_TRY(fr_mmef_json_load(text, FR_MMEF_BODY_MAX, root, err));
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        json_t *found;

        snprintf(member, sizeof member, "%s%s", prefixes[i], name);
        found = json_object_get(*root, member);
        if (json_is_object(found)) {
            *ret = found;
            return FR_OK;
        }
    }
    return fr_mmef_malformed(err, name, "is not the resource in it");
}

enum fr_code fr_mmef_json_text(const json_t *o, const char *member, char *ret,
                               size_t size, struct fr_err *err)
{
    const json_t *v = json_object_get(o, member);

    ret[0] = 0;
    if (!v)
        return FR_OK;
    if (!json_is_string(v))
        return fr_mmef_malformed(err, member, "is no string");
    if (json_string_length(v) >= size)
        return fr_mmef_malformed(err, member, "is too long");
    memcpy(ret, json_string_value(v), json_string_length(v) + 1);
    return FR_OK;
}

enum fr_code fr_mmef_json_int(const json_t *o, const char *member, int64_t max,
                              int64_t *ret, struct fr_err *err)
{
    const json_t *v = json_object_get(o, member);

    if (!v)
        return FR_OK;
    if (!json_is_integer(v))
        return fr_mmef_malformed(err, member, "is no whole number");
    if (json_integer_value(v) < 0 || json_integer_value(v) > max)
        return fr_mmef_malformed(err, member, "is out of range");
    *ret = json_integer_value(v);
    return FR_OK;
}

enum fr_code fr_mmef_json_bool(const json_t *o, const char *member, bool *ret,
                               struct fr_err *err)
{
    const json_t *v = json_object_get(o, member);

    if (!v)
        return FR_OK;
    if (!json_is_boolean(v))
        return fr_mmef_malformed(err, member, "is neither true nor false");
    *ret = json_is_true(v);
    return FR_OK;
}

enum fr_code fr_mmef_json_time(const json_t *o, const char *member, int64_t *ret,
                               struct fr_err *err)
{
    char text[32];
    int64_t t;

    FR_TRY(fr_mmef_json_text(o, member, text, sizeof text, err));
    if (text[0] && (!fr_m2m_time_parse(fr_slice_str(text), &t) || t < 0))
        return fr_mmef_malformed(err, member, "is no m2m:timestamp since 1970");
    if (text[0])
        *ret = t;
    return FR_OK;
}

enum fr_code fr_mmef_json_array(const json_t *o, const char *member, const json_t **ret,
                                struct fr_err *err)
{
    *ret = json_object_get(o, member);
    if (*ret && !json_is_array(*ret))
        return fr_mmef_malformed(err, member, "is no array");
    return FR_OK;
}

enum fr_code fr_mmef_json_object(const json_t *o, const char *member,
                                 const json_t **ret, struct fr_err *err)
{
    *ret = json_object_get(o, member);
    if (*ret && !json_is_object(*ret))
        return fr_mmef_malformed(err, member, "is no object");
    return FR_OK;
}

bool fr_mmef_json_put(json_t *o, const char *member, const char *text)
{
    return text[0] == 0 || json_object_set_new(o, member, json_string(text)) == 0;
}

bool fr_mmef_json_put_time(json_t *o, const char *member, int64_t t)
{
    char text[FR_TIME_TEXT];

    return fr_mmef_json_put(o, member, fr_m2m_time_format(t, text));
}

bool fr_mmef_json_put_int(json_t *o, const char *member, int64_t v)
{
    return json_object_set_new(o, member, json_integer(v)) == 0;
}

static int append(const char *data, size_t len, void *to)
{
    fr_buf_put(to, data, len);
    return 0;
}

enum fr_code fr_mmef_json_write(const json_t *o, bool ok, const char *name,
                                struct fr_buf *to, struct fr_err *err)
{
    if (!o || !ok)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a message");
    if (name)
        fr_buf_fmt(to, "{\"sec:%s\":", name);
    if (json_dump_callback(o, append, to, JSON_COMPACT) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a message");
    if (name)
        fr_buf_str(to, "}");
    return fr_buf_check(to, err);
}
