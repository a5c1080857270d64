/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_lab.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/confirm.h"
#include "tree.h"

static bool count_commit(void *ctx)
{
    struct lab *l = ctx;

    l->commits++;
    return !l->commits_fail;
}

void lab_open(struct lab *l)
{
    struct fr_err err = {0};
    struct fr_store *store = NULL;

    assert_ok(fr_store_sqlite_open(l->database, &store, &err));
    store->on_commit = count_commit;
    store->on_commit_ctx = l;
    l->config.store = store;
    assert_ok(fr_vault_open(&l->config, &l->vault, &err));
}

void lab_close(struct lab *l)
{
    fr_vault_reply_clear(&l->reply);
    fr_vault_free(l->vault);
    l->vault = NULL;
}

int lab_setup(void **state)
{
    static const char *const admins[] = {"sp.example.com"};
    struct lab *l = calloc(1, sizeof *l);

    snprintf(l->dir, sizeof l->dir, "/tmp/fr-vault-XXXXXX");
    assert_non_null(mkdtemp(l->dir));
    snprintf(l->database, sizeof l->database, "%s/fieldroot.db", l->dir);
    snprintf(l->key_file, sizeof l->key_file, "%s/kek", l->dir);
    fr_fake_env_init(&l->fake, 1);
    l->config = (struct fr_vault_config){.key_file = l->key_file,
                                         .mef_fqdn = MEF,
                                         .admin_fqdns = admins,
                                         .n_admin_fqdns = 1,
                                         .env = &l->fake.env};
    fr_vault_reply_init(&l->reply);
    lab_open(l);
    *state = l;
    return 0;
}

int lab_teardown(void **state)
{
    struct lab *l = *state;

    lab_close(l);
    (void)tree_remove(l->dir);
    free(l);
    return 0;
}

/* A copy of the files at this moment is what a killed process leaves. */
void lab_kill(struct lab *l)
{
    static const char *const ends[] = {"", "-wal"};
    char from[128], to[128], copy[96];

    snprintf(copy, sizeof copy, "%s/after.db", l->dir);
    for (size_t i = 0; i < 2; i++) {
        FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(64 << 20);
        struct fr_err err = {0};

        snprintf(from, sizeof from, "%s%s", l->database, ends[i]);
        snprintf(to, sizeof to, "%s%s", copy, ends[i]);
        assert_ok(fr_file_read(from, &octets, &err));
        assert_ok(fr_file_write_atomic(to, fr_buf_view(&octets), 0600, &err));
    }
    lab_close(l);
    snprintf(l->database, sizeof l->database, "%s", copy);
}

/* ---- peers ---- */

struct fr_peer lab_peer(const char *anchor, const char *san)
{
    struct fr_peer peer = {.kind = FR_PEER_CERTIFICATE, .n_sans = 1};
    struct fr_err err = {0};

    snprintf(peer.anchor, sizeof peer.anchor, "%s", anchor);
    assert_ok(fr_san_parse(san, &peer.sans[0], &err));
    memset(peer.leaf_sha256, 0x5a, sizeof peer.leaf_sha256);
    return peer;
}

struct fr_peer lab_device(void)
{
    return lab_peer(ANCHOR, "dns:dev1.example.com");
}

struct fr_peer lab_target(const char *fqdn)
{
    char san[FR_SAN_TEXT_MAX + 1];

    snprintf(san, sizeof san, "dns:%s", fqdn);
    return lab_peer(ANCHOR_2, san);
}

/* ---- asking ---- */

static bool wants_it_again(const struct lab *l, enum fr_code rc)
{
    return rc == FR_EBUSY && fr_str_equal(l->err.reason, "batch-retry");
}

static enum fr_code ask(struct lab *l, enum fr_worker from, const struct fr_msg *m)
{
    struct fr_err err = {0};
    enum fr_code rc;

    fr_vault_reply_clear(&l->reply);
    fr_vault_reply_init(&l->reply);
    l->reply.asker = LAB_ASKER;
    fr_err_clear(&l->err);
    assert_ok(fr_vault_begin(l->vault, &err));
    rc = fr_vault_handle(l->vault, from, m, &l->reply, &l->err);
    if (wants_it_again(l, rc))
        fr_vault_rollback(l->vault);
    else
        assert_ok(fr_vault_commit(l->vault, &err));
    return rc;
}

/* As the loop does: a batch may have to be done twice. */
enum fr_code lab_ask(struct lab *l, enum fr_worker from, const struct fr_msg *m)
{
    enum fr_code rc = ask(l, from, m);

    if (wants_it_again(l, rc))
        rc = ask(l, from, m);
    l->answer = fr_vault_reply_view(&l->reply, 1);
    return rc;
}

