/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fieldroot lint FILE|-: what is wrong with an instruction document, each finding by
 * line, column and JSON Pointer.
 */
#ifndef FR_CLI_LINT_H
#define FR_CLI_LINT_H

/* argv[0] is "lint". Exit status: 0, also with warnings; 65 for errors or a file that
 * cannot be read; 64 for wrong usage. */
int fr_lint_main(int argc, char **argv);

#endif
