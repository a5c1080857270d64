/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aka.h"

#include <string.h>

void fr_aka_answer_clear(struct fr_aka_answer *a)
{
    fr_secret_free(a->ks);
    explicit_bzero(a, sizeof *a);
}
