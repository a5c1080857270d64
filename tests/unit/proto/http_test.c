/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "proto/http.h"

#define BODY_MAX 64

static struct fr_err err;

static enum fr_code read_all(const char *text, struct fr_http_response **ret,
                             size_t *used)
{
    assert_ok(fr_http_response_new(BODY_MAX, ret, &err));
    return fr_http_feed(*ret, fr_slice_str(text), used, &err);
}

/* One octet at a time: what was used of it. */
static enum fr_code read_slowly(const char *text, struct fr_http_response **ret,
                                size_t *used)
{
    enum fr_code rc = FR_OK;

    *used = 0;
    assert_ok(fr_http_response_new(BODY_MAX, ret, &err));
    for (size_t i = 0; rc == FR_OK && text[i]; i++) {
        size_t n = 0;

        rc = fr_http_feed(*ret, fr_slice_of(text + i, 1), &n, &err);
        *used += n;
    }
    return rc;
}

static void assert_body(const struct fr_http_response *r, const char *body)
{
    assert_true(fr_http_is_complete(r));
    assert_true(fr_slice_equal(fr_http_body(r), fr_slice_str(body)));
}

static const struct good {
    const char *text;
    int status;
    const char *body;
    bool keeps_alive;
    const char *rest; /* of the text, not of this response */
} good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true, ""},
    {"HTTP/1.1 200 \r\ncontent-length:0\r\n\r\n", 200, "", true, ""},
    {"HTTP/1.1 200\r\nContent-Length: 000002 \r\n\r\nok", 200, "ok", true, ""},
    {"HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n", 201, "a",
     true, "HTTP/1.1 200 OK\r\n"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\nA ; x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
     200, "abc0123456789", true, ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
     "1\r\na\r\n000\r\nTrailer: 1\r\nAnother: 2\r\n\r\nrest",
     200, "a", true, "rest"},
    {"HTTP/1.1 204 No Content\r\n\r\nrest", 204, "", true, "rest"},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\nrest", 304, "", true,
     "rest"},
    {"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
     "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
     404, "no", true, ""},
    {"HTTP/1.1 200 OK\r\nConnection: foo , close\r\nContent-Length: 0\r\n\r\n", 200, "",
     false, ""},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", false, ""},
    {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", 200, "",
     true, ""},
};

static void check_good(const struct good *g,
                       enum fr_code (*reader)(const char *, struct fr_http_response **,
                                              size_t *))
{
    FR_AUTO(http_response) *r = NULL;
    size_t used = 0;

    assert_ok(reader(g->text, &r, &used));
    assert_int_equal(fr_http_status(r), g->status);
    assert_body(r, g->body);
    assert_int_equal(fr_http_keeps_alive(r), g->keeps_alive);
    assert_string_equal(g->text + used, g->rest);
}

static void responses_are_read_and_the_rest_is_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        check_good(&good[i], read_all);
}

static void portions_make_no_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        check_good(&good[i], read_slowly);
}

static void close_delimited_body_ends_with_the_stream(void **state)
{
    FR_AUTO(http_response) *r = NULL;
    size_t used;

    (void)state;
    assert_ok(read_all("HTTP/1.1 200 OK\r\nA: b\r\n\r\nsome text", &r, &used));
    assert_false(fr_http_is_complete(r));
    assert_ok(fr_http_feed_end(r, &err));
    assert_body(r, "some text");
    assert_false(fr_http_keeps_alive(r));
}

static void cut_response_is_unreachable_wherever_it_is_cut(void **state)
{
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        FR_AUTO(http_response) *r = NULL;
        size_t used;

        assert_ok(fr_http_response_new(BODY_MAX, &r, &err));
        assert_ok(fr_http_feed(r, fr_slice_of(whole, n), &used, &err));
        assert_int_equal(fr_http_has_begun(r), n > 0);
        assert_fails_as(fr_http_feed_end(r, &err), FR_EUNREACHABLE, "connection-cut");
    }
}

static const char *const malformed[] = {
    "GARBAGE\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 600 OK\r\n\r\n",
    "HTTP/1.1 200 O\x01K\r\n\r\n",
    "HTTP/1.1 200 OK\n\n",
    "HTTP/1.1 200 OK\rX\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 200 OK\r\nName : value\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: value\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n\tfolded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 x\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
};

static void malformed_responses_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        FR_AUTO(http_response) *whole = NULL;
        FR_AUTO(http_response) *slow = NULL;
        size_t used;

        assert_fails_as(read_all(malformed[i], &whole, &used), FR_EINVALID,
                        "http-malformed");
        assert_fails_as(read_slowly(malformed[i], &slow, &used), FR_EINVALID,
                        "http-malformed");
    }
}

static void nul_in_a_line_is_refused(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n";
    FR_AUTO(http_response) *r = NULL;
    size_t used;

    (void)state;
    assert_ok(fr_http_response_new(BODY_MAX, &r, &err));
    assert_fails_as(fr_http_feed(r, fr_slice_of(text, sizeof text - 1), &used, &err),
                    FR_EINVALID, "http-malformed");
}

