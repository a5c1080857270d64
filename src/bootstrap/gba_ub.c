/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of Ub (TS 24.109 clause 4): from the SIM's name to the flip. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/timetext.h"
#include "bootstrap/gba_steps.h"

#define CNONCE_OCTETS 8
#define AGENT         "fieldroot 3gpp-gba-tmpi" /* TS 33.220 4.5.2 */

/* ---- the SIM ---- */

void fr_g_ask_sim(struct fr_gba *run, enum fr_usim_question question,
                  struct fr_acts *acts)
{
    struct fr_usim_ask ask = {.question = question,
                              .instruction = run->in,
                              .rand = run->challenge.rand,
                              .autn = run->challenge.autn,
                              .gba_u = run->gba_u,
                              .naf = &run->naf};

    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_USIM, .usim = ask});
}

enum fr_code fr_g_identify(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    (void)err;
    fr_g_ask_sim(run, FR_USIM_IDENTIFY, acts);
    return FR_OK;
}

static const struct fr_usim_ev *sim(const struct fr_gba *run)
{
    static const struct fr_usim_ev nothing = {0};

    return run->ev->usim ? run->ev->usim : &nothing;
}

enum fr_code fr_g_connect_as(struct fr_gba *run, struct fr_acts *acts,
                             struct fr_err *err)
{
    const struct fr_usim_ev *ev = sim(run);

    if (!ev->impi || !ev->impi[0] || strlen(ev->impi) > FR_IMPI_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "a SIM without an IMPI");
    snprintf(run->impi, sizeof run->impi, "%s", ev->impi);
    if (ev->tmpi)
        snprintf(run->tmpi, sizeof run->tmpi, "%s", ev->tmpi);
    run->gba_u = ev->has_gba_u;
    run->needs_gba_u = ev->needs_gba_u;
    run->akav2 = ev->has_akav2;
    FR_TRY(fr_g_find_ks(run, err));
    return fr_g_connect(run, acts, err);
}

/* ---- requests ---- */

enum fr_code fr_g_meet(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    if (!run->ev->link)
        return FR_FAIL(err, FR_EINTERNAL, "a connection without a link");
    run->mef_not_before = run->ev->link->peer_not_before;
    fr_g_reach(acts, FR_PHASE_REGISTER);
    return FR_OK;
}

/* What the MEF would refuse, it shall refuse before a vector is spent [F]. */
static size_t put_wishes(const struct fr_gba *run, struct fr_http_header *to,
                         char suid[12], char expires[FR_TIME_TEXT])
{
    const struct fr_instruction *in = run->in;
    const struct fr_env *env = run->ctx->env;
    size_t n = 0;

    snprintf(suid, 12, "%d", in->suid);
    if (in->suid != FR_SUID_DEFAULT)
        to[n++] = (struct fr_http_header){"X-Fieldroot-SUID", suid};
    if (in->target)
        to[n++] = (struct fr_http_header){"X-Fieldroot-Target", in->target};
    if (in->admin_fqdn)
        to[n++] = (struct fr_http_header){"X-Fieldroot-Admin-FQDN", in->admin_fqdn};
    if (fr_wall_is_synchronised(env))
        to[n++] = (struct fr_http_header){
            "X-Fieldroot-Expires",
            fr_m2m_time_format(fr_wall_s(env) + in->expiry_s, expires)};
    return n;
}

/* GET / with run->auth. */
static enum fr_code ask_ub(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    enum { OWN = 2, WISHES = 4 };
    FR_AUTO_CLEAR(buf) auth = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    struct fr_http_header headers[OWN + WISHES] = {{"User-Agent", AGENT}};
    struct fr_http_request req = {.method = "GET", .path = "/", .headers = headers};
    char suid[12], expires[FR_TIME_TEXT];

    FR_TRY(fr_digest_auth_write(&run->auth, &auth, err));
    FR_TRY(fr_buf_check(&auth, err));
    headers[OWN - 1] = (struct fr_http_header){"Authorization", fr_buf_cstr(&auth)};
    req.n_headers = OWN + put_wishes(run, headers + OWN, suid, expires);
    return fr_g_send(run, &req, acts, err);
}

