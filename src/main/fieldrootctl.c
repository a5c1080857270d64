/* SPDX-License-Identifier: Apache-2.0 */
/* fieldrootctl: the operator's commands. */
#include <signal.h>

#include "cli/ctl.h"

int main(int argc, char **argv)
{
    struct fr_cli cli;

    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    fr_cli_init(&cli, "fieldrootctl");
    cli.about = "decides who may enrol, and says what became of it";
    cli.path_option = "socket";
    cli.path_default = FR_ADMIN_SOCKET;
    cli.ask = fr_ctl_ask;
    return fr_cli_main(&cli, fr_ctl_commands, argv);
}
