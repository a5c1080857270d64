/* SPDX-License-Identifier: Apache-2.0 */
/* The agent in a child process, asked through its socket. */
#include "agent/agent.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"
#include "unit/agent/rig.h"
#include "unit/net/tlspeer.h"

#define JSON_LIST(entries) "{\"version\":1,\"instructions\":[" entries "]}"
#define JSON_ONE(mef)      "{\"bootstrap\":\"scripted\",\"mef\":\"" mef ".example.com\"}"
#define PROVISION(mef)                                                                 \
    "{\"op\":\"provision\",\"document\":" JSON_LIST(JSON_ONE(mef)) "}"

struct fixture {
    struct rig rig;
    pid_t pid;
    int stop[2];
    int told[2];  /* one octet an outcome */
    int ready[2]; /* ends when the socket listens, or the agent has ended */
    char list_path[200];
};

static int tell(void *ctx, const struct fr_event *event)
{
    const struct fixture *f = ctx;

    if (event->kind == FR_EVENT_OUTCOME && write(f->told[1], "o", 1) != 1)
        _exit(9);
    return 0;
}

static void ready(void *ctx)
{
    const struct fixture *f = ctx;

    (void)close(f->ready[1]);
}

/* With list NULL none is configured. The clock is the system's, but the wall clock that
 * of the rig plus what has passed. */
static void start(struct fixture *f, const char *list, const char *more)
{
    struct fr_err err;
    char extra[512] = "";

    (void)snprintf(f->list_path, sizeof f->list_path, "%s", pki_path("list.json"));
    if (list) {
        assert_ok(fr_file_write_atomic(f->list_path, fr_slice_str(list), 0600, &err));
        (void)snprintf(extra, sizeof extra, "agent { instructions = \"%s\" %s }",
                       f->list_path, more);
    }
    rig_init(&f->rig, extra);
    f->rig.device.env = &fr_env_system;
    f->rig.clock.wall_s = fr_wall_s(&fr_env_system);
}

static void run(struct fixture *f)
{
    assert_int_equal(pipe(f->stop), 0);
    assert_int_equal(pipe(f->told), 0);
    assert_int_equal(pipe(f->ready), 0);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        struct fr_agent_setup setup = {.device = &f->rig.device,
                                       .stop_fd = f->stop[0],
                                       .fn = tell,
                                       .ctx = f,
                                       .ready = ready};
        struct fr_err err;
        (void)close(f->stop[1]); /* so that the test's end is ours, too */
        _exit(fr_agent_run(&setup, &err));
    }
    (void)close(f->stop[0]);
    (void)close(f->told[1]);
    (void)close(f->ready[1]);
}

static void wait_until_ready(const struct fixture *f)
{
    char c;

    assert_int_equal(read(f->ready[0], &c, 1), 0);
}

/* Its exit status. */
static int stop(struct fixture *f)
{
    int status;

    (void)close(f->stop[1]);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    (void)close(f->told[0]);
    (void)close(f->ready[0]);
    rig_clear(&f->rig);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void wait_for_outcome(const struct fixture *f)
{
    char c;

    assert_int_equal(read(f->told[0], &c, 1), 1);
}

struct answer {
    char text[8192];
    size_t lines;
};

static void on_line(void *ctx, struct fr_slice line)
{
    struct answer *a = ctx;
    size_t len = strlen(a->text);

    a->lines++;
    (void)snprintf(a->text + len, sizeof a->text - len, "%.*s\n", (int)line.len,
                   (const char *)line.data);
}

static int ask(const struct fixture *f, const char *line, struct answer *ret)
{
    struct fr_err err;
    int status = -1;

    memset(ret, 0, sizeof *ret);
    wait_until_ready(f);
    struct fr_agent_asker asker = {.fn = on_line, .ctx = ret, .stop_fd = -1};
    assert_ok(fr_agent_ask(f->rig.config->agent.socket, fr_slice_str(line), &asker,
                           &status, &err));
    return status;
}

/* ---- by itself ---- */

static void without_a_credential_the_list_is_triggered_at_once(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("good")), "");
    run(&f);
    wait_for_outcome(&f);
    assert_int_equal(ask(&f, "{\"op\":\"status\"}", &a), 0);
    assert_contains(a.text, "\"running\":false");
    assert_contains(a.text, "\"retryInMs\":-1");
    assert_null(strstr(a.text, "\"renewAt\":\"\""));
    assert_int_equal(stop(&f), 0);
}

static void with_a_credential_it_is_idle(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("good")), "");
    rig_put(&f.rig, "good.example.com", "t.example.com", false);
    run(&f);
    assert_int_equal(ask(&f, "{\"op\":\"status\"}", &a), 0);
    assert_contains(a.text, "\"running\":false");
    assert_contains(a.text, "\"retryInMs\":-1");
    assert_int_equal(stop(&f), 0);
}

