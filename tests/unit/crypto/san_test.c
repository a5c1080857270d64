/* SPDX-License-Identifier: Apache-2.0 */
/* Names as text, and from certificates that nobody honest would issue. */
#include "certs.h"
#include "crypto/peer.h"
#include "test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct fr_err err;

static void assert_names(const struct raw_name *raw, size_t n, const char *const *texts)
{
    X509 *cert = make_cert(raw, n);
    char text[FR_SAN_TEXT_MAX + 1];
    struct fr_peer peer;
    size_t i;

    assert_ok(fr_peer_from_leaf(cert, &peer, &err));
    X509_free(cert);
    for (i = 0; texts[i]; i++)
        assert_string_equal(fr_san_format(&peer.sans[i], text), texts[i]);
    assert_int_equal(peer.n_sans, i);
}

/* ret must stay as it was. */
static void assert_refused(X509 *cert)
{
    struct fr_peer peer = {.kind = FR_PEER_NONE};

    assert_fails_as(fr_peer_from_leaf(cert, &peer, &err), FR_EREFUSED, "peer-name");
    assert_int_equal(peer.kind, FR_PEER_NONE);
    assert_int_equal(peer.n_sans, 0);
    X509_free(cert);
}

static void names_of_each_type_are_kept(void **state)
{
    static const struct raw_name raw[] = {
        {GEN_DNS, "dev1.example.com", -1, NULL, 0},
        {GEN_URI, "//sp.example.com/Cse-1/ae", -1, NULL, 0},
        {GEN_OTHERNAME, "h\xc3\xa9-42", -1, "1.3.6.1.4.1.99.1", 0},
        {GEN_RID, "2.999.7", -1, NULL, 0},
    };

    (void)state;
    assert_names(
        raw, COUNT(raw),
        (const char *[]){"dns:dev1.example.com", "uri://sp.example.com/Cse-1/ae",
                         "other:1.3.6.1.4.1.99.1;h\xc3\xa9-42", "rid:2.999.7", NULL});
}

static void dns_names_are_folded(void **state)
{
    static const struct raw_name raw[] = {{GEN_DNS, "DEV1.Example.COM", -1, NULL, 0}};

    (void)state;
    assert_names(raw, 1, (const char *[]){"dns:dev1.example.com", NULL});
}

static void types_that_name_no_entity_are_passed_over(void **state)
{
    static const struct raw_name raw[] = {
        {GEN_EMAIL, "a@example.com", -1, NULL, 0},
        {GEN_IPADD, "\xc0\x00\x02\x01", 4, NULL, 0},
        {GEN_DNS, "dev1.example.com", -1, NULL, 0},
    };

    (void)state;
    assert_names(raw, COUNT(raw), (const char *[]){"dns:dev1.example.com", NULL});
}

static void unkeepable_name_refuses_the_certificate(void **state)
{
    static const struct raw_name bad[] = {
        {GEN_DNS, "dev1.example.com\0.evil.example", 30, NULL, 0}, /* embedded NUL */
        {GEN_DNS, "dev1.example.com\0", 17, NULL, 0},              /* final NUL */
        {GEN_DNS, "*.example.com", -1, NULL, 0},                   /* wildcard */
        {GEN_DNS, "dev*.example.com", -1, NULL, 0},
        {GEN_DNS, "", 0, NULL, 0},
        {GEN_DNS, "dev1.example.com.", -1, NULL, 0},
        {GEN_DNS, "192.0.2.1", -1, NULL, 0},
        {GEN_DNS, "dev1 example.com", -1, NULL, 0},
        {GEN_URI, "//sp.example.com/*", -1, NULL, 0},
        {GEN_URI, "//sp.example.com/a\0b", 20, NULL, 0},
        {GEN_URI, "//sp.example.com/a\nb", -1, NULL, 0},
        {GEN_URI, "", 0, NULL, 0},
        {GEN_OTHERNAME, "a\0b", 3, "1.2.3", 0},
        {GEN_OTHERNAME, "", 0, "1.2.3", 0},
        {GEN_OTHERNAME, "\xff\xfe", 2, "1.2.3", 0}, /* not UTF-8 */
        {GEN_OTHERNAME, "a\nb", -1, "1.2.3", 0},
        {GEN_OTHERNAME, "text", -1, "1.2.3", V_ASN1_OCTET_STRING}, /* no text */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_refused(make_cert(&bad[i], 1));
}

static void bad_name_behind_a_good_one_refuses_too(void **state)
{
    static const struct raw_name raw[] = {{GEN_DNS, "dev1.example.com", -1, NULL, 0},
                                          {GEN_DNS, "*.example.com", -1, NULL, 0}};

    (void)state;
    assert_refused(make_cert(raw, COUNT(raw)));
}

static void too_long_name_is_refused(void **state)
{
    char text[FR_ID_MAX + 2];
    const struct raw_name uri = {GEN_URI, text, FR_ID_MAX + 1, NULL, 0},
                          other = {GEN_OTHERNAME, text, FR_ID_MAX - 5, "1.2.3", 0},
                          dns = {GEN_DNS, text, FR_FQDN_MAX + 1, NULL, 0};

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 60; i < sizeof text; i += 60)
        text[i] = '.';
    assert_refused(make_cert(&uri, 1));
    assert_refused(make_cert(&other, 1));
    assert_refused(make_cert(&dns, 1));
}

