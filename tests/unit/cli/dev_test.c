/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"
#include "unit/model/credential_sample.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "fake/env.h"
#include "model/attempt.h"

/* ---- clock ---- */

static void clock_says_what_counts(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;
    struct fr_fake_env env;

    fr_fake_env_init(&env, 1);
    d->c.cli.env = &env.env;
    assert_int_equal(device_run(d, "clock --json"), 0);
    got = device_last(d);
    assert_string_equal(text_in(got, "kernel"), "synchronised");
    assert_string_equal(text_in(got, "system"), "2027-01-15T08:00:00Z");
    assert_string_equal(text_in(got, "lastKnown"), "none");
    env.unsynchronised = true;
    assert_int_equal(device_run(d, "clock"), 0);
    assert_contains(d->c.out, "unsynchronised");
    assert_contains(d->c.out, "the last time known");
}

static void clock_takes_the_operators_word_and_says_so(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;
    struct fr_fake_env env;

    fr_fake_env_init(&env, 1);
    env.unsynchronised = true;
    d->c.cli.env = &env.env;
    assert_int_equal(device_run(d, "clock --set 2028-01-01T00:00:00Z"), 0);
    assert_contains(d->c.out, "was none and is now 2028-01-01T00:00:00Z");
    assert_int_equal(device_run(d, "clock --json"), 0);
    got = device_last(d);
    assert_string_equal(text_in(got, "lastKnown"), "2028-01-01T00:00:00Z");
    assert_string_equal(text_in(got, "now"), "2028-01-01T00:00:00Z");
    assert_int_equal(device_run(d, "clock --set now"), 0);
    assert_contains(d->c.out, "is now 2027-01-15T08:00:00Z");
}

static void status_goes_by_the_last_time_known(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;
    struct fr_fake_env env;

    fr_fake_env_init(&env, 1);
    env.wall_s = 1000; /* a clock that began at the last boot */
    env.unsynchronised = true;
    d->c.cli.env = &env.env;
    device_give(d, "t.example", 10, 1000);
    assert_int_equal(device_run(d, "status --json"), 0);
    got = device_last(d);
    assert_string_equal(text_in(got, "clock"), "unsynchronised");
    assert_int_equal(device_run(d, "clock --set 2090-01-01T00:00:00Z"), 0);
    assert_int_equal(device_run(d, "status"), 3);
}

static void wrong_words_are_wrong_usage(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"credential", "which command"},
        {"credential lst", "did you mean \"list\"?"},
        {"credential list x", "unexpected argument"},
        {"credential show a b", "one KeID only"},
        {"credential show a --mef m.example", "not both"},
        {"credential show --suid 99", "not a defined SUID"},
        {"credential show --format hex", "unknown option --format"},
        {"credential export --format pem --show-secret", "hex or mosquitto"},
        {"clock --set yesterday", "2026-11-24T12:00:00Z"},
        {"clock now", "unexpected argument"},
        {"credential forget", "which one?"},
        {"credential forget --damaged --target t.example", "either one"},
        {"credential forget --suid 22", "which one?"},
        {"status now", "unexpected argument"},
        {"attempts now", "unexpected argument"},
        {"attempts --limit 0", "a number from 1"},
        {"agent now", "unexpected argument"},
        {"trigger now", "unexpected argument"},
        {"provision", "nothing to try"},
        {"provison m.example", "did you mean \"provision\"?"},
    };
    struct device *d = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (device_run(d, cases[i].line) != 64)
            fail_msg("%s: exit %d", cases[i].line, d->c.status);
        assert_contains(d->c.err, cases[i].says);
    }
}

/* ---- status ---- */

static void status_is_0_valid_3_none_4_expiring(void **state)
{
    struct device *d = *state;

    assert_int_equal(device_run(d, "status"), 3);
    assert_contains(d->c.out, "not provisioned");
    device_give(d, "t.example", 1000, -1);
    assert_int_equal(device_run(d, "status"), 3);
    assert_contains(d->c.out, "expired");
    device_give(d, "t.example", 100, 900);
    assert_int_equal(device_run(d, "status"), 0);
    assert_contains(d->c.out, "valid");
    device_give(d, "t.example", 950, 50);
    assert_int_equal(device_run(d, "status"), 4);
    assert_contains(d->c.out, "expiring");
}

static void an_expired_leftover_does_not_spoil_the_status(void **state)
{
    struct device *d = *state;

    device_give(d, "old.example", 1000, -1);
    device_give(d, "t.example", 100, 900);
    assert_int_equal(device_run(d, "status"), 0);
    device_give(d, "u.example", 950, 50);
    assert_int_equal(device_run(d, "status"), 4);
}

