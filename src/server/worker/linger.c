/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/env.h"

enum { CHUNK = 4096, MS = 1000 };

struct lingerer {
    int fd;
    struct event *event;
    int64_t until_ms;
    struct fr_lingerers *owner;
    struct lingerer *next, **at;
};

struct fr_lingerers {
    struct event_base *base;
    struct lingerer *first;
    size_t n;
    void (*empty)(void *arg);
    void *arg;
};

struct fr_lingerers *fr_lingerers_new(struct event_base *base, void (*empty)(void *arg),
                                      void *arg)
{
    struct fr_lingerers *l = calloc(1, sizeof *l);

    if (l)
        *l = (struct fr_lingerers){.base = base, .empty = empty, .arg = arg};
    return l;
}

static void end(struct lingerer *g)
{
    struct fr_lingerers *owner = g->owner;

    *g->at = g->next;
    if (g->next)
        g->next->at = g->at;
    event_free(g->event);
    close(g->fd);
    free(g);
    if (--owner->n == 0 && owner->empty)
        owner->empty(owner->arg);
}

void fr_lingerers_free(struct fr_lingerers *l)
{
    if (!l)
        return;
    l->empty = NULL;
    for (struct lingerer *g = l->first, *next; g; g = next) {
        next = g->next;
        end(g);
    }
    free(l);
}

static void arm(struct lingerer *g, int64_t left_ms)
{
    struct timeval tv = {left_ms / MS, (left_ms % MS) * MS};

    if (event_add(g->event, &tv) != 0)
        end(g);
}

/* One chunk a turn, so that a peer that never stops cannot hold the loop; its time is
 * counted from the start, whatever it sends. */
static void on_octets(int fd, short what, void *arg)
{
    char chunk[CHUNK];
    struct lingerer *g = arg;
    int64_t left = g->until_ms - fr_mono_ms(&fr_env_system);
    ssize_t n = what & EV_READ ? read(fd, chunk, sizeof chunk) : 0;

    if (n == 0 || left <= 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        end(g);
    else
        arm(g, left);
}

static struct lingerer *lingerer_new(struct fr_lingerers *l, int fd)
{
    struct lingerer *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    g->owner = l;
    g->until_ms = fr_mono_ms(&fr_env_system) + FR_LINGER_MS;
    g->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (g->fd >= 0)
        g->event = event_new(l->base, g->fd, EV_READ, on_octets, g);
    if (g->event)
        return g;
    if (g->fd >= 0)
        close(g->fd);
    free(g);
    return NULL;
}

void fr_linger(struct fr_lingerers *l, int fd)
{
    struct lingerer *g;

    shutdown(fd, SHUT_WR);
    g = l->n < FR_LINGER_MAX ? lingerer_new(l, fd) : NULL;
    if (!g)
        return;
    g->next = l->first;
    g->at = &l->first;
    if (g->next)
        g->next->at = &g->next;
    l->first = g;
    l->n++;
    arm(g, FR_LINGER_MS);
}

size_t fr_lingerers_count(const struct fr_lingerers *l)
{
    return l->n;
}
