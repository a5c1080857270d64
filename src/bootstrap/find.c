/* SPDX-License-Identifier: Apache-2.0 */
/* A bootstrap method by its name in an instruction. */
#include <string.h>

#include "bootstrap/bootstrap.h"

const struct fr_bootstrap_method *fr_bootstrap_find(
    const struct fr_bootstrap_method *const *methods, const char *name)
{
    for (; *methods; methods++)
        if (strcmp((*methods)->name, name) == 0)
            return *methods;
    return NULL;
}
