/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef FR_SERVER_STORE_TOOLS_IMPL_H
#define FR_SERVER_STORE_TOOLS_IMPL_H

#include "server/store_tools/tools.h"
#include "store/ask.h"

/* A store that is there, to read; or one to write, made when it is not there. */
FR_MUST_USE enum fr_code fr_tool_read(const char *store, struct fr_store **ret,
                                      struct fr_err *err);
FR_MUST_USE enum fr_code fr_tool_open(const char *store, struct fr_store **ret,
                                      struct fr_err *err);

FR_MUST_USE enum fr_code fr_tool_summarise(struct fr_store *s,
                                           struct fr_store_summary *ret,
                                           struct fr_err *err);

/* Facts that change together, in a transaction of their own. */
struct fr_fact {
    const char *name, *value;
};
FR_MUST_USE enum fr_code fr_tool_set_facts(struct fr_store *s,
                                           const struct fr_fact *facts, size_t n,
                                           struct fr_err *err);

/* A file of SQLite, and what may be beside it. */
void fr_tool_remove(const char *database);

/* A file that root makes belongs to who owns its folder, so that the server can use
 * it. */
FR_MUST_USE enum fr_code fr_tool_give(const char *file, struct fr_err *err);

#endif
