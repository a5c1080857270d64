/* SPDX-License-Identifier: Apache-2.0 */
/* A bootstrap method that does what its MEF's name says (rig.h). */
#include <stdlib.h>

#include "test.h"
#include "unit/agent/rig.h"

struct scripted scripted;

struct run {
    struct fr_bootstrap super;
    const struct fr_run_context *ctx;
    const struct fr_instruction *in;
    const struct fr_credential *pending;
    struct fr_credential *made;
    bool flipped;
};

static bool is(const struct run *r, const char *behaviour)
{
    size_t len = strlen(behaviour);

    return strncmp(r->in->mef, behaviour, len) == 0 && r->in->mef[len] == '.';
}

static enum fr_code run_open(const struct fr_run_context *ctx,
                             const struct fr_instruction *in,
                             const struct fr_credential *pending,
                             struct fr_bootstrap **ret, struct fr_err *err)
{
    struct run *r = calloc(1, sizeof *r);

    if (!r)
        return FR_FAIL(err, FR_ENOMEM, "no memory");
    r->super.method = &scripted_bootstrap;
    r->ctx = ctx;
    r->in = in;
    r->pending = pending;
    scripted.opened++;
    if (pending)
        scripted.resolves++;
    *ret = (struct fr_bootstrap *)r;
    return FR_OK;
}

static void add(struct fr_acts *acts, enum fr_act_kind kind)
{
    fr_acts_add(acts, (struct fr_act){.kind = kind});
}

static void reach(struct fr_acts *acts, enum fr_phase phase)
{
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_PHASE, .phase = phase});
}

static void store(struct run *r, struct fr_acts *acts)
{
    const char *target = r->in->target ? r->in->target : "assigned.example.com";

    r->made = rig_credential(r->in->mef, target, fr_wall_s(r->ctx->env));
    r->made->confirmed = false; /* not yet */
    reach(acts, FR_PHASE_REGISTER);
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_STORE_PENDING, .credential = r->made});
}

static enum fr_code start(struct run *r, struct fr_acts *acts, struct fr_err *err)
{
    static const struct {
        const char *label;
        enum fr_code code;
    } failures[] = {{"refuse", FR_EREFUSED},
                    {"away", FR_EUNREACHABLE},
                    {"broken", FR_EINVALID},
                    {"full", FR_ESTORE},
                    {"later", FR_EUNREACHABLE}};

    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (is(r, failures[i].label))
            return FR_FAIL_AS(err, failures[i].code, failures[i].label,
                              "as scripted: %s", failures[i].label);
    if (is(r, "hang"))
        return FR_OK;
    if (is(r, "talk")) {
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CONNECT,
                                          .connect = {.role = FR_ROLE_MEF,
                                                      .host = "mef.example.com",
                                                      .port = r->in->port,
                                                      .instruction = r->in,
                                                      .export_keys = true}});
        return FR_OK;
    }
    is(r, "empty") ? add(acts, FR_ACT_DONE) : store(r, acts);
    return FR_OK;
}

static enum fr_code resolve_start(struct fr_acts *acts, struct fr_err *err)
{
    enum scripted_resolve what =
        scripted.resolves == 1 && scripted.first ? scripted.first : scripted.resolve;

    if (what == RESOLVE_AWAY)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "away", "as scripted");
    if (what == RESOLVE_REFUSE)
        return FR_FAIL_AS(err, FR_EREFUSED, "refuse", "as scripted");
    if (what != RESOLVE_HANG)
        add(acts, what == RESOLVE_FLIP ? FR_ACT_FLIP : FR_ACT_DROP_PENDING);
    return FR_OK;
}

static enum fr_code stored(struct run *r, struct fr_acts *acts, struct fr_err *err)
{
    reach(acts, FR_PHASE_CONFIRM);
    if (is(r, "cut"))
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "cut", "as scripted");
    if (is(r, "no"))
        return FR_FAIL_AS(err, FR_EREFUSED, "no", "as scripted");
    if (is(r, "odd"))
        return FR_FAIL_AS(err, FR_EINVALID, "odd", "as scripted");
    r->made->confirmed = true;
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_FLIP, .credential = r->made});
    return FR_OK;
}

static enum fr_code flipped(struct run *r, struct fr_acts *acts, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) records = FR_BUF_INIT(sizeof scripted.records - 1);

    r->flipped = true;
    if (is(r, "late"))
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "late", "failed late, as scripted");
    if (is(r, "hangflip"))
        return FR_OK;
    if (is(r, "warn"))
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_WARN, .text = "mind the gap"});
    FR_TRY(r->ctx->records(r->ctx->ctx, &records, err));
    (void)snprintf(scripted.records, sizeof scripted.records, "%s",
                   fr_buf_cstr(&records));
    add(acts, FR_ACT_DONE);
    return FR_OK;
}

