/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "document_sample.h"

/* ---- what is accepted ---- */

static void every_member_of_a_bootstrap_is_read(void **state)
{
    FR_AUTO(document) *doc = accepts(
        ONE
        "{\"comment\":\"c\",\"budget\":\"PT10M\",\"trustAnchors\":[\"" NI "\"],"
        "\"credential\":\"k\",\"expiry\":\"P2DT1S\",\"adminFQDN\":\"ADMIN.example\","
        "\"suid\":32,\"target\":\"//SP.example/cse\",\"port\":65535,"
        "\"binding\":\"coap\",\"mef\":\"m\",\"bootstrap\":\"certificate\"}]}",
        NULL);
    const struct fr_instruction *in = &doc->list[0];

    (void)state;
    assert_int_equal(in->kind, FR_BOOTSTRAP);
    assert_string_equal(in->comment, "c");
    assert_int_equal(in->budget_ms, 600000);
    assert_string_equal(in->credential, "k");
    assert_int_equal(in->expiry_s, 2 * 86400 + 1);
    assert_string_equal(in->admin_fqdn, "admin.example");
    assert_int_equal(in->suid, 32);
    assert_string_equal(in->target, "//SP.example/cse");
    assert_int_equal(in->port, 65535);
    assert_int_equal(in->binding, FR_BINDING_COAP);
}

