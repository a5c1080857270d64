/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/drive.h"

#include "test.h"

#define REPLIES_MAX 1048576

enum { NOTHING = -1 };

void fr_drive_init(struct fr_drive *d)
{
    *d = (struct fr_drive){.waiting = NOTHING, .replies = FR_BUF_INIT(REPLIES_MAX)};
    fr_fake_env_init(&d->env, 1);
    d->ctx = (struct fr_run_context){.env = &d->env.env, .mef_base = "/mefbase"};
    d->in = (struct fr_instruction){.kind = FR_BOOTSTRAP,
                                    .mef = (char *)"mef.example.com",
                                    .port = 8443,
                                    .suid = FR_SUID_DEFAULT,
                                    .expiry_s = FR_EXPIRY_DEFAULT,
                                    .budget_ms = FR_BUDGET_DEFAULT};
}

static void forget_sim(struct fr_drive *d)
{
    fr_aka_answer_clear(&d->answer);
    fr_secret_free(d->naf_key);
    d->naf_key = NULL;
    d->usim_ev = (struct fr_usim_ev){0};
}

void fr_drive_clear(struct fr_drive *d)
{
    if (d->run)
        d->bootstrap->close(d->run);
    if (d->search)
        d->discovery->close(d->search);
    forget_sim(d);
    if (d->usim)
        fr_fake_usim.close(d->usim);
    fr_credential_free(d->stored);
    fr_buf_clear(&d->replies);
    *d = (struct fr_drive){.waiting = NOTHING};
}

static void note(struct fr_drive *d, const char *what)
{
    size_t n = strlen(d->log);

    assert_true(n + strlen(what) + 2 < sizeof d->log);
    snprintf(d->log + n, sizeof d->log - n, " %s", what);
}

static void do_connect(struct fr_drive *d, const struct fr_act *act)
{
    assert_true(!strstr(d->log, " connect") || d->peer_closed);
    assert_non_null(act->connect.host);
    assert_ptr_equal(act->connect.instruction, &d->in);
    note(d, "connect");
    d->connect = act->connect;
    d->connected = d->peer_closed = false;
    d->replies.len = d->taken = 0;
    d->waiting = FR_EV_CONNECTED;
}

static void do_send(struct fr_drive *d, const struct fr_act *act)
{
    assert_true(d->connected);
    assert_true(act->bytes.len > 0);
    note(d, "send");
    if (!d->was_cut && !d->peer_closed)
        d->peer_closed = !d->peer.answer(d->peer.state, act->bytes, &d->replies);
}

static void do_store(struct fr_drive *d, const struct fr_act *act)
{
    struct fr_err err = {0};

    assert_false(d->flipped);
    fr_credential_free(d->stored);
    d->n_stored++;
    note(d, "store");
    assert_ok(fr_credential_copy(act->credential, &d->stored, &err));
    d->waiting = FR_EV_STORED;
}

static void do_flip(struct fr_drive *d, const struct fr_act *act)
{
    (void)act;
    assert_true(d->is_stored || d->pending);
    note(d, "flip");
    d->waiting = FR_EV_FLIPPED;
}

static void do_drop(struct fr_drive *d, const struct fr_act *act)
{
    (void)act;
    assert_non_null(d->pending);
    assert_false(d->flipped);
    note(d, "drop");
    d->waiting = FR_EV_DROPPED;
}

static void do_read(struct fr_drive *d, const struct fr_act *act)
{
    assert_non_null(act->path);
    note(d, "read");
    d->waiting = FR_EV_FILE;
}

static void do_close(struct fr_drive *d, const struct fr_act *act)
{
    (void)act;
    assert_true(d->connected);
    note(d, "close");
    d->was_cut = true;
    d->replies.len = d->taken = 0;
}

static void do_wait(struct fr_drive *d, const struct fr_act *act)
{
    assert_true(d->flipped);
    assert_true(act->wait_ms > 0);
    note(d, "wait");
}

static enum fr_code ask_sim(struct fr_drive *d, const struct fr_usim_ask *ask)
{
    static const struct fr_usim_setup setup = {.name = "sim"};
    struct fr_err *err = &d->usim_err;

    if (!d->usim)
        FR_TRY(fr_fake_usim.open(&setup, &d->usim, err));
    switch (ask->question) {
    case FR_USIM_IDENTIFY:
        d->usim_ev = (struct fr_usim_ev){.impi = d->impi,
                                         .has_gba_u = fr_fake_usim.has_gba_u(d->usim),
                                         .needs_gba_u = d->needs_gba_u,
                                         .has_akav2 = d->has_akav2,
                                         .tmpi = d->tmpi};
        return fr_fake_usim.impi(d->usim, d->impi, err);
    case FR_USIM_AUTHENTICATE:
        d->usim_ev.answer = &d->answer;
        return fr_fake_usim.authenticate(d->usim, ask->rand, ask->autn, ask->gba_u,
                                         &d->answer, err);
    case FR_USIM_NAF_KEY:
        FR_TRY(fr_fake_usim.naf_key(d->usim, ask->naf, &d->naf_key, err));
        d->usim_ev.naf_key = d->naf_key;
        return FR_OK;
    }
    return FR_EINTERNAL;
}

