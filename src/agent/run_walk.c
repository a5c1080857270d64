/* SPDX-License-Identifier: Apache-2.0 */
/* The walk of the list, as the engine says (run.h). */
#include <string.h>

#include "agent/run_impl.h"

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
    fr_run_finish(r, &report);
}

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
        fr_run_forget_pending(r);
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
        fr_run_finish_with_err(r, &err);
    else if (r->pending)
        fr_run_resolve(r, r->entry_deadline);
    else
        fr_run_begin(r, r->entry, r->entry_deadline);
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
            fr_run_begin(r, r->entry, r->entry_deadline);
        break;
    case FR_DO_CANCEL: /* done already: see stop() of run.c */
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

void fr_run_tell_engine(struct fr_run *r, const struct fr_engine_event *event)
{
    const struct fr_engine_actions *actions;
    struct fr_err err;

    r->wake_at = -1;
    if (fr_engine_step(r->engine, event, &actions, &err) != FR_OK) {
        fr_document_free(event->document);
        fr_run_finish_with_err(r, &err);
        return;
    }
    for (size_t i = 0; i < actions->n && r->stage != FR_RUN_OVER; i++)
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
    fr_run_record_resolve(r);
    fr_run_end_task(r);
    fr_run_forget_pending(r);
    fr_run_begin(r, r->entry, r->entry_deadline);
}

/* The task goes before the engine speaks: its actions may begin another. */
void fr_run_try_ended(struct fr_run *r)
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
    fr_run_end_task(r);
    fr_run_forget_pending(r);
    fr_run_tell_engine(r, &event);
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
    fr_run_finish(r, &report);
}

void fr_run_walk(struct fr_run *r)
{
    struct fr_engine_event event = {.kind = FR_ENGINE_START};
    FR_AUTO(credential) *current = NULL;

    r->stage = FR_RUN_WALKING;
    if (!r->renew && fr_device_current(r->device, r->first, &current, NULL) == FR_OK)
        finish_needless(r, current);
    else
        fr_run_tell_engine(r, &event);
}
