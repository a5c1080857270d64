/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

/* A folder of its own for each test. */
static int make_folder(void **state)
{
    char template[] = "/tmp/fieldroot-file-XXXXXX";

    if (!mkdtemp(template))
        return -1;
    *state = strdup(template);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    free(*state);
    return system(command);
}

static const char *in(void **state, const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", (char *)*state, name);
    return path;
}

static int files_in(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    struct fr_err err = {0};

    assert_ok(fr_file_write_atomic(path, fr_slice_str(text), mode, &err));
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void assert_holds(const char *path, const char *text)
{
    struct fr_buf b = FR_BUF_INIT(4096);
    struct fr_err err = {0};

    assert_ok(fr_file_read(path, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), text);
    fr_buf_clear(&b);
}

static void written_file_reads_back_with_its_mode(void **state)
{
    const char *path = in(state, "f");

    umask(0);
    write_file(path, "hello", 0600);
    assert_holds(path, "hello");
    assert_int_equal(mode_of(path), 0600);
}

static void mode_does_not_depend_on_the_umask(void **state)
{
    const char *path = in(state, "f");

    umask(077);
    write_file(path, "x", 0644);
    umask(022);
    assert_int_equal(mode_of(path), 0644);
}

static void replacing_leaves_the_new_file_alone(void **state)
{
    const char *path = in(state, "f");

    write_file(path, "old and long", 0600);
    write_file(path, "new", 0600);
    assert_holds(path, "new");
    assert_int_equal(files_in(*state), 1);
}

static void empty_file_can_be_written_and_read(void **state)
{
    const char *path = in(state, "f");

    write_file(path, "", 0600);
    assert_holds(path, "");
}

/* The rename cannot succeed: the name is taken by a folder. */
static void failed_write_keeps_the_old_and_leaves_no_scrap(void **state)
{
    char *path = strdup(in(state, "d"));
    struct fr_err err = {0};

    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mkdir(in(state, "d/inside"), 0700), 0);
    assert_fails(fr_file_write_atomic(path, fr_slice_str("x"), 0600, &err), FR_ESTORE);
    assert_contains(err.msg, path);
    assert_int_equal(files_in(*state), 1);
    free(path);
}

static void what_a_killed_writer_left_goes(void **state)
{
    char path[256], dead[300], living[300], other[300];

    (void)snprintf(path, sizeof path, "%s", in(state, "slot"));
    (void)snprintf(dead, sizeof dead, "%s.tmp-2147483647", path); /* beyond any pid */
    (void)snprintf(living, sizeof living, "%s.tmp-%ld", path, (long)getppid());
    (void)snprintf(other, sizeof other, "%s2.tmp-2147483647", path);
    write_file(path, "kept", 0600);
    write_file(dead, "a key", 0600);
    write_file(living, "a key", 0600);
    write_file(other, "another's", 0600);

    fr_file_remove_scraps(path, false);
    assert_int_equal(access(dead, F_OK), -1);
    assert_holds(living, "a key");
    fr_file_remove_scraps(path, true);
    assert_int_equal(access(living, F_OK), -1);
    assert_holds(other, "another's");
    assert_holds(path, "kept");
}

static void write_into_a_folder_that_is_not_there_fails(void **state)
{
    struct fr_err err = {0};

    assert_fails(
        fr_file_write_atomic(in(state, "none/f"), fr_slice_str("x"), 0600, &err),
        FR_ESTORE);
}

/* Somebody put a link where the temporary file goes: it is not written through. */
static void symbolic_link_in_the_temporary_name_is_not_followed(void **state)
{
    char tmp[300], *victim = strdup(in(state, "victim")),
                   *path = strdup(in(state, "f"));
    struct fr_err err = {0};

    write_file(victim, "precious", 0600);
    snprintf(tmp, sizeof tmp, "%s.tmp-%ld", path, (long)getpid());
    assert_int_equal(symlink(victim, tmp), 0);
    assert_ok(fr_file_write_atomic(path, fr_slice_str("x"), 0600, &err));
    assert_holds(victim, "precious");
    assert_holds(path, "x");
    free(victim);
    free(path);
}

