/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/table.h"

struct fr_progress {
    struct fr_cli *cli;
    bool live, line_open; /* one line that the next event overwrites */
    bool waits_for_target;
    json_t *attempts;
    json_t *outcome;
};

enum fr_code fr_progress_new(struct fr_cli *cli, bool live, struct fr_progress **ret,
                             struct fr_err *err)
{
    FR_AUTO(progress) *p = fr_zalloc(sizeof *p);

    if (!p || !(p->attempts = json_array()))
        return FR_FAIL(err, FR_ENOMEM, "no memory to show progress");
    p->cli = cli;
    p->live = live && !cli->json;
    *ret = FR_TAKE(p);
    return FR_OK;
}

void fr_progress_free(struct fr_progress *p)
{
    if (!p)
        return;
    json_decref(p->attempts);
    json_decref(p->outcome);
    free(p);
}

void fr_progress_expect_target(struct fr_progress *p)
{
    p->waits_for_target = true;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *s = json_string_value(json_object_get(object, member));

    return s ? s : "";
}

/* ---- as it goes on ---- */

static void end_line(struct fr_progress *p)
{
    if (p->line_open)
        fputs("\r\033[K", p->cli->err);
    p->line_open = false;
}

/* Cut to the terminal, so that it can be overwritten. */
static void show_line(struct fr_progress *p, const char *line)
{
    char clean[600];
    size_t width = p->cli->width > 0 ? (size_t)p->cli->width : 80;

    if (!p->live)
        return;
    end_line(p);
    fr_printable(fr_slice_str(line), clean,
                 width < sizeof clean ? width : sizeof clean);
    fputs(clean, p->cli->err);
    fflush(p->cli->err);
    p->line_open = true;
}

static void show_phase(struct fr_progress *p, const json_t *event)
{
    const char *phase = text_of(event, "phase");
    char line[128];

    if (p->waits_for_target && strcmp(phase, "done") == 0)
        phase = "done, waiting for the target";
    snprintf(line, sizeof line, "%s: %s ...", text_of(event, "position"), phase);
    show_line(p, line);
}

static const char *peer_of(const json_t *record)
{
    const char *mef = text_of(record, "mef");

    return mef[0] ? mef : text_of(record, "resource");
}

static void show_attempt(struct fr_progress *p, const json_t *record)
{
    char line[512];

    snprintf(line, sizeof line, "%s: %s %s: %s (%s)", text_of(record, "position"),
             text_of(record, "method"), peer_of(record), text_of(record, "class"),
             text_of(record, "reason"));
    show_line(p, line);
}

void fr_progress_event(struct fr_progress *p, struct fr_slice json)
{
    json_auto_t *event =
        json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    const char *kind = text_of(event, "event");

    if (!kind[0])
        return;
    if (p->cli->json)
        fr_cli_json(p->cli, event);
    if (strcmp(kind, "phase") == 0) {
        show_phase(p, event);
    } else if (strcmp(kind, "attempt") == 0) {
        json_array_append(p->attempts, event);
        show_attempt(p, event);
    } else if (strcmp(kind, "warning") == 0) {
        end_line(p);
        if (!p->cli->json)
            fr_cli_warn(p->cli, "%s", text_of(event, "text"));
    } else if (strcmp(kind, "outcome") == 0) {
        end_line(p);
        json_decref(p->outcome);
        p->outcome = json_incref(event);
    }
}

const json_t *fr_progress_outcome(const struct fr_progress *p)
{
    return p->outcome;
}

/* ---- at the end ---- */

static const char *format_ms(long long ms, char to[32])
{
    if (ms < 1000)
        snprintf(to, 32, "%lld ms", ms);
    else
        snprintf(to, 32, "%lld.%lld s", ms / 1000, ms % 1000 / 100);
    return to;
}

static long long number_of(const json_t *record, const char *member)
{
    return (long long)json_integer_value(json_object_get(record, member));
}

static enum fr_code add_row(struct fr_table *t, const json_t *record, bool with_start,
                            struct fr_err *err)
{
    char time[32], octets[48];
    const char *cells[] = {text_of(record, "start"),
                           text_of(record, "position"),
                           text_of(record, "method"),
                           peer_of(record),
                           text_of(record, "target"),
                           text_of(record, "phase"),
                           text_of(record, "class"),
                           text_of(record, "reason"),
                           time,
                           octets};

    format_ms(number_of(record, "durationMs"), time);
    snprintf(octets, sizeof octets, "%lld/%lld", number_of(record, "octetsOut"),
             number_of(record, "octetsIn"));
    return fr_table_row(t, with_start ? cells : cells + 1, err);
}

enum fr_code fr_attempts_table(struct fr_cli *cli, const json_t *records,
                               bool with_start, struct fr_err *err)
{
    static const char *const headings[] = {"START",  "POS",   "METHOD", "MEF",
                                           "TARGET", "PHASE", "CLASS",  "REASON",
                                           "TIME",   "OUT/IN"};
    size_t skip = with_start ? 0 : 1, i;
    FR_AUTO(table) *t = NULL;
    const json_t *record;

    FR_TRY(fr_table_new(headings + skip, sizeof headings / sizeof headings[0] - skip,
                        &t, err));
    json_array_foreach ((json_t *)records, i, record)
        FR_TRY(add_row(t, record, with_start, err));
    fr_table_print(t, cli->out, cli->width);
    return FR_OK;
}

/* Each failure's words; after a success the table is enough. */
static void say_why(struct fr_progress *p)
{
    const json_t *record;
    size_t i;

    fr_cli_say(p->cli, "\n");
    if (strcmp(text_of(p->outcome, "outcome"), "provisioned") == 0)
        return;
    json_array_foreach (p->attempts, i, record)
        if (strcmp(text_of(record, "class"), "provisioned") != 0)
            fr_cli_say(p->cli, "%s %s: %s\n", text_of(record, "position"),
                       peer_of(record), text_of(record, "text"));
}

static void say_outcome(struct fr_progress *p)
{
    const char *word = text_of(p->outcome, "outcome");
    const char *text = text_of(p->outcome, "text");
    bool is_said = json_array_size(p->attempts) > 0 && strcmp(word, "provisioned") != 0;

    if (!word[0])
        fr_cli_say(p->cli, "no outcome\n");
    else if (is_said || !text[0])
        fr_cli_say(p->cli, "%s\n", word);
    else
        fr_cli_say(p->cli, "%s: %s\n", word, text);
}

void fr_progress_finish(struct fr_progress *p)
{
    struct fr_err err = {0};

    end_line(p);
    if (p->cli->json)
        return;
    if (json_array_size(p->attempts) > 0) {
        if (fr_attempts_table(p->cli, p->attempts, false, &err) != FR_OK)
            fr_cli_error(p->cli, &err);
        say_why(p);
    }
    say_outcome(p);
}
