/* SPDX-License-Identifier: Apache-2.0 */
/* What every bootstrap method must do, whatever it speaks with its MEF. */
#ifndef FR_CONFORM_BOOTSTRAP_H
#define FR_CONFORM_BOOTSTRAP_H

#include "conform/drive.h"

struct fr_conform_bootstrap {
    const struct fr_bootstrap_method *method;
    /* d is initialised: sets link, peer and instruction so that an enrolment works. */
    void (*begin)(struct fr_drive *d);
    /* The same for resolving d->pending, which the MEF knows or does not know. */
    void (*begin_resolve)(struct fr_drive *d, bool known);
    void (*end)(struct fr_drive *d); /* frees what begin allocated */
    bool is_btid;                    /* its KeIDs are B-TIDs: case counts in them */
};

int fr_conform_bootstrap_run(const struct fr_conform_bootstrap *member);

#endif
