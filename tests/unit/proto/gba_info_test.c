/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/gba_info.h"

#include "test.h"
#include "vectors/gba.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define BTID  "I1U8vpY3qJ0+iuZNrke/NQ==@" VECTOR_BSF
#define OPEN  "<BootstrappingInfo xmlns=\"uri:3gpp-gba\">"
#define CLOSE "</BootstrappingInfo>"
#define IDS   "<btid>" BTID "</btid>"
#define UNTIL "<lifetime>2026-11-25T03:07:19Z</lifetime>"
#define TARGET                                                                         \
    "<f:target xmlns:f=\"urn:fieldroot:gba\" id=\"//sp.example.com/cse-1\" "           \
    "fqdn=\"broker.example.com\" suid=\"22\" adminFQDN=\"mef.example.com\"/>"
#define WITH(extension) OPEN IDS UNTIL "<Extension>" extension "</Extension>" CLOSE

static struct fr_err err;

static const struct fr_gba_info full = {
    .btid = BTID,
    .lifetime = 1795576039,
    .current_time = 1795489639,
    .target = "//sp.example.com/cse-1",
    .target_fqdn = "broker.example.com",
    .admin_fqdn = "mef.example.com",
    .suid = 22,
};

static void check_same(const struct fr_gba_info *a, const struct fr_gba_info *b)
{
    assert_string_equal(a->btid, b->btid);
    assert_true(a->lifetime == b->lifetime);
    assert_true(a->current_time == b->current_time);
    assert_string_equal(a->target, b->target);
    assert_string_equal(a->target_fqdn, b->target_fqdn);
    assert_string_equal(a->admin_fqdn, b->admin_fqdn);
    assert_int_equal(a->suid, b->suid);
}

static void check_reads(const char *xml, const struct fr_gba_info *expected)
{
    struct fr_gba_info info;

    assert_ok(fr_gba_info_parse(fr_slice_str(xml), &info, &err));
    check_same(&info, expected);
}

static void check_refused(const char *xml, const char *says)
{
    struct fr_gba_info info = {.suid = 7};

    assert_fails_as(fr_gba_info_parse(fr_slice_str(xml), &info, &err), FR_EINVALID,
                    "gba-info-malformed");
    assert_contains(err.msg, says);
    assert_int_equal(info.suid, 7);
}

/* ---- what is right ---- */

static void what_is_written_is_read(void **state)
{
    FR_AUTO_CLEAR(buf) xml = FR_BUF_INIT(FR_GBA_INFO_MAX);
    struct fr_gba_info some = full;

    (void)state;
    assert_ok(fr_gba_info_write(&full, &xml, &err));
    check_reads(fr_buf_cstr(&xml), &full);
    fr_buf_reset(&xml);
    some.target[0] = some.target_fqdn[0] = some.admin_fqdn[0] = 0;
    some.suid = 0;
    assert_ok(fr_gba_info_write(&some, &xml, &err));
    check_reads(fr_buf_cstr(&xml), &some);
    fr_buf_reset(&xml);
    some.current_time = 0;
    assert_ok(fr_gba_info_write(&some, &xml, &err));
    assert_null(strstr(fr_buf_cstr(&xml), "Extension"));
    check_reads(fr_buf_cstr(&xml), &some);
}

static void it_is_written_as_annex_c_has_it(void **state)
{
    FR_AUTO_CLEAR(buf) xml = FR_BUF_INIT(FR_GBA_INFO_MAX);

    (void)state;
    assert_ok(fr_gba_info_write(&full, &xml, &err));
    assert_string_equal(
        fr_buf_cstr(&xml),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" OPEN IDS UNTIL
        "<Extension><currenttime>2026-11-24T03:07:19Z</currenttime>"
        "<f:target xmlns:f=\"urn:fieldroot:gba\" id=\"//sp.example.com/cse-1\" "
        "fqdn=\"broker.example.com\" suid=\"22\" adminFQDN=\"mef.example.com\"/>"
        "</Extension>" CLOSE "\n");
}

