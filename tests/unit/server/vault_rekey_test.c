/* SPDX-License-Identifier: Apache-2.0 */
/* Another key-encryption key: at no moment, and after no kill, is a key lost. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "store/facts.h"
#include "vault_lab.h"

enum { N_KEYS = 150 }; /* three steps of work */

static const char *name_of(int n)
{
    static char key_id[FR_KEYID_MAX + 1];

    snprintf(key_id, sizeof key_id, "%032X@" MEF, n);
    return key_id;
}

static void enrol(struct lab *l, int n)
{
    struct lab_commit c;
    char san[64];

    snprintf(san, sizeof san, "dns:dev%d.example.com", n);
    c = lab_commit_of(l, name_of(n));
    c.peer = lab_peer(ANCHOR, san);
    if (lab_commit(l, &c) != FR_OK)
        fail_msg("%s: %s", l->err.reason, l->err.msg);
}

static void enrol_all(struct lab *l)
{
    lab_do(l, "{'op':'target.add','id':'" BROKER "'}");
    lab_do(l, "{'op':'enrolee.add','name':'all','anchor':'" ANCHOR "'}");
    lab_do(l, "{'op':'enrolee.allow','name':'all','target':'" BROKER "'}");
    for (int n = 0; n < N_KEYS; n++)
        enrol(l, n);
}

/* The key of a device by what its target gets; it follows from Ke, hence from n. */
static void fetch(struct lab *l, int n, char to[2 * FR_KE_LEN + 1])
{
    if (lab_fetch(l, BROKER, name_of(n), 22) != FR_OK)
        fail_msg("%d: %s: %s", n, l->err.reason, l->err.msg);
    assert_int_equal(l->answer.field[FR_F_KEY].len, FR_KE_LEN);
    fr_hex_encode(l->answer.field[FR_F_KEY], to, false);
}

struct keys {
    char hex[N_KEYS + 50][2 * FR_KE_LEN + 1];
};

static void fetch_all(struct lab *l, struct keys *keys)
{
    for (int n = 0; n < N_KEYS; n++)
        fetch(l, n, keys->hex[n]);
}

static void assert_same(struct lab *l, const struct keys *keys, int every)
{
    char hex[2 * FR_KE_LEN + 1];

    for (int n = 0; n < N_KEYS; n += every) {
        fetch(l, n, hex);
        assert_string_equal(hex, keys->hex[n]);
    }
}

static void assert_trail_is_whole(struct lab *l)
{
    assert_contains(lab_say(l, "{'op':'audit','verify':true}"), "\"intact\":true");
}

static void work(struct lab *l)
{
    struct fr_err err = {0};
    bool worked;

    assert_ok(fr_vault_rekey_step(l->vault, &worked, &err));
}

static void finish(struct lab *l)
{
    for (int i = 0; fr_vault_is_rekeying(l->vault); i++) {
        assert_true(i < 5);
        work(l);
    }
}

static void begin(struct lab *l)
{
    lab_do(l, "{'op':'store.rekey'}");
    work(l); /* the batch that heeds it is the first that works */
    assert_true(fr_vault_is_rekeying(l->vault));
}

static void beside(const struct lab *l, const char *end, char to[128])
{
    snprintf(to, 128, "%s%s", l->key_file, end);
}

static bool is_there(const struct lab *l, const char *end)
{
    char path[128];

    beside(l, end, path);
    return access(path, F_OK) == 0;
}

static void move(const struct lab *l, const char *from, const char *to)
{
    char a[128], b[128];

    beside(l, from, a);
    beside(l, to, b);
    assert_int_equal(rename(a, b), 0);
}

static void every_key_opens_at_every_step_and_after_every_kill(void **state)
{
    struct lab *l = *state;
    struct keys *keys = calloc(1, sizeof *keys);

    enrol_all(l);
    fetch_all(l, keys);
    begin(l);
    for (int n = N_KEYS; fr_vault_is_rekeying(l->vault); n++) {
        assert_same(l, keys, 7);
        enrol(l, n); /* service goes on */
        assert_trail_is_whole(l);
        if (n == N_KEYS + 1) {
            lab_kill(l);
            lab_open(l);
        }
        work(l);
        assert_true(n < N_KEYS + 20);
    }
    assert_same(l, keys, 1);
    assert_trail_is_whole(l);
    assert_int_equal(lab_count_reason(l, "rekeyed"), 1);
    free(keys);
}

