/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a discovery method. Like a bootstrap method's, but its fruit is a
 * list of bootstrap instructions.
 */
#ifndef FR_DISCOVERY_DISCOVERY_H
#define FR_DISCOVERY_DISCOVERY_H

#include "engine/io.h"

struct fr_discovery {
    const struct fr_discovery_method *method;
};

struct fr_discovery_method {
    const char *name;
    const char *help;
    enum fr_code (*open)(const struct fr_run_context *ctx,
                         const struct fr_instruction *in, struct fr_discovery **ret,
                         struct fr_err *err);
    enum fr_code (*step)(struct fr_discovery *run, const struct fr_ev *ev,
                         struct fr_acts *acts, struct fr_err *err);
    /* After DONE, once; the caller owns the document. */
    enum fr_code (*finish)(struct fr_discovery *run, struct fr_document **ret,
                           struct fr_err *err);
    void (*close)(struct fr_discovery *run); /* in any state; NULL is fine */
    /* As in a bootstrap method: Retry-After, -1 if none; the slot may be NULL. */
    int64_t (*retry_after_ms)(const struct fr_discovery *run);
};

extern const struct fr_discovery_method fr_discovery_file; /* file:///path */
extern const struct fr_discovery_method
    fr_discovery_https; /* https://host[:port]/path */

const struct fr_discovery_method *fr_discovery_find(
    const struct fr_discovery_method *const *methods, const char *name);

#endif
