/* SPDX-License-Identifier: Apache-2.0 */
#include "server/vault/rate.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/kdf.h"

enum { WAYS = 8, SECONDS_OF_MINUTE = 60, HASH_LEN = 16 };

enum fr_code fr_vault_rate_message(struct fr_vault_rates *r, enum fr_msg_type type,
                                   int64_t now_ms, struct fr_err *err)
{
    int64_t rate =
        type == FR_MSG_ADMIN ? FR_VAULT_ADMIN_PER_S : FR_VAULT_MESSAGES_PER_S;

    if (fr_bucket_take(&r->bucket[type], now_ms, rate, rate))
        return FR_OK;
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "worker-rate",
                      "more than %ld %s messages a second of one worker", (long)rate,
                      fr_msg_name(type));
}

/* By the hash of the identity, so that its length costs nothing. A set of WAYS slots is
 * searched; the one that was used the longest time ago gives way. */
struct slot {
    uint8_t hash[HASH_LEN];
    struct fr_bucket bucket;
};

struct fr_vault_identities {
    long per_minute;
    struct slot slot[FR_VAULT_IDENTITIES];
    struct {
        struct slot *slot, was;
    } counted[FR_VAULT_BATCH_MAX]; /* of this batch, to take it back */
    size_t n_counted;
};

enum fr_code fr_vault_identities_new(long per_minute, struct fr_vault_identities **ret,
                                     struct fr_err *err)
{
    struct fr_vault_identities *t;

    *ret = NULL;
    if (per_minute == 0)
        return FR_OK;
    t = calloc(1, sizeof *t);
    if (!t)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the enrolment rates");
    t->per_minute = per_minute;
    *ret = t;
    return FR_OK;
}

void fr_vault_identities_free(struct fr_vault_identities *t)
{
    free(t);
}

static struct slot *find(struct fr_vault_identities *t, const uint8_t hash[HASH_LEN])
{
    size_t set = ((size_t)hash[0] << 8 | hash[1]) % (FR_VAULT_IDENTITIES / WAYS) * WAYS;
    struct slot *oldest = &t->slot[set];

    for (size_t i = set; i < set + WAYS; i++) {
        if (memcmp(t->slot[i].hash, hash, HASH_LEN) == 0)
            return &t->slot[i];
        if (t->slot[i].bucket.last_ms < oldest->bucket.last_ms)
            oldest = &t->slot[i];
    }
    return oldest;
}

static void note(struct fr_vault_identities *t, struct slot *slot)
{
    if (t->n_counted == FR_VAULT_BATCH_MAX)
        return;
    t->counted[t->n_counted].slot = slot;
    t->counted[t->n_counted++].was = *slot;
}

static struct slot *take_slot(struct fr_vault_identities *t,
                              const uint8_t hash[HASH_LEN])
{
    struct slot *slot = find(t, hash);

    note(t, slot);
    if (memcmp(slot->hash, hash, HASH_LEN) != 0) {
        memset(slot, 0, sizeof *slot);
        memcpy(slot->hash, hash, HASH_LEN);
    }
    return slot;
}

enum fr_code fr_vault_rate_identity(struct fr_vault_identities *t, const char *identity,
                                    int64_t now_ms, struct fr_err *err)
{
    uint8_t hash[FR_SHA256_LEN];

    if (!t)
        return FR_OK;
    FR_TRY(fr_sha256(fr_slice_str(identity), hash, err));
    /* On a clock that is so much slower, a rate a second is one a minute. */
    if (fr_bucket_take(&take_slot(t, hash)->bucket, now_ms / SECONDS_OF_MINUTE,
                       t->per_minute, t->per_minute))
        return FR_OK;
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "enrolment-rate",
                      "more than %ld enrolments a minute of one device", t->per_minute);
}

size_t fr_vault_identities_counted(const struct fr_vault_identities *t)
{
    return t ? t->n_counted : 0;
}

void fr_vault_identities_undo(struct fr_vault_identities *t, size_t counted)
{
    while (t && t->n_counted > counted) {
        t->n_counted--;
        *t->counted[t->n_counted].slot = t->counted[t->n_counted].was;
    }
}

void fr_vault_identities_keep(struct fr_vault_identities *t)
{
    if (t)
        t->n_counted = 0;
}
