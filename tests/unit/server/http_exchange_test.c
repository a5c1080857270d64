/* SPDX-License-Identifier: Apache-2.0 */
#include "service_fixture.h"

#include "proto/mmef.h"
#include "server/http/response.h"

static struct fixture f;
static struct fr_err err;

static void answer_text(struct fr_exchange *x)
{
    fr_buf_str(&x->body, "hello");
    fr_exchange_answer(x, 200, 2000, "text/plain");
}

static void answer_nothing(struct fr_exchange *x)
{
    fr_exchange_answer(x, 204, 0, NULL);
}

static void answer_twice(struct fr_exchange *x)
{
    fr_exchange_answer(x, 200, 2000, NULL);
    fr_exchange_answer(x, 404, 4004, NULL);
}

static void answer_by_code(struct fr_exchange *x)
{
    struct fr_err why;

    (void)FR_FAIL_AS(&why, fr_code_by_name(x->match.param[0], FR_EINTERNAL), "token",
                     "words with \"quotes\"");
    fr_buf_str(&x->body, "what was begun");
    fr_exchange_fail(x, &why);
}

static enum fr_code admit(struct fr_exchange *x, struct fr_err *why)
{
    if (fr_request_header(x->request, "X-No"))
        return FR_FAIL_AS(why, FR_EREFUSED, "no", "the test says no");
    return FR_OK;
}

static const struct fr_route routes[] = {
    {"GET", "/text", answer_text},       {"HEAD", "/text", answer_text},
    {"GET", "/nothing", answer_nothing}, {"GET", "/twice", answer_twice},
    {"GET", "/fail/{}", answer_by_code}, {.method = NULL},
};

static const struct fr_service service = {
    .name = "test", .routes = routes, .admit = admit};

