/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time it is, for a device that may have no clock (DESIGN 10).
 *
 * The system's clock counts while the kernel calls it synchronised. Otherwise a device
 * goes by the last time that it knows of, in the file `clock` of its state folder, or
 * by the beginning of its own certificate if that is later: what a peer shows must not
 * have ended before that, and when it began is not looked at. That time moves forward
 * only once a MEF has proved that it holds Ke, to the notBefore of the certificate that
 * this MEF showed; never by a discovery. A first one is taken as it is; a step of over
 * two years, while the clock is not synchronised, is left to the operator (`fieldroot
 * clock --set`).
 *
 * For the device's own matters (is a credential due, what does `status` say) it is the
 * later of the two.
 */
#ifndef FR_AGENT_CLOCK_H
#define FR_AGENT_CLOCK_H

#include "agent/state.h"
#include "base/env.h"

#define FR_CLOCK_STEP_MAX_S (INT64_C(2) * 366 * 86400)

struct fr_clock {
    bool synchronised;
    bool damaged;       /* the file cannot be read: as if there were none */
    int64_t system;     /* of the system's clock */
    int64_t last_known; /* 0: none */
};

/* Always as of now. */
struct fr_clock fr_clock_read(const struct fr_state *state, const struct fr_env *env);

/* For the device's own matters. */
int64_t fr_clock_now(const struct fr_clock *c);

/* After a key confirmation: not_before is of the MEF's certificate. Never goes back.
 * FR_EREFUSED, "clock-step": too far for a device without a clock. A power cut soon
 * after may undo it: the time from before is one that has passed as well. */
FR_MUST_USE enum fr_code fr_clock_advance(const struct fr_state *state,
                                          const struct fr_env *env, int64_t not_before,
                                          struct fr_err *err);

/* The operator's word, in either direction; durable. */
FR_MUST_USE enum fr_code fr_clock_set(const struct fr_state *state, int64_t to,
                                      struct fr_err *err);

#endif
