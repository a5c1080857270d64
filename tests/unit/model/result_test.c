/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/result.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void every_class_has_its_name_retry_and_exit_status(void **state)
{
    static const struct {
        enum fr_class class;
        const char *name;
        bool retries;
        int exit;
    } rows[] = {
        {FR_CLASS_PROVISIONED, "provisioned", false, 0},
        {FR_CLASS_UNSUPPORTED, "unsupported", false, 78},
        {FR_CLASS_INVALID, "invalid", false, 76},
        {FR_CLASS_REFUSED, "refused", false, 77},
        {FR_CLASS_UNREACHABLE, "unreachable", true, 69},
        {FR_CLASS_INTERRUPTED, "interrupted", false, 75},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum fr_class found;

        assert_string_equal(fr_class_name(rows[i].class), rows[i].name);
        assert_int_equal(fr_class_retries(rows[i].class), rows[i].retries);
        assert_int_equal(fr_class_exit(rows[i].class), rows[i].exit);
        assert_true(fr_class_by_name(rows[i].name, &found));
        assert_int_equal(found, rows[i].class);
    }
}

static void every_phase_is_found_by_its_name(void **state)
{
    (void)state;
    for (int p = FR_PHASE_TRIGGER; p <= FR_PHASE_DONE; p++) {
        enum fr_phase found;

        assert_true(fr_phase_by_name(fr_phase_name((enum fr_phase)p), &found));
        assert_int_equal(found, p);
    }
}

static void unknown_names_are_not_found(void **state)
{
    enum fr_class c = FR_CLASS_REFUSED;
    enum fr_phase p = FR_PHASE_COMMIT;

    (void)state;
    assert_false(fr_class_by_name("Refused", &c));
    assert_false(fr_phase_by_name("", &p));
    assert_int_equal(c, FR_CLASS_REFUSED);
    assert_int_equal(p, FR_PHASE_COMMIT);
}

static void every_code_has_a_class_and_an_exit_status(void **state)
{
    static const struct {
        enum fr_code code;
        enum fr_class class;
        int exit;
    } rows[] = {
        {FR_OK, FR_CLASS_PROVISIONED, 0},
        {FR_EPARSE, FR_CLASS_INVALID, 0},
        {FR_EINVALID, FR_CLASS_INVALID, 0},
        {FR_ELIMIT, FR_CLASS_INVALID, 0},
        {FR_ENOTFOUND, FR_CLASS_INVALID, 0},
        {FR_EREFUSED, FR_CLASS_REFUSED, 0},
        {FR_EUNSUPPORTED, FR_CLASS_UNSUPPORTED, 0},
        {FR_EUSAGE, FR_CLASS_UNSUPPORTED, 0},
        {FR_ECONFIG, FR_CLASS_UNSUPPORTED, 0},
        {FR_EUNREACHABLE, FR_CLASS_UNREACHABLE, 0},
        {FR_EBUSY, FR_CLASS_UNREACHABLE, 0},
        {FR_ECONFLICT, FR_CLASS_UNREACHABLE, 0},
        {FR_ESTORE, FR_CLASS_INTERRUPTED, 73},
        {FR_EINTERRUPTED, FR_CLASS_INTERRUPTED, 75},
        {FR_ENOMEM, FR_CLASS_INTERRUPTED, 70},
        {FR_EINTERNAL, FR_CLASS_INTERRUPTED, 70},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fr_err err = {.code = rows[i].code, .reason = "why", .msg = "words"};
        struct fr_result r = fr_result_of_err(&err, FR_PHASE_REGISTER);

        assert_int_equal(r.class, rows[i].class);
        assert_int_equal(r.fr_exit, rows[i].exit);
        assert_int_equal(r.phase, FR_PHASE_REGISTER);
        assert_int_equal(r.retry_after_ms, -1);
        assert_string_equal(r.reason, "why");
        assert_string_equal(r.text, "words");
    }
}

static bool is_one_of(int n, const int *list, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (list[i] == n)
            return true;
    return false;
}