static void missing_file_is_told_from_other_failures(void **state)
{
    struct fr_buf b = FR_BUF_INIT(10);
    struct fr_err err = {0};

    assert_fails(fr_file_read(in(state, "none"), &b, &err), FR_ENOTFOUND);
    assert_fails(fr_file_read(*state, &b, &err), FR_ESTORE); /* a folder */
    fr_buf_clear(&b);
}

static void file_of_exactly_the_limit_is_read(void **state)
{
    struct fr_buf b = FR_BUF_INIT(5);
    struct fr_err err = {0};

    write_file(in(state, "f"), "12345", 0600);
    assert_ok(fr_file_read(in(state, "f"), &b, &err));
    assert_string_equal(fr_buf_cstr(&b), "12345");
    fr_buf_clear(&b);
}

static void file_beyond_the_limit_is_refused(void **state)
{
    struct fr_buf b = FR_BUF_INIT(5);
    struct fr_err err = {0};

    write_file(in(state, "f"), "123456", 0600);
    assert_fails_as(fr_file_read(in(state, "f"), &b, &err), FR_EPARSE, "too-large");
    fr_buf_clear(&b);
}

static void large_file_is_read_in_chunks(void **state)
{
    static char big[100001];
    struct fr_buf b = FR_BUF_INIT(200000);
    struct fr_err err = {0};

    for (size_t i = 0; i < sizeof big - 1; i++)
        big[i] = (char)('a' + i % 26);
    write_file(in(state, "f"), big, 0600);
    assert_ok(fr_file_read(in(state, "f"), &b, &err));
    assert_string_equal(fr_buf_cstr(&b), big);
    fr_buf_clear(&b);
}

static void pipe_is_read_to_its_end(void **state)
{
    struct fr_buf b = FR_BUF_INIT(100);
    struct fr_err err = {0};
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_ok(fr_fd_write_all(fds[1], "pipe", fr_slice_str("through"), &err));
    close(fds[1]);
    assert_ok(fr_fd_read_all(fds[0], "pipe", &b, &err));
    assert_string_equal(fr_buf_cstr(&b), "through");
    close(fds[0]);
    fr_buf_clear(&b);
}

static void write_to_a_descriptor_that_cannot_names_it(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct fr_err err = {0};

    (void)state;
    assert_true(fd >= 0);
    assert_fails(fr_fd_write_all(fd, "the full one", fr_slice_str("x"), &err),
                 FR_ESTORE);
    assert_contains(err.msg, "the full one");
    close(fd);
}

static void removing_twice_is_no_error(void **state)
{
    const char *path = in(state, "f");
    struct fr_err err = {0};

    write_file(path, "x", 0600);
    assert_ok(fr_file_remove(path, &err));
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(fr_file_remove(path, &err));
    assert_fails(fr_file_remove(*state, &err), FR_ESTORE); /* a folder */
}

static void rename_moves_and_reports_what_is_missing(void **state)
{
    char *from = strdup(in(state, "a")), *to = strdup(in(state, "b"));
    struct fr_err err = {0};

    write_file(from, "x", 0600);
    assert_ok(fr_file_rename(from, to, &err));
    assert_holds(to, "x");
    assert_fails(fr_file_rename(from, to, &err), FR_ESTORE);
    free(from);
    free(to);
}

static void folders_are_made_with_their_parents(void **state)
{
    const char *path = in(state, "a/b//c/");
    struct stat st;
    struct fr_err err = {0};

    assert_ok(fr_dir_make(path, 0700, &err));
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(mode_of(in(state, "a")), 0700);
    assert_ok(fr_dir_make(in(state, "a/b"), 0700, &err)); /* is there already */
}

