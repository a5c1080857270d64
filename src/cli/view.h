/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON answers shown to a person: a list as a table, an object as its members. With
 * --json they are printed as they are.
 */
#ifndef FR_CLI_VIEW_H
#define FR_CLI_VIEW_H

#include "cli/cli.h"

struct fr_column {
    const char *member; /* NULL ends the table */
    const char *heading;
    const char *absent; /* what stands where an item has no such member; NULL: "-" */
};

/* none: what to say of an empty list ("no enrolees"). */
FR_MUST_USE enum fr_code fr_view_list(struct fr_cli *cli, const json_t *list,
                                      const struct fr_column *columns, const char *none,
                                      struct fr_err *err);
FR_MUST_USE enum fr_code fr_view_object(struct fr_cli *cli, const json_t *object,
                                        struct fr_err *err);

/* One value as one line: lists are joined, objects become "key value". */
void fr_view_value(const json_t *value, struct fr_buf *to);

#endif
