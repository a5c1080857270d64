/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's lines, cut anywhere, through the admin worker: what it hands to the
 * vault is one object with an "op", and every line gets one line back. */
#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "server/admin/admin.h"

struct world {
    struct fr_worker_context worker;
    struct fr_admin *admin;
    int vault_fd, listen_fd, fd;
};

static void turn(struct world *w)
{
    event_base_loop(w->worker.base, EVLOOP_NONBLOCK);
}

/* The vault says yes to everything. */
static void play_vault(struct world *w)
{
    static uint8_t octets[2 * FR_MSG_MAX];
    uint8_t frame[] = {0, 0, 0, 12, 0, FR_MSG_REPLY, 0, 0, 0, 0, FR_F_CODE,
                       0, 0, 0, 1,  0};
    ssize_t n = recv(w->vault_fd, octets, sizeof octets, MSG_DONTWAIT);
    struct fr_slice in = fr_slice_of(octets, n > 0 ? (size_t)n : 0);
    struct fr_msg m;
    size_t used;

    while (fr_msg_decode(in, &m, &used, NULL) == FR_OK) {
        FUZZ_ASSERT(m.type == FR_MSG_ADMIN);
        json_t *call = json_loadb((const char *)m.field[FR_F_JSON].data,
                                  m.field[FR_F_JSON].len, JSON_REJECT_DUPLICATES, NULL);
        FUZZ_ASSERT(!call == (fuzz_denied() == FUZZ_DENIED_ALL && !call));
        if (call)
            FUZZ_ASSERT(json_is_string(json_object_get(call, "op")));
        json_decref(call);
        for (int i = 0; i < 4; i++)
            frame[6 + i] = (uint8_t)(m.id >> (24 - 8 * i));
        (void)send(w->vault_fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
        in = fr_slice_of(in.data + used, in.len - used);
    }
}

static void write_all(struct world *w, struct fr_slice in)
{
    while (in.len > 0) {
        size_t n = in.len < 700 ? in.len : 700;

        if (send(w->fd, in.data, n, MSG_NOSIGNAL | MSG_DONTWAIT) <= 0)
            return;
        in = fr_slice_of(in.data + n, in.len - n);
        turn(w);
        play_vault(w);
    }
}

/* All that comes until nothing more happens: whole lines. */
static void read_answers(struct world *w)
{
    char text[65536], last = '\n';
    ssize_t n;

    for (int idle = 0; idle < 4; idle++) {
        turn(w);
        play_vault(w);
        n = recv(w->fd, text, sizeof text, MSG_DONTWAIT);
        if (n > 0) {
            last = text[n - 1];
            idle = 0;
        }
    }
    FUZZ_ASSERT(last == '\n' || fuzz_denied() != FUZZ_DENIED_NOTHING);
}

static int dial(int listen_fd)
{
    struct sockaddr_un to;
    socklen_t len = sizeof to;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    FUZZ_ASSERT(getsockname(listen_fd, (struct sockaddr *)&to, &len) == 0);
    FUZZ_ASSERT(connect(fd, (const struct sockaddr *)&to, len) == 0);
    return fd;
}

/* An address of the kernel's choice: no file. */
static int listen_somewhere(void)
{
    static int fd = -1;
    struct sockaddr_un any = {.sun_family = AF_UNIX};

    if (fd >= 0)
        return fd;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    FUZZ_ASSERT(bind(fd, (struct sockaddr *)&any, sizeof any.sun_family) == 0);
    FUZZ_ASSERT(listen(fd, 8) == 0);
    return fd;
}

static bool open_world(struct world *w)
{
    static const struct fr_vaultlink_hooks hooks;
    struct fr_admin_config config = {.worker = &w->worker, .listen_fd = w->listen_fd};
    int pair[2];

    FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    w->vault_fd = pair[0];
    if (FUZZ_MUST(
            fr_vaultlink_new(w->worker.base, pair[1], &hooks, &w->worker.vault, NULL)))
        return FUZZ_MUST(fr_admin_new(&config, &w->admin, NULL));
    close(pair[1]);
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_base *base;
    struct world w = {.listen_fd = listen_somewhere(), .fd = -1};

    if (!base)
        base = event_base_new();
    w.worker.base = base;
    w.worker.type = FR_WORKER_ADMIN;
    if (open_world(&w)) {
        w.fd = dial(w.listen_fd);
        write_all(&w, fr_slice_of(data, size));
        read_answers(&w);
        close(w.fd);
        turn(&w);
    }
    fr_admin_free(w.admin);
    fr_vaultlink_free(w.worker.vault);
    close(w.vault_fd);
    turn(&w);
    return 0;
}
