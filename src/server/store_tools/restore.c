/* SPDX-License-Identifier: Apache-2.0 */
/* A backup becomes the store of a fieldrootd that is stopped; the schema's number. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timetext.h"
#include "server/store_tools/impl.h"
#include "server/vault/internal.h"

enum { ASIDE_MAX = 100 };

/* ---- nobody else ---- */

/* The lock that a fieldrootd holds as long as it runs. */
static enum fr_code take_lock(const struct fr_server_config *c, int *ret,
                              struct fr_err *err)
{
    FR_AUTO_STR(path) = NULL;
    FR_AUTO_FD(fd) = -1;

    FR_TRY(fr_dir_make(c->run_dir, 0755, err));
    FR_TRY(fr_path_join(c->run_dir, "lock", &path, err));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return FR_FAIL(err, FR_ESTORE, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return FR_FAIL_AS(err, FR_EBUSY, "already-running",
                          "%s is locked: a fieldrootd runs, stop it first", path);
    *ret = FR_TAKE_FD(fd);
    return FR_OK;
}

static enum fr_code make_state(const struct fr_server_config *c, struct fr_err *err)
{
    struct stat st;

    if (stat(c->state, &st) == 0)
        return FR_OK;
    FR_TRY(fr_dir_make(c->state, 0700, err));
    if (c->vault_user.name && geteuid() == 0 &&
        chown(c->state, c->vault_user.uid, c->vault_user.gid) != 0)
        return FR_FAIL(err, FR_ESTORE, "giving %s to %s: %s", c->state,
                       c->vault_user.name, strerror(errno));
    return FR_OK;
}

/* ---- what comes ---- */

/*
 * Above every cursor that any store of this fleet ever gave out: none gives out a
 * million a second for as long as it lives, so the time of a restore, to a millisecond,
 * is beyond all that was counted since the restore before.
 */
static uint64_t next_feed_base(uint64_t old, uint64_t last)
{
    struct timespec now = {0};
    uint64_t base;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    base = ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) << 10;
    return base > old + last ? base : old + last + 1;
}

static enum fr_code mark(struct fr_store *s, const char *note, struct fr_err *err)
{
    char fact[FR_FACT_MAX], base[32];
    const struct fr_fact facts[] = {{FR_FACT_FEED_BASE, base}, {FR_FACT_NOTE, note}};
    uint64_t old = 0, last = 0;

    FR_TRY(fr_fact_get(s, FR_FACT_FEED_BASE, fact, err));
    (void)fr_uint_parse(fr_slice_str(fact), INT64_MAX, &old);
    FR_TRY(FR_STORE_ASK(s, err, feed_last, &last));
    snprintf(base, sizeof base, "%llu", (unsigned long long)next_feed_base(old, last));
    return fr_tool_set_facts(s, facts, 2, err);
}

/* As the server will open it: with its key, and writing its trail. */
static enum fr_code prove(const struct fr_server_config *c, const char *database,
                          struct fr_err *err)
{
    const struct fr_vault_config config = {.database = database,
                                           .node = c->node,
                                           .key_file = c->kek,
                                           .mef_fqdn = c->mef_fqdn};
    FR_AUTO(vault) *v = NULL;
    struct fr_chain chain;

    FR_TRY(fr_vault_open(&config, &v, err));
    FR_TRY(fr_vault_verify_audit(v, &chain, err));
    if (chain.broken_at || chain.is_cut)
        return FR_FAIL_AS(err, FR_ESTORE, "audit-broken",
                          "the audit trail is not whole: line %llu",
                          (unsigned long long)chain.broken_at);
    return FR_OK;
}

static enum fr_code prepare(const struct fr_server_config *c, const char *file,
                            const char *database, struct fr_store_summary *ret,
                            struct fr_err *err)
{
    FR_AUTO(store) *s = NULL;
    char note[FR_FACT_MAX];

    snprintf(note, sizeof note, "the store was restored from %.500s", file);
    FR_TRY(fr_store_sqlite_clone(file, database, err));
    FR_TRY(fr_store_sqlite_open(database, &s, err)); /* brings it up to date */
    FR_TRY(mark(s, note, err));
    FR_TRY(prove(c, database, err));
    FR_TRY(fr_tool_summarise(s, ret, err));
    return fr_tool_give(database, err);
}

/* ---- what goes ---- */

static enum fr_code move_if_there(const char *from, const char *end, const char *to,
                                  struct fr_err *err)
{
    char a[4200], b[4200];

    snprintf(a, sizeof a, "%s%s", from, end);
    snprintf(b, sizeof b, "%s%s", to, end);
    if (rename(a, b) != 0 && errno != ENOENT)
        return FR_FAIL(err, FR_ESTORE, "moving %s aside: %s", a, strerror(errno));
    return FR_OK;
}

/* A name that is not there yet. */
static enum fr_code name_aside(const char *database, char *ret, size_t size,
                               struct fr_err *err)
{
    time_t now = time(NULL);
    struct tm tm;
    char when[32];

    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    for (int i = 1; i <= ASIDE_MAX; i++) {
        if (snprintf(ret, size, "%s.replaced-%s-%d", database, when, i) >= (int)size)
            return FR_FAIL(err, FR_EUSAGE, "%s: the name is too long", database);
        if (access(ret, F_OK) != 0)
            return FR_OK;
    }
    return FR_FAIL(err, FR_ECONFLICT, "%s is there already", ret);
}