/* The name of the first request is that of all [U]. */
enum fr_code fr_g_ask_first(struct fr_gba *run, struct fr_acts *acts,
                            struct fr_err *err)
{
    struct fr_digest_auth *a = &run->auth;

    *a = (struct fr_digest_auth){.uri = "/"};
    snprintf(a->username, sizeof a->username, "%s",
             run->tmpi[0] ? run->tmpi : run->impi);
    snprintf(a->realm, sizeof a->realm, "%s", run->in->mef);
    return ask_ub(run, acts, err);
}

/* With the numbers that belong to run->challenge and the password. */
static enum fr_code answer_challenge(struct fr_gba *run, struct fr_acts *acts,
                                     struct fr_err *err)
{
    const struct fr_digest_challenge *c = &run->challenge;
    struct fr_digest_auth *a = &run->auth;

    a->version = c->version;
    a->has_auth_int = true;
    memcpy(a->realm, c->realm, sizeof a->realm);
    memcpy(a->nonce, c->nonce, sizeof a->nonce);
    memcpy(a->opaque, c->opaque, sizeof a->opaque);
    snprintf(a->nc, sizeof a->nc, "00000001");
    fr_random_hex(run->ctx->env, a->cnonce, CNONCE_OCTETS);
    FR_TRY(fr_digest_compute(a, run->password, "GET", (struct fr_slice){0}, a->response,
                             err));
    return ask_ub(run, acts, err);
}

/* ---- challenge ---- */

static enum fr_code check_challenge(const struct fr_gba *run, struct fr_err *err)
{
    const struct fr_digest_challenge *c = &run->challenge;
    char shown[FR_ID_MAX + 1];

    if (!fr_ascii_equal_fold(c->realm, run->in->mef))
        return FR_FAIL_AS(err, FR_EREFUSED, "realm-mismatch",
                          "%s challenges in the name of \"%s\"", run->in->mef,
                          fr_printable(fr_slice_str(c->realm), shown, sizeof shown));
    /* Its password is made of CK and IK too, which a card may keep. */
    if (c->version != FR_AKAV1_MD5 && (!run->akav2 || run->gba_u))
        return FR_FAIL_AS(err, FR_EUNSUPPORTED, "digest-algorithm",
                          "%s wants another algorithm than AKAv1-MD5", run->in->mef);
    return FR_OK;
}

/* Ours says so; of another make it is the bare status [U]. */
static bool is_tmpi_unknown(const struct fr_gba *run, const struct fr_err *why)
{
    static const char *const reasons[] = {"tmpi-unknown", "http-400", "http-403",
                                          "http-404"};

    for (size_t i = 0; run->tmpi[0] && i < sizeof reasons / sizeof reasons[0]; i++)
        if (fr_str_equal(why->reason, reasons[i]))
            return true;
    return false;
}

static enum fr_code ask_by_impi(struct fr_gba *run, struct fr_acts *acts,
                                struct fr_err *err)
{
    run->tmpi[0] = 0;
    if (!run->session.lost) {
        run->next = FR_G_ASKING;
        return fr_g_ask_first(run, acts, err);
    }
    run->session.lost = run->session.closed = false;
    run->next = FR_G_CONNECTING;
    return fr_g_connect(run, acts, err);
}

enum fr_code fr_g_take_challenge(struct fr_gba *run, struct fr_acts *acts,
                                 struct fr_err *err)
{
    const struct fr_http_response *r = run->session.response;
    const char *value = fr_http_header(r, "WWW-Authenticate");

