/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vault's files share. A request is handled in one go: each question to the
 * store is asked and waited for (FR_ASK), because requests of one place must follow
 * each other anyway.
 */
#ifndef FR_SERVER_VAULT_INTERNAL_H
#define FR_SERVER_VAULT_INTERNAL_H

#include <jansson.h>

#include "server/vault/vault.h"
#include "store/ask.h"
#include "store/facts.h"

/* At most `limit` of something a second; what is over is counted. */
struct fr_rate {
    int64_t second;
    unsigned limit, used;
    uint64_t dropped;
};
bool fr_rate_admits(struct fr_rate *rate, int64_t now);

/* What a peer can cause at will. */
struct fr_rates {
    struct fr_rate notes, refusals, refetches;
};

/* A key-encryption key, and what seals the end of the audit trail under it. */
struct fr_vault_key {
    struct fr_kek *kek; /* NULL: none */
    struct fr_secret *audit_key;
};

/* How far a rekeying has come, as this node sees it. */
struct fr_rekey {
    bool is_on;
    bool is_asked;          /* by an operator, in a batch that may not have been kept */
    bool is_ours;           /* this node does the work */
    char seen[FR_FACT_MAX]; /* where it was... */
    int64_t seen_ms;        /* ...when this node saw it move last */
};

/* The wall clock against the monotonic one; see clock.c. */
struct fr_clock {
    int64_t base_ms;  /* the one minus the other, when it was believed last */
    int64_t slack_ms; /* how far it may be ahead of that */
    bool is_doubted;
    int64_t since_ms; /* monotonic, if it is doubted */
    int64_t kept_ms;  /* monotonic, when the database last got the time; 0: not yet */
};

struct fr_letters {
    struct fr_vault_letter *list;
    size_t n, cap;
};

struct fr_vault {
    struct fr_vault_config config; /* defaults filled in */
    const struct fr_env *env;
    struct fr_store *store;
    struct fr_vault_key key;      /* wraps all that is new */
    struct fr_vault_key old_key;  /* while the store is rekeyed; else empty */
    char generation[FR_FACT_MAX]; /* of the store's facts when they were read */
    bool has_facts;
    bool has_read_facts; /* in this batch */
    bool changes_rules;  /* in this batch */
    uint64_t feed_base;
    struct fr_rekey rekey;
    char instance[FR_STORE_NODE_MAX + 1];
    int64_t said;       /* when this node last said that it has its name */
    uint64_t feed_seen; /* where the feed was when it last looked around */
    int64_t pruned;     /* when the feed was, last */
    struct fr_clock clock;
    struct fr_rates rates, rates_before;    /* now; at the start of this batch */
    struct fr_vault_identities *identities; /* NULL: no limit */
    struct fr_letters letters;
    struct fr_ub *ub; /* server/vault/ub.h */
    char (*grown)[FR_ID_MAX + 1];
    size_t n_grown, cap_grown;
};

/* ---- asking the store ---- */

/* FR_TRY(FR_ASK(v, err, enrolee_find, name, &enrolee)); */
#define FR_ASK(v, err, op, ...)  FR_STORE_ASK((v)->store, err, op, __VA_ARGS__)
#define FR_ASK_PLAIN(v, err, op) FR_STORE_ASK_PLAIN((v)->store, err, op)

/* ---- who asks, and what it may ---- */

struct fr_who {
    struct fr_peer peer;
    char address[FR_ID_MAX + 1];
    char name[FR_SAN_TEXT_MAX + 1]; /* for the audit trail */
    /* after fr_who_listed() */
    struct fr_store_enrolee listing;
    char san[FR_SAN_TEXT_MAX + 1]; /* the name by which it is known */
    char identity[FR_STORE_IDENTITY_MAX + 1];
};

struct fr_request {
    struct fr_vault *v;
    const struct fr_msg *m;
    int64_t now;
    struct fr_who who;
    struct fr_vault_reply *reply;
};

/* Takes PEER and ADDRESS. FR_EINVALID: malformed. */
FR_MUST_USE enum fr_code fr_who_take(const struct fr_msg *m, struct fr_who *ret,
                                     struct fr_err *err);
/* Finds the listing of a verified peer. FR_EREFUSED "enrolee-not-listed". */
FR_MUST_USE enum fr_code fr_who_listed(struct fr_vault *v, struct fr_who *who,
                                       struct fr_err *err);
/* "anchor/san". */
char *fr_who_identity(const char *anchor, const char *san,
                      char to[FR_STORE_IDENTITY_MAX + 1]);
/* True if the credential belongs to one of its names. */
bool fr_who_owns(const struct fr_who *who, const struct fr_store_credential *c);

