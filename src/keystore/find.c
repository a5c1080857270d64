/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "keystore/usim.h"

const struct fr_usim_method *fr_usim_find(const struct fr_usim_method *const *methods,
                                          const char *name)
{
    for (; *methods; methods++)
        if (strcmp((*methods)->name, name) == 0)
            return *methods;
    return NULL;
}
