/* SPDX-License-Identifier: Apache-2.0 */
/* What a tool or another node has changed about the store as a whole. */
#include "base/str.h"
#include "server/vault/internal.h"

static enum fr_code check_place(struct fr_vault *v, struct fr_err *err)
{
    char moved[FR_FACT_MAX], copy[FR_FACT_MAX];

    FR_TRY(fr_fact_get(v->store, FR_FACT_MOVED, moved, err));
    if (moved[0])
        return FR_FAIL_AS(err, FR_ECONFIG, "store-moved",
                          "this store has moved (%s): serve from there", moved);
    FR_TRY(fr_fact_get(v->store, FR_FACT_COPY, copy, err));
    if (copy[0])
        return FR_FAIL_AS(err, FR_ECONFIG, "copy-unfinished",
                          "this store is a copy that is not finished (%s): end it by "
                          "`fieldrootctl store copy --final`",
                          copy);
    return FR_OK;
}

static enum fr_code read_feed_base(struct fr_vault *v, struct fr_err *err)
{
    char fact[FR_FACT_MAX];
    uint64_t base = 0;

    FR_TRY(fr_fact_get(v->store, FR_FACT_FEED_BASE, fact, err));
    if (fact[0] && !fr_uint_parse(fr_slice_str(fact), INT64_MAX, &base))
        return FR_FAIL(err, FR_ESTORE, "the store's fact \"%s\" is no number",
                       FR_FACT_FEED_BASE);
    v->feed_base = base;
    return FR_OK;
}

enum fr_code fr_vault_change_rules(struct fr_vault *v, struct fr_err *err)
{
    v->changes_rules = true;
    return fr_fact_new_generation(v->store, v->env, err);
}

enum fr_code fr_vault_recheck(struct fr_vault *v, struct fr_err *err)
{
    char generation[FR_FACT_MAX];

    if (v->changes_rules)
        return FR_OK;
    FR_TRY(fr_fact_get(v->store, FR_FACT_GENERATION, generation, err));
    if (!fr_str_equal(generation, v->generation))
        return FR_FAIL_AS(err, FR_EBUSY, "batch-retry",
                          "the rules of the store changed under this batch");
    return FR_OK;
}

enum fr_code fr_vault_heed(struct fr_vault *v, struct fr_err *err)
{
    char generation[FR_FACT_MAX];

    v->changes_rules = v->has_read_facts = false;
    FR_TRY(fr_fact_get(v->store, FR_FACT_GENERATION, generation, err));
    if (v->has_facts && fr_str_equal(generation, v->generation))
        return FR_OK;
    FR_TRY(check_place(v, err));
    FR_TRY(read_feed_base(v, err));
    FR_TRY(fr_vault_keys_settle(v, err));
    snprintf(v->generation, sizeof v->generation, "%s", generation);
    v->has_facts = v->has_read_facts = true;
    return FR_OK;
}
