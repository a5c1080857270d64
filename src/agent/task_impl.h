/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of task.h share: a task, and what each of them does for the others. */
#ifndef FR_AGENT_TASK_IMPL_H
#define FR_AGENT_TASK_IMPL_H

#include "agent/sim.h"
#include "agent/task.h"

/* What the driver itself answers to an action, until it is the method's turn. */
#define FR_TASK_ANSWERS_MAX (FR_ACTS_MAX + 1)

struct fr_task {
    struct fr_task_setup setup;
    struct fr_bootstrap *bootstrap; /* one of the two */
    struct fr_discovery *discovery;
    struct fr_conn *conn;
    struct fr_link link;
    struct fr_sim sim;
    struct fr_buf file;
    enum fr_ev_kind answers[FR_TASK_ANSWERS_MAX];
    size_t n_answers;
    enum fr_phase phase;
    struct fr_credential *stored; /* what the pending slot holds, and then current */
    bool flipped, over;
    struct fr_task_end end;
    struct fr_document *document;
    struct fr_err err; /* of what is under way */
};

/* task.c */
void fr_task_answer(struct fr_task *t, enum fr_ev_kind kind);
void fr_task_reach(struct fr_task *t, enum fr_phase phase);
void fr_task_close_conn(struct fr_task *t);

/* task_act.c: does what the method asks for; what fails is in t->err. */
FR_MUST_USE enum fr_code fr_task_perform(struct fr_task *t, const struct fr_act *act);

/* task_connect.c */
FR_MUST_USE enum fr_code fr_task_connect(struct fr_task *t, const struct fr_act *act);

/* task_slot.c */
FR_MUST_USE enum fr_code fr_task_store(struct fr_task *t, const struct fr_act *act);
FR_MUST_USE enum fr_code fr_task_flip(struct fr_task *t, const struct fr_act *act);
FR_MUST_USE enum fr_code fr_task_drop(struct fr_task *t, const struct fr_act *act);
/* An answer that is no cut ends the exchange for good: were the key left pending, the
 * next resolve would make it current all the same, although this device has just
 * refused it. A MEF that has committed it keeps the old one as well. */
void fr_task_drop_refused(struct fr_task *t);

/* task_end.c: the task is over. */
void fr_task_fail(struct fr_task *t);   /* t->err says why */
void fr_task_finish(struct fr_task *t); /* the method is done */

#endif
