/* SPDX-License-Identifier: Apache-2.0 */
/* The process, in its sandbox, between a vault and an HSS that are the test. */
#include "test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/hss/gsup.h"
#include "server/hss/hss.h"
#include "server/policy.h"
#include "tree.h"

enum { PATIENCE_S = 30 };
#define IMSI "262420000000001"

static struct fr_err err;
static struct fr_server_config config;
static char dir[32];
static int listener, hlr, vault; /* the test's ends */
static pid_t process;

static int be_hss(int vault_fd)
{
    const struct fr_sandbox_support support = fr_sandbox_probe();
    FR_AUTO(hss) *hss = NULL;
    enum fr_code rc;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    tzset(); /* as child.c does: it opens a file at the first date */
    rc = fr_hss_open(&config, &hss, &err);
    if (rc == FR_OK)
        rc = fr_policy_drop(&config, FR_WORKER_HSS, &err);
    if (rc == FR_OK)
        rc = fr_policy_enter(&config, FR_WORKER_HSS, &support, &err);
    if (rc == FR_OK)
        rc = fr_hss_run(hss, vault_fd, &err);
    return fr_code_exit(rc);
}

static pid_t start(int *ret_vault)
{
    int pair[2];
    pid_t pid;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        if (vault >= 0)
            close(vault);
        _exit(be_hss(pair[1]));
    }
    close(pair[1]);
    *ret_vault = pair[0];
    return pid;
}

static void be_patient(int fd)
{
    const struct timeval tv = {.tv_sec = PATIENCE_S};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
}

static int make(void **state)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;

    (void)state;
    strcpy(dir, "/tmp/fr-hss-XXXXXX");
    assert_non_null(mkdtemp(dir));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (void *)&sa, sizeof sa), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (void *)&sa, &len), 0);
    be_patient(listener);
    config.run_dir = dir;
    config.gba.hlr = "the test";
    config.gba.hlr_address_len = sizeof sa;
    config.gba.hss_timeout_ms = PATIENCE_S * 1000;
    strcpy(config.gba.hlr_name, "bsf");
    memcpy(&config.gba.hlr_address, &sa, sizeof sa);
    vault = hlr = -1;
    process = start(&vault);
    be_patient(vault);
    return 0;
}

static int wait_for(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(WIFSIGNALED(status));
    return WEXITSTATUS(status);
}

static int clean(void **state)
{
    (void)state;
    if (process) {
        kill(process, SIGKILL);
        waitpid(process, NULL, 0);
    }
    close(listener);
    if (vault >= 0)
        close(vault);
    if (hlr >= 0)
        close(hlr);
    return tree_remove(dir);
}

/* --- the HSS */

static size_t hlr_reads(uint8_t to[FR_IPA_BODY_MAX])
{
    uint8_t head[3];
    size_t len;

    assert_int_equal(recv(hlr, head, 3, MSG_WAITALL), 3);
    len = (size_t)head[0] << 8 | head[1];
    assert_int_equal(recv(hlr, to, len, MSG_WAITALL), len);
    return len;
}

static void hlr_greets(void)
{
    uint8_t body[FR_IPA_BODY_MAX];

    hlr = accept(listener, NULL, NULL);
    assert_true(hlr >= 0);
    be_patient(hlr);
    assert_int_equal(send(hlr, "\0\2\xfe\4\0", 5, 0), 5);
    hlr_reads(body);
}

static void hlr_answers(void)
{
    /* IMSI and session id: those of the request */
    static const char tuple[] = "\3\x52" /* RES of 8 octets */
                                "\x20\x10RRRRRRRRRRRRRRRR"
                                "\x23\x10IIIIIIIIIIIIIIII"
                                "\x24\x10"
                                "CCCCCCCCCCCCCCCC"
                                "\x25\x10"
                                "AAAAAAAAAAAAAAAA"
                                "\x27\x08RES\0RES";
    uint8_t asked[FR_IPA_BODY_MAX], frame[256] = {0, 0, 0xee, 5, 0x0a};
    size_t len = 5;

    hlr_reads(asked);
    memcpy(frame + len, asked + 2, 10 + 6);
    len += 16;
    memcpy(frame + len, tuple, sizeof tuple);
    len += sizeof tuple; /* its NUL ends RES */
    frame[1] = (uint8_t)(len - 3);
    assert_int_equal(send(hlr, frame, len, 0), len);
}

/* --- the vault */

static void vault_wants(uint64_t ticket)
{
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(4096);
    struct fr_msg m = {.type = FR_MSG_VECTOR_WANTED};
    uint8_t storage[8];

    fr_msg_set_u64(&m, FR_F_TICKET, ticket, storage);
    fr_msg_set_str(&m, FR_F_SUBSCRIBER, IMSI);
    assert_ok(fr_msg_encode(&m, &out, &err));
    assert_int_equal(send(vault, out.data, out.len, 0), out.len);
}

