/* SPDX-License-Identifier: Apache-2.0 */
/* After the flip nothing fails any more; and what a start with a pending slot does. */
#include <stdlib.h>

#include "bootstrap/exchange.h"
#include "mef.h"
#include "test.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

static struct fr_err err;

/* ---- after the flip ---- */

static void commands_are_answered_with_class_not_supported(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.n_commands = 3;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->mef.count[MEF_COMMAND], 1);
    assert_int_equal(f->mef.count[MEF_UPDATE], 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f->mef.reported[i], FR_CMD_CLASS_NOT_SUPPORTED);
    assert_int_equal(f->d.n_warnings, 0);
}

static void repeated_command_is_told_to_be_one(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.n_commands = 2;
    f->mef.same_id = true;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->mef.reported[0], FR_CMD_CLASS_NOT_SUPPORTED);
    assert_int_equal(f->mef.reported[1], FR_CMD_REPEATED);
}

static void endless_commands_end_with_a_warning(void **state)
{
    struct mef_fixture *f = *state;

    f->mef.n_commands = 1000;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->mef.count[MEF_UPDATE], FR_EXCHANGE_COMMANDS_MAX);
    assert_int_equal(f->d.n_warnings, 1);
    assert_contains(f->d.warning, "commands");
}

static void failures_after_the_flip_are_warnings(void **state)
{
    static const char *const raws[] = {
        "HTTP/1.1 403 Forbidden\r\nX-M2M-RSC: 4103\r\n" MEF_EMPTY,
        "HTTP/1.1 503 Busy\r\n" MEF_EMPTY, "garbage\r\n",
        "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 204 No Content\r\n\r\nmore"};

    (void)state;
    for (size_t i = 0; i < N(raws); i++) {
        struct mef_fixture *f;
        FR_AUTO(credential) *c = NULL;

        mef_fixture_begin((void **)&f);
        f->mef.raw[MEF_COMMAND] = raws[i];
        assert_ok(fr_drive_run(&f->d, &err));
        assert_int_equal(f->d.n_warnings, 1);
        assert_int_equal(f->d.phase, FR_PHASE_COMMIT);
        assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
        assert_true(c->confirmed);
        mef_fixture_end((void **)&f);
    }
}

static enum fr_code give_records(void *ctx, struct fr_buf *to, struct fr_err *e)
{
    const char *text = ctx;

    if (!text)
        return FR_FAIL(e, FR_ESTORE, "records are unreadable");
    fr_buf_str(to, text);
    return FR_OK;
}

static void records_are_uploaded_at_the_end(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.records = give_records;
    f->d.ctx.ctx = (void *)"[{\"list\":\"1\"}]";
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->mef.count[MEF_REPORT], 1);
    assert_string_equal(fr_buf_cstr(&f->mef.body[MEF_REPORT]), "[{\"list\":\"1\"}]");
    assert_int_equal(f->d.n_warnings, 0);
}

static void mef_without_upload_is_fine(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.records = give_records;
    f->d.ctx.ctx = (void *)"[]";
    f->mef.raw[MEF_REPORT] = "HTTP/1.1 404 Not Found\r\n" MEF_EMPTY;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->d.n_warnings, 0);
}

static void failed_upload_is_a_warning(void **state)
{
    struct mef_fixture *f = *state;

    f->d.ctx.records = give_records;
    f->d.ctx.ctx = (void *)"[]";
    f->mef.raw[MEF_REPORT] = "HTTP/1.1 413 Too Large\r\n" MEF_EMPTY;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->d.n_warnings, 1);
}

static void unreadable_or_too_many_records_are_a_warning(void **state)
{
    struct mef_fixture *f = *state;
    FR_AUTO_CLEAR(buf) large = FR_BUF_INIT((size_t)2 * FR_MMEF_BODY_MAX);

    f->d.ctx.records = give_records;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->d.n_warnings, 1);
    assert_int_equal(f->mef.count[MEF_REPORT], 0);
    mef_fixture_end(state);

    mef_fixture_begin(state);
    f = *state;
    for (int i = 0; i <= FR_MMEF_BODY_MAX; i++)
        fr_buf_u8(&large, '1');
    f->d.ctx.records = give_records;
    f->d.ctx.ctx = (void *)fr_buf_cstr(&large);
    assert_ok(fr_drive_run(&f->d, &err));
    assert_int_equal(f->d.n_warnings, 1);
    assert_int_equal(f->mef.count[MEF_REPORT], 0);
}

/* ---- resolve ---- */

