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
    memset(oldest, 0, sizeof *oldest);
    memcpy(oldest->hash, hash, HASH_LEN);
    return oldest;
}

enum fr_code fr_vault_rate_identity(struct fr_vault_identities *t, const char *identity,
                                    int64_t now_ms, struct fr_err *err)
{
    uint8_t hash[FR_SHA256_LEN];

    if (!t)
        return FR_OK;
    FR_TRY(fr_sha256(fr_slice_str(identity), hash, err));
    /* On a clock that is so much slower, a rate a second is one a minute. */
    if (fr_bucket_take(&find(t, hash)->bucket, now_ms / SECONDS_OF_MINUTE,
                       t->per_minute, t->per_minute))
        return FR_OK;
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "enrolment-rate",
                      "more than %ld enrolments a minute of one device", t->per_minute);
}
