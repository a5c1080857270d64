/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/gba_info.h"
#include "proto/mmef_json.h"

enum { SUID_MAX = 99 };

enum fr_code fr_gba_wish_write(const struct fr_gba_wish *wish, struct fr_buf *to,
                               struct fr_err *err)
{
    json_auto_t *o = json_object();
    bool ok = fr_mmef_json_put(o, "target", wish->target) &&
              fr_mmef_json_put_int(o, "suid", wish->suid);

    return fr_mmef_json_write(o, ok, NULL, to, err);
}

enum fr_code fr_gba_wish_parse(struct fr_slice json, struct fr_gba_wish *ret,
                               struct fr_err *err)
{
    json_auto_t *o = NULL;
    struct fr_gba_wish wish;
    int64_t suid = 0;

    FR_TRY(fr_mmef_json_load(json, FR_GBA_WISH_MAX, &o, err));
    FR_TRY(fr_mmef_json_text(o, "target", wish.target, sizeof wish.target, err));
    FR_TRY(fr_mmef_json_int(o, "suid", SUID_MAX, &suid, err));
    if (!wish.target[0])
        return fr_mmef_malformed(err, "target", "is missing");
    wish.suid = (int)suid;
    *ret = wish;
    return FR_OK;
}
