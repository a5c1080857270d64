/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/env.h"

static int64_t fake_mono(void *ctx)
{
    return ((struct fr_fake_env *)ctx)->mono_ms;
}

static int64_t fake_wall(void *ctx)
{
    return ((struct fr_fake_env *)ctx)->wall_s;
}

static bool fake_synchronised(void *ctx)
{
    return !((struct fr_fake_env *)ctx)->unsynchronised;
}

/* splitmix64 */
static uint64_t next(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fake_random(void *ctx, void *to, size_t len)
{
    struct fr_fake_env *f = ctx;
    uint8_t *at = to;

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)next(&f->seed);
}

void fr_fake_env_init(struct fr_fake_env *f, uint64_t seed)
{
    *f = (struct fr_fake_env){.env = {.mono_ms = fake_mono,
                                      .wall_s = fake_wall,
                                      .synchronised = fake_synchronised,
                                      .random = fake_random,
                                      .ctx = f},
                              .mono_ms = 1000000,
                              .wall_s = 1800000000, /* 2027-01-15 */
                              .seed = seed};
}

void fr_fake_env_advance(struct fr_fake_env *f, int64_t ms)
{
    f->mono_ms += ms;
    f->wall_s += ms / 1000;
}
