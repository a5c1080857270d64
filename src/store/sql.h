/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stores that speak SQL share: every statement by name, the schema and its
 * steps, typed values, rows, and all operations of struct fr_store_methods. A driver
 * (sqlite.c, postgres.c) runs statements and transactions; it knows no operation.
 * Nothing outside src/store includes this.
 */
#ifndef FR_STORE_SQL_H
#define FR_STORE_SQL_H

#include "store/store.h"

/* Every statement there is; the texts are in sql_text.c. */
enum fr_sql {
    FR_SQL_META_GET,
    FR_SQL_META_SET,
    FR_SQL_META_ADD,
    FR_SQL_NODE_FIND,
    FR_SQL_NODE_PUT,
    FR_SQL_NODE_LIST,
    FR_SQL_NODE_SEEN,
    FR_SQL_NODE_END,
    FR_SQL_NODES_HOLD,
    FR_SQL_PROGRESS,
    FR_SQL_PROGRESS_LOCK,
    FR_SQL_POLICY_CHANGED,
    FR_SQL_COUNTS,
    FR_SQL_ENROLEE_ADD,
    FR_SQL_ENROLEE_FIND,
    FR_SQL_ENROLEE_MATCH,
    FR_SQL_ENROLEE_MATCH_IMSI,
    FR_SQL_ENROLEE_SIM,
    FR_SQL_ENROLEE_LIST,
    FR_SQL_ENROLEE_LIST_SAN,
    FR_SQL_ENROLEE_REMOVE,
    FR_SQL_TARGET_ADD,
    FR_SQL_TARGET_FIND,
    FR_SQL_TARGET_FIND_FQDN,
    FR_SQL_TARGET_LIST,
    FR_SQL_TARGET_IN_USE,
    FR_SQL_TARGET_REMOVE,
    FR_SQL_ALLOW,
    FR_SQL_ALLOW_NO_DEFAULT,
    FR_SQL_DENY,
    FR_SQL_ALLOWED,
    FR_SQL_CREDENTIAL_ADD,
    FR_SQL_CREDENTIAL_FIND,
    FR_SQL_CREDENTIAL_FIND_TMPI,
    FR_SQL_CREDENTIAL_SLOT,
    FR_SQL_CREDENTIAL_DEMOTE,
    FR_SQL_CREDENTIAL_FOLLOW,
    FR_SQL_CREDENTIAL_DELETE,
    FR_SQL_CREDENTIAL_RESPONSE,
    FR_SQL_CREDENTIAL_REWRAP,
    FR_SQL_CREDENTIAL_LIST,
    FR_SQL_CREDENTIAL_LIST_ENROLEE,
    FR_SQL_CREDENTIAL_LIST_TARGET,
    FR_SQL_CREDENTIAL_LIST_SAN,
    FR_SQL_CREDENTIAL_ACK,
    FR_SQL_CREDENTIAL_RETIRES,
    FR_SQL_CREDENTIAL_FETCHED,
    FR_SQL_CREDENTIAL_DUE,
    FR_SQL_CREDENTIAL_NEXT_DUE,
    FR_SQL_FEED_COUNT,
    FR_SQL_FEED_ADD,
    FR_SQL_FEED,
    FR_SQL_FEED_TOLD,
    FR_SQL_FEED_LAST,
    FR_SQL_KEY_WAS_HERE,
    FR_SQL_FEED_OLDEST,
    FR_SQL_FEED_PRUNE,
    FR_SQL_AUDIT_ADD,
    FR_SQL_AUDIT_LAST,
    FR_SQL_AUDIT_OF_NODE,
    FR_SQL_AUDIT_WALK,
    FR_SQL_ATTEMPT_ADD,
    FR_SQL_ATTEMPT_TRIM,
    FR_SQL_ATTEMPT_LAST,
    FR_SQL_DOCUMENT_SET,
    FR_SQL_DOCUMENT_FIND,
    FR_SQL_DOCUMENT_LIST,
    FR_SQL_DOCUMENT_REMOVE,
    FR_SQL_ASSIGN,
    FR_SQL_UNASSIGN,
    FR_SQL_ASSIGNMENTS,
    FR_SQL_DOCUMENT_FOR,
    FR_N_SQL
};
/* Behind them, of each table of fr_tables (store/rows.h). */
enum fr_sql_of_rows {
    FR_SQL_ROWS_FIRST,
    FR_SQL_ROWS_AFTER,
    FR_SQL_ROWS_ADD,
    FR_SQL_ROWS_DROP,
    FR_N_SQL_OF_ROWS
};
#define FR_N_STATEMENTS (FR_N_SQL + FR_N_TABLES * FR_N_SQL_OF_ROWS)

