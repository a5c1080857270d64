/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/records.h"
#include "agent/task.h"
#include "engine/engine.h"

#define RESOLVE_POSITION "resolve"

enum stage { RESOLVING, WALKING, OVER };

struct fr_run {
    const struct fr_device *device;
    struct fr_keyring *keys;
    struct fr_run_context context;
    struct fr_engine *engine;
    const struct fr_instruction *first; /* of the engine's list */
    struct fr_teller teller;
    bool renew, owns_lock, stop;
    enum stage stage;
    struct fr_task *task; /* what is tried now */
    char position[FR_POSITION_MAX + 1];
    int64_t wake_at; /* the engine waits; -1: it does not */
    struct fr_credential *won;

    /* resolving: before the list, or before an entry that would make its key again */
    struct fr_credential *pending;      /* NULL: the task is no resolve */
    struct fr_instruction resolve_in;   /* borrows from pending */
    const struct fr_instruction *entry; /* the one at the position, and until when */
    int64_t entry_deadline;
    size_t n_kept; /* pending slots that stay as they are */
    int64_t start_mono, start_wall;

    struct fr_records records;
    int exit_status;
    struct fr_err end;
};

static const struct fr_env *env(const struct fr_run *r)
{
    return r->device->env;
}

/* ---- the end ---- */

static enum fr_code code_of_exit(int exit_status)
{
    static const enum fr_code codes[] = {FR_EREFUSED,     FR_EINVALID, FR_EUNREACHABLE,
                                         FR_EUNSUPPORTED, FR_ESTORE,   FR_EINTERRUPTED};

    if (exit_status == 0)
        return FR_OK;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (fr_code_exit(codes[i]) == exit_status)
            return codes[i];
    return FR_EINTERNAL;
}

static void finish(struct fr_run *r, const struct fr_outcome_report *report)
{
    r->stage = OVER;
    r->exit_status = report->exit_status;
    fr_err_set(&r->end, code_of_exit(report->exit_status), report->reason, FR_HERE,
               "%s", report->text);
    fr_task_free(r->task);
    r->task = NULL;
    if (r->owns_lock)
        fr_state_unlock(r->device->state);
    r->owns_lock = false;
    fr_tell_outcome(&r->teller, report);
}

static void finish_early(struct fr_run *r, int exit_status, const char *reason,
                         const char *text)
{
    struct fr_outcome_report report = {.outcome = FR_OUTCOME_INTERRUPTED,
                                       .exit_status = exit_status,
                                       .reason = reason,
                                       .text = text,
                                       .list = fr_engine_list_id(r->engine)};

    finish(r, &report);
}

static void finish_with_err(struct fr_run *r, const struct fr_err *err)
{
    finish_early(r, fr_code_exit(err->code), err->reason, err->msg);
}

static void finish_needless(struct fr_run *r, const struct fr_credential *c)
{
    struct fr_outcome_report report = {.outcome = FR_OUTCOME_PROVISIONED,
                                       .reason = "nothing-to-do",
                                       .list = fr_engine_list_id(r->engine),
                                       .credential = c};
    char text[FR_ERR_MSG_MAX];

    (void)snprintf(text, sizeof text, "nothing to do: %s for %s is valid", c->key_id,
                   c->target);
    report.text = text;
    finish(r, &report);
}

static const char *words_for(const struct fr_run *r, int exit_status)
{
    const char *words = fr_records_words(&r->records, exit_status);

    if (words)
        return words;
    return exit_status == fr_code_exit(FR_EINTERRUPTED) ? "stopped" : "nothing worked";
}

static void finish_as_engine_says(struct fr_run *r, const struct fr_engine_action *a)
{
    struct fr_outcome_report report = {.outcome = a->outcome,
                                       .exit_status = a->exit_status,
                                       .list = fr_engine_list_id(r->engine),
                                       .credential = r->won};

    report.reason = fr_outcome_name(a->outcome);
    report.text = words_for(r, a->exit_status);
    finish(r, &report);
}

/* ---- tries ---- */

static void on_phase(void *ctx, enum fr_phase phase)
{
    struct fr_run *r = ctx;

    fr_tell_phase(&r->teller, r->position, phase);
}

static void on_warning(void *ctx, const char *text)
{
    struct fr_run *r = ctx;

    fr_tell_warning(&r->teller, text);
}

static enum fr_code upload_records(void *ctx, struct fr_buf *to, struct fr_err *err)
{
    const struct fr_run *r = ctx;

    return fr_records_upload(&r->records, to, err);
}

