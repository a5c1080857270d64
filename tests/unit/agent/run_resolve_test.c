/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: what comes before the walk, and what ends it early. */
#include "agent/run.h"

#include "test.h"
#include "unit/agent/rig.h"
#include "unit/net/tlspeer.h"

/* ---- nothing to do ---- */

static void a_valid_credential_leaves_nothing_to_do(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_put(&r, "good.example.com", "t.example.com", false);
    assert_int_equal(rig_walk(&r, LIST(ONE("good") "," ONE("refuse"))), 0);
    assert_int_equal(scripted.opened, 0);
    assert_contains(rig_nth(&r, "outcome", 0), "\"reason\":\"nothing-to-do\"");
    rig_clear(&r);
}

static void renew_walks_all_the_same(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_put(&r, "good.example.com", "assigned.example.com", false);
    assert_int_equal(rig_finish(&r, rig_run(&r, LIST(ONE("good")), true)), 0);
    assert_int_equal(scripted.opened, 1);
    rig_clear(&r);
}

static void an_expired_credential_is_replaced(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_put(&r, "good.example.com", "assigned.example.com", false);
    fr_fake_env_advance(&r.clock, 301 * 1000);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_int_equal(scripted.opened, 1);
    rig_clear(&r);
}

static void another_targets_credential_does_not_count(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_put(&r, "good.example.com", "other.example.com", false);
    assert_int_equal(
        rig_walk(&r, LIST("{'bootstrap':'scripted','mef':'good.example.com',"
                          "'target':'t.example.com'}")),
        0);
    assert_int_equal(scripted.opened, 1);
    assert_true(rig_has_current(&r, "good.example.com", "other.example.com"));
    assert_true(rig_has_current(&r, "good.example.com", "t.example.com"));
    rig_clear(&r);
}

/* ---- resolving ---- */

static void a_pending_slot_that_the_mef_knows_is_flipped(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_FLIP;
    rig_put(&r, "good.example.com", "t.example.com", true);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_true(rig_has_current(&r, "good.example.com", "t.example.com"));
    assert_int_equal(rig_n_pending(&r), 0);
    assert_int_equal(scripted.opened, 1); /* the resolve, and then nothing to do */
    assert_contains(rig_nth(&r, "attempt", 0), "\"position\":\"resolve\"");
    rig_clear(&r);
}

static void assert_confirmed(struct rig *r, const char *mef, bool confirmed)
{
    struct fr_slot_id id = {.mef = mef};
    FR_AUTO(credential) *c = NULL;
    struct fr_err err;

    assert_ok(fr_state_find(r->state, &id, &c, &err));
    assert_int_equal(c->confirmed, confirmed);
}

/* The MEF says that it has committed it, not that it holds the same key. */
static void what_a_resolve_flips_is_not_confirmed(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_FLIP;
    rig_put(&r, "a.example.com", "t.example.com", true);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_confirmed(&r, "a.example.com", false);
    assert_confirmed(&r, "good.example.com", true);
    rig_clear(&r);
}

static void a_pending_slot_that_the_mef_does_not_know_is_dropped(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_DROP;
    rig_put(&r, "good.example.com", "t.example.com", true);
    assert_int_equal(rig_walk(&r, LIST(ONE("refuse"))), 77);
    assert_int_equal(rig_n_pending(&r), 0);
    assert_false(rig_has_current(&r, NULL, NULL));
    rig_clear(&r);
}

static void a_pending_slot_is_kept_while_its_mef_is_away(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_AWAY;
    rig_put(&r, "a.example.com", "t.example.com", true);
    rig_put(&r, "b.example.com", "t.example.com", true);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_int_equal(rig_n_pending(&r), 2);
    assert_int_equal(scripted.resolves, 2);
    rig_clear(&r);
}

static void every_pending_slot_is_resolved(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_FLIP;
    rig_put(&r, "a.example.com", "t.example.com", true);
    rig_put(&r, "b.example.com", "t.example.com", true);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_int_equal(rig_n_pending(&r), 0);
    assert_true(rig_has_current(&r, "a.example.com", NULL));
    assert_true(rig_has_current(&r, "b.example.com", NULL));
    rig_clear(&r);
}