static void connected(const struct fr_link *link, struct fr_acts *acts)
{
    fr_hex_encode(fr_secret_view(link->exported), scripted.exported, false);
    (void)snprintf(scripted.own_id, sizeof scripted.own_id, "%s", link->own_id);
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_SEND, .bytes = fr_slice_str("hello")});
}

static enum fr_code run_step(struct fr_bootstrap *run, const struct fr_ev *ev,
                             struct fr_acts *acts, struct fr_err *err)
{
    struct run *r = (struct run *)run;

    switch (ev->kind) {
    case FR_EV_START:
        return r->pending ? resolve_start(acts, err) : start(r, acts, err);
    case FR_EV_CONNECTED:
        connected(ev->link, acts);
        return FR_OK;
    case FR_EV_BYTES:
        store(r, acts);
        return FR_OK;
    case FR_EV_STORED:
        return stored(r, acts, err);
    case FR_EV_FLIPPED:
        return flipped(r, acts, err);
    case FR_EV_DROPPED:
        add(acts, FR_ACT_DONE);
        return FR_OK;
    case FR_EV_FAILED:
        *err = *ev->err;
        return err->code;
    default:
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut", "closed");
    }
}

static enum fr_code run_finish(struct fr_bootstrap *run, struct fr_credential **ret,
                               struct fr_err *err)
{
    struct run *r = (struct run *)run;

    if (r->pending && r->flipped)
        return fr_credential_copy(r->pending, ret, err);
    *ret = FR_TAKE(r->made);
    return FR_OK;
}

static void run_close(struct fr_bootstrap *run)
{
    struct run *r = (struct run *)run;

    if (!r)
        return;
    scripted.closed++;
    fr_credential_free(r->made);
    free(r);
}

static int64_t run_retry_after(const struct fr_bootstrap *run)
{
    return is((const struct run *)run, "later") ? SCRIPTED_RETRY_AFTER_MS : -1;
}

const struct fr_bootstrap_method scripted_bootstrap = {
    .name = "scripted",
    .help = "does what the name of the MEF says",
    .open = run_open,
    .step = run_step,
    .finish = run_finish,
    .close = run_close,
    .retry_after_ms = run_retry_after,
};

/* ---- discovery ---- */

struct search {
    struct fr_discovery super;
    const struct fr_instruction *in;
    struct fr_document *found;
};

static enum fr_code search_open(const struct fr_run_context *ctx,
                                const struct fr_instruction *in,
                                struct fr_discovery **ret, struct fr_err *err)
{
    struct search *s = calloc(1, sizeof *s);

    (void)ctx;
    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "no memory");
    s->super.method = &scripted_discovery;
    s->in = in;
    scripted.opened++;
    *ret = (struct fr_discovery *)s;
    return FR_OK;
}

static enum fr_code search_step(struct fr_discovery *run, const struct fr_ev *ev,
                                struct fr_acts *acts, struct fr_err *err)
{
    struct search *s = (struct search *)run;

    if (ev->kind == FR_EV_FAILED) {
        *err = *ev->err;
        return err->code;
    }
    if (fr_str_equal(s->in->resource, "file:///refuse"))
        return FR_FAIL_AS(err, FR_EREFUSED, "refuse", "as scripted");
    if (fr_str_equal(s->in->resource, "file:///read") && ev->kind == FR_EV_START) {
        fr_acts_add(acts,
                    (struct fr_act){.kind = FR_ACT_READ_FILE, .path = scripted.file});
        return FR_OK;
    }
    s->found = rig_document(
        "{'version':1,'instructions':["
        "{'bootstrap':'scripted','mef':'refuse.example.com'},"
        "{'bootstrap':'scripted','mef':'good.example.com','target':'found.example.com'}"
        "]}");
    add(acts, FR_ACT_DONE);
    return FR_OK;
}

static enum fr_code search_finish(struct fr_discovery *run, struct fr_document **ret,
                                  struct fr_err *err)
{
    struct search *s = (struct search *)run;

    (void)err;
    *ret = FR_TAKE(s->found);
    return FR_OK;
}

static void search_close(struct fr_discovery *run)
{
    struct search *s = (struct search *)run;

    if (!s)
        return;
    scripted.closed++;
    fr_document_free(s->found);
    free(s);
}

const struct fr_discovery_method scripted_discovery = {
    .name = "scripted",
    .help = "does what the resource says",
    .open = search_open,
    .step = search_step,
    .finish = search_finish,
    .close = search_close,
};
