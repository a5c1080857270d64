/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "document_sample.h"

/* ---- what is accepted ---- */

static void the_smallest_document_has_the_defaults(void **state)
{
    FR_AUTO_CLEAR(findings) findings = {0};
    FR_AUTO(document) *doc = accepts(ONE PSK "]}", &findings);

    (void)state;
    assert_int_equal(findings.n, 0);
    assert_int_equal(doc->n, 1);
    assert_string_equal(doc->list[0].method, "psk");
    assert_string_equal(doc->list[0].mef, "m");
    assert_int_equal(doc->list[0].port, 8443);
    assert_int_equal(doc->list[0].suid, 22);
    assert_int_equal(doc->list[0].expiry_s, 365 * 86400);
    assert_int_equal(doc->list[0].budget_ms, 30000);
    assert_null(doc->list[0].target);
    assert_null(doc->list[0].admin_fqdn);
}

static void sixty_four_entries_are_accepted(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    FR_AUTO(document) *doc = NULL;

    (void)state;
    fr_buf_str(&text, ONE);
    for (int i = 0; i < 64; i++)
        fr_buf_fmt(&text, "%s" PSK, i ? "," : "");
    fr_buf_str(&text, "]}");
    doc = accepts(fr_buf_cstr(&text), NULL);
    assert_int_equal(doc->n, 64);
}

/* ---- the text ---- */

static void bad_syntax_is_refused_where_it_is(void **state)
{
    static const struct refusal rows[] = {
        {"", "document-syntax", "", 1, 1},
        {"{\"version\":1,\n", "document-syntax", "", 2, 1},
        {ONE PSK "]", "document-syntax", "/instructions", 1, 60},
        {"{\"version\":1\n \"instructions\":[]}", "document-syntax", "/version", 2, 2},
        {"{\"version\":01}", "document-syntax", "/version", 1, 12},
        {"{version:1}", "document-syntax", "", 1, 2},
        {"{\"version\":1}\n{}", "document-syntax", "", 2, 1},
        {"{\"\xc3\xa9\":x}", "document-syntax", "/\xc3\xa9", 1, 6},
        {"{\"a\":\"b\nc\"}", "document-syntax", "/a", 1, 6},
        {"{\"a\":\"\\q\"}", "document-syntax", "/a", 1, 6},
        {"\xef\xbb\xbf{}", "document-syntax", "", 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&rows[i]);
}

static void every_truncation_is_refused(void **state)
{
    static const char whole[] =
        ONE "{\"bootstrap\":\"psk\",\"mef\":\"m\",\"port\":1}]}";

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct fr_document *doc = NULL;
        struct fr_err err = {0};

        assert_fails_as(fr_document_parse(fr_slice_of(whole, n), "test", FR_USE_TRIGGER,
                                          &doc, NULL, &err),
                        FR_EPARSE, "document-syntax");
    }
}

static void an_oversized_text_is_refused_unread(void **state)
{
    static char text[FR_DOCUMENT_MAX + 1];
    struct refusal want = {.reason = "document-too-large", .pointer = "", 1, 1};
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, ONE PSK "]}", strlen(ONE PSK "]}"));
    refuses_slice(fr_slice_of(text, sizeof text), FR_USE_TRIGGER, &want);
    assert_ok(fr_document_parse(fr_slice_of(text, FR_DOCUMENT_MAX), "test",
                                FR_USE_TRIGGER, &doc, NULL, &err));
    fr_document_free(doc);
}

static void a_duplicate_member_is_refused(void **state)
{
    static const struct refusal rows[] = {
        {"{\"version\":1,\n \"version\":1}", "document-duplicate-member", "/version", 2,
         2},
        {ONE "{\"mef\":\"a\",\"mef\":\"b\"}]}", "document-duplicate-member",
         "/instructions/0/mef", 1, 41},
        {"{\"a\":1,\"\\u0061\":2}", "document-duplicate-member", "/a", 1, 8},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&rows[i]);
}

static void bad_utf8_is_refused(void **state)
{
    static const struct refusal rows[] = {
        {"{\"version\":1,\n\"name\":\"\xc3\xa9\xff\"}", "document-encoding", "/name", 2,
         10},
        {"\xff", "document-encoding", "", 1, 1},
        {"{\"a\":\"\xed\xa0\x80\"}", "document-encoding", "/a", 1, 7},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&rows[i]);
}

static void a_nul_is_refused(void **state)
{
    static const char raw[] = "{\"version\"\0:1}";
    static const struct refusal rows[] = {
        {ONE "{\"mef\":\"a\\u0000.evil\"}]}", "document-nul", "/instructions/0/mef", 1,
         37},
        {"{\"a\\u0000b\":1}", "document-nul", "/a\\x00b", 1, 2},
    };
    static const struct refusal octet = {NULL, "document-nul", "/version", 1, 11};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&rows[i]);
    refuses_slice(fr_slice_of(raw, sizeof raw - 1), FR_USE_TRIGGER, &octet);
}

