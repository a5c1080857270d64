/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_impl.h"

#include <errno.h>
#include <stdlib.h>

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

void fr_run_begin(struct fr_run *r, const struct fr_instruction *in, int64_t deadline)
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
        fr_run_finish_with_err(r, &err);
}

void fr_run_end_task(struct fr_run *r)
{
    fr_task_free(r->task);
    r->task = NULL;
}

void fr_run_forget_pending(struct fr_run *r)
{
    fr_credential_free(r->pending);
    r->pending = NULL;
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
    if (r->stage == FR_RUN_RESOLVING) {
        if (r->task)
            fr_run_resolve_ended(r);
        if (r->stage != FR_RUN_OVER)
            fr_run_finish_early(r, fr_code_exit(FR_EINTERRUPTED), "stopped", "stopped");
    } else if (r->task && fr_task_has_flipped(r->task)) {
        fr_run_try_ended(r);
    } else {
        if (r->task)
            end = *fr_task_end(r->task);
        event.result = end.result;
        event.octets_out = end.octets_out;
        event.octets_in = end.octets_in;
        fr_run_end_task(r);
        fr_run_forget_pending(r);
        fr_run_tell_engine(r, &event);
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
    else if (r->task && r->stage == FR_RUN_RESOLVING)
        fr_run_resolve_ended(r);
    else if (r->task)
        fr_run_try_ended(r);
    else if (r->stage == FR_RUN_RESOLVING)
        fr_run_next_resolve(r);
    else if (r->wake_at > fr_mono_ms(r->device->env))
        return false;
    else
        fr_run_tell_engine(r, &timer);
    return true;
}

void fr_run_step(struct fr_run *run, const struct pollfd *fds, size_t n)
{
    (void)fds, (void)n; /* everything is non-blocking: what is ready is found out */
    while (run->stage != FR_RUN_OVER && move(run))
        ;
}

static int until(const struct fr_run *r, int64_t deadline)
{
    int64_t left = deadline - fr_mono_ms(r->device->env);

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
    if (run->stage == FR_RUN_OVER || run->stop || run->teller.stop)
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
    fr_run_end_task(run);
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
    return run->stage == FR_RUN_OVER;
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
