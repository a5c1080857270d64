/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's socket with the test as operator and as vault. */
#include "service_fixture.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "server/admin/admin.h"
#include "server/parent/listen.h"

static const struct fr_service none = {.name = "admin"};

static struct fixture f;
static struct fr_err err;
static struct fr_admin *admin;
static char dir[32], path[64];
static int listen_fd, n_empty;

static void on_empty(void *arg)
{
    (void)arg;
    n_empty++;
}

static int open_admin(void **state)
{
    struct fr_admin_config config = {.worker = &f.worker, .empty = on_empty};

    (void)state;
    fixture_open(&f, &none, "unused.example.com");
    strcpy(dir, "/tmp/fr-admin-XXXXXX");
    snprintf(path, sizeof path, "%s/sock", mkdtemp(dir));
    assert_ok(fr_listen_unix(path, &listen_fd, &err));
    config.listen_fd = listen_fd;
    n_empty = 0;
    return fr_admin_new(&config, &admin, &err) != FR_OK;
}

static int close_admin(void **state)
{
    (void)state;
    fr_admin_free(admin);
    close(listen_fd);
    unlink(path);
    rmdir(dir);
    fixture_close(&f);
    return 0;
}

static int dial(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(sa.sun_path, path, sizeof path);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

static void write_all(int fd, const char *text)
{
    assert_ok(fr_fd_write_all(fd, "admin", fr_slice_str(text), &err));
    fixture_turn(&f);
    fixture_turn(&f); /* accept, then read */
}

/* What has come so far. */
static const char *read_some(int fd)
{
    static char text[1024];
    ssize_t n;

    fixture_turn(&f);
    n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void vault_answers(const char *json)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8];

    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set_str(&m, FR_F_JSON, json);
    fixture_say(&f, &m);
}

static void a_call_goes_to_the_vault_and_its_answer_back(void **state)
{
    FR_AUTO_FD(fd) = dial();
    struct fr_msg m;

    (void)state;
    write_all(fd, "{ \"op\" : \"status\" }\n");
    m = fixture_heard(&f, FR_MSG_ADMIN);
    assert_true(
        fr_slice_equal(m.field[FR_F_JSON], fr_slice_str("{\"op\":\"status\"}")));
    vault_answers("{\"ok\":true,\"result\":{}}");
    assert_string_equal(read_some(fd), "{\"ok\":true,\"result\":{}}\n");
}

static void lines_are_answered_one_after_the_other(void **state)
{
    FR_AUTO_FD(fd) = dial();

    (void)state;
    write_all(fd, "{\"op\":\"a\"}\n{\"op\":\"b\"}\n");
    fixture_heard(&f, FR_MSG_ADMIN);
    fixture_heard_nothing(&f);
    vault_answers("{\"ok\":true,\"n\":1}");
    fixture_heard(&f, FR_MSG_ADMIN);
    vault_answers("{\"ok\":true,\"n\":2}");
    assert_string_equal(read_some(fd),
                        "{\"ok\":true,\"n\":1}\n{\"ok\":true,\"n\":2}\n");
}

static void a_line_may_come_in_pieces(void **state)
{
    FR_AUTO_FD(fd) = dial();

    (void)state;
    write_all(fd, "{\"op\":");
    fixture_heard_nothing(&f);
    write_all(fd, "\"a\"}\n");
    fixture_heard(&f, FR_MSG_ADMIN);
}

static void a_malformed_line_is_answered_and_the_next_is_heard(void **state)
{
    FR_AUTO_FD(fd) = dial();

    (void)state;
    write_all(fd, "{\"op\":\n{\"op\":\"b\"}\n");
    assert_contains(read_some(fd), "\"code\":\"malformed\"");
    fixture_heard(&f, FR_MSG_ADMIN);
}

static void what_is_no_text_is_answered_too(void **state)
{
    FR_AUTO_FD(fd) = dial();

    (void)state;
    write_all(fd, "{\"op\": \xff\xfe }\n");
    assert_contains(read_some(fd), "\"code\":\"malformed\"");
    write_all(fd, "{\"op\": nul\xc3\xa9\xc3\xa9 }\n");
    assert_contains(read_some(fd), "\"code\":\"malformed\"");
}

static void a_line_that_never_ends_is_cut(void **state)
{
    static char chunk[64 * 1024];
    FR_AUTO_FD(fd) = dial();
    const char *said = "";

    (void)state;
    memset(chunk, 'x', sizeof chunk);
    for (int i = 0; i < 100 && !said[0]; i++) {
        ssize_t n = send(fd, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);

        said = n < 0 || i > 3 ? read_some(fd) : "";
        fixture_turn(&f);
    }
    assert_contains(said, "\"code\":\"limit\"");
    fixture_heard_nothing(&f);
}

static void a_client_that_has_said_all_gets_its_answer_then_the_end(void **state)
{
    FR_AUTO_FD(fd) = dial();
    char octet;

    (void)state;
    write_all(fd, "{\"op\":\"a\"}\n");
    shutdown(fd, SHUT_WR);
    fixture_heard(&f, FR_MSG_ADMIN);
    fixture_turn(&f);
    vault_answers("{\"ok\":true}");
    assert_string_equal(read_some(fd), "{\"ok\":true}\n");
    fixture_turn(&f);
    assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), 0);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
    int fd = dial();

    (void)state;
    write_all(fd, "{\"op\":\"a\"}\n");
    fixture_heard(&f, FR_MSG_ADMIN);
    close(fd);
    fixture_turn(&f);
    vault_answers("{\"ok\":true}"); /* for nobody */
    fd = dial();
    write_all(fd, "{\"op\":\"b\"}\n");
    fixture_heard(&f, FR_MSG_ADMIN);
    vault_answers("{\"ok\":true}");
    assert_string_equal(read_some(fd), "{\"ok\":true}\n");
    close(fd);
}

static void without_a_vault_the_answer_says_so(void **state)
{
    FR_AUTO_FD(fd) = dial();

    (void)state;
    write_all(fd, "{\"op\":\"a\"}\n");
    fixture_heard(&f, FR_MSG_ADMIN);
    fixture_vault_dies(&f);
    assert_contains(read_some(fd), "vault-gone");
}

static void draining_lets_a_call_end_and_then_is_empty(void **state)
{
    FR_AUTO_FD(busy) = dial();
    FR_AUTO_FD(idle) = dial();
    char octet;

    (void)state;
    write_all(busy, "{\"op\":\"a\"}\n");
    fixture_heard(&f, FR_MSG_ADMIN);
    fr_admin_drain(admin);
    fixture_turn(&f);
    assert_int_equal(recv(idle, &octet, 1, MSG_DONTWAIT), 0);
    assert_int_equal(n_empty, 0);
    vault_answers("{\"ok\":true}");
    assert_string_equal(read_some(busy), "{\"ok\":true}\n");
    fixture_turn(&f);
    assert_int_equal(n_empty, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_admin, close_admin)
    const struct CMUnitTest tests[] = {
        T(a_call_goes_to_the_vault_and_its_answer_back),
        T(lines_are_answered_one_after_the_other),
        T(a_line_may_come_in_pieces),
        T(a_malformed_line_is_answered_and_the_next_is_heard),
        T(what_is_no_text_is_answered_too),
        T(a_line_that_never_ends_is_cut),
        T(a_client_that_has_said_all_gets_its_answer_then_the_end),
        T(a_client_that_leaves_is_forgotten),
        T(without_a_vault_the_answer_says_so),
        T(draining_lets_a_call_end_and_then_is_empty),
    };

    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