/* The words of a statement, with mark before each parameter's number. */
#define FR_SQL_TEXT_MAX 2048
const char *fr_sql_text_of(int statement, char mark, char to[FR_SQL_TEXT_MAX]);

/* What leads from schema version v - 1 to v, and back; in SQLite's words. */
struct fr_sql_step {
    const char *up, *down;
};
extern const struct fr_sql_step fr_sql_schema[]; /* [v - 1] */
extern const int fr_sql_schema_version;
/* FR_ESTORE "schema-newer". */
FR_MUST_USE enum fr_code fr_sql_check_version(int version, struct fr_err *err);
/* The same for a way from version to `to`; FR_EPARSE "not-a-store", FR_EUSAGE. */
FR_MUST_USE enum fr_code fr_sql_check_goal(int version, int to, struct fr_err *err);

/* A parameter. The octets are borrowed until the rows are cleared. */
struct fr_sql_value {
    enum { FR_SQL_END, FR_SQL_INT, FR_SQL_TEXT, FR_SQL_BLOB } type;
    int64_t number;
    struct fr_slice octets;
};
#define FR_VINT(v)  ((struct fr_sql_value){.type = FR_SQL_INT, .number = (int64_t)(v)})
#define FR_VTEXT(s) fr_sql_text_value(s)
#define FR_VBLOB(s) ((struct fr_sql_value){.type = FR_SQL_BLOB, .octets = (s)})
struct fr_sql_value fr_sql_text_value(const char *s); /* NULL is "" */
/* ?1, ?2, ... in this order. */
#define FR_VALUES(...)                                                                 \
    ((const struct fr_sql_value[]){__VA_ARGS__, {.type = FR_SQL_END}})
#define FR_NO_VALUES ((const struct fr_sql_value[]){{.type = FR_SQL_END}})

struct fr_sql_store;

/* Rows of a statement, used once at a time; cleared by FR_AUTO_CLEAR(sql_rows). */
struct fr_sql_rows {
    struct fr_sql_store *s;
    void *result; /* the driver's */
    int at;       /* the driver's */
    bool is_borrowed;
};

struct fr_sql_driver {
    const char *name;
    bool is_shared; /* other nodes write to the same database */
    void (*close)(struct fr_sql_store *s);
    enum fr_code (*begin)(struct fr_sql_store *s, struct fr_err *err);
    enum fr_code (*snapshot)(struct fr_sql_store *s, struct fr_err *err);
    /* A failed commit leaves no open transaction. */
    enum fr_code (*commit)(struct fr_sql_store *s, struct fr_err *err);
    enum fr_code (*rollback)(struct fr_sql_store *s, struct fr_err *err);
    enum fr_code (*mark)(struct fr_sql_store *s, struct fr_err *err);
    enum fr_code (*keep)(struct fr_sql_store *s, struct fr_err *err);
    enum fr_code (*undo)(struct fr_sql_store *s, struct fr_err *err);

    enum fr_code (*query)(struct fr_sql_store *s, int sql,
                          const struct fr_sql_value *values, struct fr_sql_rows *ret,
                          struct fr_err *err);
    enum fr_code (*next)(struct fr_sql_rows *rows, struct fr_err *err);
    void (*clear)(struct fr_sql_rows *rows);
    int64_t (*number)(struct fr_sql_rows *rows, int column);
    struct fr_slice (*octets)(struct fr_sql_rows *rows, int column);
    /* As fr_sql_run and fr_sql_expect. What a batch has run may be sent as late as by
     * its commit, and fail there, unless somebody asks what it changed. */
    enum fr_code (*run)(struct fr_sql_store *s, int sql,
                        const struct fr_sql_value *values, int *changed,
                        struct fr_err *err);
    enum fr_code (*expect)(struct fr_sql_store *s, int sql,
                           const struct fr_sql_value *values, struct fr_err *err);
    /* As those of struct fr_store_methods. */
    void (*gather)(struct fr_sql_store *s, bool is_on);
    enum fr_code (*wait)(struct fr_sql_store *s, struct fr_err *err);
};

/* What the batch under way builds on: the end of this node's chain, and how far the
 * feed and the policies have come. */
struct fr_sql_ground {
    bool is_known, is_new; /* the chain's end; lines were added */
    uint64_t began;        /* seq when the batch read it */
    uint64_t seq;
    char hash[2 * FR_SHA256_LEN + 1];
    int64_t feed, policy; /* -1: whatever they are */
};

struct fr_sql_store {
    struct fr_store super; /* first */
    struct fr_store_methods methods;
    const struct fr_sql_driver *driver;
    char node[FR_STORE_NODE_MAX + 1], instance[FR_STORE_NODE_MAX + 1];
    struct fr_sql_ground ground, marked;
    bool is_alone; /* this batch: nobody else tells the feed, and what is read is new */
};
struct fr_sql_store *fr_sql_of(struct fr_store *s);
/* For a driver's open. */
void fr_sql_init(struct fr_sql_store *s, const struct fr_sql_driver *driver);

