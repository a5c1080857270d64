/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded by a system test: the wall clock, moved by as many seconds as the eight
 * octets of the file FR_CLOCK_FILE say, at any time. Monotonic clocks stay as they are.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const volatile int64_t *shift;

/* Early: later, a sandbox may not let us open a file. */
static void __attribute__((constructor)) open_clock(void)
{
    const char *path = getenv("FR_CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = MAP_FAILED;

    if (fd >= 0)
        at = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        abort();
    close(fd);
    shift = at;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *to)
{
    static int (*real)(clockid_t, struct timespec *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    if (real(id, to) != 0)
        return -1;
    if (shift && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        to->tv_sec += *shift;
    return 0;
}

EXPORT time_t time(time_t *to)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}

EXPORT int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
