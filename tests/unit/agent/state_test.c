/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state folder, and what it is worth after a cut: each cut is the set of files that
 * it leaves.
 */
#include "agent/state.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"
#include "unit/agent/rig.h"
#include "unit/model/credential_sample.h"
#include "unit/net/tlspeer.h"

#define MEF    "mef.example.com"
#define TARGET "t.example.com"

static const struct fr_slot_id slot = {
    .mef = MEF, .target = TARGET, .suid = FR_SUID_DEFAULT};

/* Stores a credential of that age; returns its KeID (in a static buffer). */
static const char *put(struct fr_state *s, int64_t created, bool flip)
{
    FR_AUTO(credential) *c = rig_credential(MEF, TARGET, created);
    static char key_id[FR_KEYID_MAX + 1];
    struct fr_err err;

    (void)snprintf(key_id, sizeof key_id, "%s", c->key_id);
    assert_ok(fr_state_store_pending(s, c, &err));
    if (flip)
        assert_ok(fr_state_flip(s, &slot, &err));
    return key_id;
}

static void assert_current(struct fr_state *s, const char *key_id)
{
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    assert_ok(fr_state_find(s, &slot, &c, &err));
    assert_string_equal(c->key_id, key_id);
}

static void assert_no_current(struct fr_state *s)
{
    struct fr_credential *c = NULL;
    struct fr_err err;

    assert_fails(fr_state_find(s, &slot, &c, &err), FR_ENOTFOUND);
}

static void assert_n_pending(struct fr_state *s, size_t n)
{
    struct fr_err err;

    for (size_t i = 0; i <= n; i++) {
        FR_AUTO(credential) *c = NULL;
        enum fr_code rc = fr_state_pending_at(s, i, &c, &err);
        assert_int_equal(rc, i < n ? FR_OK : FR_ENOTFOUND);
    }
}

/* Beside the only slot that is there: "current", or what it could be named. */
static char *slot_file(struct fr_state *s, const char *name)
{
    static char path[512];
    const char *dot = NULL;
    const struct dirent *e;
    DIR *d;

    d = opendir(fr_state_dir(s));
    assert_non_null(d);
    while (!dot && (e = readdir(d)) != NULL)
        dot = e->d_name[0] == '.' ? NULL : strchr(e->d_name, '.');
    assert_non_null(dot);
    (void)snprintf(path, sizeof path, "%s/%.*s.%s", fr_state_dir(s),
                   (int)(dot - e->d_name), e->d_name, name);
    (void)closedir(d);
    return path;
}

static void damage(const char *path)
{
    assert_int_equal(truncate(path, 20), 0);
}

/* ---- the two slots ---- */

