/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct fr_client behind fieldroot/fieldroot.h: config, state folder and methods of
 * this device in one object. The command line uses it too.
 */
#ifndef FR_AGENT_CLIENT_H
#define FR_AGENT_CLIENT_H

#include "agent/run.h"

/* Like fr_client_open() with our own errors. path NULL: FR_CONFIG_PATH, which need not
 * exist. */
FR_MUST_USE enum fr_code fr_client_new(const char *path, struct fr_client **ret,
                                       struct fr_err *err);
FR_MUST_USE enum fr_code fr_client_add_host(struct fr_client *client, const char *name,
                                            const char *address, struct fr_err *err);

/* Borrowed; changes with fr_client_add_host(). */
const struct fr_device *fr_client_device(const struct fr_client *client);

/* What this build has: NULL-terminated. */
extern const struct fr_bootstrap_method *const fr_bootstraps[];
extern const struct fr_discovery_method *const fr_discoveries[];
extern const struct fr_usim_method *const fr_usims[];

/* Public status and words of an error. */
enum fr_status fr_client_status(const struct fr_err *e, struct fr_error *ret);

#endif
