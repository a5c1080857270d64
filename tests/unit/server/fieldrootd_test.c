/* SPDX-License-Identifier: Apache-2.0 */
/* The real daemon on loopback: one enrolment by hand from the handshake to the target's
 * key, who gets in, and what is no request. */
#include "enrolment.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/mmef.h"

static struct daemon d;
static struct fr_err err;

static int start(void **state)
{
    (void)state;
    daemon_make(&d);
    daemon_configure(&d, "limits {\n request = \"PT1S\"\n handshake = \"PT1S\"\n}\n",
                     "");
    daemon_start(&d);
    populate(&d);
    return 0;
}

static int stop(void **state)
{
    int status = daemon_stop(&d);

    (void)state;
    daemon_remove(&d);
    return status;
}

static void a_device_enrols_and_its_target_has_the_same_key(void **state)
{
    struct enrolment e;

    (void)state;
    register_key(&e, &d);
    confirm(&e);
    retrieve_command(&e);
    target_has_the_same_key(&e);
    finish(&e);
}

static void without_confirmation_the_command_commits(void **state)
{
    struct enrolment e;

    (void)state;
    register_key(&e, &d);
    retrieve_command(&e);
    target_has_the_same_key(&e);
    finish(&e);
}

static void a_cut_before_the_commit_leaves_nothing(void **state)
{
    struct enrolment e;
    struct client c;
    char path[128];

    (void)state;
    register_key(&e, &d);
    snprintf(path, sizeof path, "/mefbase/%s", e.relative_key_id);
    finish(&e);
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_int_equal(client_ask(&c, "GET", path, NULL, NULL), 404);
    assert_string_equal(client_header(&c, "X-M2M-RSC"), "4004");
    client_close(&c);
}

static void a_committed_key_is_resolved_on_another_connection(void **state)
{
    struct enrolment e;
    struct client c;
    char path[128];

    (void)state;
    register_key(&e, &d);
    confirm(&e);
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    snprintf(path, sizeof path, "/mefbase/%s", e.relative_key_id);
    assert_int_equal(client_ask(&c, "GET", path, NULL, NULL), 200);
    assert_string_equal(client_body(&c), e.response);
    client_close(&c);
    finish(&e);
}

static void an_unlisted_device_is_refused(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev2"));
    assert_int_equal(client_ask(&c, "POST", "/mefbase", M2M, CLIENT), 201);
    assert_int_equal(client_ask(&c, "POST", "/mefbase", M2M, KEY), 403);
    assert_string_equal(client_header(&c, "X-M2M-RSC"), "4103");
    assert_contains(client_body(&c), "\"reason\"");
    client_close(&c);
}

static void a_long_poll_is_woken_by_an_enrolment(void **state)
{
    struct fr_mmef_changes changes;
    struct enrolment e;
    struct client c;
    char request[256];

    (void)state;
    assert_true(client_open(&c, &d, d.fetch, "broker"));
    assert_int_equal(
        client_ask(&c, "GET", "/fieldroot/v1/credentials?since=0", NULL, NULL), 200);
    assert_ok(fr_mmef_changes_decode(fr_http_body(c.response), &changes, &err));
    snprintf(request, sizeof request,
             "GET /fieldroot/v1/credentials?since=%llu&wait=30 HTTP/1.1\r\n"
             "Host: mef.example.com\r\n\r\n",
             (unsigned long long)changes.cursor);
    fr_mmef_changes_clear(&changes);
    assert_true(client_send(&c, request));
    register_key(&e, &d);
    confirm(&e);
    assert_int_equal(client_status(&c), 200);
    assert_contains(client_body(&c), e.key_id);
    client_close(&c);
    finish(&e);
}

static void a_document_is_served_to_its_enrolee(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.discovery, "dev1"));
    assert_int_equal(client_ask(&c, "GET", "/", NULL, NULL), 404);
    call_ok(
        &d,
        "{\"op\":\"instructions.set\",\"name\":\"fleet\",\"document\":{\"version\":1,"
        "\"instructions\":[{\"bootstrap\":\"certificate\","
        "\"mef\":\"mef.example.com\"}]}}");
    call_ok(&d,
            "{\"op\":\"instructions.assign\",\"name\":\"fleet\",\"enrolee\":\"dev1\"}");
    assert_int_equal(client_ask(&c, "GET", FR_DISCOVERY_PATH, NULL, NULL), 200);
    assert_contains(client_body(&c), "\"mef.example.com\"");
    client_close(&c);
}

/* --- who gets in */

static void a_stranger_is_refused_by_an_alert_and_audited(void **state)
{
    json_t *audit;
    char *text;

    (void)state;
    refused_with(&d, d.enrol, "stranger", 0, 48);
    refused_with(&d, d.enrol, "stranger", TLS1_2_VERSION, 48);
    audit = daemon_result(&d, "{\"op\":\"audit\",\"limit\":20}");
    text = json_dumps(audit, JSON_COMPACT);
    assert_contains(text, "handshake-refused");
    assert_contains(text, "dev1.example.com");
    free(text);
    json_decref(audit);
}