static int open_fixture(void **state)
{
    (void)state;
    fixture_open(&f, &service, FIXTURE_ENROLEE);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static const char *head(bool last)
{
    static char text[4096];
    FR_AUTO_CLEAR(buf) out = FR_BUF_INIT(sizeof text - 1);

    fr_response_head(&f.exchange, last, &out);
    snprintf(text, sizeof text, "%s", fr_buf_cstr(&out));
    return text;
}

static void an_answer_is_written_as_http(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/text", "X-M2M-RI: 9\r\n", NULL);
    assert_string_equal(head(false),
                        "HTTP/1.1 200 OK\r\n"
                        "Date: Tue, 24 Nov 2026 03:13:20 GMT\r\n"
                        "X-M2M-RSC: 2000\r\nX-M2M-RI: 9\r\nContent-Type: text/plain\r\n"
                        "Content-Length: 5\r\nCache-Control: no-store\r\n\r\n");
    assert_contains(head(true), "Connection: close\r\n\r\n");
    assert_true(fr_response_has_body(&f.exchange));
}

/* No cache keeps an answer to POST that does not say for how long. */
static void only_answers_to_reads_forbid_to_keep_them(void **state)
{
    (void)state;
    fixture_send(&f, "HEAD", "/text", NULL, NULL);
    assert_contains(head(false), "\r\nCache-Control: no-store\r\n");
    fixture_send(&f, "POST", "/nothing", NULL, "x");
    assert_null(strstr(head(false), "Cache-Control"));
}

static void an_answer_to_head_has_its_length_and_no_body(void **state)
{
    (void)state;
    fixture_send(&f, "HEAD", "/text", NULL, NULL);
    assert_contains(head(false), "Content-Length: 5\r\n");
    assert_false(fr_response_has_body(&f.exchange));
}

static void no_content_has_no_length(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/nothing", NULL, NULL);
    assert_contains(head(false), "HTTP/1.1 204 No Content\r\n");
    assert_null(strstr(head(false), "Content-Length"));
    assert_false(fr_response_has_body(&f.exchange));
}

static void a_second_answer_is_ignored(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/twice", NULL, NULL);
    fixture_answer_is(&f, 200, 2000);
}

static void a_failure_has_status_rsc_and_a_problem_body_of_its_code(void **state)
{
    static const struct {
        const char *path;
        int status, rsc;
    } cases[] = {
        {"/fail/malformed", 400, 4000}, {"/fail/refused", 403, 4103},
        {"/fail/not-found", 404, 4004}, {"/fail/conflict", 409, 4105},
        {"/fail/limit", 413, 4000},     {"/fail/unsupported", 501, 5001},
        {"/fail/store", 500, 5000},     {"/fail/busy", 503, 5000},
        {"/fail/invalid", 400, 4000}, /* a codec's word for a peer's mistake */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fr_mmef_problem problem;

        fixture_send(&f, "GET", cases[i].path, NULL, NULL);
        fixture_answer_is(&f, cases[i].status, cases[i].rsc);
        fr_mmef_problem_decode(fr_buf_view(&f.exchange.body), &problem);
        assert_string_equal(problem.reason, "token");
        assert_string_equal(problem.text, "words with \"quotes\"");
    }
}

static void only_what_may_be_tried_again_says_when(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/fail/busy", NULL, NULL);
    assert_non_null(fixture_header(&f, "Retry-After"));
    fixture_send(&f, "GET", "/fail/refused", NULL, NULL);
    assert_null(fixture_header(&f, "Retry-After"));
}

static void the_service_may_refuse_before_any_handler(void **state)
{
    (void)state;
    fixture_send(&f, "GET", "/text", "X-No: 1\r\n", NULL);
    fixture_answer_is(&f, 403, 4103);
    fixture_send(&f, "GET", "/elsewhere", "X-No: 1\r\n", NULL);
    fixture_answer_is(&f, 404, 4004);
}

static void a_header_that_would_break_the_framing_is_left_out(void **state)
{
    char longest[FR_ID_MAX + 2];

    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    fixture_send(&f, "GET", "/text", NULL, NULL);
    f.exchange.n_headers = 0;
    fr_exchange_header(&f.exchange, "A", "x\r\nB: y");
    fr_exchange_header(&f.exchange, "A", longest);
    assert_int_equal(f.exchange.n_headers, 0);
    for (int i = 0; i < FR_EXCHANGE_HEADERS_MAX + 3; i++)
        fr_exchange_header(&f.exchange, "A", "x");
    assert_int_equal(f.exchange.n_headers, FR_EXCHANGE_HEADERS_MAX);
}

static void a_long_request_id_is_not_echoed(void **state)
{
    char header[300] = "X-M2M-RI: ";

    (void)state;
    memset(header + 10, 'r', 200);
    strcpy(header + 210, "\r\n");
    fixture_send(&f, "GET", "/text", header, NULL);
    assert_null(fixture_header(&f, "X-M2M-RI"));
}

static void a_message_says_who_asks_and_from_where(void **state)
{
    struct fr_peer peer;
    struct fr_msg m;

    (void)state;
    fixture_send(&f, "GET", "/text", NULL, NULL);
    m = fr_exchange_message(&f.exchange, FR_MSG_FEED);
    assert_ok(fr_peer_unpack(m.field[FR_F_PEER], &peer, &err));
    assert_string_equal(peer.sans[0].value, FIXTURE_ENROLEE);
    assert_true(fr_slice_equal(m.field[FR_F_ADDRESS], fr_slice_str("192.0.2.1")));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        T(an_answer_is_written_as_http),
        T(only_answers_to_reads_forbid_to_keep_them),
        T(an_answer_to_head_has_its_length_and_no_body),
        T(no_content_has_no_length),
        T(a_second_answer_is_ignored),
        T(a_failure_has_status_rsc_and_a_problem_body_of_its_code),
        T(only_what_may_be_tried_again_says_when),
        T(the_service_may_refuse_before_any_handler),
        T(a_header_that_would_break_the_framing_is_left_out),
        T(a_long_request_id_is_not_echoed),
        T(a_message_says_who_asks_and_from_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
