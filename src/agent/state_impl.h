/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of state.h share. */
#ifndef FR_AGENT_STATE_IMPL_H
#define FR_AGENT_STATE_IMPL_H

#include "agent/state.h"

struct fr_state {
    char *dir;
    char *credentials; /* folder */
    size_t attempts_max;
    int lock_fd; /* -1: not locked */
};

/* FR_ECONFIG, reason "state-unsafe": another's folder, or one that others write into.
 */
FR_MUST_USE enum fr_code fr_state_check(const struct fr_state *s, struct fr_err *err);
/* Once: the state folder comes to be with the first thing that is kept in it. */
FR_MUST_USE enum fr_code fr_state_make_folders(const struct fr_state *s,
                                               struct fr_err *err);
/* "<credentials>/<folder>/<slot>" or, with slot NULL, the folder. */
FR_MUST_USE enum fr_code fr_state_slot_path(const struct fr_state *s,
                                            const char *folder, const char *slot,
                                            char **ret, struct fr_err *err);
/* FR_ENOTFOUND, FR_EPARSE (damaged), FR_ESTORE. */
FR_MUST_USE enum fr_code fr_state_read_slot(const char *path,
                                            struct fr_credential **ret,
                                            struct fr_err *err);

#endif
