/* SPDX-License-Identifier: Apache-2.0 */
/* What the conformance suite does not know of `https`. */
#include "conform/drive.h"
#include "test.h"

#define LIST                                                                           \
    "{\"version\":1,\"instructions\":[{\"bootstrap\":\"certificate\","                 \
    "\"mef\":\"mef.example.com\"}]}"
#define JSON "Content-Type: application/json\r\n"

static struct fr_err err;
static char request[1024];

static bool answer(void *state, struct fr_slice sent, struct fr_buf *reply)
{
    snprintf(request, sizeof request, "%.*s", (int)sent.len, (const char *)sent.data);
    fr_buf_str(reply, state);
    return false;
}

static enum fr_code run_with(const char *resource, const char *reply,
                             struct fr_drive *d)
{
    fr_drive_init(d);
    d->discovery = &fr_discovery_https;
    d->in.resource = (char *)resource;
    d->peer = (struct fr_drive_peer){(void *)reply, answer};
    return fr_drive_run(d, &err);
}

static void assert_answer(const char *reply, enum fr_code code, const char *reason,
                          int64_t retry_after_ms)
{
    struct fr_drive d;

    assert_fails_as(run_with("https://boot.example.com/", reply, &d), code, reason);
    assert_int_equal(d.discovery->retry_after_ms(d.search), retry_after_ms);
    fr_drive_clear(&d);
}

static void root_means_the_well_known_path(void **state)
{
    struct fr_drive d;

    (void)state;
    assert_ok(run_with("https://boot.example.com",
                       "HTTP/1.0 200 OK\r\n" JSON "\r\n" LIST, &d));
    assert_string_equal(request,
                        "GET /.well-known/fieldroot/instructions HTTP/1.1\r\n"
                        "Host: boot.example.com\r\nAccept: application/json\r\n"
                        "Connection: close\r\n\r\n");
    assert_int_equal(d.connect.role, FR_ROLE_DISCOVERY);
    assert_string_equal(d.connect.host, "boot.example.com");
    assert_int_equal(d.connect.port, 443);
    assert_false(d.connect.export_keys);
    fr_drive_clear(&d);
}

static void port_and_query_are_kept(void **state)
{
    struct fr_drive d;

    (void)state;
    assert_ok(run_with("https://boot.example.com:8444/l?x=1",
                       "HTTP/1.1 200 OK\r\n" JSON "\r\n" LIST, &d));
    assert_contains(request, "GET /l?x=1 HTTP/1.1\r\nHost: boot.example.com:8444\r\n");
    assert_int_equal(d.connect.port, 8444);
    fr_drive_clear(&d);
}

static void connection_is_closed_by_us_if_not_by_the_peer(void **state)
{
    FR_AUTO_CLEAR(buf) reply = FR_BUF_INIT(4096);
    struct fr_drive d;

    (void)state;
    fr_buf_fmt(&reply,
               "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
               "Content-Length: %zu\r\n\r\n" LIST,
               strlen(LIST));
    assert_ok(run_with("https://boot.example.com/", fr_buf_cstr(&reply), &d));
    assert_string_equal(d.log, " connect send close done");
    fr_drive_clear(&d);
}

static void other_uris_are_refused(void **state)
{
    struct fr_drive d;

    (void)state;
    assert_fails_as(run_with("http://boot.example.com/", "", &d), FR_EINVALID,
                    "resource-uri");
    fr_drive_clear(&d);
}

static void statuses_have_their_classes(void **state)
{
    (void)state;
    assert_answer("HTTP/1.1 401 No\r\n\r\n", FR_EREFUSED, "http-401", -1);
    assert_answer("HTTP/1.1 403 No\r\n\r\n", FR_EREFUSED, "http-403", -1);
    assert_answer("HTTP/1.1 404 No\r\n\r\n", FR_EINVALID, "no-instructions", -1);
    assert_answer("HTTP/1.1 302 Go\r\nLocation: https://evil.example/\r\n\r\n",
                  FR_EINVALID, "http-302", -1);
    assert_answer("HTTP/1.1 410 Gone\r\n\r\n", FR_EINVALID, "http-410", -1);
    assert_answer("HTTP/1.1 503 Busy\r\nRetry-After: 30\r\n\r\n", FR_EUNREACHABLE,
                  "http-503", 30000);
}

static void success_without_a_document_is_invalid(void **state)
{
    (void)state;
    assert_answer("HTTP/1.1 204 No Content\r\n\r\n", FR_EINVALID, "discovery-answer",
                  -1);
    assert_answer("HTTP/1.1 200 OK\r\n\r\n" LIST, FR_EINVALID, "discovery-answer", -1);
    assert_answer("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" LIST,
                  FR_EINVALID, "discovery-answer", -1);
    assert_answer("HTTP/1.1 200 OK\r\nContent-Type: application/jsonx\r\n\r\n" LIST,
                  FR_EINVALID, "discovery-answer", -1);
}

static void broken_answers_have_their_class(void **state)
{
    (void)state;
    assert_answer("", FR_EUNREACHABLE, "connection-cut", -1);
    assert_answer("HTTP/1.1 200 OK\r\n" JSON "Content-Length: 999\r\n\r\n" LIST,
                  FR_EUNREACHABLE, "connection-cut", -1);
    assert_answer("HTTP/1.1 200 OK\r\n" JSON "Content-Length: 262145\r\n\r\n",
                  FR_EINVALID, "http-too-large", -1);
    assert_answer("220 mail.example.com ESMTP\r\n", FR_EINVALID, "http-malformed", -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_means_the_well_known_path),
        cmocka_unit_test(port_and_query_are_kept),
        cmocka_unit_test(connection_is_closed_by_us_if_not_by_the_peer),
        cmocka_unit_test(other_uris_are_refused),
        cmocka_unit_test(statuses_have_their_classes),
        cmocka_unit_test(success_without_a_document_is_invalid),
        cmocka_unit_test(broken_answers_have_their_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
