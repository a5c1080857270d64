/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/bootstrap.h"

#include "test.h"

static const struct fr_conform_bootstrap *member;
static struct fr_err err;

static void begin(struct fr_drive *d)
{
    fr_drive_init(d);
    d->bootstrap = member->method;
    member->begin(d);
}

static void end(struct fr_drive *d)
{
    member->end(d);
    fr_drive_clear(d);
}

/* Runs undisturbed: how many events it takes, and by which one it is flipped. */
static void measure(int *events, int *flipped_at)
{
    struct fr_drive d;

    begin(&d);
    assert_ok(fr_drive_run(&d, &err));
    *events = d.n_events;
    end(&d);
    for (*flipped_at = 1;; (*flipped_at)++) {
        bool flipped;

        begin(&d);
        d.stop_after = *flipped_at;
        assert_ok(fr_drive_run(&d, &err));
        flipped = d.flipped;
        end(&d);
        if (flipped)
            return;
    }
}

static void method_is_complete(void **state)
{
    const struct fr_bootstrap_method *list[] = {member->method, NULL};

    (void)state;
    assert_true(member->method->name[0] && member->method->help[0]);
    assert_non_null(member->method->open);
    assert_non_null(member->method->step);
    assert_non_null(member->method->finish);
    assert_non_null(member->method->close);
    assert_ptr_equal(fr_bootstrap_find(list, member->method->name), member->method);
    assert_null(fr_bootstrap_find(list, "no such method"));
    member->method->close(NULL);
}

static void enrolment_ends_with_a_whole_credential(void **state)
{
    FR_AUTO(credential) *c = NULL;
    FR_AUTO_CLEAR(buf) file = FR_BUF_INIT_WIPE(FR_CREDENTIAL_FILE_MAX);
    char key_id[FR_KEYID_MAX + 1];
    struct fr_drive d;

    (void)state;
    begin(&d);
    assert_ok(fr_drive_run(&d, &err));
    assert_ok(d.bootstrap->finish(d.run, &c, &err));
    assert_string_equal(c->method, member->method->name);
    assert_string_equal(c->mef, d.in.mef);
    if (member->is_btid) {
        assert_true(fr_btid_is_valid(c->key_id, c->mef));
    } else {
        assert_true(fr_keyid_parse(fr_slice_str(c->key_id), key_id));
        assert_string_equal(c->key_id, key_id);
    }
    assert_true(fr_credential_is_valid(c, d.env.wall_s));
    assert_ok(fr_credential_encode(c, &file, &err));
    assert_int_equal(d.n_warnings, 0);
    assert_int_equal(d.phase, FR_PHASE_DONE);
    end(&d);
}

static void what_was_stored_is_what_is_handed_over(void **state)
{
    FR_AUTO(credential) *c = NULL;
    struct fr_drive d;

    (void)state;
    begin(&d);
    assert_ok(fr_drive_run(&d, &err));
    assert_ok(d.bootstrap->finish(d.run, &c, &err));
    assert_non_null(d.stored);
    assert_string_equal(c->key_id, d.stored->key_id);
    assert_true(fr_secret_equal(c->ke, d.stored->ke));
    assert_true(strstr(d.log, " store") < strstr(d.log, " flip"));
    end(&d);
}

static void credential_is_handed_over_once_and_not_early(void **state)
{
    FR_AUTO(credential) *c = NULL;
    FR_AUTO(credential) *again = NULL;
    struct fr_drive d;

    (void)state;
    begin(&d);
    d.stop_after = 2;
    assert_ok(fr_drive_run(&d, &err));
    assert_fails(d.bootstrap->finish(d.run, &c, &err), FR_EINTERNAL);
    end(&d);
    begin(&d);
    assert_ok(fr_drive_run(&d, &err));
    assert_ok(d.bootstrap->finish(d.run, &c, &err));
    assert_fails(d.bootstrap->finish(d.run, &again, &err), FR_EINTERNAL);
    end(&d);
}

static void portions_of_octets_make_no_difference(void **state)
{
    char log[FR_DRIVE_LOG_MAX];
    struct fr_drive d;

    (void)state;
    begin(&d);
    assert_ok(fr_drive_run(&d, &err));
    memcpy(log, d.log, sizeof log);
    end(&d);
    begin(&d);
    d.portion = 1;
    assert_ok(fr_drive_run(&d, &err));
    assert_string_equal(d.log, log);
    end(&d);
}

/* The stream ends before event k, for every k. */
static void cut_everywhere(const struct fr_ev *cut, enum fr_code code,
                           const char *reason)
{
    int events, flipped_at;

    measure(&events, &flipped_at);
    for (int k = 2; k <= events; k++) {
        struct fr_drive d;
        enum fr_code rc;

        begin(&d);
        d.cut_before = k;
        d.cut = *cut;
        rc = fr_drive_run(&d, &err);
        /* from the FLIP on nothing can fail: the disk was asked already */
        assert_int_equal(rc, k >= flipped_at ? FR_OK : code);
        assert_int_equal(d.flipped, k >= flipped_at);
        assert_int_equal(d.n_warnings, k >= flipped_at);
        if (rc != FR_OK)
            assert_string_equal(err.reason, reason);
        end(&d);
    }
}

