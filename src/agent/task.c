/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/task.h"

#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/sim.h"
#include "base/file.h"

/* What the driver itself answers to an action, until it is the method's turn. */
#define ANSWERS_MAX (FR_ACTS_MAX + 1)

#define LAST_ANSWER_MS 5000 /* on its way when the time to wait is over */

struct fr_task {
    struct fr_task_setup setup;
    struct fr_bootstrap *bootstrap; /* one of the two */
    struct fr_discovery *discovery;
    struct fr_conn *conn;
    struct fr_link link;
    struct fr_sim sim;
    struct fr_buf file;
    enum fr_ev_kind answers[ANSWERS_MAX];
    size_t n_answers;
    enum fr_phase phase;
    struct fr_credential *stored; /* what the pending slot holds, and then current */
    bool flipped, over;
    struct fr_task_end end;
    struct fr_document *document;
    struct fr_err err; /* of what is under way */
};

/* ---- ends ---- */

static void close_conn(struct fr_task *t)
{
    if (!t->conn)
        return;
    t->end.octets_out += fr_conn_octets_out(t->conn);
    t->end.octets_in += fr_conn_octets_in(t->conn);
    fr_conn_close(t->conn);
    t->conn = NULL;
}

static void finish_as(struct fr_task *t, enum fr_class class, const char *reason,
                      const char *text)
{
    struct fr_result *r = &t->end.result;

    *r = (struct fr_result){.class = class, .phase = t->phase, .retry_after_ms = -1};
    (void)snprintf(r->reason, sizeof r->reason, "%s", reason);
    (void)snprintf(r->text, sizeof r->text, "%s", text);
    t->over = true;
    close_conn(t);
}

static void succeed(struct fr_task *t)
{
    const struct fr_credential *c = t->stored;
    const char *how = fr_credential_is_reused(c) ? "reused" : "provisioned";
    char text[FR_ERR_MSG_MAX];

    (void)snprintf(text, sizeof text, "%s for %s", c->key_id, c->target);
    t->end.credential = c;
    finish_as(t, FR_CLASS_PROVISIONED, t->setup.pending ? "resolved" : how, text);
}

static int64_t retry_after_ms(const struct fr_task *t)
{
    if (t->bootstrap && t->bootstrap->method->retry_after_ms)
        return t->bootstrap->method->retry_after_ms(t->bootstrap);
    if (t->discovery && t->discovery->method->retry_after_ms)
        return t->discovery->method->retry_after_ms(t->discovery);
    return -1;
}

/* An answer that is no cut ends the exchange for good: were the key left pending, the
 * next resolve would make it current all the same, although this device has just
 * refused it. A MEF that has committed it keeps the old one as well. */
static void drop_refused(struct fr_task *t)
{
    const struct fr_credential *c = t->stored;
    struct fr_slot_id id;
    struct fr_err err;

    if (!c || t->setup.pending ||
        (t->end.result.class != FR_CLASS_REFUSED &&
         t->end.result.class != FR_CLASS_INVALID))
        return;
    id = (struct fr_slot_id){.mef = c->mef, .target = c->target, .suid = c->suid};
    if (fr_state_drop(t->setup.device->state, &id, &err) != FR_OK)
        t->setup.on_warning(t->setup.ctx, err.msg);
}

static bool waits_for_target(const struct fr_task *t)
{
    return t->setup.context->wait_target_ms > 0 && !t->setup.pending;
}

/* The key is there and stays, but no success is known of: what ends a wait is the time
 * that was given for it, so there is no retry. */
static void fail_waiting(struct fr_task *t)
{
    struct fr_err why = t->err;

    if (why.code == FR_EINTERRUPTED)
        fr_err_set(&t->err, why.code, why.reason, FR_HERE,
                   "%s; %s is kept, but %s is not known to have fetched it", why.msg,
                   t->stored->key_id, t->stored->target);
    else
        fr_err_set(&t->err, FR_EUNREACHABLE, "target-not-fetched", FR_HERE,
                   "%s is kept, but %s is not known to have fetched it: %s",
                   t->stored->key_id, t->stored->target, why.msg);
    t->end.result = fr_result_of_err(&t->err, t->phase);
    t->end.result.retry_after_ms = FR_LIST_BUDGET_MAX;
    t->over = true;
    close_conn(t);
}

