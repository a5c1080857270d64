/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "proto/http.h"

static struct fr_err err;

static const struct fr_http_header accept_any[] = {{"Accept", "*/*"}};

static const struct fr_http_request plain = {.method = "GET",
                                             .host = "a.example.com",
                                             .port = 443,
                                             .path = "/x?y=%2F",
                                             .headers = accept_any,
                                             .n_headers = 1};

static void request_without_body_has_no_length(void **state)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    (void)state;
    assert_ok(fr_http_write(&plain, &b, &err));
    assert_string_equal(fr_buf_cstr(&b), "GET /x?y=%2F HTTP/1.1\r\n"
                                         "Host: a.example.com\r\nAccept: */*\r\n\r\n");
}

static void port_and_length_are_written(void **state)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);
    struct fr_http_request req = plain;

    (void)state;
    req.method = "POST";
    req.port = 8443;
    req.n_headers = 0;
    req.body = fr_slice_str("{}");
    assert_ok(fr_http_write(&req, &b, &err));
    assert_string_equal(fr_buf_cstr(&b),
                        "POST /x?y=%2F HTTP/1.1\r\nHost: a.example.com:8443\r\n"
                        "Content-Length: 2\r\n\r\n{}");
}

static void empty_body_has_a_length(void **state)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);
    struct fr_http_request req = plain;

    (void)state;
    req.body = fr_slice_str("");
    assert_ok(fr_http_write(&req, &b, &err));
    assert_contains(fr_buf_cstr(&b), "Content-Length: 0\r\n");
}

static void assert_unwritable(const struct fr_http_request *req)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);

    assert_fails(fr_http_write(req, &b, &err), FR_EINTERNAL);
    assert_int_equal(b.len, 0);
}

static void values_that_break_the_framing_are_refused(void **state)
{
    static const char *const paths[] = {"x",   "",     "/a b", "/a\r\nB: c",
                                        "/%4", "/%zz", "/a#b", "/a\x80"};
    static const char *const values[] = {"a\r\nB: c", "a\nb", "a\rb", "\x01", "\x7f"};
    struct fr_http_header header = {"X", "y"};
    struct fr_http_request req = plain;

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        req.path = paths[i];
        assert_unwritable(&req);
    }
    req = plain;
    req.headers = &header;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        header.value = values[i];
        assert_unwritable(&req);
    }
    header = (struct fr_http_header){"X: y", "z"};
    assert_unwritable(&req);
    req = plain;
    req.host = "a\r\nb";
    assert_unwritable(&req);
    req = plain;
    req.method = "GET /";
    assert_unwritable(&req);
}

