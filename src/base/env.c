/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>

#include "base/str.h"

static int64_t system_mono_ms(void *ctx)
{
    struct timespec ts;

    (void)ctx;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_wall_s(void *ctx)
{
    (void)ctx;
    return time(NULL);
}

/* NTP, PTP or whoever disciplines the clock clears STA_UNSYNC; a clock that nobody has
 * looked after for long is in TIME_ERROR. */
static bool system_synchronised(void *ctx)
{
    struct timex state = {.modes = 0};
    int rc = adjtimex(&state);

    (void)ctx;
    return rc >= 0 && rc != TIME_ERROR && !(state.status & STA_UNSYNC);
}

static void system_random(void *ctx, void *to, size_t len)
{
    (void)ctx;
    for (size_t done = 0; done < len;) {
        ssize_t n = getrandom((uint8_t *)to + done, len - done, 0);

        if (n < 0 && errno != EINTR)
            abort(); /* a kernel without randomness: nothing is safe */
        done += n < 0 ? 0 : (size_t)n;
    }
}

const struct fr_env fr_env_system = {
    .mono_ms = system_mono_ms,
    .wall_s = system_wall_s,
    .synchronised = system_synchronised,
    .random = system_random,
};

uint32_t fr_random_upto(const struct fr_env *env, uint32_t upto)
{
    uint32_t v, mask = upto;

    for (unsigned shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    do {
        env->random(env->ctx, &v, sizeof v);
        v &= mask;
    } while (v > upto);
    return v;
}

char *fr_random_hex(const struct fr_env *env, char *to, size_t n)
{
    uint8_t raw[32];

    if (n > sizeof raw)
        n = sizeof raw;
    env->random(env->ctx, raw, n);
    fr_hex_encode(fr_slice_of(raw, n), to, false);
    return to;
}