/* What a listed enrolee gets. */
struct fr_grant {
    struct fr_store_target target;
    char admin_fqdn[FR_ID_MAX + 1];
    int suid;
    int64_t expires;
};
/* From TARGET, ADMIN_FQDN, SUID and EXPIRES. FR_EREFUSED reasons
 * "target-not-registered", "target-not-allowed", "admin-unknown"; FR_EPARSE
 * "suid-undefined", "expiry-past". */
FR_MUST_USE enum fr_code fr_grant_decide(const struct fr_request *q,
                                         struct fr_grant *ret, struct fr_err *err);
/* target "": the operator's choice. */
FR_MUST_USE enum fr_code fr_grant_target(struct fr_vault *v, const char *enrolee,
                                         const char *target,
                                         struct fr_store_target *ret,
                                         struct fr_err *err);

/* The parts of c that follow from who asks and what it gets. */
void fr_grant_fill(const struct fr_request *q, const struct fr_grant *g,
                   struct fr_store_credential *c);
/* new = current, old = previous, the feed and the audit trail say so; c is filled in
 * but for what wraps ke. FR_ECONFLICT "key-id-exists"; FR_EUNREACHABLE
 * "enrolment-rate". */
FR_MUST_USE enum fr_code fr_vault_commit_new(const struct fr_request *q,
                                             struct fr_store_credential *c,
                                             const struct fr_secret *ke,
                                             struct fr_slice response,
                                             struct fr_err *err);
/* Its device has taken c over. */
FR_MUST_USE enum fr_code fr_vault_ack_key(const struct fr_request *q,
                                          const struct fr_store_credential *c,
                                          struct fr_err *err);
/* The request's JSON, for who.identity. FR_EPARSE "attempts-malformed". */
FR_MUST_USE enum fr_code fr_vault_keep_attempts(const struct fr_request *q,
                                                struct fr_err *err);

