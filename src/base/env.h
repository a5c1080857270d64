/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where clock and random come from, so that tests bring their own.
 */
#ifndef FR_BASE_ENV_H
#define FR_BASE_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct fr_env {
    int64_t (*mono_ms)(void *ctx);   /* never steps back */
    int64_t (*wall_s)(void *ctx);    /* seconds since 1970 UTC */
    bool (*synchronised)(void *ctx); /* does the kernel vouch for wall_s? */
    void (*random)(void *ctx, void *to, size_t len); /* cryptographic */
    void *ctx;
};

extern const struct fr_env fr_env_system;

static inline int64_t fr_mono_ms(const struct fr_env *env)
{
    return env->mono_ms(env->ctx);
}

static inline int64_t fr_wall_s(const struct fr_env *env)
{
    return env->wall_s(env->ctx);
}

static inline bool fr_wall_is_synchronised(const struct fr_env *env)
{
    return env->synchronised(env->ctx);
}

/* Uniform in [0, upto], both ends included. */
uint32_t fr_random_upto(const struct fr_env *env, uint32_t upto);

/* n random octets as lower-case hex; to: 2 * n + 1, n <= 32. */
char *fr_random_hex(const struct fr_env *env, char *to, size_t n);

#endif