/* The digest in NI is the well-known SHA-256 of nothing. */
static void an_ni_anchor_is_decoded(void **state)
{
    FR_AUTO(document) *doc = accepts(
        ONE "{\"bootstrap\":\"psk\",\"mef\":\"m\",\"trustAnchors\":[\"" NI "\"]}]}",
        NULL);

    (void)state;
    assert_int_equal(doc->list[0].n_anchors, 1);
    assert_false(doc->list[0].anchors[0].is_x509);
    assert_hex(fr_slice_of(doc->list[0].anchors[0].sha256, 32),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_discovery_entry_is_read(void **state)
{
    FR_AUTO(document) *doc = accepts(
        ONE "{\"discovery\":\"https\",\"resource\":\"https://D.example/\"}]}", NULL);

    (void)state;
    assert_int_equal(doc->list[0].kind, FR_DISCOVERY);
    assert_string_equal(doc->list[0].method, "https");
    assert_string_equal(doc->list[0].resource,
                        "https://d.example/.well-known/fieldroot/instructions");
}

static void names_in_upper_case_are_folded(void **state)
{
    FR_AUTO(document) *doc =
        accepts(ONE "{\"bootstrap\":\"psk\",\"mef\":\"MEF.Example.COM\","
                    "\"target\":\"Broker.EXAMPLE\"}]}",
                NULL);

    (void)state;
    assert_string_equal(doc->list[0].mef, "mef.example.com");
    assert_string_equal(doc->list[0].target, "broker.example");
}

static void coap_has_its_own_default_port(void **state)
{
    FR_AUTO(document) *doc = accepts(
        ONE "{\"bootstrap\":\"psk\",\"mef\":\"m\",\"binding\":\"coap\"}]}", NULL);

    (void)state;
    assert_int_equal(doc->list[0].port, 5684);
}

static void an_unknown_method_is_a_warning_only(void **state)
{
    FR_AUTO_CLEAR(findings) findings = {0};
    FR_AUTO(document) *doc =
        accepts(ONE "{\"bootstrap\":\"certficate\",\"mef\":\"m\"},"
                    "{\"discovery\":\"dns\",\"resource\":\"anything\"}]}",
                &findings);

    (void)state;
    assert_string_equal(doc->list[0].method, "certficate");
    assert_string_equal(doc->list[1].resource, "anything");
    assert_int_equal(findings.n, 2);
    assert_false(findings.list[0].is_error);
    assert_string_equal(findings.list[0].reason, "document-unknown-method");
    assert_string_equal(findings.list[0].pointer, "/instructions/0/bootstrap");
    assert_contains(findings.list[0].text, "did you mean \"certificate\"");
}

static void what_binds_only_signed_lists_is_read_with_a_warning(void **state)
{
    static const char *const pointers[] = {"/name", "/serial", "/issued", "/notAfter",
                                           "/devices"};
    FR_AUTO_CLEAR(findings) findings = {0};
    FR_AUTO(document) *doc = accepts(
        "{\"version\":1,\"name\":\"n\",\n\"serial\":0,\n"
        "\"issued\":\"2026-11-24T03:07:19Z\",\n\"notAfter\":\"2020-01-01T00:00:00Z\",\n"
        "\"devices\":[\"d\"],\"instructions\":[" PSK "]}",
        &findings);

    (void)state;
    assert_string_equal(doc->name, "n");
    assert_true(doc->has_serial);
    assert_int_equal(doc->serial, 0);
    assert_int_equal(doc->issued, 1795489639);
    assert_int_equal(doc->not_after, 1577836800);
    assert_string_equal(doc->devices[0], "d");
    assert_int_equal(findings.n, COUNT(pointers));
    for (size_t i = 0; i < findings.n; i++) {
        assert_false(findings.list[i].is_error);
        assert_string_equal(findings.list[i].reason, "document-unsigned");
        assert_string_equal(findings.list[i].pointer, pointers[i]);
        assert_int_equal(findings.list[i].line, i + 1);
    }
}

/* ---- the document's members ---- */

static void a_bad_document_member_is_refused(void **state)
{
    static const struct refusal rows[] = {
        {"[]", "document-wrong-type", "", 1, 1},
        {"{\"instructions\":[" PSK "]}", "document-missing-member", "", 1, 1},
        {"{\"version\":1}", "document-missing-member", "", 1, 1},
        {"{\"instructions\":[],\"version\":2}", "document-version", "/version", 1, 30},
        {"{\"version\":0}", "document-version", "/version", 1, 12},
        {"{\"version\":1.0,\"instructions\":[" PSK "]}", "document-wrong-type",
         "/version", 1, 12},
        {"{\"version\":\"1\",\"instructions\":[" PSK "]}", "document-wrong-type",
         "/version", 1, 12},
        {ONE "]}", "document-too-few", "/instructions", 1, 29},
        {"{\"version\":1,\"instructions\":{}}", "document-wrong-type", "/instructions",
         1, 29},
        {ONE "7]}", "document-wrong-type", "/instructions/0", 1, 30},
        {ONE PSK "],\n\"serial\":-1}", "document-out-of-range", "/serial", 2, 10},
        {ONE PSK "],\n\"serial\":1.5}", "document-wrong-type", "/serial", 2, 10},
        {ONE PSK "],\n\"serial\":9223372036854775808}", "document-out-of-range",
         "/serial", 2, 10},
        {ONE PSK "],\n\"name\":\"\"}", "document-too-short", "/name", 2, 8},
        {ONE PSK "],\n\"issued\":\"2026-02-30T00:00:00Z\"}", "document-bad-value",
         "/issued", 2, 10},
        {ONE PSK "],\n\"notAfter\":\"2026-11-24T00:00:00+01:00\"}",
         "document-bad-value", "/notAfter", 2, 12},
        {ONE PSK "],\n\"devices\":[]}", "document-too-few", "/devices", 2, 11},
        {ONE PSK "],\n\"devices\":[\"a\",5]}", "document-bad-value", "/devices/1", 2,
         16},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&rows[i]);
}

/* ---- an entry's members ---- */

/* In "{bootstrap, mef,\n "NAME":VALUE}" the value of NAME is refused. */
struct member_refusal {
    const char *name, *value, *reason;
};

static void refuses_member(const char *start, const struct member_refusal *row)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    FR_AUTO_CLEAR(buf) pointer = FR_BUF_INIT(256);
    struct refusal want = {NULL, row->reason, NULL, 2, (int)strlen(row->name) + 4};

    fr_buf_fmt(&text, ONE "%s,\n\"%s\":%s}]}", start, row->name, row->value);
    fr_buf_fmt(&pointer, "/instructions/0/%s", row->name);
    want.pointer = fr_buf_cstr(&pointer);
    refuses_slice(fr_buf_view(&text), FR_USE_TRIGGER, &want);
}

static void bad_values_of_a_bootstrap_are_refused(void **state)
{
    static const struct member_refusal rows[] = {
        {"port", "0", "document-out-of-range"},
        {"port", "65536", "document-out-of-range"},
        {"port", "-1", "document-out-of-range"},
        {"port", "8443.0", "document-wrong-type"},
        {"port", "1e3", "document-wrong-type"},
        {"port", "\"8443\"", "document-wrong-type"},
        {"port", "null", "document-wrong-type"},
        {"port", "99999999999999999999", "document-out-of-range"},
        {"binding", "\"http2\"", "document-too-long"},
        {"binding", "\"HTTP\"", "document-bad-value"},
        {"binding", "true", "document-wrong-type"},
        {"target", "\"/cse\"", "document-bad-value"},
        {"target", "\"\"", "document-too-short"},
        {"target", "\"192.0.2.1\"", "document-bad-value"},
        {"target", "[\"a\"]", "document-wrong-type"},
        {"suid", "9", "document-out-of-range"},
        {"suid", "46", "document-out-of-range"},
        {"suid", "20", "document-bad-value"},
        {"suid", "26", "document-bad-value"},
        {"suid", "22.5", "document-wrong-type"},
        {"adminFQDN", "\"a..b\"", "document-bad-value"},
        {"expiry", "\"P1Y\"", "document-bad-value"},
        {"expiry", "\"PT0S\"", "document-out-of-range"},
        {"expiry", "\"P36526D\"", "document-bad-value"},
        {"expiry", "31536000", "document-wrong-type"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses_member("{\"bootstrap\":\"psk\",\"mef\":\"m\"", &rows[i]);
}

static void bad_values_of_both_kinds_are_refused(void **state)
{
    static const struct member_refusal rows[] = {
        {"budget", "\"PT10M1S\"", "document-out-of-range"},
        {"budget", "\"PT11M\"", "document-out-of-range"},
        {"budget", "\"PT0S\"", "document-out-of-range"},
        {"budget", "\"30\"", "document-bad-value"},
        {"budget", "30", "document-wrong-type"},
        {"credential", "\"\"", "document-too-short"},
        {"comment", "5", "document-wrong-type"},
        {"trustAnchors", "[]", "document-too-few"},
        {"trustAnchors", "{}", "document-wrong-type"},
        {"trustAnchors", "[1,2,3,4,5,6,7,8,9]", "document-too-many"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        refuses_member("{\"bootstrap\":\"psk\",\"mef\":\"m\"", &rows[i]);
        refuses_member("{\"discovery\":\"file\",\"resource\":\"file:///x\"", &rows[i]);
    }
}

static void a_bad_mef_is_refused(void **state)
{
    static const char *const values[] = {
        "\"192.0.2.1\"",    "\"::1\"",    "\"m.\"",        "\"-m\"",
        "\"m example\"",    "\"m:8443\"", "\"https://m\"", "\"\xc3\xa9.example\"",
        "\"mef..example\"",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++)
        refuses_member(
            "{\"bootstrap\":\"psk\"",
            &(struct member_refusal){"mef", values[i], "document-bad-value"});
}

static void a_bad_resource_is_refused(void **state)
{
    static const struct member_refusal rows[] = {
        {"resource", "\"http://d.example/\"", "document-bad-value"},
        {"resource", "\"https://192.0.2.1/\"", "document-bad-value"},
        {"resource", "\"\"", "document-too-short"},
        {"resource", "null", "document-wrong-type"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses_member("{\"discovery\":\"https\"", &rows[i]);
    refuses_member("{\"discovery\":\"file\"",
                   &(struct member_refusal){"resource", "\"https://d.example/\"",
                                            "document-bad-value"});
}

static void refuses_length(const char *start, const char *name, size_t max)
{
    FR_AUTO_CLEAR(buf) value = FR_BUF_INIT(FR_DOCUMENT_MAX);

    fr_buf_str(&value, "\"");
    for (size_t i = 0; i <= max; i++)
        fr_buf_str(&value, "x");
    fr_buf_str(&value, "\"");
    refuses_member(start, &(struct member_refusal){name, fr_buf_cstr(&value),
                                                   "document-too-long"});
}

static void texts_that_are_too_long_are_refused(void **state)
{
    (void)state;
    refuses_length("{\"mef\":\"m\"", "bootstrap", FR_METHOD_MAX);
    refuses_length("{\"bootstrap\":\"psk\"", "mef", FR_FQDN_MAX);
    refuses_length("{\"bootstrap\":\"psk\",\"mef\":\"m\"", "target", FR_ID_MAX);
    refuses_length("{\"bootstrap\":\"psk\",\"mef\":\"m\"", "credential", FR_ID_MAX);
    refuses_length("{\"bootstrap\":\"psk\",\"mef\":\"m\"", "comment", FR_COMMENT_MAX);
    refuses_length("{\"discovery\":\"file\"", "resource", FR_RESOURCE_MAX);
}

static void a_bad_anchor_is_refused(void **state)
{
    static const struct {
        const char *value, *reason;
    } rows[] = {
        {"{\"x509\":\"MIIB\"}", "document-unsigned-anchor"},
        {"{\"x510\":\"MIIB\"}", "document-wrong-type"},
        {"5", "document-wrong-type"},
        {"\"ni:///sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuF\"",
         "document-bad-value"},
        {"\"ni:///sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFUA\"",
         "document-bad-value"},
        {"\"ni:///sha-256;47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"",
         "document-bad-value"},
        {"\"ni:///sha-512;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"",
         "document-bad-value"},
        {"\"ni://host/sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"",
         "document-bad-value"},
        {"\"\"", "document-bad-value"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
        struct refusal want = {NULL, rows[i].reason, "/instructions/0/trustAnchors/1",
                               2, 1};

        fr_buf_fmt(&text,
                   ONE "{\"bootstrap\":\"psk\",\"mef\":\"m\",\"trustAnchors\":[\"" NI
                       "\",\n%s]}]}",
                   rows[i].value);
        refuses_slice(fr_buf_view(&text), FR_USE_TRIGGER, &want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_a_bootstrap_is_read),
        cmocka_unit_test(an_ni_anchor_is_decoded),
        cmocka_unit_test(a_discovery_entry_is_read),
        cmocka_unit_test(names_in_upper_case_are_folded),
        cmocka_unit_test(coap_has_its_own_default_port),
        cmocka_unit_test(an_unknown_method_is_a_warning_only),
        cmocka_unit_test(what_binds_only_signed_lists_is_read_with_a_warning),
        cmocka_unit_test(a_bad_document_member_is_refused),
        cmocka_unit_test(bad_values_of_a_bootstrap_are_refused),
        cmocka_unit_test(bad_values_of_both_kinds_are_refused),
        cmocka_unit_test(a_bad_mef_is_refused),
        cmocka_unit_test(a_bad_resource_is_refused),
        cmocka_unit_test(texts_that_are_too_long_are_refused),
        cmocka_unit_test(a_bad_anchor_is_refused),
    };

    return cmocka_run_group_tests_name("model/document_members", tests, NULL, NULL);
}
