/* SPDX-License-Identifier: Apache-2.0 */
#include "server/worker/limits.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { BUCKETS = 1024 };

struct entry {
    char network[FR_NETWORK_MAX];
    size_t n;
    struct entry *next;
};

struct fr_admission {
    size_t total, max_total, max_per_address;
    struct entry *bucket[BUCKETS];
};

enum fr_code fr_admission_new(size_t total, size_t per_address,
                              struct fr_admission **ret, struct fr_err *err)
{
    struct fr_admission *a = calloc(1, sizeof *a);

    if (!a)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the connection table");
    a->max_total = total;
    a->max_per_address = per_address;
    *ret = a;
    return FR_OK;
}

void fr_admission_free(struct fr_admission *a)
{
    for (size_t i = 0; a && i < BUCKETS; i++) {
        while (a->bucket[i]) {
            struct entry *e = a->bucket[i];

            a->bucket[i] = e->next;
            free(e);
        }
    }
    free(a);
}

/* FNV-1a: whoever makes addresses collide costs a short list, bounded by total. */
static struct entry **find(struct fr_admission *a, const char *network)
{
    uint32_t hash = 2166136261u;
    struct entry **at;

    for (const char *c = network; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    at = &a->bucket[hash % BUCKETS];
    while (*at && strcmp((*at)->network, network) != 0)
        at = &(*at)->next;
    return at;
}

enum fr_code fr_admission_enter(struct fr_admission *a, const char *address,
                                struct fr_err *err)
{
    char network[FR_NETWORK_MAX];
    struct entry **at;

    fr_network_of(address, network);
    at = find(a, network);
    if (a->total >= a->max_total)
        return FR_FAIL_AS(err, FR_EBUSY, "too-many-connections",
                          "%zu connections are open", a->total);
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (!*at)
            return FR_FAIL(err, FR_ENOMEM, "out of memory for a connection");
        memcpy((*at)->network, network, sizeof network);
    }
    if ((*at)->n >= a->max_per_address)
        return FR_FAIL_AS(err, FR_EBUSY, "too-many-of-address",
                          "%zu connections of %s are open", (*at)->n, network);
    (*at)->n++;
    a->total++;
    return FR_OK;
}

void fr_admission_leave(struct fr_admission *a, const char *address)
{
    char network[FR_NETWORK_MAX];
    struct entry **at, *e;

    fr_network_of(address, network);
    at = find(a, network);
    e = *at;
    if (!e)
        return;
    a->total--;
    if (--e->n > 0)
        return;
    *at = e->next;
    free(e);
}

size_t fr_admission_count(const struct fr_admission *a)
{
    return a->total;
}
