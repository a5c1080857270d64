/* SPDX-License-Identifier: Apache-2.0 */
#include "server/mef/mef.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/http/wait.h"
#include "server/mef/session.h"

static const struct fr_route routes[] = {
    {"POST", "", fr_mef_create},
    {"GET", "/{}", fr_mef_retrieve},
    {"DELETE", "/{}", fr_mef_delete},
    {"GET", "/{}/" FR_CMD_PATH, fr_mef_command},
    {"PUT", "/{}/" FR_CMD_PATH, fr_mef_command_update},
    {"POST", "/{}/" FR_CONFIRM_PATH, fr_mef_confirm},
    {"POST", "/{}/" FR_ATTEMPTS_PATH, fr_mef_attempts},
    {"GET", "/{}/" FR_FETCHED_PATH, fr_mef_fetched},
    {.method = NULL},
};

static const char *base(const struct fr_server_config *c)
{
    return c->mef_base;
}

static void session_free(void *session)
{
    struct fr_mef_session *s = session;

    if (!s)
        return;
    fr_wait_free(s->wait);
    fr_secret_free(s->ke);
    fr_buf_clear(&s->response);
    free(s);
}

static enum fr_code session_new(const struct fr_worker_context *w,
                                const struct fr_client *client, void **ret,
                                struct fr_err *err)
{
    struct fr_mef_session *s = calloc(1, sizeof *s);
    enum fr_code rc;

    if (!s)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a session");
    s->response = (struct fr_buf)FR_BUF_INIT(FR_MMEF_BODY_MAX);
    rc = fr_kdf_split_export(fr_secret_view(client->exported), s->relative_key_id,
                             &s->ke, err);
    if (rc != FR_OK) {
        session_free(s);
        return rc;
    }
    fr_keyid_format(s->relative_key_id, w->config->mef_fqdn, s->key_id);
    *ret = s;
    return FR_OK;
}

/* An exchange that has begun and has not been acked yet. */
static bool session_is_busy(const void *session)
{
    const struct fr_mef_session *s = session;

    if (s->state == FR_KEY_PROVISIONAL || s->state == FR_KEY_COMMITTED)
        return true;
    return s->client.ri[0] && !s->asked_for_command;
}

static bool is_own_name(const struct fr_peer *peer, const char *name)
{
    char text[FR_SAN_TEXT_MAX + 1];

    for (size_t i = 0; i < peer->n_sans; i++) {
        const struct fr_san *san = &peer->sans[i];

        if (fr_str_equal(name, fr_san_format(san, text)))
            return true;
        if (san->type == FR_SAN_DNS ? fr_ascii_equal_fold(name, san->value)
                                    : fr_str_equal(name, san->value))
            return true;
    }
    return peer->kind == FR_PEER_PSK && fr_str_equal(name, peer->psk_identity);
}

/* A client may say who it is, but only what its certificate says too. */
static enum fr_code admit(struct fr_exchange *x, struct fr_err *err)
{
    const char *origin = fr_request_header(x->request, "X-M2M-Origin");

    if (!origin || !origin[0] || is_own_name(&x->client->peer, origin))
        return FR_OK;
    return FR_FAIL_AS(err, FR_EREFUSED, "origin",
                      "X-M2M-Origin is no name of the client certificate");
}

const char *fr_mef_client_id(const struct fr_exchange *x)
{
    const char *origin = fr_request_header(x->request, "X-M2M-Origin");
    const struct fr_peer *peer = &x->client->peer;

    if (origin && origin[0])
        return origin;
    return peer->n_sans ? peer->sans[0].value : peer->psk_identity;
}

enum fr_code fr_mef_own_client(const struct fr_exchange *x, struct fr_err *err)
{
    const struct fr_mef_session *s = x->session;

    if (s->client.ri[0] && fr_str_equal(x->match.param[0], s->client.ri))
        return FR_OK;
    return FR_FAIL_AS(err, FR_ENOTFOUND, "no-such-registration",
                      "no such client registration on this connection");
}

bool fr_mef_key_id_of(const struct fr_exchange *x, char ret[FR_KEYID_MAX + 1])
{
    char text[FR_ID_MAX + FR_KEYID_MAX + 1];

    snprintf(text, sizeof text, "%s@%s", x->match.param[0],
             x->worker->config->mef_fqdn);
    return fr_keyid_parse(fr_slice_str(text), ret);
}

enum fr_code fr_mef_grant_expiry(const struct fr_worker_context *w, int64_t asked,
                                 int64_t *ret, struct fr_err *err)
{
    int64_t now = fr_wall_s(w->env), latest = now + w->config->expiry_max_s;

    if (asked && asked <= now)
        return FR_FAIL_AS(err, FR_EPARSE, "expiry-past",
                          "the expirationTime asked for is past: check the clock");
    *ret = asked && asked < latest ? asked : latest;
    return FR_OK;
}

const struct fr_service fr_service_mef = {
    .name = "enrol",
    .exports = true,
    .routes = routes,
    .base = base,
    .admit = admit,
    .session_new = session_new,
    .session_free = session_free,
    .session_is_busy = session_is_busy,
};
