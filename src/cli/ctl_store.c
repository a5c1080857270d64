/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a whole: backup, restore, move, and another key-encryption key. */
#include "cli/ctl_store.h"

#include <poll.h>
#include <string.h>

#include "cli/ctl.h"
#include "server/store_tools/tools.h"

enum {
    OPT_CONFIG = 1,
    OPT_FROM,
    OPT_TO,
    OPT_REPLACE,
    OPT_FINAL,
    OPT_ABANDON,
    OPT_NO_WAIT,
    OPT_REWOUND
};
enum { POLL_MS = 200 };

struct options {
    const char *file, *config, *from, *to;
    bool replace, is_final, abandon, no_wait, rewound;
};

#define CONFIG_OPT                                                                     \
    {                                                                                  \
        "config", "PATH", "of fieldrootd; default " FR_SERVER_CONFIG_DEFAULT,          \
            OPT_CONFIG                                                                 \
    }

static const struct fr_opt backup_opts[] = {
    CONFIG_OPT, {"from", "STORE", "instead of the config's store", OPT_FROM}, {0}};
static const struct fr_opt restore_opts[] = {
    CONFIG_OPT,
    {"replace", NULL, "sets aside the store that is there", OPT_REPLACE},
    {"rewound", NULL, "instead of FILE: the database was brought back by its own tools",
     OPT_REWOUND},
    {0}};
static const struct fr_opt copy_opts[] = {
    {"from", "STORE", "the store that is in use", OPT_FROM},
    {"to", "STORE", "where it is to be; made when it is not there", OPT_TO},
    {"final", NULL, "stops service from the one and lets it begin from the other",
     OPT_FINAL},
    {"abandon", NULL, "lets service go on from --from after a final pass was killed",
     OPT_ABANDON},
    {0}};
static const struct fr_opt migrate_opts[] = {
    CONFIG_OPT, {"to", "N", "number of the schema", OPT_TO}, {0}};
static const struct fr_opt rekey_opts[] = {
    {"no-wait", NULL, "returns at once: `status` says how far it is", OPT_NO_WAIT},
    {0}};

static void take_option(const struct fr_arg *arg, struct options *o)
{
    switch (arg->id) {
    case OPT_CONFIG:
        o->config = arg->value;
        break;
    case OPT_FROM:
        o->from = arg->value;
        break;
    case OPT_TO:
        o->to = arg->value;
        break;
    case OPT_REPLACE:
        o->replace = true;
        break;
    case OPT_FINAL:
        o->is_final = true;
        break;
    case OPT_ABANDON:
        o->abandon = true;
        break;
    case OPT_REWOUND:
        o->rewound = true;
        break;
    default:
        o->no_wait = true;
    }
}

static enum fr_code take(struct fr_args *args, const struct fr_opt *opts, bool has_file,
                         struct options *o, struct fr_err *err)
{
    struct fr_arg arg;

    *o = (struct options){.config = FR_SERVER_CONFIG_DEFAULT};
    for (;;) {
        FR_TRY(fr_args_next(args, opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        if (arg.kind == FR_ARG_OPTION)
            take_option(&arg, o);
        else if (!has_file || o->file)
            return FR_FAIL(err, FR_EUSAGE, "unexpected argument \"%s\"", arg.value);
        else
            o->file = arg.value;
    }
    if (has_file && !o->file == !o->rewound)
        return FR_FAIL(err, FR_EUSAGE, o->file ? "FILE or --rewound?" : "which FILE?");
    return FR_OK;
}

static enum fr_code load_config(const char *path, struct fr_server_config **ret,
                                struct fr_err *err)
{
    enum fr_code rc = fr_server_config_load(path, ret, err);

    return rc == FR_ENOTFOUND ? FR_ECONFIG : rc;
}

/* ---- backup and restore ---- */

static json_t *summary_json(const struct fr_store_summary *s)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:s, s:s*}", "enrolees",
        (json_int_t)s->counts.enrolees, "targets", (json_int_t)s->counts.targets,
        "credentials", (json_int_t)s->counts.credentials, "instructions",
        (json_int_t)s->counts.documents, "auditLines", (json_int_t)s->audit_lines,
        "keyId", s->kek, "nextKeyId", s->kek_next[0] ? s->kek_next : NULL);
}

static void say_summary(struct fr_cli *cli, const struct fr_store_summary *s)
{
    fr_cli_say(
        cli,
        "  %llu enrolees, %llu targets, %llu credentials, %llu instruction "
        "lists, %llu audit lines in a whole chain\n",
        (unsigned long long)s->counts.enrolees, (unsigned long long)s->counts.targets,
        (unsigned long long)s->counts.credentials,
        (unsigned long long)s->counts.documents, (unsigned long long)s->audit_lines);
}

