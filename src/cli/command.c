/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"

enum { PATH_MAX_TEXT = 128, COMMANDS_MAX = 32, USAGE_MAX = 72 };

void fr_cli_init(struct fr_cli *cli, const char *program)
{
    struct winsize size = {0};

    memset(cli, 0, sizeof *cli);
    cli->program = program;
    cli->about = "";
    cli->path_option = "config";
    cli->path_default = "";
    cli->out = stdout;
    cli->err = stderr;
    cli->env = &fr_env_system;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        cli->width = size.ws_col > 0 ? size.ws_col : 80;
}

/* ---- help ---- */

/* Of a long one its beginning: its own help has the rest. */
static void format_usage(const struct fr_command *c, char to[PATH_MAX_TEXT])
{
    int n = snprintf(to, PATH_MAX_TEXT, "%s%s%s", c->name, c->words ? " " : "",
                     c->words ? c->words : "");
    int cut = USAGE_MAX;

    if (n <= USAGE_MAX)
        return;
    while (cut > 0 && strncmp(to + cut, " [", 2) != 0)
        cut--;
    snprintf(to + cut, (size_t)(PATH_MAX_TEXT - cut), " ...");
}

static void print_commands(struct fr_cli *cli, const struct fr_command *c,
                           const char *path)
{
    int width = 0;

    for (const struct fr_command *i = c; i->name; i++) {
        int n = (int)(strlen(i->name) + (i->words ? strlen(i->words) + 1 : 0));

        if (n <= 36 && n > width)
            width = n;
    }
    for (; c->name; c++) {
        char left[PATH_MAX_TEXT];

        format_usage(c, left);
        if ((int)strlen(left) > width)
            fprintf(cli->out, "  %s\n  %-*s  %s", left, width, "", c->help);
        else
            fprintf(cli->out, "  %-*s  %s", width, left, c->help);
        fprintf(cli->out, c->alias ? " (also: %s)\n" : "%s\n",
                c->alias ? c->alias : "");
    }
    fprintf(cli->out, "\n\"%s%s help COMMAND\" says more about one.\n", cli->program,
            path);
}

static void print_options(struct fr_cli *cli, const struct fr_opt *opts)
{
    for (; opts && opts->name; opts++)
        fprintf(cli->out, "  --%s%s%s\n        %s\n", opts->name,
                opts->value ? " " : "", opts->value ? opts->value : "", opts->help);
    fprintf(cli->out,
            "  --%s PATH\n        default %s\n"
            "  --json\n        prints JSON instead of text for a person\n",
            cli->path_option, cli->path_default);
}

static void print_usage(struct fr_cli *cli, FILE *to, const char *path,
                        const struct fr_command *c)
{
    fprintf(to, "usage: %s%s%s%s\n", cli->program, path, c && c->words ? " " : "",
            c && c->words ? c->words : "");
}

static void help_leaf(struct fr_cli *cli, const char *path, const struct fr_command *c)
{
    print_usage(cli, cli->out, path, c);
    fprintf(cli->out, "\n%s\n\n", c->help);
    print_options(cli, c->opts);
}

static void help_group(struct fr_cli *cli, const char *path, const struct fr_command *c)
{
    if (!path[0])
        fprintf(cli->out, "%s: %s\n\n", cli->program, cli->about);
    fprintf(cli->out, "usage: %s%s [--%s PATH] [--json] COMMAND ...\n\n", cli->program,
            path, cli->path_option);
    print_commands(cli, c, path);
}

/* ---- dispatch ---- */

static const struct fr_command *lookup(const struct fr_command *c, const char *name)
{
    for (; c->name; c++)
        if (strcmp(c->name, name) == 0 || (c->alias && strcmp(c->alias, name) == 0))
            return c;
    return NULL;
}

static enum fr_code no_such_command(const struct fr_command *table, const char *path,
                                    const char *name, struct fr_err *err)
{
    const char *names[COMMANDS_MAX], *near;
    struct fr_buf all = FR_BUF_INIT(512);
    size_t n = 0;

    for (; table->name && n < COMMANDS_MAX; table++) {
        fr_buf_fmt(&all, "%s%s", n > 0 ? ", " : "", table->name);
        names[n++] = table->name;
    }
    near = fr_nearest(name, names, n);
    if (near)
        fr_err_set(err, FR_EUSAGE, "usage-command", FR_HERE,
                   "no command \"%s%s%s\" (did you mean \"%s\"?)",
                   path[0] ? path + 1 : "", path[0] ? " " : "", name, near);
    else
        fr_err_set(err, FR_EUSAGE, "usage-command", FR_HERE,
                   "no command \"%s%s%s\": there are %s", path[0] ? path + 1 : "",
                   path[0] ? " " : "", name, fr_buf_cstr(&all));
    fr_buf_clear(&all);
    return FR_EUSAGE;
}

static bool is_help(const char *word)
{
    return word && (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 ||
                    strcmp(word, "-h") == 0);
}

/* "help" as a word may be somebody's name once a command has been named. */
static bool wants_help(char **at)
{
    if (*at && is_help(*at))
        return true;
    for (; *at && strcmp(*at, "--") != 0; at++)
        if ((*at)[0] == '-' && is_help(*at))
            return true;
    return false;
}

/* Where the words have led to so far. */
struct place {
    const struct fr_command *table;   /* the group */
    const struct fr_command *command; /* NULL: still at the group */
    char path[PATH_MAX_TEXT];         /* " enrolee add" */
    bool help;
};