static int64_t retry_after_of(const char *value)
{
    FR_AUTO(http_response) *r = NULL;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(4096);
    size_t used;

    fr_buf_str(&b, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n");
    if (value)
        fr_buf_fmt(&b, "Retry-After: %s\r\n", value);
    fr_buf_str(&b, "\r\n");
    assert_ok(fr_http_response_new(10, &r, &err));
    assert_ok(fr_http_feed(r, fr_buf_view(&b), &used, &err));
    return fr_http_retry_after_ms(r, 784111777 - 10); /* ten seconds before the date */
}

static void retry_after_is_read_in_both_forms(void **state)
{
    (void)state;
    assert_int_equal(retry_after_of("0"), 0);
    assert_int_equal(retry_after_of("120"), 120000);
    assert_int_equal(retry_after_of("Sun, 06 Nov 1994 08:49:37 GMT"), 10000);
    assert_int_equal(retry_after_of("Sun, 06 Nov 1994 08:49:00 GMT"), 0);
}

static void retry_after_that_says_nothing_is_none(void **state)
{
    static const char *const values[] = {NULL,
                                         "",
                                         "-1",
                                         "1.5",
                                         "soon",
                                         "99999999999999999999",
                                         "Sunday, 06-Nov-94 08:49:37 GMT",
                                         "Sun, 06 Now 1994 08:49:37 GMT",
                                         "Sun, 06 an  1994 08:49:37 GMT",
                                         "Sun, 31 Feb 1994 08:49:37 GMT",
                                         "Sun, 06 Nov 1994 08:49:37 CET",
                                         "Sun, 06 Nov 1994 25:49:37 GMT"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal(retry_after_of(values[i]), -1);
}

static void statuses_have_their_classes(void **state)
{
    static const struct {
        int status;
        enum fr_code code;
    } rows[] = {{301, FR_EINVALID},     {400, FR_EINVALID},     {401, FR_EREFUSED},
                {403, FR_EREFUSED},     {404, FR_EINVALID},     {407, FR_EREFUSED},
                {408, FR_EUNREACHABLE}, {429, FR_EUNREACHABLE}, {500, FR_EUNREACHABLE},
                {503, FR_EUNREACHABLE}};

    (void)state;
    assert_ok(fr_http_status_check(200, "", "asking", &err));
    assert_ok(fr_http_status_check(204, "", "asking", &err));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_fails(fr_http_status_check(rows[i].status, "", "asking", &err),
                     rows[i].code);
    assert_fails_as(fr_http_status_check(403, "go away", "asking", &err), FR_EREFUSED,
                    "http-403");
    assert_contains(err.msg, "asking");
    assert_contains(err.msg, "go away");
}

static void assert_uri(const char *text, const char *host, int port, const char *path)
{
    struct fr_https_uri u;

    assert_true(fr_https_uri_parse(text, &u));
    assert_string_equal(u.host, host);
    assert_int_equal(u.port, port);
    assert_string_equal(u.path, path);
}

static void uris_are_split(void **state)
{
    (void)state;
    assert_uri("https://A.example.com", "a.example.com", 443, "/");
    assert_uri("HTTPS://a.example.com/", "a.example.com", 443, "/");
    assert_uri("https://a.example.com:8443/x/y?z=1", "a.example.com", 8443, "/x/y?z=1");
    assert_uri("https://a?q", "a", 443, "/?q");
}

static void other_uris_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "https",
                                        "https://",
                                        "https:///x",
                                        "http://a.example.com/",
                                        "https://user@a.example.com/",
                                        "https://a.example.com/#part",
                                        "https://[::1]/",
                                        "https://192.0.2.1/",
                                        "https://a.example.com:0/",
                                        "https://a.example.com:65536/",
                                        "https://a.example.com:/",
                                        "https://a.example.com/a b",
                                        "https://a.example.com/%4",
                                        "https://a_b/"};
    struct fr_https_uri u = {.port = 7};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(fr_https_uri_parse(texts[i], &u));
    assert_int_equal(u.port, 7); /* written on success only */
}

static void uri_beyond_the_limit_is_refused(void **state)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(8192);
    struct fr_https_uri u;

    (void)state;
    fr_buf_str(&b, "https://a/");
    for (int i = 0; i < 2046; i++)
        fr_buf_str(&b, "x");
    assert_true(fr_https_uri_parse(fr_buf_cstr(&b), &u));
    assert_int_equal(strlen(u.path), 2047);
    fr_buf_str(&b, "x");
    assert_false(fr_https_uri_parse(fr_buf_cstr(&b), &u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_without_body_has_no_length),
        cmocka_unit_test(port_and_length_are_written),
        cmocka_unit_test(empty_body_has_a_length),
        cmocka_unit_test(values_that_break_the_framing_are_refused),
        cmocka_unit_test(retry_after_is_read_in_both_forms),
        cmocka_unit_test(retry_after_that_says_nothing_is_none),
        cmocka_unit_test(statuses_have_their_classes),
        cmocka_unit_test(uris_are_split),
        cmocka_unit_test(other_uris_are_refused),
        cmocka_unit_test(uri_beyond_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
