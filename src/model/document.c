/* SPDX-License-Identifier: Apache-2.0 */
#include "model/instruction.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum fr_code fr_document_new(struct fr_document **ret, struct fr_err *err)
{
    struct fr_document *doc = calloc(1, sizeof *doc);
    /* All at once: entries never move. */
    struct fr_instruction *list = calloc(FR_INSTRUCTIONS_MAX, sizeof *list);

    if (!doc || !list) {
        free(doc);
        free(list);
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    }
    doc->list = list;
    *ret = doc;
    return FR_OK;
}

static void instruction_clear(struct fr_instruction *in)
{
    free(in->method);
    free(in->mef);
    free(in->target);
    free(in->admin_fqdn);
    free(in->resource);
    free(in->credential);
    for (size_t i = 0; i < in->n_anchors; i++)
        fr_buf_clear(&in->anchors[i].der);
    free(in->anchors);
    free(in->comment);
}

void fr_document_free(struct fr_document *doc)
{
    if (!doc)
        return;
    for (size_t i = 0; i < doc->n; i++)
        instruction_clear(&doc->list[i]);
    for (size_t i = 0; i < doc->n_devices; i++)
        free(doc->devices[i]);
    free(doc->devices);
    free(doc->list);
    free(doc->name);
    free(doc);
}

static enum fr_code check_room(const struct fr_document *doc, size_t n,
                               struct fr_err *err)
{
    if (n <= FR_INSTRUCTIONS_MAX - doc->n)
        return FR_OK;
    return FR_FAIL_AS(err, FR_EPARSE, "document-too-many",
                      "%zu instructions where at most %d are allowed", doc->n + n,
                      FR_INSTRUCTIONS_MAX);
}

enum fr_code fr_document_add(struct fr_document *doc, enum fr_instruction_kind kind,
                             struct fr_instruction **ret, struct fr_err *err)
{
    struct fr_instruction *in;

    FR_TRY(check_room(doc, 1, err));
    in = &doc->list[doc->n++];
    *in = (struct fr_instruction){.kind = kind, .budget_ms = FR_BUDGET_DEFAULT};
    if (kind == FR_BOOTSTRAP) {
        in->port = FR_PORT_HTTP;
        in->binding = FR_BINDING_HTTP;
        in->suid = FR_SUID_DEFAULT;
        in->expiry_s = FR_EXPIRY_DEFAULT;
    }
    *ret = in;
    return FR_OK;
}

enum fr_code fr_document_splice(struct fr_document *doc, struct fr_document *from,
                                struct fr_err *err)
{
    FR_TRY(check_room(doc, from->n, err));
    memcpy(&doc->list[doc->n], from->list, from->n * sizeof *from->list);
    doc->n += from->n;
    from->n = 0;
    return FR_OK;
}

bool fr_suid_is_defined(int suid)
{
    return (suid >= 10 && suid <= 15) || (suid >= 21 && suid <= 25) ||
           (suid >= 32 && suid <= 35) || (suid >= 40 && suid <= 45);
}

bool fr_target_is_valid(struct fr_slice s)
{
    return fr_fqdn_is_valid(s) || fr_absolute_id_is_valid(s);
}
