/* SPDX-License-Identifier: Apache-2.0 */
#include "store/facts.h"

#include <stdio.h>

#include "base/str.h"
#include "store/ask.h"

enum { GENERATION_LEN = 8 };

enum fr_code fr_fact_get(struct fr_store *s, const char *name, char ret[FR_FACT_MAX],
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_FACT_MAX - 1);
    enum fr_code rc = FR_STORE_ASK(s, err, meta_get, name, &value);

    if (rc != FR_OK && rc != FR_ENOTFOUND)
        return rc;
    snprintf(ret, FR_FACT_MAX, "%s", fr_buf_cstr(&value));
    return FR_OK;
}

enum fr_code fr_fact_set(struct fr_store *s, const char *name, const char *value,
                         struct fr_err *err)
{
    return FR_STORE_ASK(s, err, meta_set, name, value);
}

enum fr_code fr_fact_new_generation(struct fr_store *s, const struct fr_env *env,
                                    struct fr_err *err)
{
    uint8_t octets[GENERATION_LEN];
    char text[2 * GENERATION_LEN + 1];

    env->random(env->ctx, octets, sizeof octets);
    fr_hex_encode(fr_slice_of(octets, sizeof octets), text, false);
    FR_TRY(FR_STORE_ASK_PLAIN(s, err, nodes_hold));
    return fr_fact_set(s, FR_FACT_GENERATION, text, err);
}
