/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/instruction.h"

#define NI "ni:///sha-256;47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

static struct fr_document *parse(const char *text)
{
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    assert_ok(fr_document_parse(fr_slice_str(text), "test", FR_USE_TRIGGER, &doc, NULL,
                                &err));
    return doc;
}

static void encodes_as(const char *text, const char *expected)
{
    FR_AUTO(document) *doc = parse(text);
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_DOCUMENT_MAX);
    struct fr_err err = {0};

    assert_ok(fr_document_encode(doc, &out, &err));
    assert_string_equal(fr_buf_cstr(&out), expected);
}

static void every_member_survives(void **state)
{
    static const char text[] =
        "{\"version\":1,\"name\":\"site 7\",\"serial\":9007199254740993,"
        "\"issued\":\"2026-11-24T03:07:19Z\",\"notAfter\":\"2027-11-24T03:07:19Z\","
        "\"devices\":[\"a\",\"b\"],\"instructions\":["
        "{\"bootstrap\":\"psk\",\"mef\":\"mef.example\",\"binding\":\"coap\","
        "\"port\":1,\"target\":\"//sp/cse\",\"suid\":21,"
        "\"adminFQDN\":\"admin.example\",\"expiry\":\"P1DT2H3M4S\","
        "\"credential\":\"kpm-1\",\"trustAnchors\":[\"" NI "\",\"" NI "\"],"
        "\"budget\":\"PT10M\",\"comment\":\"\\\"\\u0001 \xc3\xa9\"},"
        "{\"discovery\":\"https\",\"resource\":\"https://d.example:444/x\","
        "\"credential\":\"c\",\"trustAnchors\":[\"" NI "\"],\"budget\":\"PT1S\","
        "\"comment\":\"\"}]}";

    (void)state;
    encodes_as(text, text);
}

static void defaults_are_left_out(void **state)
{
    (void)state;
    encodes_as("{\"instructions\":[{\"suid\":22,\"port\":8443,\"binding\":\"http\","
               "\"expiry\":\"P365D\",\"budget\":\"PT30S\",\"mef\":\"M.example\","
               "\"bootstrap\":\"certificate\"}], \"version\":1}",
               "{\"version\":1,\"instructions\":[{\"bootstrap\":\"certificate\","
               "\"mef\":\"m.example\"}]}");
}

static void the_default_port_is_that_of_the_binding(void **state)
{
    (void)state;
    encodes_as("{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\","
               "\"port\":5684,\"binding\":\"coap\"}]}",
               "{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\","
               "\"binding\":\"coap\"}]}");
    encodes_as("{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\","
               "\"port\":8443,\"binding\":\"coap\"}]}",
               "{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\","
               "\"binding\":\"coap\",\"port\":8443}]}");
}

static void an_x509_anchor_is_written(void **state)
{
    FR_AUTO(document) *doc =
        parse("{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\","
              "\"trustAnchors\":[\"" NI "\"]}]}");
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_DOCUMENT_MAX);
    struct fr_trust_anchor *anchor = &doc->list[0].anchors[0];
    struct fr_err err = {0};

    (void)state;
    anchor->is_x509 = true;
    anchor->der = (struct fr_buf)FR_BUF_INIT(16);
    fr_buf_str(&anchor->der, "0\x82");
    assert_ok(fr_document_encode(doc, &out, &err));
    assert_contains(fr_buf_cstr(&out), "\"trustAnchors\":[{\"x509\":\"MII=\"}]");
}

static void too_small_a_buffer_is_reported(void **state)
{
    FR_AUTO(document) *doc = parse(
        "{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\"}]}");
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(20);
    struct fr_err err = {0};

    (void)state;
    assert_fails(fr_document_encode(doc, &out, &err), FR_ELIMIT);
}

static void text_that_is_no_utf8_cannot_be_written(void **state)
{
    FR_AUTO(document) *doc =
        parse("{\"version\":1,\"instructions\":[{\"bootstrap\":\"psk\",\"mef\":\"m\","
              "\"comment\":\"xx\"}]}");
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(FR_DOCUMENT_MAX);
    struct fr_err err = {0};

    (void)state;
    doc->list[0].comment[0] = (char)0xff;
    assert_fails(fr_document_encode(doc, &out, &err), FR_EINTERNAL);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_survives),
        cmocka_unit_test(defaults_are_left_out),
        cmocka_unit_test(the_default_port_is_that_of_the_binding),
        cmocka_unit_test(an_x509_anchor_is_written),
        cmocka_unit_test(too_small_a_buffer_is_reported),
        cmocka_unit_test(text_that_is_no_utf8_cannot_be_written),
    };

    return cmocka_run_group_tests_name("model/document_encode", tests, NULL, NULL);
}
