/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "fake/env.h"
#include "proto/mmef_session.h"

#define OK_CLOSE "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define OK_KEEP  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static struct fr_err err;
static const struct fr_mmef_ask ask = {.method = "GET", .path = "/x", .below = "cmd"};

struct fixture {
    struct fr_fake_env env;
    struct fr_mmef_session s;
};

static int begin(void **state)
{
    static struct fixture f;

    fr_fake_env_init(&f.env, 1);
    assert_ok(fr_mmef_session_init(&f.s, &f.env.env, "mef.example.com", 443, &err));
    assert_ok(fr_str_dup("dev1", &f.s.own_id, &err));
    *state = &f;
    return 0;
}

static int end(void **state)
{
    fr_mmef_session_clear(&((struct fixture *)*state)->s);
    return 0;
}

static enum fr_code feed(struct fixture *f, const char *text, bool *whole)
{
    return fr_mmef_session_feed(&f->s, fr_slice_str(text), whole, &err);
}

static void each_request_has_an_id_of_its_own(void **state)
{
    struct fixture *f = *state;
    char first[FR_REQUEST_ID_LEN + 1];
    struct fr_slice out;
    bool whole;

    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_contains((const char *)out.data, "GET /x/cmd HTTP/1.1\r\n");
    assert_contains((const char *)out.data, f->s.request_id);
    memcpy(first, f->s.request_id, sizeof first);
    assert_ok(feed(f, OK_KEEP, &whole));
    assert_true(whole);
    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_string_not_equal(first, f->s.request_id);
}

static void response_in_parts_is_whole_at_its_last_octet(void **state)
{
    struct fixture *f = *state;
    struct fr_slice out;
    bool whole;

    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_ok(feed(f, "HTTP/1.1 200 OK\r\nContent-", &whole));
    assert_false(whole);
    assert_ok(feed(f, "Length: 1\r\n\r\n", &whole));
    assert_false(whole);
    assert_ok(feed(f, "x", &whole));
    assert_true(whole);
    assert_ok(fr_mmef_session_check(&f->s, "asking", &err));
}

static void octets_that_answer_nothing_are_refused(void **state)
{
    struct fixture *f = *state;
    struct fr_slice out;
    bool whole;

    assert_fails_as(feed(f, "x", &whole), FR_EINVALID, "http-malformed");
    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_fails_as(feed(f, OK_KEEP "HTTP/1.1 200", &whole), FR_EINVALID,
                    "http-malformed");
}

static void closing_response_is_the_last_one(void **state)
{
    struct fixture *f = *state;
    struct fr_slice out;
    bool whole;

    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_ok(feed(f, OK_CLOSE, &whole));
    assert_ok(fr_mmef_session_check(&f->s, "asking", &err));
    assert_fails_as(fr_mmef_session_ask(&f->s, &ask, &out, &err), FR_EUNREACHABLE,
                    "connection-cut");
}

static void end_of_stream_completes_or_cuts(void **state)
{
    struct fixture *f = *state;
    struct fr_slice out;
    bool whole;

    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_ok(feed(f, "HTTP/1.1 200 OK\r\n\r\nbody", &whole));
    assert_false(whole);
    assert_ok(fr_mmef_session_feed_end(&f->s, &err));
    assert_ok(fr_mmef_session_check(&f->s, "asking", &err));
    assert_fails_as(fr_mmef_session_feed_end(&f->s, &err), FR_EUNREACHABLE,
                    "connection-cut");
    assert_true(f->s.closed);
}

static void retry_after_of_a_refusal_is_kept(void **state)
{
    struct fixture *f = *state;
    struct fr_slice out;
    bool whole;

    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_ok(feed(
        f, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", &whole));
    assert_int_equal(f->s.retry_after_ms, -1);
    assert_fails(fr_mmef_session_check(&f->s, "asking", &err), FR_EUNREACHABLE);
    assert_int_equal(f->s.retry_after_ms, 7000);
}

static void not_found_is_told_by_status_or_code(void **state)
{
    struct fixture *f = *state;
    struct fr_slice out;
    bool whole;

    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_ok(feed(f, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", &whole));
    assert_true(fr_mmef_session_is_not_found(&f->s));
    assert_ok(fr_mmef_session_ask(&f->s, &ask, &out, &err));
    assert_ok(feed(f, OK_KEEP, &whole));
    assert_false(fr_mmef_session_is_not_found(&f->s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_request_has_an_id_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(response_in_parts_is_whole_at_its_last_octet,
                                        begin, end),
        cmocka_unit_test_setup_teardown(octets_that_answer_nothing_are_refused, begin,
                                        end),
        cmocka_unit_test_setup_teardown(closing_response_is_the_last_one, begin, end),
        cmocka_unit_test_setup_teardown(end_of_stream_completes_or_cuts, begin, end),
        cmocka_unit_test_setup_teardown(retry_after_of_a_refusal_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(not_found_is_told_by_status_or_code, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