static void nobody_gets_in_without_a_certificate(void **state)
{
    (void)state;
    refused_with(&d, d.enrol, NULL, 0, 116);
    refused_with(&d, d.discovery, NULL, 0, 116);
}

static void each_listener_has_anchors_of_its_own(void **state)
{
    (void)state;
    refused_with(&d, d.enrol, "broker", 0, 48);
    refused_with(&d, d.fetch, "dev1", 0, 48);
    refused_with(&d, d.discovery, "broker", 0, 48);
}

static void tls_1_2_gets_in_with_extended_master_secret_only(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_connect(&c, d.enrol));
    assert_true(client_handshake(&c, &d, "dev1", TLS1_2_VERSION, 0));
    assert_int_equal(client_ask(&c, "GET", UNKNOWN, NULL, NULL), 404);
    client_close(&c);
    assert_true(client_connect(&c, d.enrol));
    assert_false(client_handshake(&c, &d, "dev1", TLS1_2_VERSION,
                                  SSL_OP_NO_EXTENDED_MASTER_SECRET));
    assert_int_equal(client_alert(&c), SSL_AD_INSUFFICIENT_SECURITY);
    client_close(&c);
}

static void no_session_is_resumed(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_int_equal(client_ask(&c, "GET", UNKNOWN, NULL, NULL), 404);
    assert_false(SSL_SESSION_is_resumable(SSL_get_session(c.ssl)));
    client_close(&c);
}

/* --- what is no request */

static void garbage_gets_400_and_the_end(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, "hello\r\n\r\n"));
    assert_int_equal(client_status(&c), 400);
    assert_string_equal(client_header(&c, "Connection"), "close");
    assert_string_equal(client_header(&c, "X-M2M-RSC"), "4000");
    assert_int_equal(client_status(&c), 0);
    client_close(&c);
}

static void bombs_are_refused_before_they_are_read(void **state)
{
    static char line[20000];
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, "POST /mefbase HTTP/1.1\r\nHost: x\r\n"
                                "Content-Length: 1000000\r\n\r\n"));
    assert_int_equal(client_status(&c), 413);
    client_close(&c);
    memset(line, 'a', sizeof line - 1);
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, line));
    assert_int_equal(client_status(&c), 431);
    client_close(&c);
}

static void a_slow_request_is_timed_out(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, "GET /mefbase"));
    assert_int_equal(client_status(&c), 408);
    assert_int_equal(client_status(&c), 0);
    client_close(&c);
}

static void a_handshake_that_never_begins_is_cut(void **state)
{
    struct client c;
    char octet;

    (void)state;
    assert_true(client_connect(&c, d.enrol));
    assert_true(recv(c.fd, &octet, 1, 0) <= 0 && errno != EAGAIN);
    close(c.fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, "GET /1 HTTP/1.1\r\nHost: x\r\nX-M2M-RI: a\r\n\r\n"));
    assert_true(client_send(&c, "GET /2 HTTP/1.1\r\nHost: x\r\nX-M2M-RI: b\r\n\r\n"));
    assert_int_equal(client_status(&c), 404);
    assert_string_equal(client_header(&c, "X-M2M-RI"), "a");
    assert_int_equal(client_status(&c), 404);
    assert_string_equal(client_header(&c, "X-M2M-RI"), "b");
    client_close(&c);
}

/* As much as a turn can bring to what is held: three reads' worth, of which the first
 * two just do not make the server stop reading. */
static void many_requests_behind_one_that_waits_are_answered_too(void **state)
{
    static const char one[64 + 1] =
        "GET /1 HTTP/1.1\r\nHost: x\r\nX-M2M-RI: aaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n";
    enum { N = (2 * 16384 + 16192) / 64 };
    static char requests[N * 64 + 1];
    struct client c;
    BIO *wire = BIO_new(BIO_s_mem()), *socket;
    char *octets;
    long len;

    (void)state;
    assert_true(client_open(&c, &d, d.fetch, "broker"));
    for (int i = 0; i < N; i++)
        memcpy(requests + (size_t)i * 64, one, 64);
    socket = SSL_get_wbio(c.ssl);
    BIO_up_ref(socket);
    SSL_set0_wbio(c.ssl, wire);
    assert_true(
        client_send(&c, "GET /fieldroot/v1/credentials?since=999&wait=1 HTTP/1.1\r\n"
                        "Host: mef.example.com\r\n\r\n"));
    assert_true(client_send(&c, requests));
    len = BIO_get_mem_data(wire, &octets);
    assert_int_equal(send(c.fd, octets, (size_t)len, 0), len);
    SSL_set0_wbio(c.ssl, socket);
    assert_int_equal(client_status(&c), 200);
    for (int i = 0; i < N; i++)
        assert_int_equal(client_status(&c), 404);
    client_close(&c);
}

