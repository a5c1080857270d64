/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attempt records of one run: kept in the state folder, told, and gathered for the
 * upload in the session that succeeds.
 */
#ifndef FR_AGENT_RECORDS_H
#define FR_AGENT_RECORDS_H

#include "agent/events.h"
#include "agent/state.h"

#define FR_UPLOAD_MAX (48 * 1024) /* octets; what goes beyond is not uploaded */

struct fr_records {
    struct fr_state *state;
    struct fr_teller *teller;
    struct fr_buf upload;                /* JSON objects, with commas between them */
    bool failed;                         /* one could not be kept, and that was said */
    char *last[FR_CLASS_DISCOVERED + 1]; /* the latest words of each class */
};

/* Both are borrowed. */
void fr_records_init(struct fr_records *r, struct fr_state *state,
                     struct fr_teller *teller);
void fr_records_clear(struct fr_records *r);

/* A record that cannot be kept costs a warning, once: the credential matters more. */
void fr_records_add(struct fr_records *r, const struct fr_attempt *a);
/* The latest words of a class that has this exit status; NULL if there are none. */
const char *fr_records_words(const struct fr_records *r, int exit_status);
/* Appends all of them as a JSON array; nothing if there are none. */
FR_MUST_USE enum fr_code fr_records_upload(const struct fr_records *r,
                                           struct fr_buf *to, struct fr_err *err);

#endif
