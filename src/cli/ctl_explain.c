/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Why did that device not come up?": the verdict first, then why; and the audit trail
 * behind it.
 */
#include <string.h>

#include "base/str.h"
#include "cli/ctl.h"
#include "cli/progress.h"

static const struct fr_column audit_columns[] = {{"seq", "NO", NULL},
                                                 {"time", "TIME", NULL},
                                                 {"event", "EVENT", NULL},
                                                 {"subject", "SUBJECT", NULL},
                                                 {"decision", "DECISION", NULL},
                                                 {"reason", "REASON", NULL},
                                                 {"text", "TEXT", NULL},
                                                 {0}};

/* ---- explain ---- */

static void say_reasons(struct fr_cli *cli, const json_t *why)
{
    const json_t *item;
    size_t i;

    json_array_foreach ((json_t *)why, i, item)
        if (json_is_string(item))
            fr_cli_say(cli, "  - %s\n", json_string_value(item));
}

static void say_targets(struct fr_cli *cli, const json_t *targets)
{
    struct fr_buf text = FR_BUF_INIT(4096);

    fr_view_value(targets, &text);
    if (text.len > 0)
        fr_cli_say(cli, "  - may bind to %s\n", fr_buf_cstr(&text));
    fr_buf_clear(&text);
}

static enum fr_code show_parts(struct fr_cli *cli, const json_t *answer,
                               struct fr_err *err)
{
    const json_t *credentials = json_object_get(answer, "credentials");
    const json_t *attempts = json_object_get(answer, "attempts");
    const json_t *audit = json_object_get(answer, "audit");

    if (json_array_size(credentials) > 0) {
        fr_cli_say(cli, "\nCredentials\n");
        FR_TRY(fr_view_list(cli, credentials, fr_ctl_credential_columns, "", err));
    }
    if (json_array_size(attempts) > 0) {
        fr_cli_say(cli, "\nAttempts, as the device reported them\n");
        FR_TRY(fr_attempts_table(cli, attempts, true, err));
    }
    if (json_array_size(audit) > 0) {
        fr_cli_say(cli, "\nDecisions, newest last\n");
        FR_TRY(fr_view_list(cli, audit, audit_columns, "", err));
    }
    return FR_OK;
}

enum fr_code fr_ctl_explain(struct fr_cli *cli, const struct fr_command *self,
                            struct fr_args *args, struct fr_err *err)
{
    const char *subject, *verdict;
    json_auto_t *result = NULL;

    FR_TRY(fr_args_words(args, self->words, &subject, 1, err));
    FR_TRY(cli->ask(cli, json_pack("{s:s,s:s}", "op", "explain", "subject", subject),
                    &result, err));
    if (cli->json) {
        fr_cli_json(cli, result);
        return FR_OK;
    }
    verdict = json_string_value(json_object_get(result, "verdict"));
    fr_cli_say(cli, "%s %s\n", subject, verdict ? verdict : "is not known");
    say_reasons(cli, json_object_get(result, "why"));
    say_targets(cli, json_object_get(result, "targets"));
    return show_parts(cli, result, err);
}

/* ---- audit ---- */

enum { OPT_LIMIT = 1, OPT_SUBJECT, OPT_VERIFY, LIMIT_MAX = 100000 };

const struct fr_opt fr_ctl_audit_opts[] = {
    {"limit", "N", "the newest N only", OPT_LIMIT},
    {"subject", "X", "of this device, target or KeID only", OPT_SUBJECT},
    {"verify", NULL, "recomputes the whole chain and says whether it is intact",
     OPT_VERIFY},
    {0}};

static enum fr_code audit_option(json_t *request, const struct fr_arg *arg,
                                 struct fr_err *err)
{
    uint64_t limit;

    if (arg->kind == FR_ARG_WORD)
        return FR_FAIL(err, FR_EUSAGE, "unexpected argument \"%s\": --subject %s?",
                       arg->value, arg->value);
    if (arg->id == OPT_VERIFY) {
        json_object_set_new(request, "verify", json_true());
    } else if (arg->id == OPT_SUBJECT) {
        json_object_set_new(request, "subject", json_string(arg->value));
    } else {
        if (!fr_uint_parse(fr_slice_str(arg->value), LIMIT_MAX, &limit) || limit == 0)
            return FR_FAIL(err, FR_EUSAGE, "--limit \"%s\": a number from 1 to %d",
                           arg->value, LIMIT_MAX);
        json_object_set_new(request, "limit", json_integer((json_int_t)limit));
    }
    return FR_OK;
}

/* In parts, so that nobody else has to wait for all of it. */
static enum fr_code verify(struct fr_cli *cli, json_t *request, json_t **ret,
                           struct fr_err *err)
{
    json_t *next = json_object();

    while (next) {
        json_object_set(request, "from", next);
        json_decref(next);
        FR_TRY(cli->ask(cli, json_copy(request), ret, err));
        next = json_incref(json_object_get(*ret, "next"));
        if (next) {
            json_decref(*ret);
            *ret = NULL;
        }
    }
    return FR_OK;
}

enum fr_code fr_ctl_audit(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err)
{
    json_auto_t *request = json_pack("{s:s}", "op", "audit"), *result = NULL;
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(args, self->opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        FR_TRY(audit_option(request, &arg, err));
    }
    if (json_object_get(request, "verify"))
        FR_TRY(verify(cli, request, &result, err));
    else
        FR_TRY(cli->ask(cli, json_incref(request), &result, err));
    if (json_is_array(result))
        return fr_view_list(cli, result, audit_columns, "no audit entries", err);
    return fr_view_object(cli, result, err);
}
