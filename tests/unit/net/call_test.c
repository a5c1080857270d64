/* SPDX-License-Identifier: Apache-2.0 */
#include "net/call.h"

#include <unistd.h>

#include "test.h"
#include "unit/net/tlspeer.h"

struct fixture {
    struct peer peer;
    struct fr_tls *tls;
    struct fr_call *call;
};

static const struct fr_http_request get = {.method = "GET", .path = "/x"};
static const struct fr_http_request post = {
    .method = "POST", .path = "/x", .body = {(const uint8_t *)"", 0}};

static void start(struct fixture *f, enum peer_act act, int cancel_fd, size_t body_max)
{
    struct fr_err err;

    f->peer = peer_start(&(struct peer_setup){.act = act});
    f->tls = client_tls("mef", NULL);
    struct fr_call_setup setup = {.tls = f->tls,
                                  .env = &fr_env_system,
                                  .host = PEER_HOST,
                                  .port = f->peer.port,
                                  .hosts = peer_hosts,
                                  .n_hosts = 1,
                                  .cancel_fd = cancel_fd,
                                  .body_max = body_max};
    assert_ok(fr_call_new(&setup, &f->call, &err));
}

static void stop(struct fixture *f)
{
    fr_call_free(f->call);
    fr_tls_free(f->tls);
    peer_stop(&f->peer);
}

static void assert_answered(struct fixture *f)
{
    const struct fr_http_response *r = NULL;
    struct fr_err err;

    assert_ok(fr_call_run(f->call, &get, 10000, &r, &err));
    assert_int_equal(fr_http_status(r), 200);
    assert_true(fr_slice_equal(fr_http_body(r), fr_slice_str(PEER_BODY)));
}

static void a_request_is_answered(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, PEER_HTTP, -1, 1000);
    assert_answered(&f);
    stop(&f);
}

/* A peer that serves one connection at a time answers twice only on the same one. */
static void the_connection_is_kept(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, PEER_HTTP, -1, 1000);
    assert_answered(&f);
    assert_answered(&f);
    stop(&f);
}

static void a_kept_connection_that_was_closed_is_replaced(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, PEER_HTTP_ONCE, -1, 1000);
    assert_answered(&f);
    assert_answered(&f);
    stop(&f);
}

static void a_post_is_not_repeated(void **state)
{
    const struct fr_http_response *r = NULL;
    struct fixture f;
    struct fr_err err;

    (void)state;
    start(&f, PEER_HTTP_ONCE, -1, 1000);
    assert_answered(&f);
    assert_fails_as(fr_call_run(f.call, &post, 10000, &r, &err), FR_EUNREACHABLE,
                    "connection-cut");
    stop(&f);
}

static void silence_times_out(void **state)
{
    const struct fr_http_response *r = NULL;
    struct fixture f;
    struct fr_err err;

    (void)state;
    start(&f, PEER_SILENT, -1, 1000);
    assert_fails_as(fr_call_run(f.call, &get, 50, &r, &err), FR_EUNREACHABLE,
                    "timeout");
    stop(&f);
}

static void a_readable_cancel_descriptor_interrupts(void **state)
{
    const struct fr_http_response *r = NULL;
    struct fixture f;
    struct fr_err err;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    start(&f, PEER_SILENT, fds[0], 1000);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_fails(fr_call_run(f.call, &get, 60000, &r, &err), FR_EINTERRUPTED);
    stop(&f);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void a_body_beyond_the_limit_is_invalid(void **state)
{
    const struct fr_http_response *r = NULL;
    struct fixture f;
    struct fr_err err;

    (void)state;
    start(&f, PEER_HTTP, -1, sizeof PEER_BODY - 2);
    assert_fails_as(fr_call_run(f.call, &get, 10000, &r, &err), FR_EINVALID,
                    "http-too-large");
    stop(&f);
}

static void a_failed_call_does_not_spoil_the_next(void **state)
{
    const struct fr_http_response *r = NULL;
    struct fixture f;
    struct fr_err err;

    (void)state;
    start(&f, PEER_HTTP_ONCE, -1, 1000);
    assert_answered(&f);
    assert_fails(fr_call_run(f.call, &post, 10000, &r, &err), FR_EUNREACHABLE);
    assert_answered(&f);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
        cmocka_unit_test(the_connection_is_kept),
        cmocka_unit_test(a_kept_connection_that_was_closed_is_replaced),
        cmocka_unit_test(a_post_is_not_repeated),
        cmocka_unit_test(silence_times_out),
        cmocka_unit_test(a_readable_cancel_descriptor_interrupts),
        cmocka_unit_test(a_body_beyond_the_limit_is_invalid),
        cmocka_unit_test(a_failed_call_does_not_spoil_the_next),
    };

    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
