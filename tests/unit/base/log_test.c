/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <unistd.h>

#include "test.h"

/* What `say` writes to standard error. */
static void capture(void (*say)(void), char *to, size_t size)
{
    int fds[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    assert_int_equal(pipe(fds), 0);
    fflush(stderr);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    close(fds[1]);
    say();
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0); /* closes the last writer */
    close(saved);
    n = read(fds[0], to, size - 1);
    close(fds[0]);
    assert_true(n >= 0);
    to[n] = 0;
}

static void say_error(void)
{
    fr_log(FR_LOG_ERROR, "disk %s", "full");
}

static void say_debug(void)
{
    fr_log(FR_LOG_DEBUG, "chatter");
}

static void line_names_program_process_level_and_event(void **state)
{
    char line[512], pid[32];

    (void)state;
    fr_log_init("testing", FR_LOG_WARN);
    capture(say_error, line, sizeof line);
    snprintf(pid, sizeof pid, "testing[%ld]", (long)getpid());
    assert_contains(line, pid);
    assert_contains(line, "error: disk full\n");
}

static void events_below_the_level_are_not_written(void **state)
{
    char line[512];

    (void)state;
    fr_log_init("testing", FR_LOG_INFO);
    capture(say_debug, line, sizeof line);
    assert_string_equal(line, "");
    fr_log_init("testing", FR_LOG_DEBUG);
    capture(say_debug, line, sizeof line);
    assert_contains(line, "chatter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_names_program_process_level_and_event),
        cmocka_unit_test(events_below_the_level_are_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
