/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "proto/registration.h"

#define T     1800000000 /* 20270115T080000 */
#define RI    "C1AEC59A313D1341C3D91E1FEE552FF2"
#define ET    "\"et\":\"20270116T080000\""
#define OWN   "\"cr\":\"dev1.example.com\""
#define OURS  "\"ri\":\"" RI "\"," OWN "," ET ",\"suid\":22"
#define A_KEY "{\"sec:mkr\":{" OURS ",\"tgis\":[\"broker.example.com\"]}}"

static struct fr_err err;
static struct fr_instruction in;
static struct fr_registration reg;

static int begin(void **state)
{
    (void)state;
    in = (struct fr_instruction){
        .mef = "mef.example.com", .port = 8443, .suid = 22, .expiry_s = 86400};
    reg = (struct fr_registration){
        .in = &in, .mef_base = FR_MMEF_BASE, .own_id = "dev1.example.com", .now = T};
    return 0;
}

static struct fr_http_response *response(const char *headers, const char *body)
{
    struct fr_http_response *r;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(8192);
    size_t used;

    fr_buf_fmt(&b, "HTTP/1.1 201 Created\r\n%sContent-Length: %zu\r\n\r\n%s", headers,
               strlen(body), body);
    assert_ok(fr_http_response_new(8192, &r, &err));
    assert_ok(fr_http_feed(r, fr_buf_view(&b), &used, &err));
    assert_true(fr_http_is_complete(r));
    return r;
}

static enum fr_code take_key(const char *headers, const char *body,
                             struct fr_credential **ret)
{
    FR_AUTO(http_response) *r = response(headers, body);

    return fr_registration_key_take(&reg, r, ret, &err);
}

static enum fr_code take_client(const char *headers, const char *body, char **ret)
{
    FR_AUTO(http_response) *r = response(headers, body);

    return fr_registration_client_take(&reg, r, ret, &err);
}

static void bodies_carry_what_the_instruction_says(void **state)
{
    FR_AUTO_CLEAR(buf) client = FR_BUF_INIT(4096);
    FR_AUTO_CLEAR(buf) key = FR_BUF_INIT(4096);

    (void)state;
    in.admin_fqdn = (char *)"sp.example.com";
    in.target = (char *)"broker.example.com";
    assert_ok(fr_registration_client_body(&reg, &client, &err));
    assert_string_equal(fr_buf_cstr(&client),
                        "{\"sec:mecr\":{\"adfq\":\"sp.example.com\"," ET "}}");
    assert_ok(fr_registration_key_body(&reg, &key, &err));
    assert_string_equal(fr_buf_cstr(&key),
                        "{\"sec:mkr\":{\"adfq\":\"sp.example.com\"," ET
                        ",\"suid\":22,\"tgis\":[\"broker.example.com\"]}}");
}

static void client_registration_is_where_the_mef_says(void **state)
{
    FR_AUTO_STR(said) = NULL;
    FR_AUTO_STR(built) = NULL;
    FR_AUTO_STR(odd) = NULL;

    (void)state;
    assert_ok(take_client("Content-Location: /m/c-1\r\n",
                          "{\"mecr\":{\"ri\":\"c-1\"," OWN "," ET "}}", &said));
    assert_string_equal(said, "/m/c-1");
    assert_ok(take_client("", "{\"mecr\":{\"ri\":\"c-1\"," OWN "," ET "}}", &built));
    assert_string_equal(built, "/mefbase/c-1");
    assert_ok(take_client("Content-Location: https://evil.example/x\r\n",
                          "{\"mecr\":{\"ri\":\"c-1\"," OWN "," ET "}}", &odd));
    assert_string_equal(odd, "/mefbase/c-1");
}

static void client_registration_of_no_use_is_refused(void **state)
{
    static const char *const bodies[] = {
        "{\"mecr\":{\"ri\":\"\"," OWN "," ET "}}",
        "{\"mecr\":{\"ri\":\"..\"," OWN "," ET "}}",
        "{\"mecr\":{\"ri\":\"a b\"," OWN "," ET "}}",
        "{\"mecr\":{\"ri\":\"c-1\",\"cr\":\"dev2.example.com\"," ET "}}",
        "{\"mecr\":{\"ri\":\"c-1\"," ET "}}",
        "{\"mecr\":{\"ri\":\"c-1\"," OWN ",\"et\":\"20270115T080000\"}}",
        "{\"mecr\":{\"ri\":\"c-1\"," OWN "," ET ",\"adfq\":\"a b\"}}"};
    FR_AUTO_STR(path) = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_fails_as(take_client("", bodies[i], &path), FR_EINVALID,
                        "processing-failed");
    assert_null(path);
}

static void credential_has_what_was_registered(void **state)
{
    FR_AUTO(credential) *c = NULL;

    (void)state;
    in.credential = (char *)"factory";
    assert_ok(take_key("", A_KEY, &c));
    assert_string_equal(c->mef, "mef.example.com");
    assert_int_equal(c->port, 8443);
    assert_string_equal(c->target, "broker.example.com");
    assert_string_equal(c->target_fqdn, "broker.example.com");
    assert_string_equal(c->admin_fqdn, "mef.example.com");
    assert_string_equal(c->key_id, RI "@mef.example.com");
    assert_string_equal(c->registration, "/mefbase/" RI);
    assert_string_equal(c->credential_name, "factory");
    assert_int_equal(c->suid, 22);
    assert_int_equal(c->derivation, FR_DERIVE_USAGE);
    assert_int_equal(c->created, T);
    assert_int_equal(c->expires, T + 86400);
    assert_false(c->confirmed);
}