FR_MUST_USE enum fr_code fr_sql_query(struct fr_sql_store *s, int sql,
                                      const struct fr_sql_value *values,
                                      struct fr_sql_rows *ret, struct fr_err *err);
void fr_sql_rows_clear(struct fr_sql_rows *rows);
/* FR_ENOTFOUND behind the last row. */
FR_MUST_USE enum fr_code fr_sql_next(struct fr_sql_rows *rows, struct fr_err *err);
/* A statement without rows. FR_ECONFLICT if a UNIQUE or REFERENCES says no. changed:
 * number of rows; may be NULL. */
FR_MUST_USE enum fr_code fr_sql_run(struct fr_sql_store *s, int sql,
                                    const struct fr_sql_value *values, int *changed,
                                    struct fr_err *err);
/* The same; FR_ENOTFOUND "no such `what`" if it changed nothing. */
FR_MUST_USE enum fr_code fr_sql_run_one(struct fr_sql_store *s, int sql,
                                        const struct fr_sql_value *values,
                                        const char *what, struct fr_err *err);
/* The same for a row that this batch has read as it expects it to be: if it is not so
 * any more, another node was faster: FR_EBUSY "batch-retry". */
FR_MUST_USE enum fr_code fr_sql_expect(struct fr_sql_store *s, int sql,
                                       const struct fr_sql_value *values,
                                       struct fr_err *err);
enum fr_code fr_sql_changed_meanwhile(struct fr_err *err);
/* Ends a list: FR_ENOTFOUND, the end of rows, becomes FR_OK. */
enum fr_code fr_sql_end(enum fr_code rc);

/* Columns, counted by *i. Text that does not fit is a broken database: cut. */
int64_t fr_col_int(struct fr_sql_rows *rows, int *i);
void fr_col_text(struct fr_sql_rows *rows, int *i, char *to, size_t size);
struct fr_slice fr_col_slice(struct fr_sql_rows *rows,
                             int *i); /* until next or clear */
void fr_col_octets(struct fr_sql_rows *rows, int *i, uint8_t *to, size_t size,
                   size_t *ret_len);
#define FR_COL_TEXT(rows, i, array) fr_col_text(rows, i, array, sizeof(array))

/* How an operation answers. */
void fr_sql_done(struct fr_store_call call, enum fr_code rc, struct fr_err *err);

/* FR_ENOTFOUND without words of its own gets them. */
enum fr_code fr_sql_name_missing(enum fr_code rc, const char *what, const char *name,
                                 struct fr_err *err);
/* A page's limit and start as parameters. */
int64_t fr_page_limit(const struct fr_store_page *page);
/* Whom the feed has told of c besides its own target: of GBA alone. */
FR_MUST_USE enum fr_code fr_sql_feed_told(struct fr_sql_store *s,
                                          const struct fr_store_credential *c,
                                          struct fr_store_told *ret,
                                          struct fr_err *err);
/* Appends one change for each of them. */
FR_MUST_USE enum fr_code fr_sql_feed_tell(struct fr_sql_store *s,
                                          const struct fr_store_credential *c,
                                          const struct fr_store_told *told,
                                          enum fr_store_event event, int64_t at,
                                          struct fr_err *err);
/* Appends one change to the feed. */
FR_MUST_USE enum fr_code fr_sql_feed_add(struct fr_sql_store *s,
                                         const struct fr_store_credential *c,
                                         enum fr_store_event event, int64_t at,
                                         struct fr_err *err);
/* Where this node's chain ends. FR_ESTORE "node-taken": another writes it. */
FR_MUST_USE enum fr_code fr_sql_read_tail(struct fr_sql_store *s,
                                          struct fr_sql_ground *ret,
                                          struct fr_err *err);
/* What enrolments under way at other nodes have read holds no longer. */
FR_MUST_USE enum fr_code fr_sql_policy_changed(struct fr_sql_store *s,
                                               struct fr_err *err);
/* INT64_MAX where there is nothing to take the least of. */
void fr_sql_least(struct fr_store *store, int sql, int64_t *ret,
                  struct fr_store_call call);

/* The operations, by subject. */
#define FR_SQL_OPS(X)                                                                  \
    X(batch)                                                                           \
    X(node)                                                                            \
    X(enrolee)                                                                         \
    X(target)                                                                          \
    X(credential)                                                                      \
    X(feed)                                                                            \
    X(audit)                                                                           \
    X(attempt)                                                                         \
    X(document)                                                                        \
    X(rows)
#define X(subject) void fr_sql_##subject##_ops(struct fr_store_methods *m);
FR_SQL_OPS(X)
#undef X

#endif
