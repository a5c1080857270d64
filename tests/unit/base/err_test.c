/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "test.h"

static enum fr_code inner(struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EREFUSED, "not-listed", "%s is not listed", "dev-1");
}

static enum fr_code through_try(int *went_on, struct fr_err *err)
{
    FR_TRY(inner(err));
    *went_on = 1;
    return FR_OK;
}

static void failure_carries_code_reason_words_and_place(void **state)
{
    struct fr_err err = {0};

    (void)state;
    assert_fails_as(inner(&err), FR_EREFUSED, "not-listed");
    assert_int_equal(err.code, FR_EREFUSED);
    assert_string_equal(err.msg, "dev-1 is not listed");
    assert_contains(err.where, "err_test.c:8");
}

static void reason_is_the_codes_name_if_none_is_given(void **state)
{
    struct fr_err err = {0};

    (void)state;
    assert_fails_as(FR_FAIL(&err, FR_ESTORE, "disk full"), FR_ESTORE, "store");
}

static void try_returns_at_the_first_failure(void **state)
{
    struct fr_err err = {0};
    int went_on = 0;

    (void)state;
    assert_int_equal(through_try(&went_on, &err), FR_EREFUSED);
    assert_int_equal(went_on, 0);
}

static void nobody_has_to_want_the_words(void **state)
{
    (void)state;
    assert_int_equal(inner(NULL), FR_EREFUSED);
    assert_int_equal(fr_err_wrap(NULL, FR_EREFUSED, "asking"), FR_EREFUSED);
}

static void context_goes_in_front_and_keeps_the_rest(void **state)
{
    struct fr_err err = {0};
    enum fr_code rc = inner(&err);

    (void)state;
    assert_int_equal(fr_err_wrap(&err, rc, "asking %s", "mef"), FR_EREFUSED);
    assert_string_equal(err.msg, "asking mef: dev-1 is not listed");
    assert_string_equal(err.reason, "not-listed");
    assert_contains(err.where, "err_test.c:8");
}

static void success_is_not_wrapped(void **state)
{
    struct fr_err err = {0};

    (void)state;
    assert_int_equal(fr_err_wrap(&err, FR_OK, "asking"), FR_OK);
    assert_string_equal(err.msg, "");
}

static void overlong_words_are_cut(void **state)
{
    struct fr_err err = {0};
    char words[2 * FR_ERR_MSG_MAX];

    (void)state;
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = 0;
    (void)FR_FAIL_AS(&err, FR_EPARSE, words, "%s", words);
    assert_int_equal(strlen(err.msg), FR_ERR_MSG_MAX - 1);
    assert_int_equal(strlen(err.reason), FR_ERR_REASON_MAX - 1);
    (void)fr_err_wrap(&err, FR_EPARSE, "%s", words);
    assert_int_equal(strlen(err.msg), FR_ERR_MSG_MAX - 1);
}

static void cleared_error_is_empty(void **state)
{
    struct fr_err err = {0};

    (void)state;
    (void)inner(&err);
    fr_err_clear(&err);
    assert_int_equal(err.code, FR_OK);
    assert_string_equal(err.msg, "");
    assert_string_equal(err.reason, "");
}

/* The contract of DESIGN 4, written out. */
static void exit_statuses_are_those_of_the_contract(void **state)
{
    (void)state;
    assert_int_equal(fr_code_exit(FR_OK), 0);
    assert_int_equal(fr_code_exit(FR_EUSAGE), 64);
    assert_int_equal(fr_code_exit(FR_EPARSE), 65);
    assert_int_equal(fr_code_exit(FR_ECONFIG), 65);
    assert_int_equal(fr_code_exit(FR_EUNREACHABLE), 69);
    assert_int_equal(fr_code_exit(FR_EINTERNAL), 70);
    assert_int_equal(fr_code_exit(FR_ESTORE), 73);
    assert_int_equal(fr_code_exit(FR_EINTERRUPTED), 75);
    assert_int_equal(fr_code_exit(FR_EBUSY), 75);
    assert_int_equal(fr_code_exit(FR_EINVALID), 76);
    assert_int_equal(fr_code_exit(FR_EREFUSED), 77);
    assert_int_equal(fr_code_exit(FR_EUNSUPPORTED), 78);
}

static void refusal_is_reported_as_403_and_4103(void **state)
{
    (void)state;
    assert_int_equal(fr_code_http(FR_EREFUSED), 403);
    assert_int_equal(fr_code_rsc(FR_EREFUSED), 4103);
    assert_int_equal(fr_code_http(FR_ENOTFOUND), 404);
    assert_int_equal(fr_code_rsc(FR_ENOTFOUND), 4004);
}

static void names_read_back_and_unknown_ones_fall_back(void **state)
{
    (void)state;
    for (int c = FR_OK; c <= FR_EINTERNAL; c++)
        assert_int_equal(fr_code_by_name(fr_code_name((enum fr_code)c), FR_EINTERNAL),
                         c);
    assert_int_equal(fr_code_by_name("nonsense", FR_EBUSY), FR_EBUSY);
}

static void number_that_is_no_code_counts_as_internal(void **state)
{
    (void)state;
    assert_string_equal(fr_code_name((enum fr_code)1000), "internal");
    assert_int_equal(fr_code_exit((enum fr_code) - 1), 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_carries_code_reason_words_and_place),
        cmocka_unit_test(reason_is_the_codes_name_if_none_is_given),
        cmocka_unit_test(try_returns_at_the_first_failure),
        cmocka_unit_test(nobody_has_to_want_the_words),
        cmocka_unit_test(context_goes_in_front_and_keeps_the_rest),
        cmocka_unit_test(success_is_not_wrapped),
        cmocka_unit_test(overlong_words_are_cut),
        cmocka_unit_test(cleared_error_is_empty),
        cmocka_unit_test(exit_statuses_are_those_of_the_contract),
        cmocka_unit_test(refusal_is_reported_as_403_and_4103),
        cmocka_unit_test(names_read_back_and_unknown_ones_fall_back),
        cmocka_unit_test(number_that_is_no_code_counts_as_internal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
