/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "model/instruction.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void each_method_takes_its_own_form(void **state)
{
    static const struct {
        const char *method, *uri, *normal;
    } rows[] = {
        {"file", "file:///etc/list.json", "file:///etc/list.json"},
        {"file", "file:///a%20b", "file:///a%20b"},
        {"https", "https://Disco.Example", "https://disco.example" FR_DISCOVERY_PATH},
        {"https", "https://d.example/", "https://d.example" FR_DISCOVERY_PATH},
        {"https", "https://d.example:8443", "https://d.example:8443" FR_DISCOVERY_PATH},
        {"https", "https://d.example:444/a/B?c=%2F", "https://d.example:444/a/B?c=%2F"},
        {"carrier-pigeon", "pigeon:Berta", "pigeon:Berta"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        FR_AUTO_STR(got) = NULL;
        struct fr_err err = {0};

        assert_ok(fr_resource_normalise(rows[i].method, fr_slice_str(rows[i].uri), &got,
                                        &err));
        assert_string_equal(got, rows[i].normal);
    }
}

static void a_uri_of_the_wrong_form_is_refused(void **state)
{
    static const struct {
        const char *method, *uri;
    } rows[] = {
        {"file", "/etc/list.json"},
        {"file", "file://host/path"},
        {"file", "file:///"},
        {"file", "file:///a b"},
        {"file", "file:///a%2"},
        {"file", "file:///a%00"},
        {"file", "file:///a#b"},
        {"file", "FILE:///a"},
        {"https", "http://d.example/x"},
        {"https", "https:///x"},
        {"https", "https://192.0.2.1/x"},
        {"https", "https://[2001:db8::1]/x"},
        {"https", "https://user@d.example/x"},
        {"https", "https://d.example:0/x"},
        {"https", "https://d.example:65536/x"},
        {"https", "https://d.example:/x"},
        {"https", "https://d.example/a\r\nHost: x"},
        {"https", "https://d.example/\xc3\xa9"},
        {"https", "https://d.example/a#b"},
        {"https", "https://d.example/%zz"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *got = NULL;
        struct fr_err err = {0};

        assert_fails_as(fr_resource_normalise(rows[i].method, fr_slice_str(rows[i].uri),
                                              &got, &err),
                        FR_EPARSE, "document-bad-value");
        assert_null(got);
    }
}

static void a_nul_in_the_authority_is_refused(void **state)
{
    static const char uri[] = "https://d.example\0.evil.example/x";
    char *got = NULL;
    struct fr_err err = {0};

    (void)state;
    assert_fails(
        fr_resource_normalise("https", fr_slice_of(uri, sizeof uri - 1), &got, &err),
        FR_EPARSE);
}

static void a_uri_beyond_the_limit_is_refused(void **state)
{
    static char uri[FR_RESOURCE_MAX + 2] = "file:///";
    char *got = NULL;
    struct fr_err err = {0};

    (void)state;
    memset(uri + 8, 'x', sizeof uri - 9);
    assert_fails_as(fr_resource_normalise("file", fr_slice_str(uri), &got, &err),
                    FR_EPARSE, "document-too-long");
    uri[FR_RESOURCE_MAX] = 0;
    assert_ok(fr_resource_normalise("file", fr_slice_str(uri), &got, &err));
    assert_string_equal(got, uri);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_takes_its_own_form),
        cmocka_unit_test(a_uri_of_the_wrong_form_is_refused),
        cmocka_unit_test(a_nul_in_the_authority_is_refused),
        cmocka_unit_test(a_uri_beyond_the_limit_is_refused),
    };

    return cmocka_run_group_tests_name("model/resource", tests, NULL, NULL);
}
