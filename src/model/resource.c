/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/instruction.h"

/* A percent escape begins at i, and is none of NUL. */
static bool is_escape(struct fr_slice s, size_t i)
{
    uint8_t octet;

    return s.len - i >= 3 && fr_hex_decode(fr_slice_of(s.data + i + 1, 2), &octet) &&
           octet != 0;
}

/* Visible ASCII, whole percent escapes, nothing of refused: what a request line can
 * carry. */
static bool is_path(struct fr_slice s, const char *refused)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] <= 0x20 || s.data[i] >= 0x7f || strchr(refused, s.data[i]))
            return false;
        if (s.data[i] == '%' && !is_escape(s, i))
            return false;
    }
    return true;
}

static enum fr_code bad(struct fr_slice uri, const char *needed, struct fr_err *err)
{
    char shown[80];

    fr_printable(uri, shown, sizeof shown);
    return FR_FAIL_AS(err, FR_EPARSE, "document-bad-value", "\"%s\" is not %s", shown,
                      needed);
}

static enum fr_code normalise_file(struct fr_slice uri, char **ret, struct fr_err *err)
{
    struct fr_slice path = uri;

    if (!fr_take_text(&path, "file:///") || path.len == 0 ||
        !is_path(path, "#?\"<>\\^`"))
        return bad(uri, "of the form file:///path, other characters as %XX", err);
    return fr_str_dup_n(uri, ret, err);
}

/* host[:port], up to the path. */
static bool take_authority(struct fr_slice *rest, char host[FR_ID_MAX + 1],
                           uint16_t *port)
{
    char authority[FR_FQDN_MAX + sizeof ":65535"];
    size_t n = 0;

    while (n < rest->len && rest->data[n] != '/')
        n++;
    if (n >= sizeof authority || memchr(rest->data, 0, n))
        return false;
    memcpy(authority, rest->data, n);
    authority[n] = 0;
    rest->data += n;
    rest->len -= n;
    return fr_host_port_parse(authority, host, port) &&
           fr_fqdn_is_valid(fr_slice_str(host));
}

static enum fr_code normalise_https(struct fr_slice uri, char **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_RESOURCE_MAX + 64);
    struct fr_slice rest = uri;
    char host[FR_ID_MAX + 1];
    uint16_t port = 0;

    if (!fr_take_text(&rest, "https://") || !take_authority(&rest, host, &port) ||
        !is_path(rest, "#\"<>\\^`{|}"))
        return bad(uri, "of the form https://host[:port]/path, host an FQDN", err);
    fr_buf_fmt(&text, "https://%s", host);
    if (port != 0)
        fr_buf_fmt(&text, ":%u", port);
    if (rest.len <= 1)
        fr_buf_str(&text, FR_DISCOVERY_PATH);
    else
        fr_buf_put(&text, rest.data, rest.len);
    FR_TRY(fr_buf_check(&text, err));
    return fr_str_dup_n(fr_buf_view(&text), ret, err);
}

enum fr_code fr_resource_normalise(const char *method, struct fr_slice uri, char **ret,
                                   struct fr_err *err)
{
    if (uri.len > FR_RESOURCE_MAX)
        return FR_FAIL_AS(err, FR_EPARSE, "document-too-long",
                          "a discovery resource has at most %d octets",
                          FR_RESOURCE_MAX);
    if (strcmp(method, "file") == 0)
        return normalise_file(uri, ret, err);
    if (strcmp(method, "https") == 0)
        return normalise_https(uri, ret, err);
    return fr_str_dup_n(uri, ret, err);
}
