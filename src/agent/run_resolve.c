/* SPDX-License-Identifier: Apache-2.0 */
/* What is pending is resolved (run.h). */
#include <string.h>

#include "agent/run_impl.h"

#define RESOLVE_POSITION "resolve"

void fr_run_resolve(struct fr_run *r, int64_t deadline)
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
    r->start_mono = fr_mono_ms(r->device->env);
    r->start_wall = fr_wall_s(r->device->env);
    fr_run_begin(r, &r->resolve_in, deadline);
}

void fr_run_record_resolve(struct fr_run *r)
{
    const struct fr_task_end *end = fr_task_end(r->task);
    struct fr_attempt a = {.kind = FR_BOOTSTRAP,
                           .position = RESOLVE_POSITION,
                           .result = end->result,
                           .start = r->start_wall,
                           .duration_ms = fr_mono_ms(r->device->env) - r->start_mono,
                           .octets_out = end->octets_out,
                           .octets_in = end->octets_in};

    memcpy(a.list, fr_engine_list_id(r->engine), sizeof a.list);
    (void)snprintf(a.method, sizeof a.method, "%s", r->pending->method);
    (void)snprintf(a.peer, sizeof a.peer, "%s", r->pending->mef);
    (void)snprintf(a.target, sizeof a.target, "%s", r->pending->target);
    fr_records_add(&r->records, &a);
}

void fr_run_next_resolve(struct fr_run *r)
{
    struct fr_err err;

    fr_run_forget_pending(r);
    enum fr_code rc =
        fr_state_pending_at(r->device->state, r->n_kept, &r->pending, &err);
    if (rc == FR_ENOTFOUND) {
        fr_run_walk(r);
        return;
    }
    if (rc != FR_OK) {
        fr_run_finish_with_err(r, &err);
        return;
    }
    (void)snprintf(r->position, sizeof r->position, "%s", RESOLVE_POSITION);
    fr_run_resolve(r, fr_mono_ms(r->device->env) + FR_BUDGET_DEFAULT);
}

void fr_run_resolve_ended(struct fr_run *r)
{
    const struct fr_task_end *end = fr_task_end(r->task);
    struct fr_result result = end->result;

    fr_run_record_resolve(r);
    if (!end->credential && !end->dropped)
        r->n_kept++;
    fr_run_end_task(r);
    if (result.class == FR_CLASS_INTERRUPTED)
        fr_run_finish_early(
            r, result.fr_exit ? result.fr_exit : fr_code_exit(FR_EINTERRUPTED),
            result.reason, result.text);
}