static void marks_of_xml_in_a_btid_come_back(void **state)
{
    FR_AUTO_CLEAR(buf) xml = FR_BUF_INIT(FR_GBA_INFO_MAX);
    struct fr_gba_info odd = {.btid = "a&b'c+/=@bsf.example.org", .lifetime = 1};

    (void)state;
    assert_ok(fr_gba_info_write(&odd, &xml, &err));
    check_reads(fr_buf_cstr(&xml), &odd);
    check_reads(OPEN "<btid>a&amp;b&apos;c<![CDATA[+/]]>=@bsf.example.org</btid>"
                     "<lifetime>1970-01-01T00:00:01Z</lifetime>" CLOSE,
                &odd);
}

static void other_writers_are_read(void **state)
{
    const struct fr_gba_info least = {.btid = BTID, .lifetime = 1795576039};
    static const char *const texts[] = {
        OPEN IDS UNTIL CLOSE,
        OPEN UNTIL IDS CLOSE,
        "<?xml version=\"1.0\"?>\n<!-- x -->" OPEN "\n <btid>\n  " BTID
        "\n </btid>\n <lifetime> 2026-11-25T03:07:19.5Z </lifetime>\n" CLOSE "\n",
        "<g:BootstrappingInfo xmlns:g=\"uri:3gpp-gba\" x=\"y\"><g:btid>" BTID
        "</g:btid><g:lifetime>2026-11-25T03:07:19Z</g:lifetime></g:BootstrappingInfo>",
        OPEN IDS UNTIL "<other><btid>x</btid><other/></other><other/>" CLOSE,
        OPEN IDS UNTIL "<btid xmlns=\"\">x</btid>" CLOSE,
        WITH("<btid>x</btid><lifetime>never</lifetime><x/>"),
        WITH("<target id=\"x\"/>"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        check_reads(texts[i], &least);
}

/* ---- what is not ---- */

static void a_document_type_is_refused(void **state)
{
    static const char *const texts[] = {
        "<!DOCTYPE BootstrappingInfo>" OPEN IDS UNTIL CLOSE,
        "<!DOCTYPE b SYSTEM \"file:///etc/passwd\">" OPEN IDS UNTIL CLOSE,
        "<!DOCTYPE b [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" OPEN
        "<btid>&x;</btid>" UNTIL CLOSE,
        "<!DOCTYPE b [<!ENTITY % p SYSTEM \"http://a.example/\"> %p;]>" OPEN IDS UNTIL
            CLOSE,
        /* a billion laughs */
        "<!DOCTYPE b [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
        "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">]>" OPEN
        "<btid>&d;</btid>" UNTIL CLOSE,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        check_refused(texts[i], "a document type is not allowed");
}

static void an_entity_without_a_document_type_is_refused(void **state)
{
    (void)state;
    check_refused(OPEN "<btid>&x;</btid>" UNTIL CLOSE, "line 1: undefined entity");
}

static void a_second_of_an_element_is_refused(void **state)
{
    (void)state;
    check_refused(OPEN IDS UNTIL IDS CLOSE, "btid comes twice");
    check_refused(OPEN IDS UNTIL UNTIL CLOSE, "lifetime comes twice");
    check_refused(OPEN IDS UNTIL "<Extension/><Extension/>" CLOSE,
                  "Extension comes twice");
    check_refused(WITH("<currenttime>2026-11-24T03:07:19Z</currenttime>"
                       "<currenttime>2026-11-24T03:07:19Z</currenttime>"),
                  "currenttime comes twice");
    check_refused(WITH(TARGET TARGET), "target comes twice");
}

static void another_root_is_refused(void **state)
{
    static const char *const texts[] = {
        "<BootstrappingInfo>" IDS UNTIL CLOSE,
        "<BootstrappingInfo xmlns=\"uri:3gpp-gbx\">" IDS UNTIL CLOSE,
        "<bootstrappinginfo xmlns=\"uri:3gpp-gba\"/>",
        "<x>" OPEN IDS UNTIL CLOSE "</x>",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        check_refused(texts[i], "an unknown element is the root");
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    check_refused(OPEN UNTIL CLOSE, "has no btid");
    check_refused(OPEN IDS CLOSE, "has no lifetime");
    check_refused(OPEN "<btid xmlns=\"x\">" BTID "</btid>" UNTIL CLOSE, "has no btid");
    check_refused(OPEN "<x>" IDS UNTIL "</x>" CLOSE, "has no btid");
}

static void a_malformed_lifetime_is_refused(void **state)
{
    static const char *const times[] = {
        "",
        "never",
        "2026-11-25",
        "2026-11-25T03:07:19",
        "2026-11-25T03:07:19+01:00",
        "2026-13-25T03:07:19Z",
        "2026-11-25T25:07:19Z",
        "2026-11-25T03:07:19Z 2026-11-25T03:07:19Z",
        "1795576039",
        "P1D",
    };
    char xml[512];

    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        snprintf(xml, sizeof xml, OPEN IDS "\n<lifetime>%s</lifetime>" CLOSE, times[i]);
        check_refused(xml, "line 2: lifetime is no time in UTC");
        snprintf(xml, sizeof xml, WITH("<currenttime>%s</currenttime>"), times[i]);
        check_refused(xml, "line 1: currenttime is no time in UTC");
    }
    check_refused(OPEN IDS "<lifetime>1969-12-31T23:59:59Z</lifetime>" CLOSE,
                  "lifetime is missing or wrong");
    check_refused(OPEN IDS "<lifetime>2026-11-25<x/>T03:07:19Z</lifetime>" CLOSE,
                  "is in an element of text");
}

static void a_malformed_btid_is_refused(void **state)
{
    static const char *const btids[] = {
        "", "abc", "a b@bsf.example.org", "a@b@c", "a@-", "a&quot;@b", "a&#10;b@c"};
    char xml[1024], longest[FR_BTID_MAX + 2];

    (void)state;
    for (size_t i = 0; i < COUNT(btids); i++) {
        snprintf(xml, sizeof xml, OPEN "<btid>%s</btid>" UNTIL CLOSE, btids[i]);
        check_refused(xml, "btid is missing or wrong");
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    snprintf(xml, sizeof xml, OPEN "<btid>%s</btid>" UNTIL CLOSE, longest);
    check_refused(xml, "btid is too long");
    check_refused(OPEN "<btid>a<x/></btid>" UNTIL CLOSE, "is in an element of text");
}

static void a_malformed_target_is_refused(void **state)
{
    static const struct {
        const char *attributes, *says;
    } cases[] = {
        {"", "target has no id"},
        {"id=\"\" fqdn=\"b.example\" suid=\"22\" adminFQDN=\"m.example\"", "id is"},
        {"id=\"a b\" fqdn=\"b.example\" suid=\"22\" adminFQDN=\"m.example\"",
         "the target's id"},
        {"id=\"b.example\" suid=\"22\" adminFQDN=\"m.example\"", "the target's fqdn"},
        {"id=\"b.example\" fqdn=\"*.b\" suid=\"22\" adminFQDN=\"m.example\"",
         "the target's fqdn"},
        {"id=\"b.example\" fqdn=\"b.example\" suid=\"22\"", "the target's adminFQDN"},
        {"id=\"b.example\" fqdn=\"b.example\" adminFQDN=\"m.example\"",
         "the target's suid"},
        {"id=\"b.example\" fqdn=\"b.example\" suid=\"9\" adminFQDN=\"m.example\"",
         "the target's suid"},
        {"id=\"b.example\" fqdn=\"b.example\" suid=\"122\" adminFQDN=\"m.example\"",
         "suid is malformed"},
        {"id=\"b.example\" fqdn=\"b.example\" suid=\"x\" adminFQDN=\"m.example\"",
         "suid is malformed"},
        {"id=\"b.example\" id=\"c.example\"", "duplicate attribute"},
    };
    char xml[1024];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(xml, sizeof xml, WITH("<f:target xmlns:f=\"urn:fieldroot:gba\" %s/>"),
                 cases[i].attributes);
        check_refused(xml, cases[i].says);
    }
}

static void what_is_no_xml_is_refused(void **state)
{
    static const char nul[] = OPEN "\0" CLOSE;
    struct fr_gba_info info;
    static const char *const texts[] = {
        "",
        "x",
        "{\"btid\":1}",
        OPEN,
        OPEN IDS UNTIL,
        OPEN IDS UNTIL CLOSE "x",
        OPEN IDS UNTIL CLOSE OPEN CLOSE,
        OPEN "<btid></lifetime>" CLOSE,
        OPEN "\xff" CLOSE,
        "<p:x/>",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        check_refused(texts[i], "BootstrappingInfo, line 1: ");
    assert_fails_as(fr_gba_info_parse(fr_slice_of(nul, sizeof nul - 1), &info, &err),
                    FR_EINVALID, "gba-info-malformed");
    assert_fails_as(fr_gba_info_parse(fr_slice_of(NULL, 0), &info, &err), FR_EINVALID,
                    "gba-info-malformed");
}

static void deep_nesting_is_refused(void **state)
{
    char xml[FR_GBA_INFO_MAX + 1] = OPEN;

    (void)state;
    for (int i = 0; i < 1000; i++)
        strcat(xml, "<a>");
    check_refused(xml, "an unknown element is nested too deep");
}

static void a_large_document_is_refused(void **state)
{
    static const size_t sizes[] = {FR_GBA_INFO_MAX + 1, 1 << 20};
    static char xml[1 << 20];
    struct fr_gba_info info;

    (void)state;
    memset(xml, ' ', sizeof xml);
    memcpy(xml, OPEN IDS UNTIL CLOSE, sizeof OPEN IDS UNTIL CLOSE - 1);
    for (size_t i = 0; i < COUNT(sizes); i++)
        assert_fails_as(fr_gba_info_parse(fr_slice_of(xml, sizes[i]), &info, &err),
                        FR_EINVALID, "gba-info-too-large");
    assert_ok(fr_gba_info_parse(fr_slice_of(xml, FR_GBA_INFO_MAX), &info, &err));
}

static void what_is_out_of_its_limits_is_not_written(void **state)
{
    FR_AUTO_CLEAR(buf) xml = FR_BUF_INIT(FR_GBA_INFO_MAX);
    struct fr_gba_info wrong[6] = {full, full, full, full, full, full};

    (void)state;
    wrong[0].btid[0] = 0;
    wrong[1].lifetime = 0;
    wrong[2].target_fqdn[0] = 0;
    wrong[3].admin_fqdn[0] = '*';
    wrong[4].suid = 0;
    wrong[5].current_time = -1;
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_fails_as(fr_gba_info_write(&wrong[i], &xml, &err), FR_EINVALID,
                        "gba-info-malformed");
    assert_int_equal(xml.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(it_is_written_as_annex_c_has_it),
        cmocka_unit_test(marks_of_xml_in_a_btid_come_back),
        cmocka_unit_test(other_writers_are_read),
        cmocka_unit_test(a_document_type_is_refused),
        cmocka_unit_test(an_entity_without_a_document_type_is_refused),
        cmocka_unit_test(a_second_of_an_element_is_refused),
        cmocka_unit_test(another_root_is_refused),
        cmocka_unit_test(what_is_missing_is_told),
        cmocka_unit_test(a_malformed_lifetime_is_refused),
        cmocka_unit_test(a_malformed_btid_is_refused),
        cmocka_unit_test(a_malformed_target_is_refused),
        cmocka_unit_test(what_is_no_xml_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_large_document_is_refused),
        cmocka_unit_test(what_is_out_of_its_limits_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
