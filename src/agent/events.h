/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run tells the outside, as fr_event (JSON and one line for a person):
 *
 *     {"event":"attempt", members of an attempt record}
 *     {"event":"phase","position":"1","phase":"connect"}
 *     {"event":"warning","text":"..."}
 *     {"event":"outcome","outcome":"provisioned","exit":0,"reason":"...","text":"...",
 *      "list":"...","credential":{"mef","target","suid","keyId","expires"}}
 */
#ifndef FR_AGENT_EVENTS_H
#define FR_AGENT_EVENTS_H

#include "engine/engine.h"
#include "fieldroot/fieldroot.h"
#include "model/credential.h"

#define FR_SPEAKABLE_MAX  (2 * FR_ERR_MSG_MAX)
#define FR_EVENT_LINE_MAX (16 * 1024) /* octets of JSON */

struct fr_teller {
    fr_event_fn fn; /* NULL: nobody listens */
    void *ctx;
    bool stop; /* the listener asked for it, once */
};

struct fr_outcome_report {
    enum fr_outcome outcome;
    int exit_status;
    const char *reason, *text;
    const char *list;                       /* id */
    const struct fr_credential *credential; /* NULL: none to speak of */
};

/* text as it can stand in JSON; returns to. */
const char *fr_tell_speakable(const char *text, char to[FR_SPEAKABLE_MAX]);

/* None of them fails: an event that cannot be built is not told. */
void fr_tell_attempt(struct fr_teller *t, const struct fr_attempt *a);
void fr_tell_phase(struct fr_teller *t, const char *position, enum fr_phase phase);
void fr_tell_warning(struct fr_teller *t, const char *text);
void fr_tell_outcome(struct fr_teller *t, const struct fr_outcome_report *o);

#endif
