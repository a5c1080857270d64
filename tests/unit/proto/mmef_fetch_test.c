/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "base/secret.h"
#include "proto/mmef.h"

#define N(a) (sizeof(a) / sizeof(a)[0])
#define T    1800000000 /* 20270115T080000 */

static struct fr_err err;

static void fetched_key_survives_the_way_there_and_back(void **state)
{
    struct fr_mmef_fetched f = {.status = true, .enrolee = "dev \"1\"", .expires = T};
    struct fr_mmef_fetched back = {0};
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT_WIPE(4096);

    (void)state;
    assert_ok(
        fr_secret_from("0123456789abcdef0123456789abcdef", 32, &f.credential, &err));
    assert_ok(fr_mmef_fetched_encode(&f, &b, &err));
    assert_string_equal(fr_buf_cstr(&b),
                        "{\"status\":true,\"credential\":"
                        "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\","
                        "\"enroleeID\":\"dev \\\"1\\\"\","
                        "\"lifetime\":\"20270115T080000\"}");
    assert_ok(fr_mmef_fetched_decode(fr_buf_view(&b), &back, &err));
    assert_true(back.status);
    assert_true(fr_secret_equal(f.credential, back.credential));
    assert_string_equal(back.enrolee, f.enrolee);
    assert_int_equal(back.expires, T);
    fr_mmef_fetched_clear(&f);
    fr_mmef_fetched_clear(&back);
}

static void refused_fetch_says_why_and_has_no_key(void **state)
{
    struct fr_mmef_fetched f = {.status = false, .error = "not yours"}, back;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT_WIPE(4096);

    (void)state;
    assert_ok(fr_mmef_fetched_encode(&f, &b, &err));
    assert_string_equal(fr_buf_cstr(&b),
                        "{\"status\":false,\"errorString\":\"not yours\"}");
    assert_ok(fr_mmef_fetched_decode(fr_buf_view(&b), &back, &err));
    assert_false(back.status);
    assert_null(back.credential);
    assert_string_equal(back.error, "not yours");
}

#define FETCHED(rest) "{\"status\":true,\"lifetime\":\"20270115T080000\"," rest "}"

static void malformed_fetch_answers_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "{\"status\":\"true\"}",
        "{\"status\":true}",
        "{\"status\":true,\"credential\":\"MDEy\"}",
        "{\"status\":true,\"lifetime\":\"20270115T080000\"}",
        FETCHED("\"credential\":1"),
        FETCHED("\"credential\":\"\""),
        FETCHED("\"credential\":\"a\""),
        FETCHED("\"credential\":\"MDEy\",\"enroleeID\":1"),
        "{\"status\":true,\"lifetime\":\"tomorrow\",\"credential\":\"MDEy\"}",
        "{\"status\":false,\"errorString\":1}"};
    struct fr_mmef_fetched f = {0};

    (void)state;
    for (size_t i = 0; i < N(texts); i++)
        assert_fails_as(fr_mmef_fetched_decode(fr_slice_str(texts[i]), &f, &err),
                        FR_EINVALID, "mmef-malformed");
    assert_null(f.credential);
}

static void message_about_a_bad_key_does_not_show_it(void **state)
{
    struct fr_mmef_fetched f;

    (void)state;
    assert_fails(fr_mmef_fetched_decode(
                     fr_slice_str("{\"status\":true,\"lifetime\":\"20270115T080000\","
                                  "\"credential\":\"c2VjcmV0IQ\"}"),
                     &f, &err),
                 FR_EINVALID);
    assert_null(strstr(err.msg, "c2Vj"));
}

#define KEYID_1 "C1AEC59A313D1341C3D91E1FEE552FF2@mef.example.com"