/* t->err says why. */
static void fail(struct fr_task *t)
{
    if (t->flipped && waits_for_target(t)) {
        fail_waiting(t);
        return;
    }
    if (t->flipped) {
        t->setup.on_warning(t->setup.ctx, t->err.msg);
        succeed(t);
        return;
    }
    t->end.result = fr_result_of_err(&t->err, t->phase);
    t->end.result.retry_after_ms = retry_after_ms(t);
    drop_refused(t);
    t->over = true;
    close_conn(t);
}

static void finish_discovery(struct fr_task *t)
{
    const struct fr_discovery_method *m = t->discovery->method;

    if (m->finish(t->discovery, &t->document, &t->err) != FR_OK)
        fail(t);
    else
        finish_as(t, FR_CLASS_DISCOVERED, "discovered", "a list was discovered");
}

/* The credential is the one that was stored: what the method hands over is not needed,
 * but a method that has nothing to hand over did not do its work. */
static void finish_bootstrap(struct fr_task *t)
{
    FR_AUTO(credential) *fruit = NULL;
    const struct fr_bootstrap_method *m = t->bootstrap->method;

    if (m->finish(t->bootstrap, &fruit, &t->err) != FR_OK) {
        fail(t);
    } else if (t->flipped) {
        succeed(t);
    } else if (t->end.dropped) {
        finish_as(t, FR_CLASS_INVALID, "resolve-dropped",
                  "the MEF never committed it: dropped");
    } else {
        fr_err_set(&t->err, FR_EINTERNAL, NULL, FR_HERE,
                   "method %s was done without a credential", m->name);
        fail(t);
    }
}

/* ---- actions ---- */

static void answer(struct fr_task *t, enum fr_ev_kind kind)
{
    if (t->n_answers < ANSWERS_MAX)
        t->answers[t->n_answers++] = kind;
}

static void reach(struct fr_task *t, enum fr_phase phase)
{
    if (phase == t->phase)
        return;
    t->phase = phase;
    t->setup.on_phase(t->setup.ctx, phase);
}

/* A device is never older than its own certificate. */
static void go_by_clock(struct fr_task *t, struct fr_conn_setup *setup)
{
    const struct fr_device *d = t->setup.device;
    struct fr_clock clock = fr_clock_read(d->state, d->env);

    if (clock.synchronised)
        return;
    setup->no_clock = true;
    setup->last_known_s = setup->tls ? fr_tls_own_not_before(setup->tls) : 0;
    if (clock.last_known > setup->last_known_s)
        setup->last_known_s = clock.last_known;
    if (clock.damaged)
        t->setup.on_warning(t->setup.ctx,
                            "the file of the last time that this device knows of is "
                            "damaged: say \"fieldroot clock --set\"");
}

static enum fr_code go_plain(struct fr_task *t, const struct fr_connect *to,
                             struct fr_conn_setup *setup)
{
    char text[FR_ERR_MSG_MAX];

    if (!fr_config_is_plain(t->setup.device->config, to->host))
        return FR_FAIL(&t->err, FR_EINTERNAL, "%s is not named by plain-ub", to->host);
    (void)snprintf(text, sizeof text,
                   "%s is spoken to without TLS, as plain-ub says: whoever listens "
                   "learns the SIM's identity",
                   to->host);
    t->setup.on_warning(t->setup.ctx, text);
    setup->is_plain = true;
    return FR_OK;
}

static enum fr_code choose_transport(struct fr_task *t, const struct fr_connect *to,
                                     struct fr_conn_setup *setup)
{
    switch (to->transport) {
    case FR_TLS_MUTUAL:
        return fr_keyring_get(t->setup.keys, to->role, to->instruction->credential,
                              &setup->tls, &t->err);
    case FR_TLS_SERVER:
        return fr_keyring_server(t->setup.keys, to->role, &setup->tls, &t->err);
    case FR_PLAIN:
        break;
    }
    return go_plain(t, to, setup);
}

static enum fr_code do_connect(struct fr_task *t, const struct fr_connect *to)
{
    const struct fr_device *d = t->setup.device;
    struct fr_conn_setup setup = {
        .env = d->env,
        .host = to->host,
        .port = to->port,
        .hosts = d->hosts,
        .n_hosts = d->n_hosts,
        .anchors = to->instruction->anchors,
        .n_anchors = to->instruction->n_anchors,
        .deadline = t->setup.deadline,
        .export_keys = to->export_keys,
    };

