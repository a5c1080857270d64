/* SPDX-License-Identifier: Apache-2.0 */
/* A Ks that is here, for another target. */
#include "bsf.h"
#include "test.h"

#define OTHER "other.example.com"
#define CSE   "//sp.example.com/cse-b"

static struct fr_err err;

/* The device has f->pending, as one that is current. */
static enum fr_code find(const void *device, fr_fits_fn *fits, const void *arg,
                         struct fr_credential **ret, struct fr_err *e)
{
    const struct bsf_fixture *f = device;

    if (!fits(arg, f->pending))
        return FR_FAIL(e, FR_ENOTFOUND, "none");
    return fr_credential_copy(f->pending, ret, e);
}

/* After a bootstrap for broker.example.com: OTHER is wished for. */
static void begin_anew(struct bsf_fixture *f)
{
    int64_t now = f->d.env.wall_s;

    fr_drive_clear(&f->d);
    bsf_end(&f->bsf);
    fr_drive_init(&f->d);
    f->d.env.wall_s = now;
    bsf_begin(&f->bsf, &f->d);
    f->d.ctx.kept = (struct fr_kept){find, f};
    f->d.in.target = (char *)OTHER;
    snprintf(f->bsf.info.target, sizeof f->bsf.info.target, OTHER);
    snprintf(f->bsf.info.target_fqdn, sizeof f->bsf.info.target_fqdn, OTHER);
}

static int begin(void **state)
{
    struct bsf_fixture *f;

    if (bsf_fixture_begin(state) != 0)
        return -1;
    f = *state;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_ok(f->d.bootstrap->finish(f->d.run, &f->pending, &err));
    begin_anew(f);
    return 0;
}

static struct fr_credential *run(struct bsf_fixture *f, const char *log)
{
    struct fr_credential *c = NULL;

    assert_ok(fr_drive_run(&f->d, &err));
    assert_string_equal(f->d.log, log);
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    return c;
}

static void refuses(struct bsf_fixture *f, enum fr_code code, const char *reason)
{
    assert_fails_as(fr_drive_run(&f->d, &err), code, reason);
    assert_string_equal(f->d.log, " sim connect send");
}

#define REUSED " sim connect send store flip send close done"
#define ANEW   " sim connect send sim store send store flip send close done"

static void another_target_needs_the_mefs_word_alone(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = run(f, REUSED);

    assert_int_equal(fr_fake_sim.n_authenticated, 0);
    assert_contains(f->bsf.request[BSF_TARGET],
                    "\r\n\r\n{\"target\":\"" OTHER "\",\"suid\":22}");
    assert_int_equal(f->bsf.count[BSF_CHALLENGE], 0);
    assert_int_equal(f->bsf.count[BSF_ACK], 1);
    assert_true(fr_credential_is_reused(c));
    assert_false(fr_credential_is_reused(f->pending));
    assert_string_equal(c->key_id, f->pending->key_id);
    assert_string_equal(c->target, OTHER);
    assert_string_equal(c->target_fqdn, OTHER);
    assert_true(fr_secret_equal(c->ke, f->pending->ke));
    assert_true(c->created == f->pending->created && c->expires == f->pending->expires);
    assert_true(c->confirmed);
}

static void a_target_that_is_no_fqdn_has_the_one_that_the_mef_says(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->d.in.target = (char *)CSE;
    f->d.in.suid = 32;
    f->bsf.info.suid = 32;
    snprintf(f->bsf.info.target, sizeof f->bsf.info.target, CSE);
    c = run(f, REUSED);
    assert_string_equal(c->target, CSE);
    assert_string_equal(c->target_fqdn, OTHER);
    assert_int_equal(c->suid, 32);
}

/* ---- when not ---- */

static void is_made_anew(struct bsf_fixture *f)
{
    FR_AUTO(credential) *c = run(f, ANEW);

    assert_int_equal(f->bsf.count[BSF_TARGET], 0);
    assert_false(fr_credential_is_reused(c));
}

static void set(char **to, const char *text)
{
    free(*to);
    assert_ok(fr_str_dup(text, to, &err));
}

static void what_shall_not_be_used_again_is_not(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.ctx.kept.find = NULL;
    is_made_anew(f);
}

static void a_ks_of_another_sim_is_another(void **state)
{
    struct bsf_fixture *f = *state;

    set(&f->pending->impi, "001010000000009@ims.mnc001.mcc001.3gppnetwork.org");
    is_made_anew(f);
}

static void a_ks_of_another_mef_is_another(void **state)
{
    struct bsf_fixture *f = *state;

    set(&f->pending->mef, "mef2.example.com");
    is_made_anew(f);
}

static void a_ks_that_is_in_the_sim_gives_no_key_here(void **state)
{
    struct bsf_fixture *f = *state;

    f->pending->derivation = FR_DERIVE_GBA_U;
    is_made_anew(f);
}

static void the_same_target_gets_a_new_ks(void **state)
{
    struct bsf_fixture *f = *state;

    set(&f->pending->target, OTHER);
    is_made_anew(f);
}

static void a_wish_that_it_does_not_fulfil_is_one_for_a_new_ks(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.in.expiry_s = BSF_LIFE - 1;
    is_made_anew(f);
    bsf_fixture_end(state);
    begin(state);
    f = *state;
    f->d.in.admin_fqdn = (char *)"other-admin.example.com";
    snprintf(f->bsf.info.admin_fqdn, sizeof f->bsf.info.admin_fqdn,
             "other-admin.example.com");
    is_made_anew(f);
}

