/* SPDX-License-Identifier: Apache-2.0 */
/* The words of `store`; what it does to a fleet is in tests/system/test_store_tools.py.
 */
#include "cli/ctl_store.h"

#include <unistd.h>

#include "captured.h"
#include "cli/ctl.h"
#include "store/store.h"
#include "tree.h"

struct store_test {
    struct captured c; /* first */
    char dir[64], db[96];
};

static int setup(void **state)
{
    struct store_test *t = calloc(1, sizeof *t);
    FR_AUTO(store) *s = NULL;
    struct fr_err err = {0};

    assert_non_null(t);
    captured_init(&t->c, "fieldrootctl");
    snprintf(t->dir, sizeof t->dir, "/tmp/fr-ctl-store-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    snprintf(t->db, sizeof t->db, "%s/a.db", t->dir);
    assert_ok(fr_store_sqlite_open(t->db, &s, &err));
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct store_test *t = *state;

    captured_clear(&t->c);
    (void)tree_remove(t->dir);
    free(t);
    return 0;
}

/* %D is the folder. */
static int ctl(struct store_test *t, const char *line)
{
    char text[1024];
    size_t n = 0;

    for (; *line && n < sizeof text - sizeof t->dir; line++) {
        if (line[0] == '%' && line[1] == 'D') {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", t->dir);
            line++;
        } else {
            text[n++] = *line;
        }
    }
    text[n] = 0;
    return run(&t->c, fr_ctl_commands, text);
}

static void a_backup_is_summed_up(void **state)
{
    struct store_test *t = *state;

    assert_int_equal(ctl(t, "store backup %D/b.db --from %D/a.db"), 0);
    assert_contains(t->c.out, "0 enrolees, 0 targets, 0 credentials");
    assert_contains(t->c.out, "which is not in it");
    assert_int_equal(ctl(t, "store backup %D/b.db --from %D/a.db"), 1);
    assert_contains(t->c.err, "b.db is there already");
    assert_int_equal(ctl(t, "store backup %D/c.db --from %D/none.db"), 1);
    assert_int_equal(ctl(t, "store backup %D/c.db --config %D/none.conf"), 65);
    assert_int_equal(t->c.n_asked, 0);
}

static void a_copy_is_counted_and_compared(void **state)
{
    struct store_test *t = *state;

    assert_int_equal(ctl(t, "store copy --from %D/a.db --to %D/b.db"), 0);
    assert_contains(t->c.out, "the same on both sides, row for row");
    assert_contains(t->c.out, "--final brings the rest");
    assert_int_equal(ctl(t, "store copy --from %D/a.db --to %D/b.db --final --json"),
                     0);
    assert_contains(t->c.out, "\"final\":true");
    assert_int_equal(ctl(t, "store copy --from %D/a.db --to %D/c.db"), 65);
    assert_contains(t->c.err, "has moved (to ");
    assert_int_equal(ctl(t, "store copy --from %D/a.db --abandon"), 0);
    assert_int_equal(ctl(t, "store copy --from %D/a.db --abandon"), 1);
    assert_contains(t->c.err, "has not moved");
}

static void words_that_do_not_fit_are_refused(void **state)
{
    static const char *const lines[] = {
        "store",
        "store backup",
        "store backup %D/x %D/y",
        "store restore",
        "store copy",
        "store copy --from %D/a.db",
        "store copy --from %D/a.db --to %D/b.db --abandon",
        "store copy %D/a.db --to %D/b.db",
        "store rekey now",
        "store wipe",
    };
    struct store_test *t = *state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (ctl(t, lines[i]) != 64)
            fail_msg("%s: status %d", lines[i], t->c.status);
}

static void rekey_asks_and_returns_when_told_to(void **state)
{
    struct store_test *t = *state;

    t->c.answer = "{\"from\":\"aa\",\"to\":\"bb\"}";
    assert_int_equal(ctl(t, "store rekey --no-wait"), 0);
    assert_asked(&t->c, 0, "{\"op\":\"store.rekey\"}");
    assert_contains(t->c.out, "rekeying from key aa to key bb");
}

static void rekey_waits_for_the_new_key(void **state)
{
    struct store_test *t = *state;

    t->c.answer = "{\"from\":\"aa\",\"to\":\"bb\",\"keyId\":\"bb\",\"rekey\":null}";
    assert_int_equal(ctl(t, "store rekey"), 0);
    assert_asked(&t->c, 1, "{\"op\":\"status\"}");
    assert_contains(t->c.out, "KEYFILE.old");
}

static void a_refused_rekey_says_why(void **state)
{
    struct store_test *t = *state;

    t->c.refuse_op = "store.rekey";
    t->c.refuse_with = FR_ECONFLICT;
    assert_int_equal(ctl(t, "store rekey"), 1);
    assert_contains(t->c.err, "the daemon says no");
}

int main(void)
{
#define STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE(a_backup_is_summed_up),
        STORE(a_copy_is_counted_and_compared),
        STORE(words_that_do_not_fit_are_refused),
        STORE(rekey_asks_and_returns_when_told_to),
        STORE(rekey_waits_for_the_new_key),
        STORE(a_refused_rekey_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