static void changes_survive_the_way_there_and_back(void **state)
{
    struct fr_mmef_change list[] = {
        {7, FR_CHANGE_ADDED, KEYID_1, 22, "dev1", T},
        {8, FR_CHANGE_RETIRED, KEYID_1, 22, "dev1", T + 1},
        {9, FR_CHANGE_REVOKED, KEYID_1, 21, "", T},
    };
    struct fr_mmef_changes c = {.cursor = 9, .reset = true, .list = list, .n = 3};
    struct fr_mmef_changes back;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(8192);

    (void)state;
    assert_ok(fr_mmef_changes_encode(&c, &b, &err));
    assert_contains(fr_buf_cstr(&b),
                    "{\"seq\":7,\"change\":\"added\",\"keyId\":\"" KEYID_1
                    "\",\"suid\":22,\"enroleeID\":\"dev1\","
                    "\"lifetime\":\"20270115T080000\"}");
    assert_ok(fr_mmef_changes_decode(fr_buf_view(&b), &back, &err));
    assert_int_equal(back.cursor, 9);
    assert_true(back.reset);
    assert_int_equal(back.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(&back.list[i], &list[i], sizeof list[i]);
    fr_mmef_changes_clear(&back);
}

static void fullest_answer_fits_its_limit(void **state)
{
    struct fr_mmef_change *list = calloc(FR_CHANGES_MAX + 1, sizeof *list);
    struct fr_mmef_changes c = {.cursor = 1, .list = list, .n = FR_CHANGES_MAX}, back;
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(FR_CHANGES_BODY_MAX);

    (void)state;
    for (size_t i = 0; i < FR_CHANGES_MAX; i++) {
        list[i] = (struct fr_mmef_change){
            .seq = INT64_MAX, .kind = FR_CHANGE_RETIRED, .suid = 22, .expires = T};
        memset(list[i].enrolee, 'e', FR_ID_MAX);
        snprintf(list[i].key_id, sizeof list[i].key_id,
                 "C1AEC59A313D1341C3D91E1FEE552FF2@%063d.%063d.%063d.%028d.a", 0, 0, 0,
                 0);
    }
    assert_ok(fr_mmef_changes_encode(&c, &b, &err));
    assert_ok(fr_mmef_changes_decode(fr_buf_view(&b), &back, &err));
    assert_int_equal(back.n, FR_CHANGES_MAX);
    fr_mmef_changes_clear(&back);
    c.n++;
    assert_fails(fr_mmef_changes_encode(&c, &b, &err), FR_EINTERNAL);
    free(list);
}

#define CHANGE(members) "{\"cursor\":1,\"changes\":[{" members "}]}"

static void malformed_changes_are_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"cursor\":1}",
        "{\"changes\":[]}",
        "{\"cursor\":-1,\"changes\":[]}",
        "{\"cursor\":1,\"changes\":{}}",
        "{\"cursor\":1,\"changes\":[1]}",
        "{\"cursor\":1,\"reset\":1,\"changes\":[]}",
        CHANGE("\"change\":\"added\",\"suid\":22"),
        CHANGE("\"change\":\"x\",\"keyId\":\"" KEYID_1 "\",\"suid\":22"),
        CHANGE("\"change\":\"added\",\"keyId\":\"" KEYID_1 "\",\"suid\":1"),
        CHANGE("\"change\":\"added\",\"keyId\":\"C1@mef\",\"suid\":22")};
    struct fr_mmef_changes c = {0};

    (void)state;
    for (size_t i = 0; i < N(texts); i++)
        assert_fails_as(fr_mmef_changes_decode(fr_slice_str(texts[i]), &c, &err),
                        FR_EINVALID, "mmef-malformed");
    assert_null(c.list);
}

static void too_many_changes_are_refused(void **state)
{
    FR_AUTO_CLEAR(buf) b = FR_BUF_INIT(8192);
    struct fr_mmef_changes c;

    (void)state;
    fr_buf_str(&b, "{\"cursor\":1,\"changes\":[{}");
    for (int i = 0; i < FR_CHANGES_MAX; i++)
        fr_buf_str(&b, ",{}");
    fr_buf_str(&b, "]}");
    assert_fails(fr_mmef_changes_decode(fr_buf_view(&b), &c, &err), FR_EINVALID);
    assert_contains(err.msg, "too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetched_key_survives_the_way_there_and_back),
        cmocka_unit_test(refused_fetch_says_why_and_has_no_key),
        cmocka_unit_test(malformed_fetch_answers_are_refused),
        cmocka_unit_test(message_about_a_bad_key_does_not_show_it),
        cmocka_unit_test(changes_survive_the_way_there_and_back),
        cmocka_unit_test(fullest_answer_fits_its_limit),
        cmocka_unit_test(malformed_changes_are_refused),
        cmocka_unit_test(too_many_changes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
