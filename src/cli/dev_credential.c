/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldroot credential`: list, show, export, forget. A key leaves only by export, into
 * a file of mode 0600 or, when asked for in so many words, to standard output.
 */
#include <string.h>

#include "base/file.h"
#include "cli/dev.h"
#include "cli/view.h"

enum {
    OPT_MEF = 1,
    OPT_TARGET,
    OPT_SUID,
    OPT_FORMAT,
    OPT_UA,
    OPT_NAF,
    OPT_OUT,
    OPT_SHOW_SECRET,
    OPT_DAMAGED
};

#define SELECT_OPTS                                                                    \
    {"mef", "FQDN", "the one made with this MEF", OPT_MEF},                            \
        {"target", "ID", "the one for this target", OPT_TARGET},                       \
    {                                                                                  \
        "suid", "N", "the one for this use", OPT_SUID                                  \
    }

static const struct fr_opt select_opts[] = {SELECT_OPTS, {0}};
static const struct fr_opt forget_opts[] = {
    SELECT_OPTS,
    {"damaged", NULL, "all that cannot be read (state damaged in the list)",
     OPT_DAMAGED},
    {0}};
static const struct fr_opt export_opts[] = {
    SELECT_OPTS,
    {"format", "hex|mosquitto",
     "the key alone (default), or an options file of mosquitto_pub and mosquitto_sub",
     OPT_FORMAT},
    {"ua", "tls1.2|dtls1.2|tls1.3|http-digest",
     "of a SIM's keys the one for this protocol; default tls1.2", OPT_UA},
    {"naf", "FQDN", "of a SIM's Ks the key for another target", OPT_NAF},
    {"out", "FILE", "writes it there, mode 0600", OPT_OUT},
    {"show-secret", NULL, "prints it", OPT_SHOW_SECRET},
    {0}};

enum format { FORMAT_HEX, FORMAT_MOSQUITTO };

struct selection {
    const char *key_id;
    struct fr_slot_id slot;
    enum format format;
    enum fr_ua ua;
    const char *naf, *out;
    bool show_secret, damaged;
};

static enum fr_code take_format(struct selection *s, const char *name,
                                struct fr_err *err)
{
    if (strcmp(name, "hex") == 0)
        s->format = FORMAT_HEX;
    else if (strcmp(name, "mosquitto") == 0)
        s->format = FORMAT_MOSQUITTO;
    else
        return FR_FAIL(err, FR_EUSAGE, "--format \"%s\": hex or mosquitto", name);
    return FR_OK;
}

static enum fr_code take_ua(struct selection *s, const char *name, struct fr_err *err)
{
    if (!fr_ua_by_name(name, &s->ua))
        return FR_FAIL(err, FR_EUSAGE,
                       "--ua \"%s\": tls1.2, dtls1.2, tls1.3 or http-digest", name);
    return FR_OK;
}

static enum fr_code take_suid(struct selection *s, const char *text, struct fr_err *err)
{
    uint64_t suid;

    if (!fr_uint_parse(fr_slice_str(text), 99, &suid) || !fr_suid_is_defined((int)suid))
        return FR_FAIL(err, FR_EUSAGE, "--suid \"%s\": not a defined SUID", text);
    s->slot.suid = (int)suid;
    return FR_OK;
}

static enum fr_code take_word(struct selection *s, const char *word, struct fr_err *err)
{
    if (s->key_id)
        return FR_FAIL(err, FR_EUSAGE, "one KeID only: \"%s\" or \"%s\"?", s->key_id,
                       word);
    s->key_id = word;
    return FR_OK;
}

static enum fr_code take(struct selection *s, const struct fr_arg *arg,
                         struct fr_err *err)
{
    if (arg->kind == FR_ARG_WORD)
        return take_word(s, arg->value, err);
    switch (arg->id) {
    case OPT_MEF:
        s->slot.mef = arg->value;
        return FR_OK;
    case OPT_TARGET:
        s->slot.target = arg->value;
        return FR_OK;
    case OPT_SUID:
        return take_suid(s, arg->value, err);
    case OPT_FORMAT:
        return take_format(s, arg->value, err);
    case OPT_UA:
        return take_ua(s, arg->value, err);
    case OPT_NAF:
        s->naf = arg->value;
        return FR_OK;
    case OPT_OUT:
        s->out = arg->value;
        return FR_OK;
    case OPT_DAMAGED:
        s->damaged = true;
        return FR_OK;
    default:
        s->show_secret = true;
        return FR_OK;
    }
}

static enum fr_code select_args(struct fr_args *args, const struct fr_opt *opts,
                                struct selection *ret, struct fr_err *err)
{
    struct selection s = {0};
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(args, opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        FR_TRY(take(&s, &arg, err));
    }
    if (s.key_id && (s.slot.mef || s.slot.target || s.slot.suid != 0))
        return FR_FAIL(err, FR_EUSAGE,
                       "give a KeID, or --mef, --target and --suid, not both");
    *ret = s;
    return FR_OK;
}

static enum fr_code find(struct fr_state *state, const struct selection *s,
                         struct fr_credential **ret, struct fr_err *err)
{
    enum fr_code rc = s->key_id ? fr_state_find_key(state, s->key_id, ret, err)
                                : fr_state_find(state, &s->slot, ret, err);

    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, FR_ENOTFOUND,
                       "no such credential in %s (credential list shows all)",
                       fr_state_dir(state));
    return rc;
}

/* ---- list, show ---- */

static json_t *damaged_json(const struct fr_state_entry *e)
{
    return json_pack("{s:s,s:s}", "state", "damaged", "text", e->text);
}

static enum fr_code entries_json(const struct fr_state_entries *entries, int64_t now,
                                 json_t *list, struct fr_err *err)
{
    for (size_t i = 0; i < entries->n; i++) {
        const struct fr_state_entry *e = &entries->list[i];
        json_t *item = NULL;

        if (e->credential)
            FR_TRY(fr_dev_credential_json(e->credential, now, &item, err));
        else
            item = damaged_json(e);
        if (e->credential && e->pending)
            json_object_set_new(item, "state", json_string("pending"));
        json_array_append_new(list, item);
    }
    return FR_OK;
}

static const struct fr_column columns[] = {{"keyId", "KEYID", NULL},
                                           {"mef", "MEF", NULL},
                                           {"target", "TARGET", NULL},
                                           {"suid", "SUID", NULL},
                                           {"state", "STATE", NULL},
                                           {"expires", "EXPIRES", NULL},
                                           {"fingerprint", "FINGERPRINT", NULL},
                                           {0}};

static enum fr_code run_list(struct fr_cli *cli, const struct fr_command *self,
                             struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    struct fr_state_entries entries = {0};
    json_auto_t *list = json_array();
    enum fr_code rc;

    (void)self;
    FR_TRY(fr_args_words(args, "", NULL, 0, err));
    FR_TRY(fr_dev_open(cli, &client, err));
    FR_TRY(fr_state_list(fr_client_device(client)->state, &entries, err));
    rc = entries_json(&entries, fr_dev_now(cli, client), list, err);
    fr_state_entries_clear(&entries);
    FR_TRY(rc);
    return fr_view_list(cli, list, columns, "no credentials", err);
}

static enum fr_code run_show(struct fr_cli *cli, const struct fr_command *self,
                             struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    FR_AUTO(credential) *c = NULL;
    json_auto_t *shown = NULL;
    struct selection s;

    FR_TRY(select_args(args, self->opts, &s, err));
    FR_TRY(fr_dev_open(cli, &client, err));
    FR_TRY(find(fr_client_device(client)->state, &s, &c, err));
    FR_TRY(fr_dev_credential_json(c, fr_dev_now(cli, client), &shown, err));
    return fr_view_object(cli, shown, err);
}

/* ---- export ---- */

static enum fr_code put_key(const struct fr_credential *c, enum fr_ua ua,
                            struct fr_buf *to, struct fr_err *err)
{
    FR_AUTO(secret) *key = NULL;
    uint8_t *at;

    FR_TRY(fr_credential_ua_key(c, ua, &key, err));
    at = fr_buf_reserve(to, 2 * fr_secret_len(key) + 1);
    if (!at)
        return fr_buf_check(to, err);
    fr_hex_encode(fr_secret_view(key), (char *)at, false);
    to->len += 2 * fr_secret_len(key);
    return FR_OK;
}

/* A SIM's key belongs to one protocol, and for TLS 1.2 to one suite: no other is to be
 * negotiated with it. */
static enum fr_code put_protocol(const struct fr_credential *c, enum fr_ua ua,
                                 struct fr_buf *to, struct fr_err *err)
{
    if (!fr_derivation_is_gba(c->derivation))
        return FR_OK;
    if (ua == FR_UA_TLS12)
        fr_buf_str(to, "--tls-version tlsv1.2\n--ciphers PSK-AES128-CBC-SHA256\n");
    else if (ua == FR_UA_TLS13)
        fr_buf_str(to, "--tls-version tlsv1.3\n");
    else
        return FR_FAIL(err, FR_EUSAGE, "mosquitto has no use for a key of --ua %s",
                       fr_ua_name(ua));
    return FR_OK;
}

static enum fr_code format_text(const struct fr_credential *c,
                                const struct selection *s, struct fr_buf *to,
                                struct fr_err *err)
{
    if (s->format == FORMAT_MOSQUITTO) {
        FR_TRY(put_protocol(c, s->ua, to, err));
        fr_buf_fmt(to, "--psk-identity %s\n--psk ", fr_credential_identity(c));
    }
    FR_TRY(put_key(c, s->ua, to, err));
    fr_buf_str(to, "\n");
    return fr_buf_check(to, err);
}

static enum fr_code format_json(const struct fr_credential *c,
                                const struct selection *s, struct fr_buf *to,
                                struct fr_err *err)
{
    fr_buf_fmt(to, "{\"pskIdentity\":\"%s\",\"key\":\"", fr_credential_identity(c));
    FR_TRY(put_key(c, s->ua, to, err));
    fr_buf_str(to, "\"}\n");
    return fr_buf_check(to, err);
}

static enum fr_code print_secret(struct fr_cli *cli, const struct fr_credential *c,
                                 const struct selection *s, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(1024);

    FR_TRY(cli->json ? format_json(c, s, &text, err) : format_text(c, s, &text, err));
    fwrite(text.data, 1, text.len, cli->out);
    return FR_OK;
}

static enum fr_code write_secret(struct fr_cli *cli, const struct fr_credential *c,
                                 const struct selection *s, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT_WIPE(1024);

    FR_TRY(format_text(c, s, &text, err));
    FR_TRY(fr_file_write_atomic(s->out, fr_buf_view(&text), 0600, err));
    if (!cli->json && !s->show_secret)
        fr_cli_say(cli, "the key that is shared with %s is in %s\n", c->target, s->out);
    return FR_OK;
}

static enum fr_code run_export(struct fr_cli *cli, const struct fr_command *self,
                               struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    FR_AUTO(credential) *c = NULL;
    struct selection s;

    FR_TRY(select_args(args, self->opts, &s, err));
    if (!s.out && !s.show_secret)
        return FR_FAIL_AS(
            err, FR_EUSAGE, "secret-not-shown",
            "a key is not printed by accident: write it by --out FILE, or "
            "say --show-secret");
    FR_TRY(fr_dev_open(cli, &client, err));
    FR_TRY(find(fr_client_device(client)->state, &s, &c, err));
    if (s.naf)
        FR_TRY(fr_credential_aim_at(c, s.naf, err));
    if (fr_client_device(client)->config->is_psk_3gpp)
        FR_TRY(fr_credential_identify_as_3gpp(c, err));
    if (s.out)
        FR_TRY(write_secret(cli, c, &s, err));
    return s.show_secret ? print_secret(cli, c, &s, err) : FR_OK;
}

/* ---- forget ---- */

static enum fr_code check_forget(const struct selection *s, struct fr_err *err)
{
    bool one = s->key_id || s->slot.mef || s->slot.target;

    if (one == s->damaged)
        return FR_FAIL(
            err, FR_EUSAGE,
            one ? "either one, or --damaged"
                : "which one? give its KeID, --mef or --target; or --damaged");
    return FR_OK;
}

static enum fr_code forget_damaged(struct fr_cli *cli, struct fr_state *state,
                                   struct fr_err *err)
{
    json_auto_t *gone = NULL;
    size_t n = 0;

    FR_TRY(fr_state_forget_damaged(state, &n, err));
    gone = json_pack("{s:I}", "damaged", (json_int_t)n);
    if (cli->json)
        fr_cli_json(cli, gone);
    else
        fr_cli_say(cli, "%zu damaged file%s removed\n", n, n == 1 ? "" : "s");
    return FR_OK;
}

static enum fr_code forget_one(struct fr_cli *cli, struct fr_state *state,
                               const struct selection *s, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    json_auto_t *gone = NULL;

    FR_TRY(find(state, s, &c, err));
    FR_TRY(fr_state_forget(
        state,
        &(struct fr_slot_id){.mef = c->mef, .target = c->target, .suid = c->suid},
        err));
    gone = json_pack("{s:s}", "forgotten", c->key_id);
    if (cli->json)
        fr_cli_json(cli, gone);
    else
        fr_cli_say(cli,
                   "%s forgotten; the MEF still has it (fieldrootctl credential "
                   "revoke)\n",
                   c->key_id);
    return FR_OK;
}

static enum fr_code run_forget(struct fr_cli *cli, const struct fr_command *self,
                               struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    struct fr_state *state;
    struct selection s;

    FR_TRY(select_args(args, self->opts, &s, err));
    FR_TRY(check_forget(&s, err));
    FR_TRY(fr_dev_open(cli, &client, err));
    state = fr_client_device(client)->state;
    FR_TRY(fr_state_lock(state, err));
    return s.damaged ? forget_damaged(cli, state, err)
                     : forget_one(cli, state, &s, err);
}

const struct fr_command fr_dev_credential_commands[] = {
    {.name = "list", .help = "shows all, pending ones too", .run = run_list},
    {.name = "show",
     .words = "[KEYID] [--mef FQDN] [--target ID] [--suid N]",
     .help = "shows one, with the fingerprint of its key; default the newest",
     .run = run_show,
     .opts = select_opts},
    {.name = "export",
     .words = "[KEYID] [--mef FQDN] [--target ID] [--suid N] [--format hex|mosquitto] "
              "[--ua PROTOCOL] [--naf FQDN] [--out FILE] [--show-secret]",
     .help = "hands out the key that is shared with its target",
     .run = run_export,
     .opts = export_opts},
    {.name = "forget",
     .words = "KEYID | --mef FQDN | --target ID | --damaged",
     .help = "removes it from this device",
     .run = run_forget,
     .opts = forget_opts},
    {0}};