static void folder_where_a_file_is_cannot_be_made(void **state)
{
    struct fr_err err = {0};

    write_file(in(state, "f"), "x", 0600);
    assert_fails(fr_dir_make(in(state, "f"), 0700, &err), FR_ESTORE);
    assert_fails(fr_dir_make(in(state, "f/g"), 0700, &err), FR_ESTORE);
    assert_fails(fr_dir_make("", 0700, &err), FR_ESTORE);
}

static void secret_file_that_others_can_read_is_refused(void **state)
{
    static const mode_t open_modes[] = {0640, 0604, 0660, 0610, 0601};
    const char *path = in(state, "key");
    struct fr_err err = {0};

    write_file(path, "x", 0600);
    assert_ok(fr_file_check_private(path, &err));
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        assert_fails_as(fr_file_check_private(path, &err), FR_ECONFIG, "key-file-open");
        assert_contains(err.msg, "chmod 600");
    }
    assert_fails(fr_file_check_private(in(state, "none"), &err), FR_ECONFIG);
}

static void paths_are_joined(void **state)
{
    FR_AUTO_STR(path) = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_path_join("/a/b", "c", &path, &err));
    assert_string_equal(path, "/a/b/c");
}

#define IN_FOLDER(test)                                                                \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

/* Somebody guessed the process id, laid a file out and holds it open to read along. */
static void a_file_under_the_temporary_name_is_not_written_into(void **state)
{
    const char *path = in(state, "key");
    char tmp[512], got;

    snprintf(tmp, sizeof tmp, "%s.tmp-%ld", path, (long)getpid());
    int theirs = open(tmp, O_RDONLY | O_CREAT, 0600);
    assert_true(theirs >= 0);
    write_file(path, "secret", 0600);
    assert_int_equal(read(theirs, &got, 1), 0);
    close(theirs);
    assert_holds(path, "secret");
    assert_int_equal(files_in(*state), 1);
}

static void what_is_no_regular_file_does_not_block(void **state)
{
    const char *path = in(state, "fifo");
    struct fr_buf b = FR_BUF_INIT(64);
    struct fr_err err = {0};

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fails_as(fr_file_read_regular(path, &b, &err), FR_EPARSE, "not-a-file");
    assert_fails_as(fr_file_read_regular("/dev/zero", &b, &err), FR_EPARSE,
                    "not-a-file");
    assert_fails_as(fr_file_read_regular(*state, &b, &err), FR_EPARSE, "not-a-file");
    assert_int_equal(b.len, 0);
    fr_buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(written_file_reads_back_with_its_mode),
        IN_FOLDER(mode_does_not_depend_on_the_umask),
        IN_FOLDER(replacing_leaves_the_new_file_alone),
        IN_FOLDER(empty_file_can_be_written_and_read),
        IN_FOLDER(failed_write_keeps_the_old_and_leaves_no_scrap),
        IN_FOLDER(what_a_killed_writer_left_goes),
        IN_FOLDER(write_into_a_folder_that_is_not_there_fails),
        IN_FOLDER(symbolic_link_in_the_temporary_name_is_not_followed),
        IN_FOLDER(missing_file_is_told_from_other_failures),
        IN_FOLDER(file_of_exactly_the_limit_is_read),
        IN_FOLDER(file_beyond_the_limit_is_refused),
        IN_FOLDER(large_file_is_read_in_chunks),
        cmocka_unit_test(pipe_is_read_to_its_end),
        cmocka_unit_test(write_to_a_descriptor_that_cannot_names_it),
        IN_FOLDER(removing_twice_is_no_error),
        IN_FOLDER(rename_moves_and_reports_what_is_missing),
        IN_FOLDER(folders_are_made_with_their_parents),
        IN_FOLDER(folder_where_a_file_is_cannot_be_made),
        IN_FOLDER(secret_file_that_others_can_read_is_refused),
        IN_FOLDER(a_file_under_the_temporary_name_is_not_written_into),
        IN_FOLDER(what_is_no_regular_file_does_not_block),
        cmocka_unit_test(paths_are_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
