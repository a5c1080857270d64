/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, step by step, each with its way back. A step that a release has seen is
 * never changed. Written for SQLite; a driver puts its own types for INTEGER, TEXT and
 * BLOB. An absent text is '' because NULLs differ from each other in a UNIQUE.
 */
#include "store/sql.h"

const int fr_sql_schema_version = 4;

static const char up_1[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);"
    "CREATE TABLE enrolee ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " anchor TEXT NOT NULL,"
    " san TEXT NOT NULL," /* '': every device of that anchor */
    " created INTEGER NOT NULL,"
    " UNIQUE (anchor, san));"
    "CREATE INDEX enrolee_san ON enrolee (san);"
    "CREATE TABLE target ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " fqdn TEXT NOT NULL UNIQUE,"
    " derivation INTEGER NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE allowed ("
    " enrolee TEXT NOT NULL REFERENCES enrolee (name) ON DELETE CASCADE,"
    " target TEXT NOT NULL REFERENCES target (id) ON DELETE CASCADE,"
    " is_default INTEGER NOT NULL,"
    " PRIMARY KEY (enrolee, target));"
    "CREATE INDEX allowed_target ON allowed (target);"
    "CREATE TABLE credential ("
    " key_id TEXT PRIMARY KEY NOT NULL,"
    " identity TEXT NOT NULL," /* anchor/san */
    " admin_fqdn TEXT NOT NULL,"
    " suid INTEGER NOT NULL,"
    " target TEXT NOT NULL," /* the MEF's own FQDN has no target record */
    " slot INTEGER NOT NULL,"
    " enrolee TEXT NOT NULL REFERENCES enrolee (name),"
    " san TEXT NOT NULL,"
    " target_fqdn TEXT NOT NULL,"
    " derivation INTEGER NOT NULL,"
    " wrapped BLOB NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " acked INTEGER NOT NULL,"
    " retires INTEGER NOT NULL,"
    " fetched INTEGER NOT NULL,"
    " due INTEGER NOT NULL," /* the earlier of expires and retires */
    " confirmed INTEGER NOT NULL,"
    " method TEXT NOT NULL,"
    " credential_ref TEXT NOT NULL,"
    " client_reg TEXT NOT NULL,"
    " request_sha BLOB NOT NULL,"
    " response_sha BLOB NOT NULL,"
    " response BLOB NOT NULL,"
    " UNIQUE (identity, admin_fqdn, suid, target, slot));"
    "CREATE INDEX credential_due ON credential (due);"
    "CREATE INDEX credential_enrolee ON credential (enrolee);"
    "CREATE INDEX credential_target ON credential (target);"
    "CREATE INDEX credential_san ON credential (san);"
    "CREATE TABLE feed ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " event INTEGER NOT NULL,"
    " target_fqdn TEXT NOT NULL,"
    " key_id TEXT NOT NULL,"
    " suid INTEGER NOT NULL,"
    " san TEXT NOT NULL,"
    " expires INTEGER NOT NULL,"
    " at INTEGER NOT NULL);"
    "CREATE INDEX feed_target ON feed (target_fqdn, seq);"
    "CREATE INDEX feed_key ON feed (key_id);"
    "CREATE INDEX feed_expires ON feed (expires);"
    "CREATE TABLE audit ("
    " seq INTEGER PRIMARY KEY NOT NULL,"
    " at INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " decision TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " prev TEXT NOT NULL,"
    " hash TEXT NOT NULL);"
    "CREATE INDEX audit_actor ON audit (actor);"
    "CREATE INDEX audit_subject ON audit (subject);"
    "CREATE TABLE attempt ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " identity TEXT NOT NULL,"
    " at INTEGER NOT NULL,"
    " record TEXT NOT NULL);"
    "CREATE INDEX attempt_identity ON attempt (identity, seq);"
    "CREATE TABLE document ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " body TEXT NOT NULL,"
    " updated INTEGER NOT NULL);"
    "CREATE TABLE assignment ("
    " enrolee TEXT PRIMARY KEY NOT NULL," /* or '*' */
    " document TEXT NOT NULL REFERENCES document (name) ON DELETE CASCADE);"
    "CREATE INDEX assignment_document ON assignment (document);";

/*
 * Many nodes: a counter instead of AUTOINCREMENT, so that the order of the feed is that
 * of the commits; a chain of audit lines for each node. What was there is the chain of
 * the node ''.
 */
