/* SPDX-License-Identifier: Apache-2.0 */
/* fieldroot: the device's commands. */
#include <signal.h>

#include "cli/dev.h"

int main(int argc, char **argv)
{
    struct fr_cli cli;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    fr_cli_init(&cli, "fieldroot");
    cli.about = "gives this device the root credential it will live on";
    cli.path_default = FR_CONFIG_PATH;
    return fr_cli_main(&cli, fr_device_commands, argv);
}
