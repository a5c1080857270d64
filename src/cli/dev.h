/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fieldroot: the device's commands. They are thin: the list comes from
 * provision_args.h, the work is done by src/agent, what happened is shown by
 * progress.h.
 */
#ifndef FR_CLI_DEV_H
#define FR_CLI_DEV_H

#include "agent/client.h"
#include "cli/cli.h"

extern const struct fr_command fr_device_commands[];

static inline void fr_client_auto(struct fr_client **c)
{
    fr_client_close(*c);
}

/* The device that --config (or the default file) describes. A config that is missing or
 * wrong is FR_ECONFIG: nothing was tried. */
FR_MUST_USE enum fr_code fr_dev_open(struct fr_cli *cli, struct fr_client **ret,
                                     struct fr_err *err);

/* What is told about a credential, never its key: keyId, mef, target, suid, method,
 * created, expires, state (valid, expiring, expired), fingerprint of Ke, and so on. */
FR_MUST_USE enum fr_code fr_dev_credential_json(const struct fr_credential *c,
                                                int64_t now, json_t **ret,
                                                struct fr_err *err);

/* The time for the device's own matters, and whether the kernel vouches for it. */
int64_t fr_dev_now(const struct fr_cli *cli, const struct fr_client *client);
const char *fr_dev_clock_word(const struct fr_cli *cli);

/* Less than a tenth of its life left. */
bool fr_dev_is_expiring(const struct fr_credential *c, int64_t now);

enum fr_code fr_dev_provision(struct fr_cli *cli, const struct fr_command *self,
                              struct fr_args *args, struct fr_err *err);
enum fr_code fr_dev_plan(struct fr_cli *cli, const struct fr_command *self,
                         struct fr_args *args, struct fr_err *err);
enum fr_code fr_dev_agent(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err);
enum fr_code fr_dev_trigger(struct fr_cli *cli, const struct fr_command *self,
                            struct fr_args *args, struct fr_err *err);
enum fr_code fr_dev_status(struct fr_cli *cli, const struct fr_command *self,
                           struct fr_args *args, struct fr_err *err);
enum fr_code fr_dev_attempts(struct fr_cli *cli, const struct fr_command *self,
                             struct fr_args *args, struct fr_err *err);
extern const struct fr_opt fr_dev_attempts_opts[];
enum fr_code fr_dev_clock(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err);
extern const struct fr_opt fr_dev_clock_opts[];

/* credential list, show, export, forget */
extern const struct fr_command fr_dev_credential_commands[];

#endif