static void an_old_credential_is_renewed(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("good")), "");
    f.rig.clock.wall_s -= 250; /* of 300 seconds */
    rig_put(&f.rig, "good.example.com", "assigned.example.com", false);
    f.rig.clock.wall_s += 250;
    run(&f);
    wait_for_outcome(&f);

    struct fr_slot_id any = {.mef = NULL};
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;
    assert_ok(fr_state_find(f.rig.state, &any, &c, &err));
    assert_true(c->created >= f.rig.clock.wall_s);
    assert_int_equal(stop(&f), 0);
}

static int64_t standing_still;

static int64_t same_wall(void *ctx)
{
    (void)ctx;
    return standing_still;
}

/* 1 s before it is due. */
static void without_a_clock_it_is_renewed_by_time_that_has_passed(void **state)
{
    struct fixture f;
    struct fr_env still = fr_env_system;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("good")), "");
    still.wall_s = same_wall;
    standing_still = f.rig.clock.wall_s;
    f.rig.device.env = &still;
    f.rig.clock.wall_s -= 199; /* of 300 seconds */
    rig_put(&f.rig, "good.example.com", "assigned.example.com", false);
    run(&f);
    wait_for_outcome(&f);
    assert_int_equal(stop(&f), 0);
}

static void a_failure_is_tried_again(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("refuse")), "retry-first = PT1S retry-max = PT1S");
    run(&f);
    wait_for_outcome(&f);
    wait_for_outcome(&f);
    assert_int_equal(stop(&f), 0);
}

static void a_success_by_a_later_entry_is_one(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("refuse") "," JSON_ONE("good")), "");
    run(&f);
    wait_for_outcome(&f);
    assert_int_equal(ask(&f, "{\"op\":\"status\"}", &a), 0);
    assert_contains(a.text, "\"retryInMs\":-1");
    assert_int_equal(stop(&f), 0);
}

/* ---- when asked ---- */

static void a_given_list_is_walked(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, NULL, "");
    run(&f);
    assert_int_equal(ask(&f, PROVISION("good"), &a), 0);
    assert_contains(a.text, "{\"event\":\"attempt\"");
    assert_contains(a.text, "\"outcome\":\"provisioned\",\"exit\":0");
    assert_int_equal(stop(&f), 0);
}

static void a_failure_is_told_with_its_exit_status(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, NULL, "");
    run(&f);
    assert_int_equal(ask(&f, PROVISION("refuse"), &a), 77);
    assert_int_equal(stop(&f), 0);
}

static void a_request_may_wait_for_the_target(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, NULL, "");
    run(&f);
    assert_int_equal(
        ask(&f,
            "{\"op\":\"provision\",\"waitTargetMs\":5000,\"document\":" JSON_LIST(
                JSON_ONE("late")) "}",
            &a),
        69);
    assert_contains(a.text, "target-not-fetched");
    assert_int_equal(ask(&f, PROVISION("late"), &a), 0); /* and the next one does not */
    assert_int_equal(stop(&f), 0);
}

static void a_key_whose_target_did_not_come_is_not_renewed_early(void **state)
{
    struct fixture f;
    struct answer before, asked, after;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("late")), "");
    f.rig.clock.wall_s -= 100; /* of 300 seconds */
    rig_put(&f.rig, "late.example.com", "assigned.example.com", false);
    f.rig.clock.wall_s += 100;
    run(&f);
    assert_int_equal(ask(&f, "{\"op\":\"status\"}", &before), 0);
    assert_int_equal(ask(&f,
                         "{\"op\":\"provision\",\"renew\":true,\"waitTargetMs\":5000,"
                         "\"document\":" JSON_LIST(JSON_ONE("late")) "}",
                         &asked),
                     69);
    assert_int_equal(ask(&f, "{\"op\":\"status\"}", &after), 0);
    assert_contains(after.text, "\"retryInMs\":-1");
    assert_null(strstr(after.text, "\"renewAt\":\"\""));
    assert_string_not_equal(after.text, before.text);
    assert_int_equal(stop(&f), 0);
}

static void a_trigger_with_a_valid_credential_does_nothing(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("good")), "");
    rig_put(&f.rig, "good.example.com", "t.example.com", false);
    run(&f);
    assert_int_equal(ask(&f, "{\"op\":\"trigger\"}", &a), 0);
    assert_contains(a.text, "nothing-to-do");
    assert_int_equal(stop(&f), 0);
}