static void status_as_json_has_its_exit_and_the_credentials(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;

    device_give(d, "t.example", 100, 900);
    assert_int_equal(device_run(d, "status --json"), 0);
    got = device_last(d);
    assert_string_equal(text_in(got, "status"), "valid");
    assert_int_equal(json_array_size(json_object_get(got, "credentials")), 1);
}

/* ---- attempts ---- */

static void record(struct device *d, const char *list, const char *position)
{
    FR_AUTO(state) *s = NULL;
    struct fr_attempt a = {.kind = FR_BOOTSTRAP,
                           .result = {.class = FR_CLASS_REFUSED,
                                      .phase = FR_PHASE_HANDSHAKE,
                                      .reason = "tls-alert-42",
                                      .text = "bad certificate"},
                           .start = 1700000000};
    struct fr_err err;

    snprintf(a.list, sizeof a.list, "%s", list);
    snprintf(a.position, sizeof a.position, "%s", position);
    snprintf(a.method, sizeof a.method, "certificate");
    snprintf(a.peer, sizeof a.peer, "m.example");
    assert_ok(fr_state_open(d->state, 262144, &s, &err));
    assert_ok(fr_state_lock(s, &err));
    assert_ok(fr_state_record(s, &a, &err));
}

static void attempts_are_shown_newest_last(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;

    assert_int_equal(device_run(d, "attempts"), 0);
    assert_string_equal(d->c.out, "no attempts\n");
    record(d, "aaaaaaaaaaaaaaaa", "1");
    record(d, "aaaaaaaaaaaaaaaa", "2");
    record(d, "bbbbbbbbbbbbbbbb", "3.1");
    assert_int_equal(device_run(d, "attempts"), 0);
    assert_contains(d->c.out, "2023-11-14T22:13:20Z  1    certificate  m.example");
    assert_contains(d->c.out, "tls-alert-42");
    assert_int_equal(device_run(d, "attempts --json --limit 2"), 0);
    got = device_last(d);
    assert_int_equal(json_array_size(got), 2);
    assert_string_equal(text_in(json_array_get(got, 1), "position"), "3.1");
}

static void attempts_of_one_run_can_be_asked_for(void **state)
{
    json_auto_t *got = NULL;
    struct device *d = *state;

    record(d, "aaaaaaaaaaaaaaaa", "1");
    record(d, "bbbbbbbbbbbbbbbb", "2");
    assert_int_equal(device_run(d, "attempts --json --list bbbbbbbbbbbbbbbb"), 0);
    got = device_last(d);
    assert_int_equal(json_array_size(got), 1);
    assert_string_equal(text_in(json_array_get(got, 0), "position"), "2");
}

/* ---- provision ---- */

static void a_list_of_which_nothing_is_supported_is_78(void **state)
{
    struct device *d = *state;

    assert_int_equal(device_run(d, "provision --bootstrap psk:m.example"), 78);
    assert_contains(d->c.out, "1    psk     m.example");
    assert_contains(d->c.out, "unsupported");
    assert_contains(d->c.out, "1 m.example: method psk is not built in");
    assert_contains(d->c.out, "\nfailed\n");
}

static void with_json_the_last_object_is_the_outcome(void **state)
{
    static const struct {
        const char *line, *outcome;
        int exit;
    } cases[] = {
        {"provision --json --bootstrap gba:m.example", "failed", 78},
        {"provision --json --instructions /nonexistent/l.json", "failed", 65},
        {"provision --json --config /nonexistent.conf m.example", "failed", 65},
        {"provision --json", "failed", 64},
    };
    struct device *d = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_auto_t *got = NULL;

        assert_int_equal(device_run(d, cases[i].line), cases[i].exit);
        got = device_last(d);
        assert_string_equal(text_in(got, "event"), "outcome");
        assert_string_equal(text_in(got, "outcome"), cases[i].outcome);
        assert_int_equal(json_integer_value(json_object_get(got, "exit")),
                         cases[i].exit);
    }
}

static void with_a_valid_credential_there_is_nothing_to_do(void **state)
{
    struct device *d = *state;

    device_give(d, "t.example", 10, 1000);
    assert_int_equal(device_run(d, "provision mef.example.com --target t.example"), 0);
    assert_contains(d->c.out, "nothing to do");
    assert_contains(d->c.out, "keyId        " DEVICE_KEYID);
    assert_contains(d->c.out, "fingerprint  ");
}

