/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MEF that answers anything, in any order: each piece of the input is an event, most
 * of them the answer to the request before. In an answer $I becomes the request's id
 * and $M the MAC that a real MEF would send, so that the end can be reached at all.
 */
#include "bootstrap/exchange.h"
#include "crypto/confirm.h"
#include "fake/env.h"
#include "fuzz.h"
#include "proto/mmef_http.h"

#define OWN_ID "dev1.example.com"
#define REF    "cert:00112233"
#define RI     "C1AEC59A313D1341C3D91E1FEE552FF2"
#define MEF    "mef.example.com"
#define EXPORTED                                                                       \
    "c1aec59a313d1341c3d91e1fee552ff271d4117ef18249a1ccb60f2bc89a24d6"                 \
    "4bf321300914dfdaf91b7152a909ad7c"

enum { PIECES_MAX = 64, ANSWER_MAX = 70000 };

struct world {
    struct fr_fake_env env;
    struct fr_exchange *x;
    struct fr_secret *exported, *ke;
    struct fr_buf answer;
    char request_id[FR_REQUEST_ID_LEN + 1];
    struct fr_confirm_fields fields;
    bool is_stored, is_flipped, is_over, resolves;
    enum fr_ev_kind owed[FR_ACTS_MAX]; /* what the driver answers by itself */
    size_t n_owed;
};

/* ---- our side of the wire ---- */

static void heard(struct world *w, struct fr_slice sent)
{
    const char *text = (const char *)sent.data; /* the run's buffer is terminated */
    const char *id = strstr(text, "X-M2M-RI: "), *body = strstr(text, "\r\n\r\n");

    FUZZ_ASSERT(id && body);
    snprintf(w->request_id, sizeof w->request_id, "%s", id + strlen("X-M2M-RI: "));
    if (strstr(text, "ty=104"))
        FUZZ_MUST(fr_sha256(fr_slice_str(body + 4), w->fields.request_sha256, NULL));
}

static void put_mac(struct world *w)
{
    uint8_t mac[FR_SHA256_LEN];

    if (FUZZ_MUST(fr_confirm_mac(w->ke, FR_CONFIRM_MEF, &w->fields, mac, NULL)))
        fr_base64_encode(fr_slice_of(mac, sizeof mac), true, &w->answer);
}

/* Expands $I and $M; remembers the body, in case it is a key registration's. */
static struct fr_slice answer_of(struct world *w, struct fr_slice piece)
{
    static const char end[] = "\r\n\r\n";

    fr_buf_reset(&w->answer);
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.data[i] != '$' || i + 1 == piece.len)
            fr_buf_u8(&w->answer, piece.data[i]);
        else if (piece.data[++i] == 'M')
            put_mac(w);
        else
            fr_buf_str(&w->answer, w->request_id);
    }
    if (w->answer.failed == FR_ENOMEM)
        fuzz_code(FR_ENOMEM);
    struct fr_slice whole = fr_buf_view(&w->answer);
    const uint8_t *at = whole.len ? memmem(whole.data, whole.len, end, 4) : NULL;

    if (at && fr_exchange_phase(w->x) == FR_X_KEY_REG) {
        size_t head = (size_t)(at - whole.data) + 4;

        FUZZ_MUST(fr_sha256(fr_slice_of(at + 4, whole.len - head),
                            w->fields.response_sha256, NULL));
    }
    return whole;
}

/* ---- the run ---- */

static void did(struct world *w, const struct fr_act *act)
{
    FUZZ_ASSERT(!w->is_over);
    if (act->kind == FR_ACT_WARN && fuzz_denied() != FUZZ_DENIED_NOTHING)
        fuzz_code(FR_ENOMEM); /* past the flip, a warning is all that may come of it */
    fuzz_saw_number(act->kind);
    if (act->kind == FR_ACT_SEND) {
        fuzz_saw(act->bytes);
        heard(w, act->bytes);
    } else if (act->kind == FR_ACT_STORE_PENDING) {
        FUZZ_ASSERT(!w->resolves && act->credential && !w->is_stored);
        fuzz_saw_text(act->credential->key_id);
        w->is_stored = true;
        w->owed[w->n_owed++] = FR_EV_STORED;
    } else if (act->kind == FR_ACT_FLIP) {
        FUZZ_ASSERT((w->is_stored || w->resolves) && !w->is_flipped);
        w->is_flipped = true;
        w->owed[w->n_owed++] = FR_EV_FLIPPED;
    } else if (act->kind == FR_ACT_DROP_PENDING) {
        FUZZ_ASSERT(w->resolves && !w->is_flipped);
        w->owed[w->n_owed++] = FR_EV_DROPPED;
    } else if (act->kind == FR_ACT_DONE) {
        FUZZ_ASSERT(w->is_flipped || w->resolves);
        w->is_over = true;
    }
}

static bool step(struct world *w, const struct fr_ev *ev)
{
    enum fr_exchange_phase before = fr_exchange_phase(w->x);
    struct fr_acts acts;
    enum fr_code rc = fr_exchange_step(w->x, ev, &acts, NULL);

    if (rc == FR_EINTERNAL && fr_exchange_phase(w->x) == before)
        return true; /* does not fit the phase */
    if (fuzz_code(rc) != FR_OK) {
        FUZZ_ASSERT(!w->is_flipped || rc == FR_ENOMEM);
        return false;
    }
    for (size_t i = 0; i < acts.n; i++)
        did(w, &acts.list[i]);
    return true;
}