static void a_trigger_without_a_list_is_refused(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, NULL, "");
    run(&f);
    assert_int_equal(ask(&f, "{\"op\":\"trigger\"}", &a), 65);
    assert_contains(a.text, "no list is configured");
    assert_int_equal(stop(&f), 0);
}

static void a_request_during_a_run_is_refused_as_busy(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("hang")), "");
    run(&f);
    assert_int_equal(ask(&f, PROVISION("good"), &a), 75);
    assert_contains(a.text, "\"reason\":\"busy\"");
    assert_int_equal(ask(&f, "{\"op\":\"status\"}", &a), 0);
    assert_contains(a.text, "\"running\":true");
    assert_int_equal(stop(&f), 0);
}

static void what_is_no_request_is_refused(void **state)
{
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, NULL, "");
    run(&f);
    assert_int_equal(ask(&f, "not json", &a), 64);
    assert_int_equal(ask(&f, "{\"op\":\"dance\"}", &a), 64);
    assert_int_equal(ask(&f, "{\"op\":\"provision\"}", &a), 65);
    assert_int_equal(ask(&f, "{\"op\":\"provision\",\"document\":{}}", &a), 65);
    assert_int_equal(a.lines, 1);
    assert_int_equal(stop(&f), 0);
}

/* ---- life ---- */

static void a_stop_in_the_middle_of_a_run_is_clean(void **state)
{
    struct fixture f;
    struct answer a;
    char socket[200];

    (void)state;
    start(&f, JSON_LIST(JSON_ONE("hang")), "");
    run(&f);
    (void)ask(&f, "{\"op\":\"status\"}", &a);
    (void)snprintf(socket, sizeof socket, "%s", f.rig.config->agent.socket);
    assert_int_equal(stop(&f), 0);
    assert_int_equal(access(socket, F_OK), -1);
}

static void the_socket_is_its_owners(void **state)
{
    struct fixture f;
    struct stat st;

    (void)state;
    start(&f, NULL, "");
    run(&f);
    wait_until_ready(&f);
    assert_int_equal(stat(f.rig.config->agent.socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stop(&f), 0);
}

static void a_second_agent_is_locked_out(void **state)
{
    struct fixture f;
    struct fr_err err;

    (void)state;
    start(&f, NULL, "");
    assert_ok(fr_state_lock(f.rig.state, &err)); /* kept by the child as well */
    run(&f);
    assert_int_equal(stop(&f), 75);
}

static void a_broken_list_is_told_at_the_start(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "{", "");
    run(&f);
    assert_int_equal(stop(&f), 65);
}

static void a_file_in_the_place_of_the_socket_stays(void **state)
{
    struct fixture f;
    char more[200];

    (void)state;
    (void)snprintf(more, sizeof more, "socket = \"%s\"", pki_path("list.json"));
    start(&f, JSON_LIST(JSON_ONE("good")), more);
    run(&f);
    assert_int_equal(stop(&f), 65);
    assert_int_equal(access(f.list_path, F_OK), 0);
}

static void where_no_agent_listens_there_is_none(void **state)
{
    struct answer a = {.lines = 0};
    struct fr_agent_asker asker = {.fn = on_line, .ctx = &a, .stop_fd = -1};
    struct fr_err err;
    int status;

    (void)state;
    assert_fails(fr_agent_ask("/nonexistent/agent.sock", fr_slice_str("{}"), &asker,
                              &status, &err),
                 FR_ENOTFOUND);
}

static void signals_make_the_stop_descriptor_readable(void **state)
{
    struct pollfd fd = {.events = POLLIN};
    struct fr_err err;
    sigset_t before;

    (void)state;
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &before), 0);
    assert_ok(fr_stop_fd_open(&fd.fd, &err));
    assert_int_equal(poll(&fd, 1, 0), 0);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(poll(&fd, 1, 1000), 1);

    uint8_t info[256];
    assert_true(read(fd.fd, info, sizeof info) > 0); /* no longer pending */
    (void)close(fd.fd);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void addresses_of_a_request_go_before_the_configs(void **state)
{
    static const struct fr_host dead = {"mef.example.com", "no address"};
    struct peer p = peer_start(&(struct peer_setup){.act = PEER_ECHO});
    struct fixture f;
    struct answer a;
    char line[512];

    (void)state;
    start(&f, NULL, "");
    f.rig.device.hosts = &dead;
    run(&f);
    (void)snprintf(line, sizeof line,
                   "{\"op\":\"provision\",\"hosts\":[{\"name\":\"mef.example.com\","
                   "\"address\":\"127.0.0.1\"}],\"document\":{\"version\":1,"
                   "\"instructions\":[{\"bootstrap\":\"scripted\",\"port\":%u,"
                   "\"mef\":\"talk.example.com\"}]}}",
                   p.port);
    assert_int_equal(ask(&f, line, &a), 0);
    assert_int_equal(stop(&f), 0);
    peer_stop(&p);
}

