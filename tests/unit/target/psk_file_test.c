/* SPDX-License-Identifier: Apache-2.0 */
#include "target/psk_file.h"

#include <signal.h>
#include <sys/wait.h>

#include "keys.h"

#define LINE_A           "0000000000000000000000000000000A@" MEF ":" KEY_HEX_A "\n"
#define OLD_LINE(letter) "0000000000000000000000000000000" letter "@" MEF ":00ff\n"

static void assert_merges(const char *old, const char *letters, const char *want)
{
    FR_AUTO(target_cache) *c = cache_of(letters);
    struct fr_buf to = FR_BUF_INIT_WIPE(4096);
    struct fr_err err = {0};

    assert_ok(fr_psk_file_merge(fr_slice_str(old), c, &to, &err));
    assert_string_equal(fr_buf_cstr(&to), want);
    fr_buf_clear(&to);
}

static void each_key_has_a_line(void **state)
{
    (void)state;
    assert_merges("", "A", LINE_A);
    assert_merges("", "", "");
}

static void lines_of_others_stay_as_they_are(void **state)
{
    (void)state;
    assert_merges("# ours are below\nalice:0011\n\n", "A",
                  "# ours are below\nalice:0011\n\n" LINE_A);
    assert_merges("alice:0011", "A", "alice:0011\n" LINE_A);
}

static void our_lines_without_a_key_go(void **state)
{
    (void)state;
    assert_merges("alice:0011\n" OLD_LINE("A") OLD_LINE("B") "bob:22\n", "A",
                  "alice:0011\nbob:22\n" LINE_A);
    assert_merges(OLD_LINE("B"), "", "");
}

#define BTID "I1U8vpY3qJ0hiq5iTb+/NQ==@" MEF

static void key_of_a_sim_has_both_identities(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("A");
    struct fr_target_key k = key_of('A', 2000000000);
    struct fr_buf to = FR_BUF_INIT_WIPE(4096);
    struct fr_err err = {0};

    (void)state;
    snprintf(k.key_id, sizeof k.key_id, BTID);
    assert_ok(fr_target_cache_put(c, &k, &err));
    assert_ok(fr_psk_file_merge(
        fr_slice_str("3GPP-bootstrapping;" BTID ":00\n" BTID ":00\nalice@" MEF ":11\n"),
        c, &to, &err));
    assert_string_equal(fr_buf_cstr(&to),
                        "alice@" MEF ":11\n" LINE_A BTID ":" KEY_HEX_A
                        "\n3GPP-bootstrapping;" BTID ":" KEY_HEX_A "\n");
    fr_buf_clear(&to);
    assert_merges("3GPP-bootstrapping;" BTID ":00\n" BTID ":00\n", "", "");
}

static void key_ids_of_another_mef_are_others(void **state)
{
    (void)state;
    assert_merges("0000000000000000000000000000000B@mef2.example:00\n", "",
                  "0000000000000000000000000000000B@mef2.example:00\n");
}

static void update_writes_only_what_changes(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("A");
    const char *path = in(state, "psk");
    bool changed = false;
    struct stat st;
    struct fr_err err = {0};

    assert_ok(fr_psk_file_update(path, c, &changed, &err));
    assert_true(changed);
    assert_holds(path, LINE_A);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_ok(fr_psk_file_update(path, c, &changed, &err));
    assert_false(changed);
}

/* Mosquitto does not start without its psk_file. */
static void file_is_made_even_without_a_key(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("");
    bool changed = false;
    struct fr_err err = {0};

    assert_ok(fr_psk_file_update(in(state, "psk"), c, &changed, &err));
    assert_true(changed);
    assert_holds(in(state, "psk"), "");
}

static void owner_of_the_file_is_kept(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("A");
    const char *path = in(state, "psk");
    uid_t owner =
        geteuid() == 0 ? 12345 : geteuid(); /* only root can give files away */
    gid_t group = geteuid() == 0 ? 54321 : getegid();
    bool changed;
    struct stat st;
    struct fr_err err = {0};

    write_text(path, "alice:0011\n");
    assert_int_equal(chown(path, owner, group), 0);
    assert_ok(fr_psk_file_update(path, c, &changed, &err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, owner);
    assert_int_equal(st.st_gid, group);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void file_that_cannot_be_written_is_a_store_failure(void **state)
{
    FR_AUTO(target_cache) *c = cache_of("A");
    bool changed;
    struct fr_err err = {0};

    assert_fails(fr_psk_file_update(in(state, "none/psk"), c, &changed, &err),
                 FR_ESTORE);
    assert_null(strstr(err.msg, "aaaa"));
}

static volatile sig_atomic_t hups;

static void count_hup(int signal_number)
{
    (void)signal_number;
    hups++;
}

static void broker_gets_a_hup(void **state)
{
    char pid[32];
    struct fr_err err = {0};

    hups = 0;
    signal(SIGHUP, count_hup);
    snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    write_text(in(state, "pid"), pid);
    assert_ok(fr_psk_file_hup(in(state, "pid"), &err));
    assert_int_equal(hups, 1);
    signal(SIGHUP, SIG_DFL);
}

static void broker_that_is_not_there_is_not_found(void **state)
{
    char pid[32];
    pid_t child = fork();
    struct fr_err err = {0};

    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    snprintf(pid, sizeof pid, "%ld", (long)child);
    write_text(in(state, "pid"), pid);
    assert_fails(fr_psk_file_hup(in(state, "pid"), &err), FR_ENOTFOUND);
    assert_fails(fr_psk_file_hup(in(state, "none"), &err), FR_ENOTFOUND);
}

/* 0 and -1 would signal more processes than one, 1 is init. */
static void numbers_that_are_no_broker_are_refused(void **state)
{
    static const char *const bad[] = {"",  "\n", "0",     "-1",
                                      "1", "x",  "12 13", "99999999999"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fr_err err = {0};

        write_text(in(state, "pid"), bad[i]);
        assert_fails(fr_psk_file_hup(in(state, "pid"), &err), FR_ECONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_a_line),
        cmocka_unit_test(lines_of_others_stay_as_they_are),
        cmocka_unit_test(our_lines_without_a_key_go),
        cmocka_unit_test(key_of_a_sim_has_both_identities),
        cmocka_unit_test(key_ids_of_another_mef_are_others),
        IN_FOLDER(update_writes_only_what_changes),
        IN_FOLDER(file_is_made_even_without_a_key),
        IN_FOLDER(owner_of_the_file_is_kept),
        IN_FOLDER(file_that_cannot_be_written_is_a_store_failure),
        IN_FOLDER(broker_gets_a_hup),
        IN_FOLDER(broker_that_is_not_there_is_not_found),
        IN_FOLDER(numbers_that_are_no_broker_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
