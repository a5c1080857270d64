/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault process: its loop in a child, workers played by the test over real
 * socketpairs. Messages that are written before their worker is announced wait
 * together, so they are one batch; and so do those of workers that were announced
 * before the vault runs.
 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/ipc/pass.h"
#include "vault_lab.h"

enum { PATIENCE_MS = 20000 };

/* What the child's store hook counts, seen by both. */
struct shared {
    int commits, to_fail;
};

struct house {
    struct lab *lab;
    struct shared *shared;
    int control, theirs; /* the vault's end, until it runs */
    pid_t pid;
};

static bool count_commit(void *ctx)
{
    struct shared *s = ctx;

    __atomic_add_fetch(&s->commits, 1, __ATOMIC_SEQ_CST);
    return __atomic_fetch_sub(&s->to_fail, 1, __ATOMIC_SEQ_CST) <= 0;
}

static int commits(const struct house *h)
{
    return __atomic_load_n(&h->shared->commits, __ATOMIC_SEQ_CST);
}

static _Noreturn void be_the_vault(struct house *h, int control)
{
    struct fr_err err = {0};

    /* Of the sockets it must have its own alone, else none ever ends. */
    assert_int_equal(dup2(control, STDERR_FILENO + 1), STDERR_FILENO + 1);
    assert_int_equal(close_range(STDERR_FILENO + 2, ~0u, 0), 0);
    control = STDERR_FILENO + 1;
    lab_open(h->lab); /* SQLite's connections do not outlive a fork */
    h->lab->config.store->on_commit = count_commit;
    h->lab->config.store->on_commit_ctx = h->shared;
    _exit(fr_vault_run(h->lab->vault, control, &err) == FR_OK ? 0 : 1);
}

/* The lab's own vault is closed; the child will have it. */
static void prepare_house(struct house *h, struct lab *l)
{
    int pair[2];

    lab_close(l);
    h->lab = l;
    h->shared = mmap(NULL, sizeof *h->shared, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(h->shared != MAP_FAILED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    h->control = pair[0];
    h->theirs = pair[1];
}

static void run_house(struct house *h)
{
    h->pid = fork();
    assert_true(h->pid >= 0);
    if (h->pid == 0)
        be_the_vault(h, h->theirs);
    (void)close(h->theirs);
}

static void open_house(struct house *h, struct lab *l)
{
    prepare_house(h, l);
    run_house(h);
}

static void close_house(struct house *h)
{
    int status;

    (void)close(h->control);
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(munmap(h->shared, sizeof *h->shared), 0);
}

struct pair {
    int mine, theirs;
};

static struct pair new_pair(void)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    return (struct pair){.mine = fd[0], .theirs = fd[1]};
}

static void announce(struct house *h, struct pair *p, enum fr_worker type)
{
    struct fr_err err = {0};

    assert_ok(fr_ipc_send_worker(h->control, type, p->theirs, &err));
    (void)close(p->theirs);
}

static void put(int fd, struct fr_slice octets)
{
    assert_int_equal(send(fd, octets.data, octets.len, MSG_NOSIGNAL),
                     (ssize_t)octets.len);
}

static void send_msg(int fd, const struct fr_msg *m)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_err err = {0};

    assert_ok(fr_msg_encode(m, &octets, &err));
    put(fd, fr_buf_view(&octets));
}

static void send_as(int fd, const struct fr_peer *peer, struct fr_msg *m)
{
    FR_AUTO_CLEAR(buf) packed = FR_BUF_INIT(8192);
    struct fr_err err = {0};

    assert_ok(fr_peer_pack(peer, &packed, &err));
    fr_msg_set(m, FR_F_PEER, fr_buf_view(&packed));
    fr_msg_set_str(m, FR_F_ADDRESS, "192.0.2.1");
    send_msg(fd, m);
}

/* Refused and so audited: a request that writes. */
static void send_lookup(int fd, uint32_t id)
{
    struct fr_msg m = {.type = FR_MSG_LOOKUP, .id = id};
    struct fr_peer peer = lab_device();

    fr_msg_set_str(&m, FR_F_KEY_ID, KEY_ID(9));
    send_as(fd, &peer, &m);
}