static void another_run_holds_the_lock_and_no_agent_listens(void **state)
{
    json_auto_t *got = NULL;
    FR_AUTO(state) *other = NULL;
    struct device *d = *state;
    struct fr_err err;

    assert_ok(fr_state_open(d->state, 262144, &other, &err));
    assert_ok(fr_state_lock(other, &err));
    assert_int_equal(device_run(d, "provision --json m.example"), 75);
    got = device_last(d);
    assert_string_equal(text_in(got, "outcome"), "interrupted");
    assert_string_equal(text_in(got, "reason"), "locked");
}

/* ---- a running agent, played by a child ---- */

/* Answers one client: what it asked goes to `asked`, the events are ours. */
static void play_agent(int listener, const char *asked)
{
    static const char events[] =
        "{\"event\":\"phase\",\"position\":\"1\",\"phase\":\"connect\"}\n"
        "{\"event\":\"outcome\",\"outcome\":\"failed\",\"exit\":69,\"reason\":"
        "\"timeout\",\"text\":\"nobody there\"}\n";
    int fd = accept(listener, NULL, NULL);
    FILE *in = fdopen(fd, "r"), *to = fopen(asked, "w");
    char line[4096];

    if (!in || !to || !fgets(line, sizeof line, in) || fputs(line, to) < 0)
        _exit(1);
    fclose(to);
    _exit(write(fd, events, sizeof events - 1) == (ssize_t)sizeof events - 1 ? 0 : 1);
}

static pid_t start_agent(struct device *d, const char *asked)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t child;

    memcpy(at.sun_path, d->socket, strlen(d->socket));
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    child = fork();
    if (child == 0)
        play_agent(listener, asked);
    assert_true(child > 0);
    close(listener);
    return child;
}

static void end_agent(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_running_agent_gets_the_list_and_its_events_come_back(void **state)
{
    FR_AUTO(state) *other = NULL;
    struct device *d = *state;
    char asked[96], text[512];
    struct fr_err err;
    pid_t child;

    snprintf(asked, sizeof asked, "%s/asked", d->dir);
    assert_ok(fr_state_open(d->state, 262144, &other, &err));
    assert_ok(fr_state_lock(other, &err));
    child = start_agent(d, asked);
    assert_int_equal(device_run(d,
                                "provision m.example --renew --resolve m.example=::1 "
                                "--resolve m.example=127.0.0.9"),
                     69);
    end_agent(child);
    assert_contains(d->c.out, "failed: nobody there");
    device_read(asked, text, sizeof text);
    assert_string_equal(
        text, "{\"op\":\"provision\",\"renew\":true,\"waitTargetMs\":0,\"hosts\":["
              "{\"name\":\"m.example\",\"address\":\"127.0.0.9\"},"
              "{\"name\":\"m.example\",\"address\":\"::1\"}],\"document\":"
              "{\"version\":1,\"instructions\":[{\"bootstrap\":"
              "\"certificate\",\"mef\":\"m.example\"}]}}\n");
}

static void trigger_rings_a_running_agent(void **state)
{
    struct device *d = *state;
    char asked[96], text[512];
    pid_t child;

    snprintf(asked, sizeof asked, "%s/asked", d->dir);
    child = start_agent(d, asked);
    assert_int_equal(device_run(d, "trigger"), 69);
    end_agent(child);
    assert_string_equal(d->c.out, "failed: nobody there\n");
    device_read(asked, text, sizeof text);
    assert_string_equal(text, "{\"op\":\"trigger\"}\n");
}

static void without_an_agent_trigger_says_what_to_do(void **state)
{
    struct device *d = *state;

    assert_int_equal(device_run(d, "trigger"), 69);
    assert_contains(d->c.err, "start \"fieldroot agent\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(clock_says_what_counts),
        DEVICE_TEST(clock_takes_the_operators_word_and_says_so),
        DEVICE_TEST(status_goes_by_the_last_time_known),
        DEVICE_TEST(wrong_words_are_wrong_usage),
        DEVICE_TEST(status_is_0_valid_3_none_4_expiring),
        DEVICE_TEST(an_expired_leftover_does_not_spoil_the_status),
        DEVICE_TEST(status_as_json_has_its_exit_and_the_credentials),
        DEVICE_TEST(attempts_are_shown_newest_last),
        DEVICE_TEST(attempts_of_one_run_can_be_asked_for),
        DEVICE_TEST(a_list_of_which_nothing_is_supported_is_78),
        DEVICE_TEST(with_json_the_last_object_is_the_outcome),
        DEVICE_TEST(with_a_valid_credential_there_is_nothing_to_do),
        DEVICE_TEST(another_run_holds_the_lock_and_no_agent_listens),
        DEVICE_TEST(a_running_agent_gets_the_list_and_its_events_come_back),
        DEVICE_TEST(trigger_rings_a_running_agent),
        DEVICE_TEST(without_an_agent_trigger_says_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
