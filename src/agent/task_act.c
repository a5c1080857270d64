/* SPDX-License-Identifier: Apache-2.0 */
/* What a method's actions do (engine/io.h). */
#include "agent/task_impl.h"
#include "base/file.h"

#define LAST_ANSWER_MS 5000 /* on its way when the time to wait is over */

static enum fr_code do_send(struct fr_task *t, const struct fr_act *act)
{
    if (!t->conn)
        return FR_FAIL(&t->err, FR_EINTERNAL, "method %s sends without a connection",
                       t->setup.in->method);
    return fr_conn_send(t->conn, act->bytes, &t->err);
}

static enum fr_code do_close(struct fr_task *t, const struct fr_act *act)
{
    (void)act;
    fr_task_close_conn(t);
    return FR_OK;
}

/* A file that is not there will not be there in a second either: no retry. */
static enum fr_code do_read_file(struct fr_task *t, const struct fr_act *act)
{
    fr_buf_reset(&t->file);
    enum fr_code rc = fr_file_read_regular(act->path, &t->file, &t->err);
    if (rc == FR_ENOTFOUND || rc == FR_ESTORE)
        t->err.code = FR_EINVALID;
    fr_task_answer(t, rc == FR_OK ? FR_EV_FILE : FR_EV_FAILED);
    return FR_OK;
}

/* Its no is the method's to judge. */
static enum fr_code do_usim(struct fr_task *t, const struct fr_act *act)
{
    enum fr_code rc = fr_sim_ask(&t->sim, &act->usim, &t->err);

    fr_task_answer(t, rc == FR_OK ? FR_EV_USIM : FR_EV_FAILED);
    return FR_OK;
}

static enum fr_code do_wait(struct fr_task *t, const struct fr_act *act)
{
    t->setup.deadline =
        fr_mono_ms(t->setup.device->env) + act->wait_ms + LAST_ANSWER_MS;
    if (t->conn)
        fr_conn_set_deadline(t->conn, t->setup.deadline);
    return FR_OK;
}

static enum fr_code do_phase(struct fr_task *t, const struct fr_act *act)
{
    fr_task_reach(t, act->phase);
    return FR_OK;
}

static enum fr_code do_warn(struct fr_task *t, const struct fr_act *act)
{
    t->setup.on_warning(t->setup.ctx, act->text);
    return FR_OK;
}

static enum fr_code do_done(struct fr_task *t, const struct fr_act *act)
{
    (void)act;
    fr_task_finish(t);
    return FR_OK;
}

enum fr_code fr_task_perform(struct fr_task *t, const struct fr_act *act)
{
    static enum fr_code (*const does[])(struct fr_task *, const struct fr_act *) = {
        [FR_ACT_CONNECT] = fr_task_connect,
        [FR_ACT_SEND] = do_send,
        [FR_ACT_CLOSE] = do_close,
        [FR_ACT_READ_FILE] = do_read_file,
        [FR_ACT_STORE_PENDING] = fr_task_store,
        [FR_ACT_FLIP] = fr_task_flip,
        [FR_ACT_DROP_PENDING] = fr_task_drop,
        [FR_ACT_USIM] = do_usim,
        [FR_ACT_WAIT] = do_wait,
        [FR_ACT_PHASE] = do_phase,
        [FR_ACT_WARN] = do_warn,
        [FR_ACT_DONE] = do_done,
    };

    return does[act->kind](t, act);
}
