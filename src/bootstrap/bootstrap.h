/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a bootstrap method: one file, one const struct, one line in a list
 * (docs/adding-a-method.md).
 */
#ifndef FR_BOOTSTRAP_BOOTSTRAP_H
#define FR_BOOTSTRAP_BOOTSTRAP_H

#include "engine/io.h"

/* A run embeds this first. */
struct fr_bootstrap {
    const struct fr_bootstrap_method *method;
};

struct fr_bootstrap_method {
    const char *name;       /* as written in an instruction */
    const char *help;       /* one line, for people */
    enum fr_key_kind needs; /* of the key store; the first that fits, unless named */

    /* Checks what only the method can check and allocates a run. pending is NULL to
     * enrol; else the run resolves that cut exchange (DESIGN 6): it ends by DONE after
     * FLIP or DROP_PENDING, or fails and leaves the slot alone. All borrowed for the
     * run's life. */
    enum fr_code (*open)(const struct fr_run_context *ctx,
                         const struct fr_instruction *in,
                         const struct fr_credential *pending, struct fr_bootstrap **ret,
                         struct fr_err *err);

    /* Event in, actions out; never blocks. A failure ends the run with the class of its
     * code; actions are then ignored. */
    enum fr_code (*step)(struct fr_bootstrap *run, const struct fr_ev *ev,
                         struct fr_acts *acts, struct fr_err *err);

    /* After DONE of an enrolment, once: what was provisioned (the caller owns it).
     * After a resolve: the credential if it was flipped, NULL if dropped. */
    enum fr_code (*finish)(struct fr_bootstrap *run, struct fr_credential **ret,
                           struct fr_err *err);

    void (*close)(struct fr_bootstrap *run); /* in any state; NULL is fine */

    /* After a failure: how long the peer wants us to stay away (Retry-After), in
     * milliseconds; -1: it did not say. The slot may be NULL: never says. */
    int64_t (*retry_after_ms)(const struct fr_bootstrap *run);
};

extern const struct fr_bootstrap_method fr_bootstrap_certificate; /* certificate.c */
extern const struct fr_bootstrap_method fr_bootstrap_gba;         /* gba.c */

/* NULL-terminated lists are passed in by main; this finds by name, NULL if absent. */
const struct fr_bootstrap_method *fr_bootstrap_find(
    const struct fr_bootstrap_method *const *methods, const char *name);

#endif
