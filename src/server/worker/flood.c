/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/flood.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

/*
 * A slot is one word: whose it is, and when its next one would be due if it kept to its
 * rate (the "virtual scheduling" of a leaky bucket). A word of zero is nobody's.
 */
enum { WAYS = 4, TAG_SHIFT = 40, TICKS_PER_MS = 10, MS_PER_S = 1000 };
#define TIME_MASK ((UINT64_C(1) << TAG_SHIFT) - 1)

struct fr_flood {
    uint64_t seed;
    uint64_t step, ahead; /* ticks: between two, and how far due may be in advance */
    _Atomic uint64_t slot[FR_N_WORKERS][FR_FLOOD_SLOTS];
};

enum fr_code fr_flood_new(const struct fr_env *env, long rate, struct fr_flood **ret,
                          struct fr_err *err)
{
    struct fr_flood *f;

    *ret = NULL;
    if (rate == 0)
        return FR_OK;
    f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
             0);
    if (f == MAP_FAILED)
        return FR_FAIL(err, FR_ENOMEM, "the table of addresses: %s", strerror(errno));
    env->random(env->ctx, &f->seed, sizeof f->seed);
    f->step = (uint64_t)(TICKS_PER_MS * MS_PER_S / rate);
    f->ahead = f->step * (uint64_t)rate * FR_FLOOD_BURST;
    *ret = f;
    return FR_OK;
}

void fr_flood_free(struct fr_flood *f)
{
    if (f)
        (void)munmap(f, sizeof *f);
}

/* FNV-1a from a secret start, mixed: nobody chooses addresses that meet. */
static uint64_t hash_of(const struct fr_flood *f, const char *network)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ f->seed;

    for (const char *c = network; *c; c++)
        h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 33;
}

/* How far its due time is ahead; 0: it has been quiet, or nobody wrote that. Time goes
 * round in 3.5 years, and one worker may know it a little before the others. */
static uint64_t lead_of(const struct fr_flood *f, uint64_t word, uint64_t now)
{
    uint64_t lead = (word - now) & TIME_MASK;

    return lead <= 2 * f->ahead ? lead : 0;
}

static uint64_t quiet_of(const struct fr_flood *f, uint64_t word, uint64_t now)
{
    if (word == 0)
        return UINT64_MAX;
    return lead_of(f, word, now) > 0 ? 0 : (now - word) & TIME_MASK;
}

/* The slot of this tag, or the one whose owner has been quiet the longest. */
static _Atomic uint64_t *find(const struct fr_flood *f, _Atomic uint64_t *set,
                              uint64_t tag, uint64_t now)
{
    _Atomic uint64_t *oldest = set;
    uint64_t longest = 0;

    for (size_t i = 0; i < WAYS; i++) {
        uint64_t word = atomic_load_explicit(&set[i], memory_order_relaxed);
        uint64_t quiet = quiet_of(f, word, now);

        if (word >> TAG_SHIFT == tag)
            return &set[i];
        if (quiet > longest) {
            longest = quiet;
            oldest = &set[i];
        }
    }
    return oldest;
}

bool fr_flood_admits(struct fr_flood *f, enum fr_worker type, const char *network,
                     int64_t now_ms)
{
    uint64_t now = (uint64_t)now_ms * TICKS_PER_MS & TIME_MASK, hash, tag, word, lead;
    _Atomic uint64_t *slot;

    if (!f)
        return true;
    hash = hash_of(f, network);
    tag = hash >> TAG_SHIFT | 1; /* never nobody's */
    slot = find(f, &f->slot[type][hash % (FR_FLOOD_SLOTS / WAYS) * WAYS], tag, now);
    word = atomic_load_explicit(slot, memory_order_relaxed);
    do {
        lead = word >> TAG_SHIFT == tag ? lead_of(f, word, now) : 0;
        if (lead + f->step > f->ahead)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        slot, &word, tag << TAG_SHIFT | ((now + lead + f->step) & TIME_MASK),
        memory_order_relaxed, memory_order_relaxed));
    return true;
}