static void the_files_change_places_and_the_old_key_is_useless(void **state)
{
    struct lab *l = *state;
    struct keys *keys = calloc(1, sizeof *keys);
    struct fr_vault *v = NULL;
    struct fr_err err = {0};

    enrol_all(l);
    fetch_all(l, keys);
    begin(l);
    assert_true(is_there(l, ".next"));
    finish(l);
    assert_false(is_there(l, ".next"));
    assert_true(is_there(l, ".old"));
    lab_close(l);
    lab_open(l);
    assert_same(l, keys, 1);
    lab_close(l);
    move(l, ".old", "");
    l->config.store = NULL;
    l->config.database = l->database;
    assert_fails_as(fr_vault_open(&l->config, &v, &err), FR_ECONFIG, "key-other");
    free(keys);
}

static void a_kill_before_the_files_changed_places_is_made_good(void **state)
{
    struct lab *l = *state;

    enrol_all(l);
    begin(l);
    finish(l);
    lab_close(l);
    move(l, "", ".next");
    move(l, ".old", "");
    lab_open(l);
    assert_false(is_there(l, ".next"));
    assert_true(is_there(l, ".old"));
    lab_close(l);
    lab_open(l);
    enrol(l, N_KEYS);
}

static void a_step_that_is_not_kept_is_done_again(void **state)
{
    struct lab *l = *state;
    struct keys *keys = calloc(1, sizeof *keys);
    struct fr_err err = {0};
    bool worked;

    enrol_all(l);
    fetch_all(l, keys);
    begin(l);
    while (fr_vault_is_rekeying(l->vault)) {
        l->commits_fail = true;
        assert_fails_as(fr_vault_rekey_step(l->vault, &worked, &err), FR_ESTORE,
                        "commit-failed");
        l->commits_fail = false;
        assert_same(l, keys, 7);
        work(l);
    }
    lab_close(l);
    lab_open(l);
    assert_same(l, keys, 1);
    assert_trail_is_whole(l);
    assert_int_equal(lab_count_reason(l, "rekeyed"), 1);
    free(keys);
}

/* While this node was held up, another ended the rekeying, or began the next. */
static struct fr_store_methods among_others;
static void (*rewrap_of_store)(struct fr_store *s, const char *key_id,
                               struct fr_slice wrapped, struct fr_store_call call);

static void rewrap_late(struct fr_store *s, const char *key_id, struct fr_slice wrapped,
                        struct fr_store_call call)
{
    struct fr_err err = {0};

    among_others.credential_rewrap = rewrap_of_store;
    assert_ok(fr_fact_set(s, FR_FACT_GENERATION, "of another node", &err));
    rewrap_of_store(s, key_id, wrapped, call);
}

static void a_step_by_rules_that_are_over_is_not_kept(void **state)
{
    struct lab *l = *state;
    bool worked;

    enrol_all(l);
    begin(l);
    among_others = *l->config.store->methods;
    rewrap_of_store = among_others.credential_rewrap;
    among_others.credential_rewrap = rewrap_late;
    l->config.store->methods = &among_others;
    assert_int_equal(fr_vault_rekey_step(l->vault, &worked, &l->err), FR_EBUSY);
    assert_contains(lab_say(l, "{'op':'status'}"), "\"done\":64");
    finish(l);
    assert_contains(lab_say(l, "{'op':'status'}"), "\"rekey\":null");
}

static void it_begins_once_and_not_with_the_same_key(void **state)
{
    struct lab *l = *state;
    FR_AUTO_CLEAR(buf) key = FR_BUF_INIT(128);
    struct fr_err err = {0};
    char next[128];

    assert_ok(fr_file_read(l->key_file, &key, &err));
    beside(l, ".next", next);
    assert_ok(fr_file_write_atomic(next, fr_buf_view(&key), 0600, &err));
    assert_null(lab_admin(l, "{'op':'store.rekey'}"));
    assert_string_equal(l->err.reason, "key-same");
    assert_int_equal(unlink(next), 0);
    enrol_all(l);
    begin(l);
    assert_null(lab_admin(l, "{'op':'store.rekey'}"));
    assert_string_equal(l->err.reason, "rekeying");
    assert_contains(lab_say(l, "{'op':'status'}"), "\"done\":64");
    finish(l);
    assert_contains(lab_say(l, "{'op':'status'}"), "\"rekey\":null");
}

