/* SPDX-License-Identifier: Apache-2.0 */
#include "server/hss/hss.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/file.h"

enum {
    READ_SIZE = 8 * 1024,
    IN_MAX = FR_MSG_MAX + READ_SIZE,
    OUT_MAX = 8 * 1024 * 1024 /* the vault reads nothing: we end */
};

struct fr_hss {
    const struct fr_server_config *config;
    struct fr_zh *zh;
    int lock_fd, signal_fd, vault_fd;
    struct fr_buf in, out; /* to and from the vault; out: vectors */
    bool is_over;
    const char *broken; /* why the line to the vault is of no use; NULL: it is */
};

/* --- answers */

static void on_answer(void *arg, uint64_t ticket, enum fr_code rc,
                      struct fr_slice vector, const struct fr_err *why)
{
    struct fr_msg m = {.type = FR_MSG_VECTOR};
    uint8_t ticket_octets[8], code[8];
    struct fr_hss *h = arg;

    fr_msg_set_u64(&m, FR_F_TICKET, ticket, ticket_octets);
    fr_msg_set_u8(&m, FR_F_CODE, (uint8_t)rc, code);
    if (rc == FR_OK) {
        fr_msg_set(&m, FR_F_VECTOR, vector);
    } else {
        fr_msg_set_str(&m, FR_F_REASON, why->reason);
        fr_msg_set_str(&m, FR_F_TEXT, why->msg);
    }
    if (fr_msg_encode(&m, &h->out, NULL) != FR_OK)
        h->broken = "does not read";
}

/* --- the vault */

static void hear_wanted(struct fr_hss *h, const struct fr_msg *m)
{
    char imsi[FR_IMPI_MAX + 1];
    const struct fr_zh_ask ask = {
        .ticket = fr_msg_u64(m, FR_F_TICKET),
        .imsi = fr_msg_text(m, FR_F_SUBSCRIBER, imsi, sizeof imsi),
        .rand = m->field[FR_F_RAND],
        .auts = m->field[FR_F_AUTS],
    };

    h->zh->method->ask(h->zh, &ask);
}

static void hear_all(struct fr_hss *h)
{
    size_t at = 0, used = 0;
    struct fr_msg m;

    while (!h->broken && at < h->in.len) {
        enum fr_code rc = fr_msg_decode(fr_slice_of(h->in.data + at, h->in.len - at),
                                        &m, &used, NULL);

        if (rc == FR_ENOTFOUND)
            break;
        if (rc != FR_OK) {
            h->broken = "speaks in a way that is not ours";
            break;
        }
        if (m.type == FR_MSG_VECTOR_WANTED)
            hear_wanted(h, &m);
        at += used;
    }
    fr_buf_consume(&h->in, at);
}

static void read_vault(struct fr_hss *h)
{
    uint8_t *to = fr_buf_reserve(&h->in, READ_SIZE);
    ssize_t n = to ? recv(h->vault_fd, to, READ_SIZE, MSG_DONTWAIT) : -1;

    if (n < 0 && to && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        h->broken = "has gone";
        return;
    }
    h->in.len += (size_t)n;
    hear_all(h);
}

static void write_vault(struct fr_hss *h)
{
    ssize_t n = send(h->vault_fd, h->out.data, h->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0)
        fr_buf_consume(&h->out, (size_t)n); /* wipes */
    else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        h->broken = "has gone";
}

/* --- the loop */

static int timeout_ms(int64_t at_ms)
{
    int64_t now = fr_mono_ms(&fr_env_system);

    if (at_ms == INT64_MAX)
        return -1;
    if (at_ms <= now)
        return 0;
    return at_ms - now < INT_MAX ? (int)(at_ms - now) : INT_MAX;
}

static enum fr_code turn(struct fr_hss *h, struct fr_err *err)
{
    struct fr_zh_interest zh;
    struct pollfd fds[3];

    h->zh->method->interest(h->zh, &zh);
    fds[0] = (struct pollfd){.fd = h->signal_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = h->vault_fd,
                             .events = (short)(POLLIN | (h->out.len ? POLLOUT : 0))};
    fds[2] = (struct pollfd){.fd = zh.fd, .events = zh.events};
    if (poll(fds, 3, timeout_ms(zh.at_ms)) < 0 && errno != EINTR)
        return FR_FAIL(err, FR_EINTERNAL, "poll: %s", strerror(errno));
    h->is_over = fds[0].revents != 0;
    if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
        read_vault(h);
    h->zh->method->step(h->zh, fds[2].revents);
    if (h->out.len > 0 && !h->broken)
        write_vault(h);
    return FR_OK;
}

static void close_zh(struct fr_hss *h)
{
    if (h->zh)
        h->zh->method->close(h->zh);
    h->zh = NULL;
}

enum fr_code fr_hss_run(struct fr_hss *h, int vault_fd, struct fr_err *err)
{
    enum fr_code rc = FR_OK;

    h->vault_fd = vault_fd;
    while (rc == FR_OK && !h->is_over && !h->broken)
        rc = turn(h, err);
    close_zh(h);
    if (h->broken)
        return FR_FAIL(err, FR_EUNREACHABLE, "the vault %s", h->broken);
    if (rc == FR_OK && h->out.len > 0)
        write_vault(h);
    return rc;
}

/* --- its life */

/* A lock that ends with the process that has it. */
static enum fr_code await_predecessor(struct fr_hss *h, struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;

    FR_TRY(fr_path_join(h->config->run_dir, "hss.lock", &path, err));
    h->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (h->lock_fd < 0 || flock(h->lock_fd, LOCK_EX) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "%s: %s", path, strerror(errno));
    return FR_OK;
}

static enum fr_code watch_signals(struct fr_hss *h, struct fr_err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    h->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (h->signal_fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return FR_FAIL(err, FR_EINTERNAL, "signalfd: %s", strerror(errno));
    return FR_OK;
}

static enum fr_code open_zh(struct fr_hss *h, struct fr_err *err)
{
    const struct fr_gba_config *g = &h->config->gba;
    const struct fr_zh_config config = {
        .address = g->hlr_address,
        .address_len = g->hlr_address_len,
        .address_text = g->hlr,
        .name = g->hlr_name,
        .timeout_ms = g->hss_timeout_ms,
        .env = &fr_env_system,
    };
    const struct fr_zh_hooks hooks = {on_answer, h};

    return fr_zh_gsup.open(&config, &hooks, &h->zh, err);
}

enum fr_code fr_hss_open(const struct fr_server_config *config, struct fr_hss **ret,
                         struct fr_err *err)
{
    FR_AUTO(hss) *h = fr_zalloc(sizeof *h);

    if (!h)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the process hss");
    h->config = config;
    h->lock_fd = h->signal_fd = h->vault_fd = -1;
    h->in = (struct fr_buf)FR_BUF_INIT(IN_MAX);
    h->out = (struct fr_buf)FR_BUF_INIT_WIPE(OUT_MAX);
    FR_TRY(await_predecessor(h, err));
    FR_TRY(watch_signals(h, err));
    FR_TRY(open_zh(h, err));
    *ret = FR_TAKE(h);
    return FR_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void fr_hss_free(struct fr_hss *h)
{
    if (!h)
        return;
    close_zh(h);
    close_fd(h->vault_fd);
    close_fd(h->signal_fd);
    fr_buf_clear(&h->in);
    fr_buf_clear(&h->out);
    close_fd(h->lock_fd);
    free(h);
}
