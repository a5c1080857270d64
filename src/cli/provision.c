/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldroot provision`: walks the list here, or, when a running agent holds the state
 * folder, has the agent walk it.
 */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "cli/dev.h"
#include "cli/progress.h"
#include "cli/provision_args.h"
#include "cli/view.h"

static_assert(FR_RESOLVES_MAX <= FR_AGENT_HOSTS_MAX, "the agent takes every --resolve");

static int on_event(void *ctx, const struct fr_event *event)
{
    fr_progress_event(ctx, fr_slice_str(event->json));
    return 0;
}

static void on_line(void *ctx, struct fr_slice line)
{
    fr_progress_event(ctx, line);
}

static bool is_terminal(const struct fr_cli *cli)
{
    return cli->err == stderr && isatty(STDERR_FILENO);
}

/* With --json the last object is always the outcome, whatever went wrong before. */
static enum fr_code no_outcome(struct fr_cli *cli, enum fr_code rc,
                               const struct fr_err *err)
{
    json_auto_t *outcome = NULL;

    if (!cli->json)
        return rc;
    outcome =
        json_pack("{s:s,s:s,s:i,s:s,s:s}", "event", "outcome", "outcome",
                  rc == FR_EINTERRUPTED || rc == FR_EBUSY ? "interrupted" : "failed",
                  "exit", fr_code_exit(rc), "reason", err->reason, "text", err->msg);
    fr_cli_json(cli, outcome);
    cli->json = false; /* the error itself goes to standard error only */
    return rc;
}

/* ---- the end of a run ---- */

static enum fr_code credential_of(struct fr_client *client, const json_t *outcome,
                                  struct fr_credential **ret, struct fr_err *err)
{
    const char *key_id = json_string_value(
        json_object_get(json_object_get(outcome, "credential"), "keyId"));
    struct fr_state *state = fr_client_device(client)->state;
    const struct fr_slot_id any = {0};

    if (key_id)
        return fr_state_find_key(state, key_id, ret, err);
    return fr_state_find(state, &any, ret, err);
}

static enum fr_code show_credential(struct fr_cli *cli, struct fr_client *client,
                                    const json_t *outcome, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    json_auto_t *all = NULL, *some = json_object();
    static const char *const members[] = {"keyId", "mef", "target", "expires",
                                          "fingerprint"};

    FR_TRY(credential_of(client, outcome, &c, err));
    FR_TRY(fr_dev_credential_json(c, fr_dev_now(cli, client), &all, err));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        json_object_set(some, members[i], json_object_get(all, members[i]));
    return fr_view_object(cli, some, err);
}

static void show_end(struct fr_cli *cli, struct fr_client *client,
                     struct fr_progress *progress)
{
    const json_t *outcome = fr_progress_outcome(progress);
    struct fr_err err = {0};

    fr_progress_finish(progress);
    if (cli->json)
        return;
    if (cli->status == 0 && show_credential(cli, client, outcome, &err) != FR_OK)
        fr_cli_warn(cli, "the credential cannot be shown: %s", err.msg);
}

/* ---- by the agent ---- */

/* The last --resolve of a name counts, in the agent's list the first; names and
 * addresses have been checked and need no escapes. */
static enum fr_code request_line(const struct fr_provision_args *a, struct fr_buf *to,
                                 struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) document = FR_BUF_INIT(FR_DOCUMENT_MAX);

    FR_TRY(fr_document_encode(a->doc, &document, err));
    fr_buf_fmt(to,
               "{\"op\":\"provision\",\"renew\":%s,\"waitTargetMs\":%lld,\"hosts\":[",
               a->renew ? "true" : "false", (long long)a->wait_target_ms);
    for (size_t i = a->n_resolves; i-- > 0;)
        fr_buf_fmt(to, "{\"name\":\"%s\",\"address\":\"%s\"}%s", a->resolves[i].name,
                   a->resolves[i].address, i > 0 ? "," : "");
    fr_buf_str(to, "],\"document\":");
    fr_buf_put(to, document.data, document.len);
    fr_buf_str(to, "}");
    return fr_buf_check(to, err);
}

/* locked: why we could not run ourselves; it stands if no agent listens. */
static enum fr_code by_agent(struct fr_cli *cli, struct fr_client *client,
                             struct fr_slice line, const struct fr_agent_asker *asker,
                             const struct fr_err *locked, struct fr_err *err)
{
    const char *socket = fr_client_device(client)->config->agent.socket;
    enum fr_code rc = fr_agent_ask(socket, line, asker, &cli->status, err);

    if (rc == FR_ENOTFOUND) {
        *err = *locked;
        return FR_EBUSY;
    }
    if (rc == FR_EINTERRUPTED)
        return fr_err_wrap(err, rc, "no longer watching; the agent goes on");
    FR_TRY(rc);
    show_end(cli, client, asker->ctx);
    return FR_OK;
}

/* ---- here ---- */

static enum fr_code run_here(struct fr_cli *cli, struct fr_client *client,
                             struct fr_provision_args *a, int stop_fd,
                             struct fr_progress *progress, struct fr_err *err)
{
    struct fr_run_setup setup = {.device = fr_client_device(client),
                                 .renew = a->renew,
                                 .wait_target_ms = a->wait_target_ms,
                                 .fn = on_event,
                                 .ctx = progress};
    struct fr_run *run = NULL;

    FR_TRY(fr_run_open(&setup, FR_TAKE(a->doc), &run, err));
    cli->status = fr_run_to_end(run, stop_fd);
    fr_run_free(run);
    show_end(cli, client, progress);
    return FR_OK;
}

static enum fr_code provision(struct fr_cli *cli, struct fr_provision_args *a,
                              struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    FR_AUTO_CLEAR(buf) line = FR_BUF_INIT(FR_AGENT_LINE_MAX);
    FR_AUTO(progress) *progress = NULL;
    FR_AUTO_FD(stop_fd) = -1;
    struct fr_agent_asker asker = {.fn = on_line};
    struct fr_err locked;
    enum fr_code rc;

    FR_TRY(fr_dev_open(cli, &client, err));
    for (size_t i = 0; i < a->n_resolves; i++)
        FR_TRY(fr_client_add_host(client, a->resolves[i].name, a->resolves[i].address,
                                  err));
    FR_TRY(fr_stop_fd_open(&stop_fd, err));
    FR_TRY(request_line(a, &line, err));
    FR_TRY(fr_progress_new(cli, is_terminal(cli), &progress, err));
    if (a->wait_target_ms > 0)
        fr_progress_expect_target(progress);
    rc = run_here(cli, client, a, stop_fd, progress, err);
    if (rc != FR_EBUSY)
        return rc;
    locked = *err;
    asker.ctx = progress;
    asker.stop_fd = stop_fd;
    return by_agent(cli, client, fr_buf_view(&line), &asker, &locked, err);
}

enum fr_code fr_dev_provision(struct fr_cli *cli, const struct fr_command *self,
                              struct fr_args *args, struct fr_err *err)
{
    struct fr_provision_args a = {0};
    enum fr_code rc = fr_provision_args_parse(args, fr_document_read, NULL, &a, err);

    (void)self;
    fr_provision_args_warn(cli, &a);
    if (rc == FR_OK)
        rc = provision(cli, &a, err);
    fr_provision_args_clear(&a);
    return rc == FR_OK ? rc : no_outcome(cli, rc, err);
}