static void without_the_next_key_nobody_serves(void **state)
{
    struct lab *l = *state;
    struct fr_vault *v = NULL;
    struct fr_err err = {0};

    enrol_all(l);
    begin(l);
    lab_close(l);
    move(l, ".next", ".hidden");
    l->config.store = NULL;
    l->config.database = l->database;
    assert_fails_as(fr_vault_open(&l->config, &v, &err), FR_ECONFIG,
                    "key-next-missing");
    assert_contains(err.msg, ".next");
    move(l, ".hidden", ".next");
    lab_open(l);
    finish(l);
}

static void a_key_that_is_broken_keeps_no_other_back(void **state)
{
    struct lab *l = *state;

    enrol_all(l);
    lab_sql(l, "UPDATE credential SET wrapped = zeroblob(60)"
               " WHERE key_id LIKE '00000000000000000000000000000003%'");
    begin(l);
    finish(l);
    assert_int_equal(lab_count_reason(l, "wrap-broken"), 1);
    assert_int_equal(lab_fetch(l, BROKER, name_of(4), 22), FR_OK);
    assert_int_equal(lab_fetch(l, BROKER, name_of(3), 22), FR_ESTORE);
    assert_trail_is_whole(l);
}

/* ---- other facts that a tool changes under a vault ---- */

static void a_store_that_has_moved_serves_no_more_until_it_is_taken_back(void **state)
{
    struct lab *l = *state;
    struct fr_err err = {0};

    lab_populate(l);
    lab_sql(l,
            "INSERT INTO meta VALUES ('moved', 'to elsewhere'), ('generation', 'a')");
    assert_fails_as(fr_vault_begin(l->vault, &err), FR_ECONFIG, "store-moved");
    assert_fails_as(fr_vault_begin(l->vault, &err), FR_ECONFIG, "store-moved");
    lab_sql(l, "UPDATE meta SET value = '' WHERE name = 'moved'");
    lab_enrol(l, KEY_ID(1));
}

static void a_copy_that_is_not_finished_does_not_open(void **state)
{
    struct lab *l = *state;
    struct fr_vault *v = NULL;
    struct fr_err err = {0};

    lab_close(l);
    lab_sql(l, "INSERT INTO meta VALUES ('copy', 'of another')");
    l->config.store = NULL;
    l->config.database = l->database;
    assert_fails_as(fr_vault_open(&l->config, &v, &err), FR_ECONFIG, "copy-unfinished");
}

static void a_note_of_a_tool_goes_into_the_trail_once(void **state)
{
    struct lab *l = *state;

    lab_close(l);
    lab_sql(l, "INSERT INTO meta VALUES ('note', 'the store was restored from x')");
    lab_open(l);
    assert_contains(lab_say(l, "{'op':'audit'}"), "restored from x");
    lab_close(l);
    lab_open(l);
    assert_int_equal(lab_count_reason(l, "store-changed"), 1);
    assert_trail_is_whole(l);
}

static void a_cursor_from_below_the_feed_base_begins_again(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "\"cursor\":1,");
    lab_sql(l, "INSERT INTO meta VALUES ('feed-base', '5000'), ('generation', 'a')");
    assert_int_equal(lab_feed(l, BROKER, 1), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "\"cursor\":5001,\"reset\":true");
    assert_contains(lab_text(l, FR_F_JSON), "\"seq\":5001");
    assert_int_equal(lab_feed(l, BROKER, 5001), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "\"cursor\":5001,\"reset\":false");
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "\"cursor\":5001,\"reset\":false");
    assert_int_equal(lab_feed(l, BROKER, 5002), FR_OK);
    assert_contains(lab_text(l, FR_F_JSON), "\"reset\":true");
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(every_key_opens_at_every_step_and_after_every_kill),
        LAB(the_files_change_places_and_the_old_key_is_useless),
        LAB(a_kill_before_the_files_changed_places_is_made_good),
        LAB(a_step_that_is_not_kept_is_done_again),
        LAB(a_step_by_rules_that_are_over_is_not_kept),
        LAB(it_begins_once_and_not_with_the_same_key),
        LAB(without_the_next_key_nobody_serves),
        LAB(a_key_that_is_broken_keeps_no_other_back),
        LAB(a_store_that_has_moved_serves_no_more_until_it_is_taken_back),
        LAB(a_copy_that_is_not_finished_does_not_open),
        LAB(a_note_of_a_tool_goes_into_the_trail_once),
        LAB(a_cursor_from_below_the_feed_base_begins_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
