/* SPDX-License-Identifier: Apache-2.0 */
/* What this build has: one line a method (meson options bootstraps, discoveries,
 * keystores). What is not named here is not linked. */
#include <stddef.h>

#include "agent/client.h"

const struct fr_bootstrap_method *const fr_bootstraps[] = {
#ifdef FR_WITH_BOOTSTRAP_CERTIFICATE
    &fr_bootstrap_certificate,
#endif
#ifdef FR_WITH_BOOTSTRAP_GBA
    &fr_bootstrap_gba,
#endif
    NULL,
};

const struct fr_discovery_method *const fr_discoveries[] = {
#ifdef FR_WITH_DISCOVERY_FILE
    &fr_discovery_file,
#endif
#ifdef FR_WITH_DISCOVERY_HTTPS
    &fr_discovery_https,
#endif
    NULL,
};

const struct fr_usim_method *const fr_usims[] = {
#ifdef FR_WITH_KEYSTORE_UICC
    &fr_usim_uicc,
#endif
#ifdef FR_WITH_KEYSTORE_USIM_FILE
    &fr_usim_file,
#endif
    NULL,
};
