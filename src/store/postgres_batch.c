/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch has asked, and what it has to write. */
#include <stdlib.h>
#include <string.h>

#include "store/postgres.h"

/* ---- values of their own ---- */

static size_t count(const struct fr_sql_value *values, size_t *ret_octets)
{
    size_t n = 0;

    *ret_octets = 0;
    for (; values[n].type != FR_SQL_END; n++)
        *ret_octets += values[n].octets.len;
    return n;
}

/* One allocation; NULL: out of memory. */
static struct fr_sql_value *copy_values(const struct fr_sql_value *values)
{
    size_t octets, n = count(values, &octets);
    struct fr_sql_value *copy = malloc((n + 1) * sizeof *copy + octets);
    uint8_t *to = copy ? (uint8_t *)(copy + n + 1) : NULL;

    if (!copy)
        return NULL;
    memcpy(copy, values, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        if (values[i].octets.len == 0)
            continue;
        memcpy(to, values[i].octets.data, values[i].octets.len);
        copy[i].octets.data = to;
        to += values[i].octets.len;
    }
    return copy;
}

static bool are_equal(const struct fr_sql_value *a, const struct fr_sql_value *b)
{
    for (; a->type != FR_SQL_END && a->type == b->type; a++, b++)
        if (a->number != b->number || !fr_slice_equal(a->octets, b->octets))
            return false;
    return a->type == b->type;
}

/* FNV-1a; it only saves comparisons. */
static uint64_t hash_of(int statement, const struct fr_sql_value *values)
{
    uint64_t h = 0xcbf29ce484222325 ^ (uint64_t)statement;

    for (; values->type != FR_SQL_END; values++) {
        h = (h ^ (uint64_t)values->number) * 0x100000001b3;
        for (size_t i = 0; i < values->octets.len; i++)
            h = (h ^ values->octets.data[i]) * 0x100000001b3;
    }
    return h;
}

static bool make_room(void *list, size_t n, size_t *cap, size_t size)
{
    void **at = list;
    size_t wanted = *cap ? 2 * *cap : 64;
    void *grown;

    if (n < *cap)
        return true;
    grown = reallocarray(*at, wanted, size);
    if (!grown)
        return false;
    *at = grown;
    *cap = wanted;
    return true;
}

/* ---- reads ---- */

struct fr_pq_read *fr_pq_find_read(struct fr_pq_batch *b, int statement,
                                   const struct fr_sql_value *values)
{
    uint64_t hash = hash_of(statement, values);

    for (size_t i = b->n_reads; i-- > 0;)
        if (b->read[i].hash == hash && b->read[i].statement == statement &&
            are_equal(b->read[i].values, values))
            return &b->read[i];
    return NULL;
}

enum fr_code fr_pq_want(struct fr_pq_batch *b, int statement,
                        const struct fr_sql_value *values, struct fr_err *err)
{
    struct fr_pq_read read = {.statement = statement,
                              .hash = hash_of(statement, values)};

    if (!make_room(&b->read, b->n_reads, &b->cap_reads, sizeof *b->read) ||
        !(read.values = copy_values(values)))
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    b->read[b->n_reads++] = read;
    return FR_OK;
}

/* ---- writes ---- */

enum fr_code fr_pq_hold(struct fr_pq_batch *b, int statement,
                        const struct fr_sql_value *values, bool is_expected,
                        struct fr_err *err)
{
    struct fr_pq_write write = {.statement = statement, .is_expected = is_expected};

    if (!make_room(&b->write, b->n_writes, &b->cap_writes, sizeof *b->write) ||
        !(write.values = copy_values(values)))
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    b->write[b->n_writes++] = write;
    return FR_OK;
}

void fr_pq_forget_writes(struct fr_pq_batch *b, size_t from)
{
    while (b->n_writes > from)
        free(b->write[--b->n_writes].values);
}

void fr_pq_batch_reset(struct fr_pq_batch *b)
{
    fr_pq_forget_writes(b, 0);
    while (b->n_reads > 0) {
        struct fr_pq_read *read = &b->read[--b->n_reads];

        free(read->values);
        PQclear(read->result);
    }
    b->n_asked = b->n_sent = b->marked = 0;
}

void fr_pq_batch_clear(struct fr_pq_batch *b)
{
    fr_pq_batch_reset(b);
    free(b->read);
    free(b->write);
}
