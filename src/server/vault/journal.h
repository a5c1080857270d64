/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table in memory that follows the batches: what a request puts in or takes out is
 * undone when it is done again, or when its batch is not kept. Entries have a kind and
 * a number as their key, and a deadline on the monotonic clock.
 */
#ifndef FR_SERVER_VAULT_JOURNAL_H
#define FR_SERVER_VAULT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fr_entry {
    unsigned kind;
    uint64_t key;
    int64_t deadline_ms;
    void *data;
    struct fr_entry *next; /* the table's */
};

struct fr_journal;

/* max: entries at a time. free_data gets what is in nobody's hands any more. */
FR_MUST_USE enum fr_code fr_journal_new(size_t max, void (*free_data)(void *data),
                                        struct fr_journal **ret, struct fr_err *err);
void fr_journal_free(struct fr_journal *j);

/* Takes data on success. FR_EUNREACHABLE "too-many-at-once" if the table is full. Two
 * of one key: the one that was put in last is found. */
FR_MUST_USE enum fr_code fr_journal_put(struct fr_journal *j, const struct fr_entry *e,
                                        struct fr_err *err);
/* NULL if there is none. */
struct fr_entry *fr_journal_find(const struct fr_journal *j, unsigned kind,
                                 uint64_t key);
/* Takes it out. It stays readable until the batch is kept or undone. */
void fr_journal_take(struct fr_journal *j, struct fr_entry *e);

/* How much was done in this batch; and back to there. fr_journal_undo(j, 0): all. */
size_t fr_journal_mark(const struct fr_journal *j);
void fr_journal_undo(struct fr_journal *j, size_t mark);
/* What was done stays done. */
void fr_journal_keep(struct fr_journal *j);

/* Outside a batch: takes out what goes() says yes to, which sees all. */
void fr_journal_expire(struct fr_journal *j,
                       bool (*goes)(void *ctx, const struct fr_entry *e), void *ctx);
size_t fr_journal_count(const struct fr_journal *j);

#endif
