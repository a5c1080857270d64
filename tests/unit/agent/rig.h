/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole device for a test: config file, state folder, keys, a clock that moves when
 * told to, and methods that do what the name of their peer says.
 */
#ifndef FR_UNIT_AGENT_RIG_H
#define FR_UNIT_AGENT_RIG_H

#include "agent/run.h"
#include "fake/env.h"

/* ---- scripted methods ---- */

/*
 * Bootstrap "scripted", by the first label of the MEF:
 *   good       stores, is confirmed, flips, done
 *   refuse, away, broken, full  fail at once: EREFUSED, EUNREACHABLE, EINVALID, ESTORE
 *   later      fails EUNREACHABLE, and asks for SCRIPTED_RETRY_AFTER_MS of peace
 *   cut, no, odd  store, and fail before the flip: EUNREACHABLE, EREFUSED, EINVALID
 *   late       flips, then fails EUNREACHABLE
 *   warn       flips, warns, done
 *   empty      done without a credential
 *   hang       does nothing until it is stopped or out of time
 *   hangflip   flips and then does nothing
 *   talk       connects to its MEF, sends "hello", wants it back, then as good
 * A resolve does what scripted.resolve says, the first one what scripted.first says if
 * it says anything.
 * Discovery "scripted", by the resource: file:///good (a list: refuse, good),
 * file:///refuse, file:///read (reads scripted.file).
 */
#define SCRIPTED_RETRY_AFTER_MS 7000
enum scripted_resolve {
    RESOLVE_FLIP,
    RESOLVE_DROP,
    RESOLVE_AWAY,
    RESOLVE_HANG,
    RESOLVE_REFUSE
};

struct scripted {
    enum scripted_resolve resolve, first;
    const char *file;
    int opened, closed; /* runs, of both kinds */
    int resolves;
    char records[4096]; /* what the last successful run got to upload */
    char exported[2 * FR_EXPORT_LEN + 1]; /* by talk: hex */
    char own_id[FR_ID_MAX + 1];
};
extern struct scripted scripted;

extern const struct fr_bootstrap_method scripted_bootstrap;
extern const struct fr_discovery_method scripted_discovery;

/* ---- the device ---- */

#define LIST(entries) "{'version':1,'instructions':[" entries "]}"
#define ONE(mef)      "{'bootstrap':'scripted','mef':'" mef ".example.com'}"

#define RIG_EVENTS_MAX 64

struct rig {
    struct fr_fake_env clock;
    struct fr_config *config;
    struct fr_state *state;
    struct fr_device device;
    char config_path[192], state_path[160];
    /* events of the runs so far */
    char *json[RIG_EVENTS_MAX];
    size_t n_events;
    int64_t wait_target_ms; /* of the runs to come */
    int stop_at;            /* the listener stops the run at this event; -1: never */
};

/* The groups that use a rig have pki_setup() and pki_teardown(). extra: more lines of
 * the config file; may be NULL. */
void rig_init(struct rig *r, const char *extra);
void rig_clear(struct rig *r);

int rig_event(void *ctx, const struct fr_event *event); /* ctx: struct rig */
/* The n-th event whose "event" is kind; NULL if there are fewer. */
const char *rig_nth(const struct rig *r, const char *kind, size_t n);
size_t rig_count(const struct rig *r, const char *kind);

/* From JSON with ' for ". */
struct fr_document *rig_document(const char *text);
/* Opens a run of that document. */
struct fr_run *rig_run(struct rig *r, const char *document, bool renew);
/* Steps it to its end on the virtual clock; returns its status and frees it. */
int rig_finish(struct rig *r, struct fr_run *run);
int rig_walk(struct rig *r, const char *document);

/* A credential of that MEF and target, made at the clock's time, as the current or the
 * pending one. */
void rig_put(struct rig *r, const char *mef, const char *target, bool pending);
/* A state folder of its own, empty. */
struct fr_state *rig_state(size_t attempts_max);
struct fr_credential *rig_credential(const char *mef, const char *target,
                                     int64_t created);
bool rig_has_current(struct rig *r, const char *mef, const char *target);
size_t rig_n_pending(struct rig *r);

#endif