static void deep_nesting_is_refused_before_it_is_parsed(void **state)
{
    static char text[2 * 5000 + 16];
    struct refusal want = {text, "document-too-deep",
                           "/a/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0", 1, 21};

    (void)state;
    strcpy(text, "{\"a\":");
    memset(text + 5, '[', 5000);
    memset(text + 5005, ']', 5000);
    strcpy(text + 10005, "}");
    refuses(&want);
    text[5005] = 0; /* never closed */
    refuses(&want);
}

/* ---- members and entries ---- */

static void of_another_version_nothing_else_is_said(void **state)
{
    FR_AUTO_CLEAR(findings) findings = {0};
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_fails(fr_document_parse(
                     fr_slice_str("{\"new\":{},\"instructions\":[4],\"version\":2}"),
                     "test", FR_USE_TRIGGER, &doc, &findings, &err),
                 FR_EPARSE);
    assert_int_equal(findings.n, 1);
}

static void the_65th_entry_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    struct refusal want = {NULL, "document-too-many", "/instructions", 1, 29};

    (void)state;
    fr_buf_str(&text, ONE);
    for (int i = 0; i < 65; i++)
        fr_buf_fmt(&text, "%s" PSK, i ? "," : "");
    fr_buf_str(&text, "]}");
    refuses_slice(fr_buf_view(&text), FR_USE_TRIGGER, &want);
}

static void an_entry_is_one_kind_exactly(void **state)
{
    static const struct refusal rows[] = {
        {ONE "\n {\"mef\":\"m\"}]}", "document-entry-kind", "/instructions/0", 2, 2},
        {ONE "\n {}]}", "document-entry-kind", "/instructions/0", 2, 2},
        {ONE "\n {\"bootstrap\":\"psk\",\"mef\":\"m\",\"discovery\":\"file\","
             "\"resource\":\"file:///x\"}]}",
         "document-entry-kind", "/instructions/0", 2, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&rows[i]);
}

static void a_missing_member_is_named(void **state)
{
    static const struct refusal rows[] = {
        {ONE PSK ",\n {\"bootstrap\":\"psk\"}]}", "document-missing-member",
         "/instructions/1", 2, 2},
        {ONE "\n {\"discovery\":\"file\"}]}", "document-missing-member",
         "/instructions/0", 2, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&rows[i]);
}

static void an_unknown_member_is_refused_with_the_nearest_known(void **state)
{
    static const struct {
        struct refusal refusal;
        const char *hint;
    } rows[] = {
        {{"{\n\"verison\":1,\"version\":1,\"instructions\":[" PSK "]}",
          "document-unknown-member", "/verison", 2, 1},
         "did you mean \"version\"?"},
        {{ONE "{\"bootstrap\":\"psk\",\"mef\":\"m\",\n \"prot\":1}]}",
          "document-unknown-member", "/instructions/0/prot", 2, 2},
         "did you mean \"port\"?"},
        {{ONE "{\"bootstrap\":\"psk\",\"mef\":\"m\",\n\"a~b/c\\n\":1}]}",
          "document-unknown-member", "/instructions/0/a~0b~1c\\x0a", 2, 1},
         "no member \"a~b/c\\x0a\""},
        {{ONE "{\"discovery\":\"file\",\"resource\":\"file:///x\",\n\"mef\":\"m\"}]}",
          "document-unknown-member", "/instructions/0/mef", 2, 1},
         "a discovery instruction has no member \"mef\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fr_document *doc = NULL;
        struct fr_err err = {0};

        refuses(&rows[i].refusal);
        assert_fails(fr_document_parse(fr_slice_str(rows[i].refusal.text), "test",
                                       FR_USE_TRIGGER, &doc, NULL, &err),
                     FR_EPARSE);
        assert_contains(err.msg, rows[i].hint);
    }
}

/* Nothing is "near" a name of hundreds of octets, and the pointer is cut. */
static void an_endless_unknown_member_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    FR_AUTO_CLEAR(findings) findings = {0};
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    fr_buf_str(&text, "{\"version\":1,\"instructions\":[" PSK "],\n\"");
    for (int i = 0; i < 100000; i++)
        fr_buf_str(&text, "n");
    fr_buf_str(&text, "\":1}");
    assert_fails_as(fr_document_parse(fr_buf_view(&text), "test", FR_USE_TRIGGER, &doc,
                                      &findings, &err),
                    FR_EPARSE, "document-unknown-member");
    assert_int_equal(findings.list[0].line, 2);
    assert_int_equal(findings.list[0].column, 1);
    assert_null(strstr(err.msg, "did you mean"));
}

static void a_nested_discovery_is_refused(void **state)
{
    static const char text[] =
        ONE PSK ",\n{\"discovery\":\"file\",\"resource\":\"file:///x\"}]}";
    static const struct refusal want = {text, "document-nested-discovery",
                                        "/instructions/1/discovery", 2, 14};
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    refuses_slice(fr_slice_str(text), FR_USE_DISCOVERED, &want);
    assert_ok(fr_document_parse(fr_slice_str(text), "test", FR_USE_TRIGGER, &doc, NULL,
                                &err));
    fr_document_free(doc);
}

static void bootstraps_alone_are_fine_in_a_discovered_list(void **state)
{
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_document_parse(fr_slice_str(ONE PSK "," PSK "]}"), "test",
                                FR_USE_DISCOVERED, &doc, NULL, &err));
    assert_int_equal(doc->n, 2);
    fr_document_free(doc);
}

/* ---- findings ---- */

static void all_findings_are_reported_in_the_order_of_the_text(void **state)
{
    static const char text[] = "{\"name\":\"\",\n"
                               "\"instructions\":[{\"bootstrap\":\"psk\",\n"
                               "\"suid\":99,\n"
                               "\"port\":0,\n"
                               "\"x\":1}],\n"
                               "\"version\":true}";
    static const char *const reasons[] = {
        "document-too-short",    "document-missing-member", "document-out-of-range",
        "document-out-of-range", "document-unknown-member", "document-wrong-type"};
    FR_AUTO_CLEAR(findings) findings = {0};
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_fails(fr_document_parse(fr_slice_str(text), "test", FR_USE_TRIGGER, &doc,
                                   &findings, &err),
                 FR_EPARSE);
    assert_int_equal(findings.n, COUNT(reasons));
    for (size_t i = 0; i < findings.n; i++) {
        assert_string_equal(findings.list[i].reason, reasons[i]);
        assert_int_equal(findings.list[i].line, i + 1);
    }
}

static void at_most_100_findings_are_kept(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    FR_AUTO_CLEAR(findings) findings = {0};
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    fr_buf_str(&text, "{\"version\":1");
    for (int i = 0; i < 150; i++)
        fr_buf_fmt(&text, ",\n\"x%d\":0", i);
    fr_buf_str(&text, "}");
    assert_fails(fr_document_parse(fr_buf_view(&text), "test", FR_USE_TRIGGER, &doc,
                                   &findings, &err),
                 FR_EPARSE);
    assert_int_equal(findings.n, FR_FINDINGS_MAX);
}

static void warnings_never_hide_an_error(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX);
    FR_AUTO_CLEAR(findings) findings = {0};
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    fr_buf_str(&text, ONE);
    for (int i = 0; i < 63; i++)
        fr_buf_str(&text, "{\"bootstrap\":\"x\",\"mef\":\"m\"},");
    fr_buf_str(&text, "\n{\"bootstrap\":\"x\"}]}");
    assert_fails_as(fr_document_parse(fr_buf_view(&text), "test", FR_USE_TRIGGER, &doc,
                                      &findings, &err),
                    FR_EPARSE, "document-missing-member");
    assert_string_equal(first_error(&findings)->pointer, "/instructions/63");
    assert_int_equal(first_error(&findings)->line, 2);
}

