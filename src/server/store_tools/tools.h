/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done to a store as a whole, beside the servers that use it: backup, restore,
 * and the move to another place. None of it needs the key-encryption key but a restore,
 * which proves that the backup and the key at hand belong together; none of it shows a
 * key. (Exchanging that key is the vault's own work: server/vault/rekey.c.)
 *
 * A store is named by its file, or by what libpq takes (fr_store_is_conninfo).
 */
#ifndef FR_SERVER_STORE_TOOLS_TOOLS_H
#define FR_SERVER_STORE_TOOLS_TOOLS_H

#include "server/config.h"
#include "store/copy.h"
#include "store/facts.h"

/* What a store holds, after it was followed from end to end. */
struct fr_store_summary {
    struct fr_store_counts counts;
    uint64_t audit_lines;       /* of a whole chain */
    char kek[FR_FACT_MAX];      /* id of the key that it needs */
    char kek_next[FR_FACT_MAX]; /* and while it is rekeyed this one, else "" */
};

/* A copy of a store that may be in use as a new file. FR_ECONFLICT "file-exists";
 * FR_ESTORE, also "audit-broken"; on failure there is no file. */
FR_MUST_USE enum fr_code fr_store_backup(const char *store, const char *file,
                                         struct fr_store_summary *ret,
                                         struct fr_err *err);

struct fr_store_restored {
    struct fr_store_summary summary;
    char aside[4096]; /* where the store is that was replaced; "" */
};
/*
 * The backup becomes the store of a server that is stopped; a PostgreSQL database must
 * be empty (is_replace is FR_EUSAGE). Targets begin their feed
 * again, because what they heard after the backup is no more. FR_EBUSY
 * "already-running"; FR_ECONFLICT "store-exists" unless is_replace; FR_ECONFIG
 * "key-other", "key-file-missing"; FR_EPARSE "not-a-store"; FR_ESTORE "schema-newer",
 * "database-damaged", "audit-broken". On failure the server's store is as it was.
 */
FR_MUST_USE enum fr_code fr_store_restore(const struct fr_server_config *config,
                                          const char *file, bool is_replace,
                                          struct fr_store_restored *ret,
                                          struct fr_err *err);

/* Brings the schema of a server that is stopped to that version, up or down. FR_EBUSY
 * "already-running"; else as fr_store_sqlite_migrate(). */
FR_MUST_USE enum fr_code fr_store_migrate(const struct fr_server_config *config, int to,
                                          struct fr_err *err);

/* For a database that was brought back to an earlier moment by its own means: targets
 * begin their feed again. Servers may run. */
FR_MUST_USE enum fr_code fr_store_mark_rewound(const char *store, struct fr_err *err);

struct fr_store_move {
    const char *from, *to;
    bool is_final;
};
/*
 * Brings `to` up to `from`, while servers go on using `from`. The final pass stops
 * them: from then on none serves from there, and `to` is a store of its own.
 * FR_ECONFLICT "store-exists" if `to` is one already; FR_ECONFIG "copy-unfinished",
 * "store-moved" of from. A final pass that fails lets the servers go on with `from`.
 */
FR_MUST_USE enum fr_code fr_store_move(const struct fr_store_move *move,
                                       struct fr_copy_report *ret, struct fr_err *err);
/* After a final pass that was killed: servers may use `from` again. FR_ENOTFOUND if it
 * has not moved. */
FR_MUST_USE enum fr_code fr_store_abandon_move(const char *from, struct fr_err *err);

#endif
