/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of our extensions, each with a proof of Ks: what a pending key is asked
 * for by, the ack, records, and the target's fetch; and tools. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "bootstrap/gba_steps.h"

#define POLL_MS 50000 /* asked for at once: the MEF holds its answer for so long */

/* ---- tools ---- */

void fr_g_reach(struct fr_acts *acts, enum fr_phase phase)
{
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_PHASE, .phase = phase});
}

void fr_g_warn(struct fr_gba *run, struct fr_acts *acts)
{
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_WARN, .text = run->warning.msg});
}

void fr_g_end(struct fr_gba *run, struct fr_acts *acts)
{
    run->next = run->phase = FR_G_DONE;
    if (!run->session.closed)
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CLOSE});
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DONE});
}

bool fr_g_waits(const struct fr_gba *run)
{
    return run->ctx->wait_target_ms > 0 && !run->pending;
}

bool fr_g_is_plain(const struct fr_gba *run)
{
    for (size_t i = 0; i < run->ctx->n_plain_mefs; i++)
        if (fr_ascii_equal_fold(run->ctx->plain_mefs[i], run->in->mef))
            return true;
    return false;
}

enum fr_code fr_g_connect(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    struct fr_connect connect = {.role = FR_ROLE_MEF,
                                 .host = run->session.host,
                                 .port = run->session.port,
                                 .instruction = run->in,
                                 .transport =
                                     fr_g_is_plain(run) ? FR_PLAIN : FR_TLS_SERVER};

    (void)err;
    fr_g_reach(acts, FR_PHASE_CONNECT);
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_CONNECT, .connect = connect});
    return FR_OK;
}

enum fr_code fr_g_send(struct fr_gba *run, const struct fr_http_request *req,
                       struct fr_acts *acts, struct fr_err *err)
{
    struct fr_act act = {.kind = FR_ACT_SEND};

    FR_TRY(fr_mmef_session_send(&run->session, req, &act.bytes, err));
    fr_acts_add(acts, act);
    return FR_OK;
}

/* The key that Ks gives to the MEF itself; with gba-u that is what we have of Ks. */
static enum fr_code mef_key(const struct fr_credential *c, struct fr_secret **ret,
                            struct fr_err *err)
{
    const struct fr_gba_naf naf = {.key = FR_GBA_ME,
                                   .rand = {c->rand, sizeof c->rand},
                                   .impi = c->impi,
                                   .naf_fqdn = c->mef,
                                   .ua = FR_UA_HTTP_DIGEST};

    if (c->derivation == FR_DERIVE_GBA_U)
        return fr_secret_from(fr_secret_view(c->ke).data, fr_secret_len(c->ke), ret,
                              err);
    return fr_gba_naf_key(c->ke, &naf, ret, err);
}

static enum fr_code write_proof(const struct fr_gba *run,
                                const struct fr_http_request *req, struct fr_buf *to,
                                struct fr_err *err)
{
    const struct fr_credential *c = run->credential;
    struct fr_gba_proof proof = {.btid = c->key_id,
                                 .mef_fqdn = c->mef,
                                 .method = req->method,
                                 .path = req->path};
    FR_AUTO(secret) *key = NULL;
    uint8_t mac[FR_SHA256_LEN];

    FR_TRY(fr_sha256(req->body, proof.body_sha256, err));
    FR_TRY(mef_key(c, &key, err));
    FR_TRY(fr_gba_proof_mac(key, &proof, mac, err));
    FR_TRY(fr_gba_proof_write(c->key_id, mac, to, err));
    return fr_buf_check(to, err);
}

enum fr_code fr_g_prove(struct fr_gba *run, const char *method, const char *path,
                        struct fr_slice body, struct fr_acts *acts, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) auth = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    struct fr_http_header headers[] = {{"Authorization", NULL},
                                       {"Content-Type", "application/json"}};
    struct fr_http_request req = {.method = method,
                                  .path = path,
                                  .headers = headers,
                                  .n_headers = body.len ? 2 : 1,
                                  .body = body};

    FR_TRY(write_proof(run, &req, &auth, err));
    headers[0].value = fr_buf_cstr(&auth);
    return fr_g_send(run, &req, acts, err);
}

enum fr_code fr_g_check_proof(const struct fr_gba *run, const char *path,
                              struct fr_err *err)
{
    const struct fr_http_response *r = run->session.response;
    const char *value = fr_http_header(r, FR_GBA_PROOF_HEADER);
    const struct fr_credential *c = run->credential;
    struct fr_gba_proof proof = {.btid = c->key_id,
                                 .mef_fqdn = c->mef,
                                 .method = FR_GBA_PROOF_ANSWER,
                                 .path = path};
    uint8_t got[FR_SHA256_LEN], want[FR_SHA256_LEN];
    char btid[FR_BTID_MAX + 1];
    FR_AUTO(secret) *key = NULL;

    if (!value)
        return FR_FAIL_AS(err, FR_EREFUSED, "proof-missing",
                          "%s does not prove that it holds the key", c->mef);
    FR_TRY(fr_gba_proof_parse(value, btid, got, err));
    FR_TRY(fr_sha256(fr_http_body(r), proof.body_sha256, err));
    FR_TRY(mef_key(c, &key, err));
    FR_TRY(fr_gba_proof_mac(key, &proof, want, err));
    if (!fr_mac_equal(fr_slice_of(got, sizeof got), fr_slice_of(want, sizeof want)))
        return FR_FAIL_AS(err, FR_EREFUSED, "proof-mismatch",
                          "%s answers without the key", c->mef);
    return FR_OK;
}

