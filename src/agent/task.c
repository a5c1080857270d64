/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/task_impl.h"

#include <stdlib.h>
#include <string.h>

void fr_task_answer(struct fr_task *t, enum fr_ev_kind kind)
{
    if (t->n_answers < FR_TASK_ANSWERS_MAX)
        t->answers[t->n_answers++] = kind;
}

void fr_task_reach(struct fr_task *t, enum fr_phase phase)
{
    if (phase == t->phase)
        return;
    t->phase = phase;
    t->setup.on_phase(t->setup.ctx, phase);
}

void fr_task_close_conn(struct fr_task *t)
{
    if (!t->conn)
        return;
    t->end.octets_out += fr_conn_octets_out(t->conn);
    t->end.octets_in += fr_conn_octets_in(t->conn);
    fr_conn_close(t->conn);
    t->conn = NULL;
}

/* ---- events ---- */

static void feed(struct fr_task *t, const struct fr_ev *ev)
{
    struct fr_acts acts = {.n = 0};
    enum fr_code rc =
        t->discovery ? t->discovery->method->step(t->discovery, ev, &acts, &t->err)
                     : t->bootstrap->method->step(t->bootstrap, ev, &acts, &t->err);

    for (size_t i = 0; rc == FR_OK && i < acts.n && !t->over; i++)
        rc = fr_task_perform(t, &acts.list[i]);
    if (rc != FR_OK)
        fr_task_fail(t);
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
        fr_task_reach(t, FR_PHASE_DISCOVERY);
}

static bool next_of_conn(struct fr_task *t, struct fr_ev *ret)
{
    struct fr_conn_event ev = {.kind = FR_CONN_NOTHING};

    if (t->conn)
        ev = fr_conn_step(t->conn);
    if (ev.kind == FR_CONN_TCP) {
        fr_task_reach(t, FR_PHASE_HANDSHAKE);
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
        fr_task_fail(t);
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
        fr_task_answer(t, FR_EV_START);
    else
        fr_task_fail(t);
    *ret = FR_TAKE(t);
    return FR_OK;
}

void fr_task_free(struct fr_task *t)
{
    if (!t)
        return;
    fr_task_close_conn(t);
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
    fr_task_fail(t);
}

const struct fr_task_end *fr_task_end(const struct fr_task *t)
{
    return &t->end;
}

struct fr_document *fr_task_take_document(struct fr_task *t)
{
    return FR_TAKE(t->document);
}
