/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of a store: what the vault keeps, as operations of our domain, not SQL.
 *
 * Each call ends by its fr_store_call's done(), once, which a store that answers later
 * (PostgreSQL) calls from wait(), and SQLite before the call returns. Inputs and
 * outputs stay valid until then; outputs are written on success only. Rows are
 * borrowed for the time of the row function, which must not call the store; if it
 * fails, so does the call.
 *
 * Writing belongs into a batch: begin, then for each request mark and keep or undo,
 * then commit. undo takes back what was done since mark, and the batch goes on. A batch
 * that the store itself gave up takes no further mark (FR_ESTORE "batch-lost").
 * Not for use by several threads.
 *
 * Codes: FR_ENOTFOUND, FR_ECONFLICT as said; FR_EBUSY "batch-retry" when other nodes'
 * writes came between: the batch is to be rolled back and done again; FR_ESTORE for any
 * failure of the store itself. Times are seconds since 1970. Text is NUL-terminated.
 */
#ifndef FR_STORE_STORE_H
#define FR_STORE_STORE_H

#include "base/env.h"
#include "crypto/confirm.h"
#include "crypto/gba.h"
#include "crypto/peer.h"
#include "crypto/wrap.h"
#include "store/rows.h"

#define FR_STORE_NAME_MAX     FR_ID_MAX /* names that an operator gives */
#define FR_STORE_WRAPPED_MAX  (FR_KE_LEN + FR_WRAP_EXTRA)
#define FR_STORE_IDENTITY_MAX (FR_ANCHOR_HEX + 1 + FR_SAN_TEXT_MAX)
#define FR_STORE_CONTEXT_MAX  511
#define FR_STORE_NODE_MAX     64
#define FR_STORE_WHO_MAX      8 /* names that one search of the audit trail takes */

struct fr_store;

struct fr_store_call {
    void (*done)(void *ctx, enum fr_code rc, const struct fr_err *err);
    void *ctx;
};

/* An enrolee's listing: one device, by its certificate, its SIM or both; or every
 * device of an anchor. */
struct fr_store_enrolee {
    char name[FR_STORE_NAME_MAX + 1];
    char anchor[FR_ANCHOR_HEX + 1]; /* "": no certificate is its own */
    char san[FR_SAN_TEXT_MAX + 1];  /* "": every device of that anchor */
    int64_t created;
    char imsi[FR_IMSI_MAX + 1]; /* "": none; the SIM of one listing */
    int64_t lifetime;           /* of what that SIM gives, seconds; 0: the default */
    bool gba_u;                 /* that SIM keeps Ks */
};

struct fr_store_target {
    char id[FR_ID_MAX + 1]; /* absolute id or FQDN */
    char fqdn[FR_ID_MAX + 1];
    enum fr_derivation derivation;
    int64_t created;
};

/* A target that an enrolee may enrol for. */
struct fr_store_allowed {
    struct fr_store_target target;
    bool is_default;
};

enum fr_store_slot { FR_SLOT_CURRENT, FR_SLOT_PREVIOUS };

/* Credentials are one per place and slot. */
struct fr_store_place {
    char identity[FR_STORE_IDENTITY_MAX + 1]; /* "anchor/san", "imsi:<digits>" */
    char admin_fqdn[FR_ID_MAX + 1];
    int suid;
    char target[FR_ID_MAX + 1]; /* id */
};

struct fr_store_credential {
    struct fr_store_place place;
    enum fr_store_slot slot;
    char key_id[FR_KEYID_MAX + 1];
    char enrolee[FR_STORE_NAME_MAX + 1]; /* name of the listing */
    char san[FR_SAN_TEXT_MAX + 1];       /* the enrolee's name in its certificate, or
                                            "impi:<IMPI>" */
    char target_fqdn[FR_ID_MAX + 1];
    enum fr_derivation derivation;
    uint8_t wrapped[FR_STORE_WRAPPED_MAX]; /* Ke */
    size_t wrapped_len;
    int64_t created, expires;
    int64_t acked, retires, fetched; /* 0: not yet */
    bool confirmed;                  /* by a MAC of the enrolee */
    char method[33];
    char credential_ref[FR_CREDENTIAL_REF_MAX + 1];
    char client_reg[FR_ID_MAX + 1];
    uint8_t request_sha[FR_SHA256_LEN], response_sha[FR_SHA256_LEN];
    char context[FR_STORE_CONTEXT_MAX + 1]; /* what a target's key needs besides Ke */
    char tmpi[FR_TMPI_USER_LEN + 1]; /* of Ks, its user part; "": none is offered */
};

