/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl.h"

#include <stdarg.h>
#include <string.h>

#include "cli/ca.h"
#include "cli/ctl_store.h"
#include "cli/line_client.h"

/* ---- the call ---- */

static enum fr_code refusal(const json_t *answer, struct fr_err *err)
{
    const char *code = json_string_value(json_object_get(answer, "code"));
    const char *reason = json_string_value(json_object_get(answer, "reason"));
    const char *text = json_string_value(json_object_get(answer, "text"));
    enum fr_code rc = fr_code_by_name(code ? code : "", FR_EINTERNAL);

    if (rc == FR_OK)
        rc = FR_EINTERNAL;
    fr_err_set(err, rc, reason, FR_HERE, "%s",
               text ? text : "fieldrootd refused without saying why");
    return rc;
}

enum fr_code fr_ctl_ask(struct fr_cli *cli, json_t *request, json_t **ret,
                        struct fr_err *err)
{
    json_auto_t *taken = request, *answer = NULL;
    struct fr_line_client c;
    enum fr_code rc;

    if (!taken)
        return FR_FAIL(err, FR_EUSAGE, "an argument is not UTF-8 text");
    FR_TRY(
        fr_line_open(cli->path ? cli->path : FR_ADMIN_SOCKET, "fieldrootd", &c, err));
    rc = fr_line_send(&c, taken, err);
    if (rc == FR_OK)
        rc = fr_line_recv(&c, FR_ADMIN_TIMEOUT_MS, &answer, err);
    fr_line_clear(&c);
    FR_TRY(rc);
    if (!json_is_true(json_object_get(answer, "ok")))
        return refusal(answer, err);
    *ret = json_incref(json_object_get(answer, "result"));
    return FR_OK;
}

static const char *key_of_last(const json_t *page, const char *key)
{
    const json_t *last = json_array_get(page, json_array_size(page) - 1);

    return json_string_value(json_object_get(last, key));
}

enum fr_code fr_ctl_ask_list(struct fr_cli *cli, json_t *request, const char *key,
                             json_t **ret, struct fr_err *err)
{
    json_auto_t *taken = request, *all = json_array();
    size_t n;

    json_object_set_new(taken, "limit", json_integer(FR_ADMIN_PAGE));
    do {
        json_auto_t *page = NULL;
        const char *last;

        FR_TRY(cli->ask(cli, json_copy(taken), &page, err));
        n = json_array_size(page);
        json_array_extend(all, page);
        last = key_of_last(page, key);
        if (!last)
            break;
        json_object_set_new(taken, "after", json_string(last));
    } while (n >= FR_ADMIN_PAGE);
    *ret = json_incref(all);
    return FR_OK;
}

