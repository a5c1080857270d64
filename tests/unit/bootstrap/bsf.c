/* SPDX-License-Identifier: Apache-2.0 */
#include "bsf.h"

#include <stdlib.h>

#include "bootstrap/gba_steps.h"
#include "test.h"

enum { ANSWER_MAX = 16384 };

const char *bsf_http(const char *head, const char *body)
{
    static char text[ANSWER_MAX];

    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", head,
             strlen(body), body);
    return text;
}

/* Header's value; "" if there is none. */
static const char *header(const char *request, const char *name, char to[4096])
{
    char line[64];
    const char *at;

    snprintf(line, sizeof line, "\r\n%s: ", name);
    at = strstr(request, line);
    to[0] = 0;
    if (at) {
        at += strlen(line);
        snprintf(to, 4096, "%.*s", (int)strcspn(at, "\r"), at);
    }
    return to;
}

static void put_head(const struct bsf *b, const char *head, struct fr_buf *reply)
{
    fr_buf_fmt(reply, "HTTP/1.1 %s\r\n", head);
    if (b->date)
        fr_buf_fmt(reply, "Date: %s\r\n", b->date);
}

static void put_body(struct fr_slice body, struct fr_buf *reply)
{
    fr_buf_fmt(reply, "Content-Length: %zu\r\n\r\n", body.len);
    fr_buf_put(reply, body.data, body.len);
}

static void challenge(struct bsf *b, struct fr_buf *reply)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    struct fr_digest_challenge c = {.opaque = "o", .version = b->version};
    struct fr_err err = {0};

    snprintf(c.realm, sizeof c.realm, "%s", b->realm ? b->realm : "mef.example.com");
    assert_true(fr_hex_decode(fr_slice_str(FAKE_RAND), c.rand));
    assert_true(fr_hex_decode(fr_slice_str(FAKE_AUTN), c.autn));
    assert_ok(fr_digest_challenge_write(&c, &value, &err));
    put_head(b, "401 Unauthorized", reply);
    if (b->nonce)
        fr_buf_fmt(reply,
                   "WWW-Authenticate: Digest realm=\"mef.example.com\", nonce=\"%s\", "
                   "qop=\"auth-int\", algorithm=AKAv1-MD5\r\n",
                   b->nonce);
    else
        fr_buf_fmt(reply, "WWW-Authenticate: %s\r\n", fr_buf_cstr(&value));
    put_body((struct fr_slice){0}, reply);
}

static void put_rspauth(const struct bsf *b, struct fr_slice body, struct fr_buf *reply)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    struct fr_digest_info info = {.has_auth_int = !b->no_auth_int};
    struct fr_err err = {0};

    assert_ok(fr_digest_compute(&b->auth, b->res, "", body, info.rspauth, &err));
    if (b->wrong_rspauth)
        info.rspauth[0] = info.rspauth[0] == '0' ? '1' : '0';
    if (b->no_rspauth)
        info.rspauth[0] = 0;
    snprintf(info.cnonce, sizeof info.cnonce, "%s",
             b->wrong_cnonce ? "other" : b->auth.cnonce);
    snprintf(info.nc, sizeof info.nc, "%s", b->auth.nc);
    assert_ok(fr_digest_info_write(&info, &value, &err));
    fr_buf_fmt(reply, "Authentication-Info: %s\r\n", fr_buf_cstr(&value));
}

static void put_proof(const struct bsf *b, const char *path, struct fr_slice body,
                      struct fr_buf *reply)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_DIGEST_HEADER_MAX);
    struct fr_gba_proof proof = {.btid = b->info.btid,
                                 .mef_fqdn = "mef.example.com",
                                 .method = FR_GBA_PROOF_ANSWER,
                                 .path = path};
    uint8_t mac[FR_SHA256_LEN];
    struct fr_err err = {0};

    assert_ok(fr_sha256(body, proof.body_sha256, &err));
    assert_ok(fr_gba_proof_mac(b->ks_mef, &proof, mac, &err));
    mac[0] ^= b->wrong_proof;
    assert_ok(fr_gba_proof_write(b->info.btid, mac, &value, &err));
    fr_buf_fmt(reply, FR_GBA_PROOF_HEADER ": %s\r\n", fr_buf_cstr(&value));
}