/* What a commit displaced. Empty text: nothing. */
struct fr_store_displaced {
    char previous[FR_KEYID_MAX + 1]; /* was current, is previous now */
    bool was_acked;
    char removed[FR_KEYID_MAX + 1]; /* was previous, is gone */
};

/* Why a target hears of a credential. */
enum fr_store_event { FR_EVENT_ADDED, FR_EVENT_RETIRED, FR_EVENT_REVOKED };
struct fr_store_change {
    uint64_t seq;
    enum fr_store_event event;
    char target_fqdn[FR_ID_MAX + 1];
    char key_id[FR_KEYID_MAX + 1];
    int suid;
    char san[FR_SAN_TEXT_MAX + 1];
    int64_t expires;
    int64_t at;
};
/* The targets besides its own that a credential serves. */
#define FR_STORE_TOLD_MAX 16
struct fr_store_told {
    size_t n;
    struct {
        char fqdn[FR_ID_MAX + 1];
        int suid;
    } list[FR_STORE_TOLD_MAX];
};
/* Names by which one target is known. */
struct fr_store_feed_query {
    const char *fqdns[FR_SANS_MAX];
    size_t n_fqdns;
    uint64_t since;
    size_t limit;
};

/* A fieldrootd that writes here. seq, hash and seal: where its chain of audit lines
 * ends, and the vault's word for it. */
struct fr_store_node {
    char name[FR_STORE_NODE_MAX + 1];
    char instance[FR_STORE_NODE_MAX + 1]; /* who writes under that name */
    int64_t seen;
    uint64_t seq; /* 0: no line */
    char hash[2 * FR_SHA256_LEN + 1], seal[2 * FR_SHA256_LEN + 1];
};

/* A line of the audit trail. node, seq, prev and hash are filled in by audit_add. */
struct fr_store_audit {
    char node[FR_STORE_NODE_MAX + 1];
    uint64_t seq;
    int64_t at;
    char actor[FR_SAN_TEXT_MAX + 1]; /* who acted: SAN, "operator", "vault" */
    char action[FR_ERR_REASON_MAX];
    char subject[FR_SAN_TEXT_MAX + FR_KEYID_MAX + 1]; /* what it was about */
    char decision[16];                                /* allowed, refused, noted */
    char reason[FR_ERR_REASON_MAX];
    char text[FR_ERR_MSG_MAX];
    char prev[2 * FR_SHA256_LEN + 1], hash[2 * FR_SHA256_LEN + 1];
};
/* Lines of which actor or subject is one of the names, n 0: all. */
struct fr_store_audit_query {
    const char *who[FR_STORE_WHO_MAX];
    size_t n_who;
    size_t limit;
};

struct fr_store_attempt {
    int64_t at;
    struct fr_slice json; /* one record */
};

struct fr_store_document {
    char name[FR_STORE_NAME_MAX + 1];
    struct fr_slice body;
    int64_t updated;
};

struct fr_store_assignment {
    char enrolee[FR_STORE_NAME_MAX + 1]; /* or "*" */
    char document[FR_STORE_NAME_MAX + 1];
};

struct fr_store_counts {
    uint64_t enrolees, targets, credentials, documents, audit_lines, feed_seq;
};

/* NULL or "": any. after: list on behind this key. */
struct fr_store_page {
    const char *enrolee, *target, *san, *after;
    size_t limit;
};

#define FR_STORE_ROWS(noun)                                                            \
    struct fr_store_##noun##_rows {                                                    \
        enum fr_code (*row)(void *ctx, const struct fr_store_##noun *row,              \
                            struct fr_err *err);                                       \
        void *ctx;                                                                     \
    }
FR_STORE_ROWS(node);
FR_STORE_ROWS(enrolee);
FR_STORE_ROWS(target);
FR_STORE_ROWS(allowed);
FR_STORE_ROWS(credential);
FR_STORE_ROWS(change);
FR_STORE_ROWS(audit);
FR_STORE_ROWS(attempt);
FR_STORE_ROWS(document);
FR_STORE_ROWS(assignment);
#undef FR_STORE_ROWS

struct fr_store {
    const struct fr_store_methods *methods;
    /* Asked before each commit; false makes it fail. For tests. NULL: none. */
    bool (*on_commit)(void *ctx);
    void *on_commit_ctx;
};