static const char *const too_large[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999999\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "20\r\n01234567890123456789012345678901\r\n21\r\n",
    "HTTP/1.1 200 OK\r\n\r\n"
    "01234567890123456789012345678901234567890123456789012345678901234",
};

static void bodies_beyond_the_limit_are_refused_before_they_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof too_large / sizeof too_large[0]; i++) {
        FR_AUTO(http_response) *r = NULL;
        size_t used;

        assert_fails_as(read_all(too_large[i], &r, &used), FR_EINVALID,
                        "http-too-large");
    }
}

/* Feeds part for ever: how many octets until it is refused. */
static size_t octets_until_refused(const char *head, const char *part)
{
    FR_AUTO(http_response) *r = NULL;
    size_t used, total = strlen(head);
    enum fr_code rc;

    assert_ok(fr_http_response_new(BODY_MAX, &r, &err));
    rc = fr_http_feed(r, fr_slice_str(head), &used, &err);
    while (rc == FR_OK && total < 4 * FR_HTTP_HEAD_MAX) {
        rc = fr_http_feed(r, fr_slice_str(part), &used, &err);
        total += strlen(part);
    }
    assert_int_equal(rc, FR_EINVALID);
    assert_string_equal(err.reason, "http-too-large");
    return total;
}

static void head_is_bounded(void **state)
{
    (void)state;
    assert_true(octets_until_refused("HTTP/1.1 200 ", "x") == FR_HTTP_HEAD_MAX + 1);
    assert_true(octets_until_refused("HTTP/1.1 200 OK\r\nA: ", "x") ==
                FR_HTTP_HEAD_MAX + 1);
}

static void headers_and_trailers_are_counted(void **state)
{
    size_t line = strlen("A: b\r\n");

    (void)state;
    assert_true(octets_until_refused("HTTP/1.1 200 OK\r\n", "A: b\r\n") ==
                17 + (FR_HTTP_HEADERS_MAX + 1) * line);
    assert_true(octets_until_refused(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                    "A: b\r\n") < 1000);
}

static void interim_responses_are_bounded(void **state)
{
    (void)state;
    assert_true(octets_until_refused("", "HTTP/1.1 100 Continue\r\n\r\n") <
                FR_HTTP_HEAD_MAX + 100);
}

static void chunk_extensions_are_bounded(void **state)
{
    (void)state;
    assert_true(
        octets_until_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
                             "x") < 300);
}

static void headers_are_found_in_any_case_first_one_first(void **state)
{
    FR_AUTO(http_response) *r = NULL;
    size_t used;

    (void)state;
    assert_ok(read_all("HTTP/1.1 200 OK\r\nX-M2M-RSC:  2000\t\r\nx-m2m-rsc: 1\r\n"
                       "Empty:\r\nContent-Length: 0\r\n\r\n",
                       &r, &used));
    assert_string_equal(fr_http_header(r, "x-M2M-rsc"), "2000");
    assert_string_equal(fr_http_header(r, "Empty"), "");
    assert_null(fr_http_header(r, "X-M2M"));
}

static void reader_serves_the_next_response_after_a_reset(void **state)
{
    FR_AUTO(http_response) *r = NULL;
    size_t used;

    (void)state;
    assert_ok(
        read_all("HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 1\r\n\r\na", &r, &used));
    fr_http_response_reset(r);
    assert_false(fr_http_has_begun(r));
    assert_false(fr_http_is_complete(r));
    assert_ok(
        fr_http_feed(r, fr_slice_str("HTTP/1.1 201 OK\r\nContent-Length: 2\r\n\r\nbc"),
                     &used, &err));
    assert_int_equal(fr_http_status(r), 201);
    assert_null(fr_http_header(r, "A"));
    assert_body(r, "bc");
}

static void reader_stays_broken_until_its_reset(void **state)
{
    FR_AUTO(http_response) *r = NULL;
    size_t used;

    (void)state;
    assert_fails(read_all("nonsense\r\n", &r, &used), FR_EINVALID);
    assert_fails_as(fr_http_feed(r, fr_slice_str("HTTP/1.1 200 OK\r\n"), &used, &err),
                    FR_EINVALID, "http-malformed");
    fr_http_response_reset(r);
    assert_ok(fr_http_feed(r, fr_slice_str("HTTP/1.1 200 OK\r\n"), &used, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_are_read_and_the_rest_is_left),
        cmocka_unit_test(portions_make_no_difference),
        cmocka_unit_test(close_delimited_body_ends_with_the_stream),
        cmocka_unit_test(cut_response_is_unreachable_wherever_it_is_cut),
        cmocka_unit_test(malformed_responses_are_refused),
        cmocka_unit_test(nul_in_a_line_is_refused),
        cmocka_unit_test(bodies_beyond_the_limit_are_refused_before_they_are_read),
        cmocka_unit_test(head_is_bounded),
        cmocka_unit_test(headers_and_trailers_are_counted),
        cmocka_unit_test(interim_responses_are_bounded),
        cmocka_unit_test(chunk_extensions_are_bounded),
        cmocka_unit_test(headers_are_found_in_any_case_first_one_first),
        cmocka_unit_test(reader_serves_the_next_response_after_a_reset),
        cmocka_unit_test(reader_stays_broken_until_its_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
