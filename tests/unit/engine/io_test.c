/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/io.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void actions_are_kept_in_order_up_to_the_limit(void **state)
{
    struct fr_acts acts = {0};

    (void)state;
    for (int i = 0; i < FR_ACTS_MAX; i++)
        fr_acts_add(&acts, (struct fr_act){.kind = (enum fr_act_kind)i});
    assert_int_equal(acts.n, FR_ACTS_MAX);
    for (int i = 0; i < FR_ACTS_MAX; i++)
        assert_int_equal(acts.list[i].kind, i);
}

static void add_too_many(void)
{
    struct fr_acts acts = {.n = FR_ACTS_MAX};

    fclose(stderr); /* the assertion's words are expected */
    fr_acts_add(&acts, (struct fr_act){.kind = FR_ACT_DONE});
}

static void action_beyond_the_limit_aborts(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        add_too_many();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_kept_in_order_up_to_the_limit),
        cmocka_unit_test(action_beyond_the_limit_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
