/* SPDX-License-Identifier: Apache-2.0 */
/* fieldroot-target: arguments, and the program of src/target. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "target/config.h"
#include "target/program.h"

static const char help[] =
    "Usage: fieldroot-target [--config FILE] [--watch] [--json]\n"
    "\n"
    "Fetches the keys that this target shares with devices from its MEF, keeps them,\n"
    "and feeds them to a broker. One pass, unless --watch.\n"
    "\n"
    "  --config FILE  " FR_TARGET_CONFIG_PATH " if not given\n"
    "  --watch        keep the connection and follow every change until SIGTERM\n"
    "  --json         one JSON object a change\n"
    "  --help         this text\n";

enum { OPT_CONFIG = 1, OPT_WATCH, OPT_JSON, OPT_HELP };

static const struct option options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"watch", no_argument, NULL, OPT_WATCH},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int usage(void)
{
    fputs("Try 'fieldroot-target --help'.\n", stderr);
    return fr_code_exit(FR_EUSAGE);
}

int main(int argc, char **argv)
{
    struct fr_target_options o = {
        .config = FR_TARGET_CONFIG_PATH, .out = stdout, .err = stderr};
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case OPT_CONFIG:
            o.config = optarg;
            break;
        case OPT_WATCH:
            o.watch = true;
            break;
        case OPT_JSON:
            o.json = true;
            break;
        case OPT_HELP:
            fputs(help, stdout);
            return 0;
        default:
            return usage();
        }
    }
    if (optind < argc) {
        fprintf(stderr, "fieldroot-target: what is \"%s\"?\n", argv[optind]);
        return usage();
    }
    signal(SIGPIPE, SIG_IGN);
    return fr_target_run(&o);
}
