/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole rows of a store, table by table, so that one store can be made equal to another
 * whatever their databases are (store/copy.h). One list of tables serves all stores;
 * the vault itself never comes here.
 */
#ifndef FR_STORE_ROWS_H
#define FR_STORE_ROWS_H

#include "base/buf.h"

#define FR_COLUMNS_MAX 26

enum fr_value_type { FR_VALUE_INT, FR_VALUE_TEXT, FR_VALUE_BLOB };
struct fr_value {
    enum fr_value_type type;
    int64_t number;
    struct fr_slice octets;
};

/* The first n_keys columns are the primary key; text is in the order of its octets. */
struct fr_table {
    const char *name;
    size_t n_keys, n;
    struct {
        const char *name;
        enum fr_value_type type;
    } column[FR_COLUMNS_MAX];
};

/* What a row refers to comes in a table before it. */
#define FR_N_TABLES 12
extern const struct fr_table fr_tables[FR_N_TABLES];

/* The statements that all stores share; mark is what stands before a parameter's
 * number ('?' or '$'). Parameters: of a page the key that it begins behind, then the
 * limit (is_first: the limit alone); of an insert all columns; of a delete the key. */
void fr_rows_select(const struct fr_table *t, bool is_first, char mark,
                    struct fr_buf *to);
void fr_rows_insert(const struct fr_table *t, char mark, struct fr_buf *to);
void fr_rows_delete(const struct fr_table *t, char mark, struct fr_buf *to);

/* A page of rows; equal rows are equal octets. */
#define FR_ROWS_MAX 256
struct fr_rows {
    const struct fr_table *table;
    struct fr_buf octets;
    size_t end[FR_ROWS_MAX]; /* of each row, in octets */
    size_t n;
};
void fr_rows_init(struct fr_rows *r, const struct fr_table *t);
void fr_rows_clear(struct fr_rows *r); /* frees; it can be used again */
void fr_rows_reset(struct fr_rows *r);
/* FR_ELIMIT if it is full. */
FR_MUST_USE enum fr_code fr_rows_put(struct fr_rows *r, const struct fr_value *values,
                                     struct fr_err *err);
struct fr_slice fr_rows_at(const struct fr_rows *r, size_t i);
/* Its values, borrowed. ret has FR_COLUMNS_MAX. */
void fr_rows_values(const struct fr_rows *r, size_t i, struct fr_value *ret);

/* The order of two rows' keys: below 0, 0, above 0. */
int fr_row_compare(const struct fr_table *t, const struct fr_value *a,
                   const struct fr_value *b);

#endif
