/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator.
 *
 *   load certs CA-DIR DIR N                     makes N devices below a CA
 *   load enrol|ub|ub-plain|visit HOST TARGET PORT ANCHORS DIR N COUNT CLIENTS
 *   load idle  HOST TARGET PORT ANCHORS DIR N COUNT
 *
 * enrol, ub: COUNT whole bootstraps of the N devices in DIR, with their certificates or
 * as SIMs (IMSI 00101 and the device's number; K and OPc of set 1 of TS 35.208), by
 * CLIENTS processes that each do one at a time; visit: as many handshakes with one
 * small answer, of the path TARGET if it is one, which must be a 200. One JSON line
 * says how it went. idle: opens COUNT connections, says "ready", and holds them until
 * its standard input ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "link.h"

enum { CLIENTS_MAX = 512, IDLE_MAX = 50000 };

/* Shared by all clients. */
struct board {
    uint64_t next; /* counted up atomically: whose turn */
    uint64_t in, out, failed;
    uint32_t us[]; /* of each that went well; 0: it did not */
};

struct round {
    struct server server;
    struct fleet fleet;
    uint64_t count;
    unsigned clients;
    one *act;
    struct board *board;
};

static const struct {
    const char *name;
    one *act;
} all[] = {{"enrol", enrol}, {"ub", ub}, {"ub-plain", ub_plain}, {"visit", visit}};

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void act_once(const struct round *r, uint64_t turn)
{
    const struct identity *who = &r->fleet.list[turn % r->fleet.n];
    uint64_t began = now_us(), took;
    struct fr_err err = {0};
    struct link l;

    if (r->act(&r->server, who, &l, &err) != FR_OK) {
        if (__atomic_fetch_add(&r->board->failed, 1, __ATOMIC_RELAXED) == 0)
            fprintf(stderr, "load: %s: %s\n", who->own_id, err.msg);
        return;
    }
    took = now_us() - began;
    r->board->us[turn] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    __atomic_fetch_add(&r->board->in, l.in, __ATOMIC_RELAXED);
    __atomic_fetch_add(&r->board->out, l.out, __ATOMIC_RELAXED);
}

static void client(const struct round *r)
{
    uint64_t turn;

    while ((turn = __atomic_fetch_add(&r->board->next, 1, __ATOMIC_RELAXED)) < r->count)
        act_once(r, turn);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void report(const struct round *r, uint64_t took_us)
{
    struct board *b = r->board;
    uint64_t good = r->count - b->failed;
    const uint32_t *times = b->us + b->failed; /* sorted: the failed are 0 */

    qsort(b->us, r->count, sizeof *b->us, by_size);
    printf("{\"count\": %llu, \"failed\": %llu, \"seconds\": %.6f, \"p50_us\": %u, "
           "\"p99_us\": %u, \"octets_in\": %.1f, \"octets_out\": %.1f}\n",
           (unsigned long long)good, (unsigned long long)b->failed,
           (double)took_us / 1e6, good ? times[good / 2] : 0,
           good ? times[good * 99 / 100] : 0, good ? (double)b->in / (double)good : 0,
           good ? (double)b->out / (double)good : 0);
}

static int run_round(struct round *r)
{
    size_t size = sizeof *r->board + r->count * sizeof *r->board->us;
    uint64_t began;

    r->board =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->board == MAP_FAILED)
        return 1;
    began = now_us();
    for (unsigned i = 0; i < r->clients; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            client(r);
            _exit(0);
        }
    }
    while (wait(NULL) > 0 || errno == EINTR)
        continue;
    report(r, now_us() - began);
    return r->board->failed > 0;
}

static int hold(struct round *r)
{
    struct rlimit files = {IDLE_MAX + 100, IDLE_MAX + 100};
    struct link *links = calloc(r->count, sizeof *links);
    struct fr_err err = {0};
    char c;

    (void)setrlimit(RLIMIT_NOFILE, &files);
    for (uint64_t i = 0; links && i < r->count; i++) {
        if (link_open(&links[i], &r->server, &r->fleet.list[i % r->fleet.n], &err) !=
            FR_OK) {
            fprintf(stderr, "load: connection %llu: %s\n", (unsigned long long)i,
                    err.msg);
            free(links);
            return 1;
        }
    }
    puts("ready");
    fflush(stdout);
    while (read(0, &c, 1) > 0)
        continue;
    free(links);
    return 0;
}

static uint64_t number(const char *text, uint64_t max)
{
    uint64_t n;

    if (!fr_uint_parse(fr_slice_str(text), max, &n) || n == 0) {
        fprintf(stderr, "load: \"%s\": give a number from 1 to %llu\n", text,
                (unsigned long long)max);
        exit(64);
    }
    return n;
}

static int fail(const struct fr_err *err)
{
    fprintf(stderr, "load: %s\n", err->msg);
    return 1;
}

static int make(char **argv)
{
    struct fr_err err = {0};

    if (fleet_make(argv[2], argv[3], number(argv[4], 100000), &err) != FR_OK)
        return fail(&err);
    return 0;
}

/* NULL: none of that name. */
static one *find(const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (fr_str_equal(all[i].name, name))
            return all[i].act;
    return NULL;
}

static int act(int argc, char **argv)
{
    bool idle = fr_str_equal(argv[1], "idle");
    struct round r = {.act = find(argv[1]),
                      .server = {.host = argv[2], .target = argv[3]}};
    struct fr_err err = {0};

    r.server.port = (uint16_t)number(argv[4], UINT16_MAX);
    r.count = number(argv[8], idle ? IDLE_MAX : UINT32_MAX);
    r.clients = argc > 9 ? (unsigned)number(argv[9], CLIENTS_MAX) : 1;
    if (server_init(&r.server, argv[5], &err) != FR_OK ||
        fleet_load(argv[6], number(argv[7], 100000), &r.fleet, &err) != FR_OK)
        return fail(&err);
    return idle ? hold(&r) : run_round(&r);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 5 && fr_str_equal(argv[1], "certs"))
        return make(argv);
    if ((argc == 10 && find(argv[1])) || (argc == 9 && fr_str_equal(argv[1], "idle")))
        return act(argc, argv);
    fputs("usage: see tests/bench/load.c\n", stderr);
    return 64;
}