static enum fr_worker sender_of(enum fr_msg_type type)
{
    for (enum fr_worker w = 0; w < FR_N_WORKERS; w++)
        if (fr_msg_is_allowed(type, w))
            return w;
    fail_msg("nobody may send %s", fr_msg_name(type));
    return FR_N_WORKERS;
}

enum fr_code lab_ask_as(struct lab *l, const struct fr_peer *peer, struct fr_msg *m)
{
    FR_AUTO_CLEAR(buf) packed = FR_BUF_INIT(8192);
    struct fr_err err = {0};

    m->id = 1;
    assert_ok(fr_peer_pack(peer, &packed, &err));
    fr_msg_set(m, FR_F_PEER, fr_buf_view(&packed));
    fr_msg_set_str(m, FR_F_ADDRESS, "192.0.2.1");
    return lab_ask(l, sender_of(m->type), m);
}

const char *lab_text(struct lab *l, enum fr_field f)
{
    static char text[64 * 1024];

    return fr_msg_text(&l->answer, f, text, sizeof text);
}

/* ---- the operator ---- */

json_t *lab_admin(struct lab *l, const char *call)
{
    struct fr_msg m = {.type = FR_MSG_ADMIN, .id = 1};
    FR_AUTO_STR(text) = strdup(call);
    json_t *line, *result = NULL;
    enum fr_code rc;

    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    fr_msg_set_str(&m, FR_F_JSON, text);
    rc = lab_ask(l, FR_WORKER_ADMIN, &m);
    line = json_loadb((const char *)l->answer.field[FR_F_JSON].data,
                      l->answer.field[FR_F_JSON].len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_int_equal(json_is_true(json_object_get(line, "ok")), rc == FR_OK);
    if (rc == FR_OK)
        result = json_incref(json_object_get(line, "result"));
    else
        assert_string_equal(json_string_value(json_object_get(line, "reason")),
                            l->err.reason);
    json_decref(line);
    return result;
}

void lab_do(struct lab *l, const char *call)
{
    json_auto_t *result = lab_admin(l, call);

    if (!result)
        fail_msg("%s: %s: %s", call, l->err.reason, l->err.msg);
}

const char *lab_say(struct lab *l, const char *call)
{
    static char text[256 * 1024];
    json_auto_t *result = lab_admin(l, call);

    assert_non_null(result);
    FR_AUTO_STR(said) = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
    snprintf(text, sizeof text, "%s", said);
    return text;
}

void lab_populate(struct lab *l)
{
    lab_do(l, "{'op':'target.add','id':'" BROKER "'}");
    lab_do(l, "{'op':'target.add','id':'" OTHER "'}");
    lab_do(l, "{'op':'enrolee.add','name':'dev1','anchor':'" ANCHOR
              "','san':'dns:dev1.example.com'}");
    lab_do(l, "{'op':'enrolee.allow','name':'dev1','target':'" BROKER "'}");
}

size_t lab_count_reason(struct lab *l, const char *reason)
{
    json_auto_t *lines = lab_admin(l, "{'op':'audit','limit':500}");
    const json_t *line;
    size_t i, n = 0;

    json_array_foreach (lines, i, line)
        n += fr_str_equal(json_string_value(json_object_get(line, "reason")), reason);
    return n;
}

void lab_sql(struct lab *l, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(l->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int lab_count(struct lab *l, const char *sql)
{
    sqlite3_stmt *statement;
    sqlite3 *db;
    int n;

    assert_int_equal(sqlite3_open(l->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    n = sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/* ---- the device ---- */

enum fr_code lab_authorise(struct lab *l, const struct fr_peer *peer,
                           const char *target, const char *admin)
{
    struct fr_msg m = {.type = FR_MSG_AUTHORISE};
    uint8_t suid[8], expires[8];

    fr_msg_set_u8(&m, FR_F_SUID, 22, suid);
    fr_msg_set_u64(&m, FR_F_EXPIRES, (uint64_t)l->fake.wall_s + 3600, expires);
    fr_msg_set_str(&m, FR_F_TARGET, target);
    fr_msg_set_str(&m, FR_F_ADMIN_FQDN, admin);
    return lab_ask_as(l, peer, &m);
}

static void sha_of(const char *text, uint8_t to[FR_SHA256_LEN])
{
    struct fr_err err = {0};

    assert_ok(fr_sha256(fr_slice_str(text), to, &err));
}

void lab_sign(struct lab_commit *c)
{
    struct fr_confirm_fields fields = {
        .key_id = c->key_id, .mef_fqdn = MEF, .credential = c->ref};
    FR_AUTO(secret) *ke = NULL;
    struct fr_err err = {0};

    sha_of(c->request, fields.request_sha256);
    sha_of(c->response, fields.response_sha256);
    assert_ok(fr_secret_from(c->ke, sizeof c->ke, &ke, &err));
    assert_ok(fr_confirm_mac(ke, FR_CONFIRM_ENROLEE, &fields, c->mac, &err));
    c->has_mac = true;
}

struct lab_commit lab_commit_of(struct lab *l, const char *key_id)
{
    struct lab_commit c = {.peer = lab_device(),
                           .key_id = key_id,
                           .target = BROKER,
                           .admin_fqdn = MEF,
                           .suid = 22,
                           .expires = (uint64_t)l->fake.wall_s + 90 * 86400,
                           .request = "{\"a\":1}",
                           .response = "{\"b\":2}"};

    memcpy(c.ke, key_id, sizeof c.ke); /* 32 hex digits: another key for another KeID */
    fr_confirm_cert_ref(c.peer.leaf_sha256, c.ref);
    lab_sign(&c);
    return c;
}

enum fr_code lab_commit(struct lab *l, const struct lab_commit *c)
{
    uint8_t suid[8], expires[8], request[FR_SHA256_LEN], response[FR_SHA256_LEN];
    struct fr_msg m = {.type = FR_MSG_COMMIT};

    sha_of(c->request, request);
    sha_of(c->response, response);
    fr_msg_set_u8(&m, FR_F_SUID, c->suid, suid);
    fr_msg_set_u64(&m, FR_F_EXPIRES, c->expires, expires);
    fr_msg_set_str(&m, FR_F_TARGET, c->target);
    fr_msg_set_str(&m, FR_F_ADMIN_FQDN, c->admin_fqdn);
    fr_msg_set_str(&m, FR_F_KEY_ID, c->key_id);
    fr_msg_set_str(&m, FR_F_METHOD, "certificate");
    fr_msg_set_str(&m, FR_F_CREDENTIAL_REF, c->ref);
    fr_msg_set(&m, FR_F_KE, fr_slice_of(c->ke, sizeof c->ke));
    fr_msg_set(&m, FR_F_REQUEST_SHA, fr_slice_of(request, sizeof request));
    fr_msg_set(&m, FR_F_RESPONSE_SHA, fr_slice_of(response, sizeof response));
    fr_msg_set_str(&m, FR_F_RESPONSE, c->response);
    if (c->has_mac)
        fr_msg_set(&m, FR_F_MAC, fr_slice_of(c->mac, sizeof c->mac));
    return lab_ask_as(l, &c->peer, &m);
}

void lab_enrol(struct lab *l, const char *key_id)
{
    struct lab_commit c = lab_commit_of(l, key_id);

    if (lab_commit(l, &c) != FR_OK)
        fail_msg("%s: %s", l->err.reason, l->err.msg);
}

static enum fr_code about_key(struct lab *l, enum fr_msg_type type,
                              const struct fr_peer *peer, const char *key_id)
{
    struct fr_msg m = {.type = type};

    fr_msg_set_str(&m, FR_F_KEY_ID, key_id);
    return lab_ask_as(l, peer, &m);
}

enum fr_code lab_ack(struct lab *l, const struct fr_peer *peer, const char *key_id)
{
    return about_key(l, FR_MSG_ACK, peer, key_id);
}

enum fr_code lab_lookup(struct lab *l, const struct fr_peer *peer, const char *key_id)
{
    return about_key(l, FR_MSG_LOOKUP, peer, key_id);
}

/* ---- the target ---- */

enum fr_code lab_fetch(struct lab *l, const char *fqdn, const char *key_id,
                       uint8_t suid_value)
{
    struct fr_peer peer = lab_target(fqdn);
    struct fr_msg m = {.type = FR_MSG_FETCH};
    uint8_t suid[8];

    fr_msg_set_str(&m, FR_F_KEY_ID, key_id);
    fr_msg_set_u8(&m, FR_F_SUID, suid_value, suid);
    return lab_ask_as(l, &peer, &m);
}

enum fr_code lab_feed(struct lab *l, const char *fqdn, uint64_t since)
{
    struct fr_peer peer = lab_target(fqdn);
    struct fr_msg m = {.type = FR_MSG_FEED};
    uint8_t cursor[8];

    fr_msg_set_u64(&m, FR_F_SINCE, since, cursor);
    return lab_ask_as(l, &peer, &m);
}

void assert_call_fails(struct lab *l, const char *call, enum fr_code code)
{
    json_auto_t *result = lab_admin(l, call);

    if (result || fr_msg_u8(&l->answer, FR_F_CODE) != code)
        fail_msg("%s: %s (%s)", call,
                 fr_code_name((enum fr_code)fr_msg_u8(&l->answer, FR_F_CODE)),
                 l->err.msg);
}

void assert_call_fails_as(struct lab *l, const char *call, enum fr_code code,
                          const char *reason)
{
    assert_call_fails(l, call, code);
    assert_string_equal(l->err.reason, reason);
}