struct fr_store_methods {
    const char *name;
    bool is_shared; /* other nodes may write to the same database */
    void (*close)(struct fr_store *s);
    /* For several requests that ask at once. While it is on, a question inside a batch
     * whose answer is not at hand fails with FR_EBUSY "not-yet": undo the request, go
     * on with others, wait, and do the request again. wait blocks until the answers are
     * there; FR_EINTERNAL if none was asked for. */
    void (*gather)(struct fr_store *s, bool is_on);
    enum fr_code (*wait)(struct fr_store *s, struct fr_err *err);

    void (*begin)(struct fr_store *s, struct fr_store_call call);
    void (*commit)(struct fr_store *s,
                   struct fr_store_call call); /* or all is undone */
    void (*rollback)(struct fr_store *s, struct fr_store_call call);
    void (*mark)(struct fr_store *s, struct fr_store_call call);
    void (*keep)(struct fr_store *s, struct fr_store_call call);
    /* FR_EBUSY "batch-retry": roll back, and do the whole batch again. */
    void (*undo)(struct fr_store *s, struct fr_store_call call);

    /* Facts about the store as a whole ("kek"). FR_ENOTFOUND. */
    void (*meta_get)(struct fr_store *s, const char *name, struct fr_buf *ret,
                     struct fr_store_call call);
    void (*meta_set)(struct fr_store *s, const char *name, const char *value,
                     struct fr_store_call call);
    /* FR_ECONFLICT if it is there. */
    void (*meta_add)(struct fr_store *s, const char *name, const char *value,
                     struct fr_store_call call);
    void (*counts)(struct fr_store *s, struct fr_store_counts *ret,
                   struct fr_store_call call);

    void (*node_find)(struct fr_store *s, const char *name, struct fr_store_node *ret,
                      struct fr_store_call call);
    /* This store writes as that node from now on: makes its record, or takes it over
     * (instance, seen). Needed before audit_add. */
    void (*node_enter)(struct fr_store *s, const struct fr_store_node *node,
                       struct fr_store_call call);
    /* It still does. FR_ENOTFOUND: not under that name, which another has taken. */
    void (*node_seen)(struct fr_store *s, int64_t at, struct fr_store_call call);
    void (*node_list)(struct fr_store *s, struct fr_store_node_rows rows,
                      struct fr_store_call call);
    /* Waits for the batches of other nodes that are past audit_end, and keeps those
     * that are not yet waiting there until this batch is over. */
    void (*nodes_hold)(struct fr_store *s, struct fr_store_call call);

    /* FR_ECONFLICT if the name, (anchor, SAN), or the IMSI is taken. */
    void (*enrolee_add)(struct fr_store *s, const struct fr_store_enrolee *e,
                        struct fr_store_call call);
    void (*enrolee_find)(struct fr_store *s, const char *name,
                         struct fr_store_enrolee *ret, struct fr_store_call call);
    /* san "": the anchor-wide listing. */
    void (*enrolee_match)(struct fr_store *s, const char *anchor, const char *san,
                          struct fr_store_enrolee *ret, struct fr_store_call call);
    void (*enrolee_match_imsi)(struct fr_store *s, const char *imsi,
                               struct fr_store_enrolee *ret, struct fr_store_call call);
    /* Sets imsi, lifetime and gba_u of the listing of e's name. FR_ENOTFOUND;
     * FR_ECONFLICT if another has that IMSI. */
    void (*enrolee_sim)(struct fr_store *s, const struct fr_store_enrolee *e,
                        struct fr_store_call call);
    /* page: enrolee is not used; san filters. In the order of names. */
    void (*enrolee_list)(struct fr_store *s, const struct fr_store_page *page,
                         struct fr_store_enrolee_rows rows, struct fr_store_call call);
    /* FR_ECONFLICT while it has credentials. Takes allowances and assignment along. */
    void (*enrolee_remove)(struct fr_store *s, const char *name,
                           struct fr_store_call call);