static const char up_2[] =
    "CREATE TABLE node ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " instance TEXT NOT NULL," /* who writes under that name */
    " seen INTEGER NOT NULL,"
    " seq INTEGER NOT NULL," /* the end of its chain: */
    " hash TEXT NOT NULL,"
    " seal TEXT NOT NULL);"
    "INSERT INTO node (name, instance, seen, seq, hash, seal)"
    " SELECT '', '', 0, seq, hash, COALESCE((SELECT value FROM meta"
    " WHERE name = 'audit-end'), '') FROM audit ORDER BY seq DESC LIMIT 1;"
    "DELETE FROM meta WHERE name = 'audit-end';"
    "ALTER TABLE audit RENAME TO audit_1;"
    "DROP INDEX audit_actor;"
    "DROP INDEX audit_subject;"
    "CREATE TABLE audit ("
    " node TEXT NOT NULL,"
    " seq INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " decision TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " prev TEXT NOT NULL,"
    " hash TEXT NOT NULL,"
    " PRIMARY KEY (node, seq));"
    "INSERT INTO audit (node, seq, at, actor, action, subject, decision, reason, text,"
    " prev, hash) SELECT '', seq, at, actor, action, subject, decision, reason, text,"
    " prev, hash FROM audit_1;"
    "DROP TABLE audit_1;"
    "CREATE INDEX audit_actor ON audit (actor);"
    "CREATE INDEX audit_subject ON audit (subject);"

    "CREATE TABLE progress (" /* one row: 1 */
    " id INTEGER PRIMARY KEY NOT NULL,"
    " feed INTEGER NOT NULL,"    /* number of the last change */
    " policy INTEGER NOT NULL);" /* counts what makes decisions of others old */
    "INSERT INTO progress (id, feed, policy)"
    " SELECT 1, COALESCE(MAX(seq), 0), 0 FROM feed;"
    "ALTER TABLE feed RENAME TO feed_1;"
    "DROP INDEX feed_target;"
    "DROP INDEX feed_key;"
    "DROP INDEX feed_expires;"
    "CREATE TABLE feed ("
    " seq INTEGER PRIMARY KEY NOT NULL,"
    " event INTEGER NOT NULL,"
    " target_fqdn TEXT NOT NULL,"
    " key_id TEXT NOT NULL,"
    " suid INTEGER NOT NULL,"
    " san TEXT NOT NULL,"
    " expires INTEGER NOT NULL,"
    " at INTEGER NOT NULL);"
    "INSERT INTO feed (seq, event, target_fqdn, key_id, suid, san, expires, at)"
    " SELECT seq, event, target_fqdn, key_id, suid, san, expires, at FROM feed_1;"
    "DROP TABLE feed_1;"
    "CREATE INDEX feed_target ON feed (target_fqdn, seq);"
    "CREATE INDEX feed_key ON feed (key_id);"
    "CREATE INDEX feed_expires ON feed (expires);"

    "ALTER TABLE attempt RENAME TO attempt_1;"
    "DROP INDEX attempt_identity;"
    "CREATE TABLE attempt ("
    " identity TEXT NOT NULL,"
    " seq INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " record TEXT NOT NULL,"
    " PRIMARY KEY (identity, seq));"
    "INSERT INTO attempt (identity, seq, at, record)"
    " SELECT identity, seq, at, record FROM attempt_1;"
    "DROP TABLE attempt_1;";

/* Schema 1 has one chain: lines stay as they were said, in the order of time, but where
 * chains were joined they do not follow each other's hash. */
