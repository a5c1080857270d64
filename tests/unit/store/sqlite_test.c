/* SPDX-License-Identifier: Apache-2.0 */
/* What is SQLite's own: its file. What any store does is in tests/conform/store_*.c. */
#include "test.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/ask.h"
#include "store/sql.h"
#include "tree.h"

static struct fr_err err;

struct folder {
    char dir[64], path[96];
};

static int setup(void **state)
{
    struct folder *f = calloc(1, sizeof *f);

    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/fr-sqlite-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/fieldroot.db", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct folder *f = *state;

    (void)tree_remove(f->dir);
    free(f);
    return 0;
}

static void make(const struct folder *f)
{
    FR_AUTO(store) *s = NULL;

    assert_ok(fr_store_sqlite_open(f->path, &s, &err));
}

static void run_sql(const struct folder *f, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int number(const struct folder *f, const char *sql)
{
    sqlite3_stmt *stmt;
    sqlite3 *db;
    int n;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    n = sqlite3_column_int(stmt, 0);
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void assert_owners_alone(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void database_and_its_log_are_the_owners_alone(void **state)
{
    const struct folder *f = *state;
    FR_AUTO(store) *s = NULL;
    char log[112];

    (void)umask(0);
    assert_ok(fr_store_sqlite_open(f->path, &s, &err));
    assert_owners_alone(f->path);
    snprintf(log, sizeof log, "%s-wal", f->path);
    assert_owners_alone(log);
}

static void open_mode_of_an_old_file_is_narrowed(void **state)
{
    const struct folder *f = *state;

    make(f);
    assert_int_equal(chmod(f->path, 0644), 0);
    make(f);
    assert_owners_alone(f->path);
}

static void schema_has_its_version(void **state)
{
    const struct folder *f = *state;

    make(f);
    assert_int_equal(number(f, "SELECT MAX(version) FROM schema_version"), 4);
    make(f); /* and is not made again */
    assert_int_equal(number(f, "SELECT COUNT(*) FROM schema_version"), 4);
}

static void newer_schema_is_refused_and_left_alone(void **state)
{
    const struct folder *f = *state;
    struct fr_store *s = NULL;

    make(f);
    run_sql(f, "INSERT INTO schema_version (version) VALUES (5)");
    assert_fails_as(fr_store_sqlite_open(f->path, &s, &err), FR_ESTORE, "schema-newer");
    assert_null(s);
    assert_int_equal(number(f, "SELECT MAX(version) FROM schema_version"), 5);
}

/* ---- up and down ---- */

static const char filling[] =
    "INSERT INTO enrolee VALUES ('dev1', 'aa', 'dns:dev1', 7);"
    "INSERT INTO target VALUES ('broker', 'broker', 0, 7);"
    "INSERT INTO feed (seq, event, target_fqdn, key_id, suid, san, expires, at)"
    " VALUES (41, 0, 'broker', 'k', 22, 'dns:dev1', 9, 7);"
    "INSERT INTO attempt (seq, identity, at, record) VALUES (1, 'x', 1, 'one');"
    "INSERT INTO attempt (seq, identity, at, record) VALUES (2, 'y', 1, 'other');"
    "INSERT INTO attempt (seq, identity, at, record) VALUES (3, 'x', 2, 'two');"
    "INSERT INTO meta VALUES ('audit-end', 'its seal');";

#define KEYID "00000000000000000000000000000001@mef.example.com"
#define BTID  "I1U8vpY3qJ0hiq5iTb+xNQ==@mef.example.com"
#define KEY(enrolee, identity, key_id, derivation, method, tmpi)                       \
    "INSERT INTO credential VALUES ('" key_id "', '" identity                          \
    "', 'mef', 22, 'broker', 0, '" enrolee "', '', 'broker', " derivation              \
    ", x'00', 1, 9, 0, 0, 0, 9, 1, '" method                                           \
    "', '', '', x'00', x'00', x'00', '', '" tmpi "');"
/* A device with both, and a meter with its SIM alone. */
static const char filling_3[] =
    "UPDATE enrolee SET imsi = '001010000000001' WHERE name = 'dev1';"
    "INSERT INTO enrolee VALUES ('meter', '', 'meter', 7, '001010000000002', 60, 1);"
    "INSERT INTO allowed VALUES ('dev1', 'broker', 1);"
    "INSERT INTO allowed VALUES ('meter', 'broker', 1);"
    "INSERT INTO document VALUES ('list', '{}', 7);"
    "INSERT INTO assignment VALUES ('dev1', 'list');"
    "INSERT INTO assignment VALUES ('meter', 'list');" KEY("dev1", "aa/dns:dev1", KEYID,
                                                           "0", "certificate", "")
        KEY("meter", "imsi:001010000000002", BTID, "3", "gba",
            "its-name") "INSERT INTO feed VALUES (42, 0, 'broker', '" BTID
                        "', 22, 'impi:x@y', 9, 7);";

/* Two lines of the chain as it was before there were nodes. */
static void add_old_lines(const struct folder *f)
{
    char prev[2 * FR_SHA256_LEN + 1] = FR_STORE_AUDIT_ROOT, text[512];

    for (uint64_t seq = 1; seq <= 2; seq++) {
        struct fr_store_audit line = {.seq = seq, .at = 5, .actor = "a"};

        assert_ok(fr_store_audit_hash(&line, prev, line.hash, &err));
        snprintf(
            text, sizeof text,
            "INSERT INTO audit VALUES (%d, 5, 'a', '', '', '', '', '', '%s', '%s')",
            (int)seq, prev, line.hash);
        run_sql(f, text);
        memcpy(prev, line.hash, sizeof prev);
    }
}

static void make_old(const struct folder *f)
{
    run_sql(f, "CREATE TABLE schema_version (version INTEGER NOT NULL);"
               "INSERT INTO schema_version VALUES (1)");
    run_sql(f, fr_sql_schema[0].up);
    run_sql(f, filling);
    add_old_lines(f);
}

static void old_schema_is_brought_up_with_all_that_it_has(void **state)
{
    const struct folder *f = *state;
    FR_AUTO(store) *s = NULL;
    struct fr_store_chain chain;
    struct fr_store_counts n;

    make_old(f);
    assert_ok(fr_store_sqlite_open(f->path, &s, &err));
    assert_ok(FR_STORE_ASK(s, &err, counts, &n));
    assert_true(n.enrolees == 1 && n.targets == 1 && n.audit_lines == 2);
    assert_true(n.feed_seq == 41);
    assert_ok(fr_store_audit_verify(s, "", &chain, &err));
    assert_true(chain.lines == 2 && chain.broken_at == 0);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM node WHERE name = '' AND seq = 2"
                               " AND seal = 'its seal'"),
                     1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM attempt WHERE identity = 'x'"), 2);
}

static void schema_goes_down_and_up_again(void **state)
{
    const struct folder *f = *state;

    make_old(f);
    make(f);
    assert_ok(fr_store_sqlite_migrate(f->path, 1, &err));
    assert_int_equal(number(f, "SELECT MAX(version) FROM schema_version"), 1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM audit WHERE actor = 'a'"), 2);
    assert_int_equal(number(f, "SELECT MAX(seq) FROM feed"), 41);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM attempt"), 3);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM sqlite_master"
                               " WHERE name IN ('node', 'progress')"),
                     0);
    assert_ok(fr_store_sqlite_migrate(f->path, 2, &err));
    assert_int_equal(number(f, "SELECT feed FROM progress"), 41);
    make(f);
}

/* The older program has no words for them. */
static void sims_and_their_keys_stay_behind_on_the_way_down(void **state)
{
    const struct folder *f = *state;

    make_old(f);
    make(f);
    run_sql(f, filling_3);
    assert_ok(fr_store_sqlite_migrate(f->path, 2, &err));
    assert_int_equal(number(f, "SELECT COUNT(*) FROM enrolee"), 1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM allowed"), 1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM assignment"), 1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM credential"), 1);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM credential WHERE key_id = '" KEYID
                               "' AND derivation = 0"),
                     1);
    assert_int_equal(number(f, "SELECT MAX(seq) FROM feed"), 41);
    make(f);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM enrolee WHERE imsi = ''"), 1);
}

