/* SPDX-License-Identifier: Apache-2.0 */
/* A task's slots in the state folder: stored, flipped, dropped (task.h). */
#include "agent/clock.h"
#include "agent/task_impl.h"

static struct fr_slot_id slot_of(const struct fr_credential *c)
{
    return (struct fr_slot_id){.mef = c->mef, .target = c->target, .suid = c->suid};
}

static enum fr_code drop(struct fr_task *t, const struct fr_credential *c,
                         struct fr_err *err)
{
    struct fr_slot_id id = slot_of(c);

    return fr_state_drop(t->setup.device->state, &id, err);
}

/* What was stored for a target that is another one now: the new slot is durable. */
static enum fr_code drop_former(struct fr_task *t, const struct fr_credential *former)
{
    const struct fr_credential *c = t->stored;

    if (fr_str_equal(c->mef, former->mef) && fr_str_equal(c->target, former->target) &&
        c->suid == former->suid)
        return FR_OK;
    return drop(t, former, &t->err);
}

/* The slot is written as it shall be once it is current, so that the flip is a rename
 * and no more. What is pending counts as unconfirmed all the same (state.h). */
enum fr_code fr_task_store(struct fr_task *t, const struct fr_act *act)
{
    const struct fr_credential *c = act->credential;
    FR_AUTO(credential) *former = FR_TAKE(t->stored);

    FR_TRY(fr_credential_copy(c, &t->stored, &t->err));
    t->stored->confirmed = true;
    FR_TRY(fr_state_store_pending(t->setup.device->state, t->stored, &t->err));
    if (former)
        FR_TRY(drop_former(t, former));
    fr_task_answer(t, FR_EV_STORED);
    return FR_OK;
}

static enum fr_code need_stored(struct fr_task *t)
{
    if (t->stored)
        return FR_OK;
    return FR_FAIL(&t->err, FR_EINTERNAL, "method %s has stored nothing yet",
                   t->setup.in->method);
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

enum fr_code fr_task_flip(struct fr_task *t, const struct fr_act *act)
{
    FR_TRY(need_stored(t));
    struct fr_slot_id id = slot_of(t->stored);
    FR_TRY(note_confirmed(t, act->credential));
    FR_TRY(fr_state_flip(t->setup.device->state, &id, &t->err));
    t->flipped = true;
    advance_clock(t);
    fr_task_reach(t, FR_PHASE_COMMIT);
    fr_task_answer(t, FR_EV_FLIPPED);
    return FR_OK;
}

enum fr_code fr_task_drop(struct fr_task *t, const struct fr_act *act)
{
    (void)act; /* what is stored */
    FR_TRY(need_stored(t));
    FR_TRY(drop(t, t->stored, &t->err));
    t->end.dropped = true;
    fr_task_answer(t, FR_EV_DROPPED);
    return FR_OK;
}

void fr_task_drop_refused(struct fr_task *t)
{
    const struct fr_credential *c = t->stored;
    struct fr_err err;

    if (!c || t->setup.pending ||
        (t->end.result.class != FR_CLASS_REFUSED &&
         t->end.result.class != FR_CLASS_INVALID))
        return;
    if (drop(t, c, &err) != FR_OK)
        t->setup.on_warning(t->setup.ctx, err.msg);
}
