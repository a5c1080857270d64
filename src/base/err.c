/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct code_row {
    const char *name;
    int http, rsc, exit;
} codes[] = {
#define X(code, name, http, coap, rsc, exit) [code] = {name, http, rsc, exit},
    FR_CODES(X)
#undef X
};

enum { N_CODES = sizeof codes / sizeof codes[0] };

static const struct code_row *row(enum fr_code code)
{
    return &codes[(unsigned)code < N_CODES ? code : FR_EINTERNAL];
}

const char *fr_code_name(enum fr_code code)
{
    return row(code)->name;
}

int fr_code_exit(enum fr_code code)
{
    return row(code)->exit;
}

int fr_code_http(enum fr_code code)
{
    return row(code)->http;
}

int fr_code_rsc(enum fr_code code)
{
    return row(code)->rsc;
}

enum fr_code fr_code_by_name(const char *name, enum fr_code otherwise)
{
    for (int i = 0; i < N_CODES; i++)
        if (strcmp(codes[i].name, name) == 0)
            return (enum fr_code)i;
    return otherwise;
}

void fr_err_set(struct fr_err *err, enum fr_code code, const char *reason,
                const char *where, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return;
    err->code = code;
    err->where = where;
    snprintf(err->reason, sizeof err->reason, "%s",
             reason ? reason : fr_code_name(code));
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
}

enum fr_code fr_err_wrap(struct fr_err *err, enum fr_code rc, const char *fmt, ...)
{
    char inner[FR_ERR_MSG_MAX];
    va_list ap;
    size_t n;

    if (!err || rc == FR_OK)
        return rc;
    memcpy(inner, err->msg, sizeof inner);
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    n = strlen(err->msg);
    snprintf(err->msg + n, sizeof err->msg - n, ": %s", inner);
    return rc;
}

void fr_err_clear(struct fr_err *err)
{
    memset(err, 0, sizeof *err);
}