/* Who has one says its IMPI the next time. */
static void tmpis_stay_behind_on_the_way_down(void **state)
{
    const struct folder *f = *state;

    make_old(f);
    make(f);
    run_sql(f, filling_3);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM credential WHERE tmpi <> ''"), 1);
    assert_ok(fr_store_sqlite_migrate(f->path, 3, &err));
    assert_int_equal(number(f, "SELECT COUNT(*) FROM credential"), 2);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM sqlite_master"
                               " WHERE name = 'credential_tmpi'"),
                     0);
    make(f);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM credential WHERE tmpi = ''"), 2);
}

static void schema_that_nobody_knows_is_no_goal(void **state)
{
    const struct folder *f = *state;

    make(f);
    assert_fails(fr_store_sqlite_migrate(f->path, 0, &err), FR_EUSAGE);
    assert_fails(fr_store_sqlite_migrate(f->path, 5, &err), FR_EUSAGE);
    run_sql(f, "INSERT INTO schema_version (version) VALUES (5)");
    assert_fails_as(fr_store_sqlite_migrate(f->path, 1, &err), FR_ESTORE,
                    "schema-newer");
}

static void write_ahead_log_is_on(void **state)
{
    const struct folder *f = *state;

    make(f);
    assert_int_equal(number(f, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
                     1);
}

static void file_that_is_no_database_is_refused_and_left_alone(void **state)
{
    static const char text[] = "this is not a database, but a file that somebody needs";
    FR_AUTO_CLEAR(buf) after = FR_BUF_INIT(256);
    const struct folder *f = *state;
    struct fr_store *s = NULL;

    assert_ok(fr_file_write_atomic(f->path, fr_slice_str(text), 0600, &err));
    assert_fails(fr_store_sqlite_open(f->path, &s, &err), FR_ESTORE);
    assert_contains(err.msg, f->path);
    assert_ok(fr_file_read(f->path, &after, &err));
    assert_string_equal(fr_buf_cstr(&after), text);
}

static void symbolic_link_is_not_followed(void **state)
{
    const struct folder *f = *state;
    struct fr_store *s = NULL;
    char elsewhere[96];

    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->dir);
    assert_int_equal(symlink(elsewhere, f->path), 0);
    assert_fails(fr_store_sqlite_open(f->path, &s, &err), FR_ESTORE);
    assert_int_not_equal(access(elsewhere, F_OK), 0);
}