static const char down_2[] =
    "ALTER TABLE audit RENAME TO audit_2;"
    "DROP INDEX audit_actor;"
    "DROP INDEX audit_subject;"
    "CREATE TABLE audit ("
    " seq INTEGER PRIMARY KEY NOT NULL,"
    " at INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " decision TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " prev TEXT NOT NULL,"
    " hash TEXT NOT NULL);"
    "INSERT INTO audit (seq, at, actor, action, subject, decision, reason, text, prev,"
    " hash) SELECT ROW_NUMBER() OVER (ORDER BY at, node, seq), at, actor, action,"
    " subject, decision, reason, text, prev, hash FROM audit_2;"
    "DROP TABLE audit_2;"
    "CREATE INDEX audit_actor ON audit (actor);"
    "CREATE INDEX audit_subject ON audit (subject);"
    "DROP TABLE node;"

    "ALTER TABLE feed RENAME TO feed_2;"
    "DROP INDEX feed_target;"
    "DROP INDEX feed_key;"
    "DROP INDEX feed_expires;"
    "CREATE TABLE feed ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " event INTEGER NOT NULL,"
    " target_fqdn TEXT NOT NULL,"
    " key_id TEXT NOT NULL,"
    " suid INTEGER NOT NULL,"
    " san TEXT NOT NULL,"
    " expires INTEGER NOT NULL,"
    " at INTEGER NOT NULL);"
    "INSERT INTO feed (seq, event, target_fqdn, key_id, suid, san, expires, at)"
    " SELECT seq, event, target_fqdn, key_id, suid, san, expires, at FROM feed_2;"
    "DROP TABLE feed_2;"
    "CREATE INDEX feed_target ON feed (target_fqdn, seq);"
    "CREATE INDEX feed_key ON feed (key_id);"
    "CREATE INDEX feed_expires ON feed (expires);"
    "DROP TABLE progress;"

    "ALTER TABLE attempt RENAME TO attempt_2;"
    "CREATE TABLE attempt ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " identity TEXT NOT NULL,"
    " at INTEGER NOT NULL,"
    " record TEXT NOT NULL);"
    "INSERT INTO attempt (seq, identity, at, record)"
    " SELECT ROW_NUMBER() OVER (ORDER BY identity, seq), identity, at, record"
    " FROM attempt_2;"
    "DROP TABLE attempt_2;"
    "CREATE INDEX attempt_identity ON attempt (identity, seq);";

/*
 * SIMs. A listing without a certificate has the anchor '' and its own name for a SAN,
 * which keeps UNIQUE (anchor, san) true; an IMSI is there once, '' as often as one
 * likes.
 */
static const char up_3[] =
    "ALTER TABLE enrolee ADD COLUMN imsi TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE enrolee ADD COLUMN lifetime INTEGER NOT NULL DEFAULT 0;" /* seconds */
    "ALTER TABLE enrolee ADD COLUMN gba_u INTEGER NOT NULL DEFAULT 0;"
    "CREATE UNIQUE INDEX enrolee_imsi ON enrolee (imsi) WHERE imsi <> '';"
    "ALTER TABLE credential ADD COLUMN context TEXT NOT NULL DEFAULT '';";

/* What schema 2 has no words for goes: keys of SIMs, which are known by the 24 digits
 * of their B-TID (a KeID has 32), and listings of a SIM alone. */
static const char down_3[] =
    "DELETE FROM credential WHERE key_id LIKE '________________________@%';"
    "DELETE FROM feed WHERE key_id LIKE '________________________@%';"
    "DELETE FROM assignment WHERE enrolee IN"
    " (SELECT name FROM enrolee WHERE anchor = '');"
    "DELETE FROM allowed WHERE enrolee IN"
    " (SELECT name FROM enrolee WHERE anchor = '');"
    "DELETE FROM enrolee WHERE anchor = '';"
    "DROP INDEX enrolee_imsi;"
    "ALTER TABLE enrolee DROP COLUMN imsi;"
    "ALTER TABLE enrolee DROP COLUMN lifetime;"
    "ALTER TABLE enrolee DROP COLUMN gba_u;"
    "ALTER TABLE credential DROP COLUMN context;";

/* TMPIs: by which a SIM that bootstraps again is found. */
static const char up_4[] =
    "ALTER TABLE credential ADD COLUMN tmpi TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX credential_tmpi ON credential (tmpi) WHERE tmpi <> '';";

static const char down_4[] = "DROP INDEX credential_tmpi;"
                             "ALTER TABLE credential DROP COLUMN tmpi;";

const struct fr_sql_step fr_sql_schema[] = {
    {up_1, NULL}, /* before it there is nothing */
    {up_2, down_2},
    {up_3, down_3},
    {up_4, down_4},
};

enum fr_code fr_sql_check_goal(int version, int to, struct fr_err *err)
{
    FR_TRY(fr_sql_check_version(version, err));
    if (version < 1)
        return FR_FAIL_AS(err, FR_EPARSE, "not-a-store",
                          "that is no fieldrootd store: it has no tables");
    if (to < 1 || to > fr_sql_schema_version)
        return FR_FAIL(err, FR_EUSAGE, "there is no schema %d: 1 to %d", to,
                       fr_sql_schema_version);
    return FR_OK;
}

enum fr_code fr_sql_check_version(int version, struct fr_err *err)
{
    if (version > fr_sql_schema_version)
        return FR_FAIL_AS(err, FR_ESTORE, "schema-newer",
                          "a newer fieldrootd made this database (schema %d, this one "
                          "knows %d): run that version",
                          version, fr_sql_schema_version);
    return FR_OK;
}