    close_conn(t);
    FR_TRY(choose_transport(t, to, &setup));
    go_by_clock(t, &setup);
    if (setup.tls)
        t->link = (struct fr_link){.credential_ref = fr_tls_credential_ref(setup.tls),
                                   .own_id = fr_tls_own_id(setup.tls)};
    reach(t, FR_PHASE_CONNECT);
    return fr_conn_open(&setup, &t->conn, &t->err);
}

/* A file that is not there will not be there in a second either: no retry. */
static enum fr_code do_read_file(struct fr_task *t, const char *path)
{
    fr_buf_reset(&t->file);
    enum fr_code rc = fr_file_read_regular(path, &t->file, &t->err);
    if (rc == FR_ENOTFOUND || rc == FR_ESTORE)
        t->err.code = FR_EINVALID;
    answer(t, rc == FR_OK ? FR_EV_FILE : FR_EV_FAILED);
    return FR_OK;
}

/* Its no is the method's to judge. */
static void do_usim(struct fr_task *t, const struct fr_usim_ask *ask)
{
    enum fr_code rc = fr_sim_ask(&t->sim, ask, &t->err);

    answer(t, rc == FR_OK ? FR_EV_USIM : FR_EV_FAILED);
}

/* What was stored for a target that is another one now: the new slot is durable. */
static enum fr_code drop_former(struct fr_task *t, const struct fr_credential *former)
{
    const struct fr_credential *c = t->stored;
    struct fr_slot_id id = {
        .mef = former->mef, .target = former->target, .suid = former->suid};

    if (fr_str_equal(c->mef, former->mef) && fr_str_equal(c->target, former->target) &&
        c->suid == former->suid)
        return FR_OK;
    return fr_state_drop(t->setup.device->state, &id, &t->err);
}

/* The slot is written as it shall be once it is current, so that the flip is a rename
 * and no more. What is pending counts as unconfirmed all the same (state.h). */
static enum fr_code do_store(struct fr_task *t, const struct fr_credential *c)
{
    FR_AUTO(credential) *former = FR_TAKE(t->stored);

    FR_TRY(fr_credential_copy(c, &t->stored, &t->err));
    t->stored->confirmed = true;
    FR_TRY(fr_state_store_pending(t->setup.device->state, t->stored, &t->err));
    if (former)
        FR_TRY(drop_former(t, former));
    answer(t, FR_EV_STORED);
    return FR_OK;
}

static enum fr_code slot_in_question(struct fr_task *t, struct fr_slot_id *ret)
{
    const struct fr_credential *c = t->stored;

    if (!c)
        return FR_FAIL(&t->err, FR_EINTERNAL, "method %s has stored nothing yet",
                       t->setup.in->method);
    *ret = (struct fr_slot_id){.mef = c->mef, .target = c->target, .suid = c->suid};
    return FR_OK;
}

/* A flip that the MEF did not confirm says so first: durably, or it does not happen. */
static enum fr_code note_confirmed(struct fr_task *t, const struct fr_credential *c)
{
    t->stored->confirmed = c && c->confirmed;
    if (t->stored->confirmed)
        return FR_OK;
    return fr_state_store_pending(t->setup.device->state, t->stored, &t->err);
}

/* Key confirmation, and nothing else, moves the last time that the device knows of. */
static void advance_clock(struct fr_task *t)
{
    const struct fr_device *d = t->setup.device;
    struct fr_err err;

    if (t->stored->confirmed &&
        fr_clock_advance(d->state, d->env, t->link.peer_not_before, &err) != FR_OK)
        t->setup.on_warning(t->setup.ctx, err.msg);
}

static enum fr_code do_flip(struct fr_task *t, const struct fr_credential *c)
{
    struct fr_slot_id id;

    FR_TRY(slot_in_question(t, &id));
    FR_TRY(note_confirmed(t, c));
    FR_TRY(fr_state_flip(t->setup.device->state, &id, &t->err));
    t->flipped = true;
    advance_clock(t);
    reach(t, FR_PHASE_COMMIT);
    answer(t, FR_EV_FLIPPED);
    return FR_OK;
}

