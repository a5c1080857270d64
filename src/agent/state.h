/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder (0700) of one device:
 *
 *     lock                              flock: one run at a time
 *     attempts, attempts.1              framed attempt records, the older half in .1
 *     <32 hex>.current                  the credential in use
 *     <32 hex>.pending                  of an exchange that is not finished (DESIGN 6)
 *     clock                             agent/clock.h
 *
 * The lock removes what a cut left behind: <32 hex>.pending.tmp-PID, with a key in it.
 *
 * The hex names are the first 16 octets of SHA-256 over (MEF, target, SUID). There are
 * no folders in it: each would be synced once more before a first key may be used.
 * Every change is durable when the call returns and leaves, wherever it is cut, either
 * what was or what shall be: a slot that had a readable current never has none. What
 * cannot be written is FR_ESTORE, and nothing is lost.
 */
#ifndef FR_AGENT_STATE_H
#define FR_AGENT_STATE_H

#include "model/attempt.h"
#include "model/credential.h"

#define FR_STATE_CREDENTIALS_MAX 1024 /* looked at by a search or a list */

struct fr_state;

/* A slot: one place for a credential. target is as registered. */
struct fr_slot_id {
    const char *mef;
    const char *target;
    int suid;
};

/* Touches nothing yet: a folder that is not there holds no credential. attempts_max:
 * octets of both attempts files together. What uses the folder refuses (FR_ECONFIG,
 * "state-unsafe") one of another owner, or one that group or others may write into. */
FR_MUST_USE enum fr_code fr_state_open(const char *dir, size_t attempts_max,
                                       struct fr_state **ret, struct fr_err *err);
void fr_state_free(struct fr_state *s); /* and unlocks */
FR_DEFINE_AUTO(state)
const char *fr_state_dir(const struct fr_state *s);

/* Makes the folder if need be. FR_EBUSY, reason "locked": another process, or this
 * object already. Reading needs no lock; everything that changes the folder does. */
FR_MUST_USE enum fr_code fr_state_lock(struct fr_state *s, struct fr_err *err);
void fr_state_unlock(struct fr_state *s);

/* ---- the two slots ---- */

/* Replaces what is pending there. */
FR_MUST_USE enum fr_code fr_state_store_pending(struct fr_state *s,
                                                const struct fr_credential *c,
                                                struct fr_err *err);
/* Pending becomes current. FR_ESTORE if nothing is pending. */
FR_MUST_USE enum fr_code fr_state_flip(struct fr_state *s, const struct fr_slot_id *id,
                                       struct fr_err *err);
/* Nothing pending is no error. */
FR_MUST_USE enum fr_code fr_state_drop(struct fr_state *s, const struct fr_slot_id *id,
                                       struct fr_err *err);
/* Removes both slots; FR_ENOTFOUND if there was none. */
FR_MUST_USE enum fr_code fr_state_forget(struct fr_state *s,
                                         const struct fr_slot_id *id,
                                         struct fr_err *err);
/* Removes every slot file that is no credential. One that cannot be read at all stays,
 * and is FR_ESTORE. */
FR_MUST_USE enum fr_code fr_state_forget_damaged(struct fr_state *s, size_t *ret_n,
                                                 struct fr_err *err);

/* The current credential; mef and target NULL, suid 0 match any, newest first.
 * FR_ENOTFOUND. A damaged file is as if absent here (fr_state_list names it). */
FR_MUST_USE enum fr_code fr_state_find(struct fr_state *s, const struct fr_slot_id *id,
                                       struct fr_credential **ret, struct fr_err *err);
/* The newest current one that fits, valid or not. */
FR_MUST_USE enum fr_code fr_state_find_fit(struct fr_state *s, fr_fits_fn *fits,
                                           const void *arg, struct fr_credential **ret,
                                           struct fr_err *err);
FR_MUST_USE enum fr_code fr_state_find_key(struct fr_state *s, const char *key_id,
                                           struct fr_credential **ret,
                                           struct fr_err *err);

/* The n-th pending credential in a fixed order; FR_ENOTFOUND beyond the last. One that
 * cannot be read is passed over: it can never become a current. */
FR_MUST_USE enum fr_code fr_state_pending_at(struct fr_state *s, size_t n,
                                             struct fr_credential **ret,
                                             struct fr_err *err);

/* Everything there is, ordered by MEF, target, SUID; free with
 * fr_state_entries_clear(). A pending one is never confirmed, whatever its file says: a
 * slot is written as it shall be once it is current. */
struct fr_state_entry {
    struct fr_credential *credential; /* NULL: damaged */
    bool pending;
    char *path, *text; /* of a damaged one; else NULL */
};
struct fr_state_entries {
    struct fr_state_entry *list;
    size_t n;
};
FR_MUST_USE enum fr_code fr_state_list(struct fr_state *s, struct fr_state_entries *ret,
                                       struct fr_err *err);
void fr_state_entries_clear(struct fr_state_entries *e);

/* ---- attempt records ---- */

/* Durable, but for that of a success: what it tells, the credential does. */
FR_MUST_USE enum fr_code fr_state_record(struct fr_state *s, const struct fr_attempt *a,
                                         struct fr_err *err);
/* Calls fn for each, oldest first, until it returns false; damaged ones are counted. */
typedef bool (*fr_attempt_fn)(void *ctx, const struct fr_attempt *a);
FR_MUST_USE enum fr_code fr_state_attempts(struct fr_state *s, fr_attempt_fn fn,
                                           void *ctx, size_t *ret_damaged,
                                           struct fr_err *err);

#endif