static void a_resolve_that_hangs_does_not_keep_the_list(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_HANG;
    rig_put(&r, "a.example.com", "t.example.com", true);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
    assert_int_equal(rig_n_pending(&r), 1);
    rig_clear(&r);
}

/* ---- stopping ---- */

static void a_stop_while_trying_interrupts(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    struct fr_run *run = rig_run(&r, LIST(ONE("hang") "," ONE("good")), false);
    fr_run_step(run, NULL, 0);
    assert_false(fr_run_is_done(run));
    fr_run_stop(run);
    assert_int_equal(rig_finish(&r, run), 75);
    assert_int_equal(scripted.opened, 1);
    assert_contains(rig_nth(&r, "attempt", 0), "\"class\":\"interrupted\"");
    rig_clear(&r);
}

static void a_stop_while_waiting_interrupts(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    struct fr_run *run = rig_run(&r, LIST(ONE("away")), false);
    fr_run_step(run, NULL, 0);
    fr_run_stop(run);
    assert_int_equal(rig_finish(&r, run), 75);
    rig_clear(&r);
}

static void a_stop_after_the_flip_has_provisioned(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    struct fr_run *run = rig_run(&r, LIST(ONE("hangflip")), false);
    fr_run_step(run, NULL, 0);
    fr_run_stop(run);
    assert_int_equal(rig_finish(&r, run), 0);
    assert_true(rig_has_current(&r, "hangflip.example.com", NULL));
    rig_clear(&r);
}

static void a_stop_while_resolving_interrupts_and_keeps(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_HANG;
    rig_put(&r, "a.example.com", "t.example.com", true);
    struct fr_run *run = rig_run(&r, LIST(ONE("good")), false);
    fr_run_step(run, NULL, 0);
    fr_run_stop(run);
    assert_int_equal(rig_finish(&r, run), 75);
    assert_int_equal(rig_n_pending(&r), 1);
    rig_clear(&r);
}

static void the_listener_can_stop_the_run(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    r.stop_at = 0; /* the refused first attempt */
    assert_int_equal(rig_walk(&r, LIST(ONE("refuse") "," ONE("hang"))), 75);
    rig_clear(&r);
}

static void a_run_can_be_freed_in_the_middle(void **state)
{
    struct rig r;
    struct fr_err err;

    (void)state;
    rig_init(&r, NULL);
    struct fr_run *run = rig_run(&r, LIST(ONE("hang")), false);
    fr_run_step(run, NULL, 0);
    fr_run_free(run);
    assert_ok(fr_state_lock(r.state, &err)); /* and the lock is free */
    rig_clear(&r);
}

/* ---- pending, and the same key is to be made again ---- */

static struct fr_credential *pending(struct rig *r)
{
    struct fr_credential *c;
    struct fr_err err;

    assert_ok(fr_state_pending_at(r->state, 0, &c, &err));
    return c;
}

/* Else one more cut, and neither the device's keys nor the MEF's have one in common. */
static void what_is_pending_is_not_replaced_while_its_mef_is_away(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_AWAY;
    rig_put(&r, "good.example.com", "assigned.example.com", true);
    FR_AUTO(credential) *before = pending(&r);
    assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 69);
    FR_AUTO(credential) *after = pending(&r);
    assert_string_equal(after->key_id, before->key_id);
    assert_int_equal(scripted.opened, scripted.resolves);
    rig_clear(&r);
}

static void a_try_that_was_cut_is_resolved_by_the_next(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_FLIP;
    assert_int_equal(rig_walk(&r, LIST(ONE("cut"))), 0);
    assert_int_equal(scripted.opened, 2);
    assert_int_equal(scripted.resolves, 1);
    assert_true(rig_has_current(&r, "cut.example.com", "assigned.example.com"));
    assert_int_equal(rig_n_pending(&r), 0);
    assert_contains(rig_nth(&r, "attempt", 1), "\"position\":\"1\"");
    assert_contains(rig_nth(&r, "attempt", 1), "\"reason\":\"resolved\"");
    assert_contains(rig_nth(&r, "outcome", 0), "\"credential\":{");
    rig_clear(&r);
}