/* The handlers of requests, by file. */
enum fr_code fr_vault_authorise(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_commit_key(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ack(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_lookup(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_report(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_fetch(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_feed(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_discover(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_note(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_admin(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_begin(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_resync(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_vector(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_finish(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_ack(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_report(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_target(struct fr_request *q, struct fr_err *err);
enum fr_code fr_vault_ub_fetched(struct fr_request *q, struct fr_err *err);

/* The credential that the request's KEY_ID names, whoever's it is. FR_ENOTFOUND
 * "unknown-key"; whose ends its words ("", " of this enrolee"). */
FR_MUST_USE enum fr_code fr_vault_find_key(const struct fr_request *q,
                                           const char *whose,
                                           struct fr_store_credential *ret,
                                           struct fr_err *err);
enum fr_code fr_vault_unknown_key(const char *key_id, const char *whose,
                                  struct fr_err *err);
/* Wraps Ke into c, whose KeID and place are set. */
FR_MUST_USE enum fr_code fr_vault_wrap(const struct fr_vault *v,
                                       struct fr_store_credential *c,
                                       const struct fr_secret *ke, struct fr_err *err);
/* Opens the wrapped Ke. FR_ESTORE "wrap-broken". */
FR_MUST_USE enum fr_code fr_vault_unwrap(const struct fr_vault *v,
                                         const struct fr_store_credential *c,
                                         struct fr_secret **ret, struct fr_err *err);
/* Removes a credential: feed, wake-up and audit line. */
struct fr_removal {
    enum fr_store_event event;
    const char *actor, *action, *reason;
};
FR_MUST_USE enum fr_code fr_vault_remove(struct fr_vault *v,
                                         const struct fr_store_credential *c,
                                         const struct fr_removal *why,
                                         struct fr_err *err);
/* When no target has it any more. */
int64_t fr_vault_end_of(const struct fr_store_credential *c);
/* Notes that the feed of a target has grown. */
FR_MUST_USE enum fr_code fr_vault_grow(struct fr_vault *v, const char *fqdn,
                                       struct fr_err *err);

/* ---- keys and facts ---- */

/* A new key file (0600); what is there is replaced. */
FR_MUST_USE enum fr_code fr_vault_key_make(const struct fr_env *env, const char *path,
                                           struct fr_err *err);
/* FR_ENOTFOUND; FR_ECONFIG "key-file", "key-file-open". */
FR_MUST_USE enum fr_code fr_vault_key_read(const char *path, struct fr_vault_key *ret,
                                           struct fr_err *err);
void fr_vault_key_clear(struct fr_vault_key *k);
/* "KEYFILE.next", where the key that takes over is put. */
FR_MUST_USE enum fr_code fr_vault_next_path(const struct fr_vault *v, char **ret,
                                            struct fr_err *err);
/* Loads the keys that the store needs. FR_ECONFIG "key-other", "key-next-missing". */
FR_MUST_USE enum fr_code fr_vault_keys_settle(struct fr_vault *v, struct fr_err *err);
/* Reads the store's facts if they have changed; inside a batch. FR_ECONFIG
 * "store-moved", "copy-unfinished", and those of the keys. */
FR_MUST_USE enum fr_code fr_vault_heed(struct fr_vault *v, struct fr_err *err);
/* This batch changes them: every later batch of every node heeds it. */
FR_MUST_USE enum fr_code fr_vault_change_rules(struct fr_vault *v, struct fr_err *err);
/* FR_EBUSY "batch-retry" if another batch did so since this one began. */
FR_MUST_USE enum fr_code fr_vault_recheck(struct fr_vault *v, struct fr_err *err);

/* ---- this node among others ---- */

FR_MUST_USE enum fr_code fr_vault_read_instance(struct fr_vault *v, struct fr_err *err);
/* Takes the node's name, inside a batch. FR_ECONFIG "node-taken". */
FR_MUST_USE enum fr_code fr_vault_enter(struct fr_vault *v, struct fr_err *err);
/* Now and then, where others write as well: says that the name is taken, and tells
 * whether the feed has grown. FR_ESTORE "node-taken". */
FR_MUST_USE enum fr_code fr_vault_look_around(struct fr_vault *v, bool *ret_grown,
                                              struct fr_err *err);

/* ---- the clock ---- */

/* Compares it with the time that the database knew last. */
FR_MUST_USE enum fr_code fr_vault_open_clock(struct fr_vault *v, struct fr_err *err);
/* *ret_holds: nothing may retire now. Steps are logged and audited. Outside a batch. */
FR_MUST_USE enum fr_code fr_vault_watch_clock(struct fr_vault *v, bool *ret_holds,
                                              struct fr_err *err);
/* Lets the database know the time, once an hour; outside a batch, of a clock that is
 * believed. */
FR_MUST_USE enum fr_code fr_vault_keep_time(struct fr_vault *v, struct fr_err *err);

/* ---- the audit trail ---- */

struct fr_said {
    const char *actor, *action, *subject, *decision, *reason;
};
FR_MUST_USE enum fr_code fr_vault_audit(struct fr_vault *v, const struct fr_said *said,
                                        struct fr_err *err, const char *fmt, ...)
    FR_PRINTF(4, 5);
/* A line that a peer can cause at will: dropped beyond the rate; the next one that is
 * not says how many were. */
FR_MUST_USE enum fr_code fr_vault_audit_rated(struct fr_vault *v, struct fr_rate *rate,
                                              const struct fr_said *said,
                                              const char *text, struct fr_err *err);

/* The last of a batch. */
FR_MUST_USE enum fr_code fr_vault_seal_audit(struct fr_vault *v, struct fr_err *err);

/* How far all chains were looked at, node by node in the order of their names. */
struct fr_chain {
    uint64_t lines;            /* of all nodes */
    struct fr_store_node at;   /* whose chain, and how far; hash "": to its end */
    bool has_begun, is_at_end; /* all of it was looked at */
    uint64_t broken_at;        /* sequence number of the first bad line; 0: none */
    bool is_cut;               /* it does not end where the vault ended it */
};
FR_MUST_USE enum fr_code fr_vault_verify_audit(struct fr_vault *v, struct fr_chain *ret,
                                               struct fr_err *err);
/* At most limit lines more; *chain starts as {0}. */
FR_MUST_USE enum fr_code fr_vault_verify_some(struct fr_vault *v,
                                              struct fr_chain *chain, size_t limit,
                                              struct fr_err *err);

/* NULL: no JSON, a member twice, or nested deeper than we recurse. */
json_t *fr_json_parse(struct fr_slice text);

/* ---- letters ---- */

/* To the worker of that number; 0: any of that type. */
FR_MUST_USE enum fr_code fr_letter_post(struct fr_vault *v, enum fr_worker type,
                                        uint32_t to, const struct fr_msg *m,
                                        struct fr_err *err);
/* The reply that was put off says why it fails. */
FR_MUST_USE enum fr_code fr_letter_fail(struct fr_vault *v, enum fr_worker type,
                                        uint32_t to, uint32_t id,
                                        const struct fr_err *why, struct fr_err *err);
/* All but the first `kept`. */
void fr_letters_drop(struct fr_vault *v, size_t kept);

/* ---- replies ---- */

void fr_reply_put(struct fr_vault_reply *r, enum fr_field f, struct fr_slice value);
void fr_reply_str(struct fr_vault_reply *r, enum fr_field f, const char *value);
void fr_reply_u64(struct fr_vault_reply *r, enum fr_field f, uint64_t v);
/* Drops all fields but CODE, REASON, TEXT, which it sets from err. */
void fr_reply_fail(struct fr_vault_reply *r, enum fr_code rc, const struct fr_err *err);
/* The same with JSON, for the operator. */
void fr_admin_fail(struct fr_vault_reply *r, enum fr_code rc, const struct fr_err *err);

#endif
