/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault: the only writer of the database and the only holder of the
 * key-encryption key. It decides (default deny), commits credentials, derives what
 * targets fetch, and keeps the audit trail. It parses nothing that a peer sent except
 * through the messages of server/ipc/msg.h, and opens no socket of its own.
 *
 * One process, one thread: open before privileges are dropped, then run.
 */
#ifndef FR_SERVER_VAULT_VAULT_H
#define FR_SERVER_VAULT_VAULT_H

#include "base/env.h"
#include "server/ipc/msg.h"
#include "store/store.h"

#define FR_VAULT_GRACE_S     86400 /* from an ack to the end of the previous key */
#define FR_VAULT_WORKERS_MAX 64
#define FR_VAULT_BATCH_MAX   512 /* messages of one transaction */
#define FR_VAULT_ATTEMPTS_MAX                                                          \
    200 /* attempt records of a report, and kept of an enrolee */
#define FR_VAULT_FEED_KEEP_S (30 * 86400) /* of a key's changes, after its expiry */
#define FR_VAULT_TRIES       10           /* of a batch that other nodes come between */
#define FR_VAULT_LEASE_S                                                               \
    15 /* a node's name is its own so long after it last said so                       \
        */
#define FR_VAULT_NOTES_PER_S   20 /* audit lines for what never became a request */
#define FR_VAULT_KS_S          86400
#define FR_VAULT_HSS_MS        5000
#define FR_VAULT_VECTORS       60   /* a minute, of one subscriber from one address */
#define FR_VAULT_RESYNCS       10   /* of those */
#define FR_VAULT_VECTORS_PER_S 1000 /* of all subscribers */
#define FR_VAULT_CHALLENGES    4096 /* at a time, asked for or not answered */
#define FR_VAULT_CHALLENGE_MS  30000
#define FR_VAULT_LIST_MAX                                                              \
    500 /* entries of one answer to an operator; "after" and                           \
           "limit" of a list call page on */
#define FR_VAULT_ANSWER_MAX 458752 /* octets of one answer to an operator: 448 KiB */

struct fr_vault_config {
    const char *database; /* SQLite file, made (0600) when it is not there; or what
                             libpq takes: "postgresql://...", "host=... dbname=..." */
    const char *node;     /* NULL: "node"; what the audit trail calls this fieldrootd */
    const char *instance_file; /* what tells this fieldrootd from another of that name;
                                  made when it is not there; NULL: nothing does */
    const char *key_file;      /* key-encryption key, 64 hex digits, 0600; made with the
                                  database when neither is there */
    const char *mef_fqdn;
    const char *const *admin_fqdns; /* served besides mef_fqdn */
    size_t n_admin_fqdns;
    int64_t expiry_max_s; /* 0: FR_EXPIRY_DEFAULT */
    int64_t grace_s;      /* 0: FR_VAULT_GRACE_S */
    bool confirmation_required;
    struct {
        int64_t lifetime_s;     /* of Ks; 0: FR_VAULT_KS_S; the default of an enrolee */
        int64_t hss_timeout_ms; /* 0: FR_VAULT_HSS_MS */
        long vectors_per_minute; /* of one subscriber; 0: FR_VAULT_VECTORS */
        bool akav2;              /* AKAv2-MD5 is offered, and nothing else */
        bool tmpi;               /* a TMPI is a name of who has its Ks */
    } gba;
    long enrolments_per_minute; /* of one device; 0: as many as it likes */
    unsigned notes_per_s;       /* 0: FR_VAULT_NOTES_PER_S */
    const struct fr_env *env;   /* NULL: the system's */
    struct fr_store *store;     /* NULL: SQLite; else taken, whatever happens */
};

struct fr_vault;

/* Strings of config are borrowed for the vault's life. FR_ECONFIG reasons:
 * "key-file-missing", "key-file-open", "key-other" (the database was made with another
 * key-encryption key), "key-file", "node-taken" (another fieldrootd writes under that
 * name); FR_ESTORE "schema-newer". */
FR_MUST_USE enum fr_code fr_vault_open(const struct fr_vault_config *config,
                                       struct fr_vault **ret, struct fr_err *err);
void fr_vault_free(struct fr_vault *v);
FR_DEFINE_AUTO(vault)

/*
 * The loop of the vault process. control_fd is a stream or seqpacket socketpair to the
 * parent, which announces each worker with fr_ipc_send_worker(). All messages that
 * wait at all workers are one transaction; no reply leaves before its commit; when the
 * commit fails, all of them are answered by FR_ESTORE. A worker that sends what is
 * malformed or what its type may not send is closed, audited and logged. Ends with
 * FR_OK when the parent closes control_fd (which stays the caller's).
 */
