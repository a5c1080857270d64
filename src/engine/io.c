/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/io.h"

#include <assert.h>

void fr_acts_add(struct fr_acts *acts, struct fr_act act)
{
    assert(acts->n < FR_ACTS_MAX);
    acts->list[acts->n++] = act;
}
