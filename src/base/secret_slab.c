/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret_slab.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

enum { SLAB_SIZE = 4096, SLOTS = SLAB_SIZE / FR_SLOT_SIZE - 1 };

#define ALL ((UINT32_C(1) << SLOTS) - 1)

/* The first slot of its page. */
struct slab {
    uint32_t generation; /* of its process */
    uint32_t used;       /* a bit a slot */
    struct slab *next, **at;
};

_Static_assert(sizeof(struct slab) <= FR_SLOT_SIZE, "the head is one slot");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t generation;    /* one more in each child; 0: no fork is watched yet */
static struct slab *with_room; /* slabs of this process that have a free slot */

static void hold(void)
{
    (void)pthread_mutex_lock(&lock);
}

static void release(void)
{
    (void)pthread_mutex_unlock(&lock);
}

static void begin_child(void)
{
    generation++;
    with_room = NULL; /* the parent's */
    release();
}

static void link_in(struct slab *s)
{
    s->next = with_room;
    s->at = &with_room;
    if (s->next)
        s->next->at = &s->next;
    with_room = s;
}

static void unlink_from(struct slab *s)
{
    *s->at = s->next;
    if (s->next)
        s->next->at = s->at;
}

static bool watch_forks(void)
{
    if (generation == 0 && pthread_atfork(hold, release, begin_child) == 0)
        generation = 1;
    return generation > 0;
}

static struct slab *slab_new(void)
{
    struct slab *s;

    if (!watch_forks())
        return NULL;
    s = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
             0);
    if (s == MAP_FAILED)
        return NULL;
    (void)mlock(s, SLAB_SIZE);
    (void)madvise(s, SLAB_SIZE, MADV_DONTDUMP);
    s->generation = generation;
    link_in(s);
    return s;
}

static void *take_slot(void)
{
    struct slab *s = with_room ? with_room : slab_new();
    int i;

    if (!s)
        return NULL;
    i = __builtin_ctz(~s->used);
    s->used |= UINT32_C(1) << i;
    if (s->used == ALL)
        unlink_from(s);
    return (char *)s + FR_SLOT_SIZE * (size_t)(i + 1);
}

/* One slab stays, so that secrets that come and go need no system call. */
static void give_back(struct slab *s, size_t i)
{
    bool was_full = s->used == ALL;

    s->used &= ~(UINT32_C(1) << i);
    if (s->generation != generation)
        return;
    if (was_full)
        link_in(s);
    if (s->used == 0 && (with_room != s || s->next)) {
        unlink_from(s);
        (void)munmap(s, SLAB_SIZE);
    }
}

void *fr_slot_new(void)
{
    void *slot;

    hold();
    slot = take_slot();
    release();
    return slot;
}

void fr_slot_free(void *slot)
{
    size_t at = (uintptr_t)slot % SLAB_SIZE;

    hold();
    give_back((struct slab *)((char *)slot - at), at / FR_SLOT_SIZE - 1);
    release();
}
