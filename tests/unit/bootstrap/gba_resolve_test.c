/* SPDX-License-Identifier: Apache-2.0 */
#include "bsf.h"
#include "test.h"

static struct fr_err err;

/* A pending slot as a cut after so many stores leaves it, in front of the same MEF. */
static void leave_pending(struct bsf_fixture *f, int stores)
{
    int events = 0;

    while (f->d.n_stored < stores) {
        fr_drive_clear(&f->d);
        bsf_end(&f->bsf);
        fr_drive_init(&f->d);
        bsf_begin(&f->bsf, &f->d);
        f->d.stop_after = ++events;
        assert_ok(fr_drive_run(&f->d, &err));
    }
    assert_ok(fr_credential_copy(f->d.stored, &f->pending, &err));
    fr_drive_clear(&f->d);
    bsf_end(&f->bsf);
    fr_drive_init(&f->d);
    bsf_begin(&f->bsf, &f->d);
    f->d.pending = f->pending;
    f->d.in.target = f->pending->target;
}

static void what_is_known_is_flipped_with_what_is_told(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    leave_pending(f, 1);
    assert_true(f->pending->expires == 0);
    assert_string_equal(f->pending->target, "mef.example.com");
    assert_ok(fr_drive_run(&f->d, &err));
    assert_string_equal(f->d.log, " connect send store flip send close done");
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    assert_string_equal(c->target, "broker.example.com");
    assert_true(c->expires == f->bsf.info.lifetime);
    assert_hex(fr_secret_view(c->ke), FAKE_CK FAKE_IK);
}

static void what_is_complete_is_flipped_as_it_is(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 2);
    assert_ok(fr_drive_run(&f->d, &err));
    assert_string_equal(f->d.log, " connect send flip send close done");
}

static void what_the_mef_never_committed_is_dropped(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.knows = false;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_true(f->d.dropped && !f->d.flipped);
}

static void stays(struct bsf_fixture *f, enum fr_code code, const char *reason)
{
    assert_fails_as(fr_drive_run(&f->d, &err), code, reason);
    assert_string_equal(f->d.log, " connect send");
}

static void a_404_of_anything_on_the_way_drops_nothing(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.raw[BSF_LOOKUP] = bsf_http("404 Not Found", "");
    stays(f, FR_EINVALID, "http-404");
}

static void an_rsc_that_contradicts_its_status_drops_nothing(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.raw[BSF_LOOKUP] = bsf_http("200 OK\r\nX-M2M-RSC: 4004", "");
    stays(f, FR_EINVALID, "mmef-malformed");
}

static void a_mef_that_cannot_tell_now_is_asked_again(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.raw[BSF_LOOKUP] = bsf_http("503 Busy", "");
    stays(f, FR_EUNREACHABLE, "http-503");
}

/* Whoever answers in the MEF's place on a connection without TLS. */
static void an_answer_without_the_key_flips_nothing(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.no_proof = true;
    stays(f, FR_EREFUSED, "proof-missing");
}

static void an_answer_with_another_key_flips_nothing(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.wrong_proof = true;
    stays(f, FR_EREFUSED, "proof-mismatch");
}

static void an_answer_that_was_changed_flips_nothing(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.other_body = "<BootstrappingInfo xmlns=\"uri:3gpp-gba\"/>";
    stays(f, FR_EREFUSED, "proof-mismatch");
}

static void what_is_over_meanwhile_is_not_flipped(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 1);
    f->bsf.info.lifetime = f->d.env.wall_s - 1;
    stays(f, FR_EINVALID, "lifetime-over");
}

static void a_target_that_was_asked_for_stays_the_one(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f, 2);
    snprintf(f->bsf.info.target, sizeof f->bsf.info.target, "other.example.com");
    stays(f, FR_EINVALID, "processing-failed");
}

#define T(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, bsf_fixture_begin, bsf_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_known_is_flipped_with_what_is_told),
        T(what_is_complete_is_flipped_as_it_is),
        T(what_the_mef_never_committed_is_dropped),
        T(a_404_of_anything_on_the_way_drops_nothing),
        T(an_rsc_that_contradicts_its_status_drops_nothing),
        T(a_mef_that_cannot_tell_now_is_asked_again),
        T(an_answer_without_the_key_flips_nothing),
        T(an_answer_with_another_key_flips_nothing),
        T(an_answer_that_was_changed_flips_nothing),
        T(what_is_over_meanwhile_is_not_flipped),
        T(a_target_that_was_asked_for_stays_the_one),
    };

    return cmocka_run_group_tests_name("bootstrap/gba_resolve", tests, NULL, NULL);
}
