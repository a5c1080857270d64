/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers after the flip: the ack, commands, records, and the target's fetch. */
#include <stdio.h>
#include <string.h>

#include "bootstrap/exchange_steps.h"

#define POLL_MS 50000 /* asked for at once: the MEF holds its answer for so long */

/* ---- the target's fetch ---- */

static enum fr_code ask_fetched(struct fr_exchange *x, int64_t left_ms,
                                struct fr_acts *acts, struct fr_err *err)
{
    int64_t wait_ms = left_ms < POLL_MS ? left_ms : POLL_MS;
    char below[64];
    struct fr_mmef_ask req = {
        .method = "GET", .path = x->credential->registration, .below = below};

    snprintf(below, sizeof below, FR_FETCHED_PATH "?wait=%d",
             (int)((wait_ms + 999) / 1000));
    x->n_polls++;
    return fr_x_ask(x, &req, acts, err);
}

bool fr_x_waits(const struct fr_exchange *x)
{
    return x->config.ctx->wait_target_ms > 0 && !x->config.pending;
}

static enum fr_code finish(struct fr_exchange *x, struct fr_acts *acts,
                           struct fr_err *err)
{
    const struct fr_run_context *ctx = x->config.ctx;

    if (!fr_x_waits(x)) {
        fr_x_end(x, acts);
        return FR_OK;
    }
    x->wait_until = fr_mono_ms(ctx->env) + ctx->wait_target_ms;
    x->next = FR_X_WAITING;
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_WAIT, .wait_ms = ctx->wait_target_ms});
    return ask_fetched(x, ctx->wait_target_ms, acts, err);
}

static enum fr_code cannot_tell(struct fr_exchange *x, struct fr_acts *acts)
{
    fr_err_set(&x->warning, FR_EUNSUPPORTED, NULL, FR_HERE,
               "%s cannot tell whether the target has fetched its key: not waiting",
               fr_x_mef(x));
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_WARN, .text = x->warning.msg});
    fr_x_end(x, acts);
    return FR_OK;
}

/* A MEF that says no without having waited is not asked for ever. */
enum fr_code fr_x_take_fetched(struct fr_exchange *x, struct fr_acts *acts,
                               struct fr_err *err)
{
    const struct fr_run_context *ctx = x->config.ctx;
    int64_t left_ms = x->wait_until - fr_mono_ms(ctx->env);
    bool fetched = false;

    if (fr_mmef_session_is_not_found(&x->session))
        return cannot_tell(x, acts);
    FR_TRY(fr_mmef_session_check(&x->session, "asking whether the target has its key",
                                 err));
    FR_TRY(fr_mmef_is_fetched_decode(fr_x_answer(x), &fetched, err));
    if (fetched) {
        fr_x_end(x, acts);
        return FR_OK;
    }
    if (left_ms <= 0 || x->n_polls > 2 * (ctx->wait_target_ms / POLL_MS + 1))
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "target-not-fetched",
                          "the target has not fetched its key in the time given");
    return ask_fetched(x, left_ms, acts, err);
}

/* ---- commands and records ---- */

static enum fr_code finish_commands(struct fr_exchange *x, struct fr_acts *acts,
                                    struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) records = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    const struct fr_run_context *ctx = x->config.ctx;
    struct fr_mmef_ask req = {.method = "POST",
                              .path = x->credential->client_registration,
                              .below = FR_ATTEMPTS_PATH,
                              .type = FR_X_TYPE_JSON};

    fr_x_reach(acts, FR_PHASE_DONE);
    if (ctx->records)
        FR_TRY(ctx->records(ctx->ctx, &records, err));
    FR_TRY(fr_buf_check(&records, err));
    if (records.len == 0)
        return finish(x, acts, err);
    req.body = fr_buf_view(&records);
    x->next = FR_X_REPORTING;
    return fr_x_ask(x, &req, acts, err);
}

static enum fr_code report_command(struct fr_exchange *x, const struct fr_mmef_cmd *cmd,
                                   struct fr_acts *acts, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    struct fr_mmef_cmd update = *cmd;
    struct fr_mmef_ask req = {.method = "PUT",
                              .path = x->credential->client_registration,
                              .below = FR_CMD_PATH,
                              .type = FR_MMEF_TYPE};

    if (++x->n_commands > FR_EXCHANGE_COMMANDS_MAX)
        return FR_FAIL_AS(err, FR_EINVALID, "too-many-commands",
                          "%s sends more than %d commands in one session", fr_x_mef(x),
                          FR_EXCHANGE_COMMANDS_MAX);
    update.status = strcmp(cmd->id, x->last_cmd) == 0 ? FR_CMD_REPEATED
                                                      : FR_CMD_CLASS_NOT_SUPPORTED;
    memcpy(x->last_cmd, cmd->id, sizeof x->last_cmd);
    FR_TRY(fr_mmef_cmd_encode(&update, &body, err));
    req.body = fr_buf_view(&body);
    return fr_x_ask(x, &req, acts, err);
}

static enum fr_code act_on(struct fr_exchange *x, const struct fr_mmef_cmd *cmd,
                           struct fr_acts *acts, struct fr_err *err)
{
    if (cmd->class_id == 0)
        return finish_commands(x, acts, err);
    return report_command(x, cmd, acts, err);
}

/* The Command Retrieve is the ack of the commit; or it was the commit itself, and its
 * answer is here already. */
enum fr_code fr_x_acknowledge(struct fr_exchange *x, struct fr_acts *acts,
                              struct fr_err *err)
{
    fr_x_reach(acts, FR_PHASE_COMMIT);
    if (x->first_cmd.status != 0)
        return act_on(x, &x->first_cmd, acts, err);
    return fr_x_retrieve_command(x, acts, err);
}

enum fr_code fr_x_take_command(struct fr_exchange *x, struct fr_acts *acts,
                               struct fr_err *err)
{
    struct fr_mmef_cmd cmd;

    FR_TRY(fr_mmef_session_check(&x->session, "retrieving the MEF's commands", err));
    FR_TRY(fr_mmef_cmd_decode(fr_x_answer(x), &cmd, err));
    return act_on(x, &cmd, acts, err);
}

/* The upload is an extension of ours: a MEF without it says 404, and that is fine. */
enum fr_code fr_x_finish_report(struct fr_exchange *x, struct fr_acts *acts,
                                struct fr_err *err)
{
    if (!fr_mmef_session_is_not_found(&x->session))
        FR_TRY(fr_mmef_session_check(&x->session, "handing over the attempt records",
                                     err));
    return finish(x, acts, err);
}
