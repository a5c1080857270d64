/* SPDX-License-Identifier: Apache-2.0 */
#include "enrolment.h"

#include "crypto/confirm.h"
#include "crypto/pki.h"
#include "proto/mmef.h"

static struct fr_err err;

void call_ok(const struct daemon *d, const char *json)
{
    json_decref(daemon_result(d, json));
}

void populate(const struct daemon *d)
{
    struct fr_pki_facts facts;
    char path[256], call[512];

    assert_ok(fr_pki_describe(daemon_path(d, "devices/ca.pem", path), &facts, &err));
    snprintf(call, sizeof call,
             "{\"op\":\"enrolee.add\",\"name\":\"dev1\",\"anchor\":\"%s\","
             "\"san\":\"dns:dev1.example.com\"}",
             facts.spki);
    call_ok(d, call);
    call_ok(d, "{\"op\":\"target.add\",\"id\":\"broker.example.com\","
               "\"derivation\":\"usage\"}");
    call_ok(d, "{\"op\":\"enrolee.allow\",\"name\":\"dev1\","
               "\"target\":\"broker.example.com\",\"default\":true}");
}

void register_key(struct enrolment *e, const struct daemon *d)
{
    struct fr_secret *exported;

    memset(e, 0, sizeof *e);
    e->d = d;
    assert_true(client_open(&e->c, d, d->enrol, "dev1"));
    exported = client_export(&e->c);
    assert_ok(fr_kdf_split_export(fr_secret_view(exported), e->relative_key_id, &e->ke,
                                  &err));
    fr_secret_free(exported);
    fr_keyid_format(e->relative_key_id, "mef.example.com", e->key_id);
    assert_int_equal(client_ask(&e->c, "POST", "/mefbase", M2M, CLIENT), 201);
    snprintf(e->client_path, sizeof e->client_path, "%s",
             client_header(&e->c, "Content-Location"));
    assert_int_equal(client_ask(&e->c, "POST", "/mefbase", M2M, KEY), 201);
    snprintf(e->response, sizeof e->response, "%s", client_body(&e->c));
    assert_contains(e->response, e->relative_key_id);
}

static void confirm_fields(const struct enrolment *e, struct fr_confirm_fields *f,
                           char ref[FR_CREDENTIAL_REF_MAX + 1])
{
    uint8_t leaf[FR_SHA256_LEN];
    STACK_OF(X509) *chain = NULL;
    char path[256];

    assert_ok(fr_x509_read_pem(daemon_path(e->d, "dev1.pem", path), &chain, &err));
    assert_ok(fr_x509_sha256(sk_X509_value(chain, 0), leaf, &err));
    sk_X509_pop_free(chain, X509_free);
    f->key_id = e->key_id;
    f->mef_fqdn = "mef.example.com";
    f->credential = fr_confirm_cert_ref(leaf, ref);
    assert_ok(fr_sha256(fr_slice_str(KEY), f->request_sha256, &err));
    assert_ok(fr_sha256(fr_slice_str(e->response), f->response_sha256, &err));
}

void confirm(struct enrolment *e)
{
    FR_AUTO_CLEAR(buf) body = FR_BUF_INIT(256);
    char ref[FR_CREDENTIAL_REF_MAX + 1], path[128];
    uint8_t mac[FR_SHA256_LEN];
    struct fr_confirm_fields f;

    confirm_fields(e, &f, ref);
    assert_ok(fr_confirm_mac(e->ke, FR_CONFIRM_ENROLEE, &f, mac, &err));
    assert_ok(fr_mmef_mac_encode(mac, &body, &err));
    snprintf(path, sizeof path, "/mefbase/%s/fieldroot-confirm", e->relative_key_id);
    assert_int_equal(
        client_ask(&e->c, "POST", path, "application/json", fr_buf_cstr(&body)), 200);
    assert_ok(fr_mmef_mac_decode(fr_http_body(e->c.response), mac, &err));
    assert_ok(fr_confirm_check(e->ke, FR_CONFIRM_MEF, &f, fr_slice_of(mac, sizeof mac),
                               &err));
}

void retrieve_command(struct enrolment *e)
{
    char path[160];

    snprintf(path, sizeof path, "%s/cmd", e->client_path);
    assert_int_equal(client_ask(&e->c, "GET", path, NULL, NULL), 200);
    assert_contains(client_body(&e->c), "\"ccid\":0");
}

void finish(struct enrolment *e)
{
    fr_secret_free(e->ke);
    client_close(&e->c);
}

void target_has_the_same_key(const struct enrolment *e)
{
    struct fr_kdf_target target = {FR_DERIVE_USAGE, 22, "broker.example.com",
                                   "broker.example.com"};
    FR_AUTO(secret) *want = NULL;
    struct fr_mmef_fetched got;
    struct client c;
    char path[400];

    assert_ok(fr_kdf_target_key(e->ke, &target, &want, &err));
    assert_true(client_open(&c, e->d, e->d->fetch, "broker"));
    snprintf(path, sizeof path, "/fetchCredentials/%s%%40mef.example.com/22",
             e->relative_key_id);
    assert_int_equal(client_ask(&c, "GET", path, NULL, NULL), 200);
    assert_ok(fr_mmef_fetched_decode(fr_http_body(c.response), &got, &err));
    assert_true(fr_secret_equal(got.credential, want));
    fr_mmef_fetched_clear(&got);
    client_close(&c);
}

void refused_with(const struct daemon *d, const char *address, const char *name,
                  int version, int alert)
{
    struct client c;

    assert_true(client_connect(&c, address));
    client_handshake(&c, d, name, version, 0);
    assert_int_equal(client_alert(&c), alert);
    client_close(&c);
}

void gets_in(const struct daemon *d)
{
    struct client c;

    assert_true(client_open(&c, d, d->enrol, "dev1"));
    assert_int_equal(client_ask(&c, "GET", UNKNOWN, NULL, NULL), 404);
    client_close(&c);
}
