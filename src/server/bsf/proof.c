/* SPDX-License-Identifier: Apache-2.0 */
/* After Ub: what is said by who proves that it holds Ks (proto/gba_info.h). */
#include "server/bsf/bsf.h"

#include <stdio.h>
#include <string.h>

#include "proto/aka_digest.h"
#include "proto/gba_info.h"
#include "server/http/wait.h"

enum { LINE_MAX_LEN = 512 };

/* Lent to a message. */
struct proof {
    char btid[FR_BTID_MAX + 1], line[LINE_MAX_LEN + 1];
    uint8_t mac[FR_SHA256_LEN], sha[FR_SHA256_LEN];
};

static enum fr_code put_line(const struct fr_exchange *x, char to[LINE_MAX_LEN + 1],
                             struct fr_err *err)
{
    const char *query = fr_request_query(x->request);
    int n = snprintf(to, LINE_MAX_LEN + 1, "%s %s%s%s", fr_request_method(x->request),
                     fr_request_path(x->request), query[0] ? "?" : "", query);

    if (n > LINE_MAX_LEN)
        return FR_FAIL(err, FR_EPARSE, "the request line is too long");
    return FR_OK;
}

static enum fr_code take_proof(const struct fr_exchange *x, struct proof *p,
                               struct fr_err *err)
{
    const char *value = fr_request_header(x->request, "Authorization");

    if (!value)
        return FR_FAIL_AS(err, FR_EPARSE, "authorization-missing",
                          "this needs Authorization: Fieldroot btid=, mac=");
    FR_TRY(fr_gba_proof_parse(value, p->btid, p->mac, err));
    FR_TRY(put_line(x, p->line, err));
    return fr_sha256(fr_request_body(x->request), p->sha, err);
}

static struct fr_msg message_of(const struct fr_exchange *x, enum fr_msg_type type,
                                const struct proof *p)
{
    struct fr_msg m = {.type = type};

    fr_msg_set_str(&m, FR_F_ADDRESS, x->client->address);
    fr_msg_set_str(&m, FR_F_KEY_ID, p->btid);
    fr_msg_set_str(&m, FR_F_REQUEST_LINE, p->line);
    fr_msg_set(&m, FR_F_MAC, fr_slice_of(p->mac, sizeof p->mac));
    fr_msg_set(&m, FR_F_REQUEST_SHA, fr_slice_of(p->sha, sizeof p->sha));
    return m;
}

/* ---- ack, and resolve ---- */

enum fr_code fr_bsf_put_proof(struct fr_exchange *x, const char *btid,
                              const struct fr_msg *reply, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);

    if (!fr_msg_has(reply, FR_F_MAC))
        return FR_FAIL(err, FR_EINTERNAL, "the vault's answer is none");
    FR_TRY(fr_gba_proof_write(btid, reply->field[FR_F_MAC].data, &value, err));
    FR_TRY(fr_buf_check(&value, err));
    fr_exchange_header(x, FR_GBA_PROOF_HEADER, fr_buf_cstr(&value));
    return FR_OK;
}

static enum fr_code put_answer(struct fr_exchange *x, const struct fr_msg *reply,
                               struct fr_err *err)
{
    struct proof p;

    FR_TRY(fr_vaultlink_result(reply, err));
    FR_TRY(take_proof(x, &p, err));
    FR_TRY(fr_bsf_put_proof(x, p.btid, reply, err));
    fr_buf_put(&x->body, reply->field[FR_F_RESPONSE].data,
               reply->field[FR_F_RESPONSE].len);
    return FR_OK;
}

static void acked(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_err err;

    if (put_answer(x, reply, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else if (x->body.len > 0)
        fr_exchange_answer(x, 200, 2000, FR_GBA_INFO_TYPE);
    else
        fr_exchange_answer(x, 204, 2004, NULL);
}

void fr_bsf_ack(struct fr_exchange *x)
{
    struct proof p;
    struct fr_err err;

    if (take_proof(x, &p, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    struct fr_msg m = message_of(x, FR_MSG_UB_ACK, &p);
    fr_exchange_ask(x, &m, acked);
}

/* ---- attempt records ---- */

static void reported(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_answer(x, 204, 2004, NULL);
}

/* What it says, the vault knows; here only that a message can carry it. */
static enum fr_code check_json(struct fr_slice body, const char *reason,
                               struct fr_err *err)
{
    if (body.len == 0 || memchr(body.data, 0, body.len) || !fr_utf8_is_valid(body))
        return FR_FAIL_AS(err, FR_EPARSE, reason, "the body is no JSON");
    return FR_OK;
}

static void ask_with_json(struct fr_exchange *x, enum fr_msg_type type,
                          const char *reason,
                          void (*heard)(struct fr_exchange *, const struct fr_msg *))
{
    const struct fr_slice body = fr_request_body(x->request);
    struct proof p;
    struct fr_err err;

    if (take_proof(x, &p, &err) != FR_OK || check_json(body, reason, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    struct fr_msg m = message_of(x, type, &p);
    fr_msg_set(&m, FR_F_JSON, body);
    fr_exchange_ask(x, &m, heard);
}

void fr_bsf_attempts(struct fr_exchange *x)
{
    ask_with_json(x, FR_MSG_UB_REPORT, "attempts-malformed", reported);
}

/* ---- a key for another target ---- */

void fr_bsf_target(struct fr_exchange *x)
{
    ask_with_json(x, FR_MSG_UB_TARGET, "target-malformed", acked);
}

/* ---- has the target fetched its key? ---- */

static void looked_up(struct fr_exchange *x, const struct fr_msg *reply)
{
    const struct fr_bsf_session *s = x->session;

    fr_wait_hear(s->wait, reply);
}

static void ask(struct fr_exchange *x)
{
    struct proof p;
    struct fr_err err;

    if (take_proof(x, &p, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    struct fr_msg m = message_of(x, FR_MSG_UB_FETCHED, &p);
    fr_exchange_ask(x, &m, looked_up);
}

void fr_bsf_fetched(struct fr_exchange *x)
{
    struct fr_bsf_session *s = x->session;

    fr_wait_begin(&s->wait, x, ask);
}