static enum fr_code enter(struct place *p, const char *name, struct fr_err *err)
{
    const struct fr_command *c = lookup(p->table, name);
    size_t len = strlen(p->path);

    if (!c)
        return no_such_command(p->table, p->path, name, err);
    snprintf(p->path + len, sizeof p->path - len, " %s", c->name);
    if (c->sub)
        p->table = c->sub;
    else
        p->command = c;
    return FR_OK;
}

/* Walks groups down to the command that the words name. The common options may stand
 * before it; an option of the command itself may not. */
static enum fr_code walk(struct fr_args *args, struct place *p, struct fr_err *err)
{
    struct fr_arg arg;

    while (!p->command) {
        if (is_help(*args->at)) {
            p->help = true;
            args->at++;
            continue;
        }
        FR_TRY(fr_args_next(args, NULL, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        FR_TRY(enter(p, arg.value, err));
    }
    return FR_OK;
}

/* A command with a main of its own gets its words as they are. */
static enum fr_code delegate(struct fr_cli *cli, const struct place *p, char **words,
                             struct fr_err *err)
{
    static char json[] = "--json", help[] = "--help";
    size_t n = 0, argc = 0;
    char **argv;

    while (words[n])
        n++;
    argv = calloc(n + 4, sizeof *argv);
    if (!argv)
        return FR_FAIL(err, FR_ENOMEM, "no memory for %zu arguments", n);
    argv[argc++] = words[-1];
    if (p->help)
        argv[argc++] = help;
    memcpy(argv + argc, words, n * sizeof *argv);
    argc += n;
    if (cli->json)
        argv[argc++] = json;
    cli->status = p->command->main((int)argc, argv);
    free(argv);
    return FR_OK;
}

static enum fr_code which_command(struct fr_cli *cli, const struct place *p,
                                  struct fr_err *err)
{
    FILE *out = cli->out;

    cli->out = cli->err;
    help_group(cli, p->path, p->table);
    cli->out = out;
    return FR_FAIL(err, FR_EUSAGE, "which command of \"%s%s\"?", cli->program, p->path);
}

static enum fr_code run(struct fr_cli *cli, struct place *p, struct fr_args *args,
                        struct fr_err *err)
{
    FR_TRY(walk(args, p, err));
    if (p->command && p->command->main)
        return delegate(cli, p, args->at, err);
    if (p->command && (p->help || wants_help(args->at))) {
        help_leaf(cli, p->path, p->command);
        return FR_OK;
    }
    if (p->help) {
        help_group(cli, p->path, p->table);
        return FR_OK;
    }
    if (!p->command)
        return which_command(cli, p, err);
    return p->command->run(cli, p->command, args, err);
}

/* What was printed counts only if it arrived. */
static int finish(struct fr_cli *cli, int status)
{
    if (fflush(cli->out) == 0 && !ferror(cli->out))
        return status;
    fprintf(cli->err, "%s: cannot write the output: is the disk full?\n", cli->program);
    return fr_code_exit(FR_EINTERNAL);
}

int fr_cli_main(struct fr_cli *cli, const struct fr_command *commands, char **argv)
{
    struct fr_args args = {.cli = cli, .at = argv + 1};
    struct place p = {.table = commands};
    struct fr_err err = {0};
    enum fr_code rc;

    if (argv[1] && strcmp(argv[1], "--version") == 0) {
        fprintf(cli->out, "%s %s\n", cli->program, FR_VERSION);
        return finish(cli, 0);
    }
    rc = run(cli, &p, &args, &err);
    if (rc != FR_OK)
        fr_cli_error(cli, &err);
    if (rc == FR_EUSAGE && p.command)
        print_usage(cli, cli->err, p.path, p.command);
    return finish(cli, rc == FR_OK ? cli->status : fr_code_exit(rc));
}

/* ---- output ---- */

static void write_printable(FILE *to, const char *text)
{
    char clean[4 * 2048 + 8];

    for (const char *end; *text; text = *end ? end + 1 : end) {
        size_t len = strcspn(text, "\n");

        end = text + len;
        if (len > 2048)
            end = text + (len = 2048);
        fputs(fr_printable(fr_slice_of(text, len), clean, sizeof clean), to);
        if (*end == '\n')
            fputc('\n', to);
        else if (*end)
            end--; /* a longer line goes on */
    }
}

void fr_cli_error(struct fr_cli *cli, const struct fr_err *err)
{
    fprintf(cli->err, "%s: ", cli->program);
    write_printable(cli->err, err->msg);
    fputc('\n', cli->err);
    if (cli->json) {
        json_t *all =
            json_pack("{s:b,s:s,s:s,s:s}", "ok", 0, "code", fr_code_name(err->code),
                      "reason", err->reason, "text", err->msg);

        fr_cli_json(cli, all);
        json_decref(all);
    }
}

void fr_cli_warn(struct fr_cli *cli, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(cli->err, "%s: warning: ", cli->program);
    write_printable(cli->err, text);
    fputc('\n', cli->err);
}

void fr_cli_json(struct fr_cli *cli, const json_t *value)
{
    if (!value)
        return;
    json_dumpf(value, cli->out, JSON_COMPACT | JSON_ENCODE_ANY);
    fputc('\n', cli->out);
    fflush(cli->out);
}

void fr_cli_say(struct fr_cli *cli, const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    write_printable(cli->out, text);
}
