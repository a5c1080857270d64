/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/provision_args.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/timetext.h"
#include "trigger/manual.h"

enum {
    OPT_INSTRUCTIONS = 1,
    OPT_DISCOVER,
    OPT_BOOTSTRAP,
    OPT_TARGET,
    OPT_RESOLVE,
    OPT_RENEW,
    OPT_WAIT_TARGET
};

const struct fr_opt fr_provision_opts[] = {
    {"instructions", "FILE|-", "splices the entries of a document here",
     OPT_INSTRUCTIONS},
    {"discover", "URI", "asks https://... or file:///... for a list", OPT_DISCOVER},
    {"bootstrap", "METHOD:FQDN[:PORT]", "one bootstrap with the MEF at FQDN",
     OPT_BOOTSTRAP},
    {"target", "ID",
     "target of the nearest --bootstrap before it; before any, the default",
     OPT_TARGET},
    {"resolve", "NAME=ADDR", "connects to ADDR for NAME; certificates must say NAME",
     OPT_RESOLVE},
    {"renew", NULL, "makes a new credential although one is valid", OPT_RENEW},
    {"wait-target", "DURATION",
     "success is also that the target has fetched its key, within PT1S to PT10M",
     OPT_WAIT_TARGET},
    {0}};

/* Targets by the --bootstrap that they follow: [0] stands before any, the default. */
struct targets {
    const char *of[FR_INSTRUCTIONS_MAX + 1];
    size_t n_bootstraps;
};

/* What the walk over the arguments carries along. */
struct walk {
    fr_document_reader read;
    void *ctx;
    struct fr_manual *manual;
    struct fr_provision_args *out;
    const struct targets *targets;
    size_t n_bootstraps; /* so far */
    const char *fqdn;    /* the one word */
    bool stdin_taken;
};

void fr_provision_args_clear(struct fr_provision_args *a)
{
    fr_document_free(a->doc);
    *a = (struct fr_provision_args){0};
}

void fr_provision_args_warn(struct fr_cli *cli, const struct fr_provision_args *a)
{
    if (a->idle_target)
        fr_cli_warn(cli, "--target has no effect: entries of documents and discoveries "
                         "name their own");
}

enum fr_code fr_document_read(void *ctx, const char *file, struct fr_buf *to,
                              struct fr_err *err)
{
    enum fr_code rc;

    (void)ctx;
    if (strcmp(file, "-") == 0)
        return fr_fd_read_all(STDIN_FILENO, "standard input", to, err);
    rc = fr_file_read(file, to, err);
    return rc == FR_ENOTFOUND || rc == FR_ESTORE ? FR_EPARSE : rc;
}

static enum fr_code take_document(struct walk *w, const char *file, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    bool is_stdin = strcmp(file, "-") == 0;

    if (is_stdin && w->stdin_taken)
        return FR_FAIL(err, FR_EUSAGE, "standard input can be read only once");
    w->stdin_taken = w->stdin_taken || is_stdin;
    FR_TRY(w->read(w->ctx, file, &text, err));
    return fr_manual_document(w->manual, fr_buf_view(&text),
                              is_stdin ? "standard input" : file, err);
}

static bool is_address(const char *s)
{
    unsigned char octets[16];

    return inet_pton(AF_INET, s, octets) == 1 || inet_pton(AF_INET6, s, octets) == 1;
}

static enum fr_code take_resolve(struct fr_provision_args *out, const char *text,
                                 struct fr_err *err)
{
    struct fr_resolve *r = &out->resolves[out->n_resolves];
    const char *equals = strchr(text, '=');
    struct fr_slice name = fr_slice_of(text, equals ? (size_t)(equals - text) : 0);

    if (!equals || !fr_fqdn_is_valid(name) || !is_address(equals + 1))
        return FR_FAIL(err, FR_EUSAGE,
                       "--resolve \"%s\": NAME=ADDR, a name and an IP address", text);
    if (out->n_resolves == FR_RESOLVES_MAX)
        return FR_FAIL(err, FR_EUSAGE, "more than %d --resolve", FR_RESOLVES_MAX);
    snprintf(r->name, sizeof r->name, "%.*s", (int)name.len, text);
    fr_ascii_fold(r->name);
    r->address = equals + 1;
    out->n_resolves++;
    return FR_OK;
}

static enum fr_code take_wait(struct fr_provision_args *out, const char *text,
                              struct fr_err *err)
{
    int64_t ms;