static void say_keys(struct fr_cli *cli, const struct fr_store_summary *s,
                     const char *key_file)
{
    fr_cli_say(cli,
               "  its keys open only with key-encryption key %s%s%s, which is not in "
               "it: keep a copy of %s elsewhere\n",
               s->kek, s->kek_next[0] ? " and " : "", s->kek_next, key_file);
}

static enum fr_code backup(struct fr_cli *cli, const struct fr_command *self,
                           struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(server_config) *config = NULL;
    struct fr_store_summary s = {0};
    struct options o;

    FR_TRY(take(args, self->opts, true, &o, err));
    if (!o.from)
        FR_TRY(load_config(o.config, &config, err));
    FR_TRY(fr_store_backup(o.from ? o.from : config->database, o.file, &s, err));
    if (cli->json) {
        json_auto_t *out = summary_json(&s);

        fr_cli_json(cli, out);
        return FR_OK;
    }
    fr_cli_say(cli, "wrote %s\n", o.file);
    say_summary(cli, &s);
    say_keys(cli, &s, config ? config->kek : "the key file");
    return FR_OK;
}

static enum fr_code restore(struct fr_cli *cli, const struct fr_command *self,
                            struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(server_config) *config = NULL;
    struct fr_store_restored r = {0};
    struct options o;

    FR_TRY(take(args, self->opts, true, &o, err));
    FR_TRY(load_config(o.config, &config, err));
    if (o.rewound) {
        FR_TRY(fr_store_mark_rewound(config->database, err));
        fr_ctl_done(cli, NULL, "targets begin their feed again");
        return FR_OK;
    }
    FR_TRY(fr_store_restore(config, o.file, o.replace, &r, err));
    if (cli->json) {
        json_auto_t *out = summary_json(&r.summary);

        if (r.aside[0])
            json_object_set_new(out, "aside", json_string(r.aside));
        fr_cli_json(cli, out);
        return FR_OK;
    }
    fr_cli_say(cli, "restored %s\n", config->database);
    say_summary(cli, &r.summary);
    if (r.aside[0])
        fr_cli_say(cli, "  what was there is %s\n", r.aside);
    fr_cli_say(cli, "  targets begin their feed again; devices that enrolled after the "
                    "backup need `fieldroot provision --renew`\n");
    return FR_OK;
}

/* ---- copy ---- */

static json_t *report_json(const struct fr_copy_report *r, bool is_final)
{
    json_t *tables = json_object();

    for (size_t i = 0; i < FR_N_TABLES; i++)
        json_object_set_new(
            tables, fr_tables[i].name,
            json_pack("{s:I, s:I, s:I, s:s}", "rows", (json_int_t)r->table[i].rows,
                      "added", (json_int_t)r->table[i].added, "dropped",
                      (json_int_t)r->table[i].dropped, "hash", r->table[i].hash));
    return json_pack("{s:b, s:I, s:o}", "final", is_final, "auditLines",
                     (json_int_t)r->audit_lines, "tables", tables);
}

static void say_report(struct fr_cli *cli, const struct fr_copy_report *r)
{
    for (size_t i = 0; i < FR_N_TABLES; i++)
        fr_cli_say(cli, "  %-10s %9llu rows  +%llu -%llu  %.16s\n", fr_tables[i].name,
                   (unsigned long long)r->table[i].rows,
                   (unsigned long long)r->table[i].added,
                   (unsigned long long)r->table[i].dropped,
                   r->table[i].hash[0] ? r->table[i].hash : "-");
    fr_cli_say(cli,
               "  the same on both sides, row for row; the audit trail is whole "
               "(%llu lines)\n",
               (unsigned long long)r->audit_lines);
}

static enum fr_code move(struct fr_cli *cli, const struct options *o,
                         struct fr_err *err)
{
    const struct fr_store_move m = {o->from, o->to, o->is_final};
    struct fr_copy_report report = {0};

    FR_TRY(fr_store_move(&m, &report, err));
    if (cli->json) {
        json_auto_t *out = report_json(&report, o->is_final);

        fr_cli_json(cli, out);
        return FR_OK;
    }
    fr_cli_say(cli, "copied %s to %s\n", o->from, o->to);
    say_report(cli, &report);
    if (o->is_final)
        fr_cli_say(
            cli,
            "  %s serves no more: start fieldrootd on %s, with the same key file\n",
            o->from, o->to);
    else
        fr_cli_say(cli, "  the servers went on: the same command with --final brings "
                        "the rest\n");
    return FR_OK;
}

