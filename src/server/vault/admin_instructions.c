/* SPDX-License-Identifier: Apache-2.0 */
/* instructions.*: the documents that the discovery resource hands out. */
#include <string.h>

#include "base/str.h"
#include "model/instruction.h"
#include "model/json_text.h"
#include "server/vault/admin.h"

static enum fr_code take_name(const struct fr_call *c, const char **ret,
                              struct fr_err *err)
{
    char clean[4 * FR_STORE_NAME_MAX + 8];

    FR_TRY(fr_call_text(c, "name", ret, err));
    fr_printable(fr_slice_str(*ret), clean, sizeof clean);
    if (strlen(*ret) > FR_STORE_NAME_MAX || !fr_str_equal(*ret, clean))
        return FR_FAIL(err, FR_EUSAGE, "a name is 1 to %d octets of printable text",
                       FR_STORE_NAME_MAX);
    return FR_OK;
}

/* A document that devices would refuse is not kept. */
static enum fr_code check_document(const char *name, struct fr_slice text,
                                   struct fr_err *err)
{
    FR_AUTO(document) *document = NULL;

    return fr_document_parse(text, name, FR_USE_DISCOVERED, &document, NULL, err);
}

enum fr_code fr_admin_instructions_set(const struct fr_call *c, json_t **ret,
                                       struct fr_err *err)
{
    const json_t *document = json_object_get(c->in, "document");
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_MSG_MAX);
    struct fr_store_document d = {.updated = c->now};
    const char *name;

    FR_TRY(take_name(c, &name, err));
    if (!json_is_object(document))
        return FR_FAIL(err, FR_EUSAGE, "\"document\" must be an instruction document");
    FR_TRY(fr_json_put(document, &text, err));
    FR_TRY(check_document(name, fr_buf_view(&text), err));
    snprintf(d.name, sizeof d.name, "%s", name);
    d.body = fr_buf_view(&text);
    FR_TRY(FR_ASK(c->v, err, document_set, &d));
    return fr_call_result(json_pack("{s:s}", "name", name), ret, err);
}

static enum fr_code row(void *ctx, const struct fr_store_document *d,
                        struct fr_err *err)
{
    return fr_json_append(
        ctx,
        json_pack("{s:s, s:o}", "name", d->name, "updated", fr_json_time(d->updated)),
        err);
}

static enum fr_code assigned_row(void *ctx, const struct fr_store_assignment *a,
                                 struct fr_err *err)
{
    return fr_json_append(ctx, json_string(a->enrolee), err);
}

static enum fr_code assigned_to(const struct fr_call *c, const char *name, json_t **ret,
                                struct fr_err *err)
{
    json_auto_t *list = json_array();

    FR_TRY(
        FR_ASK(c->v, err, document_assignments, name,
               ((struct fr_store_assignment_rows){.row = assigned_row, .ctx = list})));
    return fr_call_result(json_incref(list), ret, err);
}

static enum fr_code load(const struct fr_call *c, const char *name, json_t **ret,
                         struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_DOCUMENT_MAX);
    json_t *document;

    FR_TRY(FR_ASK(c->v, err, document_find, name, &body));
    document = json_loadb((const char *)body.data, body.len, 0, NULL);
    if (!document)
        return FR_FAIL(err, FR_ESTORE, "the instructions \"%s\" are damaged", name);
    *ret = document;
    return FR_OK;
}

static enum fr_code complete(const struct fr_call *c, json_t *item, struct fr_err *err)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    json_auto_t *document = NULL;
    json_t *assigned;
    size_t n;

    FR_TRY(load(c, name, &document, err));
    FR_TRY(assigned_to(c, name, &assigned, err));
    n = json_array_size(json_object_get(document, "instructions"));
    if (json_object_set_new(item, "assigned", assigned) != 0 ||
        json_object_set_new(item, "entries", json_integer((json_int_t)n)) != 0)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return FR_OK;
}

enum fr_code fr_admin_instructions_list(const struct fr_call *c, json_t **ret,
                                        struct fr_err *err)
{
    json_auto_t *list = json_array();
    struct fr_store_page page;
    json_t *item;
    size_t i;

    FR_TRY(fr_call_page(c, &page, err));
    FR_TRY(FR_ASK(c->v, err, document_list, &page,
                  ((struct fr_store_document_rows){.row = row, .ctx = list})));
    json_array_foreach (list, i, item)
        FR_TRY(complete(c, item, err));
    return fr_call_result(json_incref(list), ret, err);
}

enum fr_code fr_admin_instructions_show(const struct fr_call *c, json_t **ret,
                                        struct fr_err *err)
{
    json_auto_t *document = NULL, *assigned = NULL;
    const char *name;

    FR_TRY(fr_call_text(c, "name", &name, err));
    FR_TRY(load(c, name, &document, err));
    FR_TRY(assigned_to(c, name, &assigned, err));
    return fr_call_result(json_pack("{s:s, s:O, s:O}", "name", name, "assigned",
                                    assigned, "document", document),
                          ret, err);
}

enum fr_code fr_admin_instructions_remove(const struct fr_call *c, json_t **ret,
                                          struct fr_err *err)
{
    const char *name;

    FR_TRY(fr_call_text(c, "name", &name, err));
    FR_TRY(FR_ASK(c->v, err, document_remove, name));
    return fr_call_result(json_pack("{s:s}", "name", name), ret, err);
}

enum fr_code fr_admin_instructions_assign(const struct fr_call *c, json_t **ret,
                                          struct fr_err *err)
{
    struct fr_store_enrolee e;
    const char *name, *enrolee;

    FR_TRY(fr_call_text(c, "name", &name, err));
    FR_TRY(fr_call_text(c, "enrolee", &enrolee, err));
    if (strcmp(enrolee, "*") != 0)
        FR_TRY(FR_ASK(c->v, err, enrolee_find, enrolee, &e));
    FR_TRY(FR_ASK(c->v, err, document_assign, name, enrolee));
    return fr_call_result(json_pack("{s:s, s:s}", "name", name, "enrolee", enrolee),
                          ret, err);
}
