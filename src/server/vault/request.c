/* SPDX-License-Identifier: Apache-2.0 */
/* One request from its message to its reply, apart from all others. */
#include "base/str.h"
#include "server/vault/internal.h"
#include "server/vault/rate.h"
#include "server/vault/ub.h"

static const struct handler {
    enum fr_code (*run)(struct fr_request *q, struct fr_err *err);
    enum { NO_PEER, ANY_PEER, VERIFIED_PEER, SUBSCRIBER } peer;
} handlers[FR_N_MSGS] = {
    [FR_MSG_AUTHORISE] = {fr_vault_authorise, VERIFIED_PEER},
    [FR_MSG_COMMIT] = {fr_vault_commit_key, VERIFIED_PEER},
    [FR_MSG_ACK] = {fr_vault_ack, VERIFIED_PEER},
    [FR_MSG_LOOKUP] = {fr_vault_lookup, VERIFIED_PEER},
    [FR_MSG_REPORT] = {fr_vault_report, VERIFIED_PEER},
    [FR_MSG_NOTE] = {fr_vault_note, ANY_PEER},
    [FR_MSG_FETCH] = {fr_vault_fetch, VERIFIED_PEER},
    [FR_MSG_FEED] = {fr_vault_feed, VERIFIED_PEER},
    [FR_MSG_DISCOVER] = {fr_vault_discover, VERIFIED_PEER},
    [FR_MSG_ADMIN] = {fr_vault_admin, NO_PEER},
    [FR_MSG_UB_BEGIN] = {fr_vault_ub_begin, SUBSCRIBER},
    [FR_MSG_UB_RESYNC] = {fr_vault_ub_resync, SUBSCRIBER},
    [FR_MSG_UB_FINISH] = {fr_vault_ub_finish, SUBSCRIBER},
    [FR_MSG_UB_ACK] = {fr_vault_ub_ack, SUBSCRIBER},
    [FR_MSG_UB_REPORT] = {fr_vault_ub_report, SUBSCRIBER},
    [FR_MSG_UB_TARGET] = {fr_vault_ub_target, SUBSCRIBER},
    [FR_MSG_UB_FETCHED] = {fr_vault_ub_fetched, SUBSCRIBER},
    [FR_MSG_VECTOR] = {fr_vault_ub_vector, NO_PEER},
};

/* Failures of our own, as opposed to decisions about a peer. */
static bool is_ours(enum fr_code rc)
{
    return rc == FR_ESTORE || rc == FR_EBUSY || rc == FR_ENOMEM || rc == FR_EINTERNAL;
}

/* To who resolves, that there is no such key is a promise, and a line of the audit
 * trail is what keeps it. What can never be a KeID of Ub needs none. */
static bool promises(const struct fr_request *q)
{
    char key_id[FR_KEYID_MAX + 1];

    if (q->m->type == FR_MSG_LOOKUP)
        return true;
    fr_msg_text(q->m, FR_F_KEY_ID, key_id, sizeof key_id);
    return q->m->type == FR_MSG_UB_ACK &&
           fr_btid_is_valid(key_id, q->v->config.mef_fqdn);
}

static enum fr_code audit_refusal(struct fr_request *q, const struct fr_err *why,
                                  struct fr_err *err)
{
    char subject[FR_KEYID_MAX + 1], text[2 * FR_ERR_MSG_MAX];
    bool is_promise = why->code == FR_ENOTFOUND && promises(q);
    const struct fr_said said = {
        .actor = q->who.name,
        .action = fr_msg_name(is_promise ? FR_MSG_LOOKUP : q->m->type),
        .subject = subject,
        .decision = "refused",
        .reason = why->reason};

    fr_msg_text(q->m, fr_msg_has(q->m, FR_F_KEY_ID) ? FR_F_KEY_ID : FR_F_TARGET,
                subject, sizeof subject);
    snprintf(text, sizeof text, "from %s: %s", q->who.address, why->msg);
    if (is_promise) {
        FR_TRY(FR_ASK_PLAIN(q->v, err, policy_changed));
        return fr_vault_audit(q->v, &said, err, "%s", text);
    }
    return fr_vault_audit_rated(q->v, &q->v->rates.refusals, &said, text, err);
}

/* Ends what mark has begun: what a refused request did is taken back, that it was
 * refused is written down. */
static enum fr_code settle(struct fr_request *q, enum fr_code rc, size_t grown,
                           struct fr_err *err)
{
    struct fr_err second = {0};
    enum fr_code also;

    if (rc == FR_OK)
        return FR_ASK_PLAIN(q->v, err, keep);
    q->v->n_grown = grown;
    FR_TRY(FR_ASK_PLAIN(q->v, err, undo));
    if (is_ours(rc) || handlers[q->m->type].peer == NO_PEER)
        return rc;
    also = audit_refusal(q, err, &second);
    if (also != FR_OK) {
        *err = second;
        return also;
    }
    return rc;
}