static enum fr_code do_drop(struct fr_task *t)
{
    struct fr_slot_id id;

    FR_TRY(slot_in_question(t, &id));
    FR_TRY(fr_state_drop(t->setup.device->state, &id, &t->err));
    t->end.dropped = true;
    answer(t, FR_EV_DROPPED);
    return FR_OK;
}

static enum fr_code do_send(struct fr_task *t, struct fr_slice bytes)
{
    if (!t->conn)
        return FR_FAIL(&t->err, FR_EINTERNAL, "method %s sends without a connection",
                       t->setup.in->method);
    return fr_conn_send(t->conn, bytes, &t->err);
}

static void do_wait(struct fr_task *t, int64_t wait_ms)
{
    t->setup.deadline = fr_mono_ms(t->setup.device->env) + wait_ms + LAST_ANSWER_MS;
    if (t->conn)
        fr_conn_set_deadline(t->conn, t->setup.deadline);
}

static enum fr_code perform(struct fr_task *t, const struct fr_act *act)
{
    switch (act->kind) {
    case FR_ACT_CONNECT:
        return do_connect(t, &act->connect);
    case FR_ACT_SEND:
        return do_send(t, act->bytes);
    case FR_ACT_CLOSE:
        close_conn(t);
        return FR_OK;
    case FR_ACT_READ_FILE:
        return do_read_file(t, act->path);
    case FR_ACT_STORE_PENDING:
        return do_store(t, act->credential);
    case FR_ACT_FLIP:
        return do_flip(t, act->credential);
    case FR_ACT_DROP_PENDING:
        return do_drop(t);
    case FR_ACT_USIM:
        do_usim(t, &act->usim);
        return FR_OK;
    case FR_ACT_WAIT:
        do_wait(t, act->wait_ms);
        return FR_OK;
    case FR_ACT_PHASE:
        reach(t, act->phase);
        return FR_OK;
    case FR_ACT_WARN:
        t->setup.on_warning(t->setup.ctx, act->text);
        return FR_OK;
    case FR_ACT_DONE:
        t->discovery ? finish_discovery(t) : finish_bootstrap(t);
        return FR_OK;
    }
    return FR_OK;
}

/* ---- events ---- */

static void feed(struct fr_task *t, const struct fr_ev *ev)
{
    struct fr_acts acts = {.n = 0};
    enum fr_code rc =
        t->discovery ? t->discovery->method->step(t->discovery, ev, &acts, &t->err)
                     : t->bootstrap->method->step(t->bootstrap, ev, &acts, &t->err);

    for (size_t i = 0; rc == FR_OK && i < acts.n && !t->over; i++)
        rc = perform(t, &acts.list[i]);
    if (rc != FR_OK)
        fail(t);
    if (ev->kind == FR_EV_USIM && t->n_answers == 0)
        fr_sim_forget(&t->sim); /* RES and keys go with the step that takes them */
}

static bool next_answer(struct fr_task *t, struct fr_ev *ret)
{
    if (t->n_answers == 0)
        return false;
    *ret = (struct fr_ev){.kind = t->answers[0],
                          .bytes = fr_buf_view(&t->file),
                          .err = &t->err,
                          .usim = &t->sim.ev};
    t->n_answers--;
    memmove(t->answers, t->answers + 1, t->n_answers * sizeof t->answers[0]);
    return true;
}

static void connected(struct fr_task *t)
{
    t->link.exported = fr_conn_exported(t->conn);
    t->link.tls_version = fr_conn_tls_version(t->conn);
    t->link.peer_not_before = fr_conn_peer_not_before(t->conn);
    if (t->discovery)
        reach(t, FR_PHASE_DISCOVERY);
}

