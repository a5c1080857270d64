/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each of fieldrootd's processes may do once it has opened what it needs: one
 * table, which docs/security.md shows and tests/unit/server/policy_test.c tries out.
 */
#ifndef FR_SERVER_POLICY_H
#define FR_SERVER_POLICY_H

#include "base/sandbox.h"
#include "server/parent/child.h"

enum { FR_POLICY_PARENT = FR_CHILD_KINDS, FR_N_POLICIES };

/* Who a process is after its start. */
enum fr_policy_user { FR_AS_STARTED, FR_AS_USER, FR_AS_VAULT_USER, FR_AS_SIGNER_USER };

struct fr_policy {
    unsigned promises;
    bool fatal;
    enum fr_policy_user user;
};
const struct fr_policy *fr_policy_of(int kind);
const char *fr_policy_name(int kind); /* "parent", else fr_child_name() */

/* What the kernel has of it, by `sandbox` of the config: asked once, by the parent.
 * Says in the log what is missing; FR_ECONFIG where it is required. */
FR_MUST_USE enum fr_code fr_policy_probe(const struct fr_server_config *c,
                                         struct fr_sandbox_support *ret,
                                         struct fr_err *err);

/* Becomes the user of this kind, if started as root and the config names one, and gives
 * up capabilities. */
FR_MUST_USE enum fr_code fr_policy_drop(const struct fr_server_config *c, int kind,
                                        struct fr_err *err);
/* Enters the sandbox of this kind. */
FR_MUST_USE enum fr_code fr_policy_enter(const struct fr_server_config *c, int kind,
                                         const struct fr_sandbox_support *support,
                                         struct fr_err *err);

#endif
