/* SPDX-License-Identifier: Apache-2.0 */
/* The key-encryption key and the database belong together. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/ask.h"
#include "vault_lab.h"

#define NOT_HEX "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static enum fr_code open_own(struct lab *l, struct fr_vault **ret, struct fr_err *err)
{
    struct fr_vault_config config = l->config;

    config.store = NULL;
    config.database = l->database;
    return fr_vault_open(&config, ret, err);
}

static void assert_opens(struct lab *l)
{
    struct fr_vault *v = NULL;
    struct fr_err err = {0};

    assert_ok(open_own(l, &v, &err));
    fr_vault_free(v);
}

static void assert_is_refused(struct lab *l, const char *reason)
{
    struct fr_vault *v = NULL;
    struct fr_err err = {0};

    assert_fails_as(open_own(l, &v, &err), FR_ECONFIG, reason);
    assert_null(v);
}

static void write_key(struct lab *l, const char *text, mode_t mode)
{
    struct fr_err err = {0};

    assert_ok(fr_file_write_atomic(l->key_file, fr_slice_str(text), mode, &err));
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void first_open_makes_key_and_database_for_the_owner_alone(void **state)
{
    struct lab *l = *state;

    lab_close(l);
    assert_int_equal(unlink(l->database), 0);
    assert_int_equal(unlink(l->key_file), 0);
    assert_opens(l);
    assert_int_equal(mode_of(l->database), 0600);
    assert_int_equal(mode_of(l->key_file), 0600);
    assert_opens(l);
}

static void database_without_its_key_file_is_refused(void **state)
{
    struct lab *l = *state;

    lab_close(l);
    assert_int_equal(unlink(l->key_file), 0);
    assert_is_refused(l, "key-file-missing");
    assert_int_not_equal(access(l->key_file, F_OK), 0); /* and none was made up */
}

static void another_key_is_refused(void **state)
{
    struct lab *l = *state;

    lab_close(l);
    write_key(l, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
              0600);
    assert_is_refused(l, "key-other");
}

static void key_file_that_others_read_is_refused(void **state)
{
    struct lab *l = *state;

    lab_close(l);
    assert_int_equal(chmod(l->key_file, 0640), 0);
    assert_is_refused(l, "key-file-open");
}

static void key_file_that_is_no_key_is_refused_without_showing_it(void **state)
{
    static const char *const bad[] = {"", "00ff", NOT_HEX};
    struct lab *l = *state;
    struct fr_vault *v = NULL;
    struct fr_err err = {0};

    lab_close(l);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_key(l, bad[i], 0600);
        assert_fails_as(open_own(l, &v, &err), FR_ECONFIG, "key-file");
        assert_null(strstr(err.msg, "445566"));
    }
}

static void database_of_a_newer_program_is_refused(void **state)
{
    struct lab *l = *state;
    struct fr_vault *v = NULL;
    struct fr_err err = {0};

    lab_close(l);
    lab_sql(l, "INSERT INTO schema_version (version) VALUES (99)");
    assert_fails_as(open_own(l, &v, &err), FR_ESTORE, "schema-newer");
}

static void key_file_from_a_backup_serves_a_new_database(void **state)
{
    struct lab *l = *state;

    lab_close(l);
    assert_int_equal(unlink(l->database), 0);
    assert_opens(l);
}

/* Another node, which came between, at the first commit. */
static struct fr_store_methods with_others;
static void (*commit_of_store)(struct fr_store *s, struct fr_store_call call);

static void commit_again(struct fr_store *s, struct fr_store_call call)
{
    struct fr_err err = {.code = FR_EBUSY};

    with_others.commit = commit_of_store;
    assert_ok(FR_STORE_ASK_PLAIN(s, &err, rollback));
    call.done(call.ctx, FR_EBUSY, &err);
}

static void first_batch_that_is_done_again_names_its_key(void **state)
{
    FR_AUTO_CLEAR(buf) kek = FR_BUF_INIT(64);
    struct fr_store *s = NULL;
    struct lab *l = *state;
    struct fr_err err = {0};

    lab_close(l);
    assert_int_equal(unlink(l->database), 0);
    assert_ok(fr_store_sqlite_open(l->database, &s, &err));
    with_others = *s->methods;
    commit_of_store = with_others.commit;
    with_others.commit = commit_again;
    s->methods = &with_others;
    l->config.store = s;
    assert_ok(fr_vault_open(&l->config, &l->vault, &err));
    assert_ok(FR_STORE_ASK(s, &err, meta_get, "kek", &kek));
    assert_int_not_equal(kek.len, 0);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(first_open_makes_key_and_database_for_the_owner_alone),
        LAB(database_without_its_key_file_is_refused),
        LAB(another_key_is_refused),
        LAB(key_file_that_others_read_is_refused),
        LAB(key_file_that_is_no_key_is_refused_without_showing_it),
        LAB(database_of_a_newer_program_is_refused),
        LAB(key_file_from_a_backup_serves_a_new_database),
        LAB(first_batch_that_is_done_again_names_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