    if (fr_http_status(r) != 401 || !value) {
        enum fr_code rc =
            fr_mmef_session_check(&run->session, "asking for a challenge", err);
        if (rc != FR_OK)
            return is_tmpi_unknown(run, err) ? ask_by_impi(run, acts, err) : rc;
        return FR_FAIL_AS(err, FR_EINVALID, "challenge-missing",
                          "%s sends no challenge", run->in->mef);
    }
    FR_TRY(fr_digest_challenge_parse(value, &run->challenge, err));
    FR_TRY(check_challenge(run, err));
    fr_g_ask_sim(run, FR_USIM_AUTHENTICATE, acts);
    return FR_OK;
}

/* The network's counter is behind the SIM's: AUTS tells it, with no password (RFC 3310
 * 3.4). A network that does not learn would go on for ever. */
static enum fr_code resynchronise(struct fr_gba *run,
                                  const struct fr_aka_answer *answer,
                                  struct fr_acts *acts, struct fr_err *err)
{
    enum fr_code rc;

    if (++run->n_resyncs > FR_GBA_RESYNCS_MAX)
        return FR_FAIL_AS(err, FR_EREFUSED, "resync-no-end",
                          "the network does not follow the SIM's sequence number: %d "
                          "resynchronisations were of no use",
                          FR_GBA_RESYNCS_MAX);
    memcpy(run->auth.auts, answer->auts, sizeof run->auth.auts);
    run->auth.has_auts = true;
    run->next = FR_G_ASKING;
    rc = answer_challenge(run, acts, err);
    run->auth.has_auts = false;
    return rc;
}

/* ---- the first slot: the key, and little else that is known ---- */

static enum fr_code name_credential(struct fr_gba *run, struct fr_credential *c,
                                    struct fr_err *err)
{
    const struct fr_instruction *in = run->in;
    const char *target = in->target ? in->target : in->mef;
    bool is_fqdn = fr_fqdn_is_valid(fr_slice_str(target));
    char btid[FR_BTID_MAX + 1];

    FR_TRY(fr_str_dup(run->super.method->name, &c->method, err));
    FR_TRY(fr_str_dup(in->mef, &c->mef, err));
    FR_TRY(fr_str_dup(target, &c->target, err));
    FR_TRY(fr_str_dup(is_fqdn ? target : in->mef, &c->target_fqdn, err));
    FR_TRY(fr_str_dup(in->admin_fqdn ? in->admin_fqdn : in->mef, &c->admin_fqdn, err));
    FR_TRY(fr_str_dup(fr_btid_format(run->challenge.rand, in->mef, btid), &c->key_id,
                      err));
    FR_TRY(fr_str_dup(FR_GBA_ACK_PATH, &c->registration, err));
    FR_TRY(fr_str_dup_opt(in->credential, &c->credential_name, err));
    return fr_str_dup(run->impi, &c->impi, err);
}

static enum fr_code copy_key(const struct fr_secret *key, struct fr_secret **to,
                             struct fr_err *err)
{
    if (!key || fr_secret_len(key) != FR_KE_LEN)
        return FR_FAIL_AS(err, FR_EINVALID, "card-answer",
                          "the SIM answers without a key of %d octets", FR_KE_LEN);
    return fr_secret_from(fr_secret_view(key).data, FR_KE_LEN, to, err);
}

/* It must be durable before the MEF may commit. */
static enum fr_code store_pending(struct fr_gba *run, const struct fr_secret *ke,
                                  struct fr_acts *acts, struct fr_err *err)
{
    FR_AUTO(credential) *c = NULL;

    FR_TRY(fr_credential_new(&c, err));
    c->port = run->in->port;
    c->suid = run->in->suid;
    c->derivation = run->gba_u ? FR_DERIVE_GBA_U : FR_DERIVE_GBA;
    c->created = fr_wall_s(run->ctx->env);
    memcpy(c->rand, run->challenge.rand, sizeof c->rand);
    FR_TRY(name_credential(run, c, err));
    FR_TRY(copy_key(ke, &c->ke, err));
    run->credential = FR_TAKE(c);
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_STORE_PENDING,
                                      .credential = run->credential});
    return FR_OK;
}

