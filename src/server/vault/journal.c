/* SPDX-License-Identifier: Apache-2.0 */
#include "server/vault/journal.h"

#include <stdlib.h>

enum { BUCKETS = 1024 };

/* What was done, so that it can be undone from the last to the first. */
struct step {
    struct fr_entry *entry;
    bool was_put; /* else it was taken out */
};

struct fr_journal {
    size_t max, n;
    void (*free_data)(void *data);
    struct fr_entry *bucket[BUCKETS];
    struct step *step;
    size_t n_steps, cap_steps;
};

enum fr_code fr_journal_new(size_t max, void (*free_data)(void *data),
                            struct fr_journal **ret, struct fr_err *err)
{
    struct fr_journal *j = calloc(1, sizeof *j);

    if (!j)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a table");
    j->max = max;
    j->free_data = free_data;
    *ret = j;
    return FR_OK;
}

static void free_entry(const struct fr_journal *j, struct fr_entry *e)
{
    j->free_data(e->data);
    free(e);
}

void fr_journal_free(struct fr_journal *j)
{
    if (!j)
        return;
    fr_journal_keep(j);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct fr_entry *next, *e = j->bucket[i]; e; e = next) {
            next = e->next;
            free_entry(j, e);
        }
    }
    free(j->step);
    free(j);
}

static struct fr_entry **bucket_of(struct fr_journal *j, uint64_t key)
{
    return &j->bucket[key % BUCKETS];
}

static void link_in(struct fr_journal *j, struct fr_entry *e)
{
    struct fr_entry **at = bucket_of(j, e->key);

    e->next = *at;
    *at = e;
    j->n++;
}

static void unlink_it(struct fr_journal *j, const struct fr_entry *e)
{
    struct fr_entry **at = bucket_of(j, e->key);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    j->n--;
}

/* There is always room for a step for each entry that is there, so that taking it out
 * cannot fail; here for one entry more, and that it was put in. */
static bool reserve(struct fr_journal *j)
{
    size_t needed = j->n_steps + j->n + 2;
    struct step *more;

    if (needed <= j->cap_steps)
        return true;
    more = realloc(j->step, 2 * needed * sizeof *more);
    if (!more)
        return false;
    j->step = more;
    j->cap_steps = 2 * needed;
    return true;
}

enum fr_code fr_journal_put(struct fr_journal *j, const struct fr_entry *e,
                            struct fr_err *err)
{
    struct fr_entry *copy;

    if (j->n == j->max)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "too-many-at-once",
                          "%zu bootstraps are under way: try again", j->n);
    copy = reserve(j) ? malloc(sizeof *copy) : NULL;
    if (!copy)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a bootstrap");
    *copy = *e;
    link_in(j, copy);
    j->step[j->n_steps++] = (struct step){.entry = copy, .was_put = true};
    return FR_OK;
}

struct fr_entry *fr_journal_find(const struct fr_journal *j, unsigned kind,
                                 uint64_t key)
{
    for (struct fr_entry *e = j->bucket[key % BUCKETS]; e; e = e->next)
        if (e->kind == kind && e->key == key)
            return e;
    return NULL;
}

void fr_journal_take(struct fr_journal *j, struct fr_entry *e)
{
    unlink_it(j, e);
    j->step[j->n_steps++] = (struct step){.entry = e};
}

size_t fr_journal_mark(const struct fr_journal *j)
{
    return j->n_steps;
}

void fr_journal_undo(struct fr_journal *j, size_t mark)
{
    while (j->n_steps > mark) {
        struct step *step = &j->step[--j->n_steps];

        if (step->was_put) {
            unlink_it(j, step->entry);
            free_entry(j, step->entry);
        } else {
            link_in(j, step->entry);
        }
    }
}

void fr_journal_keep(struct fr_journal *j)
{
    while (j->n_steps > 0) {
        const struct step *step = &j->step[--j->n_steps];

        if (!step->was_put)
            free_entry(j, step->entry);
    }
}

void fr_journal_expire(struct fr_journal *j,
                       bool (*goes)(void *ctx, const struct fr_entry *e), void *ctx)
{
    for (size_t i = 0; j->n > 0 && i < BUCKETS; i++) {
        for (struct fr_entry *next, *e = j->bucket[i]; e; e = next) {
            next = e->next;
            if (!goes(ctx, e))
                continue;
            unlink_it(j, e);
            free_entry(j, e);
        }
    }
}

size_t fr_journal_count(const struct fr_journal *j)
{
    return j->n;
}