/* DESIGN 3: every alert that there can be. */
static void each_tls_alert_has_the_class_of_the_design(void **state)
{
    static const int unsupported[] = {40, 70, 71};
    static const int refused[] = {42, 43, 44, 45, 46, 48, 49, 51, 115, 116};

    (void)state;
    for (int alert = -1; alert <= 256; alert++) {
        enum fr_code want =
            is_one_of(alert, unsupported, COUNT(unsupported)) ? FR_EUNSUPPORTED
            : is_one_of(alert, refused, COUNT(refused))       ? FR_EREFUSED
                                                              : FR_EUNREACHABLE;
        char reason[32];
        struct fr_err err = {0};

        snprintf(reason, sizeof reason, "tls-alert-%d", alert);
        assert_fails_as(fr_alert_fail(alert, "mef.example.com", &err), want, reason);
        assert_contains(err.msg, "mef.example.com");
    }
}

/* Names of the IANA registry "TLS Alerts". */
static void an_alert_is_named_in_the_message(void **state)
{
    static const struct {
        int alert;
        const char *name;
    } rows[] = {
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {22, "record_overflow"},
        {40, "handshake_failure"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {109, "missing_extension"},
        {110, "unsupported_extension"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
        {200, "no known name"},
    };
    struct fr_err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_not_equal(fr_alert_fail(rows[i].alert, "peer", &err), FR_OK);
        assert_contains(err.msg, rows[i].name);
    }
}

static void each_response_status_has_the_class_of_the_design(void **state)
{
    static const struct {
        int rsc;
        enum fr_code code;
    } rows[] = {
        {4000, FR_EINVALID},     {4004, FR_EINVALID},     {4099, FR_EINVALID},
        {4100, FR_EREFUSED},     {4103, FR_EREFUSED},     {4104, FR_EREFUSED},
        {4105, FR_EUNREACHABLE}, {4106, FR_EREFUSED},     {4199, FR_EREFUSED},
        {4200, FR_EINVALID},     {5000, FR_EUNREACHABLE}, {5001, FR_EUNREACHABLE},
        {5999, FR_EUNREACHABLE}, {6000, FR_EINVALID},     {1000, FR_EINVALID},
        {1999, FR_EINVALID},     {3000, FR_EINVALID},     {0, FR_EINVALID},
        {-1, FR_EINVALID},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fr_err err = {0};
        char reason[32];

        snprintf(reason, sizeof reason, "rsc-%d", rows[i].rsc);
        assert_fails_as(fr_rsc_check(rows[i].rsc, fr_slice_str(""), "asking", &err),
                        rows[i].code, reason);
    }
}

static void a_2xxx_status_is_success(void **state)
{
    struct fr_err err = {0};

    (void)state;
    assert_ok(fr_rsc_check(2000, fr_slice_str(""), "asking", &err));
    assert_ok(fr_rsc_check(2001, fr_slice_str("created"), "asking", &err));
    assert_ok(fr_rsc_check(2999, fr_slice_str(""), "asking", &err));
}

static void the_peers_words_are_quoted_and_harmless(void **state)
{
    struct fr_err err = {0};

    (void)state;
    assert_fails(
        fr_rsc_check(4103, fr_slice_str("no\x1b[2J way"), "creating symmKeyReg", &err),
        FR_EREFUSED);
    assert_string_equal(err.msg, "creating symmKeyReg: the peer answered 4103 "
                                 "\"no\\x1b[2J way\"");
}

static void endless_words_of_a_peer_are_cut(void **state)
{
    static char endless[100000];
    struct fr_err err = {0};

    (void)state;
    memset(endless, 'x', sizeof endless);
    assert_fails(
        fr_rsc_check(5000, fr_slice_of(endless, sizeof endless), "asking", &err),
        FR_EUNREACHABLE);
    assert_true(strlen(err.msg) < 400);
    assert_int_equal(err.msg[strlen(err.msg) - 1], '"');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_its_name_retry_and_exit_status),
        cmocka_unit_test(every_phase_is_found_by_its_name),
        cmocka_unit_test(unknown_names_are_not_found),
        cmocka_unit_test(every_code_has_a_class_and_an_exit_status),
        cmocka_unit_test(each_tls_alert_has_the_class_of_the_design),
        cmocka_unit_test(an_alert_is_named_in_the_message),
        cmocka_unit_test(each_response_status_has_the_class_of_the_design),
        cmocka_unit_test(a_2xxx_status_is_success),
        cmocka_unit_test(the_peers_words_are_quoted_and_harmless),
        cmocka_unit_test(endless_words_of_a_peer_are_cut),
    };

    return cmocka_run_group_tests_name("model/result", tests, NULL, NULL);
}