static void what_turns_out_uncommitted_is_made_anew(void **state)
{
    static const enum scripted_resolve answers[] = {RESOLVE_DROP, RESOLVE_REFUSE};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct rig r;
        rig_init(&r, NULL);
        scripted.first = RESOLVE_AWAY;
        scripted.resolve = answers[i];
        rig_put(&r, "good.example.com", "assigned.example.com", true);
        assert_int_equal(rig_walk(&r, LIST(ONE("good"))), 0);
        assert_int_equal(scripted.resolves, 2);
        assert_int_equal(rig_n_pending(&r), 0);
        assert_contains(rig_nth(&r, "attempt", 1), "\"position\":\"resolve\"");
        assert_contains(rig_nth(&r, "attempt", 2), "\"position\":\"1\"");
        rig_clear(&r);
    }
}

static void what_is_pending_for_another_target_is_left_alone(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.resolve = RESOLVE_AWAY;
    rig_put(&r, "good.example.com", "other.example.com", true);
    assert_int_equal(
        rig_walk(&r, LIST("{'bootstrap':'scripted','mef':'good.example.com',"
                          "'target':'t.example.com'}")),
        0);
    assert_int_equal(scripted.resolves, 1); /* before the list only */
    assert_int_equal(rig_n_pending(&r), 1);
    rig_clear(&r);
}

static void a_stop_while_resolving_in_the_list_keeps_it(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    scripted.first = RESOLVE_AWAY;
    scripted.resolve = RESOLVE_HANG;
    rig_put(&r, "good.example.com", "assigned.example.com", true);
    struct fr_run *run = rig_run(&r, LIST(ONE("good")), false);
    fr_run_step(run, NULL, 0);
    fr_run_stop(run);
    assert_int_equal(rig_finish(&r, run), 75);
    assert_int_equal(rig_n_pending(&r), 1);
    rig_clear(&r);
}

/* A resolve would flip what this device has refused: the MEF knows it by its name. */
static void what_was_refused_or_answered_wrongly_is_not_left_pending(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    assert_int_equal(rig_walk(&r, LIST(ONE("no"))), 77);
    assert_int_equal(rig_n_pending(&r), 0);
    assert_int_equal(rig_walk(&r, LIST(ONE("odd"))), 76);
    assert_int_equal(rig_n_pending(&r), 0);
    rig_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_credential_leaves_nothing_to_do),
        cmocka_unit_test(renew_walks_all_the_same),
        cmocka_unit_test(an_expired_credential_is_replaced),
        cmocka_unit_test(another_targets_credential_does_not_count),
        cmocka_unit_test(a_pending_slot_that_the_mef_knows_is_flipped),
        cmocka_unit_test(what_a_resolve_flips_is_not_confirmed),
        cmocka_unit_test(a_pending_slot_that_the_mef_does_not_know_is_dropped),
        cmocka_unit_test(a_pending_slot_is_kept_while_its_mef_is_away),
        cmocka_unit_test(every_pending_slot_is_resolved),
        cmocka_unit_test(a_resolve_that_hangs_does_not_keep_the_list),
        cmocka_unit_test(what_is_pending_is_not_replaced_while_its_mef_is_away),
        cmocka_unit_test(a_try_that_was_cut_is_resolved_by_the_next),
        cmocka_unit_test(what_turns_out_uncommitted_is_made_anew),
        cmocka_unit_test(what_is_pending_for_another_target_is_left_alone),
        cmocka_unit_test(a_stop_while_resolving_in_the_list_keeps_it),
        cmocka_unit_test(what_was_refused_or_answered_wrongly_is_not_left_pending),
        cmocka_unit_test(a_stop_while_trying_interrupts),
        cmocka_unit_test(a_stop_while_waiting_interrupts),
        cmocka_unit_test(a_stop_after_the_flip_has_provisioned),
        cmocka_unit_test(a_stop_while_resolving_interrupts_and_keeps),
        cmocka_unit_test(the_listener_can_stop_the_run),
        cmocka_unit_test(a_run_can_be_freed_in_the_middle),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