static void longest_name_is_kept_whole(void **state)
{
    char text[FR_ID_MAX + 1];
    const struct raw_name uri = {GEN_URI, text, FR_ID_MAX, NULL, 0};
    struct fr_peer peer;
    X509 *cert;

    (void)state;
    memset(text, 'a', sizeof text);
    cert = make_cert(&uri, 1);
    assert_ok(fr_peer_from_leaf(cert, &peer, &err));
    assert_int_equal(strlen(peer.sans[0].value), FR_ID_MAX);
    X509_free(cert);
}

static void eight_names_are_kept_and_nine_refused(void **state)
{
    struct raw_name raw[FR_SANS_MAX + 1];
    char names[FR_SANS_MAX + 1][32];
    struct fr_peer peer;
    X509 *cert;

    (void)state;
    for (size_t i = 0; i <= FR_SANS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "dev%zu.example.com", i);
        raw[i] = (struct raw_name){GEN_DNS, names[i], -1, NULL, 0};
    }
    cert = make_cert(raw, FR_SANS_MAX);
    assert_ok(fr_peer_from_leaf(cert, &peer, &err));
    assert_int_equal(peer.n_sans, FR_SANS_MAX);
    X509_free(cert);
    assert_refused(make_cert(raw, FR_SANS_MAX + 1));
}

static void certificate_without_usable_name_is_refused(void **state)
{
    static const struct raw_name mailbox = {GEN_EMAIL, "a@example.com", -1, NULL, 0};

    (void)state;
    assert_refused(make_cert(NULL, 0));
    assert_refused(make_cert(&mailbox, 1));
}

static void malformed_extension_is_refused(void **state)
{
    static const unsigned char cut[] = {0x30, 0x12, 0x82, 0x10, 'd', 'e', 'v'};
    static const unsigned char empty[] = {0x30, 0x00};

    (void)state;
    assert_refused(make_cert_with_sans(cut, sizeof cut));
    assert_refused(make_cert_with_sans(empty, sizeof empty));
}

static void text_reads_back(void **state)
{
    static const char *const texts[] = {"dns:dev1.example.com", "uri:urn:x:y",
                                        "uri://sp.example.com/cse",
                                        "other:1.3.6.1.4.1.99;a;b", "rid:1.2.840.7"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[FR_SAN_TEXT_MAX + 1];
        struct fr_san san;

        assert_ok(fr_san_parse(texts[i], &san, &err));
        assert_string_equal(fr_san_format(&san, text), texts[i]);
    }
}

static void text_of_a_dns_name_is_folded(void **state)
{
    struct fr_san san;

    (void)state;
    assert_ok(fr_san_parse("dns:Dev1.EXAMPLE.com", &san, &err));
    assert_int_equal(san.type, FR_SAN_DNS);
    assert_string_equal(san.value, "dev1.example.com");
}

static void malformed_text_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "dev1.example.com",
        "dns",
        "dns:",
        "DNS:dev1.example.com",
        "ip:192.0.2.1",
        "dns:*.example.com",
        "dns:-a.example.com",
        "dns:a..b",
        "uri:a b",
        "uri:",
        "rid:1",
        "rid:1.02.3",
        "rid:commonName",
        "rid:1.2.3;x",
        "other:1.2.3",
        "other:1.2.3;",
        "other:;text",
        "other:1.2.x;text",
        "other:1.2.3;\xff",
    };
    struct fr_san san;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_fails_as(fr_san_parse(texts[i], &san, &err), FR_EPARSE, "san");
}

static void refusal_of_a_text_says_what_is_allowed(void **state)
{
    struct fr_san san;

    (void)state;
    assert_fails(fr_san_parse("dev1\n", &san, &err), FR_EPARSE);
    assert_contains(err.msg, "dns:NAME");
    assert_contains(err.msg, "dev1\\x0a"); /* not the newline itself */
    assert_fails(fr_san_parse("dns:*.example.com", &san, &err), FR_EPARSE);
    assert_contains(err.msg, "wildcard");
}

static void type_names_are_known(void **state)
{
    (void)state;
    assert_string_equal(fr_san_type_name(FR_SAN_DNS), "dns");
    assert_string_equal(fr_san_type_name(FR_SAN_RID), "rid");
    assert_string_equal(fr_san_type_name((enum fr_san_type)99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_each_type_are_kept),
        cmocka_unit_test(dns_names_are_folded),
        cmocka_unit_test(types_that_name_no_entity_are_passed_over),
        cmocka_unit_test(unkeepable_name_refuses_the_certificate),
        cmocka_unit_test(bad_name_behind_a_good_one_refuses_too),
        cmocka_unit_test(too_long_name_is_refused),
        cmocka_unit_test(longest_name_is_kept_whole),
        cmocka_unit_test(eight_names_are_kept_and_nine_refused),
        cmocka_unit_test(certificate_without_usable_name_is_refused),
        cmocka_unit_test(malformed_extension_is_refused),
        cmocka_unit_test(text_reads_back),
        cmocka_unit_test(text_of_a_dns_name_is_folded),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(refusal_of_a_text_says_what_is_allowed),
        cmocka_unit_test(type_names_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