static void addresses_that_are_none_are_refused(void **state)
{
    static const char *const hosts[] = {"7", "[7]", "[{\"name\":\"a\"}]",
                                        "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"};
    struct fixture f;
    struct answer a;
    char line[512];

    (void)state;
    start(&f, NULL, "");
    run(&f);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        (void)snprintf(line, sizeof line,
                       "{\"op\":\"provision\",\"hosts\":%s,\"document\":%s}", hosts[i],
                       JSON_LIST(JSON_ONE("good")));
        assert_int_equal(ask(&f, line, &a), 65);
    }
    assert_int_equal(ask(&f, PROVISION("good"), &a), 0);
    assert_int_equal(stop(&f), 0);
}

/* The error quotes the member, cut in the middle of a character or not. */
static void a_refusal_that_quotes_letters_of_many_octets_is_told(void **state)
{
    FR_AUTO_CLEAR(buf) line = FR_BUF_INIT(4096);
    struct fixture f;
    struct answer a;

    (void)state;
    start(&f, NULL, "");
    run(&f);
    for (int shift = 0; shift < 3; shift++) {
        fr_buf_reset(&line);
        fr_buf_fmt(&line, "{\"op\":\"provision\",\"document\":{\"%.*s", shift, "xx");
        for (int i = 0; i < 400; i++)
            fr_buf_str(&line, "\xe2\x82\xac");
        fr_buf_str(&line, "\":1}}");
        assert_int_equal(ask(&f, fr_buf_cstr(&line), &a), 65);
        assert_int_equal(a.lines, 1);
    }
    assert_int_equal(stop(&f), 0);
}

static void who_asks_an_agent_that_does_not_listen_can_be_stopped(void **state)
{
    struct answer a = {.lines = 0};
    struct fr_agent_asker asker = {.fn = on_line, .ctx = &a};
    char *big = calloc(1, 4 << 20);
    int ends[2], status;
    struct fixture f;
    struct fr_err err;

    (void)state;
    assert_non_null(big);
    memset(big, 'x', (4 << 20) - 1);
    start(&f, NULL, "");
    run(&f);
    wait_until_ready(&f);
    assert_int_equal(kill(f.pid, SIGSTOP), 0);
    assert_int_equal(pipe(ends), 0);
    asker.stop_fd = ends[0];
    (void)close(ends[1]);
    assert_fails(fr_agent_ask(f.rig.config->agent.socket, fr_slice_str(big), &asker,
                              &status, &err),
                 FR_EINTERRUPTED);
    (void)close(ends[0]);
    free(big);
    assert_int_equal(kill(f.pid, SIGCONT), 0);
    assert_int_equal(stop(&f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_credential_the_list_is_triggered_at_once),
        cmocka_unit_test(with_a_credential_it_is_idle),
        cmocka_unit_test(an_old_credential_is_renewed),
        cmocka_unit_test(without_a_clock_it_is_renewed_by_time_that_has_passed),
        cmocka_unit_test(a_failure_is_tried_again),
        cmocka_unit_test(a_success_by_a_later_entry_is_one),
        cmocka_unit_test(a_given_list_is_walked),
        cmocka_unit_test(a_failure_is_told_with_its_exit_status),
        cmocka_unit_test(a_request_may_wait_for_the_target),
        cmocka_unit_test(a_key_whose_target_did_not_come_is_not_renewed_early),
        cmocka_unit_test(a_trigger_with_a_valid_credential_does_nothing),
        cmocka_unit_test(a_trigger_without_a_list_is_refused),
        cmocka_unit_test(a_request_during_a_run_is_refused_as_busy),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(addresses_of_a_request_go_before_the_configs),
        cmocka_unit_test(addresses_that_are_none_are_refused),
        cmocka_unit_test(a_refusal_that_quotes_letters_of_many_octets_is_told),
        cmocka_unit_test(who_asks_an_agent_that_does_not_listen_can_be_stopped),
        cmocka_unit_test(a_stop_in_the_middle_of_a_run_is_clean),
        cmocka_unit_test(the_socket_is_its_owners),
        cmocka_unit_test(a_second_agent_is_locked_out),
        cmocka_unit_test(a_broken_list_is_told_at_the_start),
        cmocka_unit_test(a_file_in_the_place_of_the_socket_stays),
        cmocka_unit_test(where_no_agent_listens_there_is_none),
        cmocka_unit_test(signals_make_the_stop_descriptor_readable),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