static void send_admin(int fd, uint32_t id, const char *json)
{
    struct fr_msg m = {.type = FR_MSG_ADMIN, .id = id};

    fr_msg_set_str(&m, FR_F_JSON, json);
    send_msg(fd, &m);
}

/* The next message, within PATIENCE_MS; false at the end of the stream. `in` keeps
 * what it borrows from. */
static bool receive(int fd, struct fr_buf *in, struct fr_msg *ret)
{
    struct fr_err err = {0};
    size_t used;

    fr_buf_reset(in);
    while (fr_msg_decode(fr_buf_view(in), ret, &used, &err) != FR_OK) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint8_t *at = fr_buf_reserve(in, 1);
        ssize_t n;

        assert_non_null(at);
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        n = recv(fd, at, 1, 0); /* one by one: nothing of the next message */
        if (n <= 0)
            return false;
        in->len++;
    }
    return true;
}

static void assert_answered(int fd, uint32_t id, enum fr_code code)
{
    FR_AUTO_CLEAR(buf) in = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m;

    assert_true(receive(fd, &in, &m));
    assert_int_equal(m.type, FR_MSG_REPLY);
    assert_int_equal(m.id, id);
    assert_int_equal(fr_msg_u8(&m, FR_F_CODE), code);
}

static void assert_closed(int fd)
{
    FR_AUTO_CLEAR(buf) in = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m;

    assert_false(receive(fd, &in, &m));
}

/* The turn of the loop that answers this takes what the parent had announced; the
 * answer to the second question comes after it. */
static void settle(int admin)
{
    for (uint32_t id = 1; id <= 2; id++) {
        send_admin(admin, id, "{\"op\":\"status\"}");
        assert_answered(admin, id, FR_OK);
    }
}

static void what_waits_at_one_worker_is_one_transaction(void **state)
{
    enum { N = 20 };
    struct pair enrol = new_pair();
    struct house h;

    open_house(&h, *state);
    for (uint32_t id = 1; id <= N; id++)
        send_lookup(enrol.mine, id);
    announce(&h, &enrol, FR_WORKER_ENROL);
    for (uint32_t id = 1; id <= N; id++)
        assert_answered(enrol.mine, id, FR_ENOTFOUND);
    assert_int_equal(commits(&h), 1);
    (void)close(enrol.mine);
    close_house(&h);
}

static void what_waits_at_several_workers_is_one_transaction(void **state)
{
    enum { WORKERS = 4, EACH = 5 };
    struct pair enrol[WORKERS];
    struct house h;

    prepare_house(&h, *state);
    for (size_t i = 0; i < WORKERS; i++) {
        enrol[i] = new_pair();
        for (uint32_t id = 1; id <= EACH; id++)
            send_lookup(enrol[i].mine, id);
        announce(&h, &enrol[i], FR_WORKER_ENROL);
    }
    run_house(&h); /* all of it waits */
    for (size_t i = 0; i < WORKERS; i++)
        for (uint32_t id = 1; id <= EACH; id++)
            assert_answered(enrol[i].mine, id, FR_ENOTFOUND);
    assert_int_equal(commits(&h), 1);
    for (size_t i = 0; i < WORKERS; i++)
        (void)close(enrol[i].mine);
    close_house(&h);
}

static void failed_commit_answers_everybody_with_a_failure(void **state)
{
    struct pair admin = new_pair();
    struct house h;

    open_house(&h, *state);
    h.shared->to_fail = 1;
    send_admin(admin.mine, 1, "{\"op\":\"target.add\",\"id\":\"x.example\"}");
    send_admin(admin.mine, 2, "{\"op\":\"status\"}");
    announce(&h, &admin, FR_WORKER_ADMIN);
    assert_answered(admin.mine, 1, FR_ESTORE); /* no answer had left before it */
    assert_answered(admin.mine, 2, FR_ESTORE);
    send_admin(admin.mine, 3, "{\"op\":\"target.show\",\"id\":\"x.example\"}");
    assert_answered(admin.mine, 3, FR_ENOTFOUND);
    (void)close(admin.mine);
    close_house(&h);
}

