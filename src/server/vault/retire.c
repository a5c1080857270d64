/* SPDX-License-Identifier: Apache-2.0 */
/* The end of credentials, and of what the feed says of them. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "server/vault/internal.h"

enum { PRUNE_EVERY_S = 3600, HELD_LOOK_S = 60 };

enum fr_code fr_vault_grow(struct fr_vault *v, const char *fqdn, struct fr_err *err)
{
    for (size_t i = 0; i < v->n_grown; i++)
        if (fr_str_equal(v->grown[i], fqdn))
            return FR_OK;
    if (v->n_grown == v->cap_grown) {
        size_t cap = v->cap_grown ? 2 * v->cap_grown : 8;
        void *grown = reallocarray(v->grown, cap, sizeof *v->grown);

        if (!grown)
            return FR_FAIL(err, FR_ENOMEM, "out of memory");
        v->grown = grown;
        v->cap_grown = cap;
    }
    snprintf(v->grown[v->n_grown++], sizeof *v->grown, "%s", fqdn);
    return FR_OK;
}

static enum fr_code grow_told(struct fr_vault *v, const struct fr_store_credential *c,
                              struct fr_err *err)
{
    struct fr_store_told told = {0};

    if (!fr_derivation_is_gba(c->derivation))
        return FR_OK;
    FR_TRY(FR_ASK(v, err, credential_told, c, &told));
    for (size_t i = 0; i < told.n; i++)
        FR_TRY(fr_vault_grow(v, told.list[i].fqdn, err));
    return FR_OK;
}

enum fr_code fr_vault_remove(struct fr_vault *v, const struct fr_store_credential *c,
                             const struct fr_removal *why, struct fr_err *err)
{
    const struct fr_said said = {.actor = why->actor,
                                 .action = why->action,
                                 .subject = c->key_id,
                                 .decision = "allowed",
                                 .reason = why->reason};

    FR_TRY(grow_told(v, c, err));
    FR_TRY(FR_ASK(v, err, credential_remove, c->key_id, why->event, fr_wall_s(v->env)));
    FR_TRY(fr_vault_grow(v, c->target_fqdn, err));
    return fr_vault_audit(v, &said, err, "the %s key of %s (\"%s\") for %s is gone",
                          c->slot == FR_SLOT_CURRENT ? "current" : "previous", c->san,
                          c->enrolee, c->place.target);
}

struct due {
    struct fr_store_credential *list;
    size_t n;
};

static enum fr_code collect(void *ctx, const struct fr_store_credential *row,
                            struct fr_err *err)
{
    struct due *due = ctx;

    if (due->n == FR_VAULT_BATCH_MAX)
        return FR_FAIL(err, FR_ESTORE, "more credentials than asked for");
    due->list[due->n++] = *row;
    return FR_OK;
}

static enum fr_code retire_all(struct fr_vault *v, const struct due *due, int64_t now,
                               struct fr_err *err)
{
    for (size_t i = 0; i < due->n; i++) {
        const struct fr_store_credential *c = &due->list[i];
        const struct fr_removal why = {.event = FR_EVENT_RETIRED,
                                       .actor = "vault",
                                       .action = "retire",
                                       .reason =
                                           c->expires <= now ? "expired" : "replaced"};

        FR_TRY(fr_vault_remove(v, c, &why, err));
    }
    return FR_OK;
}

static enum fr_code retire_batch(struct fr_vault *v, const struct due *due, int64_t now,
                                 struct fr_err *err)
{
    enum fr_code rc;

    FR_TRY(fr_vault_begin(v, err));
    rc = retire_all(v, due, now, err);
    if (rc == FR_OK)
        return fr_vault_commit(v, err);
    fr_vault_rollback(v);
    return rc;
}

static enum fr_code retire_due(struct fr_vault *v, int64_t now, struct fr_err *err)
{
    struct due due = {.list = calloc(FR_VAULT_BATCH_MAX, sizeof *due.list)};
    const struct fr_store_credential_rows rows = {.row = collect, .ctx = &due};
    enum fr_code rc;

    if (!due.list)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    rc = FR_ASK(v, err, credential_due, now, (size_t)FR_VAULT_BATCH_MAX, rows);
    if (rc == FR_OK && due.n > 0)
        rc = retire_batch(v, &due, now, err);
    free(due.list);
    return rc;
}

static enum fr_code prune_batch(struct fr_vault *v, int64_t before, size_t *ret_n,
                                struct fr_err *err)
{
    enum fr_code rc;

    FR_TRY(fr_vault_begin(v, err));
    rc = FR_ASK(v, err, feed_prune, before, (size_t)FR_VAULT_BATCH_MAX, ret_n);
    if (rc == FR_OK)
        return fr_vault_commit(v, err);
    fr_vault_rollback(v);
    return rc;
}

/* A target drops a key at its expiry by itself; so what was said of it can go some time
 * after that, and no reader needs to begin again. */
static enum fr_code prune_feed(struct fr_vault *v, int64_t now, struct fr_err *err)
{
    int64_t before = now - FR_VAULT_FEED_KEEP_S, oldest = INT64_MAX;
    size_t n = 0;

    FR_TRY(FR_ASK(v, err, feed_oldest, &oldest));
    if (oldest < before)
        FR_TRY(prune_batch(v, before, &n, err));
    if (n == FR_VAULT_BATCH_MAX) /* there is more at the next tick */
        return FR_OK;
    v->pruned = now;
    return fr_vault_keep_time(v, err);
}

static bool is_time_to_prune(const struct fr_vault *v, int64_t now)
{
    return now < v->pruned || now - v->pruned >= PRUNE_EVERY_S;
}

enum fr_code fr_vault_tick(struct fr_vault *v, int64_t *ret_due, struct fr_err *err)
{
    int64_t now = fr_wall_s(v->env), due = INT64_MAX;
    enum fr_code pruned = FR_OK; /* a feed that stays long keeps no key alive */
    bool holds = false;

    v->n_grown = 0;
    FR_TRY(fr_vault_watch_clock(v, &holds, err));
    *ret_due = now + HELD_LOOK_S;
    if (holds)
        return FR_OK;
    if (is_time_to_prune(v, now))
        pruned = prune_feed(v, now, err);
    v->n_grown = 0;
    FR_TRY(FR_ASK(v, err, credential_next_due, &due));
    if (due <= now) {
        FR_TRY(retire_due(v, now, err));
        FR_TRY(FR_ASK(v, err, credential_next_due, &due));
    }
    *ret_due = due;
    return pruned;
}