static void do_usim(struct fr_drive *d, const struct fr_act *act)
{
    assert_ptr_equal(act->usim.instruction, &d->in);
    note(d, "sim");
    forget_sim(d);
    d->waiting = ask_sim(d, &act->usim) == FR_OK ? FR_EV_USIM : FR_EV_FAILED;
}

static void do_phase(struct fr_drive *d, const struct fr_act *act)
{
    assert_true(act->phase > d->phase || d->phase == FR_PHASE_TRIGGER ||
                d->peer_closed);
    d->phase = act->phase;
}

static void do_warn(struct fr_drive *d, const struct fr_act *act)
{
    assert_true(d->flipped);
    assert_true(act->text && act->text[0]);
    note(d, "warn");
    d->n_warnings++;
    snprintf(d->warning, sizeof d->warning, "%s", act->text);
}

static void do_done(struct fr_drive *d, const struct fr_act *act)
{
    (void)act;
    note(d, "done");
    d->done = true;
}

static void (*const doers[])(struct fr_drive *d, const struct fr_act *act) = {
    [FR_ACT_CONNECT] = do_connect,     [FR_ACT_SEND] = do_send,
    [FR_ACT_CLOSE] = do_close,         [FR_ACT_READ_FILE] = do_read,
    [FR_ACT_STORE_PENDING] = do_store, [FR_ACT_FLIP] = do_flip,
    [FR_ACT_DROP_PENDING] = do_drop,   [FR_ACT_USIM] = do_usim,
    [FR_ACT_PHASE] = do_phase,         [FR_ACT_WAIT] = do_wait,
    [FR_ACT_WARN] = do_warn,           [FR_ACT_DONE] = do_done};

static void see(struct fr_drive *d, const struct fr_ev *ev)
{
    d->connected |= ev->kind == FR_EV_CONNECTED;
    d->is_stored |= ev->kind == FR_EV_STORED;
    d->flipped |= ev->kind == FR_EV_FLIPPED;
    d->dropped |= ev->kind == FR_EV_DROPPED;
    d->was_cut |= ev->kind == FR_EV_CLOSED ||
                  (ev->kind == FR_EV_FAILED && ev->err != &d->usim_err);
}

enum fr_code fr_drive_step(struct fr_drive *d, const struct fr_ev *ev,
                           struct fr_err *err)
{
    struct fr_acts acts = {0};
    enum fr_code rc;

    see(d, ev);
    d->n_events++;
    rc = d->run ? d->bootstrap->step(d->run, ev, &acts, err)
                : d->discovery->step(d->search, ev, &acts, err);
    if (rc != FR_OK)
        return rc;
    for (size_t i = 0; i < acts.n; i++) {
        assert_false(d->done);
        doers[acts.list[i].kind](d, &acts.list[i]);
    }
    return FR_OK;
}

/* What happens next: disk and wire answer one after the other. */
static struct fr_ev next_event(struct fr_drive *d)
{
    struct fr_ev ev = {.kind = FR_EV_CLOSED};
    size_t left = d->replies.len - d->taken;

    if (d->cut_before && d->n_events + 1 >= d->cut_before && !d->was_cut &&
        strstr(d->log, " connect")) {
        d->replies.len = d->taken = 0;
        d->waiting = d->waiting == FR_EV_CONNECTED ? NOTHING : d->waiting;
        return d->cut;
    }
    if (d->waiting != NOTHING) {
        ev = (struct fr_ev){.kind = (enum fr_ev_kind)d->waiting,
                            .link = &d->link,
                            .usim = &d->usim_ev,
                            .err = &d->usim_err,
                            .bytes = d->waiting == FR_EV_FILE ? d->file
                                                              : (struct fr_slice){0}};
        d->waiting = NOTHING;
        return ev;
    }
    if (left > 0) {
        left = d->portion && d->portion < left ? d->portion : left;
        ev = (struct fr_ev){.kind = FR_EV_BYTES,
                            .bytes = fr_slice_of(d->replies.data + d->taken, left)};
        d->taken += left;
        return ev;
    }
    if (!d->peer_closed || d->was_cut)
        fail_msg("the run waits for nothing after%s", d->log);
    return ev;
}

static enum fr_code open_run(struct fr_drive *d, struct fr_err *err)
{
    if (d->bootstrap)
        return d->bootstrap->open(&d->ctx, &d->in, d->pending, &d->run, err);
    return d->discovery->open(&d->ctx, &d->in, &d->search, err);
}

enum fr_code fr_drive_run(struct fr_drive *d, struct fr_err *err)
{
    struct fr_ev ev = {.kind = FR_EV_START};

    FR_TRY(open_run(d, err));
    for (;;) {
        FR_TRY(fr_drive_step(d, &ev, err));
        if (d->done || d->n_events == d->stop_after)
            return FR_OK;
        ev = next_event(d);
    }
}
