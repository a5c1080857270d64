/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All SQL there is, so that it can be read in one place. Kept to what PostgreSQL takes
 * as well: LIMIT, CASE, ON CONFLICT; no INSERT OR, no rowid, no affinity tricks. An
 * absent text is '' because NULLs differ from each other in a UNIQUE.
 */
#include "store/sqlite.h"

const int fr_sql_schema_version = 1;

const char *const fr_sql_schema[] = {
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
    "CREATE INDEX assignment_document ON assignment (document);",
};

#define ENROLEE "SELECT name, anchor, san, created FROM enrolee "
#define TARGET  "SELECT id, fqdn, derivation, created FROM target "
#define CREDENTIAL                                                                     \
    "SELECT identity, admin_fqdn, suid, target, slot, key_id, enrolee, san,"           \
    " target_fqdn, derivation, wrapped, created, expires, acked, retires, fetched,"    \
    " confirmed, method, credential_ref, client_reg, request_sha, response_sha"        \
    " FROM credential "
#define AUDIT                                                                          \
    "SELECT seq, at, actor, action, subject, decision, reason, text, prev, hash"       \
    " FROM audit "

const char *const fr_sql_text[FR_N_SQL] = {
    [FR_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [FR_SQL_COMMIT] = "COMMIT",
    [FR_SQL_ROLLBACK] = "ROLLBACK",
    [FR_SQL_MARK] = "SAVEPOINT request",
    [FR_SQL_KEEP] = "RELEASE SAVEPOINT request",
    [FR_SQL_UNDO] = "ROLLBACK TO SAVEPOINT request",

    [FR_SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [FR_SQL_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2)"
                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [FR_SQL_COUNTS] = "SELECT (SELECT COUNT(*) FROM enrolee),"
                      " (SELECT COUNT(*) FROM target),"
                      " (SELECT COUNT(*) FROM credential),"
                      " (SELECT COUNT(*) FROM document),"
                      " (SELECT COALESCE(MAX(seq), 0) FROM audit),"
                      " (SELECT COALESCE(MAX(seq), 0) FROM feed)",

    [FR_SQL_ENROLEE_ADD] = "INSERT INTO enrolee (name, anchor, san, created)"
                           " VALUES (?1, ?2, ?3, ?4)",
    [FR_SQL_ENROLEE_FIND] = ENROLEE "WHERE name = ?1",
    [FR_SQL_ENROLEE_MATCH] = ENROLEE "WHERE anchor = ?1 AND san = ?2",
    [FR_SQL_ENROLEE_LIST] = ENROLEE "WHERE name > ?1 ORDER BY name LIMIT ?2",
    [FR_SQL_ENROLEE_LIST_SAN] =
        ENROLEE "WHERE san = ?3 AND name > ?1 ORDER BY name LIMIT ?2",
    [FR_SQL_ENROLEE_REMOVE] = "DELETE FROM enrolee WHERE name = ?1",

    [FR_SQL_TARGET_ADD] = "INSERT INTO target (id, fqdn, derivation, created)"
                          " VALUES (?1, ?2, ?3, ?4)",
    [FR_SQL_TARGET_FIND] = TARGET "WHERE id = ?1",
    [FR_SQL_TARGET_FIND_FQDN] = TARGET "WHERE fqdn = ?1",
    [FR_SQL_TARGET_LIST] = TARGET "WHERE id > ?1 ORDER BY id LIMIT ?2",
    [FR_SQL_TARGET_IN_USE] = "SELECT 1 FROM credential WHERE target = ?1 LIMIT 1",
    [FR_SQL_TARGET_REMOVE] = "DELETE FROM target WHERE id = ?1",

    [FR_SQL_ALLOW] = "INSERT INTO allowed (enrolee, target, is_default)"
                     " VALUES (?1, ?2, ?3) ON CONFLICT (enrolee, target)"
                     " DO UPDATE SET is_default = excluded.is_default",
    [FR_SQL_ALLOW_NO_DEFAULT] = "UPDATE allowed SET is_default = 0 WHERE enrolee = ?1",
    [FR_SQL_DENY] = "DELETE FROM allowed WHERE enrolee = ?1 AND target = ?2",
    [FR_SQL_ALLOWED] =
        "SELECT t.id, t.fqdn, t.derivation, t.created, a.is_default"
        " FROM allowed a JOIN target t ON t.id = a.target WHERE a.enrolee = ?1"
        " ORDER BY a.is_default DESC, t.id",

    [FR_SQL_CREDENTIAL_ADD] =
        "INSERT INTO credential (identity, admin_fqdn, suid, target, slot, key_id,"
        " enrolee, san, target_fqdn, derivation, wrapped, created, expires, acked,"
        " retires, fetched, due, confirmed, method, credential_ref, client_reg,"
        " request_sha, response_sha, response)"
        " VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, 0, 0, ?12,"
        " ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
    [FR_SQL_CREDENTIAL_FIND] = CREDENTIAL "WHERE key_id = ?1",
    [FR_SQL_CREDENTIAL_SLOT] = CREDENTIAL
    "WHERE identity = ?1 AND admin_fqdn = ?2 AND suid = ?3 AND target = ?4"
    " AND slot = ?5",
    [FR_SQL_CREDENTIAL_DEMOTE] =
        "UPDATE credential SET slot = 1, enrolee = ?2 WHERE key_id = ?1",
    [FR_SQL_CREDENTIAL_DELETE] = "DELETE FROM credential WHERE key_id = ?1",
    [FR_SQL_CREDENTIAL_RESPONSE] = "SELECT response FROM credential WHERE key_id = ?1",
    [FR_SQL_CREDENTIAL_REWRAP] = "UPDATE credential SET wrapped = ?2 WHERE key_id = ?1",
    /* ?1 after, ?2 limit, ?3 enrolee, ?4 target, ?5 SAN; the first condition of each
     * is the one with an index. */
    [FR_SQL_CREDENTIAL_LIST] = CREDENTIAL "WHERE key_id > ?1 ORDER BY key_id LIMIT ?2",
    [FR_SQL_CREDENTIAL_LIST_ENROLEE] =
        CREDENTIAL "WHERE enrolee = ?3 AND key_id > ?1 AND (?4 = '' OR target = ?4)"
                   " AND (?5 = '' OR san = ?5) ORDER BY key_id LIMIT ?2",
    [FR_SQL_CREDENTIAL_LIST_TARGET] =
        CREDENTIAL "WHERE target = ?4 AND key_id > ?1 AND (?3 = '' OR enrolee = ?3)"
                   " AND (?5 = '' OR san = ?5) ORDER BY key_id LIMIT ?2",
    [FR_SQL_CREDENTIAL_LIST_SAN] =
        CREDENTIAL "WHERE san = ?5 AND key_id > ?1 AND (?3 = '' OR enrolee = ?3)"
                   " AND (?4 = '' OR target = ?4) ORDER BY key_id LIMIT ?2",
    [FR_SQL_CREDENTIAL_ACK] =
        "UPDATE credential SET acked = ?2 WHERE key_id = ?1 AND acked = 0",
    [FR_SQL_CREDENTIAL_RETIRES] =
        "UPDATE credential SET retires = ?2,"
        " due = CASE WHEN expires < ?2 THEN expires ELSE ?2 END WHERE key_id = ?1",
    [FR_SQL_CREDENTIAL_FETCHED] =
        "UPDATE credential SET fetched = ?2 WHERE key_id = ?1 AND fetched = 0",
    [FR_SQL_CREDENTIAL_DUE] = CREDENTIAL "WHERE due <= ?1 ORDER BY due LIMIT ?2",
    [FR_SQL_CREDENTIAL_NEXT_DUE] = "SELECT MIN(due), COUNT(*) FROM ("
                                   "SELECT due FROM credential ORDER BY due LIMIT 1)"
                                   " AS first",

    [FR_SQL_FEED_ADD] =
        "INSERT INTO feed (event, target_fqdn, key_id, suid, san, expires, at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [FR_SQL_FEED] =
        "SELECT seq, event, target_fqdn, key_id, suid, san, expires, at FROM feed"
        " WHERE target_fqdn IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) AND seq > ?9"
        " ORDER BY seq LIMIT ?10",
    [FR_SQL_FEED_LAST] = "SELECT COALESCE(MAX(seq), 0) FROM feed",
    /* The feed forgets in the end, the audit trail does not. */
    [FR_SQL_KEY_WAS_HERE] = "SELECT 1 FROM feed WHERE key_id = ?1 UNION ALL"
                            " SELECT 1 FROM audit WHERE subject = ?1"
                            " AND (action = 'commit' AND decision = 'allowed'"
                            " OR action = 'lookup' AND decision = 'refused') LIMIT 1",
    [FR_SQL_FEED_OLDEST] = "SELECT MIN(expires), COUNT(*) FROM ("
                           "SELECT expires FROM feed ORDER BY expires LIMIT 1)"
                           " AS first",
    [FR_SQL_FEED_PRUNE] =
        "DELETE FROM feed WHERE seq IN (SELECT f.seq FROM feed f WHERE f.expires < ?1"
        " AND f.seq < (SELECT MAX(seq) FROM feed) AND NOT EXISTS"
        " (SELECT 1 FROM credential c WHERE c.key_id = f.key_id)"
        " ORDER BY f.expires LIMIT ?2)",

    [FR_SQL_AUDIT_ADD] =
        "INSERT INTO audit (seq, at, actor, action, subject, decision, reason, text,"
        " prev, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [FR_SQL_AUDIT_TAIL] = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
    [FR_SQL_AUDIT_LAST] = "SELECT * FROM (" AUDIT "WHERE actor IN (?1, ?2, ?3, ?4)"
                          " OR subject IN (?1, ?2, ?3, ?4)"
                          " ORDER BY seq DESC LIMIT ?5) AS tail ORDER BY seq",
    [FR_SQL_AUDIT_ALL] =
        "SELECT * FROM (" AUDIT "ORDER BY seq DESC LIMIT ?1) AS tail ORDER BY seq",
    [FR_SQL_AUDIT_WALK] = AUDIT "WHERE seq > ?1 ORDER BY seq LIMIT ?2",

    [FR_SQL_ATTEMPT_ADD] =
        "INSERT INTO attempt (identity, at, record) VALUES (?1, ?2, ?3)",
    [FR_SQL_ATTEMPT_TRIM] =
        "DELETE FROM attempt WHERE identity = ?1 AND seq <= ("
        "SELECT seq FROM attempt WHERE identity = ?1 ORDER BY seq DESC"
        " LIMIT 1 OFFSET ?2)",
    [FR_SQL_ATTEMPT_LAST] =
        "SELECT at, record FROM (SELECT seq, at, record FROM attempt"
        " WHERE identity = ?1 ORDER BY seq DESC LIMIT ?2) AS tail ORDER BY seq",

    [FR_SQL_DOCUMENT_SET] =
        "INSERT INTO document (name, body, updated) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (name) DO UPDATE SET body = excluded.body,"
        " updated = excluded.updated",
    [FR_SQL_DOCUMENT_FIND] = "SELECT body FROM document WHERE name = ?1",
    [FR_SQL_DOCUMENT_LIST] =
        "SELECT name, updated FROM document WHERE name > ?1 ORDER BY name LIMIT ?2",
    [FR_SQL_DOCUMENT_REMOVE] = "DELETE FROM document WHERE name = ?1",
    [FR_SQL_ASSIGN] = "INSERT INTO assignment (enrolee, document) VALUES (?1, ?2)"
                      " ON CONFLICT (enrolee) DO UPDATE SET"
                      " document = excluded.document",
    [FR_SQL_UNASSIGN] = "DELETE FROM assignment WHERE enrolee = ?1",
    [FR_SQL_ASSIGNMENTS] = "SELECT enrolee, document FROM assignment"
                           " WHERE document = ?1 ORDER BY enrolee",
    [FR_SQL_DOCUMENT_FOR] = "SELECT d.body FROM assignment a"
                            " JOIN document d ON d.name = a.document"
                            " WHERE a.enrolee IN (?1, '*')"
                            " ORDER BY CASE a.enrolee WHEN '*' THEN 1 ELSE 0 END"
                            " LIMIT 1",
};