static void failed_request_does_not_spoil_its_batch(void **state)
{
    struct pair admin = new_pair();
    struct house h;

    open_house(&h, *state);
    send_admin(admin.mine, 1, "{\"op\":\"target.add\",\"id\":\"x.example\"}");
    send_admin(admin.mine, 2, "{\"op\":\"target.add\",\"id\":\"x.example\"}");
    send_admin(admin.mine, 3, "{\"op\":\"target.add\",\"id\":\"y.example\"}");
    announce(&h, &admin, FR_WORKER_ADMIN);
    assert_answered(admin.mine, 1, FR_OK);
    assert_answered(admin.mine, 2, FR_ECONFLICT);
    assert_answered(admin.mine, 3, FR_OK);
    send_admin(admin.mine, 4, "{\"op\":\"target.show\",\"id\":\"y.example\"}");
    assert_answered(admin.mine, 4, FR_OK);
    (void)close(admin.mine);
    close_house(&h);
}

static void assert_trail_says(int admin, uint32_t id, const char *words)
{
    FR_AUTO_CLEAR(buf) in = FR_BUF_INIT(FR_MSG_MAX);
    char text[16384];
    struct fr_msg m;

    send_admin(admin, id, "{\"op\":\"audit\"}");
    assert_true(receive(admin, &in, &m));
    assert_contains(fr_msg_text(&m, FR_F_JSON, text, sizeof text), words);
}

static void worker_that_breaks_its_mask_is_closed_and_no_other(void **state)
{
    struct pair fetch = new_pair(), admin = new_pair();
    struct house h;

    open_house(&h, *state);
    announce(&h, &admin, FR_WORKER_ADMIN);
    send_admin(fetch.mine, 1, "{\"op\":\"status\"}");
    send_admin(fetch.mine, 2, "{\"op\":\"target.add\",\"id\":\"x.example\"}");
    announce(&h, &fetch, FR_WORKER_FETCH);
    assert_closed(fetch.mine);
    send_admin(admin.mine, 1, "{\"op\":\"target.show\",\"id\":\"x.example\"}");
    assert_answered(admin.mine, 1, FR_ENOTFOUND);
    assert_trail_says(admin.mine, 2, "ipc-forbidden");
    (void)close(fetch.mine);
    (void)close(admin.mine);
    close_house(&h);
}

static void worker_that_sends_nonsense_is_closed_after_its_replies(void **state)
{
    struct pair enrol = new_pair(), admin = new_pair();
    struct house h;

    open_house(&h, *state);
    announce(&h, &admin, FR_WORKER_ADMIN);
    send_lookup(enrol.mine, 1);
    put(enrol.mine, fr_slice_str("\xff\xff\xff\xff nonsense"));
    announce(&h, &enrol, FR_WORKER_ENROL);
    assert_answered(enrol.mine, 1, FR_ENOTFOUND);
    assert_closed(enrol.mine);
    assert_trail_says(admin.mine, 1, "ipc-malformed");
    (void)close(enrol.mine);
    (void)close(admin.mine);
    close_house(&h);
}

static void worker_with_a_broken_peer_is_closed(void **state)
{
    struct fr_msg m = {.type = FR_MSG_LOOKUP, .id = 1};
    struct pair enrol = new_pair();
    struct house h;

    open_house(&h, *state);
    fr_msg_set(&m, FR_F_PEER, fr_slice_of("\x01\x00", 2));
    fr_msg_set_str(&m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set_str(&m, FR_F_KEY_ID, KEY_ID(9));
    send_msg(enrol.mine, &m);
    announce(&h, &enrol, FR_WORKER_ENROL);
    assert_closed(enrol.mine);
    (void)close(enrol.mine);
    close_house(&h);
}

static void message_in_pieces_is_put_together(void **state)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m = {.type = FR_MSG_ADMIN, .id = 1};
    struct pair admin = new_pair(), other = new_pair();
    struct fr_err err = {0};
    struct house h;

    open_house(&h, *state);
    announce(&h, &admin, FR_WORKER_ADMIN);
    announce(&h, &other, FR_WORKER_ADMIN);
    fr_msg_set_str(&m, FR_F_JSON, "{\"op\":\"status\"}");
    assert_ok(fr_msg_encode(&m, &octets, &err));
    put(admin.mine, fr_slice_of(octets.data, 5));
    settle(other.mine);
    put(admin.mine, fr_slice_of(octets.data + 5, octets.len - 5));
    assert_answered(admin.mine, 1, FR_OK);
    (void)close(admin.mine);
    (void)close(other.mine);
    close_house(&h);
}

