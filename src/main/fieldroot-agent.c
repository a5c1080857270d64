/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fieldroot-agent [CONFIG]: `fieldroot agent` alone, for a device with little room. It
 * takes no other argument and asks no terminal anything; the log goes to standard
 * error.
 */
#include <stdio.h>

#include "agent/agent.h"
#include "agent/client.h"
#include "base/log.h"

static int log_event(void *ctx, const struct fr_event *event)
{
    (void)ctx;
    if (event->kind != FR_EVENT_PHASE)
        fr_log(event->kind == FR_EVENT_WARNING ? FR_LOG_WARN : FR_LOG_INFO, "%s",
               event->text);
    return 0;
}

static int run(const char *config, struct fr_err *err)
{
    struct fr_agent_setup setup = {.fn = log_event};
    struct fr_client *client = NULL;
    enum fr_code rc = fr_client_new(config, &client, err);
    int status = fr_code_exit(rc);

    if (rc == FR_OK)
        rc = fr_stop_fd_open(&setup.stop_fd, err);
    if (rc == FR_OK) {
        setup.device = fr_client_device(client);
        status = fr_agent_run(&setup, err);
    }
    fr_client_close(client);
    return status;
}

int main(int argc, char **argv)
{
    struct fr_err err;
    int status;

    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: fieldroot-agent [CONFIG]\n");
        return fr_code_exit(FR_EUSAGE);
    }
    fr_log_init("fieldroot-agent", FR_LOG_INFO);
    status = run(argv[1], &err);
    if (status != 0)
        fr_log(FR_LOG_ERROR, "%s", err.msg);
    return status;
}
