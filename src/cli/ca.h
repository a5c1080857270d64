/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldrootctl ca`: a small certificate authority on files, without the daemon. For
 * trials and small fleets; a maker with a real PKI does not need it.
 *
 * argv[0] is "ca", argv[1] the subcommand. Writes results to standard output and what
 * went wrong to standard error. Returns the exit status: 0, 64 usage, 65 bad input,
 * 73 cannot write (or would overwrite), 70 internal.
 */
#ifndef FR_CLI_CA_H
#define FR_CLI_CA_H

int fr_ca_main(int argc, char **argv);

#endif
