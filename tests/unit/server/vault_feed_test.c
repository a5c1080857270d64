/* SPDX-License-Identifier: Apache-2.0 */
/* The feed that a target follows. */
#include "proto/mmef.h"
#include "vault_lab.h"

static void changes_of(struct lab *l, struct fr_mmef_changes *ret)
{
    struct fr_err err = {0};

    assert_ok(fr_mmef_changes_decode(l->answer.field[FR_F_JSON], ret, &err));
}

static void feed_tells_a_target_of_its_own_keys_only(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes mine = {0}, theirs = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &mine);
    assert_int_equal(mine.n, 1);
    assert_false(mine.reset);
    assert_int_equal(mine.list[0].kind, FR_CHANGE_ADDED);
    assert_string_equal(mine.list[0].key_id, KEY_ID(1));
    assert_string_equal(mine.list[0].enrolee, "dev1.example.com");
    assert_int_equal(mine.list[0].suid, 22);
    assert_int_equal(lab_feed(l, OTHER, 0), FR_OK);
    changes_of(l, &theirs);
    assert_int_equal(theirs.n, 0);
    fr_mmef_changes_clear(&mine);
    fr_mmef_changes_clear(&theirs);
}

static void feed_goes_on_behind_its_cursor(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes first = {0}, second = {0}, third = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &first);
    lab_do(l, "{'op':'credential.revoke','keyId':'" KEY_ID(1) "'}");
    assert_int_equal(lab_feed(l, BROKER, first.cursor), FR_OK);
    changes_of(l, &second);
    assert_int_equal(second.n, 1);
    assert_int_equal(second.list[0].kind, FR_CHANGE_REVOKED);
    assert_int_equal(lab_feed(l, BROKER, second.cursor), FR_OK);
    changes_of(l, &third);
    assert_int_equal(third.n, 0);
    assert_true(third.cursor == second.cursor);
    fr_mmef_changes_clear(&first);
    fr_mmef_changes_clear(&second);
    fr_mmef_changes_clear(&third);
}

static void feed_tells_of_what_a_new_key_pushed_out(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes c = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    lab_enrol(l, KEY_ID(3));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &c);
    assert_int_equal(c.n, 4);
    assert_int_equal(c.list[2].kind, FR_CHANGE_RETIRED);
    assert_string_equal(c.list[2].key_id, KEY_ID(1));
    assert_int_equal(c.list[3].kind, FR_CHANGE_ADDED);
    fr_mmef_changes_clear(&c);
}

static void cursor_beyond_the_end_starts_over(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes c = {0};

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    assert_int_equal(lab_feed(l, BROKER, UINT64_MAX), FR_OK);
    changes_of(l, &c);
    assert_true(c.reset);
    assert_int_equal(c.n, 1);
    fr_mmef_changes_clear(&c);
}

static void feed_forgets_a_key_long_after_its_end(void **state)
{
    const int64_t hour_ms = INT64_C(3600) * 1000;
    struct fr_mmef_changes changes;
    struct lab *l = *state;
    struct fr_err err = {0};
    int64_t due;

    l->config.expiry_max_s = 3600;
    lab_close(l);
    lab_open(l);
    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    fr_fake_env_advance(&l->fake, hour_ms);
    assert_ok(fr_vault_tick(l->vault, &due, &err)); /* expired: retired */
    lab_enrol(l, KEY_ID(2));
    fr_fake_env_advance(&l->fake, INT64_C(1000) * FR_VAULT_FEED_KEEP_S);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &changes);
    assert_int_equal(changes.n, 4); /* a reader may still be behind */
    fr_mmef_changes_clear(&changes);
    fr_fake_env_advance(&l->fake, hour_ms);
    assert_ok(fr_vault_tick(l->vault, &due, &err));
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &changes);
    assert_int_equal(changes.n, 2); /* of key 2 */
    assert_false(changes.reset);
    fr_mmef_changes_clear(&changes);
}

