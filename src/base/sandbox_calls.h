/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of sandbox: its two halves, and the system calls of each promise. */
#ifndef FR_BASE_SANDBOX_CALLS_H
#define FR_BASE_SANDBOX_CALLS_H

#include "base/sandbox.h"

/* NULL-terminated; a name that this machine does not have is skipped. */
extern const char *const *const fr_sandbox_calls[FR_N_PROMISES];

bool fr_seccomp_is_there(void);
FR_MUST_USE enum fr_code fr_seccomp_enter(const struct fr_sandbox *s,
                                          struct fr_err *err);

int fr_landlock_abi(void);
FR_MUST_USE enum fr_code fr_landlock_enter(const struct fr_sandbox *s, int abi,
                                           struct fr_err *err);

#endif
