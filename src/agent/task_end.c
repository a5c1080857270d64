/* SPDX-License-Identifier: Apache-2.0 */
/* How a task ends (task.h): what its result is. */
#include "agent/task_impl.h"

static void be_over(struct fr_task *t)
{
    t->over = true;
    fr_task_close_conn(t);
}

static void finish_as(struct fr_task *t, enum fr_class class, const char *reason,
                      const char *text)
{
    struct fr_result *r = &t->end.result;

    *r = (struct fr_result){.class = class, .phase = t->phase, .retry_after_ms = -1};
    (void)snprintf(r->reason, sizeof r->reason, "%s", reason);
    (void)snprintf(r->text, sizeof r->text, "%s", text);
    be_over(t);
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
    be_over(t);
}

void fr_task_fail(struct fr_task *t)
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
    fr_task_drop_refused(t);
    be_over(t);
}

static void finish_discovery(struct fr_task *t)
{
    const struct fr_discovery_method *m = t->discovery->method;

    if (m->finish(t->discovery, &t->document, &t->err) != FR_OK)
        fr_task_fail(t);
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
        fr_task_fail(t);
    } else if (t->flipped) {
        succeed(t);
    } else if (t->end.dropped) {
        finish_as(t, FR_CLASS_INVALID, "resolve-dropped",
                  "the MEF never committed it: dropped");
    } else {
        fr_err_set(&t->err, FR_EINTERNAL, NULL, FR_HERE,
                   "method %s was done without a credential", m->name);
        fr_task_fail(t);
    }
}

void fr_task_finish(struct fr_task *t)
{
    if (t->discovery)
        finish_discovery(t);
    else
        finish_bootstrap(t);
}
