/* SPDX-License-Identifier: Apache-2.0 */
#include "ub_lab.h"

#include "proto/gba_info.h"
#include "server/ipc/digest_pack.h"

int ub_setup(void **state)
{
    int rc = lab_setup(state);
    struct lab *l = *state;

    lab_populate(l);
    lab_sql(l, "UPDATE enrolee SET imsi = '" IMSI "' WHERE name = 'dev1'");
    fr_vault_meet_hss(l->vault, 1);
    return rc;
}

struct ub_vector ub_vector(uint8_t number)
{
    struct ub_vector v = {.res_len = 8};

    memset(v.rand, number, sizeof v.rand);
    memset(v.autn, number + 0x40, sizeof v.autn);
    memset(v.ck, number + 0x80, sizeof v.ck);
    memset(v.ik, number + 0xa0, sizeof v.ik);
    memset(v.res, number + 0xc0, sizeof v.res);
    v.res[2] = 0;
    return v;
}

/* ---- letters ---- */

struct fr_msg ub_letter(struct lab *l, enum fr_msg_type type)
{
    const struct fr_vault_letter *letter;
    struct fr_msg m = {0};
    struct fr_err err = {0};
    size_t used;

    assert_int_equal(fr_vault_letters(l->vault), 1);
    letter = fr_vault_letter_at(l->vault, 0);
    assert_int_equal(letter->type,
                     type == FR_MSG_REPLY ? FR_WORKER_GBA : FR_WORKER_HSS);
    assert_int_equal(letter->to, type == FR_MSG_REPLY ? LAB_ASKER : 0);
    assert_ok(fr_msg_decode(fr_buf_view(&letter->octets), &m, &used, &err));
    assert_int_equal(used, letter->octets.len);
    assert_int_equal(m.type, type);
    return m;
}

void ub_no_letter(struct lab *l)
{
    assert_int_equal(fr_vault_letters(l->vault), 0);
}

void ub_sent(struct lab *l)
{
    fr_vault_letters_sent(l->vault);
}

/* ---- the HSS ---- */

uint64_t ub_wanted(struct lab *l)
{
    const struct fr_msg m = ub_letter(l, FR_MSG_VECTOR_WANTED);
    uint64_t ticket = fr_msg_u64(&m, FR_F_TICKET);

    ub_sent(l);
    return ticket;
}

enum fr_code ub_vector_is(struct lab *l, uint64_t ticket, const struct ub_vector *v)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT_WIPE(256);
    struct fr_msg m = {.type = FR_MSG_VECTOR};
    uint8_t number[8], code[8];

    fr_buf_put(&octets, v->rand, sizeof v->rand);
    fr_buf_put(&octets, v->autn, sizeof v->autn);
    fr_buf_put(&octets, v->ck, sizeof v->ck);
    fr_buf_put(&octets, v->ik, sizeof v->ik);
    fr_buf_put(&octets, v->res, v->res_len);
    fr_msg_set_u64(&m, FR_F_TICKET, ticket, number);
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set(&m, FR_F_VECTOR, fr_buf_view(&octets));
    return lab_ask(l, FR_WORKER_HSS, &m);
}

enum fr_code ub_hss_fails(struct lab *l, uint64_t ticket, enum fr_code code,
                          const char *reason)
{
    struct fr_msg m = {.type = FR_MSG_VECTOR};
    uint8_t number[8], octet[8];

    fr_msg_set_u64(&m, FR_F_TICKET, ticket, number);
    fr_msg_set_u8(&m, FR_F_CODE, (uint8_t)code, octet);
    fr_msg_set_str(&m, FR_F_REASON, reason);
    fr_msg_set_str(&m, FR_F_TEXT, "words of the HSS");
    return lab_ask(l, FR_WORKER_HSS, &m);
}

/* ---- the device ---- */

enum fr_code ub_begin(struct lab *l, const char *impi, const char *target)
{
    struct fr_msg m = {.type = FR_MSG_UB_BEGIN, .id = 5};

    fr_msg_set_str(&m, FR_F_ADDRESS, l->ub_address ? l->ub_address : "192.0.2.1");
    fr_msg_set_str(&m, FR_F_SUBSCRIBER, impi);
    fr_msg_set_str(&m, FR_F_TARGET, target);
    return lab_ask(l, FR_WORKER_GBA, &m);
}

void ub_challenge(struct lab *l, const struct ub_vector *v)
{
    struct fr_msg m;

    if (ub_begin(l, IMPI, BROKER) != FR_OK)
        fail_msg("%s: %s", l->err.reason, l->err.msg);
    assert_int_equal(ub_vector_is(l, ub_wanted(l), v), FR_OK);
    m = ub_letter(l, FR_MSG_REPLY);
    assert_int_equal(m.id, 5);
    assert_int_equal(fr_msg_u8(&m, FR_F_CODE), FR_OK);
    ub_sent(l);
}

static void write_nonce(struct fr_digest_auth *a, const struct ub_vector *v)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(64), text = FR_BUF_INIT(64);

    fr_buf_put(&octets, v->rand, sizeof v->rand);
    fr_buf_put(&octets, v->autn, sizeof v->autn);
    fr_base64_encode(fr_buf_view(&octets), false, &text);
    snprintf(a->nonce, sizeof a->nonce, "%s", fr_buf_cstr(&text));
}

