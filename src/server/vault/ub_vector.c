/* SPDX-License-Identifier: Apache-2.0 */
/* The HSS's answer becomes a challenge, and the reply that was put off. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "crypto/gba_u.h"
#include "server/vault/ub.h"

static const struct fr_said *say(struct fr_said *to, const struct fr_ub_run *run,
                                 const char *actor, const char *decision,
                                 const char *reason)
{
    *to = (struct fr_said){.actor = actor,
                           .action = fr_msg_name(run->type),
                           .subject = "",
                           .decision = decision,
                           .reason = reason};
    return to;
}

static char *actor_of(const struct fr_ub_run *run, char to[FR_SAN_TEXT_MAX + 1])
{
    snprintf(to, FR_SAN_TEXT_MAX + 1, "imsi:%s", run->imsi);
    return to;
}

/* ---- no vector ---- */

/* Only what it says of the subscriber is a refusal; all else may pass. */
static void hear_why(const struct fr_msg *m, struct fr_err *why)
{
    char reason[FR_ERR_REASON_MAX], text[FR_ERR_MSG_MAX];
    enum fr_code code =
        fr_msg_u8(m, FR_F_CODE) == FR_EREFUSED ? FR_EREFUSED : FR_EUNREACHABLE;

    fr_msg_text(m, FR_F_REASON, reason, sizeof reason);
    fr_msg_text(m, FR_F_TEXT, text, sizeof text);
    (void)FR_FAIL_AS(why, code, reason[0] ? reason : "hss-failed", "%.300s", text);
}

static enum fr_code refuse(const struct fr_request *q, const struct fr_ub_run *run,
                           struct fr_err *err)
{
    char text[4 * FR_ID_MAX], actor[FR_SAN_TEXT_MAX + 1];
    struct fr_err why = {0};
    struct fr_said said;

    hear_why(q->m, &why);
    snprintf(text, sizeof text, "from %s, as %s: %.300s", run->address, run->impi,
             why.msg);
    FR_TRY(fr_vault_audit_rated(
        q->v, &q->v->rates.refusals,
        say(&said, run, actor_of(run, actor), "refused", why.reason), text, err));
    return fr_letter_fail(q->v, FR_WORKER_GBA, run->worker, run->id, &why, err);
}

/* ---- a vector ---- */

/* RAND | AUTN | CK | IK | RES, of which the device gets the first two. A card that
 * keeps Ks gets an AUTN by which it knows that it must. */
static enum fr_code take_vector(struct fr_slice vector, struct fr_ub_run *run,
                                struct fr_err *err)
{
    struct fr_cursor c = fr_cursor_of(vector);
    struct fr_slice rand = fr_take_slice(&c, FR_AKA_RAND_LEN);
    struct fr_slice autn = fr_take_slice(&c, FR_AKA_AUTN_LEN);
    struct fr_slice keys = fr_take_slice(&c, c.left);

    memcpy(run->rand, rand.data, sizeof run->rand);
    memcpy(run->autn, autn.data, sizeof run->autn);
    if (run->is_gba_u)
        FR_TRY(fr_gba_u_mac(keys.data + FR_AKA_KEY_LEN,
                            run->autn + FR_AKA_AUTN_LEN - FR_AKA_MAC_LEN, err));
    return fr_secret_from(keys.data, keys.len, &run->keys, err);
}

static enum fr_code put_challenge(const struct fr_request *q, struct fr_ub_run *run,
                                  struct fr_err *err)
{
    struct fr_journal *table = fr_ub_table(q->v->ub);
    const struct fr_entry e = {.kind = FR_UB_CHALLENGES,
                               .key = fr_ub_key_of(run->rand),
                               .deadline_ms =
                                   fr_mono_ms(q->v->env) + FR_VAULT_CHALLENGE_MS,
                               .data = run};
    struct fr_entry *same = fr_ub_challenge_of(q->v, run->rand);

    if (same) /* an HSS that repeats itself: no vector is open twice */
        fr_journal_take(table, same);
    return fr_journal_put(table, &e, err);
}

static enum fr_code challenge(const struct fr_request *q,
                              const struct fr_ub_run *waiting, struct fr_err *err)
{
    struct fr_ub_run *run = malloc(sizeof *run);
    enum fr_code rc;

    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a challenge");
    *run = *waiting;
    rc = take_vector(q->m->field[FR_F_VECTOR], run, err);
    if (rc == FR_OK)
        rc = put_challenge(q, run, err);
    if (rc != FR_OK) {
        fr_secret_free(run->keys);
        free(run);
    }
    return rc;
}

static enum fr_code answer(const struct fr_request *q, const struct fr_ub_run *waiting,
                           struct fr_err *err)
{
    const struct fr_slice vector = q->m->field[FR_F_VECTOR];
    const struct fr_ub_run *run = fr_ub_challenge_of(q->v, vector.data)->data;
    struct fr_msg m = {.type = FR_MSG_REPLY, .id = waiting->id};
    uint8_t code[8];

    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set(&m, FR_F_RAND, fr_slice_of(vector.data, FR_AKA_RAND_LEN));
    fr_msg_set(&m, FR_F_AUTN, fr_slice_of(run->autn, FR_AKA_AUTN_LEN));
    return fr_letter_post(q->v, FR_WORKER_GBA, waiting->worker, &m, err);
}

static enum fr_code note_resync(const struct fr_request *q, const struct fr_ub_run *run,
                                struct fr_err *err)
{
    char actor[FR_SAN_TEXT_MAX + 1];
    struct fr_said said;

    if (!run->has_auts)
        return FR_OK;
    return fr_vault_audit(
        q->v, say(&said, run, actor_of(run, actor), "allowed", "resynchronised"), err,
        "from %s, as %s: the HSS has taken the SIM's sequence number over",
        run->address, run->impi);
}

enum fr_code fr_vault_ub_vector(struct fr_request *q, struct fr_err *err)
{
    struct fr_journal *table = fr_ub_table(q->v->ub);
    struct fr_entry *e =
        fr_journal_find(table, FR_UB_WAITS, fr_msg_u64(q->m, FR_F_TICKET));
    const struct fr_ub_run *run;

    if (!e) /* it comes too late, and is of no use to anybody */
        return FR_OK;
    run = e->data;
    fr_journal_take(table, e);
    if (fr_msg_u8(q->m, FR_F_CODE) != FR_OK || !fr_msg_has(q->m, FR_F_VECTOR))
        return refuse(q, run, err);
    FR_TRY(note_resync(q, run, err));
    FR_TRY(challenge(q, run, err));
    return answer(q, run, err);
}