    /* FR_ECONFLICT if id or FQDN is taken. */
    void (*target_add)(struct fr_store *s, const struct fr_store_target *t,
                       struct fr_store_call call);
    void (*target_find)(struct fr_store *s, const char *id, struct fr_store_target *ret,
                        struct fr_store_call call);
    void (*target_find_fqdn)(struct fr_store *s, const char *fqdn,
                             struct fr_store_target *ret, struct fr_store_call call);
    void (*target_list)(struct fr_store *s, const struct fr_store_page *page,
                        struct fr_store_target_rows rows, struct fr_store_call call);
    /* FR_ECONFLICT while it has credentials. */
    void (*target_remove)(struct fr_store *s, const char *id,
                          struct fr_store_call call);

    /* An enrolee has one default at most: a new one takes the old one's place. Both
     * must exist (FR_ENOTFOUND). */
    void (*allow)(struct fr_store *s, const char *enrolee, const char *target,
                  bool is_default, struct fr_store_call call);
    void (*deny)(struct fr_store *s, const char *enrolee, const char *target,
                 struct fr_store_call call);
    /* The default first, then in the order of ids. */
    void (*allowed)(struct fr_store *s, const char *enrolee,
                    struct fr_store_allowed_rows rows, struct fr_store_call call);

    /* new = current, old current = previous, old previous is gone; but an acknowledged
     * previous stays beside an old current that never was: the device may use either.
     * The feed says so. A previous one follows its successor to whatever listing that
     * came by.
     * FR_ECONFLICT reason "key-id-exists" if the KeID is or ever was here, or if the
     * audit trail has a refused lookup of it: its device was told that it never would
     * be. */
    void (*credential_commit)(struct fr_store *s, const struct fr_store_credential *c,
                              struct fr_slice response, struct fr_store_displaced *ret,
                              struct fr_store_call call);
    void (*credential_find)(struct fr_store *s, const char *key_id,
                            struct fr_store_credential *ret, struct fr_store_call call);
    /* By its TMPI's user part. */
    void (*credential_find_tmpi)(struct fr_store *s, const char *tmpi,
                                 struct fr_store_credential *ret,
                                 struct fr_store_call call);
    /* Appends the key registration's response body. */
    void (*credential_response)(struct fr_store *s, const char *key_id,
                                struct fr_buf *ret, struct fr_store_call call);
    /* In the order of KeIDs. */
    void (*credential_list)(struct fr_store *s, const struct fr_store_page *page,
                            struct fr_store_credential_rows rows,
                            struct fr_store_call call);
    /* Sets acked of this current credential (unless it is) and the retirement of what
     * is previous at its place, unless that serves other targets too: with it their key
     * would go. *ret_first tells whether this was the first ack. */
    void (*credential_ack)(struct fr_store *s, const char *key_id, int64_t at,
                           int64_t retires, bool *ret_first, struct fr_store_call call);
    void (*credential_fetched)(struct fr_store *s, const char *key_id, int64_t at,
                               struct fr_store_call call);
    /* The feed tells one target more of c; it will tell it of its end too. */
    void (*credential_tell)(struct fr_store *s, const struct fr_store_credential *c,
                            const char *fqdn, int suid, int64_t at,
                            struct fr_store_call call);
    void (*credential_told)(struct fr_store *s, const struct fr_store_credential *c,
                            struct fr_store_told *ret, struct fr_store_call call);
    /* Removes it; the feed says event. */
    void (*credential_remove)(struct fr_store *s, const char *key_id,
                              enum fr_store_event event, int64_t at,
                              struct fr_store_call call);
    /* Another wrapping of the same Ke. FR_ENOTFOUND. */
    void (*credential_rewrap)(struct fr_store *s, const char *key_id,
                              struct fr_slice wrapped, struct fr_store_call call);
    /* What has to go at now: retirement or expiry reached. */
    void (*credential_due)(struct fr_store *s, int64_t now, size_t limit,
                           struct fr_store_credential_rows rows,
                           struct fr_store_call call);
    void (*credential_next_due)(struct fr_store *s, int64_t *ret, /* INT64_MAX: none */
                                struct fr_store_call call);

    /* What other nodes' batches have decided by, without having committed, is to be
     * decided anew: a refusal that no later commit may contradict. What takes rights
     * away does so by itself. */
    void (*policy_changed)(struct fr_store *s, struct fr_store_call call);

