/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command line programs share: a table of commands, arguments in the order in
 * which they were given, and one way to say what went wrong.
 *
 * Every command knows --json, --help and the option that names the program's file
 * (--config or --socket). A command returns a code; fr_cli_main() prints the error and
 * turns it into the exit status of DESIGN 4. Nothing here is global, so tests run whole
 * commands in memory.
 */
#ifndef FR_CLI_CLI_H
#define FR_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/env.h"

struct fr_cli {
    const char *program;
    const char *about;        /* one line, for help */
    const char *path_option;  /* "socket" or "config" */
    const char *path_default; /* for help */
    const char *path;         /* its value; NULL: not given */
    FILE *out, *err;
    int width; /* of the terminal at out; 0: none, nothing is fitted */
    bool json;
    int status; /* exit status of a command that returns FR_OK */
    const struct fr_env *env;
    /* fieldrootctl: one call of the admin socket; takes request. Tests bring their own.
     */
    enum fr_code (*ask)(struct fr_cli *cli, json_t *request, json_t **ret,
                        struct fr_err *err);
    void *ctx;
};

/* Streams of this process, the terminal's width, the system's clock. */
void fr_cli_init(struct fr_cli *cli, const char *program);

/* ---- arguments ---- */

struct fr_opt {
    const char *name;  /* without the dashes; NULL ends the table */
    const char *value; /* what it takes, for help ("FILE"); NULL: nothing */
    const char *help;
    int id; /* from 1 */
};

struct fr_args {
    struct fr_cli *cli;
    char **at; /* NULL-terminated */
    bool only_words;
};

enum fr_arg_kind { FR_ARG_END, FR_ARG_WORD, FR_ARG_OPTION };

struct fr_arg {
    enum fr_arg_kind kind;
    int id;            /* of the option */
    const char *name;  /* of the option */
    const char *value; /* the word, or the option's value */
};

/* The next argument, in order; common options are applied and skipped. opts may be
 * NULL. "--" ends the options; "-" is a word. FR_EUSAGE names the nearest option. */
FR_MUST_USE enum fr_code fr_args_next(struct fr_args *args, const struct fr_opt *opts,
                                      struct fr_arg *ret, struct fr_err *err);

/* Exactly n words and nothing else; what names them in the error ("NAME TARGET"). */
FR_MUST_USE enum fr_code fr_args_words(struct fr_args *args, const char *what,
                                       const char **words, size_t n,
                                       struct fr_err *err);

/* Words, n of them so far, and one option without a value that may stand anywhere. */
struct fr_words {
    const char **at;
    size_t max, n;
    bool flag; /* the option was given */
};
FR_MUST_USE enum fr_code fr_args_flagged(struct fr_args *args,
                                         const struct fr_opt *opts,
                                         struct fr_words *ret, struct fr_err *err);

/* ---- commands ---- */

struct fr_command {
    const char *name; /* NULL ends the table */
    const char *alias;
    const char *words; /* its arguments, for help */
    const char *help;  /* one line */
    enum fr_code (*run)(struct fr_cli *cli, const struct fr_command *self,
                        struct fr_args *args, struct fr_err *err);
    int (*main)(int argc,
                char **argv);     /* instead of run: takes its words as they are */
    const struct fr_command *sub; /* instead of run: a group */
    const struct fr_opt *opts;
    const void *data; /* for commands that differ by a table only */
};

/* Runs argv and returns the exit status. */
int fr_cli_main(struct fr_cli *cli, const struct fr_command *commands, char **argv);

/* ---- output ---- */

/* "program: message" on err; with --json also an object on out. */
void fr_cli_error(struct fr_cli *cli, const struct fr_err *err);
/* "program: warning: ..." on err. */
void fr_cli_warn(struct fr_cli *cli, const char *fmt, ...) FR_PRINTF(2, 3);
/* One line, compact. */
void fr_cli_json(struct fr_cli *cli, const json_t *value);
/* fprintf to out, for text that is not JSON; control characters made printable. */
void fr_cli_say(struct fr_cli *cli, const char *fmt, ...) FR_PRINTF(2, 3);

#endif