static bool next_of_conn(struct fr_task *t, struct fr_ev *ret)
{
    struct fr_conn_event ev = {.kind = FR_CONN_NOTHING};

    if (t->conn)
        ev = fr_conn_step(t->conn);
    if (ev.kind == FR_CONN_TCP) {
        reach(t, FR_PHASE_HANDSHAKE);
        ev = fr_conn_step(t->conn);
    }
    switch (ev.kind) {
    case FR_CONN_NOTHING:
    case FR_CONN_TCP:
        return false;
    case FR_CONN_CONNECTED:
        connected(t);
        *ret = (struct fr_ev){.kind = FR_EV_CONNECTED, .link = &t->link};
        return true;
    case FR_CONN_BYTES:
        *ret = (struct fr_ev){.kind = FR_EV_BYTES, .bytes = ev.bytes};
        return true;
    case FR_CONN_CLOSED:
        *ret = (struct fr_ev){.kind = FR_EV_CLOSED};
        return true;
    case FR_CONN_FAILED:
        t->err = *ev.err;
        *ret = (struct fr_ev){.kind = FR_EV_FAILED, .err = &t->err};
        return true;
    }
    return false;
}

bool fr_task_step(struct fr_task *t)
{
    struct fr_ev ev;

    while (!t->over && (next_answer(t, &ev) || next_of_conn(t, &ev)))
        feed(t, &ev);
    if (!t->over && fr_mono_ms(t->setup.device->env) >= t->setup.deadline) {
        fr_err_set(&t->err, FR_EUNREACHABLE, "timeout", FR_HERE,
                   "the budget of the instruction is used up");
        fail(t);
    }
    return t->over;
}

size_t fr_task_interests(const struct fr_task *t, struct pollfd *fds, size_t max,
                         int64_t *ret_deadline)
{
    int64_t deadline;
    size_t n = 0;

    *ret_deadline = t->setup.deadline;
    if (t->n_answers > 0 || t->over)
        *ret_deadline = fr_mono_ms(t->setup.device->env);
    if (!t->conn)
        return 0;
    n = fr_conn_interests(t->conn, fds, max, &deadline);
    if (deadline < *ret_deadline)
        *ret_deadline = deadline;
    return n;
}

/* ---- life ---- */

static enum fr_code open_method(struct fr_task *t)
{
    const struct fr_task_setup *s = &t->setup;
    const struct fr_bootstrap_method *b;
    const struct fr_discovery_method *d;

    if (s->in->kind == FR_DISCOVERY) {
        d = fr_discovery_find(s->device->discoveries, s->in->method);
        if (d)
            return d->open(s->context, s->in, &t->discovery, &t->err);
    } else {
        b = fr_bootstrap_find(s->device->bootstraps, s->in->method);
        if (b)
            return b->open(s->context, s->in, s->pending, &t->bootstrap, &t->err);
    }
    return FR_FAIL_AS(&t->err, FR_EUNSUPPORTED, "unsupported",
                      "method %s is not built in", s->in->method);
}

enum fr_code fr_task_new(const struct fr_task_setup *setup, struct fr_task **ret,
                         struct fr_err *err)
{
    FR_AUTO(task) *t = calloc(1, sizeof *t);

    if (!t)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a run");
    t->setup = *setup;
    t->sim.device = setup->device;
    t->file = (struct fr_buf)FR_BUF_INIT(FR_DOCUMENT_MAX);
    if (setup->pending)
        FR_TRY(fr_credential_copy(setup->pending, &t->stored, err));
    t->phase = setup->in->kind == FR_DISCOVERY ? FR_PHASE_DISCOVERY : FR_PHASE_TRIGGER;
    if (open_method(t) == FR_OK)
        answer(t, FR_EV_START);
    else
        fail(t);
    *ret = FR_TAKE(t);
    return FR_OK;
}

void fr_task_free(struct fr_task *t)
{
    if (!t)
        return;
    close_conn(t);
    fr_sim_clear(&t->sim);
    if (t->bootstrap)
        t->bootstrap->method->close(t->bootstrap);
    if (t->discovery)
        t->discovery->method->close(t->discovery);
    fr_document_free(t->document);
    fr_credential_free(t->stored);
    fr_buf_clear(&t->file);
    free(t);
}

bool fr_task_has_flipped(const struct fr_task *t)
{
    return t->flipped;
}

void fr_task_stop(struct fr_task *t)
{
    if (t->over)
        return;
    fr_err_set(&t->err, FR_EINTERRUPTED, "stopped", FR_HERE,
               "stopped by the operator or a signal");
    fail(t);
}

const struct fr_task_end *fr_task_end(const struct fr_task *t)
{
    return &t->end;
}

struct fr_document *fr_task_take_document(struct fr_task *t)
{
    return FR_TAKE(t->document);
}
