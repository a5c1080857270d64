/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/line_client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

struct fixture {
    char dir[64], path[96];
    int listener, peer;
    struct fr_line_client client;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct fr_err err;

    assert_non_null(f);
    snprintf(f->dir, sizeof f->dir, "/tmp/fr-line-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", f->path);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(f->listener, 1), 0);
    assert_ok(fr_line_open(f->path, "daemon", &f->client, &err));
    f->peer = accept(f->listener, NULL, NULL);
    assert_true(f->peer >= 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    fr_line_clear(&f->client);
    if (f->peer >= 0)
        close(f->peer);
    close(f->listener);
    unlink(f->path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void peer_writes(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->peer, text, strlen(text)), strlen(text));
}

static void a_request_is_one_line(void **state)
{
    json_auto_t *request = json_pack("{s:s}", "op", "status");
    struct fixture *f = *state;
    char got[64] = "";
    struct fr_err err;

    assert_ok(fr_line_send(&f->client, request, &err));
    assert_int_equal(read(f->peer, got, sizeof got - 1), 16);
    assert_string_equal(got, "{\"op\":\"status\"}\n");
}

static void lines_are_taken_one_by_one(void **state)
{
    json_auto_t *first = NULL, *second = NULL;
    struct fixture *f = *state;
    struct fr_err err;

    peer_writes(f, "{\"n\":1}\n{\"n\":2}\n");
    assert_ok(fr_line_recv(&f->client, 1000, &first, &err));
    assert_ok(fr_line_recv(&f->client, 1000, &second, &err));
    assert_int_equal(json_integer_value(json_object_get(first, "n")), 1);
    assert_int_equal(json_integer_value(json_object_get(second, "n")), 2);
}

static void what_is_no_object_is_invalid(void **state)
{
    static const char *const lines[] = {"[1]\n", "{\n", "\n", "{\"a\":1,\"a\":2}\n",
                                        "\xff\n"};
    struct fixture *f = *state;
    json_t *got = NULL;
    struct fr_err err;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        peer_writes(f, lines[i]);
        assert_fails(fr_line_recv(&f->client, 1000, &got, &err), FR_EINVALID);
        assert_null(got);
    }
}

static void an_end_before_the_answer_is_unreachable(void **state)
{
    struct fixture *f = *state;
    json_t *got = NULL;
    struct fr_err err;

    peer_writes(f, "{\"cut\":");
    close(f->peer);
    f->peer = -1;
    assert_fails_as(fr_line_recv(&f->client, 1000, &got, &err), FR_EUNREACHABLE,
                    "socket-closed");
}

static void silence_ends_by_the_time_limit(void **state)
{
    struct fixture *f = *state;
    json_t *got = NULL;
    struct fr_err err;

    assert_fails_as(fr_line_recv(&f->client, 10, &got, &err), FR_EUNREACHABLE,
                    "timeout");
}

static void nobody_there_is_said_with_what_to_do(void **state)
{
    struct fr_line_client c;
    struct fr_err err;

    (void)state;
    assert_fails_as(fr_line_open("/nonexistent/sock", "daemon", &c, &err),
                    FR_EUNREACHABLE, "socket-absent");
    assert_contains(err.msg, "is daemon running?");
}

static void a_path_that_does_not_fit_is_wrong_usage(void **state)
{
    struct fr_line_client c;
    char path[200];
    struct fr_err err;

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    assert_fails(fr_line_open(path, "daemon", &c, &err), FR_EUSAGE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_one_line),
        TEST(lines_are_taken_one_by_one),
        TEST(what_is_no_object_is_invalid),
        TEST(an_end_before_the_answer_is_unreachable),
        TEST(silence_ends_by_the_time_limit),
        cmocka_unit_test(nobody_there_is_said_with_what_to_do),
        cmocka_unit_test(a_path_that_does_not_fit_is_wrong_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