static struct fr_gba_naf naf_of(const struct fr_gba *run, const char *fqdn,
                                enum fr_ua ua)
{
    const struct fr_credential *c = run->credential;

    return (struct fr_gba_naf){
        .key = FR_GBA_ME,
        .rand = {c ? c->rand : run->challenge.rand, FR_AKA_RAND_LEN},
        .impi = c ? c->impi : run->impi,
        .naf_fqdn = fqdn,
        .ua = ua};
}

static enum fr_code keep_password(struct fr_gba *run,
                                  const struct fr_aka_answer *answer,
                                  struct fr_err *err)
{
    const struct fr_slice ks =
        answer->ks ? fr_secret_view(answer->ks) : (struct fr_slice){0};
    struct fr_aka_keys keys = {.res = {answer->res, answer->res_len}};

    if (ks.len == FR_KS_LEN) {
        keys.ck = fr_slice_of(ks.data, FR_AKA_KEY_LEN);
        keys.ik = fr_slice_of(ks.data + FR_AKA_KEY_LEN, FR_AKA_KEY_LEN);
    }
    if (answer->res_len < FR_AKA_RES_MIN || answer->res_len > FR_AKA_RES_MAX)
        return FR_FAIL_AS(err, FR_EINVALID, "card-answer",
                          "the SIM answers with a RES of %zu octets", answer->res_len);
    return fr_digest_password(run->challenge.version, &keys, &run->password, err);
}

enum fr_code fr_g_take_answer(struct fr_gba *run, struct fr_acts *acts,
                              struct fr_err *err)
{
    const struct fr_aka_answer *answer = sim(run)->answer;

    if (!answer)
        return FR_FAIL(err, FR_EINTERNAL, "a SIM without an answer");
    if (answer->verdict == FR_AKA_SYNC)
        return resynchronise(run, answer, acts, err);
    FR_TRY(keep_password(run, answer, err));
    if (!run->gba_u)
        return store_pending(run, answer->ks, acts, err);
    run->naf = naf_of(run, run->in->mef, FR_UA_HTTP_DIGEST);
    run->next = FR_G_MEF_KEY;
    fr_g_ask_sim(run, FR_USIM_NAF_KEY, acts);
    return FR_OK;
}

enum fr_code fr_g_take_mef_key(struct fr_gba *run, struct fr_acts *acts,
                               struct fr_err *err)
{
    return store_pending(run, sim(run)->naf_key, acts, err);
}

enum fr_code fr_g_respond(struct fr_gba *run, struct fr_acts *acts, struct fr_err *err)
{
    fr_g_reach(acts, FR_PHASE_CONFIRM);
    return answer_challenge(run, acts, err);
}

/* ---- success ---- */

static enum fr_code no_proof(const struct fr_gba *run, const char *reason,
                             const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EREFUSED, reason,
                      "%s does not prove that it knows the SIM's answer: its "
                      "Authentication-Info is %s",
                      run->in->mef, what);
}

/* rspauth is the MEF's key confirmation, and covers the body (RFC 7616 3.5). */
static enum fr_code check_rspauth(const struct fr_gba *run, struct fr_err *err)
{
    const struct fr_http_response *r = run->session.response;
    const char *value = fr_http_header(r, "Authentication-Info");
    const struct fr_digest_auth *a = &run->auth;
    struct fr_digest_info got;
    char want[FR_DIGEST_HEX + 1];

    if (!value)
        return no_proof(run, "rspauth-missing", "missing", err);
    FR_TRY(fr_digest_info_parse(value, &got, err));
    if (!got.rspauth[0])
        return no_proof(run, "rspauth-missing", "without rspauth", err);
    FR_TRY(fr_digest_compute(a, run->password, "", fr_http_body(r), want, err));
    if (!fr_digest_equal(want, got.rspauth) || !got.has_auth_int ||
        !fr_str_equal(got.cnonce, a->cnonce) || !fr_str_equal(got.nc, a->nc))
        return no_proof(run, "rspauth-wrong", "wrong", err);
    return FR_OK;
}

