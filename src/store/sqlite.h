/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the SQLite store share: every statement by name, prepared once and
 * kept; typed values for its parameters; rows that reset their statement when they
 * leave their scope. Nothing outside src/store/sqlite*.c includes this.
 */
#ifndef FR_STORE_SQLITE_H
#define FR_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/store.h"

/* Every statement there is; the texts are in sqlite_sql.c. */
enum fr_sql {
    FR_SQL_BEGIN,
    FR_SQL_COMMIT,
    FR_SQL_ROLLBACK,
    FR_SQL_MARK,
    FR_SQL_KEEP,
    FR_SQL_UNDO,
    FR_SQL_META_GET,
    FR_SQL_META_SET,
    FR_SQL_COUNTS,
    FR_SQL_ENROLEE_ADD,
    FR_SQL_ENROLEE_FIND,
    FR_SQL_ENROLEE_MATCH,
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
    FR_SQL_CREDENTIAL_SLOT,
    FR_SQL_CREDENTIAL_DEMOTE,
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
    FR_SQL_FEED_ADD,
    FR_SQL_FEED,
    FR_SQL_FEED_LAST,
    FR_SQL_KEY_WAS_HERE,
    FR_SQL_FEED_OLDEST,
    FR_SQL_FEED_PRUNE,
    FR_SQL_AUDIT_ADD,
    FR_SQL_AUDIT_TAIL,
    FR_SQL_AUDIT_LAST,
    FR_SQL_AUDIT_ALL,
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
extern const char *const fr_sql_text[FR_N_SQL];
extern const char *const fr_sql_schema[]; /* [v]: what leads from version v to v + 1 */
extern const int fr_sql_schema_version;

struct fr_sqlite {
    struct fr_store super; /* first */
    struct fr_store_methods methods;
    sqlite3 *db;
    sqlite3_stmt *stmt[FR_N_SQL];
};
struct fr_sqlite *fr_sqlite_of(struct fr_store *s);
/* The database of fr_store_sqlite_read(). */
FR_MUST_USE enum fr_code fr_sqlite_open_to_read(struct fr_sqlite *s, const char *path,
                                                struct fr_err *err);

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

struct fr_sql_rows {
    struct fr_sqlite *s;
    sqlite3_stmt *stmt;
};
/* Rows of a statement, used once at a time; cleared by FR_AUTO_CLEAR(sql_rows). */
FR_MUST_USE enum fr_code fr_sql_query(struct fr_sqlite *s, enum fr_sql sql,
                                      const struct fr_sql_value *values,
                                      struct fr_sql_rows *ret, struct fr_err *err);
void fr_sql_rows_clear(struct fr_sql_rows *rows);
/* FR_ENOTFOUND behind the last row. */
FR_MUST_USE enum fr_code fr_sql_next(struct fr_sql_rows *rows, struct fr_err *err);
/* A statement without rows. FR_ECONFLICT if a UNIQUE or REFERENCES says no. changed:
 * number of rows; may be NULL. */
FR_MUST_USE enum fr_code fr_sql_run(struct fr_sqlite *s, enum fr_sql sql,
                                    const struct fr_sql_value *values, int *changed,
                                    struct fr_err *err);
/* The same; FR_ENOTFOUND "no such `what`" if it changed nothing. */
FR_MUST_USE enum fr_code fr_sql_run_one(struct fr_sqlite *s, enum fr_sql sql,
                                        const struct fr_sql_value *values,
                                        const char *what, struct fr_err *err);
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

/* How an operation answers: at once. */
void fr_sqlite_done(struct fr_store_call call, enum fr_code rc, struct fr_err *err);

/* FR_ENOTFOUND without words of its own gets them. */
enum fr_code fr_sql_name_missing(enum fr_code rc, const char *what, const char *name,
                                 struct fr_err *err);
/* A page's limit and start as parameters. */
int64_t fr_page_limit(const struct fr_store_page *page);

/* The operations, by subject. */
#define FR_SQLITE_OPS(X)                                                               \
    X(enrolee)                                                                         \
    X(target)                                                                          \
    X(credential)                                                                      \
    X(audit)                                                                           \
    X(document)                                                                        \
    X(rows)
#define X(subject) void fr_sqlite_##subject##_ops(struct fr_store_methods *m);
FR_SQLITE_OPS(X)
#undef X

#endif
