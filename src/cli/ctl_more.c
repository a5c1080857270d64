/* SPDX-License-Identifier: Apache-2.0 */
/* fieldrootctl target, instructions, credential, audit: their arguments. */
#include <string.h>

#include "cli/ctl.h"
#include "cli/provision_args.h"
#include "crypto/kdf.h"
#include "model/instruction.h"

/* ---- target add ---- */

enum { OPT_FQDN = 1, OPT_DERIVATION };

const struct fr_opt fr_ctl_target_add_opts[] = {
    {"fqdn", "NAME", "name in its certificate; default: ID, if that is an FQDN",
     OPT_FQDN},
    {"derivation", "usage|km|kpsa", "how its key is derived; default usage",
     OPT_DERIVATION},
    {0}};

struct target {
    const char *id, *fqdn, *derivation;
};

static enum fr_code take_target(struct fr_args *args, const struct fr_opt *opts,
                                struct target *t, struct fr_err *err)
{
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(args, opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            return FR_OK;
        if (arg.kind == FR_ARG_OPTION && arg.id == OPT_FQDN)
            t->fqdn = arg.value;
        else if (arg.kind == FR_ARG_OPTION)
            t->derivation = arg.value;
        else if (t->id)
            return FR_FAIL(err, FR_EUSAGE, "one ID only: \"%s\" or \"%s\"?", t->id,
                           arg.value);
        else
            t->id = arg.value;
    }
}

static enum fr_code check_target(const struct target *t, struct fr_err *err)
{
    enum fr_derivation derivation;

    if (!t->id)
        return FR_FAIL(err, FR_EUSAGE, "which target? give its FQDN or absolute id");
    if (!fr_target_is_valid(fr_slice_str(t->id)))
        return FR_FAIL(err, FR_EUSAGE,
                       "\"%s\" is neither an FQDN (broker.example.com) nor an absolute "
                       "id (//sp.example/cse-1)",
                       t->id);
    if (!t->fqdn && !fr_fqdn_is_valid(fr_slice_str(t->id)))
        return FR_FAIL(err, FR_EUSAGE,
                       "%s needs --fqdn NAME: the name in its certificate", t->id);
    if (t->fqdn && !fr_fqdn_is_valid(fr_slice_str(t->fqdn)))
        return FR_FAIL(err, FR_EUSAGE, "--fqdn \"%s\" is no FQDN", t->fqdn);
    if (t->derivation && (!fr_derivation_by_name(t->derivation, &derivation) ||
                          fr_derivation_is_gba(derivation)))
        return FR_FAIL(err, FR_EUSAGE, "--derivation \"%s\": usage, km or kpsa",
                       t->derivation);
    return FR_OK;
}

enum fr_code fr_ctl_target_add(struct fr_cli *cli, const struct fr_command *self,
                               struct fr_args *args, struct fr_err *err)
{
    json_auto_t *result = NULL;
    struct target t = {0};

    FR_TRY(take_target(args, self->opts, &t, err));
    FR_TRY(check_target(&t, err));
    FR_TRY(cli->ask(cli,
                    json_pack("{s:s,s:s,s:s,s:s}", "op", "target.add", "id", t.id,
                              "fqdn", t.fqdn ? t.fqdn : t.id, "derivation",
                              t.derivation ? t.derivation : "usage"),
                    &result, err));
    fr_ctl_done(cli, result, "%s added", t.id);
    return FR_OK;
}

/* ---- instructions ---- */

/* The first error is the command's own message. */
static void show_findings(struct fr_cli *cli, const char *file,
                          const struct fr_findings *f)
{
    bool first = true;

    for (size_t i = 0; i < f->n; i++) {
        const struct fr_finding *one = &f->list[i];

        if (!one->is_error || !first)
            fprintf(cli->err, "%s:%d:%d: %s: %s%s%s\n", file, one->line, one->column,
                    one->is_error ? "error" : "warning", one->pointer,
                    one->pointer[0] ? ": " : "", one->text);
        first = first && !one->is_error;
    }
}

/* What devices would refuse never reaches the daemon. */
static enum fr_code checked_document(struct fr_cli *cli, const char *file,
                                     struct fr_slice text, json_t **ret,
                                     struct fr_err *err)
{
    FR_AUTO(document) *doc = NULL;
    FR_AUTO_CLEAR(findings) findings = {0};
    enum fr_code rc =
        fr_document_parse(text, file, FR_USE_DISCOVERED, &doc, &findings, err);