static enum fr_code copy(struct fr_cli *cli, const struct fr_command *self,
                         struct fr_args *args, struct fr_err *err)
{
    struct options o;

    FR_TRY(take(args, self->opts, false, &o, err));
    if (o.abandon && o.from && !o.to && !o.is_final) {
        FR_TRY(fr_store_abandon_move(o.from, err));
        fr_ctl_done(cli, NULL, "%s may serve again: serve from nowhere else", o.from);
        return FR_OK;
    }
    if (!o.from || !o.to || o.abandon)
        return FR_FAIL(err, FR_EUSAGE, "give --from and --to, or --from and --abandon");
    return move(cli, &o, err);
}

/* ---- rekey ---- */

static enum fr_code ask_status(struct fr_cli *cli, json_t **ret, struct fr_err *err)
{
    return cli->ask(cli, json_pack("{s:s}", "op", "status"), ret, err);
}

/* A vault that restarts meanwhile goes on by itself. */
static enum fr_code await_end(struct fr_cli *cli, const char *to, json_int_t *ret_n,
                              struct fr_err *err)
{
    for (;;) {
        json_auto_t *status = NULL;
        enum fr_code rc = ask_status(cli, &status, err);
        const json_t *rekey = json_object_get(status, "rekey");
        const char *key = json_string_value(json_object_get(status, "keyId"));

        if (rc != FR_OK && rc != FR_EUNREACHABLE && rc != FR_EBUSY)
            return rc;
        if (rc == FR_OK && json_is_null(rekey) && key && strcmp(key, to) == 0)
            return FR_OK;
        if (rc == FR_OK)
            *ret_n = json_integer_value(json_object_get(rekey, "done"));
        (void)poll(NULL, 0, POLL_MS);
    }
}

static enum fr_code rekey(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err)
{
    json_auto_t *result = NULL;
    const char *from, *to;
    struct options o;
    json_int_t n = 0;

    FR_TRY(take(args, self->opts, false, &o, err));
    FR_TRY(cli->ask(cli, json_pack("{s:s}", "op", "store.rekey"), &result, err));
    from = json_string_value(json_object_get(result, "from"));
    to = json_string_value(json_object_get(result, "to"));
    if (!from || !to)
        return FR_FAIL(err, FR_EINTERNAL, "fieldrootd's answer names no keys");
    if (!o.no_wait)
        FR_TRY(await_end(cli, to, &n, err));
    fr_ctl_done(cli, result, "%s from key %s to key %s%s",
                o.no_wait ? "rekeying" : "rekeyed", from, to,
                o.no_wait ? ""
                          : ": the key file is new, the old one is KEYFILE.old; "
                            "backups from before need that one");
    return FR_OK;
}

/* ---- migrate ---- */

static enum fr_code migrate(struct fr_cli *cli, const struct fr_command *self,
                            struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(server_config) *config = NULL;
    struct options o;
    uint64_t to = 0;

    FR_TRY(take(args, self->opts, false, &o, err));
    if (!o.to || !fr_uint_parse(fr_slice_str(o.to), INT16_MAX, &to))
        return FR_FAIL(err, FR_EUSAGE, "give --to, the number of a schema");
    FR_TRY(load_config(o.config, &config, err));
    FR_TRY(fr_store_migrate(config, (int)to, err));
    fr_ctl_done(cli, NULL, "the store has schema %s now", o.to);
    return FR_OK;
}

const struct fr_command fr_ctl_store_commands[] = {
    {.name = "backup",
     .words = "FILE [--config PATH | --from STORE]",
     .help = "writes a copy of the store, which may be in use, without any key to it",
     .run = backup,
     .opts = backup_opts},
    {.name = "restore",
     .words = "FILE|--rewound [--config PATH] [--replace]",
     .help = "makes a backup the store of a fieldrootd that is stopped",
     .run = restore,
     .opts = restore_opts},
    {.name = "copy",
     .words = "--from STORE --to STORE [--final] | --from STORE --abandon",
     .help = "moves the fleet to another store: passes while it serves, then a final "
             "one",
     .run = copy,
     .opts = copy_opts},
    {.name = "migrate",
     .words = "--to N [--config PATH]",
     .help =
         "brings the schema up or down, for another version of a fieldrootd that is "
         "stopped",
     .run = migrate,
     .opts = migrate_opts},
    {.name = "rekey",
     .words = "[--no-wait]",
     .help = "wraps every credential by a new key-encryption key, while it serves",
     .run = rekey,
     .opts = rekey_opts},
    {0}};
