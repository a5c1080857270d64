/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of state.h share. */
#ifndef FR_AGENT_STATE_IMPL_H
#define FR_AGENT_STATE_IMPL_H

#include "agent/state.h"

struct fr_state {
    char *dir;
    size_t attempts_max;
    int lock_fd; /* -1: not locked */
};

/* FR_ECONFIG, reason "state-unsafe": another's folder, or one that others write into.
 */
FR_MUST_USE enum fr_code fr_state_check(const struct fr_state *s, struct fr_err *err);
/* The state folder comes to be with the first thing that is kept in it. */
FR_MUST_USE enum fr_code fr_state_make_folder(const struct fr_state *s,
                                              struct fr_err *err);
/* The file of the records is there before its folder is next synced, so that no record
 * needs that. If it cannot be, the record will say so. */
void fr_state_touch_attempts(const struct fr_state *s);
/* Whether a file of the folder is a slot. */
bool fr_state_is_slot(const char *name, bool *ret_pending);
/* FR_ENOTFOUND, FR_EPARSE (damaged), FR_ESTORE. */
FR_MUST_USE enum fr_code fr_state_read_slot(const char *path,
                                            struct fr_credential **ret,
                                            struct fr_err *err);

#endif
