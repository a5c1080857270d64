/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/auth_params.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

/* RFC 9110 5.6.2 */
static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Base64 and paths stand unquoted in some requests of the field. */
static bool is_bare_char(char c)
{
    return is_token_char(c) || (c && strchr("/=:@?", c));
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static const char *skip_spaces(const char *p)
{
    return p + strspn(p, " \t");
}

bool fr_auth_value_is_plain(const char *value)
{
    for (const char *p = value; *p; p++)
        if (is_control(*p) || *p == '"' || *p == '\\')
            return false;
    return fr_utf8_is_valid(fr_slice_str(value));
}

/* p is behind the opening quotation mark. The closing one, or NULL. */
static const char *end_of_quoted(const char *p)
{
    for (; *p != '"'; p++) {
        if (*p == '\\')
            p++;
        if (is_control(*p))
            return NULL;
    }
    return p;
}

/* Steps over a value and gives its text. */
static bool take_value(const char **at, struct fr_slice *ret)
{
    const char *from = *at, *end = from;

    if (*from == '"') {
        end = end_of_quoted(++from);
        if (!end)
            return false;
        *at = end + 1;
    } else {
        while (is_bare_char(*end))
            end++;
        *at = end;
        if (end == from)
            return false;
    }
    *ret = fr_slice_of(from, (size_t)(end - from));
    return true;
}

static bool keep(struct fr_auth_param *param, struct fr_slice value)
{
    if (param->seen || value.len >= param->size)
        return false;
    param->seen = true;
    memcpy(param->to, value.data, value.len);
    param->to[value.len] = 0;
    return fr_auth_value_is_plain(param->to);
}

static struct fr_auth_param *find(struct fr_auth_param *params, size_t n,
                                  const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(params[i].name) == len &&
            strncasecmp(params[i].name, name, len) == 0)
            return &params[i];
    return NULL;
}

static bool take_param(const char **at, struct fr_auth_param *params, size_t n)
{
    const char *name = *at, *end = name;
    struct fr_auth_param *param;
    struct fr_slice value;

    while (is_token_char(*end))
        end++;
    if (end == name || *end != '=')
        return false;
    *at = end + 1;
    if (!take_value(at, &value))
        return false;
    param = find(params, n, name, (size_t)(end - name));
    return !param || keep(param, value);
}

static bool take_scheme(const char **at, const char *scheme)
{
    size_t len = strlen(scheme);

    if (strncasecmp(*at, scheme, len) != 0 || (*at)[len] != ' ')
        return false;
    *at += len + 1;
    return true;
}

bool fr_auth_params_read(const char *value, const char *scheme,
                         struct fr_auth_param *params, size_t n)
{
    const char *p = skip_spaces(value);

    for (size_t i = 0; i < n; i++) {
        params[i].to[0] = 0;
        params[i].seen = false;
    }
    if (scheme && !take_scheme(&p, scheme))
        return false;
    for (;;) {
        p = skip_spaces(p);
        if (!take_param(&p, params, n))
            return false;
        p = skip_spaces(p);
        if (*p == 0)
            return true;
        if (*p++ != ',')
            return false;
    }
}

void fr_auth_param_write(struct fr_buf *to, const char *name, const char *value)
{
    if (to->len && to->data[to->len - 1] != ' ')
        fr_buf_str(to, ", ");
    fr_buf_fmt(to, "%s=\"%s\"", name, value);
}
