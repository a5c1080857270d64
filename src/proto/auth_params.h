/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of an authentication header (RFC 9110 11.2): name=value, with commas
 * between, values as token or quoted. Reads them into the caller's arrays, and writes
 * them; knows no scheme.
 */
#ifndef FR_PROTO_AUTH_PARAMS_H
#define FR_PROTO_AUTH_PARAMS_H

#include "base/buf.h"

/* One that is wanted, at most once. to[size] is "" if it did not come. */
struct fr_auth_param {
    const char *name; /* any case */
    char *to;
    size_t size;
    bool seen;
};

/* value: "Scheme name=value, ..."; scheme NULL: the parameters alone. False: malformed,
 * of another scheme, a wanted parameter twice, or one with a value that is too long, no
 * UTF-8, or has a control character or backslash. Others are skipped. */
bool fr_auth_params_read(const char *value, const char *scheme,
                         struct fr_auth_param *params, size_t n);

/* Appends `name="value"`, after ", " unless `to` ends in a space or is empty. */
void fr_auth_param_write(struct fr_buf *to, const char *name, const char *value);
/* What could stand between quotation marks as it is. */
bool fr_auth_value_is_plain(const char *value);

#endif
