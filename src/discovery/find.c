/* SPDX-License-Identifier: Apache-2.0 */
/* A discovery method by its name in an instruction. */
#include <string.h>

#include "discovery/discovery.h"

const struct fr_discovery_method *fr_discovery_find(
    const struct fr_discovery_method *const *methods, const char *name)
{
    for (; *methods; methods++)
        if (strcmp((*methods)->name, name) == 0)
            return *methods;
    return NULL;
}