static void put_info(const struct bsf *b, struct fr_buf *to)
{
    struct fr_err err = {0};

    if (b->body)
        fr_buf_str(to, b->body);
    else
        assert_ok(fr_gba_info_write(&b->info, to, &err));
}

static void finish(struct bsf *b, struct fr_buf *reply)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(ANSWER_MAX);

    put_info(b, &body);
    put_head(b, "200 OK", reply);
    fr_buf_str(reply, "Content-Type: " FR_GBA_INFO_TYPE "\r\n");
    if (!b->no_info)
        put_rspauth(b, fr_buf_view(&body), reply);
    if (!b->no_proof)
        put_proof(b, "/", fr_buf_view(&body), reply);
    put_body(b->other_body ? fr_slice_str(b->other_body) : fr_buf_view(&body), reply);
}

/* ---- our extensions ---- */

static void assert_proven(const struct bsf *b, const char *request)
{
    char method[8], path[256], value[4096], btid[FR_BTID_MAX + 1];
    uint8_t mac[FR_SHA256_LEN], want[FR_SHA256_LEN];
    const char *body = strstr(request, "\r\n\r\n") + 4;
    struct fr_gba_proof proof = {
        .btid = btid, .mef_fqdn = "mef.example.com", .method = method, .path = path};
    struct fr_err err = {0};

    assert_int_equal(sscanf(request, "%7s %255s", method, path), 2);
    assert_ok(
        fr_gba_proof_parse(header(request, "Authorization", value), btid, mac, &err));
    assert_string_equal(btid, b->info.btid);
    assert_ok(fr_sha256(fr_slice_str(body), proof.body_sha256, &err));
    assert_ok(fr_gba_proof_mac(b->ks_mef, &proof, want, &err));
    assert_memory_equal(mac, want, sizeof mac);
}

static void say_unknown(struct fr_buf *reply)
{
    fr_buf_str(reply, bsf_http("404 Not Found\r\nX-M2M-RSC: 4004",
                               "{\"reason\":\"no-such-key\",\"text\":\"never\"}"));
}

static void ack(struct bsf *b, struct fr_buf *reply)
{
    if (!b->knows) {
        say_unknown(reply);
        return;
    }
    put_head(b, "204 No Content", reply);
    if (!b->no_proof)
        put_proof(b, FR_GBA_ACK_PATH, fr_slice_of("", 0), reply);
    fr_buf_str(reply, "\r\n");
}

static void tell(struct bsf *b, const char *path, struct fr_buf *reply)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(ANSWER_MAX);

    if (!b->knows) {
        say_unknown(reply);
        return;
    }
    put_info(b, &body);
    put_head(b, "200 OK", reply);
    if (!b->no_proof)
        put_proof(b, path, fr_buf_view(&body), reply);
    put_body(b->other_body ? fr_slice_str(b->other_body) : fr_buf_view(&body), reply);
}

static void look_up(struct bsf *b, struct fr_buf *reply)
{
    tell(b, FR_GBA_ACK_PATH, reply);
}

static void grant(struct bsf *b, struct fr_buf *reply)
{
    tell(b, FR_REUSED_PATH, reply);
}

static void say_fetched(struct bsf *b, struct fr_buf *reply)
{
    bool yes = b->n_not_fetched-- <= 0;

    fr_buf_str(reply,
               bsf_http("200 OK", yes ? "{\"fetched\":true}" : "{\"fetched\":false}"));
}

/* ---- requests ---- */

static enum bsf_step step_of_ub(struct bsf *b, const char *request)
{
    char value[4096], want[FR_DIGEST_HEX + 1];
    const struct fr_digest_auth *a = &b->auth;
    struct fr_err err = {0};

    assert_ok(
        fr_digest_auth_parse(header(request, "Authorization", value), &b->auth, &err));
    if (!a->response[0])
        return BSF_CHALLENGE;
    assert_ok(fr_digest_compute(a, a->has_auts ? NULL : b->res, "GET",
                                (struct fr_slice){0}, want, &err));
    assert_string_equal(a->response, want);
    b->authenticated = !a->has_auts;
    return a->has_auts ? BSF_RESYNC : BSF_FINISH;
}

static enum bsf_step step_of(struct bsf *b, const char *request)
{
    if (strncmp(request, "GET / ", 6) == 0)
        return step_of_ub(b, request);
    assert_proven(b, request);
    if (strstr(request, "/ack "))
        return request[0] == 'G' ? BSF_LOOKUP : BSF_ACK;
    if (strstr(request, "/targets "))
        return BSF_TARGET;
    return strstr(request, "/attempts ") ? BSF_REPORT : BSF_FETCHED;
}

