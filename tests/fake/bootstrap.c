/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/bootstrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define LINE_MAX_OCTETS 64

enum phase {
    IDLE,
    CONNECTING,
    ENROLLING,
    STORING,
    CONFIRMING,
    ASKING,
    FLIPPING,
    DROPPING,
    LEAVING,
    DONE,
    FAILED
};

struct fake_run {
    struct fr_bootstrap super;
    enum phase phase;
    const struct fr_run_context *ctx;
    const struct fr_instruction *in;
    const struct fr_credential *pending;
    struct fr_credential *credential;
    struct fr_buf line;
    bool closed, flipped;
    char warning[FR_ERR_MSG_MAX];
};

static void fake_close(struct fr_bootstrap *b)
{
    struct fake_run *run = (struct fake_run *)b;

    if (!run)
        return;
    fr_credential_free(run->credential);
    fr_buf_clear(&run->line);
    free(run);
}

static enum fr_code fake_open(const struct fr_run_context *ctx,
                              const struct fr_instruction *in,
                              const struct fr_credential *pending,
                              struct fr_bootstrap **ret, struct fr_err *err)
{
    struct fake_run *run = calloc(1, sizeof *run);

    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    run->super.method = &fr_fake_bootstrap;
    run->ctx = ctx;
    run->in = in;
    run->pending = pending;
    run->line = (struct fr_buf)FR_BUF_INIT(LINE_MAX_OCTETS);
    *ret = (struct fr_bootstrap *)run;
    return FR_OK;
}

static void act(struct fr_acts *acts, enum fr_act_kind kind)
{
    fr_acts_add(acts, (struct fr_act){.kind = kind});
}

static void say(struct fr_acts *acts, const char *line)
{
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_SEND, .bytes = fr_slice_str(line)});
}

static void reach(struct fr_acts *acts, enum fr_phase phase)
{
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_PHASE, .phase = phase});
}

static enum fr_code start(struct fake_run *run, struct fr_acts *acts)
{
    const struct fr_connect connect = {.role = FR_ROLE_MEF,
                                       .host = run->in->mef,
                                       .port = run->in->port,
                                       .instruction = run->in};

    reach(acts, FR_PHASE_CONNECT);
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CONNECT, .connect = connect});
    run->phase = CONNECTING;
    return FR_OK;
}

static enum fr_code connected(struct fake_run *run, struct fr_acts *acts,
                              struct fr_err *err)
{
    const char *script = run->in->comment;

    if (script)
        return FR_FAIL_AS(err, fr_code_by_name(script, FR_EINTERNAL), "fake",
                          "the fake method was told to fail");
    reach(acts, FR_PHASE_REGISTER);
    say(acts, run->pending ? "known\n" : "enrol\n");
    run->phase = run->pending ? ASKING : ENROLLING;
    return FR_OK;
}

static enum fr_code make_credential(struct fake_run *run, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    const char *target = run->in->target ? run->in->target : run->in->mef;
    char relkeyid[33], key_id[FR_KEYID_MAX + 1], text[FR_KEYID_MAX + 1];

    FR_TRY(fr_credential_new(&c, err));
    c->port = run->in->port;
    c->suid = run->in->suid;
    c->created = fr_wall_s(run->ctx->env);
    c->expires = c->created + run->in->expiry_s;
    fr_random_hex(run->ctx->env, relkeyid, 16);
    snprintf(text, sizeof text, "%s@%s", relkeyid, run->in->mef);
    if (!fr_keyid_parse(fr_slice_str(text), key_id))
        return FR_FAIL(err, FR_EINTERNAL, "no KeID: %s", text);
    FR_TRY(fr_str_dup("fake", &c->method, err));
    FR_TRY(fr_str_dup(run->in->mef, &c->mef, err));
    FR_TRY(fr_str_dup(target, &c->target, err));
    FR_TRY(fr_str_dup(run->in->mef, &c->target_fqdn, err));
    FR_TRY(fr_str_dup(run->in->mef, &c->admin_fqdn, err));
    FR_TRY(fr_str_dup(key_id, &c->key_id, err));
    FR_TRY(fr_str_dup("/fake", &c->registration, err));
    FR_TRY(fr_secret_new(FR_KE_LEN, &c->ke, err));
    run->ctx->env->random(run->ctx->env->ctx, fr_secret_data(c->ke), FR_KE_LEN);
    run->credential = FR_TAKE(c);
    return FR_OK;
}

static enum fr_code store(struct fake_run *run, struct fr_acts *acts,
                          struct fr_err *err)
{
    FR_TRY(make_credential(run, err));
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_STORE_PENDING,
                                      .credential = run->credential});
    run->phase = STORING;
    return FR_OK;
}

static enum fr_code flip(struct fake_run *run, struct fr_acts *acts, struct fr_err *err)
{
    if (run->pending)
        FR_TRY(fr_credential_copy(run->pending, &run->credential, err));
    run->credential->confirmed = true;
    act(acts, FR_ACT_FLIP);
    run->phase = FLIPPING;
    return FR_OK;
}

static enum fr_code finish_run(struct fake_run *run, struct fr_acts *acts)
{
    if (!run->closed)
        act(acts, FR_ACT_CLOSE);
    act(acts, FR_ACT_DONE);
    run->phase = DONE;
    return FR_OK;
}

static enum fr_code leave(struct fake_run *run, struct fr_acts *acts,
                          struct fr_err *err)
{
    run->flipped = true;
    reach(acts, FR_PHASE_COMMIT);
    if (run->closed)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut", "cut while flipping");
    say(acts, "bye\n");
    run->phase = LEAVING;
    return FR_OK;
}

