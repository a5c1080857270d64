/* SPDX-License-Identifier: Apache-2.0 */
/* Our extensions on the way: key confirmation, the target's fetch, errors. */
#include <string.h>

#include "base/str.h"
#include "proto/mmef.h"
#include "proto/mmef_json.h"

#define MAC_TEXT 43 /* octets of 32 in base64url */

enum fr_code fr_mmef_mac_encode(const uint8_t mac[FR_SHA256_LEN], struct fr_buf *to,
                                struct fr_err *err)
{
    fr_buf_str(to, "{\"mac\":\"");
    fr_base64_encode(fr_slice_of(mac, FR_SHA256_LEN), true, to);
    fr_buf_str(to, "\"}");
    return fr_buf_check(to, err);
}

enum fr_code fr_mmef_mac_decode(struct fr_slice json, uint8_t ret[FR_SHA256_LEN],
                                struct fr_err *err)
{
    json_auto_t *root = NULL;
    FR_AUTO_CLEAR(buf) mac = FR_BUF_INIT(FR_SHA256_LEN);
    char text[MAC_TEXT + 1];

    FR_TRY(fr_mmef_json_load(json, FR_MMEF_BODY_MAX, &root, err));
    FR_TRY(fr_mmef_json_text(root, "mac", text, sizeof text, err));
    bool is_mac =
        strlen(text) == MAC_TEXT && fr_base64_decode(fr_slice_str(text), true, &mac);
    FR_TRY(fr_buf_check(&mac, err));
    if (!is_mac)
        return fr_mmef_malformed(err, "mac", "is not 32 octets in base64url");
    memcpy(ret, mac.data, FR_SHA256_LEN);
    return FR_OK;
}

enum fr_code fr_mmef_is_fetched_encode(bool fetched, struct fr_buf *to,
                                       struct fr_err *err)
{
    fr_buf_fmt(to, "{\"fetched\":%s}", fetched ? "true" : "false");
    return fr_buf_check(to, err);
}

enum fr_code fr_mmef_is_fetched_decode(struct fr_slice json, bool *ret,
                                       struct fr_err *err)
{
    json_auto_t *root = NULL;

    FR_TRY(fr_mmef_json_load(json, FR_MMEF_BODY_MAX, &root, err));
    if (!json_object_get(root, "fetched"))
        return fr_mmef_malformed(err, "fetched", "is missing");
    return fr_mmef_json_bool(root, "fetched", ret, err);
}

enum fr_code fr_mmef_problem_encode(const struct fr_mmef_problem *p, struct fr_buf *to,
                                    struct fr_err *err)
{
    json_auto_t *o = json_object();
    bool ok = fr_mmef_json_put(o, "reason", p->reason) &&
              fr_mmef_json_put(o, "text", p->text);

    return fr_mmef_json_write(o, ok, NULL, to, err);
}

/* A reason token of ours: lower-case letters, digits, '-'. */
static bool is_token(const char *s, size_t len)
{
    return len > 0 && len < FR_ERR_REASON_MAX &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* The peer's words go to a terminal and into records: nothing unprintable of them. */
void fr_mmef_problem_decode(struct fr_slice json, struct fr_mmef_problem *ret)
{
    json_auto_t *root = NULL;
    const json_t *reason, *text;

    *ret = (struct fr_mmef_problem){0};
    if (fr_mmef_json_load(json, FR_MMEF_BODY_MAX, &root, NULL) != FR_OK)
        return;
    reason = json_object_get(root, "reason");
    if (json_is_string(reason) &&
        is_token(json_string_value(reason), json_string_length(reason)))
        memcpy(ret->reason, json_string_value(reason), json_string_length(reason));
    text = json_object_get(root, "text");
    if (json_is_string(text))
        fr_printable(fr_slice_of(json_string_value(text), json_string_length(text)),
                     ret->text, sizeof ret->text);
}
