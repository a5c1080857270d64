/* SPDX-License-Identifier: Apache-2.0 */
/* BootstrappingInfo as a GBA-BSF writes it: no XML library is needed for that. */
#include "proto/gba_info.h"

#include <string.h>

#include "base/timetext.h"
#include "model/instruction.h"

enum { SUID_MIN = 10, SUID_MAX = 99 };

static enum fr_code malformed(const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EINVALID, "gba-info-malformed",
                      "BootstrappingInfo: %s is missing or wrong", what);
}

static bool is_fqdn(const char *s)
{
    return fr_fqdn_is_valid(fr_slice_str(s));
}

enum fr_code fr_gba_info_check(const struct fr_gba_info *info, struct fr_err *err)
{
    if (!fr_btid_is_valid(info->btid, NULL))
        return malformed("btid", err);
    if (info->lifetime <= 0)
        return malformed("lifetime", err);
    if (info->current_time < 0)
        return malformed("currenttime", err);
    if (!info->target[0])
        return FR_OK;
    if (!fr_target_is_valid(fr_slice_str(info->target)))
        return malformed("the target's id", err);
    if (!is_fqdn(info->target_fqdn))
        return malformed("the target's fqdn", err);
    if (!is_fqdn(info->admin_fqdn))
        return malformed("the target's adminFQDN", err);
    if (info->suid < SUID_MIN || info->suid > SUID_MAX)
        return malformed("the target's suid", err);
    return FR_OK;
}

static void put_escaped(struct fr_buf *to, const char *text)
{
    for (const char *p = text; *p; p++)
        if (strchr("&<>\"'", *p))
            fr_buf_fmt(to, "&#%d;", *p);
        else
            fr_buf_u8(to, (uint8_t)*p);
}

static void put_element(struct fr_buf *to, const char *name, const char *text)
{
    fr_buf_fmt(to, "<%s>", name);
    put_escaped(to, text);
    fr_buf_fmt(to, "</%s>", name);
}

static void put_attribute(struct fr_buf *to, const char *name, const char *value)
{
    fr_buf_fmt(to, " %s=\"", name);
    put_escaped(to, value);
    fr_buf_str(to, "\"");
}

static void put_extension(struct fr_buf *to, const struct fr_gba_info *info)
{
    char text[FR_TIME_TEXT];

    fr_buf_str(to, "<Extension>");
    if (info->current_time)
        put_element(to, "currenttime", fr_rfc3339_format(info->current_time, text));
    if (info->target[0]) {
        fr_buf_str(to, "<f:target xmlns:f=\"" FR_GBA_INFO_OURS "\"");
        put_attribute(to, "id", info->target);
        put_attribute(to, "fqdn", info->target_fqdn);
        fr_buf_fmt(to, " suid=\"%d\"", info->suid);
        put_attribute(to, "adminFQDN", info->admin_fqdn);
        fr_buf_str(to, "/>");
    }
    fr_buf_str(to, "</Extension>");
}

enum fr_code fr_gba_info_write(const struct fr_gba_info *info, struct fr_buf *to,
                               struct fr_err *err)
{
    char text[FR_TIME_TEXT];

    FR_TRY(fr_gba_info_check(info, err));
    fr_buf_str(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<BootstrappingInfo xmlns=\"" FR_GBA_INFO_NS "\">");
    put_element(to, "btid", info->btid);
    put_element(to, "lifetime", fr_rfc3339_format(info->lifetime, text));
    if (info->current_time || info->target[0])
        put_extension(to, info);
    fr_buf_str(to, "</BootstrappingInfo>\n");
    return fr_buf_check(to, err);
}