static bool is_refused_tmpi(const struct bsf *b, enum bsf_step step)
{
    return b->to_tmpi && step == BSF_CHALLENGE && strstr(b->auth.username, "@tmpi.");
}

static void reply_to(struct bsf *b, enum bsf_step step, struct fr_buf *reply)
{
    static void (*const replies[BSF_N_STEPS])(struct bsf *, struct fr_buf *) = {
        challenge, challenge, finish, look_up, ack, NULL, say_fetched, grant};

    if (is_refused_tmpi(b, step))
        fr_buf_str(reply, b->to_tmpi);
    else if (b->raw[step])
        fr_buf_str(reply, b->raw[step]);
    else if (replies[step])
        replies[step](b, reply);
    else
        fr_buf_str(reply, "HTTP/1.1 204 No Content\r\n\r\n");
}

static bool answer(void *state, struct fr_slice sent, struct fr_buf *reply)
{
    struct bsf *b = state;
    char request[sizeof b->request[0]];
    enum bsf_step step;
    size_t before = reply->len;

    assert_true(sent.len < sizeof request);
    memcpy(request, sent.data, sent.len);
    request[sent.len] = 0;
    assert_non_null(strstr(request, "\r\nHost: mef.example.com:"));
    step = step_of(b, request);
    memcpy(b->request[step], request, sizeof request);
    b->count[step]++;
    reply_to(b, step, reply);
    if (b->cuts[step])
        reply->len = before + (reply->len - before) / 2;
    if (b->hangs_up_on_tmpi && is_refused_tmpi(b, step))
        return false;
    return !b->cuts[step] && !b->hangs_up[step];
}

/* ---- life ---- */

static void make_keys(struct bsf *b)
{
    FR_AUTO(secret) *ks = NULL;
    uint8_t rand[FR_AKA_RAND_LEN];
    const struct fr_gba_naf naf = {.rand = {rand, sizeof rand},
                                   .impi = FAKE_IMPI,
                                   .naf_fqdn = "mef.example.com",
                                   .ua = FR_UA_HTTP_DIGEST};
    struct fr_err err = {0};

    assert_true(fr_hex_decode(fr_slice_str(FAKE_RAND), rand));
    assert_ok(fr_secret_from_hex(fr_slice_str(FAKE_RES), &b->res, &err));
    assert_ok(fr_secret_from_hex(fr_slice_str(FAKE_CK FAKE_IK), &ks, &err));
    assert_ok(fr_gba_naf_key(ks, &naf, &b->ks_mef, &err));
}

void bsf_begin(struct bsf *b, struct fr_drive *d)
{
    int64_t now = d->env.wall_s;

    *b = (struct bsf){.info = {.btid = BSF_BTID,
                               .lifetime = now + BSF_LIFE,
                               .current_time = now,
                               .target = "broker.example.com",
                               .target_fqdn = "broker.example.com",
                               .admin_fqdn = "admin.example.com",
                               .suid = FR_SUID_DEFAULT},
                      .knows = true};
    make_keys(b);
    fr_fake_sim_reset();
    d->bootstrap = &fr_bootstrap_gba;
    d->link = (struct fr_link){.credential_ref = "", .own_id = ""};
    d->peer = (struct fr_drive_peer){b, answer};
}

void bsf_end(struct bsf *b)
{
    fr_secret_free(b->res);
    fr_secret_free(b->ks_mef);
}

int bsf_fixture_begin(void **state)
{
    struct bsf_fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    fr_drive_init(&f->d);
    bsf_begin(&f->bsf, &f->d);
    *state = f;
    return 0;
}

int bsf_fixture_end(void **state)
{
    struct bsf_fixture *f = *state;

    fr_drive_clear(&f->d);
    bsf_end(&f->bsf);
    fr_credential_free(f->pending);
    free(f);
    return fr_fake_sim.n_open;
}

struct fr_credential *bsf_run(struct bsf_fixture *f)
{
    struct fr_credential *c = NULL;
    struct fr_err err = {0};

    assert_ok(fr_drive_run(&f->d, &err));
    assert_true(f->d.done && f->d.flipped);
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    return c;
}