static void begin(struct fr_run *r, const struct fr_instruction *in, int64_t deadline)
{
    struct fr_task_setup setup = {
        .device = r->device,
        .keys = r->keys,
        .context = &r->context,
        .in = in,
        .pending = r->pending,
        .deadline = deadline,
        .on_phase = on_phase,
        .on_warning = on_warning,
        .ctx = r,
    };
    struct fr_err err;

    if (fr_task_new(&setup, &r->task, &err) != FR_OK)
        finish_with_err(r, &err);
}

static void end_task(struct fr_run *r)
{
    fr_task_free(r->task);
    r->task = NULL;
}

static void forget_pending(struct fr_run *r)
{
    fr_credential_free(r->pending);
    r->pending = NULL;
}

static void begin_resolve(struct fr_run *r, int64_t deadline)
{
    const struct fr_credential *c = r->pending;

    r->resolve_in = (struct fr_instruction){.kind = FR_BOOTSTRAP,
                                            .method = c->method,
                                            .mef = c->mef,
                                            .port = c->port,
                                            .target = c->target,
                                            .suid = c->suid,
                                            .admin_fqdn = c->admin_fqdn,
                                            .expiry_s = c->expires - c->created,
                                            .credential = c->credential_name,
                                            .budget_ms = FR_BUDGET_DEFAULT};
    if (r->entry) {
        r->resolve_in.anchors = r->entry->anchors;
        r->resolve_in.n_anchors = r->entry->n_anchors;
    }
    r->start_mono = fr_mono_ms(env(r));
    r->start_wall = fr_wall_s(env(r));
    begin(r, &r->resolve_in, deadline);
}

static void record_resolve(struct fr_run *r)
{
    const struct fr_task_end *end = fr_task_end(r->task);
    struct fr_attempt a = {.kind = FR_BOOTSTRAP,
                           .position = RESOLVE_POSITION,
                           .result = end->result,
                           .start = r->start_wall,
                           .duration_ms = fr_mono_ms(env(r)) - r->start_mono,
                           .octets_out = end->octets_out,
                           .octets_in = end->octets_in};

    memcpy(a.list, fr_engine_list_id(r->engine), sizeof a.list);
    (void)snprintf(a.method, sizeof a.method, "%s", r->pending->method);
    (void)snprintf(a.peer, sizeof a.peer, "%s", r->pending->mef);
    (void)snprintf(a.target, sizeof a.target, "%s", r->pending->target);
    fr_records_add(&r->records, &a);
}

/* ---- walking ---- */

static bool is_made_by(const struct fr_credential *c, const struct fr_instruction *in)
{
    return fr_str_equal(c->method, in->method) &&
           fr_ascii_equal_fold(c->mef, in->mef) && c->suid == in->suid &&
           (!in->target || fr_str_equal(c->target, in->target));
}

static enum fr_code find_pending_of(struct fr_run *r, const struct fr_instruction *in,
                                    struct fr_err *err)
{
    enum fr_code rc;

    for (size_t n = 0;; n++) {
        rc = fr_state_pending_at(r->device->state, n, &r->pending, err);
        if (rc != FR_OK)
            return rc == FR_ENOTFOUND ? FR_OK : rc;
        if (is_made_by(r->pending, in))
            return FR_OK;
        forget_pending(r);
    }
}

/*
 * The try before this one, or the run before, may have been cut after the MEF's commit.
 * A second key would then push the first out of this device's pending slot, and the one
 * that is current here out of the MEF's previous: a third cut, and no key of this
 * device works. So what is pending is resolved first, for as long as its MEF is away.
 */
static void begin_bootstrap(struct fr_run *r)
{
    struct fr_err err;

    if (find_pending_of(r, r->entry, &err) != FR_OK)
        finish_with_err(r, &err);
    else if (r->pending)
        begin_resolve(r, r->entry_deadline);
    else
        begin(r, r->entry, r->entry_deadline);
}

static void perform(struct fr_run *r, const struct fr_engine_action *a)
{
    switch (a->kind) {
    case FR_DO_BOOTSTRAP:
    case FR_DO_DISCOVERY:
        memcpy(r->position, a->position, sizeof r->position);
        r->entry = a->instruction;
        r->entry_deadline = a->deadline;
        if (a->kind == FR_DO_BOOTSTRAP)
            begin_bootstrap(r);
        else
            begin(r, r->entry, r->entry_deadline);
        break;
    case FR_DO_CANCEL: /* done already: see stop() */
        break;
    case FR_DO_WAIT:
        r->wake_at = a->deadline;
        break;
    case FR_DO_RECORD:
        fr_records_add(&r->records, &a->attempt);
        break;
    case FR_DO_DONE:
        finish_as_engine_says(r, a);
        break;
    }
}