static enum fr_code ask_for_key(struct fr_gba *run, const char *method,
                                struct fr_acts *acts, struct fr_err *err)
{
    return fr_g_prove(run, method, FR_GBA_ACK_PATH, fr_slice_of("", 0), acts, err);
}

/* ---- resolve ---- */

enum fr_code fr_g_look_up(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    FR_TRY(fr_credential_copy(run->pending, &run->credential, err));
    FR_TRY(fr_g_meet(run, acts, err));
    if (fr_credential_is_reused(run->credential))
        return fr_g_ask_target(run, acts, err);
    return ask_for_key(run, "GET", acts, err);
}

enum fr_code fr_g_forget_pending(struct fr_gba *run, struct fr_acts *acts,
                                 struct fr_err *err)
{
    (void)err;
    fr_credential_free(FR_TAKE(run->credential));
    fr_g_end(run, acts);
    return FR_OK;
}

/* ---- the target's fetch ---- */

static enum fr_code ask_fetched(struct fr_gba *run, int64_t left_ms,
                                struct fr_acts *acts, struct fr_err *err)
{
    int64_t wait_ms = left_ms < POLL_MS ? left_ms : POLL_MS;
    char path[sizeof FR_GBA_FETCHED_PATH + 32];

    snprintf(path, sizeof path, FR_GBA_FETCHED_PATH "?wait=%d",
             (int)((wait_ms + 999) / 1000));
    run->n_polls++;
    return fr_g_prove(run, "GET", path, (struct fr_slice){0}, acts, err);
}

static enum fr_code finish(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    const struct fr_run_context *ctx = run->ctx;

    if (!fr_g_waits(run)) {
        fr_g_end(run, acts);
        return FR_OK;
    }
    run->wait_until = fr_mono_ms(ctx->env) + ctx->wait_target_ms;
    run->next = FR_G_WAITING;
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_WAIT, .wait_ms = ctx->wait_target_ms});
    return ask_fetched(run, ctx->wait_target_ms, acts, err);
}

static enum fr_code cannot_tell(struct fr_gba *run, struct fr_acts *acts)
{
    fr_err_set(&run->warning, FR_EUNSUPPORTED, NULL, FR_HERE,
               "%s cannot tell whether the target has fetched its key: not waiting",
               run->in->mef);
    fr_g_warn(run, acts);
    fr_g_end(run, acts);
    return FR_OK;
}

/* A MEF that says no without having waited is not asked for ever. */
enum fr_code fr_g_take_fetched(struct fr_gba *run, struct fr_acts *acts,
                               struct fr_err *err)
{
    const struct fr_run_context *ctx = run->ctx;
    int64_t left_ms = run->wait_until - fr_mono_ms(ctx->env);
    bool fetched = false;

    if (fr_mmef_session_is_not_found(&run->session))
        return cannot_tell(run, acts);
    FR_TRY(fr_mmef_session_check(&run->session, "asking whether the target has its key",
                                 err));
    FR_TRY(
        fr_mmef_is_fetched_decode(fr_http_body(run->session.response), &fetched, err));
    if (fetched) {
        fr_g_end(run, acts);
        return FR_OK;
    }
    if (left_ms <= 0 || run->n_polls > 2 * (ctx->wait_target_ms / POLL_MS + 1))
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "target-not-fetched",
                          "the target has not fetched its key in the time given");
    return ask_fetched(run, left_ms, acts, err);
}

/* ---- ack and records ---- */

static enum fr_code report(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) records = FR_BUF_INIT(FR_MMEF_BODY_MAX);
    const struct fr_run_context *ctx = run->ctx;

    fr_g_reach(acts, FR_PHASE_DONE);
    if (ctx->records)
        FR_TRY(ctx->records(ctx->ctx, &records, err));
    FR_TRY(fr_buf_check(&records, err));
    if (records.len == 0)
        return finish(run, acts, err);
    run->next = FR_G_REPORTING;
    return fr_g_prove(run, "POST", FR_GBA_ATTEMPTS_PATH, fr_buf_view(&records), acts,
                      err);
}

enum fr_code fr_g_after_flip(struct fr_gba *run, struct fr_acts *acts,
                             struct fr_err *err)
{
    fr_g_reach(acts, FR_PHASE_COMMIT);
    return ask_for_key(run, "POST", acts, err);
}

/* A GBA-BSF of another make has nothing of this, and needs no ack. */
static enum fr_code finish_foreign(struct fr_gba *run, struct fr_acts *acts)
{
    if (fr_g_waits(run))
        return cannot_tell(run, acts);
    fr_err_set(&run->warning, FR_EUNSUPPORTED, NULL, FR_HERE,
               "%s takes no acknowledgement and no records: it is a GBA-BSF of another "
               "make",
               run->in->mef);
    fr_g_reach(acts, FR_PHASE_DONE);
    fr_g_warn(run, acts);
    fr_g_end(run, acts);
    return FR_OK;
}

enum fr_code fr_g_take_ack(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    const struct fr_http_response *r = run->session.response;

    if (fr_http_status(r) == 404 && fr_mmef_rsc(r) != 4004)
        return finish_foreign(run, acts);
    FR_TRY(fr_mmef_session_check(&run->session, "acknowledging the key", err));
    FR_TRY(fr_g_check_proof(run, FR_GBA_ACK_PATH, err));
    return report(run, acts, err);
}

/* A MEF without the upload says 404, and that is fine. */
enum fr_code fr_g_finish_report(struct fr_gba *run, struct fr_acts *acts,
                                struct fr_err *err)
{
    if (!fr_mmef_session_is_not_found(&run->session))
        FR_TRY(fr_mmef_session_check(&run->session, "handing over the attempt records",
                                     err));
    return finish(run, acts, err);
}
