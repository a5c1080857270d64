/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a trigger method: something that hands over one instruction list.
 * It knows nothing of how the list is walked.
 */
#ifndef FR_TRIGGER_TRIGGER_H
#define FR_TRIGGER_TRIGGER_H

#include "model/instruction.h"

/* What a trigger may draw from; borrowed for the call. */
struct fr_trigger_source {
    const char *instructions; /* file, NULL: none */
    const char *discover;     /* URI, NULL: none */
};

struct fr_trigger_method {
    const char *name;
    const char *help; /* one line, for people */
    /* The caller owns the list. FR_ECONFIG if the source names nothing (reason
     * "no-list") or nothing that is there; FR_EPARSE if what it names is broken. */
    enum fr_code (*fire)(const struct fr_trigger_source *source,
                         struct fr_document **ret, struct fr_err *err);
};

extern const struct fr_trigger_method fr_trigger_boot; /* boot.c: the configured list */

#endif
