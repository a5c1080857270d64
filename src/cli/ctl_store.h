/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldrootctl store`: the only commands, beside `ca`, that do not (or not only) ask
 * the daemon. In a library of its own, so that no other program links what a server
 * needs.
 */
#ifndef FR_CLI_CTL_STORE_H
#define FR_CLI_CTL_STORE_H

#include "cli/cli.h"

extern const struct fr_command fr_ctl_store_commands[];

#endif
