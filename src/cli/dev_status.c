/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldroot status`, `attempts`, and the two ends of the agent: `agent`, `trigger`.
 */
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/log.h"
#include "cli/dev.h"
#include "cli/progress.h"
#include "cli/view.h"

enum { STATUS_VALID = 0, STATUS_NONE = 3, STATUS_EXPIRING = 4 };

/* ---- status ---- */

/* Expired ones count only when there is no other. */
static int judge(const struct fr_state_entries *e, int64_t now)
{
    int status = STATUS_NONE;

    for (size_t i = 0; i < e->n; i++) {
        const struct fr_credential *c = e->list[i].credential;

        if (!c || e->list[i].pending || !fr_credential_is_valid(c, now))
            continue;
        if (fr_dev_is_expiring(c, now))
            return STATUS_EXPIRING;
        status = STATUS_VALID;
    }
    return status;
}

static const char *status_word(int status)
{
    return status == STATUS_VALID      ? "valid"
           : status == STATUS_EXPIRING ? "expiring"
                                       : "none";
}

static enum fr_code current_json(const struct fr_state_entries *e, int64_t now,
                                 json_t *list, struct fr_err *err)
{
    for (size_t i = 0; i < e->n; i++) {
        json_t *item;

        if (!e->list[i].credential || e->list[i].pending)
            continue;
        FR_TRY(fr_dev_credential_json(e->list[i].credential, now, &item, err));
        json_array_append_new(list, item);
    }
    return FR_OK;
}

static const struct fr_column status_columns[] = {
    {"state", "STATE", NULL},     {"target", "TARGET", NULL}, {"mef", "MEF", NULL},
    {"expires", "EXPIRES", NULL}, {"keyId", "KEYID", NULL},   {0}};

static enum fr_code show_status(struct fr_cli *cli, int64_t now,
                                const struct fr_state_entries *e, struct fr_err *err)
{
    json_auto_t *list = json_array(), *all = NULL;

    cli->status = judge(e, now);
    FR_TRY(current_json(e, now, list, err));
    if (!cli->json)
        return fr_view_list(cli, list, status_columns,
                            "not provisioned: there is no credential", err);
    all = json_pack("{s:s,s:i,s:s,s:O}", "status", status_word(cli->status), "exit",
                    cli->status, "clock", fr_dev_clock_word(cli), "credentials", list);
    fr_cli_json(cli, all);
    return FR_OK;
}

enum fr_code fr_dev_status(struct fr_cli *cli, const struct fr_command *self,
                           struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    struct fr_state_entries entries = {0};
    enum fr_code rc;

    (void)self;
    FR_TRY(fr_args_words(args, "", NULL, 0, err));
    FR_TRY(fr_dev_open(cli, &client, err));
    FR_TRY(fr_state_list(fr_client_device(client)->state, &entries, err));
    rc = show_status(cli, fr_dev_now(cli, client), &entries, err);
    fr_state_entries_clear(&entries);
    return rc;
}

/* ---- attempts ---- */

enum { OPT_LIMIT = 1, OPT_LIST, LIMIT_MAX = 100000 };

const struct fr_opt fr_dev_attempts_opts[] = {
    {"limit", "N", "the newest N only", OPT_LIMIT},
    {"list", "ID", "of this run only", OPT_LIST},
    {0}};

struct collection {
    json_t *records;
    const char *list;
    size_t limit;
};

static bool collect(void *ctx, const struct fr_attempt *a)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_ATTEMPT_FRAME);
    struct collection *c = ctx;

    if ((c->list && strcmp(c->list, a->list) != 0) ||
        fr_attempt_to_json(a, &text, NULL) != FR_OK)
        return true;
    if (json_array_size(c->records) == c->limit)
        json_array_remove(c->records, 0);
    json_array_append_new(c->records,
                          json_loadb((const char *)text.data, text.len, 0, NULL));
    return true;
}

static enum fr_code attempts_args(struct fr_args *args, const struct fr_opt *opts,
                                  struct collection *c, struct fr_err *err)
{
    struct fr_arg arg;
    uint64_t limit;

    for (;;) {
        FR_TRY(fr_args_next(args, opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            return FR_OK;
        if (arg.kind == FR_ARG_WORD)
            return FR_FAIL(err, FR_EUSAGE, "unexpected argument \"%s\"", arg.value);
        if (arg.id == OPT_LIST) {
            c->list = arg.value;
            continue;
        }
        if (!fr_uint_parse(fr_slice_str(arg.value), LIMIT_MAX, &limit) || limit == 0)
            return FR_FAIL(err, FR_EUSAGE, "--limit \"%s\": a number from 1 to %d",
                           arg.value, LIMIT_MAX);
        c->limit = limit;
    }
}

enum fr_code fr_dev_attempts(struct fr_cli *cli, const struct fr_command *self,
                             struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    json_auto_t *records = json_array();
    struct collection c = {.records = records, .limit = LIMIT_MAX};
    size_t damaged = 0;

    FR_TRY(attempts_args(args, self->opts, &c, err));
    FR_TRY(fr_dev_open(cli, &client, err));
    FR_TRY(
        fr_state_attempts(fr_client_device(client)->state, collect, &c, &damaged, err));
    if (damaged > 0)
        fr_cli_warn(cli, "%zu damaged records passed over", damaged);
    if (cli->json) {
        fr_cli_json(cli, records);
        return FR_OK;
    }
    if (json_array_size(records) == 0) {
        fr_cli_say(cli, "no attempts\n");
        return FR_OK;
    }
    return fr_attempts_table(cli, records, true, err);
}

/* ---- agent ---- */

static int log_event(void *ctx, const struct fr_event *event)
{
    struct fr_cli *cli = ctx;

    if (cli->json) {
        fprintf(cli->out, "%s\n", event->json);
        fflush(cli->out);
    }
    if (event->kind != FR_EVENT_PHASE)
        fr_log(event->kind == FR_EVENT_WARNING ? FR_LOG_WARN : FR_LOG_INFO, "%s",
               event->text);
    return 0;
}

enum fr_code fr_dev_agent(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    struct fr_agent_setup setup = {.fn = log_event, .ctx = cli};
    FR_AUTO_FD(stop_fd) = -1;

    (void)self;
    FR_TRY(fr_args_words(args, "", NULL, 0, err));
    fr_log_init("fieldroot", FR_LOG_INFO);
    FR_TRY(fr_dev_open(cli, &client, err));
    FR_TRY(fr_stop_fd_open(&stop_fd, err));
    setup.device = fr_client_device(client);
    setup.stop_fd = stop_fd;
    cli->status = fr_agent_run(&setup, err);
    if (cli->status != 0)
        fr_cli_error(cli, err);
    return FR_OK;
}

/* ---- trigger ---- */

static void on_line(void *ctx, struct fr_slice line)
{
    fr_progress_event(ctx, line);
}

enum fr_code fr_dev_trigger(struct fr_cli *cli, const struct fr_command *self,
                            struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    FR_AUTO(progress) *progress = NULL;
    FR_AUTO_FD(stop_fd) = -1;
    struct fr_agent_asker asker = {.fn = on_line};
    const char *socket;
    enum fr_code rc;

    (void)self;
    FR_TRY(fr_args_words(args, "", NULL, 0, err));
    FR_TRY(fr_dev_open(cli, &client, err));
    FR_TRY(fr_stop_fd_open(&stop_fd, err));
    FR_TRY(fr_progress_new(cli, cli->err == stderr && isatty(STDERR_FILENO), &progress,
                           err));
    socket = fr_client_device(client)->config->agent.socket;
    asker.ctx = progress;
    asker.stop_fd = stop_fd;
    rc = fr_agent_ask(socket, fr_slice_str("{\"op\":\"trigger\"}"), &asker,
                      &cli->status, err);
    if (rc == FR_ENOTFOUND)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "agent-absent",
                          "no agent listens at %s: start \"fieldroot agent\", or use "
                          "\"fieldroot provision\"",
                          socket);
    FR_TRY(rc);
    fr_progress_finish(progress);
    return FR_OK;
}
