/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All SQL there is, so that it can be read in one place. Kept to what PostgreSQL takes
 * as well: LIMIT, CASE, ON CONFLICT; no INSERT OR, no rowid, no affinity tricks,
 * no sequences. The drivers have their own words for transactions.
 */
#include <string.h>

#include "store/sql.h"

#define ENROLEE                                                                        \
    "SELECT name, anchor, CASE WHEN anchor = '' THEN '' ELSE san END, created, imsi,"  \
    " lifetime, gba_u FROM enrolee "
#define TARGET "SELECT id, fqdn, derivation, created FROM target "
#define CREDENTIAL                                                                     \
    "SELECT identity, admin_fqdn, suid, target, slot, key_id, enrolee, san,"           \
    " target_fqdn, derivation, wrapped, created, expires, acked, retires, fetched,"    \
    " confirmed, method, credential_ref, client_reg, request_sha, response_sha,"       \
    " context, tmpi FROM credential "
#define NODE "SELECT name, instance, seen, seq, hash, seal FROM node "
#define AUDIT                                                                          \
    "SELECT node, seq, at, actor, action, subject, decision, reason, text, prev, hash" \
    " FROM audit "

static const char *const texts[FR_N_SQL] = {
    [FR_SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [FR_SQL_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2)"
                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [FR_SQL_COUNTS] = "SELECT (SELECT COUNT(*) FROM enrolee),"
                      " (SELECT COUNT(*) FROM target),"
                      " (SELECT COUNT(*) FROM credential),"
                      " (SELECT COUNT(*) FROM document),"
                      " (SELECT CAST(COALESCE(SUM(seq), 0) AS BIGINT) FROM node),"
                      " (SELECT feed FROM progress)",
    [FR_SQL_META_ADD] = "INSERT INTO meta (name, value) VALUES (?1, ?2)",

    [FR_SQL_NODE_FIND] = NODE "WHERE name = ?1",
    [FR_SQL_NODE_LIST] = NODE "ORDER BY name",
    [FR_SQL_NODE_PUT] =
        "INSERT INTO node (name, instance, seen, seq, hash, seal)"
        " VALUES (?1, ?2, ?3, 0, ?4, ?5) ON CONFLICT (name) DO UPDATE SET"
        " instance = excluded.instance, seen = excluded.seen",
    [FR_SQL_NODE_END] = "UPDATE node SET seq = ?4, hash = ?5, seal = ?6"
                        " WHERE name = ?1 AND instance = ?2 AND seq = ?3",
    [FR_SQL_NODES_HOLD] = "UPDATE node SET seen = seen",
    [FR_SQL_NODE_SEEN] = "UPDATE node SET seen = ?3 WHERE name = ?1 AND instance = ?2",
    [FR_SQL_PROGRESS] = "SELECT feed, policy FROM progress",
    [FR_SQL_PROGRESS_LOCK] = "UPDATE progress SET feed = feed",
    [FR_SQL_POLICY_CHANGED] = "UPDATE progress SET policy = policy + 1"
                              " WHERE feed = ?1 OR ?1 < 0",

    [FR_SQL_ENROLEE_ADD] =
        "INSERT INTO enrolee (name, anchor, san, created, imsi, lifetime, gba_u)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [FR_SQL_ENROLEE_FIND] = ENROLEE "WHERE name = ?1",
    [FR_SQL_ENROLEE_MATCH] = ENROLEE "WHERE anchor = ?1 AND san = ?2 AND anchor <> ''",
    [FR_SQL_ENROLEE_MATCH_IMSI] = ENROLEE "WHERE imsi = ?1 AND imsi <> ''",
    [FR_SQL_ENROLEE_SIM] =
        "UPDATE enrolee SET imsi = ?2, lifetime = ?3, gba_u = ?4 WHERE name = ?1",
    [FR_SQL_ENROLEE_LIST] = ENROLEE "WHERE name > ?1 ORDER BY name LIMIT ?2",
    [FR_SQL_ENROLEE_LIST_SAN] =
        ENROLEE "WHERE san = ?3 AND anchor <> '' AND name > ?1 ORDER BY name LIMIT ?2",
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
        " request_sha, response_sha, response, context, tmpi)"
        " VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, 0, 0, ?12,"
        " ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
    [FR_SQL_CREDENTIAL_FIND] = CREDENTIAL "WHERE key_id = ?1",
    [FR_SQL_CREDENTIAL_FIND_TMPI] = CREDENTIAL "WHERE tmpi = ?1 AND tmpi <> ''",
    [FR_SQL_CREDENTIAL_SLOT] = CREDENTIAL
    "WHERE identity = ?1 AND admin_fqdn = ?2 AND suid = ?3 AND target = ?4"
    " AND slot = ?5",
    [FR_SQL_CREDENTIAL_DEMOTE] = "UPDATE credential SET slot = ?4, enrolee = ?2"
                                 " WHERE key_id = ?1 AND slot = 0 AND acked = ?3",
    [FR_SQL_CREDENTIAL_FOLLOW] =
        "UPDATE credential SET enrolee = ?2 WHERE key_id = ?1 AND slot = 1",
    [FR_SQL_CREDENTIAL_DELETE] =
        "DELETE FROM credential WHERE key_id = ?1 AND acked = ?3"
        " AND (slot = ?2 OR slot = 2 * ?2)", /* a previous one's is 1, or 2 */
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
    [FR_SQL_CREDENTIAL_ACK] = "UPDATE credential SET acked = ?2"
                              " WHERE key_id = ?1 AND acked = 0 AND slot = 0",
    [FR_SQL_CREDENTIAL_RETIRES] =
        "UPDATE credential SET retires = ?2,"
        " due = CASE WHEN expires < ?2 THEN expires ELSE ?2 END WHERE key_id = ?1",
    [FR_SQL_CREDENTIAL_FETCHED] =
        "UPDATE credential SET fetched = ?2 WHERE key_id = ?1 AND fetched = 0",
    [FR_SQL_CREDENTIAL_DUE] = CREDENTIAL "WHERE due <= ?1 ORDER BY due LIMIT ?2",
    [FR_SQL_CREDENTIAL_NEXT_DUE] = "SELECT MIN(due), COUNT(*) FROM ("
                                   "SELECT due FROM credential ORDER BY due LIMIT 1)"
                                   " AS first",

    [FR_SQL_FEED_COUNT] = "UPDATE progress SET feed = feed + 1"
                          " WHERE policy = ?1 OR ?1 < 0",
    [FR_SQL_FEED_ADD] =
        "INSERT INTO feed (seq, event, target_fqdn, key_id, suid, san, expires, at)"
        " SELECT feed, ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM progress",
    [FR_SQL_FEED] =
        "SELECT seq, event, target_fqdn, key_id, suid, san, expires, at FROM feed"
        " WHERE target_fqdn IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) AND seq > ?9"
        " ORDER BY seq LIMIT ?10",
    [FR_SQL_FEED_TOLD] = "SELECT target_fqdn, suid FROM feed WHERE key_id = ?1"
                         " AND event = ?2 AND target_fqdn <> ?3 ORDER BY seq",
    [FR_SQL_FEED_LAST] = "SELECT feed FROM progress",
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
        " AND f.seq < (SELECT feed FROM progress) AND NOT EXISTS"
        " (SELECT 1 FROM credential c WHERE c.key_id = f.key_id)"
        " ORDER BY f.expires LIMIT ?2)",

    [FR_SQL_AUDIT_ADD] =
        "INSERT INTO audit (node, seq, at, actor, action, subject, decision, reason,"
        " text, prev, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [FR_SQL_AUDIT_LAST] =
        "SELECT * FROM (" AUDIT "WHERE actor IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        " OR subject IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ORDER BY at DESC, node DESC, "
        "seq DESC"
        " LIMIT ?9) AS tail ORDER BY at, node, seq",
    [FR_SQL_AUDIT_OF_NODE] = AUDIT "WHERE node = ?1 ORDER BY seq DESC LIMIT ?2",
    [FR_SQL_AUDIT_WALK] = AUDIT "WHERE node = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",

    [FR_SQL_ATTEMPT_ADD] = "INSERT INTO attempt (identity, seq, at, record)"
                           " SELECT ?1, COALESCE(MAX(seq), 0) + 1, ?2, ?3 FROM attempt"
                           " WHERE identity = ?1",
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

static void put_rows_text(int which, char mark, struct fr_buf *to)
{
    const struct fr_table *t = &fr_tables[which / FR_N_SQL_OF_ROWS];

    switch ((enum fr_sql_of_rows)(which % FR_N_SQL_OF_ROWS)) {
    case FR_SQL_ROWS_FIRST:
    case FR_SQL_ROWS_AFTER:
        fr_rows_select(t, which % FR_N_SQL_OF_ROWS == FR_SQL_ROWS_FIRST, mark, to);
        break;
    case FR_SQL_ROWS_ADD:
        fr_rows_insert(t, mark, to);
        break;
    default:
        fr_rows_delete(t, mark, to);
    }
}

const char *fr_sql_text_of(int statement, char mark, char to[FR_SQL_TEXT_MAX])
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_SQL_TEXT_MAX - 1);

    if (statement < FR_N_SQL)
        fr_buf_str(&text, texts[statement]);
    else
        put_rows_text(statement - FR_N_SQL, mark, &text);
    snprintf(to, FR_SQL_TEXT_MAX, "%s", fr_buf_cstr(&text));
    for (char *p = to; (p = strchr(p, '?')); p++)
        *p = mark;
    return to;
}
