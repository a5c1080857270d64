/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the agent's socket, through the agent itself. The device has neither keys
 * nor trust, so that a run ends at once: nothing is connected to. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/client.h"
#include "fake/env.h"
#include "fuzz.h"

struct world {
    struct fr_slice line;
    const char *socket;
    int stop[2], fd;
};

/* The line waits before the agent looks at all, and so does the order to stop. */
static void ready(void *ctx)
{
    struct world *w = ctx;
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", w->socket);
    FUZZ_ASSERT(connect(w->fd, (const struct sockaddr *)&to, sizeof to) == 0);
    (void)send(w->fd, w->line.data, w->line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)send(w->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    FUZZ_ASSERT(write(w->stop[1], "s", 1) == 1);
}

/* What it says are lines of JSON. */
static void look_at_answer(struct world *w)
{
    char text[65536];
    ssize_t n = recv(w->fd, text, sizeof text, MSG_DONTWAIT);

    FUZZ_ASSERT(n <= 0 || text[0] == '{');
    FUZZ_ASSERT(n <= 0 || n == sizeof text || text[n - 1] == '\n');
    close(w->fd);
}

static void run(struct world *w, const char *dir, struct fr_config *config)
{
    FR_AUTO(state) *state = NULL;
    struct fr_fake_env env;
    struct fr_device device = {.config = config,
                               .env = &env.env,
                               .bootstraps = fr_bootstraps,
                               .discoveries = fr_discoveries};
    const struct fr_agent_setup setup = {
        .device = &device, .stop_fd = w->stop[0], .ready = ready, .ctx = w};
    struct fr_err err;

    fr_fake_env_init(&env, 7);
    if (!FUZZ_MUST(fr_state_open(dir, 65536, &state, NULL)))
        return;
    device.state = state;
    FUZZ_ASSERT(fr_agent_run(&setup, &err) == 0 ||
                fuzz_denied() != FUZZ_DENIED_NOTHING);
    if (w->fd >= 0)
        look_at_answer(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.line = fr_slice_of(data, size), .fd = -1};
    FR_AUTO(config) *config = NULL;
    const char *dir;
    char text[256];
    int n;

    if (size > FR_AGENT_LINE_MAX)
        return 0;
    dir = fuzz_folder();
    n = snprintf(text, sizeof text,
                 "state = \"%s\"\nagent { socket = \"%s/socket\" }\n", dir, dir);
    if (!FUZZ_MUST(fr_config_load(fuzz_file((const uint8_t *)text, (size_t)n), true,
                                  &config, NULL)))
        return 0;
    w.socket = config->agent.socket;
    FUZZ_ASSERT(pipe(w.stop) == 0);
    run(&w, dir, config);
    close(w.stop[0]);
    close(w.stop[1]);
    return 0;
}