    void (*feed)(struct fr_store *s, const struct fr_store_feed_query *query,
                 struct fr_store_change_rows rows, struct fr_store_call call);
    /* Sequence number of the last change of all; 0: none. */
    void (*feed_last)(struct fr_store *s, uint64_t *ret, struct fr_store_call call);
    /* The earliest expiry of a key that it tells of; INT64_MAX: it is empty. */
    void (*feed_oldest)(struct fr_store *s, int64_t *ret, struct fr_store_call call);
    /* Forgets what was said of keys that are no credentials any more and whose own
     * expiry is before `before`, at most limit changes; never the last change of all.
     * Their KeIDs stay taken. */
    void (*feed_prune)(struct fr_store *s, int64_t before, size_t limit, size_t *ret_n,
                       struct fr_store_call call);

    /* Each node has a chain of its own, so that none waits for another. */
    void (*audit_add)(struct fr_store *s, struct fr_store_audit *line,
                      struct fr_store_call call);
    /* Where this node's chain ends in this batch: name, seq and hash. FR_ENOTFOUND if
     * the batch has added no line. */
    void (*audit_tail)(struct fr_store *s, struct fr_store_node *ret,
                       struct fr_store_call call);
    /* The last of a batch that has added lines: keeps that end, with its seal.
     * FR_EBUSY "batch-retry" if somebody else wrote under this name. */
    void (*audit_end)(struct fr_store *s, const struct fr_store_node *end,
                      struct fr_store_call call);
    /* The last lines that fit, the oldest of them first. */
    void (*audit_last)(struct fr_store *s, const struct fr_store_audit_query *query,
                       struct fr_store_audit_rows rows, struct fr_store_call call);
    /* A node's lines behind seq, in order, at most limit. */
    void (*audit_walk)(struct fr_store *s, const char *node, uint64_t after,
                       size_t limit, struct fr_store_audit_rows rows,
                       struct fr_store_call call);

    /* Keeps the last `keep` of that identity. */
    void (*attempt_add)(struct fr_store *s, const char *identity,
                        const struct fr_store_attempt *a, size_t keep,
                        struct fr_store_call call);
    void (*attempt_last)(struct fr_store *s, const char *identity, size_t limit,
                         struct fr_store_attempt_rows rows, struct fr_store_call call);

    void (*document_set)(struct fr_store *s, const struct fr_store_document *d,
                         struct fr_store_call call);
    void (*document_find)(struct fr_store *s, const char *name, struct fr_buf *ret_body,
                          struct fr_store_call call);
    void (*document_list)(struct fr_store *s, const struct fr_store_page *page,
                          struct fr_store_document_rows rows, /* without bodies */
                          struct fr_store_call call);
    /* Takes its assignments along. */
    void (*document_remove)(struct fr_store *s, const char *name,
                            struct fr_store_call call);
    /* enrolee: a listing's name, or "*" for all that have none of their own. */
    void (*document_assign)(struct fr_store *s, const char *name, const char *enrolee,
                            struct fr_store_call call);
    void (*document_assignments)(struct fr_store *s, const char *name,
                                 struct fr_store_assignment_rows rows,
                                 struct fr_store_call call);
    /* Appends the body: the enrolee's own, else that of "*". FR_ENOTFOUND. */
    void (*document_for)(struct fr_store *s, const char *enrolee,
                         struct fr_buf *ret_body, struct fr_store_call call);

    /* Whole rows, for copies (store/copy.h). From snapshot to rollback all that is read
     * is of one moment, and nobody who writes is kept waiting. */
    void (*snapshot)(struct fr_store *s, struct fr_store_call call);
    /* Appends the rows of ret's table behind the key after (NULL: from the start), at
     * most limit. */
    void (*rows_list)(struct fr_store *s, const struct fr_value *after, size_t limit,
                      struct fr_rows *ret, struct fr_store_call call);
    void (*rows_add)(struct fr_store *s, const struct fr_rows *rows,
                     struct fr_store_call call);
    /* By their keys. */
    void (*rows_drop)(struct fr_store *s, const struct fr_rows *rows,
                      struct fr_store_call call);
};

void fr_store_free(struct fr_store *s); /* NULL is fine */
FR_DEFINE_AUTO(store)

/* The hash of a line: SHA-256 over prev and, each after its length, all that it says.
 */
FR_MUST_USE enum fr_code fr_store_audit_hash(const struct fr_store_audit *line,
                                             const char *prev,
                                             char ret[2 * FR_SHA256_LEN + 1],
                                             struct fr_err *err);
/* prev of a node's first line: of its name, so that no chain can pass for another's. */
FR_MUST_USE enum fr_code fr_store_audit_root(const char *node,
                                             char ret[2 * FR_SHA256_LEN + 1],
                                             struct fr_err *err);
