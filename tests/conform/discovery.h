/* SPDX-License-Identifier: Apache-2.0 */
/* What every discovery method must do, wherever its document comes from. */
#ifndef FR_CONFORM_DISCOVERY_H
#define FR_CONFORM_DISCOVERY_H

#include "conform/drive.h"

struct fr_conform_discovery {
    const struct fr_discovery_method *method;
    /* d is initialised: sets instruction and source so that document (NUL-terminated,
     * lives long enough) is what is found. */
    void (*begin)(struct fr_drive *d, const char *document);
    void (*end)(struct fr_drive *d);
};

int fr_conform_discovery_run(const struct fr_conform_discovery *member);

#endif
