/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault under any sequence of decoded messages, against a real SQLite: one enrolee,
 * two targets, and whatever operators, enrolees and targets make of them. Each piece of
 * the input is one message; the octets before it pick the peer, the sender (one that
 * may send it, or with 0x80 any), and how much time passes. After it all the audit
 * trail verifies; then everything is undone for the next input.
 */
#include <stdio.h>

#include "fake/env.h"
#include "fuzz.h"
#include "server/vault/internal.h"

#define ANCHOR   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ANCHOR_2 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct {
    const char *anchor, *name;
} peers[] = {{ANCHOR, "dev1.example.com"},
             {ANCHOR, "dev2.example.com"},
             {ANCHOR_2, "broker.example.com"},
             {ANCHOR_2, "other.example.com"},
             {ANCHOR_2, "dev1.example.com"}};
#define N_PEERS (sizeof peers / sizeof peers[0])
enum { MESSAGES_MAX = 24 };

static const char *const beginning[] = {
    "{\"op\":\"target.add\",\"id\":\"broker.example.com\"}",
    "{\"op\":\"target.add\",\"id\":\"other.example.com\"}",
    "{\"op\":\"enrolee.add\",\"name\":\"dev1\",\"anchor\":\"" ANCHOR
    "\",\"san\":\"dns:dev1.example.com\"}",
    "{\"op\":\"enrolee.allow\",\"name\":\"dev1\",\"target\":\"broker.example.com\"}"};

/* False: the batch is over, since memory is, or since it has to be done again; *rc is
 * the answer. */
static bool handle(struct fr_vault *v, enum fr_worker from, const struct fr_msg *m,
                   enum fr_code *rc)
{
    struct fr_vault_reply reply;
    struct fr_err err = {0};
    struct fr_msg answer;

    fr_vault_reply_init(&reply);
    *rc = fr_vault_handle(v, from, m, &reply, &err);
    answer = fr_vault_reply_view(&reply, m->id);
    if (fuzz_code(*rc) != FR_EINVALID && answer.has) {
        FUZZ_ASSERT(fr_msg_has(&answer, FR_F_CODE) &&
                    (enum fr_code)fr_msg_u8(&answer, FR_F_CODE) == *rc);
        if (*rc != FR_OK)
            FUZZ_ASSERT(!fr_msg_has(&answer, FR_F_KEY) &&
                        !fr_msg_has(&answer, FR_F_MAC));
        if (fr_msg_has(&answer, FR_F_KEY))
            fuzz_saw(answer.field[FR_F_KEY]);
    }
    fr_vault_reply_clear(&reply);
    return *rc != FR_ENOMEM && *rc != FR_EBUSY;
}

static enum fr_worker sender_of(enum fr_msg_type type, uint8_t how)
{
    if (how & 0x80)
        return how >> 3 & 3;
    for (enum fr_worker w = 0; w < FR_N_WORKERS; w++)
        if (fr_msg_is_allowed(type, w))
            return w;
    return FR_WORKER_ENROL;
}

/* A peer in the shape that a worker packs; a message's own one is left as it is when
 * the octet says so (0x40). */
static bool pack_peer(uint8_t how, struct fr_buf *to)
{
    struct fr_peer peer = {.kind = FR_PEER_CERTIFICATE, .n_sans = 1};
    size_t i = (how & 7) % N_PEERS;

    snprintf(peer.anchor, sizeof peer.anchor, "%s", peers[i].anchor);
    snprintf(peer.sans[0].value, sizeof peer.sans[0].value, "%s", peers[i].name);
    memset(peer.leaf_sha256, 0x5a, sizeof peer.leaf_sha256);
    return FUZZ_MUST(fr_peer_pack(&peer, to, NULL));
}

static bool one_message(struct fr_vault *v, struct fr_fake_env *env,
                        struct fr_cursor *tape)
{
    FR_AUTO_CLEAR(buf) peer = FR_BUF_INIT(8192);
    uint8_t how = fr_take_u8(tape), hours = fr_take_u8(tape);
    struct fr_slice piece = fuzz_take_piece(tape);
    struct fr_msg m;
    size_t used;
    enum fr_code rc;

    env->wall_s += hours * 3600;
    if (fr_msg_decode(piece, &m, &used, NULL) != FR_OK)
        return true;
    if (!(how & 0x40) && fr_msg_has(&m, FR_F_PEER)) {
        if (!pack_peer(how, &peer))
            return false;
        fr_msg_set(&m, FR_F_PEER, fr_buf_view(&peer));
    }
    return handle(v, sender_of(m.type, how), &m, &rc);
}

static bool begin_world(struct fr_vault *v)
{
    for (size_t i = 0; i < sizeof beginning / sizeof beginning[0]; i++) {
        struct fr_msg m = {.type = FR_MSG_ADMIN, .id = 1};
        enum fr_code rc;

        fr_msg_set_str(&m, FR_F_JSON, beginning[i]);
        if (!handle(v, FR_WORKER_ADMIN, &m, &rc) || !FUZZ_MUST(rc))
            return false;
    }
    return true;
}

/* Once: opening takes longer than all that an input does. */
static struct fr_vault *vault(struct fr_fake_env *env)
{
    static const char key[] =
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    static char database[96];
    static struct fr_vault *v;
    struct fr_vault_config config = {
        .database = database, .mef_fqdn = "mef.example.com", .env = &env->env};

    if (v)
        return v;
    config.key_file = fuzz_file((const uint8_t *)key, sizeof key - 1);
    snprintf(database, sizeof database, "%s/db", fuzz_folder());
    FUZZ_ASSERT(fr_vault_open(&config, &v, NULL) == FR_OK);
    FUZZ_ASSERT(fr_vault_begin(v, NULL) == FR_OK && begin_world(v));
    FUZZ_ASSERT(fr_vault_commit(v, NULL) == FR_OK);
    return v;
}

static void forget(struct fr_vault *v)
{
    (void)FR_ASK_PLAIN(v, NULL, rollback);
    v->rates.notes.used = v->rates.refusals.used = v->rates.refetches.used = 0;
    v->rates.notes.dropped = v->rates.refusals.dropped = v->rates.refetches.dropped = 0;
    v->n_grown = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fr_fake_env env;
    struct fr_cursor tape = fr_cursor_of(fr_slice_of(data, size));
    struct fr_chain chain;
    struct fr_vault *v;
    bool goes_on;

    fr_fake_env_init(&env, 1);
    v = vault(&env);
    goes_on = FUZZ_MUST(fr_vault_begin(v, NULL));
    for (int i = 0; goes_on && i < MESSAGES_MAX && tape.left > 0; i++)
        goes_on = one_message(v, &env, &tape);
    if (goes_on && FUZZ_MUST(fr_vault_verify_audit(v, &chain, NULL)))
        FUZZ_ASSERT(chain.broken_at == 0);
    forget(v);
    return 0;
}