static void folder_that_is_not_there_is_refused(void **state)
{
    struct fr_store *s = NULL;

    (void)state;
    assert_fails(fr_store_sqlite_open("/nowhere/at/all.db", &s, &err), FR_ESTORE);
}

static void nothing_is_ever_under_way(void **state)
{
    const struct folder *f = *state;
    FR_AUTO(store) *s = NULL;

    assert_ok(fr_store_sqlite_open(f->path, &s, &err));
    assert_fails(s->methods->wait(s, &err), FR_EINTERNAL);
}

/* ---- the hash of an audit line ---- */

static void every_part_of_a_line_is_in_its_hash(void **state)
{
    struct fr_store_audit line = {.seq = 1,
                                  .at = 2,
                                  .actor = "a",
                                  .action = "b",
                                  .subject = "c",
                                  .decision = "d",
                                  .reason = "e",
                                  .text = "f"};
    char *const parts[] = {line.actor,    line.action, line.subject,
                           line.decision, line.reason, line.text};
    char first[2 * FR_SHA256_LEN + 1], other[2 * FR_SHA256_LEN + 1];

    (void)state;
    assert_ok(fr_store_audit_hash(&line, FR_STORE_AUDIT_ROOT, first, &err));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        parts[i][0] ^= 1;
        assert_ok(fr_store_audit_hash(&line, FR_STORE_AUDIT_ROOT, other, &err));
        assert_string_not_equal(other, first);
        parts[i][0] ^= 1;
    }
    line.at++;
    assert_ok(fr_store_audit_hash(&line, FR_STORE_AUDIT_ROOT, other, &err));
    assert_string_not_equal(other, first);
    line.at--;
    line.seq++;
    assert_ok(fr_store_audit_hash(&line, FR_STORE_AUDIT_ROOT, other, &err));
    assert_string_not_equal(other, first);
    line.seq--;
    assert_ok(fr_store_audit_hash(&line, first, other, &err));
    assert_string_not_equal(other, first);
}

static void text_cannot_move_from_one_part_to_the_next(void **state)
{
    struct fr_store_audit a = {.actor = "ab", .action = "c"};
    struct fr_store_audit b = {.actor = "a", .action = "bc"};
    char hash_a[2 * FR_SHA256_LEN + 1], hash_b[2 * FR_SHA256_LEN + 1];

    (void)state;
    assert_ok(fr_store_audit_hash(&a, FR_STORE_AUDIT_ROOT, hash_a, &err));
    assert_ok(fr_store_audit_hash(&b, FR_STORE_AUDIT_ROOT, hash_b, &err));
    assert_string_not_equal(hash_a, hash_b);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(database_and_its_log_are_the_owners_alone),
        IN_FOLDER(open_mode_of_an_old_file_is_narrowed),
        IN_FOLDER(schema_has_its_version),
        IN_FOLDER(newer_schema_is_refused_and_left_alone),
        IN_FOLDER(old_schema_is_brought_up_with_all_that_it_has),
        IN_FOLDER(schema_goes_down_and_up_again),
        IN_FOLDER(sims_and_their_keys_stay_behind_on_the_way_down),
        IN_FOLDER(tmpis_stay_behind_on_the_way_down),
        IN_FOLDER(schema_that_nobody_knows_is_no_goal),
        IN_FOLDER(write_ahead_log_is_on),
        IN_FOLDER(file_that_is_no_database_is_refused_and_left_alone),
        IN_FOLDER(symbolic_link_is_not_followed),
        IN_FOLDER(folder_that_is_not_there_is_refused),
        IN_FOLDER(nothing_is_ever_under_way),
        cmocka_unit_test(every_part_of_a_line_is_in_its_hash),
        cmocka_unit_test(text_cannot_move_from_one_part_to_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