/* rspauth is of RES: it does not tell whether CK and IK came to the MEF as they are.
 * Its proof does; a GBA-BSF of another make has none. */
static enum fr_code check_ks(const struct fr_gba *run, struct fr_err *err)
{
    if (!fr_http_header(run->session.response, FR_GBA_PROOF_HEADER))
        return FR_OK;
    return fr_g_check_proof(run, "/", err);
}

void fr_g_store_again(struct fr_gba *run, struct fr_acts *acts)
{
    run->next = FR_G_RESTORING;
    fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_STORE_PENDING,
                                      .credential = run->credential});
}

/* The next of the target's keys that only the SIM can make; false: it has made all. */
static bool ask_naf_key(struct fr_gba *run, struct fr_acts *acts)
{
    struct fr_credential *c = run->credential;

    for (int ua = 0; c->derivation == FR_DERIVE_GBA_U && ua < FR_N_UAS; ua++) {
        if (c->naf_keys[ua])
            continue;
        run->naf = naf_of(run, c->target_fqdn, (enum fr_ua)ua);
        run->next = FR_G_NAF_KEYS;
        fr_g_ask_sim(run, FR_USIM_NAF_KEY, acts);
        return true;
    }
    return false;
}

void fr_g_flip(struct fr_gba *run, struct fr_acts *acts)
{
    run->next = FR_G_FLIPPING;
    fr_acts_add(acts,
                (struct fr_act){.kind = FR_ACT_FLIP, .credential = run->credential});
}

enum fr_code fr_g_take_success(struct fr_gba *run, struct fr_acts *acts,
                               struct fr_err *err)
{
    bool changed;

    FR_TRY(fr_mmef_session_check(&run->session, "answering the challenge", err));
    FR_TRY(check_rspauth(run, err));
    fr_secret_free(FR_TAKE(run->password));
    FR_TRY(fr_g_take_info(run, &changed, err));
    FR_TRY(check_ks(run, err));
    run->credential->confirmed = true;
    if (ask_naf_key(run, acts))
        return FR_OK;
    fr_g_store_again(run, acts); /* at least the time until which it is good is new */
    return FR_OK;
}

enum fr_code fr_g_take_naf_key(struct fr_gba *run, struct fr_acts *acts,
                               struct fr_err *err)
{
    FR_TRY(copy_key(sim(run)->naf_key, &run->credential->naf_keys[run->naf.ua], err));
    if (!ask_naf_key(run, acts))
        fr_g_store_again(run, acts);
    return FR_OK;
}

enum fr_code fr_g_flip_stored(struct fr_gba *run, struct fr_acts *acts,
                              struct fr_err *err)
{
    (void)err;
    fr_g_flip(run, acts);
    return FR_OK;
}

/* ---- resolve ---- */

/* Only the MEF's own "not found" (RSC 4004) drops a key: an HTTP 404 without it may be
 * from anything on the way. */
enum fr_code fr_g_judge_pending(struct fr_gba *run, struct fr_acts *acts,
                                struct fr_err *err)
{
    const struct fr_http_response *r = run->session.response;
    bool changed;

    if (fr_mmef_rsc(r) == 4004 && fr_http_status(r) == 404) {
        run->next = FR_G_DROPPING;
        fr_acts_add(acts, (struct fr_act){.kind = FR_ACT_DROP_PENDING});
        return FR_OK;
    }
    FR_TRY(fr_mmef_session_check(&run->session, "asking the MEF for the pending key",
                                 err));
    FR_TRY(fr_g_check_proof(run, FR_GBA_ACK_PATH, err));
    FR_TRY(fr_g_take_info(run, &changed, err));
    if (ask_naf_key(run, acts))
        return FR_OK;
    if (changed)
        fr_g_store_again(run, acts);
    else
        fr_g_flip(run, acts);
    return FR_OK;
}
