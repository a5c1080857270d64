/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table for a person: columns as wide as their longest cell; on a terminal that is
 * too narrow the widest ones lose the middle of their cells, and the last column wraps
 * at words. Cells are copied, control characters made printable. Not for programs: they
 * get JSON.
 */
#ifndef FR_CLI_TABLE_H
#define FR_CLI_TABLE_H

#include <stdio.h>

#include "base/buf.h"

#define FR_TABLE_COLUMNS_MAX 16

struct fr_table;

/* headings: n <= FR_TABLE_COLUMNS_MAX, borrowed; NULL: none are printed. */
FR_MUST_USE enum fr_code fr_table_new(const char *const *headings, size_t n,
                                      struct fr_table **ret, struct fr_err *err);
void fr_table_free(struct fr_table *t);
FR_DEFINE_AUTO(table)

/* n cells; NULL and "" show as "-". */
FR_MUST_USE enum fr_code fr_table_row(struct fr_table *t, const char *const *cells,
                                      struct fr_err *err);

/* width: of the terminal, 0: no limit. */
void fr_table_print(const struct fr_table *t, FILE *to, int width);

/* Columns that s takes on a terminal: wide characters two, combining marks none. */
int fr_text_width(const char *s);

#endif