FR_MUST_USE enum fr_code fr_vault_run(struct fr_vault *v, int control_fd,
                                      struct fr_err *err);
/*
 * A reply in the making, and after fr_vault_handle() what to send. On failure it has
 * CODE, REASON and TEXT only. An ADMIN reply has, success or not, JSON: the whole line
 * for the operator's socket ({"ok":true,"result":...} or {"ok":false,"code":..,
 * "reason":..,"text":..}), so that the admin worker passes it on as it is.
 */
struct fr_vault_reply {
    uint64_t has;
    struct {
        size_t at, len;
    } field[FR_N_FIELDS];
    struct fr_buf data; /* wiping */
    /* Whom it is for: the caller's number of the worker, set after init. */
    uint32_t asker;
    bool is_put_off; /* there is none yet: it will be a letter */
};
void fr_vault_reply_init(struct fr_vault_reply *r);
void fr_vault_reply_clear(struct fr_vault_reply *r);
/* The reply as a message that borrows from r; without fields, so that it cannot be
 * encoded, if there was no memory for it. */
struct fr_msg fr_vault_reply_view(const struct fr_vault_reply *r, uint32_t id);

/*
 * One request of a worker, inside a batch: a request that fails leaves no trace but
 * its audit line and cannot spoil the others. The result is the reply's CODE, but
 * FR_EINVALID, without a reply, if the message is one that from may not send, or if
 * its peer is malformed: the worker is to be closed; and FR_EBUSY
 * if the batch has to be rolled back and done again from its begin.
 */
FR_MUST_USE enum fr_code fr_vault_handle(struct fr_vault *v, enum fr_worker from,
                                         const struct fr_msg *m,
                                         struct fr_vault_reply *ret,
                                         struct fr_err *err);
FR_MUST_USE enum fr_code fr_vault_begin(struct fr_vault *v, struct fr_err *err);
/* On failure the whole batch is undone. */
FR_MUST_USE enum fr_code fr_vault_commit(struct fr_vault *v, struct fr_err *err);
void fr_vault_rollback(struct fr_vault *v);

/* FQDNs of targets whose feed has grown in the batch that was committed last;
 * borrowed until the next fr_vault_begin(). */
size_t fr_vault_grown(const struct fr_vault *v);
const char *fr_vault_grown_at(const struct fr_vault *v, size_t i);

/*
 * What leaves beside the replies, in wire form, once the batch is committed, or after
 * fr_vault_meet() and fr_vault_tick_ub(): replies that were put off (type and number of
 * the worker that asked, in `to`), and what one of the hss workers is asked (to 0).
 * Borrowed until fr_vault_letters_sent(), which the caller says when it has them.
 */
struct fr_vault_letter {
    enum fr_worker type;
    uint32_t to, id;
    struct fr_buf octets; /* wiping */
};
size_t fr_vault_letters(const struct fr_vault *v);
const struct fr_vault_letter *fr_vault_letter_at(const struct fr_vault *v, size_t i);
void fr_vault_letters_sent(struct fr_vault *v);

/* How many hss workers there are now. Without one, nobody gets a challenge, and who
 * waits for one learns it. Outside a batch. */
void fr_vault_meet_hss(struct fr_vault *v, size_t n);
/* Forgets challenges that nobody answered, and ends waits for the HSS, when they are
 * due. To be called once a second while fr_vault_is_bootstrapping(). Outside a batch.
 */
void fr_vault_tick_ub(struct fr_vault *v);
bool fr_vault_is_bootstrapping(const struct fr_vault *v);

/* Retires what is due: previous credentials at ack + grace, any at its own expiry; and
 * once an hour forgets what no reader of the feed can need; but nothing while the clock
 * is doubted (clock.c). To be called once a minute at least. Batches of their own; at
 * most FR_VAULT_BATCH_MAX a call. *ret_due: when the next is due,
 * INT64_MAX for never. */
FR_MUST_USE enum fr_code fr_vault_tick(struct fr_vault *v, int64_t *ret_due,
                                       struct fr_err *err);

/* True from an operator's store.rekey until every credential is wrapped by the new
 * key-encryption key; survives a restart. */
bool fr_vault_is_rekeying(const struct fr_vault *v);
/* Some of that work, in a batch of its own. *ret_worked false: another node does it. */
FR_MUST_USE enum fr_code fr_vault_rekey_step(struct fr_vault *v, bool *ret_worked,
                                             struct fr_err *err);

#endif
