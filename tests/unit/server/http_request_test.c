/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "server/http/request.h"

enum { HEAD_MAX = 1024, BODY_MAX = 256 };

static struct fr_request *r;
static struct fr_err err;

static int open_request(void **state)
{
    (void)state;
    return fr_request_new(HEAD_MAX, BODY_MAX, &r, &err) != FR_OK;
}

static int close_request(void **state)
{
    (void)state;
    fr_request_free(r);
    r = NULL;
    return 0;
}

static enum fr_code feed(const char *text)
{
    size_t used = 0;

    return fr_request_feed(r, fr_slice_str(text), &used, &err);
}

static void refuses(const char *text, int status)
{
    fr_request_reset(r);
    if (feed(text) == FR_OK)
        fail_msg("accepted: %s", text);
    assert_int_equal(fr_request_refusal(r), status);
    assert_false(fr_request_is_complete(r));
}

#define HOST "Host: mef.example.com\r\n"

static void a_request_without_a_body_is_read(void **state)
{
    (void)state;
    assert_ok(
        feed("GET /a/b?since=3&wait=20 HTTP/1.1\r\n" HOST "X-M2M-RI:  77 \r\n\r\n"));
    assert_true(fr_request_is_complete(r));
    assert_string_equal(fr_request_method(r), "GET");
    assert_string_equal(fr_request_path(r), "/a/b");
    assert_string_equal(fr_request_query(r), "since=3&wait=20");
    assert_string_equal(fr_request_header(r, "x-m2m-ri"), "77");
    assert_null(fr_request_header(r, "X-M2M-Origin"));
    assert_true(fr_request_keeps_alive(r));
    assert_int_equal(fr_request_body(r).len, 0);
}