/* Of the node '': what a program that knew no nodes wrote. */
#define FR_STORE_AUDIT_ROOT                                                            \
    "0000000000000000000000000000000000000000000000000000000000000000"

/* All nodes, in the order of their names. Starts as {0}. */
struct fr_store_nodes {
    struct fr_store_node *list;
    size_t n;
};
FR_MUST_USE enum fr_code fr_store_nodes_read(struct fr_store *s,
                                             struct fr_store_nodes *ret,
                                             struct fr_err *err);
void fr_store_nodes_clear(struct fr_store_nodes *nodes);

/* How a node's chain was found. */
struct fr_store_chain {
    uint64_t lines;
    uint64_t broken_at;      /* sequence number of the first bad line; 0: none */
    struct fr_store_node at; /* name; sequence number and hash of the last line */
};
FR_MUST_USE enum fr_code fr_store_audit_verify(struct fr_store *s, const char *node,
                                               struct fr_store_chain *ret,
                                               struct fr_err *err);
/* The same in parts: begins, and goes on for at most limit lines; *ret_n 0: it is at
 * its end. */
FR_MUST_USE enum fr_code fr_store_audit_start(const char *node,
                                              struct fr_store_chain *ret,
                                              struct fr_err *err);
FR_MUST_USE enum fr_code fr_store_audit_go_on(struct fr_store *s,
                                              struct fr_store_chain *chain,
                                              size_t limit, size_t *ret_n,
                                              struct fr_err *err);

/*
 * SQLite in one file (0600): WAL, synchronous=FULL. Makes it with the newest schema, or
 * brings an old one up to it. FR_ESTORE reason "schema-newer" if a newer program made
 * it. An existing file is never replaced.
 */
FR_MUST_USE enum fr_code fr_store_sqlite_open(const char *path, struct fr_store **ret,
                                              struct fr_err *err);
/*
 * A store that is there, to read: nothing is made or changed. FR_ENOTFOUND; FR_EPARSE
 * "not-a-store"; FR_ESTORE "schema-newer", "schema-older".
 */
FR_MUST_USE enum fr_code fr_store_sqlite_read(const char *path, struct fr_store **ret,
                                              struct fr_err *err);
/*
 * A copy of the store at from, which may be in use, as a new file (0600, no other file
 * beside it) whose pages were checked. FR_ECONFLICT "file-exists"; on failure no file
 * is left. The codes of fr_store_sqlite_read(), but an older schema is accepted.
 */
FR_MUST_USE enum fr_code fr_store_sqlite_clone(const char *from, const char *to,
                                               struct fr_err *err);

/* What is in the file's log goes into the file, as far as both can be read. */
void fr_store_sqlite_settle(const char *path);

/* True for what fr_store_postgres_open() takes, false for a path. */
bool fr_store_is_conninfo(const char *database);

/*
 * PostgreSQL, or what speaks its protocol; check looks at the conninfo only. conninfo:
 * "postgresql://..." or libpq's keywords; with no password in it (FR_ECONFIG
 * "password-in-config"): that is what passfile= and service= are for. Makes the tables,
 * or brings old ones up to date; two nodes may do so at once. FR_ECONFIG
 * "store-not-built"; FR_ESTORE reasons "schema-newer", "database-unreachable",
 * "database-not-durable".
 */
FR_MUST_USE enum fr_code fr_store_postgres_check(const char *conninfo,
                                                 struct fr_err *err);
FR_MUST_USE enum fr_code fr_store_postgres_open(const char *conninfo,
                                                struct fr_store **ret,
                                                struct fr_err *err);
/* A store that is there: the schema is not touched. FR_EPARSE "not-a-store"; FR_ESTORE
 * "schema-newer", "schema-older". */
FR_MUST_USE enum fr_code fr_store_postgres_read(const char *conninfo,
                                                struct fr_store **ret,
                                                struct fr_err *err);

/* Brings a store's schema to that version, up or down, for another version of the
 * program; nobody may use it meanwhile. FR_EPARSE "not-a-store"; FR_EUSAGE: there is no
 * such version; FR_EBUSY; FR_ESTORE "schema-newer". */
FR_MUST_USE enum fr_code fr_store_sqlite_migrate(const char *path, int to,
                                                 struct fr_err *err);
FR_MUST_USE enum fr_code fr_store_postgres_migrate(const char *conninfo, int to,
                                                   struct fr_err *err);

#endif
