/* SPDX-License-Identifier: Apache-2.0 */
/* The discovery resource, and notes of what never became a request. */
#include "model/instruction.h"
#include "server/vault/internal.h"

enum fr_code fr_vault_discover(struct fr_request *q, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(FR_DOCUMENT_MAX);
    const struct fr_said said = {.actor = q->who.name,
                                 .action = "discover",
                                 .subject = q->who.listing.name,
                                 .decision = "allowed",
                                 .reason = "instructions-given"};
    enum fr_code rc;

    FR_TRY(fr_who_listed(q->v, &q->who, err));
    rc = FR_ASK(q->v, err, document_for, q->who.listing.name, &body);
    if (rc == FR_ENOTFOUND)
        return FR_FAIL_AS(err, rc, "no-instructions",
                          "no instructions are assigned to \"%s\"",
                          q->who.listing.name);
    FR_TRY(rc);
    fr_reply_put(q->reply, FR_F_JSON, fr_buf_view(&body));
    return fr_vault_audit_rated(q->v, &q->v->rates.refusals, &said,
                                "instructions handed out", err);
}

enum fr_code fr_vault_note(struct fr_request *q, struct fr_err *err)
{
    char reason[FR_ERR_REASON_MAX], text[FR_ERR_MSG_MAX];
    const struct fr_said said = {.actor = q->who.name,
                                 .action = "connect",
                                 .subject = q->who.address,
                                 .decision = "refused",
                                 .reason = reason};

    fr_msg_text(q->m, FR_F_REASON, reason, sizeof reason);
    fr_msg_text(q->m, FR_F_TEXT, text, sizeof text);
    return fr_vault_audit_rated(q->v, &q->v->rates.notes, &said, text, err);
}
