/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mmef_session.h"

#include <stdlib.h>

#include "base/str.h"

enum fr_code fr_mmef_session_init(struct fr_mmef_session *s, const struct fr_env *env,
                                  const char *host, uint16_t port, struct fr_err *err)
{
    *s = (struct fr_mmef_session){.env = env,
                                  .host = host,
                                  .port = port,
                                  .out =
                                      FR_BUF_INIT(FR_HTTP_HEAD_MAX + FR_MMEF_BODY_MAX),
                                  .retry_after_ms = -1};
    return fr_http_response_new(FR_MMEF_BODY_MAX, &s->response, err);
}

void fr_mmef_session_clear(struct fr_mmef_session *s)
{
    free(s->own_id);
    fr_buf_clear(&s->out);
    fr_http_response_free(s->response);
    *s = (struct fr_mmef_session){0};
}

static enum fr_code cut(const struct fr_mmef_session *s, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "connection-cut",
                      "%s ended the connection in the middle of the exchange", s->host);
}

static void await(struct fr_mmef_session *s, struct fr_slice *ret)
{
    fr_http_response_reset(s->response);
    s->awaits = true;
    *ret = fr_buf_view(&s->out);
}

enum fr_code fr_mmef_session_send(struct fr_mmef_session *s,
                                  const struct fr_http_request *req,
                                  struct fr_slice *ret, struct fr_err *err)
{
    struct fr_http_request http = *req;

    if (s->lost)
        return cut(s, err);
    http.host = s->host;
    http.port = s->port;
    fr_buf_reset(&s->out);
    FR_TRY(fr_http_write(&http, &s->out, err));
    await(s, ret);
    return FR_OK;
}

enum fr_code fr_mmef_session_ask(struct fr_mmef_session *s,
                                 const struct fr_mmef_ask *ask, struct fr_slice *ret,
                                 struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) path = FR_BUF_INIT((size_t)2 * FR_ID_MAX);
    struct fr_mmef_request http = {.method = ask->method,
                                   .host = s->host,
                                   .port = s->port,
                                   .origin = s->own_id,
                                   .request_id = s->request_id,
                                   .type = ask->type,
                                   .body = ask->body};

    if (s->lost)
        return cut(s, err);
    fr_buf_fmt(&path, "%s%s%s", ask->path, ask->below ? "/" : "",
               ask->below ? ask->below : "");
    FR_TRY(fr_buf_check(&path, err));
    http.path = fr_buf_cstr(&path);
    fr_random_hex(s->env, s->request_id, FR_REQUEST_ID_LEN / 2);
    fr_buf_reset(&s->out);
    FR_TRY(fr_mmef_request_write(&http, &s->out, err));
    await(s, ret);
    return FR_OK;
}

static void complete(struct fr_mmef_session *s)
{
    s->awaits = false;
    s->lost |= !fr_http_keeps_alive(s->response);
}

enum fr_code fr_mmef_session_feed(struct fr_mmef_session *s, struct fr_slice octets,
                                  bool *ret, struct fr_err *err)
{
    size_t used = 0;

    if (s->awaits)
        FR_TRY(fr_http_feed(s->response, octets, &used, err));
    if (used < octets.len)
        return FR_FAIL_AS(err, FR_EINVALID, "http-malformed",
                          "%s sent octets that nobody asked for", s->host);
    *ret = fr_http_is_complete(s->response);
    if (*ret)
        complete(s);
    return FR_OK;
}

enum fr_code fr_mmef_session_feed_end(struct fr_mmef_session *s, struct fr_err *err)
{
    s->closed = s->lost = true;
    if (!s->awaits)
        return cut(s, err);
    FR_TRY(fr_http_feed_end(s->response, err));
    complete(s);
    return FR_OK;
}

enum fr_code fr_mmef_session_check(struct fr_mmef_session *s, const char *doing,
                                   struct fr_err *err)
{
    enum fr_code rc = fr_mmef_response_check(s->response, s->request_id, doing, err);

    if (rc != FR_OK)
        s->retry_after_ms = fr_http_retry_after_ms(s->response, fr_wall_s(s->env));
    return rc;
}

bool fr_mmef_session_is_not_found(const struct fr_mmef_session *s)
{
    return fr_http_status(s->response) == 404 || fr_mmef_rsc(s->response) == 4004;
}
