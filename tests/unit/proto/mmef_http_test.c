/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "proto/mmef_http.h"

static struct fr_err err;

static void request_has_the_headers_of_onem2m(void **state)
{
    const struct fr_mmef_request req = {.method = "POST",
                                        .host = "mef.example.com",
                                        .port = 8443,
                                        .path = "/mefbase",
                                        .origin = "dev1.example.com",
                                        .request_id = "0011",
                                        .type = FR_MMEF_TYPE "; ty=102",
                                        .body = fr_slice_str("{}")};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_request_write(&req, &b, &err));
    assert_string_equal(fr_buf_cstr(&b),
                        "POST /mefbase HTTP/1.1\r\nHost: mef.example.com:8443\r\n"
                        "X-M2M-Origin: dev1.example.com\r\nX-M2M-RI: 0011\r\n"
                        "X-M2M-RVI: 3\r\n"
                        "Content-Type: application/vnd.onem2m-res+json; ty=102\r\n"
                        "Content-Length: 2\r\n\r\n{}");
}

static void request_without_type_has_no_body(void **state)
{
    const struct fr_mmef_request req = {.method = "GET",
                                        .host = "m",
                                        .port = 443,
                                        .path = "/x",
                                        .origin = "d",
                                        .request_id = "1"};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_mmef_request_write(&req, &b, &err));
    assert_null(strstr(fr_buf_cstr(&b), "Content-"));
    assert_contains(
        fr_buf_cstr(&b),
        "\r\nAccept: application/vnd.onem2m-res+json, application/json\r\n");
}

static void identity_that_breaks_the_framing_is_refused(void **state)
{
    const struct fr_mmef_request req = {.method = "GET",
                                        .host = "m",
                                        .port = 443,
                                        .path = "/x",
                                        .origin = "d\r\nX-M2M-RI: 2",
                                        .request_id = "1"};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_fails(fr_mmef_request_write(&req, &b, &err), FR_EINTERNAL);
}

/* head: status and further header lines */
static enum fr_code check(const char *head, const char *body)
{
    FR_AUTO(http_response) *r = NULL;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);
    size_t used;

    fr_buf_fmt(&b, "HTTP/1.1 %sContent-Length: %zu\r\n\r\n%s", head, strlen(body),
               body);
    assert_ok(fr_http_response_new(4096, &r, &err));
    assert_ok(fr_http_feed(r, fr_buf_view(&b), &used, &err));
    assert_true(fr_http_is_complete(r));
    return fr_mmef_response_check(r, "0011", "asking", &err);
}

static void success_needs_no_words(void **state)
{
    (void)state;
    assert_ok(check("201 Created\r\nX-M2M-RSC: 2001\r\nX-M2M-RI: 0011\r\n", ""));
    assert_ok(check("200 OK\r\n", "{}"));
    assert_ok(check("204 No Content\r\n", ""));
}

static void response_status_code_decides_the_class(void **state)
{
    (void)state;
    assert_fails(check("400 Bad\r\nX-M2M-RSC: 4000\r\n", ""), FR_EINVALID);
    assert_fails(check("404 Not\r\nX-M2M-RSC: 4004\r\n", ""), FR_EINVALID);
    assert_fails(check("403 No\r\nX-M2M-RSC: 4103\r\n", ""), FR_EREFUSED);
    assert_fails(check("409 Conflict\r\nX-M2M-RSC: 4105\r\n", ""), FR_EUNREACHABLE);
    assert_fails(check("500 Error\r\nX-M2M-RSC: 5000\r\n", ""), FR_EUNREACHABLE);
}

static void without_one_the_http_status_does(void **state)
{
    (void)state;
    assert_fails_as(check("403 No\r\n", ""), FR_EREFUSED, "http-403");
    assert_fails_as(check("503 Busy\r\n", "<html>"), FR_EUNREACHABLE, "http-503");
    assert_fails_as(check("302 Found\r\n", ""), FR_EINVALID, "http-302");
}

static void reason_and_words_are_the_peers(void **state)
{
    (void)state;
    assert_fails_as(check("403 No\r\nX-M2M-RSC: 4103\r\n",
                          "{\"reason\":\"target-not-allowed\",\"text\":\"ask ops\"}"),
                    FR_EREFUSED, "target-not-allowed");
    assert_contains(err.msg, "ask ops");
    assert_contains(err.msg, "asking");
    assert_fails_as(check("503 Busy\r\n", "{\"reason\":\"too-busy\"}"), FR_EUNREACHABLE,
                    "too-busy");
}

static void reason_that_is_no_token_is_not_taken(void **state)
{
    (void)state;
    assert_fails_as(check("503 Busy\r\n", "{\"reason\":\"Too Busy\"}"), FR_EUNREACHABLE,
                    "http-503");
}

static void contradicting_codes_are_malformed(void **state)
{
    (void)state;
    assert_fails_as(check("200 OK\r\nX-M2M-RSC: 4103\r\n", ""), FR_EINVALID,
                    "mmef-malformed");
    assert_fails_as(check("403 No\r\nX-M2M-RSC: 2000\r\n", ""), FR_EINVALID,
                    "mmef-malformed");
    assert_fails_as(check("200 OK\r\nX-M2M-RSC: fine\r\n", ""), FR_EINVALID,
                    "mmef-malformed");
    assert_fails_as(check("200 OK\r\nX-M2M-RSC: 20000\r\n", ""), FR_EINVALID,
                    "mmef-malformed");
    assert_fails_as(check("200 OK\r\nX-M2M-RSC: 200\r\n", ""), FR_EINVALID,
                    "mmef-malformed");
}

static void response_to_another_request_is_malformed(void **state)
{
    (void)state;
    assert_fails_as(check("200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: 0012\r\n", ""),
                    FR_EINVALID, "mmef-malformed");
}

static void plain_paths_are_told_from_others(void **state)
{
    static const char *const others[] = {"",          "x",
                                         "/",         "//host/x",
                                         "/x/",       "/x//y",
                                         "/.",        "/x/../y",
                                         "/x/./y",    "/x?y",
                                         "/x#y",      "/x%2Fy",
                                         "/x y",      "https://mef.example.com/x",
                                         "/x\r\nA: b"};
    char longest[FR_ID_MAX + 2] = "/";

    (void)state;
    assert_true(fr_mmef_path_is_plain("/mefbase/C1AEC59A313D1341C3D91E1FEE552FF2"));
    assert_true(fr_mmef_path_is_plain("/~/a_b/.../c-1.2"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(fr_mmef_path_is_plain(others[i]));
    memset(longest + 1, 'x', FR_ID_MAX - 1);
    assert_true(fr_mmef_path_is_plain(longest));
    longest[FR_ID_MAX] = 'x';
    assert_false(fr_mmef_path_is_plain(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_has_the_headers_of_onem2m),
        cmocka_unit_test(request_without_type_has_no_body),
        cmocka_unit_test(identity_that_breaks_the_framing_is_refused),
        cmocka_unit_test(success_needs_no_words),
        cmocka_unit_test(response_status_code_decides_the_class),
        cmocka_unit_test(without_one_the_http_status_does),
        cmocka_unit_test(reason_and_words_are_the_peers),
        cmocka_unit_test(reason_that_is_no_token_is_not_taken),
        cmocka_unit_test(contradicting_codes_are_malformed),
        cmocka_unit_test(response_to_another_request_is_malformed),
        cmocka_unit_test(plain_paths_are_told_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