    if (!fr_duration_parse(fr_slice_str(text), &ms) || ms < 1000 || ms > FR_BUDGET_MAX)
        return FR_FAIL(err, FR_EUSAGE,
                       "--wait-target \"%s\": a time like PT30S, from PT1S to PT10M",
                       text);
    out->wait_target_ms = ms;
    return FR_OK;
}

static enum fr_code take_word(struct walk *w, const char *word, struct fr_err *err)
{
    if (w->fqdn)
        return FR_FAIL(err, FR_EUSAGE,
                       "one FQDN only (\"%s\" or \"%s\"?): name further MEFs by "
                       "--bootstrap certificate:%s",
                       w->fqdn, word, word);
    w->fqdn = word;
    return fr_manual_mef(w->manual, word, err);
}

static enum fr_code take_bootstrap(struct walk *w, const char *text, struct fr_err *err)
{
    const char *target = w->targets->of[++w->n_bootstraps];

    FR_TRY(fr_manual_bootstrap(w->manual, text, err));
    return target ? fr_manual_target(w->manual, target, err) : FR_OK;
}

static enum fr_code take(struct walk *w, const struct fr_arg *arg, struct fr_err *err)
{
    if (arg->kind == FR_ARG_WORD)
        return take_word(w, arg->value, err);
    switch (arg->id) {
    case OPT_INSTRUCTIONS:
        return take_document(w, arg->value, err);
    case OPT_DISCOVER:
        return fr_manual_discover(w->manual, arg->value, err);
    case OPT_BOOTSTRAP:
        return take_bootstrap(w, arg->value, err);
    case OPT_RESOLVE:
        return take_resolve(w->out, arg->value, err);
    case OPT_RENEW:
        w->out->renew = true;
        return FR_OK;
    case OPT_WAIT_TARGET:
        return take_wait(w->out, arg->value, err);
    default: /* --target: see find_targets() */
        return FR_OK;
    }
}

/* ---- two passes: whose each target is, then the list ---- */

static enum fr_code find_targets(struct fr_args args, struct targets *t,
                                 struct fr_err *err)
{
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(&args, fr_provision_opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            return FR_OK;
        if (arg.id == OPT_BOOTSTRAP && t->n_bootstraps++ == FR_INSTRUCTIONS_MAX)
            return FR_FAIL(err, FR_EPARSE, "a list has at most %d entries",
                           FR_INSTRUCTIONS_MAX);
        if (arg.id != OPT_TARGET)
            continue;
        if (t->of[t->n_bootstraps])
            return FR_FAIL(err, FR_EUSAGE,
                           "two --target for the same bootstrap: \"%s\" and \"%s\"",
                           t->of[t->n_bootstraps], arg.value);
        t->of[t->n_bootstraps] = arg.value;
    }
}

/* The list as a document would have it: the same checks and the same spelling. */
static enum fr_code as_document(struct fr_document *list, struct fr_document **ret,
                                struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);

    FR_TRY(fr_document_encode(list, &text, err));
    if (fr_document_parse(fr_buf_view(&text), "the arguments' list", FR_USE_TRIGGER,
                          ret, NULL, err) != FR_OK)
        return fr_err_wrap(err, FR_EUSAGE, "as a document");
    return FR_OK;
}

static enum fr_code build_list(struct fr_args *args, struct walk *w, struct fr_err *err)
{
    const char *fallback = w->targets->of[0];
    FR_AUTO(document) *list = NULL;
    struct fr_arg arg;

    if (fallback)
        FR_TRY(fr_manual_target(w->manual, fallback, err));
    for (;;) {
        FR_TRY(fr_args_next(args, fr_provision_opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        FR_TRY(take(w, &arg, err));
    }
    w->out->idle_target = fallback && !w->fqdn && w->n_bootstraps == 0;
    FR_TRY(fr_manual_take(w->manual, &list, err));
    return as_document(list, &w->out->doc, err);
}

enum fr_code fr_provision_args_parse(struct fr_args *args, fr_document_reader read,
                                     void *ctx, struct fr_provision_args *ret,
                                     struct fr_err *err)
{
    struct fr_provision_args out = {0};
    struct targets targets = {0};
    struct walk w = {.read = read, .ctx = ctx, .out = &out, .targets = &targets};
    FR_AUTO(manual) *manual = NULL;

    FR_TRY(find_targets(*args, &targets, err));
    FR_TRY(fr_manual_new(&manual, err));
    w.manual = manual;
    FR_TRY(build_list(args, &w, err));
    *ret = out;
    return FR_OK;
}
