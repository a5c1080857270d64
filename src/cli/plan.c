/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fieldroot plan`: what provision would try. A discovery that needs only files is
 * asked, so that its entries are shown; nothing is connected to.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/timetext.h"
#include "cli/dev.h"
#include "cli/plan.h"
#include "cli/table.h"
#include "engine/engine.h"

/* ---- discovery by files ---- */

/* One file asked for and given; a method that wants a connection ends here. */
static enum fr_code feed(struct fr_discovery *run, struct fr_acts *acts, bool *ret_done,
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    struct fr_ev ev = {.kind = FR_EV_FILE};
    const char *path = NULL;

    *ret_done = false;
    for (size_t i = 0; i < acts->n; i++) {
        if (acts->list[i].kind == FR_ACT_CONNECT)
            return FR_FAIL(err, FR_EUNSUPPORTED, "asked when it is its turn");
        if (acts->list[i].kind == FR_ACT_READ_FILE)
            path = acts->list[i].path;
        *ret_done = *ret_done || acts->list[i].kind == FR_ACT_DONE;
    }
    if (*ret_done)
        return FR_OK;
    if (!path)
        return FR_FAIL(err, FR_EINTERNAL, "a discovery that wants nothing");
    FR_TRY(fr_file_read_regular(path, &text, err));
    ev.bytes = fr_buf_view(&text);
    acts->n = 0;
    return run->method->step(run, &ev, acts, err);
}

static enum fr_code walk(struct fr_discovery *run, struct fr_document **ret,
                         struct fr_err *err)
{
    const struct fr_ev start = {.kind = FR_EV_START};
    struct fr_acts acts = {0};
    bool done = false;

    FR_TRY(run->method->step(run, &start, &acts, err));
    for (int files = 0; files < 4 && !done; files++)
        FR_TRY(feed(run, &acts, &done, err));
    if (!done)
        return FR_FAIL(err, FR_EINTERNAL, "a discovery without end");
    return run->method->finish(run, ret, err);
}

/* FR_EUNSUPPORTED: not without a connection. */
static enum fr_code discover(const struct fr_device *device,
                             const struct fr_instruction *in, struct fr_document **ret,
                             struct fr_err *err)
{
    const struct fr_run_context ctx = {.env = device->env,
                                       .confirmation = device->config->confirmation,
                                       .mef_base = device->config->mef_base};
    const struct fr_discovery_method *method =
        fr_discovery_find(device->discoveries, in->method);
    struct fr_discovery *run = NULL;
    enum fr_code rc;

    if (!method)
        return FR_FAIL(err, FR_EUNSUPPORTED, "no discovery %s here", in->method);
    FR_TRY(method->open(&ctx, in, &run, err));
    rc = walk(run, ret, err);
    method->close(run);
    return rc;
}

/* ---- the plan as JSON ---- */

static json_t *entry_json(const struct fr_device *device,
                          const struct fr_instruction *in, const char *position)
{
    char text[256] = "";
    bool supported = fr_device_could(device, in, text, sizeof text);
    json_t *e = json_pack("{s:s,s:s,s:s,s:I,s:b}", "position", position, "kind",
                          in->kind == FR_BOOTSTRAP ? "bootstrap" : "discovery",
                          "method", in->method, "budgetMs", (json_int_t)in->budget_ms,
                          "supported", supported);

    if (in->kind == FR_BOOTSTRAP) {
        json_object_set_new(e, "mef", json_string(in->mef));
        json_object_set_new(e, "port", json_integer(in->port));
        json_object_set_new(e, "suid", json_integer(in->suid));
        if (in->target)
            json_object_set_new(e, "target", json_string(in->target));
    } else {
        json_object_set_new(e, "resource", json_string(in->resource));
    }
    if (!supported)
        json_object_set_new(e, "note", json_string(text));
    return e;
}

static void add_discovered(const struct fr_device *device,
                           const struct fr_instruction *in, const char *position,
                           json_t *entry, json_t *entries)
{
    FR_AUTO(document) *doc = NULL;
    struct fr_err err = {0};
    char inner[FR_POSITION_MAX + 8];
    enum fr_code rc = discover(device, in, &doc, &err);

    if (rc != FR_OK) {
        json_object_set_new(entry, "note", json_string(err.msg));
        return;
    }
    for (size_t i = 0; i < doc->n; i++) {
        snprintf(inner, sizeof inner, "%.4s.%u", position, (unsigned)i + 1);
        json_array_append_new(entries, entry_json(device, &doc->list[i], inner));
    }
}

static void add_entry(const struct fr_device *device, const struct fr_instruction *in,
                      size_t index, json_t *entries)
{
    char position[FR_POSITION_MAX + 1];
    json_t *entry;

    snprintf(position, sizeof position, "%u", (unsigned)(index + 1) % 1000);
    entry = entry_json(device, in, position);
    json_array_append_new(entries, entry);
    if (in->kind == FR_DISCOVERY && json_is_true(json_object_get(entry, "supported")))
        add_discovered(device, in, position, entry, entries);
}

static enum fr_code add_current(const struct fr_device *device,
                                const struct fr_document *doc, json_t *plan,
                                struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;
    json_t *current;

    if (doc->n == 0 || doc->list[0].kind != FR_BOOTSTRAP ||
        fr_device_current(device, &doc->list[0], &c, NULL) != FR_OK)
        return FR_OK;
    FR_TRY(fr_dev_credential_json(c, fr_device_now(device), &current, err));
    json_object_set_new(plan, "current", current);
    return FR_OK;
}

enum fr_code fr_plan_json(const struct fr_device *device, const struct fr_document *doc,
                          bool renew, json_t **ret, struct fr_err *err)
{
    json_auto_t *plan = json_object(), *entries = json_array();

    for (size_t i = 0; i < doc->n; i++)
        add_entry(device, &doc->list[i], i, entries);
    json_object_set(plan, "entries", entries);
    json_object_set_new(plan, "worstCaseMs",
                        json_integer(fr_engine_worst_case(doc, 0)));
    if (!renew)
        FR_TRY(add_current(device, doc, plan, err));
    *ret = json_incref(plan);
    return FR_OK;
}

/* ---- for a person ---- */

static const char *text_of(const json_t *object, const char *member,
                           const char *otherwise)
{
    const char *s = json_string_value(json_object_get(object, member));

    return s ? s : otherwise;
}

static const char *where_of(const json_t *e, char *to, size_t size)
{
    const char *mef = text_of(e, "mef", NULL);

    if (!mef)
        return text_of(e, "resource", "");
    snprintf(to, size, "%s:%lld", mef,
             (long long)json_integer_value(json_object_get(e, "port")));
    return to;
}

static enum fr_code add_row(struct fr_table *t, const json_t *e, struct fr_err *err)
{
    bool is_bootstrap = strcmp(text_of(e, "kind", ""), "bootstrap") == 0;
    char where[FR_ID_MAX + 8], budget[32];
    const char *cells[] = {
        text_of(e, "position", ""),
        text_of(e, "kind", ""),
        text_of(e, "method", ""),
        where_of(e, where, sizeof where),
        text_of(e, "target", is_bootstrap ? "(the operator's)" : ""),
        fr_duration_format(json_integer_value(json_object_get(e, "budgetMs")), budget,
                           sizeof budget),
        json_is_true(json_object_get(e, "supported")) ? "yes" : "no",
        text_of(e, "note", "")};

    return fr_table_row(t, cells, err);
}

enum fr_code fr_plan_print(struct fr_cli *cli, const json_t *plan, struct fr_err *err)
{
    static const char *const headings[] = {"POS",    "KIND", "METHOD",    "WHERE",
                                           "TARGET", "TIME", "SUPPORTED", "NOTE"};
    const json_t *current = json_object_get(plan, "current"), *e;
    FR_AUTO(table) *t = NULL;
    char worst[32];
    size_t i;

    FR_TRY(fr_table_new(headings, sizeof headings / sizeof headings[0], &t, err));
    json_array_foreach (json_object_get(plan, "entries"), i, e)
        FR_TRY(add_row(t, e, err));
    fr_table_print(t, cli->out, cli->width);
    fr_cli_say(
        cli, "\nat the worst %s\n",
        fr_duration_format(json_integer_value(json_object_get(plan, "worstCaseMs")),
                           worst, sizeof worst));
    if (current)
        fr_cli_say(cli,
                   "nothing to do: %s is valid until %s (--renew makes a new one)\n",
                   text_of(current, "keyId", "?"), text_of(current, "expires", "?"));
    return FR_OK;
}

enum fr_code fr_dev_plan(struct fr_cli *cli, const struct fr_command *self,
                         struct fr_args *args, struct fr_err *err)
{
    FR_AUTO(client) *client = NULL;
    struct fr_provision_args a = {0};
    json_auto_t *plan = NULL;
    enum fr_code rc;

    (void)self;
    FR_TRY(fr_provision_args_parse(args, fr_document_read, NULL, &a, err));
    fr_provision_args_warn(cli, &a);
    rc = fr_dev_open(cli, &client, err);
    if (rc == FR_OK)
        rc = fr_plan_json(fr_client_device(client), a.doc, a.renew, &plan, err);
    fr_provision_args_clear(&a);
    FR_TRY(rc);
    if (!cli->json)
        return fr_plan_print(cli, plan, err);
    fr_cli_json(cli, plan);
    return FR_OK;
}