/* Enrols, and starts again with what that left in the pending slot. */
static void begin_resolve(struct mef_fixture *f)
{
    assert_ok(fr_drive_run(&f->d, &err));
    assert_ok(fr_credential_copy(f->d.stored, &f->pending, &err));
    fr_drive_clear(&f->d);
    mef_end(&f->mef);
    fr_drive_init(&f->d);
    f->d.bootstrap = &fr_bootstrap_certificate;
    f->d.pending = f->pending;
    mef_begin(&f->mef, &f->d);
}

static void resolve_asks_flips_registers_and_acknowledges(void **state)
{
    struct mef_fixture *f = *state;
    FR_AUTO(credential) *c = NULL;

    begin_resolve(f);
    free(f->pending->client_registration);
    f->pending->client_registration = NULL;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_string_equal(f->d.log, " connect send flip send send close done");
    assert_string_equal(f->mef.path[MEF_LOOKUP], "/mefbase/" MEF_RI);
    assert_int_equal(f->mef.count[MEF_KEY_REG] + f->mef.count[MEF_CONFIRM], 0);
    assert_int_equal(f->mef.count[MEF_COMMAND], 1);
    assert_ok(f->d.bootstrap->finish(f->d.run, &c, &err));
    assert_string_equal(c->client_registration, "/mefbase/client-1");
}

static void resolve_drops_only_by_the_mefs_own_not_found(void **state)
{
    struct mef_fixture *f = *state;

    begin_resolve(f);
    f->mef.raw[MEF_LOOKUP] = "HTTP/1.1 404 Not Found\r\n" MEF_EMPTY;
    assert_fails_as(fr_drive_run(&f->d, &err), FR_EINVALID, "http-404");
    assert_null(strstr(f->d.log, " drop"));
}

static void resolve_keeps_the_slot_when_it_is_told_anything_else(void **state)
{
    static const struct {
        const char *head, *body;
        enum fr_code code;
        const char *reason;
    } rows[] = {{"403 Forbidden\r\nX-M2M-RSC: 4103\r\n",
                 "{\"reason\":\"not-enrolled\"}", FR_EREFUSED, "not-enrolled"},
                {"503 Busy\r\n", "", FR_EUNREACHABLE, "http-503"},
                {"200 OK\r\nX-M2M-RSC: 2000\r\n", "{}", FR_EINVALID, "mmef-malformed"},
                {"200 OK\r\nX-M2M-RSC: 2000\r\n",
                 "{\"mkr\":{\"ri\":\"00000000000000000000000000000000\","
                 "\"et\":\"20280101T000000\",\"suid\":22}}",
                 FR_EINVALID, "processing-failed"}};

    (void)state;
    for (size_t i = 0; i < N(rows); i++) {
        struct mef_fixture *f;

        mef_fixture_begin((void **)&f);
        begin_resolve(f);
        f->mef.raw[MEF_LOOKUP] = mef_http(rows[i].head, rows[i].body);
        assert_fails_as(fr_drive_run(&f->d, &err), rows[i].code, rows[i].reason);
        assert_string_equal(f->d.log, " connect send");
        mef_fixture_end((void **)&f);
    }
}

static void resolve_without_a_new_client_registration_is_a_warning(void **state)
{
    struct mef_fixture *f = *state;

    begin_resolve(f);
    f->mef.raw[MEF_CLIENT_REG] = "HTTP/1.1 503 Busy\r\n" MEF_EMPTY;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_true(f->d.flipped);
    assert_int_equal(f->d.n_warnings, 1);
}

static void resolve_goes_to_the_mef_of_the_pending_slot(void **state)
{
    struct mef_fixture *f = *state;

    begin_resolve(f);
    f->d.in.mef = (char *)"elsewhere.example.com";
    f->d.in.port = 1;
    assert_ok(fr_drive_run(&f->d, &err));
    assert_string_equal(f->d.connect.host, "mef.example.com");
    assert_int_equal(f->d.connect.port, 8443);
}

#define T(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, mef_fixture_begin, mef_fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(commands_are_answered_with_class_not_supported),
        T(repeated_command_is_told_to_be_one),
        T(endless_commands_end_with_a_warning),
        cmocka_unit_test(failures_after_the_flip_are_warnings),
        T(records_are_uploaded_at_the_end),
        T(mef_without_upload_is_fine),
        T(failed_upload_is_a_warning),
        T(unreadable_or_too_many_records_are_a_warning),
        T(resolve_asks_flips_registers_and_acknowledges),
        T(resolve_drops_only_by_the_mefs_own_not_found),
        cmocka_unit_test(resolve_keeps_the_slot_when_it_is_told_anything_else),
        T(resolve_without_a_new_client_registration_is_a_warning),
        T(resolve_goes_to_the_mef_of_the_pending_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
