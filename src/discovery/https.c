/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `https`: an instruction document from a server, which knows us by our certificate
 * (DESIGN 5). One GET on one connection; redirects are not followed. Besides the
 * classes of fr_http_status_check(), 404 is FR_EINVALID "no-instructions": the server
 * has none for this device.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "discovery/discovery.h"
#include "proto/http.h"

enum phase { IDLE, CONNECTING, ASKED, DONE, FAILED };

struct https_run {
    struct fr_discovery super;
    enum phase phase;
    const struct fr_run_context *ctx;
    const struct fr_instruction *in;
    struct fr_https_uri uri;
    struct fr_buf request;
    struct fr_http_response *response;
    bool closed;
    int64_t retry_after_ms;
    struct fr_document *document;
};

static void https_close(struct fr_discovery *d)
{
    struct https_run *run = (struct https_run *)d;

    if (!run)
        return;
    fr_buf_clear(&run->request);
    fr_http_response_free(run->response);
    fr_document_free(run->document);
    free(run);
}

static enum fr_code check_uri(const char *text, struct fr_https_uri *ret,
                              struct fr_err *err)
{
    if (!fr_https_uri_parse(text, ret))
        return FR_FAIL_AS(err, FR_EINVALID, "resource-uri",
                          "%.200s is no resource of a https discovery: "
                          "https://host[:port]/path",
                          text);
    if (strcmp(ret->path, "/") == 0)
        memcpy(ret->path, FR_DISCOVERY_PATH, sizeof FR_DISCOVERY_PATH);
    return FR_OK;
}

static enum fr_code https_open(const struct fr_run_context *ctx,
                               const struct fr_instruction *in,
                               struct fr_discovery **ret, struct fr_err *err)
{
    struct fr_https_uri uri;
    struct https_run *run;
    enum fr_code rc;

    FR_TRY(check_uri(in->resource, &uri, err));
    run = calloc(1, sizeof *run);
    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    rc = fr_http_response_new((size_t)FR_DOCUMENT_MAX, &run->response, err);
    if (rc != FR_OK) {
        free(run);
        return rc;
    }
    run->super.method = &fr_discovery_https;
    run->ctx = ctx;
    run->in = in;
    run->uri = uri;
    run->request = (struct fr_buf)FR_BUF_INIT(FR_HTTP_HEAD_MAX);
    run->retry_after_ms = -1;
    *ret = (struct fr_discovery *)run;
    return FR_OK;
}

static enum fr_code connect_to(struct https_run *run, const struct fr_ev *ev,
                               struct fr_acts *acts, struct fr_err *err)
{
    struct fr_connect connect = {.role = FR_ROLE_DISCOVERY,
                                 .host = run->uri.host,
                                 .port = run->uri.port,
                                 .instruction = run->in};

    (void)ev;
    (void)err;
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_PHASE, .phase = FR_PHASE_DISCOVERY});
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CONNECT, .connect = connect});
    run->phase = CONNECTING;
    return FR_OK;
}

static enum fr_code ask(struct https_run *run, const struct fr_ev *ev,
                        struct fr_acts *acts, struct fr_err *err)
{
    static const struct fr_http_header headers[] = {{"Accept", "application/json"},
                                                    {"Connection", "close"}};
    const struct fr_http_request request = {.method = "GET",
                                            .host = run->uri.host,
                                            .port = run->uri.port,
                                            .path = run->uri.path,
                                            .headers = headers,
                                            .n_headers = 2};

    (void)ev;
    FR_TRY(fr_http_write(&request, &run->request, err));
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_SEND,
                                      .bytes = fr_buf_view(&run->request)});
    run->phase = ASKED;
    return FR_OK;
}

/* "application/json", with or without parameters */
static bool is_json(const struct fr_http_response *r)
{
    static const char type[] = "application/json";
    const char *value = fr_http_header(r, "Content-Type");

    return value && strncasecmp(value, type, sizeof type - 1) == 0 &&
           strchr("; \t", value[sizeof type - 1]);
}

static enum fr_code check_response(const struct https_run *run, struct fr_err *err)
{
    int status = fr_http_status(run->response);