static void closed_stream_is_a_cut_until_the_flip(void **state)
{
    (void)state;
    cut_everywhere(&(struct fr_ev){.kind = FR_EV_CLOSED}, FR_EUNREACHABLE,
                   "connection-cut");
}

static void failed_stream_keeps_its_class_until_the_flip(void **state)
{
    struct fr_err why = {0};

    (void)state;
    (void)FR_FAIL_AS(&why, FR_EREFUSED, "tls-alert-42", "bad certificate");
    cut_everywhere(&(struct fr_ev){.kind = FR_EV_FAILED, .err = &why}, FR_EREFUSED,
                   "tls-alert-42");
}

static void run_is_closed_in_any_state(void **state)
{
    int events, flipped_at;
    struct fr_drive d;

    (void)state;
    begin(&d);
    assert_ok(d.bootstrap->open(&d.ctx, &d.in, NULL, &d.run, &err));
    assert_ptr_equal(d.run->method, member->method);
    end(&d);
    measure(&events, &flipped_at);
    for (int k = 1; k < events; k++) {
        begin(&d);
        d.stop_after = k;
        assert_ok(fr_drive_run(&d, &err));
        assert_false(d.done);
        end(&d);
    }
}

/* In every state but the one that waits for it; the run goes on as if nothing was. */
static void events_of_another_phase_are_our_own_mistake(void **state)
{
    static const enum fr_ev_kind kinds[] = {FR_EV_START, FR_EV_FILE, FR_EV_DROPPED};
    int events, flipped_at;

    (void)state;
    measure(&events, &flipped_at);
    for (int k = 1; k < events; k++)
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            struct fr_drive d;
            const struct fr_ev ev = {.kind = kinds[i]};

            begin(&d);
            d.stop_after = k;
            assert_ok(fr_drive_run(&d, &err));
            assert_fails(fr_drive_step(&d, &ev, &err), FR_EINTERNAL);
            end(&d);
        }
}

/* What an enrolment leaves in the pending slot. */
static struct fr_credential *make_pending(void)
{
    struct fr_credential *c = NULL;
    struct fr_drive d;

    begin(&d);
    assert_ok(fr_drive_run(&d, &err));
    assert_ok(fr_credential_copy(d.stored, &c, &err));
    end(&d);
    return c;
}

static void begin_resolve(struct fr_drive *d, const struct fr_credential *pending,
                          bool known)
{
    fr_drive_init(d);
    d->bootstrap = member->method;
    d->pending = pending;
    member->begin_resolve(d, known);
}

static void pending_that_the_mef_knows_is_flipped(void **state)
{
    FR_AUTO(credential) *pending = make_pending();
    FR_AUTO(credential) *c = NULL;
    struct fr_drive d;

    (void)state;
    begin_resolve(&d, pending, true);
    assert_ok(fr_drive_run(&d, &err));
    assert_true(d.flipped && !d.dropped);
    assert_false(d.connect.export_keys);
    assert_ok(d.bootstrap->finish(d.run, &c, &err));
    assert_string_equal(c->key_id, pending->key_id);
    assert_true(fr_secret_equal(c->ke, pending->ke));
    end(&d);
}

static void pending_that_the_mef_does_not_know_is_dropped(void **state)
{
    FR_AUTO(credential) *pending = make_pending();
    struct fr_credential *c = pending;
    struct fr_drive d;

    (void)state;
    begin_resolve(&d, pending, false);
    assert_ok(fr_drive_run(&d, &err));
    assert_true(d.dropped && !d.flipped);
    assert_ok(d.bootstrap->finish(d.run, &c, &err));
    assert_null(c);
    end(&d);
}

static void pending_stays_when_nobody_answers(void **state)
{
    FR_AUTO(credential) *pending = make_pending();

    (void)state;
    for (int k = 2; k <= 3; k++) {
        struct fr_drive d;

        begin_resolve(&d, pending, true);
        d.cut_before = k;
        d.cut = (struct fr_ev){.kind = FR_EV_CLOSED};
        assert_fails_as(fr_drive_run(&d, &err), FR_EUNREACHABLE, "connection-cut");
        assert_null(strstr(d.log, " flip"));
        assert_null(strstr(d.log, " drop"));
        end(&d);
    }
}

int fr_conform_bootstrap_run(const struct fr_conform_bootstrap *m)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_is_complete),
        cmocka_unit_test(enrolment_ends_with_a_whole_credential),
        cmocka_unit_test(what_was_stored_is_what_is_handed_over),
        cmocka_unit_test(credential_is_handed_over_once_and_not_early),
        cmocka_unit_test(portions_of_octets_make_no_difference),
        cmocka_unit_test(closed_stream_is_a_cut_until_the_flip),
        cmocka_unit_test(failed_stream_keeps_its_class_until_the_flip),
        cmocka_unit_test(run_is_closed_in_any_state),
        cmocka_unit_test(events_of_another_phase_are_our_own_mistake),
        cmocka_unit_test(pending_that_the_mef_knows_is_flipped),
        cmocka_unit_test(pending_that_the_mef_does_not_know_is_dropped),
        cmocka_unit_test(pending_stays_when_nobody_answers),
    };

    member = m;
    return cmocka_run_group_tests_name(m->method->name, tests, NULL, NULL);
}