void fr_ctl_done(struct fr_cli *cli, const json_t *result, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (cli->json) {
        json_auto_t *nothing = json_object();

        fr_cli_json(cli, result ? result : nothing);
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fr_cli_say(cli, "%s\n", text);
}

/* ---- commands that are words and one call ---- */

enum { WORDS_MAX = 2 };

struct call {
    const char *op;
    const char *words[WORDS_MAX]; /* members that the words become */
    const char *done; /* what happened to the first word; NULL: show the result */
    const struct fr_column *columns; /* of a list; NULL: an object */
    const char *none;
    const char *key; /* of a list: the member that orders it */
};

static size_t count_words(const struct call *call)
{
    size_t n = 0;

    while (n < WORDS_MAX && call->words[n])
        n++;
    return n;
}

static void say_done(struct fr_cli *cli, const struct call *call, const json_t *result,
                     const char *subject)
{
    long long revoked =
        (long long)json_integer_value(json_object_get(result, "revoked"));

    if (revoked > 0)
        fr_ctl_done(cli, result, "%s %s (credentials revoked: %lld)", subject,
                    call->done, revoked);
    else
        fr_ctl_done(cli, result, "%s %s", subject, call->done);
}

static enum fr_code ask(struct fr_cli *cli, const struct call *call, json_t *request,
                        json_t **ret, struct fr_err *err)
{
    return call->columns ? fr_ctl_ask_list(cli, request, call->key, ret, err)
                         : cli->ask(cli, request, ret, err);
}

static enum fr_code show(struct fr_cli *cli, const struct call *call,
                         const json_t *result, const char *subject, struct fr_err *err)
{
    if (call->columns)
        return fr_view_list(cli, result, call->columns, call->none, err);
    if (!call->done)
        return fr_view_object(cli, result, err);
    say_done(cli, call, result, subject);
    return FR_OK;
}

static enum fr_code run_call(struct fr_cli *cli, const struct fr_command *self,
                             struct fr_args *args, struct fr_err *err)
{
    const struct call *call = self->data;
    const char *words[WORDS_MAX];
    size_t n = count_words(call);
    json_auto_t *result = NULL;
    json_t *request;

    FR_TRY(fr_args_words(args, self->words ? self->words : "", words, n, err));
    request = json_pack("{s:s}", "op", call->op);
    for (size_t i = 0; i < n; i++)
        json_object_set_new(request, call->words[i], json_string(words[i]));
    FR_TRY(ask(cli, call, request, &result, err));
    return show(cli, call, result, n > 0 ? words[0] : "", err);
}

/* ---- the table ---- */

static const struct fr_column enrolee_columns[] = {
    {"name", "NAME", NULL},       {"san", "IDENTITY", "(any of the CA)"},
    {"anchor", "ANCHOR", NULL},   {"imsi", "IMSI", NULL},
    {"targets", "TARGETS", NULL}, {0}};
static const struct fr_column target_columns[] = {{"id", "TARGET", NULL},
                                                  {"fqdn", "FQDN", NULL},
                                                  {"derivation", "DERIVATION", NULL},
                                                  {0}};
static const struct fr_column instructions_columns[] = {
    {"name", "NAME", NULL},
    {"entries", "ENTRIES", NULL},
    {"updated", "UPDATED", NULL},
    {"assigned", "ASSIGNED TO", NULL},
    {0}};

static const struct call enrolee_list = {.op = "enrolee.list",
                                         .columns = enrolee_columns,
                                         .none = "no enrolees",
                                         .key = "name"};
static const struct call enrolee_show = {.op = "enrolee.show", .words = {"name"}};
static const struct call enrolee_deny = {.op = "enrolee.deny",
                                         .words = {"name", "target"},
                                         .done = "is no longer allowed for the target"};
static const struct call enrolee_remove = {
    .op = "enrolee.remove", .words = {"name"}, .done = "removed"};

static const struct fr_command enrolee_commands[] = {
    {.name = "add",
     .words = "NAME|--san TYPE:VALUE --anchor CA.pem|HEX [--any] [--imsi DIGITS] "
              "[--allow TARGET]... [--default TARGET]",
     .help = "lists a device, or with --any all of a CA's, and what it may bind to",
     .run = fr_ctl_enrolee_add,
     .opts = fr_ctl_enrolee_add_opts},
    {.name = "sim",
     .words = "NAME --imsi DIGITS [--lifetime DURATION] [--gba-u] | NAME --none",
     .help = "says which SIM a listed device has",
     .run = fr_ctl_enrolee_sim,
     .opts = fr_ctl_enrolee_sim_opts},
    {.name = "list", .help = "shows all", .run = run_call, .data = &enrolee_list},
    {.name = "show",
     .words = "NAME",
     .help = "shows one",
     .run = run_call,
     .data = &enrolee_show},
    {.name = "allow",
     .words = "NAME TARGET... [--default]",
     .help = "lets it bind to the targets",
     .run = fr_ctl_enrolee_allow,
     .opts = fr_ctl_enrolee_allow_opts},
    {.name = "deny",
     .words = "NAME TARGET",
     .help = "takes that permission back",
     .run = run_call,
     .data = &enrolee_deny},
    {.name = "remove",
     .words = "NAME",
     .help = "unlists it: it can enrol no more",
     .run = run_call,
     .data = &enrolee_remove},
    {0}};

static const struct call target_list = {
    .op = "target.list", .columns = target_columns, .none = "no targets", .key = "id"};
static const struct call target_show = {.op = "target.show", .words = {"id"}};
static const struct call target_remove = {
    .op = "target.remove", .words = {"id"}, .done = "removed"};

static const struct fr_command target_commands[] = {
    {.name = "add",
     .words = "ID [--fqdn NAME] [--derivation usage|km|kpsa]",
     .help = "registers a target, by FQDN or absolute id",
     .run = fr_ctl_target_add,
     .opts = fr_ctl_target_add_opts},
    {.name = "list", .help = "shows all", .run = run_call, .data = &target_list},
    {.name = "show",
     .words = "ID",
     .help = "shows one",
     .run = run_call,
     .data = &target_show},
    {.name = "remove",
     .words = "ID",
     .help = "unregisters it",
     .run = run_call,
     .data = &target_remove},
    {0}};

static const struct call instructions_list = {.op = "instructions.list",
                                              .columns = instructions_columns,
                                              .none = "no instruction lists",
                                              .key = "name"};
static const struct call instructions_remove = {
    .op = "instructions.remove", .words = {"name"}, .done = "removed"};

static const struct fr_command instructions_commands[] = {
    {.name = "set",
     .words = "NAME FILE",
     .help = "checks a document and keeps it under NAME (FILE -: standard input)",
     .run = fr_ctl_instructions_set},
    {.name = "list", .help = "shows all", .run = run_call, .data = &instructions_list},
    {.name = "show",
     .words = "NAME",
     .help = "prints the document (list says to whom it is assigned)",
     .run = fr_ctl_instructions_show},
    {.name = "remove",
     .words = "NAME",
     .help = "drops it",
     .run = run_call,
     .data = &instructions_remove},
    {.name = "assign",
     .words = "NAME ENROLEE|--all",
     .help = "says who gets it from the discovery resource",
     .run = fr_ctl_instructions_assign,
     .opts = fr_ctl_instructions_assign_opts},
    {0}};

static const struct call credential_show = {.op = "credential.show",
                                            .words = {"keyId"}};
static const struct call credential_revoke = {
    .op = "credential.revoke", .words = {"keyId"}, .done = "revoked"};

static const struct fr_command credential_commands[] = {
    {.name = "list",
     .words = "[--enrolee NAME] [--target ID]",
     .help = "shows them, never a key",
     .run = fr_ctl_credential_list,
     .opts = fr_ctl_credential_list_opts},
    {.name = "show",
     .words = "KEYID",
     .help = "shows one, with the key's fingerprint",
     .run = run_call,
     .data = &credential_show},
    {.name = "revoke",
     .words = "KEYID",
     .help = "withdraws it: its target is told",
     .run = run_call,
     .data = &credential_revoke},
    {0}};

static const struct call status = {.op = "status"};

const struct fr_command fr_ctl_commands[] = {
    {.name = "enrolee",
     .alias = "device",
     .help = "devices that may enrol, and for which targets",
     .sub = enrolee_commands},
    {.name = "target",
     .help = "brokers, CSEs and MAFs that share keys with devices",
     .sub = target_commands},
    {.name = "instructions",
     .help = "lists that devices get from the discovery resource",
     .sub = instructions_commands},
    {.name = "credential",
     .help = "what devices were provisioned with",
     .sub = credential_commands},
    {.name = "explain",
     .words = "DEVICE|KEYID",
     .help = "says why a device came up, or did not",
     .run = fr_ctl_explain},
    {.name = "audit",
     .words = "[--limit N] [--subject X] [--verify]",
     .help = "shows what was decided, newest last; or checks the chain",
     .run = fr_ctl_audit,
     .opts = fr_ctl_audit_opts},
    {.name = "status",
     .help = "says how fieldrootd is",
     .run = run_call,
     .data = &status},
    {.name = "store",
     .help = "backup, restore, move and rekey what fieldrootd keeps",
     .sub = fr_ctl_store_commands},
    {.name = "ca",
     .words = "COMMAND ...",
     .help = "a small certificate authority on files",
     .main = fr_ca_main},
    {0}};