static struct fr_secret *password_of(const struct fr_digest_auth *a,
                                     const struct ub_vector *v)
{
    const struct fr_aka_keys keys = {.res = fr_slice_of(v->res, v->res_len),
                                     .ck = fr_slice_of(v->ck, sizeof v->ck),
                                     .ik = fr_slice_of(v->ik, sizeof v->ik)};
    struct fr_secret *password = NULL;
    struct fr_err err = {0};

    if (!a->has_auts)
        assert_ok(fr_digest_password(a->version, &keys, &password, &err));
    return password;
}

void ub_sign(struct fr_digest_auth *a, const struct ub_vector *v)
{
    FR_AUTO(secret) *password = password_of(a, v);
    struct fr_err err = {0};

    assert_ok(
        fr_digest_compute(a, password, "GET", (struct fr_slice){0}, a->response, &err));
}

struct fr_digest_auth ub_response(const struct ub_vector *v)
{
    struct fr_digest_auth a = {.username = IMPI,
                               .realm = MEF,
                               .uri = "/",
                               .cnonce = "0a4f113b",
                               .nc = "00000001",
                               .has_auth_int = true};

    write_nonce(&a, v);
    ub_sign(&a, v);
    return a;
}

enum fr_code ub_send(struct lab *l, enum fr_msg_type type,
                     const struct fr_digest_auth *a, const char *target)
{
    FR_AUTO_CLEAR(buf) packed = FR_BUF_INIT(4096);
    struct fr_msg m = {.type = type, .id = 6};
    struct fr_err err = {0};

    assert_ok(fr_digest_pack(a, &packed, &err));
    fr_msg_set_str(&m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set(&m, FR_F_DIGEST, fr_buf_view(&packed));
    fr_msg_set_str(&m, FR_F_TARGET, target);
    return lab_ask(l, FR_WORKER_GBA, &m);
}

enum fr_code ub_finish(struct lab *l, const struct fr_digest_auth *a)
{
    return ub_send(l, FR_MSG_UB_FINISH, a, BROKER);
}

void ub_bootstrap(struct lab *l, const struct ub_vector *v)
{
    struct fr_digest_auth a = ub_response(v);

    ub_challenge(l, v);
    if (ub_finish(l, &a) != FR_OK)
        fail_msg("%s: %s", l->err.reason, l->err.msg);
    assert_false(l->reply.is_put_off);
}

void ub_was_asked_again(struct lab *l)
{
    const struct fr_msg m = ub_letter(l, FR_MSG_VECTOR_WANTED);

    assert_true(l->reply.is_put_off);
    assert_false(fr_msg_has(&m, FR_F_AUTS));
    ub_sent(l);
}

size_t ub_credentials(struct lab *l)
{
    json_auto_t *list = lab_admin(l, "{'op':'credential.list'}");

    return json_array_size(list);
}

void ub_prove(struct ub_proof *p, const struct ub_vector *v, enum fr_msg_type type,
              const char *line, const char *body)
{
    const struct fr_gba_naf naf = {.key = FR_GBA_ME,
                                   .rand = fr_slice_of(v->rand, sizeof v->rand),
                                   .impi = IMPI,
                                   .naf_fqdn = MEF,
                                   .ua = FR_UA_HTTP_DIGEST};
    struct fr_gba_proof proof = {.btid = p->btid, .mef_fqdn = MEF};
    FR_AUTO(secret) *ks = NULL, *key = NULL;
    struct fr_err err = {0};
    char method[8], path[200];

    assert_int_equal(sscanf(line, "%7s %199s", method, path), 2);
    assert_ok(fr_secret_new(FR_KS_LEN, &ks, &err));
    memcpy(fr_secret_data(ks), v->ck, sizeof v->ck);
    memcpy(fr_secret_data(ks) + sizeof v->ck, v->ik, sizeof v->ik);
    assert_ok(fr_gba_naf_key(ks, &naf, &key, &err));
    fr_btid_format(v->rand, MEF, p->btid);
    snprintf(p->line, sizeof p->line, "%s", line);
    proof.method = method;
    proof.path = path;
    assert_ok(fr_sha256(fr_slice_str(body), p->sha, &err));
    memcpy(proof.body_sha256, p->sha, sizeof p->sha);
    assert_ok(fr_gba_proof_mac(key, &proof, p->mac, &err));
    p->m = (struct fr_msg){.type = type, .id = 8};
    fr_msg_set_str(&p->m, FR_F_ADDRESS, "192.0.2.1");
    fr_msg_set_str(&p->m, FR_F_KEY_ID, p->btid);
    fr_msg_set_str(&p->m, FR_F_REQUEST_LINE, p->line);
    fr_msg_set(&p->m, FR_F_MAC, fr_slice_of(p->mac, sizeof p->mac));
    fr_msg_set(&p->m, FR_F_REQUEST_SHA, fr_slice_of(p->sha, sizeof p->sha));
    if (type == FR_MSG_UB_REPORT || type == FR_MSG_UB_TARGET)
        fr_msg_set_str(&p->m, FR_F_JSON, body);
}