static void tell_engine(struct fr_run *r, const struct fr_engine_event *event)
{
    const struct fr_engine_actions *actions;
    struct fr_err err;

    r->wake_at = -1;
    if (fr_engine_step(r->engine, event, &actions, &err) != FR_OK) {
        fr_document_free(event->document);
        finish_with_err(r, &err);
        return;
    }
    for (size_t i = 0; i < actions->n && r->stage != OVER; i++)
        perform(r, &actions->list[i]);
}

/* The MEF has spoken about what was pending, but has not committed it. */
static bool leaves_entry_to_try(const struct fr_run *r)
{
    enum fr_class class = fr_task_end(r->task)->result.class;

    return r->pending && class != FR_CLASS_PROVISIONED &&
           class != FR_CLASS_UNREACHABLE && class != FR_CLASS_INTERRUPTED;
}

static void try_anew(struct fr_run *r)
{
    record_resolve(r);
    end_task(r);
    forget_pending(r);
    begin(r, r->entry, r->entry_deadline);
}

/* The task goes before the engine speaks: its actions may begin another. */
static void try_ended(struct fr_run *r)
{
    if (leaves_entry_to_try(r)) {
        try_anew(r);
        return;
    }

    const struct fr_task_end *end = fr_task_end(r->task);
    struct fr_engine_event event = {
        .kind = FR_ENGINE_FINISHED,
        .result = end->result,
        .octets_out = end->octets_out,
        .octets_in = end->octets_in,
        .document = fr_task_take_document(r->task),
    };

    if (event.document)
        event.kind = FR_ENGINE_DISCOVERED;
    if (end->credential && fr_credential_copy(end->credential, &r->won, NULL) == FR_OK)
        event.target = r->won->target;
    end_task(r);
    forget_pending(r);
    tell_engine(r, &event);
}

/* ---- resolving ---- */

static void start_walking(struct fr_run *r)
{
    struct fr_engine_event event = {.kind = FR_ENGINE_START};
    FR_AUTO(credential) *current = NULL;

    r->stage = WALKING;
    if (!r->renew && fr_device_current(r->device, r->first, &current, NULL) == FR_OK)
        finish_needless(r, current);
    else
        tell_engine(r, &event);
}

static void next_resolve(struct fr_run *r)
{
    struct fr_err err;

    forget_pending(r);
    enum fr_code rc =
        fr_state_pending_at(r->device->state, r->n_kept, &r->pending, &err);
    if (rc == FR_ENOTFOUND) {
        start_walking(r);
        return;
    }
    if (rc != FR_OK) {
        finish_with_err(r, &err);
        return;
    }
    (void)snprintf(r->position, sizeof r->position, "%s", RESOLVE_POSITION);
    begin_resolve(r, fr_mono_ms(env(r)) + FR_BUDGET_DEFAULT);
}

static void resolve_ended(struct fr_run *r)
{
    const struct fr_task_end *end = fr_task_end(r->task);
    struct fr_result result = end->result;

    record_resolve(r);
    if (!end->credential && !end->dropped)
        r->n_kept++;
    end_task(r);
    if (result.class == FR_CLASS_INTERRUPTED)
        finish_early(r, result.fr_exit ? result.fr_exit : fr_code_exit(FR_EINTERRUPTED),
                     result.reason, result.text);
}

/* ---- one step ---- */

/* What has flipped is provisioned, whoever calls it off. */
static void stop(struct fr_run *r)
{
    struct fr_engine_event event = {.kind = FR_ENGINE_STOP};
    struct fr_task_end end = {.octets_out = 0};

    r->stop = r->teller.stop = false;
    if (r->task)
        fr_task_stop(r->task);
    if (r->stage == RESOLVING) {
        if (r->task)
            resolve_ended(r);
        if (r->stage != OVER)
            finish_early(r, fr_code_exit(FR_EINTERRUPTED), "stopped", "stopped");
    } else if (r->task && fr_task_has_flipped(r->task)) {
        try_ended(r);
    } else {
        if (r->task)
            end = *fr_task_end(r->task);
        event.result = end.result;
        event.octets_out = end.octets_out;
        event.octets_in = end.octets_in;
        end_task(r);
        forget_pending(r);
        tell_engine(r, &event);
    }
}

/* One move; false when there is nothing to do but wait. */
static bool move(struct fr_run *r)
{
    struct fr_engine_event timer = {.kind = FR_ENGINE_TIMER};

    if (r->stop || r->teller.stop)
        stop(r);
    else if (r->task && !fr_task_step(r->task))
        return false;
    else if (r->task && r->stage == RESOLVING)
        resolve_ended(r);
    else if (r->task)
        try_ended(r);
    else if (r->stage == RESOLVING)
        next_resolve(r);
    else if (r->wake_at > fr_mono_ms(env(r)))
        return false;
    else
        tell_engine(r, &timer);
    return true;
}