static void worker_that_ends_and_comes_back_is_served(void **state)
{
    struct pair first = new_pair(), second = new_pair();
    struct house h;

    open_house(&h, *state);
    announce(&h, &first, FR_WORKER_ADMIN);
    settle(first.mine);
    (void)close(first.mine);
    announce(&h, &second, FR_WORKER_ADMIN);
    settle(second.mine);
    (void)close(second.mine);
    close_house(&h);
}

static void note_gets_no_reply(void **state)
{
    struct fr_peer nobody = {.kind = FR_PEER_NONE};
    struct fr_msg m = {.type = FR_MSG_NOTE};
    struct pair enrol = new_pair();
    struct house h;

    open_house(&h, *state);
    fr_msg_set_str(&m, FR_F_REASON, "tls-alert-48");
    fr_msg_set_str(&m, FR_F_TEXT, "unknown CA");
    send_as(enrol.mine, &nobody, &m);
    send_lookup(enrol.mine, 5);
    announce(&h, &enrol, FR_WORKER_ENROL);
    assert_answered(enrol.mine, 5, FR_ENOTFOUND); /* and nothing before it */
    (void)close(enrol.mine);
    close_house(&h);
}

static void fetch_workers_are_woken_when_a_targets_feed_grows(void **state)
{
    FR_AUTO_CLEAR(buf) in = FR_BUF_INIT(FR_MSG_MAX);
    struct pair fetch = new_pair(), admin = new_pair();
    struct lab *l = *state;
    char text[FR_ID_MAX + 1];
    struct fr_msg m;
    struct house h;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    open_house(&h, l);
    announce(&h, &fetch, FR_WORKER_FETCH);
    announce(&h, &admin, FR_WORKER_ADMIN);
    send_admin(admin.mine, 1,
               "{\"op\":\"credential.revoke\",\"keyId\":\"" KEY_ID(1) "\"}");
    assert_answered(admin.mine, 1, FR_OK);
    assert_true(receive(fetch.mine, &in, &m));
    assert_int_equal(m.type, FR_MSG_WAKE);
    assert_string_equal(fr_msg_text(&m, FR_F_TARGET_FQDN, text, sizeof text), BROKER);
    (void)close(fetch.mine);
    (void)close(admin.mine);
    close_house(&h);
}

/* ---- what is answered later ---- */

#define IMPI "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"

static void list_subscriber(struct lab *l)
{
    lab_populate(l);
    lab_sql(l, "UPDATE enrolee SET imsi = '001010000000001' WHERE name = 'dev1'");
}