/* A whole line: what it means depends on what was said. */
static enum fr_code heard(struct fake_run *run, const char *line, struct fr_acts *acts,
                          struct fr_err *err)
{
    if (run->phase == ENROLLING && strcmp(line, "key\n") == 0)
        return store(run, acts, err);
    if ((run->phase == CONFIRMING && strcmp(line, "ok\n") == 0) ||
        (run->phase == ASKING && strcmp(line, "yes\n") == 0))
        return flip(run, acts, err);
    if (run->phase == ASKING && strcmp(line, "no\n") == 0) {
        act(acts, FR_ACT_DROP_PENDING);
        run->phase = DROPPING;
        return FR_OK;
    }
    if (run->phase == LEAVING && strcmp(line, "bye\n") == 0) {
        reach(acts, FR_PHASE_DONE);
        return finish_run(run, acts);
    }
    return FR_FAIL(err, FR_EINVALID, "the fake MEF said something else");
}

static enum fr_code bytes(struct fake_run *run, struct fr_slice in,
                          struct fr_acts *acts, struct fr_err *err)
{
    enum fr_code rc;

    fr_buf_put(&run->line, in.data, in.len);
    FR_TRY(fr_buf_check(&run->line, err));
    if (run->line.len == 0 || run->line.data[run->line.len - 1] != '\n')
        return FR_OK;
    rc = heard(run, fr_buf_cstr(&run->line), acts, err);
    fr_buf_reset(&run->line);
    return rc;
}

static enum fr_code lost(struct fake_run *run, const struct fr_ev *ev,
                         struct fr_err *err)
{
    run->closed = true;
    if (ev->kind == FR_EV_CLOSED)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut", "the fake MEF left");
    *err = *ev->err;
    return ev->err->code;
}

static bool is_expected(const struct fake_run *run, enum fr_ev_kind kind)
{
    bool has_stream = run->phase > IDLE && run->phase < DONE;

    switch (kind) {
    case FR_EV_START:
        return run->phase == IDLE;
    case FR_EV_CONNECTED:
        return run->phase == CONNECTING;
    case FR_EV_STORED:
        return run->phase == STORING;
    case FR_EV_FLIPPED:
        return run->phase == FLIPPING;
    case FR_EV_DROPPED:
        return run->phase == DROPPING;
    case FR_EV_BYTES:
    case FR_EV_CLOSED:
    case FR_EV_FAILED:
        return has_stream;
    case FR_EV_FILE:
    case FR_EV_USIM:
        break;
    }
    return false;
}

static enum fr_code handle(struct fake_run *run, const struct fr_ev *ev,
                           struct fr_acts *acts, struct fr_err *err)
{
    switch (ev->kind) {
    case FR_EV_START:
        return start(run, acts);
    case FR_EV_CONNECTED:
        return connected(run, acts, err);
    case FR_EV_BYTES:
        return bytes(run, ev->bytes, acts, err);
    case FR_EV_STORED:
        reach(acts, FR_PHASE_CONFIRM);
        say(acts, "confirm\n");
        run->phase = CONFIRMING;
        return FR_OK;
    case FR_EV_FLIPPED:
        return leave(run, acts, err);
    case FR_EV_DROPPED:
        return finish_run(run, acts);
    default:
        return lost(run, ev, err);
    }
}

static enum fr_code fake_step(struct fr_bootstrap *b, const struct fr_ev *ev,
                              struct fr_acts *acts, struct fr_err *err)
{
    struct fake_run *run = (struct fake_run *)b;
    enum fr_code rc;

    acts->n = 0;
    if (!is_expected(run, ev->kind))
        return FR_FAIL(err, FR_EINTERNAL, "an event of another phase");
    rc = handle(run, ev, acts, err);
    if (rc == FR_OK)
        return FR_OK;
    if (run->phase == FLIPPING && !run->flipped)
        return FR_OK; /* the disk has the say */
    if (!run->flipped) {
        run->phase = FAILED;
        return rc;
    }
    snprintf(run->warning, sizeof run->warning, "%s", err->msg);
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_WARN, .text = run->warning});
    return finish_run(run, acts);
}

static enum fr_code fake_finish(struct fr_bootstrap *b, struct fr_credential **ret,
                                struct fr_err *err)
{
    struct fake_run *run = (struct fake_run *)b;

    if (run->phase != DONE || (run->flipped && !run->credential))
        return FR_FAIL(err, FR_EINTERNAL, "no credential to hand over");
    *ret = FR_TAKE(run->credential);
    return FR_OK;
}

const struct fr_bootstrap_method fr_fake_bootstrap = {
    .name = "fake",
    .help = "for tests: one-line messages, no cryptography",
    .open = fake_open,
    .step = fake_step,
    .finish = fake_finish,
    .close = fake_close,
};

bool fr_fake_bootstrap_answer(void *state, struct fr_slice sent, struct fr_buf *reply)
{
    static const char *const dialogue[][2] = {
        {"enrol\n", "key\n"}, {"confirm\n", "ok\n"}, {"bye\n", "bye\n"}};
    const bool *known = state;

    if (fr_slice_equal(sent, fr_slice_str("known\n")))
        fr_buf_str(reply, *known ? "yes\n" : "no\n");
    for (size_t i = 0; i < sizeof dialogue / sizeof dialogue[0]; i++)
        if (fr_slice_equal(sent, fr_slice_str(dialogue[i][0])))
            fr_buf_str(reply, dialogue[i][1]);
    return true;
}