static void long_feed_comes_in_pieces(void **state)
{
    struct lab *l = *state;
    struct fr_mmef_changes first = {0}, second = {0};

    lab_populate(l);
    lab_sql(l,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 300) INSERT INTO feed (seq, event, target_fqdn, key_id, suid,"
            " san, expires, at) SELECT i, 0, '" BROKER "', printf('%032d@" MEF "', i),"
            " 22, 'dns:dev1', 1800000000, 1 FROM n;"
            "UPDATE progress SET feed = 300");
    assert_int_equal(lab_feed(l, BROKER, 0), FR_OK);
    changes_of(l, &first);
    assert_int_equal(first.n, FR_CHANGES_MAX);
    assert_int_equal(lab_feed(l, BROKER, first.cursor), FR_OK);
    changes_of(l, &second);
    assert_int_equal(second.n, 300 - FR_CHANGES_MAX);
    assert_true(second.list[0].seq == first.cursor + 1);
    fr_mmef_changes_clear(&first);
    fr_mmef_changes_clear(&second);
}

static bool begins_again(struct lab *l, uint64_t since, const char *last)
{
    struct fr_peer peer = lab_target(BROKER);
    struct fr_mmef_changes changes = {0};
    struct fr_msg m = {.type = FR_MSG_FEED};
    uint8_t cursor[8];
    bool reset;

    fr_msg_set_u64(&m, FR_F_SINCE, since, cursor);
    fr_msg_set_str(&m, FR_F_KEY_ID, last);
    assert_int_equal(lab_ask_as(l, &peer, &m), FR_OK);
    changes_of(l, &changes);
    reset = changes.reset;
    fr_mmef_changes_clear(&changes);
    return reset;
}

/* The database was put back to an older one, and has grown since. */
static void cursor_at_anothers_change_begins_again(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_enrol(l, KEY_ID(2));
    assert_false(begins_again(l, 0, NULL));
    assert_false(begins_again(l, 1, "00000000000000000000000000000001"));
    assert_false(begins_again(l, 2, "00000000000000000000000000000002"));
    assert_false(begins_again(l, 2, NULL)); /* an old target */
    assert_true(begins_again(l, 1, "00000000000000000000000000000003"));
    assert_true(begins_again(l, 2, "00000000000000000000000000000001"));
    assert_true(begins_again(l, 3, "00000000000000000000000000000003"));
}

/* What is there at that place is another target's. */
static void cursor_at_another_targets_change_begins_again(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    lab_enrol(l, KEY_ID(1));
    lab_sql(l, "UPDATE feed SET target_fqdn = '" OTHER "'");
    lab_enrol(l, KEY_ID(2));
    assert_true(begins_again(l, 1, "00000000000000000000000000000001"));
}

static void feed_is_only_for_registered_targets(void **state)
{
    struct lab *l = *state;

    lab_populate(l);
    assert_int_equal(lab_feed(l, "stranger.example.com", 0), FR_EREFUSED);
    assert_string_equal(l->err.reason, "target-not-registered");
}

static void target_of_two_names_hears_of_both(void **state)
{
    struct fr_peer peer = lab_target(BROKER);
    struct fr_msg m = {.type = FR_MSG_FEED};
    struct lab *l = *state;
    struct fr_mmef_changes c = {0};
    struct lab_commit k;
    uint8_t since[8];

    lab_populate(l);
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" OTHER "'}");
    lab_enrol(l, KEY_ID(1));
    k = lab_commit_of(l, KEY_ID(2));
    k.target = OTHER;
    assert_int_equal(lab_commit(l, &k), FR_OK);
    peer.sans[1] = lab_target(OTHER).sans[0];
    peer.n_sans = 2;
    fr_msg_set_u64(&m, FR_F_SINCE, 0, since);
    assert_int_equal(lab_ask_as(l, &peer, &m), FR_OK);
    changes_of(l, &c);
    assert_int_equal(c.n, 2);
    fr_mmef_changes_clear(&c);
}

int main(void)
{
#define LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        LAB(feed_tells_a_target_of_its_own_keys_only),
        LAB(feed_goes_on_behind_its_cursor),
        LAB(feed_tells_of_what_a_new_key_pushed_out),
        LAB(cursor_beyond_the_end_starts_over),
        LAB(feed_forgets_a_key_long_after_its_end),
        LAB(long_feed_comes_in_pieces),
        LAB(cursor_at_anothers_change_begins_again),
        LAB(cursor_at_another_targets_change_begins_again),
        LAB(feed_is_only_for_registered_targets),
        LAB(target_of_two_names_hears_of_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
