/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "base/str.h"
#include "base/timetext.h"
#include "model/instruction.h"
#include "model/json_text.h"

/* A writer that fails sticky, like fr_buf: jansson refuses what is no UTF-8. */
struct writer {
    json_t *object;
    bool failed;
};

static void put(struct writer *w, const char *name, json_t *value)
{
    if (json_object_set_new(w->object, name, value) != 0)
        w->failed = true;
}

static void put_text(struct writer *w, const char *name, const char *text)
{
    if (text)
        put(w, name, json_string(text));
}

static void put_number(struct writer *w, const char *name, int64_t value,
                       int64_t left_out)
{
    if (value != left_out)
        put(w, name, json_integer(value));
}

static void put_duration(struct writer *w, const char *name, int64_t ms,
                         int64_t left_out)
{
    char text[32];

    if (ms != left_out)
        put(w, name, json_string(fr_duration_format(ms, text, sizeof text)));
}

static void put_time(struct writer *w, const char *name, int64_t t)
{
    char text[FR_TIME_TEXT];

    if (t != 0)
        put(w, name, json_string(fr_rfc3339_format(t, text)));
}

static json_t *anchor_to_json(const struct fr_trust_anchor *anchor)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);

    if (anchor->is_x509) {
        fr_base64_encode(fr_buf_view(&anchor->der), false, &text);
    } else {
        fr_buf_str(&text, "ni:///sha-256;");
        fr_base64_encode(fr_slice_of(anchor->sha256, FR_SHA256_LEN), true, &text);
    }
    if (text.failed != FR_OK)
        return NULL;
    return anchor->is_x509 ? json_pack("{s:s}", "x509", fr_buf_cstr(&text))
                           : json_string(fr_buf_cstr(&text));
}

static void put_anchors(struct writer *w, const struct fr_instruction *in)
{
    json_t *list;

    if (in->n_anchors == 0)
        return;
    list = json_array();
    for (size_t i = 0; i < in->n_anchors; i++)
        if (json_array_append_new(list, anchor_to_json(&in->anchors[i])) != 0)
            w->failed = true;
    put(w, "trustAnchors", list);
}

static void put_bootstrap(struct writer *w, const struct fr_instruction *in)
{
    bool coap = in->binding == FR_BINDING_COAP;

    put_text(w, "bootstrap", in->method);
    put_text(w, "mef", in->mef);
    put_text(w, "binding", coap ? "coap" : NULL);
    put_number(w, "port", in->port, coap ? FR_PORT_COAP : FR_PORT_HTTP);
    put_text(w, "target", in->target);
    put_number(w, "suid", in->suid, FR_SUID_DEFAULT);
    put_text(w, "adminFQDN", in->admin_fqdn);
    put_duration(w, "expiry", in->expiry_s * 1000, FR_EXPIRY_DEFAULT * INT64_C(1000));
}

static json_t *entry_to_json(const struct fr_instruction *in)
{
    json_auto_t *object = json_object();
    struct writer w = {.object = object};

    if (in->kind == FR_BOOTSTRAP) {
        put_bootstrap(&w, in);
    } else {
        put_text(&w, "discovery", in->method);
        put_text(&w, "resource", in->resource);
    }
    put_text(&w, "credential", in->credential);
    put_anchors(&w, in);
    put_duration(&w, "budget", in->budget_ms, FR_BUDGET_DEFAULT);
    put_text(&w, "comment", in->comment);
    return w.failed ? NULL : json_incref(object);
}

static void put_devices(struct writer *w, const struct fr_document *doc)
{
    json_t *list;

    if (doc->n_devices == 0)
        return;
    list = json_array();
    for (size_t i = 0; i < doc->n_devices; i++)
        if (json_array_append_new(list, json_string(doc->devices[i])) != 0)
            w->failed = true;
    put(w, "devices", list);
}

static json_t *document_to_json(const struct fr_document *doc)
{
    json_auto_t *object = json_object();
    struct writer w = {.object = object};
    json_t *list = json_array();

    put_number(&w, "version", 1, 0);
    put_text(&w, "name", doc->name);
    if (doc->has_serial)
        put(&w, "serial", json_integer((json_int_t)doc->serial));
    put_time(&w, "issued", doc->issued);
    put_time(&w, "notAfter", doc->not_after);
    put_devices(&w, doc);
    for (size_t i = 0; i < doc->n; i++)
        if (json_array_append_new(list, entry_to_json(&doc->list[i])) != 0)
            w.failed = true;
    put(&w, "instructions", list);
    return w.failed ? NULL : json_incref(object);
}

enum fr_code fr_document_encode(const struct fr_document *doc, struct fr_buf *to,
                                struct fr_err *err)
{
    json_auto_t *object = document_to_json(doc);

    if (!object)
        return FR_FAIL(err, FR_EINTERNAL,
                       "the instruction document cannot be written: out of memory, or "
                       "text that is no UTF-8");
    return fr_json_put(object, to, err);
}
