/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "server/parent/listen.h"

static struct fr_err err;
static char dir[] = "/tmp/fr-listen-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/sock", mkdtemp(dir));
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void port_0_gets_a_real_port_that_can_be_told(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(100);
    FR_AUTO_FD(again) = -1;
    FR_AUTO_FD(fd) = -1;

    (void)state;
    assert_ok(fr_listen_tcp("127.0.0.1:0", &fd, &err));
    assert_ok(fr_listen_address(fd, &text, &err));
    assert_contains(fr_buf_cstr(&text), "127.0.0.1:");
    assert_string_not_equal(fr_buf_cstr(&text), "127.0.0.1:0");
    assert_fails(fr_listen_tcp(fr_buf_cstr(&text), &again, &err), FR_ECONFIG);
    assert_contains(err.msg, fr_buf_cstr(&text));
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(100);
    FR_AUTO_FD(fd) = -1;

    (void)state;
    if (fr_listen_tcp("[::1]:0", &fd, &err) != FR_OK) {
        assert_contains(err.msg, "listening on [::1]:0"); /* a host without IPv6 */
        return;
    }
    assert_ok(fr_listen_address(fd, &text, &err));
    assert_contains(fr_buf_cstr(&text), "[::1]:");
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",        "8443",        "127.0.0.1",  ":8443", "::1:8443", "127.0.0.1:65536",
        "1.2.3:1", "localhost:1", "127.0.0.1:", "[::1]", "[]:1",     "127.0.0.1:-1"};
    FR_AUTO_FD(fd) = -1;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_fails(fr_listen_tcp(texts[i], &fd, &err), FR_ECONFIG);
        assert_contains(err.msg, texts[i]);
    }
}

static void a_unix_socket_is_for_its_owner_only(void **state)
{
    FR_AUTO_FD(fd) = -1;
    struct stat st;

    (void)state;
    assert_ok(fr_listen_unix(path, &fd, &err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    FR_AUTO_FD(other) = -1;
    int fd = -1;

    (void)state;
    assert_ok(fr_listen_unix(path, &fd, &err));
    assert_fails(fr_listen_unix(path, &other, &err), FR_EBUSY);
    close(fd);
    assert_ok(fr_listen_unix(path, &other, &err));
}

static void what_is_no_socket_is_left_alone(void **state)
{
    FR_AUTO_FD(fd) = -1;

    (void)state;
    unlink(path);
    assert_ok(fr_file_write_atomic(path, fr_slice_str("precious"), 0600, &err));
    assert_fails(fr_listen_unix(path, &fd, &err), FR_ECONFIG);
    assert_int_equal(access(path, F_OK), 0);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    char longest[200];
    FR_AUTO_FD(fd) = -1;

    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_fails(fr_listen_unix(longest, &fd, &err), FR_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_0_gets_a_real_port_that_can_be_told),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(a_unix_socket_is_for_its_owner_only),
        cmocka_unit_test(a_stale_socket_is_replaced_and_a_live_one_is_not),
        cmocka_unit_test(what_is_no_socket_is_left_alone),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
