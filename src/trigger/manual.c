/* SPDX-License-Identifier: Apache-2.0 */
#include "trigger/manual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define METHOD_MAX 32

struct fr_manual {
    struct fr_document *doc;
    bool named[FR_INSTRUCTIONS_MAX]; /* entries by mef or bootstrap: may get a target */
    bool any_named;
    size_t last; /* the latest of them */
    char *default_target;
};

enum fr_code fr_manual_new(struct fr_manual **ret, struct fr_err *err)
{
    FR_AUTO(manual) *m = calloc(1, sizeof *m);

    if (!m)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a trigger");
    FR_TRY(fr_document_new(&m->doc, err));
    *ret = FR_TAKE(m);
    return FR_OK;
}

void fr_manual_free(struct fr_manual *m)
{
    if (!m)
        return;
    fr_document_free(m->doc);
    free(m->default_target);
    free(m);
}

static enum fr_code replace(char **to, const char *text, struct fr_err *err)
{
    char *copy;

    FR_TRY(fr_str_dup(text, &copy, err));
    free(*to);
    *to = copy;
    return FR_OK;
}

static enum fr_code check_target(const char *id, struct fr_err *err)
{
    if (fr_target_is_valid(fr_slice_str(id)))
        return FR_OK;
    return FR_FAIL(err, FR_EUSAGE,
                   "\"%s\" is no target: an FQDN, or an absolute id as "
                   "//sp.example/cse",
                   id);
}

static bool method_is_valid(const char *method)
{
    size_t len = strspn(method, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 0 && len <= METHOD_MAX && method[len] == 0;
}

enum fr_code fr_manual_add(struct fr_manual *m, const struct fr_manual_entry *entry,
                           struct fr_err *err)
{
    struct fr_instruction *in;

    if (!method_is_valid(entry->method))
        return FR_FAIL(err, FR_EUSAGE, "\"%s\" is no method's name", entry->method);
    if (!fr_fqdn_is_valid(fr_slice_str(entry->fqdn)))
        return FR_FAIL(err, FR_EUSAGE, "\"%s\" is no FQDN", entry->fqdn);
    if (entry->target)
        FR_TRY(check_target(entry->target, err));

    FR_TRY(fr_document_add(m->doc, FR_BOOTSTRAP, &in, err));
    m->last = m->doc->n - 1;
    m->named[m->last] = m->any_named = true;
    FR_TRY(replace(&in->method, entry->method, err));
    FR_TRY(replace(&in->mef, entry->fqdn, err));
    fr_ascii_fold(in->mef);
    if (entry->port != 0)
        in->port = entry->port;
    return entry->target ? replace(&in->target, entry->target, err) : FR_OK;
}

static enum fr_code add_host_port(struct fr_manual *m, const char *method,
                                  const char *host_port, struct fr_err *err)
{
    char host[FR_ID_MAX + 1];
    struct fr_manual_entry entry = {.method = method, .fqdn = host};

    if (!fr_host_port_parse(host_port, host, &entry.port))
        return FR_FAIL(err, FR_EUSAGE, "\"%s\" is not of the form FQDN[:PORT]",
                       host_port);
    return fr_manual_add(m, &entry, err);
}

enum fr_code fr_manual_mef(struct fr_manual *m, const char *host_port,
                           struct fr_err *err)
{
    return add_host_port(m, "certificate", host_port, err);
}

enum fr_code fr_manual_bootstrap(struct fr_manual *m, const char *text,
                                 struct fr_err *err)
{
    const char *colon = strchr(text, ':');
    char method[METHOD_MAX + 1];

    if (!colon || colon == text || colon - text > METHOD_MAX)
        return FR_FAIL(err, FR_EUSAGE, "\"%s\" is not of the form METHOD:FQDN[:PORT]",
                       text);
    (void)snprintf(method, sizeof method, "%.*s", (int)(colon - text), text);
    return add_host_port(m, method, colon + 1, err);
}

enum fr_code fr_manual_target(struct fr_manual *m, const char *id, struct fr_err *err)
{
    FR_TRY(check_target(id, err));
    if (!m->any_named)
        return replace(&m->default_target, id, err);
    return replace(&m->doc->list[m->last].target, id, err);
}

static const char *discovery_of(const char *uri)
{
    if (strncmp(uri, "https://", 8) == 0)
        return "https";
    return strncmp(uri, "file:///", 8) == 0 ? "file" : NULL;
}

enum fr_code fr_manual_discover(struct fr_manual *m, const char *uri,
                                struct fr_err *err)
{
    const char *method = discovery_of(uri);
    struct fr_instruction *in;

    if (!method)
        return FR_FAIL(err, FR_EUSAGE,
                       "\"%s\" is no discovery resource: https://HOST[:PORT]/PATH or "
                       "file:///PATH",
                       uri);
    FR_TRY(fr_document_add(m->doc, FR_DISCOVERY, &in, err));
    FR_TRY(replace(&in->method, method, err));
    return replace(&in->resource, uri, err);
}

enum fr_code fr_manual_document(struct fr_manual *m, struct fr_slice text,
                                const char *name, struct fr_err *err)
{
    FR_AUTO(document) *doc = NULL;

    FR_TRY(fr_document_parse(text, name, FR_USE_TRIGGER, &doc, NULL, err));
    return fr_document_splice(m->doc, doc, err);
}

static enum fr_code apply_default(struct fr_manual *m, struct fr_err *err)
{
    for (size_t i = 0; m->default_target && i < m->doc->n; i++)
        if (m->named[i] && !m->doc->list[i].target)
            FR_TRY(replace(&m->doc->list[i].target, m->default_target, err));
    return FR_OK;
}

enum fr_code fr_manual_take(struct fr_manual *m, struct fr_document **ret,
                            struct fr_err *err)
{
    struct fr_document *fresh;

    if (m->doc->n == 0)
        return FR_FAIL(err, FR_EUSAGE,
                       "nothing to try: name a MEF, a bootstrap, a "
                       "discovery or a document");
    FR_TRY(apply_default(m, err));
    FR_TRY(fr_document_new(&fresh, err));
    *ret = m->doc;
    m->doc = fresh;
    memset(m->named, 0, sizeof m->named);
    m->any_named = false;
    return FR_OK;
}
