/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual trigger: a person names one thing after the other (DESIGN 4), and the
 * list keeps their order.
 */
#ifndef FR_TRIGGER_MANUAL_H
#define FR_TRIGGER_MANUAL_H

#include "trigger/trigger.h"

struct fr_manual;

FR_MUST_USE enum fr_code fr_manual_new(struct fr_manual **ret, struct fr_err *err);
void fr_manual_free(struct fr_manual *m);
FR_DEFINE_AUTO(manual)

/* All of these: FR_EUSAGE for words that are wrong, FR_EPARSE for a broken document. */

/* "FQDN[:PORT]": one certificate bootstrap there. */
FR_MUST_USE enum fr_code fr_manual_mef(struct fr_manual *m, const char *host_port,
                                       struct fr_err *err);
/* "METHOD:FQDN[:PORT]". A method that this build lacks is accepted (unsupported). */
FR_MUST_USE enum fr_code fr_manual_bootstrap(struct fr_manual *m, const char *text,
                                             struct fr_err *err);
/* The same in parts. */
struct fr_manual_entry {
    const char *method;
    const char *fqdn;
    uint16_t port;      /* 0: the default */
    const char *target; /* NULL: none */
};
FR_MUST_USE enum fr_code fr_manual_add(struct fr_manual *m,
                                       const struct fr_manual_entry *entry,
                                       struct fr_err *err);
/* Of the nearest bootstrap before it; before any, the default of all named by mef or
 * bootstrap that have none of their own. Not of entries that came in a document. */
FR_MUST_USE enum fr_code fr_manual_target(struct fr_manual *m, const char *id,
                                          struct fr_err *err);
/* "https://..." or "file:///...". */
FR_MUST_USE enum fr_code fr_manual_discover(struct fr_manual *m, const char *uri,
                                            struct fr_err *err);
/* Splices a document's entries; name is for messages. */
FR_MUST_USE enum fr_code fr_manual_document(struct fr_manual *m, struct fr_slice text,
                                            const char *name, struct fr_err *err);

/* Hands the list over; m is empty afterwards. FR_EUSAGE if nothing was named. */
FR_MUST_USE enum fr_code fr_manual_take(struct fr_manual *m, struct fr_document **ret,
                                        struct fr_err *err);

#endif
