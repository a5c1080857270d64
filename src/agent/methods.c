/* SPDX-License-Identifier: Apache-2.0 */
/* What this build has: one line a method. */
#include <stddef.h>

#include "agent/client.h"

const struct fr_bootstrap_method *const fr_bootstraps[] = {
    &fr_bootstrap_certificate,
    NULL,
};

const struct fr_discovery_method *const fr_discoveries[] = {
    &fr_discovery_file,
    &fr_discovery_https,
    NULL,
};
