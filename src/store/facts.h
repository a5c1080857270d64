/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about a store as a whole, kept in its table "meta". An absent fact and "" are
 * the same. Whoever changes one by which running nodes work gives the store a new
 * generation in the same transaction: the vault reads that at the start of each batch,
 * and the rest only when it has changed. It reads it again before it commits, with its
 * node's record locked, which a new generation waits for: so no batch of the old rules
 * is committed after the new ones.
 */
#ifndef FR_STORE_FACTS_H
#define FR_STORE_FACTS_H

#include "store/store.h"

/* Of the fleet: they go along when it moves. */
#define FR_FACT_KEK       "kek"       /* id of the key that wraps the credentials */
#define FR_FACT_KEK_NEXT  "kek-next"  /* id of the one that takes over; "": none does */
#define FR_FACT_REKEYED   "rekeyed"   /* "COUNT KEYID": how far, and up to which */
#define FR_FACT_FEED_BASE "feed-base" /* what cursors of targets are above */
#define FR_FACT_NOTE      "note" /* what the next vault writes into the audit trail */
/* Of the place: a copy has its own. */
#define FR_FACT_COPY       "copy"  /* not "": a copy that is not finished */
#define FR_FACT_MOVED      "moved" /* not "": where the fleet has moved to */
#define FR_FACT_GENERATION "generation"

#define FR_FACT_MAX 1024 /* octets of any */

FR_MUST_USE enum fr_code fr_fact_get(struct fr_store *s, const char *name,
                                     char ret[FR_FACT_MAX], struct fr_err *err);
FR_MUST_USE enum fr_code fr_fact_set(struct fr_store *s, const char *name,
                                     const char *value, struct fr_err *err);
FR_MUST_USE enum fr_code fr_fact_new_generation(struct fr_store *s,
                                                const struct fr_env *env,
                                                struct fr_err *err);

#endif
