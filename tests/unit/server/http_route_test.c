/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "server/http/route.h"

static void one(struct fr_exchange *x)
{
    (void)x;
}

static void two(struct fr_exchange *x)
{
    (void)x;
}

static const struct fr_route routes[] = {
    {"POST", "", one},       {"GET", "/{}", one},          {"DELETE", "/{}", two},
    {"GET", "/{}/cmd", two}, {"GET", "/fetch/{}/{}", one}, {.method = NULL},
};

static struct fr_route_match m;
static struct fr_err err;

static enum fr_code find(const char *method, const char *path)
{
    return fr_route_find(routes, "/base", method, path, &m, &err);
}

static void a_path_and_a_method_find_their_handler(void **state)
{
    (void)state;
    assert_ok(find("POST", "/base"));
    assert_ptr_equal(m.route, &routes[0]);
    assert_ok(find("DELETE", "/base/x1"));
    assert_ptr_equal(m.route, &routes[2]);
    assert_string_equal(m.param[0], "x1");
    assert_ok(find("GET", "/base/x1/cmd"));
    assert_ptr_equal(m.route, &routes[3]);
}

static void parameters_are_decoded_after_the_split(void **state)
{
    (void)state;
    assert_ok(find("GET", "/base/fetch/AB%40mef.example.com/22"));
    assert_string_equal(m.param[0], "AB@mef.example.com");
    assert_string_equal(m.param[1], "22");
    assert_ok(find("GET", "/base/a%2Fcmd"));
    assert_string_equal(m.param[0], "a/cmd");
}

static void an_unknown_path_is_not_found(void **state)
{
    static const char *const paths[] = {"/",      "/bas",           "/basement",
                                        "/base/", "/base//cmd",     "/base/x/y",
                                        "/BASE",  "/base/x/cmd/",   "/base/x/cmd/y",
                                        "",       "/base/fetch/x/", "/other"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_fails_as(find("GET", paths[i]), FR_ENOTFOUND, "no-such-path");
}

static void a_known_path_with_another_method_says_which_are_allowed(void **state)
{
    (void)state;
    assert_fails_as(find("PUT", "/base/x"), FR_EUNSUPPORTED, "method-not-allowed");
    assert_string_equal(m.allow, "GET, DELETE");
    assert_null(m.route);
}

static void bad_escapes_are_refused(void **state)
{
    (void)state;
    assert_fails(find("GET", "/base/%"), FR_EPARSE);
    assert_fails(find("GET", "/base/%4"), FR_EPARSE);
    assert_fails(find("GET", "/base/%zz"), FR_EPARSE);
    assert_fails(find("GET", "/base/%00"), FR_EPARSE);
    assert_fails(find("GET", "/base/%ff"), FR_ENOTFOUND); /* no UTF-8: no name */
}

static void a_segment_that_is_no_identifier_matches_nothing(void **state)
{
    char path[400] = "/base/";

    (void)state;
    memset(path + 6, 'a', FR_ID_MAX);
    assert_ok(find("GET", path));
    path[6 + FR_ID_MAX] = 'a';
    assert_fails(find("GET", path), FR_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_and_a_method_find_their_handler),
        cmocka_unit_test(parameters_are_decoded_after_the_split),
        cmocka_unit_test(an_unknown_path_is_not_found),
        cmocka_unit_test(a_known_path_with_another_method_says_which_are_allowed),
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(a_segment_that_is_no_identifier_matches_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
