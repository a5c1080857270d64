/* SPDX-License-Identifier: Apache-2.0 */
/* The command loop (RSPF 7.3) and the upload of attempt records. */
#include <stdio.h>
#include <string.h>

#include "server/mef/session.h"

enum { RETRY_MS = 86400 * 1000 };

/* The only command there is yet; a next one has a new id, a repeat the old one. */
static void answer_command(struct fr_exchange *x, bool next, int rsc)
{
    struct fr_mef_session *s = x->session;
    struct fr_mmef_cmd cmd = {.retry_ms = RETRY_MS, .status = FR_CMD_REISSUED};
    struct fr_err err;

    if (next || s->command_id == 0) {
        s->command_id++;
        cmd.status = FR_CMD_ISSUED;
    }
    snprintf(cmd.id, sizeof cmd.id, "%u", s->command_id);
    if (fr_mmef_cmd_encode(&cmd, &x->body, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_answer(x, 200, rsc, FR_MMEF_TYPE);
}

static void acked(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    if (s->state == FR_KEY_COMMITTED)
        s->state = FR_KEY_ACKED;
    else
        s->looked_up[0] = 0;
    s->asked_for_command = true;
    answer_command(x, false, 2000);
}

static void ack(struct fr_exchange *x, const char *key_id)
{
    struct fr_msg m = fr_exchange_message(x, FR_MSG_ACK);

    fr_msg_set_str(&m, FR_F_KEY_ID, key_id);
    fr_exchange_ask(x, &m, acked);
}

/* A peer without the confirmation extension, where that is allowed (DESIGN 6). */
static void committed_unconfirmed(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_mef_committed(s, reply, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        ack(x, s->key_id);
}

static void command_while_provisional(struct fr_exchange *x)
{
    struct fr_err err;

    if (!x->worker->config->confirmation_required) {
        fr_mef_commit(x, NULL, committed_unconfirmed);
        return;
    }
    (void)FR_FAIL_AS(&err, FR_EREFUSED, "unconfirmed",
                     "this MEF requires the key confirmation before any command");
    fr_exchange_refuse(x, &err);
}

void fr_mef_command(struct fr_exchange *x)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_mef_own_client(x, &err) != FR_OK || fr_mef_check_alive(s, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
    } else if (s->state == FR_KEY_PROVISIONAL) {
        command_while_provisional(x);
    } else if (s->state == FR_KEY_COMMITTED) {
        ack(x, s->key_id);
    } else if (s->looked_up[0]) {
        ack(x, s->looked_up);
    } else {
        s->asked_for_command = true;
        answer_command(x, false, 2000);
    }
}

/* A cmdID other than the last issued: its status is ignored, the answer is the same
 * kind of thing (RSPF 7.3). */
void fr_mef_command_update(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;
    char last[sizeof((struct fr_mmef_cmd *)0)->id];
    struct fr_mmef_cmd cmd;
    struct fr_err err;

    if (fr_mef_own_client(x, &err) != FR_OK || fr_mef_check_alive(s, &err) != FR_OK ||
        fr_mmef_cmd_decode(fr_request_body(x->request), &cmd, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    snprintf(last, sizeof last, "%u", s->command_id);
    answer_command(x, fr_str_equal(cmd.id, last), 2004);
}

/* Form only: what they say, and how many there may be, the vault knows. */
static enum fr_code check_records(struct fr_slice body, struct fr_err *err)
{
    json_auto_t *json = fr_mef_json(body);

    if (!json_is_array(json))
        return FR_FAIL_AS(err, FR_EPARSE, "attempts-malformed",
                          "the attempt records are no JSON array");
    return FR_OK;
}

static void reported(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_err err;

    if (fr_vaultlink_result(reply, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_answer(x, 204, 2004, NULL);
}

void fr_mef_attempts(struct fr_exchange *x)
{
    struct fr_slice body = fr_request_body(x->request);
    struct fr_err err;

    if (fr_mef_own_client(x, &err) != FR_OK || check_records(body, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    struct fr_msg m = fr_exchange_message(x, FR_MSG_REPORT);
    fr_msg_set(&m, FR_F_JSON, body);
    fr_exchange_ask(x, &m, reported);
}
