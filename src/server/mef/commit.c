/* SPDX-License-Identifier: Apache-2.0 */
/* Key confirmation and the commit (DESIGN 6, step 3). */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "crypto/confirm.h"
#include "server/mef/session.h"

static void drop_key(struct fr_mef_session *s)
{
    fr_secret_free(s->ke);
    s->ke = NULL;
}

void fr_mef_commit(struct fr_exchange *x, const uint8_t *mac,
                   void (*next)(struct fr_exchange *x, const struct fr_msg *reply))
{
    struct fr_mef_session *s = x->session;
    struct fr_msg m = fr_exchange_message(x, FR_MSG_COMMIT);
    char ref[FR_CREDENTIAL_REF_MAX + 1];
    uint8_t suid[8], expires[8];

    assert(s->state == FR_KEY_PROVISIONAL);
    fr_msg_set_u8(&m, FR_F_SUID, (uint8_t)s->key.suid, suid);
    fr_msg_set_u64(&m, FR_F_EXPIRES, (uint64_t)s->key.expires, expires);
    fr_msg_set_str(&m, FR_F_TARGET, s->key.target);
    fr_msg_set_str(&m, FR_F_ADMIN_FQDN, s->key.admin_fqdn);
    fr_msg_set_str(&m, FR_F_KEY_ID, s->key_id);
    fr_msg_set(&m, FR_F_KE, fr_secret_view(s->ke));
    fr_msg_set(&m, FR_F_REQUEST_SHA, fr_slice_of(s->request_sha, FR_SHA256_LEN));
    fr_msg_set(&m, FR_F_RESPONSE_SHA, fr_slice_of(s->response_sha, FR_SHA256_LEN));
    fr_msg_set(&m, FR_F_RESPONSE, fr_buf_view(&s->response));
    fr_msg_set_str(&m, FR_F_METHOD, "certificate");
    fr_msg_set_str(&m, FR_F_CREDENTIAL_REF,
                   fr_confirm_cert_ref(x->client->peer.leaf_sha256, ref));
    fr_msg_set_str(&m, FR_F_CLIENT_REG, s->client.ri[0] ? s->client.ri : NULL);
    if (mac)
        fr_msg_set(&m, FR_F_MAC, fr_slice_of(mac, FR_SHA256_LEN));
    fr_exchange_ask(x, &m, next);
}

enum fr_code fr_mef_committed(struct fr_mef_session *s, const struct fr_msg *reply,
                              struct fr_err *err)
{
    enum fr_code rc = fr_vaultlink_result(reply, err);

    if (rc == FR_EREFUSED) {
        s->state = FR_KEY_REFUSED;
        drop_key(s);
    }
    if (rc != FR_OK)
        return rc;
    s->state = FR_KEY_COMMITTED;
    drop_key(s);
    if (fr_msg_has(reply, FR_F_MAC))
        memcpy(s->mef_mac, reply->field[FR_F_MAC].data, FR_SHA256_LEN);
    return FR_OK;
}

static void answer_mac(struct fr_exchange *x)
{
    const struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_mmef_mac_encode(s->mef_mac, &x->body, &err) != FR_OK)
        fr_exchange_fail(x, &err);
    else
        fr_exchange_answer(x, 200, 2000, FR_JSON_TYPE);
}

static void committed(struct fr_exchange *x, const struct fr_msg *reply)
{
    struct fr_mef_session *s = x->session;
    struct fr_err err;

    if (fr_mef_committed(s, reply, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
        return;
    }
    s->has_mac = true;
    answer_mac(x);
}

enum fr_code fr_mef_check_alive(const struct fr_mef_session *s, struct fr_err *err)
{
    if (s->state != FR_KEY_REFUSED)
        return FR_OK;
    return FR_FAIL_AS(err, FR_EREFUSED, "confirmation-mismatch",
                      "the confirmation has failed: open another connection");
}

static enum fr_code own_key(const struct fr_exchange *x, struct fr_err *err)
{
    const struct fr_mef_session *s = x->session;

    if (s->state != FR_KEY_NONE &&
        fr_ascii_equal_fold(x->match.param[0], s->relative_key_id))
        return FR_OK;
    return FR_FAIL_AS(err, FR_ENOTFOUND, "no-such-registration",
                      "no such key registration on this connection");
}

static enum fr_code check_confirm(struct fr_exchange *x, uint8_t mac[FR_SHA256_LEN],
                                  struct fr_err *err)
{
    const struct fr_mef_session *s = x->session;

    FR_TRY(own_key(x, err));
    FR_TRY(fr_mmef_mac_decode(fr_request_body(x->request), mac, err));
    FR_TRY(fr_mef_check_alive(s, err));
    if (s->state == FR_KEY_PROVISIONAL)
        return FR_OK;
    if (s->has_mac && fr_mac_equal(fr_slice_of(mac, FR_SHA256_LEN),
                                   fr_slice_of(s->enrolee_mac, FR_SHA256_LEN)))
        return FR_OK;
    return FR_FAIL_AS(err, FR_ECONFLICT, "already-committed",
                      "this registration is committed");
}

void fr_mef_confirm(struct fr_exchange *x)
{
    struct fr_mef_session *s = x->session;
    uint8_t mac[FR_SHA256_LEN];
    struct fr_err err;

    if (check_confirm(x, mac, &err) != FR_OK) {
        fr_exchange_fail(x, &err);
    } else if (s->state != FR_KEY_PROVISIONAL) {
        answer_mac(x);
    } else {
        memcpy(s->enrolee_mac, mac, sizeof mac);
        fr_mef_commit(x, mac, committed);
    }
}