    if (status == 404)
        return FR_FAIL_AS(err, FR_EINVALID, "no-instructions",
                          "%s has no instructions for this device (HTTP 404)",
                          run->uri.host);
    FR_TRY(fr_http_status_check(status, "", run->in->resource, err));
    if (status != 200 || !is_json(run->response))
        return FR_FAIL_AS(err, FR_EINVALID, "discovery-answer",
                          "%s answered HTTP %d without an application/json document",
                          run->uri.host, status);
    return FR_OK;
}

static enum fr_code answered(struct https_run *run, struct fr_acts *acts,
                             struct fr_err *err)
{
    enum fr_code rc = check_response(run, err);

    if (rc != FR_OK) {
        run->retry_after_ms =
            fr_http_retry_after_ms(run->response, fr_wall_s(run->ctx->env));
        return rc;
    }
    FR_TRY(fr_document_parse(fr_http_body(run->response), run->in->resource,
                             FR_USE_DISCOVERED, &run->document, NULL, err));
    if (!run->closed)
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CLOSE});
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DONE});
    run->phase = DONE;
    return FR_OK;
}

static enum fr_code take_bytes(struct https_run *run, const struct fr_ev *ev,
                               struct fr_acts *acts, struct fr_err *err)
{
    size_t used;

    FR_TRY(fr_http_feed(run->response, ev->bytes, &used, err));
    return fr_http_is_complete(run->response) ? answered(run, acts, err) : FR_OK;
}

/* Before the request this is a cut as well: the reader has nothing yet. */
static enum fr_code take_end(struct https_run *run, const struct fr_ev *ev,
                             struct fr_acts *acts, struct fr_err *err)
{
    (void)ev;
    run->closed = true;
    FR_TRY(fr_http_feed_end(run->response, err));
    return answered(run, acts, err);
}

static enum fr_code fail(struct https_run *run, const struct fr_ev *ev,
                         struct fr_acts *acts, struct fr_err *err)
{
    (void)run;
    (void)acts;
    if (!ev->err || ev->err->code == FR_OK)
        return FR_FAIL(err, FR_EINTERNAL, "a failure without an error");
    if (err)
        *err = *ev->err;
    return ev->err->code;
}

typedef enum fr_code handler(struct https_run *run, const struct fr_ev *ev,
                             struct fr_acts *acts, struct fr_err *err);

static handler *const table[FAILED + 1][FR_EV_DROPPED + 1] = {
    [IDLE][FR_EV_START] = connect_to,      [CONNECTING][FR_EV_CONNECTED] = ask,
    [CONNECTING][FR_EV_CLOSED] = take_end, [CONNECTING][FR_EV_FAILED] = fail,
    [ASKED][FR_EV_BYTES] = take_bytes,     [ASKED][FR_EV_CLOSED] = take_end,
    [ASKED][FR_EV_FAILED] = fail,
};

static enum fr_code https_step(struct fr_discovery *d, const struct fr_ev *ev,
                               struct fr_acts *acts, struct fr_err *err)
{
    struct https_run *run = (struct https_run *)d;
    handler *handle = table[run->phase][ev->kind];
    enum fr_code rc;

    acts->n = 0;
    if (!handle)
        return FR_FAIL(err, FR_EINTERNAL,
                       "a https discovery got an event of another phase");
    rc = handle(run, ev, acts, err);
    if (rc != FR_OK)
        run->phase = FAILED;
    return rc;
}

static enum fr_code https_finish(struct fr_discovery *d, struct fr_document **ret,
                                 struct fr_err *err)
{
    struct https_run *run = (struct https_run *)d;

    if (!run->document)
        return FR_FAIL(err, FR_EINTERNAL, "no document to hand over");
    *ret = FR_TAKE(run->document);
    return FR_OK;
}

static int64_t https_retry_after_ms(const struct fr_discovery *d)
{
    return ((const struct https_run *)d)->retry_after_ms;
}

const struct fr_discovery_method fr_discovery_https = {
    .name = "https",
    .help = "an instruction document from a server",
    .open = https_open,
    .step = https_step,
    .finish = https_finish,
    .close = https_close,
    .retry_after_ms = https_retry_after_ms,
};