void fr_run_step(struct fr_run *run, const struct pollfd *fds, size_t n)
{
    (void)fds, (void)n; /* everything is non-blocking: what is ready is found out */
    while (run->stage != OVER && move(run))
        ;
}

static int until(const struct fr_run *r, int64_t deadline)
{
    int64_t left = deadline - fr_mono_ms(env(r));

    if (left < 0)
        return 0;
    return left < 3600 * 1000 ? (int)left : 3600 * 1000;
}

size_t fr_run_interests(const struct fr_run *run, struct pollfd *fds, size_t max,
                        int *timeout_ms)
{
    int64_t deadline;
    size_t n;

    *timeout_ms = 0;
    if (run->stage == OVER || run->stop || run->teller.stop)
        return 0;
    if (!run->task) {
        if (run->wake_at >= 0)
            *timeout_ms = until(run, run->wake_at);
        return 0;
    }
    n = fr_task_interests(run->task, fds, max, &deadline);
    *timeout_ms = until(run, deadline);
    return n;
}

/* ---- life ---- */

static bool supports(void *ctx, const struct fr_instruction *in, char *text,
                     size_t size)
{
    const struct fr_run *r = ctx;

    return fr_device_supports(r->device, in, text, size);
}

static enum fr_code set_up(struct fr_run *r, const struct fr_run_setup *setup,
                           struct fr_document **doc, struct fr_err *err)
{
    const struct fr_device *d = setup->device;
    struct fr_engine_config config = {.env = d->env, .supports = supports, .ctx = r};

    r->device = d;
    r->renew = setup->renew;
    r->teller = (struct fr_teller){.fn = setup->fn, .ctx = setup->ctx};
    r->wake_at = -1;
    fr_records_init(&r->records, d->state, &r->teller);
    r->context = (struct fr_run_context){.env = d->env,
                                         .confirmation = d->config->confirmation,
                                         .mef_base = d->config->mef_base,
                                         .wait_target_ms = setup->wait_target_ms,
                                         .plain_mefs = d->config->plain_mefs,
                                         .n_plain_mefs = d->config->n_plain_mefs,
                                         .kept = {r->renew ? NULL : fr_device_find, d},
                                         .records = upload_records,
                                         .ctx = r};
    FR_TRY(fr_keyring_open(d->config, &r->keys, err));
    FR_TRY(fr_engine_new(&config, *doc, &r->engine, err));
    r->first = &(*doc)->list[0];
    *doc = NULL;
    if (setup->lock_held)
        return FR_OK;
    FR_TRY(fr_state_lock(d->state, err));
    r->owns_lock = true;
    return FR_OK;
}

enum fr_code fr_run_open(const struct fr_run_setup *setup, struct fr_document *doc,
                         struct fr_run **ret, struct fr_err *err)
{
    FR_AUTO(document) *taken = doc;
    struct fr_run *r = calloc(1, sizeof *r);

    if (!r)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a run");
    enum fr_code rc = set_up(r, setup, &taken, err);
    if (rc != FR_OK) {
        fr_run_free(r);
        return rc;
    }
    *ret = r;
    return FR_OK;
}

void fr_run_free(struct fr_run *run)
{
    if (!run)
        return;
    end_task(run);
    fr_engine_free(run->engine);
    fr_keyring_free(run->keys);
    if (run->owns_lock)
        fr_state_unlock(run->device->state);
    fr_credential_free(run->pending);
    fr_credential_free(run->won);
    fr_records_clear(&run->records);
    free(run);
}

int fr_run_is_done(const struct fr_run *run)
{
    return run->stage == OVER;
}

void fr_run_stop(struct fr_run *run)
{
    run->stop = true;
}

enum fr_status fr_run_status(const struct fr_run *run, struct fr_error *error)
{
    enum fr_status status = (enum fr_status)run->exit_status;

    if (error) {
        error->status = status;
        (void)snprintf(error->reason, sizeof error->reason, "%s", run->end.reason);
        (void)snprintf(error->text, sizeof error->text, "%s", run->end.msg);
    }
    return status;
}

int fr_run_to_end(struct fr_run *run, int stop_fd)
{
    struct pollfd fds[FR_RUN_FDS + 1];
    int wait_ms;

    for (;;) {
        fr_run_step(run, NULL, 0);
        if (fr_run_is_done(run))
            return run->exit_status;
        size_t n = fr_run_interests(run, fds, FR_RUN_FDS, &wait_ms);
        fds[n] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
        int ready = poll(fds, n + 1, wait_ms);
        if ((ready < 0 && errno != EINTR) || (ready > 0 && fds[n].revents != 0))
            fr_run_stop(run);
    }
}
