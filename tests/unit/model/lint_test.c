/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/lint.h"
#include "model/instruction.h"

#define GOOD "{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\"}]}"
#define BAD                                                                            \
    "{\"version\":1,\n \"serial\":2,\n \"instructions\":[{\"bootstrap\":\"psk\","      \
    "\"mef\":\"m\",\n  \"prot\":1}]}"

/* What fr_lint_main() says and returns. */
struct run {
    int status;
    struct fr_buf out, errors;
};

static void run_clear(struct run *r)
{
    fr_buf_clear(&r->out);
    fr_buf_clear(&r->errors);
}

/* A descriptor of the process, pointed at a scratch file for a while. */
struct redirect {
    int fd, kept;
    FILE *file;
};

static struct redirect redirect(int fd)
{
    struct redirect r = {.fd = fd, .kept = dup(fd), .file = tmpfile()};

    assert_non_null(r.file);
    assert_true(r.kept >= 0);
    assert_int_equal(dup2(fileno(r.file), fd), fd);
    return r;
}

static void redirect_end(struct redirect *r, struct fr_buf *to)
{
    struct fr_err err = {0};

    dup2(r->kept, r->fd);
    close(r->kept);
    rewind(r->file);
    assert_ok(fr_fd_read_all(fileno(r->file), "scratch", to, &err));
    fclose(r->file);
}

static struct run run(int argc, char **argv)
{
    struct run r = {.out = FR_BUF_INIT(1 << 20), .errors = FR_BUF_INIT(1 << 20)};
    struct redirect out, errors;

    fflush(stdout);
    out = redirect(STDOUT_FILENO);
    errors = redirect(STDERR_FILENO);
    r.status = fr_lint_main(argc, argv);
    fflush(stdout);
    redirect_end(&errors, &r.errors);
    redirect_end(&out, &r.out);
    return r;
}

static char dir[] = "/tmp/fr-lint-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/list.json", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static struct run lint_text(struct fr_slice text, bool json)
{
    char *argv[] = {(char[]){"lint"}, path, (char[]){"--json"}, NULL};
    struct fr_err err = {0};

    assert_ok(fr_file_write_atomic(path, text, 0600, &err));
    return run(json ? 3 : 2, argv);
}

static void a_good_file_is_silent(void **state)
{
    struct run r = lint_text(fr_slice_str(GOOD), false);

    (void)state;
    assert_int_equal(r.status, 0);
    assert_string_equal(fr_buf_cstr(&r.out), "");
    assert_string_equal(fr_buf_cstr(&r.errors), "");
    run_clear(&r);
}

static void each_finding_is_a_line(void **state)
{
    struct run r = lint_text(fr_slice_str(BAD), false);
    FR_AUTO_CLEAR(buf) want = FR_BUF_INIT(4096);

    (void)state;
    fr_buf_fmt(&want,
               "%s:2:11: warning: /serial: does not bind: this list is not signed, "
               "anyone can change it\n"
               "%s:4:3: error: /instructions/0/prot: a bootstrap instruction has no "
               "member \"prot\" (did you mean \"port\"?)\n",
               path, path);
    assert_int_equal(r.status, 65);
    assert_string_equal(fr_buf_cstr(&r.out), fr_buf_cstr(&want));
    run_clear(&r);
}

static void warnings_alone_are_no_failure(void **state)
{
    struct run r = lint_text(
        fr_slice_str("{\"version\":1,\"name\":\"n\",\"instructions\":[{\"bootstrap\":"
                     "\"psk\",\"mef\":\"m\"}]}"),
        false);

    (void)state;
    assert_int_equal(r.status, 0);
    assert_contains(fr_buf_cstr(&r.out), "warning: /name: ");
    run_clear(&r);
}

static void the_whole_document_has_no_pointer(void **state)
{
    struct run r = lint_text(fr_slice_str("[]"), false);

    (void)state;
    assert_int_equal(r.status, 65);
    assert_contains(fr_buf_cstr(&r.out), "list.json:1:1: error: an array where");
    run_clear(&r);
}