/* Its log belongs to it: what is in there goes into the file first, unless the file is
 * past reading. Then both move, and nothing is lost either. A log whose file is gone
 * must not stay: SQLite would play it into what comes. */
static enum fr_code set_logs_aside(const char *database, const char *aside,
                                   struct fr_err *err)
{
    fr_store_sqlite_settle(database);
    FR_TRY(move_if_there(database, "-wal", aside, err));
    FR_TRY(move_if_there(database, "-shm", aside, err));
    return move_if_there(database, "-journal", aside, err);
}

/* There is a store at every moment: a server that starts makes none of its own. */
static enum fr_code replace(const char *part, const char *database, const char *aside,
                            struct fr_err *err)
{
    enum fr_code rc;

    if (link(database, aside) != 0) /* a filesystem without links */
        FR_TRY(move_if_there(database, "", aside, err));
    rc = fr_file_rename(part, database, err);
    if (rc != FR_OK && access(part, F_OK) == 0 && access(database, F_OK) == 0)
        (void)unlink(aside);
    return rc;
}

static enum fr_code put_in_place(const char *part, const char *database,
                                 struct fr_store_restored *ret, struct fr_err *err)
{
    bool is_there = access(database, F_OK) == 0;
    char aside[sizeof ret->aside];

    FR_TRY(name_aside(database, aside, sizeof aside, err));
    FR_TRY(set_logs_aside(database, aside, err));
    if (!is_there)
        return fr_file_rename(part, database, err);
    memcpy(ret->aside, aside, sizeof aside);
    return replace(part, database, aside, err);
}

/* What its log still holds would not come along. */
static enum fr_code check_has_no_log(const char *part, struct fr_err *err)
{
    char log[4200];

    snprintf(log, sizeof log, "%s-wal", part);
    if (access(log, F_OK) == 0)
        return FR_FAIL(err, FR_ESTORE, "%s could not be written into its store", log);
    return FR_OK;
}

static enum fr_code restore_file(const struct fr_server_config *c, const char *file,
                                 struct fr_store_restored *ret, struct fr_err *err)
{
    char part[4096];
    enum fr_code rc;

    if (snprintf(part, sizeof part, "%s.part", c->database) >= (int)sizeof part)
        return FR_FAIL(err, FR_EUSAGE, "%s: the name is too long", c->database);
    fr_tool_remove(part); /* of a restore that was cut */
    rc = prepare(c, file, part, &ret->summary, err);
    if (rc == FR_OK)
        rc = check_has_no_log(part, err);
    if (rc == FR_OK)
        rc = put_in_place(part, c->database, ret, err);
    if (rc != FR_OK)
        fr_tool_remove(part);
    return rc;
}

/* By way of a file, where the backup is proved before a row of it goes on. */
static enum fr_code restore_database(const struct fr_server_config *c, const char *file,
                                     struct fr_store_restored *ret, struct fr_err *err)
{
    struct fr_copy_report report;
    char part[4096];
    struct fr_store_move move = {.from = part, .to = c->database, .is_final = true};
    enum fr_code rc;

    if (snprintf(part, sizeof part, "%s/restore.part", c->state) >= (int)sizeof part)
        return FR_FAIL(err, FR_EUSAGE, "%s: the name is too long", c->state);
    fr_tool_remove(part);
    rc = prepare(c, file, part, &ret->summary, err);
    if (rc == FR_OK)
        rc = fr_store_move(&move, &report, err);
    fr_tool_remove(part);
    return rc;
}

enum fr_code fr_store_migrate(const struct fr_server_config *config, int to,
                              struct fr_err *err)
{
    FR_AUTO_FD(lock) = -1;

    FR_TRY(take_lock(config, &lock, err));
    if (fr_store_is_conninfo(config->database))
        return fr_store_postgres_migrate(config->database, to, err);
    return fr_store_sqlite_migrate(config->database, to, err);
}

enum fr_code fr_store_restore(const struct fr_server_config *config, const char *file,
                              bool is_replace, struct fr_store_restored *ret,
                              struct fr_err *err)
{
    FR_AUTO_FD(lock) = -1;

    FR_TRY(take_lock(config, &lock, err));
    FR_TRY(make_state(config, err));
    ret->aside[0] = 0;
    if (fr_store_is_conninfo(config->database)) {
        if (is_replace)
            return FR_FAIL(err, FR_EUSAGE,
                           "a PostgreSQL database is not replaced: make an empty one, "
                           "and name it in the config");
        return restore_database(config, file, ret, err);
    }
    if (!is_replace && access(config->database, F_OK) == 0)
        return FR_FAIL_AS(err, FR_ECONFLICT, "store-exists",
                          "%s is there: --replace sets it aside", config->database);
    return restore_file(config, file, ret, err);
}

enum fr_code fr_store_mark_rewound(const char *store, struct fr_err *err)
{
    FR_AUTO(store) *s = NULL;

    FR_TRY(fr_tool_read(store, &s, err)); /* it is there, and ours */
    fr_store_free(FR_TAKE(s));
    FR_TRY(fr_tool_open(store, &s, err));
    return mark(s, "the database was brought back to an earlier moment", err);
}