static void the_folders_are_private(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct stat st;

    (void)state;
    (void)put(s, 1000, true);
    assert_int_equal(stat(fr_state_dir(s), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(slot_file(s, "current"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    fr_state_free(s);
}

static void pending_is_not_current(void **state)
{
    struct fr_state *s = rig_state(65536);

    (void)state;
    (void)put(s, 1000, false);
    assert_no_current(s);
    assert_n_pending(s, 1);
    fr_state_free(s);
}

static void a_flip_makes_it_current(void **state)
{
    struct fr_state *s = rig_state(65536);

    (void)state;
    assert_current(s, put(s, 1000, true));
    assert_n_pending(s, 0);
    fr_state_free(s);
}

static void a_new_pending_leaves_the_current_alone(void **state)
{
    struct fr_state *s = rig_state(65536);
    char first[FR_KEYID_MAX + 1];

    (void)state;
    (void)strcpy(first, put(s, 1000, true));
    (void)put(s, 2000, false);
    assert_current(s, first);
    assert_n_pending(s, 1);
    fr_state_free(s);
}

static void a_second_flip_replaces_the_first(void **state)
{
    struct fr_state *s = rig_state(65536);

    (void)state;
    (void)put(s, 1000, true);
    assert_current(s, put(s, 2000, true));
    fr_state_free(s);
}

static void a_drop_leaves_the_current_alone(void **state)
{
    struct fr_state *s = rig_state(65536);
    char first[FR_KEYID_MAX + 1];
    struct fr_err err;

    (void)state;
    (void)strcpy(first, put(s, 1000, true));
    (void)put(s, 2000, false);
    assert_ok(fr_state_drop(s, &slot, &err));
    assert_ok(fr_state_drop(s, &slot, &err)); /* once more is no error */
    assert_current(s, first);
    assert_n_pending(s, 0);
    fr_state_free(s);
}

static void a_flip_of_nothing_is_refused(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct fr_err err;

    (void)state;
    assert_fails_as(fr_state_flip(s, &slot, &err), FR_ESTORE, "pending-damaged");
    fr_state_free(s);
}

static void a_damaged_pending_never_replaces_a_current(void **state)
{
    struct fr_state *s = rig_state(65536);
    char first[FR_KEYID_MAX + 1];
    struct fr_err err;

    (void)state;
    (void)strcpy(first, put(s, 1000, true));
    (void)put(s, 2000, false);
    damage(slot_file(s, "pending"));
    assert_fails_as(fr_state_flip(s, &slot, &err), FR_ESTORE, "pending-damaged");
    assert_current(s, first);
    assert_n_pending(s, 0);
    fr_state_free(s);
}

static void a_half_written_file_counts_for_nothing(void **state)
{
    struct fr_state *s = rig_state(65536);
    char first[FR_KEYID_MAX + 1];
    struct fr_err err;

    (void)state;
    (void)strcpy(first, put(s, 1000, true));
    /* cut in store_pending, before the rename */
    assert_ok(fr_file_write_atomic(slot_file(s, "pending.tmp-1"),
                                   fr_slice_str("fieldroot-cred"), 0600, &err));
    assert_current(s, first);
    assert_n_pending(s, 0);
    assert_current(s, put(s, 2000, true)); /* and the next exchange is not in its way */
    fr_state_free(s);
}

static void what_is_no_slot_counts_for_nothing(void **state)
{
    static const char *const others[] = {"0123456789abcdef0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef.old",
                                         "0123456789abcdef0123456789abcde.current",
                                         "clock.current",
                                         "0123456789abcdef0123456789abcdef0.current",
                                         "0123456789ABCDEF0123456789ABCDEF.current"};
    struct fr_state *s = rig_state(65536);
    struct fr_state_entries all = {0};
    struct fr_err err;

    (void)state;
    (void)put(s, 1000, true);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char path[512];

        (void)snprintf(path, sizeof path, "%s/%s", fr_state_dir(s), others[i]);
        assert_ok(fr_file_write_atomic(path, fr_slice_str("x"), 0600, &err));
    }
    assert_ok(fr_state_list(s, &all, &err));
    assert_int_equal(all.n, 1);
    fr_state_entries_clear(&all);
    fr_state_free(s);
}

static void a_damaged_current_is_listed_and_not_found(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct fr_state_entries all = {0};
    struct fr_err err;

    (void)state;
    (void)put(s, 1000, true);
    damage(slot_file(s, "current"));
    assert_no_current(s);
    assert_ok(fr_state_list(s, &all, &err));
    assert_int_equal(all.n, 1);
    assert_null(all.list[0].credential);
    assert_contains(all.list[0].text, "current");
    fr_state_entries_clear(&all);
    fr_state_free(s);
}

static void what_cannot_be_written_is_refused_and_nothing_is_lost(void **state)
{
    struct fr_state *s = rig_state(65536);
    FR_AUTO(credential) *c = rig_credential(MEF, TARGET, 2000);
    char first[FR_KEYID_MAX + 1];
    struct fr_err err;

    (void)state;
    (void)strcpy(first, put(s, 1000, true));
    /* root ignores modes: a folder in the way stands for a full disk */
    assert_int_equal(mkdir(slot_file(s, "pending"), 0700), 0);
    assert_fails(fr_state_store_pending(s, c, &err), FR_ESTORE);
    assert_current(s, first);
    assert_int_equal(rmdir(slot_file(s, "pending")), 0);
    fr_state_free(s);
}

static void forget_removes_both_slots(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct fr_err err;

    (void)state;
    (void)put(s, 1000, true);
    (void)put(s, 2000, false);
    assert_ok(fr_state_forget(s, &slot, &err));
    assert_no_current(s);
    assert_n_pending(s, 0);
    assert_fails(fr_state_forget(s, &slot, &err), FR_ENOTFOUND);
    fr_state_free(s);
}

static void what_is_damaged_can_be_removed(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct fr_state_entries all = {0};
    struct fr_err err;
    size_t n = 9;

    (void)state;
    (void)put(s, 1000, true);
    damage(slot_file(s, "current"));
    assert_ok(fr_state_forget_damaged(s, &n, &err));
    assert_int_equal(n, 1);
    assert_ok(fr_state_list(s, &all, &err));
    assert_int_equal(all.n, 0);
    fr_state_free(s);
}

static void what_cannot_be_read_is_not_taken_for_damaged(void **state)
{
    struct fr_state *s = rig_state(65536);
    char path[512];
    struct fr_err err;
    struct stat st;
    size_t n;

    (void)state;
    (void)put(s, 1000, true);
    (void)snprintf(path, sizeof path, "%s", slot_file(s, "current"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(path, path), 0); /* ELOOP, for root as well */
    assert_fails(fr_state_forget_damaged(s, &n, &err), FR_ESTORE);
    assert_contains(err.msg, path);
    assert_int_equal(lstat(path, &st), 0);
    fr_state_free(s);
}

static void what_is_whole_stays_when_the_damaged_goes(void **state)
{
    struct fr_state *s = rig_state(65536);
    const char *key_id;
    struct fr_err err;
    size_t n = 9;

    (void)state;
    key_id = put(s, 1000, true);
    assert_ok(fr_state_forget_damaged(s, &n, &err));
    assert_int_equal(n, 0);
    assert_current(s, key_id);
    fr_state_free(s);
}

static void a_pending_one_counts_as_unconfirmed_until_it_is_current(void **state)
{
    struct fr_state *s = rig_state(65536);
    FR_AUTO(credential) *pending = NULL, *current = NULL;
    struct fr_err err;

    (void)state;
    (void)put(s, 1000, false); /* its file says "confirmed" */
    assert_ok(fr_state_pending_at(s, 0, &pending, &err));
    assert_false(pending->confirmed);
    assert_ok(fr_state_flip(s, &slot, &err));
    assert_ok(fr_state_find(s, &slot, &current, &err));
    assert_true(current->confirmed);
    fr_state_free(s);
}

/* ---- who may write into it ---- */

static void assert_unsafe(struct fr_state *s)
{
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    assert_fails_as(fr_state_lock(s, &err), FR_ECONFIG, "state-unsafe");
    assert_contains(err.msg, fr_state_dir(s));
    assert_fails_as(fr_state_find(s, &slot, &c, &err), FR_ECONFIG, "state-unsafe");
}

static void a_folder_that_others_may_write_into_is_refused(void **state)
{
    static const mode_t modes[] = {0702, 0720, 0777};
    struct fr_state *s = rig_state(65536);
    struct fr_err err;

    (void)state;
    (void)put(s, 1000, true);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(fr_state_dir(s), modes[i]), 0);
        assert_unsafe(s);
    }
    assert_int_equal(chmod(fr_state_dir(s), 0755), 0);
    assert_ok(fr_state_lock(s, &err));
    fr_state_free(s);
}

static void a_folder_of_another_owner_is_refused(void **state)
{
    struct fr_state *s = rig_state(65536);

    (void)state;
    if (geteuid() != 0) {
        fr_state_free(s);
        skip(); /* giving a folder away needs root */
    }
    (void)put(s, 1000, true);
    assert_int_equal(chown(fr_state_dir(s), 65534, 65534), 0);
    assert_unsafe(s);
    fr_state_free(s);
}

/* ---- finding ---- */

static void add(struct fr_state *s, const char *mef, const char *target,
                int64_t created)
{
    FR_AUTO(credential) *c = rig_credential(mef, target, created);
    struct fr_slot_id id = {.mef = mef, .target = target, .suid = c->suid};
    struct fr_err err;

    assert_ok(fr_state_store_pending(s, c, &err));
    assert_ok(fr_state_flip(s, &id, &err));
}

static void assert_finds(struct fr_state *s, const char *mef, const char *target,
                         int64_t created)
{
    struct fr_slot_id id = {.mef = mef, .target = target};
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    assert_ok(fr_state_find(s, &id, &c, &err));
    assert_int_equal(c->created, created);
}

static void the_newest_that_matches_is_found(void **state)
{
    struct fr_state *s = rig_state(65536);

    (void)state;
    add(s, "a.example.com", "x.example.com", 1000);
    add(s, "a.example.com", "y.example.com", 3000);
    add(s, "b.example.com", "x.example.com", 2000);
    assert_finds(s, NULL, NULL, 3000);
    assert_finds(s, NULL, "x.example.com", 2000);
    assert_finds(s, "a.example.com", "x.example.com", 1000);
    fr_state_free(s);
}

static void a_credential_is_found_by_its_key_id(void **state)
{
    struct fr_state *s = rig_state(65536);
    FR_AUTO(credential) *c = NULL;
    struct fr_credential *none = NULL;
    struct fr_err err;

    (void)state;
    const char *key_id = put(s, 1000, true);
    assert_ok(fr_state_find_key(s, key_id, &c, &err));
    assert_int_equal(c->created, 1000);
    assert_fails(fr_state_find_key(s, "0@mef.example.com", &none, &err), FR_ENOTFOUND);
    fr_state_free(s);
}

static void case_counts_in_a_b_tid(void **state)
{
    FR_AUTO(credential) *gba = credential_sample_gba(), *found = NULL, *none = NULL;
    const struct fr_slot_id id = {gba->mef, gba->target, gba->suid};
    struct fr_state *s = rig_state(65536);
    char other[] = SAMPLE_BTID;
    struct fr_err err;

    (void)state;
    assert_ok(fr_state_store_pending(s, gba, &err));
    assert_ok(fr_state_flip(s, &id, &err));
    assert_ok(fr_state_find_key(s, SAMPLE_BTID, &found, &err));
    fr_ascii_fold(other);
    assert_fails(fr_state_find_key(s, other, &none, &err), FR_ENOTFOUND);
    fr_state_free(s);
}

static void the_list_is_in_order(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct fr_state_entries all = {0};
    struct fr_err err;

    (void)state;
    add(s, "b.example.com", "x.example.com", 1);
    add(s, "a.example.com", "y.example.com", 2);
    add(s, "a.example.com", "x.example.com", 3);
    assert_ok(fr_state_list(s, &all, &err));
    assert_int_equal(all.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(all.list[i].credential->created, 3 - (int64_t)i);
    fr_state_entries_clear(&all);
    fr_state_free(s);
}

/* ---- the lock ---- */

static void the_lock_is_exclusive(void **state)
{
    struct fr_state *a = rig_state(65536), *b;
    struct fr_err err;

    (void)state;
    assert_ok(fr_state_open(fr_state_dir(a), 65536, &b, &err));
    assert_ok(fr_state_lock(a, &err));
    assert_fails_as(fr_state_lock(b, &err), FR_EBUSY, "locked");
    assert_fails_as(fr_state_lock(a, &err), FR_EBUSY, "locked");
    fr_state_unlock(a);
    assert_ok(fr_state_lock(b, &err));
    fr_state_free(b);
    assert_ok(fr_state_lock(a, &err));
    fr_state_free(a);
}

static void keys_that_a_cut_left_in_temporary_files_go(void **state)
{
    struct fr_state *s = rig_state(65536);
    struct fr_err err;
    char left[512];

    (void)state;
    (void)put(s, 1000, true);
    (void)snprintf(left, sizeof left, "%s", slot_file(s, "pending.tmp-1"));
    assert_ok(fr_file_write_atomic(left, fr_slice_str("ke=00"), 0600, &err));
    assert_ok(fr_state_lock(s, &err)); /* the next start */
    assert_int_equal(access(left, F_OK), -1);
    assert_n_pending(s, 0);

    assert_ok(fr_file_write_atomic(left, fr_slice_str("ke=00"), 0600, &err));
    assert_ok(fr_state_forget(s, &slot, &err));
    assert_int_equal(access(left, F_OK), -1);
    fr_state_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folders_are_private),
        cmocka_unit_test(keys_that_a_cut_left_in_temporary_files_go),
        cmocka_unit_test(pending_is_not_current),
        cmocka_unit_test(a_flip_makes_it_current),
        cmocka_unit_test(a_new_pending_leaves_the_current_alone),
        cmocka_unit_test(a_second_flip_replaces_the_first),
        cmocka_unit_test(a_drop_leaves_the_current_alone),
        cmocka_unit_test(a_flip_of_nothing_is_refused),
        cmocka_unit_test(a_damaged_pending_never_replaces_a_current),
        cmocka_unit_test(a_half_written_file_counts_for_nothing),
        cmocka_unit_test(what_is_no_slot_counts_for_nothing),
        cmocka_unit_test(a_damaged_current_is_listed_and_not_found),
        cmocka_unit_test(what_cannot_be_written_is_refused_and_nothing_is_lost),
        cmocka_unit_test(forget_removes_both_slots),
        cmocka_unit_test(what_is_damaged_can_be_removed),
        cmocka_unit_test(what_cannot_be_read_is_not_taken_for_damaged),
        cmocka_unit_test(what_is_whole_stays_when_the_damaged_goes),
        cmocka_unit_test(a_pending_one_counts_as_unconfirmed_until_it_is_current),
        cmocka_unit_test(a_folder_that_others_may_write_into_is_refused),
        cmocka_unit_test(a_folder_of_another_owner_is_refused),
        cmocka_unit_test(the_newest_that_matches_is_found),
        cmocka_unit_test(a_credential_is_found_by_its_key_id),
        cmocka_unit_test(case_counts_in_a_b_tid),
        cmocka_unit_test(the_list_is_in_order),
        cmocka_unit_test(the_lock_is_exclusive),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
