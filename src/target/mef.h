/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MEF's fetch listener over mutual TLS, as struct fr_target wants it.
 */
#ifndef FR_TARGET_MEF_H
#define FR_TARGET_MEF_H

#include "net/call.h"
#include "target/config.h"
#include "target/sync.h"

struct fr_target_mef {
    const struct fr_target_config *config; /* borrowed */
    const struct fr_env *env;
    struct fr_tls *tls;
    struct fr_call *call;
};

/* cancel_fd: readable ends any get by FR_EINTERRUPTED; -1: none. FR_ECONFIG for the
 * files, and for a certificate that is not fqdn's. */
FR_MUST_USE enum fr_code fr_target_mef_open(struct fr_target_mef *m,
                                            const struct fr_target_config *config,
                                            const struct fr_env *env, int cancel_fd,
                                            struct fr_err *err);
void fr_target_mef_clear(struct fr_target_mef *m); /* a zeroed one is fine */

/* The contract of struct fr_target's get. */
FR_MUST_USE enum fr_code fr_target_mef_get(struct fr_target_mef *m, const char *path,
                                           int64_t timeout_ms,
                                           struct fr_target_answer *ret,
                                           struct fr_err *err);

#endif