static void hostile_values_are_shown_harmlessly(void **state)
{
    struct fr_document *doc = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_fails(
        fr_document_parse(
            fr_slice_str(ONE "{\"bootstrap\":\"psk\",\"mef\":\"\\u001b[2J%n\"}]}"),
            "test", FR_USE_TRIGGER, &doc, NULL, &err),
        FR_EPARSE);
    assert_contains(err.msg, "\"\\x1b[2J%n\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_document_has_the_defaults),
        cmocka_unit_test(sixty_four_entries_are_accepted),
        cmocka_unit_test(bad_syntax_is_refused_where_it_is),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(an_oversized_text_is_refused_unread),
        cmocka_unit_test(a_duplicate_member_is_refused),
        cmocka_unit_test(bad_utf8_is_refused),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_before_it_is_parsed),
        cmocka_unit_test(of_another_version_nothing_else_is_said),
        cmocka_unit_test(the_65th_entry_is_refused),
        cmocka_unit_test(an_entry_is_one_kind_exactly),
        cmocka_unit_test(a_missing_member_is_named),
        cmocka_unit_test(an_unknown_member_is_refused_with_the_nearest_known),
        cmocka_unit_test(an_endless_unknown_member_is_refused),
        cmocka_unit_test(a_nested_discovery_is_refused),
        cmocka_unit_test(bootstraps_alone_are_fine_in_a_discovered_list),
        cmocka_unit_test(all_findings_are_reported_in_the_order_of_the_text),
        cmocka_unit_test(at_most_100_findings_are_kept),
        cmocka_unit_test(warnings_never_hide_an_error),
        cmocka_unit_test(hostile_values_are_shown_harmlessly),
    };

    return cmocka_run_group_tests_name("model/document_parse", tests, NULL, NULL);
}
