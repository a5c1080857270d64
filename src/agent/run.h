/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of one trigger: does the actions of the engine and of the methods' runs,
 * with connections, timers and the state folder. It never blocks on a peer.
 *
 * It is the second face of libfieldroot: fr_run_interests(), fr_run_step() and the rest
 * are declared in fieldroot/fieldroot.h and implemented here. Inside the project a run
 * is made by fr_run_open(), and failures that happen before the first event are its
 * result.
 *
 * Order of things: pending slots are resolved first (DESIGN 6; unreachable: kept);
 * then, if the first entry is a bootstrap whose (MEF, target, SUID) has a valid current
 * credential, there is nothing to do; else the list is walked. One attempt record a try
 * goes to the attempts file and out as an event; resolves are recorded at position
 * "resolve". Success is the flip: a later failure of the same exchange is a warning.
 */
#ifndef FR_AGENT_RUN_H
#define FR_AGENT_RUN_H

#include "agent/config.h"
#include "agent/state.h"
#include "bootstrap/bootstrap.h"
#include "discovery/discovery.h"
#include "fieldroot/fieldroot.h"

/* What a run works with; borrowed for its life. */
struct fr_device {
    const struct fr_config *config;
    struct fr_state *state;
    const struct fr_env *env;
    const struct fr_bootstrap_method *const *bootstraps; /* NULL-terminated */
    const struct fr_discovery_method *const *discoveries;
    const struct fr_usim_method *const *usims;
    const struct fr_host *hosts; /* before those of config */
    size_t n_hosts;
};

struct fr_run_setup {
    const struct fr_device *device;
    bool renew;             /* walk although the first entry's credential is valid */
    bool lock_held;         /* by the caller, who keeps it (the agent) */
    int64_t wait_target_ms; /* success is also the target's first fetch; 0: it is not */
    fr_event_fn fn;         /* may be NULL */
    void *ctx;
};

/* Takes doc, also when it fails. FR_EBUSY "locked"; FR_ECONFIG for a config with which
 * nothing can be tried (unreadable key, no such file); FR_EPARSE for an empty list. */
FR_MUST_USE enum fr_code fr_run_open(const struct fr_run_setup *setup,
                                     struct fr_document *doc, struct fr_run **ret,
                                     struct fr_err *err);

/* Polls and steps until the run is done. stop_fd readable (or hung up) stops it; -1:
 * none. Returns its exit status. */
int fr_run_to_end(struct fr_run *run, int stop_fd);

/* The time for the device's own matters (agent/clock.h). */
int64_t fr_device_now(const struct fr_device *device);

/* Whether this device can try `in` at all; if not, text says why (`plan`). */
bool fr_device_supports(const struct fr_device *device, const struct fr_instruction *in,
                        char *text, size_t size);

/* The same for a plan: a SIM is looked for besides, as far as that costs nothing. */
bool fr_device_could(const struct fr_device *device, const struct fr_instruction *in,
                     char *text, size_t size);

/* The newest of the valid current credentials that fits (engine/io.h); FR_ENOTFOUND. */
FR_MUST_USE enum fr_code fr_device_find(const void *device, fr_fits_fn *fits,
                                        const void *arg, struct fr_credential **ret,
                                        struct fr_err *err);

/* The valid current credential that makes in needless; FR_ENOTFOUND if there is none.
 */
FR_MUST_USE enum fr_code fr_device_current(const struct fr_device *device,
                                           const struct fr_instruction *in,
                                           struct fr_credential **ret,
                                           struct fr_err *err);

#endif
