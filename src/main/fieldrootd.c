/* SPDX-License-Identifier: Apache-2.0 */
/* fieldrootd: the infrastructure's daemon. Parses arguments, reads the config, runs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/parent/child.h"
#include "server/parent/parent.h"

static const char usage[] =
    "usage: fieldrootd [--config FILE] [--check] [--ready-fd N] [--version]\n"
    "\n"
    "  --config FILE   default " FR_SERVER_CONFIG_DEFAULT "\n"
    "  --check         read the config and every file that it names, then exit\n"
    "  --ready-fd N    write one octet to descriptor N when ready\n"
    "  --foreground    accepted; there is no other mode\n"
    "  --version\n";

struct arguments {
    const char *config;
    bool check;
    int ready_fd;
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 'k'},
    {"ready-fd", required_argument, NULL, 'r'},
    {"foreground", no_argument, NULL, 'f'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int wrong_usage(const char *what)
{
    fprintf(stderr, "fieldrootd: %s\n%s", what, usage);
    return fr_code_exit(FR_EUSAGE);
}

/* Returns an exit status, or -1 to go on. */
static int take_option(int option, struct arguments *args)
{
    uint64_t fd = 0;

    switch (option) {
    case 'c':
        args->config = optarg;
        return -1;
    case 'k':
        args->check = true;
        return -1;
    case 'f':
        return -1;
    case 'r':
        if (!fr_uint_parse(fr_slice_str(optarg), 65535, &fd))
            return wrong_usage("--ready-fd needs a descriptor's number");
        args->ready_fd = (int)fd;
        return -1;
    case 'V':
        puts("fieldrootd " FR_VERSION);
        return 0;
    case 'h':
        fputs(usage, stdout);
        return 0;
    default:
        fputs(usage, stderr);
        return fr_code_exit(FR_EUSAGE);
    }
}

static int run(const struct arguments *args)
{
    FR_AUTO(server_config) *config = NULL;
    struct fr_err err;
    enum fr_code rc = fr_server_config_load(args->config, &config, &err);

    if (rc == FR_ENOTFOUND)
        rc = FR_ECONFIG;
    if (rc == FR_OK) {
        fr_log_init("fieldrootd", config->log_level);
        rc = args->check ? fr_child_check(config, &err)
                         : fr_parent_run(config, args->ready_fd, &err);
    }
    if (rc != FR_OK)
        fr_log(FR_LOG_ERROR, "%s", err.msg);
    return fr_code_exit(rc);
}

int main(int argc, char **argv)
{
    struct arguments args = {.config = FR_SERVER_CONFIG_DEFAULT, .ready_fd = -1};
    int option, status = -1;

    fr_log_init("fieldrootd", FR_LOG_INFO);
    while (status < 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        status = take_option(option, &args);
    if (status >= 0)
        return status;
    if (optind < argc)
        return wrong_usage("there are no operands");
    return run(&args);
}