static void vault_hears(struct fr_msg *ret, uint8_t octets[4096])
{
    size_t used = 0, n = 0;
    enum fr_code rc = FR_ENOTFOUND;

    while (rc == FR_ENOTFOUND) {
        assert_int_equal(recv(vault, octets + n++, 1, 0), 1);
        rc = fr_msg_decode(fr_slice_of(octets, n), ret, &used, &err);
    }
    assert_ok(rc);
    assert_int_equal(ret->type, FR_MSG_VECTOR);
    assert_true(fr_msg_is_allowed(ret->type, FR_WORKER_HSS));
    assert_int_equal(ret->id, 0);
}

static void a_vector_goes_from_the_hss_to_the_vault(void **state)
{
    uint8_t octets[4096];
    struct fr_msg m;

    (void)state;
    hlr_greets();
    for (uint64_t ticket = 5; ticket < 8; ticket++) {
        vault_wants(ticket);
        hlr_answers();
        vault_hears(&m, octets);
        assert_int_equal(fr_msg_u64(&m, FR_F_TICKET), ticket);
        assert_int_equal(fr_msg_u8(&m, FR_F_CODE), FR_OK);
        assert_true(fr_slice_equal(m.field[FR_F_VECTOR],
                                   fr_slice_of("RRRRRRRRRRRRRRRRAAAAAAAAAAAAAAAA"
                                               "CCCCCCCCCCCCCCCCIIIIIIIIIIIIIIII"
                                               "RES\0RES",
                                               72)));
    }
}

static void what_the_hss_does_not_answer_is_said(void **state)
{
    uint8_t octets[4096], asked[FR_IPA_BODY_MAX];
    char reason[FR_ERR_REASON_MAX];
    struct fr_msg m;

    (void)state;
    hlr_greets();
    vault_wants(9);
    hlr_reads(asked);
    close(hlr);
    hlr = -1;
    vault_hears(&m, octets);
    assert_int_equal(fr_msg_u64(&m, FR_F_TICKET), 9);
    assert_int_equal(fr_msg_u8(&m, FR_F_CODE), FR_EUNREACHABLE);
    assert_false(fr_msg_has(&m, FR_F_VECTOR));
    assert_string_equal(fr_msg_text(&m, FR_F_REASON, reason, sizeof reason),
                        "hss-unreachable");
}

static void the_end_of_the_vault_is_its_end(void **state)
{
    (void)state;
    hlr_greets();
    close(vault);
    vault = -1;
    assert_int_equal(wait_for(process), fr_code_exit(FR_EUNREACHABLE));
    process = 0;
}

static void a_message_that_is_none_is_its_end(void **state)
{
    (void)state;
    hlr_greets();
    assert_int_equal(send(vault, "\xff\xff\xff\xff", 4, 0), 4);
    assert_int_equal(wait_for(process), fr_code_exit(FR_EUNREACHABLE));
    process = 0;
}

static void told_to_end_it_answers_what_waits(void **state)
{
    uint8_t octets[4096], asked[FR_IPA_BODY_MAX];
    struct fr_msg m;

    (void)state;
    hlr_greets();
    vault_wants(9);
    hlr_reads(asked);
    kill(process, SIGTERM);
    vault_hears(&m, octets);
    assert_int_equal(fr_msg_u8(&m, FR_F_CODE), FR_EUNREACHABLE);
    assert_int_equal(wait_for(process), 0);
    process = 0;
}

/* The HSS sends answers by name: there is one of a name at a time. */
static void the_next_waits_for_the_one_before(void **state)
{
    int vault_of_next = -1;
    pid_t next;

    (void)state;
    hlr_greets();
    next = start(&vault_of_next);
    kill(process, SIGTERM);
    assert_int_equal(recv(hlr, &(char){0}, 1, 0), 0);
    assert_int_equal(wait_for(process), 0);
    close(hlr);
    close(vault);
    process = next;
    vault = vault_of_next;
    be_patient(vault);
    a_vector_goes_from_the_hss_to_the_vault(NULL);
}

#define HSS_TEST(f) cmocka_unit_test_setup_teardown(f, make, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HSS_TEST(a_vector_goes_from_the_hss_to_the_vault),
        HSS_TEST(what_the_hss_does_not_answer_is_said),
        HSS_TEST(the_end_of_the_vault_is_its_end),
        HSS_TEST(a_message_that_is_none_is_its_end),
        HSS_TEST(told_to_end_it_answers_what_waits),
        HSS_TEST(the_next_waits_for_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
