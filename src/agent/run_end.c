/* SPDX-License-Identifier: Apache-2.0 */
/* How a run ends (run.h): its exit status, and what is told of it. */
#include "agent/run_impl.h"

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

void fr_run_finish(struct fr_run *r, const struct fr_outcome_report *report)
{
    r->stage = FR_RUN_OVER;
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

void fr_run_finish_early(struct fr_run *r, int exit_status, const char *reason,
                         const char *text)
{
    struct fr_outcome_report report = {.outcome = FR_OUTCOME_INTERRUPTED,
                                       .exit_status = exit_status,
                                       .reason = reason,
                                       .text = text,
                                       .list = fr_engine_list_id(r->engine)};

    fr_run_finish(r, &report);
}

void fr_run_finish_with_err(struct fr_run *r, const struct fr_err *err)
{
    fr_run_finish_early(r, fr_code_exit(err->code), err->reason, err->msg);
}