/* --- the operator's socket */

static void who_says_that_it_has_no_more_to_ask_gets_its_answer(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.fetch, "broker"));
    assert_true(client_send(&c,
                            "GET /fieldroot/v1/credentials?since=0&wait=0 HTTP/1.1\r\n"
                            "Host: mef.example.com\r\n\r\n"));
    assert_int_equal(SSL_shutdown(c.ssl), 0);
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    assert_int_equal(client_status(&c), 200);
    assert_int_equal(client_status(&c), 0);
    client_close(&c);
}

static void a_malformed_call_is_answered_by_its_fault(void **state)
{
    static const char *const calls[] = {"hello", "[]", "{\"op\":1}",
                                        "{\"a\":1,\"a\":2}"};

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        json_t *reply = daemon_call(&d, calls[i]);

        assert_true(json_is_false(json_object_get(reply, "ok")));
        assert_string_equal(json_string_value(json_object_get(reply, "code")),
                            "malformed");
        json_decref(reply);
    }
}

static void the_admin_socket_is_for_its_owner_only(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(stat(d.admin, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_chunked_body_is_read(void **state)
{
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, "POST /mefbase HTTP/1.1\r\nHost: x\r\n"
                                "Content-Type: " M2M "\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n"
                                "d\r\n{\"sec:mecr\":{\r\n"));
    assert_true(client_send(&c, "18\r\n\"et\":\"20361101T000000\"}}\r\n0\r\n\r\n"));
    assert_int_equal(client_status(&c), 201);
    client_close(&c);
}

static void a_client_that_expects_it_is_told_to_continue(void **state)
{
    static const char proceed[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char got[sizeof proceed] = "";
    struct client c;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, "POST /mefbase HTTP/1.1\r\nHost: x\r\n"
                                "Content-Type: " M2M "\r\nExpect: 100-continue\r\n"
                                "Content-Length: 37\r\n\r\n"));
    assert_int_equal(SSL_read(c.ssl, got, sizeof proceed - 1), sizeof proceed - 1);
    assert_string_equal(got, proceed);
    assert_true(client_send(&c, CLIENT " "));
    assert_int_equal(client_status(&c), 201);
    client_close(&c);
}

static void an_answer_to_head_has_no_body_and_ends_the_connection(void **state)
{
    char got[4096];
    struct client c;
    int n;

    (void)state;
    assert_true(client_open(&c, &d, d.enrol, "dev1"));
    assert_true(client_send(&c, "HEAD /mefbase HTTP/1.1\r\nHost: x\r\n\r\n"));
    n = SSL_read(c.ssl, got, sizeof got - 1);
    assert_true(n > 4);
    got[n] = 0;
    assert_contains(got, "HTTP/1.1 405 ");
    assert_contains(got, "Connection: close");
    assert_string_equal(got + n - 4, "\r\n\r\n");
    assert_int_equal(SSL_read(c.ssl, got, sizeof got), 0);
    client_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_enrols_and_its_target_has_the_same_key),
        cmocka_unit_test(without_confirmation_the_command_commits),
        cmocka_unit_test(a_cut_before_the_commit_leaves_nothing),
        cmocka_unit_test(a_committed_key_is_resolved_on_another_connection),
        cmocka_unit_test(an_unlisted_device_is_refused),
        cmocka_unit_test(a_long_poll_is_woken_by_an_enrolment),
        cmocka_unit_test(a_document_is_served_to_its_enrolee),
        cmocka_unit_test(a_stranger_is_refused_by_an_alert_and_audited),
        cmocka_unit_test(nobody_gets_in_without_a_certificate),
        cmocka_unit_test(each_listener_has_anchors_of_its_own),
        cmocka_unit_test(tls_1_2_gets_in_with_extended_master_secret_only),
        cmocka_unit_test(no_session_is_resumed),
        cmocka_unit_test(garbage_gets_400_and_the_end),
        cmocka_unit_test(bombs_are_refused_before_they_are_read),
        cmocka_unit_test(a_slow_request_is_timed_out),
        cmocka_unit_test(a_handshake_that_never_begins_is_cut),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(many_requests_behind_one_that_waits_are_answered_too),
        cmocka_unit_test(who_says_that_it_has_no_more_to_ask_gets_its_answer),
        cmocka_unit_test(a_malformed_call_is_answered_by_its_fault),
        cmocka_unit_test(the_admin_socket_is_for_its_owner_only),
        cmocka_unit_test(a_chunked_body_is_read),
        cmocka_unit_test(a_client_that_expects_it_is_told_to_continue),
        cmocka_unit_test(an_answer_to_head_has_no_body_and_ends_the_connection),
    };

    if (argc < 2)
        return 64;
    daemon_program = argv[1];
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, start, stop);
}