/* An identity is a name below a trust anchor; a name alone is none. */
static enum fr_code check_peer(const struct fr_request *q, struct fr_err *err)
{
    const struct fr_peer *peer = &q->who.peer;

    if (handlers[q->m->type].peer != VERIFIED_PEER)
        return FR_OK;
    if (peer->kind != FR_PEER_CERTIFICATE)
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-kind",
                          "%s has no certificate: only certificates are listed",
                          q->who.name);
    if (!peer->anchor[0] || peer->n_sans == 0)
        return FR_FAIL_AS(err, FR_EREFUSED, "peer-unverified",
                          "the certificate of %s was not verified", q->who.name);
    return FR_OK;
}

static enum fr_code take_who(struct fr_request *q, struct fr_err *err)
{
    switch (handlers[q->m->type].peer) {
    case NO_PEER:
        return FR_OK;
    case SUBSCRIBER:
        return fr_ub_who_take(q->m, &q->who, err);
    default:
        return fr_who_take(q->m, &q->who, err);
    }
}

static void put_success(struct fr_vault_reply *reply)
{
    uint8_t ok = FR_OK;

    fr_reply_put(reply, FR_F_CODE, fr_slice_of(&ok, 1));
}

static enum fr_code run(struct fr_request *q, struct fr_err *err)
{
    size_t grown = q->v->n_grown;
    enum fr_code rc;

    FR_TRY(FR_ASK_PLAIN(q->v, err, mark));
    rc = check_peer(q, err);
    if (rc == FR_OK)
        rc = handlers[q->m->type].run(q, err);
    if (rc == FR_OK) {
        put_success(q->reply);
        rc = fr_buf_check(&q->reply->data, err);
    }
    return settle(q, rc, grown, err);
}

static void finish(struct fr_request *q, enum fr_code rc, const struct fr_err *err)
{
    if (rc == FR_OK)
        return;
    q->reply->is_put_off = false;
    if (q->m->type == FR_MSG_ADMIN)
        fr_admin_fail(q->reply, rc, err);
    else
        fr_reply_fail(q->reply, rc, err);
}

enum fr_code fr_vault_handle(struct fr_vault *v, enum fr_worker from,
                             const struct fr_msg *m, struct fr_vault_reply *ret,
                             struct fr_err *err)
{
    struct fr_request q = {.v = v, .m = m, .now = fr_wall_s(v->env), .reply = ret};
    size_t counted = fr_vault_identities_counted(v->identities);
    const struct fr_ub_mark mark = fr_ub_mark(v);
    enum fr_code rc;

    if (!fr_msg_is_allowed(m->type, from) || !handlers[m->type].run)
        return FR_FAIL_AS(err, FR_EINVALID, "ipc-forbidden",
                          "%s workers may not send %s", fr_worker_name(from),
                          fr_msg_name(m->type));
    FR_TRY(take_who(&q, err));
    rc = run(&q, err);
    if (rc == FR_EBUSY)
        fr_vault_identities_undo(v->identities, counted);
    if (is_ours(rc))
        fr_ub_undo(v, &mark);
    finish(&q, rc, err);
    /* FR_EINVALID means the worker; what a store or codec calls so is our own. */
    return rc == FR_EINVALID ? FR_EINTERNAL : rc;
}

enum fr_code fr_vault_begin(struct fr_vault *v, struct fr_err *err)
{
    enum fr_code rc;

    v->n_grown = 0;
    v->rates_before = v->rates;
    fr_vault_identities_keep(v->identities);
    fr_ub_keep(v);
    FR_TRY(FR_ASK_PLAIN(v, err, begin));
    rc = fr_vault_heed(v, err);
    if (rc != FR_OK)
        (void)FR_ASK_PLAIN(v, NULL, rollback);
    return rc;
}

/* What was counted for a batch that is not kept was not; and what it has read of the
 * store's facts may have been its own. */
static void forget(struct fr_vault *v)
{
    v->n_grown = 0;
    v->rates = v->rates_before;
    fr_ub_undo_all(v);
    fr_vault_identities_undo(v->identities, 0);
    if (v->has_read_facts)
        v->has_facts = false;
}

enum fr_code fr_vault_commit(struct fr_vault *v, struct fr_err *err)
{
    enum fr_code rc = fr_vault_seal_audit(v, err);

    if (rc == FR_OK)
        rc = FR_ASK_PLAIN(v, err, commit);
    else
        (void)FR_ASK_PLAIN(v, NULL, rollback);
    if (rc == FR_OK)
        fr_ub_keep(v);
    else
        forget(v);
    return rc;
}

void fr_vault_rollback(struct fr_vault *v)
{
    forget(v);
    (void)FR_ASK_PLAIN(v, NULL, rollback);
}

size_t fr_vault_grown(const struct fr_vault *v)
{
    return v->n_grown;
}

const char *fr_vault_grown_at(const struct fr_vault *v, size_t i)
{
    return v->grown[i];
}