static void an_empty_line_before_it_is_ignored_but_not_many(void **state)
{
    (void)state;
    assert_ok(feed("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(fr_request_is_complete(r));
    refuses("\r\n\r\n\r\n\r\n\r\n", 400);
}

static void a_body_is_as_long_as_it_says(void **state)
{
    const char *text = "POST /a HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbodyNEXT";
    size_t used = 0;

    (void)state;
    assert_ok(fr_request_feed(r, fr_slice_str(text), &used, &err));
    assert_true(fr_request_is_complete(r));
    assert_string_equal(text + used, "NEXT");
    assert_true(fr_slice_equal(fr_request_body(r), fr_slice_str("body")));
}

static void octets_may_come_one_by_one(void **state)
{
    const char *text = "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";

    (void)state;
    for (const char *c = text; *c; c++) {
        size_t used = 0;

        assert_false(fr_request_is_complete(r));
        assert_ok(fr_request_feed(r, fr_slice_of(c, 1), &used, &err));
        assert_int_equal(used, 1);
    }
    assert_true(fr_request_is_complete(r));
    assert_true(fr_slice_equal(fr_request_body(r), fr_slice_str("abc0123456789")));
}

static void a_reset_request_reads_the_next(void **state)
{
    (void)state;
    assert_ok(feed("POST /a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx"));
    fr_request_reset(r);
    assert_false(fr_request_has_begun(r));
    assert_ok(feed("\r\nGET /b HTTP/1.1\r\n" HOST "\r\n"));
    assert_string_equal(fr_request_path(r), "/b");
    assert_int_equal(fr_request_body(r).len, 0);
}

static void connection_close_and_http_1_0_end_the_connection(void **state)
{
    (void)state;
    assert_ok(feed("GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n"));
    assert_false(fr_request_keeps_alive(r));
    fr_request_reset(r);
    assert_ok(feed("GET / HTTP/1.0\r\n\r\n"));
    assert_false(fr_request_keeps_alive(r));
}

static void continue_is_wanted_once_and_only_before_the_body(void **state)
{
    (void)state;
    assert_ok(feed("POST / HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    assert_true(fr_request_wants_continue(r));
    assert_false(fr_request_wants_continue(r));
    fr_request_reset(r);
    assert_ok(feed("POST / HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab"));
    assert_false(fr_request_wants_continue(r));
}

static void garbage_is_refused(void **state)
{
    (void)state;
    refuses("hello\r\n\r\n", 400);
    refuses("hello\n", 400);
    refuses("GET /\r\n\r\n", 400);
    refuses("GET / HTTP/1.1\r\n\r\n", 400); /* no Host */
    refuses("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400);
    refuses("GET http://x/ HTTP/1.1\r\n" HOST "\r\n", 400);
    refuses("GET /a b HTTP/1.1\r\n" HOST "\r\n", 400);
    refuses("GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400);
    refuses("G(T / HTTP/1.1\r\n" HOST "\r\n", 400);
    refuses("ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n" HOST "\r\n", 400);
    refuses("GET / HTTP/2.0\r\n" HOST "\r\n", 505);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    refuses("GET / HTTP/1.1\r\n" HOST "No colon\r\n\r\n", 400);
    refuses("GET / HTTP/1.1\r\n" HOST "Space : x\r\n\r\n", 400);
    refuses("GET / HTTP/1.1\r\n" HOST " folded: x\r\n\r\n", 400);
    refuses("GET / HTTP/1.1\r\n" HOST "A: x\r\r\n\r\n", 400);
    refuses("GET / HTTP/1.1\r\n" HOST "A: x\001\r\n\r\n", 400);
    refuses("GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400);
    refuses("GET / HTTP/1.1\r\n" HOST "A: x\nB: y\r\n\r\n", 400);
}

static void a_nul_in_the_head_is_refused(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n" HOST "A: x\0y\r\n\r\n";
    size_t used = 0;

    (void)state;
    assert_fails_as(fr_request_feed(r, fr_slice_of(text, sizeof text - 1), &used, &err),
                    FR_EPARSE, "http-malformed");
}

/* What could be read in two ways is how requests are smuggled. */
static void ambiguous_lengths_are_refused(void **state)
{
    const char *post = "POST / HTTP/1.1\r\n" HOST;
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"Content-Length: +1\r\n\r\n", 400},
        {"Content-Length: 0x1\r\n\r\n", 400},
        {"Content-Length: -1\r\n\r\n", 400},
        {"Content-Length: \r\n\r\n", 400},
        {"Content-Length: 99999999999999999999\r\n\r\n", 400},
        {"Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];

        snprintf(text, sizeof text, "%s%s", post, cases[i].headers);
        refuses(text, cases[i].status);
    }
    refuses("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

static void malformed_chunks_are_refused(void **state)
{
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
    (void)state;
    refuses(CHUNKED "\r\n", 400);
    refuses(CHUNKED "x\r\n", 400);
    refuses(CHUNKED "-1\r\n", 400);
    refuses(CHUNKED "3\nabc", 400);
    refuses(CHUNKED "3\r\nabcd\r\n", 400);
    refuses(CHUNKED "12345678\r\n", 400);
    refuses(CHUNKED "101\r\n", 413); /* BODY_MAX + 1 */
}

static void a_body_over_the_limit_is_refused_at_its_head(void **state)
{
    (void)state;
    refuses("POST / HTTP/1.1\r\n" HOST "Content-Length: 257\r\n\r\n", 413);
    fr_request_reset(r);
    assert_ok(feed("POST / HTTP/1.1\r\n" HOST "Content-Length: 256\r\n\r\n"));
}

static void a_head_over_the_limit_is_refused(void **state)
{
    char line[HEAD_MAX + 2];

    (void)state;
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = 0;
    assert_fails_as(feed(line), FR_ELIMIT, "http-too-large");
    assert_int_equal(fr_request_refusal(r), 431);
}

static void too_many_headers_are_refused(void **state)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(HEAD_MAX);

    (void)state;
    fr_buf_str(&text, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < FR_REQUEST_HEADERS_MAX; i++)
        fr_buf_str(&text, "a:b\r\n");
    fr_buf_str(&text, "\r\n");
    refuses(fr_buf_cstr(&text), 431);
}

static void an_unknown_expectation_is_refused(void **state)
{
    (void)state;
    refuses("POST / HTTP/1.1\r\n" HOST "Expect: magic\r\nContent-Length: 1\r\n\r\n",
            417);
}

static void a_broken_request_stays_broken(void **state)
{
    (void)state;
    refuses("hello\r\n\r\n", 400);
    assert_fails(feed("GET / HTTP/1.1\r\n" HOST "\r\n"), FR_EPARSE);
}

static void query_parameters_are_found_by_their_whole_name(void **state)
{
    struct fr_slice value;

    (void)state;
    assert_ok(feed("GET /a?xsince=1&since=2&wait= HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(fr_request_param(r, "since", &value));
    assert_true(fr_slice_equal(value, fr_slice_str("2")));
    assert_true(fr_request_param(r, "wait", &value));
    assert_int_equal(value.len, 0);
    assert_false(fr_request_param(r, "sinc", &value));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_request, close_request)
    const struct CMUnitTest tests[] = {
        T(a_request_without_a_body_is_read),
        T(an_empty_line_before_it_is_ignored_but_not_many),
        T(a_body_is_as_long_as_it_says),
        T(octets_may_come_one_by_one),
        T(a_reset_request_reads_the_next),
        T(connection_close_and_http_1_0_end_the_connection),
        T(continue_is_wanted_once_and_only_before_the_body),
        T(garbage_is_refused),
        T(malformed_headers_are_refused),
        T(a_nul_in_the_head_is_refused),
        T(ambiguous_lengths_are_refused),
        T(malformed_chunks_are_refused),
        T(a_body_over_the_limit_is_refused_at_its_head),
        T(a_head_over_the_limit_is_refused),
        T(too_many_headers_are_refused),
        T(an_unknown_expectation_is_refused),
        T(a_broken_request_stays_broken),
        T(query_parameters_are_found_by_their_whole_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