static void send_begin(int fd, uint32_t id)
{
    struct fr_msg m = {.type = FR_MSG_UB_BEGIN, .id = id};

    fr_msg_set_str(&m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set_str(&m, FR_F_SUBSCRIBER, IMPI);
    send_msg(fd, &m);
}

static uint64_t wanted(int hss)
{
    FR_AUTO_CLEAR(buf) in = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_msg m;

    assert_true(receive(hss, &in, &m));
    assert_int_equal(m.type, FR_MSG_VECTOR_WANTED);
    assert_int_equal(m.id, 0);
    return fr_msg_u64(&m, FR_F_TICKET);
}

static void send_vector(int hss, uint64_t ticket)
{
    static const uint8_t vector[72];
    struct fr_msg m = {.type = FR_MSG_VECTOR};
    uint8_t number[8], code[8];

    fr_msg_set_u64(&m, FR_F_TICKET, ticket, number);
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set(&m, FR_F_VECTOR, fr_slice_of(vector, sizeof vector));
    send_msg(hss, &m);
}

/* Two workers, of which each gets the answers to its own questions. */
static void a_vector_reaches_the_worker_that_asked(void **state)
{
    struct pair admin = new_pair(), hss = new_pair(), gba[2] = {new_pair(), new_pair()};
    uint64_t ticket[2];
    struct house h;

    list_subscriber(*state);
    open_house(&h, *state);
    announce(&h, &hss, FR_WORKER_HSS);
    announce(&h, &gba[0], FR_WORKER_GBA);
    announce(&h, &gba[1], FR_WORKER_GBA);
    announce(&h, &admin, FR_WORKER_ADMIN);
    settle(admin.mine);
    for (size_t i = 0; i < 2; i++) {
        send_begin(gba[i].mine, (uint32_t)(10 + i));
        ticket[i] = wanted(hss.mine);
    }
    send_vector(hss.mine, ticket[1]);
    assert_answered(gba[1].mine, 11, FR_OK);
    send_vector(hss.mine, ticket[0]);
    assert_answered(gba[0].mine, 10, FR_OK);
    (void)close(hss.mine);
    (void)close(gba[0].mine);
    (void)close(gba[1].mine);
    (void)close(admin.mine);
    close_house(&h);
}

static void who_waits_is_answered_when_the_hss_worker_goes(void **state)
{
    struct pair admin = new_pair(), hss = new_pair(), gba = new_pair();
    struct house h;

    list_subscriber(*state);
    open_house(&h, *state);
    announce(&h, &hss, FR_WORKER_HSS);
    announce(&h, &gba, FR_WORKER_GBA);
    announce(&h, &admin, FR_WORKER_ADMIN);
    settle(admin.mine);
    send_begin(gba.mine, 3);
    (void)wanted(hss.mine);
    (void)close(hss.mine);
    assert_answered(gba.mine, 3, FR_EUNREACHABLE);
    send_begin(gba.mine, 4);
    assert_answered(gba.mine, 4, FR_EUNREACHABLE);
    (void)close(gba.mine);
    (void)close(admin.mine);
    close_house(&h);
}

static void what_is_not_committed_asks_nothing_of_the_hss(void **state)
{
    struct pair admin = new_pair(), hss = new_pair(), gba = new_pair();
    struct house h;

    list_subscriber(*state);
    open_house(&h, *state);
    announce(&h, &hss, FR_WORKER_HSS);
    announce(&h, &gba, FR_WORKER_GBA);
    announce(&h, &admin, FR_WORKER_ADMIN);
    settle(admin.mine);
    __atomic_store_n(&h.shared->to_fail, 1, __ATOMIC_SEQ_CST);
    send_begin(gba.mine, 3);
    assert_answered(gba.mine, 3, FR_ESTORE);
    send_begin(gba.mine, 4);
    send_vector(hss.mine, wanted(hss.mine)); /* the first that it hears of */
    assert_answered(gba.mine, 4, FR_OK);
    (void)close(hss.mine);
    (void)close(gba.mine);
    (void)close(admin.mine);
    close_house(&h);
}

static void end_of_the_parent_is_the_end_of_the_vault(void **state)
{
    struct house h;

    open_house(&h, *state);
    close_house(&h);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(what_waits_at_one_worker_is_one_transaction),
        LAB(what_waits_at_several_workers_is_one_transaction),
        LAB(failed_commit_answers_everybody_with_a_failure),
        LAB(failed_request_does_not_spoil_its_batch),
        LAB(worker_that_breaks_its_mask_is_closed_and_no_other),
        LAB(worker_that_sends_nonsense_is_closed_after_its_replies),
        LAB(worker_with_a_broken_peer_is_closed),
        LAB(message_in_pieces_is_put_together),
        LAB(worker_that_ends_and_comes_back_is_served),
        LAB(note_gets_no_reply),
        LAB(fetch_workers_are_woken_when_a_targets_feed_grows),
        LAB(a_vector_reaches_the_worker_that_asked),
        LAB(who_waits_is_answered_when_the_hss_worker_goes),
        LAB(what_is_not_committed_asks_nothing_of_the_hss),
        LAB(end_of_the_parent_is_the_end_of_the_vault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