static void key_id_is_upper_case_however_the_mef_writes_it(void **state)
{
    FR_AUTO(credential) *c = NULL;

    (void)state;
    assert_ok(take_key("",
                       "{\"mkr\":{\"ri\":\"c1aec59a313d1341c3d91e1fee552ff2\"," OWN
                       "," ET ",\"suid\":22,\"tgis\":[\"broker.example.com\"]}}",
                       &c));
    assert_string_equal(c->key_id, RI "@mef.example.com");
    assert_string_equal(c->registration, "/mefbase/c1aec59a313d1341c3d91e1fee552ff2");
}

static void labels_give_fqdn_form_and_derivation(void **state)
{
    FR_AUTO(credential) *c = NULL;

    (void)state;
    assert_ok(take_key("",
                       "{\"mkr\":{" OURS ",\"tgis\":[\"//sp.example.com/cse-1\"],"
                       "\"lbl\":[\"fieldroot:target-fqdn=cse-1.sp.example.com\","
                       "\"fieldroot:derivation=kpsa\"]}}",
                       &c));
    assert_string_equal(c->target, "//sp.example.com/cse-1");
    assert_string_equal(c->target_fqdn, "cse-1.sp.example.com");
    assert_int_equal(c->derivation, FR_DERIVE_KPSA);
}

static void absolute_id_without_its_fqdn_form_is_refused(void **state)
{
    FR_AUTO(credential) *c = NULL;

    (void)state;
    assert_fails_as(
        take_key("", "{\"mkr\":{" OURS ",\"tgis\":[\"//sp.example.com/cse-1\"]}}", &c),
        FR_EINVALID, "target-fqdn-unknown");
    assert_null(c);
}

static void assert_not_as_asked(const char *body, const char *what)
{
    FR_AUTO(credential) *c = NULL;

    assert_fails_as(take_key("", body, &c), FR_EINVALID, "processing-failed");
    assert_contains(err.msg, what);
    assert_null(c);
}

#define TGIS ",\"tgis\":[\"broker.example.com\"]}}"

static void registration_that_was_not_asked_for_is_refused(void **state)
{
    (void)state;
    assert_not_as_asked("{\"mkr\":{\"ri\":\"" RI "\"," OWN
                        ",\"et\":\"20270115T075959\",\"suid\":22" TGIS,
                        "expirationTime");
    assert_not_as_asked("{\"mkr\":{\"ri\":\"" RI "\",\"cr\":\"dev2.example.com\"," ET
                        ",\"suid\":22" TGIS,
                        "dev2.example.com");
    assert_not_as_asked("{\"mkr\":{\"ri\":\"" RI "\"," OWN "," ET ",\"suid\":21" TGIS,
                        "SUID 21 instead of 22");
    assert_not_as_asked("{\"mkr\":{" OURS "}}", "no target");
    assert_not_as_asked("{\"mkr\":{\"ri\":\"C1AE\"," OWN "," ET ",\"suid\":22" TGIS,
                        "RelativeKeyID");
    assert_not_as_asked("{\"mkr\":{\"ri\":\"" RI "@x\"," OWN "," ET ",\"suid\":22" TGIS,
                        "RelativeKeyID");
    assert_not_as_asked("{\"mkr\":{" OWN "," ET ",\"suid\":22" TGIS, "RelativeKeyID");
    in.target = (char *)"other.example.com";
    assert_not_as_asked(A_KEY, "\"broker.example.com\" instead of \"other");
    in.target = NULL;
    in.admin_fqdn = (char *)"sp.example.com";
    assert_not_as_asked(A_KEY, "adminFQDN");
}

static void registration_is_matched_with_its_key_id(void **state)
{
    struct fr_slice body = fr_slice_str(A_KEY);

    (void)state;
    assert_ok(fr_registration_key_match(body, "mef.example.com", RI "@mef.example.com",
                                        &err));
    assert_fails_as(fr_registration_key_match(body, "mef2.example.com",
                                              RI "@mef.example.com", &err),
                    FR_EINVALID, "processing-failed");
    assert_fails(fr_registration_key_match(fr_slice_str("{}"), "mef.example.com",
                                           RI "@mef.example.com", &err),
                 FR_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bodies_carry_what_the_instruction_says, begin),
        cmocka_unit_test_setup(client_registration_is_where_the_mef_says, begin),
        cmocka_unit_test_setup(client_registration_of_no_use_is_refused, begin),
        cmocka_unit_test_setup(credential_has_what_was_registered, begin),
        cmocka_unit_test_setup(key_id_is_upper_case_however_the_mef_writes_it, begin),
        cmocka_unit_test_setup(labels_give_fqdn_form_and_derivation, begin),
        cmocka_unit_test_setup(absolute_id_without_its_fqdn_form_is_refused, begin),
        cmocka_unit_test_setup(registration_that_was_not_asked_for_is_refused, begin),
        cmocka_unit_test_setup(registration_is_matched_with_its_key_id, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