/* Octets come whole or one by one; after them what the driver owes. */
static bool feed(struct world *w, struct fr_slice octets, size_t portion)
{
    while (octets.len > 0 && !w->is_over) {
        size_t n = octets.len < portion ? octets.len : portion;
        struct fr_ev ev = {.kind = FR_EV_BYTES, .bytes = fr_slice_of(octets.data, n)};

        if (!step(w, &ev))
            return false;
        octets.data += n;
        octets.len -= n;
    }
    return true;
}

static bool take_event(struct world *w, struct fr_cursor *tape)
{
    static const struct fr_err failure = {.code = FR_EUNREACHABLE, .reason = "cut"};
    static const struct fr_link no_keys = {
        .credential_ref = REF, .own_id = OWN_ID, .tls_version = "TLSv1.3"};
    const struct fr_link link = {.exported = w->exported,
                                 .credential_ref = REF,
                                 .own_id = OWN_ID,
                                 .tls_version = "TLSv1.3"};
    uint8_t what = fr_take_u8(tape);
    struct fr_ev ev = {.kind = what, .link = w->resolves ? &no_keys : &link};

    if (what == FR_EV_FAILED)
        ev.err = &failure;
    if (what <= FR_EV_CONNECTED || what == FR_EV_CLOSED || what == FR_EV_FAILED)
        return step(w, &ev);
    return feed(w, answer_of(w, fuzz_take_piece(tape)), what & 1 ? 1 : ANSWER_MAX);
}

static bool pay(struct world *w)
{
    while (w->n_owed > 0 && !w->is_over) {
        struct fr_ev ev = {.kind = w->owed[0]};

        memmove(w->owed, w->owed + 1, --w->n_owed * sizeof w->owed[0]);
        if (!step(w, &ev))
            return false;
    }
    return true;
}

static void look_at_fruit(struct world *w)
{
    FR_AUTO(credential) *c = NULL;

    if (!w->is_over || !FUZZ_MUST(fr_exchange_finish(w->x, &c, NULL)))
        return;
    FUZZ_ASSERT((c != NULL) == w->is_flipped);
    if (c) {
        fuzz_saw_text(c->key_id);
        fuzz_saw(fr_secret_view(c->ke));
    }
}

static void run(struct world *w, struct fr_cursor *tape,
                const struct fr_credential *pending)
{
    struct fr_instruction in = {.kind = FR_BOOTSTRAP,
                                .method = (char *)"certificate",
                                .mef = (char *)MEF,
                                .port = FR_PORT_HTTP,
                                .suid = FR_SUID_DEFAULT,
                                .expiry_s = FR_EXPIRY_DEFAULT};
    const struct fr_run_context ctx = {.env = &w->env.env,
                                       .confirmation = fr_take_u8(tape) & 1,
                                       .mef_base = "/mefbase"};
    const struct fr_exchange_config config = {"certificate", &ctx, &in, pending};

    if (!FUZZ_MUST(fr_exchange_new(&config, &w->x, NULL)))
        return;
    for (int i = 0; i < PIECES_MAX && tape->left > 0 && !w->is_over; i++)
        if (!take_event(w, tape) || !pay(w))
            break;
    (void)fr_exchange_retry_after_ms(w->x);
    look_at_fruit(w);
    fr_exchange_free(w->x);
}

static struct fr_credential pending_of(const struct world *w)
{
    return (struct fr_credential){.method = (char *)"certificate",
                                  .mef = (char *)MEF,
                                  .port = FR_PORT_HTTP,
                                  .target = (char *)"broker.example.com",
                                  .target_fqdn = (char *)"broker.example.com",
                                  .suid = FR_SUID_DEFAULT,
                                  .admin_fqdn = (char *)MEF,
                                  .key_id = (char *)RI "@" MEF,
                                  .registration = (char *)"/mefbase/" RI,
                                  .created = 1,
                                  .expires = w->env.wall_s + 1000,
                                  .ke = w->ke};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_cursor tape = fr_cursor_of(fr_slice_of(data, size));
    struct world w = {
        .answer = FR_BUF_INIT(ANSWER_MAX),
        .fields = {.key_id = RI "@" MEF, .mef_fqdn = MEF, .credential = REF}};
    char relkeyid[2 * FR_RELKEYID_LEN + 1];

    fr_fake_env_init(&w.env, 7);
    w.resolves = fr_take_u8(&tape) & 1;
    if (FUZZ_MUST(fr_secret_from_hex(fr_slice_str(EXPORTED), &w.exported, NULL)) &&
        FUZZ_MUST(
            fr_kdf_split_export(fr_secret_view(w.exported), relkeyid, &w.ke, NULL))) {
        struct fr_credential pending = pending_of(&w);

        run(&w, &tape, w.resolves ? &pending : NULL);
    }
    fr_secret_free(w.exported);
    fr_secret_free(w.ke);
    fr_buf_clear(&w.answer);
    return 0;
}