static void json_gives_an_object_a_line(void **state)
{
    struct run r = lint_text(fr_slice_str(BAD), true);
    const char *second = strchr(fr_buf_cstr(&r.out), '\n');
    json_auto_t *o = second ? json_loads(second + 1, 0, NULL) : NULL;

    (void)state;
    assert_int_equal(r.status, 65);
    assert_string_equal(json_string_value(json_object_get(o, "file")), path);
    assert_int_equal(json_integer_value(json_object_get(o, "line")), 4);
    assert_int_equal(json_integer_value(json_object_get(o, "column")), 3);
    assert_string_equal(json_string_value(json_object_get(o, "severity")), "error");
    assert_string_equal(json_string_value(json_object_get(o, "pointer")),
                        "/instructions/0/prot");
    assert_string_equal(json_string_value(json_object_get(o, "reason")),
                        "document-unknown-member");
    run_clear(&r);
}

static void an_oversized_file_is_a_finding(void **state)
{
    static char text[FR_DOCUMENT_MAX + 100];
    struct run r;

    (void)state;
    memset(text, ' ', sizeof text);
    r = lint_text(fr_slice_of(text, sizeof text), false);
    assert_int_equal(r.status, 65);
    assert_contains(fr_buf_cstr(&r.out), "list.json:1:1: error: more than the 262144");
    run_clear(&r);
}

static void a_missing_file_is_reported(void **state)
{
    char *argv[] = {(char[]){"lint"}, (char[]){"/nonexistent/list"}, NULL};
    struct run r = run(2, argv);

    (void)state;
    assert_int_equal(r.status, 65);
    assert_contains(fr_buf_cstr(&r.errors), "/nonexistent/list");
    assert_string_equal(fr_buf_cstr(&r.out), "");
    run_clear(&r);
}

static void a_dash_is_standard_input(void **state)
{
    char *argv[] = {(char[]){"lint"}, (char[]){"-"}, NULL};
    int kept = dup(STDIN_FILENO), ends[2];
    struct run r;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], BAD, strlen(BAD)), (ssize_t)strlen(BAD));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    r = run(2, argv);
    dup2(kept, STDIN_FILENO);
    close(kept);
    assert_int_equal(r.status, 65);
    assert_contains(fr_buf_cstr(&r.out), "-:4:3: error: /instructions/0/prot: ");
    run_clear(&r);
}

static void wrong_usage_is_64(void **state)
{
    char *none[] = {(char[]){"lint"}, NULL};
    char *two[] = {(char[]){"lint"}, (char[]){"a"}, (char[]){"b"}, NULL};
    char *option[] = {(char[]){"lint"}, (char[]){"--what"}, (char[]){"a"}, NULL};
    char **const lines[] = {none, two, option};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct run r = run(i == 0 ? 1 : 3, lines[i]);

        assert_int_equal(r.status, 64);
        assert_contains(fr_buf_cstr(&r.errors), "usage: fieldroot lint");
        run_clear(&r);
    }
}

static void help_goes_to_standard_output(void **state)
{
    char *argv[] = {(char[]){"lint"}, (char[]){"--help"}, NULL};
    struct run r = run(2, argv);

    (void)state;
    assert_int_equal(r.status, 0);
    assert_contains(fr_buf_cstr(&r.out), "usage: fieldroot lint");
    run_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_silent),
        cmocka_unit_test(each_finding_is_a_line),
        cmocka_unit_test(warnings_alone_are_no_failure),
        cmocka_unit_test(the_whole_document_has_no_pointer),
        cmocka_unit_test(json_gives_an_object_a_line),
        cmocka_unit_test(an_oversized_file_is_a_finding),
        cmocka_unit_test(a_missing_file_is_reported),
        cmocka_unit_test(a_dash_is_standard_input),
        cmocka_unit_test(wrong_usage_is_64),
        cmocka_unit_test(help_goes_to_standard_output),
    };

    return cmocka_run_group_tests_name("model/lint", tests, make_dir, remove_dir);
}