static void a_mef_that_has_it_no_more_gets_a_new_one(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->bsf.raw[BSF_TARGET] = bsf_http("404 Not Found\r\nX-M2M-RSC: 4004",
                                      "{\"reason\":\"unknown-key\",\"text\":\"\"}");
    c = run(f, " sim connect send send sim store send store flip send close done");
    assert_int_equal(f->bsf.count[BSF_TARGET], 1);
    assert_false(fr_credential_is_reused(c));
}

/* ---- what the MEF may not say ---- */

static void a_target_that_is_not_allowed_is_refused(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_TARGET] =
        bsf_http("403 Forbidden\r\nX-M2M-RSC: 4103",
                 "{\"reason\":\"target-not-allowed\",\"text\":\"no\"}");
    refuses(f, FR_EREFUSED, "target-not-allowed");
}

static void a_mef_that_cannot_tell_now_is_asked_again(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.raw[BSF_TARGET] = bsf_http("503 Busy", "");
    refuses(f, FR_EUNREACHABLE, "http-503");
}

static void a_yes_without_the_key_is_none(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.no_proof = true;
    refuses(f, FR_EREFUSED, "proof-missing");
}

static void a_yes_with_another_key_is_none(void **state)
{
    struct bsf_fixture *f = *state;

    f->bsf.wrong_proof = true;
    refuses(f, FR_EREFUSED, "proof-mismatch");
}

static void a_yes_for_another_target_is_none(void **state)
{
    struct bsf_fixture *f = *state;

    snprintf(f->bsf.info.target, sizeof f->bsf.info.target, "third.example.com");
    refuses(f, FR_EINVALID, "processing-failed");
}

static void a_yes_about_another_key_is_none(void **state)
{
    static const char body[] =
        "<BootstrappingInfo xmlns=\"uri:3gpp-gba\">"
        "<btid>AAAAAAAAAAAAAAAAAAAAAA==@mef.example.com</btid>"
        "<lifetime>2099-11-25T04:29:27Z</lifetime></BootstrappingInfo>";
    struct bsf_fixture *f = *state;

    f->bsf.body = body;
    refuses(f, FR_EINVALID, "processing-failed");
}

/* ---- another make ---- */

static void a_mef_of_another_make_need_not_be_asked(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    f->bsf.raw[BSF_TARGET] = f->bsf.raw[BSF_ACK] =
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    c = run(f, " sim connect send store flip send warn close done");
    assert_string_equal(c->target_fqdn, OTHER);
    assert_false(c->confirmed);
    assert_contains(f->d.warning, "another make");
}

static void a_mef_of_another_make_does_not_tell_an_fqdn(void **state)
{
    struct bsf_fixture *f = *state;

    f->d.in.target = (char *)CSE;
    f->bsf.raw[BSF_TARGET] = bsf_http("404 Not Found", "");
    refuses(f, FR_EINVALID, "target-fqdn-unknown");
}

/* ---- resolve ---- */

/* A cut between the store and the flip. */
static void leave_pending(struct bsf_fixture *f)
{
    int events = 0;

    while (f->d.n_stored < 1) {
        begin_anew(f);
        f->d.stop_after = ++events;
        assert_ok(fr_drive_run(&f->d, &err));
    }
    fr_credential_free(FR_TAKE(f->pending));
    assert_ok(fr_credential_copy(f->d.stored, &f->pending, &err));
    begin_anew(f);
    f->d.pending = f->pending;
    f->d.in.target = f->pending->target;
}

static void what_was_cut_is_asked_again_and_flipped(void **state)
{
    struct bsf_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    leave_pending(f);
    c = run(f, " connect send store flip send close done");
    assert_int_equal(f->bsf.count[BSF_TARGET], 1);
    assert_true(fr_credential_is_reused(c));
}

static void what_is_not_allowed_any_more_is_dropped(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f);
    f->bsf.raw[BSF_TARGET] =
        bsf_http("403 Forbidden\r\nX-M2M-RSC: 4103",
                 "{\"reason\":\"target-not-allowed\",\"text\":\"no\"}");
    assert_ok(fr_drive_run(&f->d, &err));
    assert_true(f->d.dropped && !f->d.flipped);
}

static void what_nobody_can_tell_of_stays(void **state)
{
    struct bsf_fixture *f = *state;

    leave_pending(f);
    f->bsf.raw[BSF_TARGET] = bsf_http("503 Busy", "");
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EUNREACHABLE, "http-503");
    assert_string_equal(f->d.log, " connect send");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, bsf_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(another_target_needs_the_mefs_word_alone),
        T(a_target_that_is_no_fqdn_has_the_one_that_the_mef_says),
        T(what_shall_not_be_used_again_is_not),
        T(a_ks_of_another_sim_is_another),
        T(a_ks_of_another_mef_is_another),
        T(a_ks_that_is_in_the_sim_gives_no_key_here),
        T(the_same_target_gets_a_new_ks),
        T(a_wish_that_it_does_not_fulfil_is_one_for_a_new_ks),
        T(a_mef_that_has_it_no_more_gets_a_new_one),
        T(a_target_that_is_not_allowed_is_refused),
        T(a_mef_that_cannot_tell_now_is_asked_again),
        T(a_yes_without_the_key_is_none),
        T(a_yes_with_another_key_is_none),
        T(a_yes_for_another_target_is_none),
        T(a_yes_about_another_key_is_none),
        T(a_mef_of_another_make_need_not_be_asked),
        T(a_mef_of_another_make_does_not_tell_an_fqdn),
        T(what_was_cut_is_asked_again_and_flipped),
        T(what_is_not_allowed_any_more_is_dropped),
        T(what_nobody_can_tell_of_stays),
    };

    return cmocka_run_group_tests_name("bootstrap/gba_reuse", tests, NULL, NULL);
}
