/* SPDX-License-Identifier: Apache-2.0 */
/* A clock that moves when told to, and random octets from a seed. */
#ifndef FR_FAKE_ENV_H
#define FR_FAKE_ENV_H

#include "base/env.h"

struct fr_fake_env {
    struct fr_env env; /* .ctx points back here */
    int64_t mono_ms, wall_s;
    bool unsynchronised;
    uint64_t seed;
};

/* Not to be copied afterwards. */
void fr_fake_env_init(struct fr_fake_env *f, uint64_t seed);
void fr_fake_env_advance(struct fr_fake_env *f, int64_t ms);

#endif
