/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

enum { COMMON_JSON = -1, COMMON_PATH = -2, NAMES_MAX = 32 };

static size_t option_names(const struct fr_cli *cli, const struct fr_opt *opts,
                           const char *names[NAMES_MAX])
{
    size_t n = 0;

    names[n++] = "json";
    names[n++] = "help";
    names[n++] = cli->path_option;
    for (; opts && opts->name && n < NAMES_MAX; opts++)
        names[n++] = opts->name;
    return n;
}

static enum fr_code unknown_option(const struct fr_cli *cli, const struct fr_opt *opts,
                                   const char *name, struct fr_err *err)
{
    const char *names[NAMES_MAX];
    const char *near = fr_nearest(name, names, option_names(cli, opts, names));

    return FR_FAIL_AS(err, FR_EUSAGE, "usage-option", "unknown option --%s%s%s%s", name,
                      near ? " (did you mean --" : "", near ? near : "",
                      near ? "?)" : "");
}

static const struct fr_opt *find(const struct fr_cli *cli, const struct fr_opt *opts,
                                 const char *name)
{
    static const struct fr_opt json = {.name = "json", .id = COMMON_JSON};
    static const struct fr_opt path = {.name = "", .value = "PATH", .id = COMMON_PATH};

    for (; opts && opts->name; opts++)
        if (strcmp(opts->name, name) == 0)
            return opts;
    if (strcmp(name, json.name) == 0)
        return &json;
    return strcmp(name, cli->path_option) == 0 ? &path : NULL;
}

/* args->at is behind the option; equals is the value behind '=', or NULL. */
static enum fr_code take_value(struct fr_args *args, const struct fr_opt *opt,
                               const char *name, const char *equals,
                               const char **ret_value, struct fr_err *err)
{
    if (!opt->value && equals)
        return FR_FAIL_AS(err, FR_EUSAGE, "usage-option", "--%s takes no value", name);
    if (opt->value && !equals && !*args->at)
        return FR_FAIL_AS(err, FR_EUSAGE, "usage-option", "--%s needs a value: %s",
                          name, opt->value);
    *ret_value = opt->value && !equals ? *args->at++ : equals;
    return FR_OK;
}

/* True if it was one of the options that every command knows. */
static bool apply_common(struct fr_cli *cli, const struct fr_arg *arg)
{
    if (arg->id == COMMON_JSON)
        cli->json = true;
    else if (arg->id == COMMON_PATH)
        cli->path = arg->value;
    else
        return false;
    return true;
}

static enum fr_code take_option(struct fr_args *args, const struct fr_opt *opts,
                                struct fr_arg *ret, struct fr_err *err)
{
    const char *text = *args->at++ + 2, *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    const struct fr_opt *opt;
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60), text);
    opt = find(args->cli, opts, name);
    if (!opt)
        return unknown_option(args->cli, opts, name, err);
    *ret = (struct fr_arg){.kind = FR_ARG_OPTION, .id = opt->id, .name = opt->name};
    return take_value(args, opt, name, equals ? equals + 1 : NULL, &ret->value, err);
}

enum fr_code fr_args_next(struct fr_args *args, const struct fr_opt *opts,
                          struct fr_arg *ret, struct fr_err *err)
{
    while (*args->at) {
        const char *text = *args->at;

        if (args->only_words || text[0] != '-' || text[1] == 0) {
            *ret = (struct fr_arg){.kind = FR_ARG_WORD, .value = text};
            args->at++;
            return FR_OK;
        }
        if (text[1] != '-')
            return FR_FAIL_AS(err, FR_EUSAGE, "usage-option",
                              "unknown option %s: options begin with two dashes", text);
        if (text[2] == 0) {
            args->only_words = true;
            args->at++;
            continue;
        }
        FR_TRY(take_option(args, opts, ret, err));
        if (!apply_common(args->cli, ret))
            return FR_OK;
    }
    *ret = (struct fr_arg){.kind = FR_ARG_END};
    return FR_OK;
}

enum fr_code fr_args_words(struct fr_args *args, const char *what, const char **words,
                           size_t n, struct fr_err *err)
{
    struct fr_arg arg;

    for (size_t got = 0;; got++) {
        FR_TRY(fr_args_next(args, NULL, &arg, err));
        if (arg.kind == FR_ARG_END && got == n)
            return FR_OK;
        if (arg.kind == FR_ARG_END)
            return FR_FAIL(err, FR_EUSAGE, "arguments missing: this command takes %s",
                           what);
        if (got == n)
            return FR_FAIL(err, FR_EUSAGE, "unexpected argument \"%s\"%s%s", arg.value,
                           what[0] ? ": this command takes " : "", what);
        words[got] = arg.value;
    }
}

enum fr_code fr_args_flagged(struct fr_args *args, const struct fr_opt *opts,
                             struct fr_words *ret, struct fr_err *err)
{
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(args, opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            return FR_OK;
        if (arg.kind == FR_ARG_OPTION)
            ret->flag = true;
        else if (ret->n == ret->max)
            return FR_FAIL(err, FR_EUSAGE, "unexpected argument \"%s\"", arg.value);
        else
            ret->at[ret->n++] = arg.value;
    }
}