    show_findings(cli, file, &findings);
    FR_TRY(rc);
    *ret = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    return *ret ? FR_OK : FR_FAIL(err, FR_EINTERNAL, "%s: checked, but no JSON", file);
}

enum fr_code fr_ctl_instructions_set(struct fr_cli *cli, const struct fr_command *self,
                                     struct fr_args *args, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    json_auto_t *document = NULL, *result = NULL;
    const char *words[2];

    FR_TRY(fr_args_words(args, self->words, words, 2, err));
    FR_TRY(fr_document_read(NULL, words[1], &text, err));
    FR_TRY(checked_document(cli,
                            strcmp(words[1], "-") == 0 ? "standard input" : words[1],
                            fr_buf_view(&text), &document, err));
    FR_TRY(cli->ask(cli,
                    json_pack("{s:s,s:s,s:O}", "op", "instructions.set", "name",
                              words[0], "document", document),
                    &result, err));
    fr_ctl_done(cli, result, "%s set", words[0]);
    return FR_OK;
}

/* For a person the document alone, so that it can be edited and set again. */
enum fr_code fr_ctl_instructions_show(struct fr_cli *cli, const struct fr_command *self,
                                      struct fr_args *args, struct fr_err *err)
{
    json_auto_t *result = NULL;
    const char *name;

    FR_TRY(fr_args_words(args, self->words, &name, 1, err));
    FR_TRY(cli->ask(cli,
                    json_pack("{s:s,s:s}", "op", "instructions.show", "name", name),
                    &result, err));
    if (cli->json) {
        fr_cli_json(cli, result);
        return FR_OK;
    }
    json_dumpf(json_object_get(result, "document"), cli->out, JSON_INDENT(2));
    fputc('\n', cli->out);
    return FR_OK;
}

const struct fr_opt fr_ctl_instructions_assign_opts[] = {
    {"all", NULL, "every enrolee that has no list of its own", 1}, {0}};

enum fr_code fr_ctl_instructions_assign(struct fr_cli *cli,
                                        const struct fr_command *self,
                                        struct fr_args *args, struct fr_err *err)
{
    json_auto_t *result = NULL;
    const char *words[2] = {0};
    struct fr_words given = {.at = words, .max = 2};
    bool all;

    FR_TRY(fr_args_flagged(args, self->opts, &given, err));
    all = given.flag;
    if (given.n != (all ? 1 : 2))
        return FR_FAIL(err, FR_EUSAGE, "give NAME and an enrolee, or NAME and --all");
    FR_TRY(cli->ask(cli,
                    json_pack("{s:s,s:s,s:s}", "op", "instructions.assign", "name",
                              words[0], "enrolee", all ? "*" : words[1]),
                    &result, err));
    fr_ctl_done(cli, result, "%s assigned to %s", words[0],
                all ? "every enrolee without a list of its own" : words[1]);
    return FR_OK;
}

/* ---- credential list ---- */

const struct fr_opt fr_ctl_credential_list_opts[] = {
    {"enrolee", "NAME", "of this one only", 1},
    {"target", "ID", "for this one only", 2},
    {0}};

const struct fr_column fr_ctl_credential_columns[] = {
    {"keyId", "KEYID", NULL},
    {"enrolee", "ENROLEE", NULL},
    {"target", "TARGET", NULL},
    {"suid", "SUID", NULL},
    {"state", "STATE", NULL},
    {"expires", "EXPIRES", NULL},
    {"fingerprint", "FINGERPRINT", NULL},
    {0}};

enum fr_code fr_ctl_credential_list(struct fr_cli *cli, const struct fr_command *self,
                                    struct fr_args *args, struct fr_err *err)
{
    json_auto_t *request = json_pack("{s:s}", "op", "credential.list"), *result = NULL;
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(args, self->opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        if (arg.kind == FR_ARG_WORD)
            return FR_FAIL(err, FR_EUSAGE,
                           "unexpected argument \"%s\": use --enrolee or --target",
                           arg.value);
        json_object_set_new(request, arg.name, json_string(arg.value));
    }
    FR_TRY(fr_ctl_ask_list(cli, json_incref(request), "keyId", &result, err));
    return fr_view_list(cli, result, fr_ctl_credential_columns, "no credentials", err);
}
