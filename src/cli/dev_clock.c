/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldroot clock`: what time this device goes by, and the operator's word on it.
 */
#include <string.h>

#include "agent/clock.h"
#include "base/timetext.h"
#include "cli/dev.h"
#include "cli/view.h"

enum { OPT_SET = 1 };

const struct fr_opt fr_dev_clock_opts[] = {
    {"set", "TIME|now", "the last time known becomes TIME (2026-11-24T12:00:00Z)",
     OPT_SET},
    {0}};

static struct fr_clock read_clock(const struct fr_cli *cli,
                                  const struct fr_client *client)
{
    return fr_clock_read(fr_client_device(client)->state, cli->env);
}

int64_t fr_dev_now(const struct fr_cli *cli, const struct fr_client *client)
{
    struct fr_clock clock = read_clock(cli, client);

    return fr_clock_now(&clock);
}

const char *fr_dev_clock_word(const struct fr_cli *cli)
{
    return fr_wall_is_synchronised(cli->env) ? "synchronised" : "unsynchronised";
}

static const char *last_known_text(const struct fr_clock *c, char to[FR_TIME_TEXT])
{
    if (c->damaged)
        return "damaged";
    return c->last_known ? fr_rfc3339_format(c->last_known, to) : "none";
}

static const char *judge_of(const struct fr_clock *c)
{
    if (c->synchronised)
        return "the system's clock";
    return "the last time known, or the beginning of this device's certificate if that "
           "is later";
}

static enum fr_code show(struct fr_cli *cli, const struct fr_client *client,
                         struct fr_err *err)
{
    struct fr_clock c = read_clock(cli, client);
    char system[FR_TIME_TEXT], known[FR_TIME_TEXT], now[FR_TIME_TEXT];
    json_auto_t *all = json_pack(
        "{s:s,s:s,s:s,s:s,s:s}", "system", fr_rfc3339_format(c.system, system),
        "kernel", fr_dev_clock_word(cli), "lastKnown", last_known_text(&c, known),
        "now", fr_rfc3339_format(fr_clock_now(&c), now), "peersJudgedBy", judge_of(&c));

    return fr_view_object(cli, all, err);
}

static enum fr_code set(struct fr_cli *cli, const struct fr_client *client,
                        const char *text, struct fr_err *err)
{
    struct fr_state *state = fr_client_device(client)->state;
    struct fr_clock before = read_clock(cli, client);
    int64_t to = before.system;
    char was[FR_TIME_TEXT], is[FR_TIME_TEXT];
    json_auto_t *said = NULL;

    if (strcmp(text, "now") != 0 && !fr_rfc3339_parse(fr_slice_str(text), &to))
        return FR_FAIL(err, FR_EUSAGE,
                       "--set \"%s\": a time like 2026-11-24T12:00:00Z, or now", text);
    FR_TRY(fr_state_lock(state, err));
    FR_TRY(fr_clock_set(state, to, err));
    said = json_pack("{s:s,s:s}", "was", last_known_text(&before, was), "lastKnown",
                     fr_rfc3339_format(to, is));
    if (cli->json)
        fr_cli_json(cli, said);
    else
        fr_cli_say(cli,
                   "the last time that this device knows of was %s and is now %s: "
                   "while its clock is not synchronised, it refuses certificates that "
                   "ended before\n",
                   last_known_text(&before, was), is);
    return FR_OK;
}

enum fr_code fr_dev_clock(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    const char *to = NULL;
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(args, self->opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        if (arg.kind == FR_ARG_WORD)
            return FR_FAIL(err, FR_EUSAGE, "unexpected argument \"%s\"", arg.value);
        to = arg.value;
    }
    FR_TRY(fr_dev_open(cli, &client, err));
    return to ? set(cli, client, to, err) : show(cli, client, err);
}
